/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/settings-page.h"

#include <glib/gi18n.h>
#include <string.h>

#include "manager/model/bases-reader.h"
#include "manager/model/phrases.h"
#include "ui/accessible.h"
#include "ui/create-sources.h"
#include "ui/disks-list.h"
#include "ui/file-button.h"
#include "ui/file-dialog.h"
#include "ui/graphics-level.h"
#include "ui/json-editor.h"
#include "ui/list-tabs.h"
#include "ui/machine-icon.h"
#include "ui/machine-slot.h"
#include "ui/memory-scale.h"
#include "ui/ports-list.h"
#include "ui/setting-values.h"
#include "ui/settings-row.h"
#include "ui/text-scale.h"
#include "ui/wrap-box.h"
#include "vmm/client/bases.h"
#include "vmm/client/paths.h"
#include "vmm/client/vm-machines.h"

#define ENTRY_WIDTH   26
#define LEVEL_WIDTH   16
#define NOTE_WIDTH    250
#define NOTE_MARGIN   7
#define MEMORY_STEP   128
#define MEMORY_MIN    64
#define PROCESSOR_MAX 32
#define PATIENCE_MS   1000
#define NARROW        600 /* below, the index is a combo box on top */

struct _VmSettingsPage {
    GtkBox parent_instance;
    GtkRevealer *pending_bar;
    GtkLabel *pending_label;
    GtkRevealer *base_bar; /* an included file cannot be used */
    GtkLabel *base_label;
    GtkWidget *found_box; /* of a machine that has no definition */
    GtkLabel *found_label;
    GtkWidget *body;
    GtkListBox *general_list;
    GtkListBox *system_list;
    GtkListBox *start_list;
    VmDisksList *disks_list;
    GtkLabel *name_label;
    GtkListBox *display_list;
    GtkListBox *input_list;
    GtkListBox *sandbox_list;
    VmPortsList *ports_list;
    GtkListBox *index;
    GtkComboBox *section_combo;
    GtkStack *sections;
    VmJsonEditor *editor;

    VmSettingsRow *rows[VM_N_SETTINGS];
    VmMemoryScale *memory_scale;
    VmMachine *machine;
    VmBases *bases; /* of its definition, as shown */
    VmBasesReader *reader;
    guint waiting_source; /* until it is said that it takes long */
    gboolean narrow;
    int beside_width; /* that index and section need beside each other */
    gboolean filling;
    gboolean forced; /* to the editor, by a definition that cannot be read */
};

G_DEFINE_FINAL_TYPE(VmSettingsPage, vm_settings_page, GTK_TYPE_BOX)

static void show_machine(VmSettingsPage *self);

static VmJson *
definition_of(VmSettingsPage *self)
{
    return self->machine ? vm_machine_get_definition(self->machine) : NULL;
}

/* Takes json. */
static void
save(VmSettingsPage *self, VmJson *json, VmSettingsRow *row)
{
    g_autoptr(VmJson) mine = json;
    g_autoptr(GError) error = NULL;

    if (!vm_machine_save(self->machine, mine, &error)) {
        vm_settings_row_set_problem(row, error->message);
    }
    show_machine(self);
}

static void
value_changed(GtkWidget *control, VmSettingsPage *self)
{
    VmSettingsRow *row = VM_SETTINGS_ROW(gtk_widget_get_ancestor(control, VM_TYPE_SETTINGS_ROW));
    const VmSetting *setting = g_object_get_data(G_OBJECT(control), "setting");
    VmJson *definition = definition_of(self);
    g_autofree char *value = NULL;
    g_autofree char *before = NULL;
    g_autofree char *problem = NULL;

    if (self->filling || !definition || !self->bases) {
        return;
    }
    value = vm_setting_read(control, setting);
    before = vm_setting_dup_value(vm_bases_get_whole(self->bases), setting);
    problem = vm_setting_complain(setting, value);
    vm_settings_row_set_problem(row, problem);
    if (!problem && !g_str_equal(value, before) && setting->kind == VM_SETTING_AUTOSTART) {
        g_autoptr(GError) error = NULL;
        if (!vm_machines_set_autostart(vm_machine_get_name(self->machine), value[0] == '1',
                                       &error)) {
            vm_settings_row_set_problem(row, error->message);
            return;
        }
    }
    if (!problem && !g_str_equal(value, before)) {
        VmJson *json = vm_json_copy(definition);
        vm_setting_put_value(json, setting, value);
        if (setting->kind == VM_SETTING_INPUT && vm_json_has(json, "cfg")) {
            vm_json_set_bool(json, setting->path, value[0] == '1'); /* the card may be the base's */
        }
        save(self, json, row);
    }
}

