#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The whole vitrine on weston, which shows itself in a window of X: the guest's pixels and its keys; TAP.

usage: test-weston.py BUILD-FOLDER DRAWN-VMM"""
import os
import shutil
import subprocess
import sys

from session import Atspi, run_in_session, wait_for  # noqa: E402

if "VITRINE_UI_SESSION" not in os.environ and __name__ == "__main__":
    if not all(map(shutil.which, ("weston", "xdotool"))):
        print("1..0 # SKIP weston or xdotool is not installed")
        sys.exit(77)
    sys.exit(run_in_session("1720x1120x24"))

import runner  # noqa: E402
from runner import expect  # noqa: E402

DRAWN_VMM = sys.argv.pop(2)
WIDTH, HEIGHT = 1700, 1100
BLUE = 0x80
KEY_A = 30
HINT = "Press Ctrl+Alt to release the keyboard and pointer"


class Weston:
    """Its output is the whole of a window of X, which has pixels and takes keys."""

    def __init__(self, session):
        self.session = session
        self.folder = session.path("weston")
        os.mkdir(self.folder, 0o700)
        self.path = os.path.join(self.folder, "wayland-7")
        self.log = os.path.join(self.folder, "log")
        self.process = subprocess.Popen(
            ["weston", "--backend=x11-backend.so", "--use-pixman", "--no-config", "--idle-time=0",
             f"--width={WIDTH}", f"--height={HEIGHT}", "--socket=wayland-7", f"--log={self.log}"],
            env=dict(os.environ, XDG_RUNTIME_DIR=self.folder), stdin=subprocess.DEVNULL)
        try:
            wait_for("weston", lambda: self.process.poll() is not None or os.path.exists(self.path), 30)
            expect(self.process.poll() is None, "weston does not start")
            wait_for("its window", self.focus, 30)
            subprocess.run(["xdotool", "mousemove", "4", "4"], check=True)  # it would cover the picture
        except Exception:
            self.close()
            raise

    def focus(self):
        """X has no window manager here: nobody else gives it the keys."""
        subprocess.run(["xdotool", "mousemove", str(WIDTH // 2), str(HEIGHT // 2)], check=True)
        told = subprocess.run(["xdotool", "getmouselocation", "--shell"], capture_output=True, text=True, check=True)
        window = dict(line.split("=") for line in told.stdout.split())["WINDOW"]
        name = subprocess.run(["xdotool", "getwindowname", window], capture_output=True, text=True).stdout
        return "Weston" in name and subprocess.run(["xdotool", "windowfocus", window]).returncode == 0

    def picture(self):
        """(width, height, bytes of RGB)"""
        data = subprocess.run(["import", "-window", "root", "-depth", "8", "ppm:-"], capture_output=True,
                              check=True).stdout
        _, width, height, _, pixels = data.split(None, 4)
        return int(width), int(height), pixels

    def close(self):
        self.process.terminate()
        self.process.wait()


def guest_box(weston):
    """Where the guest's picture is: (left, top, right, bottom), by its own colours; None: it is not there."""
    width, height, pixels = weston.picture()

    def pixel(x, y):
        at = (y * width + x) * 3
        return tuple(pixels[at:at + 3])
    x, y = width // 2, height // 2
    middle = pixel(x, y)
    left, top = x - middle[0], y - middle[1]

    def fits(column, row):
        return pixel(column, row) == ((column - left) & 0xff, (row - top) & 0xff, BLUE)
    if not fits(x, y):
        return None
    box = [x, y, x, y]
    while box[0] > 0 and fits(box[0] - 1, y):
        box[0] -= 1
    while box[2] < width - 1 and fits(box[2] + 1, y):
        box[2] += 1
    while box[1] > 0 and fits(x, box[1] - 1):
        box[1] -= 1
    while box[3] < height - 1 and fits(x, box[3] + 1):
        box[3] += 1
    return box if all(fits(column, row) for row in range(box[1] + 20, box[3] - 20, 7)
                      for column in range(box[0] + 20, box[2] - 20, 11)) else None


