#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Boot a Linux kernel with the real vmm-loader and vmm-machine, without a supervisor or devices.

Prints the guest's serial output, then "ended: REASON" and the time. Status 0 when the machine ended.
"""

import argparse
import os
import socket
import sys
import time

import supervisor


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--machine', required=True)
    parser.add_argument('--loader', required=True)
    parser.add_argument('--kernel', required=True)
    parser.add_argument('--initrd')
    parser.add_argument('--memory', type=int, default=256, help='MiB')
    parser.add_argument('--cpus', type=int, default=1)
    parser.add_argument('--append', default='console=ttyS0')
    parser.add_argument('--timeout', type=float, default=60)
    parser.add_argument('--level', type=int, default=4, help='log level of the machine, 7 is debug')
    parser.add_argument('--button-at', help='press the power button when the guest prints this')
    parser.add_argument('--type-at', nargs=2, metavar=('TEXT', 'INPUT'),
                        help='type INPUT when the guest prints TEXT')
    parser.add_argument('--devices', help='folder of the vmm-* executables: adds rng and console')
    parser.add_argument('--disk', help='with --devices: a disk image')
    parser.add_argument('--pause-every', type=float, metavar='SECONDS',
                        help='pause and resume all the time')
    parser.add_argument('--quiet', action='store_true', help='do not show the output')
    options = parser.parse_args()

    machine = supervisor.Machine(options.machine, memory=options.memory << 20, cpus=options.cpus,
                                 level=options.level)
    console = None
    if options.devices:
        console, theirs = socket.socketpair()
        console.setblocking(False)
        machine.add_device(os.path.join(options.devices, 'vmm-rng'), 'rng', level=options.level)
        machine.add_device(os.path.join(options.devices, 'vmm-console'), 'console', theirs,
                           level=options.level)
        if options.disk:
            machine.add_device(os.path.join(options.devices, 'vmm-block'), 'block', options.disk,
                               level=options.level)
    entry, boot_params = supervisor.load(options.loader, machine, options.kernel, options.initrd,
                                         options.append)
    started = time.monotonic()
    done = set()

    def act_once(name, wanted, action):
        if wanted and name not in done and wanted.encode() in machine.output:
            done.add(name)
            action()

    def on_output(data):
        if not options.quiet:
            sys.stdout.buffer.write(data)
            sys.stdout.flush()
        act_once('button', options.button_at,
                 lambda: machine.child.send_type(supervisor.POWER_BUTTON))
        if options.type_at:
            act_once('type', options.type_at[0],
                     lambda: machine.serial[0].send(options.type_at[1].encode() + b'\r'))

    machine.boot(entry, boot_params)
    pauses = 0
    if options.pause_every:
        while not machine.ended and time.monotonic() - started < options.timeout:
            machine.pump(options.pause_every, on_output)
            if not machine.ended:
                machine.child.send_type(supervisor.PAUSE)
                if machine.expect(supervisor.PAUSED):
                    machine.child.send_type(supervisor.RESUME)
                    machine.expect(supervisor.RESUMED)
                    pauses += 1
        print('\npaused %d times' % pauses)
    ended = machine.pump(max(0.1, options.timeout - (time.monotonic() - started)), on_output)
    print('\nended: %s (%.1f s)' % (machine.ended if ended else 'not at all',
                                    time.monotonic() - started))
    if console:
        try:
            print('virtio console: %r' % console.recv(65536))
        except BlockingIOError:
            print('virtio console: nothing')
    machine.close()
    return 0 if ended else 1


if __name__ == '__main__':
    sys.exit(main())
