#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The window by keys alone, proved by what has the focus: Tab reaches all that takes it on each page, nothing
holds it, F6 goes from part to part; menus of rows; the way back in a narrow window. Prints TAP.

usage: test-keys.py BUILD-FOLDER DRAWN-VMM [TEST...]"""
import os
import shutil
import subprocess
import sys
import time

from runner import expect, run
from session import Announced, Atspi, Failure, GLib, Node, is_showing, run_in_session, wait_for, walk

if "VITRINE_UI_SESSION" not in os.environ and __name__ == "__main__":
    sys.exit(run_in_session())

DRAWN_VMM = os.path.abspath(sys.argv.pop(2))
# These are no stops of their own: arrows move in them, or GTK makes them focusable for its own purposes.
INSIDE = (Atspi.Role.LIST_ITEM, Atspi.Role.RADIO_BUTTON, Atspi.Role.PAGE_TAB, Atspi.Role.TABLE_CELL,
          Atspi.Role.TABLE_COLUMN_HEADER, Atspi.Role.MENU_ITEM)
PASSIVE = (Atspi.Role.SCROLL_PANE, Atspi.Role.SCROLL_BAR, Atspi.Role.SEPARATOR, Atspi.Role.LABEL,
           Atspi.Role.LIST_BOX, Atspi.Role.FRAME, Atspi.Role.PAGE_TAB_LIST)
MOST = 90
HEADER = 40
SIDE = ("New machine", "Search machines", "Main menu")
PARTS = ((Atspi.Role.ALERT, None, "bar"), (Atspi.Role.NOTIFICATION, None, "toast"),
         (Atspi.Role.LIST_BOX, "Machines", "list"))
ORDER = [*SIDE, "Lab, Running", "Shut down", "More ways to stop", "Log", "Send keys", "Save screenshot",
         "Full screen", "More"]
VIEWS = {"display": 1, "console": 2, "statistics": 3, "settings": 4, "log": 5}
CAPTURED, RELEASED = "Running, keyboard captured.", "Running, keyboard released. Press Enter to control."
# Of linux/input-event-codes.h.
KEY_TAB, KEY_F10, KEY_F11 = 15, 68, 87


def press(key):
    subprocess.run(["xdotool", "key", "--clearmodifiers", key], check=True, timeout=60)


def shown(node, depth=0):
    """All that is to be seen below, without what hidden pages hold."""
    for index in range(node.get_child_count() or 0):
        child = node.get_child_at_index(index)
        if child is not None and depth < 40 and is_showing(child := Node(child)):
            yield child
            yield from shown(child, depth + 1)


def focused(session):
    """
    The innermost widget with the focus. None while there is none, and on a heading of the list or a combo box:
    GTK has no object for what takes the focus there.
    """
    for nodes in (shown(session.application()), walk(session.application())):  # what was scrolled there is late
        found = [node for node in nodes if node.has(Atspi.StateType.FOCUSED)]
        if found:
            return found[-1]
    return None


def place_of(node):
    box = node.get_extents(Atspi.CoordType.WINDOW)
    return (node.get_role_name(), node.get_name(), box.x, box.y)


def stops(session):
    """What Tab should reach now: all that takes the focus and can be used."""
    found = {}
    for node in shown(session.application()):
        role = node.get_role()
        if role in INSIDE or role in PASSIVE:
            continue
        if node.has(Atspi.StateType.FOCUSABLE, Atspi.StateType.SENSITIVE):
            found[place_of(node)] = node
    return found


def leave(node, key="Tab"):
    """Goes on from here: a guest and the editor take Tab for themselves."""
    if node is not None and node.get_role() == Atspi.Role.TERMINAL:
        press("F6" if key == "Tab" else "shift+F6")
    elif node is not None and node.has(Atspi.StateType.MULTI_LINE, Atspi.StateType.EDITABLE):
        press("ctrl+" + key)
    else:
        if node is not None and node.get_role() == Atspi.Role.DRAWING_AREA:
            press("ctrl+alt")
        press(key)


def moved(session, place):
    """What has the focus once it is not there any more; a combo box and the next cannot be told apart."""
    end = time.monotonic() + (0.3 if place is None else 2)
    while True:
        node = focused(session)
        if (place_of(node) if node else None) != place or time.monotonic() > end:
            return node
        time.sleep(0.02)


def stop_of(node):
    """
    What it stands for, by name, as what is scrolled or grows has other places. A list is entered at its first row
    or at its last, and arrows do the rest: a row stands for its list.
    """
    if node.get_role() != Atspi.Role.LIST_ITEM:
        return place_of(node)[:2]
    above = node.get_parent()
    return ("list", above.get_name() or "/".join(str(index) for index in path_of(above)))


def path_of(node):
    """Where it is in its window; a name is not always there."""
    indexes = []
    while node is not None and node.get_role() not in (Atspi.Role.FRAME, Atspi.Role.DIALOG, Atspi.Role.APPLICATION):
        indexes.append(node.get_index_in_parent())
        node = node.get_parent()
    return indexes


def tab_through(session, key="Tab", found=None):
    """Around once, from where the focus is. The places that had it; what they stand for is added to `found`."""
    seen = []
    place = None
    node = focused(session)
    for _ in range(MOST):
        last, place = place, place_of(node) if node else None
        if place in seen[:-1] or place in seen and last is None:  # a list comes back to its selected row
            return seen
        if place and (not seen or place != seen[-1]):
            seen.append(place)
            if found is not None:
                found.append(stop_of(node))
        leave(node, key)
        node = moved(session, place)
    raise Failure(f"{key} does not come back to {seen[0] if seen else None}; last {seen[-3:]}")


def missed(seen, wanted):
    # Of a table a cell has the focus.
    return [place for place in wanted if place not in seen
            and not (place[0] in ("table", "tree table") and any(one[0] == "table cell" for one in seen))]


def look(session, where, wrong):
    session.focus()
    seen = tab_through(session)
    if any(place[0] == "terminal" for place in seen):  # F6 leads from it to the list: past what follows it
        seen += tab_through(session, "shift+Tab")
    lost = missed(seen, stops(session))
    if lost:
        wrong.append(f"{where}: Tab never reaches {lost[:4]}")
    return seen


def define(session, other="other"):
    session.define("lab", "Lab", "Work", kernel="/bin/true", gpu={"backend": "2d"},
                   block=[{"path": "/bin/true", "ro": True}], serial=[{"type": "stdout", "num": 1}])
    session.define(other, "Other", kernel="/bin/true")


def sections(session, wrong):
    """Each section of the settings, chosen with the arrows."""
    for _ in range(4):
        if part_of(wait_for("the focus", lambda: focused(session))) != "page":
            press("F6")
    index = session.see("Sections")
    names = [node.get_name() for node in walk(index) if node.get_role() == Atspi.Role.LIST_ITEM]
    expect(len(names) == 9, f"{names}")
    for number, name in enumerate(names):
        if number > 0:
            press("Down")
        wait_for(f"“{name}”", lambda: (node := focused(session)) and node.get_name() == name)  # pylint: disable=cell-var-from-loop
        look(session, name, wrong)


def pages(session):
    """Each page of a machine that is off, and “All machines”."""
    wrong = []
    define(session)
    session.start()
    session.activate("app.show-machine", "lab")
    for view in ("display", "console", "statistics", "log", "settings"):
        session.set_state("win.view", view)
        look(session, view, wrong)
    sections(session, wrong)
    session.activate("win.overview")
    session.see("All machines", Atspi.Role.TABLE)
    look(session, "all machines", wrong)
    expect(not wrong, "; ".join(wrong))


def windows(session):
    return subprocess.run(["xdotool", "search", "--onlyvisible", "--pid", str(session.process.pid)],
                          capture_output=True, text=True, timeout=60).stdout.split()


def around(session, where, known, wrong):
    """Tab and Shift+Tab in the window or popover that came up; known: what could have the focus before."""
    forward, back = [], []
    seen = tab_through(session, "Tab", forward)
    tab_through(session, "shift+Tab", back)
    lost = missed([place[:2] for place in seen], [place[:2] for place in stops(session) if place not in known])
    if lost:
        wrong.append(f"{where}: Tab never reaches {lost[:4]}")
    # The links of GTK's window about the program come in another order.
    odd = [stop for stop in forward + back if (stop in forward) != (stop in back) and stop[0] not in ("label", "link")]
    if odd:
        wrong.append(f"{where}: with Shift or without alone {odd[:4]}")


def go_through(session, where, keys, sign, wrong, more=()):
    """keys lead there, Tab around, Escape back to where the focus was. sign: a name that is there alone."""
    session.focus()
    before = place_of(wait_for("the focus", lambda: focused(session)))
    known, others = stops(session), windows(session)
    for key in keys:
        press(key)
        time.sleep(0.3)
    session.see(sign)
    time.sleep(0.3)
    for one in windows(session):
        if one not in others:  # what a window manager does
            subprocess.run(["xdotool", "windowfocus", "--sync", one], check=True, timeout=60)
    around(session, where, known, wrong)
    for step in more:
        step(session)
        around(session, step.__doc__, known, wrong)
    press("Escape")
    session.see_not(sign)
    session.focus()
    wait_for(f"the focus back from {where}", lambda: (node := focused(session)) and place_of(node) == before)


def to_sizes(session):
    """create, sizes"""
    session.see("What it starts from").get_child_at_index(0).grab_focus()
    press("Return")
    session.see("Kernel", Atspi.Role.TEXT).grab_focus()
    session.type("/bin/true")
    session.focus_on("Next", Atspi.Role.PUSH_BUTTON)
    press("Return")
    session.see("Name", Atspi.Role.TEXT)


def to_check(session):
    """create, check"""
    session.focus_on("Next", Atspi.Role.PUSH_BUTTON)
    press("Return")
    session.see("Create without starting")


def dialogs(session):
    """Every dialog and popover by keys, around in it, and back with Escape."""
    wrong = []
    define(session)
    session.start()
    session.activate("app.show-machine", "other")
    session.focus()
    session.see_row("Other, Off").grab_focus()
    go_through(session, "rename", ["F2"], "Name", wrong)
    go_through(session, "clone", ["ctrl+d"], "Name of the copy", wrong)
    go_through(session, "group", ["shift+F10", *["Down"] * 4, "Return"], "Group", wrong)
    go_through(session, "preferences", ["ctrl+comma"], "When the last window closes", wrong)
    go_through(session, "shortcuts", ["F1"], "Previous part of the window", wrong)
    go_through(session, "create", ["ctrl+n"], "Step 1 of 3 · What it starts from", wrong, [to_sizes, to_check])
    press("shift+Tab")
    about = "Virtual machines, each of their parts in a jail"
    go_through(session, "about", ["Return", "Up", "Return"], about, wrong)
    press("alt+5")
    session.see("Copy report…").grab_focus()
    go_through(session, "report", ["Return"], "Report", wrong)
    expect(not wrong, "; ".join(wrong))


def choose_file(session):
    """The button beside a file's field, by keys: a file can be chosen without the pointer."""
    define(session)
    session.start()
    session.activate("app.show-machine", "lab")
    session.focus()
    press("alt+4")
    select(session.see("Sections"), "Start")
    session.see("Kernel: Choose a file", Atspi.Role.PUSH_BUTTON)
    session.see("Initrd: Choose a file", Atspi.Role.PUSH_BUTTON)
    session.see("Kernel", Atspi.Role.TEXT).grab_focus()
    before = windows(session)
    press("Tab")
    wait_for("the button", lambda: (node := focused(session)) and node.get_name() == "Kernel: Choose a file")
    press("Return")
    new = wait_for("the dialog", lambda: [one for one in windows(session) if one not in before])
    subprocess.run(["xdotool", "windowfocus", "--sync", new[0]], check=True, timeout=60)
    session.see("Choose a file", Atspi.Role.FILE_CHOOSER)
    press("Escape")
    wait_for("the dialog to go", lambda: windows(session) == before)


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


