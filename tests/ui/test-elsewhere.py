#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Machines that the window did not start: in the list while they run, and by their control socket.

usage: test-elsewhere.py BUILD-FOLDER DRAWN-VMM [TEST...]    Prints TAP."""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

from runner import expect, run
from session import Atspi, is_showing, run_in_session, wait_for, walk

if "VITRINE_UI_SESSION" not in os.environ and __name__ == "__main__":
    sys.exit(run_in_session())

DRAWN_VMM = os.path.abspath(sys.argv.pop(2))
CONNECT = "Connect to a running machine…"


def started(session, name, program=DRAWN_VMM, words=(), **environment):
    """What a terminal does: `vmm run --name NAME`."""
    process = subprocess.Popen([program, "run", "--name", name, *words],
                               env=dict(session.environment, **environment),
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    folder = environment.get("XDG_RUNTIME_DIR", session.path("run"))
    wait_for("the machine", lambda: os.path.exists(os.path.join(folder, "vitrine", name, "control")))
    return process


def ended(process):
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    return process.wait(20)


def rows(session, start):
    return [node for node in walk(session.application())
            if node.get_role() == Atspi.Role.LIST_ITEM and (node.get_name() or "").startswith(start)]


def is_gone(session, start):
    wait_for(f"the row “{start}…” to go", lambda: not rows(session, start))


def elsewhere(session, group="Started elsewhere"):
    """The rows below that heading."""
    return [node for node in walk(session.application())
            if node.get_role() == Atspi.Role.LIST_ITEM and (node.get_name() or "").endswith(group)]


def usable(session, name):
    node = session.see(name)
    return node.has(Atspi.StateType.SENSITIVE)


def in_the_list(session):
    """One that runs at the start is there, and one that starts later; each can be watched, and goes with its end."""
    session.define("lab", "Lab")
    first = started(session, "first")
    second = None
    try:
        session.start()
        session.see_row("first, Running")
        expect(elsewhere(session), "nothing says what it is")
        second = started(session, "second")
        session.see_row("second, Running")
        session.activate("app.show-machine", "second")
        session.see("Display of second")
        session.shoot("elsewhere-light")
        expect(usable(session, "Shut down"), "it cannot be shut down")
        session.see("Settings").do_action(0)
        session.see("This machine has no definition")
        expect(not session.find("Processors"), "settings of no definition")
        session.shoot("elsewhere-settings-light")
        session.activate("app.show-machine", "lab")
        session.see("Settings").do_action(0)
        session.see("General", Atspi.Role.LIST_ITEM)
        expect(not session.find("This machine has no definition"), "said of one that has")
        ended(second)
        is_gone(session, "second")
        expect(rows(session, "first, Running") and rows(session, "Lab, Off"), "others went too")
        again = started(session, "second")
        try:
            session.see_row("second, Running")
        finally:
            ended(again)
        is_gone(session, "second")
    finally:
        for process in (first, second):
            if process:
                ended(process)
    is_gone(session, "first")


def what_is_allowed(session):
    """Nothing that needs a definition can be done with it; it can be shut down, and is not started again."""
    process = started(session, "lab")
    try:
        session.start()
        session.activate("app.show-machine", "lab")
        session.see_row("lab, Running")
        session.see("More").do_action(0)
        for name in ("Rename…", "Group…", "Clone…", "Delete", "Copy command line", "Restart"):
            expect(not usable(session, name), f"“{name}” can be used")
        session.keys("Escape")
        session.press("Shut down")
        ended(process)
        is_gone(session, "lab")
        expect(not session.definitions(), "there is a definition")
    finally:
        ended(process)


def started_with_restart(session):
    """One that comes again can be restarted."""
    process = started(session, "lab", words=["--restart"])
    try:
        session.start()
        session.activate("app.show-machine", "lab")
        session.see_row("lab, Running")
        session.see("More").do_action(0)
        expect(usable(session, "Restart"), "it cannot be restarted")
    finally:
        ended(process)


def of_a_definition(session):
    """A defined machine that a terminal starts is that machine; one that is defined while it runs gets its own settings."""
    session.define("lab", "Lab")
    session.start()
    session.see_row("Lab, Off")
    process = started(session, "lab")
    other = started(session, "other")
    try:
        session.see_row("Lab, Running")
        session.see_row("other, Running")
        session.define("other", "The other")
        session.see_row("The other, Running")
        expect(not elsewhere(session), "it is still in the group")
        ended(other)
        session.see_row("The other, Off")
        ended(process)
        session.see_row("Lab, Off")
    finally:
        ended(process)
        ended(other)


def says(session, machine, /, **config):
    """What `vmm run` leaves in the machine's runtime folder."""
    with open(session.path(f"run/vitrine/{machine}/config"), "w", encoding="utf-8") as file:
        json.dump(config, file)


def keep(session, title=None):
    session.see("More").do_action(0)
    session.see("Keep as a machine…").do_action(0)
    entry = session.see("Name", Atspi.Role.TEXT)
    if title:
        entry.set_text_contents(title)
    session.press("Apply")


