/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/ports-list.h"

#include <glib/gi18n.h>

#include "manager/model/ports.h"
#include "ui/file-dialog.h"
#include "ui/removal-undo.h"
#include "ui/settings-row.h"
#include "ui/wrap-box.h"

struct _VmPortsList {
    GtkBox parent_instance;
    GtkListBox *list;
    VmMachine *machine;
    VmBases *bases; /* of its definition */
    gboolean filling;
    guint idle;
};

G_DEFINE_FINAL_TYPE(VmPortsList, vm_ports_list, GTK_TYPE_BOX)

static const struct {
    const char *word; /* "type" of the definition */
    const char *title;
} targets[] = {
    {"sink", N_("This window alone")},
    {"stdout", N_("Messages of the machine too")},
    {"file", N_("A file too")},
};

static VmSettingsRow *
row_of(GtkWidget *control)
{
    return VM_SETTINGS_ROW(gtk_widget_get_ancestor(control, VM_TYPE_SETTINGS_ROW));
}

/* Those of included files come first. */
static guint
port_of(VmPortsList *self, GtkWidget *control)
{
    return (guint)gtk_list_box_row_get_index(GTK_LIST_BOX_ROW(row_of(control))) -
           vm_bases_count(self->bases, "serial");
}

/* Takes json. The rows are made anew by whom the machine tells of the change. */
static void
save(VmPortsList *self, VmJson *json, GtkWidget *control)
{
    g_autoptr(VmJson) mine = json;
    g_autoptr(GError) error = NULL;

    if (!vm_machine_save(self->machine, mine, &error)) {
        vm_settings_row_set_problem(row_of(control), error->message);
    }
}

/* With what it has by saying nothing. */
static VmJson *
copy_whole(VmPortsList *self)
{
    VmJson *json = vm_json_copy(vm_bases_get_whole(self->bases));

    vm_ports_write_default(json);
    return json;
}

static VmJson *
copy_definition(VmPortsList *self)
{
    VmJson *json = vm_json_copy(vm_machine_get_definition(self->machine));

    if (vm_bases_count(self->bases, "serial") == 0) {
        vm_ports_write_default(json);
    }
    return json;
}

/* file: where "file" writes, else NULL. */
static void
set_target(VmPortsList *self, GtkWidget *combo, const char *word, const char *file)
{
    const guint port = port_of(self, combo);
    g_autofree char *type = g_strdup_printf("serial.%u.type", port);
    g_autofree char *path = g_strdup_printf("serial.%u.path", port);
    VmJson *json = copy_definition(self);

    vm_json_set_string(json, type, word);
    vm_json_remove(json, path);
    if (file) {
        vm_json_set_string(json, path, file);
    }
    save(self, json, combo);
}

static void
file_chosen(GtkWidget *combo, const char *path)
{
    VmPortsList *self = VM_PORTS_LIST(gtk_widget_get_ancestor(combo, VM_TYPE_PORTS_LIST));

    if (path) {
        set_target(self, combo, "file", path);
    } else {
        vm_ports_list_show(self, self->machine, self->bases);
    }
}

static void
target_chosen(GtkWidget *combo, VmPortsList *self)
{
    const char *word = gtk_combo_box_get_active_id(GTK_COMBO_BOX(combo));

    if (self->filling || !word) {
        return;
    }
    if (g_str_equal(word, "file")) {
        vm_file_dialog_save(combo, _("Save output"), NULL, file_chosen);
    } else {
        set_target(self, combo, word, NULL);
    }
}

/* "Serial 1" */
static char *
dup_title(VmJson *json, guint port)
{
    return g_strdup_printf("%s %u", vm_ports_is_serial(json, port) ? _("Serial") : _("Console"),
                           vm_ports_number(json, port));
}

static void
remove_clicked(GtkWidget *button, VmPortsList *self)
{
    const guint port = port_of(self, button);
    const guint row = (guint)gtk_list_box_row_get_index(GTK_LIST_BOX_ROW(row_of(button)));
    g_autofree char *member = g_strdup_printf("serial.%u", port);
    g_autoptr(VmJson) before = vm_json_copy(vm_machine_get_definition(self->machine));
    g_autoptr(VmJson) json = copy_definition(self);
    g_autoptr(VmJson) whole = copy_whole(self);
    g_autofree char *title = dup_title(whole, row);
    /* Translators: %s is a port ("Serial 1"). */
    g_autofree char *text = g_strdup_printf(_("%s removed"), title);
    g_autoptr(GError) error = NULL;

    vm_json_remove(json, member);
    if (vm_machine_save(self->machine, json, &error)) {
        vm_removal_undo_offer(GTK_WIDGET(self), self->machine, before, "serial", text);
    } else {
        vm_settings_row_set_problem(row_of(button), error->message);
    }
}

