#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: frames.py VMM GUEST DRAW-CURSOR      what a Debian guest draws is what a display client maps; TAP

Runs inside the test machine as an ordinary user. The guest stays in its initrd, draws through the
frame buffer device of its stock virtio-gpu driver, and says on the serial port what it drew.
"""
import hashlib
import os
import signal
import struct
import subprocess
import sys
import time

import display1
import gl
import listener
import vm

WIDTH, HEIGHT = 800, 600
DOT = (300, 123)
PATTERNS = ("red", "green", "blue")
BEFORE_CRASHES = "white"
AFTER_CRASHES = ("yellow", "violet")  # one for each
# Goes on when it is told so by a word on the serial port: on a busy computer nothing else is sure to have been seen.
GUEST_SCRIPT = f"""
exec 3</dev/ttyS0;
draw() {{ yes $1-0123456789abcdef | head -c {WIDTH * HEIGHT * 4} >/dev/fb0; sleep 1; x=look;
 while [ $x = look ]; do echo FRAME $1 $(md5sum </dev/fb0); read x <&3; done; }};
for s in {' '.join(PATTERNS)}; do draw $s; done;
printf dot1 | dd of=/dev/fb0 bs=4 conv=notrunc seek={DOT[1] * WIDTH + DOT[0]} 2>/dev/null; sleep 1; echo DOT;
cat /dev/vda >/tmp/draw-cursor; chmod +x /tmp/draw-cursor; /tmp/draw-cursor <&3;
/tmp/draw-cursor displays;
echo CARD $(readlink -f /sys/class/drm/card0/device);
for s in {' '.join((BEFORE_CRASHES, *AFTER_CRASHES))}; do echo NEXT $s; read x <&3; draw $s; done;
echo 0 >/sys/class/graphics/fbcon/cursor_blink; echo KEYS; echo READ $(head -n1 </dev/tty1);
while true; do echo MODE $(head -n1 /sys/class/drm/card0-Virtual-1/modes); sleep 1; done
""".replace("\n", " ")


def tell(client, word):
    client.write("serial.0", word.encode() + b"\n")


def check_drawn(report, machine, client, screen, name):
    """The guest says again what its frame buffer holds when it is asked: its console may have drawn there since."""
    end = time.monotonic() + vm.PATIENCE
    while True:
        drawn = machine.wait_for(rf"FRAME {name} (\w{{32}})", vm.PATIENCE).group(1)
        mapped = hashlib.md5(screen.picture()).hexdigest()
        if mapped == drawn or time.monotonic() > end:
            break
        time.sleep(0.5)
        machine.text = ""
        tell(client, "look")
    report.check(mapped == drawn, f"the map shows what the guest drew: {name}", mapped, drawn)
    screen.forget()


def check_cursor(report, machine, client, screen):
    expected = b"".join((0xff000000 + y * 256 + x).to_bytes(4, "little")
                        for y in range(64) for x in range(64))
    said = machine.wait_for(r"CURSOR (shown|failed.*)\n", 30).group(1)
    report.check(screen.wait(lambda s: s.cursor == (64, 64, 5, 7, expected), 20),
                 "the hardware cursor arrives", said, screen.cursor and screen.cursor[:4],
                 screen.calls)
    report.check(screen.wait(lambda s: any(on for _, _, on in s.pointers), 20), "it is shown",
                 screen.pointers)
    tell(client, "on")
    machine.wait_for(r"CURSOR (moved|failed)", 30)
    report.check(screen.wait(lambda s: (321, 123, 1) in s.pointers, 20), "it moves",
                 screen.pointers)
    tell(client, "on")
    machine.wait_for(r"CURSOR (hidden|failed)", 30)
    report.check(screen.wait(lambda s: s.pointers[-1][2] == 0, 20), "it hides",
                 screen.pointers)


def vmm(program, *words):
    """A sub-command for the machine: its output; what it said when it failed."""
    done = subprocess.run([program, *words], capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else f"{done.returncode}: {done.stderr}"


def pattern(number, width, height):
    """What draw-displays.c shows there."""
    return [b"".join(bytes((x & 255, y & 255, (number + 1) * 64, 0)) for x in range(width))
            for y in range(height)]


def wait_for_picture(client, number, width, height):
    """None once the display shows its pattern, else what it shows instead."""
    end = time.monotonic() + 30
    expected = (width, height, pattern(number, width, height))
    while True:
        try:
            shown = client.picture(number)
        except display1.GLib.Error as error:
            shown = (0, 0, [str(error)])
        if shown == expected:
            return None
        if time.monotonic() > end:
            return shown[0], shown[1], shown[2][0][:16]
        time.sleep(0.2)


def check_displays(report, machine, client, program):
    """A second display and a third, as the guest sees them, and what it shows there."""
    name = client.property(f"{display1.DISPLAY1}/VM", "org.qemu.Display1.VM", "Name")
    ids = f"{display1.DISPLAY1}/VM", "org.qemu.Display1.VM", "ConsoleIDs"
    machine.wait_for(rf"DISPLAYS 1 of 16: 0={WIDTH}x{HEIGHT}\.", 60)
    said = vmm(program, "gpu", "add-displays", name, "--gpu-display", "mode=windowed[640,480],dpi=[120,120]")
    report.check(said == "1\n", "a display is plugged in", said)
    machine.wait_for(rf"DISPLAYS 2 of 16: 0={WIDTH}x{HEIGHT} 1=640x480\.", 60)
    report.check(client.property(*ids) == [0, 1], "the guest sees it, and so do clients", client.property(*ids))
    second = listener.Listener(client, 1)
    wrong = wait_for_picture(client, 0, WIDTH, HEIGHT), wait_for_picture(client, 1, 640, 480)
    report.check(wrong == (None, None), "each shows what the guest drew for it", wrong)
    first = listener.Listener(client, 0)
    report.check(first.wait(lambda s: s.size == (WIDTH, HEIGHT), 20)
                 and second.wait(lambda s: s.size == (640, 480), 20), "each has its map", first.size, second.size)
    machine.text = ""
    said = vmm(program, "gpu", "add-displays", name, "--gpu-display", "windowed[640,480]")
    machine.wait_for("TOUCHED", 60)
    report.check(said == "2\n" and wait_for_picture(client, 2, 640, 480) is None, "a third one comes", said)
    report.check(second.wait(lambda s: (33, 44, 1, 1) in s.updates, 20), "a pixel of the second", second.updates)
    report.check((33, 44, 1, 1) not in first.updates, "is none of the first", first.updates)
    shot = os.path.join(os.environ["XDG_RUNTIME_DIR"], "shot.png")
    said = vmm(program, "screenshot", "--display", "1", name, shot)
    with open(shot, "rb") as file:
        size = struct.unpack(">II", file.read(24)[16:])
    report.check(said == "" and size == (640, 480), "vmm screenshot --display 1 shows the second", said, size)
    machine.text = ""
    said = vmm(program, "gpu", "set-display-mode", name, "--display-id", "1", "--gpu-display", "windowed[720,400]")
    machine.wait_for(rf"DISPLAYS 3 of 16: 0={WIDTH}x{HEIGHT} 1=720x400 2=640x480\.", 60)
    wrong = wait_for_picture(client, 1, 720, 400)
    report.check(said == "" and wrong is None, "it takes another size, the others do not", said, wrong)
    machine.text = ""
    said = vmm(program, "gpu", "remove-displays", name, "--display-id", "1", "--display-id", "2")
    machine.wait_for(rf"DISPLAYS 1 of 16: 0={WIDTH}x{HEIGHT}\.", 60)
    report.check(said == "" and client.property(*ids) == [0], "taken away, the guest sees none of them", said)
    machine.wait_for("CARD", 60)  # it shows its console again


def card_process(client):
    return next((row[1] for row in client.processes() if row[0] == "gpu" and row[1] > 0), None)


def crash_while_paused(report, client, control, program):
    """The card of a paused machine comes again, and nothing else goes on."""
    pid = card_process(client)
    said = vmm(program, "suspend", control)
    report.check(gl.wait_until(lambda: gl.graphics(client, "State") == "paused", 20), "the machine is paused", said)
    os.kill(pid, signal.SIGKILL)
    report.check(gl.wait_until(lambda: card_process(client) not in (None, pid), 20), "its card comes again")
    time.sleep(1)
    report.check(gl.graphics(client, "State") == "paused", "it stays paused", gl.graphics(client, "State"))
    said = vmm(program, "resume", control)
    report.check(said == "", "and goes on", said)


def check_crash(report, machine, client, screen, name, crash):
    """The graphics card's process dies: the picture stays, another one takes over, the guest draws on."""
    machine.wait_for(rf"NEXT {name}", 60)
    before, pid = screen.picture(), card_process(client)
    screen.forget()
    crash()
    machine.read(0.1)
    report.check(screen.picture() == before and f"FRAME {name}" not in machine.text, "the picture is what it was",
                 machine.last_words())
    report.check(screen.wait(lambda s: "ScanoutMap" in s.calls, 60) and card_process(client) not in (None, pid),
                 f"a card that crashed is started again: {name}", screen.calls)
    tell(client, "draw")
    check_drawn(report, machine, client, screen, name)
    tell(client, "on")
    sentence = gl.graphics(client, "GraphicsSentence")
    report.check("was started again" in sentence, "clients are told", sentence)


