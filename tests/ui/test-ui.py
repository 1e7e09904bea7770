#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The real vitrine under Xvfb, driven as a screen reader would; prints TAP.

usage: test-ui.py BUILD-FOLDER [TEST...]

Screenshots are kept in BUILD-FOLDER/screenshots."""
import json
import os
import re
import signal
import subprocess
import sys
import time

from runner import expect, run
from session import Atspi, Failure, Notifications, Session, clipboard_text, is_showing, run_in_session, wait_for, walk

if "VITRINE_UI_SESSION" not in os.environ and __name__ == "__main__":
    sys.exit(run_in_session())

DARK = {"GTK_THEME": "Adwaita:dark"}


def empty_page(session):
    """Before the first machine: two offers, no sidebar."""
    session.start()
    session.see("No machines yet")
    session.see("Make a Debian guest")
    session.see("Use my kernel or disk…")
    expect(session.find("Search machines") is None, "there is a search without machines")
    session.shoot("empty-light")


def empty_page_dark(session):
    session.start(**DARK)
    session.see("No machines yet")
    session.shoot("empty-dark")


def create_machine(session):
    """From a kernel file to a definition that `vmm run --cfg` takes as it is."""
    kernel = session.path("vmlinux-6.1.0-56-amd64")
    with open(kernel, "wb") as file:
        file.write(b"\177ELF" + bytes(64))
    session.start(kernel)
    name = session.see("Name", Atspi.Role.TEXT)
    session.shoot("create-size-light")
    expect(name.set_text_contents("Prüf stand 1"), "the name cannot be typed")
    session.press("Next")
    session.see("Prüf stand 1")
    session.shoot("create-check-light")
    definition = session.create("pruf-stand-1", "Prüf stand 1")
    expect(list(session.definitions()) == ["pruf-stand-1"], f"definitions are {list(session.definitions())}")
    expect(definition["kernel"] == kernel, "another kernel")
    expect(definition["cpus"]["num-cores"] >= 1, "no processors")
    expect(definition["gpu"] == {"backend": "2d"}, "no screen")
    expect(definition["manager"] == {"title": "Prüf stand 1"}, "another title")
    expect(session.running() == [], "it runs")


def create_refuses(session):
    """What cannot be used is named where it was typed, and there is no way on."""
    session.start(**DARK)
    session.see("No machines yet")
    session.activate("app.new-machine")
    kernel = session.see("Kernel", Atspi.Role.TEXT)
    button = session.see("Next", Atspi.Role.PUSH_BUTTON)
    expect(not button.has(Atspi.StateType.SENSITIVE), "Next without a kernel")
    kernel.set_text_contents("/nonexistent/vmlinux")
    session.see("“/nonexistent/vmlinux” cannot be used: No such file or directory.")
    session.shoot("create-source-dark")
    kernel.set_text_contents(session.base)
    session.see(f"“{session.base}” is a folder.")
    expect(not button.has(Atspi.StateType.SENSITIVE), "Next with a folder")
    picture = session.path("holiday.jpg")
    with open(picture, "wb") as file:
        file.write(b"\xff\xd8\xff\xe0JFIF" + bytes(4096))
    kernel.set_text_contents(picture)
    session.see(f"“{picture}” is no Linux kernel. Choose a file named vmlinuz or vmlinux, such as those in /boot.")
    expect(not button.has(Atspi.StateType.SENSITIVE), "Next with a picture")


def start_and_stop(session):
    """The power button starts, shuts down, and a machine that ended well says Off."""
    session.define("debian-12", "Debian 12", "Work")
    session.define("lab", "Lab", "")
    session.start()
    session.activate("app.show-machine", "debian-12")
    session.see("Debian 12")
    session.press("Start")
    session.see_row("Debian 12, Starting…, group Work")
    wait_for("the machine", session.running)
    session.shoot("running-light")
    session.press("Shut down")
    session.see_row("Debian 12, Off, group Work")
    wait_for("the end of the machine", lambda: not session.running())
    expect(session.find("Details") is None, "a message although all went well")


# What the message says to do, and its buttons.
CURES = {33: ("Start it again. If it happens again, copy the report.", ("Start again", "Copy report", "Show log")),
         34: ("It found no init program. Check “Kernel options” and the initrd in Settings ▸ Start.",
              ("Start again", "Change settings", "Show log")),
         35: ("Change it in the settings, then start again.", ("Change settings", "Try again")),
         36: ("The guest did not answer for a long time. The log may say why.", ("Start again", "Show log"))}
# What `vmm` said, below.
CAUSES = {33: "The gpu process (pid 4711) died of signal 11.", 35: "“mem”: size must be at least 16."}


def ends_badly(status, title, words):
    def test(session):
        session.define(f"exit-{status}", "Kernel lab", "Lab")
        session.start(**(DARK if status == 33 else {}))
        session.activate("app.start-machine", f"exit-{status}")
        session.alert(title)
        session.see_row(f"Kernel lab, {words}, group Lab")
        cure, buttons = CURES[status]
        session.see(cure)
        if status in CAUSES:
            session.see(CAUSES[status])
        for button in buttons:
            session.see(button, Atspi.Role.PUSH_BUTTON)
        if status == 34:
            session.see("Details").do_action(0)
        session.shoot(f"error-{status}-" + ("dark" if status == 33 else "light"))
        session.press("Close message")
        wait_for("the message to go", lambda: session.find("Close message") is None)
    test.__name__ = f"exit_{status}"
    test.__doc__ = f"Exit status {status} of vmm becomes words."
    return test


def kvm_denied(session):
    """Show how leads to the command."""
    answer = session.path("check.json")
    with open(answer, "w") as file:
        json.dump([{"id": "kvm-denied", "ok": False, "sentence": "You may not use /dev/kvm.",
                    "cure": "Join the group “kvm”, then log in again.", "command": "sudo adduser ada kvm"}], file)
    session.define("cause-kvm-denied", "Lab")
    session.start(FAKE_CHECK=answer)
    session.activate("app.start-machine", "cause-kvm-denied")
    session.alert("You may not use /dev/kvm")
    session.see("Try again", Atspi.Role.PUSH_BUTTON)
    session.press("Show how")
    entry = session.see("Command to run in a terminal: You may use /dev/kvm", Atspi.Role.TEXT)
    expect(entry.get_text(0, -1) == "sudo adduser ada kvm", entry.get_text(0, -1))


def broken_definition(session):
    """A file that is no JSON keeps its row and names line and column."""
    session.define("good", "Good")
    with open(session.path("config/vitrine/machines/bad.json"), "w") as file:
        file.write('{"kernel": "/x",\n oops}')
    session.start()
    session.see_row("bad, Definition has an error")
    session.activate("app.show-machine", "bad")
    session.alert("The definition of bad has an error")
    session.see_row("Good, Off")
    session.define("bad", "Mended")
    session.see_row("Mended, Off")


def delete_and_undo(session):
    """Deleting takes the row away at once, and back."""
    session.define("one", "One")
    session.define("two", "Two")
    session.start()
    session.activate("app.show-machine", "one")
    session.see_row("One, Off")
    session.see("More").do_action(0)
    session.press("Delete", None)
    session.see("“One” moved to trash")
    session.shoot("undo-light")
    wait_for("the row to go", lambda: not any(
        (node.get_name() or "").startswith("One, ") for node in walk(session.application())))
    expect("one" in session.definitions(), "the file went before the time was up")
    session.press("Undo")
    session.see_row("One, Off")
    expect("one" in session.definitions(), "the file is gone")


def delete_keeps(session):
    """What another machine's disk needs stays, and the message says so."""
    kept = session.path("data/vitrine/base/base.img")
    os.makedirs(os.path.dirname(kept))
    with open(kept, "wb") as file:
        file.write(bytes(1 << 16))
    session.define("base", "Base", block=[{"path": kept}])
    session.define("top", "Top", block=[{"path": kept}])
    session.start(**DARK)
    session.activate("app.show-machine", "base")
    session.see_row("Base, Off")
    session.see("More").do_action(0)
    session.press("Delete", None)
    session.see("“Base” moved to trash")
    session.see("“base.img” stays: the disk of another machine needs it")
    session.see("“Base” moved to trash. “base.img” stays: the disk of another machine needs it", Atspi.Role.NOTIFICATION)
    session.shoot("undo-kept-dark")
    session.press("Undo")
    session.see_row("Base, Off")
    session.activate("app.show-machine", "top")
    session.define("alone", "Alone")
    session.see_row("Alone, Off")
    session.activate("app.show-machine", "alone")
    session.see("More").do_action(0)
    session.press("Delete", None)
    session.see("“Alone” moved to trash")
    expect(not session.find_start("“base.img” stays"), "what was before is still told")


