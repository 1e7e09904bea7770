/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/create-assistant.h"

#include <glib/gi18n.h>

#include "manager/model/disk-boot.h"
#include "ui/cloud-user.h"
#include "ui/create-sources.h"
#include "ui/guest-windows.h"
#include "ui/settings-row.h"
#include "vmm/client/definition.h"
#include "vmm/client/paths.h"

#define DEFAULT_MEMORY_MIB 2048
#define SMALLEST_MIB       128

struct _VmCreateAssistant {
    GtkWindow parent_instance;
    GtkButton *back_button;
    GtkButton *next_button;
    GtkHeaderBar *header;
    GtkStack *steps;

    GtkListBox *source_list;
    GtkWidget *kernel_check;
    GtkWidget *disk_check;
    GtkWidget *file_check;
    GtkWidget *file_grid;
    GtkEntry *file_entry;
    GtkWidget *boot_grid;
    GtkEntry *disk_entry;
    GtkEntry *kernel_entry;
    GtkEntry *initrd_entry;
    GtkEntry *options_entry;
    GtkLabel *import_note;
    GtkLabel *kernel_hint;
    GtkLabel *source_problem;

    GtkEntry *name_entry;
    GtkLabel *name_on_disk_label;
    GtkLabel *processors_label;
    GtkSpinButton *processors_spin;
    GtkLabel *memory_label;
    GtkRange *memory_scale;
    GtkSwitch *graphics_switch;
    GtkWidget *windows_row;
    GtkSwitch *windows_switch;
    VmCloudUser *cloud_user;

    GtkLabel *check_title;
    GtkLabel *check_sizes;
    GtkLabel *check_start;
    GtkLabel *check_disk;
    GtkWidget *check_user_row;
    GtkLabel *check_user;
    GtkLabel *command_label;
    GtkToggleButton *without_start_check;

    VmSourceKind kind;
    VmJson *loaded; /* of a configuration file */
    char *imported; /* the file of libvirt that the fields were filled from */
    char *left_out; /* of it, in words; or NULL */
    VmJson *boot;   /* what was taken out of boot_disk */
    char *boot_disk;
    GCancellable *reading; /* a disk is being read */
    gboolean name_given;
};

G_DEFINE_FINAL_TYPE(VmCreateAssistant, vm_create_assistant, GTK_TYPE_WINDOW)

enum {
    CREATED,
    N_SIGNALS
};
static guint signals[N_SIGNALS]; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */

static const char *const step_names[] = {"source", "size", "check"};

static void next_clicked(VmCreateAssistant *self);

static int
step_of(VmCreateAssistant *self)
{
    const char *name = gtk_stack_get_visible_child_name(self->steps);

    for (int i = 0; i < (int)G_N_ELEMENTS(step_names); i++) {
        if (g_strcmp0(name, step_names[i]) == 0) {
            return i;
        }
    }
    return 0;
}

/* A machine of libvirt: what it starts from can still be chosen. */
static gboolean
is_import(VmCreateAssistant *self)
{
    return self->kind == VM_SOURCE_CONFIGURATION && self->imported;
}

/* Its kernel may come out of its disk. */
static gboolean
may_read_disk(VmCreateAssistant *self)
{
    return self->kind == VM_SOURCE_DISK || is_import(self);
}

static gboolean
lacks_kernel(VmCreateAssistant *self)
{
    return gtk_entry_get_text_length(self->kernel_entry) == 0;
}

/* ------------------------------------------------------------------ the definition */

static void
set_path(VmJson *json, const char *member, GtkEntry *entry)
{
    const char *path = gtk_entry_get_text(entry);

    if (path[0]) {
        vm_json_set_string(json, member, path);
    } else {
        vm_json_remove(json, member);
    }
}

static gboolean
is_disk_of_import(VmCreateAssistant *self)
{
    return is_import(self) && g_strcmp0(vm_json_get_string(self->loaded, "block.0.path"),
                                        gtk_entry_get_text(self->disk_entry)) == 0;
}

