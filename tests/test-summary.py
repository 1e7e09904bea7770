#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What summary.py makes of test logs: counts, second tries, names of what failed. TAP."""
import json
import os
import subprocess
import sys
import tempfile

SUMMARY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "summary.py")
LOST = {"name": "vitrine:guest / lost", "result": "FAIL", "stdout": "ok 1 begun\nnot ok 2 window came\n# its word\n1..2"}
FOUND = {"name": "vitrine:guest / lost", "result": "OK", "stdout": "ok 1 begun\nok 2 window came\n1..2"}
DEAD = {"name": "vitrine:guest / dead", "result": "TIMEOUT", "stdout": "ok 1 begun", "stderr": "no answer"}
LEAK = {"name": "vitrine:guest / leak", "result": "ERROR", "stdout": "ok 1 begun", "stderr": "==7==ERROR: LeakSanitizer: 9"}
GOOD = {"name": "vitrine:guest / good", "result": "OK", "stdout": "ok 1 fine\nok 2 # SKIP no card\n1..2"}


class Logs:
    def __init__(self, folder):
        self.folder = folder

    def write(self, name, *tests):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(test) + "\n" for test in tests)
        return path


def summary(*arguments):
    done = subprocess.run([sys.executable, SUMMARY, *arguments], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def check_once(logs):
    status, text = summary("=" + logs.write("a", LOST, GOOD, DEAD))
    return status == 1 and text.endswith("\n3 passed, 2 failed, 1 skipped\n") \
        and "failed  guest lost: window came" in text and "# its word" in text and "timeout: no answer" in text


def check_second(logs):
    status, text = summary("=" + logs.write("a", LOST, GOOD) + "+" + logs.write("b", FOUND))
    return status == 0 and text.endswith("\n3 passed, 0 failed, 1 skipped\n") \
        and "twice   guest lost: passed at the second try" in text and "# its word" in text


def check_twice(logs):
    status, text = summary("=" + logs.write("a", LOST, GOOD) + "+" + logs.write("b", LOST))
    return status == 1 and text.endswith("\n2 passed, 1 failed, 1 skipped\n") and "lost: failed again" in text


def check_failed(logs):
    return summary("--failed", logs.write("a", LOST, LEAK, GOOD, DEAD)) == (0, "lost\ndead\n")


def check_not_started(logs):
    status, text = summary("=" + logs.write("a", GOOD), "!no build")
    return status == 1 and text.endswith("\n1 passed, 1 failed, 1 skipped\n") and "failed  no build" in text


def main():
    checks = [check_once, check_second, check_twice, check_failed, check_not_started]
    good = True
    for number, check in enumerate(checks, 1):
        with tempfile.TemporaryDirectory() as folder:
            fine = check(Logs(folder))
        good = good and fine
        print(f"{'' if fine else 'not '}ok {number} {check.__name__[6:].replace('_', ' ')}")
    print(f"1..{len(checks)}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
