# SPDX-License-Identifier: LGPL-2.1-or-later
"""Everything that can be wrong before a guest runs: one sentence, the documented status, nothing left."""
import contextlib
import errno
import fcntl
import json
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import sys

import harness
from harness import check, expect

SECTOR = 512


def kernel_files(world):
    expect(world.run('run', '/nowhere/vmlinux'), 35, 'The kernel “/nowhere/vmlinux” is not there')
    expect(world.run('run', str(world.files)), 35, 'is a folder; give a file')
    expect(world.run('run', world.file('empty')), 35, 'is empty')
    expect(world.run('run', '/dev/null'), 35, 'is not a file')
    fifo = str(world.files / 'fifo')
    os.mkfifo(fifo)
    expect(world.run('run', fifo), 35, 'is not a file')
    expect(world.run('run', str(world.files / 'halt'), '--serial', f'file,path={fifo}'), 35, 'Nobody reads', 'fifo')


def foreign_kernels(world):
    expect(world.run('run', world.file('text', b'#!/bin/sh\n' * 1000)), 33, 'text')
    expect(world.run('run', world.file('noise', os.urandom(1 << 20))), 33, 'noise')
    whole = harness.elf(harness.GUESTS['halt'])
    expect(world.run('run', world.file('cut', whole[:100])), 33, 'cut')
    expect(world.run('run', world.file('short', whole[:4100])), 33, 'short')
    arm = bytearray(whole)
    arm[18] = 183
    expect(world.run('run', world.file('arm', bytes(arm))), 33, 'arm', 'x86-64')


def initrd_files(world):
    halt = str(world.files / 'halt')
    expect(world.run('run', halt, '-i', '/nowhere/initrd'), 35, 'The initrd “/nowhere/initrd” is not there')
    expect(world.run('run', halt, '-i', str(world.files)), 35, 'is a folder')
    expect(world.run('run', halt, '-i', world.file('empty')), 35, 'is empty')
    large = world.files / 'large'
    with open(large, 'wb') as file:
        file.truncate(300 << 20)
    expect(world.run('run', halt, '-i', str(large)), 33, 'large')


def disk_files(world):
    halt = str(world.files / 'halt')
    expect(world.run('run', halt, '-b', '/nowhere/d'), 35, 'The disk “/nowhere/d” is not there')
    expect(world.run('run', halt, '-b', str(world.files)), 35, 'is a folder')
    expect(world.run('run', halt, '-b', world.file('empty')), 35, 'is empty')
    expect(world.run('run', halt, '-b', world.file('tiny', b'x')), 35, 'shorter than one sector')
    expect(world.run('run', halt, '-b', world.file('d', bytes(SECTOR)), '--serial', 'file,path=/nowhere/x'),
           35, '“/nowhere/x” is not there')


def create(world, name, *words):
    path = world.files / name
    result = world.run('create_qcow2', str(path), *map(str, words))
    check(result[0] == 0, f'create_qcow2: {result}')
    return path, result[1]


