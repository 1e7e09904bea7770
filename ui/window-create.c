/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* New machines: the Debian guest, the assistant, files that are opened or dropped, and what runs elsewhere. */
#include <glib/gi18n.h>

#include "ui/connect-dialog.h"
#include "ui/create-assistant.h"
#include "ui/file-dialog.h"
#include "ui/window-private.h"

void
vm_window_make_debian(VmWindow *self)
{
    g_autoptr(GError) error = NULL;
    VmMachine *machine = vm_store_build(self->store, _("Debian 12"), &error);

    if (machine) {
        vm_window_show_machine(self, machine);
    } else {
        g_autoptr(VmProblem) problem =
            vm_problem_new("build-failed", "", error->message, NULL, NULL);
        vm_window_report(self, problem);
    }
}

static void
created(VmWindow *self, VmJson *definition, VmSeed *seed, gboolean start)
{
    g_autoptr(GError) error = NULL;
    VmMachine *machine = vm_store_add(self->store, definition, seed, &error);

    if (!machine) {
        g_autoptr(VmProblem) problem = vm_problem_new("no-space", "", error->message, NULL, NULL);
        vm_window_report(self, problem);
        return;
    }
    vm_window_show_machine(self, machine);
    if (start) {
        vm_machine_start(machine);
    }
}

void
vm_window_create(VmWindow *self, const char *path)
{
    GtkWidget *assistant = vm_create_assistant_new(GTK_WINDOW(self), self->store, path);

    g_signal_connect_object(assistant, "created", G_CALLBACK(created), self, G_CONNECT_SWAPPED);
    g_signal_connect_object(assistant, "copied", G_CALLBACK(vm_window_copy), self,
                            G_CONNECT_SWAPPED);
    gtk_window_present(GTK_WINDOW(assistant));
}

static void
file_chosen(GtkWidget *widget, const char *path)
{
    if (path) {
        vm_window_create(VM_WINDOW(widget), path);
    }
}

void
vm_window_open_file(VmWindow *self)
{
    vm_file_dialog_open(GTK_WIDGET(self), _("Open a kernel, a disk or a configuration"), NULL,
                        file_chosen);
}

void
vm_window_connect(VmWindow *self)
{
    GtkWidget *dialog = vm_connect_dialog_new(GTK_WINDOW(self), self->store);

    g_signal_connect_object(dialog, "connected", G_CALLBACK(vm_window_show_machine), self,
                            G_CONNECT_SWAPPED);
    gtk_window_present(GTK_WINDOW(dialog));
}

/* NOLINTBEGIN(readability-function-size): the shape of the signal */
static void
file_dropped(VmWindow *self, GdkDragContext *context, int x, int y, GtkSelectionData *data,
             guint info, guint time)
{
    g_auto(GStrv) uris = gtk_selection_data_get_uris(data);
    g_autofree char *path = uris && uris[0] ? g_filename_from_uri(uris[0], NULL, NULL) : NULL;

    gtk_drag_finish(context, path != NULL, FALSE, time);
    if (path) {
        vm_window_create(self, path);
    }
}
/* NOLINTEND(readability-function-size) */

void
vm_window_take_files(VmWindow *self)
{
    gtk_drag_dest_set(GTK_WIDGET(self), GTK_DEST_DEFAULT_ALL, NULL, 0, GDK_ACTION_COPY);
    gtk_drag_dest_add_uri_targets(GTK_WIDGET(self));
    g_signal_connect(self, "drag-data-received", G_CALLBACK(file_dropped), NULL);
}
