/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/connect-dialog.h"

#include <glib/gi18n.h>

#include "ui/accessible.h"
#include "ui/file-button.h"
#include "ui/file-dialog.h"
#include "vmm/client/vm-machines.h"

enum {
    MARGIN = 18,
    SPACING = 12,
    PATH_CHARS = 40,
    WORDS_CHARS = 56,
};

struct _VmConnectDialog {
    GtkDialog parent_instance;
    GtkEntry *entry;
    GtkLabel *problem;
    VmStore *store;
    VmMachine *machine; /* being tried, or NULL */
};

G_DEFINE_FINAL_TYPE(VmConnectDialog, vm_connect_dialog, GTK_TYPE_DIALOG)

enum {
    CONNECTED,
    N_SIGNALS
};
static guint signals[N_SIGNALS]; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */

static void
stop_trying(VmConnectDialog *self)
{
    VmConnection *connection = self->machine ? vm_machine_get_connection(self->machine) : NULL;

    if (connection) {
        g_signal_handlers_disconnect_by_data(connection, self);
    }
    g_clear_object(&self->machine);
}

static void
update(VmConnectDialog *self)
{
    gboolean some = gtk_entry_get_text_length(self->entry) > 0;

    gtk_dialog_set_response_sensitive(GTK_DIALOG(self), GTK_RESPONSE_ACCEPT,
                                      some && !self->machine);
}

static void
say(VmConnectDialog *self, const char *words)
{
    gtk_label_set_text(self->problem, words);
    vm_accessible_set_name(GTK_WIDGET(self->problem), words);
    gtk_widget_set_visible(GTK_WIDGET(self->problem), words[0] != '\0');
}

static void
failed(VmConnectDialog *self, const char *words)
{
    stop_trying(self);
    say(self, words);
    update(self);
    gtk_widget_grab_focus(GTK_WIDGET(self->entry));
}

/* Something listens there; not what was hoped for. */
static void
refused(VmConnectDialog *self, VmConnection *connection)
{
    g_autofree char *words = NULL;

    if (vm_connection_get_crowded(connection)) {
        words = g_strdup(_("This machine has too many viewers already. Close one and try again."));
    } else {
        words = g_strdup_printf(_("What listens at “%s” is not a machine, or does not answer."),
                                vm_connection_get_path(connection));
    }
    failed(self, words);
}

static void
state_changed(VmConnectDialog *self, GParamSpec *spec, VmConnection *connection)
{
    VmConnectionState state = vm_connection_get_state(connection);
    const char *word = vm_connection_get_machine_state(connection);
    g_autoptr(VmMachine) machine = NULL;

    if (state == VM_CONNECTION_READY && word && word[0]) {
        machine = g_object_ref(vm_store_take_found(self->store, self->machine));
        stop_trying(self);
        g_signal_emit(self, signals[CONNECTED], 0, machine);
        gtk_widget_destroy(GTK_WIDGET(self));
    } else if (state == VM_CONNECTION_READY || state == VM_CONNECTION_WAITING) {
        refused(self, connection);
    }
}

static void
try_it(VmConnectDialog *self)
{
    g_autofree char *text = g_strstrip(g_strdup(gtk_entry_get_text(self->entry)));
    g_autofree char *socket = vm_machines_dup_socket_path(text);
    g_autoptr(GError) error = NULL;

    say(self, "");
    self->machine = vm_machine_new_at(socket, &error);
    if (!self->machine) {
        failed(self, error->message);
        return;
    }
    g_signal_connect_object(vm_machine_get_connection(self->machine), "notify::state",
                            G_CALLBACK(state_changed), self, G_CONNECT_SWAPPED);
    update(self);
}

static void
vm_connect_dialog_response(GtkDialog *dialog, int response)
{
    if (response == GTK_RESPONSE_ACCEPT) {
        try_it(VM_CONNECT_DIALOG(dialog));
    } else {
        gtk_widget_destroy(GTK_WIDGET(dialog));
    }
}

static void
vm_connect_dialog_dispose(GObject *object)
{
    VmConnectDialog *self = VM_CONNECT_DIALOG(object);

    stop_trying(self);
    g_clear_object(&self->store);
    G_OBJECT_CLASS(vm_connect_dialog_parent_class)->dispose(object);
}

