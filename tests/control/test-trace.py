# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trace points: those in the programs against docs/tracing.md, `vmm trace`, the kernel's own uprobes and trace_marker.

usage: test-trace.py [--kernel] PROGRAM...    with --kernel (root, in the test machine) the last two too
"""
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import time

import harness
from harness import check, end, expect, wait_for

PAGE = pathlib.Path(__file__).resolve().parents[2] / 'docs/tracing.md'
TRACEFS = pathlib.Path('/sys/kernel/tracing')
DEVICES = ['vmm-balloon', 'vmm-block', 'vmm-console', 'vmm-gpu', 'vmm-input', 'vmm-rng']
LINE = re.compile(r'^ *-?\d+\.\d{6} (\S+) +(\S+) +(.*)$')


def documented():
    """{probe: (number of arguments, where)} of the table."""
    rows = re.findall(r'^\| `vmm:(\w+)` \| ([^|]*) \| (machine|devices) \|', PAGE.read_text(), re.M)
    return {name: (len(arguments.split(', ')), where) for name, arguments, where in rows}


def sections(data):
    """(name, offset, size, address) of each section of a 64-bit ELF file."""
    start, = struct.unpack_from('<Q', data, 40)
    size, count, names = struct.unpack_from('<HHH', data, 58)
    heads = [struct.unpack_from('<IIQQQQIIQQ', data, start + i * size) for i in range(count)]
    text = heads[names][4]
    return [(data[text + head[0]:data.index(b'\0', text + head[0])].decode(), head[4], head[5], head[3]) for head in heads]


def probes(program):
    """[(name, number of arguments, file offset)] of the provider vmm."""
    data = pathlib.Path(program).read_bytes()
    found = []
    places = {name: (offset, size, address) for name, offset, size, address in sections(data)}
    at, size, _ = places.get('.note.stapsdt', (0, 0, 0))
    stop = at + size
    while at < stop:
        name_size, size, kind = struct.unpack_from('<III', data, at)
        at += 12 + (name_size + 3) // 4 * 4
        body = data[at:at + size]
        at += (size + 3) // 4 * 4
        place, base, semaphore = struct.unpack_from('<QQQ', body)
        provider, name, arguments = (part.decode() for part in body[24:].split(b'\0')[:3])
        place += places['.stapsdt.base'][2] - base  # the file may have been moved after it was made
        text = places['.text']
        check(kind == 3 and semaphore == 0, f'{program}: kind {kind}, semaphore {semaphore}')
        if provider == 'vmm':
            found.append((name, len(arguments.split()), place - text[2] + text[0]))
    return found


def points_of_each_program(world):
    table = documented()
    check(len(table) >= 8, f'the table of {PAGE} is not found: {table}')
    for path in sorted((world.root / 'libexec/vitrine').iterdir()):
        where = {'vmm-machine': 'machine'}.get(path.name, 'devices' if path.name in DEVICES else 'nowhere')
        wanted = {(name, count) for name, (count, place) in table.items() if place == where}
        found = {(name, count) for name, count, _ in probes(path)}
        check(found == wanted, f'{path.name}: in the program {sorted(found)}, in the page {sorted(wanted)}')
    listed = world.run('trace', '--list')[1]
    check({line.split()[0] for line in listed.splitlines()} == set(table), listed)


def traced(world, *words):
    """Lines of `vmm trace` as (part, event, text), and its last words."""
    status, output, errors = world.run('trace', *words)
    check(status == 0, f'{status}: {errors}')
    lines = [LINE.match(line) for line in output.splitlines()]
    check(all(lines), f'a line of another form: {output[:300]}')
    return [line.groups() for line in lines], errors


def traced_until(world, seen, *words):
    """The same, of the first of several tries that has all of SEEN; a busy computer may need more than one."""
    def look():
        lines, errors = traced(world, *words)
        return (lines, errors) if set(seen) <= set(lines) else None
    found = wait_for(look, harness.LIMIT_S)
    check(found, f'vmm trace {words} does not show {seen}')
    return found


def rings(machine):
    """How much was written to each ring that the supervisor keeps."""
    counts = []
    for entry in pathlib.Path(f'/proc/{machine.pid}/fd').iterdir():
        try:
            if 'memfd:trace' in os.readlink(entry):
                counts.append(struct.unpack('<Q', entry.open('rb').read(8))[0])
        except FileNotFoundError:
            pass
    return counts


def what_a_guest_does(world):
    machine = world.started_guest('t', str(world.files / 'echo'))  # it asks its serial port again and again
    check(rings(machine) == [], 'a ring before anybody traces')
    enter = ('machine', 'enter', 'cpu 0')
    lines, errors = traced_until(world, [('machine', 'exit', 'cpu 0 io(2) read port 0x3fd size 1'), enter],
                                 't', '--for', '0.5')
    check(re.fullmatch(r'vmm: \d+ events, \d+ lost.*\n', errors), errors)
    order = [event for _, event, _ in lines if event in ('exit', 'enter')]
    if ' 0 lost' in errors:
        check(all(a != b for a, b in zip(order, order[1:])), f'not in turn: {order[:20]}')
    # Only what was asked for.
    lines, _ = traced_until(world, [enter], str(world.root / 'run/vitrine/t'), '--for', '0.3', 'enter', 'kick')
    check({event for _, event, _ in lines} == {'enter'}, lines[:5])
    # The last reader's end is the end of the writing.
    check(len(rings(machine)) == 3, f'rings of the machine, rng and balloon: {rings(machine)}')

    def stands():
        before = rings(machine)
        time.sleep(0.2)
        return rings(machine) == before
    check(wait_for(stands, harness.LIMIT_S), 'the processes write although nobody reads')
    expect(world.run('trace', 't', 'enter', 'nonsense'), 35, 'there is no event “nonsense”', '--list')
    end(machine)


def from_the_first_instruction(world):
    """--suspended, trace, resume: what the guest does first is the first thing that is told."""
    said = world.file('first')
    machine = world.start('--name', 't', '--suspended', '--serial', f'file,path={said},console', str(world.files / 'halt'))
    check(wait_for(lambda: '"paused"' in world.run('events', 't', prefix=('timeout', '1'))[1], harness.LIMIT_S), 'not paused')
    with open(world.files / 'trace', 'wb') as output:
        reader = subprocess.Popen([world.vmm, 'trace', 't'], env=world.env(), stdout=output, stderr=subprocess.PIPE)
    world.started.append(reader)
    check(wait_for(lambda: len(rings(machine)) == 3, harness.LIMIT_S), f'no ring for each of three parts: {rings(machine)}')
    check(world.run('resume', 't')[0] == 0, 'resume')
    written = 'exit cpu 0 io(2) write port 0x3f8'
    check(wait_for(lambda: b'cpu 0' in (world.files / 'trace').read_bytes(), harness.LIMIT_S), 'nothing is told')
    check(wait_for(lambda: b'HELLO' in (world.files / 'first').read_bytes(), harness.LIMIT_S), 'the guest does not run')
    end(machine)
    check(reader.wait(harness.LIMIT_S) == 0, 'status')
    lines = [LINE.match(line).groups() for line in (world.files / 'trace').read_text().splitlines()]
    exits = [f'{event} {text}' for _, event, text in lines if event == 'exit']
    # HELLO, CR, LF: none of the seven was missed.
    check(len([line for line in exits if line.startswith(written)]) == 7, f'{exits[:20]}')


def until_the_end(world):
    machine = world.started_guest('t', str(world.files / 'echo'))
    with open(world.files / 'trace', 'wb') as output:
        reader = subprocess.Popen([world.vmm, 'trace', 't', 'exit'], env=world.env(), stdout=output, stderr=subprocess.PIPE)
    world.started.append(reader)
    check(wait_for(lambda: os.path.getsize(world.files / 'trace') > 0, harness.LIMIT_S), 'nothing was traced')
    # A reader that is not there any more ends the command too.
    piped = subprocess.run(['sh', '-c', '"$0" trace t | head -n 1', world.vmm], env=world.env(), capture_output=True,
                           timeout=harness.LIMIT_S)
    check(LINE.match(piped.stdout.decode().rstrip('\n')), str(piped))
    end(machine)
    check(reader.wait(harness.LIMIT_S) == 0, 'status at the end of the machine')


def wrong_words(world):
    expect(world.run('trace', 'nobody'), 33, 'No machine answers at', 'vmm list')
    expect(world.run('trace'), 35, 'trace: takes MACHINE [EVENT ...]')
    expect(world.run('trace', '--list', 'x'), 35, 'trace: takes')
    expect(world.run('trace', 'x', 'exits'), 35, 'there is no event “exits”')
    for number in ('0', '-1', 'nan', '1e7', 'soon', '', '1x'):
        expect(world.run('trace', 'x', '--for', number), 35, '--for takes a number of seconds')
    expect(world.run('trace', 'x', '--colour'), 35, 'Unknown option --colour')


def markers_where_they_may_not_be(world):
    if os.access(TRACEFS / 'trace_marker', os.W_OK):
        return 'the kernel takes markers here'
    machine = world.started_guest('t', '--trace-marker', str(world.files / 'echo'))
    status, errors = end(machine)
    check(status == 0 and errors.count('\n') == 1 and '--trace-marker: ' in errors, errors)
    return None


def markers(world):
    (TRACEFS / 'tracing_on').write_text('1')
    (TRACEFS / 'trace').write_text('')
    machine = world.started_guest('t', '--trace-marker', str(world.files / 'echo'))
    pid = world.children('t')['machine']

    def text():
        return (TRACEFS / 'trace').read_text()
    check(wait_for(lambda: f'B|{pid}|machine cpu 0 exit io 0x3fd' in text(), harness.LIMIT_S), text()[-500:])
    check(wait_for(lambda: f'E|{pid}' in text(), harness.LIMIT_S), 'no end of an exit')
    status, errors = end(machine)
    check((status, errors) == (0, ''), errors)


def add_line(path, line):
    fd = os.open(path, os.O_WRONLY | os.O_APPEND)  # the kernel's file has no end to go to
    try:
        os.write(fd, line.encode() + b'\n')
    finally:
        os.close(fd)


def uprobes(world):
    events = TRACEFS / 'uprobe_events'
    (TRACEFS / 'tracing_on').write_text('1')
    machine = world.started_guest('t', str(world.files / 'echo'))
    group = f'vmmtest{os.getpid()}'
    names = []
    for path in sorted((world.root / 'libexec/vitrine').iterdir()):
        for number, (name, _, offset) in enumerate(probes(path)):
            names.append(f'{group}/{path.name.replace("-", "_")}_{name}_{number}')
            add_line(events, f'p:{names[-1]} {path}:{offset:#x}')
    try:
        (TRACEFS / 'trace').write_text('')
        (TRACEFS / 'events' / group / 'enable').write_text('1')
        wait_for(lambda: 'vmm_machine_enter' in (TRACEFS / 'trace').read_text(), harness.LIMIT_S)
        (TRACEFS / 'events' / group / 'enable').write_text('0')
        trace = (TRACEFS / 'trace').read_text()
        check('vmm_machine_exit' in trace and 'vmm_machine_enter' in trace, trace[-500:])
        check(machine.poll() is None and world.run('ping', 't')[0] == 0, 'the machine ended')
    finally:
        for name in names:
            add_line(events, f'-:{name}')
    end(machine)


def tool(world, *words):
    """What it prints; these tools compile, and print while they do."""
    done = subprocess.run(words, env=dict(world.env(), HOME=str(world.root / 'home')), capture_output=True, text=True,
                          timeout=4 * harness.LIMIT_S)
    check(done.returncode == 0, f'{words[:3]}: {done.returncode} {done.stdout}{done.stderr}')
    return done.stdout


def bpftrace(world):
    """The page's first line for it."""
    if not shutil.which('bpftrace'):
        return 'bpftrace is not installed'
    machine = world.started_guest('t', str(world.files / 'echo'))
    said = tool(world, 'bpftrace', '-e', f'usdt:{world.root}/libexec/vitrine/vmm-machine:vmm:exit '
                '{ @[arg1] = count(); if (arg1 == 2) { exit(); } }')
    check(re.search(r'@\[2\]: [1-9]', said), said)
    end(machine)
    return None


