/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "display/client.h"

#include <gio/gunixfdlist.h>

#include "display/client-limits.h"
#include "display/listener.h"
#include "display/objects.h"
#include "display/peer.h"
#include "vmm/base/log.h"

#define DISPLAY_ROOT "/org/qemu/Display1"
#define MACHINE_ROOT "/org/vitrine/Vmm1"

/* One exported interface and how its properties follow the model. */
struct view {
    GDBusInterfaceSkeleton *interface;
    VmClientUpdate update;
    gpointer data;
    char *path;
    gboolean direct; /* exported by us, not by an object manager */
};

struct _VmClient {
    GObject parent_instance;
    VmModel *model;
    GIOStream *stream;
    GDBusConnection *connection;
    VmClientLimits *limits;
    GDBusObjectManagerServer *display_objects;
    GDBusObjectManagerServer *machine_objects;
    GArray *views;
    GPtrArray *listeners;
    gboolean consoles[VM_SCREENS_MAX]; /* which of the objects there are */
    VmInputHolder *holder;
    guint update_source;
    gboolean update_wanted;
    gboolean ended;
};

G_DEFINE_FINAL_TYPE(VmClient, vm_client, G_TYPE_OBJECT)

static guint closed; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */
static guint brings; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */

static void
view_clear(gpointer data)
{
    struct view *view = data;

    g_clear_object(&view->interface);
    g_clear_pointer(&view->path, g_free);
}

/* Bring one interface up to date; returns how many PropertiesChanged signals that sends. */
static guint
update_view(VmClient *self, const struct view *view)
{
    g_autoptr(GVariant) before = g_dbus_interface_skeleton_get_properties(view->interface);
    g_autoptr(GVariant) after = NULL;

    view->update(view->interface, self, view->data);
    after = g_dbus_interface_skeleton_get_properties(view->interface);
    return g_variant_equal(before, after) ? 0 : 1;
}

/* A display was taken away: so are its object and its listeners. */
static void
unexport_console(VmClient *self, guint number)
{
    g_autofree char *path = g_strdup_printf(DISPLAY_ROOT "/Console_%u", number);

    for (guint i = self->listeners->len; i > 0; i--) {
        VmListener *listener = g_ptr_array_index(self->listeners, i - 1);

        if (vm_screen_get_number(vm_listener_get_screen(listener)) == number) {
            g_signal_handlers_disconnect_by_data(listener, self);
            vm_listener_close(listener);
            g_ptr_array_remove_index(self->listeners, i - 1);
        }
    }
    for (guint i = self->views->len; i > 0; i--) {
        if (g_str_equal(g_array_index(self->views, struct view, i - 1).path, path)) {
            g_array_remove_index(self->views, i - 1);
        }
    }
    g_dbus_object_manager_server_unexport(self->display_objects, path);
}

/* One object for each display that is plugged in. */
static void
sync_consoles(VmClient *self)
{
    VmGpuLink *gpu = vm_model_get_gpu(self->model);

    for (guint i = 0; i < vm_gpu_link_get_maximum(gpu); i++) {
        VmScreen *screen = vm_gpu_link_get_screen(gpu, i);

        if (screen && !self->consoles[i]) {
            vm_console_object_export(self, screen);
        } else if (!screen && self->consoles[i]) {
            unexport_console(self, i);
        }
        self->consoles[i] = screen != NULL;
    }
}

/* Nothing is sent before the client has read what was sent last: its queue stays short. */
static gboolean
update_views(gpointer user_data)
{
    VmClient *self = VM_CLIENT(user_data);

    self->update_source = 0;
    if (!vm_client_limits_is_drained(self->limits)) {
        self->update_wanted = TRUE;
        return G_SOURCE_REMOVE;
    }
    self->update_wanted = FALSE;
    sync_consoles(self);
    for (guint i = 0; i < self->views->len; i++) {
        const struct view *view = &g_array_index(self->views, struct view, i);

        vm_client_limits_add_signals(self->limits, update_view(self, view));
        g_dbus_interface_skeleton_flush(view->interface);
    }
    return G_SOURCE_REMOVE;
}

static void
handle_model_changed(VmClient *self)
{
    if (self->limits && !self->update_source) {
        self->update_source = g_idle_add_full(G_PRIORITY_DEFAULT, update_views, self, NULL);
    }
}

static void
handle_drained(gpointer owner)
{
    VmClient *self = VM_CLIENT(owner);

    if (self->update_wanted) {
        handle_model_changed(self);
    }
}

