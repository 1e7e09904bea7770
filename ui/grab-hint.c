/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/grab-hint.h"

#include "ui/accessible.h"

struct _VmGrabHint {
    GtkRevealer parent_instance;
    GtkWidget *label;
    guint timeout;
};

G_DEFINE_FINAL_TYPE(VmGrabHint, vm_grab_hint, GTK_TYPE_REVEALER)

static gboolean
on_timeout(gpointer data)
{
    VmGrabHint *self = data;

    self->timeout = 0;
    vm_grab_hint_hide(self);
    return G_SOURCE_REMOVE;
}

void
vm_grab_hint_show_text(VmGrabHint *self, const char *markup, guint seconds)
{
    g_return_if_fail(VM_IS_GRAB_HINT(self));

    gtk_label_set_markup(GTK_LABEL(self->label), markup);
    atk_object_set_name(gtk_widget_get_accessible(GTK_WIDGET(self)),
                        gtk_label_get_text(GTK_LABEL(self->label)));
    vm_accessible_appear(GTK_WIDGET(self));
    gtk_revealer_set_reveal_child(GTK_REVEALER(self), TRUE);
    g_clear_handle_id(&self->timeout, g_source_remove);
    if (seconds > 0) {
        self->timeout = g_timeout_add_seconds(seconds, on_timeout, self);
    }
}

void
vm_grab_hint_hide(VmGrabHint *self)
{
    g_return_if_fail(VM_IS_GRAB_HINT(self));

    g_clear_handle_id(&self->timeout, g_source_remove);
    gtk_revealer_set_reveal_child(GTK_REVEALER(self), FALSE);
}

/* So that it appears the next time. */
static void
reveal_ended(VmGrabHint *self)
{
    if (!gtk_revealer_get_reveal_child(GTK_REVEALER(self)) &&
        !gtk_revealer_get_child_revealed(GTK_REVEALER(self))) {
        gtk_widget_hide(GTK_WIDGET(self));
    }
}

static void
vm_grab_hint_dispose(GObject *object)
{
    VmGrabHint *self = VM_GRAB_HINT(object);

    g_clear_handle_id(&self->timeout, g_source_remove);
    G_OBJECT_CLASS(vm_grab_hint_parent_class)->dispose(object);
}

static void
vm_grab_hint_class_init(VmGrabHintClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(klass);

    G_OBJECT_CLASS(klass)->dispose = vm_grab_hint_dispose;
    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/org/vitrine/Vitrine/ui/grab-hint.ui");
    gtk_widget_class_bind_template_child(widget_class, VmGrabHint, label);
    gtk_widget_class_set_accessible_role(widget_class, ATK_ROLE_NOTIFICATION);
}

static void
vm_grab_hint_init(VmGrabHint *self)
{
    gtk_widget_init_template(GTK_WIDGET(self));
    g_signal_connect(self, "notify::child-revealed", G_CALLBACK(reveal_ended), NULL);
}

GtkWidget *
vm_grab_hint_new(void)
{
    return g_object_new(VM_TYPE_GRAB_HINT, NULL);
}
