/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Appearance and keyboard. Changes apply at once. */

#include <gtk/gtk.h>

#define VM_TYPE_PREFERENCES_DIALOG (vm_preferences_dialog_get_type())
G_DECLARE_FINAL_TYPE(VmPreferencesDialog, vm_preferences_dialog, VM, PREFERENCES_DIALOG, GtkDialog)

GtkWidget *vm_preferences_dialog_new(GtkWindow *parent, GSettings *settings);
