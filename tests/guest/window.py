#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""From a click on “Make a Debian guest” to that guest in the window; prints TAP.

usage: window.py make PREFIX HOME    presses the button and waits for the builder; HOME holds the result
       window.py use PREFIX HOME     starts what was made, under a window manager, and uses it

PREFIX is where Vitrine is installed. `make` needs the package archive and no KVM, `use` the other way
round; both run under a screen and a bus of their own. Pictures are kept in HOME/shots.
"""
import json
import os
import re
import subprocess
import sys
import time

ROOT = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..")
sys.path[:0] = [os.path.join(ROOT, "ui"), os.path.join(ROOT, "guest")]
import display1  # noqa: E402
import vm  # noqa: E402
from session import Atspi, Failure, Node, Session, is_showing, run_in_session, wait_for  # noqa: E402

NAME, TITLE = "debian-12", "Debian 12"
BUILD_SECONDS, BOOT_SECONDS = 500, 240
STEPS = ("Downloading packages", "Installing packages", "Downloading the kernel")
LOOK_SECONDS = 1
WIDTH, HEIGHT = 1280, 800
ABSOLUTE_END = 0x7fff
EV_KEY, EV_REL, EV_ABS = 1, 2, 3
KEY_A, BTN_LEFT, REL_WHEEL, ABS_X, ABS_Y = 30, 0x110, 8, 0, 1
# Every event that reaches the guest, as a line on its second serial port.
TELL_EVENTS = ("for e in /dev/input/event*; do (while x=$(head -c 24 | od -An -v -tx1 -w24); "
               "[ ${#x} -gt 9 ]; do echo EV $x >/dev/ttyS1; done) <$e & done")
# The shell init instead of systemd, and less probing: the test machine is slow.
FAST = (" init=/sbin/vitrine-init panic=-1 mitigations=off tsc=reliable no_timer_check nokaslr audit=0"
        " cryptomgr.notests apparmor=0 rcupdate.rcu_expedited=1")


def children_of(node):
    return [node.get_child_at_index(index) for index in range(node.get_child_count() or 0)] if node else []


def find_showing(node, name, role):
    if node is None:
        return None
    node.clear_cache()
    if not is_showing(Node(node)):
        return None
    if node.get_name() == name and role in (None, node.get_role()):
        return Node(node)
    for child in children_of(node):
        found = find_showing(child, name, role)
        if found:
            return found
    return None


def seen(node, depth=0):
    """What is on the screen, a line for each widget that has a name."""
    if node is None or not is_showing(Node(node)):
        return []
    lines = [f"{'  ' * depth}{node.get_role_name()} {node.get_name()}"] if node.get_name() else []
    return lines + [line for child in children_of(node) for line in seen(child, depth + 1)]


class RealSession(Session):
    """The installed vitrine with the installed vmm beside it, in HOME."""
    START_SECONDS = 180
    CLOSE_SECONDS = 120

    def __init__(self, prefix, home):
        self.home = home
        self.prefix = prefix
        shots = os.path.join(home, "shots")
        os.makedirs(shots, exist_ok=True)
        super().__init__(prefix, shots)
        for kind in ("config", "data"):
            os.makedirs(os.path.join(home, kind), mode=0o700, exist_ok=True)
            self.environment[f"XDG_{kind.upper()}_HOME"] = os.path.join(home, kind)
        self.environment["XDG_DATA_DIRS"] = f"{prefix}/share:/usr/local/share:/usr/share"

    def install(self):
        return os.path.join(self.prefix, "bin", "vitrine")

    def find(self, name, role=None, showing=True):
        """Looks only into what is on the screen, and fresh: the test machine is slow, and nothing
        here listens for the changes that would refresh what was read before. A window that is asked
        all the time does not get to draw, so it may breathe first."""
        time.sleep(LOOK_SECONDS)
        for frame in children_of(self.application()):
            found = find_showing(frame, name, role)
            if found:
                return found
        return None

    def definition(self):
        return os.path.join(self.home, "config/vitrine/machines", NAME + ".json")

    def disks(self):
        return os.path.join(self.home, "data/vitrine", NAME)

    def control(self):
        return self.path(f"run/vitrine/{NAME}/control")


def tool(session, *command):
    return subprocess.run(command, env=session.environment, capture_output=True, text=True,
                          check=False).stdout


# ---------------------------------------------------------------- make
def processes_of(word):
    """Command lines of running processes that contain WORD."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                line = file.read().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if word in line and int(pid) != os.getpid():
            found.append(line)
    return found


