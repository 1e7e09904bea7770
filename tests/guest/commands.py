#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: commands.py VMM GUEST      what `vmm`'s sub-commands do to a real guest; prints TAP

Runs inside the test machine as an ordinary user. The guest stays in its initrd: it shows one grey on its
screen, reads a line at its keyboard, and says on the serial port what it sees of the disk and the
sleep button.
"""
import json
import os
import struct
import subprocess
import sys
import threading
import zlib

import vm

WIDTH, HEIGHT = 640, 480
SIZE, NEW_SIZE = 8 << 20, 48 << 20
TEXT = "Hello, World! 1+1=2 ~/x"
GUEST_SCRIPT = f"""
(while read -r line; do echo TYPED $line; done </dev/tty1) &
sleep 1; head -c {WIDTH * HEIGHT * 4} /dev/zero | tr '\\000' U >/dev/fb0; sleep 1; echo READS;
while true; do echo 1 >/proc/sys/vm/drop_caches; head -c 4096 /dev/vda >/dev/null;
 echo DISK $(cat /sys/block/vda/size) SLEEP $(cat /sys/firmware/acpi/interrupts/ff_slp_btn); sleep 1; done
""".replace("\n", " ")


# What a linked clone and its original have on the disk that they share, and that neither sees what the other writes.
LINKED_SCRIPT = """
echo HAS $(head -c 6 /dev/vda); printf WORD >/dev/vda; sync; echo 1 >/proc/sys/vm/drop_caches;
echo NOW $(head -c 6 /dev/vda); while true; do sleep 9; done
""".replace("\n", " ")


def command(report, program, *words, what):
    done = subprocess.run([program, *words], capture_output=True, timeout=60)
    report.check(done.returncode == 0, what, done.returncode, done.stderr.decode())
    return done.stdout


def read_png(data):
    """Width, height and rows of R G B, of a file without any but the plainest features."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, packed, head = 8, b"", None
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        assert struct.unpack(">I", data[at + 8 + length:at + 12 + length])[0] == zlib.crc32(kind + body)
        head = struct.unpack(">IIBBBBB", body) if kind == b"IHDR" else head
        packed += body if kind == b"IDAT" else b""
        at += 12 + length
    width, height = head[:2]
    assert head[2:] == (8, 2, 0, 0, 0)
    raw = zlib.decompress(packed)
    rows = []
    for y in range(height):
        row = bytearray(raw[y * (width * 3 + 1) + 1:(y + 1) * (width * 3 + 1)])
        assert raw[y * (width * 3 + 1)] == 1
        for x in range(3, len(row)):
            row[x] = (row[x] + row[x - 3]) & 0xff
        rows.append(bytes(row))
    return width, height, rows


