#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs that nobody here wrote, on the test compositor (tests/fakes/compositor).

usage: test-compositor.py PROGRAM"""
import sys

from programs import Client, Compositor, drag, need, run, wait_for

PROGRAM = sys.argv[1]
KEY_A, KEY_B, KEY_SHIFT = 30, 48, 42
F2, F3, F4, F5, F6 = 60, 61, 62, 63, 64


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
    wait_for("places", lambda: client.has_said("place button"))
    compositor.click(*screen_place(compositor, client, "button"))
    client.said("clicked")
    drag(compositor, screen_place(compositor, client, "source"), screen_place(compositor, client, "target"))
    client.said("dropped cargo")


def check_clipboard(compositor, client):
    compositor.say("copy", "from outside")
    compositor.press(F2)
    client.said("pasted from outside")
    compositor.press(F3)
    client.said("copied")
    wait_for("the clipboard", lambda: compositor.paste() == "from GTK")


TESTS = (test_shm, test_terminal, test_gtk)

run(TESTS)
