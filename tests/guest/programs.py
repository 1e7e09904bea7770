#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: programs.py VMM GUEST      programs of a Debian guest as windows of sway on the host; TAP

GUEST is of the recipe "windows". Runs inside the test machine as an ordinary user. The guest has
systemd and no desktop; vitrine-wayland-proxy is a unit of its user. What is typed goes through sway's
virtual keyboard; answers come on the guest's serial port.
"""
import collections
import hashlib
import os
import re
import signal
import sys
import time

import sway
import vm

LIMIT = 120
SERIAL = "/run/vitrine/serial"
BIG = 300_000
RIGHT = 0x111  # BTN_RIGHT
# Bytes that the guest copies for each damaged pixel; the compositor reads the same pages. Two copies
# of four bytes are the most that is allowed.
COPIED_MAX = 2 * 4
# How programs are started there and tell what becomes of them; "windows" names the compositor's socket.
GUEST_HELPERS = r"""
serial=/run/vitrine/serial
windows=wayland-host
as_user() {
    setpriv --reuid=user --regid=user --init-groups env HOME=/home/user USER=user \
        XDG_RUNTIME_DIR=/run/user/1000 WAYLAND_DISPLAY=$windows "$@"
}
cd /home/user
cat >shell <<'END'
#!/bin/sh
PS1='guest> ' exec bash --norc
END
cat >mouse <<'END'
printf '\033[?1000h\033[?1006h'
IFS= read -rs -d m x
printf '\033[?1000l'
echo "POINTER-$1 ${x#?}" >/run/vitrine/serial
END
cat >app <<'END'
"$@" 2>/tmp/app.log
status=$?
sed 's/^/SAID /' /tmp/app.log >/run/vitrine/serial
echo "ENDED ${NAME:-$1} $status" >/run/vitrine/serial
END
cat >x <<'END'
#!/bin/sh
name=$1
shift
NAME=$name DISPLAY=:10 sh app xterm -T "$name" -class "Class-$name" -xrm \
    '*VT100.translations: #override <Btn3Down>: popup-menu(mainMenu)' -e ./shell
END
chmod 755 shell mouse app x
dmesg -w | grep --line-buffered segfault | sed -u 's/^/CRASH /' &
"""
GUEST_SCRIPT = GUEST_HELPERS + r"""
for try in $(seq 120); do
    [ ! -S /run/user/1000/wayland-host ] || break
    sleep 0.5
done
echo UNIT $(as_user systemctl --user is-active vitrine-wayland.service)
as_user /usr/local/bin/vitrine-wayland-proxy --check && echo CHECK 0
for try in $(seq 120); do
    [ ! -S /tmp/.X11-unix/X10 ] || break
    sleep 0.5
