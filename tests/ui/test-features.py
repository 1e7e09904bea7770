#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""More of the real vitrine under Xvfb, as test-ui.py: what a machine is told to do in its own pages; prints TAP.

usage: test-features.py BUILD-FOLDER [TEST...]"""
import ctypes
import fcntl
import gettext
import json
import os
import shutil
import signal
import subprocess
import sys
import time

from runner import expect, run
from session import Atspi, Failure, Notifications, is_showing, run_in_session, wait_for, walk

if "VITRINE_UI_SESSION" not in os.environ and __name__ == "__main__":
    sys.exit(run_in_session())

DARK = {"GTK_THEME": "Adwaita:dark"}
STRIP = "This machine runs without keeping changes: what it writes to its disks is gone when it is off."


def words_of(pid):
    with open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
        return file.read().split("\0")


def start_disposable(session):
    """A second button starts a machine that keeps nothing, the window says so on each page, and finds it again."""
    disk = session.path("disk.img")
    with open(disk, "wb") as file:
        file.truncate(1 << 20)
    session.define("lab", "Lab", kernel="/bin/true", block=[{"path": disk}])
    session.define("bare", "Bare", kernel="/bin/true", block=[{"path": disk, "ro": True}])
    session.start(**DARK)
    session.activate("app.show-machine", "bare")
    session.see("Start", Atspi.Role.PUSH_BUTTON)
    expect(session.find("Start without keeping changes") is None, "offered without a disk to change")
    session.activate("app.show-machine", "lab")
    session.see("More ways to start").do_action(0)
    session.see("Start in full screen")
    session.shoot("start-menu-dark")
    session.see("More ways to start").do_action(0)
    session.press("Start without keeping changes")
    pid = wait_for("the machine", session.running)[0]
    expect("--disposable" in words_of(pid), str(words_of(pid)))
    session.see(STRIP)
    session.see("Statistics").do_action(0)
    session.see(STRIP)
    session.shoot("disposable-dark")
    session.activate("app.show-machine", "bare")
    session.see_not(STRIP)
    session.close()
    session.start()
    session.activate("app.show-machine", "lab")
    session.see(STRIP)
    session.press("Shut down")
    session.see_row("Lab, Off")
    session.see_not(STRIP)
    session.press("Start")
    pid = wait_for("the machine", session.running)[0]
    expect("--disposable" not in words_of(pid), str(words_of(pid)))
    session.see_row("Lab, Starting…")
    expect(session.find(STRIP) is None, "it keeps its changes")


def switch_rows(session):
    """Rows of the settings: what is forgotten, keyboard, pointer, the level of graphics; the guest's windows, their risk."""
    desktop = session.path("run/wayland-7")
    session.define("lab", "Lab", kernel="/bin/true")
    session.start(WAYLAND_DISPLAY="wayland-7")
    session.activate("app.show-machine", "lab")
    session.see("Settings").do_action(0)

    def section(name):
        row = session.see(name, Atspi.Role.LIST_ITEM)
        row.get_parent().select_child(row.get_index_in_parent())

    def toggle(name, member, value):
        session.see(name, Atspi.Role.TOGGLE_BUTTON).do_action(0)
        wait_for(f"{member} in the file", lambda: session.definitions()["lab"].get(member) == value)
    section("Start")
    toggle("Forget changes", "disposable", True)
    toggle("Forget changes", "disposable", None)
    named = {"title": "Lab", "group": ""}
    toggle("Restart on crash", "manager", dict(named, **{"restart-on-crash": True}))
    toggle("Restart on crash", "manager", named)
    section("Sandbox")
    expect(not session.see("Graphics", Atspi.Role.COMBO_BOX).has(Atspi.StateType.SENSITIVE), "a level without a card")
    section("Keyboard and pointer")
    toggle("Pointer", "display-window-mouse", True)
    toggle("Pointer", "display-window-mouse", None)
    section("Display")
    session.see("Programs of the guest open windows among yours; one may pretend to be a program of yours")
    toggle("Guest windows on this desktop", "wayland-sock", {"path": desktop})
    expect(session.definitions()["lab"]["gpu"] == {"backend": "2d", "context-types": ["cross-domain"]},
           str(session.definitions()["lab"]["gpu"]))
    session.shoot("settings-display-light")
    toggle("Guest windows on this desktop", "wayland-sock", None)
    expect(session.definitions()["lab"]["gpu"] == {"backend": "2d"}, str(session.definitions()["lab"]["gpu"]))
    toggle("Guest windows on this desktop", "wayland-sock", {"path": desktop})
    section("Keyboard and pointer")
    toggle("Keyboard", "display-window-keyboard", False)
    toggle("Keyboard", "display-window-keyboard", None)
    section("Sandbox")
    session.choose("Graphics", "3D, if there is a graphics driver")
    wait_for("the level", lambda: session.definitions()["lab"]["gpu"]["backend"] == "auto")
    session.shoot("settings-sandbox-light")
    session.choose("Graphics", "3D with Vulkan, if that works here")
    wait_for("Vulkan", lambda: session.definitions()["lab"]["gpu"] ==
             {"backend": "virglrenderer", "context-types": ["cross-domain", "virgl2", "venus"]})
    session.choose("Graphics", "2D")
    wait_for("the level", lambda: session.definitions()["lab"]["gpu"] == {"backend": "2d", "context-types": ["cross-domain"]})
    section("Display")
    session.see("Screen, keyboard and pointer", Atspi.Role.TOGGLE_BUTTON).do_action(0)
    wait_for("a machine without a card", lambda: "gpu" not in session.definitions()["lab"])
    expect("wayland-sock" not in session.definitions()["lab"], "windows without a card")


