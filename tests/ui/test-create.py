#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The real vitrine under Xvfb, as test-ui.py: machines from disk images, those for clouds too, from libvirt and from command lines; prints TAP.

usage: test-create.py BUILD-FOLDER [TEST...]"""
import base64
import json
import os
import stat
import struct
import subprocess
import sys

from runner import expect, run
from session import Atspi, clipboard_text, is_showing, run_in_session, wait_for, walk

if "VITRINE_UI_SESSION" not in os.environ and __name__ == "__main__":
    sys.exit(run_in_session())

DARK = {"GTK_THEME": "Adwaita:dark"}
PASSWORD = "not to be found anywhere"
HINT = ("Machines start without firmware, so that the image's own boot loader is not used: its kernel and initrd are taken "
        "out of its folder /boot, by a process in a jail, or you choose others. A kernel that the guest installs later has "
        "to be taken out again.")
NO_WAY_IN = "Give a password or an SSH key: nobody could log in without."
QCOW2 = b"QFI\xfb\0\0\0\3" + bytes(4096)


def file_of(session, name, data):
    path = session.path(name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)
    return path


def public_key():
    blob = b"".join(struct.pack(">I", len(part)) + part for part in (b"ssh-ed25519", os.urandom(32)))
    return f"ssh-ed25519 {base64.b64encode(blob).decode()} somebody@desk"


def is_usable(node):
    return node.has(Atspi.StateType.SENSITIVE)


def choose_disk(session, disk, **environment):
    """The second step for a disk with a kernel; the path is dropped, so that the kind is chosen."""
    kernel = file_of(session, "vmlinuz", b"\177ELF" + bytes(64))
    session.start(disk, **environment)
    entry = session.see("Kernel", Atspi.Role.TEXT)
    session.see(HINT)
    session.shoot("create-disk")
    entry.set_text_contents(kernel)
    session.see_not(HINT)
    session.press("Next")
    return kernel


def seed_of(session, path):
    """What cloud-init would read."""
    out = session.path("seed-read")
    os.mkdir(out)
    done = subprocess.run(["xorriso", "-osirrox", "on", "-indev", path, "-extract", "/user-data", f"{out}/user-data",
                           "-extract", "/meta-data", f"{out}/meta-data"], capture_output=True, check=False, timeout=60)
    expect(done.returncode == 0, done.stderr)
    found = []
    for name in ("user-data", "meta-data"):
        with open(os.path.join(out, name), encoding="utf-8") as file:
            found.append(json.loads(file.read().replace("#cloud-config\n", "")))
    return found


def cloud_image(session):
    """User, password and key on a disk of their own, and the password nowhere."""
    key = public_key()
    path = file_of(session, "home/.ssh/id_ed25519.pub", key.encode() + b"\n")
    disk = file_of(session, "debian-12-generic-amd64.img", QCOW2)
    kernel = choose_disk(session, disk)
    expect(session.see("Cloud image", Atspi.Role.TOGGLE_BUTTON).has(Atspi.StateType.CHECKED), "not taken for a cloud image")
    expect(session.see("SSH key", Atspi.Role.TEXT).get_text(0, -1) == path, "the user's own key is not suggested")
    session.see("User", Atspi.Role.TEXT).set_text_contents("anna")
    session.see("Password", Atspi.Role.PASSWORD_TEXT).set_text_contents(PASSWORD)
    session.shoot("create-cloud-light")
    session.press("Next")
    session.see("anna, with a password and an SSH key")
    session.shoot("create-cloud-check-light")
    definition = session.create("debian-12", "Debian 12")
    seed = session.path("data/vitrine/debian-12/seed.iso")
    expect(definition["kernel"] == kernel, definition)
    expect(definition["block"] == [{"path": disk, "format": "qcow2"}, {"path": seed, "ro": True}], definition["block"])
    expect(definition["params"] == ["root=/dev/vda1"], definition)
    expect(stat.S_IMODE(os.stat(seed).st_mode) == 0o600, oct(os.stat(seed).st_mode))
    user, meta = seed_of(session, seed)
    expect(user["user"]["name"] == "anna" and user["user"]["passwd"].startswith("$6$"), user)
    expect(user["user"]["ssh_authorized_keys"] == [key], user)
    expect(meta["local-hostname"] == "debian-12", meta)
    for folder in ("config", "data", "state", "cache"):
        done = subprocess.run(["grep", "-r", PASSWORD, session.path(folder)], capture_output=True, text=True, check=False)
        expect(done.returncode == 1, f"the password is in {done.stdout}")


def bad_cloud_users(session):
    """Each field says what is wrong with it, and there is no way on."""
    choose_disk(session, file_of(session, "jammy-server-cloudimg-amd64.img", QCOW2), **DARK)
    button = session.see("Next", Atspi.Role.PUSH_BUTTON)
    user, key = (session.see(name, Atspi.Role.TEXT) for name in ("User", "SSH key"))
    password = session.see("Password", Atspi.Role.PASSWORD_TEXT)

    def refused(sentence):
        session.see(sentence)
        wait_for("no way on", lambda: not is_usable(button))
    expect(user.get_text(0, -1) != "root", "root is suggested")
    refused(NO_WAY_IN)
    for name in ("root", "", "Anna", "a b", "9a"):
        user.set_text_contents(name)
        refused("Up to 32 of a–z, 0–9, “_” and “-”, a letter first; not “root”.")
    user.set_text_contents("anna")
    key.set_text_contents(file_of(session, "id", b"-----BEGIN OPENSSH PRIVATE KEY-----\n"))
    refused("This is a private key, which stays where it is. Choose its public half, the file that ends in .pub.")
    session.shoot("create-cloud-refused-dark")
    key.set_text_contents(file_of(session, "noise", os.urandom(3000)))
    refused("This is no public SSH key. Choose a file that ends in .pub.")
    key.set_text_contents("/nowhere/k.pub")
    refused("This file cannot be read: “/nowhere/k.pub” cannot be read (No such file or directory).")
    key.set_text_contents("")
    refused(NO_WAY_IN)
    password.set_text_contents("x")
    wait_for("a way on", lambda: is_usable(button))
    password.set_text_contents("")
    refused(NO_WAY_IN)
    session.see("Cloud image", Atspi.Role.TOGGLE_BUTTON).do_action(0)
    wait_for("a way on", lambda: is_usable(button))
    session.see_not("User", Atspi.Role.TEXT)
    session.press("Next")
    definition = session.create("jammy-server", "Jammy server")
    expect(len(definition["block"]) == 1, definition)


def other_disks(session):
    """Any other image can be declared one; what is no image is told so."""
    disk = file_of(session, "plain.img", bytes(1 << 20))
    choose_disk(session, disk)
    switch = session.see("Cloud image", Atspi.Role.TOGGLE_BUTTON)
    expect(not switch.has(Atspi.StateType.CHECKED), "taken for a cloud image")
    switch.do_action(0)
    session.see("User", Atspi.Role.TEXT)
    session.press("Back")
    entry = session.see("Disk", Atspi.Role.TEXT)
    button = session.see("Next", Atspi.Role.PUSH_BUTTON)
    for name, data, sentence in (
            ("text.qcow2", b"text" * 1000, "“{}” is no qcow2 image, whatever its name says."),
            ("short.img", b"x", "“{}” is too short for a disk."),
            ("foreign.img", b"KDMV" + bytes(4096),
             "“{}” is a VMDK image. “qemu-img convert -O qcow2” makes one of it that can be used."),
            ("packed.img", b"\xfd7zXZ\0" + bytes(4096), "“{}” is packed. Unpack it first, with “xz -d”.")):
        path = file_of(session, name, data)
        entry.set_text_contents(path)
        session.see(sentence.format(path))
        expect(not is_usable(button), name)
    entry.set_text_contents(disk)
    wait_for("a way on", lambda: is_usable(button))


def image_of(session, name, **files):
    """A disk that is one file system."""
    top = session.path("tree")
    for path, data in files.items():
        file_of(session, os.path.join("tree", path.replace("__", "/")), data)
    path = session.path(name)
    with open(path, "wb") as file:
        file.truncate(8 << 20)
    subprocess.run(["/sbin/mke2fs", "-q", "-F", "-t", "ext4", "-d", top, path], check=True, timeout=60)
    return path


def review_leads_back(session):
    """A row of the last step leads to the field that it shows; memory that is not free is told, and no obstacle."""
    kernel = file_of(session, "vmlinuz-6.1.0-56-amd64", b"\177ELF" + bytes(64))
    session.start(kernel)
    name = session.see("Name", Atspi.Role.TEXT)
    session.focus_dialog("Create a machine")
    expect(name.get_text(0, -1) == "Linux 6.1.0", f"it is called {name.get_text(0, -1)}")
    session.press("Next")
    session.shoot("create-check-light")
    for row, field in (("Starts from: vmlinuz-6.1.0-56-amd64", "Kernel"), ("Disk: None", "Disk"),
                       ("Linux 6.1.0: 2 processors · 2 GiB memory", "Name")):
        session.see("Create without starting")
        one = wait_for(row, lambda: session.find(row, Atspi.Role.LIST_ITEM) or session.find_start(row.split(": ")[0] + ": "))  # pylint: disable=cell-var-from-loop
        one.grab_focus()
        session.keys("Return")
        wait_for(f"the focus in {field}", lambda: session.see(field, Atspi.Role.TEXT).has(Atspi.StateType.FOCUSED))  # pylint: disable=cell-var-from-loop
        while not session.find("Create without starting"):
            session.press("Next")
    session.press("Back")
    slider = session.see("Memory", Atspi.Role.SLIDER)
    expect("are free now" in slider.get_description(), slider.get_description())
    expect("are more than" not in slider.get_description(), "2 GiB are too much")
    with open("/proc/meminfo", encoding="ascii") as file:
        figures = {line.split(":")[0]: int(line.split()[1]) >> 10 for line in file}
    most = 128
    while most * 2 <= figures["MemTotal"]:
        most *= 2
    if most > figures["MemAvailable"] + 512 and figures["MemAvailable"] > 2560:  # else nobody can ask for so much here
        slider.grab_focus()
        session.keys("End")
        session.see(wait_for("the warning", lambda: session.find_start(f"{most // 1024} GiB are more than the ")).get_name())
        session.shoot("create-memory-light")
        expect(is_usable(session.see("Next", Atspi.Role.PUSH_BUTTON)), "it is refused")


def kernel_from_disk(session):
    """Next and Create: kernel and initrd come out of the disk into the machine's own folder."""
    session.use_real_vmm()
    file_of(session, "home/.ssh/id_ed25519.pub", public_key().encode())
    kernel, initrd = os.urandom(100000), os.urandom(50000)
    disk = image_of(session, "noble-cloud.img", etc__x=b"x", usr__x=b"x",
                    **{"boot__vmlinuz-6.8.0-31-generic": kernel, "boot__initrd.img-6.8.0-31-generic": initrd})
    session.start(disk)
    session.see("Name", Atspi.Role.TEXT, 30)
    session.press("Next")
    session.see("vmlinuz with initrd.img")
    definition = session.create("noble", "Noble")
    folder = session.path("data/vitrine/noble")
    expect(definition["kernel"] == f"{folder}/vmlinuz" and definition["initrd"] == f"{folder}/initrd.img", definition)
    expect(definition["params"] == ["root=/dev/vda"], definition)
    for name, data in (("vmlinuz", kernel), ("initrd.img", initrd)):
        with open(os.path.join(folder, name), "rb") as file:
            expect(file.read() == data, f"{name} is another one")
    expect(os.path.exists(f"{folder}/seed.iso"), "no seed")
    left = [name for name in os.listdir(session.path("cache/vitrine")) if name.startswith("from-disk-")]
    expect(not left, f"left: {left}")


