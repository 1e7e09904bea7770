/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/keymap/keymap.h"

#include <linux/input-event-codes.h>
#include <string.h>

#include "vmm/base/bytes.h"

/* Up to here evdev numbers are the scan codes of the 83-key keyboard. */
enum {
    LAST_SAME = KEY_KPDOT,
    KEY_COUNT = 0x100,
    SYSRQ_EXTENDED = 0xb7, /* Print screen without Alt; also KEY_SYSRQ */
};

static const uint8_t qnum_table[KEY_COUNT] = {
    [KEY_102ND] = 0x56,      [KEY_F11] = 0x57,
    [KEY_F12] = 0x58,        [KEY_RO] = 0x73,
    [KEY_KATAKANA] = 0x78,   [KEY_HIRAGANA] = 0x77,
    [KEY_HENKAN] = 0x79,     [KEY_KATAKANAHIRAGANA] = 0x70,
    [KEY_MUHENKAN] = 0x7b,   [KEY_ZENKAKUHANKAKU] = 0x76,
    [KEY_KPENTER] = 0x9c,    [KEY_RIGHTCTRL] = 0x9d,
    [KEY_KPSLASH] = 0xb5,    [KEY_SYSRQ] = 0x54,
    [KEY_RIGHTALT] = 0xb8,   [KEY_HOME] = 0xc7,
    [KEY_UP] = 0xc8,         [KEY_PAGEUP] = 0xc9,
    [KEY_LEFT] = 0xcb,       [KEY_RIGHT] = 0xcd,
    [KEY_END] = 0xcf,        [KEY_DOWN] = 0xd0,
    [KEY_PAGEDOWN] = 0xd1,   [KEY_INSERT] = 0xd2,
    [KEY_DELETE] = 0xd3,     [KEY_MUTE] = 0xa0,
    [KEY_VOLUMEDOWN] = 0xae, [KEY_VOLUMEUP] = 0xb0,
    [KEY_POWER] = 0xde,      [KEY_KPEQUAL] = 0x59,
    [KEY_PAUSE] = 0xc6,      [KEY_KPCOMMA] = 0x7e,
    [KEY_HANGEUL] = 0x72,    [KEY_HANJA] = 0x71,
    [KEY_YEN] = 0x7d,        [KEY_LEFTMETA] = 0xdb,
    [KEY_RIGHTMETA] = 0xdc,  [KEY_COMPOSE] = 0xdd,
    [KEY_STOP] = 0xe8,       [KEY_CALC] = 0xa1,
    [KEY_SLEEP] = 0xdf,      [KEY_WAKEUP] = 0xe3,
    [KEY_MAIL] = 0xec,       [KEY_BOOKMARKS] = 0xe6,
    [KEY_COMPUTER] = 0xeb,   [KEY_BACK] = 0xea,
    [KEY_FORWARD] = 0xe9,    [KEY_NEXTSONG] = 0x99,
    [KEY_PLAYPAUSE] = 0xa2,  [KEY_PREVIOUSSONG] = 0x90,
    [KEY_STOPCD] = 0xa4,     [KEY_HOMEPAGE] = 0xb2,
    [KEY_REFRESH] = 0xe7,    [KEY_F13] = 0x5d,
    [KEY_F14] = 0x5e,        [KEY_F15] = 0x5f,
    [KEY_F16] = 0x55,        [KEY_F17] = 0x83,
    [KEY_F18] = 0xf7,        [KEY_F19] = 0x84,
    [KEY_F20] = 0x5a,        [KEY_F21] = 0x74,
    [KEY_F22] = 0xf9,        [KEY_F23] = 0x6d,
    [KEY_F24] = 0x6f,        [KEY_SEARCH] = 0xe5,
    [KEY_MEDIA] = 0xed,
};

uint32_t
keymap_qnum_from_evdev(uint32_t code)
{
    if (code <= LAST_SAME) {
        return code;
    }
    return code < KEY_COUNT ? qnum_table[code] : 0;
}

uint32_t
keymap_evdev_from_qnum(uint32_t qnum)
{
    if (qnum <= LAST_SAME) {
        return qnum;
    }
    if (qnum == SYSRQ_EXTENDED) {
        return KEY_SYSRQ;
    }
    for (uint32_t code = LAST_SAME + 1; code < KEY_COUNT; code++) {
        if (qnum_table[code] == qnum) {
            return code;
        }
    }
    return 0;
}

uint32_t
keymap_evdev_from_x11(uint32_t keycode)
{
    if (keycode <= KEYMAP_X11_OFFSET || keycode > KEY_MAX) {
        return 0;
    }
    return keycode - KEYMAP_X11_OFFSET;
}

/* The rows of the keyboard, in the order of their evdev numbers. */
static const struct {
    uint16_t first;
    const char *plain;
    const char *shifted;
} rows[] = {
    {KEY_1, "1234567890-=", "!@#$%^&*()_+"},
    {KEY_Q, "qwertyuiop[]", "QWERTYUIOP{}"},
    {KEY_A, "asdfghjkl;'`", "ASDFGHJKL:\"~"},
    {KEY_BACKSLASH, "\\zxcvbnm,./", "|ZXCVBNM<>?"},
    {KEY_SPACE, " ", ""},
    {KEY_ENTER, "\n", ""},
    {KEY_TAB, "\t", ""},
};

bool
keymap_stroke_for(uint32_t character, struct keymap_stroke *ret_stroke)
{
    if (character == 0 || character > 0x7f) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *plain = strchr(rows[i].plain, (int)character);
        const char *shifted = strchr(rows[i].shifted, (int)character);

        if (plain) {
            ret_stroke->code = (uint16_t)(rows[i].first + (plain - rows[i].plain));
            ret_stroke->shift = false;
            return true;
        }
        if (shifted) {
            ret_stroke->code = (uint16_t)(rows[i].first + (shifted - rows[i].shifted));
            ret_stroke->shift = true;
            return true;
        }
    }
    return false;
}
