/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/window.h"

#include <glib/gi18n.h>
#include <vte/vte.h>

#include "ui/accessible.h"
#include "ui/closing.h"
#include "ui/empty-page.h"
#include "ui/keys-popover.h"
#include "ui/message-bar.h"
#include "ui/settings.h"
#include "ui/window-private.h"

#define DEFAULT_WIDTH  1280
#define DEFAULT_HEIGHT 800
#define MINIMUM_WIDTH  420
#define MINIMUM_HEIGHT 480

G_DEFINE_FINAL_TYPE(VmWindow, vm_window, GTK_TYPE_APPLICATION_WINDOW)

/* ------------------------------------------------------------------ the shown machine */

static void
bar_closed(GtkWidget *bar, VmWindow *self)
{
    if (bar == self->problem_bar) {
        self->problem_bar = NULL;
        if (self->machine) {
            vm_machine_dismiss_problem(self->machine);
        }
    }
    gtk_widget_destroy(bar);
}

static GtkWidget *
add_bar(VmWindow *self, const VmProblem *problem)
{
    GtkWidget *bar = vm_message_bar_new(problem);

    g_signal_connect_object(bar, "closed", G_CALLBACK(bar_closed), self, 0);
    vm_message_stack_add(self->message_box, bar);
    return bar;
}

void
vm_window_report(VmWindow *self, const VmProblem *problem)
{
    (void)add_bar(self, problem);
}

static void
show_retry(VmWindow *self)
{
    const VmProblem *problem = self->machine ? vm_machine_get_problem(self->machine) : NULL;
    VmConnection *connection = self->machine ? vm_machine_get_connection(self->machine) : NULL;

    if (self->problem_bar && problem && connection &&
        g_strcmp0(vm_problem_get_id(problem), "lost") == 0) {
        vm_message_bar_set_retry(VM_MESSAGE_BAR(self->problem_bar),
                                 vm_connection_get_retry_seconds(connection));
    }
}

static void
problem_changed(VmWindow *self)
{
    const VmProblem *problem = self->machine ? vm_machine_get_problem(self->machine) : NULL;

    if (self->problem_bar) {
        gtk_widget_destroy(self->problem_bar);
        self->problem_bar = NULL;
    }
    if (problem) {
        const char *section = vm_problem_get_section(problem);
        if (section) { /* for who changes a setting now */
            vm_settings_page_show_section(vm_machine_page_get_settings(self->machine_page),
                                          section);
        }
        self->problem_bar = add_bar(self, problem);
        vm_window_name_user(self, problem, VM_MESSAGE_BAR(self->problem_bar));
        show_retry(self);
    }
}

/* A reader says a window's name when it changes: so a page that a key has brought is told. */
static void
name_window(VmWindow *self)
{
    const char *title = self->overview  ? _("All machines")
                        : self->machine ? vm_machine_get_title(self->machine)
                                        : "Vitrine";
    GtkWidget *page = gtk_stack_get_visible_child(GTK_STACK(self->machine_page));
    g_autofree char *word = NULL;
    g_autofree char *name = NULL;

    if (self->machine && !self->overview && page) {
        gtk_container_child_get(GTK_CONTAINER(self->machine_page), page, "title", &word, NULL);
    }
    name = word ? g_strdup_printf("%s, %s", title, word) : g_strdup(title);
    vm_accessible_set_name(GTK_WIDGET(self), name);
}

/* The whole words of a label that has no room for them. */
static gboolean
tip_asked(GtkLabel *label, int x, int y, gboolean by_key, GtkTooltip *tip)
{
    if (!pango_layout_is_ellipsized(gtk_label_get_layout(label))) {
        return FALSE;
    }
    gtk_tooltip_set_text(tip, gtk_label_get_text(label));
    return TRUE;
}

static void
words_changed(VmWindow *self)
{
    const char *title = self->overview  ? _("All machines")
                        : self->machine ? vm_machine_get_title(self->machine)
                                        : "";

    gtk_label_set_text(self->title_label, title);
    gtk_widget_set_visible(GTK_WIDGET(self->state_label), self->machine != NULL);
    gtk_label_set_text(self->state_label,
                       self->machine ? vm_machine_get_state_words(self->machine) : "");
    gtk_widget_set_visible(self->elsewhere_label,
                           self->machine && vm_machine_get_elsewhere(self->machine));
    name_window(self); /* before the title, which tells of the name as it is */
    gtk_window_set_title(GTK_WINDOW(self), title[0] ? title : "Vitrine");
    if (self->keys_popover) {
        vm_keys_popover_set_title(VM_KEYS_POPOVER(self->keys_popover), title);
    }
    show_retry(self);
}

