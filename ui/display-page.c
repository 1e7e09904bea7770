/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gi18n.h>

#include "ui/beat.h"
#include "ui/display-page-private.h"
#include "ui/display-tabs.h"
#include "ui/display-view.h"
#include "ui/fullscreen-bar.h"
#include "ui/grab-hint.h"

enum {
    HINTS_LONG = 5, /* the first captures show the hint longer */
    HINT_LONG_S = 4,
    HINT_SHORT_S = 2,
};

enum {
    PROP_0,
    PROP_CONNECTION,
    PROP_PHASE,
    PROP_DISPLAY,
    PROP_N_DISPLAYS,
    PROP_TITLE,
    PROP_SCALING,
    PROP_RESIZE_GUEST,
    PROP_CAPTURED,
    PROP_RELEASE_GESTURE,
    PROP_HOST_KEY,
    PROP_SYSTEM_KEYS,
    PROP_FULLSCREEN,
    PROP_BAR_HEIGHT,
    PROP_HINTS_SHOWN,
    PROP_RELEASE_KNOWN,
    N_PROPS
};
enum {
    MESSAGE,
    HOST_ACTION,
    STALLED,
    N_SIGNALS
};

/* NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables): GObject's tables */
static GParamSpec *props[N_PROPS];
static guint signals[N_SIGNALS]; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */
/* NOLINTEND(cppcoreguidelines-avoid-non-const-global-variables) */

G_DEFINE_FINAL_TYPE(VmDisplayPage, vm_display_page, GTK_TYPE_OVERLAY)

void
vm_display_page_say(VmDisplayPage *self, const char *sentence)
{
    g_signal_emit(self, signals[MESSAGE], 0, sentence);
}

static GtkWidget *
current_focus(VmDisplayPage *self)
{
    GtkWidget *top = gtk_widget_get_toplevel(GTK_WIDGET(self));

    return GTK_IS_WINDOW(top) ? gtk_window_get_focus(GTK_WINDOW(top)) : NULL;
}

static void
on_has_picture(VmDisplayPage *self)
{
    gboolean picture = vm_display_view_get_has_picture(VM_DISPLAY_VIEW(self->view));

    vm_display_page_update_boxes(self);
    if (!picture) {
        vm_display_page_wait_again(self);
    }
    /* After a start the focus goes to the display, unless somebody moved it meanwhile. */
    if (picture && self->focus_wanted) {
        self->focus_wanted = FALSE;
        if (current_focus(self) == self->focus_at_start && gtk_widget_get_mapped(self->view)) {
            gtk_widget_grab_focus(self->view);
        }
    }
}

/* The chosen one, or else the first; NULL when there is none. */
static VmConsole *
find_console(VmDisplayPage *self, GListModel *consoles)
{
    for (guint i = 0; consoles && i < g_list_model_get_n_items(consoles); i++) {
        g_autoptr(VmConsole) console = g_list_model_get_item(consoles, i);

        if ((int)vm_console_get_number(console) == self->display) {
            return g_steal_pointer(&console);
        }
    }
    return consoles ? g_list_model_get_item(consoles, 0) : NULL;
}

static void
update_tabs(VmDisplayPage *self, GListModel *consoles)
{
    guint n = vm_display_tabs_set_consoles(VM_DISPLAY_TABS(self->tabs), consoles);

    if (self->fullscreen) {
        gtk_widget_hide(self->tabs);
    }
    if (n != self->n_displays) {
        self->n_displays = n;
        g_object_notify_by_pspec(G_OBJECT(self), props[PROP_N_DISPLAYS]);
    }
}

static void
on_stalled(VmDisplayPage *self)
{
    vm_display_page_release(self);
    g_signal_emit(self, signals[STALLED], 0);
}

static void
on_card_changed(VmDisplayPage *self)
{
    vm_display_view_set_card(VM_DISPLAY_VIEW(self->view),
                             self->connection ? vm_connection_get_render_device(self->connection)
                                              : 0);
}

