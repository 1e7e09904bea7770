#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: test-targets.py FOLDER SUITE...    what ninja has to build in FOLDER for the tests of these suites

For a build that only some suites need: one line each, as ninja names it.
"""
import json
import os
import subprocess
import sys


def introspect(folder, what):
    return json.loads(subprocess.check_output(["meson", "introspect", f"--{what}", folder]))


def main(folder, *suites):
    files = {target["id"]: target["filename"] for target in introspect(folder, "targets")}
    needed = set()
    for test in introspect(folder, "tests"):
        if any(suite.rpartition(":")[2] in suites for suite in test["suite"]):
            needed.update(test["depends"])
    if not needed:
        sys.exit(f"test-targets.py: {folder} has no tests in {' '.join(suites)} that need anything built")
    for name in sorted({file for target in needed for file in files[target]}):
        print(os.path.relpath(name, os.path.abspath(folder)))


if __name__ == "__main__":
    main(*sys.argv[1:])
