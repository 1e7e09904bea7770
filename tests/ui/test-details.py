#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Small parts of the real vitrine under Xvfb, as test-ui.py; prints TAP.

usage: test-details.py BUILD-FOLDER [TEST...]"""
import json
import os
import subprocess
import sys
import time

from gi.repository import GLib
from runner import expect, run
from session import Atspi, Node, run_in_session, wait_for, walk

if "VITRINE_UI_SESSION" not in os.environ and __name__ == "__main__":
    sys.exit(run_in_session())


class Heard:
    """What a reader is told of rows: ("selected", name), ("focused", name), in the order of the events."""

    KINDS = ("selected", "focused")

    def __init__(self):
        self.said = []
        self.listeners = [(kind, Atspi.EventListener.new(self.heard, None)) for kind in self.KINDS]
        for kind, listener in self.listeners:
            listener.register(f"object:state-changed:{kind}")

    def heard(self, event, *_):
        node = Node(event.source)
        if event.detail1 and node.get_role() == Atspi.Role.LIST_ITEM:
            self.said.append((event.type.split(":")[2], node.get_name()))

    def after(self, seconds=1.0, least=0):
        """All that was told in that time, which begins when so much was."""
        late = time.monotonic() + 10
        end = time.monotonic() + seconds
        while time.monotonic() < end or (len(self.said) < least and time.monotonic() < late):
            GLib.MainContext.default().iteration(False)
            time.sleep(0.01)
            if len(self.said) < least:
                end = time.monotonic() + seconds
        said, self.said = self.said, []
        return said

    def end(self):
        for kind, listener in self.listeners:
            listener.deregister(f"object:state-changed:{kind}")


def check_told(said, name, key):
    """Of the cursor GTK tells twice."""
    expect(said[:1] == [("selected", name)] and said[1:] and all(one == ("focused", name) for one in said[1:]), f"{key}: {said}")


def told_as_selected(session):
    """Arrows, Home and End tell a reader that the row is selected before it has the focus, once."""
    for name in ("ada", "bob", "eve"):
        session.define(name, name.title())
    session.start()
    session.see_row("Eve, Off")
    session.focus()
    session.activate("app.show-machine", "bob")
    session.see_row("Bob, Off").grab_focus()
    heard = Heard()
    try:
        heard.after()
        for key, name in (("Down", "Eve, Off"), ("Up", "Bob, Off"), ("Home", "All machines"), ("End", "Eve, Off")):
            session.keys(key)
            said = heard.after(least=2)
            check_told(said, name, key)
        session.activate("app.show-machine", "bob")
        session.set_state("win.view", "settings")
        session.see("General", Atspi.Role.LIST_ITEM).grab_focus()
        heard.after(least=2)
        for key, name in (("Down", "System"), ("Up", "General")):
            session.keys(key)
            said = heard.after(least=2)
            check_told(said, name, f"sections, {key}")
    finally:
        heard.end()


def sharing_limits(session):
    """Where a process may have few files open, the real `vmm check` says so, and what raises that."""
    session.use_real_vmm()
    os.rename(session.path("bin/vmm"), session.path("bin/real-vmm"))
    with open(session.path("bin/vmm"), "w", encoding="utf-8") as file:
        file.write(f"#!/bin/sh\nulimit -n ${{FEW_FILES:-1500}}\nexec {session.path('bin/real-vmm')} \"$@\"\n")
    os.chmod(session.path("bin/vmm"), 0o700)
    answers = [subprocess.run([session.path("bin/vmm"), "check"], env=dict(session.environment, FEW_FILES=limit),
                              capture_output=True, text=True, timeout=60).stdout for limit in ("800", "8192")]
    expect("NO      A process may have only 800 files open; machines need 4096." in answers[0], answers[0])
    expect("ok      A process may have enough files open (4096)." in answers[1], answers[1])
    session.start(LANGUAGE="de")
    session.activate("app.self-check")
    session.see("Grenzen für offene Dateien", seconds=60)
    session.see("Ein Prozess darf 1500 Dateien offen haben; Maschinen mit Grafik brauchen 4096. Heben Sie für Ihre "
                "Anmeldung die Grenze offener Dateien an und melden Sie sich dann neu an.")
    entry = session.see("In einem Terminal auszuführender Befehl: Grenzen für offene Dateien", Atspi.Role.TEXT)
    expect(entry.get_text(0, -1).startswith("echo '* hard nofile 524288' | sudo tee /etc/security/"), entry.get_text(0, -1))
    session.shoot("sharing-limits-german")


# A back end of others in a jail of others: namespaces, no capability, a filter that lets all through; it listens, and
# then is what the arguments say, with the listening socket as descriptor 9.
JAILER = r"""
import ctypes, os, socket, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
def call(name, *args):
    if getattr(libc, name)(*args) != 0:
        sys.exit(f"{name}{args}: {os.strerror(ctypes.get_errno())}")
