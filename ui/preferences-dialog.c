/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/preferences-dialog.h"

struct _VmPreferencesDialog {
    GtkDialog parent_instance;
    GtkComboBox *scheme_combo;
    GtkComboBox *release_combo;
    GtkSwitch *system_keys_switch;
    GtkSwitch *resize_switch;
    GtkComboBox *close_combo;
    GtkSwitch *notify_switch;
};

G_DEFINE_FINAL_TYPE(VmPreferencesDialog, vm_preferences_dialog, GTK_TYPE_DIALOG)

/* The whole row of a switch can be clicked. */
static void
row_activated(VmPreferencesDialog *self, GtkListBoxRow *row)
{
    GtkWidget *box = gtk_bin_get_child(GTK_BIN(row));
    g_autoptr(GList) children = gtk_container_get_children(GTK_CONTAINER(box));
    GtkWidget *last = g_list_last(children)->data;

    if (GTK_IS_SWITCH(last)) {
        gtk_switch_set_active(GTK_SWITCH(last), !gtk_switch_get_active(GTK_SWITCH(last)));
    } else {
        gtk_widget_grab_focus(last);
    }
}

static void
vm_preferences_dialog_class_init(VmPreferencesDialogClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(klass);

    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/org/vitrine/Vitrine/ui/preferences-dialog.ui");
    gtk_widget_class_bind_template_child(widget_class, VmPreferencesDialog, scheme_combo);
    gtk_widget_class_bind_template_child(widget_class, VmPreferencesDialog, release_combo);
    gtk_widget_class_bind_template_child(widget_class, VmPreferencesDialog, system_keys_switch);
    gtk_widget_class_bind_template_child(widget_class, VmPreferencesDialog, resize_switch);
    gtk_widget_class_bind_template_child(widget_class, VmPreferencesDialog, close_combo);
    gtk_widget_class_bind_template_child(widget_class, VmPreferencesDialog, notify_switch);
    gtk_widget_class_bind_template_callback(widget_class, row_activated);
}

static void
vm_preferences_dialog_init(VmPreferencesDialog *self)
{
    gtk_widget_init_template(GTK_WIDGET(self));
}

GtkWidget *
vm_preferences_dialog_new(GtkWindow *parent, GSettings *settings)
{
    VmPreferencesDialog *self = g_object_new(VM_TYPE_PREFERENCES_DIALOG, "transient-for", parent,
                                             "use-header-bar", 1, NULL);

    g_settings_bind(settings, "color-scheme", self->scheme_combo, "active-id",
                    G_SETTINGS_BIND_DEFAULT);
    g_settings_bind(settings, "release-gesture", self->release_combo, "active-id",
                    G_SETTINGS_BIND_DEFAULT);
    g_settings_bind(settings, "system-keys", self->system_keys_switch, "active",
                    G_SETTINGS_BIND_DEFAULT);
    g_settings_bind(settings, "resize-guest", self->resize_switch, "active",
                    G_SETTINGS_BIND_DEFAULT);
    g_settings_bind(settings, "close-policy", self->close_combo, "active-id",
                    G_SETTINGS_BIND_DEFAULT);
    g_settings_bind(settings, "notifications", self->notify_switch, "active",
                    G_SETTINGS_BIND_DEFAULT);
    return GTK_WIDGET(self);
}
