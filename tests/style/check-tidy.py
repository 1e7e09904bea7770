#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: check-tidy.py ROOT BUILD     clang-tidy has nothing to say about our C files; prints TAP

Each file is checked once for each content: as often as the commands that compile it make it another
text, which is once for nearly all. A clean result is remembered in BUILD/tidy-clean under a hash of
the preprocessed file and the settings.
"""
import concurrent.futures
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile


def entries(root, build):
    """Our files in the compile database, each with all the commands that compile it."""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        database = json.load(file)
    seen = {}
    for entry in database:
        path = os.path.realpath(os.path.join(entry["directory"], entry["file"]))
        inside = os.path.relpath(path, root)
        if inside.startswith("..") or path.startswith(build + os.sep) or not path.endswith(".c"):
            continue
        seen.setdefault(inside, []).append(entry)
    return sorted(seen.items())


def key_of(root, entry):
    """A hash of all that a check of this file depends on."""
    command = shlex.split(entry["command"])
    for option, values in (("-o", 1), ("-MF", 1), ("-MQ", 1), ("-MD", 0), ("-c", 0)):
        while option in command:
            place = command.index(option)
            del command[place:place + 1 + values]
    # the words in a log message, and no reason to check a file once more
    command = [word for word in command if not word.startswith("-DG_LOG_DOMAIN=")]
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


def texts(root, commands):
    """(key, entry) for each text that these commands make of one file."""
    found = {}
    for entry in commands:
        key = key_of(root, entry)
        # what cannot be preprocessed is for clang-tidy to tell
        found.setdefault(key or entry["command"], (key, entry))
    return found.values()


def check_text(root, name, entry):
    """Lines of complaint about what this command makes of the file."""
    # given the whole database, clang-tidy checks the file once for each of its commands
    with tempfile.TemporaryDirectory(prefix="tidy-") as database:
        with open(os.path.join(database, "compile_commands.json"), "w", encoding="utf-8") as file:
            json.dump([entry], file)
        command = ["clang-tidy", "--quiet", "-p", database, "--extra-arg=-Wno-unknown-warning-option", name]
        result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    lines = [line for line in result.stdout.splitlines() if line.strip()]
    if result.returncode == 0 and not any(re.search(r": (warning|error):", line) for line in lines):
        return []
    return lines[:12] or result.stderr.splitlines()[-6:] or [f"clang-tidy ended with {result.returncode}"]


def check(root, build, name, commands):
    """Lines of complaint, none when the file is clean."""
    clean = os.path.join(build, "tidy-clean")
    complaints = []
    for key, entry in texts(root, commands):
        if key and os.path.exists(os.path.join(clean, key)):
            continue
        lines = check_text(root, name, entry)
        if key and not lines:
            os.makedirs(clean, exist_ok=True)
            with open(os.path.join(clean, key), "w", encoding="utf-8"):
                pass
        complaints += lines
    return complaints


def main(root, build):
    root, build = os.path.realpath(root), os.path.realpath(build)
    todo = entries(root, build)
    print(f"1..{len(todo)}", flush=True)
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        results = [pool.submit(check, root, build, name, commands) for name, commands in todo]
        for number, ((name, _), result) in enumerate(zip(todo, results), 1):
            complaints = result.result()
            bad += bool(complaints)
            print(f"{'not ' if complaints else ''}ok {number} - {name}", flush=True)
            for line in complaints[:12]:
                print(f"#   {line}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
