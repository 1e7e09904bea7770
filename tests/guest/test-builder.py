#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: test-builder.py BUILD-GUEST     what build-guest says and leaves when it cannot build

Needs no network: the package archive is a port that nobody listens on, or one that never answers.
Building itself is tested by every guest that the other tests start. Prints TAP.
"""
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

import vm


class Builder:
    def __init__(self, program, folder):
        self.program = program
        self.folder = folder

    def start(self, *arguments, proxy=None):
        environment = dict(os.environ, TMPDIR=self.folder)
        if proxy:
            environment["http_proxy"] = f"http://127.0.0.1:{proxy}"
            environment["https_proxy"] = environment["http_proxy"]
        return subprocess.Popen([self.program, *arguments], env=environment, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run(self, *arguments, proxy=None):
        """(exit status, output, last line of the errors)"""
        process = self.start(*arguments, proxy=proxy)
        output, errors = process.communicate(timeout=120)
        return process.returncode, output, (errors.splitlines() or [""])[-1]

    def leftovers(self):
        return os.listdir(self.folder)


def port_of(server):
    return server.getsockname()[1]


def test_words(report, builder):
    status, output, _ = builder.run("--list")
    names = [line.split("\t")[0] for line in output.splitlines()]
    report.check(status == 0 and names == ["cloud", "desktop", "gl", "newer-kernel", "test", "vulkan", "windows"], "the recipes are listed", output)
    keys = [builder.run("--key", name)[1].strip() for name in ("test", "test", "desktop")]
    report.check(keys[0] == keys[1] != keys[2] and len(keys[0]) == 64, "a recipe has one key", keys)
    status, _, error = builder.run("no-such-recipe", os.path.join(builder.folder, "a"))
    report.check(status == 64 and "no-such-recipe" in error, "an unknown recipe is named", error)
    return keys[0]


def test_folders(report, builder, key):
    taken = os.path.join(builder.folder, "taken")
    os.mkdir(taken)
    with open(os.path.join(taken, "letter"), "w", encoding="utf-8") as file:
        file.write("dear diary")
    status, _, error = builder.run("test", taken)
    report.check(status == 73 and taken in error and os.listdir(taken) == ["letter"],
                 "a folder that holds something else is left alone", status, error)
    status, _, error = builder.run("test", os.path.join(taken, "letter", "guest"))
    report.check(status == 73 and error, "a place that cannot be is named", status, error)
    os.remove(os.path.join(taken, "letter"))
    with open(os.path.join(taken, "manifest.json"), "w", encoding="utf-8") as file:
        file.write(f'{{\n  "recipe-key": "{key}"\n}}\n')
    start = time.monotonic()
    status, output, _ = builder.run("test", taken)
    report.check(status == 0 and output == "PROGRESS 100 Ready\n" and time.monotonic() - start < 5,
                 "a guest of the same recipe is kept", status, output)
    os.remove(os.path.join(taken, "manifest.json"))
    os.rmdir(taken)


def test_unreachable(report, builder):
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = port_of(server)
    status, _, error = builder.run("test", os.path.join(builder.folder, "a"), proxy=closed)
    report.check(status == 75 and "cannot be reached" in error and "http://" in error,
                 "an archive that cannot be reached is named", status, error)
    report.check(not builder.leftovers(), "and nothing is left", builder.leftovers())


def test_cancel(report, builder):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        process = builder.start("test", os.path.join(builder.folder, "a"), proxy=port_of(silent))
        connection, _ = silent.accept()
        start = time.monotonic()
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=60)
        connection.close()
    report.check(process.returncode == 143 and time.monotonic() - start < 10,
                 "a cancelled build ends soon", process.returncode, time.monotonic() - start)
    report.check(output.startswith("PROGRESS 1 "), "it said how far it was", output)
    report.check(not builder.leftovers(), "and nothing is left", builder.leftovers())


def main(program):
    report = vm.Report()
    with tempfile.TemporaryDirectory(prefix="test-builder-") as folder:
        builder = Builder(program, folder)
        key = test_words(report, builder)
        test_folders(report, builder, key)
        test_unreachable(report, builder)
        test_cancel(report, builder)
    return report.end()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
