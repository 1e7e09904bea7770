/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/machine-row.h"

#include <glib/gi18n.h>
#include <string.h>

#include "ui/accessible.h"
#include "ui/group-heading.h"
#include "ui/machine-thumbnail.h"

struct _VmMachineRow {
    GtkListBoxRow parent_instance;
    VmMachine *machine;
    GtkWidget *drag_box; /* a row of a list box cannot be dragged by itself */
    VmMachineThumbnail *thumbnail;
    GtkLabel *name_label;
    GtkLabel *state_label;
    GtkWidget *elsewhere_image;
    GtkSpinner *busy_spinner;
    GtkWidget *alert_image;
};

G_DEFINE_FINAL_TYPE(VmMachineRow, vm_machine_row, GTK_TYPE_LIST_BOX_ROW)

static void
vm_machine_row_dispose(GObject *object)
{
    g_clear_object(&VM_MACHINE_ROW(object)->machine);
    G_OBJECT_CLASS(vm_machine_row_parent_class)->dispose(object);
}

static void
vm_machine_row_class_init(VmMachineRowClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(klass);

    G_OBJECT_CLASS(klass)->dispose = vm_machine_row_dispose;
    g_type_ensure(VM_TYPE_MACHINE_THUMBNAIL);
    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/org/vitrine/Vitrine/ui/machine-row.ui");
    gtk_widget_class_bind_template_child(widget_class, VmMachineRow, drag_box);
    gtk_widget_class_bind_template_child(widget_class, VmMachineRow, thumbnail);
    gtk_widget_class_bind_template_child(widget_class, VmMachineRow, name_label);
    gtk_widget_class_bind_template_child(widget_class, VmMachineRow, state_label);
    gtk_widget_class_bind_template_child(widget_class, VmMachineRow, elsewhere_image);
    gtk_widget_class_bind_template_child(widget_class, VmMachineRow, busy_spinner);
    gtk_widget_class_bind_template_child(widget_class, VmMachineRow, alert_image);
}

static void
vm_machine_row_init(VmMachineRow *self)
{
    gtk_widget_init_template(GTK_WIDGET(self));
}

/* NOLINTBEGIN(readability-function-size): the shape of the signal */
static void
drag_asked(VmMachineRow *self, GdkDragContext *context, GtkSelectionData *data, guint info,
           guint time)
{
    const char *name = vm_machine_get_name(self->machine);

    gtk_selection_data_set(data, gtk_selection_data_get_target(data), 8, (const guchar *)name,
                           (int)strlen(name));
}
/* NOLINTEND(readability-function-size) */

static void
make_draggable(VmMachineRow *self)
{
    GtkTargetEntry target = {(char *)VM_DRAG_MACHINE, GTK_TARGET_SAME_APP, 0};

    gtk_drag_source_set(self->drag_box, GDK_BUTTON1_MASK, &target, 1, GDK_ACTION_MOVE);
    gtk_drag_source_set_icon_name(self->drag_box, "computer-symbolic");
    g_signal_connect_object(self->drag_box, "drag-data-get", G_CALLBACK(drag_asked), self,
                            G_CONNECT_SWAPPED);
}

static gboolean
is_busy(VmMachineState state)
{
    return state == VM_MACHINE_STARTING || state == VM_MACHINE_BUILDING ||
           state == VM_MACHINE_SHUTTING_DOWN || state == VM_MACHINE_RESTARTING;
}

static void
set_class(GtkLabel *label, const char *name, gboolean on)
{
    GtkStyleContext *context = gtk_widget_get_style_context(GTK_WIDGET(label));

    if (on) {
        gtk_style_context_add_class(context, name);
    } else {
        gtk_style_context_remove_class(context, name);
    }
}

/* Whether two texts differ in their numbers only. */
static gboolean
is_same_but_numbers(const char *one, const char *other)
{
    while (*one || *other) {
        one += strspn(one, "0123456789");
        other += strspn(other, "0123456789");
        if (*one != *other) {
            return FALSE;
        }
        if (*one) {
            one++;
            other++;
        }
    }
    return TRUE;
}

