/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Combinations of keys by name: vm_console_send_keys(). */

#include <linux/input-event-codes.h>
#include <string.h>

#include "vmm/client/vm-console.h"

enum {
    COMBINATION_MAX = 8
};

static const struct {
    const char *name;
    guint code;
} names[] = {
    {"CTRL", KEY_LEFTCTRL},
    {"ALT", KEY_LEFTALT},
    {"SHIFT", KEY_LEFTSHIFT},
    {"SUPER", KEY_LEFTMETA},
    {"LEFTCTRL", KEY_LEFTCTRL},
    {"LEFTALT", KEY_LEFTALT},
    {"LEFTSHIFT", KEY_LEFTSHIFT},
    {"LEFTMETA", KEY_LEFTMETA},
    {"RIGHTCTRL", KEY_RIGHTCTRL},
    {"RIGHTALT", KEY_RIGHTALT},
    {"RIGHTSHIFT", KEY_RIGHTSHIFT},
    {"RIGHTMETA", KEY_RIGHTMETA},
    {"DELETE", KEY_DELETE},
    {"BACKSPACE", KEY_BACKSPACE},
    {"INSERT", KEY_INSERT},
    {"HOME", KEY_HOME},
    {"END", KEY_END},
    {"PAGEUP", KEY_PAGEUP},
    {"PAGEDOWN", KEY_PAGEDOWN},
    {"UP", KEY_UP},
    {"DOWN", KEY_DOWN},
    {"LEFT", KEY_LEFT},
    {"RIGHT", KEY_RIGHT},
    {"SYSRQ", KEY_SYSRQ},
    {"TAB", KEY_TAB},
    {"ESC", KEY_ESC},
    {"ENTER", KEY_ENTER},
    {"SPACE", KEY_SPACE},
    {"MENU", KEY_COMPOSE},
    {"F1", KEY_F1},
    {"F2", KEY_F2},
    {"F3", KEY_F3},
    {"F4", KEY_F4},
    {"F5", KEY_F5},
    {"F6", KEY_F6},
    {"F7", KEY_F7},
    {"F8", KEY_F8},
    {"F9", KEY_F9},
    {"F10", KEY_F10},
    {"F11", KEY_F11},
    {"F12", KEY_F12},
};

/* The letters of a US keyboard lie in rows. */
static guint
code_of_letter(char letter)
{
    static const struct {
        const char *letters;
        guint first;
    } rows[] = {{"QWERTYUIOP", KEY_Q}, {"ASDFGHJKL", KEY_A}, {"ZXCVBNM", KEY_Z}};

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        const char *at = strchr(rows[i].letters, g_ascii_toupper(letter));
        if (at) {
            return rows[i].first + (guint)(at - rows[i].letters);
        }
    }
    return 0;
}

static guint
code_of(const char *name)
{
    guint64 number = 0;

    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        if (g_ascii_strcasecmp(names[i].name, name) == 0) {
            return names[i].code;
        }
    }
    if (g_ascii_string_to_unsigned(name, 10, 1, KEY_MAX, &number, NULL)) {
        return (guint)number;
    }
    return name[0] && !name[1] ? code_of_letter(name[0]) : 0;
}

gboolean
vm_console_send_keys(VmConsole *self, const char *keys)
{
    g_auto(GStrv) parts = g_strsplit(keys, "+", -1);
    const guint n = g_strv_length(parts);
    guint codes[COMBINATION_MAX];

    if (n == 0 || n > COMBINATION_MAX) {
        return FALSE;
    }
    for (guint i = 0; i < n; i++) {
        codes[i] = code_of(parts[i]);
        if (codes[i] == 0) {
            return FALSE;
        }
    }
    for (guint i = 0; i < n; i++) {
        vm_console_press_key(self, codes[i]);
    }
    for (guint i = n; i > 0; i--) {
        vm_console_release_key(self, codes[i - 1]);
    }
    return TRUE;
}