def kept(session):
    """One that runs gets a definition with whole paths, is that machine at once, and can be started when it has ended."""
    place = session.path("place")
    os.makedirs(place)
    for name in ("disk.img", "vmlinux"):
        with open(os.path.join(place, name), "wb") as file:
            file.truncate(1 << 20)
    before = os.getcwd()
    os.chdir(place)
    process = started(session, "lab")
    os.chdir(before)
    says(session, "lab", kernel="vmlinux", params=[""], mem={"size": 384}, suspended=True, name="lab", socket="/x",
         block=[{"path": "disk.img", "ro": True}], serial=[{"type": "stdout", "stdin": True}], **{"vhost-user": []})
    try:
        session.start()
        session.activate("app.show-machine", "lab")
        session.see_row("lab, Running")
        session.see("Settings").do_action(0)
        session.see("This machine has no definition")
        session.shoot("keep-settings-light")
        keep(session, "My lab")
        session.see_row("My lab, Running")
        expect(session.definitions() == {"lab": {
            "kernel": os.path.join(place, "vmlinux"), "mem": {"size": 384},
            "block": [{"path": os.path.join(place, "disk.img"), "ro": True}],
            "serial": [{"type": "sink"}], "manager": {"title": "My lab"}}}, session.definitions())
        expect(not elsewhere(session), "it is still in the group")
        session.see_not("This machine has no definition")
        session.see("“My lab” is kept: it can be started again here")
        session.shoot("kept-light")
        session.see("More").do_action(0)
        session.see("Rename…")
        expect(not session.find("Keep as a machine…"), "it can be kept twice")
        session.keys("Escape")
        ended(process)
        session.see_row("My lab, Off")
        expect(usable(session, "Start"), "it cannot be started")
    finally:
        ended(process)


def kept_without_name(session):
    """One that a terminal gave no name gets one of the title's, is in the list once, and starts under it."""
    shutil.copy(DRAWN_VMM, session.path("bin/vmm"))
    unnamed = started(session, "vm-to-be")
    folder = session.path(f"run/vitrine/vm-{unnamed.pid}")
    os.rename(session.path("run/vitrine/vm-to-be"), folder)
    says(session, f"vm-{unnamed.pid}", kernel="/bin/true")
    session.define("lab", "Lab")
    try:
        session.start()
        session.activate("app.show-machine", f"vm-{unnamed.pid}")
        session.see_row(f"vm-{unnamed.pid}, Running")
        expect(len(elsewhere(session)) == 1, "nothing says what it is")
        keep(session, "Lab")
        session.see_row("Lab, Running")
        is_gone(session, f"vm-{unnamed.pid}")
        expect(set(session.definitions()) == {"lab", "lab-2"}, session.definitions())
        expect(session.definitions()["lab-2"]["manager"] == {"title": "Lab"}, "another title")
        expect(len(rows(session, "Lab, ")) == 2, "it is there more than once")
        session.close()
        session.start()
        session.see_row("Lab, Running")
        time.sleep(2)
        expect(len(rows(session, "Lab, ")) == 2 and not rows(session, f"vm-{unnamed.pid}, "), "it is there twice after a restart")
        session.activate("app.show-machine", "lab-2")
        ended(unnamed)
        wait_for("both to be off", lambda: len(rows(session, "Lab, Off")) == 2)
        session.press("Start")
        session.see_row("Lab, Running")
        again = session.path("run/vitrine/lab-2/pid")
        with open(again, encoding="utf-8") as file:
            os.kill(int(file.read()), signal.SIGTERM)
        wait_for("both to be off", lambda: len(rows(session, "Lab, Off")) == 2)
    finally:
        ended(unnamed)


def not_kept(session):
    """Why one cannot be kept is said, with what helps, and nothing is written."""
    process = started(session, "lab")
    session.start()
    try:
        session.activate("app.show-machine", "lab")
        session.see_row("lab, Running")
        for config, words in (
                ({"kernel": "/nowhere/vmlinux"}, "“/nowhere/vmlinux”, which it was started with, is not there any more."),
                ({"kernel": "/bin/true", "block": [{"path": "gone.img"}]}, f"“{os.getcwd()}/gone.img”, which it was"),
                ({"kernel": "/bin/true", "block": [{"path": "/dev/fd/7"}]}, "It was started with a file that another"),
                ({"kernel": "fd:3"}, "It was started with a file that another program had open (“fd:3”)")):
            says(session, "lab", **config)
            keep(session)
            session.alert("lab could not be kept as a machine")
            wait_for(words, lambda: session.find_start(words))  # pylint: disable=cell-var-from-loop
            session.shoot("not-kept-light")
            session.press("Close message")
        config = session.path("run/vitrine/lab/config")
        for spoil in (lambda: os.unlink(config), lambda: os.mkfifo(config), lambda: open(session.path("run/vitrine/lab/pid"), "w").close()):
            spoil()
            keep(session)
            session.alert("lab could not be kept as a machine")
            wait_for("why", lambda: session.find_start("It does not say what it was started with"))
            session.press("Close message")
            if os.path.exists(config):
                os.unlink(config)
                says(session, "lab", kernel="/bin/true")
        expect(not session.definitions(), "something was written")
    finally:
        ended(process)


