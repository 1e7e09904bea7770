/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/machine-thumbnail.h"

#include <glib/gi18n.h>
#include <string.h>

#include "ui/machine-icon.h"
#include "ui/picture-pace.h"
#include "ui/picture.h"
#include "vmm/client/vm-console.h"

#define WIDTH          64
#define HEIGHT         40
#define RADIUS         4.0
#define PICTURE_WIDTH  256
#define PICTURE_HEIGHT 160

struct _VmMachineThumbnail {
    GtkDrawingArea parent_instance;
    VmMachine *machine;
    cairo_surface_t *picture;
    gboolean live; /* the picture came from a running machine */
    gboolean asked;
    VmPicturePace pace;
    VmPictureTurns *turns;
    GCancellable *cancellable;
};

G_DEFINE_FINAL_TYPE(VmMachineThumbnail, vm_machine_thumbnail, GTK_TYPE_DRAWING_AREA)

static void
vm_machine_thumbnail_dispose(GObject *object)
{
    VmMachineThumbnail *self = VM_MACHINE_THUMBNAIL(object);

    g_cancellable_cancel(self->cancellable);
    g_clear_object(&self->cancellable);
    vm_picture_pace_clear(&self->pace);
    g_clear_object(&self->machine);
    g_clear_pointer(&self->picture, cairo_surface_destroy);
    G_OBJECT_CLASS(vm_machine_thumbnail_parent_class)->dispose(object);
}

/* An answer that comes later still ends its turn. */
static void
vm_machine_thumbnail_finalize(GObject *object)
{
    g_clear_object(&VM_MACHINE_THUMBNAIL(object)->turns);
    G_OBJECT_CLASS(vm_machine_thumbnail_parent_class)->finalize(object);
}

static void
rounded(cairo_t *cr, double width, double height)
{
    cairo_new_sub_path(cr);
    cairo_arc(cr, width - RADIUS, RADIUS, RADIUS, -G_PI_2, 0);
    cairo_arc(cr, width - RADIUS, height - RADIUS, RADIUS, 0, G_PI_2);
    cairo_arc(cr, RADIUS, height - RADIUS, RADIUS, G_PI_2, G_PI);
    cairo_arc(cr, RADIUS, RADIUS, RADIUS, G_PI, 3 * G_PI_2);
    cairo_close_path(cr);
}

static void
draw_picture(VmMachineThumbnail *self, cairo_t *cr, gboolean dim)
{
    double width = cairo_image_surface_get_width(self->picture);
    double height = cairo_image_surface_get_height(self->picture);
    double factor = MAX(WIDTH / width, HEIGHT / height);

    cairo_save(cr);
    cairo_translate(cr, (WIDTH - width * factor) / 2, (HEIGHT - height * factor) / 2);
    cairo_scale(cr, factor, factor);
    cairo_set_source_surface(cr, self->picture, 0, 0);
    cairo_pattern_set_filter(cairo_get_source(cr), CAIRO_FILTER_GOOD);
    cairo_paint_with_alpha(cr, dim ? 0.35 : 1.0);
    cairo_restore(cr);
}

static gboolean
vm_machine_thumbnail_draw(GtkWidget *widget, cairo_t *cr)
{
    VmMachineThumbnail *self = VM_MACHINE_THUMBNAIL(widget);
    int top = (gtk_widget_get_allocated_height(widget) - HEIGHT) / 2;
    gboolean active = self->machine && vm_machine_is_active(self->machine);

    cairo_translate(cr, 0, top);
    rounded(cr, WIDTH, HEIGHT);
    cairo_clip(cr);
    cairo_set_source_rgb(cr, 0x2b / 255.0, 0x2f / 255.0, 0x36 / 255.0);
    cairo_paint(cr);
    if (self->picture) {
        draw_picture(self, cr, !active);
    } else {
        vm_picture_draw_stand_in(widget, cr, WIDTH, HEIGHT, vm_machine_icon_name(self->machine));
    }
    return GDK_EVENT_PROPAGATE;
}

static void
vm_machine_thumbnail_class_init(VmMachineThumbnailClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(klass);

    G_OBJECT_CLASS(klass)->dispose = vm_machine_thumbnail_dispose;
    G_OBJECT_CLASS(klass)->finalize = vm_machine_thumbnail_finalize;
    widget_class->draw = vm_machine_thumbnail_draw;
    gtk_widget_class_set_accessible_role(widget_class, ATK_ROLE_IMAGE);
    gtk_widget_class_set_css_name(widget_class, "thumbnail");
}

static void
vm_machine_thumbnail_init(VmMachineThumbnail *self)
{
    self->cancellable = g_cancellable_new();
    gtk_widget_set_size_request(GTK_WIDGET(self), WIDTH, HEIGHT);
}

static void
take_picture(VmMachineThumbnail *self, cairo_surface_t *picture, gboolean live)
{
    g_clear_pointer(&self->picture, cairo_surface_destroy);
    self->picture = picture;
    self->live = live;
    gtk_widget_queue_draw(GTK_WIDGET(self));
}

