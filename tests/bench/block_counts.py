#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: block_counts.py VMM GUEST RANDOM-READ      what one 4 KiB random read costs a back end; root

One guest with two disks behind the same front end, ours and qemu-storage-daemon's. strace sees every
system call of both back ends between the first and the last of some hundred reads: exact counts, by
the number of reads. A kick is a read of an eventfd that vmm-machine has too, an interrupt a write. Bytes
are copied once, by the kernel, where a read goes straight into the guest's memory; else twice.
"""
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile

import block
import rig

READS = 300
LIMIT = 600
ATTACH_SECONDS = 20
CALL = re.compile(r"^(\d+) +(\w+)\((.*)$")
RESUMED = re.compile(r"^(\d+) +<\.\.\. (\w+) resumed>(.*)$")
DATA_CALLS = ("pread64", "preadv", "preadv2")


def eventfds(pid):
    """The eventfds of a process: number -> id, the same id in every process that has it."""
    found = {}
    for number in os.listdir(f"/proc/{pid}/fdinfo"):
        try:
            with open(f"/proc/{pid}/fdinfo/{number}", encoding="ascii") as file:
                match = re.search(r"eventfd-id:\s*(\d+)", file.read())
        except OSError:
            continue
        if match:
            found[number] = match.group(1)
    return found


def is_guest_memory(pid, address):
    with open(f"/proc/{pid}/maps", encoding="utf-8") as file:
        for line in file:
            start, end = (int(word, 16) for word in line.split()[0].split("-"))
            if start <= address < end:
                return "memfd:guest-memory" in line
    return False


class Trace:
    """strace on one back end, and what it says."""

    def __init__(self, name, pid, machine, folder):
        self.name = name
        self.pid = pid
        self.path = os.path.join(folder, f"{name}.trace")
        ids = set(eventfds(machine).values())
        self.shared = {number for number, identity in eventfds(pid).items() if identity in ids}
        self.process = subprocess.Popen(["strace", "-f", "-q", "-e", "raw=" + ",".join(DATA_CALLS), "-o", self.path,
                                         "-p", str(pid)])

    def copies(self, call, arguments):
        """By where the last read went: its buffer, or the first of its vector."""
        words = [int(word, 0) for word in re.findall(r"0x[0-9a-f]+|\d+", arguments)[:3]]
        address, size = words[1], words[2]
        if call != "pread64":
            with open(f"/proc/{self.pid}/mem", "rb") as memory:
                memory.seek(address)
                address, size = struct.unpack("=QQ", memory.read(16))
            if size != 4096:
                return None
        return 1 if is_guest_memory(self.pid, address) else 2

    def count(self):
        """Per request: kicks, interrupts, system calls and copies, and the calls by name."""
        self.process.terminate()  # it lets go, and writes the rest of its file
        self.process.wait()
        calls = []  # name, arguments, what was begun; a data read counts where it ends
        ends = []
        open_reads = {}
        with open(self.path, encoding="utf-8", errors="replace") as file:
            for line in file:
                begun, resumed = CALL.match(line), RESUMED.match(line)
                if begun:
                    thread, name, rest = begun.groups()
                    calls.append((name, rest))
                    open_reads[thread] = rest
                elif resumed:
                    thread, name, rest = resumed.groups()
                else:
                    continue
                if name in DATA_CALLS and re.search(r"= (0x1000|4096)\s*$", rest):
                    ends.append((len(calls), name, open_reads.get(thread, rest)))
        if len(ends) < READS // 2:
            sys.exit(f"bench: {len(ends)} reads of {self.name} were seen in {len(calls)} calls")
        first, last = ends[0][0], ends[-1][0]
        seen = calls[first:last]
        by_name = {}
        kicks = interrupts = 0
        for name, rest in seen:
            by_name[name] = by_name.get(name, 0) + 1
            number = rest.split(",")[0]
            if number in self.shared and "= -1" not in rest:
                kicks += name == "read"
                interrupts += name == "write"
        n = len(ends) - 1
        print(f"#   {self.name}: {n + 1} reads, " +
              ", ".join(f"{name} {count / n:.3g}" for name, count in sorted(by_name.items())))
        return {"kicks": kicks / n, "interrupts": interrupts / n, "calls": len(seen) / n,
                "copies": self.copies(*ends[-1][1:])}


def pid_of(part):
    for folder in ("/run/user/0", "/tmp/vitrine-0"):
        for base, _, files in os.walk(folder):
            if "processes" in files:
                with open(os.path.join(base, "processes"), encoding="ascii") as file:
                    for line in file:
                        if line.split()[0] == part:
                            return int(line.split()[1])
    sys.exit(f"bench: there is no {part}")


def main(vmm, guest, program):
    for tool in ("qemu-storage-daemon", "strace"):
        if not shutil.which(tool):
            print(f"block-counts: {tool} is not installed")
            return
    folder = tempfile.mkdtemp()
    paths = block.make_disks(folder, program)
    daemon, socket = block.storage_daemon(folder, paths[2])
    command = (f"cat /dev/vda >/tmp/r; chmod +x /tmp/r; echo ATTACH; sleep {ATTACH_SECONDS};"
               f" /tmp/r /dev/vdb {READS}; /tmp/r /dev/vdc {READS}; echo END; sleep 5; reboot -f")
    arguments = rig.ours(vmm, guest, command, "--block", f"path={paths[0]},ro", "--block", f"path={paths[1]},ro",
                         "--vhost-user", f"type=block,socket={socket}")
    traces = []

    def attach():
        machine = pid_of("machine")
        traces.append(Trace("ours", pid_of("block-1"), machine, folder))
        traces.append(Trace("qemu-storage-daemon", daemon.pid, machine, folder))

    counts = []
    try:
        rig.run_until(arguments, b"END", LIMIT, lambda _: counts.extend(trace.count() for trace in traces),
                      before=(b"ATTACH", attach))
        our, peer = counts
        for what in our:
            if None in (our[what], peer[what]):
                print(f"block-{what}-per-read: could not be seen")
                continue
            rig.say(f"block-{what}-per-read", [our[what]], [peer[what]], what, exact=True)
    finally:
        daemon.kill()
        daemon.wait()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
