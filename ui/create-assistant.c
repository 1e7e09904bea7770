/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/create-assistant-private.h"

#include <glib/gi18n.h>

#include "manager/model/disk-boot.h"
#include "ui/accessible.h"
#include "ui/file-button.h"
#include "ui/guest-windows.h"
#include "ui/settings-row.h"
#include "vmm/client/definition.h"
#include "vmm/client/paths.h"

#define DEFAULT_MEMORY_MIB 2048

G_DEFINE_FINAL_TYPE(VmCreateAssistant, vm_create_assistant, GTK_TYPE_WINDOW)

enum {
    CREATED,
    COPIED,
    N_SIGNALS
};
static guint signals[N_SIGNALS]; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */

static const char *const step_names[] = {"source", "size", "check"};

int
vm_create_assistant_get_step(VmCreateAssistant *self)
{
    const char *name = gtk_stack_get_visible_child_name(self->steps);

    for (int i = 0; i < (int)G_N_ELEMENTS(step_names); i++) {
        if (g_strcmp0(name, step_names[i]) == 0) {
            return i;
        }
    }
    return 0;
}

/* ------------------------------------------------------------------ step 2 */

static void
size_changed(VmCreateAssistant *self)
{
    const gboolean good = vm_cloud_user_is_good(self->cloud_user);

    if (vm_create_assistant_get_step(self) == 1) {
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
    g_autofree char *chosen = vm_source_memory_words(vm_create_assistant_get_memory(self));
    g_autofree char *available = vm_source_memory_words(vm_source_free_memory());
    /* Translators: memory of the machine, memory free on this computer. */
    g_autofree char *line = g_strdup_printf(_("%s · %s are free now"), chosen, available);

    g_autofree char *warning =
        vm_source_complain_of_memory(vm_create_assistant_get_memory(self), vm_source_free_memory());

    gtk_label_set_text(self->memory_label, line);
    gtk_label_set_text(self->memory_warning, warning ? warning : "");
    gtk_widget_set_visible(GTK_WIDGET(self->memory_warning), warning != NULL);
    atk_object_set_description(gtk_widget_get_accessible(GTK_WIDGET(self->memory_scale)),
                               warning ? warning : line);
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

/* A row for itself says what its labels say. */
static void
name_row(GtkListBoxRow *row, const char *title, GtkLabel *value)
{
    g_autofree char *name = g_strdup_printf("%s: %s", title, gtk_label_get_text(value));

    atk_object_set_name(gtk_widget_get_accessible(GTK_WIDGET(row)), name);
    atk_object_set_description(gtk_widget_get_accessible(GTK_WIDGET(row)), _("Change"));
}

static void
name_rows(VmCreateAssistant *self)
{
    name_row(self->check_sizes_row, gtk_label_get_text(self->check_title), self->check_sizes);
    name_row(self->check_start_row, _("Starts from"), self->check_start);
    name_row(self->check_disk_row, _("Disk"), self->check_disk);
    name_row(GTK_LIST_BOX_ROW(self->check_user_row), _("User"), self->check_user);
}

static void
fill_check(VmCreateAssistant *self)
{
    g_autoptr(VmJson) json = vm_create_assistant_make_definition(self);
    const char *title = gtk_entry_get_text(self->name_entry);
    g_autofree char *name = vm_definition_name_for_title(title);
    g_autofree char *folder = vm_paths_disks(name);
    g_autofree char *line = NULL;
    g_autofree char *kernel = vm_source_file_of(json, "kernel");
    g_autofree char *initrd = vm_source_file_of(json, "initrd");
    g_autofree char *disk = vm_source_file_of(json, "block.0.path");
    g_autofree char *memory = vm_source_memory_words(vm_create_assistant_get_memory(self));
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
    name_rows(self);
}

static void
start_choice_changed(VmCreateAssistant *self)
{
    if (vm_create_assistant_get_step(self) == 2) {
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
        vm_create_assistant_source_changed(self);
    } else if (step == 1) {
        name_changed(self);
        gtk_widget_grab_focus(GTK_WIDGET(self->name_entry));
    } else {
        fill_check(self);
        start_choice_changed(self);
        gtk_widget_grab_focus(GTK_WIDGET(self->next_button));
    }
}

/* A row of the last look leads to the field that it shows. */
static void
check_activated(VmCreateAssistant *self, GtkListBoxRow *row)
{
    const gboolean has_fields = gtk_widget_get_visible(self->boot_grid);

    if (row == self->check_sizes_row) {
        show_step(self, 1);
    } else if (GTK_WIDGET(row) == self->check_user_row) {
        show_step(self, 1);
        gtk_widget_child_focus(GTK_WIDGET(self->cloud_user), GTK_DIR_TAB_FORWARD);
    } else {
        GtkEntry *entry = !has_fields                   ? self->file_entry
                          : row == self->check_disk_row ? self->disk_entry
                                                        : self->kernel_entry;
        show_step(self, 0);
        gtk_widget_grab_focus(GTK_WIDGET(entry));
    }
}

static void
back_clicked(VmCreateAssistant *self)
{
    int step = vm_create_assistant_get_step(self);

    if (step == 0) {
        gtk_widget_destroy(GTK_WIDGET(self));
    } else {
        show_step(self, step - 1);
    }
}

static void
finish(VmCreateAssistant *self)
{
    g_autoptr(VmJson) json = vm_create_assistant_make_definition(self);
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

static void
copy(VmCreateAssistant *self)
{
    if (vm_clone_choice_is_good(self->clone_choice)) {
        g_signal_emit(self, signals[COPIED], 0, vm_clone_choice_get_machine(self->clone_choice),
                      vm_clone_choice_get_title(self->clone_choice),
                      (guint)vm_clone_choice_get_flags(self->clone_choice));
        gtk_widget_destroy(GTK_WIDGET(self));
    }
}

void
vm_create_assistant_next(VmCreateAssistant *self)
{
    int step = vm_create_assistant_get_step(self);

    if (self->kind == VM_SOURCE_COPY) {
        copy(self);
        return;
    }
    if (step == 0 && self->asking) {
        self->go_on = TRUE;
        return;
    }
    if (step == 0 && vm_create_assistant_may_read_disk(self) &&
        vm_create_assistant_lacks_kernel(self)) {
        if (!self->reading) {
            vm_create_assistant_read_disk(self);
        }
        return;
    }

    if (step == 0 && self->kind == VM_SOURCE_CONFIGURATION) {
        vm_create_assistant_take_sizes(self);
    }
    if (step == 0) {
        gtk_widget_set_visible(GTK_WIDGET(self->cloud_user), self->kind == VM_SOURCE_DISK);
        vm_cloud_user_suggest(self->cloud_user, vm_create_assistant_main_file(self));
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
    if (self->asking) {
        g_cancellable_cancel(self->asking);
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
    g_clear_object(&self->asking);
    g_free(self->asked);
    g_free(self->asked_problem);
    g_free(self->boot_disk);
    g_clear_object(&self->store);
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
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, copy_row);
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, copy_check);
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, copy_box);
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, copy_combo);
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, clone_choice);
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
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, memory_warning);
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, memory_scale);
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, graphics_switch);
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, windows_row);
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, windows_switch);
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, check_list);
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, check_sizes_row);
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, check_start_row);
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, check_disk_row);
    gtk_widget_class_bind_template_child(widget_class, VmCreateAssistant, check_sandbox_row);
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
    g_type_ensure(VM_TYPE_CLONE_CHOICE);
    g_type_ensure(VM_TYPE_CLOUD_USER);
    signals[COPIED] =
        g_signal_new("copied", VM_TYPE_CREATE_ASSISTANT, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                     G_TYPE_NONE, 3, VM_TYPE_MACHINE, G_TYPE_STRING, G_TYPE_UINT);
    signals[CREATED] =
        g_signal_new("created", VM_TYPE_CREATE_ASSISTANT, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                     G_TYPE_NONE, 3, G_TYPE_POINTER, VM_TYPE_SEED, G_TYPE_BOOLEAN);
    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/org/vitrine/Vitrine/ui/create-assistant.ui");
    bind_children(widget_class);
    gtk_widget_class_bind_template_callback_full(widget_class, "source_activated",
                                                 G_CALLBACK(vm_create_assistant_source_activated));
    gtk_widget_class_bind_template_callback_full(widget_class, "source_changed",
                                                 G_CALLBACK(vm_create_assistant_source_changed));
    gtk_widget_class_bind_template_callback_full(widget_class, "choose_file",
                                                 G_CALLBACK(vm_create_assistant_choose_file));
    gtk_widget_class_bind_template_callback(widget_class, name_changed);
    gtk_widget_class_bind_template_callback(widget_class, memory_changed);
    gtk_widget_class_bind_template_callback(widget_class, start_choice_changed);
    gtk_widget_class_bind_template_callback(widget_class, back_clicked);
    gtk_widget_class_bind_template_callback(widget_class, check_activated);
    gtk_widget_class_bind_template_callback_full(widget_class, "original_chosen",
                                                 G_CALLBACK(vm_create_assistant_original_chosen));
    gtk_widget_class_bind_template_callback_full(widget_class, "next_clicked",
                                                 G_CALLBACK(vm_create_assistant_next));
}