static void
vm_connect_dialog_class_init(VmConnectDialogClass *klass)
{
    G_OBJECT_CLASS(klass)->dispose = vm_connect_dialog_dispose;
    GTK_DIALOG_CLASS(klass)->response = vm_connect_dialog_response;
    signals[CONNECTED] = g_signal_new("connected", VM_TYPE_CONNECT_DIALOG, G_SIGNAL_RUN_LAST, 0,
                                      NULL, NULL, NULL, G_TYPE_NONE, 1, VM_TYPE_MACHINE);
}

static void
vm_connect_dialog_init(VmConnectDialog *self)
{
}

static void
file_chosen(GtkWidget *widget, const char *path)
{
    if (path) {
        gtk_entry_set_text(GTK_ENTRY(widget), path);
    }
}

static void
choose_file(GtkEntry *entry)
{
    g_autofree char *folder = g_path_get_dirname(gtk_entry_get_text(entry));

    vm_file_dialog_open(GTK_WIDGET(entry), _("Choose a control socket"),
                        g_path_is_absolute(folder) ? folder : g_get_user_runtime_dir(),
                        file_chosen);
}

static void
add_entry(VmConnectDialog *self, GtkBox *box)
{
    GtkWidget *label = gtk_label_new_with_mnemonic(_("Control _socket"));
    GtkWidget *entry = gtk_entry_new();

    self->entry = GTK_ENTRY(entry);
    gtk_widget_set_halign(label, GTK_ALIGN_START);
    gtk_label_set_mnemonic_widget(GTK_LABEL(label), entry);
    gtk_entry_set_width_chars(self->entry, PATH_CHARS);
    gtk_entry_set_activates_default(self->entry, TRUE);
    atk_object_set_name(gtk_widget_get_accessible(entry), _("Control socket"));
    gtk_entry_set_icon_from_icon_name(self->entry, GTK_ENTRY_ICON_SECONDARY,
                                      "document-open-symbolic");
    gtk_entry_set_icon_tooltip_text(self->entry, GTK_ENTRY_ICON_SECONDARY, _("Choose a file"));
    gtk_box_pack_start(box, label, FALSE, FALSE, 0);
    gtk_box_pack_start(box, entry, FALSE, FALSE, 0);
    vm_file_button_add(self->entry);
    g_signal_connect(entry, "icon-press", G_CALLBACK(choose_file), NULL);
    g_signal_connect_swapped(entry, "changed", G_CALLBACK(update), self);
}

static GtkWidget *
add_words(GtkBox *box, const char *words)
{
    GtkWidget *label = gtk_label_new(words);

    g_object_set(label, "wrap", TRUE, "xalign", 0.0, "max-width-chars", WORDS_CHARS, NULL);
    gtk_box_pack_start(box, label, FALSE, FALSE, 0);
    return label;
}

GtkWidget *
vm_connect_dialog_new(GtkWindow *parent, VmStore *store)
{
    VmConnectDialog *self = g_object_new(
        VM_TYPE_CONNECT_DIALOG, "title", _("Connect to a running machine"), "transient-for", parent,
        "destroy-with-parent", TRUE, "use-header-bar", TRUE, "resizable", FALSE, NULL);
    GtkBox *box = GTK_BOX(gtk_dialog_get_content_area(GTK_DIALOG(self)));
    GtkWidget *button = NULL;

    self->store = g_object_ref(store);
    g_object_set(box, "margin", MARGIN, "spacing", SPACING, NULL);
    add_words(box, _("Your machines that run are in the list by themselves. One whose folder is "
                     "elsewhere is shown when you say where its control socket is."));
    add_entry(self, box);
    self->problem = GTK_LABEL(add_words(box, ""));
    gtk_style_context_add_class(gtk_widget_get_style_context(GTK_WIDGET(self->problem)),
                                "problem-words");
    atk_object_set_role(gtk_widget_get_accessible(GTK_WIDGET(self->problem)), ATK_ROLE_ALERT);
    gtk_dialog_add_button(GTK_DIALOG(self), _("_Cancel"), GTK_RESPONSE_CANCEL);
    button = gtk_dialog_add_button(GTK_DIALOG(self), _("C_onnect"), GTK_RESPONSE_ACCEPT);
    gtk_style_context_add_class(gtk_widget_get_style_context(button), "suggested-action");
    gtk_dialog_set_default_response(GTK_DIALOG(self), GTK_RESPONSE_ACCEPT);
    gtk_widget_show_all(GTK_WIDGET(box));
    gtk_widget_hide(GTK_WIDGET(self->problem));
    update(self);
    gtk_widget_grab_focus(GTK_WIDGET(self->entry));
    return GTK_WIDGET(self);
}
