/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The one window: sidebar and pages. */

#include <gtk/gtk.h>

#include "manager/model/store.h"

#define VM_TYPE_WINDOW (vm_window_get_type())
G_DECLARE_FINAL_TYPE(VmWindow, vm_window, VM, WINDOW, GtkApplicationWindow)

/* settings may be NULL (the schema is not installed): nothing is remembered then. */
GtkWidget *vm_window_new(GtkApplication *application, VmStore *store, GSettings *settings);

void vm_window_show_machine(VmWindow *self, VmMachine *machine);
VmMachine *vm_window_get_machine(VmWindow *self);
void vm_window_show_self_check(VmWindow *self);

/* The create assistant; path may be NULL, else what a person dropped or passed. */
void vm_window_create(VmWindow *self, const char *path);
void vm_window_open_file(VmWindow *self);
/* Asks for the control socket of a machine that runs, and shows it. */
void vm_window_connect(VmWindow *self);

/* The Debian guest. */
void vm_window_make_debian(VmWindow *self);

/* A bar for something that belongs to no machine. */
void vm_window_report(VmWindow *self, const VmProblem *problem);

/* A sentence about what was done by a widget, for ten seconds; nothing where it is in no such window. */
void vm_window_say(GtkWidget *inside, const char *sentence);

/* A second window for one machine, without the list; it keeps only its size. */
void vm_window_set_alone(VmWindow *self, VmMachine *machine);
/* Which display of its machine it shows, where there are several; a second window is as large as one for
 * it was before. Before it is shown. */
void vm_window_set_display(VmWindow *self, int display);
