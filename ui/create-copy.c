/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The create assistant's source that has one step only: a copy of another machine. */
#include <glib/gi18n.h>

#include "ui/create-assistant-private.h"

/* Wide titles give way to the window. */
static void
let_shrink(GtkComboBox *combo)
{
    g_autoptr(GList) cells = gtk_cell_layout_get_cells(GTK_CELL_LAYOUT(combo));

    for (GList *cell = cells; cell; cell = cell->next) {
        g_object_set(cell->data, "ellipsize", PANGO_ELLIPSIZE_END, NULL);
    }
}

static gboolean
can_be_copied(VmMachine *machine)
{
    return vm_machine_get_definition(machine) &&
           vm_machine_get_state(machine) != VM_MACHINE_BUILDING;
}

void
vm_create_assistant_offer_copies(VmCreateAssistant *self, VmStore *store)
{
    GListModel *machines = G_LIST_MODEL(store);

    self->store = g_object_ref(store);
    for (guint i = 0; i < g_list_model_get_n_items(machines); i++) {
        g_autoptr(VmMachine) machine = g_list_model_get_item(machines, i);
        if (can_be_copied(machine)) {
            gtk_combo_box_text_append(GTK_COMBO_BOX_TEXT(self->copy_combo),
                                      vm_machine_get_name(machine), vm_machine_get_title(machine));
        }
    }
    let_shrink(self->copy_combo);
    gtk_combo_box_set_active(self->copy_combo, 0);
    if (gtk_combo_box_get_active(self->copy_combo) < 0) { /* none: not in the list at all */
        gtk_widget_destroy(self->copy_row);
        self->copy_row = NULL;
    }
}

void
vm_create_assistant_original_chosen(VmCreateAssistant *self)
{
    const char *name = gtk_combo_box_get_active_id(self->copy_combo);
    GListModel *machines = G_LIST_MODEL(self->store);

    for (guint i = 0; i < g_list_model_get_n_items(machines); i++) {
        g_autoptr(VmMachine) machine = g_list_model_get_item(machines, i);
        if (g_strcmp0(vm_machine_get_name(machine), name) == 0) {
            vm_clone_choice_set_machine(self->clone_choice, self->store, machine);
        }
    }
}

void
vm_create_assistant_copy_changed(VmCreateAssistant *self)
{
    if (self->kind != VM_SOURCE_COPY) {
        return;
    }
    gtk_button_set_label(self->next_button, _("Copy"));
    gtk_header_bar_set_subtitle(self->header, _("What it starts from")); /* the only step */
    gtk_widget_set_sensitive(GTK_WIDGET(self->next_button),
                             vm_clone_choice_is_good(self->clone_choice));
    gtk_widget_hide(GTK_WIDGET(self->source_problem));
    gtk_widget_hide(GTK_WIDGET(self->import_note));
    gtk_widget_hide(GTK_WIDGET(self->kernel_hint));
    gtk_widget_hide(self->boot_grid);
}
