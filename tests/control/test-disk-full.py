# SPDX-License-Identifier: LGPL-2.1-or-later
"""A host without room for a guest's disk: the machine waits, and nothing is lost.

A file system of 3 MiB has the disk and a file that takes what is left; the guest (disk-guest.c) writes
1.5 MiB, says how each request ended and whether it reads what it wrote.
"""
import ctypes
import errno
import json
import os
import pathlib
import select
import signal
import struct
import subprocess
import sys
import time

import harness
from harness import check, end, wait_for

NEW_NAMESPACE = 0x20000
PRIVATE = 0x4000 | 1 << 18
ALL_WELL = ['WROTE 00000000'] * 24 + ['WRONG 00000000']
GUEST = os.path.abspath(sys.argv[1])
FREE = 300 << 10  # left at first, so that some requests are done before


class Small:
    """The file system, and the machine on it."""

    def __init__(self, world, make, *words, guest='', env=None, **more):
        self.world = world
        self.told = 0  # lines of machines before, in the same log
        self.place = world.root / 'small'
        self.place.mkdir()
        self.libc = ctypes.CDLL(None, use_errno=True)
        if self.libc.mount(b'small', bytes(self.place), b'tmpfs', 0, b'size=3m') < 0:
            raise OSError(ctypes.get_errno(), 'mount')
        self.rest = self.place / 'rest'
        disk = make(world, self.place)
        self.fill(FREE)
        self.told = len(self.lines())
        os.environ.update(env or {})
        words = [w.replace('DISK', str(disk)) for w in words]
        try:
            self.machine = world.started_guest('full', GUEST, *words, *(['-p', guest] if guest else []), **more)
        finally:
            for name in env or {}:
                del os.environ[name]
        self.serial = world.files / 'full.serial'

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.machine.poll() is None:
            self.machine.kill()
            self.machine.wait()
        check(wait_for(lambda: self.libc.umount(bytes(self.place)) == 0, 10), 'something still has a file open')
        self.place.rmdir()

    def fill(self, free=0):
        room = os.statvfs(self.place)
        with open(self.rest, 'ab') as file:
            file.write(bytes(max(0, room.f_bavail * room.f_frsize - free)))

    def make_room(self, size=0):
        os.truncate(self.rest, size)

    def said(self):
        return self.serial.read_text().splitlines()[1:]

    def lines(self):
        return [line for line in self.world.log('full').splitlines() if 'disk-full: ' in line]

    def waits(self, times=1):
        check(wait_for(lambda: len(self.lines()) == self.told + times, harness.LIMIT_S), f'{times}: {self.world.log("full")}')

    def stands_still(self):
        before = self.said()
        time.sleep(0.5)
        check(self.said() == before and len(before) < 24, f'the guest went on: {before} {self.said()}')
        check(self.machine.poll() is None, 'it has ended')

    def state(self):
        events = subprocess.Popen([self.world.vmm, 'events', 'full'], env=self.world.env(), stdout=subprocess.PIPE)
        check(select.select([events.stdout], [], [], 20)[0], 'no event')
        line = json.loads(events.stdout.readline())
        events.kill()
        events.communicate()
        return line

    def ends_well(self):
        _, errors = self.machine.communicate(timeout=harness.LIMIT_S)
        check(self.said() == ALL_WELL, str(self.said()))
        check(self.machine.returncode == 0, f'{self.machine.returncode} {errors.decode()}')
        return errors.decode()

    def resume(self):
        status, _, errors = self.world.run('resume', 'full')
        check(status == 0, errors)


def raw(_, place):
    path = place / 'disk.img'
    path.touch()
    os.truncate(path, 8 << 20)
    return path


def qcow2(world, place):
    path = place / 'disk.qcow2'
    status, _, errors = world.run('create_qcow2', str(path), str(8 << 20))
    check(status == 0, errors)
    return path


def waits_and_goes_on(small, place):
    small.waits()
    small.stands_still()
    state = small.state()
    check((state['state'], state.get('cause')) == ('paused', 'disk-full'), str(state))
    check(f'There is no room on “{small.place}” for the disk “{place}”' in state['sentence'] and
          'KiB are free)' in state['sentence'] and 'nothing is lost' in state['sentence'], str(state))
    small.resume()  # without room
    small.waits(2)
    small.stands_still()
    check(small.state()['state'] == 'paused', 'it must not run')
    small.make_room()
    small.stands_still()  # nobody asked it
    small.resume()
    errors = small.ends_well()
    check(f'vmm: disk-full: There is no room on “{small.place}”' in errors and '(vmm resume full)' in errors, errors)


def each_kind(world):
    for make in (raw, qcow2):
        with Small(world, make, '-b', 'DISK') as small:
            waits_and_goes_on(small, small.place / ('disk.img' if make == raw else 'disk.qcow2'))


def changes_that_are_not_kept(world):
    """What the guest of a disposable machine writes goes to $TMPDIR."""
    with Small(world, raw, '-b', 'DISK', '--disposable', env={'TMPDIR': str(world.root / 'small')}) as small:
        waits_and_goes_on(small, small.place / 'disk.img')