static void
switch_changed(GtkWidget *control, GParamSpec *spec, VmSettingsPage *self)
{
    value_changed(control, self);
}

static void
file_chosen(GtkWidget *widget, const char *path)
{
    if (path) {
        gtk_entry_set_text(GTK_ENTRY(widget), path);
    }
}

static void
choose_file(GtkEntry *entry, GtkEntryIconPosition position, GdkEvent *event, VmSettingsPage *self)
{
    vm_file_dialog_open(GTK_WIDGET(entry), _("Choose a file"), NULL, file_chosen);
}

/* ------------------------------------------------------------------ the page */

static void
show_pending(VmSettingsPage *self, VmJson *json)
{
    VmJson *running = vm_machine_get_running_definition(self->machine);
    g_autofree char *text = NULL;
    guint changes = 0;

    for (guint i = 0; i < VM_N_SETTINGS; i++) {
        gboolean differs = FALSE;
        /* The window looks at these itself, at once; nothing that `vmm run` reads does it read again. */
        if (running && !g_str_has_prefix(vm_settings[i].path, "manager.")) {
            differs = vm_setting_is_changed(running, json, &vm_settings[i]);
        }
        vm_settings_row_set_needs_restart(self->rows[i], differs);
        changes += differs;
    }
    if (vm_machine_has_pending_changes(self->machine) && changes == 0) {
        changes = 1;
    }
    text = g_strdup_printf(ngettext("%u change takes effect when %s restarts.",
                                    "%u changes take effect when %s restarts.", changes),
                           changes, vm_machine_get_title(self->machine));
    gtk_label_set_text(self->pending_label, text);
    gtk_revealer_set_reveal_child(self->pending_bar, changes > 0);
}

/* A definition that cannot be read can be mended in the editor only. */
static void
set_usable(VmSettingsPage *self, gboolean usable)
{
    GtkListBox *lists[] = {self->general_list, self->system_list, self->start_list,
                           self->display_list, self->input_list,  self->sandbox_list};

    for (guint i = 0; i < G_N_ELEMENTS(lists); i++) {
        gtk_widget_set_sensitive(GTK_WIDGET(lists[i]), usable);
    }
    gtk_widget_set_sensitive(GTK_WIDGET(self->disks_list), usable);
    gtk_widget_set_sensitive(GTK_WIDGET(self->ports_list), usable);
    if (!usable && self->machine && vm_machine_get_state(self->machine) == VM_MACHINE_BROKEN) {
        vm_settings_page_show_section(self, "file");
        self->forced = TRUE;
    } else if (usable && self->forced) {
        vm_settings_page_show_section(self, "general");
        self->forced = FALSE;
    }
}

/* Vulkan was asked for and the trial when the machine started did not offer it. */
static void
show_why_not(VmSettingsPage *self, VmJson *json)
{
    VmConnection *connection = vm_machine_get_connection(self->machine);
    const char *said = connection ? vm_connection_get_graphics_sentence(connection) : NULL;
    g_autofree char *words = said && said[0] && !strstr(said, "with Vulkan") &&
                                     g_strcmp0(vm_graphics_level_get(json), "vulkan") == 0
                                 ? vm_phrase_dup(said)
                                 : NULL;

    for (guint i = 0; i < VM_N_SETTINGS; i++) {
        if (vm_settings[i].kind == VM_SETTING_GRAPHICS) {
            vm_settings_row_set_problem(self->rows[i], words);
        }
    }
}

/* Somebody else started it: there is nothing here to change. */
static gboolean
is_found(VmSettingsPage *self)
{
    return self->machine && vm_machine_is_found(self->machine);
}

