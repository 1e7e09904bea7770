# SPDX-License-Identifier: LGPL-2.1-or-later
"""A client of gdb's remote protocol that says exactly what it is told to say."""
import os
import socket
import struct


class Hangup(Exception):
    pass


def frame(data):
    return b'$' + data + b'#%02x' % (sum(data) & 0xff)


class Client:
    def __init__(self, address, seconds=20):
        """`address` as --gdb has it."""
        if address.startswith('unix:'):
            self.stream = socket.socket(socket.AF_UNIX)
            target = os.path.realpath(address[5:])
        else:
            self.stream = socket.socket(socket.AF_INET)
            target = ('127.0.0.1', int(address))
        self.stream.settimeout(seconds)
        self.stream.connect(target)
        self.data = b''

    def byte(self):
        if not self.data:
            self.data = self.stream.recv(65536)
            if not self.data:
                raise Hangup('hung up on')
        first, self.data = self.data[:1], self.data[1:]
        return first

    def receive(self):
        """The next packet's data; acknowledged."""
        while self.byte() != b'$':
            pass
        data = b''
        while True:
            one = self.byte()
            if one == b'#':
                break
            data += one
        told = int(self.byte() + self.byte(), 16)
        assert told == sum(data) & 0xff, 'a wrong sum'
        try:
            self.stream.sendall(b'+')
        except OSError:  # it was the last one
            pass
        return data.decode('latin-1')

    def send(self, text):
        self.stream.sendall(frame(text.encode('latin-1')))

    def ask(self, text):
        self.send(text)
        return self.receive()

    def interrupt(self):
        self.stream.sendall(b'\3')

    def memory(self, address, length):
        answer = self.ask(f'm{address:x},{length:x}')
        return None if answer.startswith('E') else bytes.fromhex(answer)

    def register(self, number):
        return struct.unpack('<Q', bytes.fromhex(self.ask(f'p{number:x}')))[0]

    def close(self):
        self.stream.close()


RIP = 16
