# SPDX-License-Identifier: LGPL-2.1-or-later
"""The test compositor from Python: starts it, says what a test wants, reads what was shown."""
import os
import shutil
import socket
import subprocess
import tempfile
import time
from typing import NamedTuple


class Surface(NamedTuple):
    """One line of "surfaces" (control.c)."""
    id: int
    role: str
    parent: int
    x: int
    y: int
    width: int
    height: int
    buffer_width: int
    buffer_height: int
    commits: int
    pixels_taken: int
    opaque: int
    active: int
    title: str


class Frame(NamedTuple):
    surface: int
    width: int
    height: int
    bare: int
    checksum: str


class Picture:
    """A PPM file."""

    def __init__(self, path):
        with open(path, "rb") as file:
            magic, size, _, self.data = file.read().split(b"\n", 3)
        assert magic == b"P6"
        self.width, self.height = map(int, size.split())

    def pixel(self, x, y):
        at = (y * self.width + x) * 3
        return tuple(self.data[at:at + 3])

    def colours(self):
        return {self.data[at:at + 3] for at in range(0, len(self.data), 3)}


class Compositor:
    """With WAYLAND_BRIDGE in the environment clients connect through it (tests/fakes/wayland-bridge.c)."""

    def __init__(self, program, *options, at=None):
        self.base = tempfile.mkdtemp(prefix="compositor-")
        self.socket = at or os.path.join(self.base, "wayland-0")
        control = os.path.join(self.base, "control")
        self.process = subprocess.Popen([program, self.socket, control, *options],
                                        stdout=subprocess.PIPE)
        if self.process.stdout.readline() != b"ready\n":
            raise RuntimeError("the compositor did not start")
        display = self.bridged(os.environ.get("WAYLAND_BRIDGE"))
        self.connection = socket.socket(socket.AF_UNIX)
        self.connection.connect(control)
        self.answers = self.connection.makefile("r")
        self.environment = dict(os.environ, WAYLAND_DISPLAY=display, XDG_RUNTIME_DIR=self.base,
                                GDK_BACKEND="wayland", GSETTINGS_BACKEND="memory", NO_AT_BRIDGE="1",
                                XDG_SESSION_TYPE="wayland")
        self.environment.pop("DISPLAY", None)
        self.clients = []

    def bridged(self, program):
        """The socket for clients."""
        self.bridge = None
        if not program:
            return self.socket
        path = os.path.join(self.base, "bridge")
        self.bridge = subprocess.Popen([program, path, self.socket], stdout=subprocess.PIPE, text=True)
        if self.bridge.stdout.readline() != "ready\n":
            raise RuntimeError("the bridge did not start")
        return path

    def say(self, *words):
        """One command; the lines of its answer."""
        self.connection.sendall((" ".join(map(str, words)) + "\n").encode())
        lines = []
        while True:
            line = self.answers.readline().rstrip("\n")
            if line == "ok":
                return lines
            if line.startswith("error") or not line:
                raise RuntimeError(f"{words}: {line or 'the compositor is gone'}")
            lines.append(line)

    def surfaces(self):
        found = []
        for line in self.say("surfaces"):
            words = line.split(" ", 13)
            found.append(Surface(int(words[0]), words[1], *map(int, words[2:13]), words[13]))
        return found

    def windows(self):
        return [surface for surface in self.surfaces() if surface.role == "toplevel"]

    def frames(self):
        lines = [line.split() for line in self.say("frames")]
        return [Frame(*map(int, words[:4]), words[4]) for words in lines]

    def picture(self, *command):
        path = os.path.join(self.base, "picture.ppm")
        self.say(*command, path)
        return Picture(path)

    def shot(self):
        return self.picture("shot")

    def paste(self, kind="text/plain;charset=utf-8"):
        """What the owner of the clipboard gives within a while."""
        path = os.path.join(self.base, "paste")
        os.mkfifo(path)
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self.say("paste", kind, path)
        os.unlink(path)
        os.set_blocking(reader, True)
        with os.fdopen(reader, encoding="utf-8") as file:
            return file.read()

    def press(self, *codes):
        for code in codes:
            self.say("key", code, 1)
        for code in reversed(codes):
            self.say("key", code, 0)

    def click(self, x, y, button=0x110):
        self.say("move", x, y)
        self.say("button", button, 1)
        self.say("button", button, 0)

    def start(self, *command, **environment):
        client = subprocess.Popen(command, env=dict(self.environment, **environment))
        self.clients.append(client)
        return client

    def end(self):
        for client in self.clients:
            if client.poll() is None:
                client.kill()
            client.wait()
        if self.bridge:
            self.bridge.terminate()
            self.bridge.wait()
            self.bridge.stdout.close()
        self.answers.close()
        self.connection.close()
        self.process.terminate()
        status = self.process.wait(10)
        shutil.rmtree(self.base, ignore_errors=True)
        return status


def wait_for(what, condition, seconds=15):
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s for {what}")
        time.sleep(0.05)
