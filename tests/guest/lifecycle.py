#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: lifecycle.py VMM GUEST      a Debian kernel from a program's open files, by `vmm launcher`; TAP

Runs inside the test machine as an ordinary user. The guest stays in its initrd; it speaks on its
virtio console, and switches itself off when it reads a line there.
lifecycle.py --hold SOCKET GUEST is the client that gets killed.
"""
import os
import signal
import subprocess
import sys

import vm

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../control"))
from harness import Failed, wait_for  # noqa: E402
from launcher import Lifecycle, Refused, read_until  # noqa: E402

GONE_LIMIT = 3
RUN = "echo CONSOLE ready >/dev/hvc0; read line </dev/hvc0; echo CONSOLE got $line >/dev/hvc0; poweroff -f"


def create(client, guest):
    with open(guest.path("vmlinux"), "rb") as kernel, open(guest.path("initrd"), "rb") as initrd:
        client.create(kernel=kernel, ramdisk=initrd, guest_memory=256 << 20, virtio_console=True,
                      cmdline=guest.cmdline_without_root(), cmdline_add=["pci=noearly", f'vitrine.run="{RUN}"'])


def start(path, guest):
    """A client whose guest has come to its console; with both ports."""
    client = Lifecycle(path)
    create(client, guest)
    bound = client.bind()
    serial, console = bound.stream("GetSerial"), bound.stream("GetConsole")
    client.start()
    said = read_until(console, b"CONSOLE ready", vm.BOOT_LIMIT)
    return client, bound, serial, console, said


def hold(path, folder):
    start(path, vm.Guest(folder))
    print("running", flush=True)
    signal.pause()


def children_of(pid):
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8") as file:
                if int(file.read().rsplit(")", 1)[1].split()[1]) == pid:
                    found.append(int(entry))
        except OSError:
            continue
    return found


def check_run(report, path, guest):
    client, bound, serial, console, _ = start(path, guest)
    report.check(True, "a stock kernel boots from handles and speaks on its console")
    first = read_until(serial, b"MARK init", 30)
    late = read_until(bound.stream("GetSerial"), b"MARK init", 30)
    report.check(late[:len(first)] == first[:len(late)], "a late reader sees it from the beginning", first[:200],
                 late[:200])
    console.sendall(b"hello\n")
    read_until(console, b"CONSOLE got hello", 30)
    report.check(client.finish(60) == 0, "it switches itself off: Run is a success")
    create(client, guest)
    client.start()
    client.stop(10)
    try:
        client.finish(10)
        error = "none"
    except Refused as refused:
        error = refused.name
    report.check(error == "ControllerForcedHalt", "a second machine of the same client is stopped", error)
    client.close()


def check_death(report, launcher, path, folder):
    client = subprocess.Popen([sys.executable, __file__, "--hold", path, folder], stdout=subprocess.PIPE)
    report.check(client.stdout.readline() == b"running\n", "another client's guest runs")
    instance = [pid for pid in children_of(launcher.pid)]
    parts = instance + [child for pid in instance for child in children_of(pid)]
    report.check(len(instance) == 1 and len(parts) >= 5, "one instance, with its parts", parts)
    client.kill()
    gone = wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in parts), GONE_LIMIT)
    report.check(gone, "all of it is gone after the client was killed")
    client.wait()


def main(program, folder):
    report = vm.Report()
    with vm.work_folder() as work:
        path = os.path.join(work, "launcher.sock")
        launcher = subprocess.Popen([program, "launcher", "--socket", path], stdin=subprocess.DEVNULL)
        wait_for(lambda: os.path.exists(path), 10)
        try:
            check_run(report, path, vm.Guest(folder))
            check_death(report, launcher, path, folder)
        except Failed as error:
            report.check(False, f"the guest: {error}")
        launcher.terminate()
        launcher.wait(10)
        report.check(not vm.leftovers(), "nothing is left", vm.leftovers())
    return report.end()


if __name__ == "__main__":
    if sys.argv[1] == "--hold":
        hold(sys.argv[2], sys.argv[3])
    sys.exit(main(*sys.argv[1:]))
