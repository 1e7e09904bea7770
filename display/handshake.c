/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "display/handshake.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    LINE_MAX_BYTES = 512
};

/* The input of the handshake: whole lines, one translated. After it GDBus reads from the socket. */

#define VM_TYPE_HANDSHAKE_INPUT (vm_handshake_input_get_type())
G_DECLARE_FINAL_TYPE(VmHandshakeInput, vm_handshake_input, VM, HANDSHAKE_INPUT, GFilterInputStream)

struct _VmHandshakeInput {
    GFilterInputStream parent_instance;
    char line[LINE_MAX_BYTES + 1];
    gsize length; /* of the line */
    gsize given;  /* of it to the reader */
    GOutputStream *output;
};

G_DEFINE_FINAL_TYPE(VmHandshakeInput, vm_handshake_input, G_TYPE_FILTER_INPUT_STREAM)

struct _VmHandshake {
    GUnixConnection parent_instance;
    GSocketConnection *base; /* kept: a connection closes its socket when it goes */
    GInputStream *input;
};

G_DEFINE_FINAL_TYPE(VmHandshake, vm_handshake, G_TYPE_UNIX_CONNECTION)

/* "31303030" is "1000". */
gboolean
vm_handshake_is_own_user(const char *hex)
{
    g_autofree char *own = g_strdup_printf("%u", geteuid());
    gsize n = strlen(own);

    if (strlen(hex) != 2 * n) {
        return FALSE;
    }
    for (gsize i = 0; i < n; i++) {
        int high = g_ascii_xdigit_value(hex[2 * i]);
        int low = g_ascii_xdigit_value(hex[2 * i + 1]);
        if (high < 0 || low < 0 || high * 16 + low != own[i]) {
            return FALSE;
        }
    }
    return TRUE;
}

/* One byte at a time, behind the first `from`: what follows the last line belongs to GDBus. */
static gssize
receive_line(VmHandshakeInput *self, gsize from, GCancellable *cancellable, GError **error)
{
    GInputStream *base = g_filter_input_stream_get_base_stream(G_FILTER_INPUT_STREAM(self));

    self->length = from;
    while (self->length < LINE_MAX_BYTES) {
        gssize n = g_input_stream_read(base, self->line + self->length, 1, cancellable, error);
        if (n <= 0) {
            return n;
        }
        self->length++;
        if (self->line[self->length - 1] == '\n') {
            break;
        }
    }
    self->line[self->length] = '\0';
    return (gssize)self->length;
}

/* The stripped rest of the line behind `word`, or NULL. */
static char *
line_after(const VmHandshakeInput *self, gsize from, const char *word)
{
    const char *line = self->line + from;

    return g_str_has_prefix(line, word) ? g_strstrip(g_strdup(line + strlen(word))) : NULL;
}

/*
 * GLib reads the line as it came, or AUTH ANONYMOUS for one in which we were told our own uid. A
 * client that does not name itself in its AUTH line is asked, as the mechanism wants it (sd-bus
 * relies on that).
 */
static gssize
read_line(VmHandshakeInput *self, GCancellable *cancellable, GError **error)
{
    static const char question[] = "DATA\r\n";
    g_autofree char *identity = NULL;
    gssize n = receive_line(self, 0, cancellable, error);

    self->given = 0;
    if (n <= 0) {
        return n;
    }
    /* The NUL byte that comes before everything; clients other than GLib's go on in that line. */
    const gsize first = self->length > 1 && self->line[0] == '\0' ? 1 : 0;
    identity = line_after(self, first, "AUTH EXTERNAL");
    if (identity && !*identity) {
        g_free(g_steal_pointer(&identity));
        if (!g_output_stream_write_all(self->output, question, strlen(question), NULL, cancellable,
                                       error)) {
            return -1;
        }
        n = receive_line(self, first, cancellable, error);
        identity = n > 0 ? line_after(self, first, "DATA") : NULL;
    }
    if (n > 0 && identity && (!*identity || vm_handshake_is_own_user(identity))) {
        self->length =
            first + (gsize)g_snprintf(self->line + first, sizeof(self->line) - first,
                                      "AUTH ANONYMOUS%s%s\r\n", *identity ? " " : "", identity);
        n = (gssize)self->length;
    }
    return n; /* GLib refuses any other identity, as it should */
}

static gssize
vm_handshake_input_read(GInputStream *stream, void *buffer, gsize count, GCancellable *cancellable,
                        GError **error)
{
    VmHandshakeInput *self = VM_HANDSHAKE_INPUT(stream);

    if (self->given == self->length) {
        gssize n = read_line(self, cancellable, error);
        if (n <= 0) {
            return n;
        }
    }
    count = MIN(count, self->length - self->given);
    memcpy(buffer, self->line + self->given, count);
    self->given += count;
    return (gssize)count;
}

static void
vm_handshake_input_finalize(GObject *object)
{
    g_clear_object(&VM_HANDSHAKE_INPUT(object)->output);
    G_OBJECT_CLASS(vm_handshake_input_parent_class)->finalize(object);
}

static void
vm_handshake_input_class_init(VmHandshakeInputClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = vm_handshake_input_finalize;
    G_INPUT_STREAM_CLASS(klass)->read_fn = vm_handshake_input_read;
}

static void
vm_handshake_input_init(VmHandshakeInput *self)
{
}

static GInputStream *
vm_handshake_get_input_stream(GIOStream *stream)
{
    VmHandshake *self = VM_HANDSHAKE(stream);

    if (!self->input) {
        GInputStream *plain =
            G_IO_STREAM_CLASS(vm_handshake_parent_class)->get_input_stream(stream);
        self->input = g_object_new(VM_TYPE_HANDSHAKE_INPUT, "base-stream", plain,
                                   "close-base-stream", FALSE, NULL);
        VM_HANDSHAKE_INPUT(self->input)->output =
            g_object_ref(g_io_stream_get_output_stream(stream));
    }
    return self->input;
}

static void
vm_handshake_finalize(GObject *object)
{
    VmHandshake *self = VM_HANDSHAKE(object);

    g_clear_object(&self->input);
    g_clear_object(&self->base);
    G_OBJECT_CLASS(vm_handshake_parent_class)->finalize(object);
}

static void
vm_handshake_class_init(VmHandshakeClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = vm_handshake_finalize;
    G_IO_STREAM_CLASS(klass)->get_input_stream = vm_handshake_get_input_stream;
}

static void
vm_handshake_init(VmHandshake *self)
{
}

gboolean
vm_handshake_check_peer(GSocket *socket, GError **error)
{
    struct ucred peer = {0};
    socklen_t size = sizeof(peer);

    if (getsockopt(g_socket_get_fd(socket), SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 ||
        peer.uid != geteuid()) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
                    "user %u may not use this machine", peer.uid);
        return FALSE;
    }
    return TRUE;
}

GIOStream *
vm_handshake_new(GSocketConnection *connection, GError **error)
{
    GSocket *socket = g_socket_connection_get_socket(connection);

    if (!vm_handshake_check_peer(socket, error)) {
        return NULL;
    }
    VmHandshake *self = g_object_new(VM_TYPE_HANDSHAKE, "socket", socket, NULL);
    self->base = g_object_ref(connection);
    return G_IO_STREAM(self);
}
