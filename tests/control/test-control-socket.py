# SPDX-License-Identifier: LGPL-2.1-or-later
"""The control socket of a running machine under strangers: garbage, half messages, 1000 connections,
and a client that calls 300,000 times and never reads."""
import os
import pathlib
import re
import resource
import socket
import sys
import threading
import time

import harness
from harness import check, wait_for
from launcher import Gio, Guest, RawClient, call_bytes, flood

GROWTH_MAX_KIB = 1 << 20 if harness.SANITIZED else 4096


def memory(pid):
    """Private memory in KiB."""
    try:
        found = re.search(r'RssAnon:\s+(\d+)', pathlib.Path(f'/proc/{pid}/status').read_text())
    except OSError:
        found = None
    return int(found.group(1)) if found else 0


def connect(path):
    return Guest(Gio.DBusConnection.new_for_address_sync(
        f'unix:path={path}', Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT, None, None))


class Watched:
    """A machine, its control socket, and how far its display process grows."""
    def __init__(self, world):
        self.machine = world.started_guest('c', str(world.files / 'halt'))
        self.path = str(world.root / 'run/vitrine/c/control')
        self.display = wait_for(lambda: world.children('c'), 5)['display']
        client = connect(self.path)  # what the first client costs is not growth
        client.machine('Ping')
        client.close()
        self.before = self.most = memory(self.display)
        self.ends = threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def watch(self):
        while not self.ends.wait(0.01):
            self.most = max(self.most, memory(self.display))

    def finish(self):
        """Another client stops the machine at once; the process is the same and has not grown."""
        client = wait_for(self.try_connect, 10)
        start = time.monotonic()
        client.machine('Stop')
        took = time.monotonic() - start
        self.ends.set()
        self.thread.join()
        self.machine.communicate(timeout=harness.LIMIT_S)
        check(took < harness.PATIENCE, f'Stop took {took:.1f} s')
        check(self.machine.returncode == 0, f'status {self.machine.returncode}')
        print(f'# grew by {self.most - self.before} KiB, Stop took {took * 1000:.0f} ms')
        check(self.most - self.before < GROWTH_MAX_KIB, f'grew by {self.most - self.before} KiB')

    def try_connect(self):
        try:
            return connect(self.path)
        except Exception:  # all places are taken just now
            return None


def garbage(world):
    watched = Watched(world)
    for _ in range(200):
        with socket.socket(socket.AF_UNIX) as stream:
            stream.connect(watched.path)
            try:
                stream.sendall(os.urandom(8192))
            except OSError:
                pass
    for _ in range(50):  # garbage after a good beginning
        try:
            client = RawClient(watched.path)
            client.send(os.urandom(8192))
            client.close()
        except (OSError, harness.Failed):  # refused: the last ones are not gone yet
            pass
    check(world.children('c')['display'] == watched.display, 'the display server crashed')
    watched.finish()


def greeted(path, words):
    stream = socket.socket(socket.AF_UNIX)
    stream.settimeout(harness.LIMIT_S)
    stream.connect(path)
    stream.sendall(b'\0' + words)
    return stream


def dialects(world):
    """How clients on GLib, libdbus, sd-bus and others say who they are; and a lie."""
    watched = Watched(world)
    own, other = (str(uid).encode().hex().encode() for uid in (os.geteuid(), os.geteuid() + 1))
    ends, good = b'NEGOTIATE_UNIX_FD\r\nBEGIN\r\n', rb'(DATA\r\n)?OK \w{32}\r\nAGREE_UNIX_FD\r\n'
    for words in (b'AUTH EXTERNAL ' + own, b'AUTH EXTERNAL\r\nDATA', b'AUTH EXTERNAL\r\nDATA ' + own):
        with greeted(watched.path, words + b'\r\n' + ends) as stream:
            got = b''
            while not re.fullmatch(good, got):
                more = stream.recv(4096)
                check(more, f'{words!r}: {got!r} and no more')
                got += more
            check(got.startswith(b'DATA') == (b'DATA' in words), f'{words!r}: {got!r}')
            stream.sendall(call_bytes('org.vitrine.Vmm1.Machine.Ping'))
            check(stream.recv(4096), f'{words!r}: no answer to a call')
    for words in (b'AUTH EXTERNAL ' + other, b'AUTH EXTERNAL\r\nDATA ' + other, b'AUTH EXTERNAL\r\nCANCEL'):
        with greeted(watched.path, words + b'\r\n') as stream:
            got = b''
            try:  # closed with words unread it is reset
                stream.shutdown(socket.SHUT_WR)
                while more := stream.recv(4096):
                    got += more
            except (ConnectionResetError, BrokenPipeError):
                pass
            check(b'OK' not in got, f'{words!r}: {got!r}')
    watched.finish()


def patient_client(path):
    """A client that has a place: those that hung up just now keep theirs until the server has seen it."""
    end = time.monotonic() + harness.LIMIT_S
    while True:
        try:
            return RawClient(path)
        except (OSError, harness.Failed):
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


def half_messages(world):
    watched = Watched(world)
    whole = call_bytes('org.vitrine.Vmm1.Machine.Ping')
    held = []
    for length in range(0, len(whole), 3):
        client = patient_client(watched.path)
        client.send(whole[:length])
        held.append(client)
        if len(held) > 10:
            held.pop(0).close()
    for client in held:
        client.close()
    watched.finish()


def thousand_connections(world):
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    watched = Watched(world)
    held = []
    for _ in range(1000):
        stream = socket.socket(socket.AF_UNIX)
        stream.connect(watched.path)
        held.append(stream)
    for stream in held:
        stream.close()
    watched.finish()


def never_reads(world):
    """The other client is there from the beginning; it is answered in the middle of it."""
    watched = Watched(world)
    polite = connect(watched.path)
    slowest = [0]
    sent = [0]

    def rude():
        while sent[0] < 300000:
            try:
                client = RawClient(watched.path)
                sent[0] += flood(client, 300000 - sent[0]) + 1
                client.close()
            except Exception:
                sent[0] += 1

    thread = threading.Thread(target=rude, daemon=True)
    thread.start()
    end = time.monotonic() + 15
    while thread.is_alive() and time.monotonic() < end:
        start = time.monotonic()
        polite.machine('Ping')
        slowest[0] = max(slowest[0], time.monotonic() - start)
    print(f'# {sent[0]} calls, the slowest answer took {slowest[0] * 1000:.0f} ms')
    check(slowest[0] < harness.PATIENCE, f'an answer took {slowest[0]:.1f} s')
    start = time.monotonic()
    polite.machine('Stop')
    took = time.monotonic() - start
    sent[0] = 300000
    watched.ends.set()
    watched.thread.join()
    watched.machine.communicate(timeout=harness.LIMIT_S)
    thread.join()
    check(took < harness.PATIENCE, f'Stop took {took:.1f} s')
    print(f'# grew by {watched.most - watched.before} KiB')
    check(watched.most - watched.before < GROWTH_MAX_KIB, f'grew by {watched.most - watched.before} KiB')


CASES = [garbage, dialects, half_messages, thousand_connections, never_reads]

if __name__ == '__main__':
    harness.main(CASES, [pathlib.Path(p) for p in sys.argv[1:]])