/* A disk of libvirt is what its file says, whatever a guest wrote to its beginning. */
static gboolean
disk_is_qcow2(VmCreateAssistant *self)
{
    const char *disk = gtk_entry_get_text(self->disk_entry);

    if (is_disk_of_import(self)) {
        return g_strcmp0(vm_json_get_string(self->loaded, "block.0.format"), "qcow2") == 0;
    }
    return g_str_has_suffix(disk, ".qcow2") || vm_source_wants_format(disk);
}

static void
set_disk(VmCreateAssistant *self, VmJson *json)
{
    if (is_disk_of_import(self)) {
        return;
    }
    vm_json_remove(json, "block.0.format");
    vm_json_remove(json, "block.0.ro");
    set_path(json, "block.0.path", self->disk_entry);
    if (gtk_entry_get_text_length(self->disk_entry) == 0) {
        vm_json_remove(json, "block.0");
    } else if (vm_source_wants_format(gtk_entry_get_text(self->disk_entry))) {
        vm_json_set_string(json, "block.0.format", "qcow2");
    }
}

static guint64
memory_chosen(VmCreateAssistant *self)
{
    return (guint64)SMALLEST_MIB << (int)gtk_range_get_value(self->memory_scale);
}

static VmJson *
make_definition(VmCreateAssistant *self)
{
    VmJson *json = self->kind == VM_SOURCE_CONFIGURATION && self->loaded
                       ? vm_json_copy(self->loaded)
                       : vm_json_new();
    const char *options = gtk_entry_get_text(self->options_entry);

    if (self->kind != VM_SOURCE_CONFIGURATION || is_import(self)) {
        set_path(json, "kernel", self->kernel_entry);
        set_path(json, "initrd", self->initrd_entry);
        set_disk(self, json);
        vm_json_remove(json, "params");
        if (options[0]) {
            vm_json_set_string(json, "params.0", options);
        }
    }
    if (self->kind != VM_SOURCE_CONFIGURATION) {
        vm_json_set_string(json, "serial.0.type", "sink");
        vm_json_set_string(json, "serial.0.hardware", "serial");
        vm_json_set_bool(json, "serial.0.console", TRUE);
    }
    vm_json_set_int(json, "cpus.num-cores",
                    gtk_spin_button_get_value_as_int(self->processors_spin));
    vm_json_set_int(json, "mem.size", (gint64)memory_chosen(self));
    if (!gtk_switch_get_active(self->graphics_switch)) {
        vm_json_remove(json, "gpu");
        vm_json_remove(json, "wayland-sock"); /* it wants a graphics card */
    } else if (!vm_json_has(json, "gpu")) {
        vm_json_set_string(json, "gpu.backend", "2d");
    }
    if (gtk_widget_get_visible(self->windows_row) && vm_json_has(json, "gpu")) {
        vm_guest_windows_set(json, gtk_switch_get_active(self->windows_switch));
    }
    vm_json_remove(json, "name");
    vm_json_set_string(json, "manager.title", gtk_entry_get_text(self->name_entry));
    return json;
}

/* ------------------------------------------------------------------ step 1 */

static const char *
main_file(VmCreateAssistant *self)
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

/* NULL when it was read, else why not, in words. */
static char *
load_file(VmCreateAssistant *self, const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *before = g_steal_pointer(&self->imported);

    g_clear_pointer(&self->loaded, vm_json_free);
    g_clear_pointer(&self->left_out, g_free);
    self->loaded = vm_source_load_configuration(path, &self->left_out, &error);
    if (!self->loaded) {
        return g_strdup(error->message);
    }
    self->imported = vm_source_is_xml(path) ? g_strdup(path) : NULL;
    if (self->imported && g_strcmp0(before, self->imported) != 0) {
        show_member(self, self->kernel_entry, "kernel");
        show_member(self, self->initrd_entry, "initrd");
        show_member(self, self->disk_entry, "block.0.path");
        show_member(self, self->options_entry, "params.0");
    }
    return NULL;
}

