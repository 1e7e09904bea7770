/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/grow-popover.h"

#include <glib/gi18n.h>

#include "manager/model/phrases.h"
#include "manager/model/words.h"
#include "ui/accessible.h"
#include "vmm/client/disk-grow.h"
#include "vmm/client/vm-machines.h"

#define MIB        (G_GUINT64_CONSTANT(1) << 20)
#define GIB        (G_GUINT64_CONSTANT(1) << 30)
#define UNITS_MAX  (1 << 20) /* a PiB, or a TiB in MiB */
#define TEXT_CHARS 32
#define SIZE_CHARS 7
#define MARGIN     12
#define SPACING    8

/* Freed with the popover, which lives at least until it is closed; what is under way holds the popover. */
struct question {
    GtkWidget *popover;
    GtkWidget *box;
    GtkWidget *heading;
    GtkWidget *line; /* the size and the button */
    GtkSpinButton *spin;
    GtkLabel *unit_label;
    GtkLabel *says;
    GtkLabel *note;
    VmMachine *machine;
    char *path; /* of the disk */
    char *name; /* of its file, for people */
    guint index;
    guint64 size; /* bytes now */
    guint64 room;
    guint64 wanted;
    guint64 unit;
    void (*grown)(gpointer data);
    gpointer data;
};

static void
question_free(gpointer data)
{
    struct question *question = data;

    g_clear_object(&question->machine);
    g_free(question->path);
    g_free(question->name);
    g_free(question);
}

static void
say(struct question *question, const char *text, gboolean bad)
{
    GtkStyleContext *context = gtk_widget_get_style_context(GTK_WIDGET(question->says));

    gtk_label_set_text(question->says, text);
    if (bad) {
        gtk_style_context_add_class(context, "check-bad");
    } else {
        gtk_style_context_remove_class(context, "check-bad");
    }
    vm_accessible_set_description(GTK_WIDGET(question->spin), text);
}

/* ------------------------------------------------------------------ while it runs */

/* What the run has, by what it says itself; without that the definition, whose disks count only when it has all. */
static VmJson *
dup_running(VmMachine *machine)
{
    VmJson *said = vm_machine_dup_run_configuration(machine);
    VmJson *own = vm_machine_get_running_definition(machine);

    return said || !own || vm_json_has(own, "cfg") ? said : vm_json_copy(own);
}

/* Its number among the disks that the run was started with; -1 when it is not one of them. */
static int
running_index(struct question *question)
{
    g_autoptr(VmJson) running = dup_running(question->machine);
    VmDisk disk;

    for (guint i = 0; running && i < vm_json_length(running, "block"); i++) {
        if (vm_disk_of(running, i, &disk) && g_str_equal(disk.path, question->path)) {
            return (int)i;
        }
    }
    return -1;
}

static gboolean
is_live(struct question *question)
{
    return vm_machine_is_active(question->machine) && running_index(question) >= 0;
}

/* Why not now, for people; NULL: it can be. */
static const char *
why_not(struct question *question)
{
    VmConnection *connection = vm_machine_get_connection(question->machine);

    if (!is_live(question)) {
        return NULL;
    }
    if (vm_machine_is_disposable(question->machine)) {
        return _("The machine runs without keeping changes. Shut it down, then its disk can be "
                 "made larger.");
    }
    if (!connection || vm_connection_get_state(connection) != VM_CONNECTION_READY) {
        return _("The machine does not answer now. Try again when it runs.");
    }
    return NULL;
}

/* ------------------------------------------------------------------ the size */

static guint64
chosen(struct question *question)
{
    const guint64 mib = question->unit / MIB; /* in a unit */

    return (guint64)(gtk_spin_button_get_value(question->spin) * (double)mib + 0.5) * MIB;
}

/* Whether that can be asked for; the reason is said. */
static gboolean
judge(struct question *question)
{
    const char *reason = why_not(question);
    g_autofree char *now = vm_words_size(question->size);
    g_autofree char *room = vm_words_size(question->room);
    g_autofree char *text = NULL;
    const guint64 wanted = chosen(question);
    const gboolean longer = wanted > question->size;

    if (reason) {
        text = g_strdup(reason);
    } else if (!longer) {
        /* Translators: %s is the size of a disk. */
        text = g_strdup_printf(_("It has %s, and a disk can only become larger: what lies at its "
                                 "end would be lost."),
                               now);
    } else if (wanted - question->size > question->room) {
        /* Translators: %s is an amount of room on this computer's disk. */
        text = g_strdup_printf(_("Only %s are free here. When the guest fills the disk further, it "
                                 "sees write errors."),
                               room);
    } else {
        /* Translators: the size of a disk, and an amount of room on this computer's disk. */
        text = g_strdup_printf(_("It has %s; %s are free here."), now, room);
    }
    say(question, text, reason || !longer || wanted - question->size > question->room);
    return !reason && longer;
}