static void
show_found(VmSettingsPage *self)
{
    gboolean found = is_found(self);
    g_autofree char *text = NULL;

    gtk_widget_set_visible(self->found_box, found);
    gtk_widget_set_visible(self->body, !found);
    gtk_widget_set_visible(GTK_WIDGET(self->section_combo), self->narrow && !found);
    if (found) {
        gtk_revealer_set_reveal_child(self->pending_bar, FALSE);
        text = g_strdup_printf(
            _("“%s” was started elsewhere, so that its settings cannot be seen or changed here. "
              "When it ends, it leaves the list, unless it is kept as a machine."),
            vm_machine_get_title(self->machine));
        gtk_label_set_text(self->found_label, text);
    }
}

/* What a file decides that the definition includes; NULL: nothing of this setting. */
static const char *
file_of(VmBases *bases, const VmSetting *setting)
{
    g_autofree char *option = g_strndup(setting->path, strcspn(setting->path, "."));

    return vm_bases_get_file(bases, option);
}

static void
show_rows(VmSettingsPage *self, VmBases *bases)
{
    VmJson *whole = vm_bases_get_whole(bases);

    for (guint i = 0; i < VM_N_SETTINGS; i++) {
        g_autofree char *value = vm_setting_dup_value(whole, &vm_settings[i]);
        const char *file = file_of(bases, &vm_settings[i]);
        GtkWidget *control = vm_settings_row_get_control(self->rows[i]);

        vm_settings_row_set_fixed(self->rows[i], file);
        vm_setting_show(control, &vm_settings[i], value);
        gtk_widget_set_sensitive(control, !file && gtk_widget_get_sensitive(control));
    }
}

/* ------------------------------------------------------------------ included files */

/* What a file may decide cannot be changed before it is known. */
static void
set_waiting(VmSettingsPage *self, gboolean waiting)
{
    GtkWidget *parts[] = {GTK_WIDGET(self->system_list),  GTK_WIDGET(self->start_list),
                          GTK_WIDGET(self->display_list), GTK_WIDGET(self->input_list),
                          GTK_WIDGET(self->sandbox_list), GTK_WIDGET(self->disks_list),
                          GTK_WIDGET(self->ports_list)};

    for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
        gtk_widget_set_sensitive(parts[i], !waiting);
    }
}

static void
show_bar(VmSettingsPage *self, const char *text, gboolean bad)
{
    GtkStyleContext *style =
        gtk_widget_get_style_context(gtk_bin_get_child(GTK_BIN(self->base_bar)));

    if (bad) {
        gtk_style_context_add_class(style, "error");
    } else {
        gtk_style_context_remove_class(style, "error");
    }
    gtk_label_set_text(self->base_label, text);
    gtk_revealer_set_reveal_child(self->base_bar, TRUE);
}

static gboolean
say_waiting(gpointer data)
{
    VmSettingsPage *self = VM_SETTINGS_PAGE(data);

    self->waiting_source = 0;
    show_bar(self,
             _("The files that this machine includes are still being read. What they may decide "
               "can be changed when that is done."),
             FALSE);
    return G_SOURCE_REMOVE;
}

static void
show_bases(VmSettingsPage *self, gboolean known)
{
    g_autofree char *problem = NULL;
    g_autofree char *text = NULL;

    set_waiting(self, !known);
    g_clear_handle_id(&self->waiting_source, g_source_remove);
    if (!known) {
        self->waiting_source = g_timeout_add(PATIENCE_MS, say_waiting, self);
    }
    if (vm_bases_get_problem(self->bases)) {
        problem = vm_phrase_dup(vm_bases_get_problem(self->bases));
        /* Translators: %s is a sentence that says what is wrong with an included file. */
        text = g_strdup_printf(_("%s The machine cannot start until that is mended, or the file is "
                                 "taken out of “cfg” in its configuration file."),
                               problem);
        show_bar(self, text, TRUE);
    } else if (known) {
        gtk_revealer_set_reveal_child(self->base_bar, FALSE);
    }
}

/* All that its definition and its files say, as far as that is known. */
static void
show_known(VmSettingsPage *self, VmJson *json)
{
    gboolean known = FALSE;

    self->filling = TRUE;
    g_clear_pointer(&self->bases, vm_bases_unref);
    self->bases =
        vm_bases_reader_get(self->reader, vm_machine_get_name(self->machine), json, &known);
    show_bases(self, known);
    show_rows(self, self->bases);
    show_why_not(self, json);
    vm_disks_list_show(self->disks_list, self->machine, self->bases);
    vm_ports_list_show(self->ports_list, self->machine, self->bases);
    show_pending(self, json);
    self->filling = FALSE;
}

