/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/cloud-user.h"

#include <glib/gi18n.h>
#include <string.h>

#include "ui/accessible.h"
#include "ui/file-button.h"
#include "ui/file-dialog.h"
#include "ui/settings-row.h"

#define ENTRY_WIDTH    22
#define PASSWORD_CHARS 60 /* 240 bytes at most */

struct _VmCloudUser {
    GtkBox parent_instance;
    GtkWidget *list;
    GtkSwitch *wanted;
    GtkEntry *user;
    GtkEntry *password;
    GtkEntry *key;
    VmSettingsRow *user_row;
    VmSettingsRow *password_row;
    VmSettingsRow *key_row;
    gboolean chosen; /* the switch, by a person */
};

G_DEFINE_FINAL_TYPE(VmCloudUser, vm_cloud_user, GTK_TYPE_BOX)

enum {
    CHANGED,
    N_SIGNALS
};
static guint signals[N_SIGNALS]; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */

/* ------------------------------------------------------------------ what is wrong */

static char *
sentence(const GError *error)
{
    if (error->domain != VM_SEED_ERROR) {
        return g_strdup_printf(_("This file cannot be read: %s."), error->message);
    }
    switch ((VmSeedError)error->code) {
    case VM_SEED_ERROR_USER:
        return g_strdup(_("Up to 32 of a–z, 0–9, “_” and “-”, a letter first; not “root”."));
    case VM_SEED_ERROR_PRIVATE_KEY:
        return g_strdup(_("This is a private key, which stays where it is. Choose its public half, "
                          "the file that ends in .pub."));
    case VM_SEED_ERROR_KEY:
        return g_strdup(_("This is no public SSH key. Choose a file that ends in .pub."));
    case VM_SEED_ERROR_PASSWORD:
    case VM_SEED_ERROR_NO_USER:
    case VM_SEED_ERROR_NO_WAY_IN:
    default:
        return g_strdup(_("Give a password or an SSH key: nobody could log in without."));
    }
}

static gboolean
show(VmSettingsRow *row, gboolean good, const GError *error)
{
    g_autofree char *problem = good ? NULL : sentence(error);

    vm_settings_row_set_problem(row, problem);
    return good;
}

static gboolean
check_user(VmCloudUser *self, VmSeed *seed)
{
    g_autoptr(GError) error = NULL;
    gboolean good = vm_seed_set_user(seed, gtk_entry_get_text(self->user), &error);

    return show(self->user_row, good, error);
}

static gboolean
check_key(VmCloudUser *self, VmSeed *seed)
{
    const char *path = gtk_entry_get_text(self->key);
    g_autoptr(GError) error = NULL;
    gboolean good = path[0] == '\0' || vm_seed_add_key_file(seed, path, &error);

    return show(self->key_row, good, error);
}

gboolean
vm_cloud_user_is_wanted(VmCloudUser *self)
{
    return gtk_widget_get_visible(GTK_WIDGET(self)) && gtk_switch_get_active(self->wanted);
}

gboolean
vm_cloud_user_is_good(VmCloudUser *self)
{
    g_autoptr(VmSeed) seed = vm_seed_new();
    g_autoptr(GError) error = NULL;
    gboolean user = FALSE;
    gboolean key = FALSE;
    gboolean way = FALSE;

    if (!vm_cloud_user_is_wanted(self)) {
        return TRUE;
    }
    user = check_user(self, seed);
    key = check_key(self, seed);
    way = gtk_entry_get_text_length(self->password) > 0 || !user || !key ||
          vm_seed_check(seed, &error);
    return show(self->password_row, way, error) && user && key;
}

/* ------------------------------------------------------------------ what is made of it */

VmSeed *
vm_cloud_user_make(VmCloudUser *self, const char *name, GError **error)
{
    g_autoptr(VmSeed) seed = vm_seed_new();
    const char *key = gtk_entry_get_text(self->key);

    if (!vm_cloud_user_is_wanted(self) ||
        !vm_seed_set_user(seed, gtk_entry_get_text(self->user), error) ||
        (key[0] && !vm_seed_add_key_file(seed, key, error)) ||
        !vm_seed_set_password(seed, gtk_entry_get_text(self->password), error) ||
        !vm_seed_check(seed, error)) {
        return NULL;
    }
    vm_seed_set_host_name(seed, name);
    return g_steal_pointer(&seed);
}

char *
vm_cloud_user_describe(VmCloudUser *self)
{
    const char *user = gtk_entry_get_text(self->user);
    const gboolean password = gtk_entry_get_text_length(self->password) > 0;
    const gboolean key = gtk_entry_get_text_length(self->key) > 0;

    if (password && key) {
        /* Translators: a user of the guest. */
        return g_strdup_printf(_("%s, with a password and an SSH key"), user);
    }
    return g_strdup_printf(password ? _("%s, with a password") : _("%s, with an SSH key"), user);
}

/* ------------------------------------------------------------------ what is suggested */

static char *
usual_user(void)
{
    g_autoptr(VmSeed) seed = vm_seed_new();
    g_autofree char *name = g_ascii_strdown(g_get_user_name(), -1);

    return vm_seed_set_user(seed, name, NULL) ? g_steal_pointer(&name) : g_strdup("user");
}