def make(report, session):
    session.start()
    continue_button = wait_for("the first page", lambda: session.find("Continue", Atspi.Role.PUSH_BUTTON)
                               or session.find("Make a Debian guest"), 20)
    if continue_button.get_name() == "Continue":
        session.shoot("make-0-self-check")
        session.press("Continue")
    session.press("Make a Debian guest")
    session.see("Making “Debian 12”")
    # One of them may be over between two looks.
    wait_for("progress", lambda: any(session.find(step) for step in STEPS), BUILD_SECONDS)
    session.shoot("make-1-progress")
    report.check(os.path.isdir(os.path.dirname(session.disks())), "the builder works")
    session.press("Cancel")
    session.see("Make a Debian guest", seconds=30)
    wait_for("the builder's end", lambda: not processes_of(session.disks()), 30)
    left = os.listdir(os.path.dirname(session.disks()))
    report.check(not left and not os.path.exists(session.definition()), "cancel leaves nothing behind", left)
    session.press("Make a Debian guest")
    started = time.monotonic()
    wait_for("the definition", lambda: os.path.exists(session.definition()) or session.find("Details"),
             BUILD_SECONDS)
    session.shoot("make-2-made")
    report.check(os.path.exists(session.definition()), "the guest is made", session.complaints())
    report.note(f"made in {time.monotonic() - started:.0f} s")
    with open(session.definition(), encoding="utf-8") as file:
        made = json.load(file)
    report.check(made["block"][0]["path"] == os.path.join(session.disks(), "disk.img")
                 and os.path.exists(made["kernel"]) and made["manager"]["title"] == TITLE,
                 "its definition names its files", made)


# ---------------------------------------------------------------- use
def prepare(session):
    """HOME may have moved; and the test machine wants a quicker start and a second port."""
    with open(session.definition(), encoding="utf-8") as file:
        made = json.load(file)
    moved = os.path.dirname(made["kernel"])
    text = json.dumps(made).replace(moved, session.disks())
    made = json.loads(text)
    made["params"][0] += f"{FAST} vitrine.run=\"{TELL_EVENTS}\""
    made["cpus"]["num-cores"] = 1
    made["mem"]["size"] = 512
    made["serial"].append({"type": "sink", "hardware": "serial", "num": 2})
    with open(session.definition(), "w", encoding="utf-8") as file:
        json.dump(made, file)


class Events:
    """What the guest says of its input devices since the last look."""

    def __init__(self, machine):
        self.machine = machine
        self.seen = 0

    def all(self):
        with self.machine.open_chardev("serial.1") as stream:
            stream.settimeout(1)
            text = b""
            try:
                while True:
                    piece = stream.recv(65536)
                    if not piece:
                        break
                    text += piece
            except TimeoutError:
                pass
        found = []
        for line in re.findall(rb"EV((?: [0-9a-f]{2}){24})\r?\n", text):
            data = bytes.fromhex(line.decode())
            found.append((int.from_bytes(data[16:18], "little"), int.from_bytes(data[18:20], "little"),
                          int.from_bytes(data[20:24], "little", signed=True)))
        return found

    def wait(self, condition, seconds=60):
        """The events after those of the last call, once CONDITION holds for them."""
        end = time.monotonic() + seconds
        while True:
            everything = self.all()
            new = everything[self.seen:]
            if condition(new) or time.monotonic() > end:
                self.seen = len(everything)
                return condition(new), new
            time.sleep(0.5)


def window_of(session):
    found = tool(session, "xdotool", "search", "--onlyvisible", "--class", "vitrine").split()
    return found[-1] if found else "0"


def is_fullscreen(session):
    return "FULLSCREEN" in tool(session, "xprop", "-id", window_of(session), "_NET_WM_STATE")


def near(events, code, part):
    """The last position on this axis is PART of the way, within 1 %."""
    values = [value for kind, number, value in events if kind == EV_ABS and number == code]
    return bool(values) and abs(values[-1] / ABSOLUTE_END - part) < 0.01


