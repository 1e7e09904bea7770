# SPDX-License-Identifier: LGPL-2.1-or-later
"""The sub-commands: those of the store of definitions, and those that talk to a running machine."""
import fcntl
import json
import os
import pathlib
import pty
import select
import shutil
import signal
import stat
import subprocess
import sys
import termios
import time

import harness
from harness import check, end, expect, wait_for

COMMANDS = ['list', 'define', 'undefine', 'edit', 'dump-config', 'autostart', 'start', 'stop', 'powerbtn', 'sleepbtn',
            'restart', 'suspend', 'resume', 'ping', 'stats', 'disk', 'console', 'screenshot', 'type', 'logs', 'events', 'set',
            'clone', 'delete', 'keys', 'sandbox']


def definition(world, name):
    return world.root / 'config/vitrine/machines' / (name + '.json')


def define(world, name, guest='halt', **more):
    path = world.file(name + '.json', json.dumps({'kernel': str(world.files / guest), **more}).encode())
    status, output, errors = world.run('define', path)
    check((status, output) == (0, name + '\n'), f'{status} {output} {errors}')


def popen(world, *words, **more):
    process = subprocess.Popen([world.vmm, *words], env=world.env(), stderr=subprocess.PIPE, **more)
    world.started.append(process)
    return process


def help_of_each(world):
    listed = world.run('help')[1]
    for name in [*COMMANDS, 'trace']:
        check(f'\n    {name} ' in listed, f'{name} is not in `vmm help`')
        status, output, errors = world.run(name, '--help')
        check(status == 0 and f'vmm {name}' in output and errors == '', f'{name}: {status} {output} {errors}')
    for name in ('check', 'policy', 'version', 'run'):
        status, output, _ = world.run(name, '--help')
        check(status == 0 and output, f'{name} --help')


def wrong_words(world):
    for name in COMMANDS:
        words = {'set': 'abcd', 'keys': 'a'}.get(name, 'abc')
        expect(world.run(name, *words), 35, f'{name}: takes', f'vmm {name} --help')
    expect(world.run('list', '--colour'), 35, 'Unknown option --colour')
    expect(world.run('nonsense'), 35, '“nonsense” is not a command')
    for name in ('stop', 'ping', 'stats', 'console', 'restart', 'sandbox'):
        expect(world.run(name, 'nobody'), 33, 'No machine answers at', 'vmm list')
    for name in ('start', 'edit', 'undefine', 'autostart', 'dump-config', 'clone', 'delete'):
        expect(world.run(name, 'nobody'), 33, 'No machine “nobody” is defined')
        expect(world.run(name, '../../etc/x'), 33, 'is defined')
    expect(world.run('logs', 'nobody'), 33, 'There is no log')


def define_and_undefine(world):
    define(world, 'one')
    text = definition(world, 'one')
    check(stat.S_IMODE(text.stat().st_mode) == 0o600, 'mode of the definition')
    check(json.loads(text.read_text())['kernel'] == str(world.files / 'halt'), 'content')
    status, output, _ = world.run('list', '--all')
    check(output == f'one\toff\t-\t{text}\n', output)
    check(world.run('dump-config', 'one')[1] == text.read_text(), 'dump-config')
    # The name: the option first, then the key, then the file.
    path = world.file('two.json', json.dumps({'kernel': '/k', 'name': 'second'}).encode())
    check(world.run('define', path)[1] == 'second\n', 'name in the file')
    check(world.run('define', path, '--name', 'third')[1] == 'third\n', '--name')
    expect(world.run('define', path, '--name', 'a/b'), 33, 'is no name for a machine')
    # Bad files change nothing, and name file and reason.
    broken = world.file('one.json', b'{"kernel": 1')
    expect(world.run('define', broken), 35, broken, 'line 1')
    broken = world.file('one.json', b'{"kernel": "/k", "mem": {"sise": 5}}')
    expect(world.run('define', broken), 35, 'sise')
    expect(world.run('define', '/no/such/file'), 35, '/no/such/file')
    check('halt' in text.read_text(), 'a bad file replaced the definition')
    for name in ('one', 'second', 'third'):
        check(world.run('undefine', name)[0] == 0 and not definition(world, name).exists(), name)
    check(world.run('list', '--all')[1] == '', 'something is left')