/* A reader would speak each second what is busy; of the row with the focus that is left out. */
static void
set_name(VmMachineRow *self, const char *name)
{
    const char *said = atk_object_get_name(gtk_widget_get_accessible(GTK_WIDGET(self)));

    if (!said || !gtk_widget_has_focus(GTK_WIDGET(self)) || !is_same_but_numbers(said, name)) {
        vm_accessible_set_name(GTK_WIDGET(self), name);
    }
}

static void
update(VmMachineRow *self)
{
    VmMachineState state = vm_machine_get_state(self->machine);
    const char *title = vm_machine_get_title(self->machine);
    const char *words = vm_machine_get_state_words(self->machine);
    const char *group = vm_machine_get_group(self->machine);
    gboolean problem = state == VM_MACHINE_STOPPED || state == VM_MACHINE_BROKEN;
    g_autofree char *name = NULL;

    gtk_label_set_text(self->name_label, title);
    gtk_label_set_text(self->state_label, words);
    /* Where there is no room for all of it. */
    gtk_widget_set_tooltip_text(GTK_WIDGET(self->name_label), title);
    gtk_widget_set_tooltip_text(GTK_WIDGET(self->state_label), words);
    set_class(self->state_label, "problem", problem);
    set_class(self->state_label, "attention",
              state == VM_MACHINE_PAUSED || state == VM_MACHINE_LOST);
    gtk_widget_set_visible(GTK_WIDGET(self->busy_spinner), is_busy(state));
    g_object_set(self->busy_spinner, "active", is_busy(state), NULL);
    gtk_widget_set_visible(self->alert_image, problem || state == VM_MACHINE_LOST);
    gtk_widget_set_visible(self->elsewhere_image, vm_machine_get_elsewhere(self->machine));
    if (group[0]) {
        /* Translators: accessible name of a row: title, state, group. */
        name = g_strdup_printf(_("%s, %s, group %s"), title, words, group);
    } else {
        name = g_strdup_printf("%s, %s", title, words);
    }
    if (vm_machine_get_elsewhere(self->machine)) {
        g_autofree char *alone = name;
        name = g_strdup_printf("%s, %s", alone, _("Also open elsewhere"));
    }
    set_name(self, name);
}

static gboolean
focus_left(VmMachineRow *self)
{
    if (self->machine) { /* else it is on its way out */
        update(self);
    }
    return GDK_EVENT_PROPAGATE;
}

static void
order_changed(VmMachineRow *self)
{
    update(self);
    gtk_list_box_row_changed(GTK_LIST_BOX_ROW(self));
}

GtkWidget *
vm_machine_row_new(VmMachine *machine)
{
    VmMachineRow *self = g_object_new(VM_TYPE_MACHINE_ROW, NULL);

    self->machine = g_object_ref(machine);
    vm_machine_thumbnail_set_machine(self->thumbnail, machine);
    g_signal_connect_object(machine, "notify::state-words", G_CALLBACK(update), self,
                            G_CONNECT_SWAPPED);
    g_signal_connect_object(machine, "notify::state", G_CALLBACK(order_changed), self,
                            G_CONNECT_SWAPPED);
    g_signal_connect_object(machine, "notify::title", G_CALLBACK(order_changed), self,
                            G_CONNECT_SWAPPED);
    g_signal_connect_object(machine, "notify::group", G_CALLBACK(order_changed), self,
                            G_CONNECT_SWAPPED);
    g_signal_connect_after(self, "focus-out-event", G_CALLBACK(focus_left), NULL);
    make_draggable(self);
    update(self);
    return GTK_WIDGET(self);
}

VmMachine *
vm_machine_row_get_machine(VmMachineRow *self)
{
    return self->machine;
}

void
vm_machine_row_refresh(VmMachineRow *self, VmPictureTurns *turns)
{
    vm_machine_refresh_share(self->machine);
    if (turns) {
        vm_machine_thumbnail_refresh(self->thumbnail, turns);
    }
}

cairo_surface_t *
vm_machine_row_get_picture(VmMachineRow *self)
{
    return vm_machine_thumbnail_get_picture(self->thumbnail);
}
