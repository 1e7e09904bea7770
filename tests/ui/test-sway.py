#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The whole vitrine on sway: the guest's pixels, keys that the desktop would take, what is above the picture; TAP.

usage: test-sway.py BUILD-FOLDER DRAWN-VMM"""
import json
import os
import shutil
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(HERE, "../guest"))
from session import Atspi, run_in_session, wait_for, walk  # noqa: E402

if "VITRINE_UI_SESSION" not in os.environ and __name__ == "__main__":
    if not all(map(shutil.which, ("sway", "grim", "setpriv"))):
        print("1..0 # SKIP sway, grim or setpriv is not installed")
        sys.exit(77)
    sys.exit(run_in_session())

import runner  # noqa: E402
import sway  # noqa: E402
from runner import expect  # noqa: E402

DRAWN_VMM = sys.argv.pop(2)
ALT, CONTROL, SUPER = 56, 29, 125
ESCAPE, KEY_1, KEY_2, KEY_A, KEY_K, KEY_X, F11 = 1, 2, 3, 30, 37, 45, 87
TAB, F6 = 15, 64
BAR = ("Send keys", "Take a screenshot", "Previous machine", "Next machine", "Keep this bar", "Shut down",
       "Leave full screen")
BLUE = 0x80
EDGE = 4  # the guest's size is rounded down


class Screen:
    def __init__(self, session):
        self.session = session
        folder = session.path("sway")
        os.mkdir(folder, 0o700)
        os.chmod(session.base, 0o711)
        self.told = os.path.join(folder, "told")
        self.sway = sway.Sway(folder, f"bindsym Mod4+x exec touch {self.told}\n", sway.USUAL_KEYMAP)
        self.seat = self.sway.seat

    def outputs(self):
        return json.loads(self.sway.run("swaymsg", "-r", "-t", "get_outputs"))

    def shoot(self, name):
        time.sleep(0.5)
        self.sway.run("grim", os.path.join(self.session.shots, f"sway-{name}.png"))

    def place(self, name, role=None):
        box = self.session.see(name, role, 20).get_extents(Atspi.CoordType.WINDOW)
        return box.x, box.y, box.width, box.height

    def pixels(self, x, y, width, height):
        return self.sway.run("grim", "-t", "ppm", "-g", f"{x},{y} {width}x{height}", "-").split(None, 4)[4]

    def is_guest(self):
        """The picture fills its place, one pixel for each of the screen: judged by its right
        lower corner, where neither pointer nor toast is."""
        x, y, width, height = self.place("Display of Lab")
        shown = self.pixels(x, y, width, height)

        def pixel(column, row):
            at = (row * width + column) * 3
            return tuple(shown[at:at + 3])
        probe = pixel(width * 3 // 4, height * 3 // 4)
        self.left, self.top = (width * 3 // 4 - probe[0]) & 0xff, (height * 3 // 4 - probe[1]) & 0xff
        return max(self.left, self.top) <= EDGE and all(
            pixel(column, row) == ((column - self.left) & 0xff, (row - self.top) & 0xff, BLUE)
            for row in range(height * 5 // 8, height - EDGE, 7)
            for column in range(width * 5 // 8, width - EDGE, 11))

    def click_on(self, name, role=None):
        x, y, width, height = self.place(name, role)
        self.seat.move(x + width // 2, y + height // 2)
        self.seat.click()

    def is_captured(self):
        node = self.session.see("Display of Lab")
        node.clear_cache()
        return node.get_description() == "Running, keyboard captured."

    def keys(self):
        with open(self.session.path("state/vitrine/lab/keys"), encoding="utf-8") as file:
            return [tuple(map(int, line.split())) for line in file if line.endswith("\n")]


def takes_keys(screen):
    """Captured, the guest has the desktop's keys; Ctrl+Alt gives them back."""
    screen.click_on("Display of Lab")
    wait_for("the capture", screen.is_captured, 20)
    time.sleep(1)  # sway's answer to the wish for its keys
    screen.seat.key(KEY_A)
    screen.seat.key(SUPER, KEY_X)
    wanted = {(KEY_A, 1), (SUPER, 1), (KEY_X, 1), (KEY_X, 0), (SUPER, 0)}
    wait_for("keys in the guest", lambda: wanted <= set(screen.keys()), 20)
    expect(not os.path.exists(screen.told), "sway took Super+X from the guest")
    screen.shoot("captured")
    screen.seat.key(CONTROL, ALT)
    wait_for("the guest's Ctrl+Alt to come up", lambda: {(CONTROL, 0), (ALT, 0)} <= set(screen.keys()), 20)
    before = screen.keys()
    screen.seat.key(SUPER, KEY_X)
    wait_for("sway's own key", lambda: os.path.exists(screen.told), 20)
    screen.seat.key(ALT, KEY_2)
    wait_for("another page", lambda: screen.session.find("Display of Lab") is None, 20)
    screen.shoot("console")
    screen.seat.key(ALT, KEY_1)
    wait_for("the picture again", screen.is_guest, 30)
    expect(screen.keys() == before, f"keys after the release: {screen.keys()[len(before):]}")


