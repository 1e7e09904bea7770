#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""vitrine among the other programs of a desktop: keys, readers, notifications, the end of the session.

usage: test-desktop.py BUILD-FOLDER DRAWN-VMM [TEST...]    Prints TAP; screenshots are kept in BUILD-FOLDER/screenshots."""
import os
import shutil
import signal
import subprocess
import sys
import time

from runner import expect, run
from session import Atspi, Failure, GLib, Notifications, Service, is_showing, run_in_session, wait_for, walk

if "VITRINE_UI_SESSION" not in os.environ and __name__ == "__main__":
    sys.exit(run_in_session())

DRAWN_VMM = sys.argv.pop(2)


def write(path, text=""):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def autostart(session):
    """A machine that starts with the session has a file that every desktop runs."""
    session.define("lab", "Lab", kernel="/bin/true")
    session.start()
    session.activate("app.show-machine", "lab")
    session.see("Settings").do_action(0)
    row = session.see("Start", Atspi.Role.LIST_ITEM)
    row.get_parent().select_child(row.get_index_in_parent())
    session.see("Start with your session", Atspi.Role.TOGGLE_BUTTON).do_action(0)
    path = session.path("config/autostart/org.vitrine.Vitrine.lab.desktop")
    wait_for("the file", lambda: os.path.exists(path))
    expect("start lab" in open(path).read(), open(path).read())
    session.see("Start with your session", Atspi.Role.TOGGLE_BUTTON).do_action(0)
    wait_for("the file to go", lambda: not os.path.exists(path))


def notifications(session):
    """A machine that ends with a problem is told of, and so are those that run on without a window."""
    session.define("exit-34", "Kernel lab")
    session.define("one", "One")
    told = Notifications()
    try:
        session.start()
        session.activate("app.start-machine", "exit-34")
        session.activate("app.show-machine", "one")
        told.wait_for("Kernel lab stopped: the guest panicked")
        expect("Start again" in told.buttons[-1], str(told.buttons))
        session.activate("app.start-machine", "one")
        wait_for("the machine", session.running)
        time.sleep(0.5)
        session.activate("win.close")
        told.wait_for("1 machine keeps running")
        expect("Shut down all" in told.buttons[-1], str(told.buttons))
        expect(session.process.poll() is None, "nobody is left to tell")
        session.activate("app.shut-down-all")
        expect(session.process.wait(10) == 0, "it did not end with the last machine")
        session.process = None
    finally:
        told.end()


BUILD_GUEST = """#!/bin/sh
mkdir -p "$2"
echo PROGRESS 40 Working
while ! [ -e "$HOME/made" ] && ! [ -e "$HOME/failed" ]; do sleep 0.1; done
[ -e "$HOME/made" ] || { echo "build-guest: the archive does not answer" >&2; rm -r "$2"; exit 1; }
for name in vmlinux initrd disk.img; do echo "$name" > "$2/$name"; done
echo quiet > "$2/cmdline"
"""


def told_when_ready(session):
    """Who does something else meanwhile is told when a copy or a guest is ready or cannot be made; others read it."""
    session.define("lab", "Lab")
    write(session.path("libexec/vitrine/build-guest"), BUILD_GUEST)
    os.chmod(session.path("libexec/vitrine/build-guest"), 0o700)
    told = Notifications()

    def copy(title):
        session.activate("app.show-machine", "lab")
        session.see_row("Lab, Off")
        session.see("More").do_action(0)
        session.press("Clone…", None)
        session.see("Name of the copy", Atspi.Role.TEXT).set_text_contents(title)

    def shows(start):
        wait_for(f"“{start}…” to be shown", lambda: session.see_row(start).has(Atspi.StateType.SELECTED))
        wait_for("the window in front", lambda: any(node.has(Atspi.StateType.ACTIVE) for node in
                                                    walk(session.application()) if node.get_role_name() == "frame"))

    def make(outcome, title):
        session.activate("app.make-debian")
        session.see_row("Debian 12, Building… 40 %", 20)
        session.unfocus()
        write(session.path("home/" + outcome))
        told.wait_for(title, 20)
        os.unlink(session.path("home/" + outcome))
        told.press(title)
    try:
        session.start()
        copy("Away")
        session.unfocus()
        session.press("Apply")
        told.wait_for("“Away” is ready", 20)
        told.press("“Away” is ready")
        shows("Away, Off")
        session.focus()
        copy("Here")
        session.press("Apply")
        session.see("“Here” is ready")
        make("failed", "The Debian guest could not be made")
        session.alert("The Debian guest could not be made")
        make("made", "“Debian 12” is ready")
        shows("Debian 12, Off")
        expect("“Here” is ready" not in told.titles, str(told.titles))
    finally:
        told.end()


def closing_asks(session):
    """When set to ask: cancel stays, shutting down waits for the machines, all of them."""
    for name in ("one", "two"):
        session.define(name, name.capitalize())
    session.set(close_policy="'ask'")
    session.start()
    for name in ("one", "two"):
        session.activate("app.start-machine", name)
    wait_for("two machines", lambda: len(session.running()) == 2)
    session.activate("win.close")
    session.see("2 machines are running")
    session.shoot("closing-light")
    session.press("Cancel")
    session.see_not("2 machines are running")
    expect(len(session.running()) == 2, "a machine ended")
    session.activate("win.close")
    session.see("2 machines are running")
    session.press("Shut them down")
    expect(session.process.wait(15) == 0, "it ended badly")
    session.process = None
    expect(not session.running(), "it did not wait for its machines")


def closing_shuts_down(session):
    """When set to shut down, quitting waits for the machines too."""
    session.define("one", "One")
    session.set(close_policy="'shut-down'")
    session.start()
    session.activate("app.start-machine", "one")
    wait_for("the machine", session.running)
    session.close()
    expect(not session.running(), "the machine runs on")


def both_run_on(session):
    """Two machines run on when the window closes, and when the program is told to end after that."""
    for name in ("one", "two"):
        session.define(name, name.capitalize())
    session.start()
    for name in ("one", "two"):
        session.activate("app.start-machine", name)
    running = wait_for("two machines", lambda: len(session.running()) == 2 and session.running())
    told = Notifications()
    try:
        session.activate("win.close")
        told.wait_for("2 machines keep running")
        expect(session.running() == running, "a machine ended with the window")
        session.close()
        time.sleep(0.5)
        expect(session.running() == running, "a machine ended with the program")
    finally:
        told.end()


def survives_closing(session):
    """Machines run on when the window closes; the next window finds them."""
    session.define("debian-12", "Debian 12")
    session.start()
    session.activate("app.start-machine", "debian-12")
    running = wait_for("the machine", session.running)
    session.close()
    time.sleep(0.5)
    expect(session.running() == running, "the machine ended with the window")
    session.start()
    session.see_row("Debian 12, Starting…")
    expect(session.running() == running, "another machine was started")
    session.press("Shut down")
    session.see_row("Debian 12, Off")
    wait_for("the end of the machine", lambda: not session.running())


def starts_without_window(session):
    """Started without window, a machine runs on, whatever closing a window means; one that cannot start says so."""
    session.define("lab", "Lab", kernel="/bin/true")
    session.set(close_policy="'ask'")
    told = Notifications()
    try:
        session.start()
        session.activate("app.show-machine", "lab")
        session.see("More ways to start").do_action(0)
        session.see("Start without window").do_action(0)
        told.wait_for("1 machine keeps running")
        wait_for("the window to go", lambda: not session.frame())
        running = wait_for("the machine", session.running)
        expect(session.process.poll() is None, "nobody is left to tell")
        session.activate("app.show-machine", "lab")
        session.see_row("Lab, Starting…")
        expect(session.running() == running, "another machine was started")
        session.press("Shut down")
        session.see_row("Lab, Off")
        os.unlink(session.path("bin/vmm"))
        session.see("More ways to start").do_action(0)
        session.see("Start without window").do_action(0)
        session.alert("The program “vmm” is missing")
    finally:
        told.end()


def asks_before_force(session):
    """When the preferences say so, forcing off asks first; else it does not."""
    session.define("lab", "Lab", kernel="/bin/true")
    session.start()
    session.activate("app.preferences")
    session.see("Ask before forcing off", Atspi.Role.TOGGLE_BUTTON).do_action(0)
    session.press("Close")
    session.activate("app.start-machine", "lab")
    session.activate("app.show-machine", "lab")
    running = wait_for("the machine", session.running)

    def force():
        for _ in range(5):  # a menu that still closes takes the press for itself
            session.see("More ways to stop").do_action(0)
            try:
                session.see("Force off", seconds=3).do_action(0)
                return
            except Failure:
                pass

    def answer(name):
        dialog = session.alert("")
        wait_for("the question", lambda: session.find("Force “Lab” off?"))
        button = wait_for(name, lambda: next((node for node in walk(dialog) if node.get_name() == name
                                              and node.get_role() == Atspi.Role.PUSH_BUTTON), None))
        button.do_action(0)
        session.see_not("Force “Lab” off?")
    force()
    answer("Cancel")
    expect(session.running() == running, "it was forced off")
    force()
    session.shoot("force-off-light")
    answer("Force off")
    session.see_row("Lab, Off")


def closes_and_trashes(session):
    """What was deleted, disks too, is in the trash when the window closes, without waiting for the toast."""
    session.define("one", "One")
    os.makedirs(session.path("data/vitrine/one"))
    with open(session.path("data/vitrine/one/disk.img"), "wb") as file:
        file.write(bytes(4096))
    session.start()
    session.activate("app.show-machine", "one")
    session.see_row("One, Off")
    session.see("More").do_action(0)
    session.press("Delete", None)
    session.see("“One” moved to trash")
    session.close()
    expect(session.definitions() == {}, "the definition is still there")
    trash = session.path("data/Trash/files")
    wait_for("the definition", lambda: os.path.isdir(trash) and any(
        name.startswith("one") and name.endswith(".json") for name in os.listdir(trash)))
    wait_for("the disk", lambda: any(os.path.exists(os.path.join(trash, name, "disk.img")) for name in os.listdir(trash)))
    expect(not os.path.exists(session.path("data/vitrine/one")), "the disks stayed")


def shortcuts_window(session):
    """F1 shows the keys."""
    session.define("lab", "Lab")
    session.start()
    session.see_row("Lab, Off")
    session.focus()
    session.keys("F1")
    session.see("Show or hide the sidebar")
    session.shoot("shortcuts-light")
    session.close()


def keyboard_only(session):
    """A machine is found, renamed, started, looked at from all sides, shut down, deleted and brought back by keys."""
    session.define("lab", "Lab", kernel="/bin/true")
    session.define("other", "Other", kernel="/bin/true")
    session.start()
    session.see_row("Lab, Off")
    session.focus()
    session.keys("alt+0")
    session.see("All machines", Atspi.Role.TABLE)
    session.keys("ctrl+Page_Down")
    wait_for("a machine", lambda: session.find("Start", Atspi.Role.PUSH_BUTTON))
    session.keys("F2")
    session.see("Name", Atspi.Role.TEXT)
    session.keys("ctrl+a")
    session.type("Bench")
    session.keys("Return")
    row = session.see_row("Bench, Off")
    expect(row.has(Atspi.StateType.SELECTED), "another machine was renamed")
    session.keys("ctrl+Return")
    session.see_row("Bench, Starting…")
    for number, sign in ((2, "Show past output"), (3, None), (4, "Sections"), (5, "Find in the log"), (1, None)):
        session.keys(f"alt+{number}")
        if sign and number != 2:
            session.see(sign)
    session.keys("ctrl+Return")
    session.see_row("Bench, Off")
    session.keys("ctrl+f")
    session.type("oth")
    wait_for("the search", lambda: not is_showing(session.see_row("Bench")))
    session.keys("Escape", "Escape")
    wait_for("all again", lambda: is_showing(session.see_row("Bench")))
    session.keys("alt+0")
    session.see("All machines", Atspi.Role.TABLE)
    session.keys("F6", "F6", "ctrl+a")
    session.see("2 selected")
    session.focus_on("All machines", Atspi.Role.TABLE)
    session.keys("Delete")
    session.see("2 machines moved to trash")
    session.keys("ctrl+z")
    session.see_row("Bench, Off")
    session.focus_on("Machines", None)
    session.keys("Down", "Delete")
    wait_for("the toast", lambda: next((node for node in walk(session.application()) if "moved to trash" in (
        node.get_name() or "") and is_showing(node)), None))
    session.keys("ctrl+z")
    session.see_row("Bench, Off")
    session.see_row("Other, Off")
    session.keys("ctrl+n")
    session.see("Next", Atspi.Role.PUSH_BUTTON)
    session.keys("Escape")
    session.see_not("Next")
    session.keys("ctrl+comma")
    session.see("When the last window closes")
    session.keys("Escape")
    session.see_not("When the last window closes")
    session.focus()
    session.keys("ctrl+q")
    expect(session.process.wait(10) == 0, "it ended badly")
    session.process = None


def names_everywhere(session):
    """Everything that takes the focus has a name and a role."""
    session.define("lab", "Lab", kernel="/bin/true", block=[{"path": "/bin/true"}])
    session.start()
    session.activate("app.show-machine", "lab")
    session.see_row("Lab, Off")
    nameless = []
    for view in ("Display", "Console", "Statistics", "Settings", "Log"):
        session.see(view).do_action(0)
        time.sleep(0.4)
        for node in walk(session.application()):
            if node.has(Atspi.StateType.FOCUSABLE) and is_showing(node):
                role = node.get_role()
                if not node.get_name() and role not in (Atspi.Role.SCROLL_PANE, Atspi.Role.SCROLL_BAR,
                                                        Atspi.Role.SEPARATOR):
                    nameless.append(f"{view}: {node.get_role_name()} ")
    expect(not nameless, "without a name: " + "; ".join(sorted(set(nameless))))


def idle_is_idle(session):
    """A window that shows a machine that is off uses next to no processor time."""
    session.define("lab", "Lab")
    session.start()
    session.see_row("Lab, Off")

    def ticks():
        with open(f"/proc/{session.process.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])
    time.sleep(3)
    before = ticks()
    time.sleep(5)
    used = (ticks() - before) / os.sysconf("SC_CLK_TCK")
    expect(used < 0.25, f"{used} s of processor time in 5 s")


def missing_vmm(session):
    """Without the monitor beside us: one sentence, no start."""
    session.define("lab", "Lab")
    session.hide_vmm()
    session.start()
    session.activate("app.start-machine", "lab")
    session.alert("The program “vmm” is missing")


def own_window(session):
    """A machine in a window of its own: no list there, both windows show it, and it comes back as large as it was."""
    session.define("a", "Alpha")
    session.start()
    session.activate("app.show-machine", "a")
    session.activate("app.new-window", "a")

    def frames():
        return [node for node in walk(session.application()) if node.get_role() == Atspi.Role.FRAME]
    both = wait_for("two windows", lambda: frames() if len(frames()) == 2 else None)
    lists = [sum(1 for node in walk(frame) if node.get_name() == "Machines" and is_showing(node)) for frame in both]
    expect(sorted(lists) == [0, 1], f"lists in the windows: {lists}")

    def own_size():
        """None until there is that window."""
        own = [frame for frame in frames() if frame.get_name().startswith("Alpha")]
        box = own[0].get_extents(Atspi.CoordType.SCREEN) if len(own) == 1 else None
        return (box.width, box.height) if box else None
    session.activate("win.overview")
    usual = wait_for("the list in the other", own_size)
    found = subprocess.run(["xdotool", "search", "--onlyvisible", "--name", "^Alpha$"], capture_output=True, text=True,
                           check=True, timeout=60).stdout.split()
    subprocess.run(["xdotool", "windowsize", found[0], "901", "603"], check=True, timeout=60)
    size = (901, 603)
    wait_for(f"another size than {usual}", lambda: own_size() == size)
    session.close()
    session.start()
    session.activate("app.new-window", "a")
    session.activate("win.overview")
    wait_for(f"the size, {size}", lambda: own_size() == size)
    session.close()


def session_end(session):
    """When set to ask, the session does not end without a word while machines run; otherwise it may."""
    calls = []

    def answer(method, arguments):
        if method == "RegisterClient":
            return GLib.Variant("(o)", ("/org/gnome/SessionManager/Client1",))
        calls.append((method, *arguments))
        return GLib.Variant("(u)", (len(calls),)) if method == "Inhibit" else None
    manager = Service("org.gnome.SessionManager", "/org/gnome/SessionManager", """<node>
        <interface name="org.gnome.SessionManager">
          <method name="Inhibit"><arg type="s" direction="in"/><arg type="u" direction="in"/>
            <arg type="s" direction="in"/><arg type="u" direction="in"/><arg type="u" direction="out"/></method>
          <method name="RegisterClient"><arg type="s" direction="in"/><arg type="s" direction="in"/>
            <arg type="o" direction="out"/></method>
          <method name="Uninhibit"><arg type="u" direction="in"/></method>
        </interface></node>""", answer)
    try:
        session.define("one", "One")
        session.set(close_policy="'ask'")
        session.start()
        session.activate("app.start-machine", "one")
        wait_for("the inhibitor", lambda: calls)
        name, application, _window, reason, what = calls[0]
        expect((name, application, reason, what) == ("Inhibit", "org.vitrine.Vitrine", "1 machine is running", 1),
               f"{calls}")
        session.press("Shut down")
        wait_for("the end of it", lambda: len(calls) > 1)
        expect(calls[1] == ("Uninhibit", 1), f"{calls}")
    finally:
        manager.end()


def gives_memory(session):
    """A slider takes memory from a guest that runs and gives it back; what the guest really has stands beside it."""
    shutil.copy(DRAWN_VMM, session.path("bin/vmm"))
    session.define("lab", "Lab", gpu={"backend": "2d"}, mem={"size": 256})
    session.start()
    session.activate("app.show-machine", "lab")
    session.see("Settings").do_action(0)
    row = session.see("System", Atspi.Role.LIST_ITEM)
    row.get_parent().select_child(row.get_index_in_parent())
    slider = session.see("Memory the guest has now", Atspi.Role.SLIDER)
    off = "When it runs, memory goes back to this computer and to the guest again without a restart"
    session.see(off)
    expect(not slider.has(Atspi.StateType.SENSITIVE), "a slider of a machine that is off")
    session.activate("app.start-machine", "lab")
    session.see_row("Lab, Running", 20)
    wait_for("the slider", lambda: slider.has(Atspi.StateType.SENSITIVE), 20)
    session.see_not(off)
    value = slider.get_value_iface()
    expect((value.get_minimum_value(), value.get_maximum_value(), value.get_current_value()) == (32, 256, 256),
           f"{value.get_minimum_value()} {value.get_maximum_value()} {value.get_current_value()}")

    def says(text):
        wait_for(text, lambda: session.find(text.replace(" MiB", "\u00a0MiB")), 20)

    def told(text):
        wait_for(text, lambda: slider.get_description() == text, 20)
    settled = "What is taken away goes to this computer, at once and until the machine is off"
    says(f"The guest has 256 MiB, 100 MiB of them unused. {settled}")
    session.focus()
    session.focus_on("Memory the guest has now", Atspi.Role.SLIDER)
    session.keys(*["Left"] * 5)
    wait_for("what was asked for", lambda: value.get_current_value() == 96)
    told("The guest gives memory back…")
    session.shoot("settings-memory-light")
    says(f"The guest has 96 MiB, 96 MiB of them unused. {settled}")
    expect(value.get_current_value() == 96, f"{value.get_current_value()}")
    session.keys("End")
    told("The guest takes memory again…")
    says(f"The guest has 256 MiB, 100 MiB of them unused. {settled}")
    expect(not session.find("Needs a restart"), "it waits for a restart")

def asks_for_pictures(session):
    """The small pictures of the list: none of what is still, one a second of what moves, fewer on battery."""
    shutil.copy(DRAWN_VMM, session.path("bin/vmm"))
    session.define("lab", "Lab", gpu={"backend": "2d"})
    upower = Service("org.freedesktop.UPower", "/org/freedesktop/UPower", """<node>
        <interface name="org.freedesktop.UPower"><property name="OnBattery" type="b" access="read"/></interface>
        </node>""", lambda *_: None, {"OnBattery": GLib.Variant("b", False)})
    told = session.path("calls")

    def asked():
        with open(told) as file:
            return file.read().count(">>>> ASYNC org.vitrine.Vmm1.Picture.GetPicture()")

    def asks_none():
        before = asked()
        time.sleep(4)
        return asked() == before
    try:
        with open(told, "w") as output:
            session.start(output=output, G_DBUS_DEBUG="call",
                          DBUS_SYSTEM_BUS_ADDRESS=os.environ["DBUS_SESSION_BUS_ADDRESS"])
        session.activate("app.start-machine", "lab")
        session.see_row("Lab, Running", 20)
        wait_for("the first picture", asked, 15)
        wait_for("no picture of what is still", asks_none, 40)
        before, began = asked(), time.monotonic()
        with open(session.path("run/vitrine/lab/pid")) as file:
            os.kill(int(file.read()), signal.SIGUSR1)
        wait_for("pictures each second", lambda: asked() - before >= 5, 30)
        expect(asked() - before <= time.monotonic() - began + 2, f"{asked() - before} pictures, too many")
        upower.change("OnBattery", GLib.Variant("b", True))
        time.sleep(1.5)
        before = asked()
        time.sleep(6)
        expect(asked() - before <= 1, f"{asked() - before} pictures in six seconds on battery")
    finally:
        upower.end()


def last_output(session):
    """What a machine said in its last run can be read after both it and the window were closed."""
    session.use_real_vmm()
    session.define("tiny", "Tiny", kernel=session.tiny_guest(), mem={"size": 64})
    session.start()
    session.activate("app.start-machine", "tiny")
    session.see_row("Tiny, Running", 20)
    session.set_state("win.view", "console")

    def text():
        terminal = session.see("Serial 1 of Tiny", Atspi.Role.TERMINAL)
        return terminal.get_text(0, terminal.get_character_count()) or ""
    wait_for("what it says", lambda: "HELLO" in text())
    session.press("Shut down")
    session.press("More ways to stop", None)
    session.press("Force off", None)
    session.see_row("Tiny, Off", 30)
    wait_for("the strip", lambda: session.find_start("Output of the last run, "))
    session.close()
    session.start()
    session.activate("app.show-machine", "tiny")
    session.set_state("win.view", "console")
    wait_for("the strip", lambda: session.find_start("Output of the last run, "))
    wait_for("what it said", lambda: "HELLO" in text())
    session.shoot("past-console-light")
    vmm = subprocess.run([session.path("bin/vmm"), "logs", "tiny", "--port", "serial.0"], capture_output=True,
                         text=True, env=session.environment)
    expect("HELLO" in vmm.stdout, f"vmm logs: {vmm.stdout}{vmm.stderr}")
    wrong = subprocess.run([session.path("bin/vmm"), "logs", "tiny", "--port", "serial.7"], capture_output=True,
                           text=True, env=session.environment)
    expect(wrong.returncode != 0 and "serial.7" in wrong.stderr, f"vmm logs: {wrong.stderr}")


def unlimited_console(session):
    """Without a limit all that a port said is there again in the next window, and in the machine's folder."""
    session.use_real_vmm()
    session.set(console_lines="0")
    session.define("tiny", "Tiny", kernel=session.tiny_guest(again=True), mem={"size": 64})
    session.start()
    session.activate("app.start-machine", "tiny")
    session.see_row("Tiny, Running", 20)
    session.set_state("win.view", "console")
    session.see("Connected · all of it kept")
    path = session.path("state/vitrine/tiny/serial.0.full")

    def size():
        return os.path.getsize(path) if os.path.exists(path) else 0
    wait_for("a few lines", lambda: size() > 70, 30)
    expect(os.stat(path).st_mode & 0o777 == 0o600, "others may read it")
    session.close()
    with open(path, "rb") as file:
        said = file.read()
    with open(path, "wb") as file:  # as if it had been more than the machine itself remembers
        file.write(b"BEFORE ALL\r\n" + said)
    session.start()
    session.activate("app.show-machine", "tiny")
    session.set_state("win.view", "console")

    def text():
        terminal = session.see("Serial 1 of Tiny", Atspi.Role.TERMINAL)
        return terminal.get_text(0, terminal.get_character_count()) or ""
    wait_for("the older part", lambda: "BEFORE ALL" in text() and "HELLO" in text())
    expect("Something is missing" not in text(), text())
    session.shoot("unlimited-console-light")