def edit(world):
    define(world, 'e')
    env = dict(world.env(), EDITOR=f'sed -i s/halt/off/')
    env.pop('VISUAL', None)

    def run_edit(editor):
        return subprocess.run([world.vmm, 'edit', 'e'], env=dict(env, EDITOR=editor), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True)
    done = run_edit('sed -i s/halt/off/')
    check(done.returncode == 0 and 'files/off' in definition(world, 'e').read_text(), str(done))
    done = run_edit('sed -i s/kernel/colonel/')
    check(done.returncode == 33 and 'colonel' in done.stderr, str(done))
    check('Nothing was changed' in done.stderr and 'kernel' in definition(world, 'e').read_text(), done.stderr)
    pathlib.Path(done.stderr.rsplit('“', 1)[1].split('”')[0]).unlink()
    done = run_edit('false')
    check(done.returncode == 33 and 'The editor “false” failed' in done.stderr, str(done))
    pathlib.Path(done.stderr.rsplit('“', 1)[1].split('”')[0]).unlink()


def settings(world):
    """`set`: what the manager's settings, “Rename…” and “Group…” do."""
    define(world, 'w')

    def now():
        return json.loads(definition(world, 'w').read_text())
    for words, expected in ((('cpus.num-cores', '2'), {'num-cores': 2}), (('mem.size', '512'), {'size': 512}),
                            (('params', '["a", "b=c"]'), ['a', 'b=c']), (('block.0.path', '/d'), [{'path': '/d'}]),
                            (('block.0.ro', 'true'), [{'path': '/d', 'ro': True}])):
        status, _, errors = world.run('set', 'w', *words)
        check(status == 0 and now()[words[0].split('.')[0]] == expected, f'{words}: {errors} {now()}')
    for words in (('manager.title', '12'), ('manager.group', 'true'), ('manager.note', 'a "b"')):
        check(world.run('set', 'w', *words)[0] == 0 and now()['manager'][words[0].split('.')[1]] == words[1], str(now()))
    check(world.run('set', 'w', 'manager.group')[0] == 0 and 'group' not in now()['manager'], 'a key is taken away')
    before = now()
    expect(world.run('set', 'w', 'manager.autostart', 'true'), 35, '“manager.autostart” is not a key')
    for words, name in ((('cpus.num-cores', '0'), 'cpus.num-cores'), (('cpus.number', '2'), 'number'), (('mem.size', 'lots'), 'mem'),
                        (('colour', 'red'), 'colour'), (('block.0.ro', 'yes'), 'ro')):
        expect(world.run('set', 'w', *words), 35, name)
    check(now() == before, 'a refused setting changed the definition')


def clone_and_delete(world):
    """A copy has disks of its own; what is deleted lies in the trash."""
    disk, shared = world.file('own.img', b'x' * 4096), world.file('base.img', bytes(4096))
    define(world, 'o', manager={'title': 'One', 'autostart': True}, block=[{'path': disk}, {'path': shared, 'ro': True}])
    expect(world.run('clone', 'o', 'One'), 0)
    check(world.run('clone', 'o')[1] == 'one-copy\n', 'the name')
    copy = json.loads(definition(world, 'one-copy').read_text())
    folder = world.root / 'home/.local/share/vitrine/one-copy'
    check(copy['manager'] == {'title': 'One (copy)'} and copy['block'][1]['path'] == shared, str(copy))
    check(copy['block'][0]['path'] == str(folder / 'own.img') and (folder / 'own.img').read_bytes() == b'x' * 4096, str(copy))
    chained = world.file('chained.qcow2', b'QFI\xfb\0\0\0\3' + b'\0' * 6 + b'\1\0' + bytes(496))
    for image, why in (({'path': chained}, 'its clusters are not'), ({'path': shared, 'format': 'composite'}, 'does not begin as')):
        define(world, 'chain', block=[image])
        expect(world.run('clone', 'chain', 'Chain copy'), 33, image['path'], why)
        check(not definition(world, 'chain-copy').exists(), 'it is half there')
    check(world.run('start', 'one-copy')[0] == 0, 'the copy does not start')
    for command in ('clone', 'delete'):
        expect(world.run(command, 'one-copy'), 33, 'the machine runs; stop it first')
    check(world.run('stop', 'one-copy')[0] == 0, 'stop')
    check(wait_for(lambda: not world.processes(), 10), 'it goes on')
    status, _, errors = world.run('delete', 'one-copy')
    trash = world.root / 'home/.local/share/Trash/files'
    check(status == 0, errors)
    check(not definition(world, 'one-copy').exists() and not folder.exists(), 'it is still there')
    check({'one-copy.json', 'one-copy'} <= {path.name for path in trash.iterdir()}, f'not in the trash: {list(trash.iterdir())}')
    check(pathlib.Path(disk).exists() and definition(world, 'o').exists(), 'the first machine lost something')
    shutil.rmtree(world.root / 'home/.local')