def disk_images(world):
    """The kind of an image comes from its name or from “format”, never from what a guest wrote."""
    halt = str(world.files / 'halt')
    after = ('--serial', 'file,path=/nowhere/x')  # refused only when all disks were opened
    top, _ = create(world, 'top.qcow2', 8 << 20)
    expect(world.run('run', halt, '-b', str(top), *after), 35, '“/nowhere/x” is not there')
    header = bytearray(top.read_bytes())

    # A header on a raw disk, with the path of a file of the host, is what a guest can write.
    header[8:20] = (4096).to_bytes(8, 'big') + (11).to_bytes(4, 'big')
    header[4096:4107] = b'/etc/passwd'
    raw = world.file('raw.img', bytes(header))
    status, _, errors = world.run('run', halt, '-b', raw, *after)
    check(status == 35 and 'is taken as raw' in errors and 'passwd' not in errors, errors)
    expect(world.run('run', halt, '-b', f'{raw},format=raw', *after), 35, '“/nowhere/x” is not there')
    evil = world.file('evil.qcow2', bytes(header))
    expect(world.run('run', halt, '-b', evil), 35, '“/etc/passwd”, which is not in its folder', 'outside-files')
    header[4096:4107] = b'../../../x/'
    expect(world.run('run', halt, '-b', world.file('up.qcow2', bytes(header))), 35, 'not in its folder')
    os.symlink('/etc/passwd', world.files / 'linked.img')
    header[4096:4107] = b'linked.img\0'
    header[16:20] = (10).to_bytes(4, 'big')
    expect(world.run('run', halt, '-b', world.file('link.qcow2', bytes(header))), 35, 'not in its folder')
    header[4096:4106] = b'self.qcow2'
    expect(world.run('run', halt, '-b', world.file('self.qcow2', bytes(header)) + ',ro'), 35, 'based on itself')
    header[4096:4106] = b'none.qcow2'
    expect(world.run('run', halt, '-b', world.file('gone.qcow2', bytes(header))), 35, 'none.qcow2', 'cannot be opened')
    expect(world.run('run', halt, '-b', world.file('plain.qcow2', bytes(SECTOR))), 35, 'does not begin as a qcow2')
    expect(world.run('run', halt, '-b', f'{top},format=vmdk'), 35, 'format')
    # What the image over it calls raw is raw; what it does not name must not look like qcow2.
    (world.files / 'none.qcow2').unlink(missing_ok=True)
    header[4096:4106] = b'under12345'
    world.file('under12345', top.read_bytes())
    expect(world.run('run', halt, '-b', world.file('over.qcow2', bytes(header))), 35, 'does not say that')


def image_chains(world):
    halt = str(world.files / 'halt')
    after = ('--serial', 'file,path=/nowhere/x')
    base = world.file('base.img', bytes(1 << 20))
    last = base
    for i in range(8):
        last, said = create(world, f'chain{i}.qcow2', '--backing-file', last)
        check(said == '', said)
    expect(world.run('run', halt, '-b', str(last), *after), 35, '“/nowhere/x” is not there')
    last, _ = create(world, 'chain8.qcow2', '--backing-file', last)
    expect(world.run('run', halt, '-b', str(last)), 35, 'too many images')
    with open(base, 'rb+') as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        expect(world.run('run', halt, '-b', str(world.files / 'chain0.qcow2')), 33, 'Another program writes to')
    (world.files / 'elsewhere').mkdir()
    far, said = create(world, 'elsewhere/far', '--backing-file', base)
    check('outside-files' in said and 'format=qcow2' in said, said)
    expect(world.run('run', halt, '-b', f'{far},format=qcow2'), 35, 'outside-files')
    expect(world.run('run', halt, '-b', f'{far},format=qcow2,outside-files', *after), 35, '“/nowhere/x” is not there')


def bad_new_images(world):
    there = world.file('there.qcow2', b'x')
    expect(world.run('create_qcow2', there, '1048576'), 35, 'is there already')
    check(pathlib.Path(there).read_bytes() == b'x', 'it was written')
    new = str(world.files / 'new.qcow2')
    for words, said in (((), 'takes a size'), (('x',), 'is not a size'), (('1000',), 'multiple of 512'),
                        (('4611686018427387904',), 'below'), (('512', '--backing-format', 'raw'), 'is for'),
                        (('--backing-file', '/nowhere/b'), 'cannot be opened'),
                        (('--backing-file', there), 'does not begin as'),
                        (('--backing-file', there, '--backing-format', 'vdi'), 'is not a format')):
        expect(world.run('create_qcow2', new, *words), 35, said)
        check(not os.path.exists(new), f'{words}: something was left')


def composite(world, name, *words):
    path = str(world.files / name)
    result = world.run('create_composite', path, *words)
    check(result[0] == 0, f'create_composite: {result}')
    return path, result[1]


def fields(data):
    """A protocol buffer message: pairs of field and value."""
    at = 0

    def number():
        nonlocal at
        value = shift = 0
        while True:
            at += 1
            value |= (data[at - 1] & 127) << shift
            shift += 7
            if data[at - 1] < 128:
                return value
    while at < len(data):
        tag = number()
        value = number()
        if tag & 7 == 2:
            at += value
            value = data[at - value:at]
        yield tag >> 3, value


