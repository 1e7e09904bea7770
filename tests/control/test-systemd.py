# SPDX-License-Identifier: LGPL-2.1-or-later
"""What `vmm` says to systemd's journal, and the units. VITRINE_UNITS: the unit files, as they are installed."""
import json
import os
import pathlib
import shutil
import subprocess
import sys

import harness
from harness import check

# Binds the journal's socket in a /run of its own, runs `vmm` with a pipe that says it is the journal's, and
# prints the entries and the pipe's text as JSON.
JOURNAL = '''
import json, os, select, socket, subprocess, sys
os.makedirs('/run/systemd/journal')
journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
journal.bind('/run/systemd/journal/socket')
read, write = os.pipe()
st = os.fstat(write)
stream = f'{st.st_dev}:{st.st_ino + int(sys.argv[1])}'
vmm = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=write,
                       env=dict(os.environ, JOURNAL_STREAM=stream))
os.close(write)
entries = []
vmm.wait()
while select.select([journal], [], [], 0.2)[0]:
    entries.append(journal.recv(65536).decode())
text = os.read(read, 65536).decode() if select.select([read], [], [], 0)[0] else ''
print(json.dumps({'status': vmm.returncode, 'entries': entries, 'text': text}))
'''


def run_under_journal(world, offset, *words):
    command = ['unshare', '-m', 'sh', '-c', 'mount -t tmpfs none /run && exec "$@"', 'sh', sys.executable, '-c', JOURNAL,
               str(offset), world.vmm, 'run', *words]
    done = subprocess.run(command, env=world.env(), capture_output=True, text=True, timeout=harness.LIMIT_S)
    check(done.returncode == 0, done.stderr)
    return json.loads(done.stdout)


def can_mount():
    return os.geteuid() == 0 and subprocess.run(['unshare', '-m', 'mount', '-t', 'tmpfs', 'none', '/run'],
                                                capture_output=True).returncode == 0


def journal(world):
    if not can_mount():
        return 'only root can put a journal there'
    said = run_under_journal(world, 0, str(world.files / 'panic'), '--name', 'j')
    check(said['status'] == 34 and said['text'] == '', str(said))
    fields = [dict(line.split('=', 1) for line in entry.splitlines()) for entry in said['entries']]
    panic = [f for f in fields if f['MESSAGE'].startswith('The guest panicked')]
    check(len(panic) == 1, str(said))
    check(panic[0] == {'MESSAGE': panic[0]['MESSAGE'], 'PRIORITY': '3', 'SYSLOG_IDENTIFIER': 'vmm', 'VITRINE_PART': 'vmm',
                       'VITRINE_MACHINE': 'j'}, str(panic))
    # More than a terminal is told: also what is only worth knowing.
    check(any(f['PRIORITY'] == '6' and f['MESSAGE'] == 'ended with status 34' for f in fields), str(said))
    check(not any(f['PRIORITY'] == '7' for f in fields), str(said))
    said = run_under_journal(world, 0, str(world.files / 'off'), '--name', 'j', '-v')
    check(any('PRIORITY=7\n' in entry for entry in said['entries']), f'-v: {said}')


def another_stream(world):
    """Inherited from a terminal that was started by a service: stderr is not the journal's."""
    if not can_mount():
        return 'only root can put a journal there'
    said = run_under_journal(world, 1, str(world.files / 'panic'))
    check(said['entries'] == [] and 'vmm: The guest panicked' in said['text'], str(said))


def units_are_sound(world):
    if not shutil.which('systemd-analyze'):
        return 'there is no systemd-analyze'
    units = world.root / 'units'
    units.mkdir()
    for path in os.environ['VITRINE_UNITS'].split(':'):
        text = pathlib.Path(path).read_text()
        lines = [line.split('=', 1)[1].split()[0] for line in text.splitlines() if line.startswith('ExecStart=')]
        for program in lines:
            check(program.startswith('/') and '@' not in program, program)
            text = text.replace(program, world.vmm)
        (units / os.path.basename(path)).write_text(text)
    for unit in ('vitrine@debian-12.service', 'vitrine.slice'):
        done = subprocess.run(['systemd-analyze', '--user', '--man=no', 'verify', str(units / unit)],
                              env=dict(world.env(), XDG_RUNTIME_DIR=str(units)),
                              capture_output=True, text=True)
        # Of the computer's own units it may complain as well.
        ours = [line for line in done.stderr.splitlines() if 'vitrine' in line or 'vmm' in line]
        check(done.returncode == 0 and not ours, f'{unit}: {done.returncode} {done.stderr}')
    service = (units / 'vitrine@.service').read_text()
    for line in ('Slice=vitrine.slice', 'RestartForceExitStatus=32', 'KillMode=mixed', 'WantedBy=default.target'):
        check(line in service, line)


def the_units_command(world):
    """What ExecStart= says runs the machine of a definition, and ends with 32 for the unit to start it again."""
    line = [line for path in os.environ['VITRINE_UNITS'].split(':') for line in pathlib.Path(path).read_text().splitlines()
            if line.startswith('ExecStart=')][0]
    path = world.file('u.json', json.dumps({'kernel': str(world.files / 'reset')}).encode())
    check(world.run('define', path)[0] == 0, 'define')
    words = line.split('=', 1)[1].replace('%i', 'u').replace('%E', str(world.root / 'config')).split()
    status, output, errors = world.run(*words[1:])
    check(status == 32 and 'HELLO' in output, f'{status} {output} {errors}')
    check(world.last_run('u')['status'] == 32, 'last-run.json')


CASES = [journal, another_stream, units_are_sound, the_units_command]

if __name__ == '__main__':
    harness.main(CASES, [pathlib.Path(p) for p in sys.argv[1:]])
