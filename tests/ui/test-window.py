#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The window as its design says, under Xvfb: menus of the list, what can be taken back, what is kept; prints TAP.

usage: test-window.py BUILD-FOLDER [TEST...]"""
import json
import os
import signal
import subprocess
import sys

from runner import expect, run
from session import Announced, Atspi, Failure, is_showing, run_in_session, wait_for, walk

if "VITRINE_UI_SESSION" not in os.environ and __name__ == "__main__":
    sys.exit(run_in_session())


def select_row(session, start):
    row = session.see_row(start)
    row.get_parent().select_child(row.get_index_in_parent())
    return row


def items(session):
    """The entries of the row menu that is open."""
    buttons = [node for node in walk(session.application())
               if is_showing(node) and node.get_role() == Atspi.Role.PUSH_BUTTON]
    names = [node.get_name() for node in buttons]
    return buttons[names.index("Open in new window") - 1:] if "Open in new window" in names else []


def names_of(session):
    return [node.get_name() for node in items(session)]


def choose(session, name):
    node = wait_for(f"“{name}”", lambda: next((node for node in items(session) if node.get_name() == name), None))
    node.do_action(0)
    wait_for("the menu to close", lambda: not items(session))


def in_the_middle(node):
    box = node.get_extents(Atspi.CoordType.SCREEN)
    return str(box.x + box.width // 2), str(box.y + box.height // 2)


def mouse(*words):
    subprocess.run(["xdotool", *words], check=True, timeout=60)


def words_fit(session):
    """A window of 1280 shows the words of its pages; a machine that is off has the same sign in list and table."""
    session.define("lab", "Lab")
    session.start()
    session.activate("app.show-machine", "lab")
    session.see_row("Lab, Off")

    def width():
        return session.see("Statistics", Atspi.Role.RADIO_BUTTON).get_extents(Atspi.CoordType.SCREEN).width
    wait_for("words", lambda: width() > 70)
    session.shoot("words-light")
    session.activate("win.overview")
    table = session.see("All machines", Atspi.Role.TABLE)
    box = table.get_extents(Atspi.CoordType.SCREEN)
    seen = set()

    def has_sign():
        # across the middle of the first row's picture, below the heads of the columns
        for step in range(24):
            seen.add(session.colour_of(table, (20 + step) / box.width, 61 / box.height))
        return any(min(colour) > 150 for colour in seen) and (0x2b, 0x2f, 0x36) in seen
    wait_for("a sign in the picture's place", has_sign, 30)
    session.shoot("overview-off-light")


def row_menu(session):
    """A row's menu, by the menu key and by the mouse: to start, to look at, to change; what is in it depends on the state."""
    session.define("lab", "Lab", kernel="/bin/true")
    session.start()
    session.focus()
    select_row(session, "Lab, Off")
    session.focus_on("Machines", None)
    common = ["Open in new window", "Settings", "Rename…", "Group…", "Clone…", "Copy command line", "Open folder",
              "Delete"]
    session.keys("Menu")
    wait_for("the menu", lambda: names_of(session) == ["Start", *common])
    session.shoot("row-menu-light")
    session.keys("Escape")
    wait_for("the menu to close", lambda: not items(session))
    session.keys("shift+F10")
    choose(session, "Settings")
    session.see("Name on disk: lab")
    mouse("mousemove", *in_the_middle(session.see_row("Lab, Off")), "click", "3")
    choose(session, "Start")
    session.see_row("Lab, Starting…")
    mouse("mousemove", *in_the_middle(session.see_row("Lab, Starting…")), "click", "3")
    wait_for("the menu", lambda: names_of(session) == ["Shut down", *common])
    choose(session, "Shut down")
    session.see_row("Lab, Off")


