#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: frames.py VMM GUEST DRAW-CURSOR      what a Debian guest draws is what a display client maps; TAP

Runs inside the test machine as an ordinary user. The guest stays in its initrd, draws through the
frame buffer device of its stock virtio-gpu driver, and says on the serial port what it drew.
"""
import hashlib
import os
import signal
import sys
import time

import display1
import listener
import vm

WIDTH, HEIGHT = 800, 600
DOT = (300, 123)
PATTERNS = ("red", "green", "blue")
GUEST_SCRIPT = f"""
for s in {' '.join(PATTERNS)}; do
 yes $s-0123456789abcdef | head -c {WIDTH * HEIGHT * 4} >/dev/fb0; sleep 1;
 echo FRAME $s $(md5sum </dev/fb0); sleep 3; done;
printf dot1 | dd of=/dev/fb0 bs=4 conv=notrunc seek={DOT[1] * WIDTH + DOT[0]} 2>/dev/null; sleep 1; echo DOT;
cat /dev/vda >/tmp/draw-cursor; chmod +x /tmp/draw-cursor; /tmp/draw-cursor;
while true; do echo MODE $(head -n1 /sys/class/drm/card0-Virtual-1/modes); sleep 1; done
""".replace("\n", " ")


def check_pattern(report, machine, screen, name):
    machine.wait_for(rf"FRAME {name} (\w+)", 60)
    drawn = machine.wait_for(rf"FRAME {name} (\w{{32}})", 5).group(1)
    end = time.monotonic() + 5
    while True:
        mapped = hashlib.md5(screen.picture()).hexdigest()
        if mapped == drawn or time.monotonic() > end:
            break
        time.sleep(0.1)
    report.check(mapped == drawn, f"the map shows what the guest drew: {name}", mapped, drawn)
    screen.forget()


def check_cursor(report, machine, screen):
    expected = b"".join((0xff000000 + y * 256 + x).to_bytes(4, "little")
                        for y in range(64) for x in range(64))
    said = machine.wait_for(r"CURSOR (shown|failed.*)\n", 30).group(1)
    report.check(screen.wait(lambda s: s.cursor == (64, 64, 5, 7, expected), 5),
                 "the hardware cursor arrives", said, screen.cursor and screen.cursor[:4],
                 screen.calls)
    report.check(screen.wait(lambda s: (100, 50, 1) in s.pointers, 5), "it is shown",
                 screen.pointers)
    machine.wait_for(r"CURSOR (moved|failed)", 10)
    report.check(screen.wait(lambda s: (321, 123, 1) in s.pointers, 5), "it moves",
                 screen.pointers)
    machine.wait_for(r"CURSOR (hidden|failed)", 10)
    report.check(screen.wait(lambda s: s.pointers[-1][2] == 0, 5), "it hides",
                 screen.pointers)


def check_restart(report, client, screen, control):
    """The display process dies: the guest does not notice, a new client sees the picture."""
    before = screen.picture()
    (pid,) = [row[1] for row in client.processes() if row[0] == "display"]
    os.kill(pid, signal.SIGKILL)
    again = display1.Machine(control, 30)
    third = listener.Listener(again)
    report.check(third.wait(lambda s: s.size, 20) and third.picture() == before,
                 "a restarted display shows the picture again")
    return again


def check(report, machine, control):
    client = display1.Machine(control, 30)
    machine.wait_for(r"FRAME", vm.BOOT_LIMIT)
    screen = listener.Listener(client)
    second = listener.Listener(client)
    report.check(screen.wait(lambda s: s.size == (WIDTH, HEIGHT), 20), "the picture is mapped",
                 screen.size)
    report.check(second.wait(lambda s: s.size == (WIDTH, HEIGHT), 20),
                 "and for a second listener too")
    for name in PATTERNS:
        check_pattern(report, machine, screen, name)
    report.check(second.picture() == screen.picture(), "both listeners see the same")
    report.check("ScanoutMap" in second.calls and "Scanout" not in second.calls,
                 "no pixels went through the bus", second.calls[:10])
    machine.wait_for(r"DOT", 60)
    screen.wait(lambda s: s.updates, 5)
    report.check(screen.updates == [DOT + (1, 1)], "one drawn pixel is one damaged pixel",
                 screen.updates)
    check_cursor(report, machine, screen)
    client = check_restart(report, client, screen, control)
    # Smaller than before: the frame buffer device hides modes that its memory cannot hold.
    client.call(f"{display1.DISPLAY1}/Console_0", "org.qemu.Display1.Console", "SetUIInfo",
                display1.GLib.Variant("(qqiiuu)", (205, 147, 0, 0, 777, 555)))
    try:
        machine.wait_for(r"MODE 777x555", 20)
        report.check(True, "the guest's preferred mode follows the window")
    except vm.Timeout as error:
        report.check(False, "the guest's preferred mode follows the window", error)


def disk_of(program, path):
    """A disk that is the program: the guest copies it and runs it."""
    with open(program, "rb") as source, open(path, "wb") as disk:
        disk.write(source.read())
        disk.write(bytes(-disk.tell() % 512))


def run(report, program, guest, disk):
    name = f"frames-{os.getpid()}"
    params = f'{guest.cmdline_without_root()} vitrine.run="{GUEST_SCRIPT}"'
    arguments = ["--name", name, "--mem", "256", "--gpu", f"width={WIDTH},height={HEIGHT}",
                 "--initrd", guest.path("initrd"), "--block", f"path={disk},ro=true",
                 "--log-level", "debug", "-p", params,
                 "--serial", "type=stdout,hardware=serial,num=1,console=true",
                 guest.path("vmlinux")]
    control = os.path.join(os.environ["XDG_RUNTIME_DIR"], "vitrine", name, "control")
    with vm.Machine(program, arguments) as machine:
        try:
            check(report, machine, control)
        except (vm.Timeout, vm.Ended) as error:
            report.check(False, f"the guest draws: {error}", machine.error_text())
        machine.signal()
        machine.signal()
        machine.wait(20)
        for line in machine.error_text().splitlines():
            if "gpu: " in line:
                report.note(line)


def main(program, folder, draw_cursor):
    report = vm.Report()
    with vm.work_folder() as work:
        disk = os.path.join(work, "disk")
        disk_of(draw_cursor, disk)
        run(report, program, vm.Guest(folder), disk)
    return report.end()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
