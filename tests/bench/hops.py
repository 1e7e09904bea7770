# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where the time goes from a key to its pixels: the devices' trace rings (vmm/base/trace-ring.h) between the
moments that the client sees."""
import mmap
import os
import struct

from gi.repository import GLib

MACHINE = "/org/vitrine/Vmm1"
HEAD, RECORD, RECORDS = 64, 64, 16384
KICK, REQUEST, INTERRUPT = 2, 3, 5
KEYBOARD, CARD = "keyboard", "gpu"
# Each ends where the next begins.
HOPS = ("client-to-guest",  # by vmm-display and the keyboard's process, until that tells the guest
        "guest",  # its interrupt, its program that draws, until it has work for the card
        "card",  # until the card takes the last of its commands, the flush
        "card-to-client")  # flushed, told to vmm-display and by it to the client


class Trace:
    """Traces until the machine ends."""

    def __init__(self, machine):
        (processes,), fds = machine.call(MACHINE, "org.vitrine.Vmm1.Tracing", "Start",
                                         GLib.Variant("(u)", (1 << KICK | 1 << REQUEST | 1 << INTERRUPT,)))
        self.rings = {}
        for name, handle in processes:
            fd = fds[handle]
            self.rings[name] = mmap.mmap(fd, HEAD + RECORD * RECORDS, mmap.MAP_SHARED, mmap.PROT_READ)
            os.close(fd)
        self.spans = {hop: [] for hop in HOPS}

    def events(self, name, kind, begin, end):
        """Times of the events of that kind between BEGIN and END, ns."""
        ring = self.rings[name]
        last = struct.unpack_from("<Q", ring)[0]
        times = []
        for number in range(max(0, last - RECORDS), last):
            _, at, event = struct.unpack_from("<3Q", ring, HEAD + number % RECORDS * RECORD)
            if event == kind and begin <= at <= end:
                times.append(at)
        return times

    def take(self, begin, end):
        """A key was pressed at BEGIN, its pixels were told at END: the hops between, where all are known."""
        told = self.events(KEYBOARD, INTERRUPT, begin, end)
        kicks = self.events(CARD, KICK, told[0], end) if told else []
        flushes = self.events(CARD, REQUEST, kicks[0], end) if kicks else []
        if flushes:
            moments = (begin, told[0], kicks[0], flushes[-1], end)
            for hop, one, other in zip(HOPS, moments, moments[1:]):
                self.spans[hop].append((other - one) / 1000)
