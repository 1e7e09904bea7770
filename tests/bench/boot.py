#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: boot.py VMM GUEST     from exec to the guest's init, against QEMU microvm

Counts when the test machine counts instructions; then a second is a number of instructions.
"""
import sys
import tempfile

import rig

LIMIT = 900


def main(vmm, guest):
    folder = tempfile.mkdtemp()
    prefix, _, _ = rig.in_memory(folder, vmm.removesuffix("/bin/vmm"), f"{guest}/vmlinux", f"{guest}/initrd")
    vmm, guest = f"{prefix}/bin/vmm", folder
    boots = rig.pairs(lambda: rig.run_until(rig.ours(vmm, guest, "reboot -f"), rig.MARK, LIMIT)[0],
                      lambda: rig.run_until(rig.microvm(guest, "reboot -f"), rig.MARK, LIMIT)[0])
    rig.say("boot-vs-microvm", *boots, "s")


if __name__ == "__main__":
    main(*sys.argv[1:])
