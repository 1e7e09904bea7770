#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: hang.py VMM GUEST      a graphics card that hangs under a Debian guest is started again; TAP

Runs inside the test machine as an ordinary user. The card stands still at one of the guest's drawing commands
(--gpu fault=hang): it answers nobody, and the supervisor finds that out.
"""
import hashlib
import os
import sys
import time

import display1
import frames
import gl
import listener
import vm

WIDTH, HEIGHT = 800, 600
LIMIT = 5
# The console draws more than that while it boots.
EVERY = 40
GUEST_SCRIPT = f"""
while true; do for s in red green blue; do
 yes $s-0123456789abcdef | head -c {WIDTH * HEIGHT * 4} >/dev/fb0; sleep 1;
 echo FRAME $s $(md5sum </dev/fb0); sleep 3; done; done
""".replace("\n", " ")


def check_pattern(report, machine, screen, name):
    machine.wait_for(rf"FRAME {name} (\w+)", 60)
    drawn = machine.wait_for(rf"FRAME {name} (\w{{32}})", 5).group(1)
    end = time.monotonic() + vm.PATIENCE
    while True:
        mapped = hashlib.md5(screen.picture()).hexdigest()
        if mapped == drawn or time.monotonic() > end:
            break
        time.sleep(0.1)
    report.check(mapped == drawn, f"the map shows what the guest drew: {name}", mapped, drawn)
    screen.forget()


def check(report, machine, control):
    machine.wait_for(r"FRAME", vm.BOOT_LIMIT)
    client = display1.Machine(control, 30)
    started = time.monotonic()
    report.check(gl.wait_until(lambda: "was started again" in gl.graphics(client, "GraphicsSentence"), 60),
                 "a card that hangs is started again", gl.graphics(client, "GraphicsSentence"))
    report.note(f"{time.monotonic() - started:.0f} s after the guest's first picture")
    sentence = gl.graphics(client, "GraphicsSentence")
    report.check(f"did not answer for {LIMIT} seconds" in sentence, "clients are told why", sentence)
    screen = listener.Listener(client)
    report.check(screen.wait(lambda s: s.size == (WIDTH, HEIGHT), 20), "there is a picture", screen.size)
    for name in frames.PATTERNS:
        machine.text = ""
        check_pattern(report, machine, screen, name)
    pid = frames.card_process(client)
    time.sleep(LIMIT * 3)
    report.check(frames.card_process(client) == pid, "and lives")


def run(report, program, guest):
    name = f"hang-{os.getpid()}"
    params = f'{guest.cmdline_without_root()} vitrine.run="{GUEST_SCRIPT}"'
    arguments = ["--name", name, "--mem", "256",
                 "--gpu", f"width={WIDTH},height={HEIGHT},fault=hang,fault-every={EVERY},hang-limit={LIMIT}",
                 "--initrd", guest.path("initrd"), "--log-level", "debug", "-p", params,
                 "--serial", "type=stdout,hardware=serial,num=1,console=true",
                 guest.path("vmlinux")]
    control = os.path.join(os.environ["XDG_RUNTIME_DIR"], "vitrine", name, "control")
    with vm.Machine(program, arguments) as machine:
        try:
            check(report, machine, control)
        except (vm.Timeout, vm.Ended) as error:
            report.check(False, f"the guest draws: {error}", machine.error_text())
        machine.signal()
        machine.signal()
        machine.wait(20)
        for line in machine.error_text().splitlines():
            if "raphics" in line or "gpu: The" in line:
                report.note(line)


def main(program, folder):
    report = vm.Report()
    run(report, program, vm.Guest(folder))
    return report.end()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
