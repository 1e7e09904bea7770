/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/group-heading.h"

#include <glib/gi18n.h>

struct _VmGroupHeading {
    GtkBox parent_instance;
    GtkWidget *heading_button;
    GtkLabel *heading_label;
    GtkImage *fold_image;
};

G_DEFINE_FINAL_TYPE(VmGroupHeading, vm_group_heading, GTK_TYPE_BOX)

enum {
    TOGGLED,
    DROPPED,
    N_SIGNALS
};
static guint signals[N_SIGNALS]; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */

static void
heading_clicked(VmGroupHeading *self)
{
    g_signal_emit(self, signals[TOGGLED], 0);
}

/* NOLINTBEGIN(readability-function-size): the shape of the signal */
static void
drag_received(VmGroupHeading *self, GdkDragContext *context, int x, int y, GtkSelectionData *data,
              guint info, guint time)
{
    const guchar *bytes = gtk_selection_data_get_data(data);
    int size = gtk_selection_data_get_length(data);
    g_autofree char *name = size > 0 ? g_strndup((const char *)bytes, (gsize)size) : NULL;

    gtk_drag_finish(context, name != NULL, FALSE, time);
    if (name) {
        g_signal_emit(self, signals[DROPPED], 0, name);
    }
}
/* NOLINTEND(readability-function-size) */

static void
vm_group_heading_class_init(VmGroupHeadingClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(klass);

    signals[TOGGLED] = g_signal_new("toggled", VM_TYPE_GROUP_HEADING, G_SIGNAL_RUN_LAST, 0, NULL,
                                    NULL, NULL, G_TYPE_NONE, 0);
    signals[DROPPED] = g_signal_new("dropped", VM_TYPE_GROUP_HEADING, G_SIGNAL_RUN_LAST, 0, NULL,
                                    NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/org/vitrine/Vitrine/ui/group-heading.ui");
    gtk_widget_class_bind_template_child(widget_class, VmGroupHeading, heading_button);
    gtk_widget_class_bind_template_child(widget_class, VmGroupHeading, heading_label);
    gtk_widget_class_bind_template_child(widget_class, VmGroupHeading, fold_image);
    gtk_widget_class_bind_template_callback(widget_class, heading_clicked);
}

static void
vm_group_heading_init(VmGroupHeading *self)
{
    GtkTargetEntry target = {(char *)VM_DRAG_MACHINE, GTK_TARGET_SAME_APP, 0};

    gtk_widget_init_template(GTK_WIDGET(self));
    gtk_drag_dest_set(GTK_WIDGET(self), GTK_DEST_DEFAULT_ALL, &target, 1, GDK_ACTION_MOVE);
    g_signal_connect(self, "drag-data-received", G_CALLBACK(drag_received), NULL);
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
    AtkObject *accessible = gtk_widget_get_accessible(self->heading_button);

    atk_object_set_name(accessible, vm_group_heading_get_group(self));
    atk_object_set_description(accessible, folded ? _("Group, folded") : _("Group"));
    gtk_image_set_from_icon_name(
        self->fold_image, folded ? "pan-end-symbolic" : "pan-down-symbolic", GTK_ICON_SIZE_MENU);
}