static void
show_right_page(VmWindow *self)
{
    const char *page = "empty";

    if (self->overview && g_list_model_get_n_items(G_LIST_MODEL(self->store)) > 0) {
        page = "overview";
    } else if (self->machine) {
        page = vm_machine_get_build(self->machine) ? "building" : "machine";
    }
    vm_building_page_set_machine(self->building_page, self->machine);
    gtk_stack_set_visible_child_name(self->page_stack, page);
    vm_window_layout_soon(self);
}

static void
state_changed(VmWindow *self)
{
    gboolean checking =
        g_strcmp0(gtk_stack_get_visible_child_name(self->page_stack), "self-check") == 0;

    if (!checking) {
        show_right_page(self);
    }
    vm_window_update_actions(self);
}

void
vm_window_take_machine(VmWindow *self, VmMachine *machine)
{
    if (machine != self->machine) {
        if (self->machine) {
            g_signal_handlers_disconnect_by_data(self->machine, self);
        }
        g_set_object(&self->machine, machine);
        if (machine) {
            g_signal_connect_object(machine, "notify::problem", G_CALLBACK(problem_changed), self,
                                    G_CONNECT_SWAPPED);
            g_signal_connect_object(machine, "notify::state-words", G_CALLBACK(words_changed), self,
                                    G_CONNECT_SWAPPED);
            g_signal_connect_object(machine, "notify::title", G_CALLBACK(words_changed), self,
                                    G_CONNECT_SWAPPED);
            g_signal_connect_object(machine, "notify::state", G_CALLBACK(state_changed), self,
                                    G_CONNECT_SWAPPED);
            g_signal_connect_object(machine, "notify::has-renderer",
                                    G_CALLBACK(vm_window_update_actions), self, G_CONNECT_SWAPPED);
            g_signal_connect_object(machine, "notify::stubborn",
                                    G_CALLBACK(vm_window_update_actions), self, G_CONNECT_SWAPPED);
        }
        if (self->view_state) {
            vm_view_state_set_machine(self->view_state, NULL);
        }
        vm_machine_page_set_machine(self->machine_page, machine);
        if (self->view_state) {
            vm_view_state_set_machine(self->view_state, machine);
        }
        if (self->settings && machine && !self->alone) {
            g_settings_set_string(self->settings, "selected-machine", vm_machine_get_name(machine));
        }
    }
    words_changed(self);
    problem_changed(self);
    show_right_page(self);
    vm_window_update_actions(self);
}

static void
row_selected(VmWindow *self, VmMachine *machine)
{
    if (machine) {
        self->overview = FALSE;
        vm_window_take_machine(self, machine);
    }
}

/* Folded, a click goes to the machine. */
static void
row_pressed(VmWindow *self, VmMachine *machine)
{
    if (self->narrow) {
        vm_window_show_machine(self, machine);
    }
}

static void
row_activated(VmWindow *self, VmMachine *machine)
{
    vm_window_show_machine(self, machine);
    if (!vm_machine_is_active(machine)) {
        vm_machine_start(machine);
    }
}

static void
row_menu(VmWindow *self, VmMachine *machine, GtkWidget *row)
{
    GtkWidget *popover = NULL;

    self->overview = FALSE;
    vm_window_take_machine(self, machine);
    popover = gtk_popover_new_from_model(row, self->row_menu);
    gtk_popover_set_position(GTK_POPOVER(popover), GTK_POS_BOTTOM);
    vm_closing_destroys(popover, "closed");
    gtk_popover_popup(GTK_POPOVER(popover));
}

void
vm_window_show_machine(VmWindow *self, VmMachine *machine)
{
    self->overview = FALSE;
    gtk_stack_set_visible_child_name(self->page_stack, "machine");
    vm_machine_sidebar_select(self->sidebar, machine);
    vm_window_take_machine(self, machine);
    vm_window_show_content(self, TRUE);
}

VmMachine *
vm_window_get_machine(VmWindow *self)
{
    return self->machine;
}

