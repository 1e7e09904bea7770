#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The first half of the sandbox test: what /proc says of every process of a running machine.

usage: running.py PID        PID: the supervisor (`vmm run`); needs root, because jailed processes
                             are not dumpable and hide their /proc entries from their own user.

Prints TAP. Each process that is not the supervisor must have: seccomp mode 2 and no-new-privs on
every thread, empty capability sets, namespaces unlike the host's and unlike every other's, an empty
root, and descriptors equal to its plan. The Vulkan render server, which is not ours, has a root that
it can read and not write, with what it is made of.
"""
import collections
import os
import re
import sys

NAMESPACES = ("user", "pid", "mnt", "net", "ipc", "uts")
CAPABILITY_SETS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")

# What may be open besides 0, 1 (/dev/null), 2 (log pipe) and 3 (control socket):
# kind -> most descriptors of that kind. Anything else is a failure.
LOOP = {"eventpoll": 1}
RING = {"eventfd": 2 * 16 + 2}  # kick and call of every queue
PLAN = {
    "vmm-rng": {**LOOP, **RING, "socket": 2},
    "vmm-balloon": {**LOOP, **RING, "socket": 2, "timerfd": 1},
    "vmm-console": {**LOOP, **RING, "socket": 3},
    "vmm-input": {**LOOP, **RING, "socket": 3, "timerfd": 1},
    # the image and what it is based on, or the five of the composite disk that the suite makes
    "vmm-block": {**LOOP, **RING, "socket": 2, "file": 5, "timerfd": 1, "memfd": 1},
    "vmm-gpu": {**LOOP, **RING, "socket": 3, "memfd": 512, "timerfd": 5, "render-node": 4, "sync": 64,
                "dmabuf": 512, "file": 1},  # a recording
    # an epoll set of each device besides the loop's
    "vmm-machine": {"eventpoll": 33, "socket": 64, "kvm": 1, "kvm-vm": 1, "kvm-vcpu": 32, "eventfd": 256,
                    "memfd": 2, "timerfd": 8},  # memory; what the graphics card has open
    # GLib's own wake-up descriptors, the listening socket, clients, chardevs
    "vmm-display": {"eventfd": 64, "eventpoll": 1, "socket": 256, "memfd": 256, "timerfd": 16,
                    "output": 8, "null": 2},
    "virgl_render_se": {"socket": 1, "signalfd": 1, "eventfd": 1},
}
RENDER_SERVER = "virgl_render_se"  # as the kernel shortens it
RENDER_ROOT = {"usr", "lib", "lib32", "lib64", "libx32", "etc", "sys", "dev", "vmm-render", "empty"}
if "VITRINE_SANITIZED" in os.environ:  # a link to the program (vmm/jail/root.c)
    RENDER_ROOT.add("proc")


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def status_of(path):
    return dict(line.split(":\t", 1) for line in read(path).splitlines() if ":\t" in line)


def descendants(pid):
    """(pid, name) of every live process below pid."""
    parents = collections.defaultdict(list)
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = status_of(f"/proc/{entry}/status")
            except OSError:
                continue
            parents[int(fields["PPid"])].append((int(entry), fields["Name"].strip()))
    found, todo = [], [pid]
    while todo:
        for child in parents.get(todo.pop(), []):
            found.append(child)
            todo.append(child[0])
    return found


def kind_of(link):
    if link == "/dev/null":
        return "null"
    if link == "/dev/kvm":
        return "kvm"
    match = re.match(r"anon_inode:\[?([a-z0-9-]+)", link)
    if match:
        name = match.group(1)
        return "kvm-vcpu" if name.startswith("kvm-vcpu") else name
    if link.startswith("socket:"):
        return "socket"
    if link.startswith("pipe:"):
        return "pipe"
    if link.startswith("/memfd:"):
        return "memfd"
    if link.startswith("/dev/dri/renderD"):
        return "render-node"
    return "file"


class Report:
    def __init__(self):
        self.number = 0
        self.failed = 0

    def check(self, problems, name):
        self.number += 1
        for problem in problems:
            print(f"# {problem}")
        print(f"{'not ' if problems else ''}ok {self.number} - {name}", flush=True)
        self.failed += bool(problems)


def check_status(pid):
    problems = []
    for task in os.listdir(f"/proc/{pid}/task"):
        fields = status_of(f"/proc/{pid}/task/{task}/status")
        if fields["Seccomp"].strip() != "2":
            problems.append(f"thread {task}: seccomp mode {fields['Seccomp'].strip()}")
        if fields["NoNewPrivs"].strip() != "1":
            problems.append(f"thread {task}: no-new-privs is off")
        for name in CAPABILITY_SETS:
            if int(fields[name], 16) != 0:
                problems.append(f"thread {task}: {name} is {fields[name].strip()}")
    return problems


def check_namespaces(pid, seen):
    problems = []
    for name in NAMESPACES:
        own = os.readlink(f"/proc/{pid}/ns/{name}")
        if own == os.readlink(f"/proc/self/ns/{name}"):
            problems.append(f"{name} namespace is the host's")
        if own in seen:
            problems.append(f"{name} namespace is shared with process {seen[own]}")
        seen[own] = pid
    return problems


def check_root(pid, name):
    entries = os.listdir(f"/proc/{pid}/root/")
    if name == RENDER_SERVER:
        more = sorted(set(entries) - RENDER_ROOT)
        return ([f"the root holds {more}"] if more else []) + \
            ([] if os.statvfs(f"/proc/{pid}/root/").f_flag & os.ST_RDONLY else ["the root can be written to"])
    return [f"the root holds {entries}"] if entries else []


def descriptors(pid):
    """{number: what it is}; they come and go while a guest draws."""
    links = {}
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            links[int(fd)] = os.readlink(f"/proc/{pid}/fd/{fd}")
        except FileNotFoundError:
            pass
    return links


def check_descriptors(pid, name):
    links = descriptors(pid)
    problems = []
    for fd, kinds in {0: ("null",), 1: ("null",), 2: ("pipe",), 3: ("socket",)}.items():
        if fd == 3 and name == RENDER_SERVER:
            continue  # it has no control socket
        kind = kind_of(links.pop(fd, "nothing"))
        if kind not in kinds:
            problems.append(f"descriptor {fd} is {kind}, expected {' or '.join(kinds)}")
    if name not in PLAN:
        return problems + [f"no plan for {name}"]
    counts = collections.Counter()
    for fd, link in links.items():
        kind = kind_of(link)
        if name == "vmm-display" and kind in ("file", "pipe"):
            kind = "output"  # where the options send a port's bytes
        counts[kind] += 1
        if counts[kind] > PLAN[name].get(kind, 0):
            problems.append(f"descriptor {fd} ({link}) is not in the plan")
    return problems


def main():
    pid = int(sys.argv[1])
    report = Report()
    seen = {}
    processes = descendants(pid)
    report.check([] if processes else ["no process found"], "the machine has processes")
    if any(name == RENDER_SERVER for _, name in processes):
        PLAN["vmm-gpu"]["socket"] += 2  # the render server's, and the same once more to see its end
    for child, name in sorted(processes, key=lambda item: item[1]):
        report.check(check_status(child), f"{name}: seccomp, no-new-privs, no capability")
        report.check(check_namespaces(child, seen), f"{name}: namespaces of its own")
        report.check(check_root(child, name), f"{name}: {'small' if name == RENDER_SERVER else 'empty'} root")
        report.check(check_descriptors(child, name), f"{name}: descriptors as planned")
    print(f"1..{report.number}")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
