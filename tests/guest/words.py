# SPDX-License-Identifier: LGPL-2.1-or-later
"""Words that say where they stand: a program shows them, the pointer picks one, the clipboard tells which.

What a program answers is read from the host's clipboard, so that this takes no program of ours in the guest.
"""
import re
import subprocess
import time

SHIFT, CONTROL = 1, 4  # as xkb numbers modifiers
FIRST_ROW = 10  # all have two digits
NOTHING = b"nothing"
# For a terminal of the guest. What is pasted then goes to the serial port, up to its end of line.
GUEST_SCRIPT = r"""
cat >words <<'END'
read -r rows columns < <(stty size)
for ((c = 0; c + 8 <= columns; c += 8)); do printf -v line '%srRRc%03d ' "$line" $c; done
printf '\033[H\033[2J'
for ((r = 10; r < rows + 9; r++)); do echo "${line//RR/$r}"; done
echo "WORDS-$1 $rows $columns ." >/run/vitrine/serial
IFS= read -r line
printf '\033[H\033[2J'
echo "PASTED-$1 $line ." >/run/vitrine/serial
END
"""


def text(rows, columns):
    return "".join(" ".join(f"r{row}c{column:03}" for column in range(0, 8 * columns, 8)) + "\n"
                   for row in range(FIRST_ROW, FIRST_ROW + rows)).encode()


def paste(desktop, options):
    """The host's clipboard; b"" where there is none."""
    try:
        return desktop.run("wl-paste", "-n", *options)
    except subprocess.CalledProcessError:
        return b""


def copied(desktop, pattern, limit, options=()):
    """The match of the host's clipboard, once it is all of that; None when the limit is over."""
    end = time.monotonic() + limit
    while True:
        match = re.fullmatch(pattern, paste(desktop, options))
        if match or time.monotonic() > end:
            return match
        time.sleep(0.3)


def offer(desktop, data, options=()):
    """The host's clipboard is that; wl-copy returns before."""
    desktop.run("wl-copy", *options, data=data)
    copied(desktop, re.escape(data), 20, options)


def point(desktop, node, part):
    """Leads the pointer there; part: of the window's width and height."""
    x, y = (int(node["rect"][at] + part[n] * node["rect"][size])
            for n, (at, size) in enumerate((("x", "width"), ("y", "height"))))
    desktop.seat.move(x - 3, y)
    desktop.seat.move(x, y)


def pick(desktop, word, part, copy=None, options=()):
    """(row, column) of what a double click there marks in the window of that name, and `copy` copies; or None."""
    for _ in range(4):
        time.sleep(0.7)  # clicks in a row count on, by some programs' own clocks; else the next try is right
        offer(desktop, NOTHING, options)
        node = desktop.window(word)
        desktop.focus(node)
        point(desktop, node, part)
        desktop.seat.double_click()
        if copy:
            desktop.seat.chord(*copy)
        match = copied(desktop, rb"r\d\dc\d{3}", 15, options)
        if match:
            return whole(match.group())[0]
    return None


def draw(desktop, node, begin, end):
    """The pointer, with its button held, from there to there."""
    point(desktop, node, begin)
    desktop.seat.button(1)
    for step in range(1, 5):
        point(desktop, node, [a + (b - a) * step / 4 for a, b in zip(begin, end)])
    desktop.seat.button(0)


def whole(data):
    """(row, column) of each word in it that is whole."""
    return [(int(row) - FIRST_ROW, int(column)) for row, column in re.findall(rb"r(\d\d)c(\d{3})", data)]
