#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: virgl.py VMM CUBE        frames drawn by virgl and read back, against virgl_test_server

One client, Mesa's virgl driver with a program that draws (cube.c). Before virgl_test_server it uses virgl's
test protocol; what it says there is taken down on the way, and translated word for word into a recording of
a guest's control queue, which `vmm gpu replay` plays to our device's process. So both get the very same
commands, textures and buffers, and read every frame back; the last pictures must be equal.
Processor time of the server, and of our process with the player in it, for a frame: the difference between
a long run and a short one; said as the frames of a second of it. Under instruction counting a second is a
number of instructions.
"""
import mmap
import os
import re
import select
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading

import rig

WIDTH, HEIGHT = 320, 240
SHORT, LONG = 10, 50
PLACE = "/tmp/.virgl_test"  # Mesa knows no other
LIMIT = 300
LEVEL_SOFTWARE = 1
BGRA = 1  # VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM
CONTEXT = 1
# What virgl's test protocol asks (vtest_protocol.h), version 2.
UNREF, SUBMIT, NAME, CREATE, READ, WRITE = 3, 6, 8, 12, 13, 14
SILENT_SOFTWARE = {"LIBGL_ALWAYS_SOFTWARE": "true", "LP_NUM_THREADS": "0", "MESA_SHADER_CACHE_DISABLE": "true",
                   "EGL_PLATFORM": "surfaceless"}
# virtio-gpu's requests
V_UNREF, V_SCANOUT, V_FLUSH, V_ATTACH = 0x102, 0x103, 0x104, 0x106
V_CONTEXT, V_GIVE, V_CREATE, V_WRITE, V_READ, V_SUBMIT = 0x200, 0x202, 0x204, 0x205, 0x206, 0x207
CONTROL, MEMORY = 1, 3
TRANSFER3D = 43  # among the commands of a stream, VIRGL_CCMD_TRANSFER3D


def fnv(pixels):
    """As `vmm gpu replay` sums a picture: 64 bits FNV-1a over blue, green, red, 0."""
    value = 0xcbf29ce484222325
    for i in range(0, len(pixels), 4):
        for byte in (*pixels[i:i + 3], 0):
            value = (value ^ byte) * 0x100000001b3 & 0xffffffffffffffff
    return value


class Recording:
    """The same as vmm/devices/gpu/record-format.h, of one context."""

    def __init__(self):
        self.parts = [struct.pack("<8s6I", b"VITGPU\n\x1a", 1, LEVEL_SOFTWARE, 1, WIDTH, HEIGHT, 0)]
        self.fence = 0
        self.shown = 0
        self.formats = {}
        name = b"cube"
        self.ask(V_CONTEXT, struct.pack("<II64s", len(name), 0, name))

    def entry(self, kind, body):
        self.parts.append(struct.pack("<IIQ", kind, len(body), 0) + body)

    def ask(self, kind, body, fenced=False):
        self.fence += fenced
        self.entry(CONTROL, struct.pack("<IIQII", kind, fenced, self.fence if fenced else 0, CONTEXT, 0) + body)

    def create(self, words):
        resource, size = words[0], words[10]
        self.formats[resource] = words[2]
        self.ask(V_CREATE, struct.pack("<12I", *words[:10], 0, 0))
        self.ask(V_GIVE, struct.pack("<II", resource, 0))
        if size:
            self.ask(V_ATTACH, struct.pack("<IIQII", resource, 1, 0, size, 0))

    def transfer(self, kind, words):
        self.ask(kind, struct.pack("<6IQ4I", *words[2:8], words[9], words[0], words[1], 0, 0), fenced=True)

    def write(self, words, memory):
        offset, size = words[9], words[8]
        self.entry(MEMORY, struct.pack("<IIQ", words[0], 0, offset) + memory[offset:offset + size])
        self.transfer(V_WRITE, words)

    def read(self, words):
        """A whole picture is shown, which reads it back; anything else is read as a guest reads."""
        resource = words[0]
        whole = struct.pack("<4I", 0, 0, WIDTH, HEIGHT)
        if tuple(words[1:8]) != (0, 0, 0, 0, WIDTH, HEIGHT, 1) or self.formats.get(resource) != BGRA:
            self.transfer(V_READ, words)
            return
        if self.shown != resource:
            self.ask(V_SCANOUT, whole + struct.pack("<II", 0, resource))
            self.shown = resource
        self.ask(V_FLUSH, whole + struct.pack("<II", resource, 0), fenced=True)


class Tap(threading.Thread):
    """Between the client and the server; takes down what passes."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(PLACE)
        self.listener.listen(1)
        self.server_place = server
        self.recording = Recording()
        self.submits = self.words = 0
        self.memory = {}  # resource: what client and server share
        self.awaited = []  # resources whose memory the server is about to hand out
        self.last = b""

    def run(self):
        client, _ = self.listener.accept()
        server = socket.socket(socket.AF_UNIX)
        server.connect(self.server_place)
        while True:
            ready = select.select([client, server], [], [])[0]
            if server in ready:
                data, fds, _, _ = socket.recv_fds(server, 1 << 16, 4)
                for fd in fds:
                    resource, size = self.awaited.pop(0)
                    self.memory[resource] = mmap.mmap(fd, size)
                if not data:
                    break
                socket.send_fds(client, [data], fds)
                for fd in fds:
                    os.close(fd)
            elif not self.pass_request(client, server):
                break
        client.close()
        server.close()
        for resource, memory in self.memory.items():
            if resource == self.recording.shown:
                self.last = memory[:WIDTH * HEIGHT * 4]

    def pass_request(self, client, server):
        head = client.recv(8, socket.MSG_WAITALL)
        if len(head) < 8:
            return False
        length, kind = struct.unpack("<II", head)
        size = length if kind == NAME else 4 * length
        body = client.recv(size, socket.MSG_WAITALL) if size else b""
        if kind in (UNREF, CREATE, READ, WRITE):
            self.take_down(kind, struct.unpack(f"<{length}I", body))
        elif kind == SUBMIT:
            self.submits += 1
            self.words += length
            self.upload(struct.unpack(f"<{length}I", body))
            self.recording.ask(V_SUBMIT, struct.pack("<II", size, 0) + body, fenced=True)
        server.sendall(head + body)
        return True

    def upload(self, words):
        """What the stream's own transfers are about to read, as it is now."""
        at = 0
        while at < len(words):
            if words[at] & 0xff == TRANSFER3D:
                resource = words[at + 1]
                self.recording.entry(MEMORY, struct.pack("<IIQ", resource, 0, 0) + self.memory[resource][:])
            at += 1 + (words[at] >> 16)

    def take_down(self, kind, words):
        if kind == CREATE:
            self.recording.create(words)
            if words[10]:
                self.awaited.append((words[0], words[10]))
        elif kind == WRITE:
            self.recording.write(words, self.memory[words[0]])
        elif kind == READ:
            self.recording.read(words)
        else:
            self.recording.ask(V_UNREF, struct.pack("<II", words[0], 0))


