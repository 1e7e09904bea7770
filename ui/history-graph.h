/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The last minute of one or two figures, one point a second, or the last hour. Time runs from left to right in both
 * directions of writing; the second figure is dashed.
 */

#include <gtk/gtk.h>

#define VM_TYPE_HISTORY_GRAPH (vm_history_graph_get_type())
G_DECLARE_FINAL_TYPE(VmHistoryGraph, vm_history_graph, VM, HISTORY_GRAPH, GtkDrawingArea)

/* name: for a screen reader. */
GtkWidget *vm_history_graph_new(const char *name);

/* A share of 0..1, of a fixed scale. */
void vm_history_graph_add(VmHistoryGraph *self, double value);
/* Two rates; the scale is the power of two above the highest. */
void vm_history_graph_add_rates(VmHistoryGraph *self, double first, double second);
/* The points of the hour, the oldest first, at most 60; second may be NULL. */
void vm_history_graph_set_hour(VmHistoryGraph *self, const double *first, const double *second,
                               guint count);
/* name: for a screen reader, "Processor, last hour". */
void vm_history_graph_show_hour(VmHistoryGraph *self, gboolean hour, const char *name);
/* Before the first point: what will come are rates, not shares. */
void vm_history_graph_set_rates(VmHistoryGraph *self);
void vm_history_graph_clear(VmHistoryGraph *self);
void vm_history_graph_set_colour(VmHistoryGraph *self, const char *colour);
/* What a reader hears: "Now 12 %, highest 31 %". */
void vm_history_graph_describe(VmHistoryGraph *self, const char *words);
/* Of all points of the first figure. */
double vm_history_graph_get_highest(VmHistoryGraph *self);
