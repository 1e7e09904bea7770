# SPDX-License-Identifier: LGPL-2.1-or-later
"""`vmm run --gdb`: gdb itself, and clients that mean it badly. test-gdb.py GUEST PROGRAM..."""
import os
import pathlib
import random
import shutil
import subprocess
import sys
import time

import harness
from harness import check, wait_for
from rsp import Client, Hangup, RIP, frame

GUEST = ''
SYMBOLS = {}


def symbols(path):
    """{name: address}, by nm."""
    lines = subprocess.run(['nm', path], capture_output=True, text=True, check=True).stdout.splitlines()
    return {line.split()[2]: int(line.split()[0], 16) for line in lines}


class Debugged:
    """A machine that waits for its debugger."""
    def __init__(self, world, *words, address=None):
        self.address = address or f'unix:{world.root}/gdb.sock'
        self.serial = world.files / 'gdb.serial'
        self.serial.write_bytes(b'')
        self.machine = world.start('--name', 'd', '--gdb', self.address, '--serial',
                                   f'file,path={self.serial},console', *words, GUEST)
        self.world = world
        said = b''
        while b'waits for gdb' not in said:
            line = self.machine.stderr.readline()
            check(line, f'it ended: {said.decode()}')
            said += line
        check(self.serial.read_bytes() == b'', 'the guest ran already')

    def client(self):
        return Client(self.address)

    def patient_client(self):
        """One that is served: the one before has gone, but the server may not have seen it yet."""
        def attempt():
            try:
                client = self.client()
                client.ask('?')
                return client
            except (Hangup, OSError):
                return None
        client = wait_for(attempt, 20)
        check(client, 'nobody is served any more')
        return client

    def says_hello(self):
        return wait_for(lambda: b'HELLO' in self.serial.read_bytes(), 20)

    def finish(self, status=0):
        _, errors = self.machine.communicate(timeout=harness.LIMIT_S)
        check(self.machine.returncode == status, f'status {self.machine.returncode}: {errors.decode()}')
        return errors.decode()

    def stop(self):
        check(self.world.run('stop', 'd')[0] == 0, 'stop')
        return self.finish()


def gdb(debugged, *commands):
    """What gdb prints; each command's own words are in it."""
    target = debugged.address.removeprefix('unix:')
    words = ['gdb', '-batch', '-nx', '-ex', f'target remote {target if "/" in target else ":" + target}']
    for command in commands:
        words += ['-ex', command]
    done = subprocess.run([*words, GUEST], capture_output=True, text=True, timeout=harness.LIMIT_S,
                          env=dict(os.environ, HOME=str(debugged.world.root), DEBUGINFOD_URLS=''))
    return done.stdout + done.stderr


def expect(output, *lines):
    for line in lines:
        check(line in output, f'“{line}” is not in: {output}')


def emulated():
    """QEMU's emulation of a virtualising processor does not stop for breakpoints (7.2, svm_helper.c); see tests/dut/other-processor."""
    return 'QEMU TCG' in pathlib.Path('/proc/cpuinfo').read_text() or 'vitrine.dut' in \
        pathlib.Path('/proc/cmdline').read_text()


def first_words(world):
    debugged = Debugged(world)
    output = gdb(debugged, 'printf "at %lx\\n", $rip', 'stepi', 'stepi', 'printf "then %lx\\n", $rip - (long)&_start',
                 'printf "rdx %x\\n", $rdx', 'printf "text %s", (char *)&text', 'x/1i $rip', 'info threads',
                 'printf "cr0 %x efer %x\\n", $cr0, $efer', 'set $rbx = 0x123456789abcdef0', 'set $xmm3.uint128 = 77',
                 'printf "rbx %lx\\n", $rbx', 'print $xmm3.uint128', 'set var *(long *)&counter = 55',
                 'printf "counter %ld\\n", *(long *)&counter', 'print *(int *)0xffffffffff000000', 'detach')
    expect(output, f'at {SYMBOLS["_start"]:x}', 'then b', 'rdx 3f8', 'text HELLO', 'mov    (%rsi),%al', 'processor 0',
           'cr0 80000011 efer 500', 'rbx 123456789abcdef0', '= 77', 'counter 55',
           'Cannot access memory at address 0xffffffffff000000')
    check(debugged.says_hello(), 'the guest does not go on after “detach”')
    debugged.stop()


