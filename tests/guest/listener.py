# SPDX-License-Identifier: LGPL-2.1-or-later
"""A Display1 listener that maps the guest's picture (org.qemu.Display1.Listener.Unix.Map), or takes it as a dmabuf.

    listener = Listener(machine)            # a display1.Machine
    listener.wait(lambda seen: seen.updates, 5)
"""
import mmap
import os
import socket
import threading
import time

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

import vm  # noqa: E402
from display1 import DISPLAY1  # noqa: E402

LISTENER = "org.qemu.Display1.Listener"
MAP = LISTENER + ".Unix.Map"
DMABUF = LISTENER + ".Unix.ScanoutDMABUF2"
INTERFACES = Gio.DBusNodeInfo.new_for_xml(f"""
<node>
  <interface name="{LISTENER}">
    <method name="Scanout"><arg type="u"/><arg type="u"/><arg type="u"/><arg type="u"/>
      <arg type="ay"/></method>
    <method name="Update"><arg type="i"/><arg type="i"/><arg type="i"/><arg type="i"/>
      <arg type="u"/><arg type="u"/><arg type="ay"/></method>
    <method name="UpdateDMABUF"><arg type="i"/><arg type="i"/><arg type="i"/><arg type="i"/></method>
    <method name="Disable"/>
    <method name="MouseSet"><arg type="i"/><arg type="i"/><arg type="i"/></method>
    <method name="CursorDefine"><arg type="i"/><arg type="i"/><arg type="i"/><arg type="i"/>
      <arg type="ay"/></method>
    <property name="Interfaces" type="as" access="read"/>
  </interface>
  <interface name="{MAP}">
    <method name="ScanoutMap"><arg type="h"/><arg type="u"/><arg type="u"/><arg type="u"/>
      <arg type="u"/><arg type="u"/></method>
    <method name="UpdateMap"><arg type="i"/><arg type="i"/><arg type="i"/><arg type="i"/></method>
  </interface>
  <interface name="{DMABUF}">
    <method name="ScanoutDMABUF2"><arg type="ah"/><arg type="u"/><arg type="u"/><arg type="u"/><arg type="u"/>
      <arg type="au"/><arg type="au"/><arg type="u"/><arg type="u"/><arg type="u"/><arg type="u"/><arg type="t"/>
      <arg type="b"/></method>
  </interface>
</node>""").interfaces


class Listener:
    """Attributes tell what came: `updates` (x, y, width, height), `size`, `calls` in order,
    `cursor` (width, height, hot_x, hot_y, bytes), `pointers` (x, y, on), `dmabuf` (its descriptor and the
    other arguments of ScanoutDMABUF2, or None where it was not the last). It takes `rest` seconds to have
    one of these on its screen."""

    def __init__(self, machine, console=0, dmabufs=False):
        self.interfaces = [MAP, DMABUF] if dmabufs else [MAP]
        self.dmabuf = None
        self.rest = 0
        self.connection = None
        self.lock = threading.Condition()
        self.updates = []
        self.calls = []
        self.size = None
        self.cursor = None
        self.pointers = []
        self.stride = 0
        self.offset = 0
        self.pixels = None
        ours, theirs = socket.socketpair()
        self.thread = threading.Thread(target=self.serve, args=(ours,), daemon=True)
        self.thread.start()
        with theirs:
            machine.call(f"{DISPLAY1}/Console_{console}", "org.qemu.Display1.Console",
                         "RegisterListener", GLib.Variant("(h)", (0,)), [theirs.fileno()])

    def serve(self, ours):
        context = GLib.MainContext()
        context.push_thread_default()
        stream = Gio.SocketConnection.new_from_fd(ours.detach()) if hasattr(
            Gio.SocketConnection, "new_from_fd") else \
            Gio.Socket.new_from_fd(ours.detach()).connection_factory_create_connection()
        connection = Gio.DBusConnection.new_sync(
            stream, None, Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT |
            Gio.DBusConnectionFlags.DELAY_MESSAGE_PROCESSING, None, None)
        for interface in INTERFACES:
            self.connection = connection
            connection.register_object(f"{DISPLAY1}/Listener", interface, self.called,
                                       self.asked, None)
        connection.start_message_processing()
        while not connection.is_closed():
            context.iteration(True)

    def asked(self, _connection, _sender, _path, _interface, _name):
        return GLib.Variant("as", self.interfaces)

    def called(self, _connection, _sender, _path, _interface, method, arguments, invocation):
        values = arguments.unpack()
        with self.lock:
            self.calls.append(method)
            if method == "ScanoutMap":
                fds = invocation.get_message().get_unix_fd_list().steal_fds()
                self.show(fds[values[0]], *values[1:])
                for fd in fds:
                    os.close(fd)
            elif method == "ScanoutDMABUF2":
                (fd,) = invocation.get_message().get_unix_fd_list().steal_fds()
                self.take_dmabuf((fd, *values[1:]))
            elif method in ("UpdateMap", "UpdateDMABUF"):
                self.updates.append(values)
            elif method == "CursorDefine":
                self.cursor = values[:4] + (bytes(values[4]),)
            elif method == "MouseSet":
                self.pointers.append(values)
            elif method == "Disable":
                self.size = None
            self.lock.notify_all()
        if method == "ScanoutDMABUF2" and self.rest:
            time.sleep(self.rest)
        invocation.return_value(None)

    def show(self, fd, offset, width, height, stride, _format):
        self.take_dmabuf(None)
        whole = mmap.mmap(fd, 0, prot=mmap.PROT_READ)
        self.pixels = memoryview(whole)
        self.offset, self.stride, self.size = offset, stride, (width, height)

    def take_dmabuf(self, dmabuf):
        if self.dmabuf:
            os.close(self.dmabuf[0])
        self.dmabuf = dmabuf
        if dmabuf:
            self.size = dmabuf[3:5]

    def close(self):
        self.connection.close_sync(None)

    def picture(self):
        """The bytes of all rows, as the map shows them now."""
        with self.lock:
            width, height = self.size
            return b"".join(
                bytes(self.pixels[self.offset + y * self.stride:
                                  self.offset + y * self.stride + width * 4])
                for y in range(height))

    def forget(self):
        with self.lock:
            self.updates.clear()
            self.calls.clear()

    def wait(self, condition, seconds):
        """Whether condition(self) became true in time."""
        end = time.monotonic() + max(seconds, vm.PATIENCE)
        with self.lock:
            while not condition(self):
                left = end - time.monotonic()
                if left <= 0:
                    return False
                self.lock.wait(left)
            return True
