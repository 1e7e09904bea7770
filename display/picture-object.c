/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gio/gunixfdlist.h>

#include "display/objects.h"
#include "display/picture.h"
#include "vm-dbus-vmm1.h"
#include "vmm/base/fd.h"

enum {
    PIXELS_MS = 2000, /* for the graphics card to tell them */
};

struct asked {
    VmDbusPicture *picture; /* a reference */
    GDBusMethodInvocation *invocation;
    guint max_width;
    guint max_height;
};

static void
update_picture(GDBusInterfaceSkeleton *interface, VmClient *client, gpointer data)
{
}

/* Told once: what is drawn from here on, the client does not know either. */
static void
handle_drawn(VmDbusPicture *picture, VmScreen *screen)
{
    g_signal_handlers_disconnect_by_data(screen, picture);
    vm_dbus_picture_emit_changed(picture);
}

/* The signal's form. */
static void
handle_damage(VmDbusPicture *picture, const VmRect *rect, VmScreen *screen)
{
    handle_drawn(picture, screen);
}

/* What is drawn from now on is told. */
static void
await_drawing(VmDbusPicture *picture, VmScreen *screen)
{
    g_signal_handlers_disconnect_by_data(screen, picture);
    g_signal_connect_object(screen, "damage", G_CALLBACK(handle_damage), picture,
                            G_CONNECT_SWAPPED);
    g_signal_connect_object(screen, "scanout-changed", G_CALLBACK(handle_drawn), picture,
                            G_CONNECT_SWAPPED);
}

static void
answer(const VmScanout *scanout, gpointer user_data)
{
    g_autofree struct asked *asked = user_data;
    g_autoptr(VmDbusPicture) picture = asked->picture;
    g_autoptr(GUnixFDList) out = g_unix_fd_list_new();
    g_autoptr(GError) error = NULL;
    VmPictureFile file;
    gint index;

    if (!vm_picture_copy(scanout, asked->max_width, asked->max_height, &file, &error)) {
        g_dbus_method_invocation_return_dbus_error(asked->invocation, VM_ERROR_NO_PICTURE,
                                                   error->message);
        return;
    }
    index = g_unix_fd_list_append(out, file.fd, &error);
    fd_closep(&file.fd);
    if (index < 0) {
        g_dbus_method_invocation_return_gerror(asked->invocation, error);
        return;
    }
    vm_dbus_picture_complete_get_picture(picture, asked->invocation, out,
                                         g_variant_new_handle(index), file.width, file.height,
                                         file.stride);
}

static gboolean
handle_get_picture(VmDbusPicture *picture, GDBusMethodInvocation *invocation, GUnixFDList *fds,
                   guint max_width, guint max_height)
{
    VmScreen *screen = VM_SCREEN(g_object_get_data(G_OBJECT(picture), "screen"));
    const struct asked asked = {g_object_ref(picture), invocation, max_width, max_height};

    await_drawing(picture, screen);
    vm_picture_read(screen, PIXELS_MS, answer, g_memdup2(&asked, sizeof(asked)));
    return TRUE;
}

void
vm_picture_object_export(VmClient *client, VmScreen *screen, const char *path)
{
    g_autoptr(VmDbusPicture) picture = vm_dbus_picture_skeleton_new();

    vm_dbus_picture_set_tells_changes(picture, TRUE);
    g_object_set_data(G_OBJECT(picture), "screen", screen);
    g_signal_connect(picture, "handle-get-picture", G_CALLBACK(handle_get_picture), NULL);
    vm_client_export(client, path, G_DBUS_INTERFACE_SKELETON(picture), update_picture, NULL);
}
