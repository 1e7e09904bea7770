#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: peers.py VMM GUEST TEST-COMPOSITOR      proxies of others in a guest, before our host side; TAP

The environment names them: SOMMELIER and WAYLAND_PROXY_VIRTWL are programs built from their sources.
GUEST is of the recipe "windows"; each proxy gets one start of it, on sway, and takes the place of
vitrine-wayland-proxy and vitrine-x11 there. For sommelier's X11 the test compositor then takes sway's
place. Runs inside the test machine as an ordinary user.
"""
import collections
import hashlib
import os
import re
import signal
import subprocess
import sys
import tarfile
import time

import patient
import programs
import sway
import vm

COLOUR = bytes((0x30, 0x50, 0x70))  # no white space, which ends a PPM's header
PARTS_OF_LIBC = ("linux-vdso", "ld-linux", "libc.so", "libm.so", "libpthread", "libdl.so", "librt.so")
GUEST_SCRIPT = programs.GUEST_HELPERS + r"""
for try in $(seq 120); do
    [ ! -S /run/user/1000/wayland-host ] || break
    sleep 0.5
done
as_user systemctl --user stop vitrine-x11.service vitrine-wayland.service
mkdir /opt/peer
tar x -C /opt/peer -f /dev/vdc
windows=wayland-peer
peer() {
    as_user env -u WAYLAND_DISPLAY LD_LIBRARY_PATH=/opt/peer/lib /opt/peer/PROGRAM "$@" 2>&1 | sed -u 's/^/PEER /'
}
START
for try in $(seq 60); do
    [ ! -S /run/user/1000/wayland-peer ] || break
    sleep 0.5
done
echo SOCKET $(test -S /run/user/1000/wayland-peer && echo there)
while :; do
    as_user sh app weston-terminal --shell=/home/user/shell
    sleep 2
