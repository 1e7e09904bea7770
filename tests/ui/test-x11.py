#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""X11 programs as windows of the test compositor, by a guest's vitrine-x11 and Xwayland.

usage: test-x11.py COMPOSITOR VITRINE-X11"""
import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import time

from programs import BUTTON_LEFT, BUTTON_RIGHT, Client, Compositor, Drag, need, run, wait_for

PROGRAM, VITRINE_X11 = sys.argv[1:3]
LIMIT = 30
COPY, MOVE = 1, 2
KEY_A, KEY_SHIFT = 30, 42
BIG = 200_000  # words of five letters
F2, F3, F5, F6, F7 = 60, 61, 63, 64, 65


class Desktop:
    """The compositor and an X display on it."""

    def __init__(self, *options):
        self.compositor = Compositor(PROGRAM, *options)
        self.server = subprocess.Popen(
            [VITRINE_X11, "--wayland=" + self.compositor.environment["WAYLAND_DISPLAY"]],
            env=self.compositor.environment, stdout=subprocess.PIPE, text=True)
        self.environment = dict(self.compositor.environment, GDK_BACKEND="x11",
                                DISPLAY=self.server.stdout.readline().strip())
        del self.environment["WAYLAND_DISPLAY"]

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        alive = self.server.poll() is None
        self.server.terminate()
        self.server.wait(LIMIT)
        status = self.compositor.end()
        if not kind:
            assert alive, "vitrine-x11 ended before"
            assert status == 0, status

    def start(self, *command, **more):
        client = subprocess.Popen(command, env=self.environment, **more)
        self.compositor.clients.append(client)
        return client

    @contextlib.contextmanager
    def stopped(self, seconds):
        """Meanwhile, and for so long, Xwayland does nothing; not at all without any."""
        with open(f"/proc/{self.server.pid}/task/{self.server.pid}/children", encoding="ascii") as file:
            children = [int(word) for word in file.read().split()] if seconds else []
        for child in children:
            os.kill(child, signal.SIGSTOP)
        yield
        time.sleep(seconds)
        for child in children:
            os.kill(child, signal.SIGCONT)

    def windows(self):
        return self.compositor.windows()

    def window(self, title):
        return next((one for one in self.windows() if one.title == title), None)

    def wait_window(self, title):
        return wait_for(f"window “{title}” in {self.windows()}", lambda: self.window(title))

    def surfaces(self, role):
        return [one for one in self.compositor.surfaces() if one.role == role]

    def focus(self, window):
        self.compositor.say("focus", window.id)
        wait_for("focus", lambda: next(one for one in self.windows() if one.id == window.id).active)


def typed(desktop, window, path, text):
    """A key may come before the program has the focus, as with any X server: until it is there."""
    desktop.focus(window)
    for _ in range(10):
        desktop.compositor.press(KEY_A)
        desktop.compositor.press(28)
        try:
            wait_for(f"{text} in {path}", lambda: text in open(path, encoding="utf-8").read(), 3)
            return
        except AssertionError:
            pass
    raise AssertionError(f"{path} never had {text}")


def test_two():
    """two xterms are two windows with their titles; each takes keys; size and closing arrive"""
    need("xterm")
    with Desktop() as desktop:
        folder = desktop.compositor.base
        terminals = []
        for name in ("one", "two"):
            path = os.path.join(folder, name)
            terminals.append(desktop.start("xterm", "-T", name, "-e", f"stty size >{path}; cat >>{path}"))
            desktop.wait_window(name)
            wait_for(path, lambda: os.path.exists(path) and os.path.getsize(path))  # pylint: disable=cell-var-from-loop
        assert len(desktop.windows()) == 2, desktop.windows()
        for name in ("two", "one"):
            typed(desktop, desktop.window(name), os.path.join(folder, name), "a\n")
        one = desktop.window("one")
        desktop.compositor.say("resize", one.id, one.width // 2, one.height // 2)
        wait_for("the new size", lambda: desktop.window("one").width < one.width)
        assert desktop.window("two").width == one.width, "only one of them"
        desktop.compositor.say("close", desktop.window("one").id)
        terminals[0].wait(LIMIT)
        wait_for("one window", lambda: [window.title for window in desktop.windows()] == ["two"])


def file_holds(path, text):
    def content():
        with open(path, encoding="utf-8") as file:
            return file.read()
    try:
        wait_for("what was typed", lambda: len(content()) >= len(text))
    except AssertionError:
        pass
    assert content() == text, (path, content(), text)


def test_focus():
    """what is typed comes to the window that has the keyboard then, however quick or slow Xwayland is"""
    need("xterm")
    keys = {"one": ("qwertyuiop", 16), "two": ("asdfghjkl", 30)}
    with Desktop() as desktop:
        paths, ids = {}, {}
        for name in keys:
            paths[name] = path = os.path.join(desktop.compositor.base, name)
            desktop.start("xterm", "-T", name, "-e", f"stty raw -echo; : >{path}; exec cat >>{path}")
            ids[name] = desktop.wait_window(name).id
            wait_for(path, lambda: os.path.exists(path))  # pylint: disable=cell-var-from-loop
        wanted = dict.fromkeys(keys, "")
        for turn, rest in enumerate((0, 0.1) * 8 + (3,)):
            with desktop.stopped(rest):
                for name in ("one", "two", "one", "two"):
                    letters, first = keys[name]
                    desktop.compositor.say("focus", ids[name])
                    for _ in range(2):
                        desktop.compositor.press(first + turn % len(letters))
                        wanted[name] += letters[turn % len(letters)]
            for name, text in wanted.items():
                file_holds(paths[name], text)


def press_menu(desktop, x, y):
    desktop.compositor.say("move", x, y)
    desktop.compositor.say("button", BUTTON_RIGHT, 1)


def test_menu():
    """a menu of xterm is a popup of its window, where the pointer is"""
    need("xterm")
    with Desktop() as desktop:
        terminal = desktop.start("xterm", "-T", "menus", "-xrm",
                                 "*VT100.translations: #override <Btn3Down>: popup-menu(mainMenu)")
        window = desktop.wait_window("menus")
        desktop.focus(window)
        press_menu(desktop, window.x + 250, window.y + 100)
        menu = wait_for("the menu", lambda: desktop.surfaces("popup"))[0]
        assert menu.parent == window.id, menu
        # Athena's menus have their middle, and the edge of the first entry, under the pointer.
        assert abs(menu.x + menu.width // 2 - 250) < 8 and 60 < menu.y < 100, (menu, window)
        desktop.compositor.say("button", BUTTON_RIGHT, 0)
        wait_for("no menu", lambda: not desktop.surfaces("popup"))
        terminal.terminate()
        wait_for("no window", lambda: not desktop.compositor.surfaces())


def place_in(window, client, name):
    x, y = client.place(name)
    return window.x + x, window.y + y


def drag_inside(compositor, client, source, target):
    """From one place of X's to another: the compositor does not know whether that is taken."""
    for _ in range(10):
        drag_ = Drag(compositor, source)
        drag_.begin()
        drag_.over(target())
        for step in range(20):
            compositor.say("move", target()[0] + step % 2, target()[1])
            time.sleep(0.03)
        drag_.drop()
        try:
            wait_for("what was dragged", lambda: client.has_said("dropped cargo"), 5)
            return
        except AssertionError:  # it was too slow
            pass
    raise AssertionError(f"nothing was dropped: {client.lines}")