def no_kernel_on_disk(session):
    """It says why, takes one that is chosen, and leaves nothing when it is closed."""
    session.use_real_vmm()
    bare = image_of(session, "bare.img", etc__x=b"x")
    session.start(bare, LANGUAGE="de")
    session.see(f"„{bare}“ enthält in /boot keinen Kernel; geben Sie einen eigenen an.", seconds=30)
    session.shoot("create-no-kernel-german")
    session.see("Kernel", Atspi.Role.TEXT).set_text_contents(file_of(session, "vmlinuz", b"\177ELF" + bytes(64)))
    session.press("Weiter")
    session.see("Cloud-Abbild", Atspi.Role.TOGGLE_BUTTON)
    session.press("Zurück")
    session.press("Abbrechen")
    left = [name for name in os.listdir(session.path("cache/vitrine")) if name.startswith("from-disk-")]
    expect(not left, f"left: {left}")


def libvirt_xml(session, name, start, disk, kind="qcow2"):
    """As virsh dumpxml writes it."""
    return file_of(session, name, f"""<domain type='kvm' id='4'>
  <name>mail</name>
  <title>Mail server</title>
  <memory unit='KiB'>524288</memory>
  <vcpu placement='static'>1</vcpu>
  <os><type>hvm</type>{start}</os>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='{kind}'/><source file='{disk}'/><target dev='vda' bus='virtio'/>
    </disk>
    <disk type='file' device='disk'><source file='/srv/archive.img'/><readonly/></disk>
    <interface type='network'><source network='default'/></interface>
    <serial type='pty'/>
    <sound model='ich9'/>
    <video><model type='virtio'/></video>
  </devices>
</domain>
""".encode())


