/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/display/peer.h"

#include <gio/gunixfdlist.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/display/rig.h"
#include "vm-dbus-display1.h"
#include "vmm/base/fd.h"

#define LISTENER_PATH "/org/qemu/Display1/Listener"

GDBusConnection *
peer_connect(const char *path, GError **error)
{
    g_autofree char *address = g_strdup_printf("unix:path=%s", path);

    return g_dbus_connection_new_for_address_sync(
        address, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT, NULL, NULL, error);
}

/* "org.qemu.Display1.Console.SetUIInfo" -> interface and member. */
static char *
split_method(const char *method, const char **ret_member)
{
    const char *dot = strrchr(method, '.');

    g_assert_nonnull(dot);
    *ret_member = dot + 1;
    return g_strndup(method, (gsize)(dot - method));
}

struct answer {
    gboolean done;
    GVariant *reply;
    GError *error;
};

static void
handle_answer(GObject *source, GAsyncResult *result, gpointer user_data)
{
    struct answer *answer = user_data;

    answer->reply = g_dbus_connection_call_with_unix_fd_list_finish(G_DBUS_CONNECTION(source), NULL,
                                                                    result, &answer->error);
    answer->done = TRUE;
}

static struct answer
call_and_wait(GDBusConnection *connection, const char *path, const char *method,
              GVariant *arguments, GUnixFDList *fds)
{
    struct answer answer = {FALSE};
    const char *member;
    g_autofree char *interface = split_method(method, &member);

    g_dbus_connection_call_with_unix_fd_list(connection, NULL, path, interface, member, arguments,
                                             NULL, G_DBUS_CALL_FLAGS_NONE, RIG_WAIT_MS, fds, NULL,
                                             handle_answer, &answer);
    rig_wait(answer.done);
    return answer;
}

GVariant *
peer_call(GDBusConnection *connection, const char *path, const char *method, GVariant *arguments,
          char **ret_error)
{
    struct answer answer = call_and_wait(connection, path, method, arguments, NULL);

    if (ret_error) {
        *ret_error = answer.error ? g_dbus_error_get_remote_error(answer.error) : NULL;
        g_clear_error(&answer.error);
    }
    g_assert_no_error(answer.error);
    return answer.reply;
}

void
peer_send(GDBusConnection *connection, const char *path, const char *method, GVariant *arguments)
{
    const char *member;
    g_autofree char *interface = split_method(method, &member);

    g_dbus_connection_call(connection, NULL, path, interface, member, arguments, NULL,
                           G_DBUS_CALL_FLAGS_NONE, -1, NULL, NULL, NULL);
}

gboolean
peer_pass(GDBusConnection *connection, const char *path, const char *method, int fd, GError **error)
{
    g_autoptr(GUnixFDList) fds = g_unix_fd_list_new();
    struct answer answer;

    g_assert_cmpint(g_unix_fd_list_append(fds, fd, NULL), ==, 0);
    answer = call_and_wait(connection, path, method, g_variant_new("(h)", 0), fds);
    if (answer.error) {
        g_propagate_error(error, answer.error);
        return FALSE;
    }
    g_variant_unref(answer.reply);
    return TRUE;
}

GVariant *
peer_get(GDBusConnection *connection, const char *path, const char *interface, const char *property)
{
    g_autoptr(GVariant) reply = peer_call(connection, path, "org.freedesktop.DBus.Properties.Get",
                                          g_variant_new("(ss)", interface, property), NULL);
    GVariant *value;

    g_variant_get(reply, "(v)", &value);
    return value;
}

int
peer_open_port(GDBusConnection *connection, const char *path)
{
    int pair[2];

    g_assert_cmpint(fd_socket_pair(SOCK_STREAM, pair), ==, 0);
    g_assert_true(peer_pass(connection, path, "org.qemu.Display1.Chardev.Register", pair[1], NULL));
    close(pair[1]);
    return pair[0];
}

void
peer_read(int fd, void *bytes, gsize size)
{
    char *at = bytes;

    while (size > 0) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        ssize_t n;

        g_assert_cmpint(poll(&wait, 1, RIG_WAIT_MS), ==, 1);
        n = read(fd, at, size);
        g_assert_cmpint(n, >, 0);
        at += n;
        size -= (gsize)n;
    }
}