static char *
usual_key(void)
{
    static const char *const names[] = {"id_ed25519.pub", "id_ecdsa.pub", "id_rsa.pub"};

    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(g_get_home_dir(), ".ssh", names[i], NULL);
        g_autoptr(VmSeed) seed = vm_seed_new();

        if (vm_seed_add_key_file(seed, path, NULL)) {
            return g_steal_pointer(&path);
        }
    }
    return g_strdup("");
}

/* Names of Debian's, Ubuntu's, Fedora's and others' images; Debian's “nocloud” has no cloud-init. */
static gboolean
looks_like_one(const char *name)
{
    return !strstr(name, "nocloud") && (strstr(name, "cloud") || strstr(name, "-generic-"));
}

void
vm_cloud_user_suggest(VmCloudUser *self, const char *path)
{
    g_autofree char *base = g_path_get_basename(path);
    g_autofree char *name = g_ascii_strdown(base, -1);

    if (!self->chosen) {
        gtk_switch_set_active(self->wanted, looks_like_one(name));
        self->chosen = FALSE;
    }
}

/* ------------------------------------------------------------------ the widget */

static void
changed(VmCloudUser *self)
{
    g_signal_emit(self, signals[CHANGED], 0);
}

static void
switched(VmCloudUser *self)
{
    GtkWidget *rows[] = {GTK_WIDGET(self->user_row), GTK_WIDGET(self->password_row),
                         GTK_WIDGET(self->key_row)};

    self->chosen = TRUE;
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        gtk_widget_set_visible(rows[i], gtk_switch_get_active(self->wanted));
    }
    changed(self);
}

static void
key_chosen(GtkWidget *widget, const char *path)
{
    if (path) {
        gtk_entry_set_text(VM_CLOUD_USER(widget)->key, path);
    }
}

static void
choose_key(VmCloudUser *self)
{
    g_autofree char *folder = g_build_filename(g_get_home_dir(), ".ssh", NULL);

    vm_file_dialog_open(GTK_WIDGET(self), _("Choose a public SSH key"), folder, key_chosen);
}

static VmSettingsRow *
add_row(VmCloudUser *self, const char *title, const char *explain, GtkWidget *control)
{
    GtkWidget *row = vm_settings_row_new(title, explain, control);

    gtk_container_add(GTK_CONTAINER(self->list), row);
    return VM_SETTINGS_ROW(row);
}

static GtkEntry *
new_entry(VmCloudUser *self)
{
    GtkWidget *entry = gtk_entry_new();

    gtk_entry_set_width_chars(GTK_ENTRY(entry), ENTRY_WIDTH);
    gtk_entry_set_activates_default(GTK_ENTRY(entry), TRUE);
    g_signal_connect_swapped(entry, "changed", G_CALLBACK(changed), self);
    return GTK_ENTRY(entry);
}

static void
fill(VmCloudUser *self)
{
    g_autofree char *user = usual_user();
    g_autofree char *key = usual_key();

    gtk_entry_set_text(self->user, user);
    gtk_entry_set_text(self->key, key);
    gtk_entry_set_visibility(self->password, FALSE);
    gtk_entry_set_input_purpose(self->password, GTK_INPUT_PURPOSE_PASSWORD);
    gtk_entry_set_max_length(self->password, PASSWORD_CHARS);
    gtk_entry_set_icon_from_icon_name(self->key, GTK_ENTRY_ICON_SECONDARY,
                                      "document-open-symbolic");
    gtk_entry_set_icon_tooltip_text(self->key, GTK_ENTRY_ICON_SECONDARY, _("Choose a file"));
    g_signal_connect_swapped(self->key, "icon-press", G_CALLBACK(choose_key), self);
}

static void
vm_cloud_user_class_init(VmCloudUserClass *klass)
{
    signals[CHANGED] = g_signal_new("changed", VM_TYPE_CLOUD_USER, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                    NULL, G_TYPE_NONE, 0);
}

static void
vm_cloud_user_init(VmCloudUser *self)
{
    self->list = gtk_list_box_new();
    self->wanted = GTK_SWITCH(gtk_switch_new());
    self->user = new_entry(self);
    self->password = new_entry(self);
    self->key = new_entry(self);
    gtk_list_box_set_selection_mode(GTK_LIST_BOX(self->list), GTK_SELECTION_NONE);
    gtk_style_context_add_class(gtk_widget_get_style_context(self->list), "preference-list");
    atk_object_set_name(gtk_widget_get_accessible(self->list), _("Cloud image"));
    vm_accessible_set_group(GTK_LIST_BOX(self->list));
    gtk_box_pack_start(GTK_BOX(self), self->list, TRUE, TRUE, 0);
    (void)add_row(self, _("Cloud image"),
                  _("At its first start cloud-init in it makes this user, who may become root"),
                  GTK_WIDGET(self->wanted));
    self->user_row = add_row(self, _("User"), NULL, GTK_WIDGET(self->user));
    self->password_row =
        add_row(self, _("Password"), _("Only a hash of it is kept"), GTK_WIDGET(self->password));
    self->key_row =
        add_row(self, _("SSH key"), _("A public one; empty for none"), GTK_WIDGET(self->key));
    fill(self);
    vm_file_button_add(self->key);
    gtk_widget_show(self->list);
    switched(self);
    self->chosen = FALSE;
    g_signal_connect_swapped(self->wanted, "notify::active", G_CALLBACK(switched), self);
}
