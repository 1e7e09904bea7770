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
import words

LIMIT = 120
SERIAL = "/run/vitrine/serial"
BIG = 300_000
RIGHT = 0x111  # BTN_RIGHT
MIDDLE = 0x112
LIGHT = 0x80  # what GTK draws has more in one colour at least; the desktop's own grey has 0x40
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
echo "READY-$1" >/run/vitrine/serial
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
""" + words.GUEST_SCRIPT + r"""
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
        self.type_in(word, f"bash mouse {word}", rf"(READY-{word})")
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

    def picks(self, name, word, copy=None, options=()):
        """Two words of a terminal that is full of them, each by a double click where it must be."""
        rows, columns = map(int, self.type_in(word, f"bash words {name}", rf"WORDS-{name} (\d+ \d+) \.").split())
        for part in ((0.25, 0.3), (0.7, 0.8)):
            row, word_at = int(part[1] * rows), int(part[0] * columns) // 8 * 8
            place = ((word_at + 4) / columns, (row + 0.5) / rows)  # the word's middle, or a bit off: frames
            found = words.pick(self.desktop, word, place, copy, options)
            self.report.check(found and abs(found[0] - row) < 4 and found[1] == word_at,
                              f"{name}: the word under the pointer at {part} is marked and copied to the host",
                              found, (row, word_at), (rows, columns))

    def pastes(self, name, word, paste, options=()):
        """Ends what `picks` began."""
        data = os.urandom(8).hex()
        answer = ""
        for _ in range(3):
            words.offer(self.desktop, data.encode() + b"\n", options)
            self.desktop.focus(self.desktop.window(word))
            paste()
            try:
                answer = said(self.machine, rf"PASTED-{name} (.*) \.", LIMIT // 3)
                break
            except vm.Timeout:
                answer = "nothing"
        if answer == "nothing":
            self.desktop.seat.type(sway.RETURN)  # the terminal waits no longer
        self.report.check(answer == data, f"{name}: what the host copied is pasted", answer, data)

    def words(self, name, word):
        """A terminal's own way to copy and to paste."""
        both = words.SHIFT | words.CONTROL
        copy, paste = ("C", "V") if name == "weston-terminal" else ("c", "v")  # what each calls that key
        self.picks(name, word, (both, copy))
        self.pastes(name, word, lambda: self.desktop.seat.chord(both, paste))

    def gtk_starts(self):
        self.order(f"sh app gtk3-demo-application & echo GTK-2 >{SERIAL}", r"(GTK-2)")
        node = self.appears("gtk3-demo", "gtk3-demo-application", 50)
        self.report.check(self.fills(node), "GTK: a window fills the place that the host gives it", node)

    def gtk_chords(self, *characters):
        """In its window, which is an editor: below its text."""
        node = self.desktop.window("gtk3-demo")
        self.desktop.focus(node)
        words.point(self.desktop, node, (0.5, 0.85))
        self.desktop.seat.click()
        for character in characters:
            self.desktop.seat.chord(words.CONTROL, character)

    def gtk_copies(self, wanted, typed=""):
        """What it holds, by Ctrl+/ (all) and Ctrl+C, maybe after typing that in place of all."""
        for _ in range(4):
            words.offer(self.desktop, words.NOTHING)
            if typed:
                self.gtk_chords("/")
                self.desktop.seat.type(typed)
            self.gtk_chords("/", "c")
            if words.copied(self.desktop, wanted, 20):
                break
        return words.paste(self.desktop, ())

    def gtk_pastes(self, content):
        """And waits until it shows text: what is pasted is asked for when the key arrives."""
        for _ in range(3):
            words.offer(self.desktop, content)
            self.gtk_chords("/", "v")
            for _ in range(40):
                width, height, pixels = self.desktop.picture(self.desktop.window("gtk3-demo"))
                row = pixels[3 * width * (height // 3):3 * width * (height // 3 + 20)]  # one line of text at least
                dark = sum(max(row[at:at + 3]) < LIGHT for at in range(0, len(row), 3))
                if dark > 50:
                    return
                time.sleep(0.5)

    def gtk_marks(self):
        """(row, column) of the first and the last whole word of what the pointer is drawn over; of 17 pixels a line."""
        for _ in range(4):
            words.offer(self.desktop, words.NOTHING)
            self.gtk_chords()
            node = self.desktop.window("gtk3-demo")
            words.draw(self.desktop, node, (0.03, 0.25), (0.6, 0.5))
            self.desktop.seat.chord(words.CONTROL, "c")
            if words.copied(self.desktop, rb"(?s)(?!nothing).*r\d\dc\d{3}.*", 20):
                break
        found = words.whole(words.paste(self.desktop, ()))
        return found[:1] + found[-1:]

    def gtk_driven(self):
        typed = os.urandom(8).hex()
        answer = self.gtk_copies(typed.encode(), typed)
        self.report.check(answer.decode() == typed, "GTK: what is typed is there, and copied to the host", answer, typed)
        content = words.text(20, 4)
        self.gtk_pastes(content)
        found = self.gtk_marks()
        good = len(found) == 2 and found[0][1] == 8 and found[1][1] == 16 and 9 <= found[1][0] - found[0][0] <= 13
        self.report.check(good, "GTK: the words that the pointer is drawn over are marked", found)
        answer = self.gtk_copies(re.escape(content))
        self.report.check(answer == content, "GTK: what the host copied was pasted, all of it", answer)

    def is_filled(self, node):
        """Its window's right and lower edge are not the desktop's."""
        width, height, pixels = self.desktop.picture(node)
        edges = [3 * (width * y - 2) for y in range(1, height + 1)] + list(range(len(pixels) - 6 * width, len(pixels), 3))
        return min(max(pixels[at:at + 3]) for at in edges) > LIGHT

    def fills(self, node):
        for _ in range(120):
            if self.is_filled(node):
                return True
            time.sleep(0.5)
        return False

    def gtk_grows(self, before):
        node = self.desktop.window("gtk3-demo")
        self.report.check(node["rect"]["width"] > before["rect"]["width"] and self.fills(node),
                          "GTK: and its new place, when that is larger", before["rect"], node["rect"])
        self.keep(node, "gtk-larger")

    def gtk_and_foot(self):
        """Beside each other: each makes the other one smaller, then larger."""
        before = self.columns("foot")
        self.gtk_starts()
        after = self.columns("foot")
        self.report.check(after < before, "foot: a window that the host makes smaller is smaller", before, after)
        self.gtk_driven()
        node = self.desktop.window("gtk3-demo")
        self.closes(self.desktop.window("foot"), "foot", "foot")
        self.gtk_grows(node)
        self.closes(self.desktop.window("gtk3-demo"), "gtk3-demo", "gtk3-demo-application")

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

    def keys_of(self, name):
        answer = self.type_in(name, f"echo {name}-$((6*7)) >{SERIAL}", rf"\b{name}-(\d+)\n")
        self.report.check(answer == "42", f"what is typed into {name} arrives", answer)

    def columns(self, name):
        self.n_sizes += 1
        return int(self.type_in(name, f"echo COLUMNS-{self.n_sizes} $(stty size) . >{SERIAL}",
                                rf"COLUMNS-{self.n_sizes} \d+ (\d+) \."))

    def calm(self, node):
        """(width, pixels) of a window that draws nothing more than its cursor."""
        width, _, before = self.desktop.picture(node)
        for _ in range(40):
            time.sleep(0.5)
            _, _, after = self.desktop.picture(node)
            if len(changed_pixels(before, after, width)) < 1000:
                break
            before = after
        return width, after

    def x_menu(self, name):
        """With the button held down, as these menus are made: in front of the pointer, then its last entry."""
        desktop = self.desktop
        desktop.focus(desktop.window(name))
        node = desktop.window(name)
        rect = node["rect"]
        x, y = rect["width"] // 2, 60
        width, before = self.calm(node)
        desktop.seat.move(rect["x"] + x, rect["y"] + y)
        desktop.seat.button(1, RIGHT)
        for _ in range(60):
            time.sleep(0.5)
            if len(changed_pixels(before, desktop.picture(node)[2], width)) > 1500:
                break
        changed = changed_pixels(before, self.calm(node)[1], width)
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
        self.keys_of("x-two")
        self.keys_of("x-one")
        self.x_clipboard("x-one")
        self.picks("x-one", "x-one", None, ["-p"])
        self.pastes("x-one", "x-one", lambda: self.desktop.seat.click(MIDDLE), ["-p"])
        before = self.columns("x-one")
        self.pointer("x-two")
        node = self.desktop.window("x-two")
        self.closes(node, "x-two", "x-two")
        after = self.columns("x-one")
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
        self.words("weston-terminal", "weston")
        self.resize()
        self.keys_of("foot")
        self.pointer("foot")
        self.words("foot", "foot")
        self.clipboard()
        self.gtk_and_foot()
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
