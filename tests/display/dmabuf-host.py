#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: dmabuf-host.py TEST [ARGUMENT]... [, TEST [ARGUMENT]...]...     where dmabufs can be made, as one TAP"""
import os
import re
import subprocess
import sys


# The manager's view, on the test compositor.
VIEW = {"TEST_SCALE": "1.25", "TEST_OPTION": "dmabuf=4", "TEST_DMABUF": "udmabuf", "GDK_BACKEND": "wayland",
        "GSETTINGS_BACKEND": "memory", "NO_AT_BRIDGE": "1"}


def split(words):
    """The tests' command lines, which stand between commas."""
    at = words.index(",") if "," in words else len(words)
    return [words[:at]] + (split(words[at + 1:]) if at < len(words) else [])


def main(programs):
    if not os.path.exists("/dev/udmabuf"):
        print("1..0 # SKIP this kernel makes no dmabufs of memory files")
        return 0
    number = 0
    good = True
    for words in split(programs):
        program = words[0]
        done = subprocess.run(words, capture_output=True, text=True, timeout=400,
                              env={**os.environ, **(VIEW if program.endswith("guest-dmabuf") else {})})
        good = good and done.returncode == 0
        if done.returncode != 0:
            print(f"# {program}: status {done.returncode}")
        for line in done.stdout.splitlines():
            found = re.match(r"(not )?ok \d+ (.*)", line)
            if found:
                number += 1
                skipped = "# SKIP" in found.group(2)
                print(f"{'not ' if found.group(1) or skipped else ''}ok {number} {found.group(2).replace('# SKIP', 'skipped:')}")
            elif line.startswith(("#", "Bail out")):
                print("# " + line.lstrip("# "))
        sys.stderr.write(done.stderr)
    print(f"1..{number}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
