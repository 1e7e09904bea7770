# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kernels that are kept unpacked: what is kept, what is used, and what a kernel or a person can do to it."""
import gzip
import hashlib
import os
import pathlib
import struct
import sys

import harness
from harness import check, elf, expect

MAGIC = b'VTRKRNL2'
ENTRIES_MAX = 4


def bzimage(kernel, note=b''):
    """The boot protocol's header, as far as the loader reads it, and a packed kernel. NOTE makes it another."""
    packed = gzip.compress(kernel, mtime=0)
    setup = bytearray(5 * 512)
    for offset, form, value in ((0x1f1, '<B', 4), (0x1fe, '<H', 0xaa55), (0x200, '<H', 0x6aeb),
                                (0x202, '<I', 0x53726448), (0x206, '<H', 0x20f), (0x211, '<B', 1),
                                (0x22c, '<I', 0x7fffffff), (0x238, '<I', 2047), (0x248, '<I', 64),
                                (0x24c, '<I', len(packed))):
        struct.pack_into(form, setup, offset, value)
    return bytes(setup) + note.ljust(64, b'\x90') + packed


def sum_of(kernel):
    """As vmm/loader/store.c has it, for less than one of its chunks."""
    factor, mask = 0x9e3779b97f4a7c15, (1 << 64) - 1
    lanes = [0] * 4
    check(len(kernel) < 256 << 10, 'more than a chunk')
    words = struct.unpack(f'<{len(kernel) // 32 * 4 + 4}Q', kernel + bytes(32 - len(kernel) % 32))
    for at, word in enumerate(words):
        mixed = lanes[at % 4] ^ word
        lanes[at % 4] = (mixed << 27 | mixed >> 37) * factor & mask
    whole = 0
    for lane in lanes:
        whole = (whole ^ lane) * factor & mask
        whole ^= whole >> 32
    return whole & 0xffffffff


def entry(kernel):
    return kernel + MAGIC + struct.pack('<QII', len(kernel), sum_of(kernel), 0)


def folder(world):
    return world.root / 'cache/vitrine/kernels'


def entries(world):
    return sorted(os.listdir(folder(world))) if folder(world).is_dir() else []


def boot(world, image, *more):
    return world.run('run', world.file('bzImage', image), '--name', 'k', *more)


def name_of(image):
    return hashlib.sha256(image).hexdigest()


def kept_and_used(world):
    kernel = (world.files / 'off').read_bytes()
    image = bzimage(kernel)
    expect(boot(world, image), 0)
    check(entries(world) == [name_of(image)], str(entries(world)))
    path = folder(world) / name_of(image)
    check(path.read_bytes() == entry(kernel), 'not the unpacked kernel')
    check(path.stat().st_mode & 0o777 == 0o600 and folder(world).stat().st_mode & 0o777 == 0o700, 'others may read it')
    # What lies there is what runs: another guest in its place.
    path.write_bytes(entry((world.files / 'reset').read_bytes()))
    expect(boot(world, image), 32)
    # A kernel that is not packed is not kept.
    expect(world.run('run', str(world.files / 'off'), '--name', 'k'), 0)
    check(len(entries(world)) == 1, str(entries(world)))


def damage_is_noticed(world):
    kernel = (world.files / 'off').read_bytes()
    image = bzimage(kernel, b'damage')
    path = folder(world) / name_of(image)
    whole = entry(kernel)
    for bad in (whole[:-1], whole[:4096] + b'\xcc' + whole[4097:], b'', whole[:100], kernel, whole + whole,
                whole[:-16] + struct.pack('<QII', 1 << 60, 0, 0)[:16]):
        path.unlink(missing_ok=True)
        path.write_bytes(bad)
        expect(boot(world, image), 0, 'The unpacked kernel in the cache was damaged; it was removed.')
        check(not path.exists(), 'it is still there')
    expect(boot(world, image), 0)
    check(path.read_bytes() == whole, 'it was not kept again')


def only_the_newest(world):
    kernel = (world.files / 'off').read_bytes()
    images = [bzimage(kernel, b'kernel %d' % i) for i in range(ENTRIES_MAX + 2)]
    for name in entries(world):
        (folder(world) / name).unlink()
    (folder(world) / 'a letter').write_text('of mine')
    crashed = folder(world) / 'new-0123456789abcdef'
    crashed.write_text('half')
    os.utime(crashed, (1000, 1000))
    for age, image in enumerate(images):
        expect(boot(world, image), 0)
        path = folder(world) / name_of(image)
        check(path.exists(), 'the newest is gone')
        os.utime(path, (1000 + age, 1000 + age))
    expect(boot(world, images[2]), 0)  # used: not the oldest any more
    last = bzimage(kernel, b'last')
    expect(boot(world, last), 0)
    wanted = sorted(name_of(image) for image in (images[2], images[4], images[5], last))
    check([name for name in entries(world) if name != 'a letter'] == wanted, str(entries(world)))
    check((folder(world) / 'a letter').exists(), 'a file that is not ours is gone')
    check(not crashed.exists(), 'what a crash left is still there')


def nothing_of_others(world):
    """Links, folders that others may write to, and kernels that cannot be unpacked."""
    kernel = (world.files / 'off').read_bytes()
    image = bzimage(kernel, b'others')
    path = folder(world) / name_of(image)
    trap = world.files / 'trap'
    trap.write_bytes(entry((world.files / 'reset').read_bytes()))
    path.symlink_to(trap)
    expect(boot(world, image), 0)
    check(not path.is_symlink() and trap.read_bytes() == entry((world.files / 'reset').read_bytes()), 'it was changed')
    path.unlink()
    path.write_bytes(trap.read_bytes())
    os.chmod(path, 0o666)
    expect(boot(world, image), 0)
    path.unlink()
    os.chmod(folder(world), 0o777)
    path.write_bytes(trap.read_bytes())
    expect(boot(world, image), 0)
    os.chmod(folder(world), 0o700)
    path.unlink()
    before = entries(world)
    expect(boot(world, image[:-20]), 33, 'incomplete')
    expect(boot(world, image[:-4] + b'\0\1\0\0'), 33, 'damaged')
    check(entries(world) == before, 'a kernel that does not start was kept')


def no_place_for_it(world):
    """The cache is a file, or nothing at all: the machine starts all the same."""
    image = bzimage((world.files / 'off').read_bytes(), b'no place')
    kernels = folder(world)
    for name in entries(world):
        (kernels / name).unlink()
    kernels.rmdir()
    kernels.write_text('a file')
    expect(boot(world, image), 0)
    check(kernels.read_text() == 'a file', 'it was changed')
    kernels.unlink()


CASES = [kept_and_used, damage_is_noticed, only_the_newest, nothing_of_others, no_place_for_it]

if __name__ == '__main__':
    harness.main(CASES, [pathlib.Path(p) for p in sys.argv[1:]])
