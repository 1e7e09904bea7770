# SPDX-License-Identifier: LGPL-2.1-or-later
"""A small supervisor for tests: speaks vmm/protocol/{start,machine,loader}.h with the real programs."""

import fcntl
import mmap
import os
import select
import socket
import struct
import time

SETUP, READY, FAILED = 1, 2, 3
ADD_DEVICE, BOOT, POWER_BUTTON, PAUSE, RESUME, STOP = range(16, 22)
DEVICE_ADDED, DEVICE_FAILED, RUNNING, PAUSED, RESUMED, ENDED = range(64, 70)
LOADER_DONE = 64
REASONS = ['poweroff', 'stopped', 'reset', 'panic', 'failed', 'watchdog']
FLAG_NO_NAMESPACES, FLAG_NO_JAIL = 1, 2
INPUT_POINTER = 2
# A sanitizer does calls that a jail has no place for.
FLAGS = FLAG_NO_JAIL if 'VITRINE_TEST_NO_JAIL' in os.environ else FLAG_NO_NAMESPACES

HEADER = struct.Struct('=II')
START = struct.Struct('=IIIIii32s')
MACHINE_SETUP = struct.Struct('=56sIIQii4ii4x')
LOADER_SETUP = struct.Struct('=56sQiiiiiI2048s256s256s')
MACHINE_BOOT = struct.Struct('=IIQQII')
ADD_DEVICE_MESSAGE = struct.Struct('=II32sIIII16H')
DEVICE_SETUP = struct.Struct('=56si')
BLOCK_SETUP = struct.Struct('=56siiIII4x768xQI20si4x')
CONSOLE_SETUP = struct.Struct('=56sii')
INPUT_SETUP = struct.Struct('=56siiI')
GPU_SETUP = struct.Struct('=56siiiI64IQIIIIiiiiiIIiII')
VIRTIO = {  # name: virtio id, PCI class, queue sizes
    'block': (2, 0x018000, [256]),
    'console': (3, 0x078000, [256, 256]),
    'rng': (4, 0x00ff00, [64]),
    'gpu': (16, 0x038000, [256, 16]),
    'input': (18, 0x098000, [64, 64]),
}
# As in tests/device: what a sanitizer calls is in no list.
JAIL = FLAG_NO_JAIL if os.environ.get('VITRINE_TEST_NO_JAIL') else FLAG_NO_NAMESPACES
F_ADD_SEALS, SEALS = 1033, 1 | 2 | 4  # SEAL, SHRINK, GROW


def memory_file(size):
    fd = os.memfd_create('guest-ram', os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, size)
    fcntl.fcntl(fd, F_ADD_SEALS, SEALS)
    return fd


def text(data):
    return data.split(b'\0', 1)[0].decode()


class Child:
    """A process with the descriptors of its row from 4 on; they stay the caller's."""

    def __init__(self, program, fds, log=2):
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        null = os.open('/dev/null', os.O_RDWR)
        plan = [null, null, log, theirs.fileno()] + fds
        self.pid = os.fork()
        if self.pid == 0:
            try:
                high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 100) for fd in plan]
                for number, fd in enumerate(high):
                    os.dup2(fd, number, inheritable=True)
                os.execv(program, [program])
            finally:
                os._exit(127)
        theirs.close()
        os.close(null)

    def send(self, message, fds=()):
        if fds:
            socket.send_fds(self.control, [message], list(fds))
        else:
            self.control.send(message)

    def send_type(self, kind):
        self.send(HEADER.pack(kind, HEADER.size))

    def receive(self, timeout=10):
        self.control.settimeout(timeout)
        data = self.control.recv(8192)
        if not data:
            return 0, b''
        kind, size = HEADER.unpack_from(data)
        assert size == len(data), 'a message with a wrong size'
        return kind, data

    def wait(self):
        if self.pid:
            _, status = os.waitpid(self.pid, 0)
            self.pid = 0
            return os.waitstatus_to_exitcode(status)
        return 0

    def kill(self):
        if self.pid:
            os.kill(self.pid, 9)
            self.wait()
        self.control.close()


def start_block(size, name, level, flags):
    return START.pack(SETUP, size, flags, level, -1, 0, name.encode())


class Ended:
    def __init__(self, data):
        reason, ident, sentence = struct.unpack_from('=I32s512s', data, HEADER.size)
        self.reason = REASONS[reason]
        self.id = text(ident)
        self.sentence = text(sentence)

    def __str__(self):
        return ' '.join(filter(None, [self.reason, self.id, self.sentence]))


