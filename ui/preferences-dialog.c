/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/preferences-dialog.h"

#include <glib/gi18n.h>

#include "ui/accessible.h"
#include "ui/file-dialog.h"
#include "ui/settings-row.h"
#include "vmm/client/paths.h"

#define CHOICES_MAX  6
#define HEIGHT_MAX   620
#define FOLDER_WIDTH 22

struct choice {
    const char *word;
    const char *title;
};

enum kind {
    KIND_CHOICE,
    KIND_SWITCH,
    KIND_LINES, /* a number of lines, chosen from a few */
    KIND_FOLDER,
};

/* A row without a key is a heading. */
static const struct preference {
    enum kind kind;
    const char *key;
    const char *title;
    const char *explain;
    struct choice choices[CHOICES_MAX];
} preferences[] = {
    {.title = N_("Appearance")},
    {KIND_CHOICE,
     "color-scheme",
     N_("Colours"),
     N_("Light, dark, or as your desktop says"),
     {{"follow", N_("Follow the desktop")}, {"light", N_("Light")}, {"dark", N_("Dark")}}},
    {.title = N_("Keyboard")},
    {KIND_CHOICE,
     "release-gesture",
     N_("Release the keyboard"),
     N_("What gives keyboard and pointer back to your desktop"),
     {{"ctrl-alt", N_("Ctrl+Alt")},
      {"right-ctrl", N_("Right Ctrl")},
      {"pause", N_("Pause")},
      {"scroll-lock", N_("Scroll Lock")},
      {"ctrl-shift", N_("Ctrl+Shift")}}},
    {KIND_CHOICE,
     "host-key",
     N_("Host key"),
     N_("Held in a machine: F full screen, S screenshot, arrows another machine, 1–5 pages, K "
        "keys, M "
        "minimise, W close"),
     {{"none", N_("Off")},
      {"right-ctrl", N_("Right Ctrl")},
      {"pause", N_("Pause")},
      {"scroll-lock", N_("Scroll Lock")},
      {"ctrl-shift", N_("Ctrl+Shift")}}},
    {KIND_SWITCH,
     "system-keys",
     N_("Send system keys to the machine"),
     N_("Super, Alt+Tab and the like, while the machine has the keyboard"),
     {{0}}},
    {.title = N_("Display")},
    {KIND_SWITCH,
     "resize-guest",
     N_("Resize the guest with the window"),
     N_("The guest changes its resolution; nothing to install"),
     {{0}}},
    {KIND_SWITCH,
     "save-battery",
     N_("Fewer small pictures on battery"),
     N_("Those in the list change every ten seconds then"),
     {{0}}},
    {.title = N_("Console")},
    {KIND_CHOICE,
     "console-palette",
     N_("Colours of consoles"),
     N_("As this window, or always the same"),
     {{"follow", N_("As the window")},
      {"light", N_("Dark on light")},
      {"dark", N_("Light on dark")},
      {"contrast", N_("White on black")},
      {"green", N_("Green on black")}}},
    {KIND_LINES,
     "console-lines",
     N_("Lines to scroll back"),
     N_("Without a limit all that is said is kept in a file of the machine, of this run and the "
        "one "
        "before; half a gigabyte of the disk stays free"),
     {{"1000", N_("1,000")},
      {"10000", N_("10,000")},
      {"100000", N_("100,000")},
      {"0", N_("No limit")}}},
    {.title = N_("Machines that run")},
    {KIND_CHOICE,
     "close-policy",
     N_("When the last window closes"),
     N_("Machines need no window"),
     {{"keep", N_("Keep them running")},
      {"shut-down", N_("Shut them down")},
      {"ask", N_("Ask, also before the session ends")}}},
    {KIND_SWITCH,
     "confirm-force-off",
     N_("Ask before forcing off"),
     N_("What a guest has not written to its disks is lost then"),
     {{0}}},
    {KIND_SWITCH,
     "notifications",
     N_("Notifications"),
     N_("When a machine has a problem, is ready, or runs on without a window"),
     {{0}}},
    {.title = N_("New machines")},
    {KIND_FOLDER,
     "disk-folder",
     N_("Folder for disks"),
     N_("Where the disks of new machines and copies are made"),
     {{0}}},
};