def ends_badly(session):
    """Its last words stay until they are dismissed."""
    fake = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fake-vmm")
    session.start()
    process = started(session, "lab", fake)
    try:
        session.see_row("lab, Starting…")
        state = session.path("state/vitrine/lab")
        os.makedirs(state, exist_ok=True)
        with open(os.path.join(state, "last-run.json"), "w", encoding="utf-8") as file:
            json.dump({"status": 34, "id": "guest-panic", "sentence": "The guest panicked."}, file)
        process.kill()
        process.wait(10)
        session.see_row("lab, Stopped: guest panicked")
        session.activate("app.show-machine", "lab")
        session.alert("lab stopped: the guest panicked")
        expect(not usable(session, "Start"), "it can be started")
        session.press("Close message")
        is_gone(session, "lab")
    finally:
        ended(process)


def closing_leaves_it(session):
    """Closing the window neither asks about it nor stops it."""
    session.set(close_policy="'shut-down'")
    process = started(session, "lab")
    try:
        session.start()
        session.see_row("lab, Running")
        session.close()
        time.sleep(0.5)
        expect(process.poll() is None, "it was stopped")
    finally:
        ended(process)


class Stranger:
    """Listens at a socket and is no machine; keeps what it was told."""

    def __init__(self, path, answer=b""):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(path)
        self.socket.listen()
        self.said = b""
        self.answer = answer
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            peer, _ = self.socket.accept()
            with peer:
                said = peer.recv(1000)
                self.said += said
                if said:
                    peer.sendall(self.answer)
                    time.sleep(0.2)



def tried(session, path):
    entry = session.see("Control socket", Atspi.Role.TEXT)
    entry.set_text_contents(path)
    session.press("Connect")


def connects(session):
    """A machine whose folder is elsewhere is shown by its socket or its folder, once, and goes with its end."""
    place = session.path("place")
    os.makedirs(place, mode=0o700)
    process = started(session, "lab", XDG_RUNTIME_DIR=place)
    session.define("test", "Our lab")  # what that one is called too
    try:
        session.start()
        session.see_row("Our lab, Off")
        session.activate("app.connect-machine")
        session.focus_dialog("Connect to a running machine")
        session.focus_on("Control socket", Atspi.Role.TEXT)
        session.type(os.path.join(place, "vitrine/lab/control"))
        session.shoot("connect-light")
        session.keys("Return")
        session.see_row("test, Running")
        expect(len(elsewhere(session)) == 1, "nothing says what it is")
        session.see_not("Control socket")
        session.see_row("Our lab, Off")
        session.activate("app.connect-machine")
        tried(session, os.path.join(place, "vitrine/lab"))
        session.see_not("Control socket")
        expect(len(elsewhere(session)) == 1, "it is there twice")
        session.shoot("connected-light")
        ended(process)
        wait_for("it to go", lambda: not elsewhere(session))
    finally:
        ended(process)


def refuses(session):
    """What is no machine of this user is said in the dialog, and no more is said to another user's than to nobody."""
    session.define("lab", "Lab")
    session.start()
    session.activate("app.connect-machine")
    expect(not usable(session, "Connect"), "nothing can be connected to")
    plain = session.path("plain")
    with open(plain, "w", encoding="utf-8") as file:
        file.write("no socket")
    dead = session.path("dead")
    gone = socket.socket(socket.AF_UNIX)
    gone.bind(dead)
    gone.close()
    silly = Stranger(session.path("silly"), b"ERROR what\r\n" * 50)
    for path, words in ((session.path("nothing"), f"There is no “{session.path('nothing')}”"),
                        (plain, f"“{plain}” is not a socket"),
                        (dead, f"Nobody listens at “{dead}”"),
                        (session.path("silly"), f"What listens at “{session.path('silly')}” is not a machine")):
        tried(session, path)
        session.alert(words, 15)
    session.shoot("connect-refused-light")
    expect(silly.said, "nobody asked it")
    if os.getuid() == 0:
        path = session.path("theirs")
        theirs = Stranger(path)
        os.chown(path, 65534, 65534)
        tried(session, path)
        session.alert(f"“{path}” belongs to another user")
        expect(not theirs.said, f"it was told {theirs.said}")
    else:
        print("# another user's socket: only root can make one")
    session.press("Cancel")
    session.see_not("Control socket")
    expect(len([node for node in walk(session.application()) if node.get_role() == Atspi.Role.LIST_ITEM
                and is_showing(node)]) == 2, "something is in the list")


def in_german(session):
    """The same in German."""
    process = started(session, "lab")
    try:
        session.start(LANGUAGE="de", LC_ALL="C.UTF-8")
        wait_for("its row", lambda: elsewhere(session, "Anderswo gestartet"))
        session.activate("app.connect-machine")
        session.see("Steuerungs-Socket", Atspi.Role.TEXT)
        session.shoot("connect-german-light")
    finally:
        ended(process)


TESTS = [in_the_list, what_is_allowed, started_with_restart, of_a_definition, kept, kept_without_name, not_kept, ends_badly, closing_leaves_it, connects,
         refuses, in_german]

sys.exit(run(TESTS))