def check_pointer(desktop, client, window):
    compositor = desktop.compositor
    compositor.press(F6)
    wait_for("places", lambda: client.has_said("place button"))
    compositor.click(*place_in(window, client, "button"))
    client.said("clicked")
    drag_inside(compositor, client, place_in(window, client, "source"), lambda: place_in(window, client, "target"))


def check_clipboard(desktop, client):
    compositor = desktop.compositor
    compositor.say("copy", "from outside")
    compositor.press(F2)
    client.said("pasted from outside")
    compositor.press(F3)
    client.said("copied")
    wait_for("the clipboard", lambda: compositor.paste() == "from GTK")
    compositor.press(F7)
    client.said("copied much")
    wait_for("all of it", lambda: compositor.paste() == "0123456789" * 30000)


def test_gtk():
    """a GTK program on X11 takes keys, pointer, clipboard, drag and drop; menu, full screen, closing"""
    with Desktop() as desktop:
        compositor = desktop.compositor
        client = Client(compositor, desktop.environment)
        window = desktop.wait_window("A GTK program")
        desktop.focus(window)
        for _ in range(10):
            compositor.press(KEY_SHIFT, KEY_A)
            time.sleep(0.5)
            if client.has_said("typed A"):
                break
        wait_for("a capital letter", lambda: client.has_said("typed A"))
        check_pointer(desktop, client, window)
        check_clipboard(desktop, client)
        compositor.press(F5)
        menu = wait_for("the menu", lambda: desktop.surfaces("popup"))[0]
        x, y = client.place("button")
        assert menu.parent == window.id and menu.x < x and y < menu.y < y + 60, (menu, x, y)
        compositor.click(window.x + menu.x + menu.width // 2, window.y + menu.y + menu.height // 2)
        client.said("chosen")
        wait_for("no menu", lambda: not desktop.surfaces("popup"))
        compositor.say("fullscreen", window.id, 1)
        client.said("size 1280 800")
        compositor.say("close", window.id)
        client.said("closed")


def test_quiet():
    """a host that answers each request about a window's frame: nothing is said when nothing happens"""
    need("xterm")
    with Desktop() as desktop:
        client = Client(desktop.compositor, desktop.environment)
        desktop.start("xterm", "-T", "another")
        for title in ("A GTK program", "another"):
            window = desktop.wait_window(title)
            desktop.focus(window)
            counts = []
            for _ in range(2):
                time.sleep(1)
                counts += map(int, desktop.compositor.say("configures", window.id))
            assert 0 < counts[0] == counts[1] < 20, (title, counts)
        desktop.compositor.say("fullscreen", desktop.window("A GTK program").id, 1)
        client.said("size 1280 800")


class Pair:
    """A GTK program of the host, left, and one on X11; what is dragged from one to the other."""

    def __init__(self, desktop, host=None, guest=None, where=None):
        self.desktop = desktop
        self.shadow = where is None
        self.compositor = desktop.compositor
        self.client = {}
        self.name = {}
        for name, environment, more in (("host", where or desktop.compositor.environment, host),
                                        ("guest", desktop.environment, guest)):
            self.client[name] = Client(desktop.compositor, dict(environment, CLIENT_TITLE=name, **(more or {})))
            window = desktop.wait_window(name)
            desktop.compositor.say("place", window.id, 20 if name == "host" else 640, 20)
            desktop.focus(window)
            while not self.client[name].has_said("place button"):
                desktop.compositor.press(F6)
                time.sleep(0.2)

    def place(self, name, widget):
        window = self.desktop.window(name)
        x, y = self.client[name].place(widget)
        left = (window.width - 400) // 2 if name == "host" and self.shadow else 0
        return window.x - left + x, window.y - left + y

    def drag(self, source):
        drag_ = Drag(self.compositor, self.place(source, "source"))
        drag_.begin()
        return drag_

    def pull(self, source, target):
        """From one to the other, and let go there."""
        drag_ = self.drag(source)
        action = drag_.over(self.place(target, "target"))
        drag_.drop()
        return action


def said_after(client, count, start):
    wait_for(f"“{start}” after {count} lines in {client.lines[-8:]}",
             lambda: any(line.startswith(start) for line in client.lines[count:]), LIMIT)


def check_drags(desktop, source, target, wanted):
    """There and back without letting go, then let go where nothing takes it, then where it is taken."""
    pair = Pair(desktop, **{source: {"CLIENT_CARGO": str(wanted)}})
    there, here = pair.client[target], pair.client[source]
    drag_ = pair.drag(source)
    drag_.over(pair.place(target, "target"))
    count = len(there.lines)
    drag_.over((630, 600), False)  # the background
    said_after(there, count, "left")
    drag_.drop()
    said_after(here, 0, "ends")
    assert here.has_said("failed"), here.lines
    assert not there.has_said("dropped"), there.lines
    count = len(here.lines)
    assert pair.pull(source, target) == COPY
    text = "cargo" * wanted
    there.said("dropped " + (text if wanted == 1 else f"{len(text)} {hashlib.md5(text.encode()).hexdigest()}"))
    said_after(here, count, "ends")
    assert "failed" not in here.lines[count:] and not here.has_said("deleted"), here.lines
    return pair


def test_drop():
    """what is dragged on the host is dropped on an X11 program; before, it left again; long text in parts"""
    for words in (1, BIG):
        with Desktop() as desktop:
            check_drags(desktop, "host", "guest", words)


def check_refused(origin, target):
    """What is dragged is of a kind that the program below does not take."""
    with Desktop() as desktop:
        pair = Pair(desktop, **{target: {"CLIENT_TAKES": "image/x-nothing"}})
        drag_ = pair.drag(origin)
        drag_.over(pair.place(target, "target"), False)
        drag_.drop()
        said_after(pair.client[origin], 0, "failed")


def check_moved(pair, origin, target):
    """What is moved is deleted by the program that dragged it."""
    assert pair.pull(origin, target) == MOVE
    pair.client[target].said("dropped cargo")
    said_after(pair.client[origin], 0, "deleted")


def test_drop_refused():
    """an X11 program that wants another kind refuses; one that moves has it moved; one that ends is no harm"""
    check_refused("host", "guest")
    moves = {"CLIENT_MOVES": "1"}
    with Desktop() as desktop:
        pair = Pair(desktop, moves, moves)
        check_moved(pair, "host", "guest")
        drag_ = pair.drag("host")
        drag_.over(pair.place("guest", "target"))
        place = pair.place("guest", "target")
        pair.client["guest"].process.kill()
        wait_for("no window", lambda: not desktop.window("guest"))
        drag_.over(place, False)
        drag_.drop()
        wait_for(f"its end in {pair.client['host'].lines}",
                 lambda: pair.client["host"].lines.count("ends") == 2)
        desktop.start("xterm", "-T", "another")
        desktop.wait_window("another")


def test_drag():
    """what an X11 program drags is dropped on one of the host; before, it left again; long text in parts"""
    for words in (1, BIG):
        with Desktop() as desktop:
            check_drags(desktop, "guest", "host", words)


def test_drag_refused():
    """a program of the host that wants another kind refuses; what it moves is deleted; one that ends is no harm"""
    check_refused("guest", "host")
    moves = {"CLIENT_MOVES": "1"}
    with Desktop() as desktop:
        pair = Pair(desktop, moves, moves)
        check_moved(pair, "guest", "host")
        said_after(pair.client["guest"], 0, "ends")
        drag_ = pair.drag("guest")
        drag_.over(pair.place("host", "target"))
        pair.client["guest"].process.kill()
        wait_for("no drag", lambda: not drag_.state())
        drag_.drop()
        terminal = desktop.start("xterm", "-T", "another")
        window = desktop.wait_window("another")
        desktop.focus(window)
        desktop.compositor.say("close", window.id)
        terminal.wait(LIMIT)


def test_drag_inside():
    """from one X11 program to another, out of its window and back into it, and the pointer works after that"""
    with Desktop() as desktop:
        pair = Pair(desktop, where=desktop.environment)
        drag_inside(desktop.compositor, pair.client["guest"], pair.place("host", "source"),
                    lambda: pair.place("guest", "target"))
        drag_ = pair.drag("guest")
        drag_.over(pair.place("host", "target"))
        drag_.over((630, 600), False)
        drag_.drop()
        said_after(pair.client["guest"], 0, "failed")
        assert not pair.client["host"].has_said("dropped"), pair.client["host"].lines
        desktop.compositor.click(*pair.place("host", "button"))
        pair.client["host"].said("clicked")


def fling(pair, place):
    """Dragged and let go as fast as the computer can: the compositor is not asked in between."""
    compositor, start = pair.compositor, pair.place("guest", "source")
    compositor.say("move", *start)
    time.sleep(0.05)
    compositor.say("button", BUTTON_LEFT, 1)
    for step in range(1, 13):
        compositor.say("move", start[0] + 3 * step, start[1])
        time.sleep(0.002)
    for step in range(1, 9):
        compositor.say("move", *(a + (b - a) * step // 8 for a, b in zip(start, place)))
    compositor.say("button", BUTTON_LEFT, 0)


def test_fling():
    """what is flung about falls where it was let go or nowhere; its program and the one below agree about that"""
    with Desktop() as desktop:
        pair = Pair(desktop)
        host, guest = pair.client["host"], pair.client["guest"]
        for turn in range(24):
            here, there = len(guest.lines), len(host.lines)
            fling(pair, (630, 600) if turn % 3 == 0 else pair.place("host", "target"))
            try:
                wait_for("an end", lambda: "ends" in guest.lines[here:], 2)  # pylint: disable=cell-var-from-loop
            except AssertionError:  # faster than the program looked: it dragged nothing
                assert "begins" not in guest.lines[here:], guest.lines[here:]
            time.sleep(0.2)
            ends, taken = guest.lines[here:], "dropped cargo" in host.lines[there:]
            assert not [line for line in ends if line.startswith(("typed", "dropped"))], (turn, ends)
            assert not taken or (turn % 3 and "failed" not in ends), (turn, ends, host.lines[there:])
        here = len(guest.lines)
        drag_ = pair.drag("guest")
        drag_.over((630, 600), False)
        drag_.drop()
        said_after(guest, here, "ends")
        desktop.compositor.click(*pair.place("guest", "button"))
        guest.said("clicked")
        assert pair.pull("guest", "host") == COPY
        host.said("dropped cargo")


TESTS = (test_two, test_focus, test_menu, test_gtk, test_quiet, test_drop, test_drop_refused, test_drag,
         test_drag_refused, test_drag_inside, test_fling)

run(TESTS, "Xwayland")
