/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "display/picture.h"

struct reading {
    VmScreen *screen;
    VmPictureReady callback;
    gpointer user_data;
    gulong handler;
    guint timer;
};

static void
finish(struct reading *reading, const VmScanout *scanout)
{
    static const VmScanout nothing;

    g_signal_handler_disconnect(reading->screen, reading->handler);
    g_clear_handle_id(&reading->timer, g_source_remove);
    reading->callback(scanout ? scanout : &nothing, reading->user_data);
    g_object_unref(reading->screen);
    g_free(reading);
}

static void
handle_pixels(VmScreen *screen, const VmScanout *pixels, gpointer user_data)
{
    finish(user_data, pixels);
}

static gboolean
handle_late(gpointer user_data)
{
    struct reading *reading = user_data;

    reading->timer = 0;
    finish(reading, NULL);
    return G_SOURCE_REMOVE;
}

void
vm_picture_read(VmScreen *screen, guint limit_ms, VmPictureReady callback, gpointer user_data)
{
    struct reading *reading;

    if (!vm_screen_shows_texture(screen)) {
        callback(vm_screen_get_scanout(screen), user_data);
        return;
    }
    reading = g_new0(struct reading, 1);
    reading->screen = g_object_ref(screen);
    reading->callback = callback;
    reading->user_data = user_data;
    reading->handler = g_signal_connect(screen, "pixels", G_CALLBACK(handle_pixels), reading);
    reading->timer = g_timeout_add(limit_ms, handle_late, reading);
    vm_screen_ask_pixels(screen); /* may answer at once */
}
