/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/disks-list.h"

#include <glib/gi18n.h>

#include "manager/model/words.h"
#include "ui/accessible.h"
#include "ui/create-sources.h"
#include "ui/file-dialog.h"
#include "ui/grow-popover.h"
#include "ui/removal-undo.h"
#include "ui/settings-row.h"
#include "vmm/client/disk-files.h"

struct _VmDisksList {
    GtkBox parent_instance;
    GtkListBox *list;
    GtkLabel *problem_label;
    VmMachine *machine;
    VmBases *bases;      /* of its definition */
    VmMachine *disk_for; /* when a disk was to be chosen; compared only */
    char *shown;         /* what the rows were made of */
    guint idle;
};

G_DEFINE_FINAL_TYPE(VmDisksList, vm_disks_list, GTK_TYPE_BOX)

static VmJson *
definition_of(VmDisksList *self)
{
    return self->machine ? vm_machine_get_definition(self->machine) : NULL;
}

/* Those of included files come first. */
static guint
disk_of(VmDisksList *self, GtkWidget *control)
{
    GtkWidget *row = gtk_widget_get_ancestor(control, VM_TYPE_SETTINGS_ROW);

    return (guint)gtk_list_box_row_get_index(GTK_LIST_BOX_ROW(row)) -
           vm_bases_count(self->bases, "block");
}

/* ------------------------------------------------------------------ how long they are */

struct question {
    guint n;
    char **paths; /* with NULL where a disk has none */
    char **formats;
    gboolean *read_only;
    guint64 *sizes; /* 0: not known */
};

static void
question_free(gpointer data)
{
    struct question *question = data;

    for (guint i = 0; i < question->n; i++) {
        g_free(question->paths[i]);
        g_free(question->formats[i]);
    }
    g_free(question->paths);
    g_free(question->formats);
    g_free(question->read_only);
    g_free(question->sizes);
    g_free(question);
}

/* The disk's, whatever its file is; of one of several files none. */
static void
look_in_thread(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    struct question *question = data;

    for (guint i = 0; i < question->n; i++) {
        const VmDisk disk = {.path = question->paths[i], .format = question->formats[i]};
        g_autoptr(GPtrArray) files = disk.path ? vm_disk_files(&disk, NULL) : NULL;
        const VmDiskFile *file = files && files->len > 0 ? g_ptr_array_index(files, 0) : NULL;

        question->sizes[i] =
            file && !g_str_equal(file->format, "composite") ? file->size : question->sizes[i];
    }
    g_task_return_boolean(task, TRUE);
}

static char *
explain(const char *path, gboolean read_only, guint64 size)
{
    g_autofree char *folder = g_path_get_dirname(path);
    g_autofree char *words = size > 0 ? vm_words_size(size) : NULL;
    g_autofree char *place = words ? g_strdup_printf("%s · %s", words, folder) : g_strdup(folder);

    /* Translators: how long a disk is, and the folder of its file. */
    return read_only ? g_strdup_printf(_("%s · read only"), place) : g_steal_pointer(&place);
}

static void
sizes_came(GObject *source, GAsyncResult *result, gpointer data)
{
    VmDisksList *self = VM_DISKS_LIST(source);
    const struct question *question = g_task_get_task_data(G_TASK(result));

    if (g_strcmp0(data, self->shown) == 0) { /* the rows are still those */
        for (guint i = 0; i < question->n; i++) {
            GtkListBoxRow *row = gtk_list_box_get_row_at_index(self->list, (gint)i);
            const char *path = question->paths[i] ? question->paths[i] : "";
            g_autofree char *text = explain(path, question->read_only[i], question->sizes[i]);
            if (row) {
                vm_settings_row_set_explain(VM_SETTINGS_ROW(row), text, NULL);
            }
        }
    }
    g_free(data);
}

static void
look_at_sizes(VmDisksList *self, VmJson *json)
{
    g_autoptr(GTask) task = g_task_new(self, NULL, sizes_came, g_strdup(self->shown));
    struct question *question = g_new0(struct question, 1);

    question->n = vm_json_length(json, "block");
    question->paths = g_new0(char *, question->n + 1);
    question->formats = g_new0(char *, question->n + 1);
    question->read_only = g_new0(gboolean, question->n + 1);
    question->sizes = g_new0(guint64, question->n + 1);
    for (guint i = 0; i < question->n; i++) {
        VmDisk disk;
        if (vm_disk_of(json, i, &disk)) {
            question->paths[i] = g_strdup(disk.path);
            question->formats[i] = g_strdup(disk.format);
            question->read_only[i] = disk.read_only;
        }
    }
    g_task_set_task_data(task, question, question_free);
    g_task_run_in_thread(task, look_in_thread);
}

/* ------------------------------------------------------------------ changes */

/* Takes json. The rows are made anew by whom the machine tells of the change. */
static void
save(VmDisksList *self, VmJson *json)
{
    g_autoptr(VmJson) mine = json;
    g_autoptr(GError) error = NULL;
    gboolean saved = vm_machine_save(self->machine, mine, &error);

    gtk_label_set_text(self->problem_label, saved ? "" : error->message);
    gtk_widget_set_visible(GTK_WIDGET(self->problem_label), !saved);
}

