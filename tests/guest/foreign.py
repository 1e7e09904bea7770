#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: foreign.py VMM GUEST      programs of others on the edges of `vmm run`; prints TAP

A stock kernel on disks that qemu-storage-daemon serves, and a display that is shown by a client on
sd-bus and one on libdbus. Runs inside the test machine as an ordinary user.
"""
import os
import shutil
import subprocess
import sys
import time

import sdbus
import vm

WIDTH, HEIGHT = 640, 480
DATA_SIZE = 32 << 20
ON_DISKS = r"""
say() { echo "FOUND $*"; }
say size $(cat /sys/block/vdc/size) queues $(ls /sys/block/vdc/mq | wc -l)
say root $(stat -c %d / >/dev/null && cat /sys/block/vda/ro)
say start "$(dd if=/dev/vdc bs=16 count=1 2>/dev/null)"
dd if=/dev/urandom of=/tmp/data bs=64k count=64 2>/dev/null
dd if=/tmp/data of=/dev/vdc bs=64k seek=16 conv=fsync 2>/dev/null
say same $(dd if=/dev/vdc bs=64k skip=16 count=64 iflag=direct 2>/dev/null | cmp - /tmp/data && echo yes)
device=$(basename "$(readlink -f /sys/block/vdc/device)")
for round in 1 2; do
    dd if=/dev/vdc of=/dev/null bs=4k count=200 iflag=direct 2>/dev/null &
    sleep 0.1
    echo "$device" >/sys/bus/virtio/drivers/virtio_blk/unbind
    wait
    echo "$device" >/sys/bus/virtio/drivers/virtio_blk/bind
