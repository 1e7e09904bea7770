#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: vulkan.py VMM GUEST DRAW-VULKAN PROXY TEST-COMPOSITOR
A guest's Vulkan programs draw through venus, in memory and in a window of the host's; TAP.

GUEST is of the recipe "vulkan", PROXY is vitrine-wayland-proxy. Runs inside the test machine as an ordinary
user, where the host's userland is Debian 13 (tests/dut/debian13). At the end the render server is killed: the
guest goes on.
"""
import os
import re
import signal
import sys
import time

import display1
import frames
import vm

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../fakes/compositor"))
from compositor import Compositor  # noqa: E402

FRAMES = 100
TOO_MUCH_MIB = 4600  # a process of the render server may map 4 GiB
LIMIT = 180
GREY = (51, 51, 51)  # what vkcube clears to: 0.2
GUEST_SCRIPT = f"""
dd if=/dev/vdb of=/run/draw 2>/dev/null; chmod +x /run/draw; export XDG_RUNTIME_DIR=/run;
echo INFO $(vulkaninfo --summary 2>&1 | grep -E 'deviceName|driverName|apiVersion') over;
/run/draw frames {FRAMES} 2>&1; echo DRAWN over;
/run/draw memory {TOO_MUCH_MIB} 2>&1; echo TAKEN over;
dd if=/dev/vdc of=/run/proxy 2>/dev/null; chmod +x /run/proxy; /run/proxy --socket=/run/window & sleep 1;
WAYLAND_DISPLAY=/run/window vkcube --wsi wayland --width 200 --height 200 2>&1; echo CUBE over $?;
while true; do /run/draw frames 20 2>&1; echo ALIVE; sleep 1; done
""".replace("\n", " ")


def graphics(client, name="Graphics"):
    return client.property("/org/vitrine/Vmm1", "org.vitrine.Vmm1.Machine", name)


def check_drawing(report, machine):
    said = machine.wait_for(r"INFO (.*) over", vm.BOOT_LIMIT + LIMIT).group(1)
    report.check("Virtio-GPU Venus" in said and "driverName = venus" in said, "vulkaninfo finds venus", said)
    report.note("vulkaninfo: " + said)
    machine.wait_for(r"DRAWN over", LIMIT)
    drawn = re.search(r"FRAMES (\d+), wrong pixels (\d+)", machine.text)
    report.check(drawn and drawn.groups() == (str(FRAMES), "0"), "a triangle, read back: each pixel as computed",
                 machine.text[-800:])


def check_memory(report, machine):
    """Memory that is never shared with the guest has a limit of its own; who exceeds it is ended alone."""
    machine.wait_for(r"TAKEN over", LIMIT)
    said = machine.text.partition("DRAWN over")[2].partition("TAKEN over")[0]
    report.check(f"MEMORY {TOO_MUCH_MIB} MiB, then 0" not in said, "a guest cannot take more memory than its limit", said)
    report.note(said)


def check_next(report, machine, client):
    machine.text = ""
    machine.wait_for(r"FRAMES 20, wrong pixels 0\s+ALIVE", LIMIT)
    report.check("render" in [row[0] for row in client.processes()], "the next program draws again")


def look(compositor, size):
    """The cube's window, once it has this size: what is in it."""
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        for window in compositor.windows():
            if (window.title, window.buffer_width, window.buffer_height) == ("vkcube", *size):
                return window, compositor.picture("pixels", window.id)
        time.sleep(0.2)
    raise vm.Timeout(f"no window “vkcube” of {size}; there are {compositor.windows()}")


def is_cube(picture):
    """Grey around it, and in the middle sides of many colours, which take a part of it."""
    width, height = picture.width, picture.height
    corners = {picture.pixel(x, y) for x in (0, width - 1) for y in (0, height - 1)}
    drawn = sum(picture.data[at:at + 3] != bytes(GREY) for at in range(0, len(picture.data), 3))
    return corners == {GREY} and 0.1 < drawn / (width * height) < 0.8 and len(picture.colours()) > 100


