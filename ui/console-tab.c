/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <glib-unix.h>
#include <glib/gi18n.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vte/vte.h>

#include "manager/model/console-file.h"
#include "ui/console-feed.h"
#include "ui/console-links.h"
#include "ui/console-tab-private.h"
#include "ui/terminal-colours.h"
#include "ui/window.h"

#define READ_SIZE   65536
#define WAITING_MAX (64 * 1024)
#define HISTORY_US  G_USEC_PER_SEC
#define ZOOM_STEP   1.1

G_DEFINE_FINAL_TYPE(VmConsoleTab, vm_console_tab, GTK_TYPE_BOX)

enum {
    PROP_NEW_LINES = 1,
    PROP_PALETTE,
    PROP_LINES,
    PROP_ZOOM,
    N_PROPERTIES
};
static GParamSpec
    *properties[N_PROPERTIES]; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */

static void
show_status(VmConsoleTab *self)
{
    const char *words = _("Connected · log kept: 1 MiB");

    if (self->fd < 0) {
        words = _("Not connected");
    } else if (self->file && vm_console_file_is_full(self->file)) {
        words = _("Connected · no room for more in the log");
    } else if (self->file) {
        words = _("Connected · all of it kept");
    }
    gtk_label_set_text(self->status_label, words);
}

static void
close_stream(VmConsoleTab *self)
{
    if (self->read_source) {
        g_source_remove(self->read_source);
        self->read_source = 0;
    }
    if (self->write_source) {
        g_source_remove(self->write_source);
        self->write_source = 0;
    }
    if (self->fd >= 0) {
        close(self->fd);
        self->fd = -1;
    }
    g_byte_array_set_size(self->waiting, 0);
}

/* Lines that come while another tab or page is shown; the history at the start is not new. */
static void
count_lines(VmConsoleTab *self, const char *bytes, ssize_t size)
{
    guint lines = 0;

    if (gtk_widget_get_mapped(GTK_WIDGET(self)) ||
        g_get_monotonic_time() - self->opened < HISTORY_US) {
        return;
    }
    for (ssize_t i = 0; i < size; i++) {
        lines += bytes[i] == '\n';
    }
    if (lines > 0) {
        self->new_lines += lines;
        g_object_notify_by_pspec(G_OBJECT(self), properties[PROP_NEW_LINES]);
    }
}

static gboolean
guest_wrote(int fd, GIOCondition condition, gpointer data)
{
    VmConsoleTab *self = VM_CONSOLE_TAB(data);
    g_autofree char *bytes = g_malloc(READ_SIZE);
    ssize_t size = recv(fd, bytes, READ_SIZE, MSG_DONTWAIT);

    if (size > 0) {
        if (self->file) {
            gboolean full = vm_console_file_is_full(self->file);
            vm_console_file_push(self->file, bytes, (gsize)size);
            if (!full && vm_console_file_is_full(self->file)) {
                show_status(self);
            }
        } else {
            vm_console_feed_push(self->feed, bytes, (gsize)size);
        }
        count_lines(self, bytes, size);
        return G_SOURCE_CONTINUE;
    }
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
        return G_SOURCE_CONTINUE;
    }
    self->read_source = 0;
    close_stream(self);
    show_status(self);
    return G_SOURCE_REMOVE;
}

