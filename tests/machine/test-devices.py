#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A stock Debian kernel uses vmm-rng, vmm-block and vmm-console in the real vmm-machine.

test-devices.py DUT VMM-MACHINE VMM-LOADER VMM-RNG VMM-BLOCK VMM-CONSOLE [CASE...]
builds the guest and runs itself with --inside in the test machine, because a kernel needs a KVM that works.
"""

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import supervisor

HERE = os.path.dirname(os.path.abspath(__file__))
KERNEL_PACKAGE = 'linux-image-amd64'
MODULES = ['virtio_ring', 'virtio', 'virtio_pci_modern_dev', 'virtio_pci_legacy_dev', 'virtio_pci',
           'virtio-rng', 'virtio_blk', 'virtio_console']
DISK_SECTORS = 16384
CASES = ['msix', 'pins', 'qemu-storage-daemon']


def make_initrd(modules, output):
    found = {}
    for folder, _, names in os.walk(modules):
        found.update((name.split('.')[0], os.path.join(folder, name)) for name in names if '.ko' in name)
    with tempfile.TemporaryDirectory() as root:
        for name in ['bin', 'proc', 'sys', 'dev', 'modules', 'tmp']:
            os.mkdir(os.path.join(root, name))
        shutil.copy(shutil.which('busybox'), os.path.join(root, 'bin/busybox'))
        shutil.copy(os.path.join(HERE, 'devices-init'), os.path.join(root, 'init'))
        os.chmod(os.path.join(root, 'init'), 0o755)
        for number, name in enumerate(MODULES):
            shutil.copy(found[name], os.path.join(root, 'modules/%02d-%s.ko' % (number, name)))
        with open(output, 'wb') as file:
            subprocess.run('find . | busybox cpio -o -H newc', shell=True, cwd=root, stdout=file,
                           stderr=subprocess.DEVNULL, check=True)


def outside(dut, programs, cases):
    def dut_file(what):
        return subprocess.run([dut, 'file', '--kernel', KERNEL_PACKAGE, what], capture_output=True, text=True,
                              check=True).stdout.strip()

    with tempfile.TemporaryDirectory(dir=os.getcwd()) as folder:
        initrd = os.path.join(folder, 'initrd')
        make_initrd(dut_file('modules'), initrd)
        return subprocess.run([dut, 'run', '--retry', '--kernel', KERNEL_PACKAGE, '--timeout', '280', '--no-stdin', '--',
                               sys.executable, os.path.abspath(__file__), '--inside', dut_file('vmlinux'), initrd] +
                              [os.path.abspath(p) for p in programs] + cases).returncode


class Guest:
    """One boot; `found` holds the guest's lines by their first word."""

    def __init__(self, kernel, initrd, programs, case):
        machine, loader, rng, block, console = programs
        self.folder = tempfile.TemporaryDirectory()
        self.disk = os.path.join(self.folder.name, 'disk')
        with open(self.disk, 'wb') as file:
            file.write(os.urandom(DISK_SECTORS * 512))
        with open(self.disk, 'rb') as file:
            self.sum = hashlib.md5(file.read(4 << 20)).hexdigest()
        self.machine = supervisor.Machine(machine, memory=256 << 20)
        self.rng = self.machine.add_device(rng, 'rng')
        if case == 'qemu-storage-daemon':
            self.add_qemu()
        else:
            self.machine.add_device(block, 'block', self.disk)
        self.console, theirs = socket.socketpair()
        self.machine.add_device(console, 'console', theirs)
        theirs.close()
        # noearly: a look at 256 buses for bridges of old AMD processors, 34,000 exits
        words = 'console=ttyS0 quiet reboot=k panic=-1 pci=noearly' + (',nomsi' if case == 'pins' else '')
        self.entry = supervisor.load(loader, self.machine, kernel, initrd, words)
        self.typed = self.killed = False

    def add_qemu(self):
        path = os.path.join(self.folder.name, 'vhost')
        self.qemu = subprocess.Popen(
            ['qemu-storage-daemon', '--blockdev', 'driver=file,node-name=file,filename=' + self.disk,
             '--blockdev', 'driver=raw,node-name=raw,file=file', '--export',
             'type=vhost-user-blk,id=export,node-name=raw,writable=on,num-queues=2,addr.type=unix,addr.path=' + path])
        vhost = socket.socket(socket.AF_UNIX)
        for _ in range(100):
            try:
                vhost.connect(path)
                break
            except OSError:
                time.sleep(0.1)
        self.machine.add_back_end('user-0', 'block', vhost)

    def act(self, _):
        if not self.typed and b'CONSOLE-READY' in self.machine.output:
            self.typed = True
            self.console.send(b'typed by the host\n')
        if not self.killed and b'KILL-NOW' in self.machine.output:
            self.killed = True
            os.kill(self.rng.pid, signal.SIGKILL)

    def run(self):
        self.machine.boot(*self.entry)
        self.ended = self.machine.pump(90, self.act)
        lines = self.machine.output.decode(errors='replace').replace('\r', '').split('\n')
        self.found = {}
        for line in lines:
            self.found.setdefault(line.split(' ')[0], []).append(line)
        return lines

    def checks(self, case):
        pins = case == 'pins'
        with open(self.disk, 'rb') as file:
            file.seek((DISK_SECTORS - 1) * 512)
            tail = file.read(512)
        self.console.setblocking(False)
        heard = self.console.recv(4096)
        interrupts = self.found.get('INTERRUPTS', [''])[0]
        yield 'it ends by switching itself off', self.ended and self.machine.ended.reason == 'poweroff'
        yield 'vmm-rng gives bytes', self.found.get('RNG') == ['RNG 2048']
        yield 'the disk has its size and contents', self.found.get('DISK') == ['DISK %d %s' % (DISK_SECTORS, self.sum)]
        yield 'what it writes is on the disk', tail.rstrip(b'\0') == b'written by the guest'
        yield 'the console speaks', b'hello from the guest' in heard
        yield 'the console hears', self.found.get('CONSOLE') == ['CONSOLE typed by the host']
        yield 'interrupts are ' + ('pins' if pins else 'messages'), (' msi=0 ' in interrupts) == pins and \
            ('pins=0' in interrupts) != pins
        yield 'resets under load lose nothing', self.found.get('AGAIN') == \
            ['AGAIN %d %s 128' % (i, self.sum) for i in (1, 2, 3)]
        yield 'the disk comes back after a rescan', self.found.get('RESCAN') == ['RESCAN ' + self.sum]
        yield 'the kernel has no complaint', 'KERNEL' not in self.found
        yield 'a killed back end is reported', self.machine.lost == \
            [('rng-0', 'The device rng-0 has ended unexpectedly.')]
        yield 'the guest lives on', self.found.get('ALIVE') == ['ALIVE ' + self.sum]

    def close(self):
        self.machine.close()
        if hasattr(self, 'qemu'):
            self.qemu.kill()
            self.qemu.wait()
        self.folder.cleanup()


