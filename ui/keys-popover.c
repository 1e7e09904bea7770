/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/keys-popover.h"

#include <glib/gi18n.h>

struct _VmKeysPopover {
    GtkPopover parent_instance;
    GtkWidget *heading_label;
    GtkWidget *function_grid;
};

G_DEFINE_FINAL_TYPE(VmKeysPopover, vm_keys_popover, GTK_TYPE_POPOVER)

void
vm_keys_popover_set_title(VmKeysPopover *self, const char *title)
{
    g_autofree char *text = NULL;

    g_return_if_fail(VM_IS_KEYS_POPOVER(self));

    text = g_strdup_printf(_("Send to \342\201\250%s\342\201\251"), title);
    gtk_label_set_text(GTK_LABEL(self->heading_label), text);
}

static void
add_function_key(VmKeysPopover *self, int number)
{
    g_autofree char *label = g_strdup_printf("F%d", number);
    g_autofree char *keys = g_strdup_printf("LEFTCTRL+LEFTALT+F%d", number);
    g_autofree char *name = g_strdup_printf("Ctrl+Alt+F%d", number);
    GtkWidget *button = gtk_button_new_with_label(label);

    gtk_actionable_set_action_name(GTK_ACTIONABLE(button), "machine.send-keys");
    gtk_actionable_set_action_target(GTK_ACTIONABLE(button), "s", keys);
    atk_object_set_name(gtk_widget_get_accessible(button), name);
    gtk_widget_show(button);
    gtk_grid_attach(GTK_GRID(self->function_grid), button, (number - 1) % 6, (number - 1) / 6, 1,
                    1);
}

static void
vm_keys_popover_class_init(VmKeysPopoverClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(klass);

    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/org/vitrine/Vitrine/ui/keys-popover.ui");
    gtk_widget_class_bind_template_child(widget_class, VmKeysPopover, heading_label);
    gtk_widget_class_bind_template_child(widget_class, VmKeysPopover, function_grid);
}

static void
vm_keys_popover_init(VmKeysPopover *self)
{
    gtk_widget_init_template(GTK_WIDGET(self));
    for (int number = 1; number <= 12; number++) {
        add_function_key(self, number);
    }
}

GtkWidget *
vm_keys_popover_new(void)
{
    return g_object_new(VM_TYPE_KEYS_POPOVER, NULL);
}