/* ------------------------------------------------------------------ pages */

static void
view_changed(VmWindow *self)
{
    vm_window_update_actions(self);
}

void
vm_window_show_self_check(VmWindow *self)
{
    gtk_stack_set_visible_child_name(self->page_stack, "self-check");
    vm_self_check_page_run(self->self_check_page);
    vm_window_show_content(self, TRUE);
}

static void
check_left(VmWindow *self)
{
    show_right_page(self);
}

static void
check_done(VmWindow *self, gboolean fine)
{
    /* At the start the check runs unseen; only trouble before the first machine is shown. */
    if (!fine && g_list_model_get_n_items(G_LIST_MODEL(self->store)) == 0) {
        gtk_stack_set_visible_child_name(self->page_stack, "self-check");
        vm_window_layout_soon(self);
    }
}

static void
machines_changed(VmWindow *self)
{
    gboolean gone = self->machine &&
                    vm_store_find(self->store, vm_machine_get_name(self->machine)) != self->machine;

    if (gone) {
        vm_window_take_machine(self, NULL);
    }
    if (self->overview) {
        show_right_page(self);
    } else if (!self->machine) {
        VmMachine *selected = vm_machine_sidebar_get_selected(self->sidebar);
        if (!selected) {
            vm_machine_sidebar_move(self->sidebar, 1, FALSE);
            selected = vm_machine_sidebar_get_selected(self->sidebar);
        }
        vm_window_take_machine(self, selected);
    }
    vm_window_layout_soon(self);
}

static void
build_failed(VmWindow *self, VmProblem *problem)
{
    vm_window_report(self, problem);
}

static void
build_finished(VmWindow *self, VmMachine *machine)
{
    if (machine == self->machine) {
        show_right_page(self);
    }
    vm_window_toast(self, _("The Debian guest is ready"));
}

/* ------------------------------------------------------------------ the window itself */

/* In a terminal or an entry the widget's own keys win over ours. */
static gboolean
vm_window_key_press_event(GtkWidget *widget, GdkEventKey *event)
{
    GtkWidget *focus = gtk_window_get_focus(GTK_WINDOW(widget));

    if (focus && (VTE_IS_TERMINAL(focus) || GTK_IS_ENTRY(focus)) &&
        gtk_window_propagate_key_event(GTK_WINDOW(widget), event)) {
        return GDK_EVENT_STOP;
    }
    if (GTK_WIDGET_CLASS(vm_window_parent_class)->key_press_event(widget, event)) {
        return GDK_EVENT_STOP;
    }
    if (event->keyval == GDK_KEY_Escape && VM_WINDOW(widget)->narrow && !VM_WINDOW(widget)->alone) {
        g_action_group_activate_action(G_ACTION_GROUP(widget), "back", NULL);
        return GDK_EVENT_STOP;
    }
    return GDK_EVENT_PROPAGATE;
}

/* Tab goes by what belongs together: the list comes before the header of what it shows, the toast last. */
static gboolean
vm_window_focus(GtkWidget *widget, GtkDirectionType direction)
{
    VmWindow *self = VM_WINDOW(widget);
    GtkWidget *parts[] = {GTK_WIDGET(self->side_header), self->sidebar_box,
                          GTK_WIDGET(self->main_header), GTK_WIDGET(self->message_box),
                          GTK_WIDGET(self->page_stack),  self->bottom_switcher,
                          GTK_WIDGET(self->undo_toast)};
    GtkWidget *focus = gtk_window_get_focus(GTK_WINDOW(self));
    int step = direction == GTK_DIR_TAB_FORWARD ? 1 : direction == GTK_DIR_TAB_BACKWARD ? -1 : 0;
    int n = (int)G_N_ELEMENTS(parts);
    int at = -1;

    for (int i = 0; focus && i < n; i++) {
        if (gtk_widget_is_ancestor(focus, parts[i])) {
            at = i;
        }
    }
    /* Arrows, popovers, and where to begin are GTK's. */
    if (step == 0 || at < 0) {
        return GTK_WIDGET_CLASS(vm_window_parent_class)->focus(widget, direction);
    }
    if (gtk_widget_child_focus(parts[at], direction)) {
        return TRUE;
    }
    gtk_window_set_focus(GTK_WINDOW(self), NULL); /* a single part begins anew */
    for (int i = 0; i < n; i++) {
        at = (at + step + n) % n;
        if (gtk_widget_is_visible(parts[at]) && gtk_widget_child_focus(parts[at], direction)) {
            return TRUE;
        }
    }
    return FALSE;
}