static void
show_choice(struct question *question)
{
    const double now = (double)question->size / (double)question->unit;
    const double next = (double)(guint64)now + 1;

    gtk_spin_button_set_value(question->spin,
                              question->unit == MIB ? MAX(next, 2 * next - 2) : next);
    gtk_widget_show(question->line);
    gtk_label_set_text(question->note,
                       _("It cannot be made smaller again. Its partition and file system stay as "
                         "they are until the guest grows them."));
    gtk_widget_show(GTK_WIDGET(question->note));
    (void)judge(question);
    gtk_widget_grab_focus(GTK_WIDGET(question->spin));
}

/* ------------------------------------------------------------------ doing it */

static void
popdown(struct question *question)
{
    gtk_popover_popdown(GTK_POPOVER(question->popover));
}

static void
show_done(struct question *question)
{
    g_autofree char *size = vm_words_size(question->wanted);
    /* Translators: the name of a disk image, its size, then when the guest knows of it. */
    g_autofree char *text =
        g_strdup_printf(is_live(question) ? _("“%s” has %s now, and the guest was told.")
                                          : _("“%s” has %s now. The guest sees it when it starts."),
                        question->name, size);
    GtkWidget *done = gtk_button_new_with_mnemonic(_("_Done"));

    gtk_widget_hide(question->heading);
    gtk_widget_hide(question->line);
    say(question, text, FALSE);
    vm_accessible_set_description(done, text); /* said where the focus goes */
    gtk_style_context_remove_class(gtk_widget_get_style_context(GTK_WIDGET(question->note)),
                                   "dim-label");
    gtk_label_set_text(question->note,
                       _("Now grow the partition and the file system in the guest, with its "
                         "program for disks, or with growpart and resize2fs. A cloud image does so "
                         "by itself when it starts."));
    gtk_widget_set_halign(done, GTK_ALIGN_END);
    gtk_widget_show(done);
    gtk_container_add(GTK_CONTAINER(question->box), done);
    g_signal_connect_swapped(done, "clicked", G_CALLBACK(popdown), question);
    gtk_widget_grab_focus(done);
    if (question->grown && gtk_popover_get_relative_to(GTK_POPOVER(question->popover))) {
        question->grown(question->data);
    }
}

/* Takes the popover and the error, NULL when it is done. */
static void
ended(GtkWidget *popover, GError *error)
{
    struct question *question = g_object_get_data(G_OBJECT(popover), "question");

    if (question && question->box) {
        gtk_widget_set_sensitive(question->line, TRUE);
        if (error) {
            g_autofree char *why = vm_phrase_dup(error->message);
            /* Translators: %s is why, a clause. */
            g_autofree char *text = g_strdup_printf(_("Nothing was changed: %s."), why);
            say(question, text, TRUE);
            gtk_widget_grab_focus(GTK_WIDGET(question->spin));
        } else {
            show_done(question);
        }
    }
    g_clear_error(&error);
    g_object_unref(popover);
}

static void
live_ended(GObject *source, GAsyncResult *result, gpointer popover)
{
    GError *error = NULL;

    (void)vm_connection_resize_disk_finish(VM_CONNECTION(source), result, &error);
    ended(popover, error);
}

static void
file_ended(GObject *source, GAsyncResult *result, gpointer popover)
{
    GError *error = NULL;

    (void)vm_machines_resize_disk_finish(result, &error);
    ended(popover, error);
}

static void
confirmed(struct question *question)
{
    gtk_spin_button_update(question->spin);
    if (!gtk_widget_get_sensitive(question->line) || !judge(question)) {
        return;
    }
    question->wanted = chosen(question);
    gtk_widget_set_sensitive(question->line, FALSE);
    if (is_live(question)) {
        vm_connection_resize_disk_async(vm_machine_get_connection(question->machine),
                                        (guint)running_index(question), question->wanted, NULL,
                                        live_ended, g_object_ref(question->popover));
    } else {
        vm_machines_resize_disk_async(vm_machine_get_name(question->machine), question->index,
                                      question->wanted, NULL, file_ended,
                                      g_object_ref(question->popover));
    }
}

/* ------------------------------------------------------------------ looking at the file */

struct look {
    VmJson *json;
    char *name;
    guint index;
    guint64 size;
    guint64 room;
};

static void
look_free(gpointer data)
{
    struct look *look = data;

    vm_json_free(look->json);
    g_free(look->name);
    g_free(look);
}

static void
look_in_thread(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    struct look *look = data;
    GError *error = NULL;

    if (vm_disk_look_at_size(look->json, look->name, look->index, &look->size, &look->room,
                             &error)) {
        g_task_return_boolean(task, TRUE);
    } else {
        g_task_return_error(task, error);
    }
}

static void
looked(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(GtkWidget) popover = data;
    struct question *question = g_object_get_data(G_OBJECT(popover), "question");
    const struct look *look = g_task_get_task_data(G_TASK(result));
    g_autoptr(GError) error = NULL;
    gboolean good = g_task_propagate_boolean(G_TASK(result), &error);

    if (!question || !question->box) {
        return;
    }
    if (!good) {
        g_autofree char *why = vm_phrase_dup(error->message);
        g_autofree char *text = g_strdup_printf(_("This disk cannot be made larger: %s."), why);
        say(question, text, TRUE);
        return;
    }
    question->size = look->size;
    question->room = look->room;
    question->unit = look->size < GIB ? MIB : GIB;
    gtk_spin_button_set_digits(question->spin, question->unit == GIB ? 1 : 0);
    gtk_label_set_text(question->unit_label, question->unit == GIB ? _("GiB") : _("MiB"));
    show_choice(question);
}