static gboolean
guest_takes(int fd, GIOCondition condition, gpointer data)
{
    VmConsoleTab *self = VM_CONSOLE_TAB(data);
    ssize_t size = send(fd, self->waiting->data, self->waiting->len, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (size > 0) {
        g_byte_array_remove_range(self->waiting, 0, (guint)size);
    } else if (size < 0 && errno != EAGAIN && errno != EINTR) {
        g_byte_array_set_size(self->waiting, 0);
    }
    if (self->waiting->len > 0) {
        return G_SOURCE_CONTINUE;
    }
    self->write_source = 0;
    return G_SOURCE_REMOVE;
}

/* Keys that were typed, and answers of the terminal. */
static void
terminal_typed(VmConsoleTab *self, const char *text, guint size)
{
    if (self->fd < 0 || self->waiting->len + size > WAITING_MAX) {
        return;
    }
    g_byte_array_append(self->waiting, (const guint8 *)text, size);
    if (!self->write_source) {
        self->write_source = g_unix_fd_add(self->fd, G_IO_OUT, guest_takes, self);
    }
}

static void
show_kept(const char *bytes, gsize size, gpointer data)
{
    vte_terminal_feed(VM_CONSOLE_TAB(data)->terminal, bytes, (gssize)size);
}

/* The file of this run; another is begun anew, and one that is shown goes on. */
static void
open_file(VmConsoleTab *self)
{
    g_autoptr(GError) error = NULL;

    if (self->lines > 0 || !self->path) {
        g_clear_pointer(&self->file, vm_console_file_free);
    } else if (self->file && !self->new_run) {
        vm_console_file_restart(self->file);
    } else {
        g_clear_pointer(&self->file, vm_console_file_free);
        self->file = vm_console_file_new(self->path, self->started, show_kept, self, &error);
        if (!self->file) {
            g_warning("%s", error->message);
        }
    }
}

static void
stream_opened(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(VmConsoleTab) self = VM_CONSOLE_TAB(data);
    g_autoptr(GError) error = NULL;
    int fd = vm_chardev_open_finish(VM_CHARDEV(source), result, &error);

    if (fd < 0) {
        g_debug("%s: %s", self->name, error->message);
        return;
    }
    if (VM_CHARDEV(source) != self->chardev || self->fd >= 0) {
        close(fd);
        return;
    }
    vm_console_feed_flush(self->feed);
    if (self->new_run && self->used) {
        g_autofree char *rule =
            g_strdup_printf("\r\n\033[0m\033[2m──── %s ────\033[0m\r\n", _("Started again"));
        vte_terminal_feed(self->terminal, rule, -1);
    } else if (self->used && !(self->file && self->lines == 0)) {
        vte_terminal_reset(self->terminal, TRUE, TRUE);
    }
    open_file(self);
    self->used = TRUE;
    self->new_run = FALSE;
    self->fd = fd;
    self->opened = g_get_monotonic_time();
    /* In turn with drawing: neither a loud guest nor a busy window holds up the other. */
    self->read_source =
        g_unix_fd_add_full(GDK_PRIORITY_REDRAW, fd, G_IO_IN | G_IO_HUP, guest_wrote, self, NULL);
    show_status(self);
}

static void
connected_changed(VmConsoleTab *self)
{
    if (!self->chardev || !vm_chardev_get_connected(self->chardev)) {
        close_stream(self);
        show_status(self);
    } else if (self->fd < 0) {
        vm_chardev_open_async(self->chardev, self->cancellable, stream_opened, g_object_ref(self));
    }
}

void
vm_console_tab_set_chardev(VmConsoleTab *self, VmChardev *chardev)
{
    if (chardev == self->chardev) {
        return;
    }
    if (self->chardev) {
        g_signal_handlers_disconnect_by_data(self->chardev, self);
    }
    close_stream(self);
    g_set_object(&self->chardev, chardev);
    if (chardev) {
        self->new_run = TRUE;
        g_signal_connect_object(chardev, "notify::connected", G_CALLBACK(connected_changed), self,
                                G_CONNECT_SWAPPED);
    }
    connected_changed(self);
}

void
vm_console_tab_zoom(VmConsoleTab *self, int step)
{
    double now = vte_terminal_get_font_scale(self->terminal);
    double scale = step == 0 ? 1.0 : step > 0 ? now * ZOOM_STEP : now / ZOOM_STEP;

    vte_terminal_set_font_scale(self->terminal,
                                CLAMP(scale, VM_CONSOLE_ZOOM_MIN, VM_CONSOLE_ZOOM_MAX));
    g_object_notify_by_pspec(G_OBJECT(self), properties[PROP_ZOOM]);
}

char *
vm_console_tab_dup_last_line(VmConsoleTab *self)
{
#if VTE_CHECK_VERSION(0, 76, 0)
    g_autofree char *text = vte_terminal_get_text_format(self->terminal, VTE_FORMAT_TEXT);
#else
    g_autofree char *text = vte_terminal_get_text(self->terminal, NULL, NULL, NULL);
#endif
    char *line = text ? strrchr(g_strchomp(text), '\n') : NULL;

    if (!text || text[0] == '\0') {
        return NULL;
    }
    return g_strdup(line ? line + 1 : text);
}

/* Copy, paste, find and zoom are ours, F6 leaves; everything else is the guest's. */
static gboolean
terminal_key_pressed(VmConsoleTab *self, GdkEventKey *event)
{
    GdkModifierType state = event->state & gtk_accelerator_get_default_mod_mask();
    guint key = gdk_keyval_to_lower(event->keyval);

    if (key == GDK_KEY_F6 && (state & ~GDK_SHIFT_MASK) == 0) {
        /* The terminal would tell the guest. */
        return gtk_window_activate_key(
            GTK_WINDOW(gtk_widget_get_toplevel(GTK_WIDGET(self->terminal))), event);
    }
    if (state == (GDK_CONTROL_MASK | GDK_SHIFT_MASK)) {
        switch (key) {
        case GDK_KEY_c:
            vm_console_tab_copy(self);
            return GDK_EVENT_STOP;
        case GDK_KEY_v:
            vm_console_tab_paste(self);
            return GDK_EVENT_STOP;
        case GDK_KEY_f:
            vm_console_tab_find(self);
            return GDK_EVENT_STOP;
        default:
            break;
        }
    }
    if ((state & GDK_CONTROL_MASK) != 0) {
        switch (key) {
        case GDK_KEY_plus:
        case GDK_KEY_equal:
        case GDK_KEY_KP_Add:
            vm_console_tab_zoom(self, 1);
            return GDK_EVENT_STOP;
        case GDK_KEY_minus:
        case GDK_KEY_KP_Subtract:
            vm_console_tab_zoom(self, -1);
            return GDK_EVENT_STOP;
        case GDK_KEY_0:
        case GDK_KEY_KP_0:
            vm_console_tab_zoom(self, 0);
            return GDK_EVENT_STOP;
        default:
            break;
        }
    }
    return GDK_EVENT_PROPAGATE;
}

static void
vm_console_tab_style_updated(GtkWidget *widget)
{
    GTK_WIDGET_CLASS(vm_console_tab_parent_class)->style_updated(widget);
    vm_terminal_colours_apply(VM_CONSOLE_TAB(widget)->terminal, VM_CONSOLE_TAB(widget)->palette);
}

static void
vm_console_tab_map(GtkWidget *widget)
{
    VmConsoleTab *self = VM_CONSOLE_TAB(widget);

    GTK_WIDGET_CLASS(vm_console_tab_parent_class)->map(widget);
    if (self->new_lines > 0) {
        self->new_lines = 0;
        g_object_notify_by_pspec(G_OBJECT(self), properties[PROP_NEW_LINES]);
    }
}

static void
vm_console_tab_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
    VmConsoleTab *self = VM_CONSOLE_TAB(object);

    switch (id) {
    case PROP_NEW_LINES:
        g_value_set_uint(value, self->new_lines);
        break;
    case PROP_PALETTE:
        g_value_set_string(value, self->palette);
        break;
    case PROP_ZOOM:
        g_value_set_double(value, vte_terminal_get_font_scale(self->terminal));
        break;
    case PROP_LINES:
        g_value_set_int(value, self->lines);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    }
}

