/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the display page does with the guest that nobody's hands do: keys by themselves, pictures. */
#include <glib/gi18n.h>

#include "ui/display-page-private.h"
#include "ui/display-view.h"
#include "ui/screenshot.h"

enum {
    LONG_TEXT = 500, /* characters; longer texts show how far they are */
};

/* Keys that nobody pressed */

void
vm_display_page_send_keys(VmDisplayPage *self, const char *keys)
{
    VmConsole *console;

    g_return_if_fail(VM_IS_DISPLAY_PAGE(self));
    g_return_if_fail(keys);

    console = vm_display_view_get_console(VM_DISPLAY_VIEW(self->view));
    if (console && !vm_console_send_keys(console, keys)) {
        g_warning("unknown key combination: %s", keys);
    }
}

static void
on_typed(guint untyped, gpointer data)
{
    VmDisplayPage *self = data;
    g_autofree char *sentence = NULL;

    self->typist = NULL;
    if (untyped > 0) {
        sentence = g_strdup_printf(ngettext("%u character could not be typed",
                                            "%u characters could not be typed", untyped),
                                   untyped);
        vm_display_page_say(self, sentence);
    }
}

static void
on_clipboard_text(GtkClipboard *clipboard, const char *text, gpointer data)
{
    g_autoptr(VmDisplayPage) self = data;
    VmConsole *console = vm_display_view_get_console(VM_DISPLAY_VIEW(self->view));

    (void)clipboard;
    if (!text || !*text) {
        vm_display_page_say(self, _("The clipboard holds no text"));
    } else if (console) {
        g_clear_pointer(&self->typist, vm_key_typist_free);
        self->typist = vm_key_typist_new(console, text, on_typed, self);
    }
}

void
vm_display_page_type_clipboard(VmDisplayPage *self)
{
    g_return_if_fail(VM_IS_DISPLAY_PAGE(self));

    gtk_clipboard_request_text(gtk_widget_get_clipboard(GTK_WIDGET(self), GDK_SELECTION_CLIPBOARD),
                               on_clipboard_text, g_object_ref(self));
}

void
vm_display_page_stop_typing(VmDisplayPage *self)
{
    g_return_if_fail(VM_IS_DISPLAY_PAGE(self));
    g_clear_pointer(&self->typist, vm_key_typist_free);
}

int
vm_display_page_get_typed(VmDisplayPage *self)
{
    g_return_val_if_fail(VM_IS_DISPLAY_PAGE(self), -1);
    if (!self->typist || vm_key_typist_get_length(self->typist) < LONG_TEXT) {
        return -1;
    }
    return (int)vm_key_typist_get_percent(self->typist);
}

/* Screenshots */

GdkPixbuf *
vm_display_page_get_screenshot(VmDisplayPage *self)
{
    VmConsole *console;
    VmPicture picture;

    g_return_val_if_fail(VM_IS_DISPLAY_PAGE(self), NULL);

    console = vm_display_view_get_console(VM_DISPLAY_VIEW(self->view));
    if (!console || !vm_console_get_picture(console, &picture) || !picture.pixels) {
        return NULL;
    }
    return vm_screenshot_copy(&picture);
}

static void
return_no_picture(GTask *task)
{
    g_task_return_new_error(task, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                            _("There is no picture to save"));
}

/* GIO's usual form. */
static void
handle_pixels(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(VmThumbnail) pixels =
        vm_console_get_thumbnail_finish(VM_CONSOLE(source), result, NULL);

    if (pixels) {
        const VmPicture picture = {.pixels = g_bytes_get_data(pixels->bytes, NULL),
                                   .width = pixels->width,
                                   .height = pixels->height,
                                   .stride = pixels->stride,
                                   .format = VM_FORMAT_XRGB8888};

        g_task_return_pointer(task, vm_screenshot_copy(&picture), g_object_unref);
    } else {
        return_no_picture(task);
    }
}

/* GIO's usual form. */
void
vm_display_page_take_screenshot_async(VmDisplayPage *self, GCancellable *cancellable,
                                      GAsyncReadyCallback callback, gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(self, cancellable, callback, user_data);
    GdkPixbuf *pixbuf = vm_display_page_get_screenshot(self);
    VmConsole *console = vm_display_view_get_console(VM_DISPLAY_VIEW(self->view));

    if (pixbuf) {
        g_task_return_pointer(task, pixbuf, g_object_unref);
    } else if (console) {
        vm_console_get_thumbnail_async(console, 0, 0, cancellable, handle_pixels,
                                       g_steal_pointer(&task));
    } else {
        return_no_picture(task);
    }
}

GdkPixbuf *
vm_display_page_take_screenshot_finish(VmDisplayPage *self, GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(VM_IS_DISPLAY_PAGE(self), NULL);
    return g_task_propagate_pointer(G_TASK(result), error);
}

/* GIO's usual form. */
static void
handle_saved(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    GError *error = NULL;
    char *path = vm_screenshot_save_finish(result, &error);

    if (path) {
        g_task_return_pointer(task, path, g_free);
    } else {
        g_task_return_error(task, error);
    }
}

/* GIO's usual form. */
static void
handle_taken(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    GError *error = NULL;
    g_autoptr(GdkPixbuf) pixbuf = g_task_propagate_pointer(G_TASK(result), &error);

    if (pixbuf) {
        GCancellable *cancellable = g_task_get_cancellable(task);

        vm_screenshot_save_async(pixbuf, VM_DISPLAY_PAGE(source)->title, cancellable, handle_saved,
                                 g_steal_pointer(&task));
    } else {
        g_task_return_error(task, error);
    }
}

/* GIO's usual form. */
void
vm_display_page_save_screenshot_async(VmDisplayPage *self, GCancellable *cancellable,
                                      GAsyncReadyCallback callback, gpointer user_data)
{
    GTask *task = g_task_new(self, cancellable, callback, user_data);

    vm_display_page_take_screenshot_async(self, cancellable, handle_taken, task);
}

char *
vm_display_page_save_screenshot_finish(VmDisplayPage *self, GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(VM_IS_DISPLAY_PAGE(self), NULL);
    return g_task_propagate_pointer(G_TASK(result), error);
}
