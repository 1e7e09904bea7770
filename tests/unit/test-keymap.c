/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/input-event-codes.h>

#include "tests/unit/tap.h"
#include "vmm/keymap/keymap.h"

TAP_TEST(known_keys)
{
    check_int(keymap_qnum_from_evdev(KEY_A), 0x1e);
    check_int(keymap_qnum_from_evdev(KEY_RIGHTCTRL), 0x9d);
    check_int(keymap_qnum_from_evdev(KEY_UP), 0xc8);
    check_int(keymap_qnum_from_evdev(KEY_LEFTMETA), 0xdb);
    check_int(keymap_qnum_from_evdev(KEY_F12), 0x58);
    check_int(keymap_evdev_from_qnum(0xb7), KEY_SYSRQ);
    check_int(keymap_evdev_from_qnum(0x54), KEY_SYSRQ);
}

TAP_TEST(both_ways_agree)
{
    int mapped = 0;

    for (uint32_t code = 1; code < 0x300; code++) {
        uint32_t qnum = keymap_qnum_from_evdev(code);
        if (qnum != 0) {
            check_int(keymap_evdev_from_qnum(qnum), code);
            check(qnum < 0x100);
            mapped++;
        }
    }
    check(mapped > 140);
}

TAP_TEST(unknown_numbers)
{
    check_int(keymap_qnum_from_evdev(0), 0);
    check_int(keymap_qnum_from_evdev(UINT32_MAX), 0);
    check_int(keymap_evdev_from_qnum(0), 0);
    check_int(keymap_evdev_from_qnum(0xff), 0);
    check_int(keymap_evdev_from_qnum(UINT32_MAX), 0);
}

TAP_TEST(x11_numbers)
{
    check_int(keymap_evdev_from_x11(38), KEY_A);
    check_int(keymap_evdev_from_x11(8), 0);
    check_int(keymap_evdev_from_x11(0), 0);
    check_int(keymap_evdev_from_x11(UINT32_MAX), 0);
}

TAP_TEST(strokes)
{
    struct keymap_stroke stroke;

    check(keymap_stroke_for('a', &stroke));
    check(stroke.code == KEY_A && !stroke.shift);
    check(keymap_stroke_for('Z', &stroke));
    check(stroke.code == KEY_Z && stroke.shift);
    check(keymap_stroke_for('|', &stroke));
    check(stroke.code == KEY_BACKSLASH && stroke.shift);
    check(keymap_stroke_for('/', &stroke));
    check(stroke.code == KEY_SLASH && !stroke.shift);
    check(keymap_stroke_for('~', &stroke));
    check(stroke.code == KEY_GRAVE && stroke.shift);
    check(keymap_stroke_for('0', &stroke));
    check(stroke.code == KEY_0 && !stroke.shift);
    check(keymap_stroke_for('\n', &stroke));
    check(stroke.code == KEY_ENTER);
    check(!keymap_stroke_for(0, &stroke));
    check(!keymap_stroke_for(0xe4, &stroke));
    check(!keymap_stroke_for(7, &stroke));
    for (uint32_t character = 0x20; character < 0x7f; character++) {
        check(keymap_stroke_for(character, &stroke));
    }
}

TAP_MAIN(TAP_CASE(known_keys), TAP_CASE(both_ways_agree), TAP_CASE(unknown_numbers),
         TAP_CASE(x11_numbers), TAP_CASE(strokes))