static void
remove_clicked(GtkWidget *button, VmDisksList *self)
{
    const guint disk = disk_of(self, button);
    g_autofree char *member = g_strdup_printf("block.%u", disk);
    g_autofree char *path = g_strdup_printf("block.%u.path", disk);
    g_autoptr(VmJson) before = vm_json_copy(definition_of(self));
    VmJson *json = vm_json_copy(before);
    const char *file = vm_json_get_string(before, path);
    g_autofree char *name = g_path_get_basename(file ? file : "");
    /* Translators: %s is the name of a disk image. */
    g_autofree char *text = g_strdup_printf(_("“%s” removed; the file stays"), name);

    vm_json_remove(json, member);
    save(self, json);
    if (!gtk_widget_get_visible(GTK_WIDGET(self->problem_label))) {
        vm_removal_undo_offer(GTK_WIDGET(self), self->machine, before, "block", text);
    }
}

static void
disk_chosen(GtkWidget *widget, const char *path)
{
    VmDisksList *self = VM_DISKS_LIST(widget);
    VmJson *json = NULL;
    g_autofree char *member = NULL;

    if (!path || !definition_of(self) || self->machine != self->disk_for) {
        return;
    }
    json = vm_json_copy(definition_of(self));
    member = g_strdup_printf("block.%u.path", vm_json_length(json, "block"));
    vm_json_set_string(json, member, path);
    save(self, json);
}

static void
add_clicked(VmDisksList *self)
{
    if (definition_of(self)) {
        self->disk_for = self->machine;
        vm_file_dialog_open(GTK_WIDGET(self), _("Add a disk image"), NULL, disk_chosen);
    }
}

static void
grown(gpointer data)
{
    VmDisksList *self = VM_DISKS_LIST(data);

    if (definition_of(self)) {
        look_at_sizes(self, vm_bases_get_whole(self->bases));
    }
}

static void
grow_clicked(GtkWidget *button, VmDisksList *self)
{
    const guint index = disk_of(self, button) + vm_bases_count(self->bases, "block");
    VmDisk disk;

    if (vm_disk_of(vm_bases_get_whole(self->bases), index, &disk)) {
        const VmGrowDisk which = {self->machine, index, disk.path};
        vm_grow_popover_show(button, &which, grown, self);
    }
}

/* ------------------------------------------------------------------ rows */

static GtkWidget *
make_control(VmDisksList *self, const char *base, const VmDisk *disk, gboolean is_own)
{
    GtkWidget *box = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 6);
    GtkWidget *larger = gtk_button_new_with_label(_("Make larger…"));
    GtkWidget *away = gtk_button_new_from_icon_name("user-trash-symbolic", GTK_ICON_SIZE_BUTTON);
    /* Translators: %s is the name of a disk image. */
    g_autofree char *grow = g_strdup_printf(_("Make %s larger"), base);
    /* Translators: %s is the name of a disk image. */
    g_autofree char *name = g_strdup_printf(_("Remove %s from the machine"), base);

    gtk_button_set_relief(GTK_BUTTON(away), GTK_RELIEF_NONE);
    gtk_widget_set_tooltip_text(away, _("Remove from the machine; the file stays"));
    atk_object_set_name(gtk_widget_get_accessible(away), name);
    atk_object_set_name(gtk_widget_get_accessible(larger), grow);
    if (disk->read_only) {
        gtk_widget_set_sensitive(larger, FALSE);
        gtk_widget_set_tooltip_text(larger, _("The machine may only read this disk"));
        vm_accessible_set_description(larger, _("The machine may only read this disk"));
    }
    g_signal_connect(larger, "clicked", G_CALLBACK(grow_clicked), self);
    g_signal_connect(away, "clicked", G_CALLBACK(remove_clicked), self);
    gtk_container_add(GTK_CONTAINER(box), larger);
    gtk_container_add(GTK_CONTAINER(box), away);
    gtk_widget_show_all(box);
    gtk_widget_set_visible(away, is_own);
    return box;
}

static void
add_row(VmDisksList *self, VmJson *json, guint index)
{
    VmDisk disk;
    const char *path = vm_disk_of(json, index, &disk) ? disk.path : "";
    g_autofree char *base = g_path_get_basename(path);
    g_autofree char *text = explain(path, disk.read_only, 0);
    g_autofree char *problem = vm_source_complain(path);
    const char *file = vm_bases_get_file_of(self->bases, "block", index);
    GtkWidget *control = make_control(self, base, &disk, !file);
    GtkWidget *row = vm_settings_row_new(base, text, control);

    vm_settings_row_set_fixed(VM_SETTINGS_ROW(row), file);
    gtk_widget_set_sensitive(control, TRUE); /* its file can grow, whoever names it */
    vm_settings_row_set_problem(VM_SETTINGS_ROW(row), problem);
    gtk_container_add(GTK_CONTAINER(self->list), row);
}

