#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tables of Wayland interfaces from their XML descriptions.

usage: generate.py HEADER SOURCE APART XML...

HEADER declares `extern const struct wire_interface wire_NAME` for each interface and its opcodes as
WIRE_NAME_REQUEST and WIRE_NAME_EVENT_EVENT; SOURCE defines them and the table of all,
without those of the file APART: they are for connections that are told of them.
"""
import sys
import xml.etree.ElementTree as tree

TYPES = {"int": "i", "uint": "u", "fixed": "f", "string": "s", "object": "o", "new_id": "n",
         "array": "a", "fd": "h"}


class Message:
    def __init__(self, element):
        self.name = element.get("name")
        self.since = int(element.get("since", "1"))
        self.destructor = element.get("type") == "destructor"
        self.arguments = []
        for child in element.findall("arg"):
            kind = TYPES[child.get("type")]
            interface = child.get("interface")
            if kind == "n" and interface is None:  # wl_registry.bind: the client says which
                self.arguments += [("s", False, None), ("u", False, None)]
            self.arguments.append((kind, child.get("allow-null") == "true", interface))


class Interface:
    def __init__(self, element):
        self.name = element.get("name")
        self.version = int(element.get("version"))
        self.requests = [Message(child) for child in element.findall("request")]
        self.events = [Message(child) for child in element.findall("event")]


def read(paths):
    interfaces = []
    for path in paths:
        interfaces += [Interface(element) for element in tree.parse(path).findall("interface")]
    return sorted(interfaces, key=lambda interface: interface.name)


def write_header(file, interfaces):
    print("/* Made by vmm/wayland-wire/generate.py. */\n#pragma once\n", file=file)
    print('#include "vmm/wayland-wire/wire.h"\n', file=file)
    for interface in interfaces:
        upper = f"WIRE_{interface.name.upper()}"
        names = [f"{upper}_{message.name.upper()}" for message in interface.requests]
        events = [f"{upper}_EVENT_{message.name.upper()}" for message in interface.events]
        for group in (names, events):
            if group:
                lines = "".join(f"    {name} = {number},\n" for number, name in enumerate(group))
                print(f"enum {{\n{lines}}};", file=file)
        print(f"extern const struct wire_interface wire_{interface.name};\n", file=file)


def write_messages(file, interface, kind, messages, known):
    for number, message in enumerate(messages):
        if not message.arguments:
            continue
        print(f"static const struct wire_argument {interface.name}_{kind}_{number}[] = {{", file=file)
        for letter, nullable, other in message.arguments:
            # The protocol of an object may be one that is not in the set: any object will do then.
            pointer = f"&wire_{other}" if other in known else "NULL"
            print(f"    {{'{letter}', {int(nullable)}, {pointer}}},", file=file)
        print("};", file=file)
    if not messages:
        return
    print(f"static const struct wire_message {interface.name}_{kind}s[] = {{", file=file)
    for number, message in enumerate(messages):
        arguments = f"{interface.name}_{kind}_{number}" if message.arguments else "NULL"
        fds = sum(letter == "h" for letter, _, _ in message.arguments)
        print(f'    {{"{message.name}", {message.since}, {int(message.destructor)}, '
              f"{len(message.arguments)}, {fds}, {arguments}}},", file=file)
    print("};", file=file)


def check(interfaces, known):
    """Messages that make objects of an unknown interface cannot be read."""
    for interface in interfaces:
        for message in interface.requests + interface.events:
            for letter, _, other in message.arguments:
                if letter == "n" and other is not None and other not in known:
                    sys.exit(f"{interface.name}.{message.name} makes a {other}, which no file has")


def write_source(file, interfaces, apart):
    known = {interface.name for interface in interfaces}
    check(interfaces, known)
    print('/* Made by vmm/wayland-wire/generate.py. */\n#include "wayland-wire-protocols.h"\n', file=file)
    for interface in interfaces:
        write_messages(file, interface, "request", interface.requests, known)
        write_messages(file, interface, "event", interface.events, known)
        requests = f"{interface.name}_requests" if interface.requests else "NULL"
        events = f"{interface.name}_events" if interface.events else "NULL"
        print(f"const struct wire_interface wire_{interface.name} = {{\n"
              f'    "{interface.name}", {interface.version}, {len(interface.requests)}, '
              f"{len(interface.events)}, {requests}, {events},\n}};\n", file=file)
    print("const struct wire_interface *const wire_interfaces[] = {", file=file)
    for interface in interfaces:
        if interface.name not in apart:
            print(f"    &wire_{interface.name},", file=file)
    print("};\nconst size_t wire_n_interfaces = sizeof(wire_interfaces) / sizeof(wire_interfaces[0]);",
          file=file)


def main(header, source, apart, *paths):
    interfaces = read([apart, *paths])
    with open(header, "w", encoding="utf-8") as file:
        write_header(file, interfaces)
    with open(source, "w", encoding="utf-8") as file:
        write_source(file, interfaces, [interface.name for interface in read([apart])])


if __name__ == "__main__":
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
