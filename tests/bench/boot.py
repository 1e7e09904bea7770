#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: boot.py VMM GUEST [COUNT]     pairs from exec to the guest's init, against QEMU microvm
       boot.py say < PAIRS               what many pairs say

Counts when the test machine counts instructions; then a second is a number of instructions.
"""
import sys
import tempfile

import rig

LIMIT = 120


def measure(vmm, guest, count):
    folder = tempfile.mkdtemp()
    prefix, _, _ = rig.in_memory(folder, vmm.removesuffix("/bin/vmm"), f"{guest}/vmlinux", f"{guest}/initrd")
    vmm, guest = f"{prefix}/bin/vmm", folder
    for our, peer in zip(*rig.pairs(lambda: rig.run_until(rig.ours(vmm, guest, "reboot -f"), rig.MARK, LIMIT)[0],
                                    lambda: rig.run_until(rig.microvm(guest, "reboot -f"), rig.MARK, LIMIT)[0],
                                    count)):
        print("pair", our, peer, flush=True)


def say():
    found = [line.split()[1:] for line in sys.stdin if line.startswith("pair ")]
    if not found:
        sys.exit("boot-vs-microvm: no pair came to its end")
    rig.say("boot-vs-microvm", [float(our) for our, _ in found], [float(peer) for _, peer in found], "s")


if __name__ == "__main__":
    if sys.argv[1] == "say":
        say()
    else:
        measure(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 1)