def covers(weston, hint, view, box):
    """What is above the guest's picture is seen: its place has other colours than the guest's."""
    width, _, pixels = weston.picture()
    inner, outer = (node.get_extents(Atspi.CoordType.WINDOW) for node in (hint, view))
    if not inner or not outer:
        return False
    x = box[0] + inner.x - outer.x + inner.width // 2
    y = box[1] + inner.y - outer.y + 4
    at = (y * width + x) * 3
    return tuple(pixels[at:at + 3]) != ((x - box[0]) & 0xff, (y - box[1]) & 0xff, BLUE)


def keys_of(session):
    with open(session.path("state/vitrine/lab/keys"), encoding="utf-8") as file:
        return [tuple(map(int, line.split())) for line in file if line.endswith("\n")]


def takes_keys(session, weston, view, box):
    """Captured by a click, with the hint above the picture; after Ctrl+Alt a key is the window's again."""
    def is_captured():
        view.clear_cache()
        return view.get_description() == "Running, keyboard captured."

    def release():
        subprocess.run(["xdotool", "keydown", "ctrl", "keydown", "alt", "keyup", "alt", "keyup", "ctrl"], check=True)
        wait_for("the release", lambda: not is_captured(), 20)
    if is_captured():  # the machine was just started here
        release()
    x, y = (box[0] + box[2]) // 2, (box[1] + box[3]) // 2
    subprocess.run(["xdotool", "mousemove", str(x), str(y), "click", "1"], check=True)
    wait_for("the capture", is_captured, 20)

    def hint_is_seen():
        """It goes after some seconds: then once more."""
        hint = session.find(HINT)
        if hint and covers(weston, hint, view, box):
            return True
        if not hint:
            release()
            subprocess.run(["xdotool", "click", "1"], check=True)
        return False
    wait_for("the hint above the picture", hint_is_seen, 60)
    session.shoot("weston-captured")
    subprocess.run(["xdotool", "key", "a"], check=True)
    wait_for("the key in the guest", lambda: {(KEY_A, 1), (KEY_A, 0)} <= set(keys_of(session)), 20)
    release()
    before = wait_for("both keys up", lambda: (lambda keys: keys[-1][1] == 0 and keys)(keys_of(session)), 20)
    subprocess.run(["xdotool", "key", "a"], check=True)
    subprocess.run(["xdotool", "mousemove", str(x), str(y), "click", "1"], check=True)
    wait_for("the capture again", is_captured, 20)
    expect((KEY_A, 1) not in keys_of(session)[len(before):], f"keys after the release: {keys_of(session)[len(before):]}")
    release()


def window_on_weston(session):
    """On weston: the guest's picture at the size of its place, keys in it, none after the release, full screen."""
    shutil.copy(DRAWN_VMM, session.path("bin/vmm"))
    session.define("lab", "Lab", gpu={"backend": "2d"})
    weston = Weston(session)
    try:
        session.start(GDK_BACKEND="wayland", WAYLAND_DISPLAY=weston.path)
        session.activate("app.start-machine", "lab")
        session.see_row("Lab, Running", 30)

        def fills():
            box = guest_box(weston)
            size = session.see("Display of Lab").get_extents(Atspi.CoordType.WINDOW)
            return box and box[2] - box[0] > size.width - 8 and box[3] - box[1] > size.height - 8 and box
        box = wait_for("the guest's picture in its place", fills, 60)
        session.shoot("weston-running")
        view = session.see("Display of Lab")
        takes_keys(session, weston, view, box)
        subprocess.run(["xdotool", "mousemove", "4", str(HEIGHT - 4)], check=True)
        session.activate("win.fullscreen")

        def fills_output():
            box = guest_box(weston)
            return box and box[2] - box[0] > WIDTH - 8 and box[3] - box[1] > HEIGHT - 80 and box
        wait_for("the picture on the whole output", fills_output, 60)
        session.shoot("weston-full-screen")
        expect(weston.process.poll() is None, "weston ended")
    except Exception:
        session.shoot("weston-failed")
        raise
    finally:
        weston.close()


sys.exit(runner.run([window_on_weston]))
