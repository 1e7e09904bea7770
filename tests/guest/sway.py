# SPDX-License-Identifier: LGPL-2.1-or-later
"""sway without a screen, as the compositor of a test: windows, keys, pointer, pictures, clipboard."""
import json
import os
import socket
import struct
import subprocess
import time

import desktop

WIDTH, HEIGHT = 1024, 768
NOBODY = 65534
CONFIG = f"""
xwayland disable
default_border none
focus_follows_mouse no
output * resolution {WIDTH}x{HEIGHT}
input * repeat_rate 0
"""


RETURN = "\r"
# One key for each character, so that none takes a modifier.
KEYS = RETURN + "".join(chr(code) for code in range(0x20, 0x7f))
FIRST_KEY = 9  # of X; evdev counts from 8 less


def keymap():
    codes = "".join(f"<K{n}> = {FIRST_KEY + n};" for n in range(len(KEYS)))
    symbols = "".join(f"key <K{n}> {{[ {'Return' if c == RETURN else hex(ord(c))} ]}};"
                      for n, c in enumerate(KEYS))
    return (f'xkb_keymap {{ xkb_keycodes "test" {{ minimum = 8; maximum = 255; {codes} }};'
            'xkb_types "test" { include "complete" }; xkb_compatibility "test" { include "complete" };'
            f'xkb_symbols "test" {{ {symbols} }}; }};\0').encode()


# The keys of a person: their numbers are those of linux/input-event-codes.h.
USUAL_KEYMAP = b"""xkb_keymap { xkb_keycodes { include "evdev+aliases(qwerty)" };
xkb_types { include "complete" }; xkb_compatibility { include "complete" };
xkb_symbols { include "pc+us+inet(evdev)" }; };\0"""
MODIFIERS = {42: 1, 29: 4, 56: 8, 125: 64}  # shift, control, alt, super


IPC = struct.Struct("=6sII")  # before each message: mark, size, kind
RUN_COMMAND, GET_TREE = 0, 4


def now():
    return int(time.monotonic() * 1000) & 0xffffffff


class Seat(desktop.Pointer):
    """A pointer and a keyboard (wlr-virtual-pointer, virtual-keyboard) by the bytes of the protocols.

    They stay as long as this does: some programs wait for ever before a seat without a keyboard.
    """

    def __init__(self, path, keys=None):
        self.modifiers = 0
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(path)
        self.socket.settimeout(60)
        self.globals = {}
        self._send(1, 1, struct.pack("=I", 2))  # wl_display.get_registry
        self._send(1, 0, struct.pack("=I", 3))  # wl_display.sync
        self._read_globals()
        self._bind("wl_seat", 4)
        self._bind("zwlr_virtual_pointer_manager_v1", 5)
        self._send(5, 0, struct.pack("=II", 4, 6))  # create_virtual_pointer
        self._bind("zwp_virtual_keyboard_manager_v1", 7)
        self._send(7, 0, struct.pack("=II", 4, 8))  # create_virtual_keyboard
        self._send_keymap(keys or keymap())

    def _send(self, target, opcode, body):
        self.socket.sendall(struct.pack("=II", target, (8 + len(body)) << 16 | opcode) + body)

    def _send_keymap(self, text):
        fd = os.memfd_create("keymap")
        os.write(fd, text)
        socket.send_fds(self.socket, [struct.pack("=IIII", 8, 16 << 16, 1, len(text))], [fd])
        os.close(fd)

    def _exactly(self, size):
        data = b""
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            if not part:
                raise OSError("the compositor hung up")
            data += part
        return data

    def _read_globals(self):
        while True:
            source, word = struct.unpack("=II", self._exactly(8))
            body = self._exactly((word >> 16) - 8)
            if source == 3:
                return
            if source == 2 and word & 0xffff == 0:
                name, length = struct.unpack_from("=II", body)
                self.globals[body[8:8 + length - 1].decode()] = name

    def _bind(self, interface, new_id):
        text = interface.encode() + b"\0"
        self._send(2, 0, struct.pack("=II", self.globals[interface], len(text)) +
                   text.ljust((len(text) + 3) & ~3, b"\0") + struct.pack("=II", 1, new_id))

    def _frame(self):
        self._send(6, 4, b"")

    def move(self, x, y):
        self._send(6, 1, struct.pack("=IIIII", now(), x, y, WIDTH, HEIGHT))
        self._frame()

    def button(self, state, button=0x110):
        self._send(6, 2, struct.pack("=III", now(), button, state))
        self._frame()
        time.sleep(0.1)

    def double_click(self):
        """All at once, and by times that say so: however busy the computer is."""
        start = now()
        for step in range(4):
            self._send(6, 2, struct.pack("=III", start + 30 * step, 0x110, 1 - step % 2))
            self._frame()

    def type(self, text):
        for character in text:
            key = FIRST_KEY - 8 + KEYS.index(character)
            for state in (1, 0):
                self._send(8, 1, struct.pack("=III", now(), key, state))
            time.sleep(0.02)

    def key(self, *codes):
        """Pressed in this order, let go in the other; with USUAL_KEYMAP."""
        for state, order in ((1, codes), (0, reversed(codes))):
            for code in order:
                self._send(8, 1, struct.pack("=III", now(), code, state))
                self.modifiers ^= MODIFIERS.get(code, 0)
                self._send(8, 2, struct.pack("=IIII", self.modifiers, 0, 0, 0))
                time.sleep(0.1)

    def chord(self, modifiers, character):
        """A character with modifiers held."""
        self._send(8, 2, struct.pack("=IIII", modifiers, 0, 0, 0))
        self.type(character)
        self._send(8, 2, struct.pack("=IIII", 0, 0, 0, 0))

    def close(self):
        self.socket.close()


