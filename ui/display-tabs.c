/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/display-tabs.h"

#include <glib/gi18n.h>

#include "vmm/client/vm-console.h"

struct _VmDisplayTabs {
    GtkBox parent_instance;
};

G_DEFINE_FINAL_TYPE(VmDisplayTabs, vm_display_tabs, GTK_TYPE_BOX)

static void
vm_display_tabs_class_init(VmDisplayTabsClass *klass)
{
}

static void
vm_display_tabs_init(VmDisplayTabs *self)
{
    AtkObject *accessible = gtk_widget_get_accessible(GTK_WIDGET(self));

    gtk_widget_set_halign(GTK_WIDGET(self), GTK_ALIGN_CENTER);
    g_object_set(self, "margin", 4, "homogeneous", TRUE, NULL);
    gtk_style_context_add_class(gtk_widget_get_style_context(GTK_WIDGET(self)), "linked");
    atk_object_set_name(accessible, _("Displays"));
}

GtkWidget *
vm_display_tabs_new(void)
{
    return g_object_new(VM_TYPE_DISPLAY_TABS, NULL);
}

static GtkWidget *
tab_new(guint number)
{
    GtkWidget *button = gtk_toggle_button_new();
    g_autofree char *label = g_strdup_printf(_("Display %u"), number + 1);

    gtk_button_set_label(GTK_BUTTON(button), label);
    gtk_actionable_set_action_name(GTK_ACTIONABLE(button), "machine.display");
    gtk_actionable_set_action_target(GTK_ACTIONABLE(button), "i", (gint)number);
    gtk_widget_show(button);
    return button;
}

guint
vm_display_tabs_set_consoles(VmDisplayTabs *self, GListModel *consoles)
{
    guint n = consoles ? g_list_model_get_n_items(consoles) : 0;

    g_return_val_if_fail(VM_IS_DISPLAY_TABS(self), 0);
    gtk_container_foreach(GTK_CONTAINER(self), (GtkCallback)(void (*)(void))gtk_widget_destroy,
                          NULL);
    for (guint i = 0; n > 1 && i < n; i++) {
        g_autoptr(VmConsole) console = g_list_model_get_item(consoles, i);

        gtk_container_add(GTK_CONTAINER(self), tab_new(vm_console_get_number(console)));
    }
    gtk_widget_set_visible(GTK_WIDGET(self), n > 1);
    return n;
}
