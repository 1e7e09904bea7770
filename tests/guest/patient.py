# SPDX-License-Identifier: LGPL-2.1-or-later
"""The test compositor in the place of sway (sway.py): it takes a window's content before the window was
configured, as ChromeOS does and nobody else."""
import collections
import os
import sys
import time

import desktop

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../fakes/compositor"))
from compositor import Compositor  # noqa: E402

SHIFT = 42
# Of a US keyboard, from the numbers of linux/input-event-codes.h on: as they are, with Shift.
ROWS = ((2, "1234567890-=", "!@#$%^&*()_+"), (16, "qwertyuiop[]\r", "QWERTYUIOP{}"),
        (30, "asdfghjkl;'`", 'ASDFGHJKL:"~'), (43, "\\zxcvbnm,./", "|ZXCVBNM<>?"), (57, " ", ""))


def codes(character):
    for first, plain, shifted in ROWS:
        if character in plain:
            return (first + plain.index(character),)
        if character in shifted:
            return (SHIFT, first + shifted.index(character))
    raise ValueError(f"no key for {character!r}")


class Seat(desktop.Pointer):
    def __init__(self, compositor):
        self.compositor = compositor

    def move(self, x, y):
        self.compositor.say("move", x, y)

    def button(self, state, button=0x110):
        self.compositor.say("button", button, state)
        time.sleep(0.1)

    def type(self, text):
        for character in text:
            self.compositor.press(*codes(character))
            time.sleep(0.02)


class Patient(desktop.Desktop):
    """What tests call of Sway, of windows that have no app_id and lie one over another."""

    def __init__(self, program, path):
        self.compositor = Compositor(program, "patient", at=path)
        self.seat = Seat(self.compositor)
        self.path = path
        self.folder = os.path.dirname(path)

    def close(self):
        self.compositor.end()

    def log_text(self):
        return ""

    def windows(self):
        return [{"id": one.id, "name": one.title,
                 "rect": {"x": one.x, "y": one.y, "width": one.width, "height": one.height}}
                for one in self.compositor.windows()]

    def focus(self, node):
        self.compositor.say("focus", node["id"])

    def focus_nothing(self):
        self.compositor.say("focus", 0)

    def kill(self, node):
        self.compositor.say("close", node["id"])

    def resize(self, node, width, height):
        self.compositor.say("resize", node["id"], width, height)

    def picture(self, node):
        shown = self.compositor.picture("pixels", node["id"])
        return shown.width, shown.height, shown.data

    def colours(self, node):
        _, _, pixels = self.picture(node)
        return set(collections.Counter(pixels[at:at + 3] for at in range(0, len(pixels) - 2, 3)))

    def copy(self, data):
        self.compositor.say("copy", data.decode())

    def paste(self, kind):
        return self.compositor.paste(kind).encode()