/* The row with the focus; -1: none. */
static int
focused_row(VmDisksList *self)
{
    GtkWidget *window = gtk_widget_get_toplevel(GTK_WIDGET(self));
    GtkWidget *focus = GTK_IS_WINDOW(window) ? gtk_window_get_focus(GTK_WINDOW(window)) : NULL;
    gboolean ours = focus && gtk_widget_is_ancestor(focus, GTK_WIDGET(self->list));
    GtkWidget *row = ours ? gtk_widget_get_ancestor(focus, VM_TYPE_SETTINGS_ROW) : NULL;

    return row ? gtk_list_box_row_get_index(GTK_LIST_BOX_ROW(row)) : -1;
}

static void
make_rows(VmDisksList *self, VmJson *json)
{
    g_autoptr(GList) old = gtk_container_get_children(GTK_CONTAINER(self->list));
    const guint n = json ? vm_json_length(json, "block") : 0;
    const int focused = MIN(focused_row(self), (int)n - 1);
    GtkListBoxRow *row = NULL;

    for (GList *at = old; at; at = at->next) {
        gtk_widget_destroy(at->data);
    }
    for (guint i = 0; i < n; i++) {
        add_row(self, json, i);
    }
    gtk_widget_set_visible(GTK_WIDGET(self->list), n > 0);
    gtk_widget_hide(GTK_WIDGET(self->problem_label));
    row = focused >= 0 ? gtk_list_box_get_row_at_index(self->list, focused) : NULL;
    if (row && vm_settings_row_get_control(VM_SETTINGS_ROW(row))) {
        gtk_widget_child_focus(vm_settings_row_get_control(VM_SETTINGS_ROW(row)),
                               GTK_DIR_TAB_FORWARD);
    }
}

/* Which machine, and each key of its disks; files that come and go are seen too. */
static char *
dup_state(VmDisksList *self, VmJson *json)
{
    GString *state = g_string_new(self->machine ? vm_machine_get_name(self->machine) : "");

    for (guint i = 0; json && i < vm_json_length(json, "block"); i++) {
        VmDisk disk;
        gboolean has = vm_disk_of(json, i, &disk);
        g_autofree char *problem = vm_source_complain(has ? disk.path : "");

        const char *file = vm_bases_get_file_of(self->bases, "block", i);

        g_string_append_printf(state, "\n%s\t%s\t%d\t%s\t%s", has ? disk.path : "",
                               disk.format ? disk.format : "", disk.read_only,
                               problem ? problem : "", file ? file : "");
    }
    return g_string_free(state, FALSE);
}

/* Rows that are still right stay: a question may be open on one. */
static gboolean
refresh(gpointer data)
{
    VmDisksList *self = VM_DISKS_LIST(data);
    VmJson *json = definition_of(self) ? vm_bases_get_whole(self->bases) : NULL;
    g_autofree char *state = dup_state(self, json);

    self->idle = 0;
    if (g_strcmp0(state, self->shown) != 0) {
        g_free(self->shown);
        self->shown = g_steal_pointer(&state);
        make_rows(self, json);
    }
    if (json) {
        look_at_sizes(self, json);
    }
    return G_SOURCE_REMOVE;
}

void
vm_disks_list_show(VmDisksList *self, VmMachine *machine, VmBases *bases)
{
    g_set_object(&self->machine, machine);
    if (bases != self->bases) {
        g_clear_pointer(&self->bases, vm_bases_unref);
        self->bases = vm_bases_ref(bases);
    }
    /* Later: the change may come from a row that would go. */
    if (!self->idle) {
        self->idle = g_idle_add(refresh, self);
    }
}

static void
vm_disks_list_dispose(GObject *object)
{
    g_clear_handle_id(&VM_DISKS_LIST(object)->idle, g_source_remove);
    g_clear_object(&VM_DISKS_LIST(object)->machine);
    g_clear_pointer(&VM_DISKS_LIST(object)->bases, vm_bases_unref);
    G_OBJECT_CLASS(vm_disks_list_parent_class)->dispose(object);
}

static void
vm_disks_list_finalize(GObject *object)
{
    g_free(VM_DISKS_LIST(object)->shown);
    G_OBJECT_CLASS(vm_disks_list_parent_class)->finalize(object);
}

static void
vm_disks_list_class_init(VmDisksListClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(klass);

    G_OBJECT_CLASS(klass)->dispose = vm_disks_list_dispose;
    G_OBJECT_CLASS(klass)->finalize = vm_disks_list_finalize;
    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/org/vitrine/Vitrine/ui/disks-list.ui");
    gtk_widget_class_bind_template_child(widget_class, VmDisksList, list);
    gtk_widget_class_bind_template_child(widget_class, VmDisksList, problem_label);
    gtk_widget_class_bind_template_callback(widget_class, add_clicked);
}

static void
vm_disks_list_init(VmDisksList *self)
{
    gtk_widget_init_template(GTK_WIDGET(self));
}
