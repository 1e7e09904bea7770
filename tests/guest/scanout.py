#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: scanout.py VMM GUEST READ-TEXTURE     what a guest draws on a graphics card is shown from its memory; TAP

GUEST is of the recipe "gl". Runs inside a test machine with a card (dut --gpu-3d), as an ordinary user.
"""
import os
import signal
import subprocess
import sys

import display1
import gl
import listener
import vm

LIMIT = 300
FRAMES = 40
WIDTH, HEIGHT = gl.WIDTH, gl.HEIGHT
GUEST_SCRIPT = """
while true; do sleep 100 | timeout 90 kmscube >/dev/null 2>&1; echo CUBE over; done
""".replace("\n", " ")


class Client:
    """Imports what it is shown, as a program with OpenGL does."""

    def __init__(self, machine, reader):
        self.listener = listener.Listener(machine, dmabufs=True)
        self.reader = reader
        self.said = ""

    def is_texture(self, seen):
        return seen.dmabuf is not None and (seen.dmabuf[11] != 0 or seen.dmabuf[9:11] != seen.dmabuf[3:5])

    def picture(self):
        """(width, height, rows from the top), or None."""
        with self.listener.lock:
            if self.listener.dmabuf is None:
                return None
            fd, x, y, width, height, offsets, strides, _, fourcc, whole_width, whole_height, modifier, top = \
                self.listener.dmabuf
            done = subprocess.run([self.reader, *(str(word) for word in (fd, whole_width, whole_height, fourcc, strides[0],
                                                                         offsets[0], modifier))],
                                  pass_fds=[fd], capture_output=True, check=False, timeout=LIMIT)
        self.said = done.stderr.decode()
        rows = [done.stdout[at:at + whole_width * 4] for at in range(0, len(done.stdout), whole_width * 4)]
        if done.returncode != 0 or len(rows) != whole_height:
            return None
        rows = rows if top else rows[::-1]
        return width, height, b"".join(row[x * 4:(x + width) * 4] for row in rows[y:y + height])


def difference(one, other):
    return sum(abs(a - b) for at, (a, b) in enumerate(zip(one, other)) if at % 4 != 3)


def is_upright(rows, shot):
    """Alike, and more so than upside down; the cube may have turned a little between them."""
    width, height, pixels = rows
    taken = [pixels[y * width * 4:(y + 1) * width * 4] for y in range(0, height)]
    some = range(8, height - 8, 4)
    upright = sum(difference(taken[y], shot[2][y]) for y in some)
    turned = sum(difference(taken[height - 1 - y], shot[2][y]) for y in some)
    return upright * 1.2 < turned, upright, turned


class Seen:
    """As gl.has_cube() wants it."""

    def __init__(self, picture):
        self.size, self.pixels = picture[:2], picture[2]

    def picture(self):
        return self.pixels


def counters(display):
    (counted, _), _ = display.call("/org/vitrine/Vmm1", "org.vitrine.Vmm1.Statistics", "GetGraphics")
    return counted["CopiedBytes"], counted["Flushes"]


def check_counts(report, display, client):
    """What `vmm gpu stats` says."""
    before, frames = counters(display)
    client.listener.forget()
    client.listener.wait(lambda seen: len(seen.calls) >= FRAMES, LIMIT)
    after, end = counters(display)
    each = (after - before) / max(end - frames, 1)
    report.check(end - frames >= FRAMES / 2 and each < 1000, "no frame is read back")
    report.note(f"{each:.1f} bytes copied for each of {end - frames} frames of {WIDTH * HEIGHT * 4} bytes")
    report.check("ScanoutMap" not in client.listener.calls, "all come as textures", client.listener.calls[:10])


def check_fall_back(report, machine, client):
    plain = listener.Listener(machine)
    report.check(plain.wait(gl.has_cube, LIMIT), "a client that maps gets pixels", plain.size)
    report.check(client.listener.wait(lambda seen: not client.is_texture(seen), LIMIT), "and so do all, then")
    plain.close()
    report.check(client.listener.wait(client.is_texture, LIMIT), "until it has gone")


def check(report, machine, control, program, reader):
    machine.wait_for(r"MARK init", LIMIT)
    display = display1.Machine(control, 60)
    report.check(gl.graphics(display) == "virgl", "the card draws", gl.graphics(display, "GraphicsSentence"))
    client = Client(display, reader)
    if not report.check(client.listener.wait(client.is_texture, LIMIT), "a client is shown a texture",
                        client.listener.calls[-20:]):
        return
    report.note(f"texture: {client.listener.dmabuf}")
    picture = client.picture()
    report.note(client.said.strip())
    report.check(picture is not None and gl.has_cube(Seen(picture)), "whose pixels are kmscube's", client.said,
                 picture and picture[:2], picture and picture[2][:16])
    check_counts(report, display, client)
    compared = []
    for _ in range(8):
        picture, shot = client.picture(), display.picture()
        compared.append(is_upright(picture, shot))
    report.check(shot[:2] == (WIDTH, HEIGHT), "a screenshot has pixels meanwhile", shot[:2])
    report.check(sum(seen[1] for seen in compared) < sum(seen[2] for seen in compared), "that look like the texture's, upright")
    report.note(f"differences, upright and not: {compared}")
    check_fall_back(report, display, client)
    done = subprocess.run([program, "gpu", "restart-renderer", control], capture_output=True, text=True, timeout=LIMIT,
                          check=False)
    report.check(done.returncode == 0, "3D begins anew under it", done.stdout, done.stderr)
    machine.text = ""
    machine.wait_for(r"CUBE over", LIMIT)
    report.check(client.listener.wait(client.is_texture, LIMIT), "and the next program's textures are shown so again")


def run(report, program, guest, reader):
    name = f"scanout-{os.getpid()}"
    arguments = ["--name", name, "--mem", "512", "--gpu", f"backend=virglrenderer,width={WIDTH},height={HEIGHT}",
                 "--initrd", guest.path("initrd"), "--block", f"path={guest.path('disk.img')},ro=true",
                 "--log-level", "debug", "-p", f'{guest.cmdline()} vitrine.overlay vitrine.run="{GUEST_SCRIPT}"',
                 "--serial", "type=stdout,hardware=serial,num=1,console=true", guest.path("vmlinux")]
    control = os.path.join(os.environ["XDG_RUNTIME_DIR"], "vitrine", name, "control")
    with vm.Machine(program, arguments) as machine:
        try:
            check(report, machine, control, program, reader)
        except (vm.Timeout, vm.Ended) as error:
            report.check(False, f"a texture: {error}", machine.error_text(), machine.text[-3000:])
        machine.signal(signal.SIGINT)
        machine.wait(20)
        for line in machine.error_text().splitlines():
            if "gpu" in line or "graphics" in line or "picture" in line:
                report.note(line)


def main(program, folder, reader):
    report = vm.Report()
    run(report, program, vm.Guest(folder), reader)
    return report.end()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
