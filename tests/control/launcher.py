# SPDX-License-Identifier: LGPL-2.1-or-later
"""A client of `vmm launcher`, in plain GDBus: what RFC-0210's GuestManager would do."""
import os
import select
import signal
import socket
import subprocess
import time

import gi

gi.require_version('Gio', '2.0')
from gi.repository import Gio, GLib  # noqa: E402

from harness import Failed, LIMIT_S, check, wait_for  # noqa: E402

PATH = '/org/vitrine/Vmm1'
GUEST = PATH + '/Guest'


class Refused(Failed):
    """An error of org.vitrine.Vmm1.Error, by its last word."""
    def __init__(self, error):
        remote = Gio.DBusError.get_remote_error(error) or str(error)
        super().__init__(remote.rsplit('.', 1)[-1])
        self.name = remote.rsplit('.', 1)[-1]
        self.text = error.message


def refused(expected, call, *arguments):
    """Call it and expect that error; the sentence that came with it."""
    try:
        call(*arguments)
    except Refused as error:
        check(error.name == expected, f'{error.name} in place of {expected}: {error.text}')
        return error.text
    raise Failed(f'no error in place of {expected}')


def open_files(values, fds):
    """Python values to a{sv}: open files become handles, ints what the key wants."""
    kinds = {'cpus': 'y', 'guest_memory': 't'}
    result = {}
    for key, value in values.items():
        if isinstance(value, GLib.Variant):
            result[key] = value
        elif hasattr(value, 'fileno'):
            result[key] = GLib.Variant('h', fds.append(value.fileno()))
        elif isinstance(value, bool):
            result[key] = GLib.Variant('b', value)
        elif isinstance(value, int):
            result[key] = GLib.Variant(kinds.get(key, 'u'), value)
        elif isinstance(value, str):
            result[key] = GLib.Variant('s', value)
        elif isinstance(value, list) and value and isinstance(value[0], str):
            result[key] = GLib.Variant('as', value)
        elif isinstance(value, list):
            result[key] = GLib.Variant('aa{sv}', [open_files(item, fds) for item in value])
        elif isinstance(value, dict):
            result[key] = GLib.Variant('a{sv}', open_files(value, fds))
        else:
            raise TypeError(key)
    return result


def attach(stream):
    """A D-Bus link on our end of a socket."""
    connection = Gio.Socket.new_from_fd(stream.detach()).connection_factory_create_connection()
    return Gio.DBusConnection.new_sync(connection, None, Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT, None, None)


class Objects:
    def __init__(self, connection):
        self.connection = connection

    def call(self, interface, method, arguments=None, fds=None, path=PATH, seconds=LIMIT_S):
        try:
            result, handles = self.connection.call_with_unix_fd_list_sync(
                None, path, 'org.vitrine.Vmm1.' + interface, method, arguments, None,
                Gio.DBusCallFlags.NONE, int(seconds * 1000), fds, None)
        except GLib.Error as error:
            fds = None  # else the exception keeps the descriptors open
            raise Refused(error) from error
        return result.unpack(), handles

    def close(self):
        if not self.connection.is_closed():
            self.connection.close_sync(None)


class Guest(Objects):
    """A link that was bound, or any link to a machine."""
    def stream(self, method):
        _, fds = self.call('Guest', method, path=GUEST)
        return socket.socket(fileno=fds.get(0))

    def machine(self, method):
        self.call('Machine', method)


class Lifecycle(Objects):
    def __init__(self, path):
        super().__init__(Gio.DBusConnection.new_for_address_sync(
            f'unix:path={path}', Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT, None, None))
        self.ran = None

    def create(self, **values):
        fds = Gio.UnixFDList.new()
        arguments = GLib.Variant('(a{sv})', (open_files(values, fds),))
        self.call('GuestLifecycle', 'Create', arguments, fds)

    def bind(self):
        ours, theirs = socket.socketpair()
        ours.settimeout(10)
        fds = Gio.UnixFDList.new()
        with theirs:
            handle = GLib.Variant('(h)', (fds.append(theirs.fileno()),))
        try:
            self.call('GuestLifecycle', 'Bind', handle, fds)
        except Refused:
            del fds
            check(ours.recv(1) == b'', 'the end that was passed is still open')
            ours.close()
            raise
        del fds
        ours.settimeout(None)
        return Guest(attach(ours))

    def run(self):
        return self.call('GuestLifecycle', 'Run')[0][0]

    def start(self):
        """Run without waiting; finish() gives the answer."""
        self.ran = []
        self.connection.call(None, PATH, 'org.vitrine.Vmm1.GuestLifecycle', 'Run', None, None,
                             Gio.DBusCallFlags.NONE, 2**31 - 1, None, lambda c, r: self.ran.append(r))

    def finish(self, seconds=LIMIT_S):
        context = GLib.MainContext.default()
        end = time.monotonic() + seconds
        while not self.ran:
            check(time.monotonic() < end, 'Run has not replied')
            context.iteration(False) or time.sleep(0.005)
        try:
            return self.connection.call_finish(self.ran[0]).unpack()[0]
        except GLib.Error as error:
            raise Refused(error) from error

    def stop(self, seconds=LIMIT_S):
        self.call('GuestLifecycle', 'Stop', seconds=seconds)

    def state(self):
        return self.call_property('State')

    def call_property(self, name):
        result = self.connection.call_sync(None, PATH, 'org.freedesktop.DBus.Properties', 'Get', GLib.Variant(
            '(ss)', ('org.vitrine.Vmm1.GuestLifecycle', name)), None, Gio.DBusCallFlags.NONE, 10000, None)
        return result.unpack()[0]