def breakpoints(world):
    if emulated():
        return 'the processor is QEMU TCG\'s'
    debugged = Debugged(world)
    output = gdb(debugged, 'hbreak first', 'continue', 'printf "rip %lx\\n", $rip', 'stepi',
                 'printf "rbx %lx\\n", $rbx', 'delete', 'hbreak fill', 'continue', 'continue', 'printf "rcx %ld\\n", $rcx',
                 'delete', 'set var *(long *)&enough = 1', 'continue')
    expect(output, 'Breakpoint 1, ', f'rip {SYMBOLS["first"]:x}', 'rbx 1111', 'rcx 2', 'exited normally')
    check(wait_for(lambda: debugged.serial.read_bytes() == b'HELLO\r\n', 20), 'the serial port')
    debugged.finish()


def of_the_processor(world):
    """int3 and watchpoints, where a processor executes the guest: a KVM that interprets it has neither."""
    if emulated():
        return 'the processor is QEMU TCG\'s'
    if world.run('check')[0] != 0:
        return 'this KVM interprets the guest'
    debugged = Debugged(world)
    output = gdb(debugged, 'break fill', 'continue', 'continue', 'printf "rcx %ld\\n", $rcx', 'delete',
                 'watch *(long *)&counter', 'continue', 'continue', 'printf "seen %ld\\n", *(long *)&counter',
                 'delete', 'set var *(long *)&enough = 1', 'continue')
    expect(output, 'Breakpoint 1, ', 'rcx 2', 'Hardware watchpoint 2', 'New value = 2', 'New value = 3', 'seen 3',
           'exited normally')
    debugged.finish()


def software_breakpoints(world):
    """What the client sees of them; whether they are met depends on what carries the guest."""
    debugged = Debugged(world)
    client = debugged.client()
    fill = SYMBOLS['fill']
    before = client.memory(fill, 8)
    check(client.ask(f'Z0,{fill:x},1') == 'OK' and client.ask(f'Z0,{fill:x},1') == 'OK', 'Z0')
    check(client.memory(fill, 8) == before, 'the breakpoint shows in memory')
    check(client.ask(f'M{fill + 1:x},1:90') == 'OK', 'M')
    check(client.memory(fill, 3) == before[:1] + b'\x90' + before[2:3], 'a write beside it')
    check(client.ask(f'M{fill:x},2:{before[:2].hex()}') == 'OK' and client.memory(fill, 8) == before, 'a write over it')
    check(client.ask('Z0,ffffffffff000000,1')[0] == 'E', 'a breakpoint where no memory is')
    check(client.ask(f'z0,{fill:x},1') == 'OK' and client.ask(f'z0,{fill:x},1')[0] == 'E', 'z0')
    check(client.ask(f'Z3,{fill:x},1') == '', 'read watchpoints are not known')
    check([client.ask(f'Z1,{fill + i:x},1') for i in range(5)] == ['OK'] * 4 + ['E1c'], 'four and no more')
    check(client.ask(f'Z2,{fill + 1:x},4')[0] == 'E', 'a fifth')
    # Gone without a word: all of them are taken out, and the guest runs.
    check(client.ask(f'Z0,{fill:x},1') == 'OK', 'Z0')
    client.close()
    check(debugged.says_hello(), 'the guest does not go on when its debugger is gone')
    client = debugged.client()
    check(client.ask('?').startswith('T02thread:1'), 'it does not stop for the next one')
    check(client.memory(fill, 8) == before, 'a breakpoint was left')
    count = client.memory(SYMBOLS['counter'], 8)
    client.send('vCont;c')
    client.interrupt()
    check(client.receive().startswith('T02thread:1;'), 'no stop')
    client.send('c')
    check(client.ask('m0,1')[0] == 'E', 'memory of a running guest')
    time.sleep(0.3)
    client.interrupt()
    check(client.receive().startswith('T02thread:1;'), 'no stop')
    check(client.memory(SYMBOLS['counter'], 8) != count, 'it did not run')
    client.close()
    debugged.stop()


