/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One figure: title, value, the last minute, one more line. */

#include <gtk/gtk.h>

#include "ui/history-graph.h"

#define VM_TYPE_STATISTIC_CARD (vm_statistic_card_get_type())
G_DECLARE_FINAL_TYPE(VmStatisticCard, vm_statistic_card, VM, STATISTIC_CARD, GtkBox)

/* graph_name: for a screen reader, "Processor, last minute". */
GtkWidget *vm_statistic_card_new(const char *title, const char *graph_name, const char *colour);
void vm_statistic_card_set_words(VmStatisticCard *self, const char *value, const char *detail);
VmHistoryGraph *vm_statistic_card_get_graph(VmStatisticCard *self);
/* Without the third line where there is little room. */
void vm_statistic_card_set_compact(VmStatisticCard *self, gboolean compact);
