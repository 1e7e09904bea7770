#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: gl.py VMM GUEST      Mesa's virgl driver in a Debian guest draws through vmm-gpu; TAP

GUEST is of the recipe "gl". Runs inside the test machine as an ordinary user. At the end the graphics
card is killed: the guest goes on.
"""
import os
import signal
import sys

import display1
import listener
import vm

WIDTH, HEIGHT = 320, 240
LIMIT = 120
GREYS = (0x7f, 0x80)  # half of 255, rounded either way
SCENES = ("build",)
# kmscube takes a key, and so the end of its input, for the wish to leave.
GUEST_SCRIPT = f"""
echo DRIVER $(EGL_PLATFORM=surfaceless eglinfo 2>/dev/null | grep -i 'driver name') .;
sleep 35 | timeout 30 kmscube 2>&1 | grep -i -E 'renderer:|fps'; echo CUBE over;
for s in {' '.join(SCENES)}; do
 echo SCENE $s $(timeout 150 glmark2-es2-drm --validate --off-screen --size 128x96 -b $s | grep Validation);
done;
while true; do echo ALIVE; sleep 2; done
""".replace("\n", " ")


def graphics(client, name="Graphics"):
    return client.property("/org/vitrine/Vmm1", "org.vitrine.Vmm1.Machine", name)


def pixel(screen, x, y):
    """Blue, green, red."""
    width = screen.size[0]
    picture = screen.picture()
    at = (y * width + x) * 4
    return tuple(picture[at:at + 3])


def has_cube(screen):
    """kmscube's grey all around, and something else in the middle."""
    if screen.size != (WIDTH, HEIGHT):
        return False
    corners = [pixel(screen, x, y) for x in (0, WIDTH - 1) for y in (0, HEIGHT - 1)]
    middle = pixel(screen, WIDTH // 2, HEIGHT // 2)
    return all(value in GREYS for corner in corners for value in corner) and middle not in corners


def check_cube(report, machine, screen):
    report.check(screen.wait(has_cube, LIMIT), "kmscube's picture arrives",
                 screen.size, screen.size and pixel(screen, 0, 0))
    pictures = set()
    for _ in range(6):
        screen.forget()
        if screen.wait(lambda s: s.updates, 30):
            pictures.add(screen.picture())
    report.check("ScanoutMap" not in screen.calls, "pages are flipped without a word", screen.calls)
    said = machine.wait_for(r"renderer: (.*)\n", LIMIT).group(1)
    report.check("virgl" in said, "it was Mesa's virgl that drew", said)
    report.check(len(pictures) >= 3, "and turns", f"{len(pictures)} different pictures of 6")


def check_crash(report, machine, client):
    (pid,) = [row[1] for row in client.processes() if row[0] == "gpu"]
    os.kill(pid, signal.SIGKILL)
    machine.wait_for(r"ALIVE", 30)
    machine.text = ""
    machine.wait_for(r"ALIVE\s+ALIVE", 60)
    report.check(True, "the guest goes on when its graphics card has crashed")
    report.check(graphics(client) == "lost", "clients are told", graphics(client))
    report.check("stands still" in graphics(client, "GraphicsSentence"), "with a sentence",
                 graphics(client, "GraphicsSentence"))


def check(report, machine, control):
    client = display1.Machine(control, 60)
    said = machine.wait_for(r"DRIVER (.*)\n", vm.BOOT_LIMIT).group(1)
    report.check(graphics(client) in ("virgl", "virgl-software"), "clients see the level",
                 graphics(client), graphics(client, "GraphicsSentence"))
    report.note("eglinfo: " + said)
    screen = listener.Listener(client)
    check_cube(report, machine, screen)
    machine.wait_for(r"CUBE over", LIMIT)
    for name in SCENES:
        said = machine.wait_for(rf"SCENE {name} (.*)\n", LIMIT).group(1)
        report.check("Success" in said, f"glmark2 finds its pixels: {name}", said)
    check_crash(report, machine, client)


def run(report, program, guest):
    name = f"gl-{os.getpid()}"
    params = f'{guest.cmdline()} vitrine.overlay vitrine.run="{GUEST_SCRIPT}"'
    arguments = ["--name", name, "--mem", "512",
                 "--gpu", f"backend=virglrenderer,width={WIDTH},height={HEIGHT}",
                 "--initrd", guest.path("initrd"), "--block", f"path={guest.path('disk.img')},ro=true",
                 "--log-level", "debug", "-p", params,
                 "--serial", "type=stdout,hardware=serial,num=1,console=true",
                 guest.path("vmlinux")]
    control = os.path.join(os.environ["XDG_RUNTIME_DIR"], "vitrine", name, "control")
    with vm.Machine(program, arguments) as machine:
        try:
            check(report, machine, control)
        except (vm.Timeout, vm.Ended) as error:
            report.check(False, f"the guest draws: {error}", machine.error_text(), machine.text[-3000:])
        for line in machine.text.splitlines():
            if "fps" in line or "GL_RENDERER" in line:
                report.note(line)
        machine.signal(signal.SIGINT)
        machine.wait(20)
        for line in machine.error_text().splitlines():
            if "gpu" in line or "graphics" in line:
                report.note(line)


def main(program, folder):
    report = vm.Report()
    run(report, program, vm.Guest(folder))
    return report.end()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