def note_grows(session):
    """The note has as many lines as are typed, and they are kept."""
    session.define("lab", "Lab")
    session.start()
    session.activate("app.show-machine", "lab")
    session.set_state("win.view", "settings")
    note = session.see("Note", Atspi.Role.TEXT)

    def height():
        return note.get_extents(Atspi.CoordType.SCREEN).height
    before = wait_for("its height", height)
    expect(note.set_text_contents("Root's password is in the safe.\n\nDo not update.\nAda, 3 November"), "it cannot be typed")
    wait_for("a note that is higher", lambda: height() > 2.5 * before)
    wait_for("the note", lambda: session.definitions()["lab"]["manager"].get("note", "").endswith("update.\nAda, 3 November"))
    session.shoot("note-light")
    expect(note.set_text_contents(""), "it cannot be typed")
    wait_for("a note that is low again", lambda: height() == before)


def search(session):
    """Words are found without regard to case and accents; the clear button brings all back."""
    session.define("a", "Büro Server", "Work")
    session.define("b", "Fedora test", "Lab")
    session.start()
    session.see_row("Büro Server, Off")
    session.see("Search machines", Atspi.Role.TOGGLE_BUTTON).do_action(0)
    entry = wait_for("the search entry", lambda: next(
        (node for node in walk(session.application())
         if node.get_name() == "Search machines" and node.get_role() == Atspi.Role.TEXT
         and is_showing(node)), None))
    entry.set_text_contents("SERVER buro")
    wait_for("the filter", lambda: not is_showing(session.see_row("Fedora test")))
    expect(is_showing(session.see_row("Büro Server")), "the match is hidden")
    entry.set_text_contents("nothing at all")
    session.see("No machine matches “nothing at all”")
    session.press("Clear search")
    wait_for("all rows", lambda: is_showing(session.see_row("Fedora test")))


