#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: framepath.py VMM GUEST DRAW-FRAMES      from a guest's flush to a display client, against QEMU

Two machines at once, the same kernel and the same program that draws through KMS: ours, and QEMU 7.2 with
virtio-gpu and -display dbus. Each has a Display1 client, which counts damage. In turn, each draws some
frames: the processor time that the monitor takes for a frame, all its threads but the guest's processor,
and the bytes that the client gets by message. Counts under instruction counting, where time is a number of
instructions.

Then keys: from the client's call until it was told of the damage that the guest's program answered with:
how often a thread of the monitor had to wake up for it, each of them, and how long that took; then of ours
once more while the devices are traced, where that time went (hops.py).
"""
import os
import select
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "guest"))

import block
import counts
import display1
import hops
import listener
import rig
from gi.repository import Gio, GLib

LIMIT = 500
WIDTH, HEIGHT = 800, 600
SHAPES = {"framepath-vs-qemu-dbus": (WIDTH, HEIGHT, 20), "framepath-small-vs-qemu-dbus": (64, 32, 60)}
SETTLE_SECONDS = 1
KEYS = 20
KEY_PAUSE_SECONDS = 0.1
QNUM_A = 0x1e
# A frame moves once from the guest into the picture that the client sees or that is sent; what is sent is
# copied into the message, into the socket and out of it.
MESSAGE_COPIES = 3


class Client(listener.Listener):
    """Counts damaged pixels and bytes in messages, without looking at them."""

    def __init__(self, machine):
        self.machine = machine  # its listeners end with its connection
        self.frames = 0
        self.pixels_damaged = 0
        self.bytes = 0
        super().__init__(machine)

    def called(self, _connection, _sender, _path, _interface, method, arguments, invocation):
        with self.lock:
            if method in ("Update", "UpdateMap"):
                self.frames += 1
                self.pixels_damaged += (arguments.get_child_value(2).get_int32() *
                                        arguments.get_child_value(3).get_int32())
            elif method == "Scanout":  # QEMU's word for a frame that is damaged as a whole
                self.frames += 1
                self.pixels_damaged += (arguments.get_child_value(0).get_uint32() *
                                        arguments.get_child_value(1).get_uint32())
            if method in ("Update", "Scanout"):
                self.bytes += arguments.get_size()
            self.lock.notify_all()
        invocation.return_value(None)


class Side:
    """One machine, its client, and what its processes have used."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT)
        self.said = b""
        self.client = None

    def wait_for(self, needle, limit=LIMIT):
        end = time.monotonic() + limit
        while needle not in self.said:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                raise rig.Silent(f"no {needle!r}: {self.said[-300:]!r}")
            piece = os.read(self.process.stdout.fileno(), 65536)
            if not piece:
                raise rig.Silent(f"ended without {needle!r}: {self.said[-300:]!r}")
            self.said += piece

    def threads(self):
        """(process, thread, whether it is the guest's processor) of all."""
        for pid in counts.children_of(self.process.pid):
            with open(f"/proc/{pid}/comm", encoding="ascii") as file:
                is_machine = file.read().strip() == "vmm-machine"
            for thread in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{thread}/comm", encoding="ascii") as file:
                    yield pid, thread, file.read().startswith("CPU ") or (is_machine and thread != str(pid))

    def used(self):
        """Nanoseconds of processor time of all threads but the guest's processor."""
        total = 0
        for pid, thread, is_processor in self.threads():
            if not is_processor:
                with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as file:
                    total += int(file.read().split()[0])
        return total

    def measure(self, width, height, frames):
        """(microseconds, bytes copied for each damaged pixel) of a frame."""
        self.said = b""
        before = self.used(), self.client.frames, self.client.pixels_damaged, self.client.bytes
        self.process.stdin.write(f"{width} {height} {frames}\n".encode())
        self.process.stdin.flush()
        self.wait_for(b"FRAMES done")
        time.sleep(SETTLE_SECONDS)
        seen = self.client.frames - before[1]
        pixels = self.client.pixels_damaged - before[2]
        if seen < frames or pixels != width * height * seen:
            raise rig.Silent(f"{seen} frames of {pixels} pixels came of {frames}")
        copied = 4 + MESSAGE_COPIES * (self.client.bytes - before[3]) / pixels
        return (self.used() - before[0]) / 1000 / frames, copied

    def wakes(self):
        """How often each thread but the guest's processor went to sleep by itself."""
        count = {}
        for pid, thread, is_processor in self.threads():
            with open(f"/proc/{pid}/task/{thread}/status", encoding="ascii") as file:
                said = file.read()
            name = said.split("Name:", 1)[1].split()[0]
            if not is_processor:
                key = (name, thread)
                count[key] = int(said.split("\nvoluntary_ctxt_switches:", 1)[1].split()[0])
        return count

    def press(self, what):
        self.client.machine.call(f"{display1.DISPLAY1}/Console_0", "org.qemu.Display1.Keyboard", what,
                                 GLib.Variant("(u)", (QNUM_A,)))

    def type_keys(self, trace=None):
        """(microseconds, wake-ups by thread) from a key to its pixels, the median and the means. TRACE is told
        of each."""
        self.said = b""
        self.process.stdin.write(f"keys {KEYS}\n".encode())
        self.process.stdin.flush()
        self.wait_for(b"KEYS ready")
        spans, woken = [], {}
        for _ in range(KEYS):
            time.sleep(KEY_PAUSE_SECONDS)  # the key before is up
            seen, before, start = self.client.frames, self.wakes(), time.monotonic_ns()
            self.press("Press")
            with self.client.lock:
                if not self.client.lock.wait_for(lambda seen=seen: self.client.frames > seen, LIMIT):
                    raise rig.Silent("a key showed no pixel")
            end = time.monotonic_ns()
            spans.append((end - start) / 1000)
            if trace:
                trace.take(start, end)
            time.sleep(KEY_PAUSE_SECONDS)
            for key, count in self.wakes().items():
                woken[key[0]] = woken.get(key[0], 0) + count - before.get(key, 0)
            self.press("Release")
        self.wait_for(b"FRAMES done")
        return statistics.median(spans), {name: count / KEYS for name, count in woken.items() if count >= KEYS / 4}

    def end(self):
        self.process.kill()
        self.process.wait()


