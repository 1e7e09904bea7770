/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The title and the group of machines: changed at once, and taken back from the toast. */
#include <glib/gi18n.h>

#include "ui/text-popover.h"
#include "ui/window-private.h"

struct change {
    VmWindow *window; /* has the toast that has this */
    const char *path; /* in the definitions */
    GPtrArray *machines;
    GPtrArray *before; /* what each had; "" for nothing */
};

struct question {
    VmWindow *window;
    GPtrArray *machines;
};

static void
change_free(gpointer data)
{
    struct change *change = data;

    g_ptr_array_unref(change->machines);
    g_ptr_array_unref(change->before);
    g_free(change);
}

static void
change_undone(gpointer data)
{
    struct change *change = data;

    for (guint i = 0; i < change->machines->len; i++) {
        vm_window_set_member(change->window, g_ptr_array_index(change->machines, i), change->path,
                             g_ptr_array_index(change->before, i));
    }
}

static const char *
member_of(VmMachine *machine, const char *path)
{
    VmJson *definition = vm_machine_get_definition(machine);
    const char *text = definition ? vm_json_get_string(definition, path) : NULL;

    return text ? text : "";
}

/* path stays the caller's for ever. NULL: nothing changed. */
static struct change *
change_members(VmWindow *self, GPtrArray *machines, const char *path, const char *text)
{
    struct change *change = g_new0(struct change, 1);

    change->window = self;
    change->path = path;
    change->machines = g_ptr_array_new_with_free_func(g_object_unref);
    change->before = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < machines->len; i++) {
        VmMachine *machine = g_ptr_array_index(machines, i);
        g_autofree char *before = g_strdup(member_of(machine, path));
        if (!vm_machine_is_found(machine) && g_strcmp0(before, text) != 0) {
            vm_window_set_member(self, machine, path, text);
            g_ptr_array_add(change->machines, g_object_ref(machine));
            g_ptr_array_add(change->before, g_steal_pointer(&before));
        }
    }
    if (change->machines->len == 0) {
        g_clear_pointer(&change, change_free);
    }
    return change;
}

static void
offer_undo(VmWindow *self, const char *text, struct change *change)
{
    vm_undo_toast_show(self->undo_toast, text, _("Undo"), change_undone, NULL, change, change_free);
}

void
vm_window_set_group(VmWindow *self, GPtrArray *machines, const char *group)
{
    struct change *change = change_members(self, machines, "manager.group", group);
    guint count = change ? change->machines->len : 0;
    const char *title = NULL;
    g_autofree char *text = NULL;

    if (!change) {
        return;
    }
    title = vm_machine_get_title(g_ptr_array_index(change->machines, 0));
    if (count > 1 && group[0]) {
        /* Translators: a number of machines, and the group that they are put in. */
        text = g_strdup_printf(ngettext("%u machine moved to the group “%s”",
                                        "%u machines moved to the group “%s”", count),
                               count, group);
    } else if (count > 1) {
        text = g_strdup_printf(
            ngettext("%u machine is in no group now", "%u machines are in no group now", count),
            count);
    } else if (group[0]) {
        /* Translators: a machine, and the group that it is put in. */
        text = g_strdup_printf(_("“%s” moved to the group “%s”"), title, group);
    } else {
        text = g_strdup_printf(_("“%s” is in no group now"), title);
    }
    offer_undo(self, text, change);
}

static struct question *
question_new(VmWindow *self, GPtrArray *machines)
{
    struct question *question = g_new0(struct question, 1);

    question->window = self;
    question->machines = g_ptr_array_ref(machines);
    return question;
}

static void
question_free(gpointer data)
{
    struct question *question = data;

    g_ptr_array_unref(question->machines);
    g_free(question);
}

static void
title_given(const char *text, gpointer data)
{
    struct question *question = data;
    VmWindow *self = question->window;
    struct change *change = change_members(self, question->machines, "manager.title", text);
    g_autofree char *words = NULL;

    if (change) {
        /* Translators: the former and the new title of a machine. */
        words = g_strdup_printf(_("“%s” is called “%s” now"),
                                (const char *)g_ptr_array_index(change->before, 0), text);
        offer_undo(self, words, change);
    }
}

static void
group_given(const char *text, gpointer data)
{
    struct question *question = data;

    vm_window_set_group(question->window, question->machines, text);
}

/* Asks beside button, and keeps the question as long as it is asked there. */
static void
ask(GtkWidget *button, const char *title, const char *text, struct question *question)
{
    gboolean group = g_str_equal(title, _("Group"));

    vm_text_popover_show(button, title, text, group, group ? group_given : title_given, question);
    g_object_set_data_full(G_OBJECT(button), "question", question, question_free);
}

GtkWidget *
vm_window_anchor(VmWindow *self)
{
    GtkWidget *places[] = {self->more_button, GTK_WIDGET(self->sidebar)};

    for (guint i = 0; i < G_N_ELEMENTS(places); i++) {
        if (gtk_widget_get_mapped(places[i])) {
            return places[i];
        }
    }
    return GTK_WIDGET(self->page_stack);
}

static GPtrArray *
just(VmMachine *machine)
{
    GPtrArray *machines = g_ptr_array_new_with_free_func(g_object_unref);

    g_ptr_array_add(machines, g_object_ref(machine));
    return machines;
}

void
vm_window_rename(VmWindow *self)
{
    g_autoptr(GPtrArray) machines = just(self->machine);

    ask(vm_window_anchor(self), _("Name"), vm_machine_get_title(self->machine),
        question_new(self, machines));
}

static void
kept_title_given(const char *text, gpointer data)
{
    struct question *question = data;
    VmWindow *self = question->window;
    VmMachine *machine = g_ptr_array_index(question->machines, 0);
    g_autoptr(GError) error = NULL;
    VmMachine *kept = vm_store_keep(self->store, machine, text, &error);

    if (kept) {
        g_autofree char *words = g_strdup_printf(_("“%s” is kept: it can be started again here"),
                                                 vm_machine_get_title(kept));
        vm_window_show_machine(self, kept);
        vm_window_toast(self, words);
    } else {
        g_autoptr(VmProblem) problem = vm_problem_new("cannot-keep", vm_machine_get_title(machine),
                                                      error->message, NULL, NULL);
        vm_window_report(self, problem);
    }
}

void
vm_window_keep(VmWindow *self)
{
    g_autoptr(GPtrArray) machines = just(self->machine);
    GtkWidget *anchor = vm_window_anchor(self);
    struct question *question = question_new(self, machines);

    vm_text_popover_show(anchor, _("Name"), vm_machine_get_title(self->machine), FALSE,
                         kept_title_given, question);
    g_object_set_data_full(G_OBJECT(anchor), "question", question, question_free);
}

void
vm_window_change_group(VmWindow *self)
{
    g_autoptr(GPtrArray) machines = just(self->machine);

    ask(vm_window_anchor(self), _("Group"), vm_machine_get_group(self->machine),
        question_new(self, machines));
}

void
vm_window_ask_group(VmWindow *self, GPtrArray *machines)
{
    ask(vm_overview_page_get_group_button(self->overview_page), _("Group"), "",
        question_new(self, machines));
}
