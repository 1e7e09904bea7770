# SPDX-License-Identifier: LGPL-2.1-or-later
"""Machines that run: how they end, what their parts' deaths mean, and what is left of them."""
import fcntl
import json
import os
import pathlib
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time

import harness
from harness import check, end, wait_for
from launcher import Gio, GLib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../fakes/compositor'))
from compositor import Compositor  # noqa: E402

DESKTOP = ['--gpu', 'width=640,height=480', '--serial', 'sink,hardware=virtio-console']


def ends_of_guests(world):
    for guest, expected in (('off', 0), ('reset', 32), ('fault', 32), ('panic', 34)):
        status, output, errors = world.run('run', str(world.files / guest), '--name', 'g')
        check(status == expected, f'{guest}: {status} {errors}')
        check(output == 'HELLO\r\n', f'{guest}: {output!r}')
        check(('vmm: The guest panicked' in errors) == (guest == 'panic'), errors)
        last = world.last_run('g')
        check(last['status'] == expected and last['started'] <= last['ended'], str(last))
        check(last['id'] == ('guest-panic' if guest == 'panic' else ''), str(last))


def stop_by_signal(world):
    for number in (signal.SIGINT, signal.SIGHUP):
        machine = world.started_guest('s', str(world.files / 'halt'))
        status, errors = end(machine, number)
        check(status == 0 and errors == '', f'{status} {errors}')
    # The guest does not look at its power button: the first one is in vain, the second stops.
    machine = world.started_guest('s', str(world.files / 'halt'))
    machine.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    check(machine.poll() is None, 'SIGTERM must press the power button only')
    status, errors = end(machine, signal.SIGTERM)
    check(status == 0 and 'a second one stops the machine' in errors, f'{status} {errors}')


def stop_while_it_starts(world):
    """A part that says nothing, the trial of 3D among them, holds up no signal."""
    for name in ('vmm-gpu', 'vmm-loader', 'vmm-machine', 'vmm-display', 'vmm-rng'):
        part = world.root / 'libexec/vitrine' / name
        real = part.read_bytes()
        try:
            part.write_bytes(harness.elf(harness.SPIN))
            for number in (signal.SIGTERM, signal.SIGINT):
                machine = world.start(str(world.files / 'halt'), '--name', 'b', '--gpu', 'backend=virglrenderer')
                started = wait_for(lambda: name in [running for _, running in world.processes()], 10)
                check(started, f'{name} was not started')
                start = time.monotonic()
                status, errors = end(machine, number)
                took = time.monotonic() - start
                check(status == 0, f'{name}, {number}: {status} {errors}')
                check(took < 5 * harness.PATIENCE, f'{name}, {number}: it took {took:.1f} s')
        finally:
            part.write_bytes(real)


def stop_while_it_ends(world):
    """A signal that comes while the last picture is waited for is not lost: no restart follows."""
    machine = world.started_guest('z', str(world.files / 'late-reset'), *DESKTOP, '--restart')
    parts = wait_for(lambda: world.children('z'), 5)
    os.kill(parts['display'], signal.SIGSTOP)  # it will not send the picture
    left = pathlib.Path('/proc', str(parts['machine']))
    check(wait_for(lambda: not left.exists() or ') Z ' in (left / 'stat').read_text(), harness.LIMIT_S),
          'the guest did not reset')
    status, errors = end(machine, signal.SIGTERM)
    check(status == 32, f'{status} {errors}')
    check('the guest reboots' not in world.log('z'), world.log('z'))