def inside(kernel, initrd, *rest):
    programs, cases = rest[:5], rest[5:] or CASES
    number = failed = 0
    for case in cases:
        if case == 'qemu-storage-daemon' and not shutil.which(case):
            number += 1
            print('ok %d - %s # SKIP not installed' % (number, case))
            continue
        guest = Guest(kernel, initrd, programs, case)
        try:
            lines = guest.run()
            if not guest.ended and not guest.killed:  # it hangs: one more try
                print('# retried %s: %s' % (case, ' | '.join(lines[-4:])), flush=True)
                guest.close()
                guest = Guest(kernel, initrd, programs, case)
                lines = guest.run()
            bad = 0
            for name, ok in guest.checks(case):
                number += 1
                bad += not ok
                print('%sok %d - %s: %s' % ('' if ok else 'not ', number, case, name), flush=True)
            if bad:
                print('\n'.join('# ' + line for line in lines[-60:]), guest.machine.lost)
            failed += bad
        finally:
            guest.close()
    print('1..%d' % number)
    return 1 if failed else 0


if __name__ == '__main__':
    if sys.argv[1] == '--inside':
        sys.exit(inside(*sys.argv[2:]))
    sys.exit(outside(sys.argv[1], sys.argv[2:7], sys.argv[7:]))