def speaks_german(session):
    """What `vmm` says in English of this computer and of the graphics card, in the window's language."""
    answer = session.path("check.json")
    with open(answer, "w", encoding="utf-8") as file:
        json.dump([
            {"id": "kvm-denied", "ok": False, "sentence": "You may not use /dev/kvm.",
             "cure": "Join the group “kvm”, then log in again.", "command": "sudo adduser ada kvm"},
            {"id": "no-space", "ok": True, "sentence": "There is room for disks: 12.5 GiB in “/home/ada”."},
            {"id": "render-node", "ok": False, "severity": "warning",
             "sentence": "The render node /dev/dri/renderD128 cannot be used (Permission denied).",
             "cure": "Join the group “render”, then log in again.", "command": "sudo usermod -aG render ada"},
            {"id": "wayland", "ok": True, "severity": "warning",
             "sentence": "A Wayland compositor answers at “/run/user/1000/wayland-0”."},
            {"id": "kvm-broken", "ok": False, "sentence": "A sentence of a later version."},
        ], file)
    session.define("lab", "Lab")
    session.start(FAKE_CHECK=answer, LANGUAGE="de")
    session.activate("app.self-check")
    session.see("Sie dürfen /dev/kvm nicht benutzen. Treten Sie der Gruppe „kvm“ bei und melden Sie sich dann neu an.")
    session.see("Grafikkarte")
    denied = gettext.translation("libc", languages=["de"], fallback=True).gettext("Permission denied")
    session.see(f"Der Render-Knoten /dev/dri/renderD128 ist nicht benutzbar ({denied}). "
                "Treten Sie der Gruppe „render“ bei und melden Sie sich dann neu an.")
    session.see("Ein Wayland-Compositor antwortet unter „/run/user/1000/wayland-0“.")
    session.see("Es ist Platz für Platten: 12,5 GiB in „/home/ada“.")
    session.see("A sentence of a later version.")
    session.see("In einem Terminal auszuführender Befehl: Grafikkarte", Atspi.Role.TEXT)
    session.shoot("self-check-german")


def cures_in_german(session):
    """What to do after a machine ended badly, in the window's language; what `vmm` said stands below."""
    ends = {33: ("Starten Sie sie neu. Geschieht es wieder, kopieren Sie den Bericht.",
                 "The gpu process (pid 4711) died of signal 11."),
            35: ("Ändern Sie das in den Einstellungen und starten Sie dann neu.", "“mem”: size must be at least 16."),
            36: ("Der Gast hat lange nicht geantwortet. Das Protokoll nennt vielleicht den Grund.", None)}
    for status in ends:
        session.define(f"exit-{status}", f"Lab {status}")
    session.start(LANGUAGE="de")
    for status, (cure, cause) in ends.items():
        session.activate("app.start-machine", f"exit-{status}")
        session.activate("app.show-machine", f"exit-{status}")
        session.see(cure)
        if cause:
            session.see(cause)
    session.shoot("cure-german")


