/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/clone-choice.h"

#include <glib/gi18n.h>

#include "manager/model/clone.h"
#include "manager/model/phrases.h"
#include "manager/model/words.h"

enum {
    NAME_CHARS = 24,
    TEXT_CHARS = 40,
};

struct _VmCloneChoice {
    GtkBox parent_instance;
    GtkBox *line;
    GtkEntry *entry;
    GtkToggleButton *linked;
    GtkLabel *says;
    VmMachine *machine;
    char *full;    /* what a full clone takes */
    char *refused; /* why there can be no linked one; or NULL */
};

G_DEFINE_FINAL_TYPE(VmCloneChoice, vm_clone_choice, GTK_TYPE_BOX)

enum {
    CHANGED,
    CONFIRMED,
    N_SIGNALS
};
static guint signals[N_SIGNALS]; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */

static void
show_words(VmCloneChoice *self)
{
    g_autofree char *both = NULL;

    if (self->machine && vm_machine_is_active(self->machine)) {
        /* Translators: %s is the title of a machine. */
        both = g_strdup_printf(_("“%s” is running. Shut it down, then it can be copied."),
                               vm_machine_get_title(self->machine));
    } else if (gtk_toggle_button_get_active(self->linked)) {
        both = g_strdup(_("Nothing is copied. Both machines go on from the disks as they are "
                          "now; those stay, read-only, until both machines are deleted."));
    } else if (self->refused) {
        /* Translators: what a full clone takes, then why there can be no linked one. */
        both = g_strdup_printf(_("%s\nThere can be no linked clone: %s"),
                               self->full ? self->full : "", self->refused);
    } else {
        both = g_strdup(self->full);
    }
    gtk_label_set_text(self->says, both ? both : "");
    g_signal_emit(self, signals[CHANGED], 0);
}

/* What can be said before it begins; whether there is something to copy at all. */
static gboolean
look_at_full(VmCloneChoice *self, VmStore *store)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *takes = NULL;
    g_autofree char *there = NULL;
    guint64 size = 0;
    guint64 room = 0;

    if (!vm_clone_look(store, self->machine, VM_CLONE_FLAGS_NONE, &size, &error)) {
        self->full = vm_phrase_dup(error->message);
        return TRUE;
    }
    takes = vm_words_size(size);
    if (size == 0) {
        self->full = g_strdup(_("There is nothing to copy but settings."));
    } else if (!vm_clone_get_room(store, &room)) {
        self->full = g_strdup_printf(_("The disks are copied: up to %s."), takes);
    } else {
        there = vm_words_size(room);
        /* Translators: two sizes, as “4.2 GB”. */
        self->full =
            g_strdup_printf(_("The disks are copied: up to %s; %s are free."), takes, there);
    }
    return size > 0;
}

static void
look_at_linked(VmCloneChoice *self, VmStore *store, gboolean worth_it)
{
    g_autoptr(GError) error = NULL;
    guint64 size = 0;
    const gboolean can = vm_clone_look(store, self->machine, VM_CLONE_FLAGS_LINKED, &size, &error);

    self->refused = can ? NULL : vm_phrase_dup(error->message);
    gtk_widget_set_sensitive(GTK_WIDGET(self->linked), can && worth_it);
}

static void
forget(VmCloneChoice *self)
{
    g_clear_object(&self->machine);
    g_clear_pointer(&self->full, g_free);
    g_clear_pointer(&self->refused, g_free);
}

void
vm_clone_choice_set_machine(VmCloneChoice *self, VmStore *store, VmMachine *machine)
{
    g_autofree char *title = vm_clone_title(machine);

    forget(self);
    self->machine = g_object_ref(machine);
    gtk_entry_set_text(self->entry, title);
    gtk_toggle_button_set_active(self->linked, FALSE);
    look_at_linked(self, store, look_at_full(self, store));
    show_words(self);
}

void
vm_clone_choice_add_button(VmCloneChoice *self, GtkWidget *button)
{
    gtk_box_pack_start(self->line, button, FALSE, FALSE, 0);
}

void
vm_clone_choice_focus(VmCloneChoice *self)
{
    gtk_widget_grab_focus(GTK_WIDGET(self->entry));
}

