# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures two sides in turn and prints `name ratio ours peer unit`; see docs/testing.md."""
import os
import select
import statistics
import subprocess
import time

PAIRS = 5
WARM_UPS = 4
SPREAD_LIMIT = 0.05
MARK = b"MARK initrd"
# Both monitors get the very same words.
WORDS = ("console=ttyS0 quiet loglevel=3 panic=-1 mitigations=off tsc=reliable no_timer_check "
         "8250.nr_uarts=1 cryptomgr.notests random.trust_cpu=on audit=0 apparmor=0 "
         "rcupdate.rcu_expedited=1 nokaslr pci=noearly reboot=t")
MEMORY_MIB = 256


class Silent(Exception):
    """A side did not get where it should within its limit."""


def in_memory(folder, *paths):
    """Copies of files or folders in FOLDER, which is in the test machine's memory: what is read from
    outside of it takes a time that nobody counts."""
    copies = []
    for path in paths:
        subprocess.run(["cp", "-rL", path, folder], check=True)
        copies.append(os.path.join(folder, os.path.basename(path.rstrip("/"))))
    return copies


def idle():
    """Seconds in which the machine's processors had nothing to do."""
    with open("/proc/stat", encoding="ascii") as file:
        fields = file.readline().split()
    return (int(fields[4]) + int(fields[5])) / os.sysconf("SC_CLK_TCK")


def run_until(command, needle, limit, at_needle=None, text=None, before=None):
    """Starts COMMAND and returns the seconds until NEEDLE stands on its output; then it ends by itself
    or is killed. Seconds in which no processor had anything to do are left out: under instruction
    counting they are not instructions but the waits for this computer's files. AT_NEEDLE is called with the process at that
    moment, its answer is the second result. TEXT is a list that takes what it said. BEFORE is another
    needle, before that one, and what is called at it."""
    start, idle_start = time.monotonic(), idle()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
    said = b""
    extra = None
    seconds = None
    try:
        while True:
            left = limit - (time.monotonic() - start)
            if left <= 0 or not select.select([process.stdout], [], [], left)[0]:
                raise Silent(f"{command[0]} did not say {needle!r} in {limit} s: {said[-300:]!r}")
            piece = os.read(process.stdout.fileno(), 65536)
            if not piece:
                break
            said += piece
            if text is not None:
                text.append(piece)
            if before and before[0] in said:
                before[1]()
                before = None
            if seconds is None and needle in said:
                waited = idle() - idle_start
                seconds = time.monotonic() - start - waited
                print(f"# {os.path.basename(command[0])}: {seconds:.3f} s and {waited:.2f} s of waiting", flush=True)
                extra = at_needle(process) if at_needle else None
        process.wait(limit)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    if seconds is None:
        raise Silent(f"{command[0]} ended without {needle!r}: {said[-300:]!r}")
    return seconds, extra


def ours(vmm, guest, command, *more, rng="--no-rng", kernel="vmlinux"):
    return [vmm, "run", "--name", f"bench-{os.getpid()}", "--cpus", "1", "--mem", str(MEMORY_MIB),
            rng, "--initrd", f"{guest}/initrd", "-p", f'{WORDS} vitrine.run="{command}"',
            "--no-balloon", "--serial", "type=stdout,hardware=serial,num=1,console=true", *more,
            f"{guest}/{kernel}"]


def microvm(guest, command, *more):
    """QEMU 7.2 with its smallest machine, the same kernel by PVH and the same words."""
    return ["qemu-system-x86_64", "-M", "microvm,accel=kvm", "-cpu", "host", "-smp", "1",
            "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio",
            "-object", f"memory-backend-memfd,id=ram,size={MEMORY_MIB}M,share=on",
            "-machine", "memory-backend=ram", "-m", str(MEMORY_MIB),
            "-initrd", f"{guest}/initrd", "-append", f'{WORDS} vitrine.run="{command}"', *more,
            "-kernel", f"{guest}/vmlinux"]


def q35(guest, command, kernel="bzImage", display="none"):
    """QEMU 7.2 with its machine for desktops and the very same words."""
    return ["qemu-system-x86_64", "-M", "q35,accel=kvm", "-cpu", "host", "-smp", "1", "-nodefaults",
            "-no-user-config", "-display", display, "-no-reboot", "-serial", "stdio", "-m", str(MEMORY_MIB),
            "-initrd", f"{guest}/initrd", "-append", f'{WORDS} vitrine.run="{command}"',
            "-kernel", f"{guest}/{kernel}"]


def kvmtool(guest, command):
    """The kvmtool that LKVM names, a packed kernel and the same words; it adds some of its own."""
    return [os.environ["LKVM"], "run", "--name", f"bench-{os.getpid()}", "-c", "1", "-m", str(MEMORY_MIB),
            "--console", "serial", "--network", "mode=none", "-i", f"{guest}/initrd",
            "-p", f'{WORDS} root= vitrine.run="{command}"', "-k", f"{guest}/bzImage"]  # else it adds a root


def spread(values):
    """Half the distance between the extremes, as a part of the median."""
    return (max(values) - min(values)) / 2 / statistics.median(values)


def say(name, our_values, peer_values, unit, exact=False):
    """One line; what does not count is said to be informational."""
    our, peer = statistics.median(our_values), statistics.median(peer_values)
    note = ""
    if not exact and (len(our_values) < PAIRS or spread(our_values) > SPREAD_LIMIT):
        note = f"  (informational: {len(our_values)} pairs, our spread {spread(our_values):.1%})"
    elif not exact:
        note = f"  ({len(our_values)} pairs, spread {spread(our_values):.1%} and {spread(peer_values):.1%})"
    print(f"{name} {our / peer if peer else float('nan'):.3f} {our:.4g} {peer:.4g} {unit}{note}", flush=True)


def warm_up(side):
    """Until it works: files that are read for the first time may take minutes by the machine's clock,
    which jumps ahead while it waits for them."""
    for _ in range(WARM_UPS - 1):
        try:
            side()
            return
        except Silent as failure:
            print(f"# warming up: {failure}", flush=True)
    side()


def interleaved(sides, count, warm=True):
    """COUNT results of each side, in turn, after one of each that is not counted (WARM); a list for each."""
    for side in sides if warm else ():
        warm_up(side)
    results = [[side() for side in sides] for _ in range(count)]
    return list(zip(*results))


def pairs(first, second, count=PAIRS):
    """COUNT results of each of two sides; see interleaved()."""
    our, peer = interleaved([first, second], count)
    print("#  ", " ".join(f"{a}/{b}" for a, b in zip(our, peer)), flush=True)
    return our, peer