def takes_back(session):
    """A new name and a new group are taken back, of one machine and of several, by the toast and by Ctrl+Z."""
    for name, title in (("a", "Alpha"), ("b", "Beta")):
        session.define(name, title, "Work" if name == "b" else "")
    session.start()
    session.activate("app.show-machine", "a")
    session.see_row("Alpha, Off")
    session.focus()
    session.keys("F2")
    session.see("Name", Atspi.Role.TEXT)
    session.keys("ctrl+a")
    session.type("Gamma")
    session.keys("Return")
    session.see_row("Gamma, Off")
    session.see("“Alpha” is called “Gamma” now")
    session.shoot("renamed-light")
    said = Announced()
    session.keys("ctrl+z")
    session.see_row("Alpha, Off")
    said.wait_for("Undone: “Alpha” is called “Gamma” now")
    said.end()

    def group(name):
        return session.definitions()[name]["manager"].get("group", "")
    start = in_the_middle(session.see_row("Alpha, Off"))
    below = session.see_row("Beta, Off").get_extents(Atspi.CoordType.SCREEN)
    end = str(below.x + below.width // 2), str(below.y - 14)  # the heading of its group
    for _ in range(5):  # a drag needs an answer to each of its steps, in time
        mouse("mousemove", *start, "sleep", "0.3", "mousedown", "1", "sleep", "0.5")
        for _ in range(6):
            mouse("mousemove_relative", "4", "4", "sleep", "0.1")
        mouse("mousemove", *end, "sleep", "0.5", "mousemove_relative", "2", "2", "sleep", "1", "mouseup", "1")
        try:
            session.see("“Alpha” moved to the group “Work”", seconds=5)
            break
        except Failure:
            pass
    expect(group("a") == "Work", "a machine cannot be dragged to a group")
    session.see_row("Alpha, Off, group Work")
    session.press("Undo")
    wait_for("no group", lambda: group("a") == "")
    session.activate("win.overview")
    session.activate("win.select-all")
    session.press("Group…")
    session.see("Group", Atspi.Role.TEXT).set_text_contents("Lab")
    session.press("Apply")
    session.see("2 machines moved to the group “Lab”")
    session.see_row("Alpha, Off, group Lab")
    session.press("Undo")
    wait_for("the old groups", lambda: (group("a"), group("b")) == ("", "Work"))


def search_entry(session):
    return next((node for node in walk(session.application()) if node.get_name() == "Search machines" and
                 node.get_role() == Atspi.Role.TEXT and is_showing(node)), None)


def folded_groups(session):
    """A folded group opens for what is searched, and hides what is moved to it; Escape clears, then closes."""
    session.define("a", "Alpha", "Lab")
    session.define("b", "Beta", "Work")
    session.set(folded_groups="['Lab']")
    session.start()
    session.see_row("Beta, Off")

    def seen(name):
        return session.find("Last picture of " + name) is not None
    wait_for("the fold", lambda: seen("Beta") and not seen("Alpha"))
    session.focus()
    session.see_row("Beta, Off").grab_focus()  # Tab goes to the headings only: the selected row is hidden
    session.type("alp")
    wait_for("what was searched", lambda: seen("Alpha") and not seen("Beta"))
    expect(search_entry(session).get_text(0, -1) == "alp", "typing in the list is no search")
    session.keys("Escape")
    wait_for("all", lambda: seen("Beta") and not seen("Alpha"))
    expect(search_entry(session), "the first Escape closed the search")
    session.keys("Escape")
    wait_for("the search to close", lambda: not search_entry(session))
    session.define("b", "Beta", "Lab")
    wait_for("it to fold", lambda: not seen("Beta"))
    session.define("b", "Beta", "Work")
    wait_for("it to unfold", lambda: seen("Beta"))


def has_curve(session, figure):
    """Something in the colour of curves stands before the table's cell with that text."""
    session.shoot("disk-column-light")
    cell = next((node for node in walk(session.see("All machines", Atspi.Role.TABLE))
                 if node.get_role() == Atspi.Role.TABLE_CELL and " ".join(node.get_name().split()) == " ".join(figure.split())),
                None)
    if cell is None:
        return False
    box = cell.get_extents(Atspi.CoordType.SCREEN)
    pixels = subprocess.run(["convert", os.path.join(session.shots, "disk-column-light.png"), "-crop",
                             f"56x{box.height}+{box.x - 60}+{box.y}", "-depth", "8", "rgb:-"],
                            check=True, capture_output=True).stdout
    return any(pixels[at + 2] > pixels[at] + 80 for at in range(0, len(pixels), 3))


def disk_column(session):
    """Memory and what the disks do have columns of their own, with a figure and a curve once the machine runs."""
    session.use_real_vmm()
    disk = session.path("disk.img")
    with open(disk, "wb") as file:
        file.truncate(1 << 20)
    session.define("tiny", "Tiny", kernel=session.tiny_guest(), mem={"size": 64}, block=[{"path": disk}])
    session.start()
    session.activate("win.overview")

    def cells():
        table = session.see("All machines", Atspi.Role.TABLE)
        return [node.get_name() for node in walk(table) if node.get_role() == Atspi.Role.TABLE_CELL]
    before = wait_for("the row", cells)
    session.activate("app.start-machine", "tiny")
    session.see_row("Tiny, Running", 20)
    session.activate("win.overview")
    wait_for("a rate", lambda: "0\u00a0B/s" in cells(), 20)
    expect(before.count("–") >= 2, f"{before}")
    for figure in ("64 MiB", "0\u00a0B/s"):
        wait_for(f"the curve beside {figure}", lambda figure=figure: has_curve(session, figure), 20)


def long_groups(session):
    """A group's name has the room that the names of the machines leave."""
    def width():
        headers = [node for node in walk(session.see("All machines", Atspi.Role.TABLE))
                   if node.get_role() == Atspi.Role.TABLE_COLUMN_HEADER and node.get_name() == "Group"]
        return headers and headers[0].get_extents(Atspi.CoordType.SCREEN).width
    session.define("lab", "Lab", "Lab")
    session.start()
    session.activate("win.overview")
    session.see_row("Lab, Off")
    before = wait_for("the column", width)
    session.define("lab", "Lab", "Department of measurements")
    wait_for("a wider column", lambda: width() > before + 80)
    session.shoot("overview-groups-light")
    session.define("lab", "Lab", "Lab")
    wait_for("the width before", lambda: width() == before)


def sorts_and_keeps_columns(session):
    """A header of “All machines” sorts by its column, pressed again the other way round; order and columns come back."""
    for name, title, group in (("a", "Alpha", "Zoo"), ("b", "Beta", "Attic"), ("c", "Gamma", "Mill")):
        session.define(name, title, group)
    session.set(hints_shown=0)

    def cells(role=Atspi.Role.TABLE_CELL):
        return [node.get_name() for node in walk(session.see("All machines", Atspi.Role.TABLE))
                if node.get_role() == role and is_showing(node)]

    def order():
        return [name for name in cells() if name in ("Alpha", "Beta", "Gamma")]

    def headers():
        return cells(Atspi.Role.TABLE_COLUMN_HEADER)

    def choose_column(name):
        button = session.see("Columns", Atspi.Role.TOGGLE_BUTTON)
        button.do_action(0)
        wait_for(f"“{name}” in the menu", lambda: next((
            node for node in walk(session.application()) if node.get_name() == name and is_showing(node)
            and node.get_role() in (Atspi.Role.CHECK_BOX, Atspi.Role.PUSH_BUTTON)), None)).do_action(0)
        session.focus()
        session.keys("Escape")
        wait_for("the menu to close", lambda: not button.has(Atspi.StateType.CHECKED))
    session.start()
    session.activate("win.overview")
    wait_for("by name", lambda: order() == ["Alpha", "Beta", "Gamma"])
    session.press("Group", Atspi.Role.TABLE_COLUMN_HEADER)
    wait_for("by group", lambda: order() == ["Beta", "Gamma", "Alpha"])
    session.press("Group", Atspi.Role.TABLE_COLUMN_HEADER)
    wait_for("from the end", lambda: order() == ["Alpha", "Gamma", "Beta"])
    expect("Note" not in headers() and "Memory" in headers(), f"{headers()}")
    choose_column("Note")
    choose_column("Memory")
    wait_for("other columns", lambda: "Note" in headers() and "Memory" not in headers())
    session.close()
    session.start()
    session.activate("win.overview")
    wait_for("the order before", lambda: order() == ["Alpha", "Gamma", "Beta"])
    expect("Note" in headers() and "Memory" not in headers(), f"{headers()}")


def opens_the_section(session):
    """After a wrong setting its button leads to the section of that setting."""
    session.define("exit-35", "Lab")
    session.start()
    session.activate("app.show-machine", "exit-35")
    session.activate("app.start-machine", "exit-35")
    session.alert("Lab has a wrong setting")
    session.press("Change settings")
    wait_for("the section", lambda: session.see("System", Atspi.Role.LIST_ITEM).has(Atspi.StateType.SELECTED))


def keeps_the_frame(session):
    """The list stays hidden and the console's text as large as it was made."""
    os.makedirs(session.path("state/vitrine/lab"))
    with open(session.path("state/vitrine/lab/serial.0.log"), "w", encoding="utf-8") as file:
        file.write("login: ")
    session.define("lab", "Lab")
    session.set(hints_shown=0)
    session.start()
    session.see_row("Lab, Off")
    session.focus()
    session.set_state("win.view", "console")

    def height():
        terminal = session.see("Serial 1 of Lab", Atspi.Role.TERMINAL)
        return terminal.get_character_extents(0, Atspi.CoordType.SCREEN).height
    terminal = session.see("Serial 1 of Lab", Atspi.Role.TERMINAL)
    terminal.grab_focus()
    before = wait_for("text", height)
    for _ in range(5):
        session.keys("ctrl+plus")
    large = wait_for("larger text", lambda: height() > before and height())
    session.activate("win.sidebar")
    wait_for("the list to go", lambda: session.find("Machines") is None)
    session.close()
    session.start()
    session.see("Console")
    expect(session.find("Machines") is None, "the list is back")
    wait_for(f"text of {large} px", lambda: height() == large)
    session.activate("win.sidebar")
    session.see("Machines")


def save_as(session, button, ending, path):
    """Through the file dialog, as a reader does: whoever pressed the button is not kept waiting."""
    session.press(button)
    entry = wait_for("a name", lambda: next((
        node for node in walk(session.application())
        if node.get_role() == Atspi.Role.TEXT and is_showing(node) and (node.get_text(0, -1) or "").endswith(ending)), None))
    entry.set_text_contents(path)
    session.press("Save")


def saves_output(session):
    """All that a console said, and the machine's log, go into files, and the window says so."""
    os.makedirs(session.path("state/vitrine/lab"))
    with open(session.path("state/vitrine/lab/serial.0.log"), "w", encoding="utf-8") as file:
        file.write("first line\r\nlast line\r\n")
    log = "[2026-11-20T10:00:00.000Z] vmm[12] info: said for the file\n"
    with open(session.path("state/vitrine/lab/log"), "w", encoding="utf-8") as file:
        file.write(log)
    session.define("lab", "Lab")
    session.start()
    session.see_row("Lab, Off")
    session.set_state("win.view", "console")
    terminal = session.see("Serial 1 of Lab", Atspi.Role.TERMINAL)
    wait_for("its text", lambda: "last line" in terminal.get_text(0, -1))
    path = session.path("saved.txt")
    save_as(session, "Save output…", ".txt", path)
    session.see("Output saved")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    expect("first line\nlast line\n" in text, f"saved: {text!r}")
    session.set_state("win.view", "log")
    path = session.path("saved.log")
    save_as(session, "Save log…", ".log", path)
    session.see("Log saved")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    expect(text == log, f"saved: {text!r}")


def closes_file_dialogs(session):
    """Dialogs for files that are opened: nothing chosen, nothing changed, and no one waits."""
    session.define("lab", "Lab", kernel="/bin/true")
    session.start()
    session.see_row("Lab, Off")
    session.activate("app.open-file")
    session.press("Cancel")
    wait_for("the dialog to go", lambda: session.find("Cancel", Atspi.Role.PUSH_BUTTON) is None)
    session.activate("app.show-machine", "lab")
    session.set_state("win.view", "settings")
    row = session.see("Disks", Atspi.Role.LIST_ITEM)
    row.get_parent().select_child(row.get_index_in_parent())
    before = session.definitions()
    session.press("Add a disk…")
    session.press("Cancel")
    wait_for("the dialog to go", lambda: session.find("Cancel", Atspi.Role.PUSH_BUTTON) is None)
    expect(session.definitions() == before, "the machine changed")


def menu_switches(session):
    """The switches of More show how things are, and what is chosen there is kept for the machine."""
    session.define("lab", "Lab")
    session.define("other", "Other")
    session.start()
    session.activate("app.show-machine", "lab")
    session.see_row("Lab, Off")

    def more(name):
        session.see("More", Atspi.Role.TOGGLE_BUTTON).do_action(0)
        return session.see(name)

    def close(name):
        for _ in range(5):  # an item may close its menu by itself, in its own time
            try:
                session.see_not(name, 2)
                return
            except Failure:
                session.see("More", Atspi.Role.TOGGLE_BUTTON).do_action(0)
        session.see_not(name)

    def is_on(name):
        item = more(name)
        width = item.get_extents(Atspi.CoordType.SCREEN).width
        colours = [session.colour_of(item, (width - step) / width) for step in range(4, 24, 2)]
        on = any(colour[2] > colour[0] + 60 for colour in colours)  # GTK tells a reader nothing of it
        close(name)
        return on

    def toggle(name):
        more(name).do_action(0)
        close(name)
    resize, keys = "Resize the guest with the window", "Send system keys to the machine"
    expect(is_on(resize) and is_on(keys), "the menu shows them off")
    session.shoot("more-light")
    toggle(resize)
    toggle(keys)
    expect(not is_on(resize) and not is_on(keys), "the menu shows them on")
    session.activate("app.show-machine", "other")
    session.see_row("Other, Off")
    wait_for("its own", lambda: is_on(resize))
    session.activate("app.show-machine", "lab")
    wait_for("kept", lambda: not is_on(resize))
    path = session.path("state/vitrine/lab/view.json")
    wait_for("the file", lambda: os.path.exists(path) and json.load(open(path)).get("resize-guest") is False)


def keeps_tab_zoom_and_order(session):
    """A machine's console tab, the size of its text and the order of its processes come back; another has its own."""
    session.use_real_vmm()
    session.define("tiny", "Tiny", kernel=session.tiny_guest(), mem={"size": 64},
                   serial=[{"type": "sink", "hardware": "serial", "num": number} for number in (1, 2)])
    session.define("other", "Other")
    for name in ("tiny", "other"):
        os.makedirs(session.path(f"state/vitrine/{name}"))
        for port in ("serial.0", "serial.1"):
            with open(session.path(f"state/vitrine/{name}/{port}.log"), "w") as file:
                file.write("HELLO\n")

    def kept(name):
        try:
            return json.load(open(session.path(f"state/vitrine/{name}/view.json")))
        except FileNotFoundError:
            return {}

    def tabs():
        """Names of the tabs that can be seen, and which is chosen."""
        found = [node for node in walk(session.application())
                 if node.get_role() == Atspi.Role.PAGE_TAB and is_showing(node)]
        return found, [node.get_name() for node in found if node.has(Atspi.StateType.SELECTED)]

    def show(name, page):
        session.activate("app.show-machine", name)
        session.see(page).do_action(0)
    session.start()
    session.focus()
    show("other", "Console")
    wait_for("two tabs", lambda: len(tabs()[0]) == 2)
    show("tiny", "Console")
    wait_for("the first tab", lambda: tabs()[1] == ["Serial 1"])
    tabs()[0][0].get_parent().select_child(1)
    wait_for("the second tab", lambda: tabs()[1] == ["Serial 2"])
    session.see("Serial 2 of Tiny", Atspi.Role.TERMINAL).grab_focus()
    session.keys("ctrl+plus")
    wait_for("tab and zoom in the file",
             lambda: kept("tiny").get("console-tab") == "serial.1" and kept("tiny").get("console-zoom") == 110)
    show("other", "Console")
    wait_for("its own tab", lambda: tabs()[1] == ["Serial 1"])
    session.activate("app.start-machine", "tiny")
    session.see_row("Tiny, Running", 20)
    session.see("Statistics").do_action(0)
    session.see("Processes of Tiny", Atspi.Role.TABLE, 20)
    session.press("Memory", Atspi.Role.TABLE_COLUMN_HEADER)
    wait_for("the order", lambda: kept("tiny").get("process-order") == "memory")
    session.press("Memory", Atspi.Role.TABLE_COLUMN_HEADER)
    wait_for("the order", lambda: kept("tiny").get("process-order") == "-memory")
    session.close()
    expect("console-zoom" not in kept("other") and "console-tab" not in kept("other"), kept("other"))
    session.start()
    session.focus()
    show("tiny", "Console")
    wait_for("the second tab", lambda: tabs()[1] == ["Serial 2"])
    session.see("Serial 2 of Tiny", Atspi.Role.TERMINAL).grab_focus()
    session.keys("ctrl+plus")
    wait_for("the zoom to go on from there", lambda: kept("tiny").get("console-zoom") == 121)
    expect(kept("tiny")["process-order"] == "-memory", "the order is lost")


def says_stalled(session):
    """A machine whose display stands still says so once keys got no answer, with a way to end it and one to wait."""
    session.use_real_vmm()
    session.define("tiny", "Tiny", kernel=session.tiny_guest(), mem={"size": 64}, gpu={"backend": "2d"})
    session.start()
    session.activate("app.start-machine", "tiny")
    session.see_row("Tiny, Running", 20)
    session.see("Display of Tiny", seconds=20)
    vmm = session.running()[0]
    children = subprocess.run(["pgrep", "-P", str(vmm), "vmm-display"], capture_output=True, text=True,
                              check=True).stdout.split()
    os.kill(int(children[0]), signal.SIGSTOP)

    def press_keys():
        session.see("Send keys", Atspi.Role.TOGGLE_BUTTON).do_action(0)
        session.press("Ctrl+Alt+Delete")
        session.alert("Tiny does not answer", 30)
    try:
        press_keys()
        session.see("Keyboard and pointer were released.")
        session.see("Force off", Atspi.Role.PUSH_BUTTON)
        session.shoot("stalled-light")
        session.press("Wait")
        session.see_not("Keyboard and pointer were released.")
        expect(session.running() == [vmm], "it was ended")
        press_keys()
    finally:
        os.kill(int(children[0]), signal.SIGCONT)


TESTS = [words_fit, says_stalled, menu_switches, row_menu, takes_back, folded_groups, keeps_tab_zoom_and_order, disk_column, long_groups, sorts_and_keeps_columns, opens_the_section, keeps_the_frame, saves_output, closes_file_dialogs]

if __name__ == "__main__":
    sys.exit(run(TESTS))
