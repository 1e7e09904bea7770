#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: x11gl.py VMM GUEST TEST-COMPOSITOR      X11 programs of a guest, drawn with its graphics card, are windows; TAP

GUEST is of the recipe "gl". Runs inside a test machine whose kernel has /dev/udmabuf, as an ordinary user. A second
vitrine-x11 draws on the processor: a terminal must look the same there. Where the test machine has a card itself,
virglrenderer cannot make a sampler on it, and Xwayland has to do without.
"""
import os
import re
import signal
import sys
import time

import display1
import frames
import gl
import vm

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../fakes/compositor"))
from compositor import Compositor  # noqa: E402

LIMIT = 240
NODE = "/dev/dri/renderD128"
DRAWS = not os.path.exists(NODE)  # the test machine's
SIZE = (400, 300)
GUEST_SCRIPT = r"""
cat /dev/vdc >/tmp/proxy; cat /dev/vdd >/tmp/x11; chmod 755 /tmp/proxy /tmp/x11
mkdir -p /run/user; export XDG_RUNTIME_DIR=/run/user
/tmp/proxy --statistics --socket=/tmp/wl 2>&1 | sed -u 's/^/PROXY /' &
until [ -S /tmp/wl ]; do sleep 0.2; done
/tmp/x11 --display=10 --wayland=/tmp/wl 2>&1 | sed -u 's/^/X11 /' &
/tmp/x11 --display=11 --wayland=/tmp/wl --shm 2>&1 | sed -u 's/^/SHM /' &
until [ -S /tmp/.X11-unix/X10 ] && [ -S /tmp/.X11-unix/X11 ]; do sleep 0.2; done
text='for i in $(seq 30); do echo "line $i: the quick brown fox 0123456789 | / ~ #"; done; printf "\033[?25l"; cat'
for display in 10 11; do
    DISPLAY=:$display xterm -T "text-$display" -geometry 60x20 -e sh -c "$text" &
    terminals="$terminals $!"
done
wait $terminals
DISPLAY=:10 glxinfo -B 2>&1 | sed 's/^ */GLX /'
DISPLAY=:10 glxgears >/dev/null 2>/tmp/gears; echo "ENDED $?." ; sed 's/^/GEARS /' /tmp/gears
while true; do echo ALIVE; sleep 5; done
"""
# Where each gear is (parts of the window), and the channel that is strongest there.
GEAR_PLACES = (("red", 0, (0.03, 0.35, 0.55, 0.95)), ("green", 1, (0.55, 0.5, 0.95, 0.95)), ("blue", 2, (0.05, 0.02, 0.5, 0.45)))


def wrong_with_gears(width, height, pixels):
    """Words, or "" where three gears are where they belong, before black."""
    for name, channel, (left, top, right, bottom) in GEAR_PLACES:
        good, lit = 0, 0
        for y in range(int(height * top), int(height * bottom), 3):
            for x in range(int(width * left), int(width * right), 3):
                pixel = pixels[(y * width + x) * 3:(y * width + x) * 3 + 3]
                if max(pixel) > 40:
                    lit += 1
                    good += pixel[channel] == max(pixel) and max(pixel) > 1.4 * sorted(pixel)[1]
        if good < 0.6 * lit or lit < 100:
            return f"{name}: {good} of {lit} in {width}x{height}"
    corner = [pixels[(y * width + x) * 3:(y * width + x) * 3 + 3] for y in range(2, height // 6) for x in range(width * 5 // 6, width - 2)]
    return "" if all(max(pixel) < 8 for pixel in corner) else "the corner is not black"


def window(compositor, title):
    return next((one for one in compositor.windows() if one.title == title), None)


def picture(compositor, title):
    """(width, height, bytes of three for each pixel), or None."""
    found = window(compositor, title)
    if found is None or found.buffer_width == 0:
        return None
    shown = compositor.picture("pixels", found.id)
    return shown.width, shown.height, shown.data


def look(machine, compositor, size=None):
    """What is wrong with the gears' window, when nothing gets better."""
    end = time.monotonic() + LIMIT
    wrong = "no window"
    while wrong and time.monotonic() < end:
        seen = picture(compositor, "glxgears")
        if seen:
            wrong = wrong_with_gears(*seen) if size in (None, seen[:2]) else f"{seen[:2]}"
        machine.read(0.3)
    return wrong


def text_picture(machine, compositor, title):
    """That window's picture when it is at rest, with text in it."""
    before = None
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        seen = picture(compositor, title)
        if seen and seen == before and dark_pixels(seen) > 2000:
            return seen
        before = seen
        machine.read(3)
    return before


def dark_pixels(seen):
    return sum(max(seen[2][at:at + 3]) < 80 for at in range(0, len(seen[2]), 3))


def keep(seen, name):
    """A picture for people, where a test machine shares a folder."""
    if "PICTURES" in os.environ and seen:
        with open(os.path.join(os.environ["PICTURES"], name + ".ppm"), "wb") as file:
            file.write(b"P6 %d %d 255\n" % seen[:2] + seen[2])


