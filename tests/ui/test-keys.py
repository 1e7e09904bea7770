#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The window by keys alone, proved by what has the focus: Tab reaches all that takes it on each page, nothing
holds it, F6 goes from part to part; menus of rows; the way back in a narrow window. Prints TAP.

usage: test-keys.py BUILD-FOLDER [TEST...]"""
import os
import subprocess
import sys
import time

from runner import expect, run
from session import Atspi, Failure, is_showing, run_in_session, wait_for, walk

if "VITRINE_UI_SESSION" not in os.environ and __name__ == "__main__":
    sys.exit(run_in_session())

# These are no stops of their own: arrows move in them, or GTK makes them focusable for its own purposes.
INSIDE = (Atspi.Role.LIST_ITEM, Atspi.Role.RADIO_BUTTON, Atspi.Role.PAGE_TAB, Atspi.Role.TABLE_CELL,
          Atspi.Role.TABLE_COLUMN_HEADER, Atspi.Role.MENU_ITEM)
PASSIVE = (Atspi.Role.SCROLL_PANE, Atspi.Role.SCROLL_BAR, Atspi.Role.SEPARATOR, Atspi.Role.LABEL,
           Atspi.Role.LIST_BOX, Atspi.Role.FRAME, Atspi.Role.PAGE_TAB_LIST)
MOST = 90


def press(key):
    subprocess.run(["xdotool", "key", "--clearmodifiers", key], check=True, timeout=60)


def focused(session):
    """The innermost widget with the focus; None while there is none."""
    found = None
    for node in walk(session.application()):
        if node.has(Atspi.StateType.FOCUSED) and is_showing(node):
            found = node
    return found


def place_of(node):
    box = node.get_extents(Atspi.CoordType.WINDOW)
    return (node.get_role_name(), node.get_name(), box.x, box.y)


def stops(session):
    """What Tab should reach now: all that takes the focus and can be used."""
    found = {}
    for node in walk(session.application()):
        role = node.get_role()
        if role in INSIDE or role in PASSIVE or not is_showing(node):
            continue
        if node.has(Atspi.StateType.FOCUSABLE, Atspi.StateType.SENSITIVE):
            found[place_of(node)] = node
    return found


def leave(node):
    """The key that goes on from here: a guest and the editor take Tab for themselves."""
    if node is not None and node.get_role() == Atspi.Role.TERMINAL:
        return "F6"
    if node is not None and node.has(Atspi.StateType.MULTI_LINE, Atspi.StateType.EDITABLE):
        return "ctrl+Tab"
    return "Tab"


def tab_through(session):
    """Around once, from where the focus is. The places that had it."""
    seen = []
    for _ in range(MOST):
        node = focused(session)
        place = place_of(node) if node else None
        if place in seen[:-1]:  # a list comes back to its selected row
            return seen
        if place and (not seen or place != seen[-1]):
            seen.append(place)
        press(leave(node))
        time.sleep(0.05)
    raise Failure(f"Tab does not come back to {seen[0] if seen else None}; last {seen[-3:]}")


def look(session, where, wrong):
    session.focus()
    seen = tab_through(session)
    # Of a table a cell has the focus.
    missed = [place for place in stops(session) if place not in seen
              and not (place[0] == "table" and any(one[0] == "table cell" for one in seen))]
    if missed:
        wrong.append(f"{where}: Tab never reaches {missed[:4]}")


def define(session):
    session.define("lab", "Lab", "Work", kernel="/bin/true", gpu={"backend": "2d"},
                   block=[{"path": "/bin/true", "ro": True}], serial=[{"type": "stdout", "num": 1}])
    session.define("other", "Other", kernel="/bin/true")


def pages(session):
    """Each page of a machine that is off, and “All machines”."""
    wrong = []
    define(session)
    session.start()
    session.activate("app.show-machine", "lab")
    for view in ("display", "console", "statistics", "log", "settings"):
        session.set_state("win.view", view)
        look(session, view, wrong)
    session.activate("win.overview")
    session.see("All machines", Atspi.Role.TABLE)
    look(session, "all machines", wrong)
    expect(not wrong, "; ".join(wrong))


def row_menus(session):
    """Shift+F10 in the list and in the table; Escape closes the menu and the focus is where it was."""
    define(session)
    session.start()
    session.activate("app.show-machine", "other")
    session.focus()
    row = session.see_row("Other, Off")
    row.grab_focus()
    session.keys("shift+F10")
    session.see("Copy command line")
    session.keys("Escape")
    session.see_not("Copy command line")
    session.keys("alt+0")
    session.see("All machines", Atspi.Role.TABLE)
    session.focus_on("All machines", Atspi.Role.TABLE)
    session.keys("Home", "shift+F10")
    item = session.see("Group…", Atspi.Role.MENU_ITEM)
    expect(not session.see("Shut down", Atspi.Role.MENU_ITEM).has(Atspi.StateType.SENSITIVE), "it is off")
    expect(item.has(Atspi.StateType.SENSITIVE), "no group for one")
    session.shoot("table-menu-light")
    session.keys("Escape")
    wait_for("the menu to go", lambda: not session.find("Group…", Atspi.Role.MENU_ITEM))
    session.keys("shift+F10", "Down", "Return")  # what cannot be used is passed over
    session.see("Group", Atspi.Role.TEXT)
    session.type("Bench")
    session.keys("Return")
    wait_for("the group", lambda: any(one["manager"]["group"] == "Bench"
                                      for one in session.definitions().values()))


def narrow_back(session):
    """In a narrow window Escape goes back to the list, Enter into the machine."""
    define(session)
    session.start()
    session.activate("app.show-machine", "lab")
    window = subprocess.run(["xdotool", "search", "--onlyvisible", "--pid", str(session.process.pid)],
                            capture_output=True, text=True).stdout.split()[0]
    subprocess.run(["xdotool", "windowsize", "--sync", window, "600", "780"], check=True, timeout=60)
    session.see("Back", Atspi.Role.PUSH_BUTTON)
    session.set_state("win.view", "statistics")
    session.focus()
    session.keys("Escape")
    session.see_not("Back")
    wait_for("the list", lambda: is_showing(session.see_row("Lab, Off")))


TESTS = [pages, row_menus, narrow_back]

if __name__ == "__main__":
    sys.exit(run(TESTS))
