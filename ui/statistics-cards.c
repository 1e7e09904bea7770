/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gi18n.h>

#include "manager/model/words.h"
#include "ui/statistics-private.h"

#define PER_CENT     100.0
#define PAST_OPACITY 0.6

void
vm_statistics_cards_show_processor(VmStatisticsPage *self, double guest_share)
{
    VmJson *definition = vm_machine_get_configuration(self->machine);
    gint64 cores = definition ? vm_json_get_int(definition, "cpus.num-cores", 1) : 1;
    double share = MIN(guest_share / (double)MAX(cores, 1), PER_CENT);
    g_autofree char *value = g_strdup_printf(_("%d %%"), (int)(share + 0.5));
    g_autofree char *detail =
        g_strdup_printf(ngettext("%d processor", "%d processors", (gulong)cores), (int)cores);

    vm_statistic_card_set_words(self->processor, value, detail);
    vm_history_graph_add(vm_statistic_card_get_graph(self->processor), share / PER_CENT);
}

void
vm_statistics_cards_show_own(VmStatisticsPage *self, guint64 memory, guint count)
{
    g_autofree char *value = vm_words_size(memory);
    g_autofree char *detail = g_strdup_printf(
        ngettext("%u process, for itself", "%u processes, for themselves", count), count);
    VmHistoryGraph *graph = vm_statistic_card_get_graph(self->own);

    vm_statistic_card_set_words(self->own, value, detail);
    vm_history_graph_add_rates(graph, (double)memory, 0);
    vm_history_graph_describe(graph, value);
}

static void
show_memory(VmStatisticsPage *self, guint64 used)
{
    VmJson *definition = vm_machine_get_configuration(self->machine);
    guint64 size = (guint64)(definition ? vm_json_get_int(definition, "mem.size", 256) : 256) << 20;
    g_autofree char *used_words = vm_words_size(used);
    g_autofree char *size_words = vm_words_size(size);
    /* Translators: memory in use, memory there is. */
    g_autofree char *value = g_strdup_printf(_("%s of %s"), used_words, size_words);

    vm_statistic_card_set_words(self->memory, value, _("That the guest has touched"));
    vm_history_graph_add(vm_statistic_card_get_graph(self->memory),
                         (double)used / (double)MAX(size, 1));
}

static void
show_disk(VmStatisticsPage *self, const VmTotals *totals, double seconds)
{
    double read_rate = (double)(totals->disk_read - self->totals.disk_read) / seconds;
    double write_rate = (double)(totals->disk_written - self->totals.disk_written) / seconds;
    VmHistoryGraph *graph = vm_statistic_card_get_graph(self->disk);
    g_autofree char *value = vm_words_rate(read_rate + write_rate);
    g_autofree char *reads = vm_words_size(totals->disk_read);
    g_autofree char *writes = vm_words_size(totals->disk_written);
    /* Translators: bytes since the start. */
    g_autofree char *detail = g_strdup_printf(_("%s read, %s written (dashed)"), reads, writes);

    vm_statistic_card_set_words(self->disk, value, detail);
    vm_history_graph_add_rates(graph, MAX(read_rate, 0.0), MAX(write_rate, 0.0));
    vm_history_graph_describe(graph, detail);
}

void
vm_statistics_cards_totals_known(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(VmStatisticsPage) self = VM_STATISTICS_PAGE(data);
    gint64 now = g_get_monotonic_time();
    VmTotals totals;

    if (!vm_connection_get_totals_finish(VM_CONNECTION(source), result, &totals, NULL) ||
        !self->machine || VM_CONNECTION(source) != vm_machine_get_connection(self->machine)) {
        return;
    }
    show_memory(self, totals.guest_memory);
    if (self->totalled && now > self->totalled && totals.disk_read >= self->totals.disk_read &&
        totals.disk_written >= self->totals.disk_written) {
        show_disk(self, &totals, (double)(now - self->totalled) / G_USEC_PER_SEC);
    }
    self->totals = totals;
    self->totalled = now;
}

/* ------------------------------------------------------------------ the hour */

gboolean
vm_statistics_cards_show_hours(VmStatisticsPage *self)
{
    return g_strcmp0(gtk_combo_box_get_active_id(self->range_combo), "hour") == 0;
}

void
vm_statistics_cards_show_hour(VmStatisticsPage *self)
{
    const VmHour *hour = vm_machine_get_hour(self->machine);
    VmJson *definition = vm_machine_get_configuration(self->machine);
    double size =
        (double)(definition ? vm_json_get_int(definition, "mem.size", 256) : 256) * (1 << 20);
    double values[5][VM_HOUR_POINTS];

    for (guint i = 0; i < hour->count; i++) {
        const VmHourPoint *point = &hour->points[VM_HOUR_POINTS - hour->count + i];
        values[0][i] = point->share;
        values[1][i] = point->guest_memory / MAX(size, 1);
        values[2][i] = point->disk_read;
        values[3][i] = point->disk_written;
        values[4][i] = point->own_memory;
    }
    vm_history_graph_set_hour(vm_statistic_card_get_graph(self->processor), values[0], NULL,
                              hour->count);
    vm_history_graph_set_hour(vm_statistic_card_get_graph(self->memory), values[1], NULL,
                              hour->count);
    vm_history_graph_set_hour(vm_statistic_card_get_graph(self->disk), values[2], values[3],
                              hour->count);
    vm_history_graph_set_hour(vm_statistic_card_get_graph(self->own), values[4], NULL, hour->count);
}

