#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: check-format.py ROOT      clang-format has nothing to change in any C file; prints TAP"""
import subprocess
import sys


def main(root):
    listed = subprocess.run(["git", "-C", root, "ls-files", "*.c", "*.h"], capture_output=True,
                            text=True, check=True)
    names = listed.stdout.split()
    bad = 0
    print(f"1..{max(len(names), 1)}")
    if not names:
        print("ok 1 # SKIP git lists no C file")
    for number, name in enumerate(names, 1):
        result = subprocess.run(["clang-format", "--dry-run", "--Werror", name], cwd=root,
                                capture_output=True, text=True, check=False)
        bad += result.returncode != 0
        print(f"{'' if result.returncode == 0 else 'not '}ok {number} - {name}")
        for line in result.stderr.splitlines()[:6]:
            print(f"#   {line}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