gboolean
vm_clone_choice_is_good(VmCloneChoice *self)
{
    return self->machine && !vm_machine_is_active(self->machine) &&
           gtk_entry_get_text_length(self->entry) > 0;
}

VmMachine *
vm_clone_choice_get_machine(VmCloneChoice *self)
{
    return self->machine;
}

const char *
vm_clone_choice_get_title(VmCloneChoice *self)
{
    return gtk_entry_get_text(self->entry);
}

VmCloneFlags
vm_clone_choice_get_flags(VmCloneChoice *self)
{
    return gtk_toggle_button_get_active(self->linked) ? VM_CLONE_FLAGS_LINKED : VM_CLONE_FLAGS_NONE;
}

static void
name_changed(VmCloneChoice *self)
{
    g_signal_emit(self, signals[CHANGED], 0);
}

static void
name_activated(VmCloneChoice *self)
{
    g_signal_emit(self, signals[CONFIRMED], 0);
}

static void
vm_clone_choice_finalize(GObject *object)
{
    forget(VM_CLONE_CHOICE(object));
    G_OBJECT_CLASS(vm_clone_choice_parent_class)->finalize(object);
}

static void
vm_clone_choice_class_init(VmCloneChoiceClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = vm_clone_choice_finalize;
    signals[CHANGED] = g_signal_new("changed", VM_TYPE_CLONE_CHOICE, G_SIGNAL_RUN_LAST, 0, NULL,
                                    NULL, NULL, G_TYPE_NONE, 0);
    signals[CONFIRMED] = g_signal_new("confirmed", VM_TYPE_CLONE_CHOICE, G_SIGNAL_RUN_LAST, 0, NULL,
                                      NULL, NULL, G_TYPE_NONE, 0);
}

static void
make_line(VmCloneChoice *self)
{
    self->line = GTK_BOX(gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 8));
    self->entry = GTK_ENTRY(gtk_entry_new());
    gtk_entry_set_width_chars(self->entry, NAME_CHARS);
    gtk_entry_set_placeholder_text(self->entry, _("Name of the copy"));
    atk_object_set_name(gtk_widget_get_accessible(GTK_WIDGET(self->entry)), _("Name of the copy"));
    gtk_box_pack_start(self->line, GTK_WIDGET(self->entry), TRUE, TRUE, 0);
    g_signal_connect_swapped(self->entry, "changed", G_CALLBACK(name_changed), self);
    g_signal_connect_swapped(self->entry, "activate", G_CALLBACK(name_activated), self);
}

static void
make_text(VmCloneChoice *self)
{
    self->says = GTK_LABEL(gtk_label_new(NULL));
    gtk_label_set_line_wrap(self->says, TRUE);
    gtk_label_set_line_wrap_mode(self->says, PANGO_WRAP_WORD_CHAR);
    gtk_label_set_width_chars(self->says, TEXT_CHARS);
    gtk_label_set_max_width_chars(self->says, TEXT_CHARS);
    gtk_label_set_xalign(self->says, 0);
}

static void
vm_clone_choice_init(VmCloneChoice *self)
{
    GtkContainer *box = GTK_CONTAINER(self);

    gtk_orientable_set_orientation(GTK_ORIENTABLE(self), GTK_ORIENTATION_VERTICAL);
    gtk_box_set_spacing(GTK_BOX(self), 8);
    make_line(self);
    make_text(self);
    self->linked = GTK_TOGGLE_BUTTON(gtk_check_button_new_with_mnemonic(_("_Linked clone")));
    g_signal_connect_swapped(self->linked, "toggled", G_CALLBACK(show_words), self);
    gtk_container_add(box, GTK_WIDGET(self->line));
    gtk_container_add(box, GTK_WIDGET(self->linked));
    gtk_container_add(box, GTK_WIDGET(self->says));
    gtk_container_foreach(box, (GtkCallback)(void (*)(void))gtk_widget_show_all, NULL);
}

GtkWidget *
vm_clone_choice_new(void)
{
    return g_object_new(VM_TYPE_CLONE_CHOICE, NULL);
}
