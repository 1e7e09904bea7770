/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "display/caller.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "display/greeting.h"
#include "display/handshake.h"
#include "display/watch.h"
#include "vmm/base/assert.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/message.h"

enum {
    GREETING_TIMEOUT_S = 10,
    UNREAD_ANSWERS_MAX = 256,
};

/* What the socket did not take at once. */
struct piece {
    GBytes *bytes;
    gsize sent;
    int fd; /* goes with the first byte, or -1 */
};

struct pending {
    guint32 serial; /* 0: free */
    VmCallDone done;
    gpointer user_data;
};

struct _VmCaller {
    GObject parent_instance;
    GSocketConnection *connection; /* NULL: closed */
    int fd;                        /* of it */
    guint source;
    guint output_source; /* while there are pieces */
    guint timeout;
    gboolean ready;
    VmGreeting greeting;
    guint32 last_serial;
    struct pending pending[VM_CALLS_MAX];
    GQueue pieces;
    guint unread_answers; /* among the pieces, at most */
    gsize filled;
    guint8 *input; /* VM_WIRE_MESSAGE_MAX */
};

G_DEFINE_FINAL_TYPE(VmCaller, vm_caller, G_TYPE_OBJECT)

enum {
    READY,
    CLOSED,
    N_SIGNALS
};

static guint signals[N_SIGNALS]; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */

static void
piece_free(gpointer data)
{
    struct piece *piece = data;

    fd_closep(&piece->fd);
    g_bytes_unref(piece->bytes);
    g_free(piece);
}

static void
fail(VmCaller *self, const char *why)
{
    if (self->connection) {
        log_debug("listener: %s", why);
        vm_caller_close(self);
        g_signal_emit(self, signals[CLOSED], 0);
    }
}

/* -- sending -- */

/* How much of it the socket took; a peer that is gone takes everything, reading tells about it. */
static gsize
send_now(VmCaller *self, const guint8 *data, gsize size, int fd)
{
    ssize_t n = message_send_part(self->fd, data, size, &fd, fd >= 0 ? 1 : 0);

    if (n < 0) {
        return n == -EAGAIN || n == -ENOBUFS || n == -ENOMEM ? 0 : size;
    }
    return (gsize)n;
}

/* TRUE when the piece is out. */
static gboolean
send_piece(VmCaller *self, struct piece *piece)
{
    gsize size;
    const guint8 *data = g_bytes_get_data(piece->bytes, &size);
    gsize n = send_now(self, data + piece->sent, size - piece->sent, piece->fd);

    if (n > 0) {
        fd_closep(&piece->fd);
    }
    piece->sent += n;
    return piece->sent == size;
}

static gboolean
send_pieces(gint fd, GIOCondition condition, gpointer user_data)
{
    VmCaller *self = VM_CALLER(user_data);
    struct piece *piece;

    while ((piece = g_queue_peek_head(&self->pieces))) {
        if (!send_piece(self, piece)) {
            return G_SOURCE_CONTINUE;
        }
        piece_free(g_queue_pop_head(&self->pieces));
    }
    self->unread_answers = 0;
    self->output_source = 0;
    return G_SOURCE_REMOVE;
}

static void
queue_piece(VmCaller *self, GBytes *bytes, gsize sent, int fd)
{
    struct piece *piece = g_new0(struct piece, 1);

    *piece = (struct piece){.bytes = g_bytes_ref(bytes), .sent = sent, .fd = fd};
    g_queue_push_tail(&self->pieces, piece);
    if (!self->output_source) {
        self->output_source = vm_watch_add(self->fd, G_IO_OUT, send_pieces, self);
    }
}

/* FALSE when no descriptor was left to keep `fd` for later. */
static gboolean
send_bytes(VmCaller *self, const guint8 *data, gsize size, int fd)
{
    gsize n = g_queue_is_empty(&self->pieces) ? send_now(self, data, size, fd) : 0;
    g_autoptr(GBytes) rest = NULL;
    int kept = -1;

    if (n == size) {
        return TRUE;
    }
    if (n == 0 && fd >= 0 && (kept = fcntl(fd, F_DUPFD_CLOEXEC, 0)) < 0) {
        return FALSE;
    }
    rest = g_bytes_new(data + n, size - n);
    queue_piece(self, rest, 0, kept);
    return TRUE;
}

