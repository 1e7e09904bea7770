#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: wayland.py BRIDGE COMPOSITOR     bytes copied for each damaged pixel of forwarded shm windows

The guest's proxy over the device's own code, without a guest (tests/fakes/wayland-bridge.c), before the
test compositor. A count, and so exact: the peer is two copies of four bytes, the most that is allowed.
"""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fakes", "compositor"))
import compositor

ALLOWED = 2 * 4
SECONDS = 8
TEXT = "i=0; while [ $i -lt 400 ]; do echo $i of 400 lines; i=$((i+1)); done; sleep 1"
PROGRAMS = {
    "weston-terminal": ["weston-terminal", "--shell={shell}"],
    "gtk": ["gtk3-widget-factory"],
    "foot": ["foot", "{shell}"],
}


def measure(screen, command):
    """(pixels, bytes) of a program that runs for a while and is closed."""
    client = screen.start(*command)
    try:
        client.wait(SECONDS)
    except subprocess.TimeoutExpired:
        client.terminate()
        client.wait()
    words = screen.bridge.stdout.readline().split()
    return int(words[1]), int(words[2])


def main(bridge, program):
    os.environ["WAYLAND_BRIDGE"] = bridge
    for name, command in PROGRAMS.items():
        screen = compositor.Compositor(program)
        shell = os.path.join(screen.base, "shell")
        with open(shell, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\n" + TEXT + "\n")
        os.chmod(shell, 0o755)
        try:
            pixels, copied = measure(screen, [word.format(shell=shell) for word in command])
            ours = copied / pixels
            print(f"wayland-copied-{name} {ALLOWED / ours:.3f} {ours:.3f} {ALLOWED} bytes/pixel "
                  f"({pixels} pixels damaged)", flush=True)
        except FileNotFoundError:
            print(f"wayland-copied-{name}: {command[0]} is not installed", flush=True)
        finally:
            screen.end()


if __name__ == "__main__":
    main(*sys.argv[1:])