def whole_disk(path):
    """What crosvm's description of the format makes of a composite disk: its bytes, and its parts."""
    data = pathlib.Path(path).read_bytes()
    check(data.startswith(b'composite_disk\x1d'), 'its magic')
    message = list(fields(data[15:]))
    parts = sorted((dict(fields(value)) for field, value in message if field == 2), key=lambda part: part.get(2, 0))
    length = dict(message)[3]
    disk = b''
    for part, end in zip(parts, [part.get(2, 0) for part in parts[1:]] + [length]):
        file = pathlib.Path(path).parent / part[1].decode()
        disk += file.read_bytes()[part.get(4, 0):][:end - len(disk)]
        check(len(disk) == end, f'{file} is too short')
    return disk, [(part[1].decode(), part.get(2, 0), part.get(3, 0)) for part in parts]


def new_composite_disks(world):
    """The table of partitions is one for programs that others wrote."""
    odd = world.file('odd.img', b'odd' * 3001)
    world.file('large.img', b'large' + bytes((1 << 20) - 5))
    guid = '01234567-89AB-4CDE-8F01-23456789ABCD'
    path, said = composite(world, 'new.composite', f'odd:{odd}', f'grün:{world.files}/large.img:writable:{guid}')
    check(said == '', said)
    disk, parts = whole_disk(path)
    check(parts == [('new.composite.header', 0, 0), ('odd.img', 20480, 0), ('new.composite.filler', 20480 + 9003, 0),
                    ('large.img', 32768, 1), ('new.composite.footer', 32768 + (1 << 20), 0)], f'{parts}')
    check(len(disk) % 65536 == 0 and disk[20480:][:9003] == b'odd' * 3001 and disk[32768:][:5] == b'large', 'content')
    whole = world.file('whole.img', disk)
    where = '/usr/sbin:/sbin:/usr/bin:/bin'
    blkid, sfdisk = shutil.which('blkid', path=where), shutil.which('sfdisk', path=where)
    if not blkid or not sfdisk:
        return 'blkid or sfdisk is not installed'
    for damaged in (whole, world.file('half.img', disk[:512] + bytes(512) + disk[1024:])):  # the second header counts
        done = subprocess.run([blkid, '-p', '-o', 'value', '-s', 'PTTYPE', damaged], capture_output=True, text=True)
        check(done.stdout == 'gpt\n', f'{done}')
    done = subprocess.run([sfdisk, '--verify', whole], capture_output=True, text=True)
    check(done.returncode == 0 and 'No errors detected' in done.stdout, f'{done}')
    table = json.loads(subprocess.run([sfdisk, '-J', whole], capture_output=True, text=True).stdout)['partitiontable']
    check([(row['start'], row['size'], row['name']) for row in table['partitions']] ==
          [(40, 24, 'odd'), (64, 2048, 'grün')] and table['partitions'][1]['uuid'] == guid, f'{table}')
    check(table['label'] == 'gpt' and table['partitions'][0]['uuid'] != table['id'], f'{table}')
    # At most 22 files, or half as many that need something to fill a page.
    for n, file in ((22, f'{world.files}/large.img'), (11, odd)):
        words = [f'p{i}:{file}' for i in range(n)]
        composite(world, f'{n}.composite', *words)
        check(len(whole_disk(f'{world.files}/{n}.composite')[1]) == 24, f'{n}')
        expect(world.run('create_composite', f'{world.files}/x', *words, f'q:{odd}'), 35, 'create_composite')
    return None


def bad_new_composite_disks(world):
    odd = world.file('odd.img', b'x' * 5000)
    new = str(world.files / 'none.composite')
    image = world.file('image.qcow2', b'x' * 4096)
    for words, said in (((), 'takes PATH'), (('a',), 'is no LABEL:FILE'), ((f':{odd}',), 'is no label'),
                        ((f'{"l" * 37}:{odd}',), 'is no label'), ((f'a:{odd}', f'a:{odd}'), 'label of two'),
                        (('a:/nowhere/f',), 'cannot be opened'), ((f'a:{world.files}',), 'is not a file'),
                        ((f'a:{world.file("empty")}',), 'is empty'), ((f'a:{odd}:writable',), 'truncate -s %4096'),
                        ((f'a:{odd}:writeable',), 'is neither'), ((f'a:{odd}:0123',), 'is neither'),
                        ((f'a:{image}',), 'is not raw')):
        expect(world.run('create_composite', new, *words), 35, said)
        check(not list(world.files.glob('none.composite*')), f'{words}: something was left')
    footer = world.file('none.composite.footer', b'x')
    expect(world.run('create_composite', new, f'a:{odd}'), 35, 'none.composite.footer” is there already')
    check(list(world.files.glob('none.composite*')) == [pathlib.Path(footer)], 'something was left')
    check(pathlib.Path(footer).read_bytes() == b'x', 'it was written')