def check_keys(report, machine, client, screen):
    """What is typed after the crashes comes to the guest, and what it echoes to the screen."""
    machine.wait_for("KEYS", 30)
    time.sleep(2)  # until somebody reads
    screen.forget()
    client.type("again\n")
    said = machine.wait_for(r"READ (.*)\n", 20).group(1)
    report.check(said == "again", "keys come to the guest", said)
    report.check(screen.wait(lambda s: s.updates, 10), "and what it echoes is shown", screen.calls)


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


def check(report, machine, control, program):
    client = display1.Machine(control, 30)
    machine.wait_for(r"FRAME", vm.BOOT_LIMIT)
    screen = listener.Listener(client)
    second = listener.Listener(client)
    report.check(screen.wait(lambda s: s.size == (WIDTH, HEIGHT), 20), "the picture is mapped",
                 screen.size)
    report.check(second.wait(lambda s: s.size == (WIDTH, HEIGHT), 20),
                 "and for a second listener too")
    for name in PATTERNS:
        check_drawn(report, machine, client, screen, name)
        if name != PATTERNS[-1]:
            tell(client, "on")
    report.check(second.picture() == screen.picture(), "both listeners see the same")
    report.check("ScanoutMap" in second.calls and "Scanout" not in second.calls,
                 "no pixels went through the bus", second.calls[:10])
    tell(client, "on")
    machine.wait_for(r"DOT", 60)
    screen.wait(lambda s: s.updates, 5)
    report.check(screen.updates == [DOT + (1, 1)], "one drawn pixel is one damaged pixel",
                 screen.updates)
    check_cursor(report, machine, client, screen)
    check_displays(report, machine, client, program)
    where = machine.wait_for(r"CARD \S*/0000:00:(\w\w\.\w)\b", 20).group(1)
    address = client.property(f"{display1.DISPLAY1}/Console_0", "org.qemu.Display1.Console", "DeviceAddress")
    report.check(address == f"pci/0000/{where}", "its address is where the guest has the card", address, where)
    machine.wait_for(f"NEXT {BEFORE_CRASHES}", 60)
    tell(client, "draw")
    check_drawn(report, machine, client, screen, BEFORE_CRASHES)
    tell(client, "on")
    crashes = (lambda: os.kill(card_process(client), signal.SIGKILL),
               lambda: crash_while_paused(report, client, control, program))
    for name, crash in zip(AFTER_CRASHES, crashes):
        check_crash(report, machine, client, screen, name, crash)
    check_keys(report, machine, client, screen)
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
            check(report, machine, control, program)
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
