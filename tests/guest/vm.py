# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs `vmm run` with a guest and follows what it says. Works inside the test machine."""
import os
import re
import select
import signal
import subprocess
import tempfile
import time

# A kernel starts in 8 to 20 s under nested emulation; one that hangs there hangs for good.
BOOT_LIMIT = 90
RUN_LIMIT = 150
# A limit that is no bar only keeps a test from waiting for ever. Every instruction is emulated here, on processors
# that others use too, so none is shorter than this.
PATIENCE = 90
SCRIPT_SIZE = 64 << 10
MARK = re.compile(r"MARK (\S+) ([\d.]+)")
# The end of a test of which a guest did not come up at all; tests/guest/run then tries once more.
DID_NOT_COME_UP = 75
stood_still = []


class Timeout(Exception):
    """The guest did not say what it should in time."""


class Ended(Exception):
    """The machine ended before the guest said what it should."""


class Guest:
    """The folder that build-guest made."""

    def __init__(self, folder):
        self.folder = folder

    def path(self, name):
        return os.path.join(self.folder, name)

    def cmdline(self, name="cmdline"):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read().strip()

    def cmdline_without_root(self):
        """For a start that stays in the initrd."""
        return " ".join(word for word in self.cmdline().split()
                        if not word.startswith("root=") and word not in ("rw", "ro"))


class Machine:
    """One `vmm run`. Its first serial port is our pipe."""

    def __init__(self, vmm, arguments):
        self.arguments = [vmm, "run"] + arguments
        self.text = ""
        self.errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")
        self.started = time.monotonic()
        self.process = subprocess.Popen(self.arguments, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=self.errors)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.signal(signal.SIGINT)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.errors.close()

    def seconds(self):
        return time.monotonic() - self.started

    def read(self, limit):
        """Takes in what the guest wrote; False at its end."""
        ready, _, _ = select.select([self.process.stdout], [], [], max(0, limit))
        if not ready:
            return True
        data = os.read(self.process.stdout.fileno(), 65536)
        self.text += data.decode("utf-8", errors="replace").replace("\r", "")
        return bool(data)

    def wait_for(self, pattern, limit, patience=PATIENCE):
        """The first match in all that was said so far; Timeout when there is none."""
        limit = max(limit, patience)
        end = time.monotonic() + limit
        while True:
            match = re.search(pattern, self.text)
            if match:
                return match
            if time.monotonic() >= end:
                threads = ""
                if not self.marks():
                    stood_still.append(self)
                    threads = f"; its processors: {processors(self.process.pid)}"
                raise Timeout(f"no “{pattern}” within {limit} s; last words: {self.last_words()}{threads}")
            if not self.read(min(0.5, end - time.monotonic())):
                match = re.search(pattern, self.text)
                if match:
                    return match
                raise Ended(f"the machine ended without “{pattern}”; last words: {self.last_words()}")

    def wait(self, limit):
        """The exit status; Timeout when it goes on."""
        limit = max(limit, PATIENCE)
        end = time.monotonic() + limit
        while self.read(min(0.5, end - time.monotonic())):
            if time.monotonic() >= end:
                raise Timeout(f"still running after {limit} s")
        try:
            return self.process.wait(max(1, end - time.monotonic()))
        except subprocess.TimeoutExpired as error:
            raise Timeout(f"closed its output but still runs after {limit} s") from error

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def marks(self):
        return {name: float(uptime) for name, uptime in MARK.findall(self.text)}

    def last_words(self):
        return " | ".join((self.text + self.error_text()).splitlines()[-4:])[-500:]

    def error_text(self):
        self.errors.seek(0)
        return self.errors.read()


def descendants(pid):
    """All that PID started, and what that started."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8") as file:
                parent = int(file.read().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
        if parent == pid:
            found += [int(entry)] + descendants(int(entry))
    return found


def processors(pid):
    """What the threads of the machine's process do, and the clock ticks that each used in a second."""
    def look(task):
        with open(f"{task}/stat", encoding="utf-8") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        with open(f"{task}/comm", encoding="utf-8") as file:
            name = file.read().strip()
        return name, fields[0], int(fields[11]) + int(fields[12])
    tasks = [f"/proc/{part}/task/{task}" for part in descendants(pid) for task in os.listdir(f"/proc/{part}/task")]
    try:
        before = {task: look(task) for task in tasks}
        time.sleep(1)
        after = {task: look(task) for task in tasks}
    except OSError as error:
        return str(error)
    return ", ".join(f"{name} {state} {ticks - before[task][2]}" for task, (name, state, ticks) in after.items())


def ask_root(pid):
    """The report of tests/jail/running.py; the script that started us answers (in-machine)."""
    with open(os.environ["ASK_ROOT"] + ".ask", "w", encoding="utf-8") as file:
        file.write(f"{pid}\n")
    with open(os.environ["ASK_ROOT"] + ".answer", encoding="utf-8") as file:
        return file.read()


def check_sandbox(report, machine, least, text):
    """What /proc says of every process of the machine, asked by root: each line is a check, and `least` are good."""
    answer = ask_root(machine.process.pid)
    good = 0
    notes = []
    for line in answer.splitlines():
        result = line.startswith("ok ")
        if result or line.startswith("not ok "):
            good += result
            report.check(result, "sandbox: " + line.partition(" - ")[2], *notes)
            notes = []
        elif line.startswith("#"):
            notes.append(line)
    report.check(good >= least, text, answer[-600:])


class Report:
    """TAP, without knowing the number of checks beforehand."""

    def __init__(self):
        self.count = 0
        self.failed = 0

    def check(self, good, text, *details):
        self.count += 1
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self.count} - {text}", flush=True)
        if not good:
            for detail in details:
                self.note(detail)
        return good

    def note(self, text):
        for line in str(text).splitlines():
            print(f"#   {line}", flush=True)

    def end(self):
        print(f"1..{self.count}", flush=True)
        if self.failed and stood_still:
            return DID_NOT_COME_UP
        return 1 if self.failed else 0


def script_disk(path, text):
    """A disk whose content the guest runs."""
    data = ("#!VITRINE\n" + text).encode()
    with open(path, "wb") as file:
        file.write(data.ljust(SCRIPT_SIZE, b"\0"))


def leftovers():
    """Processes and files of ours that outlived their machine."""
    found = []
    end = time.monotonic() + 5
    while True:
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
                    name = file.read().strip()
            except OSError:
                continue
            if name == "vmm" or name.startswith("vmm-"):
                found.append(f"process {pid} {name}")
        runtime = os.path.join(os.environ.get("XDG_RUNTIME_DIR", "/nonexistent"), "vitrine")
        if os.path.isdir(runtime):
            found += [f"file {os.path.join(runtime, name)}" for name in os.listdir(runtime)]
        if not found or time.monotonic() >= end:
            return found
        time.sleep(0.2)


def work_folder():
    """A folder for one boot's disks and logs, removed at exit by the caller's `with`."""
    return tempfile.TemporaryDirectory(prefix="guest-test-")