def composite_disks(world):
    """Its kind comes from its name; the files it names are in its folder, long enough, and nobody else's."""
    halt = str(world.files / 'halt')
    after = ('--serial', 'file,path=/nowhere/x')  # refused only when all disks were opened
    fine = (35, '“/nowhere/x” is not there')
    part = world.file('part.img', bytes(1 << 20))
    path, _ = composite(world, 'd.composite', f'one:{part}:writable')
    data = pathlib.Path(path).read_bytes()
    for option in ('-b', '--rwdisk', '--disk', '--block'):
        expect(world.run('run', halt, option, path, *after), *fine)
    plain = world.file('plain', data)
    status, _, errors = world.run('run', halt, '-b', plain, *after)
    check(status == 35 and 'is taken as raw' in errors and 'format=composite' in errors, errors)
    expect(world.run('run', halt, '-b', f'{plain},format=composite', *after), *fine)
    expect(world.run('run', halt, '-b', world.file('no.composite', bytes(512))), 35, 'does not begin as a composite')
    expect(world.run('run', halt, '-b', world.file('cut.composite', data[:-1])), 35, 'it is damaged')
    expect(world.run('run', halt, '-b', world.file('l.composite', data + bytes(65536))), 35, 'longer than 64 KiB')

    def changed(old, new):
        check(len(old) == len(new) and old in data, f'{old}')
        return world.file('changed.composite', data.replace(old, new))
    os.symlink('/etc/passwd', world.files / 'out.link')
    for name, said in ((b'/etc/pas', 'not in its folder'), (b'../x/y/z', 'not in its folder'),
                       (b'out.link', 'not in its folder'), (b'none.img', 'part of the disk'), (b'pa.qcow2', 'is not raw')):
        expect(world.run('run', halt, '-b', changed(b'part.img', name)), 35, said)
    os.mkfifo(world.files / 'fifo.img')
    expect(world.run('run', halt, '-b', changed(b'part.img', b'fifo.img') + ',ro'), 35, 'is not a file')
    with open(part, 'rb+') as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        expect(world.run('run', halt, '-b', path), 33, 'Another program uses “part.img”')
        expect(world.run('run', halt, '-b', f'{path},ro', *after), *fine)
        fcntl.flock(file, fcntl.LOCK_UN)
        file.truncate((1 << 20) - 1)
        expect(world.run('run', halt, '-b', path), 35, 'is shorter than its place')
        file.truncate(1 << 20)
    (world.files / 'elsewhere').mkdir(exist_ok=True)
    far, said = composite(world, 'elsewhere/parts', f'one:{part}:writable', f'two:{part}')
    check('outside-files' in said and 'format=composite' in said, said)
    expect(world.run('run', halt, '-b', f'{far},format=composite'), 35, 'outside-files')
    expect(world.run('run', halt, '-b', f'{far},format=composite,outside-files'), 35, 'is in it twice')
    expect(world.run('run', halt, '-b', f'{far},format=composite,outside-files,ro', *after), *fine)
    itself, _ = composite(world, 'me.composite', f'one:{part}')
    os.rename(itself, part)
    expect(world.run('run', halt, '-b', f'{part},format=composite'), 35, 'is the disk itself')


def unreadable_files(world):
    closed = world.file('closed', bytes(4096))
    os.chmod(closed, 0)
    if os.geteuid() == 0:
        return 'root may read everything'
    expect(world.run('run', closed), 35, 'You may not read the kernel')
    expect(world.run('run', str(world.files / 'halt'), '-b', closed), 35, 'You may not write to the disk')


def disk_in_use(world):
    halt = str(world.files / 'halt')
    disk = world.file('busy', bytes(SECTOR))
    with open(disk, 'rb') as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        expect(world.run('run', halt, '-b', disk), 33, f'Another program uses “{disk}”')
        expect(world.run('run', halt, '-b', f'{disk},ro'), 33, f'Another program uses “{disk}”')


