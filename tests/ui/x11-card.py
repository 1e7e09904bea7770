#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: x11-card.py TEST      test-x11-dmabuf before an X server that draws on a graphics card; as one TAP

Runs as root in a test machine with a card (dut --gpu-3d): Xwayland, by sway, draws with OpenGL there and takes
the card's own buffers as pixmaps. Memory files as dmabufs (udmabuf) are refused by that card's driver.
"""
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "guest"))
import sway  # noqa: E402

LIMIT = 200
NODE = "/dev/dri/renderD128"


def run(number, test, environment):
    """The test's lines with numbers from there on: (the next number, whether all was good)."""
    done = subprocess.run(["setpriv", f"--reuid={sway.NOBODY}", f"--regid={sway.NOBODY}", "--clear-groups", test, "--tap"],
                          env=environment, capture_output=True, text=True, timeout=LIMIT, check=False)
    good = done.returncode == 0
    if not good:
        print(f"# {environment['TEST_DMABUF']}: status {done.returncode}")
        print("# " + done.stderr[-2000:].replace("\n", "\n# "))
    for line in done.stdout.splitlines():
        found = re.match(r"(not )?ok \d+ (.*)", line)
        if found:
            number += 1
            print(f"{found.group(1) or ''}ok {number} {environment['TEST_DMABUF']}: {found.group(2)}", flush=True)
    return number, good


def main(test):
    for path in (NODE, "/dev/udmabuf"):
        if os.path.exists(path):
            os.chmod(path, 0o666)  # the machine is thrown away
    number, good = 0, True
    with tempfile.TemporaryDirectory() as folder:
        compositor = sway.Sway(folder, node=NODE, x11=True)
        environment = dict(os.environ, DISPLAY=compositor.display(LIMIT), GDK_BACKEND="x11",
                           GSETTINGS_BACKEND="memory", NO_AT_BRIDGE="1", XDG_RUNTIME_DIR=folder, TEST_NODE=NODE)
        for mode in ("card", "udmabuf"):
            if mode == "udmabuf" and not os.path.exists("/dev/udmabuf"):
                number += 1
                print(f"ok {number} # SKIP this kernel makes no dmabufs of memory files")
                continue
            number, fine = run(number, test, {**environment, "TEST_DMABUF": mode})
            good = good and fine
        compositor.close()
    print(f"1..{number}")
    return 0 if good and number >= 4 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
