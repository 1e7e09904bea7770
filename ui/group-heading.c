/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/group-heading.h"

struct _VmGroupHeading {
    GtkBox parent_instance;
    GtkLabel *heading_label;
    GtkImage *fold_image;
};

G_DEFINE_FINAL_TYPE(VmGroupHeading, vm_group_heading, GTK_TYPE_BOX)

enum {
    TOGGLED,
    N_SIGNALS
};
static guint signals[N_SIGNALS]; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */

static void
heading_clicked(VmGroupHeading *self)
{
    g_signal_emit(self, signals[TOGGLED], 0);
}

static void
vm_group_heading_class_init(VmGroupHeadingClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(klass);

    signals[TOGGLED] = g_signal_new("toggled", VM_TYPE_GROUP_HEADING, G_SIGNAL_RUN_LAST, 0, NULL,
                                    NULL, NULL, G_TYPE_NONE, 0);
    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/org/vitrine/Vitrine/ui/group-heading.ui");
    gtk_widget_class_bind_template_child(widget_class, VmGroupHeading, heading_label);
    gtk_widget_class_bind_template_child(widget_class, VmGroupHeading, fold_image);
    gtk_widget_class_bind_template_callback(widget_class, heading_clicked);
}

static void
vm_group_heading_init(VmGroupHeading *self)
{
    gtk_widget_init_template(GTK_WIDGET(self));
}

GtkWidget *
vm_group_heading_new(const char *group, gboolean folded)
{
    VmGroupHeading *self = g_object_new(VM_TYPE_GROUP_HEADING, NULL);

    gtk_label_set_text(self->heading_label, group);
    vm_group_heading_set_folded(self, folded);
    return GTK_WIDGET(self);
}

const char *
vm_group_heading_get_group(VmGroupHeading *self)
{
    return gtk_label_get_text(self->heading_label);
}

void
vm_group_heading_set_folded(VmGroupHeading *self, gboolean folded)
{
    gtk_image_set_from_icon_name(
        self->fold_image, folded ? "pan-end-symbolic" : "pan-down-symbolic", GTK_ICON_SIZE_MENU);
}