def start_ours(vmm, guest, command, disk):
    name = f"bench-{os.getpid()}"
    words = rig.ours(vmm, guest, command, "--gpu", f"backend=2d,width={WIDTH},height={HEIGHT}",
                     "--block", f"path={disk},ro")
    words[words.index("--serial") + 1] += ",stdin=true"
    side = Side(words)
    side.wait_for(b"FRAMES ready")
    runtime = os.environ["XDG_RUNTIME_DIR"]
    side.client = Client(display1.Machine(f"{runtime}/vitrine/{name}/control", 60))
    return side


def qmp(connection, command):
    """Sends one command, with the descriptor of a tuple's second; skips what is not its answer."""
    text, fd = command
    socket.send_fds(connection, [text.encode()], [fd] if fd is not None else [])
    answer = b""
    while b'"return"' not in answer:
        answer += connection.recv(65536)
        if b'"error"' in answer:
            raise rig.Silent(f"QEMU: {answer!r}")


def peer_machine(path):
    """The client of a `-display dbus,p2p=yes`: a socket that QMP hands over."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        connection.recv(65536)
        ours, theirs = socket.socketpair()
        with theirs:
            qmp(connection, ('{"execute":"qmp_capabilities"}', None))
            qmp(connection, ('{"execute":"getfd","arguments":{"fdname":"client"}}', theirs.fileno()))
            qmp(connection, ('{"execute":"add_client","arguments":'
                             '{"protocol":"@dbus-display","fdname":"client"}}', None))
    machine = display1.Machine.__new__(display1.Machine)
    stream = Gio.Socket.new_from_fd(ours.detach()).connection_factory_create_connection()
    machine.connection = Gio.DBusConnection.new_sync(
        stream, None, Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT, None, None)
    return machine


def start_peer(guest, command, disk, folder):
    path = os.path.join(folder, "qmp")
    side = Side([*rig.q35(guest, command, kernel="vmlinux", display="dbus,p2p=yes"), "-name", "q,debug-threads=on",
                 "-device", f"virtio-gpu-pci,xres={WIDTH},yres={HEIGHT}", "-qmp", f"unix:{path},server=on,wait=off",
                 "-device", "virtio-keyboard-pci",
                 "-drive", f"file={disk},if=virtio,format=raw,readonly=on"])
    side.wait_for(b"FRAMES ready")
    side.client = Client(peer_machine(path))
    return side


def say_keys(sides):
    """The keys' lines: two rounds, the first to warm up."""
    for side in sides:
        side.type_keys()
    (our, our_woken), (peer, peer_woken) = (side.type_keys() for side in sides)
    rig.say("keystroke-to-pixel-hops", [sum(our_woken.values())], [sum(peer_woken.values())], "wake-ups", exact=True)
    for name, woken in (("ours", our_woken), ("peer", peer_woken)):
        print(f"# {name}: " + ", ".join(f"{thread} {count:.1f}" for thread, count in sorted(woken.items())))
    rig.say("keystroke-to-pixel", [our], [peer], "us")
    say_hops(sides[0])


def say_hops(side):
    """Where the time of a key goes, of ours."""
    trace = hops.Trace(side.client.machine)
    total, _ = side.type_keys(trace)
    for name, spans in trace.spans.items():
        print(f"keystroke-hop-{name} {statistics.median(spans):.4g} us of {total:.4g}, {len(spans)} keys", flush=True)


def main(vmm, guest, program):
    if not shutil.which("qemu-system-x86_64") or not os.path.exists("/usr/lib/x86_64-linux-gnu/qemu/ui-dbus.so"):
        print("framepath-vs-qemu-dbus: QEMU with -display dbus (qemu-system-gui) is not installed")
        return
    folder = tempfile.mkdtemp()
    prefix, _, _ = rig.in_memory(folder, vmm.removesuffix("/bin/vmm"), f"{guest}/vmlinux", f"{guest}/initrd")
    disk = os.path.join(folder, "program")
    block.disk_of(program, disk)
    command = "cat /dev/vda >/tmp/draw; chmod +x /tmp/draw; /tmp/draw"
    sides = []
    try:
        sides.append(start_ours(f"{prefix}/bin/vmm", folder, command, disk))
        sides.append(start_peer(folder, command, disk, folder))
        for name, shape in SHAPES.items():
            our, peer = rig.pairs(*(lambda side=side: side.measure(*shape) for side in sides))
            rig.say(name, [used for used, _ in our], [used for used, _ in peer], "us/frame")
            rig.say(name.replace("vs-qemu-dbus", "copied"), [statistics.median(copied for _, copied in our)],
                    [statistics.median(copied for _, copied in peer)], "bytes/pixel", exact=True)
        say_keys(sides)
    finally:
        for side in sides:
            side.end()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