/* The folding makes room; what is shown now does not limit how narrow the window may get. */
static void
vm_window_get_preferred_width(GtkWidget *widget, int *minimum, int *natural)
{
    GTK_WIDGET_CLASS(vm_window_parent_class)->get_preferred_width(widget, minimum, natural);
    *minimum = MIN(*minimum, MINIMUM_WIDTH);
}

static void
vm_window_get_preferred_width_for_height(GtkWidget *widget, int height, int *minimum, int *natural)
{
    GTK_WIDGET_CLASS(vm_window_parent_class)
        ->get_preferred_width_for_height(widget, height, minimum, natural);
    *minimum = MIN(*minimum, MINIMUM_WIDTH);
}

static void
vm_window_size_allocate(GtkWidget *widget, GtkAllocation *allocation)
{
    VmWindow *self = VM_WINDOW(widget);

    if (self->store) {
        vm_window_layout(self, allocation->width);
    }
    GTK_WIDGET_CLASS(vm_window_parent_class)->size_allocate(widget, allocation);
    if (!self->maximized && !self->fullscreen) {
        gtk_window_get_size(GTK_WINDOW(self), &self->normal_width, &self->normal_height);
    }
}

static void
save_state(VmWindow *self)
{
    if (self->alone && self->machine && self->normal_width > 0) {
        vm_view_state_save_size(vm_machine_get_name(self->machine), self->alone_display,
                                self->normal_width, self->normal_height);
    }
    if (!self->settings || self->alone) {
        return;
    }
    if (self->normal_width > 0) {
        /* What the theme draws around it counts for the least size, but not here. */
        g_settings_set_int(self->settings, "window-width", MAX(self->normal_width, MINIMUM_WIDTH));
        g_settings_set_int(self->settings, "window-height",
                           MAX(self->normal_height, MINIMUM_HEIGHT));
    }
    g_settings_set_boolean(self->settings, "window-maximized", self->maximized);
}

static void
vm_window_dispose(GObject *object)
{
    VmWindow *self = VM_WINDOW(object);
    g_autoptr(VmStore) store = self->store;

    if (store) {
        save_state(self);
        vm_window_note_monitor(self);
        vm_undo_toast_commit(self->undo_toast);
        vm_window_take_machine(self, NULL);
        g_signal_handlers_disconnect_by_data(store, self);
        g_clear_object(&self->view_state);
        self->store = NULL;
    }
    g_clear_handle_id(&self->typing_timer, g_source_remove);
    if (self->layout_idle) {
        g_source_remove(self->layout_idle);
        self->layout_idle = 0;
    }
    g_clear_pointer(&self->place, g_free);
    g_clear_object(&self->settings);
    g_clear_object(&self->machine_actions);
    g_clear_object(&self->start_queue);
    G_OBJECT_CLASS(vm_window_parent_class)->dispose(object);
}