def is_above(screen):
    """Hint, popover and toast are above the picture."""
    view = screen.place("Display of Lab")

    def covered(box):
        at = (box[0] + box[2] // 2, box[1] + 4)
        guest = ((at[0] - view[0] - screen.left) & 0xff, (at[1] - view[1] - screen.top) & 0xff, BLUE)
        return tuple(screen.pixels(*at, 1, 1)[:3]) != guest
    hint = "Press Ctrl+Alt to release the keyboard and pointer"

    def hint_is_seen():
        screen.seat.key(CONTROL, ALT)  # it may be captured: the page was shown again
        screen.click_on("Display of Lab")
        end = time.monotonic() + 4
        while time.monotonic() < end:
            if covered(screen.place(hint)):
                return True
        return False
    wait_for("the hint above the picture", hint_is_seen, 60)
    screen.shoot("hint")
    screen.seat.key(CONTROL, ALT)
    screen.seat.key(CONTROL, KEY_K)
    x, y, width, height = screen.place("Ctrl+Alt+Delete", Atspi.Role.PUSH_BUTTON)
    wait_for("the popover above the picture", lambda: covered((x, y, width, height)), 20)
    screen.shoot("keys")
    screen.seat.key(ESCAPE)
    screen.session.see_not("Ctrl+Alt+Delete", 20)
    screen.session.press("Save screenshot")
    box = screen.place("Open", Atspi.Role.PUSH_BUTTON)
    wait_for("the toast above the picture", lambda: covered(box), 20)
    screen.shoot("toast")


def bar_by_keys(screen):
    """F6 leads from the released picture to the bar, Tab along it, F6 again to the picture."""
    box = screen.session.find("Leave full screen", Atspi.Role.PUSH_BUTTON, showing=False).get_parent()
    bar = [one for one in walk(box) if one.get_name() in BAR and one.get_role() != Atspi.Role.LABEL]
    expect([one.get_name() for one in bar] == list(BAR), f"{[one.get_name() for one in bar]}")
    if screen.is_captured():
        screen.seat.key(CONTROL, ALT)
        wait_for("the release", lambda: not screen.is_captured(), 20)
    for _ in range(2):  # past a toast
        if not any(node.has(Atspi.StateType.FOCUSED) for node in bar):
            screen.seat.key(F6)
            wait_for("the focus to move", lambda: any(
                node.has(Atspi.StateType.FOCUSED) for node in walk(screen.session.application())
                if node.get_name() in ("Open", "Close", *BAR)), 20)
    for node in bar:
        if node.has(Atspi.StateType.SENSITIVE):
            wait_for(f"the focus on “{node.get_name()}”", lambda: node.has(Atspi.StateType.FOCUSED), 20)  # pylint: disable=cell-var-from-loop
            if node is not bar[-1]:
                screen.seat.key(TAB)
    screen.seat.key(F6)
    wait_for("the picture's turn", screen.is_captured, 20)
    screen.seat.key(CONTROL, ALT)
    wait_for("the release", lambda: not screen.is_captured(), 20)


def full_screen(screen):
    """The guest takes the screen's size, pixel by pixel; the bar at the edge is above it and leads out."""
    screen.seat.move(sway.WIDTH // 2, 400)
    screen.seat.key(F11)
    wait_for("full screen", lambda: screen.sway.window("vitrine").get("fullscreen_mode") == 1, 20)
    wait_for("the guest's size", lambda: screen.place("Display of Lab")[2:] == (sway.WIDTH, sway.HEIGHT), 20)
    wait_for("its pixels", screen.is_guest, 30)
    bar = screen.place("Leave full screen", Atspi.Role.PUSH_BUTTON)
    toast = screen.session.find("Open", Atspi.Role.PUSH_BUTTON)  # for ten seconds
    top = toast.get_extents(Atspi.CoordType.WINDOW).y if toast else sway.HEIGHT
    expect(top >= bar[1] + bar[3], f"the toast at {top} hides the bar at {bar}")
    screen.shoot("full-screen")
    wait_for("the bar to go", lambda: tuple(screen.pixels(sway.WIDTH // 2, 20, 1, 1)[:3]) ==
             (sway.WIDTH // 2 & 0xff, 20, BLUE), 20)
    bar_by_keys(screen)
    screen.seat.move(sway.WIDTH // 2, 0)
    wait_for("the bar", lambda: tuple(screen.pixels(sway.WIDTH // 2, 20, 1, 1)[:3]) !=
             (sway.WIDTH // 2 & 0xff, 20, BLUE), 20)
    time.sleep(0.5)  # it slides
    screen.shoot("bar")
    screen.click_on("Leave full screen", Atspi.Role.PUSH_BUTTON)
    wait_for("the way out", lambda: screen.sway.window("vitrine").get("fullscreen_mode") == 0, 20)


def other_monitor(screen):
    """Full screen comes back on the monitor where it was, and where it was moved to."""
    def place():
        node = screen.sway.window("vitrine")
        return node.get("fullscreen_mode"), node["rect"]["x"]
    screen.sway.command("create_output")
    outputs = wait_for("a second monitor", lambda: (lambda found: len(found) == 2 and found)(screen.outputs()), 20)
    other = next(output for output in outputs if output["rect"]["x"] > 0)
    right = other["rect"]["x"]
    screen.sway.command(f"output {other['name']} resolution 800x600")
    size = screen.place("Display of Lab")[2:]
    toggle = "win.fullscreen"
    screen.session.activate(toggle)
    wait_for("full screen where the window is", lambda: place() == (1, 0), 20)
    screen.sway.command(f"[app_id=.*] move container to output {other['name']}")
    wait_for("full screen on the other", lambda: place() == (1, right), 20)
    wait_for("its size", lambda: screen.place("Display of Lab")[2:] == (800, 600), 20)
    time.sleep(1)  # the same to know by the monitor's name
    screen.session.activate(toggle)
    wait_for("a window", lambda: place()[0] == 0, 20)
    screen.sway.command(f"[app_id=.*] move container to output {outputs[1 - outputs.index(other)]['name']}")
    wait_for("it on the first", lambda: place() == (0, 0), 20)
    wait_for("the size there", lambda: screen.place("Display of Lab")[2:] == size, 20)
    time.sleep(1)
    screen.session.activate(toggle)
    wait_for("full screen on the other again", lambda: place() == (1, right), 20)
    kept = screen.session.path("state/vitrine/lab/view.json")
    wait_for("it in the file", lambda: "monitor" in json.load(open(kept)), 20)


def whole_window(session):
    """On sway: pixels, keys of the desktop, popover and toast above the picture, full screen on two monitors."""
    shutil.copy(DRAWN_VMM, session.path("bin/vmm"))
    session.define("lab", "Lab", gpu={"backend": "2d"})
    try:
        screen = Screen(session)
    except RuntimeError as error:
        print("# not tried:", str(error).replace("\n", "\n# "))
        return
    try:
        session.start(GDK_BACKEND="wayland", WAYLAND_DISPLAY=screen.sway.path)
        session.activate("app.start-machine", "lab")
        session.see_row("Lab, Running", 30)
        expect(screen.sway.wait_window("vitrine", 20), "no window")
        wait_for("the guest's pixels", screen.is_guest, 30)
        screen.shoot("running")
        takes_keys(screen)
        is_above(screen)
        full_screen(screen)
        wait_for("the guest's pixels", screen.is_guest, 30)
        other_monitor(screen)
    except Exception:
        screen.shoot("failed")
        raise
    finally:
        screen.sway.close()


sys.exit(runner.run([whole_window]))
