/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The first step of the create assistant: what the machine starts from. */
#include <glib/gi18n.h>

#include "manager/model/command-line.h"
#include "manager/model/disk-boot.h"
#include "ui/create-assistant-private.h"
#include "ui/file-dialog.h"
#include "ui/guest-windows.h"

const char *
vm_create_assistant_main_file(VmCreateAssistant *self)
{
    GtkEntry *entry = self->kind == VM_SOURCE_KERNEL ? self->kernel_entry
                      : self->kind == VM_SOURCE_DISK ? self->disk_entry
                                                     : self->file_entry;

    return gtk_entry_get_text(entry);
}

static void
show_member(VmCreateAssistant *self, GtkEntry *entry, const char *member)
{
    /* The entry before may have found that the file is gone. */
    const char *text = self->loaded ? vm_json_get_string(self->loaded, member) : NULL;

    gtk_entry_set_text(entry, text ? text : "");
}

static void
show_members(VmCreateAssistant *self)
{
    show_member(self, self->kernel_entry, "kernel");
    show_member(self, self->initrd_entry, "initrd");
    show_member(self, self->disk_entry, "block.0.path");
    show_member(self, self->options_entry, "params.0");
}

/* ------------------------------------------------------------------ a command line */

static void
forget_command(VmCreateAssistant *self)
{
    if (self->asking) {
        g_cancellable_cancel(self->asking);
    }
    g_clear_object(&self->asking);
    g_clear_pointer(&self->asked, g_free);
    g_clear_pointer(&self->asked_problem, g_free);
    self->go_on = FALSE;
}

static void
command_answered(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(VmCreateAssistant) self = VM_CREATE_ASSISTANT(data);
    g_autofree char *left_out = NULL;
    g_autoptr(GError) error = NULL;
    VmJson *json = vm_command_line_load_finish(result, &left_out, &error);
    gboolean go_on = FALSE;

    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
        return; /* another file was chosen */
    }
    g_clear_object(&self->asking);
    if (json) {
        self->loaded = json;
        self->left_out = g_steal_pointer(&left_out);
        self->imported = g_strdup(self->asked);
        show_members(self);
    } else {
        self->asked_problem = g_strdup(error->message);
    }
    vm_create_assistant_source_changed(self);
    go_on = self->go_on && json && !self->left_out; /* which has to be seen */
    self->go_on = FALSE;
    if (go_on && gtk_widget_get_sensitive(GTK_WIDGET(self->next_button))) {
        vm_create_assistant_next(self);
    }
}

/* vmm reads it meanwhile; NULL until then, and when it is good. */
static char *
load_command(VmCreateAssistant *self, const char *path)
{
    if (g_strcmp0(self->asked, path) == 0) {
        return g_strdup(self->asked_problem);
    }
    forget_command(self);
    g_clear_pointer(&self->imported, g_free);
    g_clear_pointer(&self->loaded, vm_json_free);
    g_clear_pointer(&self->left_out, g_free);
    self->asked = g_strdup(path);
    self->asking = g_cancellable_new();
    vm_command_line_load_async(path, self->asking, command_answered, g_object_ref(self));
    return NULL;
}

/* ------------------------------------------------------------------ all files */

/* NULL when it was read, else why not, in words. */
static char *
load_file(VmCreateAssistant *self, const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *before = NULL;

    if (vm_source_is_text(path)) {
        return load_command(self, path);
    }
    forget_command(self);
    before = g_steal_pointer(&self->imported);
    g_clear_pointer(&self->loaded, vm_json_free);
    g_clear_pointer(&self->left_out, g_free);
    self->loaded = vm_source_load_configuration(path, &self->left_out, &error);
    if (!self->loaded) {
        return g_strdup(error->message);
    }
    self->imported = vm_source_is_xml(path) ? g_strdup(path) : NULL;
    if (self->imported && g_strcmp0(before, self->imported) != 0) {
        show_members(self);
    }
    return NULL;
}

char *
vm_create_assistant_source_problem(VmCreateAssistant *self, gboolean *ret_empty)
{
    GtkEntry *boot[] = {self->kernel_entry, self->initrd_entry, self->disk_entry};
    const char *file = gtk_entry_get_text(self->file_entry);
    const gboolean is_file = self->kind == VM_SOURCE_CONFIGURATION;
    char *problem = is_file && file[0] ? vm_source_complain(file) : NULL;

    *ret_empty = vm_create_assistant_main_file(self)[0] == '\0';
    if (is_file && file[0] && !problem) {
        problem = load_file(self, file);
    } else if (is_file) {
        forget_command(self);
        g_clear_pointer(&self->imported, g_free);
    }
    if (vm_create_assistant_is_import(self)) {
        *ret_empty = vm_create_assistant_lacks_kernel(self) &&
                     gtk_entry_get_text_length(self->disk_entry) == 0;
    }
    for (guint i = 0;
         i < G_N_ELEMENTS(boot) && (!is_file || vm_create_assistant_is_import(self)) && !problem;
         i++) {
        const char *path = gtk_entry_get_text(boot[i]);
        problem = path[0] ? vm_source_complain(path) : NULL;
        if (!problem && path[0] && boot[i] == self->disk_entry) {
            problem = vm_source_complain_of_disk(path);
        } else if (!problem && path[0] && boot[i] == self->kernel_entry) {
            problem = vm_source_complain_of_kernel(path);
        }
    }
    return problem;
}

