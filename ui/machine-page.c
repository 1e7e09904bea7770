/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/machine-page.h"

#include <glib/gi18n.h>

#include "ui/beat.h"
#include "ui/picture.h"
#include "ui/settings-page.h"
#include "ui/statistics-page.h"

struct _VmMachinePage {
    GtkStack parent_instance;
    VmDisplayPage *display;
    VmConsolePage *console;
    VmStatisticsPage *statistics;
    VmSettingsPage *settings;
    VmLogPage *log;
    VmMachine *machine;
    GCancellable *picture_load;
};

G_DEFINE_FINAL_TYPE(VmMachinePage, vm_machine_page, GTK_TYPE_STACK)

static void
picture_loaded(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(GError) error = NULL;
    cairo_surface_t *picture = vm_picture_load_finish(result, &error);
    VmMachinePage *self = data;

    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
        return;
    }
    vm_display_page_set_last_picture(self->display, picture);
    g_clear_pointer(&picture, cairo_surface_destroy);
}

static void
load_picture(VmMachinePage *self)
{
    g_cancellable_cancel(self->picture_load);
    g_clear_object(&self->picture_load);
    self->picture_load = g_cancellable_new();
    vm_picture_load_async(vm_machine_get_name(self->machine), 0, 0, self->picture_load,
                          picture_loaded, self);
}

static void
show_last_line(GtkWidget *widget)
{
    VmMachinePage *self = VM_MACHINE_PAGE(widget);
    VmConsoleTab *tab = vm_console_page_get_tab(self->console);
    g_autofree char *line = tab ? vm_console_tab_dup_last_line(tab) : NULL;

    vm_display_page_set_last_line(self->display, line);
}

static VmDisplayPhase
phase_of(VmMachineState state)
{
    switch (state) {
    case VM_MACHINE_STARTING:
    case VM_MACHINE_RESTARTING:
        return VM_DISPLAY_STARTING;
    case VM_MACHINE_RUNNING:
    case VM_MACHINE_SHUTTING_DOWN:
        return VM_DISPLAY_RUNNING;
    case VM_MACHINE_LOST:
        return VM_DISPLAY_LOST;
    case VM_MACHINE_PAUSED:
        return VM_DISPLAY_PAUSED;
    case VM_MACHINE_OFF:
    case VM_MACHINE_BUILDING:
    case VM_MACHINE_STOPPED:
    case VM_MACHINE_BROKEN:
    default:
        return VM_DISPLAY_OFF;
    }
}

static void
state_changed(VmMachinePage *self)
{
    VmDisplayPhase phase = phase_of(vm_machine_get_state(self->machine));

    vm_beat_leave(GTK_WIDGET(self));
    if (phase == VM_DISPLAY_OFF) {
        g_autofree char *text = vm_machine_dup_off_text(self->machine);
        vm_display_page_set_off_text(self->display, text);
        load_picture(self);
    } else if (phase == VM_DISPLAY_STARTING) {
        vm_beat_join(GTK_WIDGET(self), show_last_line);
    }
    vm_display_page_set_phase(self->display, phase);
}

static void
title_changed(VmMachinePage *self)
{
    vm_display_page_set_title(self->display, vm_machine_get_title(self->machine));
}

static void
connection_changed(VmMachinePage *self)
{
    vm_display_page_set_connection(self->display, vm_machine_get_connection(self->machine));
}

static void
show_log_of(VmMachinePage *self, const char *process)
{
    gtk_stack_set_visible_child_name(GTK_STACK(self), "log");
    vm_log_page_show_process(self->log, process);
}

static void
report_copied(VmMachinePage *self)
{
    g_signal_emit_by_name(self->display, "message", _("Report copied"));
}

static void
drop_machine(VmMachinePage *self)
{
    vm_beat_leave(GTK_WIDGET(self));
    g_cancellable_cancel(self->picture_load);
    g_clear_object(&self->picture_load);
    if (self->machine) {
        g_signal_handlers_disconnect_by_data(self->machine, self);
    }
    g_clear_object(&self->machine);
}

static void
vm_machine_page_dispose(GObject *object)
{
    drop_machine(VM_MACHINE_PAGE(object));
    G_OBJECT_CLASS(vm_machine_page_parent_class)->dispose(object);
}

static void
vm_machine_page_class_init(VmMachinePageClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(klass);

    G_OBJECT_CLASS(klass)->dispose = vm_machine_page_dispose;
    g_type_ensure(VM_TYPE_DISPLAY_PAGE);
    g_type_ensure(VM_TYPE_CONSOLE_PAGE);
    g_type_ensure(VM_TYPE_STATISTICS_PAGE);
    g_type_ensure(VM_TYPE_SETTINGS_PAGE);
    g_type_ensure(VM_TYPE_LOG_PAGE);
    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/org/vitrine/Vitrine/ui/machine-page.ui");
    gtk_widget_class_bind_template_child(widget_class, VmMachinePage, display);
    gtk_widget_class_bind_template_child(widget_class, VmMachinePage, console);
    gtk_widget_class_bind_template_child(widget_class, VmMachinePage, statistics);
    gtk_widget_class_bind_template_child(widget_class, VmMachinePage, settings);
    gtk_widget_class_bind_template_child(widget_class, VmMachinePage, log);
    gtk_widget_class_bind_template_callback(widget_class, show_log_of);
    gtk_widget_class_bind_template_callback(widget_class, report_copied);
}

static void
vm_machine_page_init(VmMachinePage *self)
{
    gtk_widget_init_template(GTK_WIDGET(self));
}

void
vm_machine_page_set_machine(VmMachinePage *self, VmMachine *machine)
{
    if (machine == self->machine) {
        return;
    }
    drop_machine(self);
    vm_console_page_set_machine(self->console, machine);
    vm_statistics_page_set_machine(self->statistics, machine);
    vm_settings_page_set_machine(self->settings, machine);
    vm_log_page_set_machine(self->log, machine);
    vm_display_page_set_connection(self->display, NULL);
    vm_display_page_set_last_picture(self->display, NULL);
    if (!machine) {
        return;
    }
    self->machine = g_object_ref(machine);
    g_signal_connect_object(machine, "notify::state", G_CALLBACK(state_changed), self,
                            G_CONNECT_SWAPPED);
    g_signal_connect_object(machine, "notify::title", G_CALLBACK(title_changed), self,
                            G_CONNECT_SWAPPED);
    g_signal_connect_object(machine, "notify::connection", G_CALLBACK(connection_changed), self,
                            G_CONNECT_SWAPPED);
    title_changed(self);
    state_changed(self);
    connection_changed(self);
}

VmDisplayPage *
vm_machine_page_get_display(VmMachinePage *self)
{
    return self->display;
}

VmConsolePage *
vm_machine_page_get_console(VmMachinePage *self)
{
    return self->console;
}

VmStatisticsPage *
vm_machine_page_get_statistics(VmMachinePage *self)
{
    return self->statistics;
}

VmLogPage *
vm_machine_page_get_log(VmMachinePage *self)
{
    return self->log;
}

VmSettingsPage *
vm_machine_page_get_settings(VmMachinePage *self)
{
    return self->settings;
}

GtkWidget *
vm_machine_page_get_pane(VmMachinePage *self)
{
    gboolean shown = gtk_stack_get_visible_child(GTK_STACK(self)) == GTK_WIDGET(self->statistics);

    return shown ? vm_statistics_page_get_pane(self->statistics) : NULL;
}