def runtime_folder(world):
    machine = world.started_guest('r', str(world.files / 'halt'))
    folder = world.root / 'run/vitrine/r'
    check((os.stat(folder).st_mode & 0o777) == 0o700, 'mode of the folder')
    check((folder / 'control').is_socket(), 'no control socket')
    check(int((folder / 'pid').read_text()) == machine.pid, 'wrong pid')
    parts = world.children('r')
    check(set(parts) == {'display', 'loader', 'machine', 'rng', 'balloon'}, str(parts))
    status, _, errors = world.run('run', str(world.files / 'halt'), '--name', 'r')
    check(status == 35 and 'named “r” runs already' in errors, f'{status} {errors}')
    check(machine.poll() is None and (folder / 'control').is_socket(), 'the second run broke the first')
    end(machine)
    check(not folder.exists(), 'the folder is left')
    check(world.last_run('r')['status'] == 0, 'the second run overwrote the result')


def socket_elsewhere(world):
    path = world.files / 's.sock'
    machine = world.started_guest('e', str(world.files / 'halt'), '-s', str(path))
    check(path.is_socket(), 'no socket where -s says')
    check(os.readlink(world.root / 'run/vitrine/e/control') == str(path), 'no link to it')
    end(machine)
    check(not path.exists(), 'the socket is left')
    machine = world.started_guest('e', str(world.files / 'halt'), '-s', str(world.files))
    check((world.files / f'vm-{machine.pid}.sock').is_socket(), 'no socket in the folder')
    end(machine)


def death_of_each_part(world):
    disk = world.file('disk', bytes(1 << 20))
    labels = {'machine': 'machine', 'rng': 'random number source', 'block-0': 'disk', 'console-1': 'console',
              'keyboard': 'keyboard', 'pointer': 'pointer'}
    for part, label in labels.items():
        machine = world.started_guest('d', str(world.files / 'halt'), '-b', disk, *DESKTOP)
        parts = wait_for(lambda: world.children('d'), 5)
        check(part in parts, f'{part} is not in {parts}')
        os.kill(parts[part], signal.SIGKILL)
        _, errors = machine.communicate(timeout=harness.LIMIT_S)
        errors = errors.decode()
        check(machine.returncode == 33, f'{part}: {machine.returncode} {errors}')
        check(f'The {label} was killed' in errors, f'{part}: {errors}')
        last = world.last_run('d')
        check(last['part'] == part and last['id'] == 'part-died', str(last))
        check(not world.leftovers(), f'{part}: {world.leftovers()}')


def machine_property(world, name, which):
    """A property of org.vitrine.Vmm1.Machine."""
    link = Gio.DBusConnection.new_for_address_sync(f'unix:path={world.root}/run/vitrine/{name}/control',
                                                   Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT, None, None)
    value = link.call_sync(None, '/org/vitrine/Vmm1', 'org.freedesktop.DBus.Properties', 'Get',
                           GLib.Variant('(ss)', ('org.vitrine.Vmm1.Machine', which)), None,
                           Gio.DBusCallFlags.NONE, 5000, None).unpack()[0]
    link.close_sync(None)
    return value


def crash_card(world, name, number, **said):
    """The graphics card's process dies for the number-th time: what the log says then, and whether it is back."""
    words = said.get('words', 'the guest\'s screen goes on')
    os.kill(wait_for(lambda: world.children(name).get('gpu'), 5), signal.SIGKILL)
    check(wait_for(lambda: world.log(name).count(words) == said.get('times', number), harness.LIMIT_S), world.log(name))
    return wait_for(lambda: world.children(name).get('gpu'), 5) if said.get('back', True) else None