def check_text(report, machine, compositor):
    one, other = (text_picture(machine, compositor, title) for title in ("text-10", "text-11"))
    keep(one, "text-10")
    keep(other, "text-11")
    if not report.check(one and other, "both terminals are windows of the host", compositor.windows()):
        return
    different = [at // 3 for at in range(0, min(len(one[2]), len(other[2])), 3) if one[2][at:at + 3] != other[2][at:at + 3]]
    report.check(one[:2] == other[:2] and not different,
                 "what the card draws of a terminal is what the processor draws, each pixel", one[:2], other[:2],
                 len(different), [(at % one[0], at // one[0]) for at in different[:5]], dark_pixels(one))


def check_gears(report, machine, compositor):
    said = machine.wait_for(r"GLX OpenGL renderer string: (.*)\n", LIMIT).group(1)
    report.check("virgl" in said if DRAWS else "llvmpipe" in said, "OpenGL of X11 programs is virgl's where it can be", said)
    wrong = look(machine, compositor)
    keep(picture(compositor, "glxgears"), "gears")
    if not report.check(wrong == "", "three gears are on the host's desktop", wrong, machine.text[-3000:]):
        return
    pictures = set()
    for _ in range(40):
        pictures.add(picture(compositor, "glxgears"))
        machine.read(0.2)
    report.check(len(pictures) >= 5, "and turn", f"{len(pictures)} of 40 pictures")
    report.check((int(compositor.say("dmabufs")[0].split()[0]) > 0) == DRAWS, "as dmabufs then", compositor.say("dmabufs"))
    compositor.say("resize", window(compositor, "glxgears").id, *SIZE)
    wrong = look(machine, compositor, SIZE)
    report.check(wrong == "", "in another size too", wrong)
    keep(picture(compositor, "glxgears"), "gears-2")


def check(report, machine, control, compositor):
    machine.wait_for(r"MARK init", LIMIT)
    client = display1.Machine(control, 60)
    report.check(gl.graphics(client) != "2d", "the host draws in 3D", gl.graphics(client, "GraphicsSentence"))
    said = machine.wait_for(r"X11 .*X11 programs draw (.*)\n", LIMIT).group(1)
    expected = f"with the graphics card {NODE}" if DRAWS else "on the processor: the graphics card does not draw what X11 takes"
    report.check(said == expected, "Xwayland is given a card that draws", said)
    said = machine.wait_for(r"SHM .*X11 programs draw (.*)\n", LIMIT).group(1)
    report.check("on the processor" in said, "unless --shm says no", said)
    check_text(report, machine, compositor)
    for title in ("text-10", "text-11"):
        if window(compositor, title):
            compositor.say("close", window(compositor, title).id)
    check_gears(report, machine, compositor)
    gears = window(compositor, "glxgears")
    if gears:
        compositor.say("close", gears.id)
    status = machine.wait_for(r"ENDED (\d+)\.", LIMIT).group(1)
    report.check(status in ("0", "1"), "the gears end when their window is closed", status)
    machine.wait_for(r"ENDED(?s:.*)ALIVE", LIMIT)
    report.check(gl.graphics(client) != "2d", "and the host draws on", gl.graphics(client))


def run(report, program, guest, compositor, disks):
    name = f"x11-gl-{os.getpid()}"
    arguments = ["--name", name, "--mem", "768",
                 "--gpu", "backend=virglrenderer,context-types=[virgl2,cross-domain]", "--wayland-sock", compositor.socket,
                 "--initrd", guest.path("initrd"), "--block", f"path={guest.path('disk.img')},ro=true",
                 *(word for disk in disks for word in ("--block", f"path={disk},ro=true")), "--log-level", "debug",
                 "-p", guest.cmdline() + " vitrine.overlay",
                 "--serial", "type=stdout,hardware=serial,num=1,console=true", guest.path("vmlinux")]
    control = os.path.join(os.environ["XDG_RUNTIME_DIR"], "vitrine", name, "control")
    with vm.Machine(program, arguments) as machine:
        try:
            check(report, machine, control, compositor)
        except (vm.Timeout, vm.Ended) as error:
            report.check(False, f"a window: {error}", machine.text[-3000:])
        for line in re.findall(r"(?:PROXY|X11|SHM|GLX|GEARS) .*", machine.text) + machine.error_text().splitlines():
            report.note(line)
        machine.signal(signal.SIGINT)
        machine.wait(20)


def main(program, folder, test_compositor):
    report = vm.Report()
    if not os.access("/dev/udmabuf", os.R_OK | os.W_OK):
        print("1..1\nok 1 # SKIP this kernel makes no dmabufs of memory")
        return 0
    with vm.work_folder() as work:
        disks = [os.path.join(work, name) for name in ("script", "vitrine-wayland-proxy", "vitrine-x11")]
        vm.script_disk(disks[0], GUEST_SCRIPT)
        for disk in disks[1:]:
            frames.disk_of(os.path.join(os.path.dirname(program), "../share/vitrine/guest", os.path.basename(disk)), disk)
        compositor = Compositor(test_compositor, "dmabuf=4")
        try:
            run(report, program, vm.Guest(folder), compositor, disks)
        finally:
            compositor.end()
    return report.end()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