/* What is wrong with the files; NULL when nothing is. *ret_empty: a required field has no text. */
static char *
source_problem(VmCreateAssistant *self, gboolean *ret_empty)
{
    GtkEntry *boot[] = {self->kernel_entry, self->initrd_entry, self->disk_entry};
    const char *file = gtk_entry_get_text(self->file_entry);
    const gboolean is_file = self->kind == VM_SOURCE_CONFIGURATION;
    char *problem = is_file && file[0] ? vm_source_complain(file) : NULL;

    *ret_empty = main_file(self)[0] == '\0';
    if (is_file && file[0] && !problem) {
        problem = load_file(self, file);
    } else if (is_file) {
        g_clear_pointer(&self->imported, g_free);
    }
    if (is_import(self)) {
        *ret_empty = lacks_kernel(self) && gtk_entry_get_text_length(self->disk_entry) == 0;
    }
    for (guint i = 0; i < G_N_ELEMENTS(boot) && (!is_file || is_import(self)) && !problem; i++) {
        const char *path = gtk_entry_get_text(boot[i]);
        problem = path[0] ? vm_source_complain(path) : NULL;
        if (!problem && path[0] && boot[i] == self->disk_entry) {
            problem = vm_source_complain_of_disk(path);
        }
    }
    return problem;
}

static void
show_import(VmCreateAssistant *self)
{
    const gboolean import = is_import(self);
    const gboolean lost =
        import && lacks_kernel(self) && gtk_entry_get_text_length(self->disk_entry) == 0;
    g_autofree char *note = g_strconcat(
        import && self->left_out ? self->left_out : "", lost && self->left_out ? "\n" : "",
        lost ? _("This machine starts by firmware, which Vitrine cannot do yet: choose a kernel.")
             : "",
        NULL);

    gtk_label_set_text(self->import_note, note);
    gtk_widget_set_visible(GTK_WIDGET(self->import_note), note[0] != '\0');
    gtk_widget_set_visible(self->boot_grid, self->kind != VM_SOURCE_CONFIGURATION || import);
    gtk_widget_set_visible(GTK_WIDGET(self->kernel_hint),
                           may_read_disk(self) && lacks_kernel(self) && !lost);
}