static void
show_import(VmCreateAssistant *self)
{
    const gboolean import = vm_create_assistant_is_import(self);
    const gboolean lost = import && vm_create_assistant_lacks_kernel(self) &&
                          gtk_entry_get_text_length(self->disk_entry) == 0;
    const char *why =
        self->asked
            ? _("This command line names no kernel: choose one.")
            : _("This machine starts by firmware, which Vitrine cannot do yet: choose a kernel.");
    g_autofree char *note = g_strconcat(import && self->left_out ? self->left_out : "",
                                        lost && self->left_out ? "\n" : "", lost ? why : "", NULL);

    gtk_label_set_text(self->import_note, note);
    gtk_widget_set_visible(GTK_WIDGET(self->import_note), note[0] != '\0');
    gtk_widget_set_visible(self->boot_grid, self->kind != VM_SOURCE_CONFIGURATION || import);
    gtk_widget_set_visible(GTK_WIDGET(self->kernel_hint),
                           vm_create_assistant_may_read_disk(self) &&
                               vm_create_assistant_lacks_kernel(self) && !lost);
}

void
vm_create_assistant_take_sizes(VmCreateAssistant *self)
{
    const gint64 memory = vm_json_get_int(self->loaded, "mem.size", 256);
    const int step = vm_create_assistant_memory_step((guint64)MAX(memory, 0));
    const guint processors =
        (guint)CLAMP(vm_json_get_int(self->loaded, "cpus.num-cores", 1), 1, VM_PROCESSORS_MAX);
    const char *title = vm_json_get_string(self->loaded, "manager.title");

    /* Whatever is in it stays as it is, also what this computer has not got. */
    gtk_range_set_range(self->memory_scale, 0, MAX(step, self->memory_steps));
    gtk_range_set_value(self->memory_scale, step);
    g_signal_emit_by_name(self->memory_scale, "value-changed"); /* for its words */
    gtk_spin_button_set_range(self->processors_spin, 1, MAX(processors, g_get_num_processors()));
    gtk_spin_button_set_value(self->processors_spin, processors);
    gtk_switch_set_active(self->graphics_switch, vm_json_has(self->loaded, "gpu"));
    gtk_switch_set_active(self->windows_switch, vm_guest_windows_get(self->loaded));
    if (title && !self->name_given) {
        gtk_entry_set_text(self->name_entry, title);
    }
}

/* What was taken out of another disk than the one that is chosen now. */
static void
forget_boot(VmCreateAssistant *self)
{
    VmJson *boot = NULL;

    if (!self->boot || (vm_create_assistant_may_read_disk(self) &&
                        g_strcmp0(self->boot_disk, gtk_entry_get_text(self->disk_entry)) == 0)) {
        return;
    }
    boot = g_steal_pointer(&self->boot);
    if (g_strcmp0(vm_json_get_string(boot, "kernel"), gtk_entry_get_text(self->kernel_entry)) ==
        0) {
        gtk_entry_set_text(self->kernel_entry, "");
        gtk_entry_set_text(self->initrd_entry, "");
    }
    vm_disk_boot_discard(boot);
}

void
vm_create_assistant_source_changed(VmCreateAssistant *self)
{
    gboolean empty = FALSE;
    g_autofree char *problem = NULL;

    if (self->kind == VM_SOURCE_COPY) {
        vm_create_assistant_copy_changed(self);
        return;
    }
    problem = vm_create_assistant_source_problem(self, &empty);
    forget_boot(self);

    gtk_label_set_text(self->source_problem, problem ? problem : "");
    gtk_widget_set_visible(GTK_WIDGET(self->source_problem), problem != NULL);
    show_import(self);
    if (vm_create_assistant_get_step(self) == 0) {
        gtk_widget_set_sensitive(GTK_WIDGET(self->next_button),
                                 !empty && !problem && !self->reading && !self->asking);
    }
    if (!empty && !problem && !self->name_given) {
        g_autofree char *title = vm_source_title(vm_create_assistant_main_file(self));
        gtk_entry_set_text(self->name_entry, title);
        self->name_given = FALSE;
    }
}