def from_libvirt(session):
    """A dropped file shows what it becomes and what is left out; faults are named."""
    kernel = file_of(session, "vmlinuz", b"\177ELF" + bytes(64))
    disk = file_of(session, "mail.img", QCOW2)
    session.start(libvirt_xml(session, "mail.xml", f"<kernel>{kernel}</kernel><cmdline>root=/dev/vda1 quiet</cmdline>", disk))
    session.see("Left out: network, sound.")
    expect(session.see("Kernel", Atspi.Role.TEXT).get_text(0, -1) == kernel, "the kernel is not shown")
    expect(session.see("Disk", Atspi.Role.TEXT).get_text(0, -1) == disk, "the disk is not shown")
    session.shoot("create-libvirt")
    entry = session.see("File", Atspi.Role.TEXT)
    button = session.see("Next", Atspi.Role.PUSH_BUTTON)
    good = entry.get_text(0, -1)
    for name, data, sentence in (
            ("cut.xml", b"<domain>\n<name>", "This is no complete XML; line 2 cannot be read."),
            ("net.xml", b"<network/>", "This XML is no machine of libvirt, which begins with <domain>. “virsh dumpxml” writes one."),
            ("bare.xml", b"<domain><name>a</name></domain>",
             "This machine starts by firmware, which Vitrine cannot do yet: choose a kernel.")):
        entry.set_text_contents(file_of(session, name, data))
        session.see(sentence)
        wait_for("no way on", lambda: not is_usable(button))
    entry.set_text_contents(good)
    session.see("Left out: network, sound.")
    session.press("Next")
    session.see("Name", Atspi.Role.TEXT)
    session.press("Next")
    session.see("1 processor · 512 MiB memory")
    definition = session.create("mail-server", "Mail server")
    expect(definition["kernel"] == kernel and definition["params"] == ["root=/dev/vda1 quiet"], definition)
    expect(definition["block"] == [{"path": disk, "format": "qcow2"},
                                   {"path": "/srv/archive.img", "format": "raw", "ro": True}], definition)
    expect(definition["serial"] == [{"type": "sink", "hardware": "serial", "console": True}], definition)
    expect(definition["gpu"] == {"backend": "2d"} and definition["mem"]["size"] == 512, definition)


