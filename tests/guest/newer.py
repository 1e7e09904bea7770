#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: newer.py VMM GUEST     Linux 6.12 with eight processors and every device; prints TAP

GUEST is a folder of build-guest's recipe "newer-kernel". Runs inside the test machine as an ordinary
user: one boot, with the checks that suite.py makes of Debian 12's own kernel.
"""
import re
import sys

import suite
import vm

CPUS = 8


class Newer(suite.Suite):
    """One boot."""

    def boot_newer_kernel(self):
        """Classes core and drivers."""
        with vm.work_folder() as folder:
            text = self.all_devices(folder, "newer-kernel.sh")
        release = re.search(r"RELEASE (\S+)", text)
        self.report.check(release and release.group(1).startswith("6.12."), "it was Linux 6.12", release)


def main(program, folder):
    tests = Newer(program, vm.Guest(folder), CPUS)
    tests.boot("newer_kernel")
    return tests.report.end()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