def delete_keeps_unsure(world):
    """What a definition alone calls its folder, and what an unreadable definition may need, stays and is named."""
    home = world.root / 'home'
    mine, usual = home / 'm', home / '.local/share/vitrine/m'
    for folder in (mine, usual):
        folder.mkdir(parents=True)
        (folder / 'file').write_text('precious')
    define(world, 'm', manager={'title': 'M', 'folder': str(mine)}, block=[{'path': str(usual / 'file')}])
    broken = definition(world, 'broken')
    broken.write_text('{"block": [{"path": "' + str(usual / 'file'))
    status, _, errors = world.run('delete', 'm')
    check(status == 0 and f'“{mine}” stays: nothing but the definition says' in errors, errors)
    check(f'“{usual}” stays: the definition of “broken”, or a file that it includes, cannot be read' in errors, errors)
    check((mine / 'file').exists() and (usual / 'file').exists(), 'a file went')
    check(not definition(world, 'm').exists(), 'the definition stayed')
    broken.unlink()
    # The manager's mark names the machine that it made the folder for.
    for name in ('other', 'm'):
        (mine / '.vitrine-machine').write_text(f'vitrine folder of {name}\n')
        define(world, 'm', manager={'title': 'M', 'folder': str(mine)})
        status, _, errors = world.run('delete', 'm')
        check(status == 0 and ('stays' in errors) == mine.exists() == (name == 'other'), f'{name}: {errors}')
    check(not usual.exists() or (usual / 'file').exists(), 'half of it went')
    shutil.rmtree(home / '.local')


def start_and_stop(world):
    define(world, 'm', manager={'title': 'M'})
    status, _, errors = world.run('start', 'm')
    check(status == 0, errors)
    check('m\trunning\t-\t' in world.run('list', '--all')[1], 'list --all')
    expect(world.run('start', 'm'), 33, '“m” runs already')
    expect(world.run('undefine', 'm'), 33, 'stop it first')
    config = json.loads(world.run('dump-config', 'm')[1])
    check(config['kernel'] == str(world.files / 'halt') and 'cpus' in config, str(config))
    # By name, by runtime folder, by socket.
    folder = world.root / 'run/vitrine/m'
    for machine in ('m', str(folder), str(folder / 'control')):
        check(world.run('ping', machine)[0] == 0, machine)
    check(world.run('stop', str(folder))[0] == 0, 'stop')
    check(wait_for(lambda: not world.processes(), 10), 'it goes on')
    # A machine that cannot start says why, with its own status.
    define(world, 'm', guest='nothing')
    expect(world.run('start', 'm'), 35, str(world.files / 'nothing'))


def start_survives_its_terminal(world):
    define(world, 'd')
    leader, follower = pty.openpty()
    process = subprocess.Popen([world.vmm, 'start', 'd'], env=world.env(), stdin=follower, stdout=follower,
                               stderr=follower, start_new_session=True)
    os.close(follower)
    check(process.wait(timeout=harness.LIMIT_S) == 0, 'start')
    os.close(leader)
    time.sleep(0.3)
    check(world.run('ping', 'd')[0] == 0, 'it ended with its terminal')
    check(world.run('stop', 'd')[0] == 0, 'stop')
    check(wait_for(lambda: not world.processes(), 10), 'it goes on')