def console_colours(session):
    """The chosen colours are those of the console, from the next moment on."""
    os.makedirs(session.path("state/vitrine/lab"))
    with open(session.path("state/vitrine/lab/serial.0.log"), "w") as file:
        file.write("login:")
    session.define("lab", "Lab")
    session.set(console_palette="'green'")
    session.start()
    session.activate("app.show-machine", "lab")
    session.set_state("win.view", "console")
    terminal = session.see("Serial 1 of Lab", Atspi.Role.TERMINAL)
    wait_for("green on black", lambda: session.colour_of(terminal, 0.8, 0.8) == (0x0b, 0x14, 0x0d))
    session.activate("app.preferences")
    session.choose("Colours of consoles", "Dark on light")
    wait_for("dark on light", lambda: session.colour_of(terminal, 0.98, 0.98) == (255, 255, 255))


def disk_folder(session):
    """Disks of copies are made in the chosen folder, and go with the machine."""
    folder = session.path("home/disks")
    with open(session.path("own.img"), "wb") as file:
        file.write(bytes(4096))
    session.define("lab", "Lab", block=[{"path": session.path("own.img")}])
    session.set(disk_folder=f"'{folder}'")
    session.start()
    session.activate("app.show-machine", "lab")
    session.see_row("Lab, Off")
    session.focus()
    session.keys("ctrl+d")
    session.see("Name of the copy", Atspi.Role.TEXT)
    session.keys("Return")
    session.see_row("Lab (copy), Off")
    definition = wait_for("the definition", lambda: session.definitions().get("lab-copy"))
    copy = definition["block"][0]["path"]
    expect(copy == folder + "/lab-copy/own.img" and os.path.exists(copy), f"the copy is at {copy}")
    session.activate("app.show-machine", "lab-copy")
    session.see("More").do_action(0)
    session.press("Delete", None)
    session.see("“Lab (copy)” moved to trash")
    session.close()
    expect(not os.path.exists(copy), "the copy stayed")


