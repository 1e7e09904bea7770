#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-packed-kernels.py VMM-LOADER DUT: a stock kernel in every packing there is, in the jailed loader.

Debian's bzImage is taken apart and its kernel packed anew by the programs that kernels are built with;
what lands in guest memory must be the same as from the vmlinux. Truncated and lying images are refused
with one sentence. TAP on standard output.
"""
import bz2
import gzip
import lzma
import mmap
import os
import resource
import struct
import subprocess
import sys
import tempfile
import time

import supervisor

MEMORY = 256 << 20
KERNEL_PACKAGE = 'linux-image-amd64'


class Memory:
    """What supervisor.load() needs of a machine."""

    def __init__(self, size=MEMORY):
        self.ram_size = size
        self.ram_fd = supervisor.memory_file(size)
        self.ram = mmap.mmap(self.ram_fd, size)

    def close(self):
        self.ram.close()
        os.close(self.ram_fd)


def by_program(*command):
    return lambda data: subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True).stdout


# What the kernel's scripts/Makefile.lib runs, at the levels that take little time. All but gzip, which
# has it already, get the unpacked size behind them.
PACKINGS = {
    'gzip': lambda data: gzip.compress(data, 1, mtime=0)[:-4],
    'xz': lambda data: lzma.compress(data, check=lzma.CHECK_CRC32, preset=0),
    'zstd': by_program('zstd', '-1', '-q', '-c'),
    'lz4': by_program('lz4', '-l', '-1', '-q', '-c', '-', '-'),
    'bzip2': lambda data: bz2.compress(data, 1),
    'lzma': lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE, preset=0),
}


def repack(image, payload):
    """The bzImage IMAGE with another payload, and nothing behind it."""
    setup = bytearray(image[:(image[0x1f1] + 1) * 512])
    offset = struct.unpack_from('<I', setup, 0x248)[0]
    struct.pack_into('<I', setup, 0x24c, len(payload))
    return bytes(setup) + image[len(setup):len(setup) + offset] + payload


class Fixture:
    def __init__(self, loader, dut):
        kernel = ('--kernel', KERNEL_PACKAGE)
        self.loader = loader
        file = lambda what: subprocess.run([dut, 'file', *kernel, what], check=True, text=True,
                                           stdout=subprocess.PIPE).stdout.strip()
        self.vmlinux = file('vmlinux')
        with open(file('vmlinuz'), 'rb') as image:
            self.image = image.read()
        with open(self.vmlinux, 'rb') as elf:
            self.elf = elf.read()
        self.folder = tempfile.TemporaryDirectory()
        self.packed = {}
        self.wanted = Memory()
        self.entry = supervisor.load(loader, self.wanted, self.vmlinux, None, 'quiet')

    def close(self):
        self.wanted.close()
        self.folder.cleanup()

    def load(self, image, memory):
        """(entry, boot parameters); RuntimeError with the loader's sentence."""
        path = os.path.join(self.folder.name, 'bzImage')
        with open(path, 'wb') as file:
            file.write(image)
        return supervisor.load(self.loader, memory, path, None, 'quiet')

    def refusal(self, image, memory=None):
        own = memory or Memory()
        try:
            self.load(image, own)
        except RuntimeError as error:
            return str(error).removeprefix('vmm-loader: ')
        finally:
            own.close()
        return 'accepted'


def is_one_sentence(text):
    return 20 < len(text) < 250 and text.endswith('.') and '. ' not in text


def check_packing(fixture, name):
    packed = PACKINGS[name](fixture.elf) + struct.pack('<I', len(fixture.elf))
    image = repack(fixture.image, packed)
    memory = Memory()
    start = time.monotonic()
    entry = fixture.load(image, memory)
    print('# %s: %.1f MiB, loaded in %.2f s' % (name, len(packed) / 2**20, time.monotonic() - start))
    assert entry == fixture.entry, (entry, fixture.entry)
    # The zero page holds the image's own header.
    assert memory.ram[0x8000:] == fixture.wanted.ram[0x8000:], 'other bytes than from the vmlinux'
    memory.close()
    length = len(packed)
    for cut in (1, length // 3, length - 40):
        said = fixture.refusal(image[:-cut])
        assert 'incomplete' in said and is_one_sentence(said), said
        # The header tells the shorter length, the last bytes tell the old size.
        said = fixture.refusal(repack(fixture.image, packed[:-4 - cut] + packed[-4:]))
        assert 'damaged' in said and is_one_sentence(said), said
    for size in (len(fixture.elf) - 1, len(fixture.elf) + 1, 1 << 30, 0):
        said = fixture.refusal(repack(fixture.image, packed[:-4] + struct.pack('<I', size)))
        assert 'damaged' in said and is_one_sentence(said), (size, said)


def check_bomb(fixture, name):
    """A gigabyte of zeros, in the form of a kernel and not: the answer is a sentence, and soon."""
    zeros = bytes((1 << 30) - len(fixture.elf[:64]))
    packed = PACKINGS[name](fixture.elf[:64] + zeros)
    del zeros
    for size, wanted in ((1 << 30, 'not a Linux kernel'), (64 << 20, 'damaged'), ((1 << 30) + 1, 'unpacked'),
                         (0xffffffff, 'unpacked')):
        start = resource.getrusage(resource.RUSAGE_CHILDREN)
        said = fixture.refusal(repack(fixture.image, packed + struct.pack('<I', size)))
        end = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime
        print('# %s bomb of %d KiB that tells %d: %.1f s: %s' % (name, len(packed) >> 10, size, seconds, said))
        assert wanted in said and is_one_sentence(said), said
        assert seconds < 30, seconds


def main():
    loader, dut = (os.path.abspath(argument) for argument in sys.argv[1:])
    try:
        fixture = Fixture(loader, dut)
    except subprocess.CalledProcessError:
        print('1..1\nnot ok 1 - the kernel could not be fetched')
        return 1
    cases = [(check_packing, name) for name in PACKINGS] + [(check_bomb, 'gzip'), (check_bomb, 'zstd')]
    print('1..%d' % len(cases))
    failed = 0
    for number, (case, name) in enumerate(cases, 1):
        try:
            case(fixture, name)
            print('ok %d - %s %s' % (number, case.__name__, name), flush=True)
        except (AssertionError, OSError, RuntimeError) as error:
            failed += 1
            print('# %s\nnot ok %d - %s %s' % (error, number, case.__name__, name), flush=True)
    fixture.close()
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
