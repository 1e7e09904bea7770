/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/undo-toast.h"

#include <glib/gi18n.h>

#include "ui/accessible.h"

#define SHOWN_SECONDS 10
/* A whole page may change at once by what is taken back, and a reader drops events that come with so many. */
#define UNDONE_MS 700

struct _VmUndoToast {
    GtkRevealer parent_instance;
    GtkLabel *text_label;
    GtkButton *undo_button;
    GtkToggleButton *option_button; /* one thing more that the commit may do */
    GtkLabel *option_label;
    GtkLabel *note_label; /* one thing more that is so */
    GtkWidget *event_box;

    VmToastFunc act;
    VmToastFunc commit;
    gpointer data;
    GDestroyNotify destroy;
    guint seconds;
    guint timer;
    gboolean pointer_inside;
    gboolean offer; /* the button takes nothing back */
    char *undone;   /* said when undone_timer is over */
    guint undone_timer;
};

G_DEFINE_FINAL_TYPE(VmUndoToast, vm_undo_toast, GTK_TYPE_REVEALER)

static void
finish(VmUndoToast *self, VmToastFunc call)
{
    gpointer data = g_steal_pointer(&self->data);
    GDestroyNotify destroy = self->destroy;

    if (self->timer) {
        g_source_remove(self->timer);
        self->timer = 0;
    }
    self->act = NULL;
    self->commit = NULL;
    self->destroy = NULL;
    gtk_revealer_set_reveal_child(GTK_REVEALER(self), FALSE);
    if (call) {
        call(data);
    }
    if (destroy && data) {
        destroy(data);
    }
}

void
vm_undo_toast_commit(VmUndoToast *self)
{
    if (self->timer) {
        finish(self, self->commit);
    }
}

static gboolean
say_undone(gpointer data)
{
    VmUndoToast *self = VM_UNDO_TOAST(data);
    g_autofree char *text = g_steal_pointer(&self->undone);

    self->undone_timer = 0;
    vm_undo_toast_show(self, text, NULL, NULL, NULL, NULL, NULL);
    return G_SOURCE_REMOVE;
}

static void
forget_undone(VmUndoToast *self)
{
    g_clear_handle_id(&self->undone_timer, g_source_remove);
    g_clear_pointer(&self->undone, g_free);
}

gboolean
vm_undo_toast_act(VmUndoToast *self)
{
    g_autofree char *text = NULL;

    if (!self->timer || !self->act || self->offer) {
        return FALSE;
    }
    /* Translators: %s is what was done, as "“Debian 12” moved to trash". */
    text = g_strdup_printf(_("Undone: %s"), gtk_label_get_text(self->text_label));
    finish(self, self->act);
    if (!self->timer) { /* else it says what is in the way */
        self->undone = g_steal_pointer(&text);
        self->undone_timer = g_timeout_add(UNDONE_MS, say_undone, self);
    }
    return TRUE;
}

static gboolean
second_passed(gpointer data)
{
    VmUndoToast *self = VM_UNDO_TOAST(data);
    gboolean has_focus = gtk_widget_has_focus(GTK_WIDGET(self->undo_button)) ||
                         gtk_widget_has_focus(GTK_WIDGET(self->option_button));

    if (self->pointer_inside || has_focus || ++self->seconds < SHOWN_SECONDS) {
        return G_SOURCE_CONTINUE;
    }
    vm_undo_toast_commit(self);
    return G_SOURCE_REMOVE;
}

static void
undo_clicked(VmUndoToast *self)
{
    if (self->timer) {
        finish(self, self->act);
    }
}

/* Who has just chosen may want to think again. */
static void
option_toggled(VmUndoToast *self)
{
    self->seconds = 0;
}

static gboolean
crossed(VmUndoToast *self, GdkEventCrossing *event)
{
    if (event->detail != GDK_NOTIFY_INFERIOR) {
        self->pointer_inside = event->type == GDK_ENTER_NOTIFY;
    }
    return GDK_EVENT_PROPAGATE;
}

/* A closed revealer keeps a window of one pixel, which would take the pointer from what is below. */
static void
reveal_ended(VmUndoToast *self)
{
    if (!self->timer && !gtk_revealer_get_child_revealed(GTK_REVEALER(self))) {
        gtk_widget_hide(GTK_WIDGET(self));
    }
}

static void
vm_undo_toast_dispose(GObject *object)
{
    GObject *window = G_OBJECT(gtk_widget_get_toplevel(GTK_WIDGET(object)));

    vm_undo_toast_commit(VM_UNDO_TOAST(object));
    forget_undone(VM_UNDO_TOAST(object));
    if (g_object_get_data(window, "undo-toast") == object) {
        g_object_set_data(window, "undo-toast", NULL);
    }
    G_OBJECT_CLASS(vm_undo_toast_parent_class)->dispose(object);
}