def card_comes_again(world):
    """A graphics card that crashes is started again, twice a minute; it asks nobody's leave and nobody restarts."""
    machine = world.started_guest('again', str(world.files / 'halt'), *DESKTOP)
    first = wait_for(lambda: world.children('again'), 5)['gpu']
    check(machine_property(world, 'again', 'GraphicsRestarts') == 0, 'it counts what was not')
    second = crash_card(world, 'again', 1)
    check(wait_for(lambda: machine_property(world, 'again', 'GraphicsRestarts') == 1, 5), 'clients do not get to know')
    check(second != first, f'{first} {second}')
    status, output, errors = world.run('gpu', 'stats', 'again')
    check(status == 0 and 'Commands' in output, f'{status} {output} {errors}')
    check(crash_card(world, 'again', 2) not in (first, second), 'no new process')
    crash_card(world, 'again', 3, words='the picture stands still', times=1, back=False)
    check(world.log('again').count('is started again') == 2, world.log('again'))
    check(machine_property(world, 'again', 'GraphicsRestarts') == 2, 'one that stays away is counted')
    check(' ;' not in world.log('again'), world.log('again'))
    status, _, errors = world.run('gpu', 'stats', 'again')
    check(status == 33 and 'no graphics card' in errors, f'{status} {errors}')
    check(machine.poll() is None, 'the machine ended with its graphics card')
    status, errors = end(machine)
    check(status == 0, f'{status} {errors}')
    check(not world.leftovers(), str(world.leftovers()))


def crash_and_blocked_call(world):
    """A program of ours in place of vmm-rng, because no signal from outside does this to a jailed part."""
    part = world.root / 'libexec/vitrine/vmm-rng'
    real = part.read_bytes()
    try:
        for code, cause, text in ((harness.CRASH, 'part-died', 'The random number source crashed'),
                                  (harness.BLOCKED, 'blocked-call', 'The random number source asked the kernel')):
            part.write_bytes(harness.elf(code))
            status, _, errors = world.run('run', str(world.files / 'halt'), '--name', 'c')
            check(status == 33 and text in errors, f'{status} {errors}')
            last = world.last_run('c')
            check((last['id'], last['part']) == (cause, 'rng'), str(last))
    finally:
        part.write_bytes(real)


def flooding_parts(world):
    """Parts that send without end: the machine does not start, and its supervisor still hears its user."""
    for name in ('vmm-rng', 'vmm-display', 'vmm-machine'):
        part = world.root / 'libexec/vitrine' / name
        real = part.read_bytes()
        try:
            part.write_bytes(harness.elf(harness.FLOOD))
            machine = world.start(str(world.files / 'halt'), '--name', 'f')
            time.sleep(0.5)
            start = time.monotonic()
            status, errors = end(machine)
            took = time.monotonic() - start
            print(f'# {name}: {status} after {took:.1f} s: {errors.strip()}')
            check(took < 5 * harness.PATIENCE, f'{name}: {took:.1f} s until it was stopped')
        finally:
            part.write_bytes(real)


def display_is_started_again(world):
    machine = world.started_guest('a', str(world.files / 'halt'), *DESKTOP)
    display = wait_for(lambda: world.children('a'), 5)['display']
    for _ in range(3):
        os.kill(display, signal.SIGKILL)
        again = wait_for(lambda: [p for p, name in world.processes() if name == 'vmm-display' and p != display], 10)
        check(again and machine.poll() is None, 'no new display process')
        display = again[0]
        time.sleep(0.3)
    check(world.log('a').count('it is started again') == 3, world.log('a'))
    status, errors = end(machine)
    check(status == 0, f'{status} {errors}')


def supervisor_is_killed(world):
    machine = world.started_guest('k', str(world.files / 'halt'), *DESKTOP)
    machine.kill()
    machine.wait()
    check(wait_for(lambda: not world.processes(), 5), f'left: {world.processes()}')
    check((world.root / 'run/vitrine/k').exists(), 'the stale folder is what this test needs')
    end(world.started_guest('other', str(world.files / 'halt')))
    check(not (world.root / 'run/vitrine/k').exists(), 'the stale folder was not removed')


def restart(world):
    serial = world.files / 'serial'
    config = world.file('vm.json', json.dumps({'kernel': str(world.files / 'reset'), 'name': 'b'}).encode())
    serial.write_bytes(b'')
    machine = world.start('--cfg', config, '--restart', '--serial', f'file,path={serial}')
    check(wait_for(lambda: serial.read_bytes().count(b'HELLO') >= 2, harness.LIMIT_S), 'it did not start over')
    # A changed file takes effect when the guest reboots by itself.
    world.file('vm.json', json.dumps({'kernel': str(world.files / 'off'), 'name': 'b'}).encode())
    _, errors = machine.communicate(timeout=harness.LIMIT_S)
    check(machine.returncode == 0, f'{machine.returncode} {errors.decode()}')