def check_window(report, machine, compositor):
    """vkcube presents with Mesa's own code for Wayland; it is one window among the host's."""
    window, first = look(compositor, (200, 200))
    report.check(is_cube(first), "vkcube is a window of the host's", f"{len(first.colours())} colours", window)
    imports, alive = map(int, compositor.say("dmabufs")[0].split())
    report.check(imports >= alive >= 2, "its pictures are dmabufs on the host", imports, alive)
    end = time.monotonic() + LIMIT
    while look(compositor, (200, 200))[1].data == first.data and time.monotonic() < end:
        time.sleep(0.2)
    report.check(look(compositor, (200, 200))[1].data != first.data, "it turns")
    compositor.say("resize", window.id, 320, 260)
    report.check(is_cube(look(compositor, (320, 260))[1]), "it takes another size")
    compositor.say("close", window.id)
    said = machine.wait_for(r"CUBE over (\d+)", LIMIT).group(1)
    report.check(said == "0", "and closes", said, machine.text[-800:])
    report.note(f"commits {window.commits}, dmabufs {imports}")


def check_crash(report, machine, client):
    (pid,) = [row[1] for row in client.processes() if row[0] == "render"]
    os.kill(pid, signal.SIGKILL)
    machine.text = ""
    machine.wait_for(r"ALIVE\s(.*\s)*?.*ALIVE", LIMIT)
    report.check("wrong pixels 0" not in machine.text.partition("ALIVE")[2],
                 "Vulkan programs fail when the render server has ended", machine.text[-800:])
    report.check(machine.process.poll() is None, "and the guest goes on")
    report.note("clients are told: " + graphics(client, "GraphicsSentence"))


def check(report, machine, control, compositor):
    client = display1.Machine(control, 60)
    report.check(graphics(client) == "venus", "clients see the level", graphics(client),
                 graphics(client, "GraphicsSentence"))
    report.note(graphics(client, "GraphicsSentence"))
    check_drawing(report, machine)
    check_memory(report, machine)
    check_window(report, machine, compositor)
    check_next(report, machine, client)
    check_crash(report, machine, client)


def run(report, program, guest, disks, compositor):
    name = f"vulkan-{os.getpid()}"
    params = f'{guest.cmdline()} vitrine.overlay vitrine.run="{GUEST_SCRIPT}"'
    arguments = ["--name", name, "--mem", "768", "--gpu",
                 "context-types=[virgl2,venus,cross-domain],width=320,height=240", "--wayland-sock", compositor.socket,
                 "--initrd", guest.path("initrd"), "--block", f"path={guest.path('disk.img')},ro=true",
                 *(word for disk in disks for word in ("--block", f"path={disk},ro=true")),
                 "--log-level", "debug", "-p", params,
                 "--serial", "type=stdout,hardware=serial,num=1,console=true",
                 guest.path("vmlinux")]
    control = os.path.join(os.environ["XDG_RUNTIME_DIR"], "vitrine", name, "control")
    with vm.Machine(program, arguments) as machine:
        try:
            machine.wait_for(r"MARK init ", vm.BOOT_LIMIT)
            check(report, machine, control, compositor)
        except (vm.Timeout, vm.Ended, OSError, RuntimeError) as error:
            report.check(False, f"the guest draws: {error}", machine.error_text()[-3000:], machine.text[-3000:])
        machine.signal(signal.SIGINT)
        machine.wait(20)
        for line in machine.error_text().splitlines():
            if re.search("gpu|render|raphics|Vulkan|virgl", line):
                report.note(line)


def main(program, folder, draw_vulkan, proxy, test_compositor):
    report = vm.Report()
    with vm.work_folder() as work:
        disks = [os.path.join(work, name) for name in ("draw", "proxy")]
        for source, disk in zip((draw_vulkan, proxy), disks):
            frames.disk_of(source, disk)
        compositor = Compositor(test_compositor, "dmabuf=4")
        try:
            run(report, program, vm.Guest(folder), disks, compositor)
        finally:
            compositor.end()
    return report.end()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