def settings_apply(session):
    """A change is in the file at once; a wrong one says why and is not written."""
    session.define("lab", "Lab", kernel="/bin/true")
    session.start()
    session.activate("app.show-machine", "lab")
    session.see("Settings").do_action(0)
    title = session.see("Name", Atspi.Role.TEXT)
    title.grab_focus()
    title.set_text_contents("Laboratory")
    session.see_row("Laboratory, Off")
    wait_for("the file", lambda: session.definitions()["lab"]["manager"]["title"] == "Laboratory")
    title.set_text_contents("")
    session.see("This cannot be empty.")
    expect(session.definitions()["lab"]["manager"]["title"] == "Laboratory", "an empty title was written")
    session.shoot("settings-light")


def rows_of(session, name="All machines"):
    """The first column of the table of all machines, from top to bottom."""
    table = session.see(name, Atspi.Role.TABLE)
    return [node.get_name() for node in walk(table)
            if node.get_role() == Atspi.Role.TABLE_CELL and node.get_name()]


def all_machines(session):
    """The table of all machines: sorted, several selected, started two at once, grouped, deleted and back."""
    for number in (10, 2, 1):
        session.define(f"m{number}", f"Machine {number}", "Lab" if number == 2 else "")
    session.start(**DARK)
    session.activate("win.overview")
    cells = wait_for("the table", lambda: rows_of(session))
    names = [cell for cell in cells if cell.startswith("Machine ")]
    expect(names == ["Machine 1", "Machine 2", "Machine 10"], f"sorted as {names}")
    session.activate("win.select-all")
    session.see("3 selected")
    session.shoot("all-machines-dark")
    session.press("Start")
    wait_for("two machines", lambda: len(session.running()) == 2)
    waiting = wait_for("one that waits", lambda: session.see_row("Machine 10, Waiting to start"))
    expect(waiting is not None and len(session.running()) == 2, "all were started at once")
    session.press("Shut down")
    wait_for("all to be off", lambda: not session.running())
    session.see_row("Machine 2, Off")
    session.press("Group…")
    entry = session.see("Group", Atspi.Role.TEXT)
    entry.set_text_contents("Work")
    session.press("Apply")
    for number in (10, 2, 1):
        session.see_row(f"Machine {number}, Off, group Work")
    session.press("Delete the selected machines")
    session.see("3 machines moved to trash")
    session.press("Undo")
    session.see_row("Machine 10, Off, group Work")
    session.activate("app.show-machine", "m2")
    session.see("Display")


def keeps_the_list(session):
    """Fold, sort and columns act, and the search knows the kernel's name."""
    session.define("a", "Alpha", "Lab", kernel="/bin/true")
    session.define("b", "Beta", "Lab", kernel="/bin/special")
    session.start()
    session.see("Alpha")
    expect(is_showing(session.see_row("Alpha, Off")), "a row is missing")
    session.activate("win.view", "settings")
    session.activate("win.overview")
    session.activate("win.toggle-group", "Lab")
    wait_for("the fold", lambda: not is_showing(session.find("Last picture of Alpha", showing=False)))
    session.shoot("folded-light")
    session.activate("win.toggle-group", "Lab")
    wait_for("the row again", lambda: session.find("Last picture of Alpha"))
    session.activate("app.start-machine", "b")
    session.see_row("Beta, Starting…")
    session.activate("win.sort", "running")

    def order():
        return [node.get_name().split(",")[0] for node in walk(session.application())
                if node.get_role() == Atspi.Role.LIST_ITEM and "group Lab" in (node.get_name() or "")]
    wait_for("Beta first", lambda: order() == ["Beta", "Alpha"])
    session.activate("win.sort", "name")
    wait_for("Alpha first", lambda: order() == ["Alpha", "Beta"])
    session.activate("win.search")
    entry = wait_for("the search entry", lambda: next(
        (node for node in walk(session.application())
         if node.get_name() == "Search machines" and node.get_role() == Atspi.Role.TEXT
         and is_showing(node)), None))
    entry.set_text_contents("special")
    wait_for("the filter", lambda: not is_showing(session.see_row("Alpha")))
    expect(is_showing(session.see_row("Beta")), "the kernel is not searched")


