/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/key-typist.h"

#include <linux/input-event-codes.h>
#include <string.h>

enum {
    STROKE_MS = 12,
    COMBINATION_MAX = 8
};

struct VmKeyTypist {
    VmConsole *console;
    char *text;
    const char *at;
    guint untyped;
    guint source;
    VmKeyTypistDone done;
    gpointer user_data;
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
        const char *at = strchr(rows[i].letters, letter);
        if (at) {
            return rows[i].first + (guint)(at - rows[i].letters);
        }
    }
    return 0;
}

static guint
code_of(const char *name)
{
    static const struct {
        const char *name;
        guint code;
    } names[] = {
        {"LEFTCTRL", KEY_LEFTCTRL},
        {"LEFTALT", KEY_LEFTALT},
        {"LEFTSHIFT", KEY_LEFTSHIFT},
        {"LEFTMETA", KEY_LEFTMETA},
        {"DELETE", KEY_DELETE},
        {"BACKSPACE", KEY_BACKSPACE},
        {"SYSRQ", KEY_SYSRQ},
        {"TAB", KEY_TAB},
        {"ESC", KEY_ESC},
        {"ENTER", KEY_ENTER},
        {"SPACE", KEY_SPACE},
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

    guint64 number = 0;

    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        if (g_str_equal(names[i].name, name)) {
            return names[i].code;
        }
    }
    /* A combination that a person pressed to teach it is kept as evdev numbers. */
    if (g_ascii_string_to_unsigned(name, 10, 1, KEY_MAX, &number, NULL)) {
        return (guint)number;
    }
    return name[0] && !name[1] ? code_of_letter(name[0]) : 0;
}

gboolean
vm_key_typist_send(VmConsole *console, const char *keys)
{
    g_auto(GStrv) names = g_strsplit(keys, "+", COMBINATION_MAX);
    guint codes[COMBINATION_MAX];
    guint n = 0;

    for (; names[n]; n++) {
        codes[n] = code_of(names[n]);
        if (codes[n] == 0) {
            return FALSE;
        }
    }
    for (guint i = 0; i < n; i++) {
        vm_console_press_key(console, codes[i]);
    }
    for (guint i = n; i > 0; i--) {
        vm_console_release_key(console, codes[i - 1]);
    }
    return n > 0;
}

static gboolean
on_stroke(gpointer data)
{
    VmKeyTypist *self = data;

    if (*self->at == '\0') {
        VmKeyTypistDone done = self->done;
        gpointer user_data = self->user_data;
        guint untyped = self->untyped;

        self->source = 0;
        vm_key_typist_free(self);
        done(untyped, user_data);
        return G_SOURCE_REMOVE;
    }
    gunichar character = g_utf8_get_char(self->at);
    self->at = g_utf8_next_char(self->at);
    if (!vm_console_type_character(self->console, character) && character != '\r') {
        self->untyped++;
    }
    return G_SOURCE_CONTINUE;
}

VmKeyTypist *
vm_key_typist_new(VmConsole *console, const char *text, VmKeyTypistDone done, gpointer user_data)
{
    VmKeyTypist *self = g_new0(VmKeyTypist, 1);

    self->console = g_object_ref(console);
    self->text = g_utf8_make_valid(text, -1);
    self->at = self->text;
    self->done = done;
    self->user_data = user_data;
    self->source = g_timeout_add(STROKE_MS, on_stroke, self);
    return self;
}

guint
vm_key_typist_get_percent(VmKeyTypist *self)
{
    gsize size = strlen(self->text);

    return size ? (guint)((gsize)(self->at - self->text) * 100 / size) : 100;
}

guint
vm_key_typist_get_length(VmKeyTypist *self)
{
    return (guint)g_utf8_strlen(self->text, -1);
}

void
vm_key_typist_free(VmKeyTypist *self)
{
    if (!self) {
        return;
    }
    g_clear_handle_id(&self->source, g_source_remove);
    g_clear_object(&self->console);
    g_free(self->text);
    g_free(self);
}