def graphics_in_german(session):
    """The line about graphics, with the real machine."""
    session.use_real_vmm()
    session.define("tiny", "Tiny", kernel=session.tiny_guest(), mem={"size": 64}, gpu={"backend": "2d"})
    session.start(LANGUAGE="de")
    session.activate("app.start-machine", "tiny")
    session.see_row("Tiny, Läuft", 20)
    session.set_state("win.view", "statistics")
    session.see("Grafik: 2D, wie gewünscht.", seconds=20)


def vulkan_that_is_not(session):
    """The settings of a running machine say why it has no Vulkan, although it was chosen."""
    session.use_real_vmm()
    session.define("tiny", "Tiny", kernel=session.tiny_guest(), mem={"size": 64},
                   gpu={"backend": "virglrenderer", "context-types": ["virgl2", "venus"], "fault": "probe"})
    session.start()
    session.activate("app.start-machine", "tiny")
    session.see_row("Tiny, Running", 20)
    session.activate("app.show-machine", "tiny")
    session.see("The machine uses 2D until one is found.", seconds=20)
    session.press("Close message")
    session.see_not("The machine uses 2D until one is found.")
    session.set_state("win.view", "statistics")
    line = wait_for("the line about graphics", lambda: session.find_start("Graphics: "), 20)
    sentence = line.get_name().partition(": ")[2]
    expect("with Vulkan" not in sentence, sentence)
    session.see("Settings").do_action(0)
    row = session.see("Sandbox", Atspi.Role.LIST_ITEM)
    row.get_parent().select_child(row.get_index_in_parent())
    session.see(sentence)
    session.choose("Graphics", "2D")
    session.see_not(sentence)


def last_run(session):
    """When it is off: the figures of its last run, dim, also after the window was closed; none of them while it runs."""
    session.use_real_vmm()
    session.define("tiny", "Tiny", kernel=session.tiny_guest(again=True), mem={"size": 64}, gpu={"backend": "2d"})
    session.define("other", "Other")
    session.start()
    session.activate("app.start-machine", "tiny")
    session.see_row("Tiny, Running", 20)
    session.see("Statistics").do_action(0)
    session.see("Processor, last minute", Atspi.Role.CHART, 20)
    expect(session.find_start("Last run, ") is None, "the last run while it runs")
    time.sleep(5)
    session.activate("app.show-machine", "tiny")
    pids = session.running()
    os.kill(pids[0], signal.SIGINT)
    session.see_row("Tiny, Off", 20)

    def past():
        wait_for("the last run", lambda: session.find_start("Last run, "), 20)
        session.see("Processor, last run", Atspi.Role.CHART)
        session.see("Processes appear when the machine runs")
        expect(session.find("Processes of Tiny", Atspi.Role.TABLE) is None, "processes of a machine that is off")
        with open(session.path("state/vitrine/tiny/statistics.json"), encoding="utf-8") as file:
            expect(max(json.load(file)["share"]) > 0, "a loud guest that used no processor")
    past()
    session.shoot("last-run-light")
    session.activate("app.show-machine", "other")
    wait_for("it to go", lambda: not session.find_start("Last run, "))
    session.close()
    session.start(**DARK)
    session.activate("app.show-machine", "tiny")
    session.see("Statistics").do_action(0)
    past()
    session.shoot("last-run-dark")
    session.activate("app.start-machine", "tiny")
    session.see("Processor, last minute", Atspi.Role.CHART, 20)
    wait_for("it to go", lambda: not session.find_start("Last run, "))


