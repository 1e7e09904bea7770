/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/console-feed.h"

#include <glib/gi18n.h>
#include <string.h>

#include "manager/model/words.h"

enum {
    TICK_MS = 40,
    TICK_BYTES = 1024 * 1024 / (1000 / TICK_MS),
    WAITING_MAX = 3 * 512 * 1024, /* more than the history that comes first */
};

struct VmConsoleFeed {
    VteTerminal *terminal;
    GByteArray *waiting;
    gsize budget;    /* bytes that may still be shown in this tick */
    guint64 skipped; /* bytes before those that wait */
    guint timer;
};

VmConsoleFeed *
vm_console_feed_new(VteTerminal *terminal)
{
    VmConsoleFeed *self = g_new0(VmConsoleFeed, 1);

    self->terminal = terminal;
    self->waiting = g_byte_array_new();
    self->budget = TICK_BYTES;
    return self;
}

void
vm_console_feed_free(VmConsoleFeed *self)
{
    g_clear_handle_id(&self->timer, g_source_remove);
    g_byte_array_unref(self->waiting);
    g_free(self);
}

static void
show(VmConsoleFeed *self, gsize size)
{
    if (self->skipped > 0) {
        g_autofree char *amount = vm_words_size(self->skipped);
        /* Translators: %s is an amount such as "3.2 MB" of a console's text. */
        g_autofree char *words = g_strdup_printf(_("%s skipped"), amount);
        /* Out of whatever sequence was cut, and into no colours. */
        g_autofree char *line = g_strdup_printf("\030\033[0m\r\n──── %s ────\r\n", words);

        vte_terminal_feed(self->terminal, line, -1);
        self->skipped = 0;
    }
    vte_terminal_feed(self->terminal, (const char *)self->waiting->data, (gssize)size);
    g_byte_array_remove_range(self->waiting, 0, (guint)size);
}

static void
show_some(VmConsoleFeed *self)
{
    gsize size = MIN(self->budget, self->waiting->len);

    if (size > 0) {
        self->budget -= size;
        show(self, size);
    }
}

static gboolean
tick(gpointer data)
{
    VmConsoleFeed *self = data;

    self->budget = TICK_BYTES;
    if (self->waiting->len == 0) {
        self->timer = 0;
        return G_SOURCE_REMOVE;
    }
    show_some(self);
    return G_SOURCE_CONTINUE;
}

/* From the start of a line on, where there is one. */
static void
skip_older_half(VmConsoleFeed *self)
{
    gsize half = self->waiting->len / 2;
    const guint8 *end = memchr(self->waiting->data + half, '\n', self->waiting->len - half);
    gsize size = end ? (gsize)(end - self->waiting->data) + 1 : half;

    self->skipped += size;
    g_byte_array_remove_range(self->waiting, 0, (guint)size);
}

void
vm_console_feed_push(VmConsoleFeed *self, const void *bytes, gsize size)
{
    g_byte_array_append(self->waiting, bytes, (guint)size);
    if (self->waiting->len > WAITING_MAX) {
        skip_older_half(self);
    }
    show_some(self);
    if (!self->timer) {
        self->timer = g_timeout_add(TICK_MS, tick, self);
    }
}

void
vm_console_feed_flush(VmConsoleFeed *self)
{
    if (self->waiting->len > 0) {
        show(self, self->waiting->len);
    }
}