static void
on_consoles_changed(VmDisplayPage *self)
{
    GListModel *consoles = self->connection && self->phase != VM_DISPLAY_OFF
                               ? vm_connection_get_consoles(self->connection)
                               : NULL;
    g_autoptr(VmConsole) console = find_console(self, consoles);
    VmConsole *old = vm_display_view_get_console(VM_DISPLAY_VIEW(self->view));

    update_tabs(self, consoles);
    on_card_changed(self);
    if (old != console) {
        if (old) {
            g_signal_handlers_disconnect_by_data(old, self);
        }
        g_clear_pointer(&self->typist, vm_key_typist_free); /* it types there */
        vm_display_view_set_console(VM_DISPLAY_VIEW(self->view), console);
        if (console) {
            g_signal_connect_swapped(console, "stalled", G_CALLBACK(on_stalled), self);
        }
        g_object_notify_by_pspec(G_OBJECT(self), props[PROP_DISPLAY]);
    }
    vm_display_page_update_boxes(self);
}

static int
get_display(VmDisplayPage *self)
{
    VmConsole *console = vm_display_view_get_console(VM_DISPLAY_VIEW(self->view));

    return console ? (int)vm_console_get_number(console) : -1;
}

void
vm_display_page_set_connection(VmDisplayPage *self, VmConnection *connection)
{
    g_return_if_fail(VM_IS_DISPLAY_PAGE(self));
    g_return_if_fail(!connection || VM_IS_CONNECTION(connection));

    if (self->connection == connection) {
        return;
    }
    g_clear_pointer(&self->typist, vm_key_typist_free);
    if (self->connection) {
        g_signal_handlers_disconnect_by_data(vm_connection_get_consoles(self->connection), self);
        g_signal_handlers_disconnect_by_data(self->connection, self);
    }
    g_set_object(&self->connection, connection);
    if (connection) {
        g_signal_connect_object(vm_connection_get_consoles(connection), "items-changed",
                                G_CALLBACK(on_consoles_changed), self, G_CONNECT_SWAPPED);
        g_signal_connect_object(connection, "notify::state",
                                G_CALLBACK(vm_display_page_update_boxes), self, G_CONNECT_SWAPPED);
        g_signal_connect_object(connection, "notify::render-device", G_CALLBACK(on_card_changed),
                                self, G_CONNECT_SWAPPED);
    }
    on_consoles_changed(self);
    g_object_notify_by_pspec(G_OBJECT(self), props[PROP_CONNECTION]);
}

void
vm_display_page_set_phase(VmDisplayPage *self, VmDisplayPhase phase)
{
    VmDisplayPhase old;

    g_return_if_fail(VM_IS_DISPLAY_PAGE(self));

    old = self->phase;
    if (old == phase) {
        return;
    }
    self->phase = phase;
    if (phase == VM_DISPLAY_STARTING) {
        self->focus_at_start = current_focus(self);
        self->focus_wanted = TRUE;
        vm_display_page_restart_waiting(self, TRUE);
    } else if (phase == VM_DISPLAY_OFF || old == VM_DISPLAY_OFF) {
        vm_display_page_restart_waiting(self, phase != VM_DISPLAY_OFF);
    }
    on_consoles_changed(self);
    g_object_notify_by_pspec(G_OBJECT(self), props[PROP_PHASE]);
}

void
vm_display_page_set_title(VmDisplayPage *self, const char *title)
{
    g_return_if_fail(VM_IS_DISPLAY_PAGE(self));

    g_free(self->title);
    self->title = g_strdup(title ? title : "");
    gtk_label_set_text(GTK_LABEL(self->off_title_label), self->title);
    gtk_label_set_text(GTK_LABEL(self->wait_title_label), self->title);
    vm_fullscreen_bar_set_title(VM_FULLSCREEN_BAR(self->bar), self->title);
    vm_display_page_update_accessible(self);
    g_object_notify_by_pspec(G_OBJECT(self), props[PROP_TITLE]);
}

void
vm_display_page_set_off_text(VmDisplayPage *self, const char *text)
{
    g_return_if_fail(VM_IS_DISPLAY_PAGE(self));
    gtk_label_set_text(GTK_LABEL(self->since_label), text ? text : "");
}

void
vm_display_page_set_last_picture(VmDisplayPage *self, cairo_surface_t *picture)
{
    g_return_if_fail(VM_IS_DISPLAY_PAGE(self));
    vm_display_view_set_last_picture(VM_DISPLAY_VIEW(self->view), picture);
}

/* A console line without escape sequences and control characters. */
static char *
plain_line(const char *line)
{
    g_autoptr(GRegex) escapes =
        g_regex_new("\\x1b(\\[[0-9;?]*[ -/]*[@-~]|\\][^\\x07]*\\x07|.)|[\\x00-\\x1f\\x7f]",
                    G_REGEX_OPTIMIZE, 0, NULL);
    g_autofree char *valid = g_utf8_make_valid(line, -1);

    return g_regex_replace_literal(escapes, valid, -1, 0, "", 0, NULL);
}

