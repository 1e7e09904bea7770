#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""libmks, somebody else's Display1 client on GTK 4, shows a machine's display and types into it; prints TAP.

usage: test-mks.py BUILD-FOLDER DRAWN-VMM

MKS names its program `mks`, built by hand (docs/testing.md); without it this is skipped. The display is
the real vmm-display of drawn-vmm.c, whose guest draws red by column and green by row."""
import os
import subprocess
import sys
import tempfile

from session import Failure, run_in_session, wait_for

WIDTH, HEIGHT = 640, 480
BLUE = 0x80
TOLERANCE = 6  # where it enlarges the picture
KEYS = {"a": 30, "h": 35, "Return": 28}
MKS = os.environ.get("MKS")

if not MKS:
    print("1..0 # SKIP MKS names no program of libmks")
    sys.exit(0)
if "VITRINE_UI_SESSION" not in os.environ:
    sys.exit(run_in_session("1024x768x24"))


def window():
    """Place and size of the largest window: (x, y, width, height)."""
    found = subprocess.run(["xdotool", "search", "--onlyvisible", "--name", ".*"], capture_output=True, text=True,
                           timeout=60).stdout.split()
    boxes = []
    for one in found:
        said = subprocess.run(["xdotool", "getwindowgeometry", "--shell", one], capture_output=True, text=True,
                              timeout=60).stdout
        box = dict(line.split("=") for line in said.splitlines())
        boxes.append(tuple(int(box[name]) for name in ("X", "Y", "WIDTH", "HEIGHT")))
    return max(boxes, key=lambda box: box[2] * box[3], default=None)


def colour(x, y):
    data = subprocess.run(["import", "-window", "root", "-crop", f"1x1+{x}+{y}", "-depth", "8", "rgb:-"], check=True,
                          capture_output=True, timeout=60).stdout
    return tuple(data[:3])


def wrong_colours():
    """Points of the guest's picture that the window, which keeps its shape, shows in another colour."""
    box = window()
    if not box or box[2] < WIDTH // 2:
        return ["no window"]
    left, top, width, height = box
    scale = min(width / WIDTH, height / HEIGHT)
    wrong = []
    for x, y in ((40, 40), (200, 120), (340, 100), (600, 300), (100, 400)):
        seen = colour(int(left + (width - WIDTH * scale) / 2 + x * scale),
                      int(top + (height - HEIGHT * scale) / 2 + y * scale))
        wanted = (x & 0xff, y & 0xff, BLUE)
        if any(abs(one - other) > TOLERANCE for one, other in zip(seen, wanted)):
            wrong.append(f"{x},{y}: {seen}, not {wanted}")
    return wrong


def show_picture(_keys):
    """its window shows the picture"""
    try:
        wait_for("the picture", lambda: not wrong_colours(), 30)
    except Failure:
        raise Failure("; ".join(wrong_colours())) from None


def type_keys(keys):
    """what is typed there reaches the guest"""
    left, top, width, height = window()
    subprocess.run(["xdotool", "mousemove", str(left + width // 2), str(top + height // 2), "click", "1"], check=True,
                   timeout=60)
    for key in KEYS:
        subprocess.run(["xdotool", "key", key], check=True, timeout=60)
    wanted = "".join(f"{code} 1\n{code} 0\n" for code in KEYS.values())
    wait_for("the keys", lambda: open(keys, encoding="ascii").read() == wanted, 20)


def main(build, drawn_vmm):
    tests = (show_picture, type_keys)
    failed = 0
    print(f"1..{len(tests)}", flush=True)
    with tempfile.TemporaryDirectory(prefix="vitrine-mks-") as base:
        folders = {"XDG_RUNTIME_DIR": f"{base}/run", "XDG_STATE_HOME": f"{base}/state", "HOME": f"{base}/home"}
        for folder in folders.values():
            os.mkdir(folder, 0o700)
        environment = {**os.environ, **folders, "VMM_DISPLAY": f"{build}/display/vmm-display"}
        control = f"{base}/run/vitrine/mks/control"
        guest = subprocess.Popen([drawn_vmm, "run", "--name", "mks"], env=environment)
        client = None
        try:
            wait_for("the control socket", lambda: os.path.exists(control))
            client = subprocess.Popen([MKS, f"unix:path={control}"],
                                      env={**environment, "GDK_BACKEND": "x11", "GSK_RENDERER": "cairo"})
            for number, test in enumerate(tests, 1):
                try:
                    test(f"{base}/state/vitrine/mks/keys")
                    print(f"ok {number} - libmks: {test.__doc__}", flush=True)
                except Failure as failure:
                    failed += 1
                    print(f"# {failure}\nnot ok {number} - libmks: {test.__doc__}", flush=True)
        finally:
            for process in filter(None, (client, guest)):
                process.terminate()
                process.wait(20)
    return 1 if failed else 0


sys.exit(main(os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])))
