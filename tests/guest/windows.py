#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: windows.py VMM GUEST CROSS-WINDOW DMABUF-WINDOW PROXY TEST-COMPOSITOR
A guest's window on the host's compositor; TAP.

Runs inside the test machine as an ordinary user, with weston as the compositor. The guest stays in
its initrd. The guard before the compositor is killed: the machine goes on, and a new guard serves the next
window. The graphics card is killed, and another one with another guard does. At the end the test compositor takes weston's place, and a program of the guest shows a
dmabuf of its graphics driver there, by way of the guest's proxy.
"""
import os
import signal
import subprocess
import sys
import time

import display1
import frames
import gl
import vm

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../fakes/compositor"))
from compositor import Compositor  # noqa: E402

GUEST_SCRIPT = """
dmesg | grep -F '[drm] features:' | sed 's/^/FEATURES /' | grep -v 'Command line';
cat /dev/vda >/tmp/window; chmod +x /tmp/window; /tmp/window & sleep 5; echo SECOND; sleep 15; /tmp/window & sleep 5; echo THIRD; sleep 15; /tmp/window &
cat /dev/vdb >/tmp/dmabuf; cat /dev/vdc >/tmp/proxy; chmod +x /tmp/dmabuf /tmp/proxy; /tmp/proxy --socket=/tmp/wl &
while true; do echo ALIVE; sleep 2; /tmp/dmabuf /tmp/wl; done
""".replace("\n", " ")


def start_weston(folder):
    environment = dict(os.environ, XDG_RUNTIME_DIR=folder)
    process = subprocess.Popen(
        ["weston", "--backend=headless-backend.so", "--socket=wayland-7", "--no-config",
         "--idle-time=0", f"--log={folder}/weston.log"], env=environment,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    path = os.path.join(folder, "wayland-7")
    end = time.monotonic() + 30
    while not os.path.exists(path) and time.monotonic() < end:
        time.sleep(0.1)
    return process, path


def process(control, name):
    return next((row[1] for row in display1.Machine(control, 60).processes() if row[0] == name and row[1] > 0), 0)


def check_crash(report, machine, control):
    """The graphics card dies with the guest's windows; the next window comes by way of its successor."""
    machine.wait_for("THIRD", 60)
    card, guard = process(control, "gpu"), process(control, "wayland-guard")
    os.kill(card, signal.SIGKILL)
    report.check(gl.wait_until(lambda: process(control, "gpu") not in (0, card)
                               and process(control, "wayland-guard") not in (0, guard), 10),
                 "the card comes again, with a new guard", machine.error_text()[-1000:])
    machine.text = ""
    said = machine.wait_for(r"WINDOW (shown|failed.*)\n", 60).group(1)
    report.check(said == "shown", "a window opens after the card crashed", said, machine.error_text()[-3000:])


def check(report, machine, control):
    said = machine.wait_for(r"FEATURES (.*)\n", vm.BOOT_LIMIT).group(1)
    report.check(all(word in said for word in ("+virgl", "+resource_blob", "+host_visible")),
                 "the stock driver sees contexts and the window of memory", said)
    said = machine.wait_for(r"WINDOW (shown|failed.*)\n", 60).group(1)
    report.check(said == "shown", "a window of the guest is on the host's compositor", said,
                 machine.error_text())
    machine.wait_for("SECOND", 60)
    first = process(control, "wayland-guard")
    os.kill(first, signal.SIGKILL)
    machine.text = ""
    said = machine.wait_for(r"WINDOW (shown|failed.*)\n", 60).group(1)
    report.check(said == "shown", "a new guard serves the next window", said, machine.error_text())
    report.check(process(control, "wayland-guard") not in (0, first), "it is another process")
    check_crash(report, machine, control)
    machine.text = ""
    machine.wait_for("ALIVE", 30)
    report.check(True, "the guest goes on")


def pattern(x, y):
    return (0, 0, 255) if (x, y) == (5, 6) else (x, y, 0)


def check_dmabuf(report, machine, compositor):
    """The guest's program asks again and again until there is a compositor that takes dmabufs."""
    if not os.access("/dev/udmabuf", os.R_OK | os.W_OK):
        machine.text = ""
        said = machine.wait_for(r"DMABUF (none|shown)", 90).group(1)
        report.check(said == "none", "a host that makes no dmabufs offers none", said)
        return
    machine.wait_for("DMABUF shown", 90)  # it fails while there is no compositor
    report.check(True, "a dmabuf of the guest's driver is a window")
    machine.wait_for("DMABUF changed", 60)
    report.check(compositor.say("dmabufs") == ["1 1"], "it is a dmabuf on the host", str(compositor.say("dmabufs")))
    window = compositor.windows()[0]
    shown = compositor.picture("pixels", window.id)
    wrong = [(x, y, shown.pixel(x, y)) for y in range(shown.height) for x in range(shown.width)
             if shown.pixel(x, y) != pattern(x, y)]
    report.check((shown.width, shown.height) == (60, 40) and not wrong, "each pixel is the guest's", str(wrong[:5]))
    report.check(window.pixels_taken == 60 * 40 + 1, "what changed is told, and nothing else", str(window))


def swap(weston, program, path):
    """The test compositor at weston's socket."""
    weston.terminate()
    weston.wait()
    return Compositor(program, "dmabuf=4", at=path)


def run(report, program, guest, disks, weston, path, test_compositor):
    name = f"windows-{os.getpid()}"
    params = f'{guest.cmdline_without_root()} vitrine.run="{GUEST_SCRIPT}"'
    arguments = ["--name", name, "--mem", "256", "--gpu", "backend=2d,context-types=[cross-domain]",
                 "--wayland-sock", path, "--initrd", guest.path("initrd"),
                 *(word for disk in disks for word in ("--block", f"path={disk},ro=true")),
                 "--log-level", "debug", "-p", params,
                 "--serial", "type=stdout,hardware=serial,num=1,console=true",
                 guest.path("vmlinux")]
    control = os.path.join(os.environ["XDG_RUNTIME_DIR"], "vitrine", name, "control")
    with vm.Machine(program, arguments) as machine:
        try:
            check(report, machine, control)
            compositor = swap(weston, test_compositor, path)
            check_dmabuf(report, machine, compositor)
            compositor.end()
        except (vm.Timeout, vm.Ended) as error:
            report.check(False, f"a window: {error}", machine.error_text()[-3000:],
                         machine.text[-2000:])
        machine.signal()
        machine.signal()
        if machine not in vm.stood_still:
            machine.wait(20)


def main(program, folder, *programs):
    report = vm.Report()
    *in_guest, test_compositor = programs
    with vm.work_folder() as work:
        disks = [os.path.join(work, f"disk{i}") for i in range(len(in_guest))]
        for source, disk in zip(in_guest, disks):
            frames.disk_of(source, disk)
        weston, path = start_weston(work)
        try:
            run(report, program, vm.Guest(folder), disks, weston, path, test_compositor)
        finally:
            weston.terminate()
            weston.wait()
    return report.end()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