void
vm_create_assistant_set_kind(VmCreateAssistant *self, VmSourceKind kind)
{
    GtkWidget *checks[] = {
        [VM_SOURCE_KERNEL] = self->kernel_check,
        [VM_SOURCE_DISK] = self->disk_check,
        [VM_SOURCE_COPY] = self->copy_row ? self->copy_check : NULL,
        [VM_SOURCE_CONFIGURATION] = self->file_check,
    };

    self->kind = kind;
    if (kind != VM_SOURCE_CONFIGURATION) {
        gtk_range_set_range(self->memory_scale, 0, self->memory_steps);
        gtk_spin_button_set_range(self->processors_spin, 1, g_get_num_processors());
    }
    for (guint i = 0; i < G_N_ELEMENTS(checks); i++) {
        if (checks[i]) {
            /* Enter chooses another one, and goes on from the chosen one. */
            gtk_widget_set_receives_default(
                gtk_widget_get_ancestor(checks[i], GTK_TYPE_LIST_BOX_ROW), i != (guint)kind);
            gtk_widget_set_opacity(checks[i], i == (guint)kind ? 1 : 0);
        }
    }
    gtk_header_bar_set_subtitle(self->header, _("Step 1 of 3 · What it starts from"));
    gtk_button_set_label(self->next_button, self->reading ? _("Reading the disk…") : _("Next"));
    gtk_widget_set_visible(self->copy_box, kind == VM_SOURCE_COPY);
    gtk_widget_set_visible(self->file_grid, kind == VM_SOURCE_CONFIGURATION);
    gtk_entry_set_placeholder_text(self->kernel_entry,
                                   kind != VM_SOURCE_KERNEL ? _("From the disk") : "");
    gtk_entry_set_placeholder_text(self->disk_entry, kind == VM_SOURCE_DISK ? "" : _("None"));
    if (kind == VM_SOURCE_DISK && gtk_entry_get_text_length(self->options_entry) == 0) {
        gtk_entry_set_text(self->options_entry, "root=/dev/vda1");
    }
    vm_create_assistant_source_changed(self);
}

void
vm_create_assistant_source_activated(VmCreateAssistant *self, GtkListBoxRow *row)
{
    const int index = gtk_list_box_row_get_index(row);
    const gboolean skips = !self->copy_row && index >= (int)VM_SOURCE_COPY;

    vm_create_assistant_set_kind(self, (VmSourceKind)(index + skips));
}

static void
file_chosen(GtkWidget *widget, const char *path)
{
    if (path) {
        gtk_entry_set_text(GTK_ENTRY(widget), path);
    }
}

/* The folder at the end of an entry chooses a file. */
void
vm_create_assistant_choose_file(VmCreateAssistant *self, GtkEntryIconPosition position,
                                GdkEvent *event, GtkEntry *entry)
{
    vm_file_dialog_open(GTK_WIDGET(entry), _("Choose a file"), NULL, file_chosen);
}

/* Nobody chose another disk or a kernel while this one was read. */
static gboolean
still_wanted(VmCreateAssistant *self)
{
    return vm_create_assistant_may_read_disk(self) && vm_create_assistant_lacks_kernel(self) &&
           g_strcmp0(self->boot_disk, gtk_entry_get_text(self->disk_entry)) == 0;
}

static void
boot_answered(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(VmCreateAssistant) self = VM_CREATE_ASSISTANT(data);
    g_autoptr(GError) error = NULL;
    VmJson *boot = vm_disk_boot_finish(result, &error);
    const char *initrd = boot ? vm_json_get_string(boot, "initrd") : NULL;
    const char *params = boot ? vm_json_get_string(boot, "params") : NULL;

    if (g_cancellable_is_cancelled(self->reading)) {
        vm_disk_boot_discard(boot);
        return;
    }
    g_clear_object(&self->reading);
    gtk_button_set_label(self->next_button, _("Next"));
    vm_create_assistant_source_changed(self);
    if (!still_wanted(self)) {
        vm_disk_boot_discard(boot);
        return;
    }
    if (!boot) {
        gtk_label_set_text(self->source_problem, error->message);
        gtk_widget_show(GTK_WIDGET(self->source_problem));
        gtk_widget_grab_focus(GTK_WIDGET(self->kernel_entry));
        return;
    }
    self->boot = boot;
    gtk_entry_set_text(self->initrd_entry, initrd ? initrd : "");
    if (params && params[0]) {
        gtk_entry_set_text(self->options_entry, params);
    }
    gtk_entry_set_text(self->kernel_entry, vm_json_get_string(boot, "kernel"));
    if (vm_create_assistant_get_step(self) == 0) {
        vm_create_assistant_next(self);
    }
}

void
vm_create_assistant_read_disk(VmCreateAssistant *self)
{
    const char *disk = gtk_entry_get_text(self->disk_entry);

    g_clear_pointer(&self->boot, vm_disk_boot_discard);
    g_free(self->boot_disk);
    self->boot_disk = g_strdup(disk);
    self->reading = g_cancellable_new();
    gtk_widget_set_sensitive(GTK_WIDGET(self->next_button), FALSE);
    gtk_button_set_label(self->next_button, _("Reading the disk…"));
    gtk_label_set_text(self->source_problem, "");
    vm_disk_boot_async(disk, vm_create_assistant_disk_is_qcow2(self), self->reading, boot_answered,
                       g_object_ref(self));
}
