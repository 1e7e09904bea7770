#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: check-tidy.py ROOT BUILD     clang-tidy has nothing to say about our C files; prints TAP

Each file is checked once for each content: a clean result is remembered in BUILD/tidy-clean under
a hash of the preprocessed file and the settings.
"""
import concurrent.futures
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys


def entries(root, build):
    """Our files in the compile database, each once."""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        database = json.load(file)
    seen = {}
    for entry in database:
        path = os.path.realpath(os.path.join(entry["directory"], entry["file"]))
        inside = os.path.relpath(path, root)
        if inside.startswith("..") or path.startswith(build + os.sep) or not path.endswith(".c"):
            continue
        seen.setdefault(inside, entry)
    return sorted(seen.items())


def key_of(root, entry):
    """A hash of all that a check of this file depends on."""
    command = shlex.split(entry["command"])
    for option, values in (("-o", 1), ("-MF", 1), ("-MQ", 1), ("-MD", 0), ("-c", 0)):
        while option in command:
            place = command.index(option)
            del command[place:place + 1 + values]
    text = subprocess.run(command + ["-E"], cwd=entry["directory"], capture_output=True, check=False)
    if text.returncode != 0:
        return None
    digest = hashlib.sha256(text.stdout)
    folder = os.path.dirname(os.path.join(entry["directory"], entry["file"]))
    folder = os.path.realpath(folder)
    while folder.startswith(root):
        settings = os.path.join(folder, ".clang-tidy")
        if os.path.exists(settings):
            with open(settings, "rb") as file:
                digest.update(file.read())
        folder = os.path.dirname(folder)
    # comments are not in the preprocessed text, and NOLINT is one
    with open(os.path.join(entry["directory"], entry["file"]), "rb") as file:
        digest.update(file.read())
    return digest.hexdigest()


def check(root, build, name, entry):
    """Lines of complaint, none when the file is clean."""
    clean = os.path.join(build, "tidy-clean")
    key = key_of(root, entry)
    if key and os.path.exists(os.path.join(clean, key)):
        return []
    command = ["clang-tidy", "--quiet", "-p", build, "--extra-arg=-Wno-unknown-warning-option", name]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    lines = [line for line in result.stdout.splitlines() if line.strip()]
    if result.returncode == 0 and not any(re.search(r": (warning|error):", line) for line in lines):
        if key:
            os.makedirs(clean, exist_ok=True)
            with open(os.path.join(clean, key), "w", encoding="utf-8"):
                pass
        return []
    return lines[:12] or result.stderr.splitlines()[-6:] or [f"clang-tidy ended with {result.returncode}"]


def main(root, build):
    root, build = os.path.realpath(root), os.path.realpath(build)
    todo = entries(root, build)
    print(f"1..{len(todo)}", flush=True)
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        results = [pool.submit(check, root, build, name, entry) for name, entry in todo]
        for number, ((name, _), result) in enumerate(zip(todo, results), 1):
            complaints = result.result()
            bad += bool(complaints)
            print(f"{'not ' if complaints else ''}ok {number} - {name}", flush=True)
            for line in complaints:
                print(f"#   {line}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