static void
set_sizes(VmCreateAssistant *self)
{
    guint processors = g_get_num_processors();
    guint64 total = MAX(vm_source_total_memory(), VM_SMALLEST_MIB);
    g_autofree char *line = g_strdup_printf(_("This computer has %u"), processors);
    g_autofree char *socket = vm_guest_windows_dup_socket();
    int most = 0;
    int preset = 0;

    while (((guint64)VM_SMALLEST_MIB << (most + 1)) <= total) {
        most++;
    }
    while (preset < most && ((guint64)VM_SMALLEST_MIB << preset) < DEFAULT_MEMORY_MIB &&
           ((guint64)VM_SMALLEST_MIB << (preset + 1)) <= total / 2) {
        preset++;
    }
    gtk_label_set_text(self->processors_label, line);
    gtk_spin_button_set_range(self->processors_spin, 1, processors);
    gtk_spin_button_set_value(self->processors_spin, MIN(2, processors));
    self->memory_steps = MAX(most, 1);
    gtk_range_set_range(self->memory_scale, 0, self->memory_steps);
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
    vm_file_button_add(self->file_entry);
    vm_file_button_add(self->kernel_entry);
    vm_file_button_add(self->initrd_entry);
    vm_file_button_add(self->disk_entry);
    g_signal_connect_object(self->cloud_user, "changed", G_CALLBACK(size_changed), self,
                            G_CONNECT_SWAPPED);
    vm_accessible_tell_mark(self->kernel_check);
    vm_accessible_tell_mark(self->disk_check);
    vm_accessible_tell_mark(self->copy_check);
    vm_accessible_tell_mark(self->file_check);
    g_signal_connect_object(self->clone_choice, "changed",
                            G_CALLBACK(vm_create_assistant_copy_changed), self, G_CONNECT_SWAPPED);
    g_signal_connect_object(self->clone_choice, "confirmed", G_CALLBACK(vm_create_assistant_next),
                            self, G_CONNECT_SWAPPED);
    vm_accessible_set_group(GTK_LIST_BOX(gtk_widget_get_parent(self->windows_row)));
    vm_settings_row_pass_focus(GTK_LIST_BOX(gtk_widget_get_parent(self->windows_row)));
    vm_settings_row_pass_focus_of(self->check_sandbox_row);
    vm_settings_row_enter_from_below(self->check_list);
    set_sizes(self);
    vm_create_assistant_set_kind(self, VM_SOURCE_KERNEL);
    show_step(self, 0);
}

GtkWidget *
vm_create_assistant_new(GtkWindow *parent, VmStore *store, const char *path)
{
    VmCreateAssistant *self = g_object_new(VM_TYPE_CREATE_ASSISTANT, "transient-for", parent, NULL);
    gboolean empty = FALSE;

    vm_create_assistant_offer_copies(self, store);
    if (path) {
        VmSourceKind kind = vm_source_guess(path);
        GtkEntry *entry = kind == VM_SOURCE_KERNEL ? self->kernel_entry
                          : kind == VM_SOURCE_DISK ? self->disk_entry
                                                   : self->file_entry;
        gtk_entry_set_text(entry, path);
        vm_create_assistant_set_kind(self, kind);
        g_autofree char *problem = vm_create_assistant_source_problem(self, &empty);
        if (!problem && !empty && !self->left_out) { /* which has to be seen */
            vm_create_assistant_next(self);
        }
    }
    return GTK_WIDGET(self);
}
