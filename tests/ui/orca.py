#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What Orca says about the window while it is used by keys alone. By hand, no part of the test run: prints each key
and the words that it made Orca speak, for a person to read. No sound is needed.

    apt-get install orca
    ninja -C build && tests/ui/orca.py build build/tests/ui/drawn-vmm"""
import os
import re
import shutil
import subprocess
import sys
import time

from runner import run
from session import Atspi, run_in_session, wait_for

if "VITRINE_UI_SESSION" not in os.environ and __name__ == "__main__":
    if not shutil.which("orca"):
        sys.exit("orca is not installed: apt-get install orca")
    sys.exit(run_in_session())

DRAWN_VMM = os.path.abspath(sys.argv.pop(2))
os.environ.setdefault("VMM_DISPLAY", os.path.join(os.path.abspath(sys.argv[1]), "display/vmm-display"))
# A line of Orca's log that was sent to the synthesiser.
SPOKEN = re.compile(r"SPEECH OUTPUT: '(.*?)'(?: voice=\w+)?(?:\{.*| ACSS.*|)$")
# Python of Orca's: no synthesiser (what it would get is in the log), and a log that is written at once.
QUIETLY = {
    "speechd.py": "raise ImportError\n",
    "sitecustomize.py": "import builtins\n"
                        "opened = open\n"
                        "builtins.open = lambda name, mode='r', buffering=-1, *more, **words: opened(\n"
                        "    name, mode, 1 if str(name).endswith('orca.log') else buffering, *more, **words)\n",
}
QUIET = 0.8  # seconds without a word: it has finished
LONGEST = 5


class Orca:
    def __init__(self, session):
        self.session = session
        self.log = session.path("orca.log")
        self.read = 0
        os.makedirs(session.path("home/.local/share"))
        os.makedirs(session.path("silent"))
        for name, text in QUIETLY.items():
            with open(session.path("silent/" + name), "w", encoding="utf-8") as file:
                file.write(text)
        self.process = subprocess.Popen(["orca", "--disable", "braille", "--debug-file", self.log],
                                        env=dict(session.environment, PYTHONPATH=session.path("silent")), stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        wait_for("Orca", lambda: os.path.exists(self.log) and "Screen reader on" in self.text(), 60)

    def text(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def heard(self):
        """What was said since the last time."""
        end = time.monotonic() + LONGEST
        size = -1
        while time.monotonic() < end and os.path.getsize(self.log) != size:
            size = os.path.getsize(self.log)
            time.sleep(QUIET)
        text = self.text()
        new, self.read = text[self.read:], len(text)
        return [found.group(1) for found in map(SPOKEN.search, new.splitlines()) if found]

    def tell(self, what):
        words = self.heard()
        print(f"# {what:24} {' | '.join(words) if words else '(silence)'}", flush=True)
        return words

    def press(self, *keys):
        for key in keys:
            subprocess.run(["xdotool", "key", "--clearmodifiers", key], check=True, timeout=60)
            self.tell(key)

    def enter(self, what, act):
        """Opens a window of its own and gives it the keyboard, as a window manager would."""
        before = windows(self.session)
        act()
        new = wait_for(what, lambda: [one for one in windows(self.session) if one not in before])
        subprocess.run(["xdotool", "windowfocus", "--sync", new[0]], check=True, timeout=60)
        self.tell(f"({what})")

    def end(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()


def windows(session):
    return subprocess.run(["xdotool", "search", "--onlyvisible", "--pid", str(session.process.pid)],
                          capture_output=True, text=True, timeout=60).stdout.split()


def define(session):
    os.rename(session.path("bin/vmm"), session.path("bin/fake-vmm"))
    with open(session.path("bin/vmm"), "w", encoding="utf-8") as file:
        file.write(f"#!/bin/sh\ncase $* in *exit-34*|check*) exec {session.path('bin/fake-vmm')} \"$@\";; esac\n"
                   f"exec {DRAWN_VMM} \"$@\"\n")
    os.chmod(session.path("bin/vmm"), 0o700)
    session.define("lab", "Lab", "Work", kernel="/bin/true", gpu={"backend": "2d"},
                   block=[{"path": "/bin/true", "ro": True}], serial=[{"type": "stdout", "num": 1}])
    session.define("exit-34", "Other", kernel="/bin/true")


def with_orca(walk):
    def test(session):
        if walk is not first_run:
            define(session)
        orca = Orca(session)
        try:
            session.start()
            session.focus()
            orca.tell("(start)")
            walk(session, orca)
        finally:
            orca.end()
            keep = os.environ.get("ORCA_LOG")
            if keep:
                shutil.copy(orca.log, f"{keep}-{walk.__name__}")
    test.__name__ = walk.__name__
    test.__doc__ = walk.__doc__
    return test


def first_run(session, orca):
    """The empty window, the self-check, the assistant."""
    orca.press("Tab", "Tab", "Tab", "Tab", "Tab")
    session.activate("app.self-check")
    orca.tell("(self-check)")
    orca.press(*["Tab"] * 8)
    orca.enter("assistant", lambda: session.activate("app.new-machine"))
    orca.press("Tab", "Down", "Up", *["Tab"] * 6)


def pages(session, orca):
    """A machine that is off: list, header, each page."""
    orca.press("Down", "Down", "Down", "Up")
    for page in "12345":
        orca.press("alt+" + page)
        orca.press(*["Tab"] * 8)
    orca.press("alt+0", "Tab", "Down", "Up", "Right", "ctrl+a")


def running(session, orca):
    """A machine that runs; a message; something to take back; keys and dialogs."""
    session.activate("app.start-machine", "lab")
    session.see_row("Lab, Running", 30)
    orca.tell("(started)")
    session.focus()
    orca.press("Return", "a", "ctrl+alt", "F6", "alt+3", *["Tab"] * 10)
    session.activate("app.start-machine", "exit-34")
    session.alert("Other stopped: the guest panicked", 30)
    orca.tell("(a machine panicked)")
    orca.press("F6", "Tab", "Tab", "Tab", "Tab")
    session.see_row("Other, Stopped").grab_focus()
    orca.tell("(row of the other)")
    orca.press("Delete")
    orca.press("ctrl+z")
    orca.press("F2", "Escape")
    orca.enter("preferences", lambda: session.activate("app.preferences"))
    orca.press(*["Tab"] * 6, "Escape")
    session.focus()
    session.see("Shut down", Atspi.Role.PUSH_BUTTON)
    orca.press("shift+F10", "Down", "Down", "Escape")


TESTS = [with_orca(first_run), with_orca(pages), with_orca(running)]

if __name__ == "__main__":
    sys.exit(run(TESTS))