NEW = 0x00020000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000
uid, gid = os.geteuid(), os.getegid()
call("unshare", NEW)
for name, text in (("setgroups", "deny"), ("uid_map", f"1000 {uid} 1"), ("gid_map", f"1000 {gid} 1")):
    with open(f"/proc/self/{name}", "w") as file:
        file.write(text)
if os.fork():
    os.wait()
    os._exit(0)
call("prctl", 1, 9, 0, 0, 0)  # it ends with its parent
for capability in range(64):
    libc.prctl(24, capability, 0, 0, 0)
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
os.dup2(listener.fileno(), 9)
call("prctl", 38, 1, 0, 0, 0)
code = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0x7fff0000))
program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", 1, ctypes.addressof(code)))
call("prctl", 22, 2, program, 0, 0)
os.execvp(sys.argv[2], sys.argv[2:])
"""


def back_end(session, name, jailed):
    """A disk that qemu-storage-daemon serves; the path of its socket."""
    path = session.path(f"{name}.socket")
    with open(session.path(name), "wb") as file:
        file.truncate(1 << 20)
    address = "addr.type=fd,addr.str=9" if jailed else f"addr.type=unix,addr.path={path}"
    words = ["qemu-storage-daemon", "--blockdev", f"driver=file,node-name=file,filename={session.path(name)}",
             "--export", f"type=vhost-user-blk,id=export,node-name=file,writable=on,{address}"]
    return path, subprocess.Popen([sys.executable, "-c", JAILER, path, *words] if jailed else words)


def foreign_back_ends(session):
    """Who serves `--vhost-user` stands among the processes, as foreign, with what holds it."""
    served = [back_end(session, "open", False), back_end(session, "shut", True)]
    try:
        for path, process in served:
            wait_for(path, lambda: os.path.exists(path) or process.poll() is not None)  # pylint: disable=cell-var-from-loop
            expect(process.poll() is None, f"no back end: {process.args[0]}")
        session.use_real_vmm()
        session.define("tiny", "Tiny", kernel=session.tiny_guest(), mem={"size": 64}, gpu={"backend": "2d"},
                       **{"vhost-user": [{"type": "block", "socket": path} for path, _ in served]})
        session.start(LANGUAGE="de")
        session.activate("app.start-machine", "tiny")
        session.see_row("Tiny, Läuft", 20)
        session.set_state("win.view", "statistics")
        table = session.see("Prozesse von Tiny", Atspi.Role.TABLE, 20)

        def row_of(name):
            cells = [node.get_name() for node in walk(table) if node.get_role() == Atspi.Role.TABLE_CELL]
            return cells[cells.index(name):][:8] if name in cells else None
        wait_for("jails", lambda: "…" not in (row_of("vhost-user-1") or ["…"]), 20)
        expect(row_of("vhost-user-0")[1:3] == ["Gerät eines anderen Programms", "Nicht eingesperrt, fremd"],
               f"{row_of('vhost-user-0')}")
        expect([row_of(name)[5] for name in ("vhost-user-0", "vhost-user-1")] == ["nicht begrenzt", "nicht bekannt"],
               f"{row_of('vhost-user-1')}")
        expect(row_of("vhost-user-0")[7] == str(served[0][1].pid), f"{row_of('vhost-user-0')}, {served[0][1].pid}")
        expect(row_of("vhost-user-1")[1:3] == ["Gerät eines anderen Programms", "Eingesperrt, fremd"],
               f"{row_of('vhost-user-1')}")
        session.see("vhost-user-0 hat jemand anderes gestartet, der auch bestimmt, wie es eingesperrt ist.")
        cell = next(node for node in walk(table) if node.get_name() == "vhost-user-1")
        actions = [cell.get_action_name(number) for number in range(cell.get_n_actions() or 0)]
        cell.do_action(actions.index("activate"))
        session.see("user, pid, mount, net, ipc, uts")
        session.see("Welche Systemaufrufe erlaubt sind, ist nicht bekannt")
        session.shoot("foreign-german")
    finally:
        for _, process in served:
            process.kill()
            process.wait()


def icon_row(session):
    """An icon of one's own stands in list and table where there is no picture, and is in the definition."""
    session.define("lab", "Lab")
    session.define("odd", "Odd", manager={"title": "Odd", "icon": "of-a-later-version"})
    session.start(LANGUAGE="de")
    session.activate("app.show-machine", "lab")
    session.set_state("win.view", "settings")
    picture = session.see("Letztes Bild von Lab", Atspi.Role.IMAGE)
    other = session.see("Letztes Bild von Odd", Atspi.Role.IMAGE)
    time.sleep(1)
    before, others = session.pixels_of(picture), session.pixels_of(other)
    session.choose("Symbol", "Terminal")
    wait_for("the icon", lambda: session.definitions()["lab"]["manager"].get("icon") == "terminal")
    wait_for("the icon in the list", lambda: session.pixels_of(picture) != before)
    expect(session.pixels_of(other) == others, "another machine has another icon")
    expect(session.definitions()["odd"]["manager"]["icon"] == "of-a-later-version", "another's icon changed")
    session.shoot("icon-german")
    session.choose("Symbol", "Ein oder aus")
    wait_for("no icon", lambda: "icon" not in session.definitions()["lab"]["manager"])
    wait_for("what was there before", lambda: session.pixels_of(picture) == before)
    session.choose("Symbol", "Bildschirm")
    session.activate("win.overview")
    session.see("Lab", Atspi.Role.TABLE_CELL)
    session.shoot("icon-table")