static void
last_frame_loaded(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(GError) error = NULL;
    cairo_surface_t *picture = vm_picture_load_finish(result, &error);
    VmMachineThumbnail *self = data;

    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
        return;
    }
    if (picture) {
        take_picture(self, picture, FALSE);
    }
}

static cairo_surface_t *
surface_of(VmThumbnail *thumbnail)
{
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)thumbnail->width,
                                                          (int)thumbnail->height);
    gsize size = 0;
    const guint8 *from = g_bytes_get_data(thumbnail->bytes, &size);
    guint8 *to = cairo_image_surface_get_data(surface);
    int stride = cairo_image_surface_get_stride(surface);

    if (!to || (guint64)thumbnail->stride * thumbnail->height > size ||
        (guint64)thumbnail->width * 4 > thumbnail->stride) {
        cairo_surface_destroy(surface);
        return NULL;
    }
    for (guint row = 0; row < thumbnail->height; row++) {
        memcpy(to + (gsize)stride * row, from + (gsize)thumbnail->stride * row,
               (gsize)thumbnail->width * 4);
    }
    cairo_surface_mark_dirty(surface);
    return surface;
}

static void
live_picture_came(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VmThumbnail) thumbnail =
        vm_console_get_thumbnail_finish(VM_CONSOLE(source), result, &error);
    cairo_surface_t *picture = NULL;
    g_autoptr(VmMachineThumbnail) self = VM_MACHINE_THUMBNAIL(data);

    vm_picture_turns_end(self->turns);
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
        return;
    }
    self->asked = FALSE;
    picture = thumbnail ? surface_of(thumbnail) : NULL;
    if (picture) {
        take_picture(self, picture, TRUE);
    } else if (!error || !g_dbus_error_is_remote_error(error)) {
        vm_picture_pace_forget(
            &self->pace); /* else there is none yet, and the machine tells when */
    }
}

/* NULL while it cannot answer; the caller's. */
static VmConsole *
console_of(VmMachineThumbnail *self)
{
    VmConnection *connection = self->machine ? vm_machine_get_connection(self->machine) : NULL;

    if (!connection || vm_connection_get_state(connection) != VM_CONNECTION_READY) {
        return NULL;
    }
    return g_list_model_get_item(vm_connection_get_consoles(connection), 0);
}

static void
turn_came(GObject *who)
{
    VmMachineThumbnail *self = VM_MACHINE_THUMBNAIL(who);
    g_autoptr(VmConsole) console = console_of(self);

    if (!console) {
        self->asked = FALSE;
        vm_picture_turns_end(self->turns);
        return;
    }
    vm_picture_pace_take(&self->pace, console, g_get_monotonic_time());
    vm_console_get_thumbnail_async(console, PICTURE_WIDTH, PICTURE_HEIGHT, self->cancellable,
                                   live_picture_came, g_object_ref(self));
}

void
vm_machine_thumbnail_refresh(VmMachineThumbnail *self, VmPictureTurns *turns)
{
    g_autoptr(VmConsole) console = self->asked ? NULL : console_of(self);

    if (console && vm_picture_pace_is_due(&self->pace, console, g_get_monotonic_time())) {
        self->asked = TRUE;
        g_set_object(&self->turns, turns);
        vm_picture_turns_ask(turns, G_OBJECT(self), turn_came);
    }
}

static void
state_changed(VmMachineThumbnail *self)
{
    vm_picture_pace_forget(&self->pace);
    if (!vm_machine_is_active(self->machine)) {
        self->asked = FALSE;
        vm_picture_load_async(vm_machine_get_name(self->machine), PICTURE_WIDTH, PICTURE_HEIGHT,
                              self->cancellable, last_frame_loaded, self);
    } else if (!self->live) {
        g_clear_pointer(&self->picture, cairo_surface_destroy);
    }
    gtk_widget_queue_draw(GTK_WIDGET(self));
}

void
vm_machine_thumbnail_set_machine(VmMachineThumbnail *self, VmMachine *machine)
{
    g_autofree char *name = NULL;

    g_set_object(&self->machine, machine);
    g_signal_connect_object(machine, "notify::state", G_CALLBACK(state_changed), self,
                            G_CONNECT_SWAPPED);
    g_signal_connect_object(machine, "notify::icon", G_CALLBACK(gtk_widget_queue_draw), self,
                            G_CONNECT_SWAPPED);
    /* Translators: accessible name of a thumbnail. */
    name = g_strdup_printf(_("Last picture of %s"), vm_machine_get_title(machine));
    atk_object_set_name(gtk_widget_get_accessible(GTK_WIDGET(self)), name);
    state_changed(self);
}

cairo_surface_t *
vm_machine_thumbnail_get_picture(VmMachineThumbnail *self)
{
    return self->picture;
}