def processors(world):
    debugged = Debugged(world, '--cpus', '3')
    client = debugged.client()
    check(client.ask('qfThreadInfo') == 'm1,2,3' and client.ask('qsThreadInfo') == 'l', 'threads')
    check(client.ask('T3') == 'OK' and client.ask('T4')[0] == 'E', 'T')
    check(client.ask('Hg2') == 'OK' and client.register(RIP) == 0xfff0, 'the second one\'s rip')
    check(client.ask('Hg1') == 'OK' and client.register(RIP) == SYMBOLS['_start'], 'the first one\'s rip')
    for _ in range(3):  # one goes a step, the others stand
        check(client.ask('vCont;s:1') == 'T05thread:1;', 'a step')
    check(client.register(RIP) > SYMBOLS['_start'], 'it did not move')
    client.send('vCont;c')
    check(debugged.says_hello(), 'it does not run')
    # Paused by somebody else, it is for the debugger as if it stood.
    check(world.run('suspend', 'd')[0] == 0, 'suspend')
    client.interrupt()
    check(client.receive().startswith('T02'), 'no stop while it is paused')
    client.send('vCont;c')
    check(world.run('resume', 'd')[0] == 0, 'resume')
    client.interrupt()
    check(client.receive().startswith('T02'), 'no stop after it')
    client.send('k')
    debugged.finish()


def ends(world):
    """The end of the machine is told, and `kill` is one."""
    debugged = Debugged(world)
    client = debugged.client()
    address = SYMBOLS['enough']
    check(client.ask(f'M{address:x},8:0100000000000000') == 'OK' and client.ask('c') == 'W00', 'W00')
    client.close()
    debugged.finish()
    debugged = Debugged(world)
    client = debugged.client()
    client.send('k')
    debugged.finish()
    debugged = Debugged(world)  # nobody comes
    debugged.stop()


def tcp(world):
    port = str(random.randrange(20000, 60000))
    debugged = Debugged(world, address=port)
    harness.expect(world.run('run', '--gdb', port, GUEST), 35, '--gdb', 'choose another place')
    output = gdb(debugged, 'printf "at %lx\\n", $rip')
    expect(output, f'at {SYMBOLS["_start"]:x}')
    check(debugged.says_hello(), 'gdb left without “detach”')
    debugged.stop()


def strangers(world):
    """Garbage, half packets and packets too long; a second client; one that reads nothing."""
    debugged = Debugged(world)
    first = debugged.client()
    check(first.ask('?').startswith('T02'), 'the first')
    second = debugged.client()
    try:
        second.ask('?')
        check(False, 'two at a time')
    except (Hangup, OSError):
        pass
    first.close()
    pid = wait_for(lambda: world.children('d').get('gdb'), 5)
    source = random.Random(1)
    words = [b'm', b'M', b'G', b'P', b'Z0,', b'z1,', b'vCont;', b'qXfer:features:read:target.xml:', b'H', b'T', b'p', b'?',
             b'X', b'qSupported', b'qC', b'Z2,', b's', b'D']
    for number in range(60):
        client = debugged.patient_client()
        client.stream.settimeout(2)
        try:
            if number % 3 == 0:
                client.stream.sendall(source.randbytes(20000))
            elif number % 3 == 1:
                for _ in range(100):
                    rest = bytes(source.choice(b'0123456789abcdef,;:-=') for _ in range(source.randrange(40)))
                    client.stream.sendall(frame(source.choice(words) + rest))
            else:
                client.stream.sendall(b'$m0,10' + b'0' * 100000)
        except OSError:
            pass
        client.close()
    client = debugged.patient_client()
    client.stream.settimeout(2)
    try:  # asks and never reads
        for _ in range(20000):
            client.stream.sendall(frame(b'g'))
    except OSError:
        pass
    client.close()
    check(world.children('d').get('gdb') == pid and os.path.exists(f'/proc/{pid}'), 'the debugger\'s link has died')
    debugged.patient_client().send('k')
    debugged.finish()


def link_dies(world):
    """Without the process that speaks with gdb the guest goes on."""
    debugged = Debugged(world)
    os.kill(wait_for(lambda: world.children('d').get('gdb'), 5), 9)
    check(debugged.says_hello(), 'the guest does not go on')
    check('debugger\'s link was killed' in debugged.stop(), 'nobody is told')


CASES = [first_words, breakpoints, of_the_processor, software_breakpoints, processors, ends, tcp, strangers, link_dies]

if __name__ == '__main__':
    if not shutil.which('gdb'):
        print('1..0 # SKIP gdb is not installed')
        sys.exit(0)
    GUEST = sys.argv[1]
    SYMBOLS = symbols(GUEST)
    only = os.environ.get('ONLY')
    harness.main([c for c in CASES if not only or c.__name__ in only.split()], [pathlib.Path(p) for p in sys.argv[2:]])