struct _VmPreferencesDialog {
    GtkDialog parent_instance;
    GtkScrolledWindow *scroll;
    GtkBox *box;
    GSettings *settings;
    GtkLabel *folder_label;
    GtkWidget *folder_button;
    GtkWidget *usual_button;
};

G_DEFINE_FINAL_TYPE(VmPreferencesDialog, vm_preferences_dialog, GTK_TYPE_DIALOG)

/* The whole row of a switch can be clicked. */
static void
row_activated(GtkListBox *list, GtkListBoxRow *row)
{
    GtkWidget *control = vm_settings_row_get_control(VM_SETTINGS_ROW(row));

    if (GTK_IS_SWITCH(control)) {
        gtk_switch_set_active(GTK_SWITCH(control), !gtk_switch_get_active(GTK_SWITCH(control)));
    } else {
        gtk_widget_child_focus(control, GTK_DIR_TAB_FORWARD);
    }
}

static GtkListBox *
add_group(VmPreferencesDialog *self, const char *title)
{
    GtkWidget *heading = gtk_label_new(title);
    GtkWidget *list = gtk_list_box_new();

    gtk_label_set_xalign(GTK_LABEL(heading), 0);
    gtk_style_context_add_class(gtk_widget_get_style_context(heading), "heading");
    gtk_list_box_set_selection_mode(GTK_LIST_BOX(list), GTK_SELECTION_NONE);
    gtk_style_context_add_class(gtk_widget_get_style_context(list), "preference-list");
    atk_object_set_name(gtk_widget_get_accessible(list), title);
    vm_accessible_set_group(GTK_LIST_BOX(list));
    g_signal_connect(list, "row-activated", G_CALLBACK(row_activated), NULL);
    gtk_container_add(GTK_CONTAINER(self->box), heading);
    gtk_container_add(GTK_CONTAINER(self->box), list);
    gtk_widget_show(heading);
    gtk_widget_show(list);
    return GTK_LIST_BOX(list);
}

/* ------------------------------------------------------------------ the folder */

static void
folder_changed(VmPreferencesDialog *self)
{
    g_autofree char *chosen = g_settings_get_string(self->settings, "disk-folder");
    g_autofree char *own = vm_paths_disks("x");
    g_autofree char *usual = g_path_get_dirname(own);
    const char *folder = chosen[0] ? chosen : usual;
    /* Translators: %s is a folder. */
    g_autofree char *name = g_strdup_printf(_("Folder for disks: %s"), folder);

    gtk_label_set_text(self->folder_label, folder);
    gtk_widget_set_tooltip_text(self->folder_button, folder);
    atk_object_set_name(gtk_widget_get_accessible(self->folder_button), name);
    gtk_widget_set_visible(self->usual_button, chosen[0] != '\0');
}

static void
folder_chosen(GtkWidget *widget, const char *path)
{
    if (path) {
        g_settings_set_string(VM_PREFERENCES_DIALOG(widget)->settings, "disk-folder", path);
    }
}

static void
choose_folder(VmPreferencesDialog *self)
{
    vm_file_dialog_choose_folder(GTK_WIDGET(self), _("Folder for disks"), folder_chosen);
}

static void
use_usual_folder(VmPreferencesDialog *self)
{
    g_settings_reset(self->settings, "disk-folder");
}

static GtkWidget *
make_folder(VmPreferencesDialog *self)
{
    GtkWidget *box = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 0);
    GtkWidget *label = gtk_label_new(NULL);

    self->folder_label = GTK_LABEL(label);
    gtk_label_set_ellipsize(self->folder_label, PANGO_ELLIPSIZE_START);
    gtk_label_set_max_width_chars(self->folder_label, FOLDER_WIDTH);
    self->folder_button = gtk_button_new();
    gtk_container_add(GTK_CONTAINER(self->folder_button), label);
    self->usual_button = gtk_button_new_from_icon_name("edit-undo-symbolic", GTK_ICON_SIZE_BUTTON);
    gtk_widget_set_tooltip_text(self->usual_button, _("Use the usual folder"));
    atk_object_set_name(gtk_widget_get_accessible(self->usual_button), _("Use the usual folder"));
    gtk_widget_set_no_show_all(self->usual_button, TRUE);
    gtk_style_context_add_class(gtk_widget_get_style_context(box), "linked");
    gtk_container_add(GTK_CONTAINER(box), self->folder_button);
    gtk_container_add(GTK_CONTAINER(box), self->usual_button);
    gtk_widget_show_all(box);
    g_signal_connect_swapped(self->folder_button, "clicked", G_CALLBACK(choose_folder), self);
    g_signal_connect_swapped(self->usual_button, "clicked", G_CALLBACK(use_usual_folder), self);
    g_signal_connect_object(self->settings, "changed::disk-folder", G_CALLBACK(folder_changed),
                            self, G_CONNECT_SWAPPED);
    folder_changed(self);
    return box;
}