def disk_lock_lasts(world):
    disk = world.file('locked', bytes(1 << 20))
    machine = world.started_guest('l', str(world.files / 'halt'), '-b', disk)
    harness.expect(world.run('run', str(world.files / 'halt'), '-b', disk), 33, 'Another program uses')
    end(machine)
    status, _, errors = world.run('run', str(world.files / 'off'), '-b', disk)
    check(status == 0, errors)


def disposable(world):
    """--disposable: the disk is only read, what is written goes to a file that has no name any more."""
    disk = world.file('thrown', bytes(1 << 20))
    machine = world.started_guest('dp', str(world.files / 'halt'), '-b', disk, '--disposable')
    check('block-0' in world.children('dp'), 'it has no disk')
    files = [os.readlink(fd) for fd in pathlib.Path(f'/proc/{machine.pid}/fd').iterdir()]
    check([path for path in files if path.endswith(' (deleted)') and path.startswith(('/tmp/', '/var/tmp/'))], str(files))
    config = json.loads((world.root / 'run/vitrine/dp/config').read_text())
    check(config['disposable'] is True and not config['block'][0].get('ro', False), str(config))
    # Others may read the disk too, and must not write it.
    other = world.started_guest('dq', str(world.files / 'halt'), '-b', disk, '--disposable')
    harness.expect(world.run('run', str(world.files / 'halt'), '-b', disk), 33, 'Another program uses')
    check(end(machine)[0] == 0 and end(other)[0] == 0, 'they do not end well')
    os.chmod(disk, 0o444)  # who may not write it may use it so
    status, _, errors = world.run('run', str(world.files / 'off'), '-b', disk, '--disposable')
    check(status == 0, errors)
    harness.expect(world.run('run', str(world.files / 'off'), '-b', disk, '--disposable',
                             prefix=('env', 'TMPDIR=/proc')), 33, 'has no place in “/proc”')
    definition = world.file('ds.json', json.dumps({'kernel': str(world.files / 'halt'), 'block': [{'path': disk, 'ro': True}]}).encode())
    status, _, errors = world.run('define', definition)
    check(status == 0, errors)
    status, _, errors = world.run('start', '--disposable', 'ds')
    check(status == 0, errors)
    check(json.loads((world.root / 'run/vitrine/ds/config').read_text())['disposable'] is True, 'vmm start --disposable')
    check(world.run('stop', 'ds')[0] == 0, 'vmm stop')
    check(wait_for(lambda: not world.processes(), 20), 'it did not stop')
    check(world.run('start', 'ds')[0] == 0, 'vmm start')
    check(json.loads((world.root / 'run/vitrine/ds/config').read_text())['disposable'] is False, 'vmm start keeps')
    check(world.run('stop', 'ds')[0] == 0 and wait_for(lambda: not world.processes(), 20), 'vmm stop')


def run_at_terminal(world, *arguments):
    """`vmm run` with a terminal as its own; (process id, our end, its end, how that was)."""
    leader, follower = pty.openpty()
    before = termios.tcgetattr(follower)
    pid = os.fork()
    if pid == 0:
        os.setsid()
        for fd in range(3):
            os.dup2(follower, fd)
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        os.execve(world.vmm, ['vmm', 'run', *arguments], world.env())
    return pid, leader, follower, before


def read_until(leader, text):
    output = b''
    while text not in output:
        check(select.select([leader], [], [], harness.LIMIT_S)[0], f'no {text!r}: {output}')
        output += os.read(leader, 1000)
    return output