def narrow_display(session):
    """In a narrow window Tab reaches all of the picture's page: running, off, stopped."""
    wrong = []
    use_drawn_vmm(session)
    press("ctrl+alt")
    subprocess.run(["xdotool", "windowsize", "--sync", windows(session)[0], "600", "780"], check=True, timeout=60)
    session.see("Back", Atspi.Role.PUSH_BUTTON)
    seen = look(session, "running", wrong)
    expect(any(name == "Display of Lab" for _, name, _, _ in seen), f"not the picture: {seen}")
    session.activate("app.show-machine", "exit-34")
    session.see("Other, Display", Atspi.Role.FRAME)
    look(session, "off", wrong)
    session.activate("app.start-machine", "exit-34")
    session.alert("Other stopped: the guest panicked", 30)
    look(session, "stopped", wrong)
    expect(not wrong, "; ".join(wrong))


def use_drawn_vmm(session):
    """A monitor with a picture and no guest; that of “Other” ends with a problem."""
    os.rename(session.path("bin/vmm"), session.path("bin/fake-vmm"))
    with open(session.path("bin/vmm"), "w", encoding="utf-8") as file:
        file.write(f"#!/bin/sh\ncase $* in *exit-34*) exec {session.path('bin/fake-vmm')} \"$@\";; esac\n"
                   f"exec {DRAWN_VMM} \"$@\"\n")
    os.chmod(session.path("bin/vmm"), 0o700)
    define(session, "exit-34")
    session.start()
    session.activate("app.start-machine", "lab")
    session.see_row("Lab, Running", 30)
    session.focus()
    wait_for("the capture", lambda: described(session) == CAPTURED)  # who starts it wants it


