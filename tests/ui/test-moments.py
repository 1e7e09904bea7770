#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hard moments of the real vitrine under Xvfb, as test-ui.py; prints TAP.

usage: test-moments.py BUILD-FOLDER [TEST...]"""
import os
import sys

from runner import expect, run
from session import Atspi, is_showing, run_in_session, wait_for, walk

if "VITRINE_UI_SESSION" not in os.environ and __name__ == "__main__":
    sys.exit(run_in_session())

DISK_TOO = "Delete also the disk file outside the machine's folder"


def write(path, text="disk"):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def delete(session, name, title):
    session.activate("app.show-machine", name)
    session.see_row(f"{title}, Off")
    session.see("More").do_action(0)
    session.press("Delete", None)
    session.see(f"“{title}” moved to trash")


def close_toast(session):
    toast = next(node for node in walk(session.application()) if node.get_role() == Atspi.Role.NOTIFICATION
                 and is_showing(node) and "moved to trash" in (node.get_name() or ""))
    next(node for node in walk(toast) if node.get_name() == "Close").do_action(0)


def deletes_disks_elsewhere(session):
    """A box in the toast, off at first: the disk file in another folder goes too; never one that others use or only read."""
    files = {name: write(session.path(f"elsewhere/{name}.img")) for name in ("kept", "undone", "gone", "shared", "read")}
    os.symlink(files["shared"], session.path("elsewhere/link.img"))
    own = write(session.path("data/vitrine/plain/disk.img"))
    session.define("plain", "Plain", block=[{"path": own}, {"path": files["read"], "ro": True},
                                            {"path": files["shared"]}])
    session.define("other", "Other", block=[{"path": session.path("elsewhere/link.img")}])
    for name in ("kept", "undone", "gone"):
        session.define(name, name.title(), block=[{"path": files[name]}, {"path": files["shared"]}])
    session.start()

    def box():
        return session.see(DISK_TOO, Atspi.Role.CHECK_BOX)

    def is_gone(name):
        return wait_for("the end", lambda: name not in session.definitions())
    delete(session, "kept", "Kept")
    expect(not box().has(Atspi.StateType.CHECKED), "the box is ticked at first")
    expect(box().get_description() == files["kept"], box().get_description())
    session.shoot("delete-disk-light")
    close_toast(session)
    is_gone("kept")
    delete(session, "undone", "Undone")
    box().do_action(0)
    session.press("Undo")
    session.see_row("Undone, Off")
    delete(session, "plain", "Plain")
    expect(session.find(DISK_TOO) is None, "a box for files that must stay")
    close_toast(session)
    is_gone("plain")
    delete(session, "gone", "Gone")
    expect(not box().has(Atspi.StateType.CHECKED), "the box is still ticked")
    box().do_action(0)
    wait_for("the tick", lambda: box().has(Atspi.StateType.CHECKED))
    session.shoot("delete-disk-ticked-light")
    close_toast(session)
    is_gone("gone")
    wait_for("the disk to go", lambda: not os.path.exists(files["gone"]))
    wait_for("it in the trash", lambda: os.path.exists(session.path("data/Trash/files/gone.img")))
    for name in ("kept", "undone", "shared", "read"):
        expect(os.path.exists(files[name]), f"{name}.img went too")


TESTS = [deletes_disks_elsewhere]

if __name__ == "__main__":
    sys.exit(run(TESTS))