def check_trace(report, program, name):
    """What the guest's reads of its disk are made of, and its serial port."""
    missing = {("block-0", event) for event in ("kick", "request", "complete", "interrupt")}
    missing |= {("machine", "exit"), ("machine", "enter")}
    with subprocess.Popen([program, "trace", name], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as trace:
        end = threading.Timer(60, trace.kill)
        end.start()
        for line in trace.stdout:
            missing.discard(tuple(line.decode().split()[1:3]))
            if not missing:
                break
        end.cancel()
        trace.kill()
    report.check(not missing, "trace shows exits, kicks, requests and interrupts", missing)


def check(report, program, machine, name, folder):
    machine.wait_for(r"READS", vm.BOOT_LIMIT)
    shot = os.path.join(folder, "shot.png")
    command(report, program, "screenshot", name, shot, what="screenshot")
    with open(shot, "rb") as file:
        width, height, rows = read_png(file.read())
    wanted = bytes([0x55] * 3 * WIDTH)
    report.check((width, height) == (WIDTH, HEIGHT) and sum(row == wanted for row in rows) > HEIGHT * 9 // 10,
                 "the file shows what the guest drew", width, height, rows[HEIGHT // 2][:12])
    check_trace(report, program, name)
    command(report, program, "type", name, TEXT + "\n", what="type")
    machine.wait_for(r"TYPED .*\n", 20)
    report.check(f"TYPED {TEXT}\n" in machine.text, "the guest reads what was typed",
                 machine.wait_for(r"TYPED .*\n", 1).group(0))
    machine.wait_for(rf"DISK {SIZE // 512} SLEEP +0 ", 20)
    command(report, program, "disk", "resize", "0", str(NEW_SIZE), name, what="disk resize")
    machine.wait_for(rf"DISK {NEW_SIZE // 512} ", 20)
    report.check(True, "the guest sees the longer disk")
    command(report, program, "sleepbtn", name, what="sleepbtn")
    machine.wait_for(r"SLEEP +1 ", 20)
    report.check(True, "the guest sees the sleep button")
    history = subprocess.run(["timeout", "5", program, "console", name], stdin=subprocess.DEVNULL, capture_output=True)
    report.check(b"READS" in history.stdout and b"SLEEP" in history.stdout, "console gives the history",
                 history.stdout[-200:], history.stderr)
    command(report, program, "stop", name, what="stop")
    report.check(machine.wait(20) == 0, "stop ends with 0")


def check_linked(report, program, guest, work):
    """A linked clone boots with the data of its original, which stays as it was."""
    disk = os.path.join(work, "linked.img")
    content = b"frozen" + bytes(SIZE - 6)
    with open(disk, "wb") as file:
        file.write(content)
    os.environ.update(XDG_CONFIG_HOME=os.path.join(work, "config"), XDG_DATA_HOME=os.path.join(work, "data"))
    path = os.path.join(work, "first.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"kernel": guest.path("vmlinux"), "block": [{"path": disk}]}, file)
    command(report, program, "define", path, what="define")
    name = command(report, program, "clone", "--linked", "first", "Second", what="clone --linked").decode().strip()
    for machine_name, word in ((name, "cloned"), ("first", "mother")):
        definition = json.loads(command(report, program, "dump-config", machine_name, what="dump-config"))
        params = f'{guest.cmdline_without_root()} vitrine.run="{LINKED_SCRIPT.replace("WORD", word)}"'
        arguments = ["--mem", "256", "--initrd", guest.path("initrd"), "--block", definition["block"][0]["path"],
                     "-p", params, "--serial", "type=stdout,hardware=serial,num=1,console=true", guest.path("vmlinux")]
        with vm.Machine(program, arguments) as machine:
            machine.wait_for(r"HAS frozen", vm.BOOT_LIMIT)
            machine.wait_for(rf"NOW {word}", 60)
        report.check(True, f"“{machine_name}” has what was there, and writes its own")
    with open(disk, "rb") as file:
        report.check(file.read() == content, "the frozen disk is as it was")


def main(program, folder):
    report = vm.Report()
    guest = vm.Guest(folder)
    name = f"commands-{os.getpid()}"
    with vm.work_folder() as work:
        disk = os.path.join(work, "disk")
        with open(disk, "wb") as file:
            file.truncate(SIZE)
        params = f'{guest.cmdline_without_root()} vitrine.run="{GUEST_SCRIPT}"'
        arguments = ["--name", name, "--mem", "256", "--gpu", f"width={WIDTH},height={HEIGHT}", "--initrd",
                     guest.path("initrd"), "--block", disk, "-p", params,
                     "--serial", "type=stdout,hardware=serial,num=1,console=true", guest.path("vmlinux")]
        with vm.Machine(program, arguments) as machine:
            try:
                check(report, program, machine, name, work)
            except (vm.Timeout, vm.Ended, AssertionError) as error:
                report.check(False, f"the guest goes on: {error!r}", machine.error_text())
        try:
            check_linked(report, program, guest, work)
        except (vm.Timeout, vm.Ended, AssertionError) as error:
            report.check(False, f"a linked clone: {error!r}")
    return report.end()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