def described(session):
    node = session.see("Display of Lab", Atspi.Role.DRAWING_AREA)
    node.clear_cache()
    return node.get_description()


def guest_keys(session):
    with open(session.path("state/vitrine/lab/keys"), encoding="utf-8") as file:
        return [tuple(map(int, line.split())) for line in file if line.endswith("\n")]


def said_again(session):
    """A reader speaks each change of the description where the focus is: while nothing changes there is none."""
    events = []
    listener = Atspi.EventListener.new(lambda event, *_: events.append(event.source.get_name()), None)
    listener.register("object:property-change:accessible-description")
    end = time.monotonic() + 3
    while time.monotonic() < end:
        GLib.MainContext.default().iteration(False)
        time.sleep(0.02)
    listener.deregister("object:property-change:accessible-description")
    expect("Display of Lab" not in events, f"the display was described again: {events}")


def capture(session):
    """Keys of the window are the guest's while it is captured; Ctrl+Alt, Tab and Enter lead out and in."""
    said_again(session)
    wanted = [KEY_F10, KEY_F11, KEY_TAB]
    for key in ("F10", "F11", "Tab"):
        press(key)
    wait_for("the keys in the guest", lambda: [code for code, value in guest_keys(session)
                                               if value and code in wanted] == wanted)
    expect(described(session) == CAPTURED, "a key of the guest led out of it")
    expect(not session.find("Leave full screen"), "F11 was not only the guest's")
    press("ctrl+alt")
    wait_for("the release", lambda: described(session) == RELEASED)
    said = Announced()
    press("Return")
    wait_for("the capture by Enter", lambda: described(session) == CAPTURED)
    said.wait_for("Press Ctrl+Alt to release the keyboard and pointer")
    said.end()
    press("ctrl+alt")
    wait_for("the release", lambda: described(session) == RELEASED)
    before = guest_keys(session)
    press("Tab")
    wait_for("the way out", lambda: not Node(session.see("Display of Lab")).has(Atspi.StateType.FOCUSED))
    expect(guest_keys(session) == before, "the guest got a key after the release")


