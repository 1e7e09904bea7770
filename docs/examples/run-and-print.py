#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Starts a machine and prints its console until it ends: run-and-print.py NAME DEFINITION.json"""
import os, sys, gi
gi.require_version('Vitrine', '1')
from gi.repository import GLib, Vitrine


def show(fd, _condition):
    return os.write(sys.stdout.fileno(), os.read(fd, 65536)) > 0


def opened(port, result):
    GLib.unix_fd_add_full(GLib.PRIORITY_DEFAULT, port.open_finish(result), GLib.IOCondition.IN, show)


def state_changed(connection, _property):
    if connection.get_state() == Vitrine.ConnectionState.READY:
        connection.get_chardevs().get_item(0).open_async(None, opened)


loop = GLib.MainLoop()
name, definition = sys.argv[1:]
run = Vitrine.Run.start(name, os.path.abspath(definition))
run.connect('ended', lambda run, status: GLib.idle_add(loop.quit))
connection = Vitrine.Connection.new(Vitrine.machines_dup_socket_path(name))
connection.connect('notify::state', state_changed)
connection.open()
loop.run()
print(Vitrine.Run.last_messages(name, 1) or '', end='', file=sys.stderr)