static void
show_machine(VmSettingsPage *self)
{
    VmJson *json = definition_of(self);
    g_autofree char *name = NULL;

    show_found(self);
    set_usable(self, json != NULL);
    vm_memory_scale_show(self->memory_scale, self->machine);
    if (!json || self->filling) {
        gtk_revealer_set_reveal_child(self->base_bar, FALSE);
        g_clear_handle_id(&self->waiting_source, g_source_remove);
        return;
    }
    name = g_strdup_printf(_("Name on disk: %s"), vm_machine_get_name(self->machine));
    gtk_label_set_text(self->name_label, name);
    show_known(self, json);
    if (vm_json_has(json, "cfg")) {
        /* Each time: nobody tells when they change. */
        vm_bases_reader_read(self->reader, vm_machine_get_name(self->machine), json);
    }
}

static void
bases_came(gpointer data)
{
    VmSettingsPage *self = VM_SETTINGS_PAGE(data);
    VmJson *json = definition_of(self);

    if (json) {
        show_known(self, json);
    }
}

void
vm_settings_page_undo_changes(VmSettingsPage *self)
{
    VmJson *running = self->machine ? vm_machine_get_running_definition(self->machine) : NULL;

    if (running) {
        save(self, vm_json_copy(running), self->rows[0]);
    }
}

static GtkWidget *
make_levels(VmSettingsPage *self)
{
    GtkWidget *combo = gtk_combo_box_text_new();
    g_autoptr(GList) cells = gtk_cell_layout_get_cells(GTK_CELL_LAYOUT(combo));

    /* Whatever the language: the words beside it need room too. */
    g_object_set(cells->data, "ellipsize", PANGO_ELLIPSIZE_END, "width-chars", LEVEL_WIDTH, NULL);
    for (guint i = 0; vm_graphics_level_word(i); i++) {
        gtk_combo_box_text_append(GTK_COMBO_BOX_TEXT(combo), vm_graphics_level_word(i),
                                  vm_graphics_level_title(i));
    }
    g_signal_connect(combo, "changed", G_CALLBACK(value_changed), self);
    return combo;
}

static GtkWidget *
make_icons(VmSettingsPage *self)
{
    GtkWidget *combo = gtk_combo_box_text_new();

    for (guint i = 0; vm_machine_icon_word(i); i++) {
        gtk_combo_box_text_append(GTK_COMBO_BOX_TEXT(combo), vm_machine_icon_word(i),
                                  vm_machine_icon_title(i));
    }
    g_signal_connect(combo, "changed", G_CALLBACK(value_changed), self);
    return combo;
}

static void
note_changed(GtkTextBuffer *buffer, VmSettingsPage *self)
{
    value_changed(g_object_get_data(G_OBJECT(buffer), "control"), self);
}

/* As many lines as are in it. */
static GtkWidget *
make_note(VmSettingsPage *self)
{
    GtkWidget *view = gtk_text_view_new();
    GtkTextBuffer *buffer = gtk_text_view_get_buffer(GTK_TEXT_VIEW(view));

    g_object_set(view, "wrap-mode", GTK_WRAP_WORD_CHAR, "accepts-tab", FALSE, "left-margin", 8,
                 "right-margin", 8, "top-margin", NOTE_MARGIN, "bottom-margin", NOTE_MARGIN,
                 "width-request", NOTE_WIDTH, NULL);
    g_object_set_data(G_OBJECT(buffer), "control", view);
    g_signal_connect(buffer, "changed", G_CALLBACK(note_changed), self);
    return view;
}