def terminal_is_restored(world):
    for port in ((), ('--serial', 'stdout,num=1')):
        pid, leader, follower, before = run_at_terminal(world, str(world.files / 'halt'), '--name', 't', *port)
        read_until(leader, b'HELLO\r')
        during = termios.tcgetattr(follower)
        raw = not during[3] & (termios.ICANON | termios.ECHO | termios.ISIG)
        check(raw == (not port), 'the terminal is raw only where keys go to the guest')
        os.kill(pid, signal.SIGINT)
        check(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, 'status')
        check(termios.tcgetattr(follower) == before, 'the terminal was not put back')
        os.close(follower)
        os.close(leader)


def terminal_shows_what_the_guest_writes(world):
    for port in ((), ('--serial', 'stdout,num=1')):
        pid, leader, follower, _ = run_at_terminal(world, str(world.files / 'halt'), '--name', 't',
                                                   '--log-level', 'debug', *port)
        output = read_until(leader, b'HELLO\r\n')
        os.kill(pid, signal.SIGINT)
        os.waitpid(pid, 0)
        os.close(follower)
        while select.select([leader], [], [], 0)[0]:
            try:
                output += os.read(leader, 10000)
            except OSError:  # EIO: the other end is closed
                break
        os.close(leader)
        check(b'\r\r' not in output, f'a line end twice: {output!r}')
        check(b'vmm: ' in output and output.count(b'\n') == output.count(b'\r\n'),
              f'our own lines do not begin at the left: {output!r}')


def closed_streams(world):
    machine = world.start(str(world.files / 'halt'), '--name', 'q', stdout=None,
                          preexec_fn=lambda: (os.close(0), os.close(1)))
    check(wait_for(lambda: 'display' in world.children('q'), 10), 'did not start')
    time.sleep(0.5)
    status, errors = end(machine)
    check(status == 0, f'{status} {errors}')


def no_sandbox(world):
    status, output, errors = world.run('run', str(world.files / 'off'), '--disable-sandbox')
    check(status == 0 and 'HELLO' in output, f'{status} {errors}')
    check('The sandbox is off' in errors, errors)


def log_file(world):
    end(world.started_guest('log', str(world.files / 'halt'), '--log-level', 'debug'))
    lines = world.log('log').splitlines()
    check(any(' vmm debug loader has ended' in line for line in lines), world.log('log'))
    check(all(line[10] == 'T' and line.split(' ', 1)[0].endswith('Z') for line in lines), world.log('log'))


def commands(world):
    """What `vmm` says to a running machine."""
    machine = world.started_guest('cmd', str(world.files / 'halt'), *DESKTOP)
    check('cmd\t%d\t' % machine.pid in world.run('list')[1], 'list')
    for verb in ('ping', 'suspend', 'resume', 'powerbtn'):
        status, _, errors = world.run(verb, 'cmd')
        check(status == 0, f'{verb}: {status} {errors}')
    status, output, errors = world.run('stats', 'cmd')
    parts = {line.split()[0] for line in output.splitlines()[1:]}
    check(parts == {'vmm', 'display', 'machine', 'rng', 'balloon', 'gpu', 'keyboard', 'pointer', 'console-1'}, output + errors)
    status, _, errors = world.run('stop', str(world.root / 'run/vitrine/cmd/control'))
    check(status == 0, f'stop: {status} {errors}')
    _, errors = machine.communicate(timeout=harness.LIMIT_S)
    check(machine.returncode == 0, errors.decode())
    check(world.run('list')[1] == '', 'list')
    status, _, errors = world.run('stop', 'cmd')
    check(status == 33 and 'No machine answers' in errors, f'{status} {errors}')
    machine = world.started_guest('cmd', str(world.files / 'halt'))
    check(world.run('restart', 'cmd')[0] == 0, 'restart')
    machine.communicate(timeout=harness.LIMIT_S)
    check(machine.returncode == 32, f'restart: {machine.returncode}')


