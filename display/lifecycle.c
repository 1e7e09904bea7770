/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "display/lifecycle.h"

#include "display/client-limits.h"
#include "display/client.h"
#include "display/guest-config.h"
#include "display/guest-error.h"
#include "display/peer.h"
#include "display/server.h"
#include "vm-dbus-vmm1.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/message.h"

#define LIFECYCLE_PATH "/org/vitrine/Vmm1"

enum {
    FLUSH_MS = 500, /* for the readers of ports, when the machine is gone */
};

enum life {
    LIFE_NEW,
    LIFE_CREATING,
    LIFE_CREATED,
    LIFE_RUNNING,
    LIFE_STOPPED,
};

struct _VmLifecycle {
    GObject parent_instance;
    VmSupervisorLink *supervisor;
    GSocketConnection *stream;
    GDBusConnection *connection;
    VmClientLimits *limits;
    VmDbusGuestLifecycle *skeleton;
    enum life life;
    VmModel *model;   /* from LIFE_CREATED on */
    VmServer *server; /* the same */
    GDBusMethodInvocation *create;
    GDBusMethodInvocation *run;
    GPtrArray *stops; /* of GDBusMethodInvocation */
    GError *fault;    /* a created machine ended before Run, which tells */
    gboolean ended;
};

G_DEFINE_FINAL_TYPE(VmLifecycle, vm_lifecycle, G_TYPE_OBJECT)

static guint closed; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */

static void
set_life(VmLifecycle *self, enum life life)
{
    static const char *const names[] = {
        [LIFE_NEW] = "new",         [LIFE_CREATING] = "creating", [LIFE_CREATED] = "created",
        [LIFE_RUNNING] = "running", [LIFE_STOPPED] = "stopped",
    };

    self->life = life;
    vm_dbus_guest_lifecycle_set_state(self->skeleton, names[life]);
}

static void
refuse(GDBusMethodInvocation *invocation, enum guest_error code, const char *sentence)
{
    g_dbus_method_invocation_return_error_literal(invocation, VM_GUEST_ERROR, (gint)code, sentence);
}

/* -- Create -- */

/* The JSON goes as a memory file, then come the descriptors that it names. */
static gboolean
send_config(VmLifecycle *self, const VmGuestConfig *config, GError **error)
{
    cleanup_fd int json = fd_memory_file("machine", config->json->len);
    int fds[VM_GUEST_CONFIG_HANDLES_MAX + 1];
    gsize n = 0;

    G_STATIC_ASSERT(G_N_ELEMENTS(fds) <= MESSAGE_FDS_MAX);
    fds[n++] = json;
    for (guint i = 0; i < config->fds->len; i++) {
        fds[n++] = g_array_index(config->fds, int, i);
    }
    if (json < 0 || fd_write_full(json, config->json->str, config->json->len) < 0 ||
        !vm_supervisor_link_send_fds(self->supervisor, DISPLAY_CREATE, fds, n)) {
        g_set_error_literal(error, VM_GUEST_ERROR, GUEST_ERROR_INTERNAL_ERROR,
                            "The supervisor takes no request now.");
        return FALSE;
    }
    return TRUE;
}

static gboolean
handle_create(VmDbusGuestLifecycle *skeleton, GDBusMethodInvocation *invocation, GUnixFDList *fds,
              GVariant *values, VmLifecycle *self)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VmGuestConfig) config = NULL;

    if (self->life != LIFE_NEW && self->life != LIFE_STOPPED) {
        refuse(invocation, GUEST_ERROR_ALREADY_RUNNING, "There is a machine; stop it first.");
        return TRUE;
    }
    config = vm_guest_config_new(values, fds, &error);
    if (!config || !send_config(self, config, &error)) {
        g_dbus_method_invocation_return_gerror(invocation, error);
        return TRUE;
    }
    g_clear_error(&self->fault);
    self->create = invocation;
    set_life(self, LIFE_CREATING);
    return TRUE;
}

/* Numbers in the setup are places in the message. */
static int
take_descriptor(struct message_fds *fds, int index)
{
    return index < 0 ? -1 : message_take_fd(fds, (size_t)index);
}

static void
take_descriptors(struct display_setup *setup, struct message_fds *fds)
{
    setup->gpu_fd = take_descriptor(fds, setup->gpu_fd);
    setup->keyboard_fd = take_descriptor(fds, setup->keyboard_fd);
    setup->pointer_fd = take_descriptor(fds, setup->pointer_fd);
    for (guint i = 0; i < setup->n_chardevs; i++) {
        struct display_chardev *chardev = &setup->chardev[i];

        chardev->stream_fd = take_descriptor(fds, chardev->stream_fd);
        chardev->history_fd = take_descriptor(fds, chardev->history_fd);
        chardev->output_fd = take_descriptor(fds, chardev->output_fd);
        chardev->input_fd = take_descriptor(fds, chardev->input_fd);
    }
}