def add_console(session):
    """One more port, from the button behind the tabs, and back again; as many as a machine can have."""
    session.use_real_vmm()
    session.define("tiny", "Tiny", kernel=session.tiny_guest(), mem={"size": 64})
    session.start()
    session.activate("app.show-machine", "tiny")
    session.see("Console").do_action(0)
    session.see("Consoles appear when the machine runs")

    def ports():
        return [(port["hardware"], port["num"]) for port in session.definitions()["tiny"].get("serial", [])]

    def add(kind, expected):
        session.see("Add console…", Atspi.Role.TOGGLE_BUTTON).do_action(0)
        session.see(kind).do_action(0)
        wait_for(f"{expected}", lambda: ports() == expected)
    add("Serial port", [("serial", 1), ("serial", 2)])
    session.see("Serial 2 is there when “Tiny” starts")
    session.press("Undo")
    wait_for("the old definition", lambda: ports() == [])
    add("Serial port", [("serial", 1), ("serial", 2)])
    session.activate("app.start-machine", "tiny")
    session.see_row("Tiny, Running", 20)

    def tabs():
        return [node.get_name() for node in walk(session.application()) if node.get_role() == Atspi.Role.PAGE_TAB]
    wait_for("two ports", lambda: tabs() == ["Serial 1", "Serial 2"], 20)
    add("Virtio console", [("serial", 1), ("serial", 2), ("virtio-console", 1)])
    session.see("Console 1 is there when “Tiny” restarts")
    session.shoot("console-added-light")
    session.see("Settings").do_action(0)
    session.see("1 change takes effect when Tiny restarts.")
    session.see("Console").do_action(0)
    for number in (3, 4):
        add("Serial port", [*ports(), ("serial", number)])
    session.see("Add console…", Atspi.Role.TOGGLE_BUTTON).do_action(0)
    session.see("Serial port").do_action(0)
    session.see("This machine has as many consoles as it can have.")


def displays(session):
    """Displays are added and taken away in the window while the machine runs."""
    session.use_real_vmm()
    session.define("tiny", "Tiny", kernel=session.tiny_guest(), mem={"size": 64}, gpu={"backend": "2d"})
    session.start()
    session.activate("app.start-machine", "tiny")
    session.see_row("Tiny, Running", 20)
    session.see("Display").do_action(0)

    def more(item, usable=True):
        for _ in range(5):  # a menu that still closes takes the press for itself
            session.see("More", Atspi.Role.TOGGLE_BUTTON).do_action(0)
            try:
                node = session.see(item, seconds=3)
                break
            except Failure:
                pass
        wait_for(f"“{item}”", lambda: node.has(Atspi.StateType.SENSITIVE) == usable)
        if usable:
            node.do_action(0)
        else:
            session.see("More", Atspi.Role.TOGGLE_BUTTON).do_action(0)
    more("Remove display", usable=False)
    more("Add display")
    session.see("Display 2", seconds=20)
    session.see("Display 1")
    session.shoot("two-displays-light")
    more("Add display")
    session.see("Display 3", seconds=20)
    more("Remove display")
    session.see_not("Display 3", 20)
    more("Remove display")
    session.see_not("Display 2", 20)
    session.see_not("Display 1", 20)