class RawClient:
    """A D-Bus client that reads only when it is told to."""
    def __init__(self, path):
        self.stream = socket.socket(socket.AF_UNIX)
        try:
            self.greet(path)
        except BaseException:
            self.close()
            raise

    def greet(self, path):
        self.stream.connect(path)
        self.stream.settimeout(LIMIT_S)
        uid = str(os.geteuid()).encode().hex().encode()
        self.stream.sendall(b'\0AUTH EXTERNAL ' + uid + b'\r\n')
        read_until(self.stream, b'\r\n')
        self.stream.sendall(b'NEGOTIATE_UNIX_FD\r\n')
        read_until(self.stream, b'\r\n')
        self.stream.sendall(b'BEGIN\r\n')

    def send(self, blob, files=()):
        if files:
            socket.send_fds(self.stream, [blob], [file.fileno() for file in files])
        else:
            self.stream.sendall(blob)

    def close(self):
        self.stream.close()


def call_bytes(method, arguments=None, fds=None, path=PATH):
    """A method call as it goes over the socket; `method` with its interface."""
    interface, member = method.rsplit('.', 1)
    call = Gio.DBusMessage.new_method_call(None, path, interface, member)
    if arguments:
        call.set_body(arguments)
    if fds:
        call.set_unix_fd_list(fds)
    call.set_serial(7)
    return bytes(call.to_blob(Gio.DBusCapabilityFlags.UNIX_FD_PASSING))


def flood(client, calls=300000):
    """Call and never read, until it is all sent or the other side hangs up; how many were sent."""
    blob = call_bytes('org.freedesktop.DBus.Peer.Ping') * 100
    client.stream.settimeout(5)
    for sent in range(0, calls, 100):
        try:
            client.send(blob)
        except OSError:  # hung up, or nobody takes any more
            return sent
    return calls


def listens(path):
    """Whether a socket that listens has this name: the file may be older, or not be ready."""
    with open('/proc/net/unix', encoding='utf-8') as sockets:
        return any(line.split()[3] == '00010000' and line.split()[-1] == path for line in list(sockets)[1:])


class Launcher:
    """`vmm launcher --socket`, started by a harness.World."""
    def __init__(self, world, *words, prefix=()):
        self.path = str(world.root / 'launcher.sock')
        self.process = subprocess.Popen([*prefix, world.vmm, 'launcher', '--socket', self.path, *words],
                                        env=world.env(), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                        stdout=subprocess.DEVNULL)
        self.process.stdout = None
        world.started.append(self.process)
        if not wait_for(lambda: listens(self.path) or self.process.poll() is not None, 10):
            raise Failed('the launcher makes no socket')
        check(self.process.poll() is None, 'the launcher has ended')

    def connect(self):
        return Lifecycle(self.path)

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        check(self.process.wait(10) == 0, f'the launcher ended with {self.process.returncode}')


def instances(world):
    """Process numbers of the supervisors, one per connection."""
    found = []
    for pid, name in world.processes():
        if name == 'vmm':
            try:
                words = open(f'/proc/{pid}/cmdline', 'rb').read().split(b'\0')
            except OSError:
                continue
            if b'--connection' in words:
                found.append(pid)
    return found


def tree(pid):
    """{name: pid} of a supervisor's children, itself as "vmm"."""
    result = {'vmm': pid}
    for entry in os.listdir('/proc'):
        try:
            fields = open(f'/proc/{entry}/stat').read().rsplit(')', 1)
            if entry.isdigit() and int(fields[1].split()[1]) == pid and fields[1].split()[0] not in 'ZX':
                name = fields[0].split('(', 1)[1]
                result[name if name not in result else f'{name} {entry}'] = int(entry)
        except (OSError, ValueError, IndexError):
            continue
    return result


def read_until(stream, text, seconds=LIMIT_S):
    """What comes, until `text` is in it."""
    data = b''
    end = time.monotonic() + seconds
    while text not in data:
        left = end - time.monotonic()
        ready, _, _ = select.select([stream], [], [], max(left, 0))
        check(ready, f'{text!r} did not come in: {data[-200:]!r}')
        piece = stream.recv(65536)
        check(piece, f'{text!r} did not come before the end: {data[-200:]!r}')
        data += piece
    return data
