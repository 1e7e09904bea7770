# SPDX-License-Identifier: LGPL-2.1-or-later
"""`vmm extract_kernel`: kernels out of images made by mke2fs, sfdisk and qemu-img; damaged and hostile ones."""
import json
import os
import pathlib
import random
import shutil
import stat
import subprocess
import sys

import harness
from harness import check, expect

MIB = 1 << 20
VERSION = '6.1.0-26-amd64'
GUID = '8d1d6b4c-4c7b-4e0f-9c63-1f3b0d8f5a11'


def tool(*words, **more):
    path = os.environ['PATH'] + ':/usr/sbin:/sbin'
    done = subprocess.run(words, env=dict(os.environ, PATH=path), capture_output=True, text=True, timeout=120, check=False, **more)
    check(done.returncode == 0, f'{words}: {done.stderr}')


def tree(world, name, **files):
    """A folder with the top of a system, and FILES: path -> content."""
    top = world.files / name
    shutil.rmtree(top, ignore_errors=True)
    for path, data in files.items():
        path = top / path.replace('__', '/')
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return top


def system(world, name='tree', boot='boot/'):
    kernels = {f'{boot}vmlinuz-{version}': os.urandom(size) for version, size in
               ((VERSION, 3 * MIB + 77), ('6.1.0-9-amd64', 5000), ('0-rescue-abc', 5000))}
    top = tree(world, name, **kernels, **{f'{boot}initrd.img-{VERSION}': os.urandom(MIB + 1)})
    if boot:
        (top / 'etc').mkdir()
        (top / 'usr').mkdir()
    return top


def file_system(image, top, at, size, kind='ext4'):
    tool('mke2fs', '-q', '-F', '-t', kind, '-d', str(top), '-E', f'offset={at}', str(image), f'{size // 1024}k')


def disk(world, name, table=''):
    path = world.files / name
    with open(path, 'wb') as file:
        file.truncate(32 * MIB)
    if table:
        tool('sfdisk', '-q', str(path), input=table)
    return path


def cloud_disk(world, name='cloud.img'):
    """As clouds have them: a boot loader's partition, then the system."""
    path = disk(world, name, 'label: gpt\nstart=2048,size=2048,type=21686148-6449-6E6F-744E-656564454649\n'
                f'start=4096,size=57344,type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709,uuid={GUID}\n')
    top = system(world)
    file_system(path, top, 2 * MIB, 28 * MIB)
    return path, top


def extract(world, image, *words):
    """(folder, answer)"""
    folder = world.files / 'out'
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    status, output, errors = world.run('extract_kernel', str(image), str(folder), *words)
    check(status == 0 and not errors, f'{status} {errors}')
    return folder, json.loads(output)


def same(folder, top):
    for name, there in (('vmlinuz', f'vmlinuz-{VERSION}'), ('initrd.img', f'initrd.img-{VERSION}')):
        check((folder / name).read_bytes() == (top / there).read_bytes(), f'{name} is another one')
        check(stat.S_IMODE(os.stat(folder / name).st_mode) == 0o600, name)


def gpt(world):
    """The newest kernel that is no rescue system's, from a raw and a packed qcow2 image."""
    path, top = cloud_disk(world)
    packed = world.files / 'cloud.qcow2'
    tool('qemu-img', 'convert', '-c', '-O', 'qcow2', str(path), str(packed))
    plain = world.files / 'cloud-qcow2.img'
    shutil.copy(packed, plain)
    for image, words in ((path, ()), (packed, ()), (plain, ('--format', 'qcow2'))):
        folder, answer = extract(world, image, *words)
        same(folder, top / 'boot')
        check(answer == {'kernel': str(folder / 'vmlinuz'), 'initrd': str(folder / 'initrd.img'),
                         'version': f'vmlinuz-{VERSION}', 'params': f'root=PARTUUID={GUID}'}, f'{answer}')


