#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: boot.py boot|bzimage|kvmtool VMM GUEST     one round from exec to the guest's init, against QEMU
       boot.py say < ROUNDS                  what many rounds say

boot: a vmlinux, against microvm. bzimage: Debian's packed kernel, first and second boot, against q35.
kvmtool: the packed kernel, against the kvmtool that LKVM names.
Counts when the test machine counts instructions; then a second is a number of instructions.
"""
import os
import shutil
import sys
import tempfile

import rig

LIMIT = 300
NAMES = {"boot": ("boot-vs-microvm",), "kvmtool": ("boot-vs-kvmtool",),
         "bzimage": ("boot-bzimage-vs-q35-first", "boot-bzimage-vs-q35-second")}


def seconds(command):
    return rig.run_until(command, rig.MARK, LIMIT)[0]


def rounds(what, vmm, guest):
    """Lists of seconds: ours, each with its name, then the peer's."""
    cache = os.path.join(guest, "cache")
    os.environ["XDG_CACHE_HOME"] = cache

    def first():
        shutil.rmtree(cache, ignore_errors=True)
        return seconds(rig.ours(vmm, guest, "reboot -f", kernel="bzImage"))

    if what == "boot":
        sides = [lambda: seconds(rig.ours(vmm, guest, "reboot -f")),
                 lambda: seconds(rig.microvm(guest, "reboot -f"))]
    elif what == "kvmtool":
        sides = [first, lambda: seconds(rig.kvmtool(guest, "reboot -f"))]
    else:
        sides = [first, lambda: seconds(rig.ours(vmm, guest, "reboot -f", kernel="bzImage")),
                 lambda: seconds(rig.q35(guest, "reboot -f"))]
    # Three kinds of boot and one of each not counted are more guests than a machine that counts
    # instructions takes, so the files are only read beforehand; what is waited for is left out anyway.
    return rig.interleaved(sides, 1, warm=what == "boot")


def measure(what, vmm, guest):
    folder = tempfile.mkdtemp()
    prefix = rig.in_memory(folder, vmm.removesuffix("/bin/vmm"),
                           *(f"{guest}/{name}" for name in ("vmlinux", "bzImage", "initrd")))[0]
    *ours, peer = rounds(what, f"{prefix}/bin/vmm", folder)
    for name, values in zip(NAMES[what], ours):
        for our, other in zip(values, peer):
            print("pair", name, our, other, flush=True)


def say():
    found = {}
    for line in sys.stdin:
        if line.startswith("pair "):
            _, name, our, peer = line.split()
            found.setdefault(name, []).append((float(our), float(peer)))
    for name, pairs in found.items():
        rig.say(name, [our for our, _ in pairs], [peer for _, peer in pairs], "s")
    if not found:
        sys.exit("no pair came to its end")


if __name__ == "__main__":
    if sys.argv[1] == "say":
        say()
    else:
        measure(*sys.argv[1:])
