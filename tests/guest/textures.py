#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: textures.py VMM GUEST      a 3D program of a guest as a window of sway that draws on a graphics card; TAP

GUEST is of the recipe "gl". By hand, see docs/testing.md. Runs inside a test machine with a card (dut --gpu-3d), as
an ordinary user. The program is weston-simple-egl: a triangle that turns, blue on top, before black.
"""
import os
import re
import signal
import sys
import time

import display1
import frames
import gl
import sway
import vm

LIMIT = 150
NODE = "/dev/dri/renderD128"
SIZE = (400, 300)
GUEST_SCRIPT = """
cat /dev/vdb >/tmp/proxy; chmod 755 /tmp/proxy; mkdir -p /run/user; export XDG_RUNTIME_DIR=/run/user WAYLAND_DISPLAY=/tmp/wl;
/tmp/proxy --statistics --socket=/tmp/wl 2>&1 | sed -u 's/^/PROXY /' &
until [ -S /tmp/wl ]; do sleep 0.2; done;
weston-simple-egl -o; echo ENDED $?.;
while true; do echo ALIVE; sleep 5; done
""".replace("\n", " ")


def is_black(pixel):
    return max(pixel) <= 1


def wrong_with(width, height, pixels):
    """Words, or "" where the picture is right; "its side" while there is little to see of it."""
    def at(x, y):
        start = (y * width + x) * 3
        return tuple(pixels[start:start + 3])
    around = [(x, y) for x in range(0, width, 7) for y in (1, height // 4 - 3, height * 3 // 4 + 3, height - 2)]
    around += [(x, y) for x in (1, width // 4 - 3, width * 3 // 4 + 3, width - 2) for y in range(0, height, 7)]
    for x, y in around:
        if not is_black(at(x, y)):
            return f"({x}, {y}) is {at(x, y)}"
    lit = [at(x, height * 3 // 4 - 6) for x in range(width // 4, width * 3 // 4)]
    lit = [pixel for pixel in lit if not is_black(pixel)]
    if len(lit) < width // 8:
        return "its side"
    green, red = sorted((lit[1], lit[-2]))
    if not (green[1] > 200 > 55 > green[0] and red[0] > 200 > 55 > red[1]):
        return f"its lower corners are {green} and {red}"
    top = at(width // 2, height // 4 + height // 50)
    return "" if top[2] > 200 and max(top[:2]) < 60 else f"its top is {top}"


def look(machine, desktop, size=None):
    """What is wrong once the triangle is seen from the front, in that size."""
    end = time.monotonic() + LIMIT
    wrong = "no window"
    while wrong and time.monotonic() < end:
        node = desktop.window("egl")
        if node:
            width, height, pixels = desktop.picture(node)
            wrong = wrong_with(width, height, pixels) if size in (None, (width, height)) else f"{width}x{height}"
        machine.read(0.3)
    return wrong


def check(report, machine, control, desktop):
    machine.wait_for(r"MARK init", LIMIT)
    client = display1.Machine(control, 60)
    report.check(gl.graphics(client) == "virgl", "the card draws", gl.graphics(client, "GraphicsSentence"))
    wrong = look(machine, desktop)
    if not report.check(wrong == "", "a triangle is on the host's desktop", wrong, machine.text[-3000:]):
        return
    pictures = set()
    for _ in range(40):
        pictures.add(desktop.picture(desktop.window("egl"))[2])
        machine.read(0.2)
    report.check(len(pictures) >= 5, "and turns", f"{len(pictures)} of 40 pictures")
    desktop.command("[title=.*] floating enable, resize set %d px %d px" % SIZE)
    wrong = look(machine, desktop, SIZE)
    report.check(wrong == "", "in another size too", wrong)
    desktop.command("[title=.*] kill")
    status = machine.wait_for(r"ENDED (\d+)\.", LIMIT).group(1)
    report.check(status == "0", "it ends when its window is closed", status)
    machine.wait_for(r"ENDED(?s:.*)ALIVE", LIMIT)
    report.check(gl.graphics(client) == "virgl", "and the card draws on", gl.graphics(client))


def run(report, program, guest, desktop, proxy):
    name = f"textures-{os.getpid()}"
    arguments = ["--name", name, "--mem", "512",
                 "--gpu", "backend=virglrenderer,context-types=[virgl2,cross-domain]", "--wayland-sock", desktop.path,
                 "--initrd", guest.path("initrd"), "--block", f"path={guest.path('disk.img')},ro=true",
                 "--block", f"path={proxy},ro=true", "--log-level", "debug",
                 "-p", f'{guest.cmdline()} vitrine.overlay vitrine.run="{GUEST_SCRIPT}"',
                 "--serial", "type=stdout,hardware=serial,num=1,console=true", guest.path("vmlinux")]
    control = os.path.join(os.environ["XDG_RUNTIME_DIR"], "vitrine", name, "control")
    with vm.Machine(program, arguments) as machine:
        try:
            check(report, machine, control, desktop)
        except (vm.Timeout, vm.Ended) as error:
            report.check(False, f"a window: {error}", machine.text[-3000:], desktop.log_text())
        for line in re.findall(r"PROXY .*", machine.text) + machine.error_text().splitlines():
            report.note(line)
        machine.signal(signal.SIGINT)
        machine.wait(20)


def main(program, folder):
    report = vm.Report()
    with vm.work_folder() as work:
        proxy = os.path.join(work, "proxy")
        frames.disk_of(os.path.join(os.path.dirname(program), "../share/vitrine/guest/vitrine-wayland-proxy"), proxy)
        desktop = sway.Sway(work, node=NODE)
        try:
            run(report, program, vm.Guest(folder), desktop, proxy)
        finally:
            desktop.close()
    return report.end()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
