#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: counts.py VMM GUEST [exits] [memory]     exits until the guest's init, and memory outside the guest; root

Exact counts: the kernel's own exit counter, and the private pages of every process.
"""
import os
import re
import sys
import time

import rig

LIMIT = 120
EXITS = "/sys/kernel/debug/kvm/exits"
GUEST_RAM = re.compile(r"memfd:(guest|memory-backend)")
SETTLE_SECONDS = 2


def exits():
    with open(EXITS, encoding="ascii") as file:
        return int(file.read())


def children_of(pid):
    """PID and everything below it."""
    found = [pid]
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
                for child in file.read().split():
                    found += children_of(int(child))
    except OSError:
        pass
    return found


def private_kib(pid):
    """Private pages of a process outside the guest's memory."""
    total = 0
    outside = True
    with open(f"/proc/{pid}/smaps", encoding="utf-8", errors="replace") as file:
        for line in file:
            if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
                outside = not GUEST_RAM.search(line)
            elif outside and line.startswith(("Private_Clean:", "Private_Dirty:")):
                total += int(line.split()[1])
    return total


def memory(process):
    """MiB of the whole tree, and of each process by name."""
    time.sleep(SETTLE_SECONDS)
    parts = {}
    for pid in children_of(process.pid):
        with open(f"/proc/{pid}/comm", encoding="ascii") as file:
            name = file.read().strip()
        parts[name] = parts.get(name, 0) + private_kib(pid) / 1024
    return parts


def count_exits(command):
    before = exits()
    _, after = rig.run_until(command, rig.MARK, LIMIT, lambda _: exits())
    return after - before


def say_exits(vmm, guest):
    counted = rig.pairs(lambda: count_exits(rig.ours(vmm, guest, "reboot -f")),
                        lambda: count_exits(rig.microvm(guest, "reboot -f")))
    rig.say("exits-vs-microvm", *counted, "exits")


def say_memory(vmm, guest):
    stay = f"sleep {SETTLE_SECONDS + 2}; reboot -f"
    _, our = rig.run_until(rig.ours(vmm, guest, stay, rng="--rng"), rig.MARK, LIMIT, memory)
    _, peer = rig.run_until(rig.microvm(guest, stay, "-device", "virtio-rng-device"), rig.MARK, LIMIT, memory)
    _, without = rig.run_until(rig.microvm(guest, stay), rig.MARK, LIMIT, memory)
    rig.say("memory-headless-mib", [sum(our.values())], [sum(peer.values())], "MiB", exact=True)
    # QEMU's source of random numbers is no process: what it adds to QEMU stands for it.
    rig.say("memory-rng-mib", [our["vmm-rng"]], [sum(peer.values()) - sum(without.values())], "MiB", exact=True)
    for name, size in sorted(our.items()):
        print(f"#   {name} {size:.2f} MiB")


def main(vmm, guest, *names):
    for name in names or ("exits", "memory"):
        {"exits": say_exits, "memory": say_memory}[name](vmm, guest)


if __name__ == "__main__":
    main(*sys.argv[1:])
