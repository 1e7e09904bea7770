#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The whole program's pages as it starts: light, and dark from right to left at two pixels for one; in German with
text of 125 % and in French with text of 150 %; TAP. test-pages.c looks at all pages in all ways.

usage: test-looks.py BUILD-FOLDER [NAME...]     NAME as in "dark-rtl-2x"

Nothing may stick out of the window and GTK may not warn. The pictures are kept in
BUILD-FOLDER/screenshots/looks, named after what they show."""
import os
import subprocess
import sys
import time

from session import Atspi, Failure, Session, is_showing, run_in_session, wait_for

if "VITRINE_UI_SESSION" not in os.environ and __name__ == "__main__":
    sys.exit(run_in_session("2640x1700x24"))

HEIGHT = 780
WIDTHS = (1280, 900, 600)
TEXT = {"de": "1.25", "fr": "1.5"}
WORDS = {"de": "Gestoppt: Panik im Gast", "fr": "Arrêtée\u00a0: panique de l’invité"}
VIEWS = ("display", "console", "statistics", "settings", "log")
# What scrolls may be wider than what is shown of it.
SCROLLS = (Atspi.Role.SCROLL_PANE, Atspi.Role.VIEWPORT)


def make_rtl(session):
    """A translation that says only which way text runs, whatever languages are installed here. Its LANGUAGE."""
    folder = session.path("rtl/LC_MESSAGES")
    os.makedirs(folder)
    head = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'
    for domain, words in (("gtk30", 'msgid "default:LTR"\nmsgstr "default:RTL"\n'), ("vitrine", "")):
        subprocess.run(["msgfmt", "-o", os.path.join(folder, domain + ".mo"), "-"], input=(head + words).encode(),
                       check=True)
    return "../" * 12 + session.path("rtl")[1:]


def window_id(session):
    found = subprocess.run(["xdotool", "search", "--onlyvisible", "--pid", str(session.process.pid)],
                           capture_output=True, text=True).stdout.split()
    return found[0] if found else None


def resize(session, window, width, scale):
    subprocess.run(["xdotool", "windowsize", "--sync", window, str(width * scale), str(HEIGHT * scale)], check=True,
                   timeout=10)

    def fits():
        frame = session.application().get_child_at_index(0)
        return abs(frame.get_extents(Atspi.CoordType.SCREEN).width - width) <= 2
    wait_for(f"a window of {width}", fits)


def sticking_out(node, right, depth=0):
    """Names of what is shown beyond the right edge, or begins left of the window."""
    found = []
    for index in range(node.get_child_count()):
        child = node.get_child_at_index(index)
        if child is None or child.get_role() in SCROLLS or depth > 30:
            continue
        states = child.get_state_set()
        if not states.contains(Atspi.StateType.SHOWING):
            continue
        box = child.get_extents(Atspi.CoordType.WINDOW)
        if box.width > 0 and (box.x + box.width > right + 1 or box.x < -1):
            found.append(f"{child.get_role_name()} “{child.get_name()}” {box.x}+{box.width}")
        else:
            found += sticking_out(child, right, depth + 1)
    return found


def widths_of(name):
    """Large text needs more than 600."""
    large = {"de": (1280, 900, 660), "fr": (1280, 900)}
    return large.get(name.split("-")[1], WIDTHS)


def look(session, name, scale):
    shots = os.path.join(session.build, "screenshots/looks")
    os.makedirs(shots, exist_ok=True)
    window = wait_for("the window", lambda: window_id(session))
    bad = []
    for width in widths_of(name):
        resize(session, window, width, scale)
        for view in VIEWS + ("overview",):
            if view == "overview":
                session.activate("win.overview")
            else:
                session.activate("app.show-machine", "debian-12")
                session.set_state("win.view", view)
            time.sleep(0.25)
            frame = session.application().get_child_at_index(0)
            # The client's own shadow counts for nothing here: there is no compositor.
            right = frame.get_extents(Atspi.CoordType.WINDOW).width
            bad += [f"{width} {view}: {one}" for one in sticking_out(frame, right)]
            subprocess.run(["import", "-window", window, os.path.join(shots, f"{view}-{width}-{name}.png")],
                           check=True, stderr=subprocess.DEVNULL)
    if bad:
        raise Failure("; ".join(bad[:6]))


def define(session):
    session.define("debian-12", "Debian 12 with quite a long name", "Work", kernel="/bin/true",
                   block=[{"path": "/bin/true"}], gpu={"backend": "2d"})
    session.define("lab", "Kernel lab", "Lab")
    session.define("exit-34", "Fedora test", "Lab")
    folder = session.path("state/vitrine/debian-12")
    os.makedirs(folder)
    with open(os.path.join(folder, "log"), "w") as file:
        for second in range(10, 50):
            file.write(f"2026-11-21T14:07:{second}.123Z {'gpu' if second % 3 else 'block-0'} "
                       f"{'warning' if second % 7 == 0 else 'info'} entry {second} of a log with a text of some words\n")


def one(session, name):
    theme, direction, scale = name.split("-")[:3]
    define(session)
    environment = {"GDK_SCALE": scale[0]}
    if theme == "dark":
        environment["GTK_THEME"] = "Adwaita:dark"
    if direction == "rtl":
        environment["LANGUAGE"] = make_rtl(session)
    elif direction != "ltr":
        environment["LANGUAGE"] = direction
        environment["GDK_DPI_SCALE"] = TEXT[direction]
    session.start(**environment)
    session.activate("app.start-machine", "lab")
    session.activate("app.start-machine", "exit-34")
    session.see_row("Fedora test, " + WORDS.get(direction, "Stopped: guest panicked"))
    if direction == "rtl":
        box = session.see("Machines").get_extents(Atspi.CoordType.WINDOW)
        if box.x < WIDTHS[0] / 2:
            raise Failure("the window is not mirrored")
    look(session, name, int(scale[0]))
    complaints = session.complaints()
    if complaints:
        raise Failure("vitrine complained: " + complaints[0])


def main():
    build = os.path.abspath(sys.argv[1])
    names = ["light-ltr-1x", "dark-rtl-2x", "light-de-1x", "dark-fr-1x"]
    names = [name for name in names if not sys.argv[2:] or name in sys.argv[2:]]
    failed = 0
    print(f"1..{len(names)}", flush=True)
    for number, name in enumerate(names, 1):
        session = Session(build, build)
        problem = None
        try:
            one(session, name)
        except Failure as failure:
            problem = str(failure)
        try:
            session.end()
        except Failure as failure:
            print("#", failure)
        if problem:
            failed += 1
            print("#", problem)
        print(f"{'not ok' if problem else 'ok'} {number} - {name}", flush=True)
    return 1 if failed else 0


sys.exit(main())