def use_input(report, session, events):
    """In full screen a screen position is the guest's position."""
    x, y = int(WIDTH * 0.5), int(HEIGHT * 0.75)
    tool(session, "xdotool", "mousemove", str(x), str(y))
    good, got = events.wait(lambda e: near(e, ABS_X, 0.5) and near(e, ABS_Y, 0.75))
    report.check(good, "the pointer goes where it points, through the window", got)
    tool(session, "xdotool", "click", "1")
    good, got = events.wait(lambda e: (EV_KEY, BTN_LEFT, 1) in e and (EV_KEY, BTN_LEFT, 0) in e)
    report.check(good, "a click reaches the guest", got)
    tool(session, "xdotool", "click", "4")
    good, got = events.wait(lambda e: (EV_REL, REL_WHEEL, 1) in e)
    report.check(good, "the wheel turns in the guest", got)
    tool(session, "xdotool", "key", "a")
    good, got = events.wait(lambda e: (EV_KEY, KEY_A, 1) in e and (EV_KEY, KEY_A, 0) in e)
    report.check(good, "a key reaches the guest", got)


def use_full_screen(report, session, machine, events):
    session.press("Full screen")
    try:
        wait_for("full screen", lambda: is_fullscreen(session), 60)
        good = True
    except Failure:
        good = False
    report.check(good, "the window fills the screen under a window manager")
    try:
        wait_for("the guest's size", lambda: machine.picture()[:2] == (WIDTH, HEIGHT), 90)
    except Failure:
        pass
    report.check(machine.picture()[:2] == (WIDTH, HEIGHT), "the guest takes the size of the screen",
                 machine.picture()[:2])
    use_input(report, session, events)
    session.shoot("use-2-full-screen")
    tool(session, "xdotool", "mousemove", str(WIDTH // 2), "300", "mousemove", str(WIDTH // 2), "0")
    leave = session.see("Leave full screen", Atspi.Role.PUSH_BUTTON, 60)
    session.shoot("use-3-full-screen-bar")
    box = leave.get_extents(Atspi.CoordType.SCREEN)
    tool(session, "xdotool", "mousemove", str(box.x + box.width // 2), str(box.y + box.height // 2), "click", "1")
    wait_for("the way out", lambda: not is_fullscreen(session), 60)
    report.check(True, "the bar at the top edge leads out of it")
    session.press("Full screen")
    wait_for("full screen again", lambda: is_fullscreen(session), 60)
    tool(session, "xdotool", "mousemove", str(WIDTH // 2), "400", "click", "1")
    tool(session, "xdotool", "keydown", "Control_L", "keydown", "Alt_L", "keyup", "Alt_L", "keyup", "Control_L")
    time.sleep(1)
    tool(session, "xdotool", "key", "F11")
    wait_for("the way out", lambda: not is_fullscreen(session), 60)
    report.check(True, "so do Ctrl+Alt and F11")


def use(report, session):
    prepare(session)
    manager = subprocess.Popen(["openbox"], env=session.environment, stderr=subprocess.DEVNULL)
    try:
        session.start()
        session.see_row(f"{TITLE}, Off", 120)
        session.press("Start")
        with display1.Machine(session.control(), 60) as machine:
            try:
                machine.wait_for_text("serial.0", b"MARK init", BOOT_SECONDS)
            except TimeoutError:
                vm.stood_still.append(machine)
                raise
            machine.wait_for_text("serial.0", b"MARK shell", BOOT_SECONDS)
            session.see_row(f"{TITLE}, Running", 90)
            report.check(True, "the guest that was made runs, and the list says so")
            time.sleep(8)  # the terminal draws
            session.shoot("use-1-running")
            events = Events(machine)
            events.wait(lambda e: False, 1)
            use_full_screen(report, session, machine, events)
        session.close()
        report.check(len(session.running()) == 1, "it runs on when the window is closed")
        session.start()
        session.see_row(f"{TITLE}, Running", 120)
        session.shoot("use-4-reopened")
        session.press("Shut down")
        wait_for("the end of the machine", lambda: not session.running(), 120)
        session.see_row(f"{TITLE}, Off", 120)
        report.check(True, "Shut down ends it, and the list says Off")
    finally:
        manager.terminate()
        manager.wait()


def main(verb, prefix, home):
    report = vm.Report()
    session = RealSession(prefix, home)
    try:
        (make if verb == "make" else use)(report, session)
        complaints = session.complaints()
        report.check(not complaints, f"vitrine has nothing to complain of ({verb})", *complaints)
    except (Failure, TimeoutError, EOFError) as failure:
        session.shoot("failed")
        frames = children_of(session.application())
        report.check(False, f"{verb}: {failure}", *session.complaints(), *[line for frame in frames for line in seen(frame)])
    finally:
        session.end()
    return report.end()


if __name__ == "__main__":
    if "VITRINE_UI_SESSION" not in os.environ:
        sys.exit(run_in_session(f"{WIDTH}x{HEIGHT}x24"))
    sys.exit(main(*sys.argv[1:]))
