#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: gl.py VMM GUEST      Mesa's virgl driver in a Debian guest draws through vmm-gpu; TAP

GUEST is of the recipe "gl". Runs inside the test machine as an ordinary user. At the end the graphics
card is killed: the guest goes on. All the while the card is recorded, and the recording is played again.
"""
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

import display1
import listener
import vm

WIDTH, HEIGHT = 320, 240
LIMIT = 120
GREYS = (0x7f, 0x80)  # half of 255, rounded either way
SCENES = ("build",)
DESKTOP = (0x60, 0x40, 0x1f)  # the colour of an empty weston, data/guest/recipes/gl
FRAME = 30  # the cube's turn depends on nothing but the number of the frame
TOLERANCE = 8  # of 255, of each colour: renderers may round, and at edges differ in a few pixels
EDGES = 20
# kmscube takes a key, and so the end of its input, for the wish to leave. It stands still with its last frame on the
# screen when it cannot write what it has to say at its end.
STILL = f"""
exec 3</dev/ttyS0; mkfifo /run/keys; exec 5<>/run/keys;
still() {{ echo READY $1; read x <&3; rm -f /run/full; mkfifo /run/full; exec 4<>/run/full; head -c 65536 /dev/zero >&4;
 env $2 stdbuf -o1M kmscube -c {FRAME} <&5 >&4 2>/dev/null & p=$!;
 until grep -q pipe_write /proc/$p/wchan; do sleep 0.2; done; echo STILL $1; read x <&3;
 echo BY $1 $(grep -a -m1 -o 'renderer: .*' <&4) .; wait $p; }};
still reference MESA_LOADER_DRIVER_OVERRIDE=kms_swrast; still virgl A=;
"""
GUEST_SCRIPT = f"""
echo DRIVER $(EGL_PLATFORM=surfaceless eglinfo 2>/dev/null | grep -i 'driver name') .;
sleep 35 | timeout 30 kmscube 2>&1 | grep -i -E 'renderer:|fps'; echo CUBE over;
{STILL}
echo WESTON $(/usr/lib/vitrine/weston-gl 40) over;
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


def unlike(one, other):
    """How many pixels differ by more than renderers may."""
    wrong = {at // 4 for at, (a, b) in enumerate(zip(one, other)) if abs(a - b) > TOLERANCE and at % 4 != 3}
    return len(wrong) + abs(len(one) - len(other))


def settled(screen):
    """The picture, once it is the same for three seconds."""
    while True:
        picture = screen.picture()
        screen.forget()
        time.sleep(3)
        if screen.picture() == picture:
            return picture


def still(machine, client, name):
    machine.wait_for(f"READY {name}", LIMIT)
    client.write("serial.0", b"begin\n")
    machine.wait_for(f"STILL {name}", LIMIT)


def go_on(machine, client, name):
    client.write("serial.0", b"end\n")
    return machine.wait_for(rf"BY {name} (.*) \.\n", LIMIT).group(1)


def check_still(report, machine, client, screen):
    """One frame, drawn by Mesa's own renderer in the guest's processor, then by virgl: pixel by pixel."""
    still(machine, client, "reference")
    report.check(screen.wait(has_cube, LIMIT), "the processor draws kmscube's cube", screen.size)
    reference = settled(screen)
    said = go_on(machine, client, "reference")
    report.check("llvmpipe" in said or "softpipe" in said, "by Mesa's own renderer", said)
    gone = wait_until(lambda: screen.size is None or unlike(reference, screen.picture()) > EDGES, LIMIT)
    still(machine, client, "virgl")
    wait_until(lambda: screen.size and unlike(reference, screen.picture()) <= EDGES, LIMIT)
    wrong = unlike(reference, screen.picture()) if screen.size else -1
    report.check(gone and 0 <= wrong <= EDGES, f"virgl draws the same frame, pixel by pixel: {wrong} differ", gone)
    said = go_on(machine, client, "virgl")
    report.check("virgl" in said, "and it was virgl", said)


def is_empty_desktop(screen):
    if screen.size != (WIDTH, HEIGHT):
        return False
    picture = screen.picture()
    return all(set(picture[colour::4]) == {DESKTOP[colour]} for colour in range(3))


def check_desktop(report, machine, screen):
    report.check(screen.wait(is_empty_desktop, LIMIT), "weston on GL: every pixel has the colour of its desktop",
                 screen.size, screen.size and pixel(screen, 0, 0))
    said = machine.wait_for(r"WESTON (.*) over", 5 * LIMIT).group(1)
    report.check("GL renderer: virgl" in said, "by Mesa's virgl", said[-300:])
    report.check(re.search(r"direct rendering: Yes OpenGL renderer string: virgl", said),
                 "glxinfo, on its Xwayland, reports virgl too", said[-600:])


def sum_of(picture):
    """As `vmm gpu replay` sums: FNV-1a, 64 bits, of the pixels with 0 for their fourth byte."""
    value = 0xcbf29ce484222325
    for at, byte in enumerate(picture):
        value = (value ^ (0 if at % 4 == 3 else byte)) * 0x100000001b3 & 0xffffffffffffffff
    return f"{value:016x}"


def check_replay(report, program, recording, picture):
    """The recording ended with the card's first process: the picture was what it ends with."""
    done = subprocess.run([program, "gpu", "replay", recording], capture_output=True, text=True, timeout=300,
                          check=False)
    for line in done.stdout.splitlines():
        report.note("replay: " + line)
    frames = re.search(r"^frames +(\d+)$", done.stdout, re.MULTILINE)
    report.check(done.returncode == 0 and frames and int(frames.group(1)) >= 50, "its recording can be played again",
                 done.stdout, done.stderr)
    report.check(sum_of(picture) in done.stdout, "and ends with the same picture", sum_of(picture))


def kill_card(client, gone):
    """The card's process, unless it is gone already or not there."""
    pid = next((row[1] for row in client.processes() if row[0] == "gpu"), 0)
    if pid not in gone | {0}:
        os.kill(pid, signal.SIGKILL)
        gone.add(pid)


def wait_until(condition, seconds):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.5)
    return condition()


