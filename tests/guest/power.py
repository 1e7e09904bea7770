#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: power.py VMM GUEST      sleep, alarms and the watchdog of a real guest; prints TAP

Runs inside the test machine as an ordinary user. The guests stay in their initrd.
"""
import subprocess
import sys
import time

import vm

FREEZE = "echo freeze >/sys/power/state; echo WOKE-{} $?; sleep 1"
DAYS = 40
# The clock is then set to some seconds before that day's alarm: nobody waits for weeks.
FAR = "; ".join([
    "cd /sys/class/rtc/rtc0", f"A=$(($(cat since_epoch) + {DAYS * 86400}))", "echo $A >wakealarm",
    "echo AHEAD $(($(cat wakealarm) - A))", "date -s @$((A - 15))", "hwclock -u -w",
    FREEZE.format("far"), "echo FAR $(($(cat since_epoch) - A))"])
# A line that waits for its interrupt when the kernel suspends the devices would stay unsaid.
ANNOUNCE = "echo SLEEPS-{}; sleep 1"
SLEEPER = "; ".join([
    "grep alarm_IRQ /proc/driver/rtc",
    "A=$(grep -c . /proc/interrupts)", "grep rtc0 /proc/interrupts",
    "echo $(($(cat /sys/class/rtc/rtc0/since_epoch) + 4)) >/sys/class/rtc/rtc0/wakealarm",
    "grep alarm_IRQ /proc/driver/rtc",
    "T=$(cut -d. -f1 /proc/uptime)", "echo enabled >/sys/class/rtc/rtc0/device/power/wakeup",
    "S=$(cat /sys/class/rtc/rtc0/since_epoch)", FREEZE.format("alarm"),
    "echo SLEPT $(($(cat /sys/class/rtc/rtc0/since_epoch) - S))", FAR,
    ANNOUNCE.format(1), FREEZE.format("sleepbtn"), ANNOUNCE.format(2), FREEZE.format("powerbtn"), "echo AWAKE"])
# The program pats the dog each second for 8 s, though it would bite after 4; then it is killed.
DOG = "; ".join(["busybox watchdog -T 4 -t 1 -F /dev/watchdog0 & P=$!", "sleep 8", "echo PATTED",
                 "kill -STOP $P", "sleep 30", "echo STILL-HERE"])


def command(report, program, *words):
    done = subprocess.run([program, *words], capture_output=True, timeout=60)
    report.check(done.returncode == 0, " ".join(words), done.returncode, done.stderr.decode())


def arguments(guest, name, script):
    params = f'{guest.cmdline_without_root()} no_console_suspend vitrine.run="{script}"'
    return ["--name", name, "--mem", "256", "--initrd", guest.path("initrd"), "-p", params,
            "--serial", "type=stdout,hardware=serial,num=1,console=true", guest.path("vmlinux")]


def sleeps(report, program, guest):
    """Suspend to idle, left by the clock's alarm, the sleep button and the power button."""
    with vm.Machine(program, arguments(guest, "sleeper", SLEEPER)) as machine:
        machine.wait_for(r"WOKE-alarm 0", vm.BOOT_LIMIT)
        slept = int(machine.wait_for(r"SLEPT (\d+)", 10).group(1))
        report.check(2 <= slept <= 12, "the alarm ends the sleep after some seconds", slept)
        machine.wait_for(r"AHEAD 0", 60)
        machine.wait_for(r"WOKE-far 0", 120)
        late = int(machine.wait_for(r"FAR (-?\d+)", 10).group(1))
        report.check(0 <= late <= 60, f"an alarm {DAYS} days ahead rings on its day", late)
        for number, button in ((1, "sleepbtn"), (2, "powerbtn")):
            machine.wait_for(rf"SLEEPS-{number}", 20)
            time.sleep(3)
            report.check(f"WOKE-{button}" not in machine.text, f"it sleeps before {button}", machine.text[-300:])
            command(report, program, button, "sleeper")
            machine.wait_for(rf"WOKE-{button} 0", 20)
            report.check(True, f"{button} ends the sleep")
        machine.wait_for(r"AWAKE", 20)
        command(report, program, "powerbtn", "sleeper")
        report.check(machine.wait(40) == 0, "powerbtn switches an awake guest off")


def bites(report, program, guest):
    """A watchdog whose program was stopped ends the machine with 36; while it is patted it does not."""
    with vm.Machine(program, arguments(guest, "dog", DOG)) as machine:
        machine.wait_for(r"PATTED", vm.BOOT_LIMIT)
        command(report, program, "suspend", "dog")
        time.sleep(8)
        report.check(machine.process.poll() is None, "the watchdog stands still with the machine",
                     machine.error_text())
        command(report, program, "resume", "dog")
        status = machine.wait(40)
        report.check(status == 36, "the watchdog ends the machine with 36", status, machine.text[-300:])
        report.check("watchdog" in machine.error_text(), "and says so", machine.error_text())


def main(program, folder):
    report = vm.Report()
    guest = vm.Guest(folder)
    for case in (sleeps, bites):
        try:
            case(report, program, guest)
        except (vm.Timeout, vm.Ended) as error:
            report.check(False, f"{case.__name__}: {error}")
    return report.end()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