void
vm_display_page_set_last_line(VmDisplayPage *self, const char *line)
{
    g_autofree char *plain = plain_line(line ? line : "");

    g_return_if_fail(VM_IS_DISPLAY_PAGE(self));
    gtk_label_set_text(GTK_LABEL(self->last_line_label), plain ? plain : "");
}

static void update_hint(VmDisplayPage *self);

void
vm_display_page_set_fullscreen(VmDisplayPage *self, gboolean fullscreen)
{
    g_return_if_fail(VM_IS_DISPLAY_PAGE(self));

    if (self->fullscreen != fullscreen) {
        self->fullscreen = fullscreen;
        vm_fullscreen_bar_set_active(VM_FULLSCREEN_BAR(self->bar), fullscreen);
        gtk_widget_set_visible(self->tabs, !fullscreen && self->n_displays > 1);
        update_hint(self);
        g_object_notify_by_pspec(G_OBJECT(self), props[PROP_FULLSCREEN]);
    }
}

GtkWidget *
vm_display_page_show_bar(VmDisplayPage *self)
{
    g_return_val_if_fail(VM_IS_DISPLAY_PAGE(self), NULL);
    vm_fullscreen_bar_peek(VM_FULLSCREEN_BAR(self->bar), HINT_SHORT_S);
    return self->bar;
}

GtkWidget *
vm_display_page_get_view(VmDisplayPage *self)
{
    g_return_val_if_fail(VM_IS_DISPLAY_PAGE(self), NULL);
    return self->view;
}

/* Capture */

static void
show_hint(VmDisplayPage *self, guint seconds)
{
    g_autofree char *text =
        g_strdup_printf(_("Press <b>%s</b> to release the keyboard and pointer"),
                        vm_key_gesture_name(self->gesture));

    vm_grab_hint_show_text(VM_GRAB_HINT(self->hint), text, seconds);
}

/* Who never found the way out of a full screen without a bar is told all the time. */
static void
update_hint(VmDisplayPage *self)
{
    gboolean stays = self->fullscreen && !self->release_known &&
                     vm_display_input_get_captured(self->input) &&
                     !gtk_revealer_get_reveal_child(GTK_REVEALER(self->bar));

    if (stays && !self->hint_stays) {
        show_hint(self, 0);
    } else if (!stays && self->hint_stays) {
        vm_grab_hint_hide(VM_GRAB_HINT(self->hint));
    }
    self->hint_stays = stays;
}

static void
note_release(VmDisplayPage *self)
{
    if (!self->release_known && vm_display_input_was_released(self->input)) {
        self->release_known = TRUE;
        g_object_notify_by_pspec(G_OBJECT(self), props[PROP_RELEASE_KNOWN]);
    }
}

static void
on_captured(VmDisplayPage *self)
{
    gboolean captured = vm_display_input_get_captured(self->input);

    if (captured) {
        show_hint(self, self->captures < HINTS_LONG ? HINT_LONG_S : HINT_SHORT_S);
        self->captures++;
        g_object_notify_by_pspec(G_OBJECT(self), props[PROP_HINTS_SHOWN]);
    } else {
        note_release(self);
        vm_grab_hint_hide(VM_GRAB_HINT(self->hint));
        if (self->fullscreen) {
            vm_fullscreen_bar_peek(VM_FULLSCREEN_BAR(self->bar), HINT_SHORT_S);
        }
    }
    update_hint(self);
    vm_display_page_update_accessible(self);
    g_object_notify_by_pspec(G_OBJECT(self), props[PROP_CAPTURED]);
}

static void
on_system_keys_refused(VmDisplayPage *self)
{
    if (!self->refusal_told) {
        self->refusal_told = TRUE;
        vm_grab_hint_show_text(VM_GRAB_HINT(self->hint), _("Your desktop keeps Super and Alt+Tab"),
                               HINT_LONG_S);
    }
}

static void
on_host_action(VmDisplayPage *self, const char *action)
{
    g_signal_emit(self, signals[HOST_ACTION], 0, action);
}

void
vm_display_page_show_keys(VmDisplayPage *self)
{
    g_return_if_fail(VM_IS_DISPLAY_PAGE(self));
    vm_fullscreen_bar_show_keys(VM_FULLSCREEN_BAR(self->bar));
}