def sandbox_of_each_part(world):
    """tests/jail/running.py reads /proc of every part; the whole set of devices."""
    if os.geteuid() != 0:
        return 'only root may look at jailed processes'
    disk = world.file('jailed', bytes(1 << 20))
    machine = world.started_guest('jail', str(world.files / 'halt'), '-b', disk, *DESKTOP)
    check(wait_for(lambda: world.children('jail'), 5), 'no process list')
    time.sleep(0.5 * harness.PATIENCE)
    script = pathlib.Path(__file__).resolve().parent.parent / 'jail/running.py'
    report = subprocess.run([sys.executable, script, str(machine.pid)], capture_output=True, text=True)
    check(report.returncode == 0 and report.stdout.count('\nok') >= 4 * 8, report.stdout + report.stderr)
    end(machine)
    # The graphics card once more: its libraries have started threads before the jail closed.
    machine = world.started_guest('jail-3d', str(world.files / 'halt'), '--gpu', 'backend=virglrenderer')
    time.sleep(0.5 * harness.PATIENCE)
    report = subprocess.run([sys.executable, script, str(machine.pid)], capture_output=True, text=True)
    check(report.returncode == 0, report.stdout + report.stderr)
    end(machine)


def graphics_ladder(world):
    """3D that cannot be had never stops a start, and 3D that crashes later ends nothing but the picture."""
    said = {'backend=2d': '2D, as asked for.',
            'backend=virglrenderer': 'graphics: 3D',
            'backend=virglrenderer,fault=probe': '2D, although 3D was asked for',
            'backend=virglrenderer,fault=node': 'graphics: 3D, drawn by the processor: ',
            'backend=virglrenderer,fault=start': '2D: 3D crashed when the machine started.'}
    for number, (option, sentence) in enumerate(said.items()):
        name = f'g{number}'
        machine = world.started_guest(name, str(world.files / 'halt'), '--gpu', option)
        check(sentence in world.log(name), f'{option}: {world.log(name)}')
        if option not in ('backend=virglrenderer', 'backend=virglrenderer,fault=node'):
            status, _, errors = world.run('gpu', 'restart-renderer', name)
            check(status == 33 and 'draws in 2D only' in errors, f'{status} {errors}')
        status, errors = end(machine)
        check(status == 0, f'{option}: {status} {errors}')
    machine = world.started_guest('lost', str(world.files / 'halt'), '--gpu', 'backend=virglrenderer')
    status, output, errors = world.run('gpu', 'stats', 'lost')
    check(status == 0 and 'Commands' in output and 'MemoryLimit' in output, f'{status} {output} {errors}')
    for table in ('command  .* longest', 'resource  .* flushes', 'fences  .* longest'):
        check(re.search(f'^{table}$', output, re.MULTILINE), f'no table of {table}: {output}')
    status, output, errors = world.run('gpu', 'stats', '--json', 'lost')
    check(status == 0, errors)
    told = json.loads(output)
    check(told['Contexts'] == 0 and told['ContextList'] == [] and told['MemoryLimit'] > 0 and 1 in told['Capsets'] and
          told['OtherResources'] == {'count': 0, 'bytes': 0, 'transfers': 0, 'flushes': 0}, output)
    status, _, errors = world.run('gpu', 'restart-renderer', '--json', 'lost')
    check(status == 35 and '--json has no use here' in errors, f'{status} {errors}')
    for _ in range(3):
        status, output, errors = world.run('gpu', 'restart-renderer', 'lost')
        check(status == 0 and re.search(r'contexts lost +0\nresources lost +0\n', output), f'{status} {output} {errors}')
    check('The 3D renderer began anew' in world.log('lost'), world.log('lost'))
    crash_card(world, 'lost', 1)
    status, output, errors = world.run('gpu', 'restart-renderer', 'lost')
    check(status == 0 and re.search(r'contexts lost +0\nresources lost +0\n', output), f'{status} {output} {errors}')
    crash_card(world, 'lost', 2)
    check('it is started again without 3D' in world.log('lost'), world.log('lost'))
    status, output, errors = world.run('gpu', 'restart-renderer', 'lost')
    check(status == 33 and 'draws in 2D only' in errors, f'{status} {output} {errors}')
    crash_card(world, 'lost', 3, words='the picture stands still', times=1, back=False)
    check(machine.poll() is None, 'the machine ended with its graphics card')
    status, output, errors = world.run('gpu', 'stats', 'lost')
    check(status == 33 and 'no graphics card' in errors, f'{status} {output} {errors}')
    status, output, errors = world.run('gpu', 'restart-renderer', 'lost')
    check(status == 33 and 'no graphics card' in errors, f'{status} {output} {errors}')
    status, errors = end(machine)
    check(status == 0, f'{status} {errors}')


