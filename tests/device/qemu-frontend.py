#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Our back ends under somebody else's front end: QEMU boots a stock kernel (emulated) with
vhost-user-rng-pci, -blk-pci (and -input-pci) served by vmm-rng, vmm-block and vmm-input, and the
kernel's own drivers do their work on them. Prints TAP; skipped where QEMU or the kernel is not to
be had.

    qemu-frontend.py [--kvm] VMM-RNG VMM-BLOCK VMM-INPUT DUT

QEMU allows -input-pci with KVM only; --kvm is for inside the test machine:
    tests/dut/dut run -- tests/device/qemu-frontend.py --kvm ...
"""
import lzma
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading

QEMU = "qemu-system-x86_64"
KERNEL = "linux-image-amd64"
# In the order of their dependencies; what the kernel has built in is not found and left out.
MODULES = ("virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci",
           "virtio_blk", "virtio-rng", "evdev", "virtio_input")
DISK_SIZE = 16 << 20
LIMIT_S = 150

INIT = r"""#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t devtmpfs none /dev; mount -t sysfs none /sys; mount -t proc none /proc
for module in /modules/*; do insmod $module; done
say() { echo "RESULT $1 $2"; }
ok() { name=$1; shift; if "$@"; then say $name ok; else say $name failed; fi; }
ok rng-driver grep -q virtio_rng /sys/class/misc/hw_random/rng_current
dd if=/dev/hwrng of=/a bs=512 count=4 2>/dev/null; dd if=/dev/hwrng of=/b bs=512 count=4 2>/dev/null
ok rng-bytes test $(stat -c %s /a) = 2048
ok rng-differs sh -c '! cmp -s /a /b'
test -b /dev/vda || poweroff -f
ok blk-size test $(cat /sys/block/vda/size) = SECTORS
ok blk-serial test "$(cat /sys/block/vda/serial)" = interop-disk
ok blk-read sh -c 'test "$(dd if=/dev/vda bs=16 count=1 2>/dev/null)" = "hello from host!"'
dd if=/dev/urandom of=/data bs=1M count=4 2>/dev/null
ok blk-write dd if=/data of=/dev/vda bs=64k seek=16 conv=fsync
echo 3 > /proc/sys/vm/drop_caches
dd if=/dev/vda of=/back bs=64k skip=16 count=64 2>/dev/null
ok blk-same cmp /data /back
ok blk-discard blkdiscard -o 8388608 -l 4194304 /dev/vda
ok blk-cache grep -q 'write back' /sys/block/vda/queue/write_cache
ok ro-flag test "$(cat /sys/block/vdb/ro)" = 1
ok ro-refuses sh -c '! dd if=/dev/zero of=/dev/vdb bs=512 count=1 conv=fsync 2>/dev/null'
# Unbind and bind: the rings stop and start again.
for d in /sys/bus/virtio/drivers/virtio_blk/virtio*; do device=${d##*/}; echo $device > /sys/bus/virtio/drivers/virtio_blk/unbind; echo $device > /sys/bus/virtio/drivers/virtio_blk/bind; done
ok blk-again sh -c 'dd if=/dev/vda bs=64k skip=16 count=64 2>/dev/null | cmp - /data'
if grep -q 'Name="Vitrine keyboard"' /proc/bus/input/devices; then
event=$(grep -A 5 Vitrine /proc/bus/input/devices | sed -n 's/.*\(event[0-9]*\).*/\1/p' | head -n 1)
for lamp in /sys/class/leds/*::capslock/brightness; do echo 1 > $lamp; done
# Key 30 goes down and up all the time: type EV_KEY, code 30, after the 16 bytes of time.
ok input-key sh -c 'dd if=/dev/input/'$event' bs=24 count=4 2>/dev/null | hexdump -v -e "24/1 \"%02x\" \"\n\"" | grep -q "01001e0001000000$"'
fi
echo RESULT end ok
poweroff -f
"""


def skip(why):
    print(f"1..0 # SKIP {why}")
    sys.exit(0)


def cpio(entries):
    """A newc archive of (name, mode, content)."""
    out = bytearray()
    for name, mode, content in [*entries, ("TRAILER!!!", 0, b"")]:
        fields = (0, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
        out += b"070701" + b"".join(b"%08x" % f for f in fields) + name.encode() + b"\0"
        out += b"\0" * (-len(out) % 4) + content
        out += b"\0" * (-len(out) % 4)
    return bytes(out)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def read_module(path):
    """Debian 13 packs them."""
    return lzma.decompress(read(path)) if path.endswith(".xz") else read(path)


def make_initrd(modules, busybox):
    entries = [("bin", 0o40755, b""), ("bin/busybox", 0o100755, read(busybox)),
               ("init", 0o100755, INIT.replace("SECTORS", str(DISK_SIZE // 512)).encode()),
               ("modules", 0o40755, b"")]
    entries += [(d, 0o40755, b"") for d in ("dev", "sys", "proc")]
    for number, name in enumerate(MODULES):
        found = subprocess.run(["find", modules, "-name", name + ".ko*"], check=True,
                               capture_output=True, text=True).stdout.split()
        entries += [(f"modules/{number}.ko", 0o100644, read_module(path)) for path in found]
    return cpio(entries)


class Device:
    """One device process; `socket` is the front end's side."""

    def __init__(self, executable, make_setup, more=()):
        self.control, control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket, vhost = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        wanted = [control.fileno(), vhost.fileno(), *more]

        def place():
            high = [os.dup2(fd, 100 + i) for i, fd in enumerate(wanted)]
            for i, fd in enumerate(high):
                os.dup2(fd, 3 + i)

        self.process = subprocess.Popen([executable], preexec_fn=place, close_fds=False)
        control.close()
        vhost.close()
        body = make_setup()
        # struct start_setup: type START_SETUP, size, START_FLAG_NO_NAMESPACES or _NO_JAIL, level, no marker, pid, name
        flags = 2 if "FAKE_NO_JAIL" in os.environ else 1
        self.control.send(struct.pack("=IIIIii32s", 1, 56 + len(body), flags, 6, -1, 0, b"interop") + body)
        self.control.settimeout(20)
        answer = self.control.recv(4096)
        if struct.unpack_from("=I", answer)[0] != 2:
            raise RuntimeError(answer[40:].split(b"\0")[0].decode())

    def end(self):
        self.socket.close()
        try:
            return self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return "hung"


def block_setup(flags):
    # struct block_setup after start_setup: vhost_fd, disk_fd, flags, raw, no more files, padding, size, block_size,
    # serial, counters_fd
    return struct.pack("=iiIII4x768xQI20si4x", 4, 5, flags, 0, 0, DISK_SIZE, 512, b"interop-disk", 0)


def run_qemu(kernel, initrd, devices, kvm):
    chardevs = []
    for name, kind, device in devices:
        chardevs += ["-chardev", f"socket,id={name},fd={device.socket.fileno()}",
                     "-device", f"vhost-user-{kind}-pci,chardev={name}"]
    command = [QEMU, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
               "-machine", f"q35,accel={'kvm' if kvm else 'tcg'},memory-backend=ram", "-m", "256",
               "-cpu", "host" if kvm else "max,-la57",
               "-object", "memory-backend-memfd,id=ram,size=256M,share=on,seal=on",
               "-serial", "stdio", "-kernel", kernel, "-initrd", initrd,
               "-append", "console=ttyS0 quiet panic=-1 tsc=reliable mitigations=off", *chardevs]
    fds = [device.socket.fileno() for _, _, device in devices]
    result = subprocess.run(command, pass_fds=fds, stdin=subprocess.DEVNULL, timeout=LIMIT_S,
                            capture_output=True, check=False)
    return result.stdout.decode(errors="replace"), result.stderr.decode(errors="replace")


def type_keys(display, stop, lamps):
    """Press and release one key until `stop`; collect the lamps that the guest switches."""
    down = 0
    while not stop.wait(0.2):
        down ^= 1
        display.send(struct.pack("=IHHiHHi", 2, 1, 30, down, 0, 0, 0))
        try:
            lamps.append(struct.unpack_from("=IHHi", display.recv(4096, socket.MSG_DONTWAIT))[1:])
        except BlockingIOError:
            pass


def dut_file(dut, what):
    result = subprocess.run([dut, "file", "--kernel", KERNEL, what], capture_output=True, text=True,
                            check=False)
    if result.returncode != 0:
        skip("no stock kernel: " + result.stderr.strip().replace("\n", " "))
    return result.stdout.strip()


def write_disk(path):
    with open(path, "wb") as file:
        file.write(b"hello from host!" + bytes(range(256)) * (DISK_SIZE // 256))
        file.truncate(DISK_SIZE)
    return os.stat(path).st_blocks


def run(folder, kvm, executables, dut):
    rng, block, keyboard = executables
    kernel, modules = dut_file(dut, "vmlinux"), dut_file(dut, "modules")
    initrd, disk = os.path.join(folder, "initrd"), os.path.join(folder, "disk")
    with open(initrd, "wb") as file:
        file.write(make_initrd(modules, os.path.join(os.path.dirname(kernel), "busybox")))
    before = write_disk(disk)
    writable, read_only = os.open(disk, os.O_RDWR), os.open(disk, os.O_RDONLY)
    display, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    devices = [("rng", "rng", Device(rng, lambda: struct.pack("=i", 4))),
               ("blk", "blk", Device(block, lambda: block_setup(2), [writable])),
               ("ro", "blk", Device(block, lambda: block_setup(1), [read_only]))]
    if kvm:
        # struct input_setup: vhost_fd, display_fd, INPUT_KEYBOARD
        devices.append(("kbd", "input", Device(keyboard, lambda: struct.pack("=iiI", 4, 5, 1),
                                               [theirs.fileno()])))
    stop, lamps = threading.Event(), []
    typist = threading.Thread(target=type_keys, args=(display, stop, lamps))
    if kvm:
        typist.start()
    try:
        out, err = run_qemu(kernel, initrd, devices, kvm)
    except subprocess.TimeoutExpired as error:
        out, err = (error.stdout or b"").decode(errors="replace"), "QEMU ran past its time limit"
    stop.set()
    ends = [device.end() for _, _, device in devices]
    results = dict(re.findall(r"^RESULT (\S+) (\S+)", out.replace("\r", ""), re.M))
    results["host-blocks"] = "ok" if before - os.stat(disk).st_blocks >= 8192 - 64 else "failed"
    results["ends"] = "ok" if ends == [0] * len(ends) else str(ends)
    if kvm:
        typist.join()
        results["lamp"] = "ok" if (17, 1, 1) in lamps else str(lamps)  # EV_LED, LED_CAPSL, on
        results.setdefault("input-key", "missing")
    results.setdefault("end", "missing")
    return results, out, err


def main():
    arguments = sys.argv[1:]
    kvm = arguments[:1] == ["--kvm"]
    arguments = arguments[1:] if kvm else arguments
    if len(arguments) != 4:
        sys.exit(__doc__)
    if not shutil.which(QEMU):
        skip("no QEMU")
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        results, out, err = run(folder, kvm, arguments[:3], arguments[3])
    print(f"1..{len(results)}")
    for number, (name, result) in enumerate(results.items(), 1):
        print(f"{'ok' if result == 'ok' else 'not ok'} {number} - {name}")
    if any(result != "ok" for result in results.values()):
        print("\n".join("# " + line for line in (out + err).splitlines()[-40:]))
        sys.exit(1)


main()
