# SPDX-License-Identifier: LGPL-2.1-or-later
"""The units under a systemd of the user's own: template, slice and limits, start at login, launcher socket.

usage: test-user-units.py PROGRAM...    in the test machine, as root: it hands a control group to the user dut
VITRINE_UNITS: the unit files, as they are installed.
"""
import json
import os
import pathlib
import subprocess
import sys

import harness
from harness import check, wait_for
from launcher import Lifecycle

GROUPS = pathlib.Path('/sys/fs/cgroup')
CONTROLLERS = '+cpu +memory +pids'
USER = ['setpriv', '--reuid=2000', '--regid=2000', '--groups=kvm', 'env', 'HOME=/home/dut', 'USER=dut', 'LOGNAME=dut']
# again: wait for the power button in PM1's status; then off.
POWER = b'\x66\xba\x00\x06\x66\xed\xf6\xc4\x01\x74\xf5' + harness.out16(0x604, 0x2000 | 5 << 10) + harness.HALT
MEMORY = 32 << 20


class Manager:
    """systemd --user with the world's folders."""
    def __init__(self, world):
        self.world = world
        folder = world.root / 'config/systemd/user'
        folder.mkdir(parents=True, exist_ok=True)
        for path in map(pathlib.Path, os.environ['VITRINE_UNITS'].split(':')):
            text = path.read_text()
            for line in text.splitlines():
                if line.startswith('ExecStart='):
                    text = text.replace(line.split('=', 1)[1].split()[0], world.vmm)
            (folder / path.name).write_text(text)
        self.log = open(world.files / 'systemd.log', 'wb')
        self.process = subprocess.Popen(['/lib/systemd/systemd', '--user'], env=world.env(), stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log)
        up = wait_for(lambda: self.ask('is-active', 'default.target')[1] == 'active', harness.LIMIT_S)
        check(up, f'systemd does not come up: {(world.files / "systemd.log").read_text()}')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(harness.LIMIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        for path in (self.world.root / 'run').iterdir():  # its own, and sockets of other programs of this computer
            if path.name != 'vitrine':
                subprocess.run(['chmod', '-R', 'u+rwX', path], check=False)  # it keeps a folder that nobody may read
                subprocess.run(['rm', '-rf', path], check=False)

    def ask(self, *words):
        done = subprocess.run(['systemctl', '--user', '--no-pager', *words], env=self.world.env(), capture_output=True, text=True,
                              timeout=harness.LIMIT_S)
        return done.returncode, done.stdout.strip(), done.stderr.strip()

    def do(self, *words):
        status, output, errors = self.ask(*words)
        check(status == 0, f'systemctl {words}: {output} {errors}')

    def show(self, unit, name):
        return self.ask('show', '--value', '-p', name, unit)[1]


def define(world, name, kernel):
    path = world.file(name + '.json', json.dumps({'kernel': kernel}).encode())
    check(world.run('define', path)[0] == 0, 'define')


def machine_as_a_service(world):
    define(world, 'u', world.file('power', harness.elf(harness.HELLO + POWER)))
    with Manager(world) as manager:
        manager.do('start', 'vitrine@u.service')
        check(wait_for(lambda: world.run('ping', 'u')[0] == 0 and world.children('u'), harness.LIMIT_S), 'it does not run')
        main = int(manager.show('vitrine@u.service', 'MainPID'))
        groups = {pathlib.Path(f'/proc/{pid}/cgroup').read_text().strip() for pid in
                  [main, *(pid for part, pid in world.children('u').items() if part != 'loader')]}
        check(len(groups) == 1 and groups.pop().endswith('/vitrine.slice/vitrine@u.service'), f'other groups: {groups}')
        service = GROUPS / pathlib.Path(f'/proc/{main}/cgroup').read_text().strip()[4:]
        total = int(manager.show('vitrine.slice', 'MemoryHigh'))
        for folder, name, value in ((service.parent, 'cpu.weight', '50'), (service.parent, 'pids.max', '16384'),
                                    (service.parent, 'memory.high', str(total)), (service, 'pids.max', '1024')):
            check((folder / name).read_text().strip() == value, f'{name}: {(folder / name).read_text()}')
        check(total < os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE'), f'memory.high: {total}')
        status = pathlib.Path(f'/proc/{main}/status').read_text()
        limits = pathlib.Path(f'/proc/{main}/limits').read_text()
        check('NoNewPrivs:\t1' in status and 'Max core file size        0 ' in limits, status + limits)
        # Stopping the service is the power button.
        manager.do('stop', 'vitrine@u.service')
        check(manager.show('vitrine@u.service', 'Result') == 'success', manager.show('vitrine@u.service', 'Result'))
        check(world.last_run('u')['status'] == 0, str(world.last_run('u')))


def ends_of_services(world):
    with Manager(world) as manager:
        define(world, 'r', str(world.files / 'reset'))
        manager.do('start', 'vitrine@r.service')
        again = wait_for(lambda: int(manager.show('vitrine@r.service', 'NRestarts')) > 0, harness.LIMIT_S)
        check(again, 'a guest that asks for a reset is not started again')
        manager.ask('stop', 'vitrine@r.service')
        define(world, 'p', str(world.files / 'panic'))
        manager.do('start', 'vitrine@p.service')
        check(wait_for(lambda: manager.show('vitrine@p.service', 'ActiveState') == 'failed', harness.LIMIT_S), 'it goes on')
        check(manager.show('vitrine@p.service', 'ExecMainStatus') == '34', manager.show('vitrine@p.service', 'ExecMainStatus'))


def started_at_login(world):
    define(world, 'a', str(world.files / 'halt'))
    with Manager(world):
        check(world.run('autostart', 'a', 'on')[0] == 0 and world.run('autostart', 'a')[1] == 'on\n', 'autostart on')
        link = world.root / 'config/systemd/user/default.target.wants/vitrine@a.service'
        check(link.is_symlink() and not (world.root / 'config/autostart').exists(), 'not by systemd')
        check(world.run('ping', 'a')[0] == 33, 'it runs already')
    with Manager(world) as manager:  # another login
        check(wait_for(lambda: world.run('ping', 'a')[0] == 0, harness.LIMIT_S), 'it was not started')
        check(manager.show('vitrine@a.service', 'ActiveState') == 'active', 'not by its unit')
        check(world.run('autostart', 'a', 'off')[0] == 0 and not link.is_symlink(), 'autostart off')
        check(world.run('stop', 'a')[0] == 0, 'stop')


def launcher_socket(world):
    with Manager(world) as manager:
        manager.do('start', 'vitrine-launcher.socket')
        path = world.root / 'run/vitrine-launcher.sock'
        check(path.is_socket() and os.stat(path).st_mode & 0o777 == 0o600, 'no socket of the user\'s own')
        instances = lambda: [line.split()[0] for line in manager.ask('list-units', '--plain', '--no-legend',
                                                                     'vitrine-launcher@*.service')[1].splitlines()]
        clients = [Lifecycle(str(path)) for _ in range(2)]
        for client in clients:
            with open(world.files / 'off', 'rb') as kernel:
                client.create(kernel=kernel, guest_memory=MEMORY)
        check(len(instances()) == 2, f'not one service for each: {instances()}')
        for client in clients:
            check(client.run() == 0, 'the guest')
            client.close()
        check(wait_for(lambda: not instances(), harness.LIMIT_S), f'left: {instances()}')
        manager.do('stop', 'vitrine-launcher.socket')


CASES = [machine_as_a_service, ends_of_services, started_at_login, launcher_socket]


def as_user():
    """A control group that belongs to the user, as pam_systemd gives one; then this program again as the user."""
    os.makedirs('/run/systemd/system', exist_ok=True)  # what programs ask for to know that systemd runs
    own = GROUPS / 'user.slice/dut'
    own.mkdir(parents=True, exist_ok=True)
    for folder in (GROUPS, GROUPS / 'user.slice'):
        (folder / 'cgroup.subtree_control').write_text(CONTROLLERS)
    for path in [own, *own.glob('cgroup.*')]:
        os.chown(path, 2000, 2000)
    (own / 'cgroup.procs').write_text(str(os.getpid()))
    os.execvp(USER[0], [*USER, f'VITRINE_UNITS={os.environ["VITRINE_UNITS"]}', sys.executable, __file__, *sys.argv[1:]])


if __name__ == '__main__':
    if not os.path.exists('/lib/systemd/systemd'):
        print('1..0 # SKIP systemd is not installed')
        sys.exit(0)
    if os.geteuid() == 0:
        as_user()
    harness.main(CASES, [pathlib.Path(p) for p in sys.argv[1:]])
