# SPDX-License-Identifier: LGPL-2.1-or-later
"""`vmm run` in an empty folder, only as far as its options: what it prints or refuses."""
import os
import pathlib
import subprocess
import sys
import tempfile


class Failed(Exception):
    pass


def check(condition, text):
    if not condition:
        raise Failed(text)


class Rig:
    """Nothing of it may be left: no process of the program, no file in the runtime folder."""

    def __init__(self, vmm):
        self.vmm = os.path.abspath(vmm)
        self.folder = tempfile.TemporaryDirectory(prefix='vmm-config-')
        self.path = pathlib.Path(self.folder.name)
        (self.path / 'run').mkdir(mode=0o700)

    def write(self, name, content):
        (self.path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return name

    def run(self, words):
        env = dict(os.environ, XDG_RUNTIME_DIR=str(self.path / 'run'), HOME=str(self.path), LC_ALL='C.UTF-8')
        done = subprocess.run([self.vmm, *words], cwd=self.path, env=env, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=60)
        return done.returncode, done.stdout.decode(), done.stderr.decode(errors='replace')

    def left(self):
        """Processes of the program whose folder is ours, and files that it left."""
        found = [str(p) for p in (self.path / 'run').rglob('*')]
        for entry in filter(str.isdigit, os.listdir('/proc')):
            try:
                if os.readlink(f'/proc/{entry}/cwd') == str(self.path):
                    found.append(f'process {entry}')
            except OSError:
                continue
        return found


def main(cases, rig):
    """Run (name, function) pairs as TAP; a function raises Failed."""
    bad = 0
    print(f'1..{len(cases)}')
    for number, (name, case) in enumerate(cases, 1):
        try:
            case(rig)
            print(f'ok {number} - {name}')
        except Failed as failure:
            bad += 1
            print(f'not ok {number} - {name}')
            for line in str(failure).splitlines():
                print(f'# {line}')
        sys.stdout.flush()
    rig.folder.cleanup()
    sys.exit(bad > 0)