void
vm_display_page_set_settings(VmDisplayPage *self, GSettings *settings)
{
    g_return_if_fail(VM_IS_DISPLAY_PAGE(self));
    vm_fullscreen_bar_set_settings(VM_FULLSCREEN_BAR(self->bar), settings);
}

gboolean
vm_display_page_get_captured(VmDisplayPage *self)
{
    g_return_val_if_fail(VM_IS_DISPLAY_PAGE(self), FALSE);
    return vm_display_input_get_captured(self->input);
}

void
vm_display_page_capture(VmDisplayPage *self)
{
    g_return_if_fail(VM_IS_DISPLAY_PAGE(self));
    vm_display_input_capture(self->input);
}

void
vm_display_page_release(VmDisplayPage *self)
{
    g_return_if_fail(VM_IS_DISPLAY_PAGE(self));
    vm_display_input_release(self->input);
}

static gboolean
on_view_motion(VmDisplayPage *self, GdkEventMotion *event)
{
    vm_fullscreen_bar_pointer_at(VM_FULLSCREEN_BAR(self->bar), event->y);
    return GDK_EVENT_PROPAGATE;
}

/* Properties and life */

static int
bar_height(VmDisplayPage *self)
{
    int height = 0;

    if (gtk_revealer_get_reveal_child(GTK_REVEALER(self->bar))) {
        gtk_widget_get_preferred_height(gtk_bin_get_child(GTK_BIN(self->bar)), NULL, &height);
    }
    return height;
}

static void
on_bar_revealed(VmDisplayPage *self)
{
    update_hint(self);
    g_object_notify_by_pspec(G_OBJECT(self), props[PROP_BAR_HEIGHT]);
}

/* How the picture is shown and the keys are taken: what menus, the settings and the state of the view follow. */
static void
set_manner(VmDisplayPage *self, guint id, const GValue *value)
{
    switch (id) {
    case PROP_SCALING:
        self->scaling = (VmScaling)g_value_get_int(value);
        vm_display_view_set_scaling(VM_DISPLAY_VIEW(self->view), self->scaling);
        break;
    case PROP_RESIZE_GUEST:
        self->resize_guest = g_value_get_boolean(value);
        vm_display_view_set_resize_guest(VM_DISPLAY_VIEW(self->view), self->resize_guest);
        break;
    case PROP_RELEASE_GESTURE:
        self->gesture = (VmReleaseGesture)g_value_get_int(value);
        vm_display_input_set_gesture(self->input, self->gesture);
        break;
    case PROP_HOST_KEY:
        self->host_key = (VmReleaseGesture)g_value_get_int(value);
        vm_display_input_set_host_key(self->input, self->host_key);
        break;
    case PROP_SYSTEM_KEYS:
    default:
        self->system_keys = g_value_get_boolean(value);
        vm_display_input_set_system_keys(self->input, self->system_keys);
        break;
    }
    g_object_notify_by_pspec(G_OBJECT(self), props[id]);
}

static void
vm_display_page_set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
    VmDisplayPage *self = VM_DISPLAY_PAGE(object);

    switch (id) {
    case PROP_CONNECTION:
        vm_display_page_set_connection(self, g_value_get_object(value));
        break;
    case PROP_PHASE:
        vm_display_page_set_phase(self, (VmDisplayPhase)g_value_get_int(value));
        break;
    case PROP_DISPLAY:
        self->display = g_value_get_int(value);
        on_consoles_changed(self);
        break;
    case PROP_TITLE:
        vm_display_page_set_title(self, g_value_get_string(value));
        break;
    case PROP_SCALING:
    case PROP_RESIZE_GUEST:
    case PROP_RELEASE_GESTURE:
    case PROP_HOST_KEY:
    case PROP_SYSTEM_KEYS:
        set_manner(self, id, value);
        break;
    case PROP_HINTS_SHOWN:
        self->captures = g_value_get_uint(value);
        break;
    case PROP_RELEASE_KNOWN:
        self->release_known = g_value_get_boolean(value);
        update_hint(self);
        break;
    case PROP_FULLSCREEN:
        vm_display_page_set_fullscreen(self, g_value_get_boolean(value));
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    }
}

