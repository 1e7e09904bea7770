#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: debugger.py VMM GUEST      gdb on a stock kernel; prints TAP

Runs inside the test machine as an ordinary user. The kernel itself says where its functions and
variables are. QEMU's emulation of a virtualising processor stops for no breakpoints (7.2: int3 is taken
as a software interrupt, svm_helper.c writes DR7 without arming it), so there it is held, stepped, read and
written; breakpoints and watchpoints are tried where the processor is another: tests/dut/other-processor.
"""
import functools
import os
import re
import subprocess
import sys
import time

import vm

NAMES = "linux_banner|panic_timeout|panic_on_oops|proc_dointvec|proc_sys_open"
COMMAND = (f"echo 0 >/proc/sys/kernel/kptr_restrict; grep -wE '{NAMES}' /proc/kallsyms;"
           " echo READS; n=0; while [ $n -lt 300 ]; do sleep 1; n=$((n+1)); echo BEAT $n $(cat /proc/sys/kernel/panic);"
           " echo $((n%2)) >/proc/sys/kernel/panic_on_oops; done")


def run_gdb(kernel, socket, *commands):
    words = ["gdb", "-batch", "-nx", kernel, "-ex", f"target remote {socket}"]
    for command in commands:
        words += ["-ex", command]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    return done.stdout + done.stderr


def emulated():
    with open("/proc/cpuinfo", encoding="utf-8") as cpuinfo, open("/proc/cmdline", encoding="utf-8") as words:
        return "QEMU TCG" in cpuinfo.read() or "vitrine.dut" in words.read()


def beats(machine):
    return len(re.findall(r"BEAT \d+", machine.text))


def beats_on(machine):
    """It goes on within a while."""
    before = beats(machine)
    end = time.monotonic() + 30
    while beats(machine) <= before and time.monotonic() < end:
        machine.read(0.5)
    return beats(machine) > before


def check_points(report, machine, gdb, where):
    """Once a second the guest's shell reads /proc/sys/kernel/panic and changes panic_on_oops."""
    opened, shown, variable = (f'{where[name]:#x}' for name in ("proc_sys_open", "proc_dointvec", "panic_on_oops"))
    for kind in ("break", "hbreak"):
        said = gdb(f"{kind} *{opened}", "continue", 'printf "first %lx\\n", $rip', "stepi",
                   'printf "after %lx\\n", $rip', "continue", 'printf "second %lx\\n", $rip', "delete", "detach")
        hits = re.findall(r"^(first|after|second) ([0-9a-f]+)$", said, re.M)
        report.check([h[0] for h in hits] == ["first", "after", "second"] and
                     [int(h[1], 16) == where["proc_sys_open"] for h in hits] == [True, False, True],
                     f"“{kind}”: the kernel stops at a function, twice, and steps from it", said)
        report.check(beats_on(machine), f"“{kind}”: it goes on after it", machine.last_words())
    said = gdb(f"break *{opened}", f"hbreak *{shown}", "continue", 'printf "one %lx\\n", $rip', "continue",
               'printf "two %lx\\n", $rip', "info threads", "delete", "detach")
    report.check(f'one {where["proc_sys_open"]:x}' in said and f'two {where["proc_dointvec"]:x}' in said,
                 "a software and a hardware breakpoint, one after the other", said)
    said = gdb(f"watch *(int *){variable}", "continue", f'printf "now %d\\n", *(int *){variable}', "continue",
               "delete", "detach")
    values = re.findall(r"^Old value = ([01])\nNew value = ([01])$", said, re.M)
    report.check(len(values) == 2 and values[0][::-1] == values[1] and f"now {values[0][1]}" in said,
                 "a watchpoint tells of each change by the kernel", said)
    report.check(beats_on(machine), "it goes on after all of them", machine.last_words())


def check(report, machine, gdb):
    said = gdb("info threads", 'printf "rip %lx cr0 %lx\\n", $rip, $cr0', "stepi", "stepi", "detach")
    report.check("processor 1" in said and re.search(r"rip [0-9a-f]+ cr0 80000011", said),
                 "it waits at the kernel's first instruction, with two processors", said)
    machine.wait_for(r"READS", vm.BOOT_LIMIT)
    where = {name: int(address, 16) for address, name in re.findall(r"^([0-9a-f]{16}) \w (\w+)", machine.text, re.M)}
    report.check(set(NAMES.split("|")) <= set(where),
                 "the kernel tells where its variables are", where)
    said = gdb("info threads", f'printf "%s", (char *){where["linux_banner"]:#x}',
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
    said = gdb("continue &", "python import time; time.sleep(3)", "interrupt", "python time.sleep(1)", "detach")
    report.check(beats_on(machine), "it goes on after an interrupted “continue”", said)
    if emulated():
        report.note("breakpoints are left out: the processor is QEMU TCG's, which stops for none")
    else:
        check_points(report, machine, gdb, where)
    said = gdb("kill")
    report.check(machine.wait(30) == 0, "“kill” stops the machine", said)


def main(program, folder):
    report = vm.Report()
    guest = vm.Guest(folder)
    with vm.work_folder() as work:
        socket = os.path.join(work, "gdb.sock")
        params = f'{guest.cmdline_without_root()} nokaslr pci=noearly vitrine.run="{COMMAND}"'
        arguments = ["--gdb", f"unix:{socket}", "--cpus", "2", "--mem", "256", "--initrd", guest.path("initrd"),
                     "-p", params, "--serial", "type=stdout,hardware=serial,num=1,console=true", guest.path("vmlinux")]
        gdb = functools.partial(run_gdb, guest.path("vmlinux"), socket)
        for attempt in (1, 2):
            try:
                with vm.Machine(program, arguments) as machine:
                    end = time.monotonic() + 30
                    while "waits for gdb" not in machine.error_text() and time.monotonic() < end:
                        time.sleep(0.1)
                    check(report, machine, gdb)
                break
            except (vm.Timeout, vm.Ended, KeyError, subprocess.TimeoutExpired) as error:
                if attempt == 2 or "READS" not in str(error):
                    report.check(False, f"the guest: {error}")
                    break
                report.note(f"the guest does not come up, once more: {error}")
        report.check(not os.path.exists(socket), "the socket is gone")
        report.check(not vm.leftovers(), "nothing is left", vm.leftovers())
    return report.end()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