static void
end(VmClient *self)
{
    g_autoptr(VmClient) keep = g_object_ref(self);

    if (self->ended) {
        return;
    }
    self->ended = TRUE;
    g_clear_handle_id(&self->update_source, g_source_remove);
    vm_model_trace_end(self->model, self);
    g_signal_handlers_disconnect_by_data(self->model, self);
    g_signal_handlers_disconnect_by_data(vm_model_get_gpu(self->model), self);
    for (guint i = 0; i < self->listeners->len; i++) {
        g_signal_handlers_disconnect_by_data(g_ptr_array_index(self->listeners, i), self);
        vm_listener_close(g_ptr_array_index(self->listeners, i));
    }
    g_ptr_array_set_size(self->listeners, 0);
    g_clear_pointer(&self->holder, vm_input_holder_free);
    for (guint i = 0; i < self->views->len; i++) {
        const struct view *view = &g_array_index(self->views, struct view, i);

        if (view->direct) { /* the object managers do the others */
            g_dbus_interface_skeleton_unexport(view->interface);
        }
    }
    g_array_set_size(self->views, 0);
    g_clear_object(&self->display_objects);
    g_clear_object(&self->machine_objects);
    if (self->connection) {
        g_signal_handlers_disconnect_by_data(self->connection, self);
        g_dbus_connection_close(self->connection, NULL, NULL, NULL);
    }
    g_signal_emit(self, closed, 0);
}

static void
handle_exceeded(gpointer owner)
{
    log_warning("a client left more than %d calls unanswered, disconnected", VM_CLIENT_CALLS_MAX);
    end(VM_CLIENT(owner));
}

static void
handle_screens_changed(VmClient *self)
{
    if (vm_client_limits_is_drained(self->limits)) {
        sync_consoles(self); /* before an answer that names one */
    }
    handle_model_changed(self);
}

static void
export_all(VmClient *self)
{
    VmGpuLink *gpu = vm_model_get_gpu(self->model);
    GPtrArray *ports = vm_model_get_ports(self->model);

    self->display_objects = g_dbus_object_manager_server_new(DISPLAY_ROOT);
    self->machine_objects = g_dbus_object_manager_server_new(MACHINE_ROOT);
    vm_machine_object_export(self);
    vm_trace_object_export(self);
    vm_displays_object_export(self);
    vm_guest_object_export(self);
    vm_vm_object_export(self);
    sync_consoles(self);
    for (guint i = 0; i < ports->len; i++) {
        vm_chardev_object_export(self, g_ptr_array_index(ports, i));
    }
    g_dbus_object_manager_server_set_connection(self->display_objects, self->connection);
    g_dbus_object_manager_server_set_connection(self->machine_objects, self->connection);
    g_signal_connect_object(gpu, "screen-added", G_CALLBACK(handle_screens_changed), self,
                            G_CONNECT_SWAPPED);
    g_signal_connect_object(gpu, "screen-removed", G_CALLBACK(handle_screens_changed), self,
                            G_CONNECT_SWAPPED);
    g_signal_connect_object(self->model, "changed", G_CALLBACK(handle_model_changed), self,
                            G_CONNECT_SWAPPED);
}

static void
handle_opened(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(VmClient) self = VM_CLIENT(user_data);
    g_autoptr(GError) error = NULL;
    g_autoptr(GDBusConnection) connection = vm_peer_open_finish(result, &error);

    if (!connection) {
        log_info("a client was refused: %s", error->message);
        end(self);
        return;
    }
    self->connection = g_steal_pointer(&connection);
    self->limits = vm_client_limits_new(self->connection, G_OBJECT(self), VM_CLIENT_CALLS_MAX);
    self->limits->exceeded = handle_exceeded;
    self->limits->drained = handle_drained;
    g_signal_connect_object(self->connection, "closed", G_CALLBACK(end), self, G_CONNECT_SWAPPED);
    export_all(self);
    g_dbus_connection_start_message_processing(self->connection);
    if (g_dbus_connection_is_closed(self->connection)) {
        end(self);
    }
}

static void
vm_client_finalize(GObject *object)
{
    VmClient *self = VM_CLIENT(object);

    g_clear_handle_id(&self->update_source, g_source_remove);
    g_clear_pointer(&self->holder, vm_input_holder_free);
    g_clear_pointer(&self->views, g_array_unref);
    g_clear_pointer(&self->listeners, g_ptr_array_unref);
    g_clear_object(&self->display_objects);
    g_clear_object(&self->machine_objects);
    g_clear_object(&self->connection);
    g_clear_pointer(&self->limits, vm_client_limits_unref);
    g_clear_object(&self->stream);
    g_clear_object(&self->model);
    G_OBJECT_CLASS(vm_client_parent_class)->finalize(object);
}