def numbers(world):
    halt = str(world.files / 'halt')
    expect(world.run('run', halt, '-c', '0'), 35, '--cpus', '0 is out of range')
    expect(world.run('run', halt, '-c', '1000'), 35, '--cpus', '1000 is out of range')
    expect(world.run('run', halt, '-m', '0'), 35, '--mem', 'out of range')
    expect(world.run('run', halt, '-m', '9999999'), 35, '--mem', 'more than this computer has')
    expect(world.run('run', halt, '-m', 'lots'), 35, '--mem', 'not a whole number')


def memory_that_is_taken(world):
    fields = dict(line.split(':') for line in open('/proc/meminfo'))
    total = int(fields['MemTotal'].split()[0]) // 1024
    free = (int(fields['MemAvailable'].split()[0]) + int(fields['SwapFree'].split()[0])) // 1024
    if free >= total - 1:
        return 'all memory is free'
    expect(world.run('run', str(world.files / 'halt'), '-m', str(total)), 33, 'not enough memory', f'{total} MiB')


def options(world):
    halt = str(world.files / 'halt')
    expect(world.run('run'), 35, 'No kernel')
    expect(world.run('run', halt, '--frob'), 35, '--frob')
    expect(world.run('run', halt, '--net', 'tap-name=x'), 35, '--net', 'do not work yet')
    expect(world.run('run', halt, '--name', 'a/b'), 35, '--name', 'a/b')
    expect(world.run('run', halt, 'two'), 35, 'second kernel')
    expect(world.run('frobnicate'), 35, 'frobnicate')
    expect(world.run('policy', 'frob'), 35, 'frob')
    expect(world.run('check', '--frob'), 35, '--frob')


def configuration_files(world):
    expect(world.run('run', '--cfg', '/nowhere/c.json'), 35, '“/nowhere/c.json”')
    expect(world.run('run', '--cfg', str(world.files)), 35, 'not a file')
    bad = world.file('bad.json', b'{"kernel": "k",\n "mem": }')
    expect(world.run('run', '--cfg', bad), 35, 'bad.json, line 2')
    bad = world.file('bad.json', b'{"kernel": "k", "cpus": {"num-cores": "2"}}')
    expect(world.run('run', '--cfg', bad), 35, 'bad.json, line 1, “cpus.num-cores”')
    loop = world.file('loop.json', b'{"cfg": ["%s"]}' % str(world.files / 'loop.json').encode())
    expect(world.run('run', '--cfg', loop), 35, 'loop.json, line 1, “cfg[0]”', 'included by itself')
    expect(world.run('run', '--cfg', world.file('noise.json', os.urandom(5000))), 35, 'not JSON')


def print_config_is_read_back(world):
    words = ['run', 'k', '-c', '2', '-b', 'a,ro', '--gpu', 'width=800', '--serial', 'sink,console', '-p', 'a b']
    status, first, errors = world.run(*words, '--print-config')
    check(status == 0, errors)
    status, second, errors = world.run('run', '--cfg', world.file('p.json', first.encode()), '--print-config')
    check(status == 0 and second == first, f'{errors}{first}{second}')


def control_socket(world):
    halt = str(world.files / 'halt')
    taken = world.file('taken', b'x')
    expect(world.run('run', halt, '-s', taken), 35, 'in use')
    check(os.path.exists(taken), 'the file was removed')
    expect(world.run('run', halt, '-s', '/nowhere/s'), 35, '“/nowhere/s” cannot be made')
    path = str(world.files / 'listening')
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(path)
        other.listen()
        expect(world.run('run', halt, '-s', path), 35, 'in use')
    os.unlink(path)


def back_end_that_is_not_there(world):
    expect(world.run('run', str(world.files / 'halt'), '--vhost-user', 'block,socket=/nowhere/s'), 35,
           'No back end answers at “/nowhere/s”')
    expect(world.run('run', str(world.files / 'halt'), '--vhost-user', 'block,socket=/' + 'x' * 107), 35,
           '--vhost-user, key “socket”', 'at most 107 characters')