done
echo X-UNIT $(as_user systemctl --user is-active vitrine-x11.service)
journalctl -f -q -o cat _SYSTEMD_USER_UNIT=vitrine-x11.service | sed -u 's/^/X11 /' &
journalctl -f -q -o cat _SYSTEMD_USER_UNIT=vitrine-wayland.service | sed -u 's/^/PROXY /' &
as_user sh app weston-terminal --shell=/home/user/shell &
wait
"""


class Failed(Exception):
    """Nothing that follows can be tried."""


def need(good, report, text, *details):
    if not report.check(good, text, *details):
        raise Failed(text)


def said(machine, pattern, limit=LIMIT, patience=vm.PATIENCE):
    return machine.wait_for(pattern, limit, patience).group(1)


def changed_pixels(before, after, width):
    """Their numbers, row by row: most rows are equal as they are."""
    changed = []
    for start in range(0, min(len(before), len(after)), 3 * width):
        old, new = before[start:start + 3 * width], after[start:start + 3 * width]
        if old != new:
            changed += [(start + at) // 3 for at in range(0, 3 * width, 3) if old[at:at + 3] != new[at:at + 3]]
    return changed


class Test:
    def __init__(self, report, machine, desktop, folder):
        self.report = report
        self.machine = machine
        self.desktop = desktop
        self.folder = folder
        self.terminal = None
        self.n_sizes = 0
        self.big = BIG  # bytes of the host's long content
        self.lines = 50000  # of the guest's
        self.patience = LIMIT  # seconds until a window is there

    def order(self, line, pattern, limit=LIMIT):
        """Types a line in the guest's terminal and waits for what the guest answers."""
        self.desktop.focus(self.terminal)
        self.desktop.seat.type(line + sway.RETURN)
        return said(self.machine, pattern, limit)

    def keep(self, node, name):
        """A picture for people, where a test machine shares a folder."""
        if "PICTURES" in os.environ:
            width, height, pixels = self.desktop.picture(node)
            with open(os.path.join(os.environ["PICTURES"], name + ".ppm"), "wb") as file:
                file.write(b"P6 %d %d 255\n" % (width, height) + pixels)

    def appears(self, word, name, colours=8):
        node = self.desktop.wait_window(word, self.patience)
        need(node is not None, self.report, f"{name} is a window of the host",
             [window["name"] for window in self.desktop.windows()], self.machine.error_text()[-2000:])
        seen = 0
        for _ in range(40):
            seen = len(self.desktop.colours(node))
            if seen >= colours:
                break
            time.sleep(0.5)
            node = self.desktop.window(word) or node
        self.keep(node, name)
        self.report.check(seen >= colours, f"{name} has drawn", f"{seen} colours")
        return node

    def closes(self, node, word, command):
        self.desktop.kill(node)
        gone = self.desktop.wait_window(word, 30, there=False) is None
        status = said(self.machine, rf"ENDED {command} (\d+)\n", 60)
        # weston-terminal 10 ends its terminal twice, and dies of it, when its shell writes as the window is closed.
        fine = ("0", "1", "139") if command == "weston-terminal" else ("0", "1")
        if status not in ("0", "1"):
            self.report.note(f"{command}: {status}\n" + "\n".join(re.findall(r"(?:SAID|CRASH) (.*)", self.machine.text)[-6:]))
        self.report.check(gone and status in fine, f"{command} closes when its window is closed", status)

    def boot(self):
        state = said(self.machine, r"UNIT (.*)\n", vm.BOOT_LIMIT * 6)
        need(state == "active", self.report, "the proxy is a running unit of the user", state,
             self.machine.text[-2000:])
        said(self.machine, r"CHECK (0)", 30)

    def keys(self):
        self.terminal = self.appears("terminal", "weston-terminal")
        answer = self.order(f"echo KEYS-$((6*7)) >{SERIAL}", r"KEYS-(\d+)\n")
        self.report.check(answer == "42", "what is typed on the host arrives in the guest", answer)

    def size(self):
        self.n_sizes += 1
        words = self.order(f"echo SIZE-{self.n_sizes} $(stty size) . >{SERIAL}",
                           rf"SIZE-{self.n_sizes} (\d+ \d+) \.").split()
        return int(words[0]), int(words[1])

    def resize(self):
        """A second window halves the first; both are told."""
        before = self.size()
        self.order(f"sh app foot ./shell & echo FOOT-1 >{SERIAL}", r"(FOOT-1)")
        self.appears("foot", "foot")
        after = self.size()
        self.report.check(after[1] < before[1], "a window that the host makes smaller is smaller",
                          before, after)
        self.terminal = self.desktop.window("weston")

    def pointer(self, word):
        self.type_in(word, f"echo READY-{word} >{SERIAL}; bash mouse {word}", rf"(READY-{word})")
        rect = self.desktop.window(word)["rect"]
        x, y = rect["x"] + rect["width"] // 2, rect["y"] + rect["height"] // 2
        for _ in range(5):
            self.desktop.seat.move(x - 3, y)
            self.desktop.seat.move(x, y)
            self.desktop.seat.click()
            try:
                where = said(self.machine, rf"POINTER-{word} (.*)\n", 10, 0)
                break
            except vm.Timeout:
                where = ""
        self.report.check(re.search(r"\[?<0;\d+;\d+", where) is not None,
                          f"the pointer's click arrives in {word} where it was made", repr(where))

    def clipboard(self):
        desktop = self.desktop
        desktop.run("wl-copy", data=b"from the host")
        answer = self.order(f"echo PASTE $(wl-paste) . >{SERIAL}", r"PASTE (.*) \.")
        self.report.check(answer == "from the host", "the host's clipboard is pasted in the guest", answer)
        data = os.urandom(self.big // 2).hex().encode()
        desktop.run("wl-copy", data=data)
        answer = self.order(f"echo SUM $(wl-paste -n | md5sum) . >{SERIAL}", r"SUM (\w{32})")
        self.report.check(answer == hashlib.md5(data).hexdigest(), f"and {self.big} bytes of it", answer)
        self.order(f"echo -n from-the-guest | wl-copy; echo COPIED-1 >{SERIAL}", r"(COPIED-1)")
        answer = desktop.run("wl-paste", "-n")
        self.report.check(answer == b"from-the-guest", "the guest's clipboard is pasted on the host", answer)
        answer = self.order(f"seq {self.lines} >/tmp/big; wl-copy </tmp/big; echo COPIED-2 $(md5sum </tmp/big) >{SERIAL}",
                            r"COPIED-2 (\w{32})")
        data = desktop.run("wl-paste", "-n")
        self.report.check(hashlib.md5(data).hexdigest() == answer, f"and {len(data)} bytes of it")

    def gtk(self):
        self.order(f"sh app gtk3-widget-factory & echo GTK-1 >{SERIAL}", r"(GTK-1)")
        node = self.appears("widget", "gtk3-widget-factory", 50)
        self.closes(node, "widget", "gtk3-widget-factory")

    def type_in(self, word, line, pattern, limit=LIMIT):
        """Types a line in the window of that name and waits for what the guest answers.

        A second time where nothing is heard: X11 has the focus a moment after Wayland's keyboard."""
        for again in (2, 1, 0):
            self.desktop.focus(self.desktop.window(word))
            self.desktop.seat.type(line + sway.RETURN)
            try:
                return said(self.machine, pattern, limit // 3, 0)
            except vm.Timeout:
                if not again:
                    raise
        return None

    def x_starts(self, name):
        self.order(f"./x {name} & echo START-{name} >{SERIAL}", rf"(START-{name})")
        node = self.appears(name, name, 2)
        self.report.check(node["app_id"] == f"Class-{name}" and node["name"] == name,
                          f"the X11 program {name} is a window with its title and class", node)

    def x_keys(self, name):
        answer = self.type_in(name, f"echo {name}-$((6*7)) >{SERIAL}", rf"\b{name}-(\d+)\n")
        self.report.check(answer == "42", f"what is typed into {name} arrives", answer)

    def x_columns(self, name):
        self.n_sizes += 1
        return int(self.type_in(name, f"echo COLUMNS-{self.n_sizes} $(stty size) . >{SERIAL}",
                                rf"COLUMNS-{self.n_sizes} \d+ (\d+) \."))

    def x_menu(self, name):
        """With the button held down, as these menus are made: in front of the pointer, then its last entry."""
        desktop = self.desktop
        desktop.focus(desktop.window(name))
        node = desktop.window(name)
        rect = node["rect"]
        x, y = rect["width"] // 2, 60
        width, _, before = desktop.picture(node)
        desktop.seat.move(rect["x"] + x, rect["y"] + y)
        desktop.seat.button(1, RIGHT)
        for _ in range(60):
            time.sleep(0.5)
            changed = changed_pixels(before, desktop.picture(node)[2], width)
            if len(changed) > 10000:
                break
        self.keep(node, "menu")
        # More than the text's cursor, which comes and goes.
        columns = [at for at, n in collections.Counter(at % width for at in changed).items() if n > 50] or [0]
        rows = [at for at, n in collections.Counter(at // width for at in changed).items() if n > 50] or [0]
        middle, top, bottom = (min(columns) + max(columns)) // 2, min(rows), max(rows)
        self.report.check(abs(middle - x) < 12 and top <= y < top + 60 and bottom > top + 200,
                          "its menu is where the pointer is", (x, y), (middle, top, bottom))
        for step in range(y, bottom - 4, 5):
            desktop.seat.move(rect["x"] + x, rect["y"] + step)
            time.sleep(0.02)
        desktop.seat.move(rect["x"] + x, rect["y"] + bottom - 8)
        time.sleep(1)
        desktop.seat.button(0, RIGHT)
        status = said(self.machine, rf"ENDED {name} (\d+)\n", 60)
        self.report.check(desktop.wait_window(name, 30, there=False) is None,
                          "and its last entry, under the pointer, ends the program", status)

    def x_clipboard(self, name):
        """64 KiB and more go in parts."""
        self.x_pastes(name)
        self.x_copies(name)

    def x_pastes(self, name):
        desktop = self.desktop
        data = os.urandom(self.big // 2).hex().encode()
        desktop.run("wl-copy", data=data)
        answer = self.type_in(name, "export DISPLAY=:10; echo XPASTE $(xclip -o -sel c | md5sum) . "
                              f">{SERIAL}", r"XPASTE (\w{32})")
        self.report.check(answer == hashlib.md5(data).hexdigest(),
                          f"{self.big} bytes of the host's clipboard are pasted by an X11 program", answer)

    def x_copies(self, name):
        desktop = self.desktop
        answer = self.type_in(name, f"seq {self.lines} >/tmp/big; xclip -i -sel c </tmp/big; "
                              f"echo XCOPIED $(md5sum </tmp/big) >{SERIAL}", r"XCOPIED (\w{32})")
        data = b""
        for _ in range(20):
            data = desktop.run("wl-paste", "-n")
            if hashlib.md5(data).hexdigest() == answer:
                break
            time.sleep(0.5)
        self.report.check(hashlib.md5(data).hexdigest() == answer,
                          f"and {len(data)} bytes of an X11 program's on the host")

    def x11(self):
        state = re.search(r"X-UNIT (.*)\n", self.machine.text)
        need(state and state.group(1) == "active", self.report, "X11 is a running unit of the user", state)
        self.x_starts("x-one")
        self.x_starts("x-two")
        self.x_keys("x-two")
        self.x_keys("x-one")
        self.x_clipboard("x-one")
        before = self.x_columns("x-one")
        self.pointer("x-two")
        node = self.desktop.window("x-two")
        self.closes(node, "x-two", "x-two")
        after = self.x_columns("x-one")
        self.report.check(after > before, "an X11 window that the host makes wider is wider", before, after)
        self.x_menu("x-one")

    def statistics(self):
        rows = re.findall(r"PROXY .*client: (\d+) commits with changes, (\d+) pixels damaged, "
                          r"(\d+) bytes copied", self.machine.text)
        pixels = sum(int(row[1]) for row in rows)
        copied = sum(int(row[2]) for row in rows)
        self.report.check(rows and 0 < copied <= COPIED_MAX * pixels,
                          "at most two copies for each damaged pixel", self.machine.text[-2000:])
        self.report.note(f"{len(rows)} programs, {pixels} pixels damaged, {copied} bytes copied: "
                         f"{copied / max(pixels, 1):.2f} bytes for each")

    def all(self):
        self.boot()
        self.keys()
        self.resize()
        self.pointer("foot")
        self.clipboard()
        self.gtk()
        self.closes(self.desktop.window("foot"), "foot", "foot")
        self.x11()
        self.order(f"echo LAST-1 >{SERIAL}", r"(LAST-1)")  # its prompt follows the change of its size
        time.sleep(3)
        self.closes(self.desktop.window("weston"), "weston", "weston-terminal")
        self.statistics()


def run(report, program, guest, folder, desktop):
    disk = os.path.join(folder, "script")
    vm.script_disk(disk, GUEST_SCRIPT)
    arguments = ["--name", f"programs-{os.getpid()}", "--mem", "1024",
                 "--gpu", "backend=2d,context-types=[cross-domain]", "--wayland-sock", desktop.path,
                 "--initrd", guest.path("initrd"), "--block", f"path={guest.path('disk.img')},ro=true",
                 "--block", f"path={disk},ro=true", "--log-level", "debug",
                 "-p", guest.cmdline() + " vitrine.overlay",
                 "--serial", "type=stdout,hardware=serial,num=1,console=true", guest.path("vmlinux")]
    with vm.Machine(program, arguments) as machine:
        try:
            Test(report, machine, desktop, folder).all()
        except (vm.Timeout, vm.Ended) as error:
            report.check(False, f"a program in a window: {error}", machine.text[-3000:],
                         machine.error_text()[-3000:], desktop.log_text(), desktop.windows())
            if "PICTURES" in os.environ:
                desktop.run("grim", os.path.join(os.environ["PICTURES"], "failure.png"))
        except Failed:
            report.note(machine.text[-3000:])
        machine.signal(signal.SIGINT)
        machine.wait(20)


def main(program, folder):
    report = vm.Report()
    with vm.work_folder() as work:
        desktop = sway.Sway(work)
        try:
            run(report, program, vm.Guest(folder), work, desktop)
        finally:
            desktop.close()
    return report.end()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