/* One plane only. */
static void
record_dmabuf(PeerListener *self, GVariant *arguments, GUnixFDList *fds)
{
    g_autoptr(GVariant) offsets = NULL;
    g_autoptr(GVariant) strides = NULL;

    g_variant_get(arguments, "(@ahuuuu@au@auuuuutb)", NULL, &self->x, &self->y, &self->width,
                  &self->height, &offsets, &strides, NULL, &self->format, &self->whole_width,
                  &self->whole_height, &self->modifier, &self->y0_top);
    g_variant_get_child(offsets, 0, "u", &self->offset);
    g_variant_get_child(strides, 0, "u", &self->stride);
    fd_closep(&self->fd);
    self->fd = g_unix_fd_list_get(fds, 0, NULL);
}

static void
record_scanout(PeerListener *self, GVariant *arguments, GUnixFDList *fds)
{
    if (g_variant_is_of_type(arguments, G_VARIANT_TYPE("(ahuuuuauauuuuutb)"))) {
        record_dmabuf(self, arguments, fds);
        return;
    }
    if (fds) {
        g_variant_get(arguments, "(huuuuu)", NULL, &self->offset, &self->width, &self->height,
                      &self->stride, &self->format);
        fd_closep(&self->fd);
        self->fd = g_unix_fd_list_get(fds, 0, NULL);
        return;
    }
    g_clear_pointer(&self->pixels, g_variant_unref);
    g_variant_get(arguments, "(uuuu@ay)", &self->width, &self->height, &self->stride, &self->format,
                  &self->pixels);
}

static char *
describe(const char *method, GVariant *arguments)
{
    GString *text = g_string_new(method);
    gint values[4];

    if (g_str_has_prefix(method, "Scanout")) {
        return g_string_free(text, FALSE);
    }
    for (gsize i = 0; i < g_variant_n_children(arguments) && i < G_N_ELEMENTS(values); i++) {
        g_autoptr(GVariant) child = g_variant_get_child_value(arguments, i);

        g_string_append_printf(text, " %d", g_variant_get_int32(child));
    }
    return g_string_free(text, FALSE);
}

/* GDBus's own signature. */
static void
handle_call(GDBusConnection *connection, const char *sender, const char *path,
            const char *interface, const char *method, GVariant *arguments,
            GDBusMethodInvocation *invocation, gpointer user_data)
{
    PeerListener *self = user_data;
    GDBusMessage *message = g_dbus_method_invocation_get_message(invocation);

    if (g_str_equal(method, "Get") && self->late) {
        self->question = invocation;
        return;
    }
    if (g_str_equal(method, "Get")) { /* asked of the old client only */
        g_dbus_method_invocation_return_error_literal(
            invocation, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_PROPERTY, "no such property");
        return;
    }
    g_ptr_array_add(self->calls, describe(method, arguments));
    if (g_str_has_prefix(method, "Scanout")) {
        record_scanout(self, arguments, g_dbus_message_get_unix_fd_list(message));
    } else if (g_str_equal(method, "Update")) {
        g_clear_pointer(&self->pixels, g_variant_unref);
        self->pixels = g_variant_get_child_value(arguments, 6);
    } else if (g_str_equal(method, "CursorDefine")) {
        g_clear_pointer(&self->cursor, g_variant_unref);
        self->cursor = g_variant_ref(arguments);
    }
    if ((self->refuse && g_str_equal(method, "ScanoutDMABUF2")) ||
        (self->late && g_str_equal(method, "Scanout"))) {
        g_dbus_method_invocation_return_error_literal(invocation, G_DBUS_ERROR,
                                                      G_DBUS_ERROR_NOT_SUPPORTED, "no");
        return;
    }
    if (self->hold) {
        g_queue_push_tail(&self->held, invocation);
        return;
    }
    self->answered++;
    g_dbus_method_invocation_return_value(invocation, NULL);
}

static GVariant *
handle_get(GDBusConnection *connection, const char *sender, const char *path, const char *interface,
           const char *property, GError **error, gpointer user_data)
{
    static const char *const names[] = {"org.qemu.Display1.Listener.Unix.Map",
                                        "org.qemu.Display1.Listener.Unix.ScanoutDMABUF2", NULL};
    PeerListener *self = user_data;

    return g_variant_new_strv(names, self->dmabuf ? 2 : 1);
}

static const GDBusInterfaceVTable with_map = {.method_call = handle_call,
                                              .get_property = handle_get};
/* A client of the time before Unix.Map: it has no Interfaces property. */
static const GDBusInterfaceVTable without_map = {.method_call = handle_call};

