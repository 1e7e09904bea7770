/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The last minute of one number, a point for each second. */

#include <gtk/gtk.h>

#define VM_TYPE_HISTORY_GRAPH (vm_history_graph_get_type())
G_DECLARE_FINAL_TYPE(VmHistoryGraph, vm_history_graph, VM, HISTORY_GRAPH, GtkDrawingArea)

/* name is the accessible name ("Processor, last minute"); values lie between 0 and 1. */
GtkWidget *vm_history_graph_new(const char *name);
void vm_history_graph_add(VmHistoryGraph *self, double value);
void vm_history_graph_clear(VmHistoryGraph *self);
