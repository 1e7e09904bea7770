/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "display/caller.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "display/greeting.h"
#include "display/handshake.h"
#include "display/peer.h"
#include "display/watch.h"
#include "vmm/base/assert.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/log.h"

enum {
    GREETING_TIMEOUT_S = 10,
    UNSENT_MAX = 256,       /* messages: answers to a client that calls and does not read */
    MESSAGE_MAX = 64 << 10, /* bytes; sd-bus itself takes 128 MiB */
    PIECES_MAX = 16,        /* of a message */
    PIECES_TIMEOUT_MS = 1000,
    HEAD_SIZE = 16, /* of a message: what has a fixed place */
};

struct pending {
    VmCaller *owner;
    VmCallDone done; /* NULL: free */
    gpointer user_data;
};

struct _VmCaller {
    GObject parent_instance;
    sd_bus *bus;          /* NULL: closed */
    VmGreeting *greeting; /* until it is done */
    guint source;
    guint output_source; /* while something waits for room in the socket */
    guint timeout;       /* of the greeting, or of a message of which a piece came */
    gboolean started;
    gboolean ready;
    gboolean got_message; /* a whole one, since it was asked */
    guint pieces;
    struct pending pending[VM_CALLS_MAX];
};

G_DEFINE_FINAL_TYPE(VmCaller, vm_caller, G_TYPE_OBJECT)

enum {
    READY,
    CLOSED,
    N_SIGNALS
};

static guint signals[N_SIGNALS]; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */

static gboolean handle_readable(gint fd, GIOCondition condition, gpointer user_data);
static gboolean handle_writable(gint fd, GIOCondition condition, gpointer user_data);

static void
fail(VmCaller *self, const char *why)
{
    if (self->bus) {
        log_debug("listener: %s", why);
        vm_caller_close(self);
        g_signal_emit(self, signals[CLOSED], 0);
    }
}

static gboolean
give_up(gpointer user_data)
{
    g_autoptr(VmCaller) self = g_object_ref(VM_CALLER(user_data));

    self->timeout = 0;
    fail(self, self->ready ? "the client sent no whole message" : "the client does not greet");
    return G_SOURCE_REMOVE;
}

static guint64
count_unsent(VmCaller *self)
{
    guint64 n = 0;

    sd_bus_get_n_queued_write(self->bus, &n);
    return n;
}

static void
watch_output(VmCaller *self)
{
    const int events = sd_bus_get_events(self->bus);

    if (events > 0 && (events & POLLOUT) && !self->output_source) {
        self->output_source =
            vm_watch_add(sd_bus_get_fd(self->bus), G_IO_OUT, handle_writable, self);
    }
}

/* -- sending -- */

sd_bus_message *
vm_caller_new_call(VmCaller *self, const char *path, const char *interface, const char *member)
{
    sd_bus_message *call = NULL;

    g_return_val_if_fail(VM_IS_CALLER(self) && self->ready, NULL);
    sd_bus_message_new_method_call(self->bus, &call, NULL, path, interface, member);
    return call;
}

static int
handle_answer(sd_bus_message *answer, void *user_data, sd_bus_error *error)
{
    struct pending *pending = user_data;
    const struct pending was = *pending;

    was.owner->got_message = TRUE;
    *pending = (struct pending){0};
    was.done(answer, was.user_data);
    return 1;
}

gboolean
vm_caller_send(VmCaller *self, sd_bus_message *call, VmCallDone done, gpointer user_data)
{
    struct pending *pending = self->pending;
    int r;

    g_return_val_if_fail(VM_IS_CALLER(self) && self->ready, FALSE);
    while (pending->done) {
        pending++;
        assert(pending < self->pending + VM_CALLS_MAX);
    }
    *pending = (struct pending){self, done, user_data};
    r = sd_bus_call_async(self->bus, NULL, call, handle_answer, pending, UINT64_MAX);
    if (r < 0) {
        log_debug("listener: %s", g_strerror(-r));
        *pending = (struct pending){0};
        return FALSE;
    }
    watch_output(self);
    return TRUE;
}

/* -- receiving -- */

/*
 * All but answers. No object is here; a peer that is asked whether it lives says so. Nothing is left to what
 * sd-bus would answer by itself: it would open /etc/machine-id.
 */