def types_the_clipboard(session):
    """Ctrl+Shift+V types the clipboard into the display, and nowhere else."""
    session.use_real_vmm()
    session.define("tiny", "Tiny", kernel=session.tiny_guest(), mem={"size": 64}, gpu={"backend": "2d"})
    session.start()
    session.activate("app.start-machine", "tiny")
    session.see_row("Tiny, Running", 20)
    session.focus()
    session.set_state("win.view", "statistics")
    session.see("Figures")
    session.keys("ctrl+shift+v")
    expect(session.find("The clipboard holds no text") is None, "it was typed unseen")
    session.set_state("win.view", "display")
    session.see("Display of Tiny")
    session.keys("ctrl+shift+v")
    session.see("The clipboard holds no text")


def hour_of_figures(session):
    """The graphs show the last minute or the last hour, and say which."""
    session.use_real_vmm()
    session.define("tiny", "Tiny", kernel=session.tiny_guest(), mem={"size": 64})
    session.start()
    session.activate("app.start-machine", "tiny")
    session.see_row("Tiny, Running", 20)
    session.set_state("win.view", "statistics")
    session.see("Processor, last minute", Atspi.Role.CHART)
    session.choose("Time that is shown", "Last hour")
    for figure in ("Processor", "Memory", "Disk", "Own memory"):
        session.see(figure + ", last hour", Atspi.Role.CHART)
    session.choose("Time that is shown", "Last minute")
    session.see("Disk, last minute", Atspi.Role.CHART)


