/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The context menu of "All machines": what can be done with those that are selected. */

#include <gtk/gtk.h>

/* what: "start", "shut-down", "group" or "delete". */
typedef void (*VmOverviewMenuFunc)(gpointer data, const char *what);

/*
 * Over the table, at the pointer, or without an event of it at the table's cursor. Starting and deleting
 * need a machine that is off, shutting down one that runs. done is called once at most, with the box that
 * the table is in.
 */
void vm_overview_menu_show(GtkTreeView *tree, const GdkEvent *event, gboolean some_off,
                           gboolean some_run, VmOverviewMenuFunc done);
