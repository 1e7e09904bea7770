#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: virgl_guest.py VMM GUEST      what a guest itself sees of virgl; root, for the kernel's count of exits

A Debian guest (recipe "gl") runs kmscube, whose pictures are drawn on the host and read back for the display.
Beside what kmscube says of itself stand commands, exits and bytes copied for each frame, by the card's own
counters, between two of kmscube's reports.
"""
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "guest"))

import counts
import display1
import listener
import vm

WIDTH, HEIGHT = 320, 240
LIMIT = 180
REPORTS = 3  # of kmscube that are measured, after the first
REPORT = r"Rendered (\d+) frames in ([\d.]+) sec \(([\d.]+) fps\)"
# It takes a key, and so the end of its input, for the wish to leave.
SCRIPT = "echo READY; sleep 200 | kmscube 2>&1; while true; do sleep 5; done"


def sample(client):
    (counters, _), _ = client.call("/org/vitrine/Vmm1", "org.vitrine.Vmm1.Statistics", "GetGraphics")
    figures = {name: value for name, value in counters.items() if isinstance(value, int)}
    return {**figures, "Exits": counts.exits()}, counters


def next_report(machine):
    machine.text = ""
    return machine.wait_for(REPORT, LIMIT)


def measure(machine, client):
    next_report(machine)
    before, _ = sample(client)
    start = time.monotonic()
    fps = [float(next_report(machine).group(3)) for _ in range(REPORTS)]
    after, all_of_it = sample(client)
    seconds = time.monotonic() - start
    frames = max(after["Flushes"] - before["Flushes"], 1)
    each = {name: (after[name] - before[name]) / frames
            for name in ("Commands", "Exits", "CopiedBytes", "CommandBytes")}
    print(f"virgl-guest: {sorted(fps)[len(fps) // 2]:.1f} frames/s by kmscube in the guest, {frames / seconds:.1f} shown  "
          "(informational)")
    print(f"virgl-guest: a frame takes {each['Commands']:.1f} commands, {each['Exits']:.1f} exits, "
          f"{each['CopiedBytes']:.0f} bytes copied (the picture: {WIDTH * HEIGHT * 4}), {each['CommandBytes']:.0f} bytes of command streams")
    for _, name, count, failed, total, longest in sorted(all_of_it["CommandTypes"], key=lambda row: -row[4])[:5]:
        print(f"#   {name}: {count}, {failed} failed, {total / count / 1e6:.3f} ms each, {longest / 1e6:.2f} ms at most")
    for kind, context, ring, created, done, total, longest in all_of_it["FenceTimelines"]:
        print(f"#   fences {kind} {context}/{ring}: {created}, {total / max(done, 1) / 1e6:.3f} ms each, "
              f"{longest / 1e6:.2f} ms at most")


def main(program, folder):
    guest = vm.Guest(folder)
    name = f"bench-gl-{os.getpid()}"
    arguments = ["--name", name, "--mem", "512", "--gpu", f"backend=virglrenderer,width={WIDTH},height={HEIGHT}",
                 "--initrd", guest.path("initrd"), "--block", f"path={guest.path('disk.img')},ro=true",
                 "-p", f'{guest.cmdline()} vitrine.overlay vitrine.run="{SCRIPT}"',
                 "--serial", "type=stdout,hardware=serial,num=1,console=true", guest.path("vmlinux")]
    control = os.path.join(os.environ["XDG_RUNTIME_DIR"], "vitrine", name, "control")
    with vm.Machine(program, arguments) as machine:
        try:
            machine.wait_for("READY", vm.BOOT_LIMIT)
            client = display1.Machine(control, 60)
            screen = listener.Listener(client)  # who shows it, so that pictures are read back
            measure(machine, client)
            screen.close()
        except (vm.Timeout, vm.Ended) as error:
            sys.exit(f"virgl-guest: {error}: {machine.error_text()[-500:]} {machine.text[-500:]}")
        machine.signal(signal.SIGINT)
        machine.wait(20)


if __name__ == "__main__":
    main(*sys.argv[1:])