static void
vm_console_tab_set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
    VmConsoleTab *self = VM_CONSOLE_TAB(object);

    switch (id) {
    case PROP_PALETTE:
        g_free(self->palette);
        self->palette = g_value_dup_string(value);
        vm_terminal_colours_apply(self->terminal, self->palette);
        break;
    case PROP_ZOOM:
        vte_terminal_set_font_scale(self->terminal, g_value_get_double(value));
        break;
    case PROP_LINES:
        self->lines = g_value_get_int(value);
        if (self->lines > 0) {
            g_clear_pointer(&self->file, vm_console_file_free);
            show_status(self);
        } else if (self->fd >= 0 && !self->file) {
            close_stream(self); /* all of it again, into the file */
            connected_changed(self);
        }
        vte_terminal_set_scrollback_lines(self->terminal, self->lines ? self->lines : -1);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    }
}

static void
vm_console_tab_dispose(GObject *object)
{
    VmConsoleTab *self = VM_CONSOLE_TAB(object);

    g_cancellable_cancel(self->cancellable);
    close_stream(self);
    g_clear_object(&self->chardev);
    g_clear_pointer(&self->feed, vm_console_feed_free);
    g_clear_pointer(&self->file, vm_console_file_free);
    g_clear_pointer(&self->links, vm_console_links_free);
    G_OBJECT_CLASS(vm_console_tab_parent_class)->dispose(object);
}

