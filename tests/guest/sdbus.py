# SPDX-License-Identifier: LGPL-2.1-or-later
"""A Display1 client on sd-bus (libsystemd, called by ctypes), a D-Bus implementation that is neither
GLib's nor ours. It knows the first generation of org.qemu.Display1 only, as of QEMU 7.2: pictures
come as bytes in Scanout and Update.

    bus = Bus(control_socket)
    listener = Listener(bus)
    listener.wait(lambda seen: seen.size, 10)
"""
import ctypes
import os
import socket
import time

CONSOLE = b"/org/qemu/Display1/Console_0"
LISTENER = b"org.qemu.Display1.Listener"
PROPERTIES = b"org.freedesktop.DBus.Properties"


class BusError(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("message", ctypes.c_char_p), ("need_free", ctypes.c_int)]


def library():
    lib = ctypes.CDLL("libsystemd.so.0")
    for name in ("sd_bus_message_get_member", "sd_bus_message_get_interface"):
        getattr(lib, name).restype = ctypes.c_char_p
    return lib


LIB = library()


def good(result, what):
    if result < 0:
        raise OSError(-result, f"{what}: {os.strerror(-result)}")
    return result


class Connection:
    """Not a bus: no Hello, no names."""

    def __init__(self, path=None, fd=None):
        self.bus = ctypes.c_void_p()
        good(LIB.sd_bus_new(ctypes.byref(self.bus)), "sd_bus_new")
        if path:
            good(LIB.sd_bus_set_address(self.bus, f"unix:path={path}".encode()), "address")
        else:
            good(LIB.sd_bus_set_fd(self.bus, fd, fd), "descriptor")
        good(LIB.sd_bus_negotiate_fds(self.bus, 1), "descriptors")
        good(LIB.sd_bus_start(self.bus), "start")


class Bus(Connection):
    def call(self, path, interface, method, types=b"", *values):
        error = BusError()
        reply = ctypes.c_void_p()
        result = LIB.sd_bus_call_method(self.bus, None, path, interface, method, ctypes.byref(error),
                                        ctypes.byref(reply), types, *values)
        if result < 0:
            raise OSError(-result, (error.message or b"").decode())
        LIB.sd_bus_message_unref(reply)

    def number(self, path, interface, name):
        """A property of type u."""
        value = ctypes.c_uint32()
        good(LIB.sd_bus_get_property_trivial(self.bus, None, path, interface, name, None,
                                             ctypes.c_char(b"u"), ctypes.byref(value)), name.decode())
        return value.value

    def press(self, qnum):
        for method in (b"Press", b"Release"):
            self.call(CONSOLE, b"org.qemu.Display1.Keyboard", method, b"u", ctypes.c_uint32(qnum))


class Listener(Connection):
    """`size`, `stride`, `format` and `pixels` of the last Scanout, with every Update put in;
    `calls` are the names of all that came."""

    def __init__(self, bus):
        ours, theirs = socket.socketpair()
        self.calls, self.size, self.pixels = [], None, bytearray()
        super().__init__(fd=ours.detach())
        with theirs:
            bus.call(CONSOLE, b"org.qemu.Display1.Console", b"RegisterListener", b"h",
                     ctypes.c_int(theirs.fileno()))

    def wait(self, condition, seconds):
        end = time.monotonic() + seconds
        while not condition(self):
            if time.monotonic() > end:
                return False
            message = ctypes.c_void_p()
            if good(LIB.sd_bus_process(self.bus, ctypes.byref(message)), "process") == 0:
                good(LIB.sd_bus_wait(self.bus, ctypes.c_uint64(200000)), "wait")
            if message:
                self.take(message)
                LIB.sd_bus_message_unref(message)
        return True

    def take(self, message):
        interface, member = LIB.sd_bus_message_get_interface(message), LIB.sd_bus_message_get_member(message)
        if interface == PROPERTIES and member == b"GetAll":
            good(LIB.sd_bus_reply_method_return(message, b"a{sv}", 1, b"Interfaces", b"as", 0), "reply")
        elif interface == LISTENER:
            self.calls.append(member.decode())
            if member in (b"Scanout", b"Update"):
                getattr(self, member.decode().lower())(message)
            good(LIB.sd_bus_reply_method_return(message, None), "reply")

    @staticmethod
    def read(message, types):
        values = [ctypes.c_uint32() if kind == "u" else ctypes.c_int32() for kind in types]
        good(LIB.sd_bus_message_read(message, types.encode(), *map(ctypes.byref, values)), types)
        data, size = ctypes.c_void_p(), ctypes.c_size_t()
        good(LIB.sd_bus_message_read_array(message, ctypes.c_char(b"y"), ctypes.byref(data),
                                           ctypes.byref(size)), "bytes")
        return [value.value for value in values] + [ctypes.string_at(data, size.value)]

    def scanout(self, message):
        width, height, self.stride, self.format, pixels = self.read(message, "uuuu")
        self.size, self.pixels = (width, height), bytearray(pixels)

    def update(self, message):
        x, y, width, height, stride, _, pixels = self.read(message, "iiiiuu")
        for row in range(height):
            at = (y + row) * self.stride + x * 4
            self.pixels[at:at + width * 4] = pixels[row * stride:row * stride + width * 4]

    def pixel(self, x, y):
        """Blue, green, red."""
        at = y * self.stride + x * 4
        return bytes(self.pixels[at:at + 3])
