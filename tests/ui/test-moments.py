#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hard moments of the real vitrine under Xvfb, as test-ui.py; prints TAP.

usage: test-moments.py BUILD-FOLDER [TEST...]"""
import fcntl
import json
import os
import signal
import subprocess
import sys
import time

from runner import expect, run
from session import Atspi, Gio, GLib, Notifications, is_showing, run_in_session, wait_for, walk

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
    """A box in the toast, off at first: the disk file in another folder goes too; never one that others, or an included file, name."""
    files = {name: write(session.path(f"elsewhere/{name}.img"))
             for name in ("kept", "undone", "gone", "shared", "read", "mine", "theirs")}
    bases = [write(session.path(f"elsewhere/{name}.json"), json.dumps({"block": [{"path": files[name]}]}))
             for name in ("mine", "theirs")]
    os.symlink(files["shared"], session.path("elsewhere/link.img"))
    own = write(session.path("data/vitrine/plain/disk.img"))
    session.define("plain", "Plain", block=[{"path": own}, {"path": files["read"], "ro": True},
                                            {"path": files["shared"]}, {"path": files["mine"]}, {"path": files["theirs"]}],
                   cfg=[bases[0]])
    session.define("other", "Other", cfg=[bases[1]], block=[{"path": session.path("elsewhere/link.img")}])
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
    expect(session.find_start("Delete also") is None, "a box for files that must stay")
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
    for name in ("kept", "undone", "shared", "read", "mine", "theirs"):
        expect(os.path.exists(files[name]), f"{name}.img went too")


def deletes_what_is_certain(session):
    """A folder that a definition alone claims stays, and one whose files an unreadable definition may need."""
    elsewhere, usual = session.path("elsewhere/lab"), session.path("data/vitrine/lab")
    for folder in (elsewhere, usual):
        write(folder + "/disk.img")
    session.define("lab", "Lab", manager={"title": "Lab", "folder": elsewhere})
    write(session.path("config/vitrine/machines/broken.json"), "{")
    session.start()
    delete(session, "lab", "Lab")
    session.see("The files stay: the definition of “broken”, or a file that it includes, cannot be read and may need them. "
                f"The folder “{elsewhere}” stays: it is not certain that it belongs to this machine alone")
    session.shoot("delete-unsure-light")
    close_toast(session)
    wait_for("the deletion", lambda: not os.path.exists(session.path("config/vitrine/machines/lab.json")))
    session.close()
    expect(os.path.exists(elsewhere + "/disk.img") and os.path.exists(usual + "/disk.img"), "a folder went")


class Held:
    """A file that nobody can open until it is let go, for 45 s at most."""

    def __init__(self, path):
        signal.signal(signal.SIGIO, signal.SIG_IGN)  # somebody wants to open it
        self.file = open(path, "r+b")
        fcntl.fcntl(self.file, fcntl.F_SETLEASE, fcntl.F_WRLCK)

    def let_go(self):
        fcntl.fcntl(self.file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        self.file.close()


def copying_can_be_cancelled(session):
    """A row says how much of a clone is copied; Cancel in its menu, or the end of the program, and nothing of it is left."""
    disks = [session.path("small.img"), session.path("large.img")]
    for path, size in zip(disks, (40, 60)):
        write(path, "x" * (size << 10))
    session.define("lab", "Lab", block=[{"path": path} for path in disks])
    session.start()

    def clone():
        session.activate("app.show-machine", "lab")
        session.see_row("Lab, Off")
        session.see("More").do_action(0)
        session.press("Clone…", None)
        session.press("Apply")
        session.see_row("Lab (copy), Copying… 40 %")

    def left():
        folder = session.path("data/vitrine")
        return list(session.definitions()) != ["lab"] or (os.path.exists(folder) and os.listdir(folder))
    try:
        held = Held(disks[1])
    except OSError as error:
        print(f"# not tried: nothing can be held here ({error})")
        return
    try:
        clone()
        expect(os.path.exists(session.path("data/vitrine/lab-copy/small.img")), "nothing was copied")
        session.focus()
        row = session.see_row("Lab (copy), Copying… 40 %")
        box = row.get_extents(Atspi.CoordType.SCREEN)
        subprocess.run(["xdotool", "mousemove", str(box.x + box.width // 2), str(box.y + box.height // 2), "click", "3"],
                       check=True, timeout=60)
        node = session.see("Cancel")
        session.shoot("copying-menu-light")
        node.do_action(0)
    finally:
        held.let_go()
    wait_for("the row to go", lambda: not any((node.get_name() or "").startswith("Lab (copy)")
                                              for node in walk(session.application())))
    expect(not left(), "something is left of it")
    expect(not any(node.get_role() == Atspi.Role.ALERT and is_showing(node) for node in walk(session.application())),
           "it complains")
    held = Held(disks[1])
    try:
        clone()
        session.activate("app.quit")
        wait_for("the window to close", lambda: not session.frame())
    finally:
        held.let_go()
    expect(session.process.wait(20) == 0, "vitrine ended badly")
    session.process = None
    expect(not left(), "something is left of it at the end of the program")


def copy_was_cut_off(session):
    """What a copy left whose program was killed is removed at the next start, and it is said."""
    session.define("lab", "Lab")
    copy = session.path("data/vitrine/lab-copy")
    write(copy + "/.being-copied", "")
    write(copy + "/disk.img", "half")
    write(session.path("data/vitrine/kept/disk.img"))
    session.start()
    session.see(f"A copy was cut off; “{copy}”, which was half-made, is removed")
    session.shoot("copy-cut-off-light")
    expect(os.listdir(session.path("data/vitrine")) == ["kept"], "it is still there")


def linked_copy_was_cut_off(session):
    """The same of a linked copy, with what it had put beside the original's disk: that very file, and no other."""
    over, other = session.path("images/disk-1.qcow2"), session.path("images/disk-2.qcow2")
    session.define("lab", "Lab")
    copy = session.path("data/vitrine/lab-copy")
    write(copy + "/.being-copied", f"{over}\0{other}\0")
    write(copy + "/.elsewhere-0", "over")
    write(copy + "/.elsewhere-1", "over")
    write(other, "somebody's")
    os.link(copy + "/.elsewhere-0", over)
    session.start()
    session.see(f"A copy was cut off; “{copy}”, which was half-made, is removed, and so is “{over}”")
    expect(not os.path.exists(copy) and os.listdir(session.path("images")) == ["disk-2.qcow2"], "what is left is wrong")