static void
take_sizes_of_file(VmCreateAssistant *self)
{
    gint64 memory = vm_json_get_int(self->loaded, "mem.size", 256);
    const char *title = vm_json_get_string(self->loaded, "manager.title");
    int step = 0;

    while (((gint64)SMALLEST_MIB << step) < memory && step < 16) {
        step++;
    }
    gtk_range_set_value(self->memory_scale, step);
    gtk_spin_button_set_value(self->processors_spin,
                              (double)vm_json_get_int(self->loaded, "cpus.num-cores", 1));
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

    if (!self->boot || (may_read_disk(self) &&
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

static void
source_changed(VmCreateAssistant *self)
{
    gboolean empty = FALSE;
    g_autofree char *problem = source_problem(self, &empty);

    forget_boot(self);

    gtk_label_set_text(self->source_problem, problem ? problem : "");
    gtk_widget_set_visible(GTK_WIDGET(self->source_problem), problem != NULL);
    show_import(self);
    if (step_of(self) == 0) {
        gtk_widget_set_sensitive(GTK_WIDGET(self->next_button),
                                 !empty && !problem && !self->reading);
    }
    if (!empty && !problem && !self->name_given) {
        g_autofree char *title = vm_source_title(main_file(self));
        gtk_entry_set_text(self->name_entry, title);
        self->name_given = FALSE;
    }
}

static void
set_kind(VmCreateAssistant *self, VmSourceKind kind)
{
    GtkWidget *checks[] = {self->kernel_check, self->disk_check, self->file_check};

    self->kind = kind;
    for (guint i = 0; i < G_N_ELEMENTS(checks); i++) {
        gtk_widget_set_opacity(checks[i], i == (guint)kind ? 1 : 0);
    }
    gtk_widget_set_visible(self->file_grid, kind == VM_SOURCE_CONFIGURATION);
    gtk_entry_set_placeholder_text(self->kernel_entry,
                                   kind != VM_SOURCE_KERNEL ? _("From the disk") : "");
    gtk_entry_set_placeholder_text(self->disk_entry, kind == VM_SOURCE_DISK ? "" : _("None"));
    if (kind == VM_SOURCE_DISK && gtk_entry_get_text_length(self->options_entry) == 0) {
        gtk_entry_set_text(self->options_entry, "root=/dev/vda1");
    }
    source_changed(self);
}

static void
source_activated(VmCreateAssistant *self, GtkListBoxRow *row)
{
    set_kind(self, (VmSourceKind)gtk_list_box_row_get_index(row));
}

/* The folder at the end of an entry chooses a file. */
static void
choose_file(VmCreateAssistant *self, GtkEntryIconPosition position, GdkEvent *event,
            GtkEntry *entry)
{
    g_autoptr(GtkFileChooserNative) chooser = gtk_file_chooser_native_new(
        _("Choose a file"), GTK_WINDOW(self), GTK_FILE_CHOOSER_ACTION_OPEN, NULL, NULL);
    g_autofree char *path = NULL;

    if (gtk_native_dialog_run(GTK_NATIVE_DIALOG(chooser)) == GTK_RESPONSE_ACCEPT) {
        path = gtk_file_chooser_get_filename(GTK_FILE_CHOOSER(chooser));
        gtk_entry_set_text(entry, path);
    }
}

/* ------------------------------------------------------------------ step 2 */

static void
size_changed(VmCreateAssistant *self)
{
    const gboolean good = vm_cloud_user_is_good(self->cloud_user);

    if (step_of(self) == 1) {
        gtk_widget_set_sensitive(GTK_WIDGET(self->next_button),
                                 gtk_entry_get_text_length(self->name_entry) > 0 && good);
    }
}

static void
name_changed(VmCreateAssistant *self)
{
    const char *title = gtk_entry_get_text(self->name_entry);
    g_autofree char *name = vm_definition_name_for_title(title);
    g_autofree char *line = g_strdup_printf(_("Name on disk: %s"), name);

    gtk_label_set_text(self->name_on_disk_label, line);
    self->name_given = gtk_widget_is_focus(GTK_WIDGET(self->name_entry)) || self->name_given;
    size_changed(self);
}

static void
memory_changed(VmCreateAssistant *self)
{
    g_autofree char *chosen = vm_source_memory_words(memory_chosen(self));
    g_autofree char *available = vm_source_memory_words(vm_source_free_memory());
    /* Translators: memory of the machine, memory free on this computer. */
    g_autofree char *line = g_strdup_printf(_("%s · %s are free now"), chosen, available);

    gtk_label_set_text(self->memory_label, line);
    atk_object_set_description(gtk_widget_get_accessible(GTK_WIDGET(self->memory_scale)), line);
}

/* ------------------------------------------------------------------ step 3 */

static void
fill_user(VmCreateAssistant *self, VmJson *json, const char *name)
{
    const gboolean wanted = vm_cloud_user_is_wanted(self->cloud_user);
    g_autofree char *user = wanted ? vm_cloud_user_describe(self->cloud_user) : NULL;

    gtk_widget_set_visible(self->check_user_row, wanted);
    if (wanted) {
        gtk_label_set_text(self->check_user, user);
        vm_source_add_seed(json, name);
    }
}

static void
fill_check(VmCreateAssistant *self)
{
    g_autoptr(VmJson) json = make_definition(self);
    const char *title = gtk_entry_get_text(self->name_entry);
    g_autofree char *name = vm_definition_name_for_title(title);
    g_autofree char *folder = vm_paths_disks(name);
    g_autofree char *line = NULL;
    g_autofree char *kernel = vm_source_file_of(json, "kernel");
    g_autofree char *initrd = vm_source_file_of(json, "initrd");
    g_autofree char *disk = vm_source_file_of(json, "block.0.path");
    g_autofree char *memory = vm_source_memory_words(memory_chosen(self));
    int processors = gtk_spin_button_get_value_as_int(self->processors_spin);
    g_autofree char *count =
        g_strdup_printf(ngettext("%d processor", "%d processors", (gulong)processors), processors);
    /* Translators: "2 processors · 1 GiB memory". */
    g_autofree char *sizes = g_strdup_printf(_("%s · %s memory"), count, memory);
    g_autofree char *from = initrd ? g_strdup_printf(_("%s with %s"), kernel ? kernel : "-", initrd)
                                   : g_strdup(kernel ? kernel : "-");

    fill_user(self, json, name);
    vm_disk_boot_rename(json, folder);
    line = vm_definition_command_line(json, name);
    gtk_label_set_text(self->check_title, title);
    gtk_label_set_text(self->check_sizes, sizes);
    gtk_label_set_text(self->check_start, from);
    gtk_label_set_text(self->check_disk, disk ? disk : _("None"));
    gtk_label_set_text(self->command_label, line);
}

static void
start_choice_changed(VmCreateAssistant *self)
{
    if (step_of(self) == 2) {
        gtk_button_set_label(self->next_button,
                             gtk_toggle_button_get_active(self->without_start_check)
                                 ? _("Create")
                                 : _("Create and start"));
    }
}

/* ------------------------------------------------------------------ moving */

static void
show_step(VmCreateAssistant *self, int step)
{
    static const char *const subtitles[] = {N_("Step 1 of 3 · What it starts from"),
                                            N_("Step 2 of 3 · Name and size"),
                                            N_("Step 3 of 3 · Check")};

    gtk_stack_set_visible_child_name(self->steps, step_names[step]);
    gtk_header_bar_set_subtitle(self->header, _(subtitles[step]));
    gtk_button_set_label(self->back_button, step == 0 ? _("Cancel") : _("Back"));
    gtk_button_set_label(self->next_button, _("Next"));
    gtk_widget_set_sensitive(GTK_WIDGET(self->next_button), TRUE);
    if (step == 0) {
        source_changed(self);
    } else if (step == 1) {
        name_changed(self);
        gtk_widget_grab_focus(GTK_WIDGET(self->name_entry));
    } else {
        fill_check(self);
        start_choice_changed(self);
        gtk_widget_grab_focus(GTK_WIDGET(self->next_button));
    }
}

static void
back_clicked(VmCreateAssistant *self)
{
    int step = step_of(self);

    if (step == 0) {
        gtk_widget_destroy(GTK_WIDGET(self));
    } else {
        show_step(self, step - 1);
    }
}

static void
finish(VmCreateAssistant *self)
{
    g_autoptr(VmJson) json = make_definition(self);
    g_autofree char *name = vm_definition_name_for_title(gtk_entry_get_text(self->name_entry));
    g_autoptr(VmSeed) seed = vm_cloud_user_make(self->cloud_user, name, NULL);

    /* What was good a step before may have gone: the key's file. */
    if (!seed && vm_cloud_user_is_wanted(self->cloud_user)) {
        show_step(self, 1);
        return;
    }
    g_signal_emit(self, signals[CREATED], 0, json, seed,
                  !gtk_toggle_button_get_active(self->without_start_check));
    gtk_widget_destroy(GTK_WIDGET(self));
}

/* Nobody chose another disk or a kernel while this one was read. */
static gboolean
still_wanted(VmCreateAssistant *self)
{
    return may_read_disk(self) && lacks_kernel(self) &&
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
    source_changed(self);
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
    if (step_of(self) == 0) {
        next_clicked(self);
    }
}

/* Its kernel is to come out of the disk, which takes a second. */
static void
read_disk(VmCreateAssistant *self)
{
    const char *disk = gtk_entry_get_text(self->disk_entry);

    g_clear_pointer(&self->boot, vm_disk_boot_discard);
    g_free(self->boot_disk);
    self->boot_disk = g_strdup(disk);
    self->reading = g_cancellable_new();
    gtk_widget_set_sensitive(GTK_WIDGET(self->next_button), FALSE);
    gtk_button_set_label(self->next_button, _("Reading the disk…"));
    gtk_label_set_text(self->source_problem, "");
    vm_disk_boot_async(disk, disk_is_qcow2(self), self->reading, boot_answered, g_object_ref(self));
}

static void
next_clicked(VmCreateAssistant *self)
{
    int step = step_of(self);

    if (step == 0 && may_read_disk(self) && lacks_kernel(self)) {
        if (!self->reading) {
            read_disk(self);
        }
        return;
    }

    if (step == 0 && self->kind == VM_SOURCE_CONFIGURATION) {
        take_sizes_of_file(self);
    }
    if (step == 0) {
        gtk_widget_set_visible(GTK_WIDGET(self->cloud_user), self->kind == VM_SOURCE_DISK);
        vm_cloud_user_suggest(self->cloud_user, main_file(self));
    }
    if (step < 2) {
        show_step(self, step + 1);
        return;
    }
    finish(self);
}

static gboolean
vm_create_assistant_key_press_event(GtkWidget *widget, GdkEventKey *event)
{
    if (GTK_WIDGET_CLASS(vm_create_assistant_parent_class)->key_press_event(widget, event)) {
        return GDK_EVENT_STOP;
    }
    if (event->keyval == GDK_KEY_Escape) {
        gtk_widget_destroy(widget);
        return GDK_EVENT_STOP;
    }
    return GDK_EVENT_PROPAGATE;
}

static void
vm_create_assistant_dispose(GObject *object)
{
    VmCreateAssistant *self = VM_CREATE_ASSISTANT(object);

    if (self->reading) {
        g_cancellable_cancel(self->reading);
    }
    G_OBJECT_CLASS(vm_create_assistant_parent_class)->dispose(object);
}

static void
vm_create_assistant_finalize(GObject *object)
{
    VmCreateAssistant *self = VM_CREATE_ASSISTANT(object);

    g_clear_pointer(&self->loaded, vm_json_free);
    g_free(self->imported);
    g_free(self->left_out);
    g_clear_pointer(&self->boot, vm_disk_boot_discard);
    g_clear_object(&self->reading);
    g_free(self->boot_disk);
    G_OBJECT_CLASS(vm_create_assistant_parent_class)->finalize(object);
}

static void
bind_children(GtkWidgetClass *widget_class)
{
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, back_button);
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, next_button);
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, header);
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, steps);
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, source_list);
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, kernel_check);
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, disk_check);
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, file_check);
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, file_grid);
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, file_entry);
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, boot_grid);
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, disk_entry);
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, kernel_entry);
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, initrd_entry);
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, options_entry);
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, source_problem);
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, kernel_hint);
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, import_note);
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, cloud_user);
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, check_user_row);
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, check_user);
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, name_entry);
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, name_on_disk_label);
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, processors_label);
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, processors_spin);
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, memory_label);
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, memory_scale);
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, graphics_switch);
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, windows_row);
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, windows_switch);
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, check_title);
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, check_sizes);
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, check_start);
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, check_disk);
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, command_label);
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, without_start_check);
}

