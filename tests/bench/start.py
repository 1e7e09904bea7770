#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: start.py VMM GUEST      CPU time from exec to before the guest's first instruction; root

Both sides have a disk, a virtio console, a source of random numbers and a serial port, load the same
kernel and initrd, and stop before the first instruction (--suspended, -S). The CPU time is that of a
control group: of every process of the machine, those that have ended too. start-cpu-ms is the same with
a kernel of one instruction and no initrd: what processes, jails and devices cost alone.
"""
import os
import struct
import subprocess
import sys
import tempfile
import time

import rig

LIMIT = 120
QUIET_SECONDS = 1.0
QUIET_USEC = 100  # a timer that looks at something
USER = 2000
GROUPS = "/sys/fs/cgroup"
DISK_MIB = 64


def usage(group):
    """CPU time of everything that ever ran in GROUP, in ms."""
    with open(f"{group}/cpu.stat", encoding="ascii") as file:
        return int(file.readline().split()[1]) / 1000


def members(group):
    with open(f"{group}/cgroup.procs", encoding="ascii") as file:
        return [int(line) for line in file]


def of_each(group):
    """{process: ms} of those that live."""
    parts = {}
    for pid in members(group):
        with open(f"/proc/{pid}/comm", encoding="ascii") as file:
            name = file.read().strip()
        if name.startswith("kvm-"):
            continue  # the kernel's own
        spent = 0
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
                spent += int(file.read().split()[0]) / 1e6
        parts[name] = parts.get(name, 0) + spent
    return parts


def wait_until_quiet(group, process):
    """Until nothing in GROUP has done anything for a while."""
    end = time.monotonic() + LIMIT
    before = -1.0
    while usage(group) - before > QUIET_USEC / 1000:
        before = usage(group)
        time.sleep(QUIET_SECONDS)
        if process.poll() is not None:
            raise rig.Silent(f"{process.args[0]} ended: {process.stderr.read()!r}")
        if time.monotonic() > end:
            raise rig.Silent(f"{process.args[0]} does not come to rest")


def start(command, parts=None):
    """ms that COMMAND takes; PARTS takes those of each process."""
    group = tempfile.mkdtemp(prefix="bench-", dir=GROUPS)

    def enter():
        os.setgroups([kvm_group])
        os.setgid(USER)
        os.setuid(USER)
        fd = os.open(f"{group}/cgroup.procs", os.O_WRONLY)
        os.write(fd, b"0")
        os.close(fd)

    kvm_group = os.stat("/dev/kvm").st_gid
    os.chmod(group, 0o755)
    os.chmod(f"{group}/cgroup.procs", 0o666)
    os.chmod(f"{GROUPS}/cgroup.procs", 0o666)  # who moves must be allowed to leave, too
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, preexec_fn=enter)
    try:
        wait_until_quiet(group, process)
        if parts is not None:
            parts.update(of_each(group))
        return usage(group)
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.terminate()
            process.wait(LIMIT)
        process.stderr.close()
        end = time.monotonic() + LIMIT
        while members(group) and time.monotonic() < end:
            time.sleep(0.1)
        os.rmdir(group)


def tiny_kernel():
    """An ELF file of one instruction, with the note by which QEMU finds its entry (PVH)."""
    address, code = 0x200000, b"\xf4"  # hlt
    note = struct.pack("<III4sI4x", 4, 8, 18, b"Xen", address)
    head = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 2, 62, 1, address, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 7, 4096, address, address, len(code), 4096, 4096)
    notes = struct.pack("<IIQQQQQQ", 4, 4, 512, 0, 0, len(note), len(note), 4)
    return (head + segment + notes).ljust(512, b"\0") + note.ljust(4096 - 512, b"\0") + code


def without_initrd(command, kernel):
    """COMMAND with another kernel, which is its last word."""
    place = next(i for i, word in enumerate(command) if word in ("--initrd", "-initrd"))
    where = command.index("-kernel") + 1 if "-kernel" in command else len(command) - 1
    changed = [*command[:where], kernel, *command[where + 1:]]
    return changed[:place] + changed[place + 2:]


def compare(name, our, peer):
    """One line, and what each of our processes took of it."""
    parts = {}
    counted = rig.pairs(lambda: start(our, parts), lambda: start(peer))
    rig.say(name, *counted, "ms")
    for part, spent in sorted(parts.items()):
        print(f"#   {part} {spent:.2f} ms")
    print(f"#   those that have ended {counted[0][-1] - sum(parts.values()):.2f} ms", flush=True)


def main(vmm, guest):
    folder = tempfile.mkdtemp()
    prefix = rig.in_memory(folder, vmm.removesuffix("/bin/vmm"), f"{guest}/vmlinux", f"{guest}/initrd")[0]
    disk = os.path.join(folder, "disk")
    with open(disk, "wb") as file:
        file.truncate(DISK_MIB << 20)
    os.chmod(disk, 0o666)
    os.chmod(folder, 0o755)
    os.environ.update(HOME=folder, XDG_RUNTIME_DIR=os.path.join(folder, "run"),
                      XDG_STATE_HOME=os.path.join(folder, "state"))
    for name in ("run", "state"):
        os.mkdir(os.path.join(folder, name), 0o700)
        os.chown(os.path.join(folder, name), USER, USER)
    our = rig.ours(f"{prefix}/bin/vmm", folder, "true", "--suspended", "--block", f"path={disk},ro",
                   "--serial", "type=sink,hardware=virtio-console,num=1", rng="--rng")
    peer = rig.microvm(folder, "true", "-S", "-drive", f"if=none,id=disk,file={disk},format=raw,readonly=on",
                       "-device", "virtio-blk-device,drive=disk", "-device", "virtio-serial-device",
                       "-chardev", "null,id=console", "-device", "virtconsole,chardev=console",
                       "-device", "virtio-rng-device")
    tiny = os.path.join(folder, "tiny")
    with open(tiny, "wb") as file:
        file.write(tiny_kernel())
    compare("start-vs-microvm", our, peer)
    compare("start-cpu-ms", without_initrd(our, tiny), without_initrd(peer, tiny))


if __name__ == "__main__":
    main(*sys.argv[1:])
