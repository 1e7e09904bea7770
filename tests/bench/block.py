#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: block.py VMM GUEST RANDOM-READ      4 KiB random reads, our back end and qemu-storage-daemon's

One guest with two disks behind the same front end, read in turn; reads per second, by the guest's clock.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

import rig

DISK_MIB = 64
READS = 500
LIMIT = 900


def storage_daemon(folder, path):
    """qemu-storage-daemon serving PATH; returns it and its socket."""
    socket = os.path.join(folder, "qsd")
    process = subprocess.Popen(
        ["qemu-storage-daemon", "--blockdev", f"driver=file,filename={path},node-name=disk",
         "--export", f"type=vhost-user-blk,id=export,node-name=disk,writable=off,addr.type=unix,addr.path={socket}"])
    end = time.monotonic() + 60
    while not os.path.exists(socket):
        if process.poll() is not None or time.monotonic() > end:
            sys.exit("bench: qemu-storage-daemon did not come up")
        time.sleep(0.1)
    return process, socket


def disk_of(program, path):
    """A disk that is PROGRAM."""
    with open(program, "rb") as source, open(path, "wb") as disk:
        disk.write(source.read())
        disk.write(bytes(-disk.tell() % 512))


def make_disks(folder, program):
    """Disks in FOLDER: one that is PROGRAM, and two of random bytes."""
    paths = [os.path.join(folder, name) for name in ("program", "ours", "theirs")]
    disk_of(program, paths[0])
    for path in paths[1:]:
        with open(path, "wb") as file:
            file.write(os.urandom(DISK_MIB << 20))
    return paths


def main(vmm, guest, program):
    if not shutil.which("qemu-storage-daemon"):
        print("block-randread-vs-qsd: qemu-storage-daemon is not installed")
        return
    folder = tempfile.mkdtemp()
    prefix, _, _ = rig.in_memory(folder, vmm.removesuffix("/bin/vmm"), f"{guest}/vmlinux", f"{guest}/initrd")
    vmm, guest = f"{prefix}/bin/vmm", folder
    paths = make_disks(folder, program)
    daemon, socket = storage_daemon(folder, paths[2])
    loop = " ".join(f"/tmp/r /dev/vdb {READS}; /tmp/r /dev/vdc {READS};" for _ in range(rig.PAIRS + 1))
    command = f"cat /dev/vda >/tmp/r; chmod +x /tmp/r; {loop} echo END; reboot -f"
    arguments = rig.ours(vmm, guest, command, "--block", f"path={paths[0]},ro", "--block", f"path={paths[1]},ro",
                         "--vhost-user", f"type=block,socket={socket}")
    try:
        text = []
        rig.run_until(arguments, b"END", LIMIT, text=text)
        values = {"/dev/vdb": [], "/dev/vdc": []}
        for disk, nanoseconds in re.findall(r"READ (/dev/vd[bc]) (\d+)", b"".join(text).decode()):
            values[disk].append(1e9 / int(nanoseconds))
        rig.say("block-randread-vs-qsd", values["/dev/vdb"][1:], values["/dev/vdc"][1:], "reads/s")
    finally:
        daemon.kill()
        daemon.wait()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