static void
vm_create_assistant_class_init(VmCreateAssistantClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(klass);

    G_OBJECT_CLASS(klass)->dispose = vm_create_assistant_dispose;
    G_OBJECT_CLASS(klass)->finalize = vm_create_assistant_finalize;
    widget_class->key_press_event = vm_create_assistant_key_press_event;
    gtk_widget_class_set_accessible_role(widget_class, ATK_ROLE_DIALOG);
    g_type_ensure(VM_TYPE_CLOUD_USER);
    signals[CREATED] =
        g_signal_new("created", VM_TYPE_CREATE_ASSISTANT, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                     G_TYPE_NONE, 3, G_TYPE_POINTER, VM_TYPE_SEED, G_TYPE_BOOLEAN);
    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/org/vitrine/Vitrine/ui/create-assistant.ui");
    bind_children(widget_class);
    gtk_widget_class_bind_template_callback(widget_class, source_activated);
    gtk_widget_class_bind_template_callback(widget_class, source_changed);
    gtk_widget_class_bind_template_callback(widget_class, choose_file);
    gtk_widget_class_bind_template_callback(widget_class, name_changed);
    gtk_widget_class_bind_template_callback(widget_class, memory_changed);
    gtk_widget_class_bind_template_callback(widget_class, start_choice_changed);
    gtk_widget_class_bind_template_callback(widget_class, back_clicked);
    gtk_widget_class_bind_template_callback(widget_class, next_clicked);
}

