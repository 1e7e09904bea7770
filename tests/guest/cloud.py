#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: cloud.py VMM GUEST     cloud-init in a guest reads the disk of `vmm create_seed`; prints TAP

GUEST is a folder of build-guest's recipe "cloud". Runs inside the test machine as an ordinary user:
one start of systemd with cloud-init, some minutes under nested emulation.
"""
import base64
import ctypes
import os
import re
import struct
import subprocess
import sys

import vm

PASSWORD = "a secret word"
START_LIMIT = 500
SCRIPT = """
cloud-init status --long
echo NAME $(hostname)
echo ID $(id anna)
echo SHADOW $(getent shadow anna)
echo SHELL $(getent passwd anna)
sed 's/^/KEY /' ~anna/.ssh/authorized_keys
ls -ld ~anna/.ssh/authorized_keys
echo SUDO $(sudo -l -U anna | tail -n 1)
echo OTHERS $(getent passwd | awk -F: '$3 >= 1000 && $3 < 60000 { print $1 }')
sync
poweroff -f
"""


def key():
    blob = b"".join(struct.pack(">I", len(part)) + part for part in (b"ssh-ed25519", os.urandom(32)))
    return f"ssh-ed25519 {base64.b64encode(blob).decode()} anna@desk"


def fits(password, hashed):
    library = ctypes.CDLL("libcrypt.so.1")
    library.crypt.restype = ctypes.c_char_p
    return library.crypt(password.encode(), hashed.encode()).decode() == hashed


def boot(report, program, guest, folder):
    files = {name: os.path.join(folder, name) for name in ("seed", "key.pub", "script")}
    public = key()
    with open(files["key.pub"], "w", encoding="utf-8") as file:
        file.write(public + "\n")
    vm.script_disk(files["script"], SCRIPT)
    subprocess.run([program, "create_seed", files["seed"], "--user", "anna", "--password", "--ssh-key", files["key.pub"],
                    "--hostname", "Cloud Test"], input=PASSWORD + "\n", text=True, timeout=60, check=True)
    arguments = ["--cpus", "2", "--mem", "1024", "--initrd", guest.path("initrd"), "--disposable", "-p", guest.cmdline(),
                 "--block", guest.path("disk.img"), "--block", f"{files['seed']},ro", "--block", f"{files['script']},ro",
                 "--serial", "type=stdout,hardware=serial,num=1,console", guest.path("vmlinux")]
    with vm.Machine(program, arguments) as machine:
        machine.wait_for(r"MARK init ", vm.BOOT_LIMIT * 2)
        status = machine.wait(START_LIMIT)
        report.check(status == 0, "the guest starts, and powers itself off", f"ended with {status}", machine.last_words())
        report.note(f"{machine.seconds():.1f} s, marks {machine.marks()}")
        judge(report, machine.text, public)


def judge(report, text, public):
    said = {word: rest for word, rest in re.findall(r"^([A-Z]+) (.*)$", text, re.M)}
    report.check("DataSourceNoCloud" in text and "status: done" in text, "cloud-init found the seed and is done", text[-1500:])
    report.check(said.get("NAME") == "cloud-test", "the guest has the name", said.get("NAME"))
    report.check("(anna)" in said.get("ID", ""), "the user is there", said.get("ID"))
    report.check("(sudo)" in said.get("ID", "") and said.get("SHELL", "").endswith("/bin/bash"),
                 "with the groups and shell of the image's own user", said.get("ID"), said.get("SHELL"))
    hashed = said.get("SHADOW", ":").split(":")[1]
    report.check(hashed.startswith("$6$") and fits(PASSWORD, hashed), "the password fits its hash", said.get("SHADOW"))
    report.check(said.get("KEY") == public, "the key may log in", said.get("KEY"))
    report.check(said.get("SUDO", "").strip() == "(ALL : ALL) ALL", "sudo asks for the password", said.get("SUDO"))
    report.check(said.get("OTHERS") == "anna", "there is no other user", said.get("OTHERS"))


def main(program, folder):
    report = vm.Report()
    with vm.work_folder() as work:
        try:
            boot(report, program, vm.Guest(folder), work)
        except (vm.Timeout, vm.Ended) as error:
            report.check(False, str(error))
    found = vm.leftovers()
    report.check(not found, "nothing is left behind", *found)
    return report.end()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
