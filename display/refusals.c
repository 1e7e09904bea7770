/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "display/refusals.h"

#include <string.h>

enum {
    REFUSALS_MAX = 4,
    TIMEOUT_S = 5,
    READ_SIZE = 512,
    HEARD_MAX = 4096, /* bytes; an authentication has fewer */
};

struct VmRefusals {
    GPtrArray *all; /* struct refusal */
};

struct refusal {
    VmRefusals *owner;
    GSocketConnection *stream;
    GSource *source;
    guint timer;
    gsize heard;
    guint most;
};

static void
refusal_free(gpointer data)
{
    struct refusal *refusal = data;

    g_source_destroy(refusal->source);
    g_source_unref(refusal->source);
    g_clear_handle_id(&refusal->timer, g_source_remove);
    g_io_stream_close(G_IO_STREAM(refusal->stream), NULL, NULL);
    g_object_unref(refusal->stream);
    g_free(refusal);
}

static gboolean
handle_timeout(gpointer user_data)
{
    struct refusal *refusal = user_data;

    refusal->timer = 0;
    g_ptr_array_remove_fast(refusal->owner->all, refusal);
    return G_SOURCE_REMOVE;
}

static void
tell(GSocket *socket, guint most)
{
    g_autofree char *line = g_strdup_printf(
        "ERROR too-many-clients: %u are connected already; close one and try again\r\n", most);

    /* A buffer that has no room for a line is nobody's who listens. */
    (void)g_socket_send(socket, line, strlen(line), NULL, NULL);
}

/* What is not read when it is closed would take the answer with it. */
static gboolean
handle_ready(GSocket *socket, GIOCondition condition, gpointer user_data)
{
    struct refusal *refusal = user_data;
    g_autoptr(GError) error = NULL;
    char heard[READ_SIZE];
    const gssize size = g_socket_receive(socket, heard, sizeof(heard), NULL, &error);

    if (size < 0 && g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK)) {
        return G_SOURCE_CONTINUE;
    }
    if (size > 0) {
        if (refusal->heard == 0) {
            tell(socket, refusal->most);
        }
        refusal->heard += (gsize)size;
    }
    if (size <= 0 || refusal->heard > HEARD_MAX) {
        g_ptr_array_remove_fast(refusal->owner->all, refusal);
        return G_SOURCE_REMOVE;
    }
    return G_SOURCE_CONTINUE;
}

void
vm_refusals_add(VmRefusals *self, GSocketConnection *stream, guint most)
{
    GSocket *socket = g_socket_connection_get_socket(stream);
    struct refusal *refusal = NULL;

    if (self->all->len >= REFUSALS_MAX) {
        g_io_stream_close(G_IO_STREAM(stream), NULL, NULL);
        return;
    }
    refusal = g_new0(struct refusal, 1);
    refusal->owner = self;
    refusal->stream = g_object_ref(stream);
    refusal->most = most;
    g_socket_set_blocking(socket, FALSE);
    refusal->source = g_socket_create_source(socket, G_IO_IN, NULL);
    g_source_set_callback(refusal->source, G_SOURCE_FUNC(handle_ready), refusal, NULL);
    g_source_attach(refusal->source, NULL);
    refusal->timer = g_timeout_add_seconds(TIMEOUT_S, handle_timeout, refusal);
    g_ptr_array_add(self->all, refusal);
}

VmRefusals *
vm_refusals_new(void)
{
    VmRefusals *self = g_new0(VmRefusals, 1);

    self->all = g_ptr_array_new_with_free_func(refusal_free);
    return self;
}

void
vm_refusals_free(VmRefusals *self)
{
    g_ptr_array_unref(self->all);
    g_free(self);
}
