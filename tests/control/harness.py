# SPDX-License-Identifier: LGPL-2.1-or-later
"""`vmm` as it is installed, in a world of its own: folders, tiny guests, and a look for leftovers.

The programs are copied beside each other as `meson install` puts them, XDG folders are fresh, and
after each case nothing of them may be left: no process, no socket, no file in the runtime folder.
Guests are a few instructions in an ELF file, so any KVM can run them.
"""
import os
import pathlib
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

SANITIZED = 'VITRINE_SANITIZED' in os.environ  # by ASan, which keeps what was freed and takes its time
PATIENCE = 5 if SANITIZED else 1
LIMIT_S = 60 * PATIENCE
# What its run-time says of a stack whose end it cannot find, for want of /proc in the jail.
ABOUT_STACKS = re.compile(r'^vmm: \S+: (==\d+==WARNING: ASan is ignoring requested __asan_handle_no_return|'
                          r'False positive error reports may follow$|For details see https://github\.com/google/'
                          r'sanitizers/issues/189$).*\n', re.M)
LOAD = 0x200000


def out8(port, value):
    """mov dx, port; mov al, value; out dx, al"""
    return b'\x66\xba' + struct.pack('<H', port) + b'\xb0' + bytes([value]) + b'\xee'


def out16(port, value):
    """mov dx, port; mov ax, value; out dx, ax"""
    return b'\x66\xba' + struct.pack('<H', port) + b'\x66\xb8' + struct.pack('<H', value) + b'\x66\xef'


def out32(port, value):
    """mov dx, port; mov eax, value; out dx, eax"""
    return b'\x66\xba' + struct.pack('<H', port) + b'\xb8' + struct.pack('<I', value) + b'\xef'


