/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/building-page.h"

#include <glib/gi18n.h>

struct _VmBuildingPage {
    GtkBox parent_instance;
    GtkLabel *title_label;
    GtkLabel *step_label;
    GtkProgressBar *progress_bar;
    VmGuestBuild *build;
};

G_DEFINE_FINAL_TYPE(VmBuildingPage, vm_building_page, GTK_TYPE_BOX)

static void
update(VmBuildingPage *self)
{
    int percent = vm_guest_build_get_percent(self->build);

    gtk_progress_bar_set_fraction(self->progress_bar, percent / 100.0);
    gtk_label_set_text(self->step_label, vm_guest_build_get_text(self->build));
}

static void
cancel_clicked(VmBuildingPage *self)
{
    if (self->build) {
        vm_guest_build_cancel(self->build);
        gtk_label_set_text(self->step_label, _("Stopping…"));
    }
}

static void
drop_build(VmBuildingPage *self)
{
    if (self->build) {
        g_signal_handlers_disconnect_by_data(self->build, self);
    }
    g_clear_object(&self->build);
}

static void
vm_building_page_dispose(GObject *object)
{
    drop_build(VM_BUILDING_PAGE(object));
    G_OBJECT_CLASS(vm_building_page_parent_class)->dispose(object);
}

static void
vm_building_page_class_init(VmBuildingPageClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(klass);

    G_OBJECT_CLASS(klass)->dispose = vm_building_page_dispose;
    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/org/vitrine/Vitrine/ui/building-page.ui");
    gtk_widget_class_bind_template_child(widget_class, VmBuildingPage, title_label);
    gtk_widget_class_bind_template_child(widget_class, VmBuildingPage, step_label);
    gtk_widget_class_bind_template_child(widget_class, VmBuildingPage, progress_bar);
    gtk_widget_class_bind_template_callback(widget_class, cancel_clicked);
}

static void
vm_building_page_init(VmBuildingPage *self)
{
    gtk_widget_init_template(GTK_WIDGET(self));
}

void
vm_building_page_set_machine(VmBuildingPage *self, VmMachine *machine)
{
    VmGuestBuild *build = machine ? vm_machine_get_build(machine) : NULL;
    g_autofree char *title = NULL;

    if (build == self->build) {
        return;
    }
    drop_build(self);
    if (!build) {
        return;
    }
    self->build = g_object_ref(build);
    /* Translators: %s is the title of a machine that is being made. */
    title = g_strdup_printf(_("Making “%s”"), vm_machine_get_title(machine));
    gtk_label_set_text(self->title_label, title);
    g_signal_connect_object(build, "notify", G_CALLBACK(update), self, G_CONNECT_SWAPPED);
    update(self);
}