static int
handle_message(sd_bus_message *message, void *user_data, sd_bus_error *error)
{
    VmCaller *self = user_data;

    self->got_message = TRUE;
    if (sd_bus_message_is_method_call(message, "org.freedesktop.DBus.Peer", "Ping") > 0) {
        sd_bus_reply_method_return(message, NULL);
    } else if (sd_bus_message_is_method_call(message, NULL, NULL) > 0) {
        sd_bus_reply_method_errorf(message, SD_BUS_ERROR_UNKNOWN_METHOD, "there are no objects");
    }
    return 1;
}

static guint64
number_at(const guint8 *head, gsize at)
{
    guint32 number;

    memcpy(&number, head + at, sizeof(number));
    return head[0] == 'B' ? GUINT32_FROM_BE(number) : GUINT32_FROM_LE(number);
}

/*
 * Whether the message that begins in the socket is as small as what clients have to say. sd-bus reads on as
 * long as something comes, and keeps it until the message is whole. D-Bus specification, "Message Format".
 */
static gboolean
is_small(VmCaller *self)
{
    guint8 head[HEAD_SIZE];
    struct iovec vector = {head, sizeof(head)};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
    const ssize_t size =
        recvmsg(sd_bus_get_fd(self->bus), &message, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    if (size <= 0) {
        return TRUE; /* sd-bus finds out */
    }
    return size == (ssize_t)sizeof(head) && number_at(head, 4) <= MESSAGE_MAX &&
           number_at(head, 12) <= MESSAGE_MAX;
}

/* sd-bus keeps the pieces of a message until it is whole, so that is not let take long. */
static void
count_piece(VmCaller *self)
{
    if (++self->pieces > PIECES_MAX) {
        fail(self, "the client sends a message in too many pieces");
    } else if (!self->timeout) {
        self->timeout = g_timeout_add(PIECES_TIMEOUT_MS, give_up, self);
    }
}

/* One message at most. */
static void
process(VmCaller *self, gboolean is_readable)
{
    const guint64 unsent = count_unsent(self);
    int r;

    if (is_readable && self->pieces == 0 && !is_small(self)) {
        fail(self, "the client sends what is too large, or no message");
        return;
    }
    self->got_message = FALSE;
    r = sd_bus_process(self->bus, NULL);
    if (!self->bus) {
        return; /* closed by who got an answer */
    }
    if (r < 0 || sd_bus_is_open(self->bus) <= 0) {
        fail(self, r < 0 ? "the client sent what is no message" : "the client hung up");
    } else if (count_unsent(self) > UNSENT_MAX) {
        fail(self, "the client calls and does not read");
    } else if (self->got_message) {
        self->pieces = 0;
        g_clear_handle_id(&self->timeout, g_source_remove);
    } else if (is_readable && count_unsent(self) >= unsent) { /* else it only sent */
        count_piece(self);
    }
}

/* sd-bus reads a line of the greeting and answers. */
static int
run_greeting(VmCaller *self)
{
    int r = self->started ? 0 : sd_bus_start(self->bus);

    self->started = TRUE;
    while (r >= 0 && sd_bus_is_ready(self->bus) == 0) {
        r = sd_bus_process(self->bus, NULL);
        if (r == 0) {
            break;
        }
    }
    return r < 0 ? r : vm_greeting_give_answer(self->greeting);
}

static int
end_greeting(VmCaller *self)
{
    const int fd = sd_bus_get_fd(self->bus);
    const int r = vm_greeting_end(self->greeting, fd);

    if (r < 0) {
        return r;
    }
    g_clear_handle_id(&self->source, g_source_remove);
    g_clear_handle_id(&self->timeout, g_source_remove);
    g_clear_pointer(&self->greeting, vm_greeting_free);
    self->source = vm_watch_add(fd, G_IO_IN, handle_readable, self);
    self->ready = TRUE;
    return 0;
}

static void
greet(VmCaller *self)
{
    int r = vm_greeting_take_line(self->greeting);

    if (r == 0) {
        return;
    }
    if (r > 0) {
        r = run_greeting(self);
    }
    if (r >= 0 && sd_bus_is_ready(self->bus) > 0) {
        r = end_greeting(self);
    }
    if (r < 0) {
        fail(self, "the client does not greet");
    } else if (self->ready) {
        g_signal_emit(self, signals[READY], 0);
    }
}

static void
advance(VmCaller *self, gboolean is_readable)
{
    if (self->ready) {
        process(self, is_readable);
    } else {
        greet(self);
    }
    if (self->ready) {
        watch_output(self);
    }
}

static gboolean
handle_readable(gint fd, GIOCondition condition, gpointer user_data)
{
    g_autoptr(VmCaller) self = g_object_ref(VM_CALLER(user_data));

    advance(self, TRUE);
    return G_SOURCE_CONTINUE;
}

static gboolean
handle_writable(gint fd, GIOCondition condition, gpointer user_data)
{
    g_autoptr(VmCaller) self = g_object_ref(VM_CALLER(user_data));

    self->output_source = 0;
    advance(self, FALSE);
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
    g_clear_pointer(&self->bus, sd_bus_close_unref);
    g_clear_pointer(&self->greeting, vm_greeting_free);
}

static void
vm_caller_dispose(GObject *object)
{
    vm_caller_close(VM_CALLER(object));
    G_OBJECT_CLASS(vm_caller_parent_class)->dispose(object);
}

static void
vm_caller_class_init(VmCallerClass *klass)
{
    GType type = G_TYPE_FROM_CLASS(klass);

    G_OBJECT_CLASS(klass)->dispose = vm_caller_dispose;
    signals[READY] =
        g_signal_new("ready", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
    signals[CLOSED] =
        g_signal_new("closed", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
vm_caller_init(VmCaller *self)
{
}

/*
 * Takes the descriptor; NULL when there is no memory. Who is at the other end has been looked at: sd-bus, like
 * GLib, does not believe the kernel's word on a process outside of our namespace, and is to let anybody in.
 */
static sd_bus *
open_bus(int bus_fd)
{
    cleanup_fd int fd = bus_fd;
    sd_bus *bus = NULL;
    sd_id128_t id;

    if (sd_bus_new(&bus) < 0) {
        return NULL;
    }
    if (sd_id128_from_string(vm_peer_get_guid(), &id) < 0 || sd_bus_set_server(bus, 1, id) < 0 ||
        sd_bus_set_anonymous(bus, 1) < 0 || sd_bus_negotiate_fds(bus, 1) < 0 ||
        sd_bus_set_fd(bus, fd, fd) < 0) {
        return sd_bus_unref(bus);
    }
    take_fd(&fd); /* sd-bus closes it */
    return bus;
}

static gboolean
open_greeting(VmCaller *self, GSocket *socket)
{
    cleanup_fd int client = fcntl(g_socket_get_fd(socket), F_DUPFD_CLOEXEC, 0);
    int bus_fd;

    if (client < 0) {
        return FALSE;
    }
    self->greeting = vm_greeting_new(client, &bus_fd);
    if (!self->greeting) {
        return FALSE;
    }
    take_fd(&client);
    self->bus = open_bus(bus_fd);
    return self->bus && sd_bus_add_filter(self->bus, NULL, handle_message, self) >= 0;
}

VmCaller *
vm_caller_new(GSocketConnection *connection, GError **error)
{
    GSocket *socket = g_socket_connection_get_socket(connection);
    g_autoptr(VmCaller) self = NULL;

    if (!vm_handshake_check_peer(socket, error)) {
        return NULL;
    }
    self = g_object_new(VM_TYPE_CALLER, NULL);
    if (!open_greeting(self, socket)) {
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
                            "no descriptor is left for another listener");
        return NULL;
    }
    return g_steal_pointer(&self);
}

void
vm_caller_start(VmCaller *self)
{
    g_return_if_fail(VM_IS_CALLER(self) && self->bus && !self->source);
    self->source = vm_watch_add(vm_greeting_get_fd(self->greeting), G_IO_IN, handle_readable, self);
    self->timeout = g_timeout_add_seconds(GREETING_TIMEOUT_S, give_up, self);
}

gboolean
vm_caller_passes_fds(VmCaller *self)
{
    g_return_val_if_fail(VM_IS_CALLER(self), FALSE);
    return self->ready && sd_bus_can_send(self->bus, SD_BUS_TYPE_UNIX_FD) > 0;
}