def write_json(session, name, **members):
    path = session.path(name)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(members, file)
    return path


def click(node):
    box = node.get_extents(Atspi.CoordType.SCREEN)
    subprocess.run(["xdotool", "mousemove", str(box.x + box.width // 2), str(box.y + box.height // 2), "click", "1"],
                   check=True, timeout=60)


def choose_section(session, number):
    session.see("Système").get_parent().select_child(number)


def base_file(session):
    """What a file decides that the definition includes is shown, cannot be changed, and is named."""
    base = write_json(session, "base.json", cfg=["below.json"], mem={"size": 384}, kernel="/bin/true", disposable=False,
                      manager={"group": "Base"})
    write_json(session, "below.json", mem={"size": 1024}, cpus={"num-cores": 3}, gpu={"backend": "2d"})
    path = "config/vitrine/machines/lab.json"
    own = {"kernel": "/bin/false", "manager": {"title": "Lab"}}
    write_json(session, path, cfg=[base], **own)
    session.start(LANGUAGE="fr")
    session.activate("app.show-machine", "lab")
    session.set_state("win.view", "settings")
    expect(session.see("Groupe", Atspi.Role.TEXT).get_text(0, -1) == "", "the group is the base's")
    choose_section(session, 1)
    for name, value, file in (("Mémoire", 384, "base.json"), ("Processeurs", 3, "below.json")):
        control = session.see(name, Atspi.Role.SPIN_BUTTON)
        expect(control.get_current_value() == value, f"{name}: {control.get_current_value()}")
        expect(not control.has(Atspi.StateType.SENSITIVE), f"{name} can be changed")
        expect(control.get_description() == f"Défini dans {session.path(file)}", control.get_description())
        session.see(f"Défini dans {session.path(file)}")
    session.shoot("base-french")
    choose_section(session, 4)
    screen = session.see("Écran, clavier et pointeur", Atspi.Role.TOGGLE_BUTTON)
    expect(screen.has(Atspi.StateType.CHECKED), "the base's card is not shown")
    choose_section(session, 2)
    kernel = session.see("Noyau", Atspi.Role.TEXT)
    expect(kernel.has(Atspi.StateType.SENSITIVE), "the definition's own kernel cannot be changed")
    click(session.see("Oublier les changements", Atspi.Role.LABEL))
    time.sleep(0.5)
    expect("disposable" not in session.definitions()["lab"], "a click on its row changes what the base says")
    choose_section(session, 5)
    keyboard = session.see("Clavier", Atspi.Role.TOGGLE_BUTTON)
    for wanted in (False, True):
        keyboard.do_action(0)
        wait_for("the keyboard's switch", lambda: session.definitions()["lab"].get("display-window-keyboard") == wanted)  # pylint: disable=cell-var-from-loop
        expect(keyboard.has(Atspi.StateType.CHECKED) == wanted, "the switch shows something else")
    expect({name: session.definitions()["lab"].get(name) for name in ("mem", "gpu", "cpus")} ==
           {"mem": None, "gpu": None, "cpus": None}, "what the base says was written")
    write_json(session, path, **own)
    choose_section(session, 1)
    memory = session.see("Mémoire", Atspi.Role.SPIN_BUTTON)
    wait_for("the row", lambda: memory.has(Atspi.StateType.SENSITIVE))
    wait_for("what the row is for", lambda: memory.get_description() == "En Mio")


def ask_for(session, size):
    session.focus()
    session.focus_on("New size", Atspi.Role.SPIN_BUTTON)
    session.keys("ctrl+a")
    session.type(size)
    session.keys("Return")


def base_devices(session):
    """Disks and consoles of an included file stand first and cannot go, but disks can grow; the definition's own can still go."""
    disks = [session.path(name) for name in ("theirs.img", "first.img", "second.img")]
    for disk in disks:
        with open(disk, "wb") as file:
            file.truncate(1 << 20)
    base = write_json(session, "base.json", block=[{"path": disks[0]}],
                      serial=[{"type": "stdout", "hardware": "serial", "num": 1, "console": True}])
    session.define("lab", "Lab", cfg=[base], block=[{"path": disk} for disk in disks[1:]])
    session.start()
    session.activate("app.show-machine", "lab")
    session.set_state("win.view", "settings")
    session.see("System").get_parent().select_child(3)
    session.see(f"1\u00a0MiB · {session.base}\nSet in {base}")
    expect(not session.find("Remove theirs.img from the machine"), "the file's disk can be removed")
    session.shoot("base-disks-light")
    for disk, size in ((disks[0], 4), (disks[1], 6)):
        session.press(f"Make {os.path.basename(disk)} larger")
        ask_for(session, str(size))
        session.see(f"“{os.path.basename(disk)}” has {size}\u00a0MiB now. The guest sees it when it starts.")
        session.press("Done")
    expect([os.stat(disk).st_size >> 20 for disk in disks] == [4, 6, 1], "another disk grew")
    session.press("Remove first.img from the machine")
    wait_for("the right disk to go", lambda: session.definitions()["lab"]["block"] == [{"path": disks[2]}])
    session.see("Remove second.img from the machine")
    session.see("System").get_parent().select_child(6)
    session.see(f"The kernel's console\nSet in {base}")
    expect(not session.find("Remove Serial 1 from the machine"), "the file's port can be removed")
    session.press("Add a serial port")
    session.see("Remove Serial 2 from the machine")
    ports = session.definitions()["lab"]["serial"]
    expect([port["num"] for port in ports] == [2], ports)
    session.shoot("base-ports-light")
    session.press("Remove Serial 2 from the machine")
    wait_for("the port to go", lambda: not session.definitions()["lab"].get("serial"))
    session.see("Serial 2 removed")


def base_slow(session):
    """An included file that nobody gives holds no window: the machine's own values are there at once, the file's later, on no other page."""
    bases = [write_json(session, f"{name}.json", mem={"size": size}) for name, size in (("slow", 384), ("quick", 640))]
    for name, title, cores, base in (("lab", "Lab", 3, bases[0]), ("other", "Other", 2, bases[1])):
        write_json(session, f"config/vitrine/machines/{name}.json", cfg=[base], cpus={"num-cores": cores},
                   manager={"title": title})
    session.start(LANGUAGE="de")
    session.see_row("Lab, Aus")
    session.activate("app.show-machine", "other")
    session.see("Other, Bildschirm", Atspi.Role.FRAME)
    held = subprocess.Popen(["strace", "-f", "-p", str(session.process.pid), "-P", bases[0], "-e", "trace=openat",
                             "-e", "inject=openat:delay_enter=6000000", "-o", "/dev/null"], stderr=subprocess.PIPE, text=True)
    try:
        expect("attached" in held.stderr.readline(), "strace does not attach")
        session.activate("app.show-machine", "lab")
        begin = time.monotonic()
        session.set_state("win.view", "settings")
        session.see("System").get_parent().select_child(1)
        processors = session.see("Prozessoren", Atspi.Role.SPIN_BUTTON)
        expect(processors.get_current_value() == 3, f"{processors.get_current_value()}")
        expect(not session.see("Speicher", Atspi.Role.SPIN_BUTTON).has(Atspi.StateType.SENSITIVE), "what is not known can be changed")
        expect(time.monotonic() - begin < 4, "the window was held")
        session.alert("Die Dateien, die diese Maschine einbindet, werden noch gelesen.")
        session.shoot("base-slow-german")
        session.activate("app.show-machine", "other")
        memory = session.see("Speicher", Atspi.Role.SPIN_BUTTON)
        wait_for("the other's own", lambda: memory.get_current_value() == 640)
        time.sleep(max(0, begin + 8 - time.monotonic()))
        expect(memory.get_current_value() == 640, "the late answer is shown for another machine")
        session.activate("app.show-machine", "lab")
        wait_for("the file's value", lambda: memory.get_current_value() == 384, 20)
        expect(memory.get_description() == f"Festgelegt in {bases[0]}", memory.get_description())
        wait_for("the rest of the page", lambda: processors.has(Atspi.StateType.SENSITIVE))
        wait_for("the words to go", lambda: not session.find_start("Die Dateien, die diese"))
    finally:
        held.terminate()
        held.wait()


def base_broken(session):
    """An included file that cannot be used is named, whatever it is, and the rest is shown."""
    long = session.path("long")
    with open(long, "wb") as file:
        file.write(b" " * (2 << 20))
    os.mkfifo(session.path("pipe"))
    os.mkdir(session.path("folder"))
    write_json(session, "loop", cfg=["loop"])
    write_json(session, "locked")
    os.chmod(session.path("locked"), 0)
    with open(session.path("words"), "w", encoding="utf-8") as file:
        file.write("hello")
    cases = [("long", "is longer than 1 MiB."), ("pipe", "is not a file."), ("folder", "is not a file."),
             ("loop", "is included by itself, or more than 8 deep."), ("none", "is not there."),
             ("words", "is not a JSON file that says what a machine has.")]
    if os.getuid() != 0:
        cases.append(("locked", "cannot be read."))
    session.define("lab", "Lab")
    session.start()
    session.activate("app.show-machine", "lab")
    session.set_state("win.view", "settings")
    session.see("System").get_parent().select_child(1)
    expect(not session.find_start("“"), "something is said of no file")
    for name, words in cases:
        session.define("lab", "Lab", cfg=[session.path(name)])
        session.alert(f"“{session.path(name)}” {words} The machine cannot start")
        expect(session.see("Memory", Atspi.Role.SPIN_BUTTON).get_current_value() == 512, "the rest is not shown")
        session.shoot(f"base-broken-{name}-light")
    session.press("Configuration file")
    session.see("Configuration file", Atspi.Role.TEXT)
    session.define("lab", "Lab")
    wait_for("the message to go", lambda: not session.find_start("“"))


def narrow_title(session):
    """A title that has no room has a tip with all of it, and one that has room has none."""
    title = "Debian 12 for the accounts of the year before last"
    session.define("lab", title)
    session.define("short", "Ab")
    session.start()
    session.activate("app.show-machine", "lab")
    session.see_row(f"{title}, Off")
    window = subprocess.run(["xdotool", "search", "--onlyvisible", "--pid", str(session.process.pid)],
                            capture_output=True, text=True, timeout=60).stdout.split()[0]
    subprocess.run(["xdotool", "windowsize", "--sync", window, "420", "780"], check=True, timeout=60)
    session.see("Back", Atspi.Role.PUSH_BUTTON)
    window_id = hex(int(window))

    def tip_over(name):
        label = session.see(name, Atspi.Role.LABEL)
        time.sleep(0.5)  # the size has settled
        box = label.get_extents(Atspi.CoordType.SCREEN)
        for shift in (0, 3):  # it is moving that asks
            subprocess.run(["xdotool", "mousemove", str(box.x + box.width // 2 + shift), str(box.y + box.height // 2)],
                           check=True, timeout=60)
            time.sleep(0.2)
        time.sleep(1.5)  # a tip is a window, which no reader is told of
        tree = subprocess.run(["xwininfo", "-root", "-tree"], capture_output=True, text=True, timeout=60, check=True).stdout
        found = [line.split()[0] for line in tree.splitlines() if '"vitrine"' in line.lower() and window_id not in line]
        return [one for one in found if "IsViewable" in subprocess.run(["xwininfo", "-id", one], capture_output=True, text=True,
                                                                       timeout=60, check=False).stdout]
    tips = tip_over(title)
    session.shoot("narrow-title-light")
    expect(tips, "no tip")
    subprocess.run(["xdotool", "mousemove", "0", "0"], check=True, timeout=60)
    session.activate("app.show-machine", "short")
    expect(not tip_over("Ab"), "a tip that says nothing more")


TESTS = [told_as_selected, sharing_limits, foreign_back_ends, icon_row, base_file, base_devices, base_slow, base_broken,
         narrow_title]

if __name__ == "__main__":
    sys.exit(run(TESTS))