def back_end_that_accepts_nobody(world):
    path = str(world.files / 'full')
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(path)
        listener.listen(0)
        for _ in range(2):
            client = stack.enter_context(socket.socket(socket.AF_UNIX))
            client.setblocking(False)
            client.connect_ex(path)
        check(client.connect_ex(path) == errno.EAGAIN, 'its queue is not full')
        expect(world.run('run', str(world.files / 'halt'), '--vhost-user', f'block,socket={path}'), 35,
               f'The back end at “{path}” accepts no connection')
    os.unlink(path)


def part_that_is_not_installed(world):
    part = world.root / 'libexec/vitrine/vmm-rng'
    hidden = part.with_name('hidden')
    part.rename(hidden)
    try:
        expect(world.run('run', str(world.files / 'halt')), 33, 'vmm-rng is not installed')
    finally:
        hidden.rename(part)


def sandbox_refused(world):
    """A user namespace in which no further one can be made."""
    no_more = ['unshare', '-Ur', 'sh', '-c', 'echo 0 > /proc/sys/user/max_user_namespaces; exec "$@"', 'sh']
    if subprocess.run([*no_more, 'true'], capture_output=True).returncode != 0:
        return 'no user namespaces here'
    off = str(world.files / 'off')
    expect(world.run('run', off, prefix=no_more), 33, 'refuses sandboxes', '--allow-no-namespaces')
    status, output, errors = world.run('run', off, '--allow-no-namespaces', prefix=no_more)
    check(status == 0 and 'HELLO' in output, f'{status} {errors}')
    check('weaker jail' in errors, errors)


def kvm_denied(world):
    if os.geteuid() != 0 or not shutil.which('setpriv'):
        return 'only root can become somebody without rights'
    if os.stat('/dev/kvm').st_mode & 0o006:
        return 'everybody may use /dev/kvm here'
    user = pwd.getpwnam('nobody')
    # World-readable copies, in folders of that user's own.
    place = world.root / 'nobody'
    place.mkdir()
    os.chown(place, user.pw_uid, user.pw_gid)
    kernel = place / 'halt'
    shutil.copy(world.files / 'halt', kernel)
    env = dict(world.env(), XDG_RUNTIME_DIR=str(place), XDG_STATE_HOME=str(place), HOME=str(place))
    done = subprocess.run(['setpriv', '--reuid', 'nobody', '--regid', str(user.pw_gid), '--clear-groups', world.vmm,
                           'run', str(kernel)], env=env, stdin=subprocess.DEVNULL, capture_output=True)
    expect((done.returncode, '', done.stderr.decode()), 33, 'You may not use /dev/kvm', 'sudo adduser nobody kvm')
    check(not list((place / 'vitrine').iterdir()), 'left in the runtime folder')


def kvm_missing(world):
    cover = ['unshare', '-m', 'sh', '-c', 'mount -t tmpfs none /dev && touch /dev/null && exec "$@"', 'sh']
    if os.geteuid() != 0 or subprocess.run([*cover, 'true'], capture_output=True).returncode != 0:
        return 'only root can hide /dev'
    expect(world.run('run', str(world.files / 'halt'), prefix=cover), 33, 'This computer has no KVM')


def full_disk(world):
    place = world.root / 'small'
    place.mkdir()
    small = ['unshare', '-m', 'sh', '-c', f'mount -t tmpfs -o size=64k none {place} && '
             f'truncate -s 1M {place}/disk && exec "$@"', 'sh']
    if os.geteuid() != 0 or subprocess.run([*small, 'true'], capture_output=True).returncode != 0:
        return 'only root can mount'
    expect(world.run('run', str(world.files / 'halt'), '-b', f'{place}/disk,sparse=false', prefix=small), 33,
           'no room for the whole disk')