class Machine:
    """One vmm-machine: made, jailed and waiting for its devices after the constructor."""

    def __init__(self, program, memory=64 << 20, cpus=1, serials=1, level=4, flags=FLAGS, log=2):
        self.ram_size = memory
        self.ram_fd = memory_file(memory)
        self.ram = mmap.mmap(self.ram_fd, memory)
        self.serial = []
        self.devices = []
        self.output = b''
        self.ended = None
        self.lost = []  # (device, sentence) of back ends that went away
        pairs = [socket.socketpair() for _ in range(serials)]
        kvm = os.open('/dev/kvm', os.O_RDWR)
        self.child = Child(program, [kvm, self.ram_fd] + [p[1].fileno() for p in pairs], log)
        os.close(kvm)
        for ours, theirs in pairs:
            theirs.close()
            ours.setblocking(False)
            self.serial.append(ours)
        numbers = [6 + i for i in range(serials)] + [-1] * (4 - serials)
        self.child.send(MACHINE_SETUP.pack(start_block(MACHINE_SETUP.size, 'machine', level, flags),
                                           cpus, serials, memory, 4, 5, *numbers, -1))
        kind, data = self.child.receive()
        if kind != READY:
            self.close()
            raise RuntimeError('vmm-machine did not start: ' + (text(data[40:]) or str(kind)))

    def add_device(self, program, kind, argument=None, level=4):
        """Start the device's process and put it on the bus. `argument`: a disk's path, a socket."""
        ours, theirs = socket.socketpair()
        name = '%s-%d' % (kind, len(self.devices))
        fds = [theirs.fileno()]
        if kind == 'block':
            fds.append(os.open(argument, os.O_RDWR))
        elif kind in ('console', 'gpu', 'input'):
            fds.append(argument.fileno())
        device = Child(program, fds)
        self.devices.append(device)
        theirs.close()
        if kind == 'block':
            os.close(fds[1])
            size = os.stat(argument).st_size
            start = start_block(BLOCK_SETUP.size, name, level, FLAGS)
            device.send(BLOCK_SETUP.pack(start, 4, 5, 0, 0, 0, size, 512, b'test-disk', -1))
        elif kind == 'console':
            device.send(CONSOLE_SETUP.pack(
                start_block(CONSOLE_SETUP.size, name, level, FLAGS), 4, 5))
        elif kind == 'input':
            device.send(INPUT_SETUP.pack(
                start_block(INPUT_SETUP.size, name, level, FLAGS), 4, 5, INPUT_POINTER))
        elif kind == 'gpu':  # 2D, one display
            screens = [1280, 800, 0, 0] + [0] * 60
            device.send(GPU_SETUP.pack(
                start_block(GPU_SETUP.size, name, level, FLAGS), 4, 5, -1, 1, *screens, 64 << 20,
                1, 0, 0, 1, -1, -1, -1, -1, -1, 0, 0, -1, 0, 0))
        else:
            device.send(DEVICE_SETUP.pack(
                start_block(DEVICE_SETUP.size, name, level, FLAGS), 4))
        reply, data = device.receive()
        if reply != READY:
            raise RuntimeError('%s did not start: %s' % (name, text(data[40:])))
        self.add_back_end(name, kind, ours)
        return device

    def add_back_end(self, name, kind, vhost):
        """Put what is behind the connected socket `vhost` (closed here) on the bus."""
        ident, pci_class, sizes = VIRTIO[kind]
        self.child.send(ADD_DEVICE_MESSAGE.pack(
            ADD_DEVICE, ADD_DEVICE_MESSAGE.size, name.encode(), ident, pci_class, len(sizes), 0,
            *(sizes + [sizes[-1]] * (16 - len(sizes)))), [vhost.fileno()])
        vhost.close()
        reply, data = self.child.receive()
        if reply != DEVICE_ADDED:
            raise RuntimeError('%s was not added: %s' % (name, text(data[40:])))

    def boot(self, entry, boot_params=0):
        self.child.send(MACHINE_BOOT.pack(BOOT, MACHINE_BOOT.size, entry, boot_params, 0, 0))
        return self.expect(RUNNING)

    def expect(self, wanted, timeout=10):
        kind, data = self.child.receive(timeout)
        if kind == ENDED:
            self.ended = Ended(data)
        return kind == wanted

    def pump(self, seconds, on_output=None):
        """Collect output of the first serial port until the machine ends or the time is over."""
        limit = time.monotonic() + seconds
        sources = [self.child.control] + self.serial[:1]
        while not self.ended:
            left = limit - time.monotonic()
            if left <= 0:
                return False
            ready, _, _ = select.select(sources, [], [], left)
            self.read_serial(on_output)
            if self.child.control in ready:
                kind, data = self.child.receive()
                if kind == ENDED:
                    self.ended = Ended(data)
                elif kind == DEVICE_FAILED:
                    self.lost.append(tuple(map(text, struct.unpack_from('=32s512s', data, HEADER.size))))
                elif kind == 0:
                    raise RuntimeError('vmm-machine is gone: status %d' % self.child.wait())
        self.read_serial(on_output)
        return True

    def read_serial(self, on_output=None):
        while self.serial:
            try:
                data = self.serial[0].recv(65536)
            except BlockingIOError:
                return
            if not data:
                return
            self.output += data
            if on_output:
                on_output(data)

    def close(self):
        self.child.kill()
        for device in self.devices:
            device.kill()
        for serial in self.serial:
            serial.close()
        os.close(self.ram_fd)


def load(program, machine, kernel, initrd, command_line, level=4):
    """Run vmm-loader on the machine's memory; (entry, boot_params)."""
    fds = [machine.ram_fd, os.open(kernel, os.O_RDONLY)]
    if initrd:
        fds.append(os.open(initrd, os.O_RDONLY))
    child = Child(program, fds)
    for fd in fds[1:]:
        os.close(fd)
    start = start_block(LOADER_SETUP.size, 'loader', level, FLAGS)
    child.send(LOADER_SETUP.pack(start, machine.ram_size, 4, 5, 6 if initrd else -1, -1, -1, 0,
                                 command_line.encode(), kernel.encode()[-255:],
                                 (initrd or '').encode()[-255:]))
    try:
        kind, data = child.receive(30)
        if kind == READY:
            kind, data = child.receive(60)
        if kind != LOADER_DONE:
            raise RuntimeError('vmm-loader: ' + text(data[40:]))
        return struct.unpack_from('=QQ', data, HEADER.size)
    finally:
        child.kill()