def file_changed(session):
    """The definition's file changes below an edit that is not saved: a bar, with a way to load it and one to keep the edit."""
    session.define("lab", "Lab", mem={"size": 64})
    session.start()
    session.activate("app.show-machine", "lab")
    session.see("Settings").do_action(0)
    row = session.see("Configuration file", Atspi.Role.LIST_ITEM)
    row.get_parent().select_child(row.get_index_in_parent())
    session.see("No errors")

    def editor():
        return session.see("Configuration file", Atspi.Role.TEXT)

    def text():
        return editor().get_text(0, -1)

    def edit(old, new):
        editor().set_text_contents(text().replace(old, new))
        wait_for("the check", lambda: session.see("Save", Atspi.Role.PUSH_BUTTON).has(Atspi.StateType.SENSITIVE))

    def size():
        return session.definitions()["lab"]["mem"]["size"]
    session.define("lab", "Lab", mem={"size": 65})
    wait_for("the file, without an edit", lambda: '"size": 65' in text())
    expect(session.find("Keep mine") is None, "a bar without an edit")
    edit('"size": 65', '"size": 128')
    session.define("lab", "Lab", mem={"size": 66})
    session.alert("The file changed")
    session.shoot("file-changed-light")
    session.press("Load")
    wait_for("the file", lambda: '"size": 66' in text())
    session.see_not("Keep mine")
    edit('"size": 66', '"size": 128')
    session.define("lab", "Lab", mem={"size": 67})
    session.press("Keep mine")
    session.see_not("Keep mine")
    expect('"size": 128' in text(), "the edit is lost")
    expect(size() == 67, "it was saved already")
    session.press("Save")
    wait_for("it saved", lambda: size() == 128)
    expect(session.find("Keep mine") is None, "the bar came back")


def too_many_viewers(session):
    """Sixteen programs show a machine: the window says why it does not, and shows it when one of them has gone."""
    session.use_real_vmm()
    session.define("tiny", "Tiny", kernel=session.tiny_guest(), mem={"size": 64}, gpu={"backend": "2d"})
    session.start()
    session.activate("app.start-machine", "tiny")
    session.see_row("Tiny, Running", 20)
    session.close()
    address = "unix:path=" + session.path("run/vitrine/tiny/control")
    viewers = []

    def one_more():
        try:
            viewers.append(Gio.DBusConnection.new_for_address_sync(
                address, Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT, None, None))
        except GLib.Error as error:  # the window's own may still be going
            expect("too-many-clients" in error.message, error.message)
        return len(viewers) == 16
    wait_for("sixteen viewers", one_more, 30)
    session.start()
    session.activate("app.show-machine", "tiny")
    session.alert("Tiny has 16 viewers already", 20)
    session.see("Close one and try again.")
    session.see_row("Tiny, Too many viewers")
    session.see("Not connected")
    session.shoot("too-many-viewers-light")
    session.see("Try now", Atspi.Role.PUSH_BUTTON)
    viewers.pop().close_sync(None)
    session.see_row("Tiny, Running", 60)  # by itself, if nobody presses it
    session.see_not("Close one and try again.")
    for viewer in viewers:
        viewer.close_sync(None)


def define_restarting(session, name, title):
    session.define(name, title, kernel=session.tiny_guest(), mem={"size": 64},
                   manager={"title": title, "restart-on-crash": True})