def own_boot_partition(world):
    """An old table of partitions; the kernel lies at the top of one and the system on another."""
    path = disk(world, 'mbr.img', 'label: dos\nlabel-id: 0xdeadbe01\nstart=2048,size=20480,type=83\nstart=22528,size=40960,type=83\n')
    boot, root = system(world, 'boot-tree', ''), tree(world, 'root-tree', etc__fstab=b'#', usr__x=b'x')
    file_system(path, boot, MIB, 10 * MIB, 'ext2')
    file_system(path, root, 11 * MIB, 20 * MIB, 'ext3')
    folder, answer = extract(world, path)
    same(folder, boot)
    check(answer['params'] == 'root=PARTUUID=deadbe01-02', f'{answer}')


def no_table(world):
    """A file system alone; links are followed, in it; a kernel without an initrd."""
    path = disk(world, 'alone.img')
    top = tree(world, 'links', etc__x=b'x', usr__lib__k=b'the kernel')
    (top / 'boot').mkdir()
    (top / 'boot/vmlinuz-1').symlink_to('../usr/lib/k')
    file_system(path, top, 0, 32 * MIB)
    folder, answer = extract(world, path)
    check((folder / 'vmlinuz').read_bytes() == b'the kernel' and not (folder / 'initrd.img').exists(), f'{list(folder.iterdir())}')
    check('initrd' not in answer and answer['params'] == 'root=/dev/vda', f'{answer}')


def refused(world):
    folder = world.files / 'out'
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    empty = disk(world, 'empty.img')
    bare = disk(world, 'bare.img')
    file_system(bare, tree(world, 'bare', etc__x=b'x'), 0, 32 * MIB)
    away = disk(world, 'away.img')
    top = tree(world, 'away', etc__x=b'x')
    (top / 'boot').mkdir()
    (top / 'boot/vmlinuz-1').symlink_to('/../../../etc/passwd')
    file_system(away, top, 0, 32 * MIB)
    hollow = disk(world, 'hollow.img')
    file_system(hollow, tree(world, 'hollow', **{'boot/vmlinuz-1': b''}), 0, 32 * MIB)
    for words, said in (
            (('/nowhere/x', folder), 'cannot be opened'), ((world.files, folder), 'cannot be read as that kind'),
            ((world.file('short', b'x'), folder), 'cannot be read as that kind'), ((empty, folder), 'has no ext2, ext3 or ext4'),
            ((empty, folder, '--format', 'qcow2'), 'cannot be read as that kind'), ((bare, folder), 'has no kernel in /boot'),
            ((away, folder), 'cannot be read; check'), ((hollow, folder), 'cannot be read; check'), ((empty,), 'Which image'), ((), 'Which image'),
            ((empty, folder, '--format', 'vdi'), 'it is raw or qcow2'), ((empty, folder, 'x'), 'is too much'),
            ((empty, '/nowhere'), 'cannot be made'), (('/dev/null', folder), 'cannot be read as that kind')):
        expect(world.run('extract_kernel', *map(str, words)), 35, said)
        check(not list(folder.iterdir()), f'{words}: {list(folder.iterdir())}')
    (folder / 'initrd.img').write_bytes(b'mine')
    expect(world.run('extract_kernel', str(bare), str(folder)), 35, 'initrd.img” cannot be made (File exists)')
    check([file.read_bytes() for file in folder.iterdir()] == [b'mine'], f'{list(folder.iterdir())}')


def damaged(world):
    """Bytes at random in tables and inodes: an answer or a sentence, in time, and nothing left."""
    path, _ = cloud_disk(world)
    whole = path.read_bytes()
    dice = random.Random(7)
    folder = world.files / 'out'
    for turn in range(30):
        data = bytearray(whole)
        for _ in range(40):
            at = dice.choice((dice.randrange(0, 34 * 512), dice.randrange(2 * MIB, 2 * MIB + 65536), dice.randrange(2 * MIB, 4 * MIB)))
            data[at] = dice.randrange(256)
        path.write_bytes(data)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        status, output, errors = world.run('extract_kernel', str(path), str(folder))
        check(status in (0, 35) and (status == 0) == bool(output) and len(errors.splitlines()) == (status != 0), f'{turn}: {status} {errors}')
        check(status == 0 or not list(folder.iterdir()), f'{turn}: {list(folder.iterdir())}')


CASES = [gpt, own_boot_partition, no_table, refused, damaged]

if __name__ == '__main__':
    harness.main(CASES, [pathlib.Path(p) for p in sys.argv[1:]])
