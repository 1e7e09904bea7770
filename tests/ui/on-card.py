#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: on-card.py x11|wayland TEST      a test program before sway, or its Xwayland, that draws on a graphics card;
as one TAP

Runs as root in a test machine with a card (dut --gpu-3d): what draws with OpenGL there takes the card's own buffers.
Memory files as dmabufs (udmabuf) are refused by that card's driver. virgl's driver knows each buffer's own format and
takes no heed of the one that is told, so what a Wayland compositor is told is looked at here.
"""
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "guest"))
import sway  # noqa: E402

LIMIT = 400
NODE = "/dev/dri/renderD128"
# $TEST_DMABUF and the output's scale; how many checks there are at least
RUNS = {"x11": ([("card", 1), ("udmabuf", 1)], 4), "wayland": ([("card", 1), ("card", 2), ("udmabuf", 1)], 15)}
XRGB, XBGR = (int.from_bytes(name, "little") for name in (b"XR24", b"XB24"))
SWAPPED = 256, 160  # the pictures with red and blue exchanged, of test-wayland-card
IMPORT = re.compile(r"zwp_linux_buffer_params_v1@\d+\.create\((\d+), (\d+), (\d+), ")


def run(number, name, test, environment):
    """The test's lines with numbers from there on: (the next number, whether all was good)."""
    done = subprocess.run(["setpriv", f"--reuid={sway.NOBODY}", f"--regid={sway.NOBODY}", "--clear-groups", test, "--tap"],
                          env=environment, capture_output=True, text=True, timeout=LIMIT, check=False)
    good = done.returncode == 0
    if not good:
        said = re.sub(r"(?m)^\[ *\d+\.\d+\] .*\n", "", done.stderr)  # but for WAYLAND_DEBUG
        print(f"# {name}: status {done.returncode}")
        print("# " + said[-2000:].replace("\n", "\n# "))
    for line in done.stdout.splitlines():
        found = re.match(r"(not )?ok \d+ (.*)", line)
        if found:
            number += 1
            print(f"{found.group(1) or ''}ok {number} {name}: {found.group(2)}", flush=True)
    if "WAYLAND_DEBUG" in environment:
        number += 1
        fine = told_formats(done.stderr)
        print(f"{'' if fine else 'not '}ok {number} {name}: the compositor is told the pictures' formats", flush=True)
        good = good and fine
    return number, good


def told_formats(messages):
    """Whether each buffer was imported with the format that it has."""
    told = {tuple(map(int, numbers)) for numbers in IMPORT.findall(messages)}
    wrong = [numbers for numbers in told if numbers[2] != (XBGR if numbers[:2] == SWAPPED else XRGB)]
    for numbers in wrong:
        print(f"# told: {numbers[0]} x {numbers[1]} of format {numbers[2]:#x}")
    return bool(told) and not wrong


def start(way, folder):
    """sway, and what of the environment says where it is."""
    compositor = sway.Sway(folder, node=NODE, x11=way == "x11")
    if way == "x11":
        return compositor, {"DISPLAY": compositor.display(LIMIT)}
    return compositor, {"WAYLAND_DISPLAY": compositor.path}


def main(way, test):
    for path in (NODE, "/dev/udmabuf"):
        if os.path.exists(path):
            os.chmod(path, 0o666)  # the machine is thrown away
    number, good = 0, True
    runs, least = RUNS[way]
    with tempfile.TemporaryDirectory() as folder:
        compositor, where = start(way, folder)
        environment = dict(os.environ, **where, GDK_BACKEND=way, GSETTINGS_BACKEND="memory", NO_AT_BRIDGE="1",
                           XDG_RUNTIME_DIR=folder, TEST_NODE=NODE)
        for mode, scale in runs:
            if mode == "udmabuf" and not os.path.exists("/dev/udmabuf"):
                number += 1
                print(f"ok {number} # SKIP this kernel makes no dmabufs of memory files")
                continue
            if way == "wayland":
                compositor.command(f"output * scale {scale}")
            name = mode if scale == 1 else f"{mode} at scale {scale}"
            more = {"TEST_DMABUF": mode, "TEST_SCALE": str(scale)}
            if way == "wayland" and mode == "card":
                more["WAYLAND_DEBUG"] = "client"
            number, fine = run(number, name, test, {**environment, **more})
            good = good and fine
        if not good:
            print("# sway: " + compositor.log_text().replace("\n", "\n# "))
        compositor.close()
    print(f"1..{number}")
    return 0 if good and number >= least else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