static void
handle_created(VmLifecycle *self, const struct display_created *created, struct message_fds *fds)
{
    GDBusMethodInvocation *invocation = g_steal_pointer(&self->create);
    struct display_setup setup = created->setup;
    g_autoptr(GError) error = NULL;

    if (!invocation) {
        log_error("the supervisor answers what was not asked");
        return;
    }
    if (created->error != GUEST_ERROR_NONE) {
        set_life(self, LIFE_STOPPED);
        refuse(invocation, created->error, created->sentence);
        for (guint i = 0; i < self->stops->len; i++) {
            vm_dbus_guest_lifecycle_complete_stop(self->skeleton, self->stops->pdata[i]);
        }
        g_ptr_array_set_size(self->stops, 0);
        return;
    }
    take_descriptors(&setup, fds);
    self->model = vm_model_new(&setup, self->supervisor, &error);
    self->server = self->model ? vm_server_new(self->model, -1, &error) : NULL;
    set_life(self, LIFE_CREATED);
    if (self->server) {
        vm_dbus_guest_lifecycle_complete_create(self->skeleton, invocation, NULL);
        return;
    }
    refuse(invocation, GUEST_ERROR_INTERNAL_ERROR, error->message);
    vm_supervisor_link_send(self->supervisor, DISPLAY_STOP);
}

/* -- Bind, Run, Stop -- */

static gboolean
handle_bind(VmDbusGuestLifecycle *skeleton, GDBusMethodInvocation *invocation, GUnixFDList *fds,
            GVariant *handle, VmLifecycle *self)
{
    g_autoptr(GSocketConnection) stream = NULL;
    g_autoptr(GError) error = NULL;
    int fd;

    if ((self->life != LIFE_CREATED && self->life != LIFE_RUNNING) || !self->server) {
        /* The descriptor closes with the message. */
        refuse(invocation, GUEST_ERROR_NOT_CREATED, "There is no machine; call Create first.");
        return TRUE;
    }
    fd = vm_client_take_handle(fds, handle, &error);
    stream = fd >= 0 ? vm_peer_import(fd, &error) : NULL;
    if (!stream) {
        g_dbus_method_invocation_return_gerror(invocation, error);
    } else if (!vm_server_add(self->server, stream)) {
        g_dbus_method_invocation_return_error_literal(invocation, G_DBUS_ERROR,
                                                      G_DBUS_ERROR_LIMITS_EXCEEDED,
                                                      "There are 16 clients already.");
    } else {
        vm_dbus_guest_lifecycle_complete_bind(skeleton, invocation, NULL);
    }
    return TRUE;
}

static gboolean
handle_run(VmDbusGuestLifecycle *skeleton, GDBusMethodInvocation *invocation, VmLifecycle *self)
{
    if (self->life == LIFE_RUNNING) {
        refuse(invocation, GUEST_ERROR_ALREADY_RUNNING, "The machine runs.");
    } else if (self->fault) {
        g_dbus_method_invocation_return_gerror(invocation, self->fault);
        g_clear_error(&self->fault);
    } else if (self->life != LIFE_CREATED) {
        refuse(invocation, GUEST_ERROR_NOT_CREATED, "There is no machine; call Create first.");
    } else if (!vm_supervisor_link_send(self->supervisor, DISPLAY_RUN)) {
        refuse(invocation, GUEST_ERROR_INTERNAL_ERROR, "The supervisor takes no request now.");
    } else {
        self->run = invocation;
        set_life(self, LIFE_RUNNING);
    }
    return TRUE;
}

static gboolean
handle_stop(VmDbusGuestLifecycle *skeleton, GDBusMethodInvocation *invocation, VmLifecycle *self)
{
    if (self->life == LIFE_NEW || self->life == LIFE_STOPPED) {
        vm_dbus_guest_lifecycle_complete_stop(skeleton, invocation);
    } else if (self->stops->len == 0 && !vm_supervisor_link_send(self->supervisor, DISPLAY_STOP)) {
        refuse(invocation, GUEST_ERROR_INTERNAL_ERROR, "The supervisor takes no request now.");
    } else {
        g_ptr_array_add(self->stops, invocation);
    }
    return TRUE;
}

static void
drop_machine(VmLifecycle *self)
{
    if (self->model) {
        GPtrArray *ports = vm_model_get_ports(self->model);

        for (guint i = 0; i < ports->len; i++) {
            vm_port_flush_readers(g_ptr_array_index(ports, i), FLUSH_MS);
        }
    }
    if (self->server) {
        vm_server_close(self->server);
    }
    g_clear_object(&self->server);
    g_clear_object(&self->model);
}