static void
vm_display_page_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
    VmDisplayPage *self = VM_DISPLAY_PAGE(object);

    switch (id) {
    case PROP_CONNECTION:
        g_value_set_object(value, self->connection);
        break;
    case PROP_PHASE:
        g_value_set_int(value, (int)self->phase);
        break;
    case PROP_DISPLAY:
        g_value_set_int(value, get_display(self));
        break;
    case PROP_N_DISPLAYS:
        g_value_set_uint(value, self->n_displays);
        break;
    case PROP_TITLE:
        g_value_set_string(value, self->title);
        break;
    case PROP_SCALING:
        g_value_set_int(value, (int)self->scaling);
        break;
    case PROP_RESIZE_GUEST:
        g_value_set_boolean(value, self->resize_guest);
        break;
    case PROP_CAPTURED:
        g_value_set_boolean(value, vm_display_input_get_captured(self->input));
        break;
    case PROP_RELEASE_GESTURE:
        g_value_set_int(value, (int)self->gesture);
        break;
    case PROP_HOST_KEY:
        g_value_set_int(value, (int)self->host_key);
        break;
    case PROP_SYSTEM_KEYS:
        g_value_set_boolean(value, self->system_keys);
        break;
    case PROP_HINTS_SHOWN:
        g_value_set_uint(value, self->captures);
        break;
    case PROP_RELEASE_KNOWN:
        g_value_set_boolean(value, self->release_known);
        break;
    case PROP_FULLSCREEN:
        g_value_set_boolean(value, self->fullscreen);
        break;
    case PROP_BAR_HEIGHT:
        g_value_set_int(value, bar_height(self));
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    }
}

static void
vm_display_page_dispose(GObject *object)
{
    VmDisplayPage *self = VM_DISPLAY_PAGE(object);

    vm_beat_leave(GTK_WIDGET(self));
    g_clear_pointer(&self->typist, vm_key_typist_free);
    if (self->input) {
        g_signal_handlers_disconnect_by_data(self->input, self);
        g_signal_handlers_disconnect_by_data(self->view, self);
        vm_display_page_set_connection(self, NULL);
    }
    g_clear_object(&self->input);
    G_OBJECT_CLASS(vm_display_page_parent_class)->dispose(object);
}

static void
vm_display_page_finalize(GObject *object)
{
    g_free(VM_DISPLAY_PAGE(object)->title);
    G_OBJECT_CLASS(vm_display_page_parent_class)->finalize(object);
}

/* Before its parts get their places: the bar's buttons depend on the width. */
static void
vm_display_page_size_allocate(GtkWidget *widget, GtkAllocation *allocation)
{
    vm_fullscreen_bar_fit(VM_FULLSCREEN_BAR(VM_DISPLAY_PAGE(widget)->bar), allocation->width);
    GTK_WIDGET_CLASS(vm_display_page_parent_class)->size_allocate(widget, allocation);
}

