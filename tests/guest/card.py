#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: card.py VMM GUEST      a Debian guest draws through vmm-gpu on a graphics card's render node; TAP

GUEST is of the recipe "gl". Runs inside a test machine with a card (dut --gpu-3d), as an ordinary user.
"""
import os
import signal
import subprocess
import sys
import tempfile
import time

import display1
import gl
import listener
import vm

LIMIT = 300
# It draws, and then it rests for a while.
GUEST_SCRIPT = """
while true; do
 sleep 20 | timeout 18 kmscube 2>&1 | grep -i -E 'renderer:|fps'; echo CUBE over;
 for i in 1 2 3 4 5 6 7 8 9 10; do echo ALIVE; sleep 2; done;
done
""".replace("\n", " ")


def check_restart(report, machine, control, screen):
    """The renderer is thrown away under a program that draws; the next one draws again."""
    machine.wait_for(r"CUBE over", LIMIT)
    machine.text = ""
    screen.forget()
    screen.wait(gl.has_cube, LIMIT)
    done = subprocess.run([sys.argv[1], "gpu", "restart-renderer", control], capture_output=True, text=True,
                          timeout=LIMIT, check=False)
    report.check(done.returncode == 0, "3D begins anew while a program draws", done.stdout, done.stderr)
    machine.wait_for(r"CUBE over", LIMIT)
    machine.text = ""
    machine.wait_for(r"renderer: .*virgl", LIMIT)
    report.check(True, "a program that was started afterwards has virgl")
    machine.wait_for(r"ALIVE", LIMIT)


def check(report, machine, control):
    machine.wait_for(r"MARK init", LIMIT)
    client = display1.Machine(control, 60)
    level, sentence = gl.graphics(client), gl.graphics(client, "GraphicsSentence")
    report.check(level == "virgl" and "/dev/dri/renderD" in sentence, "the card draws, and clients see so", level, sentence)
    screen = listener.Listener(client)
    report.check(screen.wait(gl.has_cube, LIMIT), "kmscube's picture arrives",
                 screen.size, screen.size and gl.pixel(screen, 0, 0))
    said = machine.wait_for(r"renderer: (.*)\n", LIMIT).group(1)
    report.check("virgl" in said, "it was Mesa's virgl that drew", said)
    pictures = set()
    for _ in range(6):
        screen.forget()
        if screen.wait(lambda s: s.updates, LIMIT):
            pictures.add(screen.picture())
    report.check(len(pictures) >= 3, "and turns", f"{len(pictures)} different pictures of 6")
    vm.check_sandbox(report, machine, 4 * 6, "the sandbox is as tight with a card")
    check_restart(report, machine, control, screen)
    machine.text = ""
    machine.wait_for(r"CUBE over", LIMIT)  # nothing is drawn while the recording ends
    time.sleep(3)
    picture, gone = screen.picture(), set()
    gl.kill_card(client, gone)
    report.check(gl.wait_until(lambda: "was started again" in gl.graphics(client, "GraphicsSentence"), LIMIT),
                 "a card that crashed is started again", gl.graphics(client, "GraphicsSentence"))
    machine.wait_for(r"CUBE over", LIMIT)
    machine.text = ""
    machine.wait_for(r"renderer: .*virgl", LIMIT)
    report.check(True, "a program that was started afterwards has virgl")
    report.check(gl.lose_card(client, gone), "the guest goes on when vmm-gpu crashes again and again",
                 gl.graphics(client))
    machine.text = ""
    machine.wait_for(r"ALIVE", LIMIT)
    return picture


def main(program, folder):
    report = vm.Report()
    with tempfile.TemporaryDirectory() as place:
        gl.run(report, program, vm.Guest(folder), os.path.join(place, "recording"), GUEST_SCRIPT, check)
    return report.end()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