def check_and_policy(world):
    status, output, errors = world.run('check')
    check(status in (0, 33) and output.startswith('This computer can'), f'{status} {output} {errors}')
    import json
    status, output, errors = world.run('check', '--json')
    rows = {row['id']: row for row in json.loads(output)['checks']}
    check({'kvm-missing', 'kvm-denied', 'kvm-broken', 'no-namespaces'} <= set(rows), output)
    check(all(row['ok'] or (row['sentence'] and row['cure']) for row in rows.values()), output)
    check((status == 0) == json.loads(output)['ok'], output)
    check(status == (33 if any(not row['ok'] and row['severity'] == 'error' for row in rows.values()) else 0), output)
    status, output, errors = world.run('policy', '--counts')
    lines = [line.split() for line in output.splitlines()[1:]]
    check(status == 0 and {'display', 'loader', 'machine', 'rng', 'balloon', 'block', 'console', 'gpu', 'input'} <=
          {line[0] for line in lines}, f'{output} {errors}')
    check(all(0 < int(count) <= int(ceiling) for _, count, ceiling in lines), output)
    status, output, _ = world.run('policy', 'rng')
    check(status == 0 and 'call getrandom' in output, output)


def rows_of_graphics(world, **more):
    """The rows that `vmm check --json` has of graphics, none of which may decide."""
    with_them = dict(world.env(), **more)
    done = subprocess.run([world.vmm, 'check', '--json'], env=with_them, capture_output=True, timeout=harness.LIMIT_S)
    rows = {row['id']: row for row in json.loads(done.stdout)['checks']}
    rows = {name: rows[name] for name in ('render-node', 'graphics', 'udmabuf', 'wayland', 'vulkan')}
    check(all(row['severity'] == 'warning' for row in rows.values()), str(rows))
    return rows


def check_of_graphics(world):
    place = str(world.files / 'compositor')
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(place)
    row = rows_of_graphics(world, WAYLAND_DISPLAY=place)['wayland']
    check(not row['ok'] and place in row['sentence'], str(row))  # nobody listens
    listener.listen()
    row = rows_of_graphics(world, WAYLAND_DISPLAY='compositor', XDG_RUNTIME_DIR=str(world.files))['wayland']
    check(row['ok'] and place in row['sentence'], str(row))
    listener.close()
    os.unlink(place)
    rows = rows_of_graphics(world, WAYLAND_DISPLAY='')
    check(not rows['wayland']['ok'], str(rows))
    for name, path in (('render-node', '/dev/dri/renderD128'), ('udmabuf', '/dev/udmabuf')):
        check(rows[name]['ok'] == os.access(path, os.R_OK | os.W_OK), f'{path}: {rows[name]}')
    check(rows['vulkan']['ok'] == os.access('/usr/libexec/virgl_render_server', os.X_OK), str(rows))
    check(rows['graphics']['ok'] and rows['graphics']['sentence'].startswith('3D'), str(rows))
    part = world.root / 'libexec/vitrine/vmm-gpu'
    real = part.read_bytes()
    try:
        part.write_bytes(harness.elf(harness.CRASH))
        row = rows_of_graphics(world)['graphics']
        check(not row['ok'] and 'its trial crashed' in row['sentence'] and row['cure'], str(row))
    finally:
        part.write_bytes(real)
    # Devices that only their group may use: the cure names it.
    own = ['unshare', '-m', 'sh', '-c',
           'mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3 && mkdir /dev/dri && '
           'mknod -m 660 /dev/dri/renderD130 c 226 130 && chgrp users /dev/dri/renderD130 && '
           'exec setpriv --reuid nobody --regid nogroup --clear-groups "$@"', 'sh']
    if os.geteuid() != 0 or subprocess.run([*own, 'true'], capture_output=True).returncode != 0:
        return
    _, output, _ = world.run('check', '--json', prefix=own)
    rows = {row['id']: row for row in json.loads(output)['checks']}
    row = rows['render-node']
    check(not row['ok'] and 'renderD130' in row['sentence'] and '“users”' in row['cure'] and
          row['command'].startswith('sudo usermod -aG users '), str(row))


CASES = [kernel_files, foreign_kernels, initrd_files, disk_files, disk_images, image_chains, bad_new_images, new_composite_disks,
         bad_new_composite_disks, composite_disks, unreadable_files, disk_in_use, numbers,
         memory_that_is_taken, options, configuration_files, print_config_is_read_back, control_socket,
         back_end_that_is_not_there, back_end_that_accepts_nobody, part_that_is_not_installed, sandbox_refused, kvm_denied,
         kvm_missing, full_disk, check_and_policy, check_of_graphics]

if __name__ == '__main__':
    harness.main(CASES, [pathlib.Path(p) for p in sys.argv[1:]])