static void
install_properties(GObjectClass *klass)
{
    const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

    props[PROP_CONNECTION] =
        g_param_spec_object("connection", NULL, NULL, VM_TYPE_CONNECTION, flags);
    props[PROP_PHASE] =
        g_param_spec_int("phase", NULL, NULL, 0, VM_DISPLAY_LOST, VM_DISPLAY_OFF, flags);
    props[PROP_DISPLAY] = g_param_spec_int("display", NULL, NULL, -1, G_MAXINT, 0, flags);
    props[PROP_N_DISPLAYS] = g_param_spec_uint("n-displays", NULL, NULL, 0, G_MAXUINT, 0,
                                               G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
    props[PROP_TITLE] = g_param_spec_string("title", NULL, NULL, "", flags);
    props[PROP_SCALING] =
        g_param_spec_int("scaling", NULL, NULL, 0, VM_SCALING_WHOLE, VM_SCALING_FIT, flags);
    props[PROP_RESIZE_GUEST] = g_param_spec_boolean("resize-guest", NULL, NULL, FALSE, flags);
    props[PROP_CAPTURED] = g_param_spec_boolean("captured", NULL, NULL, FALSE,
                                                G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
    props[PROP_RELEASE_GESTURE] = g_param_spec_int(
        "release-gesture", NULL, NULL, 0, VM_RELEASE_CTRL_SHIFT, VM_RELEASE_CTRL_ALT, flags);
    props[PROP_HOST_KEY] =
        g_param_spec_int("host-key", NULL, NULL, 0, VM_RELEASE_NONE, VM_RELEASE_NONE, flags);
    props[PROP_SYSTEM_KEYS] = g_param_spec_boolean("system-keys", NULL, NULL, FALSE, flags);
    props[PROP_BAR_HEIGHT] = g_param_spec_int("bar-height", NULL, NULL, 0, G_MAXINT, 0,
                                              G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
    props[PROP_FULLSCREEN] = g_param_spec_boolean("fullscreen", NULL, NULL, FALSE, flags);
    props[PROP_RELEASE_KNOWN] = g_param_spec_boolean("release-known", NULL, NULL, FALSE, flags);
    props[PROP_HINTS_SHOWN] = g_param_spec_uint("hints-shown", NULL, NULL, 0, G_MAXUINT, 0, flags);
    g_object_class_install_properties(klass, N_PROPS, props);
}

static void
vm_display_page_class_init(VmDisplayPageClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS(klass);
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(klass);

    object_class->dispose = vm_display_page_dispose;
    object_class->finalize = vm_display_page_finalize;
    object_class->set_property = vm_display_page_set_property;
    object_class->get_property = vm_display_page_get_property;
    install_properties(object_class);
    signals[MESSAGE] = g_signal_new("message", G_TYPE_FROM_CLASS(klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                    NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
    signals[STALLED] = g_signal_new("stalled", G_TYPE_FROM_CLASS(klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                    NULL, NULL, G_TYPE_NONE, 0);
    signals[HOST_ACTION] = g_signal_new("host-action", G_TYPE_FROM_CLASS(klass), G_SIGNAL_RUN_LAST,
                                        0, NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
    widget_class->size_allocate = vm_display_page_size_allocate;
    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/org/vitrine/Vitrine/ui/display-page.ui");
    gtk_widget_class_bind_template_child(widget_class, VmDisplayPage, box);
    gtk_widget_class_bind_template_child(widget_class, VmDisplayPage, scroll);
    gtk_widget_class_bind_template_child(widget_class, VmDisplayPage, off_box);
    gtk_widget_class_bind_template_child(widget_class, VmDisplayPage, off_title_label);
    gtk_widget_class_bind_template_child(widget_class, VmDisplayPage, since_label);
    gtk_widget_class_bind_template_child(widget_class, VmDisplayPage, wait_box);
    gtk_widget_class_bind_template_child(widget_class, VmDisplayPage, spinner);
    gtk_widget_class_bind_template_child(widget_class, VmDisplayPage, wait_title_label);
    gtk_widget_class_bind_template_child(widget_class, VmDisplayPage, wait_label);
    gtk_widget_class_bind_template_child(widget_class, VmDisplayPage, last_line_label);
    gtk_widget_class_bind_template_child(widget_class, VmDisplayPage, show_console_button);
    gtk_widget_class_bind_template_child(widget_class, VmDisplayPage, add_display_button);
    gtk_widget_class_bind_template_child(widget_class, VmDisplayPage, paused_button);
}

static void
vm_display_page_init(VmDisplayPage *self)
{
    gtk_widget_init_template(GTK_WIDGET(self));
    self->host_key = VM_RELEASE_NONE;
    self->tabs = vm_display_tabs_new();
    gtk_box_pack_start(GTK_BOX(self->box), self->tabs, FALSE, FALSE, 0);
    gtk_box_reorder_child(GTK_BOX(self->box), self->tabs, 0);
    self->view = vm_display_view_new();
    gtk_widget_show(self->view);
    gtk_container_add(GTK_CONTAINER(self->scroll), self->view);
    self->input = vm_display_input_new(VM_DISPLAY_VIEW(self->view));
    self->hint = vm_grab_hint_new();
    gtk_overlay_add_overlay(GTK_OVERLAY(self), self->hint);
    gtk_overlay_set_overlay_pass_through(GTK_OVERLAY(self), self->hint, TRUE);
    self->bar = vm_fullscreen_bar_new();
    gtk_overlay_add_overlay(GTK_OVERLAY(self), self->bar);
    g_signal_connect_swapped(self->input, "notify::captured", G_CALLBACK(on_captured), self);
    g_signal_connect_swapped(self->input, "system-keys-refused", G_CALLBACK(on_system_keys_refused),
                             self);
    g_signal_connect_swapped(self->input, "host-action", G_CALLBACK(on_host_action), self);
    g_signal_connect_swapped(self->bar, "notify::reveal-child", G_CALLBACK(on_bar_revealed), self);
    g_signal_connect_swapped(self->view, "notify::has-picture", G_CALLBACK(on_has_picture), self);
    g_signal_connect_swapped(self->view, "motion-notify-event", G_CALLBACK(on_view_motion), self);
    vm_display_page_update_boxes(self);
}

GtkWidget *
vm_display_page_new(void)
{
    return g_object_new(VM_TYPE_DISPLAY_PAGE, NULL);
}
