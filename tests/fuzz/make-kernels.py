#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""make-kernels.py FOLDER: small kernels in every form that the loader reads, as seeds."""
import bz2
import gzip
import lzma
import os
import struct
import subprocess
import sys

BASE = 0x1000000


def elf():
    code = b"\xf4" * 64
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 2, 62, 1, BASE, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    program = struct.pack("<IIQQQQQQ", 1, 5, 120, BASE, BASE, len(code), 0x3000, 4096)
    return header + program + code


def bzimage(payload):
    setup = bytearray(5 * 512)
    struct.pack_into("<B", setup, 0x1f1, 4)
    struct.pack_into("<H", setup, 0x1fe, 0xaa55)
    setup[0x201] = 0x6a
    setup[0x202:0x206] = b"HdrS"
    struct.pack_into("<H", setup, 0x206, 0x20f)
    setup[0x211] = 1
    struct.pack_into("<I", setup, 0x22c, 0x7fffffff)
    struct.pack_into("<I", setup, 0x230, 0x200000)
    setup[0x234] = 1
    struct.pack_into("<H", setup, 0x236, 1)
    struct.pack_into("<I", setup, 0x238, 2047)
    struct.pack_into("<II", setup, 0x248, 0x20, len(payload))
    struct.pack_into("<Q", setup, 0x258, BASE)
    struct.pack_into("<I", setup, 0x260, 0x10000)
    return bytes(setup) + b"\x90" * 0x20 + payload + b"\x90" * 0x300


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    kernel = elf()
    size = struct.pack("<I", len(kernel))
    tool = lambda *command: subprocess.run(command, input=kernel, stdout=subprocess.PIPE, check=True).stdout
    forms = {
        "elf": kernel,
        "gzip": bzimage(gzip.compress(kernel, mtime=0)),
        "xz": bzimage(lzma.compress(kernel, check=lzma.CHECK_CRC32) + size),
        "lzma": bzimage(lzma.compress(kernel, format=lzma.FORMAT_ALONE) + size),
        "zstd": bzimage(tool("zstd", "-19") + size),
        "lz4": bzimage(tool("lz4", "-l", "-9") + size),
        "bzip2": bzimage(bz2.compress(kernel) + size),
        "unknown": bzimage(b"unknown compression" + size),
    }
    for name, data in forms.items():
        with open(os.path.join(folder, name), "wb") as file:
            file.write(data)


main()