def sandbox_panel(session):
    """The real vmm and its parts: figures, and what holds each process, in words."""
    session.use_real_vmm()
    disk = session.path("disk.img")
    with open(disk, "wb") as file:
        file.truncate(1 << 20)
    session.define("tiny", "Tiny", kernel=session.tiny_guest(), block=[{"path": disk}],
                   mem={"size": 128}, gpu={"backend": "2d"})
    session.start()
    session.activate("app.start-machine", "tiny")
    session.see_row("Tiny, Running", 20)
    session.see("Statistics").do_action(0)
    title = wait_for("the sandbox", lambda: next(
        (node.get_name() for node in walk(session.application())
         if (node.get_name() or "").endswith("processes are jailed") and is_showing(node)), None), 20)
    jailed, of = int(title.split()[0]), int(title.split()[2])
    expect(jailed == of - 1, title)  # all but the supervisor
    session.see("No forbidden call was tried. The supervisor is not jailed: it opens your files and starts "
                "the others.")
    table = session.see("Processes of Tiny", Atspi.Role.TABLE)
    cell = wait_for("the disk's row", lambda: next(
        (node for node in walk(table) if node.get_name() == "block-0"), None))
    time.sleep(2.5)
    session.shoot("statistics-light")
    row = [node.get_name() for node in walk(table) if node.get_role() == Atspi.Role.TABLE_CELL]
    row = dict(zip(("name", "task", "jail", "cpu", "memory", "calls", "blocked", "pid"), row[row.index("block-0"):]))
    pid = next(line.split()[1] for line in open(session.path("run/vitrine/tiny/processes")) if line.startswith("block-0 "))
    expect((row["task"], row["jail"], row["blocked"], row["pid"]) == ("Disk", "Jailed", "0", pid), f"{row}")
    expect(row["cpu"].endswith(" %") and float(row["cpu"][:-2]) < 100, f"{row}")
    expect(row["memory"].endswith("iB") and float(row["memory"].split()[0]) > 0 and 10 < int(row["calls"]) < 60, f"{row}")
    actions = [cell.get_action_name(number) for number in range(cell.get_n_actions() or 0)]
    cell.do_action(actions.index("activate"))
    session.see("user, pid, mount, net, ipc, uts")
    session.see("Empty root: none by itself")
    session.see("None")
    expect(session.find("preadv", showing=False) or "preadv" in
           session.see("System calls allowed").get_text(0, 400), "the disk's calls are not listed")
    time.sleep(0.5)
    session.shoot("sandbox-light")
    # Beside the pane the cards are narrow: what does not fit goes on in a second line, not behind dots.
    memory = next(node for node in walk(session.application())
                  if (node.get_name() or "").endswith(" of 128\u00a0MiB") and is_showing(node))
    heights = [node.get_extents(Atspi.CoordType.SCREEN).height
               for node in (memory, session.see("Processor", Atspi.Role.LABEL))]
    expect(heights[0] > 1.5 * heights[1], f"the memory's card has one line: {heights}")
    session.press("Close process details")
    session.see_not("user, pid, mount, net, ipc, uts")


def graphics_panel(session):
    """Figures of the graphics card, when somebody unfolds them."""
    session.use_real_vmm()
    session.define("tiny", "Tiny", kernel=session.tiny_guest(), mem={"size": 64}, gpu={"backend": "2d"})
    session.define("solid", "Solid", kernel=session.tiny_guest("solid"), mem={"size": 64}, gpu={"backend": "virglrenderer"})
    session.start()
    session.activate("app.start-machine", "tiny")
    session.see_row("Tiny, Running", 20)
    session.see("Statistics").do_action(0)
    session.see("Graphics: 2D, as asked for.", seconds=20)
    session.see("Graphics card in detail").do_action(0)
    session.see("0 of 0")  # no command failed, none came
    session.see("0\N{NO-BREAK SPACE}B of 512\N{NO-BREAK SPACE}MiB in 0 resources")
    expect(session.find("Contexts of the graphics card", Atspi.Role.TABLE, showing=False), "no contexts")
    wait_for("rates", lambda: session.find("None"))
    session.see("Not set up by the guest")  # this one has no driver
    session.see("0 of 512 mapped")
    chart = session.see("Times between the last frames", Atspi.Role.CHART)
    expect(chart.get_description() == "None", chart.get_description())
    session.see("The card draws in 2D, without a renderer")
    expect(not session.see("Restart renderer…").has(Atspi.StateType.SENSITIVE), "a renderer of 2D")
    trace(session)
    renderer(session)


def card_process(session):
    parts = dict(line.split()[:2] for line in open(session.path("run/vitrine/solid/processes"), encoding="utf-8"))
    return int(parts.get("gpu", 0))  # none while it comes again