def kinds_of_contexts(world):
    """What context-types names is what a guest is offered, and no more."""
    offered = {'backend=virglrenderer': ['1', '2'],
               'context-types=[virgl]': ['1'],
               'context-types=[virgl2]': ['2'],
               'context-types=[virgl,virgl2]': ['1', '2'],
               'backend=2d': []}
    for number, (option, wanted) in enumerate(offered.items()):
        name = f'k{number}'
        machine = world.started_guest(name, str(world.files / 'halt'), '--gpu', option)
        status, output, errors = world.run('gpu', 'stats', name)
        found = re.search(r'^Capsets +(.*)$', output, re.MULTILINE)
        check(status == 0 and (found.group(1).split() if found else []) == wanted,
              f'{option}: {status} {output} {errors} {world.log(name)}')
        status, errors = end(machine)
        check(status == 0, f'{option}: {status} {errors}')


def vulkan(world):
    """What cannot be had is said; a render server that ends takes nothing along but Vulkan."""
    machine = world.started_guest('v', str(world.files / 'halt'), '--gpu', 'context-types=[venus]')
    check('graphics: 3D' in world.log('v') and
          ('no Vulkan, although it was asked for: ' in world.log('v') or ', with Vulkan.' in world.log('v')),
          world.log('v'))
    status, errors = end(machine)
    check(status == 0, f'{status} {errors}')
    # Mesa's software driver does all but share its memory: as far as a machine without a card goes.
    machine = world.started_guest('v2', str(world.files / 'halt'), '--gpu',
                                  'context-types=[venus],fault=venus-unproved')
    if 'with Vulkan, whose memory was not tried' not in world.log('v2'):
        end(machine)
        return 'no render server or no Vulkan driver: ' + world.log('v2')
    check('render' in wait_for(lambda: world.children('v2'), 5), 'no render server')
    check(re.search(r'^Capsets +4$', world.run('gpu', 'stats', 'v2')[1], re.MULTILINE), 'Vulkan alone was asked for')
    own = pathlib.Path(f"/proc/{world.children('v2')['render']}")
    limits = (own / 'limits').read_text(encoding='utf-8')
    check(re.search(rf'^Max address space +{4 << 30} +{4 << 30} ', limits, re.MULTILINE), limits)
    check((own / 'oom_score_adj').read_text(encoding='utf-8') == '500\n', 'the kernel does not end it first')
    if os.geteuid() == 0:
        script = pathlib.Path(__file__).resolve().parent.parent / 'jail/running.py'
        report = subprocess.run([sys.executable, script, str(machine.pid)], capture_output=True, text=True)
        check(report.returncode == 0 and 'virgl_render_' in report.stdout, report.stdout + report.stderr)
    os.kill(world.children('v2')['render'], signal.SIGKILL)
    check(wait_for(lambda: 'Vulkan programs in the guest draw no more' in world.log('v2'), harness.LIMIT_S),
          world.log('v2'))
    check(wait_for(lambda: 'The Vulkan renderer has ended' in world.log('v2'), harness.LIMIT_S), world.log('v2'))
    check(machine.poll() is None, 'the machine ended with its render server')
    check(world.run('gpu', 'stats', 'v2')[0] == 0, 'the graphics card ended with the render server')
    status, errors = end(machine)
    check(status == 0, f'{status} {errors}')
    return None