void
vm_statistics_cards_range_changed(VmStatisticsPage *self)
{
    gboolean hour = vm_statistics_cards_show_hours(self);
    const struct {
        VmStatisticCard *card;
        const char *name;
    } cards[] = {
        {self->processor, hour ? _("Processor, last hour") : _("Processor, last minute")},
        {self->memory, hour ? _("Memory, last hour") : _("Memory, last minute")},
        {self->disk, hour ? _("Disk, last hour") : _("Disk, last minute")},
        {self->own, hour ? _("Own memory, last hour") : _("Own memory, last minute")},
    };

    if (hour && self->machine) {
        vm_statistics_cards_show_hour(self);
    }
    for (guint i = 0; i < G_N_ELEMENTS(cards); i++) {
        vm_history_graph_show_hour(vm_statistic_card_get_graph(cards[i].card), hour, cards[i].name);
    }
}

/* ------------------------------------------------------------------ the last run */

/* One figure of all points, over the whole width. */
static void
stretch(const VmRunHistory *run, gsize offset, double unit, double ret_values[VM_HOUR_POINTS])
{
    for (guint i = 0; i < VM_HOUR_POINTS; i++) {
        const VmHourPoint *point = &run->points[i * run->count / VM_HOUR_POINTS];
        ret_values[i] = G_STRUCT_MEMBER(double, point, offset) / unit;
    }
}

static double
highest(const double values[VM_HOUR_POINTS])
{
    double found = 0;

    for (guint i = 0; i < VM_HOUR_POINTS; i++) {
        found = MAX(found, values[i]);
    }
    return found;
}

static void
show_last_graph(VmStatisticCard *card, const char *name, const double *first, const double *second)
{
    VmHistoryGraph *graph = vm_statistic_card_get_graph(card);

    vm_history_graph_set_hour(graph, first, second, VM_HOUR_POINTS);
    vm_history_graph_show_hour(graph, TRUE, name);
}

static void
show_last_cards(VmStatisticsPage *self, const VmRunHistory *run)
{
    double values[5][VM_HOUR_POINTS];
    g_autofree char *share = NULL;
    g_autofree char *memory = NULL;
    g_autofree char *own = NULL;
    g_autofree char *disk = NULL;

    stretch(run, G_STRUCT_OFFSET(VmHourPoint, share), 1, values[0]);
    stretch(run, G_STRUCT_OFFSET(VmHourPoint, guest_memory), (double)MAX(run->memory, 1),
            values[1]);
    stretch(run, G_STRUCT_OFFSET(VmHourPoint, disk_read), 1, values[2]);
    stretch(run, G_STRUCT_OFFSET(VmHourPoint, disk_written), 1, values[3]);
    stretch(run, G_STRUCT_OFFSET(VmHourPoint, own_memory), 1, values[4]);
    show_last_graph(self->processor, _("Processor, last run"), values[0], NULL);
    show_last_graph(self->memory, _("Memory, last run"), values[1], NULL);
    show_last_graph(self->disk, _("Disk, last run"), values[2], values[3]);
    show_last_graph(self->own, _("Own memory, last run"), values[4], NULL);
    share = g_strdup_printf(_("%d %%"), (int)(highest(values[0]) * PER_CENT + 0.5));
    memory = vm_words_size((guint64)(highest(values[1]) * (double)run->memory));
    disk = vm_words_rate(MAX(highest(values[2]), highest(values[3])));
    own = vm_words_size((guint64)highest(values[4]));
    vm_statistic_card_set_words(self->processor, share, _("At most"));
    vm_statistic_card_set_words(self->memory, memory, _("At most"));
    vm_statistic_card_set_words(self->disk, disk, _("At most"));
    vm_statistic_card_set_words(self->own, own, _("At most"));
}

/* What belongs to processes that run is away while the figures of the last run are shown. */
void
vm_statistics_cards_set_past(VmStatisticsPage *self, gboolean past)
{
    gtk_widget_set_visible(GTK_WIDGET(self->past_label), past);
    gtk_widget_set_visible(GTK_WIDGET(self->none_label), past);
    gtk_widget_set_visible(GTK_WIDGET(self->range_combo), !past);
    gtk_widget_set_visible(self->sandbox_bar, !past);
    gtk_widget_set_visible(self->table_frame, !past);
    gtk_widget_set_opacity(GTK_WIDGET(self->cards_box), past ? PAST_OPACITY : 1);
    if (past) {
        gtk_widget_hide(GTK_WIDGET(self->graphics_line));
        gtk_widget_hide(GTK_WIDGET(self->graphics_pane));
    } else {
        vm_statistics_cards_range_changed(self);
    }
}

/* FALSE when nothing is known of it. */
gboolean
vm_statistics_cards_show_last_run(VmStatisticsPage *self)
{
    VmRunHistory run;
    g_autofree char *day = NULL;
    g_autofree char *words = NULL;

    if (!self->machine || !vm_machine_load_last_run(self->machine, &run)) {
        return FALSE;
    }
    g_autoptr(GDateTime) time =
        g_date_time_new_from_unix_local(vm_machine_get_last_used(self->machine));
    day = g_date_time_format(time, _("%-e %B"));
    /* Translators: %s is a day as in “3 November”. */
    words = g_strdup_printf(_("Last run, %s"), day);
    gtk_label_set_text(self->past_label, words);
    vm_statistics_cards_set_past(self, TRUE);
    show_last_cards(self, &run);
    return TRUE;
}