def renderer(session):
    """3D begins anew when somebody wants it and says so twice; a card that crashed has nothing to begin."""
    session.activate("app.start-machine", "solid")
    session.see_row("Solid, Running", 60)
    session.activate("app.show-machine", "solid")
    session.see("Ends what the guest draws in 3D; programs that start later draw again", seconds=30)
    for answer in ("Cancel", "Restart"):
        session.press("Restart renderer…")
        session.see("Restart the graphics of “Solid”?")
        if answer == "Restart":
            session.shoot("restart-renderer-light")
        session.press(answer)
        session.see_not("Restart the graphics of “Solid”?")
    session.see("Graphics restarted; no program of the guest drew in 3D")
    log = session.path("state/vitrine/solid/log")
    expect(open(log, encoding="utf-8").read().count("The 3D renderer began anew") == 1, "what the card says")
    gone = {0}
    for crash in range(3):
        pid = wait_for("the card", lambda: next(iter({card_process(session)} - gone), None))
        gone.add(pid)
        os.kill(pid, signal.SIGKILL)
        if crash < 2:
            wait_for("the log", lambda: open(log, encoding="utf-8").read().count("the guest's screen goes on") > crash)
            session.see("The picture goes on. Programs of the guest that drew in 3D have to be started again.", seconds=30)
    session.see("The card has crashed; restart the guest to have it again", seconds=30)
    wait_for("no renderer", lambda: not session.see("Restart renderer…").has(Atspi.StateType.SENSITIVE))


def trace(session):
    """What the card does goes into a file of one's choice, until it is stopped."""
    path = session.path("home/card.txt")
    session.press("Start trace…")
    entry = wait_for("a place for its name", lambda: next(
        (node for node in walk(session.application()) if node.get_role() == Atspi.Role.TEXT and is_showing(node)
         and node.get_text(0, 14) == "Graphics trace"), None))
    entry.set_text_contents(path)
    session.press("Save")
    session.press("Stop trace")
    session.see("Trace saved as “card.txt”")
    session.see("Open", Atspi.Role.PUSH_BUTTON)
    expect(os.path.exists(path) and os.stat(path).st_mode & 0o777 == 0o600, "no file for its owner alone")
    session.see("Start trace…")
    session.shoot("graphics-light")


def json_editor(session):
    """The file is checked while it is typed; the monitor's own sentence names line and key; Save writes."""
    session.use_real_vmm()
    session.define("lab", "Lab", kernel="/bin/true")
    session.start(**DARK)
    session.activate("app.show-machine", "lab")
    session.see("Settings").do_action(0)
    session.see("Sections")
    row = session.see("Configuration file", Atspi.Role.LIST_ITEM)
    row.get_parent().select_child(row.get_index_in_parent())
    text = session.see("Configuration file", Atspi.Role.TEXT)
    session.see("No errors")
    text.set_text_contents('{"kernel": "/bin/true",\n "mem": {"size": "x"}}')
    verdict = wait_for("vmm's sentence", lambda: next(
        (node.get_name() for node in walk(session.application())
         if "mem.size" in (node.get_name() or "") and is_showing(node)), None))
    expect("line 2" in verdict, verdict)
    session.shoot("json-editor-dark")
    text.set_text_contents('{"kernel": ')
    wait_for("the form's error", lambda: next(
        (node for node in walk(session.application())
         if (node.get_name() or "").startswith("line 1") and is_showing(node)), None))
    expect(session.definitions()["lab"]["mem"]["size"] == 512, "a wrong file was written")
    text.set_text_contents('{"kernel": "/bin/true", "mem": {"size": 300}, "manager": {"title": "Mended"}}')
    session.see("No errors")
    session.press("Save")
    session.see_row("Mended, Off")
    expect(session.definitions()["lab"]["mem"]["size"] == 300, "it was not written")


def log_rows(session):
    return [node.get_name() for node in walk(session.see("Log", Atspi.Role.TABLE))
            if node.get_role() == Atspi.Role.TABLE_CELL and node.get_name()]