done
sleep 1
say again $(dd if=/dev/vdc bs=64k skip=16 count=64 iflag=direct 2>/dev/null | cmp - /tmp/data && echo yes)
printf 'written by the guest' | dd of=/dev/vdc bs=512 conv=sync,fsync 2>/dev/null
poweroff -f
"""
ON_SCREEN = f"""
(while read -r line; do echo TYPED $line; done </dev/tty1) & sleep 1;
grey() {{ head -c {WIDTH * HEIGHT * 4} /dev/zero | tr '\\000' $1 >/dev/fb0; }};
grey U; sleep 1; echo READS; while true; do sleep 1; grey w; sleep 1; grey U; done
""".replace("\n", " ")


def start_storage(folder, exports):
    """EXPORTS: (name, file, writable). One process, a socket NAME for each."""
    words = ["qemu-storage-daemon"]
    for name, path, writable in exports:
        read_only = "" if writable else ",read-only=on"
        words += ["--blockdev", f"driver=file,node-name=f-{name},filename={path}{read_only}",
                  "--blockdev", f"driver=raw,node-name={name},file=f-{name}{read_only}",
                  "--export", f"type=vhost-user-blk,id=e-{name},node-name={name},num-queues=2,"
                  f"writable={'on' if writable else 'off'},addr.type=unix,addr.path={folder}/{name}"]
    storage = subprocess.Popen(words, stdin=subprocess.DEVNULL)
    end = time.monotonic() + 20
    while not all(os.path.exists(os.path.join(folder, name)) for name, _, _ in exports):
        if storage.poll() is not None or time.monotonic() > end:
            raise vm.Ended("qemu-storage-daemon did not come up")
        time.sleep(0.1)
    return storage


def disks(report, program, guest, folder):
    """Root, script and data are qemu-storage-daemon's; the book's two spellings."""
    script, data = os.path.join(folder, "script.img"), os.path.join(folder, "data.img")
    vm.script_disk(script, ON_DISKS)
    with open(data, "wb") as file:
        file.write(b"hello from host!")
        file.truncate(DATA_SIZE)
    storage = start_storage(folder, [("root", guest.path("disk.img"), False), ("script", script, False),
                                     ("data", data, True)])
    try:
        arguments = ["--cpus", "2", "--mem", "512", "--initrd", guest.path("initrd"),
                     "-p", f"{guest.cmdline()} vitrine.overlay vitrine.desktop=off",
                     "--vhost-user", f"type=block,socket={folder}/root",
                     "--vhost-user-blk", f"{folder}/script",
                     "--vhost-user", f"block,socket={folder}/data",
                     "--serial", "type=stdout,hardware=serial,num=1,console=true", guest.path("vmlinux")]
        with vm.Machine(program, arguments) as machine:
            machine.wait_for(r"MARK init ", vm.BOOT_LIMIT)
            status = machine.wait(vm.RUN_LIMIT)
            found = dict(line[len("FOUND "):].split(" ", 1) for line in machine.text.splitlines()
                         if line.startswith("FOUND ") and " " in line[len("FOUND "):])
            report.check(status == 0, "qemu-storage-daemon: the guest starts, works and switches itself off",
                         status, machine.text[-800:], machine.error_text())
            report.check(found.get("size") == f"{DATA_SIZE // 512} queues 2", "its size and both its queues", found)
            report.check(found.get("root") == "1", "a disk that it does not let write is read-only", found)
            report.check(found.get("start") == "hello from host!", "what the host wrote", found)
            report.check(found.get("same") == "yes", "what the guest wrote comes back", found)
            report.check(found.get("again") == "yes", "it goes on after resets under load", found)
        with open(data, "rb") as file:
            report.check(file.read(20) == b"written by the guest", "the host finds what the guest wrote")
        report.check(storage.poll() is None, "qemu-storage-daemon lives on")
    finally:
        storage.kill()
        storage.wait()


def storage_dies(report, program, guest, folder):
    """A back end that is not ours goes away under a running guest."""
    disk = os.path.join(folder, "lost.img")
    with open(disk, "wb") as file:
        file.truncate(DATA_SIZE)
    storage = start_storage(folder, [("lost", disk, True)])
    command = "sleep 1; echo READS; while true; do sleep 1; echo ALIVE; done"
    arguments = ["--mem", "256", "--initrd", guest.path("initrd"), "--vhost-user-blk", f"{folder}/lost",
                 "-p", f'{guest.cmdline_without_root()} vitrine.run="{command}"',
                 "--serial", "type=stdout,hardware=serial,num=1,console=true", guest.path("vmlinux")]
    with vm.Machine(program, arguments) as machine:
        machine.wait_for("READS", vm.BOOT_LIMIT)
        storage.kill()
        storage.wait()
        machine.text = ""
        machine.wait_for("ALIVE\n(?s:.*)ALIVE\n", 20)
        report.check(True, "the guest lives on without its disk")
        report.check("vhost-user-0" in machine.error_text(), "and its user is told which one is gone",
                     machine.error_text())


def clients(report, program, guest, folder):
    """The display, by sd-bus and by libdbus."""
    name = f"foreign-{os.getpid()}"
    arguments = ["--name", name, "--mem", "256", "--gpu", f"width={WIDTH},height={HEIGHT}",
                 "--initrd", guest.path("initrd"),
                 "-p", f'{guest.cmdline_without_root()} vitrine.run="{ON_SCREEN}"',
                 "--serial", "type=stdout,hardware=serial,num=1,console=true", guest.path("vmlinux")]
    control = os.path.join(os.environ["XDG_RUNTIME_DIR"], "vitrine", name, "control")
    with vm.Machine(program, arguments) as machine:
        machine.wait_for("READS", vm.BOOT_LIMIT)
        bus = sdbus.Bus(control)
        size = [bus.number(sdbus.CONSOLE, b"org.qemu.Display1.Console", word) for word in (b"Width", b"Height")]
        report.check(size == [WIDTH, HEIGHT], "sd-bus: the size of the screen", size)
        listener = sdbus.Listener(bus)
        report.check(listener.wait(lambda seen: seen.size == (WIDTH, HEIGHT), 20), "sd-bus: a picture comes",
                     listener.calls, listener.size)
        for grey in (b"w", b"U", b"w"):
            report.check(listener.wait(lambda seen: seen.pixel(WIDTH // 2, HEIGHT - 20) == grey * 3, 20),
                         "sd-bus: it becomes what the guest draws", listener.calls[-5:],
                         listener.pixel(WIDTH // 2, HEIGHT - 20))
        report.check("Update" in listener.calls, "sd-bus: as updates", listener.calls[-5:])
        for qnum in (0x23, 0x17, 0x1c):  # h i Enter
            bus.press(qnum)
        machine.wait_for("TYPED hi\n", 20)
        report.check(True, "sd-bus: the guest reads what is typed")
        said = subprocess.run(["dbus-send", f"--peer=unix:path={control}", "--print-reply", "--type=method_call",
                               "/org/qemu/Display1/VM", "org.freedesktop.DBus.Properties.GetAll",
                               "string:org.qemu.Display1.VM"], capture_output=True, text=True, timeout=60, check=False)
        report.check(said.returncode == 0 and f'string "{name}"' in said.stdout, "libdbus: the machine's name",
                     said.stdout, said.stderr)


def main(program, folder, *names):
    report = vm.Report()
    guest = vm.Guest(folder)
    for part in (disks, storage_dies, clients):
        if names and part.__name__ not in names:
            continue
        if part is not clients and not shutil.which("qemu-storage-daemon"):
            report.check(True, f"{part.__name__} # SKIP qemu-storage-daemon is not installed")
            continue
        with vm.work_folder() as work:
            try:
                part(report, program, guest, work)
            except (vm.Timeout, vm.Ended, OSError, subprocess.TimeoutExpired) as error:
                report.check(False, f"{part.__name__}: {error!r}")
    found = vm.leftovers()
    report.check(not found, "nothing is left behind", *found)
    return report.end()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