def perf(world):
    if not shutil.which('perf'):
        return 'perf is not installed'
    machine = world.started_guest('t', str(world.files / 'echo'))
    data = str(world.files / 'perf.data')
    tool(world, 'perf', 'buildid-cache', '--add', f'{world.root}/libexec/vitrine/vmm-machine')
    tool(world, 'perf', 'probe', '--add', 'sdt_vmm:exit')
    try:
        tool(world, 'perf', 'record', '-o', data, '-e', 'sdt_vmm:exit', '-p', str(world.children('t')['machine']), '--', 'sleep', '1')
        said = tool(world, 'perf', 'script', '-i', data)
    finally:
        tool(world, 'perf', 'probe', '--del', 'sdt_vmm:exit')
    check(re.search(r'sdt_vmm:exit: .*arg2=2 arg3=1021 ', said), said[:500])
    end(machine)
    return None


def main(words):
    cases = [points_of_each_program, what_a_guest_does, from_the_first_instruction, until_the_end, wrong_words, markers_where_they_may_not_be]
    if words[0] == '--kernel':
        if not (TRACEFS / 'uprobe_events').exists():
            subprocess.run(['mount', '-t', 'tracefs', 'tracefs', TRACEFS], check=True)
        cases, words = [markers, uprobes, bpftrace, perf], words[1:]
    harness.main(cases, words)


if __name__ == '__main__':
    main(sys.argv[1:])