HELLO = b''.join(out8(0x3f8, c) for c in b'HELLO\r\n')
HALT = b'\xfa\xf4\xeb\xfd'  # cli; again: hlt; jmp again
# again: wait for a byte at the serial port, read it, write it, jmp again
ECHO = b'\x66\xba\xfd\x03\xec\xa8\x01\x74\xf7\x66\xba\xf8\x03\xec\xee\xeb\xef'
# lidt [rip+...] with a limit of 0, then an undefined instruction: no way to report it.
TRIPLE_FAULT = b'\x0f\x01\x1d\x02\x00\x00\x00\x0f\x0b' + bytes(10)
# again: wait for the sleep button in PM1's status, say SLEEP, go on
SLEEP = b''.join(out8(0x3f8, c) for c in b'SLEEP\r\n')
BUTTON = b'\x66\xba\x00\x06\x66\xed\xf6\xc4\x02\x74\xf5' + SLEEP + HALT
# mov dx, 0x608; in eax, dx; mov ebx, eax; again: in eax, dx; sub eax, ebx; cmp eax, 1.5 s; jb again
WAIT = (b'\x66\xba\x08\x06\xed\x89\xc3\xed\x29\xd8\x3d' + struct.pack('<I', 3579545 * 3 // 2) + b'\x72\xf6')
GUESTS = {
    'halt': HELLO + HALT,
    'echo': HELLO + ECHO,
    'button': HELLO + BUTTON,
    'reset': HELLO + out8(0x64, 0xfe) + HALT,
    'late-reset': HELLO + WAIT + out8(0x64, 0xfe) + HALT,
    'off': HELLO + out16(0x604, 0x2000 | 5 << 10) + HALT,  # ACPI: sleep enable, type 5
    'panic': HELLO + out8(0x505, 1) + HALT,  # pvpanic
    'dog': HELLO + out32(0x610, 1) + out8(0x614, 1) + HALT,  # a watchdog, one second
    'fault': HELLO + TRIPLE_FAULT,
    'wild': HELLO + b'\x48\xb8' + struct.pack('<Q', 0xe0000000) + b'\xff\xe0',  # jump to where no memory is
}


# Nobody can look for leaks in a process that is traced.
STRACE = ['strace', '-E', 'ASAN_OPTIONS=detect_leaks=0', '-f']
# Programs in place of a part: one that crashes, and one whose filter blocks getppid().
CRASH = b'\x0f\x0b'
FILTER = LOAD + 0x100
BLOCKED = (b'\xb8\x9d\0\0\0\xbf\x16\0\0\0\xbe\x02\0\0\0\xba' + struct.pack('<I', FILTER) + b'\x0f\x05'  # prctl
           b'\xb8\x6e\0\0\0\x0f\x05\x0f\x0b').ljust(0x100, b'\0')
BLOCKED += struct.pack('<HHIQ', 4, 0, 0, FILTER + 16)  # struct sock_fprog, then ld nr; getppid? kill; allow
BLOCKED += struct.pack('<HBBIHBBIHBBIHBBI', 0x20, 0, 0, 0, 0x15, 0, 1, 110, 6, 0, 0, 0x80000000, 6, 0, 0, 0x7fff0000)

SPIN = b'\xeb\xfe'  # again: jmp again
# again: write(3, struct start_header {START_READY, 8}), jmp again
FLOOD = (b'\xb8\x01\0\0\0\xbf\x03\0\0\0\xbe' + struct.pack('<I', LOAD + 0x100) + b'\xba\x08\0\0\0\x0f\x05'
         b'\xeb\xe8').ljust(0x100, b'\0') + struct.pack('<II', 2, 8)


def elf(code):
    """A program for 64-bit x86, kernel or not, with one segment that is its code."""
    head = struct.pack('<16sHHIQQQIHHHHHH', b'\x7fELF\x02\x01\x01', 2, 62, 1, LOAD, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack('<IIQQQQQQ', 1, 7, 4096, LOAD, LOAD, len(code), len(code), 4096)
    return (head + segment).ljust(4096, b'\0') + code


class Failed(Exception):
    pass


def check(condition, text):
    if not condition:
        raise Failed(text)


def said(errors):
    """What is on stderr, without what a sanitizer says of nothing."""
    return ABOUT_STACKS.sub('', errors.decode()) if SANITIZED else errors.decode()


class World:
    def __init__(self, programs):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix='vmm-control-'))
        os.chmod(self.root, 0o755)
        (self.root / 'bin').mkdir()
        (self.root / 'libexec/vitrine').mkdir(parents=True)
        for program in programs:
            name = os.path.basename(program)
            shutil.copy2(program, self.root / ('bin' if name == 'vmm' else 'libexec/vitrine') / name)
        self.vmm = str(self.root / 'bin/vmm')
        for folder in ('run', 'state', 'config', 'home', 'files'):
            (self.root / folder).mkdir(mode=0o700)
        self.files = self.root / 'files'
        for name, code in GUESTS.items():
            self.file(name, elf(code))
        self.started = []

    def close(self):
        shutil.rmtree(self.root, ignore_errors=True)

    def file(self, name, content=b''):
        path = self.files / name
        path.write_bytes(content)
        return str(path)

    def env(self):
        return dict(os.environ, XDG_RUNTIME_DIR=str(self.root / 'run'), XDG_STATE_HOME=str(self.root / 'state'),
                    HOME=str(self.root / 'home'), XDG_CONFIG_HOME=str(self.root / 'config'),
                    XDG_CACHE_HOME=str(self.root / 'cache'), LC_ALL='C.UTF-8')

    def run(self, *words, prefix=(), **more):
        """Run to the end; (status, stdout, stderr)."""
        done = subprocess.run([*prefix, self.vmm, *words], env=self.env(), stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=LIMIT_S, **more)
        return done.returncode, done.stdout.decode(), said(done.stderr)

    def start(self, *words, **more):
        more.setdefault('stdout', subprocess.PIPE)
        machine = subprocess.Popen([self.vmm, 'run', *words], env=self.env(), stdin=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, **more)
        self.started.append(machine)
        return machine

    def is_ours(self, pid):
        try:
            return os.readlink(f'/proc/{pid}/exe').startswith(str(self.root))
        except OSError:
            return pid in [m.pid for m in self.started]

    def processes(self):
        """(pid, name) of everything that runs from this world, zombies left out."""
        found = []
        for entry in os.listdir('/proc'):
            if not entry.isdigit():
                continue
            try:
                fields = pathlib.Path('/proc', entry, 'stat').read_text().rsplit(')', 1)
                state = fields[1].split()[0]
                parent = int(fields[1].split()[1])
                name = fields[0].split('(', 1)[1]
                if state in 'ZX':
                    continue
                own = os.readlink(f'/proc/{entry}/exe').startswith(str(self.root))
            except PermissionError:
                own = name.startswith('vmm-') and (parent == 1 or self.is_ours(parent))
            except OSError:
                continue
            if own or (name.startswith('vmm-') and self.is_ours(parent)):
                found.append((int(entry), name))
        return found

    def leftovers(self):
        left = [f'process {name} {pid}' for pid, name in self.processes()]
        for path in (self.root / 'run').rglob('*'):
            if path != self.root / 'run/vitrine':
                left.append(str(path.relative_to(self.root)))
        left += [str(p.relative_to(self.root)) for p in self.root.rglob('*') if p.is_socket()]
        left += [str(p) for p in (self.root / 'state').rglob('.*.new')]
        return left

    def clean(self):
        """After each case: end what a failed case left, and say what `vmm` left."""
        for machine in self.started:
            if machine.poll() is None and 'launcher' in machine.args:  # it takes its socket with it
                machine.terminate()
                wait_for(lambda: machine.poll() is not None, 5)
            if machine.poll() is None:
                machine.kill()
                machine.wait()
            for stream in (machine.stdout, machine.stderr):
                if stream:
                    stream.close()
        wait_for(lambda: not self.leftovers(), 3)
        left = self.leftovers()
        self.started = []
        for folder in ('run', 'state', 'config'):
            shutil.rmtree(self.root / folder)
            (self.root / folder).mkdir(mode=0o700)
        return left

    def kill_all(self):
        for pid, _ in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        for path in self.root.glob('*.sock'):
            path.unlink()

    # One machine.

    def children(self, name):
        """{part: pid} of a running machine, from its process list."""
        try:
            lines = (self.root / 'run/vitrine' / name / 'processes').read_text().splitlines()
        except OSError:
            return {}
        return {line.split()[0]: int(line.split()[1]) for line in lines}

    def log(self, name):
        try:
            return (self.root / 'state/vitrine' / name / 'log').read_text()
        except OSError:
            return ''

    def last_run(self, name):
        import json
        return json.loads((self.root / 'state/vitrine' / name / 'last-run.json').read_text())

    def started_guest(self, name, *words, **more):
        """A machine that said HELLO at its serial port."""
        output = self.files / f'{name}.serial'
        output.write_bytes(b'')
        machine = self.start('--name', name, '--serial', f'file,path={output},console', *words, **more)
        said = wait_for(lambda: b'HELLO' in output.read_bytes() or machine.poll() is not None, LIMIT_S)
        if not said or machine.poll() is not None:
            machine.kill()
            raise Failed(f'the guest did not start: {machine.communicate()[1].decode()}')
        return machine


def wait_for(what, seconds):
    """What `what` returns when that is true, else None when the time is over."""
    end = time.monotonic() + seconds * PATIENCE
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > end:
            return None
        time.sleep(0.02)


def end(machine, number=signal.SIGINT):
    """Send a signal, wait, and give (status, stderr)."""
    machine.send_signal(number)
    _, errors = machine.communicate(timeout=LIMIT_S)
    return machine.returncode, said(errors)


def expect(result, status, *sentence):
    """Status and parts of the one sentence on stderr."""
    got, _, errors = result
    check(got == status, f'status {got}, expected {status}: {errors}')
    lines = errors.strip().splitlines()
    for part in sentence:
        check(part in errors, f'“{part}” is not in: {errors}')
    check(not sentence or len(lines) == 1, f'not one line: {errors}')
    check(all(line.startswith('vmm: ') for line in lines), f'not ours: {errors}')


def main(cases, programs):
    """Run all cases as TAP."""
    world = World(programs)
    failed = 0
    print(f'1..{len(cases)}', flush=True)
    try:
        for number, case in enumerate(cases, 1):
            problem = ''
            skipped = None
            try:
                skipped = case(world)
            except Exception as error:  # a case that breaks is a case that failed
                problem = f'{type(error).__name__}: {error}'
            if problem:
                world.kill_all()
            left = world.clean()
            if left and not problem:
                problem = 'left behind: ' + ', '.join(left)
            if problem:
                failed += 1
                print('# ' + problem.replace('\n', '\n# '))
            print(('not ' if problem else '') + f'ok {number} - {case.__name__}' +
                  (f' # SKIP {skipped}' if skipped and not problem else ''), flush=True)
    finally:
        world.close()
    sys.exit(1 if failed else 0)
