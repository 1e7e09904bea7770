#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: scanout.py VMM GUEST READ-TEXTURE     what a guest draws on a graphics card is shown from its memory; TAP

GUEST is of the recipe "gl". Runs inside a test machine with a card (dut --gpu-3d), as an ordinary user.
"""
import glob
import json
import operator
import os
import signal
import subprocess
import sys
import tempfile
import time

import display1
import gl
import listener
import sway
import vm

LIMIT = 300
FRAMES = 40
REST = 0.2  # seconds; less than vmm-display waits for a client
WIDTH, HEIGHT = gl.WIDTH, gl.HEIGHT
# Signals for kmscube come as words over the serial port.
GUEST_SCRIPT = """
while read signal; do killall -$signal kmscube; echo CUBE $signal; done </dev/ttyS0 &
mkfifo /run/keys;
while true; do kmscube <>/run/keys >/dev/null 2>&1; echo CUBE over; sleep 1; done
""".strip().replace("\n", " ")


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
    """Alike, and much more so than upside down: both are of a cube that stands still."""
    width, height, pixels = rows
    taken = [pixels[y * width * 4:(y + 1) * width * 4] for y in range(0, height)]
    some = range(8, height - 8, 4)
    upright = sum(difference(taken[y], shot[2][y]) for y in some)
    turned = sum(difference(taken[height - 1 - y], shot[2][y]) for y in some)
    return upright * 2 < turned, upright, turned


def send_signal(machine, display, name):
    machine.text = ""
    display.write("serial.0", f"{name}\n".encode())
    machine.wait_for(f"CUBE {name}", LIMIT)


class Still:
    """The cube does not turn, so that two pictures of it are the same."""

    def __init__(self, machine, display):
        self.machine, self.display = machine, display

    def __enter__(self):
        send_signal(self.machine, self.display, "STOP")
        flushes = None
        while flushes != (now := counters(self.display)[1]):
            flushes = now
            time.sleep(1)

    def __exit__(self, *_):
        send_signal(self.machine, self.display, "CONT")


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


def frame_rate(display):
    begin, first = time.monotonic(), counters(display)[1]
    while (n := counters(display)[1] - first) < FRAMES / 2 and time.monotonic() < begin + LIMIT:
        time.sleep(0.1)
    return n / (time.monotonic() - begin)


def check_pace(report, display, client):
    """kmscube draws into the picture before the one that it shows, and its kernel lets it do that at once."""
    free = frame_rate(display)
    client.listener.rest = REST
    time.sleep(2 * REST)
    slow = frame_rate(display)
    client.listener.rest = 0
    time.sleep(2 * REST)
    again = frame_rate(display)
    report.note(f"frames in a second: {free:.1f}, with a screen of {1 / REST:.0f} {slow:.1f}, then {again:.1f}")
    (counted, _), _ = display.call("/org/vitrine/Vmm1", "org.vitrine.Vmm1.Statistics", "GetGraphics")
    report.note(f"it waited {counted['ScreenWaits']} times, {counted['ScreenWaitTime'] / 1e9:.1f} s")
    report.check(slow < 1.15 / REST, "a guest draws no faster than the client has it on its screen", slow)
    report.check(again > free / 2, "nor slower", free, again)


def check_fall_back(report, machine, client):
    plain = listener.Listener(machine)
    report.check(plain.wait(gl.has_cube, LIMIT), "a client that maps gets pixels", plain.size)
    report.check(client.listener.wait(lambda seen: not client.is_texture(seen), LIMIT), "and so do all, then")
    plain.close()
    report.check(client.listener.wait(client.is_texture, LIMIT), "until it has gone")


class Window:
    """Vitrine with the machine in its window, on Xwayland, which draws with the card as sway does."""
    # without its list of machines, whose small picture of the guest is read back every ten seconds
    SETTINGS = "[org/vitrine/Vitrine]\nselected-machine='{}'\nresize-guest=false\nsidebar-shown=false\n"

    def __init__(self, program, name, kernel):
        self.folder = tempfile.TemporaryDirectory()
        path = self.folder.name
        self.sway = sway.Sway(path, node=glob.glob("/dev/dri/renderD*")[0], x11=True)
        prefix = os.path.dirname(os.path.dirname(program))
        self.write("config/vitrine/machines", f"{name}.json", json.dumps({"kernel": kernel, "mem": {"size": 512}}))
        self.write("config/glib-2.0/settings", "keyfile", self.SETTINGS.format(name))
        self.log = os.path.join(path, "vitrine.log")
        environment = dict(os.environ, DISPLAY=self.sway.display(LIMIT), GDK_BACKEND="x11", NO_AT_BRIDGE="1",
                           GSETTINGS_BACKEND="keyfile", XDG_CONFIG_HOME=os.path.join(path, "config"),
                           XDG_DATA_HOME=os.path.join(path, "data"), XDG_STATE_HOME=os.path.join(path, "state"),
                           XDG_DATA_DIRS=f"{prefix}/share:/usr/local/share:/usr/share", G_MESSAGES_DEBUG="all")
        environment.pop("WAYLAND_DISPLAY", None)
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(["dbus-run-session", "--", os.path.join(prefix, "bin/vitrine")],
                                            env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True)

    def write(self, folder, name, text):
        folder = os.path.join(self.folder.name, folder)
        os.makedirs(folder, mode=0o700)
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)

    def picture(self):
        """(width, height, bytes of three) of the guest's picture as it is on the screen: kmscube is grey all around."""
        windows = self.sway.windows()
        if not windows:
            return None
        width, height, pixels = self.sway.picture(windows[0])
        top, bottom = longest(greys(pixels[y * width * 3:(y + 1) * width * 3]) > 60 for y in range(height))
        pixels = pixels[top * width * 3:bottom * width * 3]
        left, right = longest(greys(b"".join(pixels[x * 3 + c::width * 3] for c in range(3)), False) > 60
                              for x in range(width))
        if left == right:
            return None
        return right - left, bottom - top, b"".join(pixels[(y * width + left) * 3:(y * width + right) * 3]
                                                    for y in range(bottom - top))

    def wait_picture(self, limit):
        """The same, when there is one: not before kmscube draws."""
        end = time.monotonic() + limit
        while True:
            try:
                picture = self.picture()
            except subprocess.CalledProcessError:  # sway answered too late for its own programs
                picture = None
            if picture or time.monotonic() > end:
                return picture
            time.sleep(1)

    def still_picture(self, limit):
        """When the window has caught up with a guest that draws no more: the same twice."""
        end = time.monotonic() + limit
        before, picture = None, self.wait_picture(limit)
        while picture and picture != before and time.monotonic() < end:
            time.sleep(1)
            before, picture = picture, self.wait_picture(limit)
        return picture

    def close(self):
        os.killpg(self.process.pid, signal.SIGTERM)  # dbus-run-session leaves its program alone
        self.process.wait()
        self.sway.close()
        with open(self.log, encoding="utf-8", errors="replace") as log:
            text = log.read()
        self.folder.cleanup()
        return text


