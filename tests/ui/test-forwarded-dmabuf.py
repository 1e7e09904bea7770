#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A guest's dmabufs on the test compositor, by the guest's proxy and the device's own code.

usage: test-forwarded-dmabuf.py PROGRAM CLIENT

Real ones where this kernel makes them of memory files (/dev/udmabuf), as the guest's memory and as the
host's; memory files stand in elsewhere."""
import os
import subprocess
import sys
import threading

from programs import Compositor, run, wait_for

PROGRAM, CLIENT = sys.argv[1:]
REAL = os.path.exists("/dev/udmabuf")
BLUE = (0, 0, 255)


class Drawing:
    """dmabuf-client.c and what it said."""

    def __init__(self, compositor, how):
        self.lines = []
        self.process = subprocess.Popen([CLIENT, how], env=compositor.environment, stdout=subprocess.PIPE, text=True)
        compositor.clients.append(self.process)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def said(self, line):
        wait_for(f"“{line}” in {self.lines}", lambda: line in self.lines)


def show(option, how, formats):
    os.environ["BRIDGE_DMABUFS"] = "udmabuf" if REAL else "stand-in"
    compositor = Compositor(PROGRAM, option)
    try:
        client = Drawing(compositor, how)
        client.said("drawn 2")
        assert f"formats {formats}" in client.lines, client.lines
        assert ("device 226:128" in client.lines) == (option == "dmabuf=4"), "the guest's own device"
        assert f"memory {'udmabuf' if REAL else 'file'}" in client.lines, client.lines
        assert compositor.say("dmabufs") == ["1 1"], "it came as a dmabuf"
        window = compositor.windows()[0]
        assert (window.width, window.height) == (60, 40)
        shown = compositor.picture("pixels", window.id)
        for y in range(40):
            for x in range(60):
                assert shown.pixel(x, y) == (BLUE if (x, y) == (5, 6) else (x, y, 0)), (x, y, shown.pixel(x, y))
        assert window.pixels_taken == 60 * 40 + 1, window
        client.process.kill()
        wait_for("the buffer's end", lambda: compositor.say("dmabufs") == ["1 0"])
    finally:
        assert compositor.end() == 0


def test_feedback():
    """a dmabuf of the guest's, with feedback, is one of the host's: each pixel, then the one that changed"""
    show("dmabuf=4", "asked", 8)


def test_modifiers():
    """the same with version 3 of the protocol, without waiting for an answer"""
    show("dmabuf=3", "immediate", 1)


def test_refused():
    """a compositor that does not want it"""
    os.environ["BRIDGE_DMABUFS"] = "udmabuf" if REAL else "stand-in"
    compositor = Compositor(PROGRAM, "dmabuf=refused")
    try:
        Drawing(compositor, "asked").said("refused")
        assert compositor.say("dmabufs") == ["1 0"]
    finally:
        assert compositor.end() == 0


def test_none():
    """no dmabufs for clients where the host makes none, or the compositor takes none"""
    for option, dmabufs in (("dmabuf=4", "none"), ("hold", "stand-in")):
        os.environ["BRIDGE_DMABUFS"] = dmabufs
        compositor = Compositor(PROGRAM, option)
        try:
            Drawing(compositor, "asked").said("none")
        finally:
            assert compositor.end() == 0


run((test_feedback, test_modifiers, test_refused, test_none))
