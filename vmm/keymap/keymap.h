/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Key numbers. "qnum" is the number that org.qemu.Display1.Keyboard carries: the scan code of the XT
 * keyboard (set 1), with 0x80 added where the keyboard sends the prefix 0xe0. "evdev" is KEY_xxx of
 * linux/input-event-codes.h, which virtio-input carries. X11 and GDK count evdev numbers from 8.
 */

#include <stdbool.h>
#include <stdint.h>

enum {
    KEYMAP_X11_OFFSET = 8, /* GDK hardware key code - this = evdev, on X11 and on Wayland */
};

/* evdev -> qnum and back; 0 when there is no such key. */
uint32_t keymap_qnum_from_evdev(uint32_t code);
uint32_t keymap_evdev_from_qnum(uint32_t qnum);

/* evdev number of a GDK or X11 hardware key code; 0 when there is none. */
uint32_t keymap_evdev_from_x11(uint32_t keycode);

/* What to press for one character on a US keyboard. */
struct keymap_stroke {
    uint16_t code; /* evdev */
    bool shift;
};

/* True when the layout has `character` (Unicode; includes line feed and tab). */
bool keymap_stroke_for(uint32_t character, struct keymap_stroke *ret_stroke);
