# SPDX-License-Identifier: LGPL-2.1-or-later
"""`vmm create_seed`: what cloud-init would read, by readers that are not ours, and what is refused."""
import base64
import ctypes
import json
import os
import pathlib
import pty
import shutil
import stat
import struct
import subprocess
import sys

import harness
from harness import check, expect

PASSWORD = 'Grüße "an": #alle'
READ_S = 60


def key(comment='anna@desk', kind='ssh-ed25519'):
    """A public key as ssh-keygen writes it."""
    def field(data):
        return struct.pack('>I', len(data)) + data
    blob = field(kind.encode()) + field(os.urandom(32))
    return f'{kind} {base64.b64encode(blob).decode()} {comment}\n'


def create(world, name, *words, text=''):
    """(path, status, errors)"""
    path = str(world.files / name)
    done = subprocess.run([world.vmm, 'create_seed', path, *words], env=world.env(), input=text, text=True,
                          capture_output=True, timeout=READ_S, check=False)
    check(text.rstrip('\n') == '' or text.rstrip('\n') not in done.stdout + done.stderr, 'the password was printed')
    return path, done.returncode, done.stderr


def made(world, name, *words, text=''):
    path, status, errors = create(world, name, *words, text=text)
    check(status == 0 and not errors, f'{status} {errors}')
    return path


def read_out(world, path):
    """The files of the disk, as libisofs reads them."""
    out = world.files / 'out'
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    words = ['xorriso', '-abort_on', 'WARNING', '-indev', path, '-find', '/', '-exec', 'lsdl', '--', '-osirrox', 'on']
    for name in ('user-data', 'meta-data'):
        words += ['-extract', f'/{name}', str(out / name)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=READ_S, check=False)
    check(done.returncode == 0, f'xorriso: {done.stderr}')
    check(len(done.stdout.splitlines()) == 3 and done.stdout.count('-r--------') == 2 and 'dr-x------' in done.stdout,
          f'not these two files: {done.stdout}')
    files = {file.name: file.read_bytes().decode() for file in out.iterdir()}
    check(files['user-data'].startswith('#cloud-config\n'), files['user-data'])
    return json.loads(files['user-data'].split('\n', 1)[1]), json.loads(files['meta-data'])


def fits(password, hashed):
    library = ctypes.CDLL('libcrypt.so.1')
    library.crypt.restype = ctypes.c_char_p
    return library.crypt(password.encode(), hashed.encode()).decode() == hashed


def password_and_key(world):
    keys = world.file('k.pub', ('# mine\n\n' + key() + key(kind='ssh-rsa')).encode())
    path = made(world, 'seed', '--user', 'anna', '--password', '--ssh-key', keys, '--hostname', 'My_Box.1-', text=PASSWORD + '\n')
    check(stat.S_IMODE(os.stat(path).st_mode) == 0o600, f'{os.stat(path)}')
    check(os.stat(path).st_size % 4096 == 0, f'{os.stat(path)}')
    check(PASSWORD.encode() not in pathlib.Path(path).read_bytes(), 'the password itself is in the file')
    says = subprocess.run(['/sbin/blkid', '-p', '-o', 'export', path], capture_output=True, text=True, timeout=READ_S, check=False).stdout
    check('LABEL=cidata' in says and 'TYPE=iso9660' in says, says)
    user, meta = read_out(world, path)
    check(user['user']['name'] == 'anna' and user['user']['lock_passwd'] is False, f'{user}')
    check('NOPASSWD' not in user['user']['sudo'], f'{user}')
    check(user['user']['passwd'].startswith('$6$') and fits(PASSWORD, user['user']['passwd']), f'{user}')
    check(not fits(PASSWORD + '.', user['user']['passwd']), 'any password fits')
    check(''.join(line + '\n' for line in user['user']['ssh_authorized_keys']) in pathlib.Path(keys).read_text(), f'{user}')
    check(meta['local-hostname'] == 'my-box-1' and meta['instance-id'], f'{meta}')


def key_alone(world):
    keys = world.file('k.pub', key().encode())
    first = read_out(world, made(world, 'first', '--user', 'anna', '--ssh-key', keys))
    second = read_out(world, made(world, 'second', '--user', 'anna', '--ssh-key', keys))
    check(first[0]['user']['lock_passwd'] is True and 'passwd' not in first[0]['user'], f'{first}')
    check('NOPASSWD' in first[0]['user']['sudo'] and 'local-hostname' not in first[1], f'{first}')
    check(first[1]['instance-id'] != second[1]['instance-id'], 'two seeds count as one machine')