def libvirt_firmware(session):
    """Without a kernel in the file, the disk's own is taken."""
    session.use_real_vmm()
    disk = image_of(session, "mail.img", etc__x=b"x", usr__x=b"x",
                    **{"boot__vmlinuz-6.1.0-18-amd64": os.urandom(50000), "boot__initrd.img-6.1.0-18-amd64": os.urandom(5000)})
    session.start(libvirt_xml(session, "mail.xml", "<loader type='pflash'>/usr/share/OVMF/OVMF_CODE.fd</loader>", disk, "raw"))
    session.see("Left out: network, sound.")
    session.see(HINT)
    session.press("Next")
    session.see("Name", Atspi.Role.TEXT, 30)
    session.press("Next")
    session.see("vmlinuz with initrd.img")
    definition = session.create("mail-server", "Mail server")
    folder = session.path("data/vitrine/mail-server")
    expect(definition["kernel"] == f"{folder}/vmlinuz" and os.path.exists(definition["kernel"]), definition)
    expect(definition["params"] == ["root=/dev/vda"] and len(definition["block"]) == 2, definition)


def meaning(session, definition):
    """What vmm makes of it, without what is the manager's."""
    path = file_of(session, "meant.json", json.dumps({key: value for key, value in definition.items() if key != "manager"}).encode())
    done = subprocess.run([session.path("bin/vmm"), "run", "--cfg", path, "--print-config"], capture_output=True, text=True,
                          check=False, timeout=60)
    expect(done.returncode == 0, done.stderr)
    return json.loads(done.stdout)


def create_imported(session, sizes):
    """From the second step to the end."""
    session.see("Name", Atspi.Role.TEXT, 30)
    session.press("Next")
    session.see(sizes)
    session.see("Create without starting").do_action(0)
    session.press("Create")