def console_in_a_pipe(world):
    machine = world.started_guest('c', str(world.files / 'echo'))
    console = popen(world, 'console', 'c', stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    console.stdin.write(b'typed text\n')
    console.stdin.close()
    output = b''
    while b'typed text' not in output:
        check(select.select([console.stdout], [], [], 10)[0], f'no echo: {output}')
        output += os.read(console.stdout.fileno(), 1000)
    check(output.startswith(b'HELLO'), f'no history: {output}')
    console.stdin = None
    # A second reader, by number, gets the whole history; it ends with the machine.
    other = popen(world, 'console', 'c', '0', stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    time.sleep(0.5)
    end(machine)
    output = other.communicate(timeout=10)[0]
    check(output.startswith(b'HELLO') and b'typed text' in output, str(output))
    check(other.returncode == 0 and console.wait(10) == 0, 'status')
    machine = world.started_guest('c', str(world.files / 'halt'))
    expect(world.run('console', 'c', 'serial.7'), 33, 'has no port “serial.7”', 'it has serial.0')
    end(machine)


def console_at_a_terminal(world):
    machine = world.started_guest('c', str(world.files / 'echo'))
    leader, follower = pty.openpty()
    before = termios.tcgetattr(follower)
    console = popen(world, 'console', 'c', 'serial.0', stdin=follower, stdout=follower)

    def read_until(text):
        output = b''
        while text not in output:
            check(select.select([leader], [], [], 10)[0], f'no {text}: {output}')
            output += os.read(leader, 1000)
    read_until(b'HELLO')
    os.write(leader, b'\x03q')  # Ctrl+C is the guest's
    read_until(b'\x03q')
    check(console.poll() is None, 'Ctrl+C ended it')
    os.write(leader, b'\x1d')
    check(console.wait(10) == 0, f'status {console.returncode}')
    check(termios.tcgetattr(follower) == before, 'the terminal was not put back')
    # A signal puts it back too.
    console = popen(world, 'console', 'c', stdin=follower, stdout=follower)
    read_until(b'HELLO')
    console.send_signal(signal.SIGTERM)
    check(console.wait(10) == 0 and termios.tcgetattr(follower) == before, 'SIGTERM')
    os.close(leader)
    os.close(follower)
    check(end(machine)[0] == 0, 'the machine did not survive its readers')


def listed(world):
    status, text, errors = world.run('gpu', 'list-displays', 's')
    check(status == 0, errors)
    return json.loads(text)


def displays(world):
    """Plugged in and taken away while the machine runs."""
    check(listed(world) == {'maximum': 16, 'displays': {
        '0': {'mode': {'windowed': [640, 480]}, 'millimetres': [0, 0]}}}, 'the first display')
    status, text, errors = world.run('gpu', 'add-displays', 's', '--gpu-display', 'mode=windowed[800,600],dpi=[120,60]',
                                     '--gpu-display=windowed[1024,768]')
    check((status, text) == (0, '1\n2\n'), errors)
    check(listed(world)['displays']['1'] == {'mode': {'windowed': [800, 600]}, 'millimetres': [169, 254]}, 'the second')
    status, _, errors = world.run('gpu', 'set-display-mode', 's', '--display-id', '2', '--gpu-display', 'mode=windowed[1280,800]')
    check(status == 0, errors)
    check(listed(world)['displays']['2']['mode'] == {'windowed': [1280, 800]}, 'its new mode')
    status, _, errors = world.run('gpu', 'remove-displays', 's', '--display-id', '0', '--display-id', '2')
    check(status == 0, errors)
    check(list(listed(world)['displays']) == ['1'], 'the one that is left')
    expect(world.run('gpu', 'remove-displays', 's', '--display-id', '2'), 33, 'no display of this number')
    expect(world.run('gpu', 'remove-displays', 's', '--display-id', 'x'), 35, '“x” is no number of a display')
    expect(world.run('gpu', 'remove-displays', 's'), 35, '--display-id is missing')
    expect(world.run('gpu', 'list-displays', 's', '--display-id', '1'), 35, 'has no use here')
    expect(world.run('gpu', 'add-displays', 's', '--gpu-display', 'hidden'), 35, '“hidden” is no display')
    expect(world.run('gpu', 'add-displays', 's', '--gpu-display', 'windowed[0,600]'), 35, 'is no display')
    expect(world.run('gpu', 'paint', 's'), 35, '“gpu paint” is not known')
    for _ in range(15):
        world.run('gpu', 'add-displays', 's', '--gpu-display', 'windowed[640,480]')
    check(len(listed(world)['displays']) == 16, 'sixteen displays')
    expect(world.run('gpu', 'add-displays', 's', '--gpu-display', 'windowed[640,480]'), 33, 'max-num-displays')


def screens(world):
    machine = world.started_guest('s', str(world.files / 'halt'))
    expect(world.run('screenshot', 's', '/dev/null'), 33, 'has no screen; run it with --gpu')
    expect(world.run('type', 's', 'text'), 33, 'has no screen')
    end(machine)
    machine = world.started_guest('s', str(world.files / 'halt'), '--gpu', 'width=640,height=480')
    picture = world.files / 'shot.png'
    expect(world.run('screenshot', 's', str(picture)), 33, 'gave no picture')
    check(not picture.exists(), 'a file without a picture')
    expect(world.run('screenshot', 's', '--display', '3', str(picture)), 33, 'has no display 3')
    displays(world)
    status, _, errors = world.run('type', 's', '-e Hello, World!\n')
    check(status == 0, errors)
    expect(world.run('type', 's', 'naïve'), 33, '1 characters are not on a US keyboard')
    status, _, errors = world.run('keys', 's', 'ctrl+alt+delete', 'LEFTMETA+l', '28', 'f12')
    check(status == 0, errors)
    for words in ('ctrl+hyper', '', 'a+', '+'.join('a' * 9), '99999'):
        expect(world.run('keys', 's', words), 35, 'a key that is not known')
    jails = [line.split() for line in world.run('sandbox', 's')[1].splitlines()]
    check(jails[0][0] == 'part' and {'vmm', 'display', 'machine', 'gpu'} <= {row[0] for row in jails}, str(jails))
    check(all(row[3:7] == ['yes', 'own', 'yes', '0'] for row in jails[1:] if row[1] != '-'), str(jails))
    end(machine)


def sleep_button(world):
    machine = world.started_guest('sl', str(world.files / 'button'))
    said = world.files / 'sl.serial'
    time.sleep(0.3)
    check(b'SLEEP' not in said.read_bytes(), 'nobody pressed it yet')
    check(world.run('sleepbtn', 'sl')[0] == 0, 'sleepbtn')
    check(wait_for(lambda: b'SLEEP' in said.read_bytes(), 10), 'the guest does not see it')
    end(machine)


def disk_resize(world):
    disk = world.file('grows', bytes(1 << 20))
    fixed = world.file('fixed', bytes(1 << 20))
    whole = world.file('whole', bytes(1 << 20))
    image = str(world.files / 'grows.qcow2')
    check(world.run('create_qcow2', image, str(64 << 20))[0] == 0, 'create_qcow2')
    machine = world.started_guest('dr', str(world.files / 'halt'), '-b', disk, '-b', f'{fixed},ro',
                                  '-b', f'{whole},sparse=false', '-b', image)
    check(world.run('disk', 'resize', '0', str(3 << 20), 'dr')[0] == 0, 'resize')
    check(os.stat(disk).st_size == 3 << 20 and os.stat(disk).st_blocks * 512 <= 1 << 20, f'{os.stat(disk)}')
    check(world.run('disk', 'resize', '2', str(2 << 20), 'dr')[0] == 0, 'resize')
    check(os.stat(whole).st_size == 2 << 20 == os.stat(whole).st_blocks * 512, f'{os.stat(whole)}')
    for number, size, why in ((0, 1 << 20, 'can only become longer'), (0, (4 << 20) + 1, 'by whole blocks'),
                              (1, 2 << 20, 'read-only'), (4, 2 << 20, 'no such disk')):
        expect(world.run('disk', 'resize', str(number), str(size), 'dr'), 33, 'did not do that', why)
    expect(world.run('disk', 'resize', 'x', '5', 'dr'), 35, 'disk resize: takes')
    expect(world.run('disk', 'shrink', '0', '5', 'dr'), 35, '“shrink” is unknown')
    check(os.stat(disk).st_size == 3 << 20, 'a refused request changed the disk')
    check(world.run('disk', 'resize', '3', str(96 << 20), 'dr')[0] == 0, 'resize of qcow2')
    check(machine.poll() is None and end(machine)[0] == 0, 'the machine ended')
    with open(image, 'rb') as stream:
        check(stream.read(32)[24:] == (96 << 20).to_bytes(8, 'big'), 'the image did not grow')


def disk_resize_off(world):
    """Of a machine that is off: the file grows, or nothing changes."""
    disk, whole = world.file('short', b'mine' + bytes((1 << 20) - 4)), world.file('short-whole', bytes(1 << 20))
    image, over = str(world.files / 'short.qcow2'), str(world.files / 'over.qcow2')
    check(world.run('create_qcow2', image, str(64 << 20))[0] == 0, 'create_qcow2')
    check(world.run('create_qcow2', over, '--backing-file', world.file('base', bytes(1 << 20)))[0] == 0, 'create_qcow2')
    define(world, 'longer', block=[{'path': disk}, {'path': disk, 'ro': True}, {'path': whole, 'sparse': False},
                                {'path': image}, {'path': over}, {'path': '/nonexistent/disk'}, {'path': '/dev/null'}])
    define(world, 'shares', block=[{'path': over}])
    resize = lambda number, size: world.run('disk', 'resize', str(number), str(size), 'longer')
    check(resize(0, 3 << 20)[0] == 0, 'resize')
    with open(disk, 'rb') as stream:
        check(stream.read(4) == b'mine' and os.stat(disk).st_size == 3 << 20, 'the file')
    check(resize(2, 2 << 20)[0] == 0 and os.stat(whole).st_blocks * 512 == 2 << 20, f'{os.stat(whole)}')
    check(resize(3, 6 << 30)[0] == 0, 'resize of qcow2')
    with open(image, 'rb') as stream:
        check(stream.read(40)[24:] == (6 << 30).to_bytes(8, 'big') + bytes(4) + (12).to_bytes(4, 'big'), 'the image')
    for number, size, why in ((0, 3 << 20, 'bytes already, and a disk can only become longer'),
                              (0, (4 << 20) + 512, 'give a multiple of 4096'), (1, 4 << 20, 'is read-only'),
                              (3, 1 << 50, 'only while its machine runs'), (4, 4 << 20, 'the machine “shares” needs'),
                              (5, 4 << 20, 'cannot be read'), (6, 4 << 20, 'is not a file'), (7, 4 << 20, 'there is no disk 7'),
                              (2, 1 << 50, 'short-whole')):
        expect(resize(number, size), 33, 'did not do that', why)
    check(os.stat(disk).st_size == 3 << 20 and os.stat(whole).st_size == 2 << 20, 'a refused request changed a disk')
    with open(disk, 'rb') as stream:
        fcntl.flock(stream, fcntl.LOCK_SH)
        expect(resize(0, 4 << 20), 33, 'another program uses')
    if shutil.which('qemu-img'):
        subprocess.run(['qemu-img', 'check', image], check=True, timeout=60, stdout=subprocess.DEVNULL)
        subprocess.run(['qemu-io', '-c', f'write {5 << 30} 64k', image], check=True, timeout=60, stdout=subprocess.DEVNULL)
        subprocess.run(['qemu-img', 'check', image], check=True, timeout=60, stdout=subprocess.DEVNULL)


def balloon(world):
    """Without a driver in the guest: the size is asked for, statistics cannot be had."""
    machine = world.started_guest('ba', str(world.files / 'halt'))
    check(world.run('balloon', '8192', 'ba')[0] == 0, 'balloon')
    expect(world.run('balloon_stats', 'ba'), 33, 'no driver')
    expect(world.run('balloon', str(1 << 40), 'ba'), 33, 'more memory than the guest has')
    expect(world.run('balloon', 'ba', '4096'), 35, '“ba” is no number of bytes')
    end(machine)
    machine = world.started_guest('nb', str(world.files / 'halt'), '--no-balloon')
    check('balloon' not in world.children('nb'), 'it has one')
    expect(world.run('balloon', '0', 'nb'), 33, 'no balloon')
    end(machine)


def suspended(world):
    """--suspended: not one instruction before `vmm resume`."""
    said = world.file('su.serial')
    machine = world.start(str(world.files / 'halt'), '--name', 'su', '--cpus', '2', '--suspended',
                          '--serial', f'file,path={said},console')
    state = lambda: world.run('events', 'su', prefix=('timeout', '1'))[1]
    check(wait_for(lambda: '"paused"' in state(), 20), 'it is not paused')
    check(os.stat(said).st_size == 0, 'the guest runs')
    check(world.run('resume', 'su')[0] == 0, 'resume')
    check(wait_for(lambda: os.stat(said).st_size > 0, 20), 'the guest does not go on')
    end(machine)


def logs(world):
    machine = world.started_guest('l', str(world.files / 'halt'), '--log-level', 'debug')
    follower = popen(world, 'logs', '--follow', 'l', stdout=subprocess.PIPE)
    check(wait_for(lambda: ' debug loader has ended' in world.run('logs', 'l')[1], 10), 'logs')
    time.sleep(0.5)
    os.kill(world.children('l')['display'], signal.SIGKILL)
    check(wait_for(lambda: ' it is started again' in world.log('l'), 10), 'no news')
    time.sleep(0.5)
    end(machine)
    check(' debug loader has ended' in world.run('logs', 'l')[1], 'logs of a machine that ended')
    follower.kill()
    output = follower.communicate()[0].decode()
    check(' debug loader has ended' in output and ' it is started again' in output, output)


def next_event(events):
    check(select.select([events.stdout], [], [], 20)[0], 'no event')
    return json.loads(events.stdout.readline())


def events(world):
    watcher = popen(world, 'events', stdout=subprocess.PIPE, bufsize=0)
    of_one = popen(world, 'events', 'ev', stdout=subprocess.PIPE, bufsize=0)
    machine = world.started_guest('ev', str(world.files / 'halt'))
    seen = next_event(watcher)
    while seen['state'] == 'starting':
        seen = next_event(watcher)
    check((seen['machine'], seen['state']) == ('ev', 'running'), str(seen))
    check(seen['time'].endswith('Z') and seen['time'][10] == 'T', str(seen))
    world.run('suspend', 'ev')
    check(next_event(watcher)['state'] == 'paused', 'paused')
    world.run('resume', 'ev')
    check(next_event(watcher)['state'] == 'running', 'running')
    end(machine)
    seen = next_event(watcher)
    check((seen['state'], seen['status']) == ('stopped', 0), str(seen))
    # A machine that ends at once is told all the same, with the reason.
    world.run('run', str(world.files / 'panic'), '--name', 'other')
    seen = next_event(watcher)
    while seen['state'] != 'stopped':
        seen = next_event(watcher)
    check((seen['machine'], seen['status'], seen['cause']) == ('other', 34, 'guest-panic'), str(seen))
    for process in (watcher, of_one):
        process.kill()
    output = of_one.communicate()[0].decode()
    check('"ev"' in output and 'other' not in output, output)


def contract_row(world, way, expected):
    """Lets a machine end one way; its status, last-run.json and the event must be the same."""
    guest, words = way[0], way[1:]
    watcher = popen(world, 'events', 'row', stdout=subprocess.PIPE, bufsize=0)
    time.sleep(0.1)
    if words:
        machine = world.started_guest('row', str(world.files / guest))
        wait_for(lambda: world.run('ping', 'row')[0] == 0, 10)
    else:
        machine = world.start(str(world.files / guest), '--name', 'row')
    if words and words[0] == 'kill':
        os.kill(world.children('row')[words[1]], signal.SIGKILL)
    elif words and words[0] == 'signal':
        for number in words[1:]:
            machine.send_signal(number)
            time.sleep(0.3)
    elif words:
        check(world.run(words[0], 'row')[0] == 0, f'{words[0]}')
    machine.communicate(timeout=harness.LIMIT_S)
    check(machine.returncode == expected, f'{way}: {machine.returncode}, expected {expected}')
    check(world.last_run('row')['status'] == expected, f'{way}: {world.last_run("row")}')
    seen = next_event(watcher)
    while seen['state'] != 'stopped':
        seen = next_event(watcher)
    check(seen['status'] == expected, f'{way}: {seen}')
    check(('sentence' in seen) == (expected in (33, 34, 36)), f'{way}: {seen}')
    watcher.kill()
    watcher.wait()


def exit_status_contract(world):
    """docs/architecture.md section 7, row by row."""
    for way, expected in ((('off',), 0), (('halt', 'stop'), 0), (('halt', 'signal', signal.SIGINT), 0),
                          (('halt', 'signal', signal.SIGTERM, signal.SIGTERM), 0), (('reset',), 32), (('fault',), 32),
                          (('halt', 'restart'), 32), (('halt', 'kill', 'machine'), 33), (('halt', 'kill', 'rng'), 33),
                          (('panic',), 34), (('dog',), 36)):
        contract_row(world, way, expected)
    # The configuration is wrong.
    for words in (('--no-such-option',), (str(world.files / 'halt'), '--cpus', '0'), ('--cfg', '/no/such/file'),
                  ('/no/such/kernel', '--name', 'never')):
        status, _, errors = world.run('run', *words)
        check(status == 35 and errors.startswith('vmm: ') and errors.count('\n') == 1, f'{words}: {status} {errors}')


def events_end_with_their_reader(world):
    watcher = popen(world, 'events', stdout=subprocess.PIPE)
    time.sleep(0.2)
    watcher.stdout.close()
    watcher.stdout = None
    machine = world.started_guest('x', str(world.files / 'halt'))
    end(machine)
    check(wait_for(lambda: watcher.poll() is not None, 10), 'it goes on without a reader')


def autostart(world):
    define(world, 'au')
    entry = world.root / 'config/autostart/org.vitrine.Vitrine.au.desktop'
    check(world.run('autostart', 'au')[1] == 'off\n', 'at first')
    status, _, errors = world.run('autostart', 'au', 'on')
    check(status == 0 and entry.exists(), errors)
    check(f'Exec="{world.vmm}" start au' in entry.read_text(), entry.read_text())
    check(world.run('autostart', 'au')[1] == 'on\n' and '\tautostart\t' in world.run('list', '--all')[1], 'on')
    expect(world.run('autostart', 'au', 'maybe'), 35, '“maybe” is neither on nor off')
    check(json.loads(definition(world, 'au').read_text())['manager']['autostart'] is True, 'the manager would not know')
    check(world.run('autostart', 'au', 'off')[0] == 0 and not entry.exists(), 'off')
    check('autostart' not in definition(world, 'au').read_text(), 'the manager would not know')
    world.run('autostart', 'au', 'on')
    check(world.run('undefine', 'au')[0] == 0 and not entry.exists(), 'undefine left the entry')


def autostart_with_systemd(world):
    """systemctl is a script here that does what `enable` of a user unit does."""
    define(world, 'au')
    (world.root / 'run/systemd').mkdir()
    (world.root / 'run/systemd/private').touch()
    link = world.root / 'config/systemd/user/default.target.wants/vitrine@au.service'
    tools = world.root / 'tools'
    tools.mkdir()
    script = tools / 'systemctl'
    script.write_text(f'#!/bin/sh\n[ "$1 $3" = "--user vitrine@au.service" ] || {{ echo wrong "$@"; exit 1; }}\n'
                      f'case $2 in enable) mkdir -p {link.parent}; ln -s /unit {link} ;; disable) rm {link} ;; esac\n')
    script.chmod(0o755)
    env = dict(world.env(), PATH=f'{tools}:{os.environ["PATH"]}')
    for word, expected in (('on', True), ('off', False)):
        done = subprocess.run([world.vmm, 'autostart', 'au', word], env=env, capture_output=True, text=True)
        check(done.returncode == 0 and link.is_symlink() == expected, f'{word}: {done}')
    script.write_text('#!/bin/sh\necho no bus; exit 1\n')
    done = subprocess.run([world.vmm, 'autostart', 'au', 'on'], env=env, capture_output=True, text=True)
    # Not installed, or no bus: then the desktop does it.
    check(done.returncode == 0 and not link.is_symlink(), str(done))
    check((world.root / 'config/autostart/org.vitrine.Vitrine.au.desktop').exists(), 'neither the one nor the other')
    (world.root / 'run/systemd/private').unlink()
    (world.root / 'run/systemd').rmdir()


CASES = [help_of_each, wrong_words, define_and_undefine, edit, settings, clone_and_delete, delete_keeps_unsure, start_and_stop, start_survives_its_terminal,
         console_in_a_pipe, console_at_a_terminal, screens, sleep_button, disk_resize, disk_resize_off, balloon, suspended, logs, events,
         exit_status_contract, events_end_with_their_reader, autostart,
         autostart_with_systemd]

if __name__ == '__main__':
    harness.main(CASES, [pathlib.Path(p) for p in sys.argv[1:]])
