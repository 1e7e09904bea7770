# SPDX-License-Identifier: LGPL-2.1-or-later
"""A client of a running machine's control socket, in plain GDBus: org.qemu.Display1 and
org.vitrine.Vmm1 without our own client library, so that tests see what a stranger would see.

    with Machine("/run/user/1000/vitrine/debian-12/control") as machine:
        machine.wait_for_text("serial.0", b"MARK shell", 60)
        machine.type("uname -a\n")
        width, height, rows = machine.picture()
"""
import mmap
import os
import select
import socket
import time

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

import vm  # noqa: E402

DISPLAY1 = "/org/qemu/Display1"

# Characters of a US keyboard -> (qnum, shift), the numbers of the XT keyboard's set 1.
ROWS = {
    "`1234567890-=": (0x29, *range(0x02, 0x0e)),
    "qwertyuiop[]": range(0x10, 0x1c),
    "asdfghjkl;'": range(0x1e, 0x29),
    "\\zxcvbnm,./": range(0x2b, 0x36),
    " \n\t": (0x39, 0x1c, 0x0f),
}
SHIFTED = dict(zip('~!@#$%^&*()_+{}:"|<>?', "`1234567890-=[];'\\,./"))
QNUM_SHIFT = 0x2a


def strokes():
    table = {}
    for characters, numbers in ROWS.items():
        for character, number in zip(characters, numbers):
            table[character] = (number, False)
            if character.isalpha():
                table[character.upper()] = (number, True)
    for shifted, plain in SHIFTED.items():
        table[shifted] = (table[plain][0], True)
    return table


class Machine:
    def __init__(self, control, patience=10):
        deadline = time.monotonic() + patience
        while True:
            try:
                self.connection = Gio.DBusConnection.new_for_address_sync(
                    f"unix:path={control}", Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT, None, None)
                break
            except GLib.Error:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
        self.strokes = strokes()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if not self.connection.is_closed():
            self.connection.close_sync(None)

    def call(self, path, interface, method, arguments=None, fds=(), timeout_ms=10000):
        """Returns (unpacked results, received descriptors)."""
        fd_list = Gio.UnixFDList.new()
        for fd in fds:
            fd_list.append(fd)
        result, received = self.connection.call_with_unix_fd_list_sync(
            None, path, interface, method, arguments, None, Gio.DBusCallFlags.NONE, timeout_ms,
            fd_list, None)
        return result.unpack(), received.steal_fds() if received else []

    def property(self, path, interface, name):
        (value,), _ = self.call(path, "org.freedesktop.DBus.Properties", "Get",
                                GLib.Variant("(ss)", (interface, name)))
        return value

    def request(self, method):
        self.call("/org/vitrine/Vmm1", "org.vitrine.Vmm1.Machine", method)

    def processes(self):
        (rows,), _ = self.call("/org/vitrine/Vmm1", "org.vitrine.Vmm1.Statistics", "GetProcesses")
        return rows

    def open_chardev(self, name):
        """A socket that first replays the port's history."""
        ours, theirs = socket.socketpair()
        with theirs:
            path = f"{DISPLAY1}/Chardev_{name.replace('.', '_')}"
            self.call(path, "org.qemu.Display1.Chardev", "Register", GLib.Variant("(h)", (0,)),
                      [theirs.fileno()])
        return ours

    def wait_for_text(self, name, needle, seconds, since=0):
        """All bytes of the port up to now once `needle` stands after offset `since`; or raises."""
        deadline = time.monotonic() + max(seconds, vm.PATIENCE)
        text = b""
        with self.open_chardev(name) as stream:
            while needle not in text[since:]:
                left = deadline - time.monotonic()
                if left <= 0 or not select.select([stream], [], [], left)[0]:
                    raise TimeoutError(f"no {needle!r} on {name} in {seconds} s; the end is "
                                       f"{text[-400:]!r}")
                piece = stream.recv(65536)
                if not piece:
                    raise EOFError(f"{name} was closed; the end is {text[-400:]!r}")
                text += piece
        return text

    def write(self, name, data):
        with self.open_chardev(name) as stream:
            stream.sendall(data)
            time.sleep(0.1)

    def type(self, text, pause=0.03, console=0):
        path, interface = f"{DISPLAY1}/Console_{console}", "org.qemu.Display1.Keyboard"
        for character in text:
            number, shift = self.strokes[character]
            keys = [QNUM_SHIFT, number] if shift else [number]
            for key in keys:
                self.call(path, interface, "Press", GLib.Variant("(u)", (key,)))
            for key in reversed(keys):
                self.call(path, interface, "Release", GLib.Variant("(u)", (key,)))
            time.sleep(pause)

    def picture(self, console=0):
        """(width, height, list of rows of B G R X bytes) of what the screen shows now."""
        (_, width, height, stride), fds = self.call(
            f"{DISPLAY1}/Console_{console}", "org.vitrine.Vmm1.Picture", "GetPicture",
            GLib.Variant("(uu)", (0, 0)))
        try:
            with mmap.mmap(fds[0], height * stride, prot=mmap.PROT_READ) as pixels:
                return width, height, [pixels[y * stride:y * stride + width * 4]
                                       for y in range(height)]
        finally:
            for fd in fds:
                os.close(fd)


def save_ppm(picture, path):
    width, height, rows = picture
    with open(path, "wb") as file:
        file.write(b"P6\n%d %d\n255\n" % (width, height))
        for row in rows:
            rgb = bytearray(width * 3)
            rgb[0::3], rgb[1::3], rgb[2::3] = row[2::4], row[1::4], row[0::4]
            file.write(rgb)
