#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: vulkan.py VMM GUEST DRAW-VULKAN     a guest's Vulkan programs draw through venus; TAP

GUEST is of the recipe "vulkan". Runs inside the test machine as an ordinary user, where the host's
userland is Debian 13 (tests/dut/debian13). At the end the render server is killed: the guest goes on.
"""
import os
import re
import signal
import sys
import tempfile

import display1
import vm

FRAMES = 100
TOO_MUCH_MIB = 4600  # a process of the render server may map 4 GiB
LIMIT = 180
GUEST_SCRIPT = f"""
dd if=/dev/vdb of=/run/draw 2>/dev/null; chmod +x /run/draw; export XDG_RUNTIME_DIR=/run;
echo INFO $(vulkaninfo --summary 2>&1 | grep -E 'deviceName|driverName|apiVersion') over;
/run/draw frames {FRAMES} 2>&1; echo DRAWN over;
/run/draw memory {TOO_MUCH_MIB} 2>&1; echo TAKEN over;
while true; do /run/draw frames 20 2>&1; echo ALIVE; sleep 1; done
""".replace("\n", " ")


def graphics(client, name="Graphics"):
    return client.property("/org/vitrine/Vmm1", "org.vitrine.Vmm1.Machine", name)


def disk_of(program, path):
    """A disk that is the program: the guest copies it and runs it."""
    with open(program, "rb") as source, open(path, "wb") as disk:
        disk.write(source.read())
        disk.write(bytes(-disk.tell() % 512))


def check_drawing(report, machine):
    said = machine.wait_for(r"INFO (.*) over", vm.BOOT_LIMIT + LIMIT).group(1)
    report.check("Virtio-GPU Venus" in said and "driverName = venus" in said, "vulkaninfo finds venus", said)
    report.note("vulkaninfo: " + said)
    machine.wait_for(r"DRAWN over", LIMIT)
    drawn = re.search(r"FRAMES (\d+), wrong pixels (\d+)", machine.text)
    report.check(drawn and drawn.groups() == (str(FRAMES), "0"), "a triangle, read back: each pixel as computed",
                 machine.text[-800:])


def check_memory(report, machine, client):
    """Memory that is never shared with the guest has a limit of its own; who exceeds it is ended alone."""
    machine.wait_for(r"TAKEN over", LIMIT)
    said = machine.text.partition("DRAWN over")[2].partition("TAKEN over")[0]
    report.check(f"MEMORY {TOO_MUCH_MIB} MiB, then 0" not in said, "a guest cannot take more memory than its limit", said)
    report.note(said)
    machine.text = ""
    machine.wait_for(r"FRAMES 20, wrong pixels 0\s+ALIVE", LIMIT)
    report.check("render" in [row[0] for row in client.processes()], "the next program draws again")


def check_crash(report, machine, client):
    (pid,) = [row[1] for row in client.processes() if row[0] == "render"]
    os.kill(pid, signal.SIGKILL)
    machine.text = ""
    machine.wait_for(r"ALIVE\s(.*\s)*?.*ALIVE", LIMIT)
    report.check("wrong pixels 0" not in machine.text.partition("ALIVE")[2],
                 "Vulkan programs fail when the render server has ended", machine.text[-800:])
    report.check(machine.process.poll() is None, "and the guest goes on")
    report.note("clients are told: " + graphics(client, "GraphicsSentence"))


def check(report, machine, control):
    client = display1.Machine(control, 60)
    report.check(graphics(client) == "venus", "clients see the level", graphics(client),
                 graphics(client, "GraphicsSentence"))
    report.note(graphics(client, "GraphicsSentence"))
    check_drawing(report, machine)
    check_memory(report, machine, client)
    check_crash(report, machine, client)


def run(report, program, guest, disk):
    name = f"vulkan-{os.getpid()}"
    params = f'{guest.cmdline()} vitrine.overlay vitrine.run="{GUEST_SCRIPT}"'
    arguments = ["--name", name, "--mem", "768", "--gpu", "context-types=[virgl2,venus],width=320,height=240",
                 "--initrd", guest.path("initrd"), "--block", f"path={guest.path('disk.img')},ro=true",
                 "--block", f"path={disk},ro=true", "--log-level", "debug", "-p", params,
                 "--serial", "type=stdout,hardware=serial,num=1,console=true",
                 guest.path("vmlinux")]
    control = os.path.join(os.environ["XDG_RUNTIME_DIR"], "vitrine", name, "control")
    with vm.Machine(program, arguments) as machine:
        try:
            machine.wait_for(r"MARK init ", vm.BOOT_LIMIT)
            check(report, machine, control)
        except (vm.Timeout, vm.Ended, OSError) as error:
            report.check(False, f"the guest draws: {error}", machine.error_text()[-3000:], machine.text[-3000:])
        machine.signal(signal.SIGINT)
        machine.wait(20)
        for line in machine.error_text().splitlines():
            if re.search("gpu|render|raphics|Vulkan|virgl", line):
                report.note(line)


def main(program, folder, draw_vulkan):
    report = vm.Report()
    with tempfile.TemporaryDirectory() as work:
        disk = os.path.join(work, "disk")
        disk_of(draw_vulkan, disk)
        run(report, program, vm.Guest(folder), disk)
    return report.end()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
