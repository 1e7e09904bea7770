/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copies of what a console shows. */

#include <errno.h>
#include <gio/gunixfdlist.h>
#include <unistd.h>

#include "vmm/client/private.h"

enum {
    THUMBNAIL_EDGE_MAX = 8192,
};

/* The largest thumbnail that was asked for. */
struct thumbnail_size {
    guint width;
    guint height;
};

VmThumbnail *
vm_thumbnail_copy(const VmThumbnail *thumbnail)
{
    VmThumbnail *copy = g_memdup2(thumbnail, sizeof(*thumbnail));

    copy->bytes = g_bytes_ref(thumbnail->bytes);
    return copy;
}

void
vm_thumbnail_free(VmThumbnail *thumbnail)
{
    g_bytes_unref(thumbnail->bytes);
    g_free(thumbnail);
}

G_DEFINE_BOXED_TYPE(VmThumbnail, vm_thumbnail, vm_thumbnail_copy, vm_thumbnail_free)

static GBytes *
read_all(int fd, gsize size)
{
    g_autofree guint8 *data = g_try_malloc(size);
    gsize done = 0;

    while (data && done < size) {
        ssize_t n = pread(fd, data + done, size - done, (off_t)done);

        if (n == 0 || (n < 0 && errno != EINTR)) {
            return NULL;
        }
        done += n > 0 ? (gsize)n : 0;
    }
    return data ? g_bytes_new_take(g_steal_pointer(&data), size) : NULL;
}

static VmThumbnail *
read_thumbnail(GVariant *reply, GUnixFDList *fds, const struct thumbnail_size *max, GError **error)
{
    VmThumbnail thumbnail = {.bytes = NULL};
    int fd = fds && g_unix_fd_list_get_length(fds) > 0 ? g_unix_fd_list_get(fds, 0, error) : -1;

    g_variant_get(reply, "(huuu)", NULL, &thumbnail.width, &thumbnail.height, &thumbnail.stride);
    if (fd >= 0 && thumbnail.width > 0 && thumbnail.width <= max->width && thumbnail.height > 0 &&
        thumbnail.height <= max->height && thumbnail.stride >= thumbnail.width * 4 &&
        thumbnail.stride <= THUMBNAIL_EDGE_MAX * 4) {
        thumbnail.bytes = read_all(fd, (gsize)thumbnail.stride * thumbnail.height);
    }
    if (fd >= 0) {
        close(fd);
    }
    if (!thumbnail.bytes) {
        if (error && !*error) {
            g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                                "the machine sent no valid picture");
        }
        return NULL;
    }
    return g_memdup2(&thumbnail, sizeof(thumbnail));
}

static void
handle_thumbnail(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(GUnixFDList) fds = NULL;
    GError *error = NULL;
    VmThumbnail *thumbnail = NULL;
    g_autoptr(GVariant) reply = g_dbus_connection_call_with_unix_fd_list_finish(
        G_DBUS_CONNECTION(source), &fds, result, &error);

    if (reply) {
        thumbnail = read_thumbnail(reply, fds, g_task_get_task_data(task), &error);
    }
    if (thumbnail) {
        g_task_return_pointer(task, thumbnail, (GDestroyNotify)(void (*)(void))vm_thumbnail_free);
    } else {
        g_task_return_error(task, error);
    }
}

/* GIO's usual form. */
void
vm_console_get_thumbnail_async(VmConsole *self, guint max_width, guint max_height,
                               GCancellable *cancellable, GAsyncReadyCallback callback,
                               gpointer user_data)
{
    GTask *task = g_task_new(self, cancellable, callback, user_data);
    GDBusConnection *link = vm_console_get_link(self);
    const struct thumbnail_size max = {max_width ? max_width : THUMBNAIL_EDGE_MAX,
                                       max_height ? max_height : THUMBNAIL_EDGE_MAX};

    g_return_if_fail(VM_IS_CONSOLE(self));
    g_task_set_task_data(task, g_memdup2(&max, sizeof(max)), g_free);
    if (!link) {
        g_task_return_new_error(task, G_IO_ERROR, G_IO_ERROR_NOT_CONNECTED, "not connected");
        g_object_unref(task);
        return;
    }
    g_dbus_connection_call_with_unix_fd_list(
        link, NULL, vm_console_get_path(self), "org.vitrine.Vmm1.Picture", "GetPicture",
        g_variant_new("(uu)", max_width, max_height), G_VARIANT_TYPE("(huuu)"),
        G_DBUS_CALL_FLAGS_NONE, VM_CALL_TIMEOUT_MS, NULL, cancellable, handle_thumbnail, task);
}

VmThumbnail *
vm_console_get_thumbnail_finish(VmConsole *self, GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(result, self), NULL);
    return g_task_propagate_pointer(G_TASK(result), error);
}