static void
handle_ended(VmLifecycle *self, const struct display_ended *ended)
{
    GDBusMethodInvocation *run = g_steal_pointer(&self->run);

    drop_machine(self);
    set_life(self, LIFE_STOPPED);
    if (run && ended->error == GUEST_ERROR_NONE) {
        vm_dbus_guest_lifecycle_complete_run(self->skeleton, run, ended->exit_status);
    } else if (run) {
        refuse(run, ended->error, ended->sentence);
    } else if (ended->error != GUEST_ERROR_NONE &&
               ended->error != GUEST_ERROR_CONTROLLER_FORCED_HALT) {
        self->fault = g_error_new_literal(VM_GUEST_ERROR, (gint)ended->error, ended->sentence);
    }
    for (guint i = 0; i < self->stops->len; i++) {
        vm_dbus_guest_lifecycle_complete_stop(self->skeleton, self->stops->pdata[i]);
    }
    g_ptr_array_set_size(self->stops, 0);
}

/* -- the connection -- */

static void
end(VmLifecycle *self)
{
    if (!self->ended) {
        self->ended = TRUE;
        g_signal_emit(self, closed, 0);
    }
}

static void
handle_exceeded(gpointer owner)
{
    log_warning("the client left more than %d calls unanswered, disconnected", VM_CLIENT_CALLS_MAX);
    end(VM_LIFECYCLE(owner));
}

static void
handle_drained(gpointer owner)
{
}

static void
handle_opened(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(VmLifecycle) self = VM_LIFECYCLE(user_data);
    g_autoptr(GError) error = NULL;

    self->connection = vm_peer_open_finish(result, &error);
    if (!self->connection) {
        log_info("a client was refused: %s", error->message);
        end(self);
        return;
    }
    self->limits = vm_client_limits_new(self->connection, G_OBJECT(self), VM_CLIENT_CALLS_MAX);
    self->limits->exceeded = handle_exceeded;
    self->limits->drained = handle_drained;
    g_signal_connect_object(self->connection, "closed", G_CALLBACK(end), self, G_CONNECT_SWAPPED);
    if (!g_dbus_interface_skeleton_export(G_DBUS_INTERFACE_SKELETON(self->skeleton),
                                          self->connection, LIFECYCLE_PATH, &error)) {
        log_error("%s: %s", LIFECYCLE_PATH, error->message);
        end(self);
        return;
    }
    g_dbus_connection_start_message_processing(self->connection);
    if (g_dbus_connection_is_closed(self->connection)) {
        end(self);
    }
}

static void
vm_lifecycle_finalize(GObject *object)
{
    VmLifecycle *self = VM_LIFECYCLE(object);

    g_clear_object(&self->server);
    g_clear_object(&self->model);
    g_clear_object(&self->skeleton);
    g_clear_object(&self->connection);
    g_clear_pointer(&self->limits, vm_client_limits_unref);
    g_clear_object(&self->stream);
    g_clear_object(&self->supervisor);
    g_clear_pointer(&self->stops, g_ptr_array_unref);
    g_clear_error(&self->fault);
    G_OBJECT_CLASS(vm_lifecycle_parent_class)->finalize(object);
}

static void
vm_lifecycle_class_init(VmLifecycleClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = vm_lifecycle_finalize;
    closed = g_signal_new("closed", G_TYPE_FROM_CLASS(klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                          NULL, G_TYPE_NONE, 0);
}

static void
vm_lifecycle_init(VmLifecycle *self)
{
    self->stops = g_ptr_array_new();
    self->skeleton = vm_dbus_guest_lifecycle_skeleton_new();
    set_life(self, LIFE_NEW);
    g_signal_connect(self->skeleton, "handle-create", G_CALLBACK(handle_create), self);
    g_signal_connect(self->skeleton, "handle-bind", G_CALLBACK(handle_bind), self);
    g_signal_connect(self->skeleton, "handle-run", G_CALLBACK(handle_run), self);
    g_signal_connect(self->skeleton, "handle-stop", G_CALLBACK(handle_stop), self);
}

VmLifecycle *
vm_lifecycle_new(VmSupervisorLink *supervisor, int connection_fd, GError **error)
{
    g_autoptr(GSocketConnection) stream = vm_peer_import(connection_fd, error);
    VmLifecycle *self;

    if (!stream) {
        return NULL;
    }
    self = g_object_new(VM_TYPE_LIFECYCLE, NULL);
    self->supervisor = g_object_ref(supervisor);
    self->stream = g_steal_pointer(&stream);
    g_signal_connect_object(supervisor, "created", G_CALLBACK(handle_created), self,
                            G_CONNECT_SWAPPED);
    g_signal_connect_object(supervisor, "ended", G_CALLBACK(handle_ended), self, G_CONNECT_SWAPPED);
    vm_peer_open_async(G_IO_STREAM(self->stream), handle_opened, g_object_ref(self));
    return self;
}