static void
vm_undo_toast_class_init(VmUndoToastClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(klass);

    G_OBJECT_CLASS(klass)->dispose = vm_undo_toast_dispose;
    gtk_widget_class_set_accessible_role(widget_class, ATK_ROLE_NOTIFICATION);
    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/org/vitrine/Vitrine/ui/undo-toast.ui");
    gtk_widget_class_bind_template_child(widget_class, VmUndoToast, text_label);
    gtk_widget_class_bind_template_child(widget_class, VmUndoToast, undo_button);
    gtk_widget_class_bind_template_child(widget_class, VmUndoToast, option_button);
    gtk_widget_class_bind_template_child(widget_class, VmUndoToast, option_label);
    gtk_widget_class_bind_template_child(widget_class, VmUndoToast, note_label);
    gtk_widget_class_bind_template_child(widget_class, VmUndoToast, event_box);
    gtk_widget_class_bind_template_callback(widget_class, undo_clicked);
    gtk_widget_class_bind_template_callback(widget_class, option_toggled);
    gtk_widget_class_bind_template_callback(widget_class, crossed);
    gtk_widget_class_bind_template_callback(widget_class, vm_undo_toast_commit);
}

static void
vm_undo_toast_init(VmUndoToast *self)
{
    gtk_widget_init_template(GTK_WIDGET(self));
    g_signal_connect(self, "notify::child-revealed", G_CALLBACK(reveal_ended), NULL);
}

GtkWidget *
vm_undo_toast_new(void)
{
    return g_object_new(VM_TYPE_UNDO_TOAST, NULL);
}

void
vm_undo_toast_attach(VmUndoToast *self, GtkWindow *window)
{
    g_object_set_data(G_OBJECT(window), "undo-toast", self);
}

VmUndoToast *
vm_undo_toast_find(GtkWidget *widget)
{
    return g_object_get_data(G_OBJECT(gtk_widget_get_toplevel(widget)), "undo-toast");
}

void
vm_undo_toast_set_offer(VmUndoToast *self)
{
    self->offer = TRUE;
}

static void
open_file(gpointer data)
{
    GFile *file = data;
    VmUndoToast *self = g_object_get_data(G_OBJECT(file), "toast");
    GtkWindow *window = GTK_WINDOW(gtk_widget_get_toplevel(GTK_WIDGET(self)));
    g_autofree char *uri = g_file_get_uri(file);
    g_autoptr(GError) error = NULL;

    if (!gtk_show_uri_on_window(window, uri, GDK_CURRENT_TIME, &error)) {
        vm_undo_toast_show(self, error->message, NULL, NULL, NULL, NULL, NULL);
    }
}

void
vm_undo_toast_show_file(VmUndoToast *self, const char *text, const char *path)
{
    GFile *file = g_file_new_for_path(path);

    g_object_set_data(G_OBJECT(file), "toast", self);
    vm_undo_toast_show(self, text, _("Open"), open_file, NULL, file, g_object_unref);
    vm_undo_toast_set_offer(self);
}

void
vm_undo_toast_set_text(VmUndoToast *self, const char *text)
{
    self->seconds = 0;
    gtk_label_set_text(self->text_label, text);
    atk_object_set_name(gtk_widget_get_accessible(GTK_WIDGET(self)), text);
}

void
vm_undo_toast_add_option(VmUndoToast *self, const char *text, const char *tooltip)
{
    AtkObject *accessible = gtk_widget_get_accessible(GTK_WIDGET(self->option_button));

    gtk_label_set_text(self->option_label, text);
    gtk_widget_set_tooltip_text(GTK_WIDGET(self->option_button), tooltip);
    atk_object_set_name(accessible, text);
    atk_object_set_description(accessible, tooltip);
    gtk_widget_show(GTK_WIDGET(self->option_button));
}

void
vm_undo_toast_add_note(VmUndoToast *self, const char *text, const char *tooltip)
{
    const char *first = gtk_label_get_text(self->text_label);
    g_autofree char *both = g_strdup_printf("%s. %s", first, text);

    gtk_label_set_text(self->note_label, text);
    gtk_widget_set_tooltip_text(GTK_WIDGET(self->note_label), tooltip);
    gtk_widget_show(GTK_WIDGET(self->note_label));
    atk_object_set_name(gtk_widget_get_accessible(GTK_WIDGET(self)), both);
}

gboolean
vm_undo_toast_get_option(VmUndoToast *self)
{
    return gtk_toggle_button_get_active(self->option_button);
}

void
vm_undo_toast_show(VmUndoToast *self, const char *text, const char *button, VmToastFunc act,
                   VmToastFunc commit, gpointer data, GDestroyNotify destroy)
{
    vm_undo_toast_commit(self);
    forget_undone(self);
    self->act = act;
    self->commit = commit;
    self->data = data;
    self->destroy = destroy;
    self->offer = FALSE;
    gtk_widget_hide(GTK_WIDGET(self->note_label));
    gtk_widget_hide(GTK_WIDGET(self->option_button));
    gtk_toggle_button_set_active(self->option_button, FALSE);
    self->seconds = 0;
    self->timer = g_timeout_add_seconds(1, second_passed, self);
    gtk_label_set_text(self->text_label, text);
    atk_object_set_name(gtk_widget_get_accessible(GTK_WIDGET(self)), text);
    gtk_widget_set_visible(GTK_WIDGET(self->undo_button), button != NULL);
    if (button) {
        gtk_button_set_label(self->undo_button, button);
    }
    vm_accessible_appear(GTK_WIDGET(self));
    gtk_revealer_set_reveal_child(GTK_REVEALER(self), TRUE);
}