def used(command, environment, before=None):
    """Microseconds of processor time of COMMAND and all it waits for; BEFORE is called while it runs."""
    process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
    if before:
        before(process)
    text = process.stdout.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise rig.Silent(f"{command[0]}: status {process.returncode}: {text[-300:]}")
    return (usage.ru_utime + usage.ru_stime) * 1e6, text


def serve(cube, frames, folder):
    """(microseconds of the server, the tap) of a client's whole life."""
    place = os.path.join(folder, "server")
    for path in (place, PLACE):
        if os.path.exists(path):
            os.unlink(path)
    tap = Tap(place)

    def draw(process):
        while not os.path.exists(place):
            select.select([], [], [], 0.05)
            if process.poll() is not None:
                raise rig.Silent("virgl_test_server does not start")
        tap.start()
        subprocess.run([cube, str(WIDTH), str(HEIGHT), str(frames)], check=True, timeout=LIMIT,
                       env={**os.environ, **SILENT_SOFTWARE, "GALLIUM_DRIVER": "virpipe"},
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    spent, _ = used(["virgl_test_server", "--no-loop-or-fork", "--use-egl-surfaceless", f"--socket-path={place}"],
                    SILENT_SOFTWARE, draw)
    tap.join()
    return spent, tap


def replay(vmm, path):
    return used([vmm, "gpu", "replay", path], {})


def per_frame(side):
    return (side(LONG) - side(SHORT)) / (LONG - SHORT)


def say_counts(taps, texts):
    """What a frame takes; for a guest each request is one exit at most. The picture itself is copied once by
    both, out of the renderer: by us into the display's memory, by the server into the client's."""
    def of_frame(count):
        return (count(LONG) - count(SHORT)) / (LONG - SHORT)

    def copied(frames):
        return frames * int(re.search(r"(\d+) bytes copied", texts[frames]).group(1))

    def requests(frames):
        return int(re.search(r"requests +(\d+)", texts[frames]).group(1))

    print(f"# a frame: {of_frame(lambda n: taps[n].submits):.1f} command streams of "
          f"{of_frame(lambda n: 4 * taps[n].words):.0f} bytes, {of_frame(requests):.1f} requests, "
          f"{of_frame(copied):.0f} bytes copied (the picture: {WIDTH * HEIGHT * 4})")


def main(vmm, cube):
    if not shutil.which("virgl_test_server"):
        print("virgl-vs-vtest: virgl_test_server (virgl-server) is not installed")
        return
    folder = tempfile.mkdtemp()
    try:
        taps = {}
        for frames in (SHORT, LONG):
            _, taps[frames] = serve(cube, frames, folder)
            with open(f"{folder}/{frames}", "wb") as file:
                file.write(b"".join(taps[frames].recording.parts))
        text = replay(vmm, f"{folder}/{LONG}")[1]
        print("# " + text.strip().replace("\n", "\n# "), flush=True)
        if f"{fnv(taps[LONG].last):016x}" not in text:
            sys.exit("virgl-vs-vtest: the two last pictures are not equal")
        our, peer = rig.pairs(lambda: per_frame(lambda frames: replay(vmm, f"{folder}/{frames}")[0]),
                              lambda: per_frame(lambda frames: serve(cube, frames, folder)[0]))
        rig.say("virgl-vs-vtest", *([1e6 / spent for spent in side] for side in (our, peer)), "frames/s")
        say_counts(taps, {frames: replay(vmm, f"{folder}/{frames}")[1] for frames in taps})
    finally:
        shutil.rmtree(folder)
        if os.path.exists(PLACE):
            os.unlink(PLACE)


if __name__ == "__main__":
    main(*sys.argv[1:])
