#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: suite.py VMM GUEST [BOOT...]      real kernels in `vmm run`; prints TAP

VMM is the installed program, GUEST a folder of build-guest's recipe "test". Runs inside the test
machine as an ordinary user. BOOT names some of the boots below; default all of them. The four
classes of RFC-0249: reboot and shutdown, core, device enumeration, drivers.
"""
import os
import signal
import subprocess
import sys
import time

import vm

HERE = os.path.dirname(os.path.abspath(__file__))
WIDTH, HEIGHT = 800, 600
DATA_SIZE = 32 << 20


def console(console_type="stdout"):
    return ["--serial", f"type={console_type},hardware=serial,num=1,console=true"]


class Suite:
    """One boot is one method; it may be run a second time when the guest hangs."""

    def __init__(self, program, guest, cpus=2):
        self.program = program
        self.guest = guest
        self.cpus = cpus
        self.patience = max(1, cpus // 2)  # they share the test machine's few
        self.report = vm.Report()

    def initrd_only(self, command, words="", cpus=1, memory=256, kernel="vmlinux"):
        """Arguments for a start without disks, which runs COMMAND."""
        params = f'{self.guest.cmdline_without_root()} {words} vitrine.run="{command}"'
        return ["--cpus", str(cpus), "--mem", str(memory), "--initrd", self.guest.path("initrd"),
                "-p", params] + console() + [self.guest.path(kernel)]

    def ends_with(self, what, status, arguments, before_end=None):
        """Runs a machine to its end and checks its exit status."""
        with vm.Machine(self.program, arguments) as machine:
            machine.wait_for(r"MARK initrd", vm.BOOT_LIMIT)
            if before_end:
                before_end(machine)
            got = machine.wait(60)
            text = machine.text[-600:] + machine.error_text()
            self.report.check(got == status, f"reboot/shutdown: {what} ends with {status}",
                              f"ended with {got}", text)
            self.report.note(f"{what}: {machine.seconds():.1f} s, marks {machine.marks()}")
            return machine.text

    def boot_poweroff(self):
        """ACPI power off, from a compressed kernel with more memory than fits below 4 GiB; the disk is thrown away."""
        command = ("grep MemTotal /proc/meminfo; grep -c RAM /proc/iomem; echo THROWN-AWAY >/dev/vda; sync; "
                   "echo 1 >/proc/sys/vm/drop_caches; echo DISK $(head -c 12 /dev/vda); poweroff -f")
        with vm.work_folder() as folder:
            disk = os.path.join(folder, "disk")
            with open(disk, "wb") as file:
                file.truncate(DATA_SIZE)
            text = self.ends_with("power off (bzImage, 4096 MiB)", 0,
                                  ["--disposable", "--block", disk,
                                   *self.initrd_only(command, memory=4096, kernel="bzImage")])
            self.report.check("DISK THROWN-AWAY" in text, "drivers: a disposable disk can be written", text[-300:])
            with open(disk, "rb") as file:
                self.report.check(not any(file.read(4096)), "drivers: and the file is as it was")
        total = [int(line.split()[1]) for line in text.splitlines() if line.startswith("MemTotal")]
        self.report.check(total and 3700 << 10 < total[0] <= 4096 << 10,
                          "core: memory above 4 GiB is there", total)

    def boot_reset_acpi(self):
        """Reset through ACPI."""
        self.ends_with("reset by ACPI", 32, self.initrd_only("reboot -f", "reboot=acpi"))

    def boot_reset_keyboard(self):
        """Reset through the keyboard controller."""
        self.ends_with("reset by the keyboard controller", 32,
                       self.initrd_only("reboot -f", "reboot=kbd"))

    def boot_triple_fault(self):
        """A triple fault."""
        self.ends_with("triple fault", 32, self.initrd_only("reboot -f", "reboot=triple"))

    def boot_panic(self):
        """A panic is told through pvpanic."""
        self.ends_with("panic", 34, self.initrd_only("echo c >/proc/sysrq-trigger", "panic=30"))

    def boot_power_button(self):
        """SIGTERM presses the power button; the guest turns itself off."""
        def press(machine):
            machine.wait_for(r"MARK run-0", 30)
            time.sleep(1)
            machine.signal(signal.SIGTERM)
            machine.wait_for(r"MARK power-button", 30)
        self.ends_with("power button", 0, self.initrd_only("true"), press)

    def boot_stop(self):
        """A second SIGTERM stops a guest that does not listen."""
        def stop(machine):
            machine.wait_for(r"MARK run-0", 30)
            machine.signal(signal.SIGTERM)
            time.sleep(1)
            machine.signal(signal.SIGTERM)
        text = self.ends_with("second SIGTERM", 0, self.initrd_only("rmmod button"), stop)
        self.report.check("MARK power-button" not in text,
                          "reboot/shutdown: a guest that does not listen is stopped", text[-300:])

    def boot_sandbox(self):
        """What /proc says of every process of a machine with every device, asked by root."""
        with vm.work_folder() as folder:
            arguments = self.every_device(folder, 'vitrine.run="true"', script="\n")
            with vm.Machine(self.program, arguments) as machine:
                machine.wait_for(r"MARK run-0", vm.BOOT_LIMIT)
                vm.check_sandbox(self.report, machine, 4 * 7, "sandbox: every process was looked at")
                machine.signal(signal.SIGINT)
                self.report.check(machine.wait(30) == 0, "reboot/shutdown: SIGINT stops the machine")

    def boot_all_devices(self):
        """Two processors and every device: classes core, enumeration, drivers."""
        with vm.work_folder() as folder:
            self.golden(self.all_devices(folder, "enumeration.sh"))

    def images(self, folder):
        """A qcow2 disk over a raw one, and one of two files."""
        base, first, data = (os.path.join(folder, name) for name in ("base.img", "first.img", "part.img"))
        with open(base, "wb") as file:
            file.truncate(DATA_SIZE)
            file.seek(24 << 20)
            file.write(b"in the base file")
        with open(first, "wb") as file:
            file.write(b"the first part's file" + bytes(1 << 20))  # no whole pages
        with open(data, "wb") as file:
            file.truncate(16 << 20)
        made = [os.path.join(folder, name) for name in ("over.qcow2", "parts.composite")]
        for words in (["create_qcow2", made[0], "--backing-file", base],
                      ["create_composite", made[1], f"system:{first}", f"data:{data}:writable"]):
            done = subprocess.run([self.program, *words], capture_output=True, text=True, timeout=60, check=False)
            if done.returncode != 0:
                raise vm.Ended(f"{words[0]}: {done.stdout + done.stderr}")
        return made

    def every_device(self, folder, words, script):
        """Arguments for a machine with everything we have; SCRIPT is on its second disk."""
        files = {name: os.path.join(folder, name)
                 for name in ("script", "data", "data4k", "hvc0", "ttyS1")}
        vm.script_disk(files["script"], script)
        for name in ("data", "data4k"):
            with open(files[name], "wb") as file:
                file.truncate(DATA_SIZE)
        over, parts = self.images(folder)
        return ["--cpus", str(self.cpus), "--mem", "512", "--initrd", self.guest.path("initrd"),
                "-p", f"{self.guest.cmdline()} vitrine.overlay vitrine.desktop=off {words}",
                "--block", f"path={self.guest.path('disk.img')},ro",
                "--block", f"path={files['script']},ro",
                "--block", f"path={files['data']},id=VITRINE-DATA",
                "--block", f"path={files['data4k']},block-size=4096",
                "--block", over, "--block", parts,
                "--serial", f"type=file,hardware=serial,num=2,path={files['ttyS1']}",
                "--serial", f"type=file,hardware=virtio-console,num=1,path={files['hvc0']}",
                "--gpu", f"backend=2d,width={WIDTH},height={HEIGHT}",
                *console(), self.guest.path("vmlinux")]

    def all_devices(self, folder, *more):
        """The guest's checks, and scripts MORE with them; what it said."""
        settings = (f"CPUS={self.cpus} MEMORY=512 HOST_TIME={int(time.time())} DATA=vdc DATA4K=vdd QCOW2=vde PARTS=vdf "
                    f"WIDTH={WIDTH} HEIGHT={HEIGHT}\n")
        texts = []
        for name in ("prelude.sh", "core.sh", *more, "drivers.sh"):
            with open(os.path.join(HERE, name), encoding="utf-8") as file:
                texts.append(file.read())
        script = settings + "\n".join(texts) + "\nsync\npoweroff -f\n"
        arguments = self.every_device(folder, "", script)
        with vm.Machine(self.program, arguments) as machine:
            machine.wait_for(r"MARK init ", vm.BOOT_LIMIT * self.patience)
            status = machine.wait(vm.RUN_LIMIT * self.patience)
            self.from_guest(machine)
            self.report.check(status == 0, "reboot/shutdown: power off with every device ends with 0",
                              f"ended with {status}", machine.text[-800:], machine.error_text())
            self.report.note(f"every device: {machine.seconds():.1f} s, marks {machine.marks()}")
        self.on_host(folder)
        return machine.text

    def from_guest(self, machine):
        """The guest's own checks, one line each."""
        seen = 0
        for line in machine.text.splitlines():
            if "TEST ok " in line:
                seen += 1
                self.report.check(True, line.partition("TEST ok ")[2])
            elif "TEST not ok " in line:
                seen += 1
                name, _, detail = line.partition("TEST not ok ")[2].partition(": ")
                self.report.check(False, name + ": " + detail.partition(": ")[0],
                                  detail.partition(": ")[2])
        wanted = 0
        for name in ("core.sh", "drivers.sh"):
            with open(os.path.join(HERE, name), encoding="utf-8") as file:
                wanted += sum(line.startswith("check ") for line in file)
        self.report.check(seen == wanted, "the guest ran all its checks",
                          f"{seen} of {wanted}", machine.text[-1500:])

    def golden(self, text):
        """What the guest found, against the list that was reviewed."""
        found = [line.partition("LIST ")[2] for line in text.splitlines() if "LIST " in line]
        found = [line for line in found if line not in ("begin", "end")]
        with open(os.path.join(HERE, "devices.golden"), encoding="utf-8") as file:
            wanted = [line.rstrip("\n") for line in file if not line.startswith("#")]
        missing = [f"missing: {line}" for line in wanted if line not in found]
        extra = [f"not in the list: {line}" for line in found if line not in wanted]
        self.report.check(not missing and not extra and len(found) == len(wanted),
                          "device enumeration: the guest finds the devices of the list",
                          *(missing + extra))

    def on_host(self, folder):
        """What the guest wrote, seen from outside."""
        def holds(name, text):
            with open(os.path.join(folder, name), "rb") as file:
                return text.encode() in file.read()
        self.report.check(holds("data", "written by the guest"),
                          "drivers: what the guest wrote is on the host's disk")
        self.report.check(holds("hvc0", "written to hvc0 by the guest"),
                          "drivers: the virtio console's text arrives in its file")
        self.report.check(holds("ttyS1", "written to ttyS1 by the guest"),
                          "drivers: the second serial port's text arrives in its file")
        self.images_on_host(folder, holds)
        data4k = os.path.join(folder, "data4k")
        with open(data4k, "rb") as file:
            file.seek(64 * 65536)
            self.report.check(not file.read(16 * 65536).strip(b"\0"),
                              "drivers: what the guest discarded reads as zeroes")
        blocks = os.stat(data4k).st_blocks * 512
        self.report.check(blocks < DATA_SIZE // 8, "drivers: discarded blocks went back to the host",
                          f"{blocks} bytes in use")

    def images_on_host(self, folder, holds):
        """What other programs find in the images."""
        def says(*words):
            done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
            return done.returncode, done.stdout + done.stderr
        answer = says("qemu-img", "check", "-q", "-f", "qcow2", "over.qcow2")
        self.report.check(answer[0] == 0, "drivers: the guest's qcow2 image is whole", answer)
        answer = says("qemu-img", "convert", "-f", "qcow2", "-O", "raw", "over.qcow2", "flat.img")
        self.report.check(answer[0] == 0 and holds("flat.img", "written by the guest"),
                          "drivers: it holds what the guest wrote", answer)
        self.report.check(holds("base.img", "in the base file") and not holds("base.img", "written by the guest"),
                          "drivers: what it is based on is as it was")
        self.report.check(holds("part.img", "written by the guest"),
                          "drivers: what the guest wrote is in the writable part's file")
        self.report.check(holds("first.img", "the first part's file") and
                          os.stat(os.path.join(folder, "first.img")).st_size == (1 << 20) + 21,
                          "drivers: the read-only part's file is as it was")

    def boot(self, name):
        """One boot, a second try when the guest did not come up."""
        method = getattr(self, "boot_" + name)
        before = self.report.count
        try:
            method()
        except vm.Ended as error:
            self.report.check(False, f"{name}: {error}")
        except vm.Timeout as error:
            if self.report.count != before:
                self.report.check(False, f"{name}: {error}")
                return
            print(f"# retried {name}: {error}", flush=True)
            try:
                method()
            except (vm.Timeout, vm.Ended) as again:
                self.report.check(False, f"{name}, second try: {again}")
        found = vm.leftovers()
        self.report.check(not found, f"{name} leaves nothing behind", *found)


def main(program, folder, names):
    suite = Suite(program, vm.Guest(folder))
    boots = [name[len("boot_"):] for name in Suite.__dict__ if name.startswith("boot_")]
    for name in names or boots:
        suite.boot(name)
    return suite.report.end()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
