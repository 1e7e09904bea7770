/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/key-typist.h"

enum {
    STROKE_MS = 12
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