done
"""
PEERS = {
    "sommelier": ("SOMMELIER", "peer --parent --virtgpu-channel --socket=wayland-peer &\n"
                  "(until [ -e /tmp/x11 ]; do sleep 1; done; peer -X --x-display=10 --virtgpu-channel "
                  "--no-exit-with-child --xwayland-path=/usr/bin/Xwayland /bin/true) &"),
    "wayland-proxy-virtwl": ("WAYLAND_PROXY_VIRTWL",
                             "peer --virtio-gpu --wayland-display=wayland-peer --x-display=10 &"),
}


def pack(path, program, name):
    """A disk that holds an archive of the program and those of its libraries that are not libc's."""
    said = subprocess.run(["ldd", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True, check=False).stdout
    libraries = [file for file in re.findall(r"=> (/\S+)", said)
                 if not os.path.basename(file).startswith(PARTS_OF_LIBC)]
    with tarfile.open(path, "w", dereference=True) as archive:
        archive.add(program, name)
        for file in libraries:
            archive.add(file, "lib/" + os.path.basename(file))
    with open(path, "ab") as file:
        file.truncate((os.path.getsize(path) + 0xffff) & ~0xffff)


class Listening:
    """It takes in what the guest says while it is looked at: a proxy that cannot write stands still."""

    machine = None
    said = 0

    def windows(self):
        while self.machine and self.machine.read(0) and len(self.machine.text) > self.said:
            self.said = len(self.machine.text)
        return super().windows()

    def focus(self, node):
        if node is None:
            raise programs.Failed("a window is gone that was there")
        super().focus(node)


class Desktop(Listening, sway.Sway):
    pass


class PatientDesktop(Listening, patient.Patient):
    pass


def skip(report, text, reason):
    report.count += 1
    print(f"ok {report.count} - {text} # SKIP {reason}", flush=True)


class Test(programs.Test):
    def __init__(self, name, *others):
        super().__init__(*others)
        self.name = name
        self.patience = 3 * programs.LIMIT
        # wayland-proxy-virtwl gives an X11 program all in one request, which has 256 KiB at most.
        self.x_big, self.x_lines = 200_000, 30_000
        if name == "sommelier":
            # From a guest's program it takes a read of less than 4072 bytes for the end of the content. It
            # waits for itself when more than 64 KiB are on their way to a program that is slow.
            self.big, self.lines = 40_000, 500
            self.x_big = 40_000

    def boot(self):
        there = programs.said(self.machine, r"SOCKET (.*)\n", vm.BOOT_LIMIT * 6)
        programs.need(there == "there", self.report, "it listens", self.machine.text[-3000:])

    def colour(self):
        """A window is as wide as it is drawn, in the colour that it is drawn in, and halves the first."""
        before = self.size()
        line = f"sh app foot -o colors.background={COLOUR.hex()} ./shell & echo FOOT-1 >{programs.SERIAL}"
        self.order(line, r"(FOOT-1)")
        node = self.appears("foot", "foot", 2)
        part = 0
        for _ in range(40):
            node = self.desktop.window("foot")
            width, height, pixels = self.desktop.picture(node)
            counts = collections.Counter(pixels[at:at + 3] for at in range(0, 3 * width * height, 3))
            part = counts[COLOUR] / (width * height)
            if part > 0.9:
                break
            time.sleep(0.5)
        self.report.check(part > 0.9, "its pixels are what it drew", (width, height), counts.most_common(3))
        after = self.size()
        self.report.check(after[1] < before[1], "a window that the host makes smaller is smaller",
                          before, after)

    def x_starts(self, name):
        """Neither peer says of what class an X11 program is: its title alone passes."""
        self.order(f"./x {name} & echo START-{name} >{programs.SERIAL}", rf"(START-{name})")
        node = self.appears(name, name, 2)
        self.report.check(node["name"] == name, f"the X11 program {name} is a window with its title", node)

    def x11(self):
        self.x_starts("x-one")
        self.keys_of("x-one")
        self.big, self.lines = self.x_big, self.x_lines
        self.x_clipboard("x-one")
        before = self.columns("x-one")
        self.x_starts("x-two")
        narrow = self.columns("x-one")
        self.report.check(narrow < before, "an X11 window that the host makes narrower is narrower",
                          before, narrow)
        self.pointer("x-two")
        self.closes(self.there("x-two"), "x-two", "x-two")
        after = self.columns("x-one")
        self.report.check(after > narrow, "and wider when the host makes it wider", narrow, after)
        self.closes(self.there("x-one"), "x-one", "x-one")

    def there(self, word):
        node = self.desktop.window(word)
        programs.need(node is not None, self.report, f"{word} is there still")
        return node

    def close_all(self):
        self.closes(self.there("foot"), "foot", "foot")
        self.order(f"echo LAST-1 >{programs.SERIAL}", r"(LAST-1)")
        time.sleep(3)
        self.closes(self.there("weston"), "weston", "weston-terminal")

    def attempt(self, name, part):
        """What fails is told, and the next part tried."""
        begin = time.monotonic()
        try:
            part()
        except (vm.Timeout, programs.Failed, subprocess.TimeoutExpired) as error:
            self.report.check(False, f"{name}: {error}", self.machine.text[-4000:],
                              self.machine.error_text()[-4000:], self.desktop.log_text(),
                              self.desktop.windows())
        self.report.note(f"{name}: {time.monotonic() - begin:.0f} s")

    def all(self):
        self.boot()
        self.keys()
        self.colour()
        self.attempt("pointer", lambda: self.pointer("foot"))
        self.attempt("clipboard", self.clipboard)
        self.attempt("GTK", self.gtk)
        if self.name == "sommelier":
            skip(self.report, "X11 on sway", "sommelier gives a window its content before it was configured")
        else:
            self.attempt("X11", self.x11)
        self.attempt("closing", self.close_all)


class PatientTest(Test):
    """X11 by sommelier, which gives a window its content before the host configured it."""

    def x_pastes(self, name):
        data = os.urandom(self.x_big // 2).hex().encode()
        self.desktop.copy(data)
        answer = self.type_in(name, "export DISPLAY=:10; echo XPASTE $(xclip -o -sel c | md5sum) . "
                              f">{programs.SERIAL}", r"XPASTE (\w{32})")
        self.report.check(answer == hashlib.md5(data).hexdigest(),
                          f"{self.x_big} bytes of the host's clipboard are pasted by an X11 program", answer)

    def x_copies(self, name):
        """While no window has the focus: else sommelier is told of its own offer, and takes X11's clipboard."""
        line = (f"(sleep 5; xclip -i -sel c </tmp/big; echo XCOPIED-1 >{programs.SERIAL})& seq {self.lines} "
                f">/tmp/big; echo XMAKES $(md5sum </tmp/big) >{programs.SERIAL}")
        answer = self.type_in(name, line, r"XMAKES (\w{32})")
        self.desktop.focus_nothing()
        programs.said(self.machine, r"(XCOPIED-1)\n")
        data = b""
        for _ in range(10):
            time.sleep(0.5)
            data = self.desktop.paste("UTF8_STRING")
            if hashlib.md5(data).hexdigest() == answer:
                break
        self.report.check(hashlib.md5(data).hexdigest() == answer,
                          f"and {len(data)} bytes of an X11 program's on the host")

    def all(self):
        self.keys()
        self.order(f"touch /tmp/x11; until [ -S /tmp/.X11-unix/X10 ]; do sleep 1; done; echo X-1 >{programs.SERIAL}",
                   r"(X-1)")
        self.x_starts("x-one")
        self.keys_of("x-one")
        self.attempt("X11's clipboard", lambda: self.x_clipboard("x-one"))
        self.attempt("X11's windows", self.x_windows)

    def x_windows(self):
        node = self.there("x-one")
        self.desktop.resize(node, 300, 200)
        before = self.columns("x-one")
        self.desktop.resize(node, 600, 300)
        after = self.columns("x-one")
        self.report.check(after > before, "an X11 window that the host makes wider is wider", before, after)
        self.x_starts("x-two")
        self.pointer("x-two")
        self.closes(self.there("x-two"), "x-two", "x-two")
        self.keys_of("x-one")
        self.closes(self.there("x-one"), "x-one", "x-one")


def run(report, programs_of_host, guest, folder, name):
    program, test_compositor = programs_of_host
    script, disk = os.path.join(folder, "script"), os.path.join(folder, "peer")
    vm.script_disk(script, GUEST_SCRIPT.replace("PROGRAM", name).replace("START", PEERS[name][1]))
    pack(disk, os.environ[PEERS[name][0]], name)
    desktop = Desktop(folder)
    arguments = ["--name", f"peers-{os.getpid()}", "--mem", "1024",
                 "--gpu", "backend=2d,context-types=[cross-domain]", "--wayland-sock", desktop.path,
                 "--initrd", guest.path("initrd"), "--block", f"path={guest.path('disk.img')},ro=true",
                 "--block", f"path={script},ro=true", "--block", f"path={disk},ro=true",
                 "--log-level", "debug", "-p", guest.cmdline() + " vitrine.overlay",
                 "--serial", "type=stdout,hardware=serial,num=1,console=true", guest.path("vmlinux")]
    with vm.Machine(program, arguments) as machine:
        try_all(Test, name, report, machine, desktop)
        desktop.close()
        if name == "sommelier":
            machine.text = ""
            desktop = PatientDesktop(test_compositor, desktop.path)
            try_all(PatientTest, name, report, machine, desktop)
            desktop.close()
        machine.signal(signal.SIGINT)
        machine.wait(20)


def try_all(kind, name, report, machine, desktop):
    desktop.machine = machine
    try:
        kind(name, report, machine, desktop, desktop.folder).all()
    except (vm.Timeout, vm.Ended, programs.Failed) as error:
        report.check(False, f"{name}: {error}", machine.text[-4000:], machine.error_text()[-4000:],
                     desktop.log_text(), desktop.windows())


def main(program, folder, test_compositor):
    report = vm.Report()
    for name, (variable, _) in PEERS.items():
        if not os.environ.get(variable):
            skip(report, name, f"{variable} names no {name}")
            continue
        report.note(name)
        with vm.work_folder() as work:
            run(report, (program, test_compositor), vm.Guest(folder), work, name)
    return report.end()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
