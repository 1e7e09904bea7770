#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every place of the window as a screen reader finds it: what takes the focus has a name and a role, and
keys alone lead in, through and out again; prints TAP.

usage: test-access.py BUILD-FOLDER [TEST...]"""
import os
import subprocess
import sys
import time

from runner import expect, run
from session import Announced, Atspi, Failure, is_showing, run_in_session, wait_for, walk

if "VITRINE_UI_SESSION" not in os.environ and __name__ == "__main__":
    sys.exit(run_in_session())

# GTK makes these focusable for its own purposes; a reader passes over them.
PASSIVE = (Atspi.Role.SCROLL_PANE, Atspi.Role.SCROLL_BAR, Atspi.Role.SEPARATOR)
# Of a widget that nobody gave a role.
NO_ROLE = (Atspi.Role.INVALID, Atspi.Role.UNKNOWN, Atspi.Role.REDUNDANT_OBJECT, Atspi.Role.EXTENDED,
           Atspi.Role.FILLER, Atspi.Role.PANEL)


def has_label(node):
    for relation in node.get_relation_set() or []:
        if relation.get_relation_type() == Atspi.RelationType.LABELLED_BY and relation.get_n_targets() > 0:
            return bool((relation.get_target(0).get_name() or "").strip())
    return False


def is_list_row_with_text(node):
    return node.get_role() == Atspi.Role.LIST_ITEM and any((one.get_name() or "").strip() for one in walk(node))


def names_above(node):
    names = []
    while node is not None and len(names) < 5:
        node = node.get_parent()
        if node is not None:
            names.append(f"{node.get_role_name()} “{node.get_name()}”")
    return ", ".join(names)


class Walk:
    """Looks at place after place and keeps what is wrong there."""

    def __init__(self, session):
        self.session = session
        self.wrong = []
        self.places = 0

    def look(self, place, least=1):
        """At all that is shown now."""
        time.sleep(0.3)
        seen = 0
        for node in walk(self.session.application()):
            if not node.has(Atspi.StateType.FOCUSABLE) or not is_showing(node):
                continue
            role = node.get_role()
            # A cell is read with its row and column; its table takes the focus.
            if role in PASSIVE or role == Atspi.Role.TABLE_CELL and not node.get_name():
                continue
            if role == Atspi.Role.LINK and node.get_parent().get_name():
                continue  # in a text of GTK's own window about the program
            seen += 1
            if not (node.get_name() or "").strip() and not has_label(node) and not is_list_row_with_text(node):
                self.wrong.append(f"{place}: {node.get_role_name()} without a name in {names_above(node)}")
            if role in NO_ROLE:
                self.wrong.append(f"{place}: “{node.get_name()}” is a {node.get_role_name()}")
        if seen < least:
            self.wrong.append(f"{place}: only {seen} widgets take the focus")
        self.places += 1

    def end(self):
        print(f"# {self.places} places")
        expect(not self.wrong, "; ".join(sorted(set(self.wrong))))


def check_names(session, rows):
    """Widgets of manager.md, section 8: role, name, start of the description, and whether the keyboard goes there."""
    for role, name, description, focusable in rows:
        node = session.see(name, role, 20)
        wait_for(f"the description of “{name}”, not “{node.get_description()}”",
                 lambda: (node.get_description() or "").startswith(description))  # pylint: disable=cell-var-from-loop
        expect(node.has(Atspi.StateType.FOCUSABLE) == focusable, f"“{name}”: focusable or not")


def press_escape(session):
    session.focus()
    subprocess.run(["xdotool", "key", "--clearmodifiers", "Escape"], check=True, timeout=10)


def open_menu(session, name, item):
    button = session.see(name, Atspi.Role.TOGGLE_BUTTON)
    expect(not button.has(Atspi.StateType.CHECKED), f"the menu of “{name}” is open already")
    button.do_action(0)
    session.see(item)


def close_menu(session, name):
    button = session.see(name, Atspi.Role.TOGGLE_BUTTON)
    press_escape(session)
    wait_for(f"the menu of “{name}” to go", lambda: not button.has(Atspi.StateType.CHECKED))
    time.sleep(0.5)  # it fades


def choose_row(session, name, role=Atspi.Role.LIST_ITEM):
    row = session.see(name, role)
    row.get_parent().select_child(row.get_index_in_parent())


def first_pages(session):
    """Before the first machine: the empty page, the self-check, each step of the assistant."""
    found = Walk(session)
    session.start()
    session.see("No machines yet")
    found.look("empty", 3)
    session.activate("app.self-check")
    session.see("Check again")
    found.look("self-check", 3)
    check_names(session, [(Atspi.Role.LIST_ITEM, "Processor can virtualise: Fine", "AMD-V is on", True)])
    session.press("Continue")
    session.focus()
    session.activate("app.new-machine")
    kernel = session.see("Kernel", Atspi.Role.TEXT)
    sources = session.see("What it starts from")
    for number in reversed(range(sources.get_child_count())):
        sources.get_child_at_index(number).grab_focus()
        session.keys("Return")
        found.look(f"assistant, source {number}", 3)
        wait_for("the choice", lambda: sources.get_child_at_index(number).get_description() == "Chosen")  # pylint: disable=cell-var-from-loop
        for one in range(3):
            sources.get_child_at_index(one).clear_cache()
        described = [row.get_description() for row in map(sources.get_child_at_index, range(3))]
        expect([words == "Chosen" for words in described] == [one == number for one in range(3)], f"{described}")
    wait_for("the kernel's field", lambda: is_showing(kernel))
    kernel.set_text_contents("/bin/true")
    session.press("Next")
    session.see("Name", Atspi.Role.TEXT)
    found.look("assistant, sizes", 5)
    session.press("Next")
    session.see("Create without starting")
    found.look("assistant, check", 3)
    found.end()


def sections_of(session):
    index = session.see("Sections")
    return [node.get_name() for node in walk(index) if node.get_role() == Atspi.Role.LIST_ITEM]


def machine_pages(session):
    """A machine that is off: its pages, each section of its settings, menus, popovers, messages, the table."""
    found = Walk(session)
    session.define("lab", "Lab", "Work", kernel="/bin/true", gpu={"backend": "2d"},
                   block=[{"path": "/bin/true", "ro": True}], serial=[{"type": "stdout", "num": 1}],
                   net=[{"backend": "user"}], params=["quiet"])
    session.define("exit-34", "Other", kernel="/bin/true")
    folder = session.path("state/vitrine/lab")
    os.makedirs(folder)
    with open(os.path.join(folder, "log"), "w") as file:
        file.write("2026-11-21T14:07:31.123Z gpu warning a slow frame\n")
    with open(os.path.join(folder, "serial.0.log"), "w") as file:
        file.write("login:")
    session.start()
    session.activate("app.show-machine", "lab")
    for view in ("display", "console", "statistics", "settings", "log"):
        session.set_state("win.view", view)
        found.look(view, 8)
        session.see(f"Lab, {view.title()}", Atspi.Role.FRAME)  # said when it changes
    session.press("Copy report…")
    session.see("Report", Atspi.Role.TEXT)
    found.look("report", 8)
    session.press("Copy")
    session.see_not("Report")
    session.set_state("win.view", "settings")
    sections = wait_for("the sections", lambda: sections_of(session))
    expect(len(sections) > 5, f"{sections}")
    expect(session.see("General", Atspi.Role.LIST_ITEM).has(Atspi.StateType.SELECTED), "no section is selected")
    switches = []
    for name in sections:
        choose_row(session, name)
        found.look(f"settings, {name}", 8)
        for node in walk(session.application()):
            if node.get_role() == Atspi.Role.TOGGLE_BUTTON and node.get_name() == "Screen, keyboard and pointer":
                switches.append(names_above(node))
    # Orca speaks of each switch in a list that changes, seen or not.
    expect(switches and not any("list box" in one for one in switches), f"{switches}")
    for name in ("New machine", "Main menu", "More", "More ways to start"):
        button = session.see(name, Atspi.Role.TOGGLE_BUTTON)
        if not button.has(Atspi.StateType.SENSITIVE):
            continue
        button.do_action(0)
        found.look(f"menu {name}", 8)
        close_menu(session, name)
    for action, sign in (("Rename…", "Name"), ("Group…", "Group"), ("Clone…", "Name of the copy")):
        open_menu(session, "More", action)
        session.press(action, None)
        session.see(sign, Atspi.Role.TEXT)
        time.sleep(0.5)
        found.look(action, 8)
        press_escape(session)
        wait_for(f"“{sign}” to go", lambda: not session.find(sign, Atspi.Role.TEXT))  # pylint: disable=cell-var-from-loop
        time.sleep(0.5)
    session.activate("win.search")
    found.look("search", 8)
    press_escape(session)
    press_escape(session)
    session.activate("app.start-machine", "exit-34")
    session.alert("Other stopped: the guest panicked")
    session.see("Details").do_action(0)
    found.look("message", 8)
    session.activate("win.overview")
    session.see("All machines", Atspi.Role.TABLE)
    said = Announced()
    session.activate("win.select-all")
    said.wait_for("2 selected")
    said.end()
    found.look("all machines", 8)
    session.see("Columns", Atspi.Role.TOGGLE_BUTTON).do_action(0)
    found.look("columns", 8)
    close_menu(session, "Columns")
    session.press("Delete the selected machines")
    session.see("2 machines moved to trash")
    found.look("toast", 2)
    session.press("Undo")
    session.see_row("Lab, Off")
    found.end()


def dialogs(session):
    """Preferences, shortcuts, about and the question at the end."""
    found = Walk(session)
    session.define("lab", "Lab", kernel="/bin/true")
    session.set(close_policy="'ask'")
    session.start()
    session.activate("app.show-machine", "lab")
    session.activate("app.preferences")
    session.see("When the last window closes")
    found.look("preferences", 8)
    press_escape(session)
    session.see_not("When the last window closes")
    session.activate("app.about")
    session.see("Virtual machines, each of their parts in a jail")
    found.look("about", 2)
    press_escape(session)
    session.see_not("Virtual machines, each of their parts in a jail")
    session.activate("app.start-machine", "lab")
    wait_for("the machine", session.running)
    session.activate("win.close")
    session.see("1 machine is running")
    found.look("closing", 3)
    session.press("Cancel")
    found.end()


def running_machine(session):
    """A machine that runs: picture, console, figures with their details, keys, full screen."""
    found = Walk(session)
    session.use_real_vmm()
    disk = session.path("disk.img")
    with open(disk, "wb") as file:
        file.truncate(1 << 20)
    session.define("tiny", "Tiny", kernel=session.tiny_guest(), block=[{"path": disk}], mem={"size": 64},
                   gpu={"backend": "2d"})
    session.start()
    session.activate("app.start-machine", "tiny")
    session.see_row("Tiny, Running", 20)
    names = {
        "display": [(Atspi.Role.DRAWING_AREA, "Display of Tiny", "Running, keyboard released.", True),
                    (Atspi.Role.IMAGE, "Last picture of Tiny", "", False),
                    (Atspi.Role.TOGGLE_BUTTON, "More ways to stop", "", True)],
        "console": [(Atspi.Role.TERMINAL, "Serial 1 of Tiny", "", True)],
        "statistics": [(Atspi.Role.CHART, "Processor, last minute", "Now ", False),
                       (Atspi.Role.PANEL, "Processor", "", False),
                       (Atspi.Role.TABLE, "Processes of Tiny", "", True)],
        "settings": [(Atspi.Role.TEXT, "Name", "What this window calls it", True)],
    }
    for view in ("display", "console", "settings", "log", "statistics"):
        session.set_state("win.view", view)
        found.look(f"running, {view}", 8)
        check_names(session, names.get(view, []))
    session.see("Graphics: 2D, as asked for.", seconds=20)
    session.see("Graphics card in detail").do_action(0)
    table = session.see("Processes of Tiny", Atspi.Role.TABLE)
    cell = wait_for("the disk's row", lambda: next(
        (node for node in walk(table) if node.get_name() == "block-0"), None))
    actions = [cell.get_action_name(number) for number in range(cell.get_n_actions() or 0)]
    cell.do_action(actions.index("activate"))
    details = session.see("Close process details")
    found.look("process details", 8)
    session.focus()
    details.grab_focus()
    session.keys("shift+F6")
    wait_for("the page beside it", lambda: not details.has(Atspi.StateType.FOCUSED))
    session.keys("F6")
    wait_for("the way back by F6", lambda: details.has(Atspi.StateType.FOCUSED))
    session.set_state("win.view", "display")
    session.see("Send keys", Atspi.Role.TOGGLE_BUTTON).do_action(0)
    session.see("Magic SysRq").do_action(0)
    session.see("Write all to disk (S)")
    found.look("keys", 20)
    session.see("Add a combination…").do_action(0)
    session.see("Press the keys, or Escape…")
    found.look("a new combination", 8)
    press_escape(session)
    press_escape(session)
    session.set_state("win.view", "console")
    session.press("Find")
    found.look("find in the console", 8)
    found.end()


TESTS = [first_pages, machine_pages, dialogs, running_machine]

if __name__ == "__main__":
    sys.exit(run(TESTS))
