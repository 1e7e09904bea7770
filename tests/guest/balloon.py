#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: balloon.py VMM GUEST      memory that a real guest gives back and takes again; prints TAP

Runs inside the test machine as an ordinary user, where no other program uses much shared memory: what
guests take from the host is seen in /proc/meminfo. The guests stay in their initrd, fill 200 MiB with
text, and drop it when the sleep button is pressed.
"""
import json
import subprocess
import sys
import time

import vm

MIB = 1 << 20
SCRIPT = "; ".join([
    "mkdir -p /t", "mount -t tmpfs none /t", "head -c 200m /dev/zero | tr '\\000' U >/t/big", "echo FILLED",
    "while [ $(cut -c1-9 </sys/firmware/acpi/interrupts/ff_slp_btn) -eq 0 ]; do sleep 1; done",
    "rm /t/big", "echo DROPPED", "sleep 1000"])


def call(report, program, *words, status=0):
    done = subprocess.run([program, *words], capture_output=True, timeout=60)
    report.check(done.returncode == status, " ".join(words), done.returncode, done.stderr.decode())
    return done.stdout.decode()


def balloon(program, name):
    done = subprocess.run([program, "balloon_stats", name], capture_output=True, timeout=60)
    return json.loads(done.stdout or "{}")


def host_memory():
    with open("/proc/meminfo", encoding="utf-8") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Shmem:")) * 1024


def wait_until(what, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.5)
    return False


def arguments(guest, name, *more):
    params = f'{guest.cmdline_without_root()} vitrine.run="{SCRIPT}"'
    return ["--name", name, "--mem", "512", *more, "--initrd", guest.path("initrd"), "-p", params,
            "--serial", "type=stdout,hardware=serial,num=1,console=true", guest.path("vmlinux")]


def by_request(report, program, guest):
    """The guest is asked for memory, and may have it again."""
    name = "asked"
    with vm.Machine(program, arguments(guest, name)) as machine:
        machine.wait_for(r"FILLED", vm.BOOT_LIMIT)
        before = balloon(program, name)
        stats = before.get("stats", {})
        report.check(400 * MIB < stats.get("total_memory", 0) <= 512 * MIB, "statistics: total memory", before)
        report.check(0 < stats.get("free_memory", 0) < 300 * MIB, "statistics: free memory", before)
        report.check(before.get("balloon_actual") == 0, "the balloon is empty at first", before)
        call(report, program, "sleepbtn", name)
        machine.wait_for(r"DROPPED", 30)
        full = host_memory()
        call(report, program, "balloon", str(300 * MIB + 5), name)
        report.check(wait_until(lambda: balloon(program, name).get("balloon_actual") == 300 * MIB, 40),
                     "the guest gives 300 MiB", balloon(program, name))
        report.check(full - host_memory() > 130 * MIB, "the host gets back what the guest had used",
                     full, host_memory())
        call(report, program, "balloon", str(1 << 40), name, status=33)
        call(report, program, "balloon", "0", name)
        report.check(wait_until(lambda: balloon(program, name).get("balloon_actual") == 0, 40),
                     "the guest takes it again", balloon(program, name))
        call(report, program, "stop", name)
        report.check(machine.wait(20) == 0, "stop ends with 0")


def by_itself(report, program, guest):
    """With page reporting the host gets back what the guest does not use, without being asked."""
    name = "reports"
    with vm.Machine(program, arguments(guest, name, "--balloon-page-reporting")) as machine:
        machine.wait_for(r"FILLED", vm.BOOT_LIMIT)
        full = host_memory()
        call(report, program, "sleepbtn", name)
        machine.wait_for(r"DROPPED", 30)
        report.check(wait_until(lambda: full - host_memory() > 130 * MIB, 40),
                     "free pages go back to the host by themselves", full, host_memory())
        report.check(balloon(program, name).get("balloon_actual") == 0, "the balloon stays empty")


def without(report, program, guest):
    with vm.Machine(program, arguments(guest, "none", "--no-balloon")) as machine:
        machine.wait_for(r"FILLED", vm.BOOT_LIMIT)
        call(report, program, "balloon", "4096", "none", status=33)
        call(report, program, "balloon_stats", "none", status=33)


def main(program, folder):
    report = vm.Report()
    guest = vm.Guest(folder)
    for case in (by_request, by_itself, without):
        try:
            case(report, program, guest)
        except (vm.Timeout, vm.Ended) as error:
            report.check(False, f"{case.__name__}: {error}")
    return report.end()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