static void
register_interface(PeerListener *self, GDBusInterfaceInfo *info, const GDBusInterfaceVTable *table)
{
    guint i = 0;

    while (self->registered[i]) {
        i++;
    }
    self->registered[i] = g_dbus_connection_register_object(self->connection, LISTENER_PATH, info,
                                                            table, self, NULL, NULL);
    g_assert_cmpuint(self->registered[i], >, 0);
}

enum kind {
    OLD,
    MAP,
    DMABUF,
    LATE,
};

static PeerListener *
listen_as(GDBusConnection *connection, const char *path, enum kind kind)
{
    PeerListener *self = g_new0(PeerListener, 1);
    g_autoptr(GSocket) socket = NULL;
    g_autoptr(GSocketConnection) stream = NULL;
    GError *error = NULL;
    int pair[2];

    g_assert_cmpint(fd_socket_pair(SOCK_STREAM, pair), ==, 0);
    g_assert_true(
        peer_pass(connection, path, "org.qemu.Display1.Console.RegisterListener", pair[1], &error));
    close(pair[1]);
    socket = g_socket_new_from_fd(pair[0], &error);
    g_assert_no_error(error);
    stream = g_socket_connection_factory_create_connection(socket);
    self->fd = -1;
    self->calls = g_ptr_array_new_with_free_func(g_free);
    g_queue_init(&self->held);
    self->connection =
        g_dbus_connection_new_sync(G_IO_STREAM(stream), NULL,
                                   G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                       G_DBUS_CONNECTION_FLAGS_DELAY_MESSAGE_PROCESSING,
                                   NULL, NULL, &error);
    g_assert_no_error(error);
    self->late = kind == LATE;
    register_interface(self, vm_dbus_listener_interface_info(),
                       kind == MAP || kind == DMABUF ? &with_map : &without_map);
    if (kind != OLD) {
        register_interface(self, vm_dbus_listener_unix_map_interface_info(), &with_map);
    }
    if (kind == DMABUF) {
        self->dmabuf = TRUE;
        register_interface(self, vm_dbus_listener_unix_scanout_dmabuf2_interface_info(), &with_map);
    }
    g_dbus_connection_start_message_processing(self->connection);
    return self;
}

PeerListener *
peer_listen(GDBusConnection *connection, const char *path, gboolean map)
{
    return listen_as(connection, path, map ? MAP : OLD);
}

PeerListener *
peer_listen_dmabuf(GDBusConnection *connection, const char *path)
{
    return listen_as(connection, path, DMABUF);
}

PeerListener *
peer_listen_late(GDBusConnection *connection, const char *path)
{
    return listen_as(connection, path, LATE);
}

void
peer_listener_tell_interfaces(PeerListener *self)
{
    static const char *const names[] = {"org.qemu.Display1.Listener.Unix.Map", NULL};

    g_assert_nonnull(self->question);
    g_dbus_method_invocation_return_value(g_steal_pointer(&self->question),
                                          g_variant_new("(v)", g_variant_new_strv(names, -1)));
}

void
peer_listener_go_on(PeerListener *self)
{
    GDBusMethodInvocation *invocation;

    self->hold = FALSE;
    while ((invocation = g_queue_pop_head(&self->held))) {
        self->answered++;
        g_dbus_method_invocation_return_value(invocation, NULL);
    }
}

const char *
peer_listener_last(PeerListener *self)
{
    return self->calls->len > 0 ? g_ptr_array_index(self->calls, self->calls->len - 1) : "";
}

guint
peer_listener_count(PeerListener *self, const char *prefix)
{
    guint count = 0;

    for (guint i = 0; i < self->calls->len; i++) {
        count += g_str_has_prefix(g_ptr_array_index(self->calls, i), prefix);
    }
    return count;
}

void
peer_listener_free(PeerListener *self)
{
    /* Calls that came and were not dispatched yet find nobody. */
    for (guint i = 0; i < G_N_ELEMENTS(self->registered) && self->registered[i]; i++) {
        g_dbus_connection_unregister_object(self->connection, self->registered[i]);
    }
    g_queue_clear_full(&self->held, g_object_unref);
    g_clear_object(&self->question);
    g_dbus_connection_close_sync(self->connection, NULL, NULL);
    g_clear_object(&self->connection);
    g_clear_pointer(&self->pixels, g_variant_unref);
    g_clear_pointer(&self->cursor, g_variant_unref);
    g_ptr_array_unref(self->calls);
    fd_closep(&self->fd);
    g_free(self);
}
