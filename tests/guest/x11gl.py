#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: x11gl.py VMM GUEST TEST-COMPOSITOR      X11 programs of a guest, drawn by its graphics card, are windows; TAP

GUEST is of the recipe "gl". Runs inside a test machine whose kernel has /dev/udmabuf, as an ordinary user. A terminal is
shown three times: drawn by the card, by the processor, and by a vitrine-x11 whose card the compositor refuses. Nothing
moves, and each picture is compared with the one that it has to become, however long that takes.
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

LIMIT = 240  # of a busy machine
NODE = "/dev/dri/renderD128"
SIZES = ((300, 300), (400, 300))  # glxdemo's own, then ours
YELLOW = b"\xff\xff\x00"
GREYS = (b"\x7f" * 3, b"\x80" * 3)  # half of 255, rounded either way
TRIALS = 1  # a dmabuf for each vitrine-x11 with a card
INK = 5000  # dark pixels that a terminal full of text has at least
GUEST_SCRIPT = r"""
cat /dev/vdc >/tmp/proxy; cat /dev/vdd >/tmp/x11; chmod 755 /tmp/proxy /tmp/x11
mkdir -p /run/user; export XDG_RUNTIME_DIR=/run/user
/tmp/proxy --statistics --socket=/tmp/wl 2>&1 | sed -u 's/^/PROXY /' &
until [ -S /tmp/wl ]; do sleep 0.2; done
cat >/tmp/text <<'END'
for i in $(seq 30); do echo "line $i: the quick brown fox 0123456789 | / ~ #"; done
stty raw -echo; printf '\033[?25l\033[5n' # no cursor; an answer when all is drawn
dd bs=1 count=4 of=/dev/null 2>/dev/null; : >"/tmp/drawn-$1"; cat
END
serve() { display=$1; shift; /tmp/x11 --display=$display --wayland=/tmp/wl "$@" 2>&1 | sed -u "s/^/X$display /" & }
terminal() {
    until [ -S /tmp/.X11-unix/X$1 ]; do sleep 0.2; done
    DISPLAY=:$1 xterm -T text-$1 -geometry 60x20 -e sh /tmp/text $1 &
    terminals="$terminals $!"
    until [ -e /tmp/drawn-$1 ]; do sleep 0.2; done; echo "DRAWN $1."
}
serve 10 --card; serve 11
terminal 10; terminal 11; wait $terminals
DISPLAY=:10 glxinfo -B 2>&1 | sed 's/^ */GLX /'
DISPLAY=:10 glxdemo >/dev/null 2>/tmp/demo; echo "ENDED $?."; sed 's/^/DEMO /' /tmp/demo
serve 12 --card; terminal 12
while true; do echo ALIVE; sleep 5; done
"""


def window(compositor, title):
    return next((one for one in compositor.windows() if one.title == title), None)


def picture(compositor, title):
    """(width, height, bytes of three for each pixel), or None."""
    found = window(compositor, title)
    if found is None or found.buffer_width == 0:
        return None
    shown = compositor.picture("pixels", found.id)
    return shown.width, shown.height, shown.data


def keep(seen, name):
    """A picture for people, where a test machine shares a folder."""
    if "PICTURES" in os.environ and seen:
        with open(os.path.join(os.environ["PICTURES"], name + ".ppm"), "wb") as file:
            file.write(b"P6 %d %d 255\n" % seen[:2] + seen[2])


def wait_right(machine, find_wrong):
    """What is wrong, when nothing gets better."""
    end = time.monotonic() + LIMIT
    wrong = find_wrong()
    while wrong and time.monotonic() < end:
        machine.read(0.5)
        wrong = find_wrong()
    return wrong


def ink(seen):
    return sum(max(seen[2][at:at + 3]) < 80 for at in range(0, len(seen[2]), 3))


