# SPDX-License-Identifier: LGPL-2.1-or-later
"""`vmm launcher`: RFC-0210's ordering rules, its 15 errors, and that nothing outlives its client."""
import pathlib
import sys

import harness
from harness import check
from launcher import Launcher, read_until, refused

MEMORY = 32 << 20


def create_run_stop(world):
    launcher = Launcher(world)
    client = launcher.connect()
    check(client.state() == 'new', client.state())
    with open(world.files / 'halt', 'rb') as kernel:
        client.create(kernel=kernel, guest_memory=MEMORY)
    guest = client.bind()
    serial = guest.stream('GetSerial')
    client.start()
    check(read_until(serial, b'HELLO\r\n') == b'HELLO\r\n', 'other words')
    late = guest.stream('GetSerial')
    check(read_until(late, b'HELLO\r\n') == b'HELLO\r\n', 'no history for a late reader')
    client.stop()
    refused('ControllerForcedHalt', client.finish)
    check(serial.recv(1) == b'' and late.recv(1) == b'', 'the ports are still open')
    check(client.state() == 'stopped', client.state())
    with open(world.files / 'off', 'rb') as kernel:
        client.create(kernel=kernel, guest_memory=MEMORY)
    check(client.run() == 0, 'the guest did not switch itself off')
    client.close()
    launcher.end()


CASES = [create_run_stop]

if __name__ == '__main__':
    harness.main(CASES, [pathlib.Path(p) for p in sys.argv[1:]])