static GtkWidget *
make_control(VmPortsList *self, const char *title, const char *type)
{
    GtkWidget *box = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 6);
    GtkWidget *combo = gtk_combo_box_text_new();
    GtkWidget *button = gtk_button_new_from_icon_name("user-trash-symbolic", GTK_ICON_SIZE_BUTTON);
    /* Translators: %s is a port ("Serial 1"). */
    g_autofree char *where = g_strdup_printf(_("What %s says goes to"), title);
    g_autofree char *away = g_strdup_printf(_("Remove %s from the machine"), title);

    for (guint i = 0; i < G_N_ELEMENTS(targets); i++) {
        gtk_combo_box_text_append(GTK_COMBO_BOX_TEXT(combo), targets[i].word, _(targets[i].title));
    }
    gtk_combo_box_set_active_id(GTK_COMBO_BOX(combo), type);
    gtk_button_set_relief(GTK_BUTTON(button), GTK_RELIEF_NONE);
    gtk_widget_set_tooltip_text(button, away);
    atk_object_set_name(gtk_widget_get_accessible(combo), where);
    atk_object_set_name(gtk_widget_get_accessible(button), away);
    g_signal_connect(combo, "changed", G_CALLBACK(target_chosen), self);
    g_signal_connect(button, "clicked", G_CALLBACK(remove_clicked), self);
    gtk_container_add(GTK_CONTAINER(box), combo);
    gtk_container_add(GTK_CONTAINER(box), button);
    gtk_widget_show_all(box);
    return box;
}

static void
add_row(VmPortsList *self, VmJson *json, guint port)
{
    g_autofree char *type = g_strdup_printf("serial.%u.type", port);
    g_autofree char *path = g_strdup_printf("serial.%u.path", port);
    g_autofree char *console = g_strdup_printf("serial.%u.console", port);
    const char *word = vm_json_get_string(json, type);
    const char *file = vm_json_get_string(json, path);
    gboolean serial = vm_ports_is_serial(json, port);
    g_autofree char *title = dup_title(json, port);
    const char *kind = vm_json_get_bool(json, console, FALSE) ? _("The kernel's console")
                       : serial                               ? _("Serial port")
                                                              : _("Virtio console");
    g_autofree char *explain = file ? g_strdup_printf("%s · %s", kind, file) : g_strdup(kind);
    const char *base = vm_bases_get_file_of(self->bases, "serial", port);
    GtkWidget *row = vm_settings_row_new(
        title, explain, base ? NULL : make_control(self, title, word ? word : "sink"));

    vm_settings_row_set_fixed(VM_SETTINGS_ROW(row), base);
    gtk_container_add(GTK_CONTAINER(self->list), row);
}

/* The place of the row with the focus; -1: none. */
static int
focused_port(VmPortsList *self)
{
    GtkWidget *window = gtk_widget_get_toplevel(GTK_WIDGET(self));
    GtkWidget *focus = GTK_IS_WINDOW(window) ? gtk_window_get_focus(GTK_WINDOW(window)) : NULL;
    gboolean ours = focus && gtk_widget_is_ancestor(focus, GTK_WIDGET(self->list));
    GtkWidget *row = ours ? gtk_widget_get_ancestor(focus, VM_TYPE_SETTINGS_ROW) : NULL;

    return row ? gtk_list_box_row_get_index(GTK_LIST_BOX_ROW(row)) : -1;
}

static void
fill(VmPortsList *self, VmJson *json)
{
    guint n = 0;

    n = vm_json_length(json, "serial");
    self->filling = TRUE;
    for (guint i = 0; i < n; i++) {
        add_row(self, json, i);
    }
    self->filling = FALSE;
    gtk_widget_set_visible(GTK_WIDGET(self->list), n > 0);
}

static gboolean
make_rows(gpointer data)
{
    VmPortsList *self = VM_PORTS_LIST(data);
    VmJson *definition = self->machine ? vm_machine_get_definition(self->machine) : NULL;
    g_autoptr(GList) old = gtk_container_get_children(GTK_CONTAINER(self->list));
    g_autoptr(VmJson) json = definition ? copy_whole(self) : NULL;
    int focused = focused_port(self);
    GtkListBoxRow *row = NULL;

    self->idle = 0;
    for (GList *at = old; at; at = at->next) {
        gtk_widget_destroy(at->data);
    }
    if (json) {
        fill(self, json);
    }
    row = focused >= 0 ? gtk_list_box_get_row_at_index(self->list, focused) : NULL;
    if (row && vm_settings_row_get_control(VM_SETTINGS_ROW(row))) {
        gtk_widget_child_focus(vm_settings_row_get_control(VM_SETTINGS_ROW(row)),
                               GTK_DIR_TAB_FORWARD);
    }
    return G_SOURCE_REMOVE;
}

void
vm_ports_list_show(VmPortsList *self, VmMachine *machine, VmBases *bases)
{
    g_set_object(&self->machine, machine);
    if (bases != self->bases) {
        g_clear_pointer(&self->bases, vm_bases_unref);
        self->bases = vm_bases_ref(bases);
    }
    /* Later: the change may come from a row that would go. */
    if (!self->idle) {
        self->idle = g_idle_add(make_rows, self);
    }
}

static void
vm_ports_list_dispose(GObject *object)
{
    g_clear_handle_id(&VM_PORTS_LIST(object)->idle, g_source_remove);
    g_clear_object(&VM_PORTS_LIST(object)->machine);
    g_clear_pointer(&VM_PORTS_LIST(object)->bases, vm_bases_unref);
    G_OBJECT_CLASS(vm_ports_list_parent_class)->dispose(object);
}

static void
vm_ports_list_class_init(VmPortsListClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(klass);

    G_OBJECT_CLASS(klass)->dispose = vm_ports_list_dispose;
    g_type_ensure(VM_TYPE_WRAP_BOX);
    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/org/vitrine/Vitrine/ui/ports-list.ui");
    gtk_widget_class_bind_template_child(widget_class, VmPortsList, list);
}

static void
vm_ports_list_init(VmPortsList *self)
{
    gtk_widget_init_template(GTK_WIDGET(self));
}
