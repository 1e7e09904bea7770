#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: debugger.py VMM GUEST      gdb on a stock kernel; prints TAP

Runs inside the test machine as an ordinary user. The kernel itself says where its variables are. The
test machine's processor is emulated and stops for no breakpoints (tests/control/test-gdb.py has those):
here it is held, stepped, read and written.
"""
import os
import re
import subprocess
import sys
import time

import vm

COMMAND = ("echo 0 >/proc/sys/kernel/kptr_restrict; grep -wE 'linux_banner|panic_timeout|saved_command_line' /proc/kallsyms;"
           " echo READS; n=0; while [ $n -lt 60 ]; do sleep 1; n=$((n+1)); echo BEAT $n $(cat /proc/sys/kernel/panic); done")


def gdb(socket, *commands):
    words = ["gdb", "-batch", "-nx", "-ex", "set architecture i386:x86-64", "-ex", f"target remote {socket}"]
    for command in commands:
        words += ["-ex", command]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr


def beats(machine):
    return len(re.findall(r"BEAT \d+", machine.text))


def beats_on(machine):
    """It goes on within a while."""
    before = beats(machine)
    end = time.monotonic() + 30
    while beats(machine) <= before and time.monotonic() < end:
        machine.read(0.5)
    return beats(machine) > before


def check(report, machine, socket):
    said = gdb(socket, "info threads", 'printf "rip %lx cr0 %lx\\n", $rip, $cr0', "stepi", "stepi", "detach")
    report.check("processor 1" in said and re.search(r"rip [0-9a-f]+ cr0 80000011", said),
                 "it waits at the kernel's first instruction, with two processors", said)
    machine.wait_for(r"READS", vm.BOOT_LIMIT)
    where = {name: int(address, 16) for address, name in re.findall(r"^([0-9a-f]{16}) \w (\w+)", machine.text, re.M)}
    report.check({"linux_banner", "panic_timeout"} <= set(where), "the kernel tells where its variables are", where)
    said = gdb(socket, "info threads", f'printf "%s", (char *){where["linux_banner"]:#x}',
               'printf "cr0 %lx cr4 %lx\\n", $cr0, $cr4', f'printf "panic %d\\n", *(int *){where["panic_timeout"]:#x}',
               f'set var *(int *){where["panic_timeout"]:#x} = 4711', 'printf "from %lx\\n", $rip', "stepi", "stepi", "stepi", "stepi",
               'printf "at %lx\\n", $rip', "thread 2", 'printf "other at %lx\\n", $rip',
               "print *(int *)0x123456789000", "detach")
    report.check("Linux version" in said, "it reads the kernel's memory by its virtual addresses", said)
    report.check(re.search(r"\* 1 +Thread 1 \(processor 0\)|\* 2 +Thread 2 \(processor 1\)", said),
                 "the processors are its threads", said)
    steps = re.findall(r"^(?:from|at) ([0-9a-f]+)$", said, re.M)
    report.check(len(steps) == 2 and steps[0] != steps[1], "it steps", said)
    report.check(re.search(r"other at [0-9a-f]{6,}", said), "it looks at the other processor", said)
    report.check("Cannot access memory at address 0x123456789000" in said, "no memory is no memory", said)
    report.check(beats_on(machine), "the guest goes on after it", machine.last_words())
    report.check(machine.wait_for(r"BEAT \d+ 4711", 30), "and sees what was written")
    said = gdb(socket, "continue &", "python import time; time.sleep(3)", "interrupt", "python time.sleep(1)", "detach")
    report.check(beats_on(machine), "it goes on after an interrupted “continue”", said)
    said = gdb(socket, "kill")
    report.check(machine.wait(30) == 0, "“kill” stops the machine", said)


def main(program, folder):
    report = vm.Report()
    guest = vm.Guest(folder)
    with vm.work_folder() as work:
        socket = os.path.join(work, "gdb.sock")
        params = f'{guest.cmdline_without_root()} nokaslr pci=noearly vitrine.run="{COMMAND}"'
        arguments = ["--gdb", f"unix:{socket}", "--cpus", "2", "--mem", "256", "--initrd", guest.path("initrd"),
                     "-p", params, "--serial", "type=stdout,hardware=serial,num=1,console=true", guest.path("vmlinux")]
        with vm.Machine(program, arguments) as machine:
            end = time.monotonic() + 30
            while "waits for gdb" not in machine.error_text() and time.monotonic() < end:
                time.sleep(0.1)
            try:
                check(report, machine, socket)
            except (vm.Timeout, vm.Ended, KeyError, subprocess.TimeoutExpired) as error:
                report.check(False, f"the guest: {error}", machine.error_text())
        report.check(not os.path.exists(socket), "the socket is gone")
        report.check(not vm.leftovers(), "nothing is left", vm.leftovers())
    return report.end()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