static void
look_at_file(struct question *question)
{
    struct look *look = g_new0(struct look, 1);
    g_autoptr(GTask) task = g_task_new(NULL, NULL, looked, g_object_ref(question->popover));

    look->json = vm_json_copy(vm_machine_get_definition(question->machine));
    look->name = g_strdup(vm_machine_get_name(question->machine));
    look->index = question->index;
    g_task_set_task_data(task, look, look_free);
    g_task_run_in_thread(task, look_in_thread);
}

/* ------------------------------------------------------------------ the popover */

static gboolean
destroy_later(gpointer data)
{
    gtk_widget_destroy(GTK_WIDGET(data));
    return G_SOURCE_REMOVE;
}

/* GTK looks at the popover once more after the signal. */
static void
closed(GtkWidget *popover)
{
    g_idle_add_full(G_PRIORITY_DEFAULT, destroy_later, g_object_ref(popover), g_object_unref);
}

/* What is under way may still hold the popover. */
static void
destroyed(struct question *question)
{
    question->box = NULL;
}

static void
value_changed(struct question *question)
{
    (void)judge(question);
}

static GtkLabel *
add_text(struct question *question, const char *class_name)
{
    GtkWidget *label = gtk_label_new(NULL);

    g_object_set(label, "xalign", 0.0, "wrap", TRUE, "width-chars", TEXT_CHARS, "max-width-chars",
                 TEXT_CHARS, NULL);
    gtk_style_context_add_class(gtk_widget_get_style_context(label), class_name);
    gtk_container_add(GTK_CONTAINER(question->box), label);
    return GTK_LABEL(label);
}

static void
add_line(struct question *question)
{
    GtkWidget *spin = gtk_spin_button_new_with_range(0, UNITS_MAX, 1);
    GtkWidget *button = gtk_button_new_with_mnemonic(_("Make _larger"));
    GtkWidget *unit = gtk_label_new(NULL);

    question->line = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, SPACING);
    question->spin = GTK_SPIN_BUTTON(spin);
    question->unit_label = GTK_LABEL(unit);
    gtk_entry_set_width_chars(GTK_ENTRY(spin), SIZE_CHARS);
    atk_object_set_name(gtk_widget_get_accessible(spin), _("New size"));
    gtk_style_context_add_class(gtk_widget_get_style_context(button), "suggested-action");
    gtk_box_pack_start(GTK_BOX(question->line), spin, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(question->line), unit, FALSE, FALSE, 0);
    gtk_box_pack_end(GTK_BOX(question->line), button, FALSE, FALSE, 0);
    gtk_container_add(GTK_CONTAINER(question->box), question->line);
    g_signal_connect_swapped(spin, "value-changed", G_CALLBACK(value_changed), question);
    g_signal_connect_swapped(spin, "activate", G_CALLBACK(confirmed), question);
    g_signal_connect_swapped(button, "clicked", G_CALLBACK(confirmed), question);
}

static void
add_widgets(struct question *question)
{
    /* Translators: %s is the name of a disk image. */
    g_autofree char *title = g_strdup_printf(_("How large shall “%s” be?"), question->name);

    question->box = gtk_box_new(GTK_ORIENTATION_VERTICAL, SPACING);
    g_object_set(question->box, "margin", MARGIN, NULL);
    question->heading = GTK_WIDGET(add_text(question, "heading"));
    gtk_label_set_text(GTK_LABEL(question->heading), title);
    add_line(question);
    question->says = add_text(question, "second");
    question->note = add_text(question, "second");
    gtk_style_context_add_class(gtk_widget_get_style_context(GTK_WIDGET(question->note)),
                                "dim-label");
    gtk_widget_show_all(question->box);
    gtk_widget_hide(question->line);
    gtk_widget_hide(GTK_WIDGET(question->note));
    gtk_container_add(GTK_CONTAINER(question->popover), question->box);
}

GtkWidget *
vm_grow_popover_show(GtkWidget *relative_to, const VmGrowDisk *disk, void (*grown)(gpointer data),
                     gpointer data)
{
    struct question *question = g_new0(struct question, 1);

    question->popover = gtk_popover_new(relative_to);
    question->machine = g_object_ref(disk->machine);
    question->path = g_strdup(disk->path);
    question->name = g_path_get_basename(disk->path);
    question->index = disk->index;
    question->unit = GIB;
    question->grown = grown;
    question->data = data;
    g_object_set_data_full(G_OBJECT(question->popover), "question", question, question_free);
    add_widgets(question);
    g_signal_connect(question->popover, "closed", G_CALLBACK(closed), NULL);
    g_signal_connect_swapped(question->popover, "destroy", G_CALLBACK(destroyed), question);
    gtk_popover_popup(GTK_POPOVER(question->popover));
    look_at_file(question);
    return question->popover;
}