static GtkWidget *
make_control(VmSettingsPage *self, const VmSetting *setting)
{
    GtkWidget *control = NULL;

    if (setting->kind == VM_SETTING_NUMBER) {
        gboolean memory = g_str_equal(setting->path, "mem.size");
        control = memory ? gtk_spin_button_new_with_range(
                               MEMORY_MIN, (double)MAX(vm_source_total_memory(), 2UL * MEMORY_MIN),
                               MEMORY_STEP)
                         : gtk_spin_button_new_with_range(1, PROCESSOR_MAX, 1);
        g_signal_connect(control, "value-changed", G_CALLBACK(value_changed), self);
    } else if (setting->kind == VM_SETTING_GRAPHICS) {
        control = make_levels(self);
    } else if (setting->kind == VM_SETTING_ICON) {
        control = make_icons(self);
    } else if (setting->kind == VM_SETTING_NOTE) {
        control = make_note(self);
    } else if (vm_setting_is_switch(setting)) {
        control = gtk_switch_new();
        g_signal_connect(control, "notify::active", G_CALLBACK(switch_changed), self);
    } else {
        control = gtk_entry_new();
        gtk_entry_set_width_chars(GTK_ENTRY(control), ENTRY_WIDTH);
        g_signal_connect(control, "changed", G_CALLBACK(value_changed), self);
        if (setting->kind == VM_SETTING_PATH) {
            gtk_entry_set_icon_from_icon_name(GTK_ENTRY(control), GTK_ENTRY_ICON_SECONDARY,
                                              "document-open-symbolic");
            gtk_entry_set_icon_tooltip_text(GTK_ENTRY(control), GTK_ENTRY_ICON_SECONDARY,
                                            _("Choose a file"));
            g_signal_connect(control, "icon-press", G_CALLBACK(choose_file), self);
        }
    }
    g_object_set_data(G_OBJECT(control), "setting", (gpointer)setting);
    return control;
}

static GtkListBox *
list_of(VmSettingsPage *self, const char *section)
{
    const struct {
        const char *section;
        GtkListBox *list;
    } lists[] = {
        {"general", self->general_list}, {"system", self->system_list},
        {"start", self->start_list},     {"display", self->display_list},
        {"input", self->input_list},     {"sandbox", self->sandbox_list},
    };
    guint i = 0;

    while (!g_str_equal(lists[i].section, section)) {
        i++;
    }
    return lists[i].list;
}

/* Below how much there is: how much of it the guest has. */
static void
add_memory_scale(VmSettingsPage *self)
{
    GtkWidget *scale = vm_memory_scale_new();

    self->memory_scale = VM_MEMORY_SCALE(scale);
    gtk_container_add(GTK_CONTAINER(self->system_list),
                      vm_settings_row_new(_("Memory the guest has now"), NULL, scale));
}

static void
make_rows(VmSettingsPage *self)
{
    for (guint i = 0; i < VM_N_SETTINGS; i++) {
        const VmSetting *setting = &vm_settings[i];
        GtkListBox *list = list_of(self, setting->section);
        self->rows[i] = VM_SETTINGS_ROW(
            vm_settings_row_new(_(setting->title), setting->explain ? _(setting->explain) : NULL,
                                make_control(self, setting)));
        if (setting->kind == VM_SETTING_PATH) {
            vm_file_button_add(GTK_ENTRY(vm_settings_row_get_control(self->rows[i])));
        }
        gtk_container_add(GTK_CONTAINER(list), GTK_WIDGET(self->rows[i]));
        if (g_str_equal(setting->path, "mem.size")) {
            add_memory_scale(self);
        }
    }
}

/* The whole row of a switch can be clicked. */
static void
row_activated(VmSettingsPage *self, GtkListBoxRow *row)
{
    GtkWidget *control = vm_settings_row_get_control(VM_SETTINGS_ROW(row));

    if (!gtk_widget_get_sensitive(control)) {
        return; /* an included file decides */
    }
    if (GTK_IS_SWITCH(control)) {
        gtk_switch_set_active(GTK_SWITCH(control), !gtk_switch_get_active(GTK_SWITCH(control)));
    } else {
        gtk_widget_grab_focus(control);
    }
}

static void
section_selected(VmSettingsPage *self, GtkListBoxRow *row)
{
    if (row && self->sections) {
        const char *name = gtk_widget_get_name(GTK_WIDGET(row));
        gtk_stack_set_visible_child_name(self->sections, name);
        gtk_combo_box_set_active_id(self->section_combo, name);
    }
}

