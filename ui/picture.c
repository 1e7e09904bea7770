/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/picture.h"

#include <string.h>

#include "vmm/client/paths.h"

#define SIZE_MAX_PIXELS 16384
#define ICON_SIZE       16

struct request {
    char *path;
    int max_width;
    int max_height;
};

static void
request_free(struct request *request)
{
    g_free(request->path);
    g_free(request);
}

/* One decimal number after blanks; FALSE when there is none or it is too large. */
static gboolean
read_number(const guint8 *data, gsize size, gsize *at, int *ret_value)
{
    int value = 0;
    gsize start = 0;

    while (*at < size && g_ascii_isspace(data[*at])) {
        (*at)++;
    }
    start = *at;
    while (*at < size && g_ascii_isdigit(data[*at])) {
        value = value * 10 + (data[*at] - '0');
        if (value > SIZE_MAX_PIXELS) {
            return FALSE;
        }
        (*at)++;
    }
    *ret_value = value;
    return *at > start;
}

static cairo_surface_t *
scaled(GdkPixbuf *pixbuf, int max_width, int max_height)
{
    int width = gdk_pixbuf_get_width(pixbuf);
    int height = gdk_pixbuf_get_height(pixbuf);
    double factor = 1.0;
    g_autoptr(GdkPixbuf) small = NULL;

    if (max_width > 0 && max_height > 0) {
        factor = MIN(1.0, MIN((double)max_width / width, (double)max_height / height));
    }
    small = gdk_pixbuf_scale_simple(pixbuf, MAX(1, (int)(width * factor)),
                                    MAX(1, (int)(height * factor)), GDK_INTERP_BILINEAR);
    return small ? gdk_cairo_surface_create_from_pixbuf(small, 1, NULL) : NULL;
}

cairo_surface_t *
vm_picture_parse(const guint8 *data, gsize size, int max_width, int max_height)
{
    gsize at = 2;
    int width = 0;
    int height = 0;
    int depth = 0;
    g_autoptr(GdkPixbuf) pixbuf = NULL;

    if (size < 8 || memcmp(data, "P6", 2) != 0 || !read_number(data, size, &at, &width) ||
        !read_number(data, size, &at, &height) || !read_number(data, size, &at, &depth)) {
        return NULL;
    }
    at++;
    if (width == 0 || height == 0 || depth != 255 || at + (gsize)width * (gsize)height * 3 > size) {
        return NULL;
    }
    pixbuf = gdk_pixbuf_new_from_data(data + at, GDK_COLORSPACE_RGB, FALSE, 8, width, height,
                                      width * 3, NULL, NULL);
    return scaled(pixbuf, max_width, max_height);
}

static void
load_in_thread(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    struct request *request = data;
    GError *error = NULL;
    g_autoptr(GMappedFile) file = g_mapped_file_new(request->path, FALSE, &error);
    cairo_surface_t *surface = NULL;

    if (!file) {
        g_task_return_error(task, error);
        return;
    }
    surface =
        vm_picture_parse((const guint8 *)g_mapped_file_get_contents(file),
                         g_mapped_file_get_length(file), request->max_width, request->max_height);
    if (!surface) {
        g_task_return_new_error(task, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "not a picture");
        return;
    }
    g_task_return_pointer(task, surface, (GDestroyNotify)cairo_surface_destroy);
}

void
vm_picture_load_async(const char *machine, int max_width, int max_height, GCancellable *cancellable,
                      GAsyncReadyCallback callback, gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(NULL, cancellable, callback, user_data);
    g_autofree char *folder = vm_paths_state(machine);
    struct request *request = g_new0(struct request, 1);

    request->path = g_build_filename(folder, "last-frame.ppm", NULL);
    request->max_width = max_width;
    request->max_height = max_height;
    g_task_set_task_data(task, request, (GDestroyNotify)request_free);
    g_task_run_in_thread(task, load_in_thread);
}

cairo_surface_t *
vm_picture_load_finish(GAsyncResult *result, GError **error)
{
    return g_task_propagate_pointer(G_TASK(result), error);
}

void
vm_picture_draw_stand_in(GtkWidget *widget, cairo_t *cr, int width, int height, const char *icon)
{
    int scale = gtk_widget_get_scale_factor(widget);
    GtkIconTheme *theme = gtk_icon_theme_get_default();
    g_autoptr(GtkIconInfo) info =
        gtk_icon_theme_lookup_icon_for_scale(theme, icon, ICON_SIZE, scale, 0);
    const GdkRGBA white = {1, 1, 1, 0.75};
    g_autoptr(GdkPixbuf) pixbuf = NULL;
    cairo_surface_t *surface = NULL;

    pixbuf = info ? gtk_icon_info_load_symbolic(info, &white, NULL, NULL, NULL, NULL, NULL) : NULL;
    if (!pixbuf) {
        return;
    }
    surface = gdk_cairo_surface_create_from_pixbuf(pixbuf, scale, NULL);
    cairo_set_source_surface(cr, surface, (width - ICON_SIZE) / 2.0, (height - ICON_SIZE) / 2.0);
    cairo_paint(cr);
    cairo_surface_destroy(surface);
}