def large_text(session):
    """With text half as large again the window folds before anything is cut off."""
    session.define("lab", "Lab", block=[{"path": "/bin/true"}])
    session.set(window_width=900)
    session.start(GDK_DPI_SCALE="1.5", LANGUAGE="fr")
    session.activate("app.show-machine", "lab")
    session.set_state("win.view", "settings")
    name = session.see("Nom", Atspi.Role.TEXT)
    frame = session.application().get_child_at_index(0).get_extents(Atspi.CoordType.WINDOW)
    box = name.get_extents(Atspi.CoordType.WINDOW)
    expect(box.x + box.width <= frame.width, f"{box.x}+{box.width} in a window of {frame.width}")
    expect(session.find("Chercher des machines") is None and session.find("Retour"), "it is not folded")
    session.shoot("large-text")


TESTS = [
    autostart, notifications, told_when_ready, closing_asks, closing_shuts_down, both_run_on, survives_closing,
    starts_without_window, asks_before_force,
    closes_and_trashes, shortcuts_window, keyboard_only, names_everywhere, idle_is_idle, missing_vmm,
    own_window, session_end, asks_for_pictures, last_output, unlimited_console, console_colours, disk_folder, types_the_clipboard,
    hour_of_figures, large_text, gives_memory,
]

sys.exit(run(TESTS))