static void
bind_children(GtkWidgetClass *widget_class)
{
    gtk_widget_class_bind_template_child(widget_class, VmWindow, side_header);
    gtk_widget_class_bind_template_child(widget_class, VmWindow, main_header);
    gtk_widget_class_bind_template_child(widget_class, VmWindow, header_separator);
    gtk_widget_class_bind_template_child(widget_class, VmWindow, search_button);
    gtk_widget_class_bind_template_child(widget_class, VmWindow, main_menu_button);
    gtk_widget_class_bind_template_child(widget_class, VmWindow, back_button);
    gtk_widget_class_bind_template_child(widget_class, VmWindow, power_box);
    gtk_widget_class_bind_template_child(widget_class, VmWindow, power_button);
    gtk_widget_class_bind_template_child(widget_class, VmWindow, power_stack);
    gtk_widget_class_bind_template_child(widget_class, VmWindow, start_label);
    gtk_widget_class_bind_template_child(widget_class, VmWindow, shut_label);
    gtk_widget_class_bind_template_child(widget_class, VmWindow, force_label);
    gtk_widget_class_bind_template_child(widget_class, VmWindow, power_menu_button);
    gtk_widget_class_bind_template_child(widget_class, VmWindow, power_menu);
    gtk_widget_class_bind_template_child(widget_class, VmWindow, off_menu);
    gtk_widget_class_bind_template_child(widget_class, VmWindow, row_menu);
    gtk_widget_class_bind_template_child(widget_class, VmWindow, disposable_strip);
    gtk_widget_class_bind_template_child(widget_class, VmWindow, title_stack);
    gtk_widget_class_bind_template_child(widget_class, VmWindow, view_switcher);
    gtk_widget_class_bind_template_child(widget_class, VmWindow, title_label);
    gtk_widget_class_bind_template_child(widget_class, VmWindow, state_label);
    gtk_widget_class_bind_template_child(widget_class, VmWindow, elsewhere_label);
    gtk_widget_class_bind_template_child(widget_class, VmWindow, keys_button);
    gtk_widget_class_bind_template_child(widget_class, VmWindow, screenshot_button);
    gtk_widget_class_bind_template_child(widget_class, VmWindow, fullscreen_button);
    gtk_widget_class_bind_template_child(widget_class, VmWindow, more_button);
    gtk_widget_class_bind_template_child(widget_class, VmWindow, sidebar_box);
    gtk_widget_class_bind_template_child(widget_class, VmWindow, sidebar);
    gtk_widget_class_bind_template_child(widget_class, VmWindow, content_overlay);
    gtk_widget_class_bind_template_child(widget_class, VmWindow, message_box);
    gtk_widget_class_bind_template_child(widget_class, VmWindow, page_stack);
    gtk_widget_class_bind_template_child(widget_class, VmWindow, machine_page);
    gtk_widget_class_bind_template_child(widget_class, VmWindow, building_page);
    gtk_widget_class_bind_template_child(widget_class, VmWindow, self_check_page);
    gtk_widget_class_bind_template_child(widget_class, VmWindow, overview_page);
    gtk_widget_class_bind_template_child(widget_class, VmWindow, columns_button);
    gtk_widget_class_bind_template_child(widget_class, VmWindow, bottom_switcher);
    gtk_widget_class_bind_template_child(widget_class, VmWindow, undo_toast);
}

static void
vm_window_class_init(VmWindowClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(klass);

    G_OBJECT_CLASS(klass)->dispose = vm_window_dispose;
    widget_class->key_press_event = vm_window_key_press_event;
    widget_class->focus = vm_window_focus;
    widget_class->get_preferred_width = vm_window_get_preferred_width;
    widget_class->get_preferred_width_for_height = vm_window_get_preferred_width_for_height;
    widget_class->size_allocate = vm_window_size_allocate;
    g_type_ensure(VM_TYPE_MESSAGE_STACK);
    g_type_ensure(VM_TYPE_MACHINE_SIDEBAR);
    g_type_ensure(VM_TYPE_MACHINE_PAGE);
    g_type_ensure(VM_TYPE_EMPTY_PAGE);
    g_type_ensure(VM_TYPE_BUILDING_PAGE);
    g_type_ensure(VM_TYPE_SELF_CHECK_PAGE);
    g_type_ensure(VM_TYPE_OVERVIEW_PAGE);
    g_type_ensure(VM_TYPE_UNDO_TOAST);
    gtk_widget_class_set_template_from_resource(widget_class, "/org/vitrine/Vitrine/ui/window.ui");
    bind_children(widget_class);
    gtk_widget_class_bind_template_callback(widget_class, row_selected);
    gtk_widget_class_bind_template_callback(widget_class, row_pressed);
    gtk_widget_class_bind_template_callback(widget_class, row_activated);
    gtk_widget_class_bind_template_callback(widget_class, row_menu);
    gtk_widget_class_bind_template_callback(widget_class, vm_window_sidebar_overview);
    gtk_widget_class_bind_template_callback(widget_class, vm_window_row_moved);
    gtk_widget_class_bind_template_callback(widget_class, vm_window_overview_act);
    gtk_widget_class_bind_template_callback(widget_class, vm_window_show_machine);
    gtk_widget_class_bind_template_callback(widget_class, view_changed);
    gtk_widget_class_bind_template_callback(widget_class, tip_asked);
    gtk_widget_class_bind_template_callback(widget_class, check_left);
    gtk_widget_class_bind_template_callback(widget_class, check_done);
}