class Sway(desktop.Desktop):
    def __init__(self, folder, more="", keys=None, node=None, x11=False):
        """more: lines of its configuration; keys: the keymap of the seat; node: of the card that draws;
        x11: with Xwayland, see display()."""
        self.folder = folder
        self.told = os.path.join(folder, "display")
        if x11:
            more += f'xwayland force\nexec sh -c "echo $DISPLAY >{self.told}"\n'
        config = os.path.join(folder, "sway.config")
        with open(config, "w", encoding="utf-8") as file:
            file.write(CONFIG + more)
        self.environment = dict(os.environ, XDG_RUNTIME_DIR=folder, WLR_BACKENDS="headless",
                                WLR_RENDERER="pixman", WLR_LIBINPUT_NO_DEVICES="1")
        if node:
            self.environment.update(WLR_RENDERER="gles2", WLR_RENDER_DRM_DEVICE=node)
        self.log = open(os.path.join(folder, "sway.log"), "w+", encoding="utf-8")
        command = ["sway", "-c", config]
        if os.geteuid() == 0:  # sway refuses to be root
            os.chown(folder, NOBODY, NOBODY)
            os.chmod(config, 0o644)
            command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *command]
        self.process = subprocess.Popen(command, env=self.environment,
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        self.environment["SWAYSOCK"] = self._appears("sway-ipc.")
        self.environment["WAYLAND_DISPLAY"] = "wayland-1"
        self.path = self._appears("wayland-1")
        self.seat = Seat(self.path, keys)

    def _appears(self, beginning):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            for name in sorted(os.listdir(self.folder)):
                if name.startswith(beginning) and not name.endswith(".lock"):
                    return os.path.join(self.folder, name)
            time.sleep(0.1)
        raise RuntimeError("sway does not start: " + self.log_text())

    def display(self, limit):
        """$DISPLAY of the X server, which sway starts when it can."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            if os.path.exists(self.told) and os.path.getsize(self.told):
                with open(self.told, encoding="utf-8") as file:
                    return file.read().strip()
            time.sleep(0.5)
        raise RuntimeError("no X server: " + self.log_text())

    def log_text(self):
        self.log.seek(0)
        return self.log.read()[-2000:]

    def close(self):
        self.seat.close()
        self.process.terminate()
        self.process.wait()
        self.log.close()

    def run(self, *command, data=None, limit=60):
        """What the command wrote."""
        return subprocess.run(command, env=self.environment, timeout=limit, check=True,
                              input=data, stdin=subprocess.DEVNULL if data is None else None,
                              stdout=subprocess.PIPE).stdout

    def windows(self):
        """app_id (or title): {id, app_id, name, rect, focused}"""
        found = []

        def walk(node):
            if node.get("pid") and node.get("type") in ("con", "floating_con"):
                found.append(node)
            for child in node.get("nodes", []) + node.get("floating_nodes", []):
                walk(child)
        walk(self._ask(GET_TREE))
        return found

    def _ask(self, kind, text=""):
        """sway's answer by its own protocol: swaymsg waits for three seconds only."""
        message = text.encode()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as ipc:
            ipc.settimeout(60)
            ipc.connect(self.environment["SWAYSOCK"])
            ipc.sendall(IPC.pack(b"i3-ipc", len(message), kind) + message)
            with ipc.makefile("rb") as answer:
                _, size, _ = IPC.unpack(answer.read(IPC.size))
                return json.loads(answer.read(size))

    def command(self, text):
        for answer in self._ask(RUN_COMMAND, text):
            if not answer["success"]:
                raise RuntimeError(f"sway: {text}: {answer.get('error')}")

    def focus(self, node):
        self.command(f"[con_id={node['id']}] focus")

    def kill(self, node):
        self.command(f"[con_id={node['id']}] kill")

    def picture(self, node):
        """(width, height, bytes of three for each pixel) of a window as the screen shows it."""
        rect = node["rect"]
        data = self.run("grim", "-t", "ppm", "-g",
                        f"{rect['x']},{rect['y']} {rect['width']}x{rect['height']}", "-")
        fields = data.split(None, 4)
        return int(fields[1]), int(fields[2]), fields[4]

    def colours(self, node):
        _, _, pixels = self.picture(node)
        return {pixels[at:at + 3] for at in range(0, len(pixels) - 2, 3)}