def greys(line, together=True):
    """Pixels of kmscube's grey: three bytes each, together or all of a colour first."""
    size = len(line) // 3
    parts = [line[c::3] if together else line[c * size:(c + 1) * size] for c in range(3)]
    return min(sum(part.count(grey) for grey in gl.GREYS) for part in parts)


def longest(line):
    """Where its longest part that is true begins and ends."""
    best, start = (0, 0), None
    for at, true in enumerate([*line, False]):
        if true and start is None:
            start = at
        elif not true and start is not None:
            best, start = max(best, (start, at), key=lambda part: part[1] - part[0]), None
    return best


def scaled(picture, width, height, exchanged=False):
    """Of that size, as is_upright() wants it."""
    across, down, pixels = picture
    columns = operator.itemgetter(*((2 * x + 1) * across // (2 * width) for x in range(width)))
    rows = []
    for y in range(height):
        at = (2 * y + 1) * down // (2 * height) * across * 3
        row = bytearray(width * 4)
        for to, colour in enumerate((0, 1, 2) if exchanged else (2, 1, 0)):
            row[to::4] = bytes(columns(pixels[at + colour:at + across * 3:3]))
        rows.append(bytes(row))
    return width, height, b"".join(rows)


def judged(shown, shot):
    """(whether it has the shape, whether it is upright with its colours, the differences), beside the screenshot."""
    wide, high = shown[0] * shot[1], shown[1] * shot[0]
    right = is_upright(scaled(shown, *shot[:2]), shot)
    wrong = is_upright(scaled(shown, *shot[:2], exchanged=True), shot)
    return abs(wide - high) < 0.02 * wide, right[0] and right[1] * 2 < wrong[1], (right[1:], wrong[1])


def check_drawn(report, machine, display, window):
    """What is on the screen, once the window has its place there."""
    seen, shapes = [], []
    for _ in range(3):
        with Still(machine, display):
            end = time.monotonic() + vm.PATIENCE
            while True:
                shown, shot = window.still_picture(LIMIT), display.picture()
                if not shown:
                    report.check(False, "the cube is still there")
                    return
                shape, upright, differences = judged(shown, shot)
                if shape and upright or time.monotonic() > end:
                    break
        seen.append((shown[2], upright, differences))
        shapes.append((shape, shown[:2]))
    report.check(all(shape for shape, _ in shapes), "in the guest's shape", shapes, shot[:2])
    report.note(f"differences upright and upside down, and with red and blue exchanged: {[each[2] for each in seen]}")
    report.check(all(each[1] for each in seen), "upright, with its colours", [each[1:] for each in seen])
    report.check(len({each[0] for each in seen}) == len(seen), "and the cube turns")


def count_frames(display, end):
    """FRAMES of them, and the bytes that were copied for each."""
    before, first = counters(display)
    while counters(display)[1] < first + FRAMES and time.monotonic() < end:
        time.sleep(1)
    after, last = counters(display)
    return last - first, (after - before) / max(last - first, 1)


def check_window(report, machine, display, name, program, kernel):
    window = Window(program, name, kernel)
    try:
        if not report.check(window.wait_picture(LIMIT), "Vitrine's window under X11 shows the cube",
                            window.sway.windows(), window.sway.log_text()):
            return
        end = time.monotonic() + LIMIT
        frames, each = count_frames(display, end)
        report.note(f"{each:.1f} bytes copied for each of {frames} frames")
        report.check(frames >= FRAMES and each < 1000, "the X server draws it from the card: no frame is read back")
        check_drawn(report, machine, display, window)
    finally:
        said = window.close()
        for line in said.splitlines():
            if "texture" in line or "X server" in line or "CRITICAL" in line or "WARNING" in line:
                report.note(line)


def check(report, machine, control, program, reader, kernel):
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
    check_pace(report, display, client)
    with Still(machine, display):
        picture, shot = client.picture(), display.picture()
    right, *compared = is_upright(picture, shot)
    report.check(shot[:2] == (WIDTH, HEIGHT), "a screenshot has pixels meanwhile", shot[:2])
    report.check(right, "that look like the texture's, upright", compared)
    report.note(f"differences, upright and not: {compared}")
    check_fall_back(report, display, client)
    done = subprocess.run([program, "gpu", "restart-renderer", control], capture_output=True, text=True, timeout=LIMIT,
                          check=False)
    report.check(done.returncode == 0, "3D begins anew under it", done.stdout, done.stderr)
    display.write("serial.0", b"TERM\n")
    machine.wait_for(r"CUBE over", LIMIT)
    report.check(client.listener.wait(client.is_texture, LIMIT), "and the next program's textures are shown so again")
    client.listener.close()
    check_window(report, machine, display, os.path.basename(os.path.dirname(control)), program, kernel)


def run(report, program, guest, reader):
    name = f"scanout-{os.getpid()}"
    arguments = ["--name", name, "--mem", "512", "--gpu", f"backend=virglrenderer,width={WIDTH},height={HEIGHT}",
                 "--initrd", guest.path("initrd"), "--block", f"path={guest.path('disk.img')},ro=true",
                 "--log-level", "debug", "-p", f'{guest.cmdline()} vitrine.overlay vitrine.run="{GUEST_SCRIPT}"',
                 "--serial", "type=stdout,hardware=serial,num=1,console=true", guest.path("vmlinux")]
    control = os.path.join(os.environ["XDG_RUNTIME_DIR"], "vitrine", name, "control")
    with vm.Machine(program, arguments) as machine:
        try:
            check(report, machine, control, program, reader, guest.path("vmlinux"))
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
