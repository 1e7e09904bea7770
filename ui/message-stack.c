/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/message-stack.h"

#include <glib/gi18n.h>

enum {
    SHOWN_MAX = 2,
    FOLDED_HEIGHT_MIN = 72, /* of the others, unfolded; they scroll */
    FOLDED_HEIGHT_MAX = 240,
};

struct _VmMessageStack {
    GtkBox parent_instance;
    GtkBox *shown_box;
    GtkExpander *expander;
    GtkBox *folded_box;
    GPtrArray *bars; /* not owned, the newest first */
};

G_DEFINE_FINAL_TYPE(VmMessageStack, vm_message_stack, GTK_TYPE_BOX)

static void
move_to(GtkWidget *bar, GtkBox *box, guint position)
{
    GtkWidget *parent = gtk_widget_get_parent(bar);

    if (parent != GTK_WIDGET(box)) {
        g_object_ref(bar);
        if (parent) {
            gtk_container_remove(GTK_CONTAINER(parent), bar);
        }
        gtk_box_pack_start(box, bar, FALSE, FALSE, 0);
        g_object_unref(bar);
    }
    gtk_box_reorder_child(box, bar, (int)position);
}

static void
fold(VmMessageStack *self)
{
    guint folded = self->bars->len > SHOWN_MAX ? self->bars->len - SHOWN_MAX : 0;
    g_autofree char *text =
        g_strdup_printf(ngettext("%u more message", "%u more messages", folded), folded);

    for (guint i = 0; i < self->bars->len; i++) {
        gboolean shown = i < SHOWN_MAX;
        move_to(g_ptr_array_index(self->bars, i), shown ? self->shown_box : self->folded_box,
                shown ? i : i - SHOWN_MAX);
    }
    gtk_expander_set_label(self->expander, text);
    atk_object_set_name(gtk_widget_get_accessible(GTK_WIDGET(self->expander)), text);
    gtk_widget_set_visible(GTK_WIDGET(self->expander), folded > 0);
    gtk_widget_set_visible(GTK_WIDGET(self), self->bars->len > 0);
    if (folded == 0) {
        gtk_expander_set_expanded(self->expander, FALSE);
    }
}

static void
bar_destroyed(VmMessageStack *self, GtkWidget *bar)
{
    if (g_ptr_array_remove(self->bars, bar) && !gtk_widget_in_destruction(GTK_WIDGET(self))) {
        fold(self);
    }
}

void
vm_message_stack_add(VmMessageStack *self, GtkWidget *bar)
{
    g_ptr_array_insert(self->bars, 0, bar);
    g_signal_connect_object(bar, "destroy", G_CALLBACK(bar_destroyed), self, G_CONNECT_SWAPPED);
    fold(self);
}

static void
vm_message_stack_finalize(GObject *object)
{
    g_ptr_array_unref(VM_MESSAGE_STACK(object)->bars);
    G_OBJECT_CLASS(vm_message_stack_parent_class)->finalize(object);
}

static void
vm_message_stack_class_init(VmMessageStackClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(klass);

    G_OBJECT_CLASS(klass)->finalize = vm_message_stack_finalize;
    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/org/vitrine/Vitrine/ui/message-stack.ui");
    gtk_widget_class_bind_template_child(widget_class, VmMessageStack, shown_box);
    gtk_widget_class_bind_template_child(widget_class, VmMessageStack, expander);
    gtk_widget_class_bind_template_child(widget_class, VmMessageStack, folded_box);
}

static void
vm_message_stack_init(VmMessageStack *self)
{
    GtkWidget *scroll = NULL;

    self->bars = g_ptr_array_new();
    gtk_widget_init_template(GTK_WIDGET(self));
    scroll = gtk_bin_get_child(GTK_BIN(self->expander));
    gtk_scrolled_window_set_max_content_height(GTK_SCROLLED_WINDOW(scroll), FOLDED_HEIGHT_MAX);
    gtk_scrolled_window_set_min_content_height(GTK_SCROLLED_WINDOW(scroll), FOLDED_HEIGHT_MIN);
}