def lose_card(client, gone):
    """It crashes until it stays away, with the third time in a minute."""
    return wait_until(lambda: kill_card(client, gone) or graphics(client) == "lost", LIMIT)


def check_crash(report, machine, client, screen):
    """What the screen shows when the card crashes: it comes again, and then no longer."""
    picture, gone = screen.picture(), set()
    kill_card(client, gone)
    report.check(wait_until(lambda: "was started again" in graphics(client, "GraphicsSentence"), LIMIT),
                 "a card that crashed is started again", graphics(client, "GraphicsSentence"))
    report.check(graphics(client).startswith("virgl"), "with 3D", graphics(client))
    lose_card(client, gone)
    machine.wait_for(r"ALIVE", 30)
    machine.text = ""
    machine.wait_for(r"ALIVE\s+ALIVE", 60)
    report.check(True, "the guest goes on when its graphics card has crashed")
    report.check(graphics(client) == "lost", "clients are told", graphics(client))
    report.check("stands still" in graphics(client, "GraphicsSentence"), "with a sentence",
                 graphics(client, "GraphicsSentence"))
    return picture


def check(report, machine, control):
    client = display1.Machine(control, 60)
    said = machine.wait_for(r"DRIVER (.*)\n", vm.BOOT_LIMIT).group(1)
    report.check(graphics(client) in ("virgl", "virgl-software"), "clients see the level",
                 graphics(client), graphics(client, "GraphicsSentence"))
    report.check("virtio_gpu" in said, "eglinfo reports Mesa's virgl driver", said)
    screen = listener.Listener(client)
    check_cube(report, machine, screen)
    machine.wait_for(r"CUBE over", LIMIT)
    check_still(report, machine, client, screen)
    check_desktop(report, machine, screen)
    for name in SCENES:
        said = machine.wait_for(rf"SCENE {name} (.*)\n", LIMIT).group(1)
        report.check("Success" in said, f"glmark2 finds its pixels: {name}", said)
    return check_crash(report, machine, client, screen)


def run(report, program, guest, recording, script=GUEST_SCRIPT, check_drawing=check):
    name = f"gl-{os.getpid()}"
    params = f'{guest.cmdline()} vitrine.overlay vitrine.run="{script}"'
    arguments = ["--name", name, "--mem", "512",
                 "--gpu", f"backend=virglrenderer,width={WIDTH},height={HEIGHT},record={recording}",
                 "--initrd", guest.path("initrd"), "--block", f"path={guest.path('disk.img')},ro=true",
                 "--log-level", "debug", "-p", params,
                 "--serial", "type=stdout,hardware=serial,num=1,console=true",
                 guest.path("vmlinux")]
    control = os.path.join(os.environ["XDG_RUNTIME_DIR"], "vitrine", name, "control")
    with vm.Machine(program, arguments) as machine:
        try:
            picture = check_drawing(report, machine, control)
            check_replay(report, program, recording, picture)
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
    with tempfile.TemporaryDirectory() as place:
        run(report, program, vm.Guest(folder), os.path.join(place, "recording"))
    return report.end()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
