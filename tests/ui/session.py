# SPDX-License-Identifier: LGPL-2.1-or-later
"""A session for one test: own folders, own copy of vitrine beside a `vmm`, its own windows.

The tests run under Xvfb and a message bus of their own: run_in_session()."""
import contextlib
import glob
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time

import gi

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi, Gio, GLib  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
SKIP = 77
SCREEN = "1360x900x24"
PATIENCE = 5 if "ASAN_OPTIONS" in os.environ else 1  # a vitrine with a sanitizer takes its time


def run_in_session(size=SCREEN):
    """Starts this program again under a screen and a bus of its own; returns its exit status."""
    for program in ("Xvfb", "dbus-run-session", "import"):
        if not shutil.which(program):
            print(f"1..0 # SKIP {program} is not installed")
            return SKIP
    reader, writer = os.pipe()
    screen = subprocess.Popen(["Xvfb", "-displayfd", str(writer), "-screen", "0", size, "-noreset", "-nolisten",
                               "tcp"],
                              pass_fds=[writer], stderr=subprocess.DEVNULL)
    os.close(writer)
    with os.fdopen(reader) as lines:
        number = lines.readline().strip()
    try:
        environment = dict(os.environ, DISPLAY=":" + number, VITRINE_UI_SESSION="1")
        environment.pop("WAYLAND_DISPLAY", None)
        environment.pop("NO_AT_BRIDGE", None)
        return subprocess.run(["dbus-run-session", "--", sys.executable, *sys.argv],
                              env=environment).returncode
    finally:
        screen.terminate()
        screen.wait()


class Failure(Exception):
    pass


def wait_for(what, condition, seconds=10):
    end = time.monotonic() + seconds * PATIENCE
    while True:
        try:
            found = condition()
        except GLib.Error:
            found = None  # a widget that went away while we looked
        if found:
            return found
        if time.monotonic() > end:
            raise Failure(f"waited {seconds * PATIENCE} s for {what}")
        time.sleep(0.05)


class Node:
    """A widget as a reader sees it; one that went away meanwhile has no name and no state."""

    def __init__(self, accessible):
        self.accessible = accessible

    def __getattr__(self, name):
        method = getattr(self.accessible, name)

        def call(*arguments):
            try:
                return method(*arguments)
            except GLib.Error:
                return {"get_name": "", "get_child_count": 0, "get_role_name": ""}.get(name)
        return call

    def has(self, *states):
        found = self.get_state_set()
        return found is not None and all(found.contains(state) for state in states)


def walk(node, depth=0):
    if node is None or depth > 40:
        return
    node = node if isinstance(node, Node) else Node(node)
    yield node
    for index in range(node.get_child_count() or 0):
        yield from walk(node.get_child_at_index(index), depth + 1)


def is_showing(node):
    return node.has(Atspi.StateType.SHOWING, Atspi.StateType.VISIBLE)