def little_by_little(world):
    """Room for a few requests each time: it waits again, and nothing is lost."""
    with Small(world, raw, '-b', 'DISK') as small:
        small.waits()
        for times in range(2, 5):
            before = len(small.said())
            small.make_room(os.stat(small.rest).st_size - (200 << 10))
            small.resume()
            small.waits(times)
            small.stands_still()
            check(len(small.said()) > before, 'it has not gone on')
        small.make_room()
        small.resume()
        small.ends_well()


def errors_when_asked_for(world):
    with Small(world, raw, '-b', 'DISK,when-full=error') as small:
        _, errors = small.machine.communicate(timeout=harness.LIMIT_S)
        check(small.machine.returncode == 0, errors.decode())
        check('WROTE 00000001' in small.said() and 'the guest sees write errors' in small.world.log('full'),
              str(small.said()))


def resets(world):
    """A guest that resets its disk while a request waits neither loops nor loses what it writes afterwards."""
    with Small(world, raw, '-b', 'DISK', guest='reset') as small:
        small.waits()
        small.stands_still()
        for times in range(2, 4):
            small.resume()
            small.waits(times)
            small.stands_still()
        small.make_room()
        small.resume()
        small.ends_well()


def ends(world):
    """It can be stopped, killed by a signal, and restarted while it waits."""
    for how in ('stop', 'signal', 'restart'):
        with Small(world, qcow2, '-b', 'DISK') as small:
            small.waits()
            if how == 'signal':
                small.machine.send_signal(signal.SIGTERM)  # presses the power button
                time.sleep(0.3)
                check(small.machine.poll() is None, 'the first SIGTERM must not stop it')
                status, _ = end(small.machine, signal.SIGTERM)
            else:
                small.world.run(how, 'full')
                small.machine.communicate(timeout=harness.LIMIT_S)
                status = small.machine.returncode
            check(status == (32 if how == 'restart' else 0), f'{how}: {status}')


def power_button(world):
    """It is not forgotten over the wait."""
    with Small(world, raw, '-b', 'DISK', guest='button') as small:
        small.waits()
        small.world.run('powerbtn', 'full')
        small.waits(2)
        check(small.state()['state'] == 'paused', 'it must wait')
        small.make_room()
        small.resume()
        small.ends_well()


def paused_by_a_person(world):
    """Pausing and resuming a machine that waits changes nothing."""
    with Small(world, raw, '-b', 'DISK') as small:
        small.waits()
        small.world.run('suspend', 'full')
        small.stands_still()
        os.kill(world.children('full')['display'], signal.SIGKILL)  # clients come to another one
        wait_for(lambda: small.state().get('cause') == 'disk-full', 10)
        check(small.state().get('cause') == 'disk-full', 'the new display does not know')
        small.make_room()
        small.resume()
        small.ends_well()


class Filter(ctypes.Structure):
    _fields_ = [('length', ctypes.c_ushort), ('code', ctypes.c_void_p)]


def let_syncs_fail():
    """In a process that will be vmm: fdatasync() says ENOSPC, in all parts."""
    code = struct.pack('<' + 'HBBI' * 4, 0x20, 0, 0, 0,  # the number of the call
                       0x15, 0, 1, 75, 0x06, 0, 0, 0x50000 | errno.ENOSPC, 0x06, 0, 0, 0x7fff0000)
    buffer = ctypes.create_string_buffer(code, len(code))
    program = Filter(4, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) < 0 or libc.prctl(22, 2, ctypes.byref(program), 0, 0) < 0:
        raise OSError(ctypes.get_errno(), 'prctl')


def is_told(said, times):
    """Of that many errors; it may have been stopped in the middle of a word about the last."""
    line, text = 'WROTE 00000001\n', '\n'.join(said)
    return (line * times).startswith(text) and text.startswith(line[:-1] * (times - 1))


def lost_by_the_host(world):
    """The guest is told that its write failed, as no second try would mend it, and is paused all the same."""
    with Small(world, raw, '-b', 'DISK', preexec_fn=let_syncs_fail) as small:
        for times in (1, 2):
            small.waits(times)
            check(wait_for(lambda: small.state()['state'] == 'paused', 10), 'it goes on')
            small.stands_still()
            state = small.state()
            check((state['state'], state.get('cause')) == ('paused', 'disk-full') and
                  'its last changes may be lost' in state['sentence'] and str(small.place) in state['sentence'],
                  str(state))
            check(is_told(small.said(), times), str(small.said()))
            small.resume()
        small.waits(3)
        small.world.run('stop', 'full')
        small.machine.communicate(timeout=harness.LIMIT_S)


CASES = [each_kind, changes_that_are_not_kept, little_by_little, errors_when_asked_for, resets, ends, power_button,
         paused_by_a_person, lost_by_the_host]


def skipped(case):
    def skip(_):
        return 'only root can mount'
    skip.__name__ = case.__name__
    return skip


if __name__ == '__main__':
    LIBC = ctypes.CDLL(None, use_errno=True)
    may = os.geteuid() == 0 and LIBC.unshare(NEW_NAMESPACE) == 0 and LIBC.mount(b'none', b'/', None, PRIVATE, None) == 0
    harness.main(CASES if may else [skipped(c) for c in CASES], [pathlib.Path(p) for p in sys.argv[2:]])
