#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: summary.py [LABEL=]TESTLOG.json[+AGAIN.json] | !TEXT ...    what meson's test logs say, one line per test
       summary.py --failed TESTLOG.json                             the names of the tests that failed, but
                                                     for those in which a sanitizer found something

!TEXT counts as one failure: something that could not even start. A test that AGAIN.json has counts by that, its
second try; what its first try said is printed too.
Reads the TAP each test printed, so that every check counts. Ends with one line on its own:
"N passed, N failed, N skipped"; exit status 1 when anything failed.
"""
import json
import re
import sys

LINE = re.compile(r"^\s*(not )?ok\b\s*\d*\s*(?:- )?(.*)$")


def checks(test):
    """(result, text) for each check of one test; result is passed, failed or skipped."""
    found = []
    for line in test.get("stdout", "").splitlines():
        match = LINE.match(line)
        if not match:
            continue
        text, _, directive = match.group(2).partition("#")
        directive = directive.strip()
        if directive.upper().startswith("SKIP"):
            found.append(("skipped", f"{text.strip()} ({directive[4:].strip()})"))
        elif match.group(1):
            found.append(("failed", match.group(2)))
        else:
            found.append(("passed", match.group(2)))
    result = test["result"]
    if result in ("SKIP", "OK", "EXPECTEDFAIL"):
        return found or [("skipped" if result == "SKIP" else "passed", "")]
    if not any(each == "failed" for each, _ in found):
        last = [line for line in (test.get("stderr", "") or test.get("stdout", "")).splitlines() if line]
        found.append(("failed", f"{result.lower()}: {last[-1] if last else 'no output'}"))
    return found


def read_log(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def is_failure(test):
    return any(result == "failed" for result, _ in checks(test))


def is_finding(test):
    return any(word in test.get(stream, "") for stream in ("stdout", "stderr") for word in ("Sanitizer:", "runtime error:"))


def print_failed(path):
    for test in read_log(path):
        if is_failure(test) and not is_finding(test):
            print(test["name"].partition(" / ")[2])
    return 0


def print_output(test):
    for stream in ("stdout", "stderr"):
        for text in [t for t in test.get(stream, "").splitlines() if not re.match(r"^\s*ok\b", t)][-60:]:
            print(f"    {text}")


def main(arguments):
    if arguments[:1] == ["--failed"]:
        return print_failed(arguments[1])
    totals = {"passed": 0, "failed": 0, "skipped": 0}
    failures = []
    tried_again = []
    for argument in arguments:
        if argument.startswith("!"):
            totals["failed"] += 1
            failures.append((f"failed  {argument[1:]}", {}))
            continue
        label, _, paths = argument.rpartition("=")
        path, _, again = paths.partition("+")
        second = {test["name"]: test for test in read_log(again)} if again else {}
        for test in read_log(path):
            suite, _, name = test["name"].partition(" / ")
            suite = suite.partition(":")[2] or suite
            where = f"{suite} {name}".strip() + (f" [{label}]" if label else "")
            if test["name"] in second:
                first, test = test, second[test["name"]]
                how = "failed again" if is_failure(test) else "passed at the second try"
                tried_again.append((f"{where}: {how}", first))
            for result, text in checks(test):
                totals[result] += 1
                line = f"{result:7} {where}" + (f": {text}" if text else "")
                print(line)
                if result == "failed":
                    failures.append((line, test))
    shown = set()
    for line, test in failures:
        print(f"\n{line}")
        if id(test) not in shown:
            shown.add(id(test))
            print_output(test)
    for line, test in tried_again:
        print(f"\ntwice   {line}; at the first:")
        print_output(test)
    print(f"\n{totals['passed']} passed, {totals['failed']} failed, {totals['skipped']} skipped")
    return 1 if totals["failed"] or not totals["passed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