/* ------------------------------------------------------------------ rows */

static gboolean
lines_to_word(GValue *value, GVariant *variant, gpointer data)
{
    g_value_take_string(value, g_strdup_printf("%d", g_variant_get_int32(variant)));
    return TRUE;
}

static GVariant *
word_to_lines(const GValue *value, const GVariantType *type, gpointer data)
{
    const char *word = g_value_get_string(value);

    return word ? g_variant_new_int32((gint32)g_ascii_strtoll(word, NULL, 10)) : NULL;
}

static GtkWidget *
make_combo(VmPreferencesDialog *self, const struct preference *row)
{
    GtkWidget *combo = gtk_combo_box_text_new();

    for (guint i = 0; i < CHOICES_MAX && row->choices[i].word; i++) {
        gtk_combo_box_text_append(GTK_COMBO_BOX_TEXT(combo), row->choices[i].word,
                                  _(row->choices[i].title));
    }
    if (row->kind == KIND_LINES) {
        g_settings_bind_with_mapping(self->settings, row->key, combo, "active-id",
                                     G_SETTINGS_BIND_DEFAULT, lines_to_word, word_to_lines, NULL,
                                     NULL);
    } else {
        g_settings_bind(self->settings, row->key, combo, "active-id", G_SETTINGS_BIND_DEFAULT);
    }
    return combo;
}

static GtkWidget *
make_control(VmPreferencesDialog *self, const struct preference *row)
{
    GtkWidget *control = NULL;

    switch (row->kind) {
    case KIND_SWITCH:
        control = gtk_switch_new();
        g_settings_bind(self->settings, row->key, control, "active", G_SETTINGS_BIND_DEFAULT);
        return control;
    case KIND_FOLDER:
        return make_folder(self);
    case KIND_CHOICE:
    case KIND_LINES:
    default:
        return make_combo(self, row);
    }
}

static void
make_rows(VmPreferencesDialog *self)
{
    GtkListBox *list = NULL;

    for (guint i = 0; i < G_N_ELEMENTS(preferences); i++) {
        const struct preference *row = &preferences[i];
        if (row->key) {
            gtk_container_add(
                GTK_CONTAINER(list),
                vm_settings_row_new(_(row->title), _(row->explain), make_control(self, row)));
        } else {
            list = add_group(self, _(row->title));
        }
    }
}

static void
vm_preferences_dialog_dispose(GObject *object)
{
    g_clear_object(&VM_PREFERENCES_DIALOG(object)->settings);
    G_OBJECT_CLASS(vm_preferences_dialog_parent_class)->dispose(object);
}

static void
vm_preferences_dialog_class_init(VmPreferencesDialogClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(klass);

    G_OBJECT_CLASS(klass)->dispose = vm_preferences_dialog_dispose;
    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/org/vitrine/Vitrine/ui/preferences-dialog.ui");
    gtk_widget_class_bind_template_child(widget_class, VmPreferencesDialog, scroll);
    gtk_widget_class_bind_template_child(widget_class, VmPreferencesDialog, box);
}

static void
vm_preferences_dialog_init(VmPreferencesDialog *self)
{
    gtk_widget_init_template(GTK_WIDGET(self));
    /* As high as its rows, and not higher than a small screen has room for. */
    gtk_scrolled_window_set_max_content_height(self->scroll, HEIGHT_MAX);
}

GtkWidget *
vm_preferences_dialog_new(GtkWindow *parent, GSettings *settings)
{
    VmPreferencesDialog *self = g_object_new(VM_TYPE_PREFERENCES_DIALOG, "transient-for", parent,
                                             "use-header-bar", 1, NULL);

    self->settings = g_object_ref(settings);
    make_rows(self);
    return GTK_WIDGET(self);
}