/* One stop for Tab: GTK's own way is through each row, which would be selected. */
static gboolean
index_focus(GtkWidget *widget, GtkDirectionType direction)
{
    GtkListBoxRow *row = gtk_list_box_get_selected_row(GTK_LIST_BOX(widget));
    GtkWidget *focus = gtk_window_get_focus(GTK_WINDOW(gtk_widget_get_toplevel(widget)));
    gboolean inside = focus && gtk_widget_is_ancestor(focus, widget);

    if (!row || (direction != GTK_DIR_TAB_FORWARD && direction != GTK_DIR_TAB_BACKWARD)) {
        return GDK_EVENT_PROPAGATE;
    }
    if (!inside) {
        gtk_widget_grab_focus(GTK_WIDGET(row));
        return GDK_EVENT_STOP;
    }
    g_signal_stop_emission_by_name(widget, "focus");
    return GDK_EVENT_PROPAGATE;
}

static void
section_chosen(VmSettingsPage *self)
{
    const char *name = gtk_combo_box_get_active_id(self->section_combo);

    if (name && self->sections) {
        vm_settings_page_show_section(self, name);
    }
}

static void
show_file(VmSettingsPage *self)
{
    vm_settings_page_show_section(self, "file");
}

static gboolean
fold_index(gpointer data)
{
    VmSettingsPage *self = VM_SETTINGS_PAGE(data);

    gtk_widget_set_visible(GTK_WIDGET(self->index), !self->narrow);
    gtk_widget_set_visible(GTK_WIDGET(self->section_combo), self->narrow && !is_found(self));
    return G_SOURCE_REMOVE;
}

/* The index gives way to the combo box: how narrow the page may get is decided without it. */
static void
forget_index(VmSettingsPage *self, int *minimum)
{
    int index = 0;

    if (gtk_widget_get_visible(GTK_WIDGET(self->index))) {
        self->beside_width = *minimum;
        gtk_widget_get_preferred_width(GTK_WIDGET(self->index), &index, NULL);
        *minimum -= index;
    }
}

static void
vm_settings_page_get_preferred_width(GtkWidget *widget, int *minimum, int *natural)
{
    GTK_WIDGET_CLASS(vm_settings_page_parent_class)->get_preferred_width(widget, minimum, natural);
    forget_index(VM_SETTINGS_PAGE(widget), minimum);
}

static void
vm_settings_page_get_preferred_width_for_height(GtkWidget *widget, int height, int *minimum,
                                                int *natural)
{
    GTK_WIDGET_CLASS(vm_settings_page_parent_class)
        ->get_preferred_width_for_height(widget, height, minimum, natural);
    forget_index(VM_SETTINGS_PAGE(widget), minimum);
}

/* What is hidden in the middle of a layout keeps its place until something else asks for another. */
static void
vm_settings_page_size_allocate(GtkWidget *widget, GtkAllocation *allocation)
{
    VmSettingsPage *self = VM_SETTINGS_PAGE(widget);
    int limit = MAX(vm_text_scaled(widget, NARROW), self->beside_width);
    gboolean narrow = allocation->width < limit;

    if (narrow != self->narrow) {
        self->narrow = narrow;
        g_idle_add_full(G_PRIORITY_HIGH_IDLE, fold_index, g_object_ref(self), g_object_unref);
    }
    GTK_WIDGET_CLASS(vm_settings_page_parent_class)->size_allocate(widget, allocation);
}

static void
vm_settings_page_dispose(GObject *object)
{
    g_clear_object(&VM_SETTINGS_PAGE(object)->machine);
    g_clear_pointer(&VM_SETTINGS_PAGE(object)->bases, vm_bases_unref);
    g_clear_handle_id(&VM_SETTINGS_PAGE(object)->waiting_source, g_source_remove);
    g_clear_pointer(&VM_SETTINGS_PAGE(object)->reader, vm_bases_reader_close);
    G_OBJECT_CLASS(vm_settings_page_parent_class)->dispose(object);
}