def from_command_line(session):
    """A file is read as a shell would, paths count from its folder, and what is no part of a machine is told."""
    session.use_real_vmm()
    kernel = file_of(session, "vms/vmlinuz", b"\177ELF" + bytes(64))
    disk = file_of(session, "vms/my disk.img", bytes(4096))
    line = ("#!/bin/sh\n# The lab.\n$ /usr/bin/crosvm run --verbose \\\n  --cpus 1 \\\r\n  -m 700 --rwdisk 'my disk.img' \\\n"
            "  -p 'root=/dev/vda; \"quiet\"' \\\n  --serial type=stdout,hardware=serial,console=true,stdin=true \\\n")
    session.start(file_of(session, "vms/my-lab.sh", (line + "  ./vmlinuz # the kernel\n").encode()))
    session.see("Left out: --verbose.", seconds=30)
    for name, text in (("Kernel", kernel), ("Disk", disk), ("Kernel options", 'root=/dev/vda; "quiet"')):
        expect(session.see(name, Atspi.Role.TEXT).get_text(0, -1) == text, f"{name} is not shown")
    session.shoot("create-command-line")
    session.press("Next")
    create_imported(session, "1 processor · 700 MiB memory")
    session.see_row("My lab, Off")
    definition = session.definitions()["my-lab"]
    expect(definition["kernel"] == kernel and definition["params"] == ['root=/dev/vda; "quiet"'], definition)
    expect(definition["block"][0]["path"] == disk and definition["mem"]["size"] == 700, definition)
    expect(definition["serial"][0]["type"] == "sink" and "stdin" not in definition["serial"][0], definition)
    expect("gpu" not in definition and "name" not in definition, definition)


def sizes_stay(session):
    """Memory and processors of a file are taken over as they are, also those that this computer has not got."""
    session.use_real_vmm()
    kernel = file_of(session, "vmlinuz", b"\177ELF" + bytes(64))
    with open("/proc/meminfo", encoding="ascii") as file:
        total = int(file.readline().split()[1]) // 1024
    memory, processors = total - 50, min(os.cpu_count() + 3, 32)
    session.start(file_of(session, "big.txt", f"vmm run --mem {memory} --cpus {processors} {kernel}\n".encode()))
    create_imported(session, f"{processors} processors · {memory / 1024:.1f} GiB memory")
    session.see_row("Big, Off")
    definition = session.definitions()["big"]
    expect(definition["mem"]["size"] == memory and definition["cpus"]["num-cores"] == processors, definition)
    # The settings, too, show more than this computer has, and do not write less.
    session.define("vast", "Vast", mem={"size": 4 * total})
    session.see_row("Vast, Off")
    session.activate("app.show-machine", "vast")
    session.set_state("win.view", "settings")
    index = session.see("Sections")
    row = next(node for node in walk(index) if node.get_name() == "System" and node.get_role() == Atspi.Role.LIST_ITEM)
    index.select_child(row.get_index_in_parent())
    number = session.see("Memory", Atspi.Role.SPIN_BUTTON)
    wait_for("all of it", lambda: number.get_current_value() == 4 * total)


def figures_in_german(session):
    """What separates tenths is of the window's language."""
    session.use_real_vmm()
    kernel = file_of(session, "vmlinuz", b"\177ELF" + bytes(64))
    session.start(file_of(session, "half.txt", f"vmm run --mem 1536 --cpus 1 {kernel}\n".encode()), LANGUAGE="de")
    session.see("Name", Atspi.Role.TEXT, 30)
    wait_for("the memory", lambda: session.find_start("1,5 GiB · "))
    session.press("Weiter")
    session.see("1 Prozessor · 1,5 GiB Speicher")
    session.shoot("create-german")


def command_line_there_and_back(session):
    """What “Copy command line” gives is taken for the same machine."""
    session.use_real_vmm()
    kernel = file_of(session, "vmlinuz", b"\177ELF" + bytes(64))
    disk = file_of(session, 'a, "b".img', bytes(4096))
    session.define("lab", "Lab", kernel=kernel, params=["root=/dev/vda", "a 'b' \\c;"], cpus={"num-cores": 1}, mem={"size": 1500},
                   block=[{"path": disk, "ro": True}, {"path": disk, "format": "raw"}], rng=False, balloon=False, disposable=True,
                   gpu={"backend": "2d", "displays": [{"mode": {"windowed": [800, 600]}}, {"mode": {"windowed": [640, 480]}}]},
                   serial=[{"type": "sink", "hardware": "serial", "console": True}], **{"display-window-mouse": False})
    session.start()
    session.activate("app.show-machine", "lab")
    session.see("More", Atspi.Role.TOGGLE_BUTTON).do_action(0)
    wait_for("“Copy command line”", lambda: next((
        node for node in walk(session.application())
        if node.get_name() == "Copy command line" and is_showing(node) and node.do_action(0)), None))
    session.see("Command line copied")
    line = clipboard_text()
    expect(line.startswith("vmm run --name lab \\\n"), line)
    before = session.definitions()["lab"]
    session.close()
    session.start(file_of(session, "copied.txt", line.encode()))
    create_imported(session, "1 processor · 1.5 GiB memory")
    session.see_row("lab, Off")
    after = session.definitions()["lab-2"]
    expect(after["manager"]["title"] == "lab", after["manager"])
    expect(meaning(session, before) == meaning(session, after), f"{before} became {after}")