def wrong_with_text(seen, model):
    """Words, or "" where a terminal full of text is the model, each pixel."""
    if not seen or not model:
        return "no window" if not seen else "no window of the model"
    if seen[:2] != model[:2] or ink(model) < INK:
        return f"{seen[:2]} with {ink(seen)} dark pixels, the model {model[:2]} with {ink(model)}"
    different = [at // 3 for at in range(0, len(seen[2]), 3) if seen[2][at:at + 3] != model[2][at:at + 3]]
    places = [(at % seen[0], at // seen[0]) for at in different[:5]]
    return f"{len(different)} pixels differ, at {places}" if different else ""


def wrong_with_square(seen, size):
    """Words, or "" where glxdemo's yellow square is where it belongs on its grey, each pixel."""
    if not seen or seen[:2] != size:
        return f"{seen and seen[:2]} instead of {size}"
    width, height, pixels = seen
    bad = 0
    for y in range(height):
        for x in range(width):
            inside = width // 10 <= x < width - width // 10 and height // 10 <= y < height - height // 10
            pixel = pixels[(y * width + x) * 3:(y * width + x) * 3 + 3]
            bad += pixel != YELLOW if inside else pixel not in GREYS
    return f"{bad} wrong pixels in {size}" if bad else ""


def dmabufs(compositor):
    """How many the host was given so far; Xwayland lets go of those that nobody shows any more."""
    return int(compositor.say("dmabufs")[0].split()[0])


def check_start(report, machine):
    said = machine.wait_for(r"X10 .*X11 programs draw (.*)\n", LIMIT).group(1)
    report.check(said == f"with the graphics card {NODE}", "Xwayland is given the card", said)
    said = machine.wait_for(r"X11 .*X11 programs draw (.*)\n", LIMIT).group(1)
    report.check(said == "on the processor: --card was not given", "when --card asks for it", said)


def check_text(report, machine, compositor):
    """The model: what the processor drew. None where there is none."""
    for display in (10, 11):
        machine.wait_for(rf"DRAWN {display}\.", LIMIT)
    wrong = wait_right(machine, lambda: wrong_with_text(picture(compositor, "text-10"), picture(compositor, "text-11")))
    model = picture(compositor, "text-11")
    keep(picture(compositor, "text-10"), "text-10")
    keep(model, "text-11")
    report.check(wrong == "", "what the card draws of a terminal is what the processor draws, each pixel", wrong,
                 compositor.windows())
    report.check(dmabufs(compositor) > TRIALS, "as a dmabuf", dmabufs(compositor))
    for title in ("text-10", "text-11"):
        if window(compositor, title):
            compositor.say("close", window(compositor, title).id)
    return model


def check_square(report, machine, compositor):
    said = machine.wait_for(r"GLX OpenGL renderer string: (.*)\n", LIMIT).group(1)
    report.check("virgl" in said, "OpenGL of X11 programs is virgl's", said)
    for size in SIZES:
        if size != SIZES[0] and window(compositor, ""):
            compositor.say("resize", window(compositor, "").id, *size)
        wrong = wait_right(machine, lambda size=size: wrong_with_square(picture(compositor, ""), size))
        keep(picture(compositor, ""), f"square-{size[0]}")
        report.check(wrong == "", f"a program's OpenGL is on the host's desktop, {size[0]}x{size[1]}, each pixel", wrong,
                     compositor.windows())


def check_refused(report, machine, compositor, model):
    """From here on the compositor takes no dmabuf; the square's window is the last one before."""
    compositor.say("refuse", 1)
    if window(compositor, ""):
        compositor.say("close", window(compositor, "").id)
    status = machine.wait_for(r"ENDED (\d+)\.", LIMIT).group(1)
    report.check(status in ("0", "1"), "that program ends when its window is closed", status)
    said = machine.wait_for(r"X12 .*X11 programs draw (.*)\n", LIMIT).group(1)
    report.check(said == "on the processor: the host's compositor refuses what the card draws",
                 "a card that the compositor refuses is not used, and the log says so", said)
    machine.wait_for(r"DRAWN 12\.", LIMIT)
    wrong = wait_right(machine, lambda: wrong_with_text(picture(compositor, "text-12"), model))
    report.check(wrong == "", "and the terminal is there all the same", wrong, compositor.windows())


def check(report, machine, control, compositor):
    machine.wait_for(r"MARK init", LIMIT)
    client = display1.Machine(control, 60)
    report.check(gl.graphics(client) != "2d", "the host draws in 3D", gl.graphics(client, "GraphicsSentence"))
    check_start(report, machine)
    model = check_text(report, machine, compositor)
    if report.failed:
        return  # what follows takes as long each
    check_square(report, machine, compositor)
    check_refused(report, machine, compositor, model)
    machine.wait_for(r"DRAWN 12\.(?s:.*)ALIVE", LIMIT)
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
        if report.failed:
            for line in re.findall(r"(?:PROXY|X1\d|GLX|DEMO) .*", machine.text) + machine.error_text().splitlines():
                report.note(line)
        report.note(f"{machine.seconds():.0f} s")
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