static void
set_sizes(VmCreateAssistant *self)
{
    guint processors = g_get_num_processors();
    guint64 total = MAX(vm_source_total_memory(), SMALLEST_MIB);
    g_autofree char *line = g_strdup_printf(_("This computer has %u"), processors);
    g_autofree char *socket = vm_guest_windows_dup_socket();
    int most = 0;
    int preset = 0;

    while (((guint64)SMALLEST_MIB << (most + 1)) <= total) {
        most++;
    }
    while (preset < most && ((guint64)SMALLEST_MIB << preset) < DEFAULT_MEMORY_MIB &&
           ((guint64)SMALLEST_MIB << (preset + 1)) <= total / 2) {
        preset++;
    }
    gtk_label_set_text(self->processors_label, line);
    gtk_spin_button_set_range(self->processors_spin, 1, processors);
    gtk_spin_button_set_value(self->processors_spin, MIN(2, processors));
    gtk_range_set_range(self->memory_scale, 0, MAX(most, 1));
    gtk_range_set_round_digits(self->memory_scale, 0);
    gtk_range_set_value(self->memory_scale, preset);
    memory_changed(self);
    gtk_widget_set_visible(self->windows_row,
                           socket != NULL); /* else this desktop cannot show them */
}

static void
vm_create_assistant_init(VmCreateAssistant *self)
{
    gtk_widget_init_template(GTK_WIDGET(self));
    g_signal_connect_object(self->cloud_user, "changed", G_CALLBACK(size_changed), self,
                            G_CONNECT_SWAPPED);
    vm_settings_row_pass_focus(GTK_LIST_BOX(gtk_widget_get_parent(self->windows_row)));
    vm_settings_row_pass_focus(GTK_LIST_BOX(gtk_widget_get_parent(self->check_user_row)));
    set_sizes(self);
    set_kind(self, VM_SOURCE_KERNEL);
    show_step(self, 0);
}

GtkWidget *
vm_create_assistant_new(GtkWindow *parent, const char *path)
{
    VmCreateAssistant *self = g_object_new(VM_TYPE_CREATE_ASSISTANT, "transient-for", parent, NULL);
    gboolean empty = FALSE;

    if (path) {
        VmSourceKind kind = vm_source_guess(path);
        GtkEntry *entries[] = {self->kernel_entry, self->disk_entry, self->file_entry};
        gtk_entry_set_text(entries[kind], path);
        set_kind(self, kind);
        g_autofree char *problem = source_problem(self, &empty);
        if (!problem && !empty && !self->left_out) { /* which has to be seen */
            next_clicked(self);
        }
    }
    return GTK_WIDGET(self);
}