def no_ports(session):
    """No serial port at all, by a file that the line names, is kept; the line that is copied cannot say so, which is told."""
    session.use_real_vmm()
    kernel = file_of(session, "vmlinuz", b"\177ELF" + bytes(64))
    bare = file_of(session, "bare.json", b'{"serial": []}')
    session.start(file_of(session, "bare.txt", f"vmm run --name bare --cpus 1 --mem 1536 --cfg {bare} {kernel}\n".encode()))
    create_imported(session, "1 processor · 1.5 GiB memory")
    session.see_row("bare, Off")
    definition = session.definitions()["bare"]
    expect(definition.get("serial") == [], f"{definition}")
    session.see("More", Atspi.Role.TOGGLE_BUTTON).do_action(0)
    wait_for("“Copy command line”", lambda: next((
        node for node in walk(session.application())
        if node.get_name() == "Copy command line" and is_showing(node) and node.do_action(0)), None))
    session.see("Command line copied. It has one serial port, as no option says that there is none.")
    session.shoot("copied-no-port-light")


def refused_command_lines(session):
    """What is no command line of a machine is refused by name, and nothing in it is run."""
    session.use_real_vmm()
    trap = session.path("trap")
    shell = "“{}” is for a shell, and none reads this: take it out, or put it in single quotes."
    session.start(file_of(session, "none.txt", b"# nothing\n"))
    session.see("There is no command in this file; it can hold one that begins with “vmm run”.")
    entry = session.see("File", Atspi.Role.TEXT)
    button = session.see("Next", Atspi.Role.PUSH_BUTTON)
    cases = (
        (f"vmm run k; touch {trap}", shell.format(";")),
        (f"vmm run k | tee {trap}", shell.format("|")),
        (f"vmm run k > {trap}", shell.format(">")),
        (f"vmm run $(touch {trap})", shell.format("$(touch")),
        (f"vmm run k\ntouch {trap}\n", "There is more than one command: leave only “vmm run …”, with a backslash at the end "
         "of each line but the last."),
        (f"touch {trap}", f"“{f'touch {trap}'[:24]}” makes no machine: a command has to begin with “vmm run” or “crosvm run”."),
        ("RUST_LOG=info crosvm run k", "“RUST_LOG=info” sets a variable, which no machine has: take it out."),
        ("vmm run 'k", "The quotation mark in line 1 has no partner."),
        ("vmm run a\0b", "This file is neither a configuration nor text."),
        ("vmm run " + "k" * (1 << 20), "This file is larger than 64 KiB, which no command line is."),
        ("vmm run --print-config=false k", "--print-config is given twice; give it once."),
        ("vmm run --bogus k", "There is no option “--bogus”; `vmm run --help` lists them."),
        ("vmm run --help", "This command line describes no machine."),
        ("vmm run --mem 512", "This command line names no kernel: choose one."))
    for index, (text, sentence) in enumerate(cases):
        entry.set_text_contents(file_of(session, f"case-{index}.txt", text.encode()))
        session.see(sentence, seconds=30)
        wait_for("no way on", lambda: not is_usable(button))
    session.shoot("create-command-line-refused")
    expect(not os.path.exists(trap), "a command was run")
    expect(not session.running() and not session.definitions(), "a machine was made")
    kernel = file_of(session, "vmlinuz", b"\177ELF" + bytes(64))
    entry.set_text_contents(file_of(session, "good.txt", f"vmm run {kernel}".encode()))
    wait_for("a way on", lambda: is_usable(button), 30)


TESTS = [review_leads_back, from_command_line, sizes_stay, figures_in_german, command_line_there_and_back, no_ports, refused_command_lines, from_libvirt, libvirt_firmware, kernel_from_disk, no_kernel_on_disk, cloud_image, bad_cloud_users, other_disks]

sys.exit(run(TESTS))