def links(session):
    """An address that the guest wrote is shown before it is opened, by Ctrl and a click; other schemes never."""
    applications = session.path("data/applications")
    os.makedirs(applications)
    opened = session.path("opened")
    with open(session.path("bin/opener"), "w", encoding="utf-8") as file:
        file.write(f"#!/bin/sh\nprintf '%s\\n' \"$1\" >>{opened}\n")
    os.chmod(session.path("bin/opener"), 0o700)
    with open(os.path.join(applications, "opener.desktop"), "w", encoding="utf-8") as file:
        file.write(f"[Desktop Entry]\nType=Application\nName=Opener\nExec={session.path('bin/opener')} %u\n"
                   "MimeType=x-scheme-handler/https;x-scheme-handler/file;x-scheme-handler/javascript;\n")
    with open(os.path.join(applications, "mimeapps.list"), "w", encoding="utf-8") as file:
        file.write("[Default Applications]\n" + "".join(
            f"x-scheme-handler/{scheme}=opener.desktop\n" for scheme in ("https", "file", "javascript")))
    session.define("lab", "Lab")
    folder = session.path("state/vitrine/lab")
    os.makedirs(folder)
    good, bad = "https://vitrine.example/help?page=1", "https://bank.example@evil.example/"
    lines = [f"See {good}.", f"See {bad}.", "See file:///etc/passwd.",
             "See \x1b]8;;https://hidden.example/\x1b\\this text\x1b]8;;\x1b\\."]
    with open(os.path.join(folder, "serial.0.log"), "w", encoding="utf-8") as file:
        file.write("\r\n".join(lines) + "\r\n")
    session.start()
    session.activate("app.show-machine", "lab")
    session.see("Console").do_action(0)
    terminal = session.see("Serial 1 of Lab", Atspi.Role.TERMINAL)
    wait_for("the text", lambda: "passwd" in (terminal.get_text(0, -1) or ""))
    text = terminal.get_text(0, -1)
    session.focus()

    def point_at(words):
        box = terminal.get_character_extents(text.index(words) + 6, Atspi.CoordType.SCREEN)
        subprocess.run(["xdotool", "mousemove", str(box.x + 2), str(box.y + box.height // 2)], check=True, timeout=60)
        subprocess.run(["xdotool", "mousemove_relative", "1", "0"], check=True, timeout=60)

    def click(*held):
        for key in held:
            subprocess.run(["xdotool", "keydown", key], check=True, timeout=60)
        subprocess.run(["xdotool", "click", "1"], check=True, timeout=60)
        for key in held:
            subprocess.run(["xdotool", "keyup", key], check=True, timeout=60)

    def tip(text):
        wait_for(f"the tip “{text}”", lambda: (terminal.get_description() or "") == text)
    for words in (bad, "file:", "this text"):
        point_at(words)
        time.sleep(1)
        expect(not terminal.get_description(), f"{words} is offered")
        click("ctrl")
    point_at(good)
    tip(f"{good}\nCtrl and click to open")
    session.shoot("console-link-light")
    click()
    point_at("See file")
    tip("")
    point_at(good)
    tip(f"{good}\nCtrl and click to open")
    click("ctrl")
    wait_for("the program", lambda: os.path.exists(opened))
    with open(opened, encoding="utf-8") as file:
        expect(file.read() == good + "\n", "another address was opened")


def folded_messages(session):
    """Two messages are shown, the newest on top; the others are one line, and come when it is pressed."""
    parts = session.path("parts.composite")
    with open(parts, "wb") as file:
        file.write(b"composite_disk\x1d")  # a clone refuses it
    session.define("lab", "Lab", kernel="/bin/true", block=[{"path": parts}])
    session.start(**DARK)
    session.activate("app.show-machine", "lab")

    def messages():
        return sum(node.get_role() == Atspi.Role.ALERT and is_showing(node) for node in walk(session.application()))

    def one_more():
        for _ in range(5):  # a menu that still closes takes the press for itself
            session.see("More", Atspi.Role.TOGGLE_BUTTON).do_action(0)
            try:
                session.press("Clone…", None)
                break
            except Failure:
                pass
        session.see("Name of the copy", Atspi.Role.TEXT)
        session.press("Apply")
        session.see_not("Apply")

    def count(number):
        wait_for(f"{number} messages, not {messages()}", lambda: messages() == number)
    for number in (1, 2):
        one_more()
        count(number)
    expect(session.find("1 more message") is None, "a line for nothing")
    one_more()
    session.see("1 more message")
    one_more()
    line = session.see("2 more messages")
    count(2)
    session.shoot("messages-dark")
    line.do_action(0)
    count(4)
    session.shoot("messages-unfolded-dark")
    for number in (3, 2):
        session.press("Close message")
        count(number)
    session.see_not("1 more message")


def first_display(session):
    """A machine without a display offers one; it is in the settings at once and waits there for a restart."""
    session.use_real_vmm()
    session.define("tiny", "Tiny", kernel=session.tiny_guest(), mem={"size": 64})
    session.start()
    session.activate("app.start-machine", "tiny")
    session.see_row("Tiny, Running · no display", 20)
    session.see("Display").do_action(0)
    session.see("This machine has no display")
    session.see("Show console", Atspi.Role.PUSH_BUTTON)
    session.shoot("no-display-light")
    session.press("Add a display")
    wait_for("the card", lambda: session.definitions()["tiny"].get("gpu") == {"backend": "2d"})
    session.see("Screen, keyboard and pointer", Atspi.Role.TOGGLE_BUTTON)
    session.see("1 change takes effect when Tiny restarts.")
    session.press("Undo changes")
    wait_for("no card", lambda: "gpu" not in session.definitions()["tiny"])


def port_rows(session):
    """The consoles of a machine in its settings: where each goes, one more, one less."""
    session.define("lab", "Lab", kernel="/bin/true")
    session.start(**DARK)
    session.activate("app.show-machine", "lab")
    session.see("Settings").do_action(0)
    row = session.see("Consoles", Atspi.Role.LIST_ITEM)
    row.get_parent().select_child(row.get_index_in_parent())
    session.see("Serial 1")
    session.see("The kernel's console")

    def ports(expected):
        def found():
            return [(port["hardware"], port["num"], port["type"])
                    for port in session.definitions()["lab"].get("serial", [])]
        wait_for(f"{expected}", lambda: found() == expected)
    session.choose("What Serial 1 says goes to", "This window alone")
    ports([("serial", 1, "sink")])
    session.choose("What Serial 1 says goes to", "Messages of the machine too")
    ports([("serial", 1, "stdout")])
    session.press("Add a virtio console")
    ports([("serial", 1, "stdout"), ("virtio-console", 1, "sink")])
    session.see("What Console 1 says goes to", Atspi.Role.COMBO_BOX)
    session.shoot("settings-consoles-dark")
    session.press("Remove Serial 1 from the machine")
    ports([("virtio-console", 1, "sink")])
    session.see_not("Remove Serial 1 from the machine")
    session.see("Serial 1 removed")
    session.shoot("settings-removed-dark")
    session.press("Undo")
    ports([("serial", 1, "stdout"), ("virtio-console", 1, "sink")])
    session.press("Remove Serial 1 from the machine")
    ports([("virtio-console", 1, "sink")])
    session.press("Add a serial port")
    ports([("virtio-console", 1, "sink"), ("serial", 1, "sink")])
    session.press("Remove Serial 1 from the machine")
    ports([("virtio-console", 1, "sink")])
    session.choose("What Console 1 says goes to", "Messages of the machine too")
    ports([("virtio-console", 1, "stdout")])
    session.press("Undo")
    session.see("Something else was changed there meanwhile")
    ports([("virtio-console", 1, "stdout")])


def create_with_windows(session):
    """The assistant offers the guest's windows where the desktop can show them, and only with a screen."""
    kernel = session.path("vmlinux")
    with open(kernel, "wb") as file:
        file.write(b"\177ELF" + bytes(64))
    session.start(kernel, WAYLAND_DISPLAY="wayland-7")
    toggle = session.see("Guest windows on this desktop", Atspi.Role.TOGGLE_BUTTON)
    screen = session.see("Screen, keyboard and pointer", Atspi.Role.TOGGLE_BUTTON)
    expect(not toggle.has(Atspi.StateType.CHECKED), "on by itself")
    screen.do_action(0)
    wait_for("no windows without a screen", lambda: not toggle.has(Atspi.StateType.SENSITIVE))
    screen.do_action(0)
    wait_for("windows again", lambda: toggle.has(Atspi.StateType.SENSITIVE))
    toggle.do_action(0)
    session.shoot("create-windows-light")
    session.press("Next")
    definition = session.create("linux", "Linux")
    expect(definition["gpu"] == {"backend": "2d", "context-types": ["cross-domain"]}, f"{definition}")
    expect(definition["wayland-sock"] == {"path": session.path("run/wayland-7")}, f"{definition}")


def open_elsewhere(session):
    """Who else is connected to the machine, and stays, is told; a command that asks and ends is not."""
    session.use_real_vmm()
    session.define("tiny", "Tiny", kernel=session.tiny_guest(), mem={"size": 64}, gpu={"backend": "2d"})
    session.start()
    session.activate("app.start-machine", "tiny")
    session.see_row("Tiny, Running", 20)
    subprocess.run([session.path("bin/vmm"), "ping", "tiny"], env=session.environment, check=True, timeout=60)
    expect(not session.find("Also open elsewhere"), "a command is told")
    other = subprocess.Popen([session.path("bin/vmm"), "trace", "tiny", "kick"], env=session.environment,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        session.see("Also open elsewhere", seconds=20)
        expect(session.see_row("Tiny, Running").get_name().endswith("Also open elsewhere"), "not in the row's name")
        session.shoot("elsewhere-light")
    finally:
        other.terminate()
        other.wait(20)
    session.see_not("Also open elsewhere", 20)


def small_file_system(place):
    """A file system of 3 MiB, in a mount namespace of this process; False where that is refused."""
    libc = ctypes.CDLL(None, use_errno=True)
    os.mkdir(place)
    return os.geteuid() == 0 and libc.unshare(0x20000) == 0 and \
        libc.mount(b"none", b"/", None, 0x4000 | 1 << 18, None) == 0 and \
        libc.mount(b"small", place.encode(), b"tmpfs", 0, b"size=3m") == 0


def disk_full(session):
    """A host that is full: the machine waits, the window and the desktop say so, and it goes on when there is room."""
    place = session.path("small")
    if not small_file_system(place):
        print("# only root can mount: not tested")
        return
    disk, rest = os.path.join(place, "disk.img"), os.path.join(place, "rest")
    with open(disk, "wb") as file:
        file.truncate(8 << 20)
    with open(rest, "wb") as file:
        file.write(bytes((3 << 20) - (300 << 10)))
    told = Notifications()
    try:
        session.use_real_vmm()
        session.define("tiny", "Tiny", kernel=os.path.join(session.build, "tests/control/disk-guest.elf"),
                       mem={"size": 64}, block=[{"path": disk}])
        session.start()
        session.activate("app.start-machine", "tiny")
        session.alert("No room for the disk of Tiny", 60)
        session.see_row("Tiny, Paused", 20)
        session.unfocus()
        for _ in range(3):  # a machine that runs out of room again at once may never have been seen running
            os.truncate(rest, os.stat(rest).st_size - (200 << 10))  # for a few requests
            session.press("Continue")
            if told.comes("No room for the disk of Tiny", 10):
                break
        told.wait_for("No room for the disk of Tiny", 0)
        told.press("No room for the disk of Tiny", "Show log")
        session.see("Find in the log")
        expect(session.find_start(f"There is no room on “{place}” for the disk “{disk}” (") is not None,
               "the message does not say which disk, and where")
        session.shoot("disk-full-light")
        session.press("Continue")  # without room
        time.sleep(1)
        session.see_row("Tiny, Paused", 5)
        session.see("Continue", Atspi.Role.PUSH_BUTTON)
        os.truncate(rest, 0)
        session.press("Continue")
        session.see_row("Tiny, Off", 60)
        expect(session.find("No room for the disk of Tiny") is None, "the message stays")
        with open(disk, "rb") as file:
            file.seek(23 * 65536)
            expect(file.read(4) == b"\0\0\x17\0", "what the guest wrote is not on its disk")
    finally:
        told.end()


def disk_rows(session):
    """A disk that is taken out can come back, and what was set meanwhile stays."""
    disks = [{"path": session.path(f"disk-{number}.img")} for number in (1, 2)]
    for disk in disks:
        open(disk["path"], "wb").close()
    session.define("lab", "Lab", kernel="/bin/true", block=disks)
    session.start()
    session.activate("app.show-machine", "lab")
    session.see("Settings").do_action(0)
    row = session.see("Disks", Atspi.Role.LIST_ITEM)
    row.get_parent().select_child(row.get_index_in_parent())
    session.press("Remove disk-1.img from the machine")
    wait_for("one disk", lambda: session.definitions()["lab"]["block"] == disks[1:])
    session.see("“disk-1.img” removed; the file stays")
    expect(os.path.exists(disks[0]["path"]), "the file is gone")
    session.shoot("settings-disk-removed-light")
    definition = session.definitions()["lab"]
    definition["mem"]["size"] = 1024
    with open(session.path("config/vitrine/machines/lab.json"), "w") as file:
        json.dump(definition, file)
    row = session.see("System", Atspi.Role.LIST_ITEM)
    row.get_parent().select_child(row.get_index_in_parent())
    wait_for("the new size", lambda: (node := session.find("Memory", Atspi.Role.SPIN_BUTTON)) is not None
             and node.get_text(0, -1) == "1024")
    session.press("Undo")
    wait_for("both disks", lambda: session.definitions()["lab"]["block"] == disks)
    expect(session.definitions()["lab"]["mem"]["size"] == 1024, "the other setting was taken back")


def show_disks(session):
    session.activate("app.show-machine", "lab")
    session.see("Settings").do_action(0)
    row = session.see("Disks", Atspi.Role.LIST_ITEM)
    row.get_parent().select_child(row.get_index_in_parent())


def ask_for(session, size):
    session.focus()
    session.focus_on("New size", Atspi.Role.SPIN_BUTTON)
    session.keys("ctrl+a")
    session.type(size)
    session.keys("Return")


def disk_grows(session):
    """A disk of a machine that is off becomes larger, never smaller; when it cannot be, why, and nothing changes."""
    disk, image = session.path("disk.img"), session.path("image.qcow2")
    with open(disk, "wb") as file:
        file.truncate(64 << 20)
        file.write(b"mine")
    session.use_real_vmm()
    subprocess.run([session.path("bin/vmm"), "create_qcow2", image, str(3 << 30)], env=session.environment, check=True,
                   timeout=60)
    session.define("lab", "Lab", kernel="/bin/true", block=[{"path": disk}, {"path": disk, "ro": True}, {"path": image}])
    session.start()
    show_disks(session)
    wait_for("its size", lambda: session.find_start("64\u00a0MiB · "))
    wait_for("its size", lambda: session.find_start("3\u00a0GiB · "))
    buttons = [node for node in walk(session.application()) if node.get_name() == "Make disk.img larger" and is_showing(node)]
    expect([node.has(Atspi.StateType.SENSITIVE) for node in buttons] == [True, False], f"{buttons}")
    expect(buttons[1].get_description() == "The machine may only read this disk", buttons[1].get_description())
    buttons[0].do_action(0)
    spin = session.see("New size", Atspi.Role.SPIN_BUTTON)
    wait_for("what it has", lambda: session.find_start("It has 64\u00a0MiB; "))
    expect(spin.get_text(0, -1) == "128", spin.get_text(0, -1))
    session.see("It cannot be made smaller again. Its partition and file system stay as they are until the guest grows them.")
    session.shoot("grow-disk-light")
    ask_for(session, "63")
    session.see("It has 64\u00a0MiB, and a disk can only become larger: what lies at its end would be lost.")
    with open(disk, "rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        ask_for(session, "200")
        session.see(f"Nothing was changed: another program uses “{disk}”; stop it first.")
        expect(os.stat(disk).st_size == 64 << 20, "it was changed")
    ask_for(session, "200")
    session.see("“disk.img” has 200\u00a0MiB now. The guest sees it when it starts.")
    session.shoot("grew-disk-light")
    with open(disk, "rb") as file:
        expect(file.read(4) == b"mine" and os.stat(disk).st_size == 200 << 20, f"{os.stat(disk)}")
    session.press("Done")
    wait_for("its size", lambda: session.find_start("200\u00a0MiB · "))
    session.press("Make image.qcow2 larger")
    ask_for(session, "5.5")
    session.see("“image.qcow2” has 5.5\u00a0GiB now. The guest sees it when it starts.")
    with open(image, "rb") as file:
        expect(int.from_bytes(file.read(32)[24:], "big") == 11 << 29, "the image")
    if shutil.which("qemu-img"):
        subprocess.run(["qemu-img", "check", image], check=True, timeout=60, stdout=subprocess.DEVNULL)
    session.keys("Escape")
    session.see_not("New size")


def disk_grows_live(session):
    """The same, with a disk of an included file before it, while it runs, and memory of a guest without a driver for it."""
    disk, other, theirs = (session.path(f"{name}.img") for name in ("disk", "other", "theirs"))
    for path in (disk, other, theirs):
        with open(path, "wb") as file:
            file.truncate(64 << 20)
    base = session.path("base.json")
    with open(base, "w", encoding="utf-8") as file:
        json.dump({"block": [{"path": theirs}]}, file)
    session.use_real_vmm()
    session.define("lab", "Lab", kernel=session.tiny_guest(), mem={"size": 64}, block=[{"path": other}, {"path": disk}],
                   cfg=[base])
    session.start()
    session.activate("app.start-machine", "lab")
    session.see_row("Lab, Running", 20)
    show_disks(session)
    session.press("Remove other.img from the machine")
    session.see_not("Remove other.img from the machine")
    session.press("Make disk.img larger")
    wait_for("what it has", lambda: session.find_start("It has 64\u00a0MiB; "))
    ask_for(session, "96")
    session.see("“disk.img” has 96\u00a0MiB now, and the guest was told.")
    expect([os.stat(path).st_size >> 20 for path in (disk, other, theirs)] == [96, 64, 64], "another one")
    session.press("Done")
    wait_for("its size", lambda: session.find_start("96\u00a0MiB · "))
    row = session.see("System", Atspi.Role.LIST_ITEM)
    row.get_parent().select_child(row.get_index_in_parent())
    session.see("The guest does not answer to this: its driver, virtio_balloon, is not loaded")
    expect(not session.see("Memory the guest has now", Atspi.Role.SLIDER).has(Atspi.StateType.SENSITIVE), "to be moved")


TESTS = [start_disposable, switch_rows, speaks_german, cures_in_german, graphics_in_german, vulkan_that_is_not, last_run, add_console, displays,
         links, folded_messages, first_display, port_rows,
         disk_rows, disk_grows, disk_grows_live, create_with_windows, open_elsewhere, disk_full]

sys.exit(run(TESTS))