static void
vm_settings_page_class_init(VmSettingsPageClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(klass);

    G_OBJECT_CLASS(klass)->dispose = vm_settings_page_dispose;
    widget_class->get_preferred_width = vm_settings_page_get_preferred_width;
    widget_class->get_preferred_width_for_height = vm_settings_page_get_preferred_width_for_height;
    widget_class->size_allocate = vm_settings_page_size_allocate;
    g_type_ensure(VM_TYPE_DISKS_LIST);
    g_type_ensure(VM_TYPE_JSON_EDITOR);
    g_type_ensure(VM_TYPE_PORTS_LIST);
    g_type_ensure(VM_TYPE_WRAP_BOX);
    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/org/vitrine/Vitrine/ui/settings-page.ui");
    gtk_widget_class_bind_template_child(widget_class, VmSettingsPage, pending_bar);
    gtk_widget_class_bind_template_child(widget_class, VmSettingsPage, pending_label);
    gtk_widget_class_bind_template_child(widget_class, VmSettingsPage, base_bar);
    gtk_widget_class_bind_template_child(widget_class, VmSettingsPage, base_label);
    gtk_widget_class_bind_template_child(widget_class, VmSettingsPage, found_box);
    gtk_widget_class_bind_template_child(widget_class, VmSettingsPage, found_label);
    gtk_widget_class_bind_template_child(widget_class, VmSettingsPage, body);
    gtk_widget_class_bind_template_child(widget_class, VmSettingsPage, general_list);
    gtk_widget_class_bind_template_child(widget_class, VmSettingsPage, system_list);
    gtk_widget_class_bind_template_child(widget_class, VmSettingsPage, start_list);
    gtk_widget_class_bind_template_child(widget_class, VmSettingsPage, disks_list);
    gtk_widget_class_bind_template_child(widget_class, VmSettingsPage, name_label);
    gtk_widget_class_bind_template_child(widget_class, VmSettingsPage, display_list);
    gtk_widget_class_bind_template_child(widget_class, VmSettingsPage, input_list);
    gtk_widget_class_bind_template_child(widget_class, VmSettingsPage, sandbox_list);
    gtk_widget_class_bind_template_child(widget_class, VmSettingsPage, ports_list);
    gtk_widget_class_bind_template_child(widget_class, VmSettingsPage, index);
    gtk_widget_class_bind_template_child(widget_class, VmSettingsPage, section_combo);
    gtk_widget_class_bind_template_child(widget_class, VmSettingsPage, sections);
    gtk_widget_class_bind_template_child(widget_class, VmSettingsPage, editor);
    gtk_widget_class_bind_template_callback(widget_class, show_file);
    gtk_widget_class_bind_template_callback(widget_class, section_selected);
    gtk_widget_class_bind_template_callback(widget_class, section_chosen);
    gtk_widget_class_bind_template_callback(widget_class, row_activated);
}

static void
vm_settings_page_init(VmSettingsPage *self)
{
    self->reader = vm_bases_reader_new(bases_came, self);
    gtk_widget_init_template(GTK_WIDGET(self));
    g_signal_connect(self->index, "focus", G_CALLBACK(index_focus), NULL);
    g_signal_connect(self, "map", G_CALLBACK(show_machine), NULL); /* files may be others by now */
    vm_list_tabs_tell(self->index);
    make_rows(self);
    for (guint i = 0; i < VM_N_SETTINGS; i++) {
        vm_accessible_set_group(list_of(self, vm_settings[i].section));
    }
    vm_settings_page_show_section(self, "general");
}

void
vm_settings_page_set_machine(VmSettingsPage *self, VmMachine *machine)
{
    if (!vm_machine_slot_set(&self->machine, machine, self)) {
        return;
    }
    if (machine) {
        g_signal_connect_object(machine, "notify::state", G_CALLBACK(show_machine), self,
                                G_CONNECT_SWAPPED);
        g_signal_connect_object(machine, "notify::title", G_CALLBACK(show_machine), self,
                                G_CONNECT_SWAPPED);
    }
    vm_json_editor_set_machine(self->editor, machine);
    gtk_revealer_set_reveal_child(self->base_bar, FALSE);
    show_machine(self);
}

void
vm_settings_page_show_section(VmSettingsPage *self, const char *name)
{
    g_autoptr(GList) rows = gtk_container_get_children(GTK_CONTAINER(self->index));

    for (GList *at = rows; at; at = at->next) {
        if (g_str_equal(gtk_widget_get_name(at->data), name)) {
            gtk_list_box_select_row(self->index, at->data);
        }
    }
}