static void
send_tail(VmCaller *self, GBytes *tail)
{
    gsize size;
    const guint8 *data = g_bytes_get_data(tail, &size);
    gsize n = g_queue_is_empty(&self->pieces) ? send_now(self, data, size, -1) : 0;

    if (n < size) {
        queue_piece(self, tail, n, -1);
    }
}

static struct pending *
find_pending(VmCaller *self, guint32 serial)
{
    for (guint i = 0; i < VM_CALLS_MAX; i++) {
        if (self->pending[i].serial == serial) {
            return &self->pending[i];
        }
    }
    return NULL;
}

static guint32
next_serial(VmCaller *self)
{
    if (++self->last_serial == 0) {
        self->last_serial = 1;
    }
    return self->last_serial;
}

gboolean
vm_caller_call(VmCaller *self, const VmCall *call, VmCallDone done, gpointer user_data)
{
    struct pending *pending;
    VmWireMessage message;
    VmWireBuffer buffer;

    g_return_val_if_fail(VM_IS_CALLER(self) && self->ready, FALSE);
    message = (VmWireMessage){
        .type = VM_WIRE_CALL,
        .serial = next_serial(self),
        .n_fds = call->fd >= 0 ? 1 : 0,
        .path = call->path,
        .interface = call->interface,
        .member = call->member,
        .signature = call->signature,
        .body = call->body,
        .body_size = call->body_size,
        .tail = call->tail ? g_bytes_get_size(call->tail) : 0,
    };
    pending = find_pending(self, 0);
    assert(pending && (call->fd < 0 || self->greeting.passes_fds));
    vm_wire_write(&buffer, &message);
    if (!send_bytes(self, buffer.bytes, buffer.size, call->fd)) {
        return FALSE;
    }
    if (call->tail) {
        send_tail(self, call->tail);
    }
    *pending = (struct pending){message.serial, done, user_data};
    return TRUE;
}

/* -- receiving -- */

/* No object is here; a peer that is asked whether it lives says so. */
static gboolean
answer_call(VmCaller *self, const VmWireMessage *call)
{
    const gboolean is_ping = g_strcmp0(call->interface, "org.freedesktop.DBus.Peer") == 0 &&
                             g_strcmp0(call->member, "Ping") == 0;
    const VmWireMessage answer = {
        .type = is_ping ? VM_WIRE_RETURN : VM_WIRE_ERROR,
        .no_reply = TRUE,
        .serial = next_serial(self),
        .reply_serial = call->serial,
        .error = is_ping ? NULL : "org.freedesktop.DBus.Error.UnknownMethod",
    };
    VmWireBuffer buffer;

    if (call->no_reply) {
        return TRUE;
    }
    if (!g_queue_is_empty(&self->pieces) && ++self->unread_answers > UNREAD_ANSWERS_MAX) {
        fail(self, "the client calls and does not read");
        return FALSE;
    }
    vm_wire_write(&buffer, &answer);
    return send_bytes(self, buffer.bytes, buffer.size, -1);
}

/* FALSE when the link is closed. */
static gboolean
handle_message(VmCaller *self, const VmWireMessage *message, const guint8 *data, gsize size)
{
    struct pending *pending;
    struct pending was;

    if (message->type == VM_WIRE_CALL) {
        return answer_call(self, message);
    }
    pending = message->type != VM_WIRE_SIGNAL && message->reply_serial != 0
                  ? find_pending(self, message->reply_serial)
                  : NULL;
    if (pending) {
        was = *pending;
        pending->serial = 0;
        was.done(message, data, size, was.user_data);
    }
    return self->connection != NULL;
}

/* Returns how many bytes are done with; the link may be closed then. */
static gsize
handle_messages(VmCaller *self, const guint8 *data, gsize size)
{
    gsize used = 0;

    while (self->connection) {
        VmWireMessage message;
        gssize n = vm_wire_read(data + used, size - used, &message);

        if (n < 0) {
            fail(self, "the client sent what is no message");
        }
        if (n <= 0) {
            break;
        }
        if (!handle_message(self, &message, data + used, (gsize)n)) {
            break;
        }
        used += (gsize)n;
    }
    return used;
}