static void
vm_console_tab_finalize(GObject *object)
{
    VmConsoleTab *self = VM_CONSOLE_TAB(object);

    g_byte_array_unref(self->waiting);
    g_object_unref(self->cancellable);
    g_free(self->name);
    g_free(self->machine);
    g_free(self->path);
    g_free(self->palette);
    G_OBJECT_CLASS(vm_console_tab_parent_class)->finalize(object);
}

static void
vm_console_tab_class_init(VmConsoleTabClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(klass);

    G_OBJECT_CLASS(klass)->dispose = vm_console_tab_dispose;
    G_OBJECT_CLASS(klass)->finalize = vm_console_tab_finalize;
    G_OBJECT_CLASS(klass)->get_property = vm_console_tab_get_property;
    G_OBJECT_CLASS(klass)->set_property = vm_console_tab_set_property;
    widget_class->style_updated = vm_console_tab_style_updated;
    widget_class->map = vm_console_tab_map;
    properties[PROP_NEW_LINES] = g_param_spec_uint("new-lines", NULL, NULL, 0, G_MAXUINT, 0,
                                                   G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
    properties[PROP_PALETTE] = g_param_spec_string(
        "palette", NULL, NULL, "follow",
        G_PARAM_READWRITE | G_PARAM_CONSTRUCT | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
    properties[PROP_ZOOM] =
        g_param_spec_double("zoom", NULL, NULL, VM_CONSOLE_ZOOM_MIN, VM_CONSOLE_ZOOM_MAX, 1.0,
                            G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
    properties[PROP_LINES] = g_param_spec_int("lines", NULL, NULL, 0, G_MAXINT, 10000,
                                              G_PARAM_READWRITE | G_PARAM_CONSTRUCT |
                                                  G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
    g_object_class_install_properties(G_OBJECT_CLASS(klass), N_PROPERTIES, properties);
    g_type_ensure(VTE_TYPE_TERMINAL);
    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/org/vitrine/Vitrine/ui/console-tab.ui");
    gtk_widget_class_bind_template_child(widget_class, VmConsoleTab, terminal_scroll);
    gtk_widget_class_bind_template_child(widget_class, VmConsoleTab, terminal);
    gtk_widget_class_bind_template_child(widget_class, VmConsoleTab, find_bar);
    gtk_widget_class_bind_template_child(widget_class, VmConsoleTab, find_entry);
    gtk_widget_class_bind_template_child(widget_class, VmConsoleTab, status_label);
    gtk_widget_class_bind_template_child(widget_class, VmConsoleTab, past_strip);
    gtk_widget_class_bind_template_child(widget_class, VmConsoleTab, past_label);
    gtk_widget_class_bind_template_callback(widget_class, terminal_key_pressed);
    gtk_widget_class_bind_template_callback(widget_class, terminal_typed);
    gtk_widget_class_bind_template_callback(widget_class, vm_console_tab_find_previous);
    gtk_widget_class_bind_template_callback(widget_class, vm_console_tab_find_next);
    gtk_widget_class_bind_template_callback(widget_class, vm_console_tab_find_closed);
}

/* VTE brings a padding of its own that is above the application's style. */
static void
add_padding(VmConsoleTab *self)
{
    g_autoptr(GtkCssProvider) css = gtk_css_provider_new();

    gtk_css_provider_load_from_data(css, "vte-terminal { padding: 8px 6px; }", -1, NULL);
    gtk_style_context_add_provider(gtk_widget_get_style_context(GTK_WIDGET(self->terminal)),
                                   GTK_STYLE_PROVIDER(css),
                                   GTK_STYLE_PROVIDER_PRIORITY_APPLICATION + 1);
}

static void
open_link(const char *address, guint32 time, gpointer data)
{
    VmConsoleTab *self = VM_CONSOLE_TAB(data);
    GtkWidget *window = gtk_widget_get_toplevel(GTK_WIDGET(self));
    g_autoptr(GError) error = NULL;

    if (!gtk_show_uri_on_window(GTK_WINDOW(window), address, time, &error)) {
        /* Translators: %s is why an address could not be opened, as a sentence. */
        g_autofree char *text = g_strdup_printf(_("Not opened: %s"), error->message);
        gtk_label_set_text(self->status_label, text);
    }
}

static void
vm_console_tab_init(VmConsoleTab *self)
{
    self->fd = -1;
    self->waiting = g_byte_array_new();
    self->cancellable = g_cancellable_new();
    gtk_widget_init_template(GTK_WIDGET(self));
    self->feed = vm_console_feed_new(self->terminal);
    self->links = vm_console_links_new(self->terminal, open_link, self);
    add_padding(self);
    vte_terminal_set_allow_hyperlink(self->terminal, FALSE);
    vte_terminal_set_audible_bell(self->terminal, FALSE);
    vte_terminal_set_cursor_blink_mode(self->terminal, VTE_CURSOR_BLINK_OFF);
    vm_terminal_colours_apply(self->terminal, self->palette);
    show_status(self);
}

static void
name_terminal(VmConsoleTab *self, const char *label)
{
    /* Translators: accessible name of a terminal: a port ("Serial 1") of a machine. */
    g_autofree char *name = g_strdup_printf(_("%s of %s"), label, self->machine);

    atk_object_set_name(gtk_widget_get_accessible(GTK_WIDGET(self->terminal)), name);
}

static VmConsoleTab *
tab_new(const char *name, const char *machine)
{
    VmConsoleTab *self = g_object_new(VM_TYPE_CONSOLE_TAB, NULL);

    self->name = g_strdup(name);
    self->machine = g_strdup(machine);
    return self;
}

GtkWidget *
vm_console_tab_new(VmChardev *chardev, const char *label, const char *machine)
{
    VmConsoleTab *self = tab_new(vm_chardev_get_name(chardev), machine);

    name_terminal(self, label);
    vm_console_tab_set_chardev(self, chardev);
    return GTK_WIDGET(self);
}

void
vm_console_tab_set_file(VmConsoleTab *self, const char *path, gint64 started)
{
    g_free(self->path);
    self->path = g_strdup(path);
    self->started = started;
}

static void
past_loaded(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(VmConsoleTab) self = VM_CONSOLE_TAB(data);
    g_autofree char *text = NULL;
    gsize size = 0;

    /* A run that began meanwhile tells its own history. */
    if (g_file_load_contents_finish(G_FILE(source), result, &text, &size, NULL, NULL) &&
        !self->used) {
        self->used = TRUE;
        vte_terminal_feed(self->terminal, text, (gssize)size);
    }
}

GtkWidget *
vm_console_tab_new_past(const char *name, const char *label, const char *machine, const char *path)
{
    VmConsoleTab *self = tab_new(name, machine);
    g_autoptr(GFile) file = g_file_new_for_path(path);

    name_terminal(self, label);
    g_file_load_contents_async(file, self->cancellable, past_loaded, g_object_ref(self));
    return GTK_WIDGET(self);
}

void
vm_console_tab_set_past(VmConsoleTab *self, const char *words)
{
    gtk_revealer_set_reveal_child(self->past_strip, words != NULL);
    if (words) {
        gtk_label_set_text(self->past_label, words);
    }
}

const char *
vm_console_tab_get_name(VmConsoleTab *self)
{
    return self->name;
}

void
vm_console_tab_focus(VmConsoleTab *self)
{
    gtk_widget_grab_focus(GTK_WIDGET(self->terminal));
}
