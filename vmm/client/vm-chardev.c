/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/client/vm-chardev.h"

#include <gio/gunixfdlist.h>
#include <string.h>
#include <unistd.h>

#include "vmm/client/plain-text.h"
#include "vmm/client/private.h"

#define CHARDEV_INTERFACE "org.qemu.Display1.Chardev"
#define NAME_PREFIX       "org.qemu.console."
#define LABEL_MAX         64 /* characters */

struct _VmChardev {
    GObject parent_instance;
    char *path;
    char *name;
    char *label;
    GDBusConnection *link;
};

G_DEFINE_FINAL_TYPE(VmChardev, vm_chardev, G_TYPE_OBJECT)

enum {
    PROP_0,
    PROP_NAME,
    PROP_LABEL,
    PROP_CONNECTED,
    N_PROPS
};

static GParamSpec
    *properties[N_PROPS]; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */

static void
vm_chardev_finalize(GObject *object)
{
    VmChardev *self = VM_CHARDEV(object);

    g_clear_object(&self->link);
    g_clear_pointer(&self->path, g_free);
    g_clear_pointer(&self->name, g_free);
    g_clear_pointer(&self->label, g_free);
    G_OBJECT_CLASS(vm_chardev_parent_class)->finalize(object);
}

static void
vm_chardev_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
    VmChardev *self = VM_CHARDEV(object);

    switch (id) {
    case PROP_NAME:
        g_value_set_string(value, vm_chardev_get_name(self));
        break;
    case PROP_LABEL:
        g_value_set_string(value, vm_chardev_get_label(self));
        break;
    case PROP_CONNECTED:
        g_value_set_boolean(value, vm_chardev_get_connected(self));
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    }
}

static void
vm_chardev_class_init(VmChardevClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS(klass);
    const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

    object_class->finalize = vm_chardev_finalize;
    object_class->get_property = vm_chardev_get_property;
    properties[PROP_NAME] = g_param_spec_string("name", NULL, NULL, NULL, flags);
    properties[PROP_LABEL] = g_param_spec_string("label", NULL, NULL, NULL, flags);
    properties[PROP_CONNECTED] = g_param_spec_boolean("connected", NULL, NULL, FALSE, flags);
    g_object_class_install_properties(object_class, N_PROPS, properties);
}

static void
vm_chardev_init(VmChardev *self)
{
}

VmChardev *
vm_chardev_new(const char *path)
{
    VmChardev *self = g_object_new(VM_TYPE_CHARDEV, NULL);

    self->path = g_strdup(path);
    return self;
}

const char *
vm_chardev_get_path(VmChardev *self)
{
    g_return_val_if_fail(VM_IS_CHARDEV(self), NULL);
    return self->path;
}

const char *
vm_chardev_get_name(VmChardev *self)
{
    g_return_val_if_fail(VM_IS_CHARDEV(self), NULL);
    return self->name ? self->name : "";
}

const char *
vm_chardev_get_label(VmChardev *self)
{
    g_return_val_if_fail(VM_IS_CHARDEV(self), NULL);
    return self->label && *self->label ? self->label : vm_chardev_get_name(self);
}

gboolean
vm_chardev_get_connected(VmChardev *self)
{
    g_return_val_if_fail(VM_IS_CHARDEV(self), FALSE);
    return self->link != NULL;
}

void
vm_chardev_set_link(VmChardev *self, GDBusConnection *link)
{
    g_return_if_fail(VM_IS_CHARDEV(self));
    if (g_set_object(&self->link, link)) {
        g_object_notify_by_pspec(G_OBJECT(self), properties[PROP_CONNECTED]);
    }
}

void
vm_chardev_update(VmChardev *self, GVariant *values)
{
    const char *text;

    g_return_if_fail(VM_IS_CHARDEV(self));
    if (g_variant_lookup(values, "Name", "&s", &text)) {
        g_free(self->name);
        self->name = vm_plain_text(
            g_str_has_prefix(text, NAME_PREFIX) ? text + strlen(NAME_PREFIX) : text, LABEL_MAX);
        g_object_notify_by_pspec(G_OBJECT(self), properties[PROP_NAME]);
    }
    if (g_variant_lookup(values, "Label", "&s", &text)) {
        g_free(self->label);
        self->label = vm_plain_text(text, LABEL_MAX);
        g_object_notify_by_pspec(G_OBJECT(self), properties[PROP_LABEL]);
    }
}

static void
close_stream(gpointer data)
{
    int *fd = data;

    if (*fd >= 0) {
        close(*fd);
    }
    g_free(fd);
}

static void
handle_registered(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    GError *error = NULL;
    g_autoptr(GVariant) reply = g_dbus_connection_call_with_unix_fd_list_finish(
        G_DBUS_CONNECTION(source), NULL, result, &error);
    int *fd;

    if (!reply) {
        g_task_return_error(task, error);
        return;
    }
    fd = g_task_get_task_data(task);
    g_task_return_int(task, g_steal_fd(fd));
}

void
vm_chardev_open_async(VmChardev *self, GCancellable *cancellable, GAsyncReadyCallback callback,
                      gpointer user_data)
{
    GTask *task = g_task_new(self, cancellable, callback, user_data);
    g_autoptr(GUnixFDList) fds = g_unix_fd_list_new();
    GError *error = NULL;
    int fd;

    g_return_if_fail(VM_IS_CHARDEV(self));
    if (!self->link) {
        g_task_return_new_error(task, G_IO_ERROR, G_IO_ERROR_NOT_CONNECTED, "not connected");
        g_object_unref(task);
        return;
    }
    fd = vm_stream_pair(fds, &error);
    if (fd < 0) {
        g_task_return_error(task, error);
        g_object_unref(task);
        return;
    }
    g_task_set_task_data(task, g_memdup2(&fd, sizeof(fd)), close_stream);
    g_dbus_connection_call_with_unix_fd_list(
        self->link, NULL, self->path, CHARDEV_INTERFACE, "Register", g_variant_new("(h)", 0), NULL,
        G_DBUS_CALL_FLAGS_NONE, VM_CALL_TIMEOUT_MS, fds, cancellable, handle_registered, task);
}

int
vm_chardev_open_finish(VmChardev *self, GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(result, self), -1);
    return (int)g_task_propagate_int(G_TASK(result), error);
}
