# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests of programs on the test compositor (tests/fakes/compositor): one of them that tells what happens to
it, and how such tests are run."""
import os
import shutil
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
FAKE = os.path.join(HERE, "../fakes/compositor")
sys.path.insert(0, FAKE)
from compositor import Compositor, wait_for  # noqa: E402, F401

BUTTON_LEFT, BUTTON_RIGHT = 0x110, 0x111
LIMIT_STEPS = 600


class Skip(Exception):
    pass


def need(name):
    if not shutil.which(name):
        raise Skip(f"{name} is not installed")


class Client:
    """gtk-client.py and what it said. `environment`: where it is to be seen, else on the compositor itself."""

    def __init__(self, compositor, environment=None):
        self.lines = []
        self.process = subprocess.Popen(
            ["/usr/bin/python3", os.path.join(FAKE, "gtk-client.py")], env=environment or compositor.environment,
            stdout=subprocess.PIPE, text=True)
        compositor.clients.append(self.process)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def has_said(self, start):
        return any(line.startswith(start) for line in self.lines)

    def said(self, line):
        wait_for(f"“{line}” in {self.lines[-8:]}", lambda: line in self.lines)

    def place(self, name):
        """The middle of a widget in its window."""
        line = [line for line in self.lines if line.startswith(f"place {name} ")][-1].split()
        return int(line[2]), int(line[3])


def drag(compositor, start, end):
    """With the left button, in steps."""
    compositor.say("move", *start)
    compositor.say("button", BUTTON_LEFT, 1)
    for step in range(1, 21):
        compositor.say("move", *(a + (b - a) * step / 20 for a, b in zip(start, end)))
        time.sleep(0.03)
    compositor.say("button", BUTTON_LEFT, 0)


class Drag:
    """With the left button from a place; each step waits for what the compositor knows of it."""

    def __init__(self, compositor, start):
        self.compositor = compositor
        compositor.say("move", *start)
        compositor.say("button", BUTTON_LEFT, 1)
        self.at = start
        self.step = 0

    def state(self):
        """Surface below it, whether that takes it, the action; None: no drag is on."""
        lines = self.compositor.say("drag")
        return tuple(map(int, lines[0].split())) if lines else None

    def begin(self):
        """Moved a little, until the program began it."""
        for _ in range(LIMIT_STEPS):
            self.step += 3
            self.compositor.say("move", self.at[0] + self.step % 40, self.at[1])
            time.sleep(0.05)
            if self.state():
                return
        raise AssertionError("no drag began")

    def over(self, place, taken=True):
        """At a place, until what is there takes it; or has said that it does not."""
        for step in range(LIMIT_STEPS):
            self.compositor.say("move", place[0] + step % 2, place[1])
            time.sleep(0.05)
            _, accepted, action = self.state() or (0, 0, 0)
            if taken == bool(accepted and action) and (taken or step > 20):
                return action
        raise AssertionError(f"waited for {taken} in {self.state()}")

    def drop(self):
        self.compositor.say("button", BUTTON_LEFT, 0)


def run(tests, *needed):
    """Prints TAP."""
    print(f"1..{len(tests)}")
    for number, test in enumerate(tests, 1):
        try:
            for name in needed:
                need(name)
            test()
            print(f"ok {number} - {test.__doc__}")
        except Skip as reason:
            print(f"ok {number} - {test.__doc__} # SKIP {reason}")
        except Exception as error:  # pylint: disable=broad-except
            print(f"not ok {number} - {test.__doc__}\n# {error!r}")
        sys.stdout.flush()
