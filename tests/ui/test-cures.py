#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a message says to do is right, and its buttons do it; with the real vmm and machines of a few bytes. TAP.

usage: test-cures.py BUILD-FOLDER [TEST...]"""
import json
import os
import sys

from runner import expect, run
from session import Atspi, is_showing, run_in_session, wait_for, walk

if "VITRINE_UI_SESSION" not in os.environ and __name__ == "__main__":
    sys.exit(run_in_session())


def use_machines(session, **members):
    """The real vmm; a machine “Tiny” that starts, and “Other” with the given members."""
    session.use_real_vmm()
    kernel = session.tiny_guest(again=True)
    session.define("tiny", "Tiny", kernel=kernel, mem={"size": 64})
    session.define("other", "Other", **dict({"kernel": kernel, "mem": {"size": 64}}, **members))
    return kernel


def start(session, name="other"):
    session.activate("app.show-machine", name)
    session.activate("app.start-machine", name)


def said(session, text, seconds=20):
    """A text of any widget that holds these words."""
    plain = str.maketrans("", "", "\u2068\u2069")
    return wait_for(f"“{text}”", lambda: any(text in (node.get_name() or "").translate(plain) and is_showing(node)
                                             for node in walk(session.application())), seconds)


def definition(session):
    return session.definitions()["other"]


def choose(session, path):
    """In the dialog for files: types the path."""
    session.see("Choose a file", None)
    session.keys("ctrl+l")
    session.type(path)
    session.keys("Return")


def disk_is_gone(session):
    """The message names the disk; Remove takes it out, Undo brings it back, Choose… takes another."""
    gone = session.path("home/gone.img")
    use_machines(session, block=[{"path": gone}])
    session.start()
    start(session)
    session.alert("A file of Other is gone", 20)
    said(session, f"“{gone}” is not there. Choose it again or remove it.")
    said(session, "Cannot start")
    expect(not session.find_start("Cannot start · last ran"), "it says that it ran")
    session.shoot("cure-gone-light")
    session.press("Remove")
    said(session, "“gone.img” removed; the file stays")
    expect("block" not in definition(session), f"still there: {definition(session)}")
    session.press("Undo")
    wait_for("the disk", lambda: definition(session).get("block") == [{"path": gone}])
    start(session)
    session.alert("A file of Other is gone", 20)
    other = session.path("home/other.img")
    with open(other, "wb") as file:
        file.write(bytes(1 << 20))
    session.press("Choose…")
    choose(session, other)
    wait_for("the other disk", lambda: definition(session)["block"] == [{"path": other}])
    said(session, "“other.img” is used from now on")
    start(session)
    session.see_row("Other, Running", 20)


def included_disk_is_gone(session):
    """One that an included file names is named with that file, and nothing in the definition can be chosen again."""
    gone, base = session.path("home/gone.img"), session.path("home/base.json")
    with open(base, "w", encoding="utf-8") as file:
        json.dump({"block": [{"path": gone}]}, file)
    use_machines(session, cfg=[base])
    session.start(LANGUAGE="de")
    start(session)
    session.alert("Eine Datei von Other ist weg", 20)
    said(session, f"„{gone}“ ist nicht da. Die Datei wieder dorthin legen oder „{base}“ ändern, wo sie genannt ist.")
    expect(not session.find("Entfernen", Atspi.Role.PUSH_BUTTON), "the file's disk can be removed")
    session.shoot("cure-included-german")


def kernel_is_gone(session):
    """A kernel cannot be removed, only chosen again."""
    kernel = session.path("home/vmlinux-gone")
    good = use_machines(session, kernel=kernel)
    session.start()
    start(session)
    session.alert("A file of Other is gone", 20)
    said(session, f"“{kernel}” is not there. Choose it again.")
    expect(not session.find("Remove", Atspi.Role.PUSH_BUTTON), "the kernel can be removed")
    session.press("Choose…")
    choose(session, good)
    wait_for("the kernel", lambda: definition(session)["kernel"] == good)


def disk_is_busy(session):
    """Which of our machines has it, here by an included file, is told, and one press away."""
    disk = session.path("home/disk.img")
    with open(disk, "wb") as file:
        file.write(bytes(1 << 20))
    kernel = use_machines(session, block=[{"path": disk}])
    base = session.path("home/base.json")
    with open(base, "w", encoding="utf-8") as file:
        json.dump({"block": [{"path": disk}]}, file)
    session.define("tiny", "Tiny", kernel=kernel, mem={"size": 64}, cfg=[base])
    session.start()
    start(session, "tiny")
    session.see_row("Tiny, Running", 20)
    start(session)
    session.alert("Another program uses a file of Other", 20)
    said(session, "“Tiny” has its disk open. Shut that machine down, then try again.")
    session.shoot("cure-busy-light")
    session.press("Show “Tiny”")
    session.see("Tiny, Display", Atspi.Role.FRAME)


def too_much_memory(session):
    """A wrong setting is named without the words of the command line, and its section is open."""
    use_machines(session, mem={"size": 16000000})
    session.start()
    start(session)
    session.alert("Other has a wrong setting", 20)
    said(session, "“mem.size”: 16000000 MiB are more than this computer has")
    expect(not session.find_start("vmm: "), "the program's own name")
    session.press("Change settings")
    session.see("Memory")


def memory_is_not_free(session):
    """More than is free: both figures, and one press for less, which can be taken back."""
    with open("/proc/meminfo", encoding="ascii") as file:
        total = int(file.readline().split()[1]) // 1024
    use_machines(session, mem={"size": total - 1})
    session.start()
    start(session)
    session.alert("Not enough memory for Other", 20)
    cure = said(session, " are free. Give it less, or close other programs.")
    expect(cure, "no figures")
    session.shoot("cure-memory-light")
    session.press("Use less")
    wait_for("less memory", lambda: 64 <= definition(session)["mem"]["size"] < total - 1)
    said(session, "of memory from now on")
    session.press("Undo")
    wait_for("as much as before", lambda: definition(session)["mem"]["size"] == total - 1)
    start(session)
    session.alert("Not enough memory for Other", 20)
    session.press("Use less")
    wait_for("less memory", lambda: definition(session)["mem"]["size"] < total - 1)
    start(session)
    session.see_row("Other, Running", 20)


def definition_is_broken(session):
    """There is no dead Start, and the button leads to the text."""
    session.define("tiny", "Tiny")
    with open(session.path("config/vitrine/machines/other.json"), "w") as file:
        file.write('{"kernel": "/x",\n oops}')
    session.start()
    session.activate("app.show-machine", "other")
    session.alert("The definition of other has an error")
    buttons = [node for node in walk(session.application())
               if node.get_name() == "Correct the file" and is_showing(node)]
    expect(len(buttons) == 2, f"{len(buttons)} buttons")
    starts = [node for node in walk(session.application())
              if node.get_name() == "Start" and node.get_role() == Atspi.Role.PUSH_BUTTON and is_showing(node)]
    expect(len(starts) == 1, "a Start that does nothing on the page")
    session.shoot("cure-broken-light")
    buttons[0].do_action(0)
    said(session, "Configuration file")
    session.shoot("cure-broken-file-light")
    session.activate("app.show-machine", "tiny")
    session.set_state("win.view", "display")
    session.see("Tiny, Display", Atspi.Role.FRAME)
    expect(not session.find("Correct the file"), "it is offered for a good one")


TESTS = [disk_is_gone, included_disk_is_gone, kernel_is_gone, disk_is_busy, too_much_memory, memory_is_not_free, definition_is_broken]

if __name__ == "__main__":
    sys.exit(run(TESTS))