def comes_while_reading(session, path):
    """What comes while earlier entries are read moves nothing: a pill tells of it, and leads there."""
    def write(words, count=1):
        with open(path, "a") as file:
            file.write(f"2026-11-21T14:07:35.000Z vmm info {words}\n" * count)
    write("one of many", 60)
    wait_for("them", lambda: log_rows(session).count("one of many") == 60)
    box = session.see("Log", Atspi.Role.TABLE).get_extents(Atspi.CoordType.SCREEN)
    subprocess.run(["xdotool", "mousemove", str(box.x + box.width // 2), str(box.y + box.height // 2),
                    "click", "--repeat", "60", "4"], check=True, timeout=60)
    wait_for("the first entry in view", lambda:
             session.find("a slow frame", showing=False).get_extents(Atspi.CoordType.SCREEN).y > box.y)
    write("the next one")
    pill = session.see("New entries")
    session.shoot("new-entries-light")
    paper = session.colour_of(pill, -0.2, 0.5)
    expect(session.colour_of(pill, 0.5, 0.1) != paper, "nothing around the words")
    expect(session.colour_of(pill, 0.03, 0.08) == paper, "corners that are not round")
    session.press("New entries")
    session.see_not("New entries")


def log_view(session):
    """Entries by level, process and word; the report is shown, without secrets, before it is copied."""
    session.define("lab", "Lab", params=["root=/dev/vda", "luks.password=hunter2"])
    folder = session.path("state/vitrine/lab")
    os.makedirs(folder)
    with open(os.path.join(folder, "log"), "w") as file:
        file.write("2026-11-21T14:07:31.123Z gpu warning a slow frame\n"
                   "2026-11-21T14:07:32.000Z block-0 error no room\n"
                   "2026-11-21T14:07:33.000Z block-0 info flushed\n"
                   "2026-11-21T14:07:34.000Z vmm debug a small thing\nhalf a li")
    session.start()
    session.activate("app.show-machine", "lab")
    session.see("Log").do_action(0)
    wait_for("the rows", lambda: "a slow frame" in log_rows(session))
    expect("a small thing" not in log_rows(session), "details are shown unasked")
    with open(os.path.join(folder, "log"), "a") as file:
        file.write("ne\n")
    wait_for("the new line", lambda: "half a line" in log_rows(session))
    comes_while_reading(session, os.path.join(folder, "log"))
    session.choose("Level", "Warnings and errors")
    wait_for("the filter", lambda: "flushed" not in log_rows(session))
    session.choose("Process", "block-0")
    wait_for("one process", lambda: "a slow frame" not in log_rows(session))
    expect("no room" in log_rows(session), "the entry is hidden")
    session.shoot("log-light")
    session.press("Copy report…")
    text = session.see("Report", Atspi.Role.TEXT).get_text(0, -1)
    expect("no room" in text and "root=/dev/vda" in text and "Lab (lab): Off" in text, text)
    expect("hunter2" not in text and "luks.password=…" in text, "the password is in the report")
    expect("This computer can run machines" in text, "the check is missing")
    session.shoot("report-light")
    session.press("Copy")
    session.see_not("Report")


def new_lines(session):
    """A console that is not in view counts its new lines."""
    session.use_real_vmm()
    session.define("tiny", "Tiny", kernel=session.tiny_guest(again=True), mem={"size": 64},
                   serial=[{"type": "sink", "hardware": "serial", "num": 1},
                           {"type": "sink", "hardware": "serial", "num": 2}])
    session.start()
    session.activate("app.start-machine", "tiny")
    session.see_row("Tiny, Running", 20)
    session.see("Console").do_action(0)

    def tabs():
        return [node for node in walk(session.application()) if node.get_role() == Atspi.Role.PAGE_TAB]
    wait_for("two ports", lambda: len(tabs()) == 2)
    tabs()[1].get_parent().select_child(1)
    name = wait_for("the new lines", lambda: next(
        (tab.get_name() for tab in tabs() if re.match(r".*, [1-9]\d* new lines?$", tab.get_name() or "")), None), 20)
    session.shoot("console-light")
    expect(name == tabs()[0].get_name().split(",")[0] + name[name.index(","):], f"the wrong port: {name}")
    tabs()[0].get_parent().select_child(0)
    wait_for("them to be seen", lambda: "," not in tabs()[0].get_name())


def own_combination(session):
    """A combination of one's own is offered, and the SysRq calls are."""
    session.use_real_vmm()
    session.define("tiny", "Tiny", kernel=session.tiny_guest(), mem={"size": 64}, gpu={"backend": "2d"})
    session.start()
    session.activate("app.start-machine", "tiny")
    session.see_row("Tiny, Running", 20)
    session.see("Send keys", Atspi.Role.TOGGLE_BUTTON).do_action(0)
    session.see("Ctrl+Alt+Delete")
    session.see("Add a combination…").do_action(0)
    session.see("Press the keys, or Escape…")
    Atspi.generate_keyboard_event(37, None, Atspi.KeySynthType.PRESS)  # left Ctrl
    Atspi.generate_keyboard_event(28, None, Atspi.KeySynthType.PRESSRELEASE)  # T
    Atspi.generate_keyboard_event(37, None, Atspi.KeySynthType.RELEASE)
    session.see("Ctrl+T")
    session.see("Magic SysRq").do_action(0)
    session.see("Write all to disk (S)")
    session.shoot("keys-light")
    session.press("Remove Ctrl+T")
    session.see_not("Ctrl+T")


def clone(session):
    """A copy has its own disk, and the disk that is only read stays shared."""
    for name in ("own.img", "base.img"):
        with open(session.path(name), "wb") as file:
            file.write(name.encode().ljust(4096))
    session.define("lab", "Lab", "Work", block=[{"path": session.path("own.img")},
                                                 {"path": session.path("base.img"), "ro": True}])
    session.start()
    session.activate("app.show-machine", "lab")
    session.see_row("Lab, Off")
    session.see("More").do_action(0)
    session.press("Clone…", None)
    entry = session.see("Name of the copy", Atspi.Role.TEXT)
    expect(entry.get_text(0, 99) == "Lab (copy)", "another name is offered")
    wait_for("what the copy takes", lambda: session.find_start("The disks are copied: up to 4\u00a0KiB"))
    session.shoot("clone-light")
    session.press("Apply")
    session.see_row("Lab (copy), Off, group Work")
    definition = wait_for("the definition", lambda: session.definitions().get("lab-copy"))
    own, base = (disk["path"] for disk in definition["block"])
    expect(base == session.path("base.img"), "the read-only disk was copied")
    expect(own.startswith(session.path("data/vitrine/lab-copy/")), f"the copy is at {own}")
    expect(open(own, "rb").read(7) == b"own.img", "the copy is not the disk")


def clone_linked(session):
    """Both machines go on over the disk as it is, which is only read from then on; what cannot be is not offered."""
    disk = session.path("disk.img")
    for path in (disk, session.path("part.img")):
        with open(path, "wb") as file:
            file.write(b"frozen".ljust(1 << 16, b"x"))
    session.define("lab", "Lab", block=[{"path": disk}])
    parts = session.path("parts.composite")
    with open(parts, "wb") as file:
        file.write(b"composite_disk\x1d\x08\x02\x12\x0c\x0a\x08part.img\x18\x01\x18\x80\x80\x04")
    session.define("parts", "Parts", block=[{"path": parts}])
    session.start(**DARK)

    def ask(name, title):
        session.activate("app.show-machine", name)
        session.see_row(f"{title}, Off")
        session.see("More").do_action(0)
        session.press("Clone…", None)
        return session.see("Linked clone", Atspi.Role.CHECK_BOX)
    ask("lab", "Lab").do_action(0)
    session.see("Nothing is copied. Both machines go on from the disks as they are now; those stay, read-only, until both "
                "machines are deleted.")
    session.shoot("clone-linked-dark")
    session.press("Apply")
    session.see_row("Lab (copy), Off")
    copy = wait_for("the definition", lambda: session.definitions().get("lab-copy"))["block"][0]["path"]
    first = session.definitions()["lab"]["block"][0]["path"]
    expect((first, copy) == (session.path("disk-1.qcow2"), session.path("data/vitrine/lab-copy/disk.qcow2")), f"{first} {copy}")
    expect(os.stat(disk).st_mode & 0o222 == 0, "the disk is not read-only")
    expect(os.path.samefile(disk, session.path("data/vitrine/lab-copy/base-0/disk.img")), "it does not share the disk")
    box = ask("parts", "Parts")
    expect(not box.has(Atspi.StateType.SENSITIVE), "what cannot be is offered")
    expect(session.find_start("The disks are copied") is not None, "what a full one takes is not told")
    why = f"There can be no linked clone: “{parts}” is made of parts, and no linked clone can lie over those"
    wait_for("why", lambda: any(why in (node.get_name() or "") and is_showing(node) for node in walk(session.application())))
    session.shoot("clone-refused-dark")


def clone_refused_in_german(session):
    """Why there can be no linked clone, in the window's language."""
    with open(session.path("part.img"), "wb") as file:
        file.write(b"x" * (1 << 16))
    parts = session.path("parts.composite")
    with open(parts, "wb") as file:
        file.write(b"composite_disk\x1d\x08\x02\x12\x0c\x0a\x08part.img\x18\x01\x18\x80\x80\x04")
    session.define("parts", "Parts", block=[{"path": parts}])
    session.start(LANGUAGE="de")
    session.activate("app.show-machine", "parts")
    session.see("Mehr").do_action(0)
    session.press("Klonen …", None)
    why = f"„{parts}“ besteht aus Teilen"
    wait_for("why", lambda: any(why in (node.get_name() or "") and is_showing(node) for node in walk(session.application())))
    session.shoot("clone-refused-german")


def create_copy(session):
    """The assistant copies a machine, with the same choices; one that runs has to be shut down first."""
    disk = session.path("disk.img")
    with open(disk, "wb") as file:
        file.write(b"x" * (1 << 16))
    session.define("lab", "Lab", block=[{"path": disk}])
    session.define("busy", "Busy")
    session.start()
    session.activate("app.start-machine", "busy")
    session.see_row("Busy, Starting…")
    session.activate("app.new-machine")
    sources = session.see("What it starts from")
    session.focus_dialog("Create a machine")
    expect(sources.get_child_count() == 4, f"{sources.get_child_count()} sources")
    sources.get_child_at_index(2).grab_focus()
    session.keys("Return")
    button = session.see("Copy", Atspi.Role.PUSH_BUTTON)
    session.choose("Machine to copy", "Busy")
    session.see("“Busy” is running. Shut it down, then it can be copied.")
    wait_for("no way on", lambda: not button.has(Atspi.StateType.SENSITIVE))
    session.choose("Machine to copy", "Lab")
    wait_for("what the copy takes", lambda: session.find_start("The disks are copied: up to 64\u00a0KiB"))
    session.see("Name of the copy", Atspi.Role.TEXT).set_text_contents("Lab two")
    session.shoot("create-copy-light")
    session.see("Linked clone", Atspi.Role.CHECK_BOX).do_action(0)
    session.press("Copy")
    session.see_row("Lab two, Off")
    copy = wait_for("the definition", lambda: session.definitions().get("lab-two"))["block"][0]["path"]
    expect(copy == session.path("data/vitrine/lab-two/disk.qcow2"), copy)
    expect(session.definitions()["lab"]["block"][0]["path"] == session.path("disk-1.qcow2"), "it is not linked")


def keeps_the_view(session):
    """The page and the scaling of each machine are kept, in its state folder."""
    session.define("a", "Alpha")
    session.define("b", "Beta")
    session.start()
    session.activate("app.show-machine", "a")
    session.see("Settings").do_action(0)
    path = session.path("state/vitrine/a/view.json")
    wait_for("the page in the file", lambda: os.path.exists(path) and json.load(open(path))["page"] == "settings")
    session.activate("app.show-machine", "b")
    session.see("Log").do_action(0)
    session.activate("app.show-machine", "a")
    session.see("Name on disk: a")
    session.close()
    expect(json.load(open(session.path("state/vitrine/b/view.json")))["page"] == "log", "the other page is lost")
    session.start()
    session.activate("app.show-machine", "b")
    session.see("Find in the log")


def self_check(session):
    """What is in the way has a row, a cure and a command."""
    answer = session.path("check.json")
    with open(answer, "w") as file:
        json.dump([
            {"id": "kvm-missing", "ok": True, "sentence": "AMD-V is on"},
            {"id": "kvm-denied", "ok": False, "sentence": "Your account is not in the group “kvm”.",
             "cure": "Run the command below, then log out and in again.", "command": "sudo adduser ada kvm"},
            {"id": "render-node", "ok": False, "severity": "warning", "sentence": "The render node cannot be used.",
             "cure": "Join the group “render”.", "command": "sudo usermod -aG render ada"},
            {"id": "wayland", "ok": False, "severity": "warning", "sentence": "No Wayland compositor answers."},
        ], file)
    session.start(FAKE_CHECK=answer)
    session.see("This computer cannot run machines yet")
    session.see("You may use /dev/kvm")
    for title, command in (("You may use /dev/kvm", "sudo adduser ada kvm"),
                           ("Graphics card", "sudo usermod -aG render ada")):
        entry = session.see(f"Command to run in a terminal: {title}", Atspi.Role.TEXT)
        expect(entry.get_text(0, -1) == command, entry.get_text(0, -1))
        session.press(f"Copy the command: {title}")
        wait_for("the command in the clipboard", lambda: clipboard_text() == command)  # pylint: disable=cell-var-from-loop
    commands = [node for node in walk(session.application()) if (node.get_name() or "").startswith("Command to run")]
    expect(len(commands) == 2, f"{len(commands)} commands")
    session.shoot("self-check-light")
    session.press("Continue")
    session.see("No machines yet")


def exit_32(session):
    """A guest that asks for a reset is started again, and says so; that is no problem."""
    session.define("exit-32", "Kernel lab", "Lab")
    session.start()
    session.activate("app.start-machine", "exit-32")
    session.see_row("Kernel lab, Restarting…, group Lab")
    wait_for("the second run", session.running)
    expect(session.find("Close message") is None, "a message although all went well")
    session.press("Shut down")
    session.see_row("Kernel lab, Off, group Lab")


TESTS = [
    empty_page, empty_page_dark, create_machine, create_refuses, start_and_stop,
    exit_32, ends_badly(33, "Kernel lab stopped: its gpu part failed", "Stopped: a part failed"),
    ends_badly(34, "Kernel lab stopped: the guest panicked", "Stopped: guest panicked"),
    ends_badly(35, "Kernel lab has a wrong setting", "Cannot start"),
    ends_badly(36, "Kernel lab stopped: its watchdog ran out", "Stopped: watchdog"),
    broken_definition, delete_and_undo, delete_keeps, note_grows, kvm_denied, search, all_machines, keeps_the_list,
    sandbox_panel, graphics_panel, json_editor,
    log_view, new_lines,
    own_combination, clone, clone_linked, clone_refused_in_german, create_copy, keeps_the_view,
    settings_apply, self_check,
]


sys.exit(run(TESTS))