def part_of(node):
    """The part of the window that it is in, as F6 goes; “side”: the header of the list."""
    if node.get_extents(Atspi.CoordType.WINDOW).y < HEADER:
        return "side" if node.get_name() in SIDE else "header"
    while node is not None:
        for role, name, part in PARTS:
            if node.get_role() == role and name in (None, node.get_name()):
                return part
        above = node.get_parent()
        node = above and Node(above)
    return "page"


def steps(session, key, wanted):
    """The part after each press."""
    for number, part in enumerate(wanted):
        before = place_of(wait_for("the focus", lambda: focused(session)))
        press(key)
        node = moved(session, before)
        expect(node and part_of(node) == part, f"{key} goes to {node and part_of(node)} after "
                                               f"{wanted[:number]}, not to {part}")


def keep_toast(session, alert):
    """A toast stays while the pointer is on its words."""
    box = alert.get_extents(Atspi.CoordType.SCREEN)
    subprocess.run(["xdotool", "mousemove", str(box.x + box.width // 2 - 40), str(box.y + 30)], check=True, timeout=60)


def order(session, seen):
    """Manager.md, section 7."""
    names = [name.split(", ", 2)[0] + ", Running" if name.startswith("Lab, Running") else name
             for _, name, _, _ in seen]
    begin = names.index("New machine")
    names = [name for name in names[begin:] + names[:begin] if name in ORDER]
    expect(names == ORDER, f"Tab goes {names}")


def running(session):
    """A machine that runs: into the guest and out, each page."""
    wrong = []
    use_drawn_vmm(session)
    capture(session)
    for view in ("console", "statistics", "settings", "log", "display"):
        node = focused(session)
        press("F6" if node and node.get_role() == Atspi.Role.TERMINAL else "ctrl+alt")
        press(f"alt+{VIEWS[view]}")
        button = session.see(view.title(), Atspi.Role.RADIO_BUTTON)
        wait_for(view, lambda: button.has(Atspi.StateType.CHECKED))  # pylint: disable=cell-var-from-loop
        seen = look(session, view, wrong)
        if view == "log":
            order(session, seen)
    expect(not wrong, "; ".join(wrong))


def parts(session):
    """F6 and Tab from part to part beside a message and a toast, and who these say they are."""
    use_drawn_vmm(session)
    press("ctrl+alt")
    press("alt+4")
    settings = session.see("Sections")
    select(settings, "System")
    number = session.see("Processors", Atspi.Role.SPIN_BUTTON)
    number.grab_focus()
    press("Up")
    described_by(number, session.see("Needs a restart", Atspi.Role.LABEL))
    session.activate("app.start-machine", "exit-34")
    alert = session.alert("Other stopped: the guest panicked", 30)
    expect(alert.get_description().startswith("It found no init program."), f"“{alert.get_description()}”")
    keep_toast(session, alert)
    select(settings, "Consoles")
    button = session.see("Remove Serial 1 from the machine", Atspi.Role.PUSH_BUTTON)
    button.grab_focus()
    press("Return")
    toast = session.see("Serial 1 removed", Atspi.Role.NOTIFICATION)
    buttons = [node.get_name() for node in walk(toast) if node.get_role() == Atspi.Role.PUSH_BUTTON]
    expect(buttons == ["Undo", "Close"], f"the buttons of the toast are {buttons}")
    wait_for("its first button", lambda: is_showing(session.see("Undo", Atspi.Role.PUSH_BUTTON)))
    session.see_row("Other, Stopped").grab_focus()
    steps(session, "F6", ["header", "bar", "page", "toast", "list", "header"])
    steps(session, "shift+F6", ["list", "toast", "page", "bar", "header", "list"])
    found = []
    node = focused(session)
    for _ in range(MOST):
        if node and found[-1:] != [part_of(node)]:
            found.append(part_of(node))
        if len(found) > 6:
            break
        leave(node)
        node = moved(session, place_of(node) if node else None)
    expect(found == ["list", "header", "bar", "page", "toast", "side", "list"], f"Tab goes to {found}")


def select(index, name):
    """A row of a list, as the arrows would."""
    row = next(node for node in walk(index) if node.get_name() == name and node.get_role() == Atspi.Role.LIST_ITEM)
    index.select_child(row.get_index_in_parent())


def described_by(node, other):
    for relation in node.get_relation_set() or []:
        if relation.get_relation_type() == Atspi.RelationType.DESCRIBED_BY:
            targets = [relation.get_target(number) for number in range(relation.get_n_targets())]
            if any(one.get_name() == other.get_name() for one in targets):
                return
    raise Failure(f"“{node.get_name()}” is not described by “{other.get_name()}”")


TESTS = [pages, running, parts, dialogs, choose_file, row_menus, narrow_back, narrow_display]

if __name__ == "__main__":
    sys.exit(run(TESTS))