def compositor_knows_the_sandbox(world):
    """What a compositor with wp_security_context_v1 is told; one without is no hindrance."""
    program = os.environ.get('TEST_COMPOSITOR')
    if not program:
        return 'no test compositor'
    for option, sentence in (('contexts', 'treats the guest\'s windows as sandboxed'),
                             ('hold', 'what is not for guests is hidden')):
        desk = Compositor(program, option)
        try:
            machine = world.started_guest('w', str(world.files / 'halt'), '--gpu',
                                          'backend=2d,context-types=[cross-domain]', '--wayland-sock', desk.socket,
                                          '--log-level', 'debug')
            check(wait_for(lambda: sentence in world.log('w'), harness.LIMIT_S), world.log('w'))
            status, output, errors = world.run('gpu', 'stats', 'w')
            check(status == 0 and re.search(rf'MemoryLimit\D+{8 << 30}\b', output), f'{status} {output} {errors}')
            lines = desk.say('contexts')
            if option == 'contexts':
                check(len(lines) == 1, str(lines))
                takes, clients, engine, app_id, instance = lines[0].split()
                check((takes, clients, engine, app_id) ==
                      ('1', '0', 'org.vitrine.Vitrine', 'org.vitrine.machine.w') and len(instance) == 36, lines[0])
            status, errors = end(machine)
            check(status == 0, f'{status} {errors}')
            check(wait_for(lambda: not [line for line in desk.say('contexts') if line[0] == '1'], harness.LIMIT_S),
                  'the context outlives the machine')
        finally:
            check(desk.end() == 0, 'the compositor failed')
    return None


def guard_is_started_again(world):
    """As often as it takes, though not five times in half a minute."""
    program = os.environ.get('TEST_COMPOSITOR')
    if not program:
        return 'no test compositor'
    desk = Compositor(program, 'hold')

    def guards(*others):
        return [p for p, name in world.processes() if name.startswith('vmm-wayland') and p not in others]

    try:
        machine = world.started_guest('g', str(world.files / 'halt'), '--gpu',
                                      'backend=2d,context-types=[cross-domain]', '--wayland-sock', desk.socket)
        guard = wait_for(guards, 5)[0]
        for times in range(6):
            if times == 5:
                time.sleep(31)  # the first is forgotten then
            os.kill(guard, signal.SIGKILL)
            again = wait_for(lambda: guards(guard), 10)
            check(again and machine.poll() is None, f'no new guard after {times + 1} ends: {world.log("g")}')
            guard = again[0]
            time.sleep(0.3)
        for _ in range(5):
            now = guards()
            if now:
                os.kill(now[0], signal.SIGKILL)
                wait_for(lambda: guards(now[0]), 3)
        check(wait_for(lambda: 'the guest opens no more windows' in world.log('g'), 5), world.log('g'))
        check(machine.poll() is None, 'the machine ended with its guard')
        status, errors = end(machine)
        check(status == 0, f'{status} {errors}')
    finally:
        desk.end()
    return None


CASES = [ends_of_guests, stop_by_signal, stop_while_it_starts, stop_while_it_ends, runtime_folder, socket_elsewhere,
         death_of_each_part, card_comes_again, crash_and_blocked_call, flooding_parts,
         display_is_started_again, supervisor_is_killed, restart, disk_lock_lasts, disposable, terminal_is_restored,
         terminal_shows_what_the_guest_writes,
         closed_streams, no_sandbox, log_file, commands, graphics_ladder, kinds_of_contexts, vulkan, compositor_knows_the_sandbox,
         guard_is_started_again, sandbox_of_each_part]

if __name__ == '__main__':
    harness.main(CASES, [pathlib.Path(p) for p in sys.argv[1:]])