class Notifications:
    """What the program tells the desktop, and a way to press the buttons."""

    XML = """<node><interface name="org.freedesktop.Notifications">
      <method name="Notify"><arg type="s" direction="in"/><arg type="u" direction="in"/><arg type="s" direction="in"/>
        <arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="as" direction="in"/>
        <arg type="a{sv}" direction="in"/><arg type="i" direction="in"/><arg type="u" direction="out"/></method>
      <method name="CloseNotification"><arg type="u" direction="in"/></method>
      <method name="GetCapabilities"><arg type="as" direction="out"/></method>
      <method name="GetServerInformation"><arg type="s" direction="out"/><arg type="s" direction="out"/>
        <arg type="s" direction="out"/><arg type="s" direction="out"/></method></interface></node>"""

    def __init__(self):
        self.titles = []
        self.buttons = []
        self.bus = Gio.bus_get_sync(Gio.BusType.SESSION)
        interface = Gio.DBusNodeInfo.new_for_xml(self.XML).interfaces[0]
        self.object = self.bus.register_object("/org/freedesktop/Notifications", interface, self.called, None, None)
        self.name = Gio.bus_own_name_on_connection(self.bus, "org.freedesktop.Notifications",
                                                   Gio.BusNameOwnerFlags.REPLACE, None, None)
        self.serve(0.3)

    def called(self, _bus, _sender, _path, _interface, method, parameters, invocation):
        if method == "Notify":
            self.titles.append(parameters.unpack()[3].replace("\u2068", "").replace("\u2069", ""))
            self.buttons.append(parameters.unpack()[5])
            invocation.return_value(GLib.Variant("(u)", (len(self.titles),)))
        elif method == "GetCapabilities":
            invocation.return_value(GLib.Variant("(as)", (["actions", "body"],)))
        elif method == "GetServerInformation":
            invocation.return_value(GLib.Variant("(ssss)", ("test", "test", "1", "1.2")))
        else:
            invocation.return_value(None)

    def serve(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            GLib.MainContext.default().iteration(False)
            time.sleep(0.01)

    def comes(self, title, seconds=10):
        end = time.monotonic() + seconds * PATIENCE
        while title not in self.titles and time.monotonic() < end:
            self.serve(0.1)
        return title in self.titles

    def wait_for(self, title, seconds=10):
        if not self.comes(title, seconds):
            raise Failure(f"waited {seconds * PATIENCE} s for the notification “{title}”, got {self.titles}")

    def press(self, title, action="default"):
        """A person presses a button of the last notification of that title, or the notification itself."""
        number = len(self.titles) - self.titles[::-1].index(title)
        offered = self.buttons[number - 1][::2] + self.buttons[number - 1][1::2]
        if action not in offered:
            raise Failure(f"“{title}” has no {action}: {offered}")
        keys = self.buttons[number - 1]
        key = keys[keys.index(action) & ~1]
        self.bus.emit_signal(None, "/org/freedesktop/Notifications", "org.freedesktop.Notifications", "ActionInvoked",
                             GLib.Variant("(us)", (number, key)))
        self.bus.flush_sync()

    def end(self):
        Gio.bus_unown_name(self.name)
        self.bus.unregister_object(self.object)


class Announced:
    """What a reader speaks unasked: notifications that appear."""

    EVENT = "object:state-changed:showing"

    def __init__(self):
        self.names = []
        self.listener = Atspi.EventListener.new(self.heard, None)
        self.listener.register(self.EVENT)

    def heard(self, event, *_):
        if event.detail1 and Node(event.source).get_role() == Atspi.Role.NOTIFICATION:
            self.names.append(Node(event.source).get_name())

    def wait_for(self, name, seconds=10):
        end = time.monotonic() + seconds * PATIENCE
        while name not in self.names:
            if time.monotonic() > end:
                raise Failure(f"waited {seconds * PATIENCE} s for a reader to say “{name}”, it said {self.names}")
            GLib.MainContext.default().iteration(False)
            time.sleep(0.02)

    def end(self):
        self.listener.deregister(self.EVENT)


class Service:
    """One object on the session bus under a name of its own, served by a thread of its own. answer(method,
    arguments) gives the reply, a GLib.Variant or None."""

    def __init__(self, name, path, xml, answer, properties=None):
        self.answer = answer
        self.properties = properties or {}
        self.path = path
        self.interface = Gio.DBusNodeInfo.new_for_xml(xml).interfaces[0]
        self.context = GLib.MainContext()
        self.loop = GLib.MainLoop(self.context)
        self.owned = threading.Event()
        self.thread = threading.Thread(target=self.run, args=(name,), daemon=True)
        self.thread.start()
        if not self.owned.wait(20):
            raise Failure(f"the name {name} cannot be had")

    def run(self, name):
        self.context.push_thread_default()
        flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
        self.bus = Gio.DBusConnection.new_for_address_sync(os.environ["DBUS_SESSION_BUS_ADDRESS"], flags, None, None)
        self.bus.register_object(self.path, self.interface, self.called, self.get, None)
        Gio.bus_own_name_on_connection(self.bus, name, Gio.BusNameOwnerFlags.REPLACE,
                                       lambda *_: self.owned.set(), None)
        self.loop.run()
        self.bus.close_sync(None)

    def called(self, _bus, _sender, _path, _interface, method, parameters, invocation):
        invocation.return_value(self.answer(method, parameters.unpack()))

    def get(self, _bus, _sender, _path, _interface, name):
        return self.properties[name]

    def change(self, name, value):
        self.properties[name] = value
        self.bus.emit_signal(None, self.path, "org.freedesktop.DBus.Properties", "PropertiesChanged",
                             GLib.Variant("(sa{sv}as)", (self.interface.name, {name: value}, [])))

    def end(self):
        self.loop.quit()
        self.thread.join(10)


def clipboard_text():
    """What another program would paste."""
    code = ("import gi; gi.require_version('Gtk', '3.0'); from gi.repository import Gdk, Gtk; "
            "print(Gtk.Clipboard.get(Gdk.SELECTION_CLIPBOARD).wait_for_text() or '', end='')")
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout


class Session:
    START_SECONDS = 20
    CLOSE_SECONDS = 10 * PATIENCE

    def __init__(self, build, shots):
        self.build = build
        self.shots = shots
        self.base = tempfile.mkdtemp(prefix="vitrine-ui-")
        self.process = None
        self.unfocused = False
        self.errors = open(os.path.join(self.base, "stderr"), "w+")
        for folder in ("config/vitrine/machines", "data", "state", "run", "cache", "home"):
            os.makedirs(os.path.join(self.base, folder), mode=0o700)
        self.environment = dict(
            os.environ, HOME=self.path("home"), XDG_CONFIG_HOME=self.path("config"),
            XDG_DATA_HOME=self.path("data"), XDG_STATE_HOME=self.path("state"),
            XDG_RUNTIME_DIR=self.path("run"), XDG_CACHE_HOME=self.path("cache"),
            GSETTINGS_BACKEND="memory", GDK_BACKEND="x11", LC_ALL="C.UTF-8", G_DEBUG="")
        if "ASAN_OPTIONS" in os.environ:  # to know all callers of each allocation takes GTK seven times as long
            self.environment["ASAN_OPTIONS"] = "detect_leaks=0:symbolize=1"
        os.chmod(self.path("run"), 0o700)
        self.program = self.install()

    def install(self):
        """Puts a copy of vitrine beside a `vmm` that only pretends; returns its path."""
        for folder in ("bin", "share/glib-2.0/schemas", "share/locale", "libexec/vitrine"):
            os.makedirs(self.path(folder), mode=0o700)
        shutil.copy(os.path.join(self.build, "manager/vitrine"), self.path("bin/vitrine"))
        shutil.copy(os.path.join(HERE, "fake-vmm"), self.path("bin/vmm"))
        for catalogue in glob.glob(os.path.join(self.build, "po/*/LC_MESSAGES/vitrine.mo")):
            folder = os.path.join(self.path("share/locale"), catalogue.split("/")[-3], "LC_MESSAGES")
            os.makedirs(folder)
            shutil.copy(catalogue, folder)
        schemas = self.path("share/glib-2.0/schemas")
        shutil.copy(os.path.join(HERE, "../../data/org.vitrine.Vitrine.gschema.xml"), schemas)
        subprocess.run(["glib-compile-schemas", schemas], check=True)
        return self.path("bin/vitrine")

    def path(self, name):
        return os.path.join(self.base, name)

    def set(self, **values):
        """GSettings of the program, in GVariant text; before start()."""
        folder = self.path("config/glib-2.0/settings")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "keyfile"), "w") as file:
            file.write("[org/vitrine/Vitrine]\n")
            file.writelines(f"{key.replace('_', '-')}={value}\n" for key, value in values.items())
        self.environment["GSETTINGS_BACKEND"] = "keyfile"

    def use_real_vmm(self):
        """The real monitor with its parts instead of the one that only acts as if."""
        shutil.copy(os.path.join(self.build, "vmm/supervisor/vmm"), self.path("bin/vmm"))
        for name in glob.glob(os.path.join(self.build, "**/vmm-*"), recursive=True):
            if os.access(name, os.X_OK) and os.path.isfile(name):
                shutil.copy(name, self.path("libexec/vitrine"))

    def hide_vmm(self):
        """No monitor beside vitrine, none in PATH, and none where this build was installed."""
        os.unlink(self.path("bin/vmm"))
        folders = [folder for folder in os.environ["PATH"].split(":")
                   if not os.access(os.path.join(folder, "vmm"), os.X_OK)]
        self.environment["PATH"] = ":".join(folders)
        options = json.loads(subprocess.check_output(["meson", "introspect", "--buildoptions", self.build]))
        prefix = next(option["value"] for option in options if option["name"] == "prefix")
        with open(self.path("bin/vitrine"), "r+b") as file:
            program = file.read().replace(prefix.encode() + b"/bin\0", b"/nowhere".ljust(len(prefix) + 4, b"-") + b"\0")
            file.seek(0)
            file.write(program)

    def tiny_guest(self, name="tiny", again=False):
        """A kernel of a few bytes: says HELLO on its serial port, then halts, or says it again and again. Its path."""
        hello = b"".join(b"\xb0" + bytes([letter]) + b"\xee" for letter in b"HELLO\r\n")
        start = b"\x66\xba\xf8\x03" + hello
        wait = b"\xb9" + struct.pack("<I", 100_000) + b"\xff\xc9\x75\xfc"  # mov ecx, n; dec ecx; jnz
        code = start + wait + b"\xe9" + struct.pack("<i", -(len(start) + len(wait) + 5)) if again \
            else start + b"\xfa\xf4\xeb\xfd"
        entry = 0x1000000
        header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 2, 62, 1, entry, 64, 0, 0, 64, 56, 1, 0, 0, 0)
        program = struct.pack("<IIQQQQQQ", 1, 5, 0x1000, entry, entry, len(code), len(code), 0x1000)
        path = self.path(name)
        with open(path, "wb") as file:
            file.write((header + program).ljust(0x1000, b"\0") + code)
        return path

    def define(self, name, title, group="", **members):
        definition = {"kernel": "/nonexistent/vmlinux", "cpus": {"num-cores": 2}, "mem": {"size": 512},
                      "manager": {"title": title, "group": group}}
        definition.update(members)
        with open(self.path(f"config/vitrine/machines/{name}.json"), "w") as file:
            json.dump(definition, file)

    def definitions(self):
        found = {}
        for name in glob.glob(self.path("config/vitrine/machines/*.json")):
            with contextlib.suppress(FileNotFoundError), open(name) as file:  # deleted meanwhile
                found[os.path.basename(name)[:-5]] = json.load(file)
        return found

    # ---------------------------------------------------------------- the program
    def start(self, *arguments, output=None, **environment):
        self.process = subprocess.Popen([self.program, *arguments], stdout=output, stderr=self.errors,
                                        env=dict(self.environment, **environment))
        wait_for("the window", self.frame, self.START_SECONDS)

    def application(self):
        desktop = Atspi.get_desktop(0)
        for index in range(desktop.get_child_count()):
            child = desktop.get_child_at_index(index)
            if child is not None and child.get_process_id() == self.process.pid:
                return child
        return None

    def frame(self):
        application = self.application()
        return application is not None and application.get_child_count() > 0 and application

    def activate(self, action, *parameter):
        bus = Gio.bus_get_sync(Gio.BusType.SESSION)
        values = [GLib.Variant("s", value) for value in parameter]
        path = "/org/vitrine/Vitrine"
        if action.startswith("win."):
            path += "/window/1"
        bus.call_sync("org.vitrine.Vitrine", path, "org.gtk.Actions", "Activate",
                      GLib.Variant("(sava{sv})", (action.split(".", 1)[1], values, {})), None,
                      Gio.DBusCallFlags.NONE, 5000)

    def set_state(self, action, value):
        """The state of an action of the window that has one."""
        bus = Gio.bus_get_sync(Gio.BusType.SESSION)
        bus.call_sync("org.vitrine.Vitrine", "/org/vitrine/Vitrine/window/1", "org.gtk.Actions", "SetState",
                      GLib.Variant("(sva{sv})", (action.split(".", 1)[1], GLib.Variant("s", value), {})), None,
                      Gio.DBusCallFlags.NONE, 5000)

    def close(self):
        """Closes the window as a person does and waits for the end of the program."""
        self.activate("app.quit")
        status = self.process.wait(self.CLOSE_SECONDS)
        if status != 0:
            raise Failure(f"vitrine ended with {status}")
        self.process = None

    # ---------------------------------------------------------------- what a reader would find
    def find(self, name, role=None, showing=True):
        for node in walk(self.application()):
            if node.get_name() == name and (role is None or node.get_role() == role):
                if not showing or is_showing(node):
                    return node
        return None

    def find_start(self, start):
        for node in walk(self.application()):
            if (node.get_name() or "").startswith(start) and is_showing(node):
                return node
        return None

    def see(self, name, role=None, seconds=10):
        return wait_for(f"“{name}”", lambda: self.find(name, role), seconds)

    def see_not(self, name, seconds=10):
        wait_for(f"“{name}” to go", lambda: not self.find(name), seconds)

    def see_row(self, start, seconds=10):
        def look():
            for node in walk(self.application()):
                if (node.get_name() or "").startswith(start) and node.get_role() == Atspi.Role.LIST_ITEM:
                    return node
            return None
        return wait_for(f"a row “{start}…”", look, seconds)

    def create(self, name, title):
        """The last step of a new machine, without starting it; its definition."""
        self.see("Create without starting").do_action(0)
        self.press("Create")
        self.see_row(f"{title}, Off")
        return self.definitions()[name]

    def alert(self, start, seconds=10):
        def look():
            for node in walk(self.application()):
                if node.get_role() == Atspi.Role.ALERT and is_showing(node):
                    name = node.get_name().replace("\u2068", "").replace("\u2069", "")
                    if name.startswith(start):
                        return node
            return None
        return wait_for(f"the message “{start}…”", look, seconds)

    def press(self, name, role=Atspi.Role.PUSH_BUTTON):
        node = self.see(name, role)
        wait_for(f"“{name}” to be usable",
                 lambda: node.has(Atspi.StateType.SENSITIVE))
        if not node.do_action(0):
            raise Failure(f"“{name}” cannot be pressed")

    def focus(self):
        """What a window manager does: the window has the keyboard."""
        found = subprocess.run(["xdotool", "search", "--onlyvisible", "--pid", str(self.process.pid)],
                               capture_output=True, text=True).stdout.split()
        subprocess.run(["xdotool", "windowfocus", "--sync", found[0]], check=True, timeout=60)

    def focus_dialog(self, title):
        """The same for another window of the program."""
        found = wait_for(title, lambda: subprocess.run(["xdotool", "search", "--onlyvisible", "--name", f"^{title}$"],
                                                       capture_output=True, text=True).stdout.split())
        subprocess.run(["xdotool", "windowfocus", "--sync", found[-1]], check=True, timeout=60)

    def unfocus(self):
        """Another program has the keyboard. Without a window manager the window below the pointer would keep it."""
        self.unfocused = True
        subprocess.run(["xdotool", "mousemove", "1359", "899", "windowfocus", "0"], check=True, timeout=60)
        wait_for("the window to lose the keyboard", lambda: not any(
            node.has(Atspi.StateType.ACTIVE) for node in map(Node, self.windows())))

    def windows(self):
        application = self.application()
        return [application.get_child_at_index(index) for index in range(application.get_child_count())]

    def keys(self, *names):
        for name in names:
            subprocess.run(["xdotool", "key", "--clearmodifiers", name], check=True, timeout=60)
            time.sleep(0.3)

    def type(self, text):
        subprocess.run(["xdotool", "type", "--delay", "30", text], check=True, timeout=60)
        time.sleep(0.3)

    def focus_on(self, name, role):
        """Tab until it has the focus."""
        for _ in range(30):
            node = self.see(name, role)
            if any(one.has(Atspi.StateType.FOCUSED) for one in walk(node)):
                return
            self.keys("Tab")
        raise Failure(f"“{name}” cannot be reached with Tab")

    def choose(self, combo, item):
        """An item of a combo box, as its menu would."""
        box = self.see(combo, Atspi.Role.COMBO_BOX)
        names = [node.get_name() for node in walk(box) if node.get_role() == Atspi.Role.MENU_ITEM]
        if not box.select_child(names.index(item)):
            raise Failure(f"“{item}” cannot be chosen")

    def shoot(self, name):
        time.sleep(0.4)
        subprocess.run(["import", "-window", "root", os.path.join(self.shots, name + ".png")],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def colour_of(self, node, x=0.5, y=0.5):
        """What the screen shows there, as (red, green, blue); x and y are shares of the widget's size."""
        box = node.get_extents(Atspi.CoordType.SCREEN)
        at = f"1x1+{box.x + int(box.width * x)}+{box.y + int(box.height * y)}"
        data = subprocess.run(["import", "-window", "root", "-crop", at, "-depth", "8", "rgb:-"], check=True,
                              capture_output=True).stdout
        return tuple(data[:3])

    def pixels_of(self, node):
        """All that the screen shows of it."""
        box = node.get_extents(Atspi.CoordType.SCREEN)
        return subprocess.run(["import", "-window", "root", "-crop", f"{box.width}x{box.height}+{box.x}+{box.y}", "-depth",
                               "8", "rgb:-"], check=True, capture_output=True).stdout

    def running(self):
        """Process ids of the machines that were started here."""
        pids = []
        for name in glob.glob(self.path("run/vitrine/*/pid")):
            try:
                pid = int(open(name).read())
                os.kill(pid, 0)
                state = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0]
                if state != "Z":
                    pids.append(pid)
            except (ProcessLookupError, FileNotFoundError, ValueError):  # a file that is not written yet
                pass
        return pids

    def complaints(self):
        # gtk_notebook_get_tab_label: GTK's own accessible object of a notebook page, asked for its name
        # by who kept it after the page went; nothing of ours calls it. WIDGET_REALIZED_FOR_EVENT: GTK's own
        # file chooser, whose window is gone when the key that chose comes up. notifications: none is there to show
        # them where a test does not look at them.
        self.errors.flush()
        text = open(self.errors.name).read()
        return [line for line in text.splitlines()
                if any(word in line for word in ("-WARNING", "-CRITICAL", "ERROR", "Sanitizer"))
                and "AT-SPI" not in line and "dconf" not in line and "atk-bridge" not in line
                and "unable to send notifications" not in line
                and "gtk_notebook_get_tab_label" not in line and "WIDGET_REALIZED_FOR_EVENT" not in line]

    def end(self):
        if self.unfocused:  # as a screen is at first: the window below the pointer, in the middle, has the keyboard
            subprocess.run(["xdotool", "mousemove", "680", "450", "windowfocus", "1"], timeout=60)
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
        for pid in self.running():
            os.kill(pid, signal.SIGTERM)
        time.sleep(0.3)
        for pid in self.running():
            os.kill(pid, signal.SIGTERM)  # the second one is not for the guest
        wait_for("the machines to end", lambda: not self.running(), 10)
        self.errors.close()
        shutil.rmtree(self.base, ignore_errors=True)