def kill_part(session, name, part="rng"):
    with open(session.path(f"run/vitrine/{name}/processes"), encoding="utf-8") as file:
        parts = {line.split()[0]: int(line.split()[1]) for line in file}
    os.kill(parts[part], signal.SIGKILL)


def notice(session, start, seconds=10):
    """A message that is no alert."""
    return wait_for(f"the notice “{start}…”", lambda: next((
        node for node in walk(session.application()) if node.get_role() == Atspi.Role.NOTIFICATION and is_showing(node)
        and (node.get_name() or "").replace("\u2068", "").replace("\u2069", "").startswith(start)), None), seconds)


def starts_again_after_failures(session):
    """A part that fails: the machine starts again, can be left off meanwhile, and is left off when that happens too often."""
    define_restarting(session, "tiny", "Tiny")
    define_restarting(session, "exit-33", "Never")
    told = Notifications()
    session.start()
    try:
        session.activate("app.show-machine", "exit-33")
        session.activate("app.start-machine", "exit-33")
        session.alert("Never stopped: its gpu part failed", 20)
        session.see_row("Never, Stopped: a part failed")
        session.use_real_vmm()
        session.activate("app.start-machine", "tiny")
        session.see_row("Tiny, Running", 30)
        session.activate("app.show-machine", "exit-33")
        kill_part(session, "tiny")
        session.see_row("Tiny, Restarting…", 20)
        told.wait_for("Tiny restarted after a failure", 30)
        expect("Start again" not in told.buttons[-1] and "Show log" in told.buttons[-1], str(told.buttons))
    finally:
        told.end()
    session.see_row("Never, Stopped: a part failed")  # by itself it would have started long ago
    session.activate("app.show-machine", "tiny")
    session.see_row("Tiny, Running", 30)
    notice(session, "Tiny restarted after a failure")
    session.see("Show log", Atspi.Role.PUSH_BUTTON)
    session.shoot("restarted-light")
    kill_part(session, "tiny")
    session.alert("Tiny stopped: its ", 20)
    session.see("It starts again in a few seconds.")
    session.see("Leave it off", Atspi.Role.PUSH_BUTTON)
    session.shoot("will-restart-light")
    session.press("Shut down")
    session.see_row("Tiny, Stopped: a part failed")
    session.see("Start it again. If it happens again, copy the report.")
    time.sleep(5)
    expect(not session.running(), "it was started all the same")
    session.press("Start")
    session.see_row("Tiny, Running", 30)
    kill_part(session, "tiny")
    session.see_row("Tiny, Restarting…", 20)
    session.see_row("Tiny, Running", 40)
    kill_part(session, "tiny")
    session.alert("Tiny stopped: one of its parts fails again and again", 20)
    session.see_row("Tiny, Stopped: a part failed")
    expect(not session.running(), "once more")


def starts_again_without_window(session):
    """The program stays for a machine that it may have to start again, though it may tell nobody."""
    session.use_real_vmm()
    session.set(notifications="false")
    define_restarting(session, "tiny", "Tiny")
    session.start()
    session.activate("app.start-machine", "tiny")
    session.see_row("Tiny, Running", 30)
    first = session.running()
    session.activate("win.close")
    wait_for("the window to close", lambda: not session.frame())
    os.kill(first[0], signal.SIGKILL)  # what started the parts; they end with it
    wait_for("another run", lambda: session.running() not in ([], first), 30)
    session.activate("app.show-machine", "tiny")
    session.see_row("Tiny, Running", 30)
    notice(session, "Tiny restarted after a failure")


def no_renderer(session):
    """3D that was asked for and cannot be had is told, in words of its own, and is no error."""
    session.use_real_vmm()
    session.define("tiny", "Tiny", kernel=session.tiny_guest(), mem={"size": 64},
                   gpu={"backend": "virglrenderer", "fault": "probe"})
    session.define("flat", "Flat", kernel=session.tiny_guest(), mem={"size": 64}, gpu={"backend": "2d"})
    session.start()
    session.activate("app.start-machine", "flat")
    session.see_row("Flat, Running", 30)
    session.activate("app.start-machine", "tiny")
    session.see_row("Tiny, Running", 60)
    session.activate("app.show-machine", "tiny")
    notice(session, "No graphics driver to share")
    session.see("The machine uses 2D until one is found.")
    expect(any("although 3D was asked for" in (node.get_name() or "") for node in walk(session.application())),
           "the reason is not said")
    session.shoot("no-renderer-light")
    session.activate("app.show-machine", "flat")
    session.see("Display of Flat")
    expect(not session.find("The machine uses 2D until one is found."), "a machine that asked for 2D is told, too")


TESTS = [deletes_disks_elsewhere, deletes_what_is_certain, copying_can_be_cancelled, copy_was_cut_off,
         linked_copy_was_cut_off, file_changed, too_many_viewers, starts_again_after_failures, starts_again_without_window,
         no_renderer]

if __name__ == "__main__":
    sys.exit(run(TESTS))
