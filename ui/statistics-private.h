/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Shared by statistics-page.c, which asks the machine and shows its processes, and statistics-cards.c, the
 * four cards on top: of the last minute, of the hour, or of the last run.
 */

#include "ui/graphics-pane.h"
#include "ui/process-pane.h"
#include "ui/process-table.h"
#include "ui/statistic-card.h"
#include "ui/statistics-page.h"

G_BEGIN_DECLS

struct _VmStatisticsPage {
    GtkBox parent_instance;
    GtkStack *stack;
    GtkFlowBox *cards_box;
    GtkImage *sandbox_image;
    GtkLabel *sandbox_title;
    GtkLabel *sandbox_detail;
    GtkLabel *graphics_line;
    VmGraphicsPane *graphics_pane;
    VmProcessTable *table;
    GtkWidget *main_scroll;
    GtkRevealer *pane_revealer;
    VmProcessPane *pane;
    VmStatisticCard *processor;
    VmStatisticCard *memory;
    VmStatisticCard *disk;
    VmStatisticCard *own;
    GtkComboBox *range_combo;
    GtkLabel *past_label;
    GtkLabel *none_label;
    GtkWidget *sandbox_bar;
    GtkWidget *table_frame;

    VmMachine *machine;
    GPtrArray *jails;     /* VmJail of the last answer, or NULL */
    GHashTable *policies; /* part -> VmPolicy, or NULL */
    gboolean policies_asked;
    gboolean asked;
    gint64 sampled; /* monotonic time of the last answer, 0: none */
    gint64 totalled;
    VmTotals totals;
    guint shown_pid; /* in the pane, 0: it is closed */
    GCancellable *cancellable;
};

/* The guest's share of a processor, in percent. */
void vm_statistics_cards_show_processor(VmStatisticsPage *self, double guest_share);
/* What the machine's `count` processes take for themselves. */
void vm_statistics_cards_show_own(VmStatisticsPage *self, guint64 memory, guint count);
/* Takes the answer of the machine's totals; `data` is a reference to the page. */
void vm_statistics_cards_totals_known(GObject *source, GAsyncResult *result, gpointer data);

/* The user chose the hour. */
gboolean vm_statistics_cards_show_hours(VmStatisticsPage *self);
void vm_statistics_cards_show_hour(VmStatisticsPage *self);
/* For the signal of the choice between minute and hour. */
void vm_statistics_cards_range_changed(VmStatisticsPage *self);

/* The cards are of the past: dimmed, and the rest of the page is away. */
void vm_statistics_cards_set_past(VmStatisticsPage *self, gboolean past);
/* FALSE when nothing is known of it. */
gboolean vm_statistics_cards_show_last_run(VmStatisticsPage *self);

G_END_DECLS