static void
vm_window_init(VmWindow *self)
{
    gtk_widget_init_template(GTK_WIDGET(self));
    gtk_widget_set_size_request(GTK_WIDGET(self), MINIMUM_WIDTH, MINIMUM_HEIGHT);
    vm_undo_toast_attach(self->undo_toast, GTK_WINDOW(self));
    self->keys_popover = vm_keys_popover_new();
    gtk_menu_button_set_popover(self->keys_button, self->keys_popover);
    vm_window_take_files(self);
    vm_window_setup_layout(self);
    g_signal_connect_object(self->machine_page, "notify::visible-child", G_CALLBACK(name_window),
                            self, G_CONNECT_SWAPPED);
}

/* What was remembered, but not more than the screen has. */
static void
set_default_size(VmWindow *self, int width, int height)
{
    GdkDisplay *display = gtk_widget_get_display(GTK_WIDGET(self));
    GdkMonitor *monitor = gdk_display_get_primary_monitor(display);
    GdkRectangle area = {0, 0, 0, 0};

    if (!monitor) {
        monitor = gdk_display_get_monitor(display, 0);
    }
    if (monitor) {
        gdk_monitor_get_workarea(monitor, &area);
        width = MIN(width, area.width);
        height = MIN(height, area.height);
    }
    gtk_window_set_default_size(GTK_WINDOW(self), width, height);
}

static void
restore_state(VmWindow *self)
{
    g_autofree char *name = NULL;
    VmMachine *machine = NULL;

    set_default_size(self, DEFAULT_WIDTH, DEFAULT_HEIGHT);
    if (self->settings) {
        set_default_size(self, g_settings_get_int(self->settings, "window-width"),
                         g_settings_get_int(self->settings, "window-height"));
        if (g_settings_get_boolean(self->settings, "window-maximized")) {
            gtk_window_maximize(GTK_WINDOW(self));
        }
        name = g_settings_get_string(self->settings, "selected-machine");
        machine = vm_store_find(self->store, name);
        vm_settings_bind_display(self->settings, vm_machine_page_get_display(self->machine_page));
    }
    if (machine) {
        vm_machine_sidebar_select(self->sidebar, machine);
    }
    machines_changed(self);
}

GtkWidget *
vm_window_new(GtkApplication *application, VmStore *store, GSettings *settings)
{
    VmWindow *self = g_object_new(VM_TYPE_WINDOW, "application", application, NULL);

    self->store = g_object_ref(store);
    self->settings = settings ? g_object_ref(settings) : NULL;
    self->start_queue = vm_start_queue_new();
    if (settings) {
        vm_console_page_set_settings(vm_machine_page_get_console(self->machine_page), settings);
    }
    vm_machine_sidebar_set_store(self->sidebar, store);
    vm_window_add_actions(self);
    vm_window_setup_overview(self);
    g_signal_connect_object(store, "items-changed", G_CALLBACK(machines_changed), self,
                            G_CONNECT_SWAPPED);
    g_signal_connect_object(store, "build-failed", G_CALLBACK(build_failed), self,
                            G_CONNECT_SWAPPED);
    g_signal_connect_object(store, "build-finished", G_CALLBACK(build_finished), self,
                            G_CONNECT_SWAPPED);
    restore_state(self);
    if (settings) {
        vm_keys_popover_set_settings(VM_KEYS_POPOVER(self->keys_popover), settings);
        vm_display_page_set_settings(vm_machine_page_get_display(self->machine_page), settings);
    }
    self->view_state = vm_view_state_new(self->machine_page);
    vm_view_state_set_machine(self->view_state, self->machine);
    vm_self_check_page_run(self->self_check_page);
    return GTK_WIDGET(self);
}

void
vm_window_set_display(VmWindow *self, int display)
{
    int width = 0;
    int height = 0;

    g_object_set(vm_machine_page_get_display(self->machine_page), "display", display, NULL);
    self->alone_display = display;
    if (self->alone && self->machine &&
        vm_view_state_load_size(vm_machine_get_name(self->machine), display, &width, &height)) {
        set_default_size(self, width, height);
    }
}

void
vm_window_set_alone(VmWindow *self, VmMachine *machine)
{
    self->alone = TRUE;
    vm_window_show_machine(self, machine);
}