static gsize
handle_greeting(VmCaller *self, const guint8 *data, gsize size)
{
    g_autoptr(GString) answer = g_string_new(NULL);
    gsize used;
    VmGreetingState state = vm_greeting_read(&self->greeting, data, size, &used, answer);

    if (answer->len > 0) {
        send_bytes(self, (const guint8 *)answer->str, answer->len, -1);
    }
    if (state == VM_GREETING_FAILED) {
        fail(self, "the client does not greet");
    } else if (state == VM_GREETING_DONE) {
        self->ready = TRUE;
        g_clear_handle_id(&self->timeout, g_source_remove);
        g_signal_emit(self, signals[READY], 0);
    }
    return used;
}

static gboolean
handle_readable(gint fd, GIOCondition condition, gpointer user_data)
{
    g_autoptr(VmCaller) self = g_object_ref(VM_CALLER(user_data));
    gsize used = 0;
    /* Without room for descriptors: the kernel closes what a client sends. */
    ssize_t n =
        recv(fd, self->input + self->filled, VM_WIRE_MESSAGE_MAX - self->filled, MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return G_SOURCE_CONTINUE;
    }
    if (n <= 0) {
        fail(self, "the client hung up");
        return G_SOURCE_REMOVE;
    }
    self->filled += (gsize)n;
    if (!self->ready) {
        used = handle_greeting(self, self->input, self->filled);
    }
    if (self->ready && self->connection) {
        used += handle_messages(self, self->input + used, self->filled - used);
    }
    if (!self->connection) {
        return G_SOURCE_REMOVE;
    }
    self->filled -= used;
    memmove(self->input, self->input + used, self->filled);
    return G_SOURCE_CONTINUE;
}

static gboolean
give_up(gpointer user_data)
{
    g_autoptr(VmCaller) self = g_object_ref(VM_CALLER(user_data));

    self->timeout = 0;
    fail(self, "the client does not greet");
    return G_SOURCE_REMOVE;
}

/* -- life -- */

void
vm_caller_close(VmCaller *self)
{
    g_return_if_fail(VM_IS_CALLER(self));
    self->ready = FALSE;
    g_clear_handle_id(&self->source, g_source_remove);
    g_clear_handle_id(&self->output_source, g_source_remove);
    g_clear_handle_id(&self->timeout, g_source_remove);
    g_queue_clear_full(&self->pieces, piece_free);
    if (self->connection) {
        g_io_stream_close(G_IO_STREAM(self->connection), NULL, NULL);
        g_clear_object(&self->connection);
    }
}

static void
vm_caller_dispose(GObject *object)
{
    vm_caller_close(VM_CALLER(object));
    G_OBJECT_CLASS(vm_caller_parent_class)->dispose(object);
}

static void
vm_caller_finalize(GObject *object)
{
    g_free(VM_CALLER(object)->input);
    G_OBJECT_CLASS(vm_caller_parent_class)->finalize(object);
}

static void
vm_caller_class_init(VmCallerClass *klass)
{
    GType type = G_TYPE_FROM_CLASS(klass);

    G_OBJECT_CLASS(klass)->dispose = vm_caller_dispose;
    G_OBJECT_CLASS(klass)->finalize = vm_caller_finalize;
    signals[READY] =
        g_signal_new("ready", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
    signals[CLOSED] =
        g_signal_new("closed", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
vm_caller_init(VmCaller *self)
{
    g_queue_init(&self->pieces);
    self->fd = -1;
    self->input = g_malloc(VM_WIRE_MESSAGE_MAX);
}

VmCaller *
vm_caller_new(GSocketConnection *connection, GError **error)
{
    GSocket *socket = g_socket_connection_get_socket(connection);
    VmCaller *self;

    if (!vm_handshake_check_peer(socket, error)) {
        return NULL;
    }
    self = g_object_new(VM_TYPE_CALLER, NULL);
    self->connection = g_object_ref(connection);
    self->fd = g_socket_get_fd(socket);
    return self;
}

void
vm_caller_start(VmCaller *self)
{
    g_return_if_fail(VM_IS_CALLER(self) && self->connection && !self->source);
    self->source = vm_watch_add(self->fd, G_IO_IN, handle_readable, self);
    self->timeout = g_timeout_add_seconds(GREETING_TIMEOUT_S, give_up, self);
}

gboolean
vm_caller_passes_fds(VmCaller *self)
{
    g_return_val_if_fail(VM_IS_CALLER(self), FALSE);
    return self->greeting.passes_fds;
}
