/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/screenshot.h"

GdkPixbuf *
vm_screenshot_copy(const VmPicture *picture)
{
    GdkPixbuf *pixbuf =
        gdk_pixbuf_new(GDK_COLORSPACE_RGB, FALSE, 8, (int)picture->width, (int)picture->height);
    gboolean swapped =
        picture->format == VM_FORMAT_XBGR8888 || picture->format == VM_FORMAT_ABGR8888;

    if (!pixbuf) {
        return NULL;
    }
    for (guint y = 0; y < picture->height; y++) {
        const guint8 *from = picture->pixels + (gsize)y * picture->stride;
        guint8 *to =
            gdk_pixbuf_get_pixels(pixbuf) + (gsize)y * (gsize)gdk_pixbuf_get_rowstride(pixbuf);
        for (gsize x = 0; x < picture->width; x++) {
            to[x * 3] = from[x * 4 + (swapped ? 0 : 2)];
            to[x * 3 + 1] = from[x * 4 + 1];
            to[x * 3 + 2] = from[x * 4 + (swapped ? 2 : 0)];
        }
    }
    return pixbuf;
}

typedef struct {
    GdkPixbuf *pixbuf;
    char *path;
} SaveTask;

static void
save_task_free(SaveTask *task)
{
    g_object_unref(task->pixbuf);
    g_free(task->path);
    g_free(task);
}

static void
save_in_thread(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    SaveTask *save = data;
    g_autofree char *folder = g_path_get_dirname(save->path);
    GError *error = NULL;

    (void)source;
    (void)cancellable;
    g_mkdir_with_parents(folder, 0755);
    if (!gdk_pixbuf_save(save->pixbuf, save->path, "png", &error, NULL)) {
        g_task_return_error(task, error);
        return;
    }
    g_task_return_pointer(task, g_strdup(save->path), g_free);
}

static char *
path_for(const char *title)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_local();
    g_autofree char *when = g_date_time_format(now, "%Y-%m-%d %H-%M-%S");
    g_autofree char *plain = g_strdup(title && *title ? title : "Vitrine");
    const char *folder = g_get_user_special_dir(G_USER_DIRECTORY_PICTURES);
    g_autofree char *fallback = g_build_filename(g_get_home_dir(), "Pictures", NULL);

    g_strdelimit(plain, "/\\", '-');
    g_autofree char *name = g_strdup_printf("%s %s.png", plain, when);
    return g_build_filename(folder ? folder : fallback, name, NULL);
}

void
vm_screenshot_save_async(GdkPixbuf *pixbuf, const char *title, GCancellable *cancellable,
                         GAsyncReadyCallback callback, gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(NULL, cancellable, callback, user_data);
    SaveTask *save = g_new0(SaveTask, 1);

    save->pixbuf = g_object_ref(pixbuf);
    save->path = path_for(title);
    g_task_set_task_data(task, save, (GDestroyNotify)save_task_free);
    g_task_run_in_thread(task, save_in_thread);
}

char *
vm_screenshot_save_finish(GAsyncResult *result, GError **error)
{
    return g_task_propagate_pointer(G_TASK(result), error);
}
