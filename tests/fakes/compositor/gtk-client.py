#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A GTK 3 program for test-compositor.py: says on stdout what reached it.

The environment: CLIENT_TITLE; CLIENT_CARGO, how often what is dragged has its word; CLIENT_MOVES: it is
moved; CLIENT_TAKES: the kind that can be dropped, instead of text."""
import hashlib
import os

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("Gdk", "3.0")
from gi.repository import Gdk, Gtk  # noqa: E402


def say(*words):
    print(*words, flush=True)


def on_drag_received(_widget, _context, _x, _y, data, _info, _time):
    text = data.get_text()
    say("dropped", text if len(text) < 100 else f"{len(text)} {hashlib.md5(text.encode()).hexdigest()}")


def on_key(_widget, event):
    if event.keyval == Gdk.KEY_F2:
        Gtk.Clipboard.get(Gdk.SELECTION_CLIPBOARD).request_text(lambda _board, text: say("pasted", text))
    elif event.keyval == Gdk.KEY_F3:
        Gtk.Clipboard.get(Gdk.SELECTION_CLIPBOARD).set_text("from GTK", -1)
        say("copied")
    elif event.keyval == Gdk.KEY_F7:
        Gtk.Clipboard.get(Gdk.SELECTION_CLIPBOARD).set_text("0123456789" * 30000, -1)
        say("copied much")
    elif event.keyval == Gdk.KEY_F4:
        popover.popup()
    elif event.keyval == Gdk.KEY_F5:
        menu.popup_at_widget(button, Gdk.Gravity.SOUTH_WEST, Gdk.Gravity.NORTH_WEST, event)
    elif event.keyval == Gdk.KEY_F6:
        for widget in (source, target, button):
            say("place", widget.get_name(), *widget.translate_coordinates(
                window, widget.get_allocated_width() // 2, widget.get_allocated_height() // 2))
    return False


window = Gtk.Window(title=os.environ.get("CLIENT_TITLE", "A GTK program"))
window.set_default_size(400, 300)
box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL)
entry = Gtk.Entry()
button = Gtk.Button(label="Press")
source = Gtk.EventBox()
source.add(Gtk.Label(label="Drag this"))
target = Gtk.EventBox()
target.add(Gtk.Label(label="to here"))
for child, grow in ((entry, False), (button, False), (source, True), (target, True)):
    box.pack_start(child, grow, grow, 0)
window.add(box)

cargo = "cargo" * int(os.environ.get("CLIENT_CARGO", "1"))
action = Gdk.DragAction.MOVE if os.environ.get("CLIENT_MOVES") else Gdk.DragAction.COPY
source.drag_source_set(Gdk.ModifierType.BUTTON1_MASK, [], action)
source.drag_source_add_text_targets()
source.connect("drag-data-get", lambda _widget, _context, data, _info, _time: data.set_text(cargo, -1))
source.connect("drag-data-delete", lambda _widget, _context: say("deleted"))
source.connect("drag-begin", lambda _widget, _context: say("begins"))
source.connect("drag-failed", lambda _widget, _context, _result: say("failed"))
source.connect("drag-end", lambda _widget, _context: say("ends"))
target.drag_dest_set(Gtk.DestDefaults.ALL, [], action)
if os.environ.get("CLIENT_TAKES"):
    target.drag_dest_set_target_list(None)
    target.drag_dest_set(Gtk.DestDefaults.ALL, [Gtk.TargetEntry.new(os.environ["CLIENT_TAKES"], 0, 0)], action)
else:
    target.drag_dest_add_text_targets()
target.connect("drag-leave", lambda _widget, _context, _time: say("left"))
target.connect("drag-data-received", on_drag_received)

popover = Gtk.Popover(relative_to=button)
popover.add(Gtk.Label(label="A popover", visible=True))
popover.set_modal(False)
menu = Gtk.Menu()
item = Gtk.MenuItem(label="A menu", visible=True)
item.connect("activate", lambda _item: say("chosen"))
menu.append(item)

entry.connect("changed", lambda widget: say("typed", widget.get_text()))
button.connect("clicked", lambda _widget: say("clicked"))
box.connect("size-allocate", lambda _widget, area: say("size", area.width, area.height))
window.connect("key-press-event", on_key)
window.connect("scroll-event", lambda _widget, event: say("scrolled"))
window.add_events(Gdk.EventMask.SCROLL_MASK)
window.connect("destroy", Gtk.main_quit)
source.set_name("source")
target.set_name("target")
button.set_name("button")
window.show_all()
entry.grab_focus()
Gtk.main()
say("closed")