static void
vm_client_class_init(VmClientClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = vm_client_finalize;
    brings = g_signal_new("brings", G_TYPE_FROM_CLASS(klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                          NULL, G_TYPE_BOOLEAN, 1, G_TYPE_SOCKET_CONNECTION);
    closed = g_signal_new("closed", G_TYPE_FROM_CLASS(klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                          NULL, G_TYPE_NONE, 0);
}

static void
vm_client_init(VmClient *self)
{
    self->views = g_array_new(FALSE, FALSE, sizeof(struct view));
    g_array_set_clear_func(self->views, view_clear);
    self->listeners = g_ptr_array_new_with_free_func(g_object_unref);
}

VmClient *
vm_client_new(VmModel *model, GIOStream *stream)
{
    VmClient *self = g_object_new(VM_TYPE_CLIENT, NULL);

    self->model = g_object_ref(model);
    self->stream = g_object_ref(stream);
    self->holder = vm_input_holder_new(vm_model_get_input(model));
    vm_peer_open_async(stream, handle_opened, g_object_ref(self));
    return self;
}

void
vm_client_close(VmClient *self)
{
    g_return_if_fail(VM_IS_CLIENT(self));
    if (self->connection) {
        g_dbus_connection_close(self->connection, NULL, NULL, NULL);
    } else {
        g_io_stream_close(self->stream, NULL, NULL);
    }
    end(self);
}

VmModel *
vm_client_get_model(VmClient *self)
{
    g_return_val_if_fail(VM_IS_CLIENT(self), NULL);
    return self->model;
}

VmInputHolder *
vm_client_get_holder(VmClient *self)
{
    g_return_val_if_fail(VM_IS_CLIENT(self), NULL);
    return self->holder;
}

/* Below the object manager's root; the root itself takes interfaces directly. */
static void
add_to_manager(GDBusObjectManagerServer *manager, const char *path,
               GDBusInterfaceSkeleton *interface)
{
    g_autoptr(GDBusObject) known =
        g_dbus_object_manager_get_object(G_DBUS_OBJECT_MANAGER(manager), path);
    g_autoptr(GDBusObjectSkeleton) object = NULL;

    if (known) {
        g_dbus_object_skeleton_add_interface(G_DBUS_OBJECT_SKELETON(known), interface);
        return;
    }
    object = g_dbus_object_skeleton_new(path);
    g_dbus_object_skeleton_add_interface(object, interface);
    g_dbus_object_manager_server_export(manager, object);
}

void
vm_client_export(VmClient *self, const char *path, GDBusInterfaceSkeleton *interface,
                 VmClientUpdate update, gpointer data)
{
    struct view view = {.interface = g_object_ref(interface),
                        .update = update,
                        .data = data,
                        .path = g_strdup(path)};
    g_autoptr(GError) error = NULL;

    g_return_if_fail(VM_IS_CLIENT(self));
    update(interface, self, data);
    if (g_str_has_prefix(path, DISPLAY_ROOT "/")) {
        add_to_manager(self->display_objects, path, interface);
    } else if (g_str_has_prefix(path, MACHINE_ROOT "/")) {
        add_to_manager(self->machine_objects, path, interface);
    } else if (g_dbus_interface_skeleton_export(interface, self->connection, path, &error)) {
        view.direct = TRUE;
    } else {
        log_warning("%s: %s", path, error->message);
    }
    g_array_append_val(self->views, view);
}

static void
handle_listener_closed(VmListener *listener, VmClient *self)
{
    g_ptr_array_remove(self->listeners, listener);
}

gboolean
vm_client_add_listener(VmClient *self, VmScreen *screen, int fd, GError **error)
{
    g_autoptr(GSocketConnection) stream = vm_peer_import(fd, error);
    VmListener *listener;

    g_return_val_if_fail(VM_IS_CLIENT(self), FALSE);
    if (!stream) {
        return FALSE;
    }
    if (self->listeners->len >= VM_CLIENT_LISTENERS_MAX) {
        g_set_error(error, G_DBUS_ERROR, G_DBUS_ERROR_LIMITS_EXCEEDED,
                    "at most %d listeners per client", VM_CLIENT_LISTENERS_MAX);
        return FALSE;
    }
    listener = vm_listener_new(screen, stream, error);
    if (!listener) {
        return FALSE;
    }
    g_signal_connect_object(listener, "closed", G_CALLBACK(handle_listener_closed), self, 0);
    g_ptr_array_add(self->listeners, listener);
    return TRUE;
}

int
vm_client_take_handle(GUnixFDList *fds, GVariant *index, GError **error)
{
    gint32 handle = g_variant_get_handle(index);

    if (!fds || handle < 0 || handle >= g_unix_fd_list_get_length(fds)) {
        g_set_error_literal(error, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS,
                            "the message carries no descriptor");
        return -1;
    }
    return g_unix_fd_list_get(fds, handle, error);
}

gboolean
vm_client_bring(VmClient *self, GSocketConnection *stream)
{
    gboolean taken = FALSE;

    g_return_val_if_fail(VM_IS_CLIENT(self), FALSE);
    g_signal_emit(self, brings, 0, stream, &taken);
    return taken;
}
