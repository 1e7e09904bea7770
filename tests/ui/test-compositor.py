#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs that nobody here wrote, on the test compositor (tests/fakes/compositor).

usage: test-compositor.py PROGRAM"""
import os
import shutil
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
FAKE = os.path.join(HERE, "../fakes/compositor")
sys.path.insert(0, FAKE)
from compositor import Compositor, wait_for  # noqa: E402

PROGRAM = sys.argv[1]
KEY_A, KEY_B, KEY_ENTER, KEY_SHIFT = 30, 48, 28, 42
F2, F3, F4, F5, F6 = 60, 61, 62, 63, 64


class Skip(Exception):
    pass


class Client:
    """gtk-client.py and what it said."""

    def __init__(self, compositor):
        self.lines = []
        self.process = subprocess.Popen(
            ["/usr/bin/python3", os.path.join(FAKE, "gtk-client.py")], env=compositor.environment,
            stdout=subprocess.PIPE, text=True)
        compositor.clients.append(self.process)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def said(self, line):
        wait_for(f"“{line}” in {self.lines[-8:]}", lambda: line in self.lines)

    def place(self, name):
        """The middle of a widget on the output."""
        line = [line for line in self.lines if line.startswith(f"place {name} ")][-1].split()
        return int(line[2]), int(line[3])


def need(name):
    if not shutil.which(name):
        raise Skip(f"{name} is not installed")


def test_shm():
    """weston-simple-shm draws, paced by frame callbacks, and lets its buffers be held"""
    need("weston-simple-shm")
    for options in ((), ("hold",)):
        compositor = Compositor(PROGRAM, *options)
        try:
            compositor.start("weston-simple-shm")
            wait_for("frames", lambda: compositor.windows() and compositor.windows()[0].commits > 20)
            window = compositor.windows()[0]
            assert (window.width, window.height, window.title) == (250, 250, "simple-shm"), window
            shown = compositor.picture("pixels", window.id)
            assert (shown.width, shown.height) == (250, 250)
            assert len(shown.colours()) > 100, "nothing was drawn"
            commits = compositor.windows()[0].commits
            assert commits - window.commits < 60, "not paced"
        finally:
            assert compositor.end() == 0


def test_terminal():
    """weston-terminal takes keys, draws what they make, is resized and closed"""
    need("weston-terminal")
    compositor = Compositor(PROGRAM, "scale=1.5")
    try:
        terminal = compositor.start("weston-terminal", "--shell=/bin/cat", SHELL="/bin/cat")
        window = wait_for("a window", compositor.windows)[0]
        before = compositor.shot().data
        compositor.press(KEY_A)
        wait_for("the letter", lambda: compositor.shot().data != before)
        compositor.say("resize", window.id, 640, 480)
        wait_for("the new size", lambda: compositor.windows()[0].width < window.width)
        compositor.say("close", window.id)
        terminal.wait(10)
    finally:
        assert compositor.end() == 0


def test_gtk():
    """a GTK 3 program takes keys, pointer, clipboard, drag and drop; popover, menu, sizes"""
    compositor = Compositor(PROGRAM, "scale=1.25")
    try:
        client = Client(compositor)
        window = wait_for("a window", compositor.windows)[0]
        assert window.buffer_width == 2 * window.width, "GTK draws at the next whole scale"
        wait_for("activation", lambda: compositor.windows()[0].active)
        compositor.press(KEY_SHIFT, KEY_A)
        compositor.press(KEY_B)
        client.said("typed Ab")
        check_pointer(compositor, client)
        check_clipboard(compositor, client)
        compositor.press(F4)
        wait_for("the popover", lambda: "subsurface" in [one.role for one in compositor.surfaces()])
        compositor.press(F5)
        wait_for("the menu", lambda: "popup" in [one.role for one in compositor.surfaces()])
        compositor.click(1200, 700)  # outside of everything: no more menu
        compositor.say("fullscreen", window.id, 1)
        client.said("size 1280 800")
        compositor.say("close", window.id)
        client.said("closed")
    finally:
        assert compositor.end() == 0


def screen_place(compositor, client, name):
    window = compositor.windows()[0]
    shot = compositor.shot()
    assert (shot.width, shot.height) == (1600, 1000)
    x, y = client.place(name)
    # The window's geometry begins at its place, its surface further left by its shadow.
    left = (window.width - 400) // 2
    return window.x - left + x, window.y - left + y


def check_pointer(compositor, client):
    compositor.press(F6)
    wait_for("places", lambda: any(line.startswith("place button") for line in client.lines))
    compositor.click(*screen_place(compositor, client, "button"))
    client.said("clicked")
    x, y = screen_place(compositor, client, "source")
    to_x, to_y = screen_place(compositor, client, "target")
    compositor.say("move", x, y)
    compositor.say("button", 0x110, 1)
    for step in range(1, 21):
        compositor.say("move", x + (to_x - x) * step / 20, y + (to_y - y) * step / 20)
        time.sleep(0.03)
    compositor.say("button", 0x110, 0)
    client.said("dropped cargo")


def check_clipboard(compositor, client):
    compositor.say("copy", "from outside")
    compositor.press(F2)
    client.said("pasted from outside")
    compositor.press(F3)
    client.said("copied")
    wait_for("the clipboard", lambda: compositor.paste() == "from GTK")


TESTS = (test_shm, test_terminal, test_gtk)


def main():
    print(f"1..{len(TESTS)}")
    for number, test in enumerate(TESTS, 1):
        try:
            test()
            print(f"ok {number} - {test.__doc__}")
        except Skip as reason:
            print(f"ok {number} - {test.__doc__} # SKIP {reason}")
        except Exception as error:  # pylint: disable=broad-except
            print(f"not ok {number} - {test.__doc__}\n# {error!r}")
        sys.stdout.flush()


main()
