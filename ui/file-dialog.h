/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A dialog for a file that answers when it is closed. gtk_native_dialog_run() is not for us: it runs a
 * main loop within the main loop, so that who pressed a button through AT-SPI waits for it, and so does
 * what comes in meanwhile.
 */

#include <gtk/gtk.h>

/* path: NULL when nothing was chosen. */
typedef void (*VmFileChosen)(GtkWidget *widget, const char *path);

/* For a name that is saved under, asked before another file is replaced; `name` may be NULL. Like the next one in all else. */
void vm_file_dialog_save(GtkWidget *widget, const char *title, const char *name,
                         VmFileChosen chosen);

/*
 * Shows one over the widget's window. `chosen` is called once, unless the widget is destroyed before,
 * which closes the dialog. folder: where it begins, or NULL.
 */
void vm_file_dialog_open(GtkWidget *widget, const char *title, const char *folder,
                         VmFileChosen chosen);

/* The same for a folder. */
void vm_file_dialog_choose_folder(GtkWidget *widget, const char *title, VmFileChosen chosen);
