#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: x11-drawn.py VITRINE-X11      X11 programs that are drawn by a graphics card, as windows of sway; TAP

Runs as root in a test machine with a card (dut --gpu-3d): its kernel and Mesa take the place of a guest's, sway that
of the host's compositor, which shows the card's own textures. An xterm is shown twice: drawn by the card, and by the
processor of an Xwayland with shared memory.
"""
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "guest"))
import sway  # noqa: E402

LIMIT = 120
NODE = "/dev/dri/renderD128"
TEXT = ('for i in $(seq 30); do echo "line $i: the quick brown fox 0123456789 | / ~ #"; done; '
        'printf "\\033[?25l"; exec sleep 1000')


class Server:
    """A vitrine-x11 and its xterm."""

    def __init__(self, program, compositor, title, *options):
        environment = dict(compositor.environment)
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen([program, "--wayland=" + compositor.path, *options], env=environment,
                                        stdout=subprocess.PIPE, stderr=self.log, text=True)
        environment["DISPLAY"] = self.process.stdout.readline().strip()
        del environment["WAYLAND_DISPLAY"]
        self.terminal = subprocess.Popen(["xterm", "-T", title, "-geometry", "60x20", "-e", "sh", "-c", TEXT],
                                         env=environment, stderr=subprocess.DEVNULL)

    def said(self):
        self.log.seek(0)
        return self.log.read()

    def end(self):
        for process in (self.terminal, self.process):
            process.terminate()
            process.wait()


def show(compositor, title, left):
    node = compositor.wait_window(title, LIMIT)
    if node is not None:
        compositor.command(f"[con_id={node['id']}] move position {left} 0")
    return node is not None


def pictures(compositor, titles):
    """Of these windows side by side, when they are equal and hold text; or the last ones."""
    end = time.monotonic() + LIMIT
    while True:
        seen = [compositor.picture(compositor.window(title)) for title in titles]
        if seen[0] == seen[1] and dark(seen[0]) > 2000 or time.monotonic() > end:
            return seen
        time.sleep(1)


def dark(seen):
    return sum(max(seen[2][at:at + 3]) < 80 for at in range(0, len(seen[2]), 3))


class Report:
    def __init__(self):
        self.number, self.bad = 0, 0

    def check(self, good, text, *details):
        self.number += 1
        self.bad += not good
        print(f"{'' if good else 'not '}ok {self.number} - {text}", flush=True)
        for detail in details if not good else ():
            print("# " + str(detail).replace("\n", "\n# "))


def keep(seen, name):
    if "PICTURES" in os.environ and seen:
        with open(os.path.join(os.environ["PICTURES"], name + ".ppm"), "wb") as file:
            file.write(b"P6 %d %d 255\n" % seen[:2] + seen[2])


def check(report, program, compositor):
    drawn = Server(program, compositor, "drawn", "--card")
    shown = show(compositor, "drawn", 0)
    report.check(f"X11 programs draw with the graphics card {NODE}" in drawn.said(), "Xwayland is given the card",
                 drawn.said(), compositor.log_text())
    copied = Server(program, compositor, "copied")
    shown = show(compositor, "copied", sway.WIDTH // 2) and shown
    report.check("X11 programs draw on the processor: --card was not given" in copied.said(), "when --card asks for it", copied.said())
    one, other = pictures(compositor, ("drawn", "copied")) if shown else (None, None)
    keep(one, "drawn")
    keep(other, "copied")
    same = one is not None and one == other and dark(one) > 2000
    different = [at // 3 for at in range(0, min(len(one[2]), len(other[2])), 3)
                 if one[2][at:at + 3] != other[2][at:at + 3]] if one and other else []
    report.check(same, "what the card draws of a terminal is what the processor draws, each pixel", one and one[:2],
                 other and other[:2], len(different), different[:5], one and dark(one), drawn.said())
    report.check(drawn.process.poll() is None and copied.process.poll() is None, "both go on")
    drawn.end()
    copied.end()


def main(program):
    os.chmod(NODE, 0o666)  # the machine is thrown away
    report = Report()
    with tempfile.TemporaryDirectory() as folder:
        # Each at the size that it asks for, from its first picture on.
        compositor = sway.Sway(folder, 'for_window [shell="xdg_shell"] floating enable\n', node=NODE)
        compositor.seat.move(sway.WIDTH - 1, sway.HEIGHT - 1)  # the pointer is part of what the screen shows
        check(report, program, compositor)
        compositor.close()
    print(f"1..{report.number}")
    return 1 if report.bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