def salted(world):
    hashes = [read_out(world, made(world, name, '--user', 'a', '--password', text='x\n'))[0]['user']['passwd'] for name in 'ab']
    check(hashes[0] != hashes[1] and all(fits('x', one) for one in hashes), f'{hashes}')


def of_every_length(world):
    """Texts that end before, at and after the border of a sector."""
    for n, size in enumerate((1, 1500, 1640, 1690, 2048, 4096, 20000, 60000)):
        lines = [key('c' * size)] if size < 20000 else [key('d' * (size // 60)) for _ in range(60)]
        keys = world.file('k.pub', ''.join(lines).encode())
        user, _ = read_out(world, made(world, f'long-{n}', '--user', 'anna', '--ssh-key', keys))
        check(''.join(line + '\n' for line in user['user']['ssh_authorized_keys']) == ''.join(lines), f'{size}: {user}')


def at_a_terminal(world):
    """It asks twice, does not show what is typed, and ends with Ctrl+C."""
    for answers, status, said in (('first\nfirst\n', 0, ''), ('first\nsecond\n', 35, 'differ'), ('fir\3', 35, 'no password')):
        path = world.files / f'terminal-{len(answers)}'
        pid, fd = pty.fork()
        if pid == 0:
            os.execve(world.vmm, [world.vmm, 'create_seed', str(path), '--user', 'anna', '--password'], world.env())
        text = b''
        for question, line in zip((b'Password: ', b'Again: '), answers.splitlines(True)):
            while question not in text:
                text += os.read(fd, 1000)
            os.write(fd, line.encode())
        try:
            while True:
                more = os.read(fd, 1000)
                if not more:
                    break
                text += more
        except OSError:
            pass
        ended = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os.close(fd)
        check(ended == status and said in text.decode(), f'{ended} {text}')
        check(b'fir' not in text and b'sec' not in text, f'shown: {text}')
        check(path.exists() == (status == 0), 'file')


def refused(world):
    good = ['--ssh-key', world.file('good.pub', key().encode())]
    private = world.file('id', b'-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----\n')
    lies = world.file('lies.pub', key().replace('ssh-ed25519 ', 'ssh-rsa ').encode())
    for words, text, said in (
            ([*good], '', 'nobody could log in: give a user'),
            (['--user', 'anna'], '', '“anna” could not log in: give a password or a public SSH key'),
            (['--user', 'anna', '--password'], '', 'there is no password on the standard input'),
            (['--user', 'anna', '--password'], '\n', 'there is no password on the standard input'),
            (['--user', 'anna', '--password'], 'x' * 256 + '\n', 'up to 255 bytes'),
            (['--user', 'anna', '--password'], 'x' * 1000, 'up to 255 bytes'),
            (['--user', 'anna', '--password'], 'a\tb\n', 'in one line'),
            *((['--user', name, *good], '', 'is no name for a user')
              for name in ('root', '', 'Anna', '1a', '-a', 'a b', 'a' * 33, 'a\nb', 'ä', 'a:b')),
            (['--user', 'anna', '--ssh-key', '/nowhere/k.pub'], '', 'create_seed: “/nowhere/k.pub” cannot be read'),
            (['--user', 'anna', '--ssh-key', str(world.files)], '', 'cannot be read (Is a directory)'),
            (['--user', 'anna', '--ssh-key', private], '', 'is a private key, which is to stay where it is'),
            (['--user', 'anna', '--ssh-key', world.file('noise', os.urandom(5000))], '', 'is no public SSH key'),
            (['--user', 'anna', '--ssh-key', '/dev/zero'], '', 'is no public SSH key'),
            (['--user', 'anna', '--ssh-key', world.file('none')], '', 'is no public SSH key'),
            (['--user', 'anna', '--ssh-key', lies], '', 'is no public SSH key'),
            (['--user', 'anna', '--ssh-key', world.file('two', (key() + 'ssh-ed25519\n').encode())], '', 'is no public SSH key'),
            (['--user', 'anna', '--ssh-key', world.file('many', (key() * 65).encode())], '', '64 at most'),
            (['--user'], '', 'Missing argument')):
        path, status, errors = create(world, 'new', *words, text=text)
        expect((status, '', errors), 35, said)
        check(not os.path.exists(path), f'{words}: something was left')
    there = world.file('there', b'x')
    for name, said in (('there', 'cannot be made (File exists)'), ('no/where', 'cannot be made (No such file')):
        _, status, errors = create(world, name, '--user', 'anna', *good)
        expect((status, '', errors), 35, said)
    check(pathlib.Path(there).read_bytes() == b'x', 'it was written')


CASES = [password_and_key, key_alone, salted, of_every_length, at_a_terminal, refused]

if __name__ == '__main__':
    harness.main(CASES, [pathlib.Path(p) for p in sys.argv[1:]])
