/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/statistics-page.h"

#include <glib/gi18n.h>
#include <string.h>

#include "manager/model/words.h"
#include "ui/graphics-pane.h"
#include "ui/process-pane.h"
#include "ui/statistic-card.h"

#define NS_PER_US 1000
#define PER_CENT  100.0
#define WIDE      900 /* below, cards have two lines */
#define NARROW    620 /* below, two cards in a row and the pane instead of the table */

enum column {
    COLUMN_NAME,
    COLUMN_TASK,
    COLUMN_JAIL,
    COLUMN_CPU, /* per cent of one processor */
    COLUMN_MEMORY,
    COLUMN_CALLS, /* 0: not limited */
    COLUMN_BLOCKED,
    COLUMN_PID,
    COLUMN_RESTARTS,
    COLUMN_CPU_NS,
    COLUMN_SEEN,
};

struct _VmStatisticsPage {
    GtkBox parent_instance;
    GtkStack *stack;
    GtkFlowBox *cards_box;
    GtkImage *sandbox_image;
    GtkLabel *sandbox_title;
    GtkLabel *sandbox_detail;
    GtkLabel *graphics_line;
    VmGraphicsPane *graphics_pane;
    GtkTreeView *table;
    GtkListStore *processes;
    GtkWidget *main_scroll;
    GtkRevealer *pane_revealer;
    VmProcessPane *pane;
    VmStatisticCard *processor;
    VmStatisticCard *memory;
    VmStatisticCard *disk;
    VmStatisticCard *own;

    VmMachine *machine;
    GPtrArray *jails;     /* VmJail of the last answer, or NULL */
    GHashTable *policies; /* part -> VmPolicy, or NULL */
    gboolean policies_asked;
    gboolean asked;
    gint64 sampled; /* monotonic time of the last answer, 0: none */
    gint64 totalled;
    VmTotals totals;
    guint shown_pid; /* in the pane, 0: it is closed */
    guint timer;
    GCancellable *cancellable;
};

G_DEFINE_FINAL_TYPE(VmStatisticsPage, vm_statistics_page, GTK_TYPE_BOX)

enum {
    SHOW_LOG,
    COPIED,
    N_SIGNALS
};
static guint signals[N_SIGNALS]; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */

static const char *
task_of(const char *name)
{
    static const struct {
        const char *start;
        const char *task;
    } tasks[] = {
        {"vmm", N_("Opens files, starts and watches the others")},
        {"supervisor", N_("Opens files, starts and watches the others")},
        {"machine", N_("Processors and bus")},
        {"display", N_("Pictures and keys for this window")},
        {"gpu", N_("Graphics")},
        {"keyboard", N_("Keyboard")},
        {"pointer", N_("Pointer")},
        {"input", N_("Keyboard and pointer")},
        {"block", N_("Disk")},
        {"console", N_("Consoles")},
        {"rng", N_("Random numbers")},
        {"loader", N_("Loads the kernel")},
    };

    for (guint i = 0; i < G_N_ELEMENTS(tasks); i++) {
        if (g_str_has_prefix(name, tasks[i].start)) {
            return _(tasks[i].task);
        }
    }
    return "";
}

static gboolean
row_of(VmStatisticsPage *self, guint pid, GtkTreeIter *ret_row)
{
    GtkTreeModel *model = GTK_TREE_MODEL(self->processes);
    gboolean more = gtk_tree_model_get_iter_first(model, ret_row);

    for (; more; more = gtk_tree_model_iter_next(model, ret_row)) {
        guint other = 0;
        gtk_tree_model_get(model, ret_row, COLUMN_PID, &other, -1);
        if (other == pid) {
            return TRUE;
        }
    }
    return FALSE;
}

static const VmJail *
jail_of(VmStatisticsPage *self, guint pid)
{
    for (guint i = 0; self->jails && i < self->jails->len; i++) {
        const VmJail *jail = g_ptr_array_index(self->jails, i);
        if (jail->pid == pid) {
            return jail;
        }
    }
    return NULL;
}

static const VmPolicy *
policy_of(VmStatisticsPage *self, const VmJail *jail)
{
    return self->policies && jail ? g_hash_table_lookup(self->policies, jail->part) : NULL;
}

/* The share of one processor since the last sample. */
static double
show_process(VmStatisticsPage *self, const VmProcess *process, gint64 elapsed_us)
{
    const VmJail *jail = jail_of(self, process->pid);
    const VmPolicy *policy = policy_of(self, jail);
    GtkTreeIter row;
    guint64 before = 0;
    double share = 0;

    if (row_of(self, process->pid, &row)) {
        gtk_tree_model_get(GTK_TREE_MODEL(self->processes), &row, COLUMN_CPU_NS, &before, -1);
        if (elapsed_us > 0 && process->cpu_ns >= before) {
            share = (double)(process->cpu_ns - before) / NS_PER_US / (double)elapsed_us * PER_CENT;
        }
    } else {
        gtk_list_store_append(self->processes, &row);
    }
    gtk_list_store_set(self->processes, &row, COLUMN_NAME, process->name, COLUMN_TASK,
                       task_of(process->name), COLUMN_JAIL, jail ? vm_jail_words(jail) : "…",
                       COLUMN_CPU, share, COLUMN_MEMORY, process->memory, COLUMN_CALLS,
                       policy ? policy->count : 0, COLUMN_BLOCKED, jail ? jail->blocked : 0,
                       COLUMN_RESTARTS, process->restarts, COLUMN_PID, process->pid, COLUMN_CPU_NS,
                       process->cpu_ns, COLUMN_SEEN, TRUE, -1);
    return share;
}

/* Takes away the rows that no answer named, and makes all rows unseen for the next. */
static void
sweep(VmStatisticsPage *self)
{
    GtkTreeModel *model = GTK_TREE_MODEL(self->processes);
    GtkTreeIter row;
    gboolean more = gtk_tree_model_get_iter_first(model, &row);

    while (more) {
        gboolean seen = FALSE;
        gtk_tree_model_get(model, &row, COLUMN_SEEN, &seen, -1);
        if (seen) {
            gtk_list_store_set(self->processes, &row, COLUMN_SEEN, FALSE, -1);
            more = gtk_tree_model_iter_next(model, &row);
        } else {
            more = gtk_list_store_remove(self->processes, &row);
        }
    }
}

/* ------------------------------------------------------------------ cards */

static void
show_processor(VmStatisticsPage *self, double guest_share)
{
    VmJson *definition = vm_machine_get_definition(self->machine);
    gint64 cores = definition ? vm_json_get_int(definition, "cpus.num-cores", 1) : 1;
    double share = MIN(guest_share / (double)MAX(cores, 1), PER_CENT);
    g_autofree char *value = g_strdup_printf(_("%d %%"), (int)(share + 0.5));
    g_autofree char *detail =
        g_strdup_printf(ngettext("%d processor", "%d processors", (gulong)cores), (int)cores);

    vm_statistic_card_set_words(self->processor, value, detail);
    vm_history_graph_add(vm_statistic_card_get_graph(self->processor), share / PER_CENT);
}

static void
show_own(VmStatisticsPage *self, guint64 memory, guint count)
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
    VmJson *definition = vm_machine_get_definition(self->machine);
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

static void
totals_known(GObject *source, GAsyncResult *result, gpointer data)
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

/* ------------------------------------------------------------------ sandbox */

static const VmJail *
blocked_one(VmStatisticsPage *self)
{
    for (guint i = 0; i < self->jails->len; i++) {
        const VmJail *jail = g_ptr_array_index(self->jails, i);
        if (jail->blocked > 0) {
            return jail;
        }
    }
    return NULL;
}

static void
show_sandbox(VmStatisticsPage *self)
{
    const VmJail *blocked = blocked_one(self);
    g_autofree char *title = NULL;
    g_autofree char *detail = NULL;
    guint whole = 0;
    gboolean weak = FALSE;

    for (guint i = 0; i < self->jails->len; i++) {
        const VmJail *jail = g_ptr_array_index(self->jails, i);
        whole += vm_jail_is_whole(jail);
        weak = weak || (jail->part[0] && !vm_jail_is_whole(jail));
    }
    title = g_strdup_printf(
        ngettext("%u of %u process is jailed", "%u of %u processes are jailed", self->jails->len),
        whole, self->jails->len);
    if (blocked) {
        detail = g_strdup_printf(_("%s was stopped for a forbidden call."), blocked->name);
    } else if (weak) {
        detail = g_strdup(_("The jail is weaker here: not every process has all of it."));
    } else {
        detail = g_strdup(_("No forbidden call was tried. The supervisor is not jailed: it opens "
                            "your files and starts the others."));
    }
    gtk_label_set_text(self->sandbox_title, title);
    gtk_label_set_text(self->sandbox_detail, detail);
    gtk_image_set_from_icon_name(self->sandbox_image,
                                 weak ? "security-medium-symbolic" : "security-high-symbolic",
                                 GTK_ICON_SIZE_DND);
}

static guint
restarts_of(VmStatisticsPage *self, guint pid)
{
    GtkTreeIter row;
    guint restarts = 0;

    if (row_of(self, pid, &row)) {
        gtk_tree_model_get(GTK_TREE_MODEL(self->processes), &row, COLUMN_RESTARTS, &restarts, -1);
    }
    return restarts;
}

/* Where there is little room the pane is a page of its own. */
static void
place_pane(VmStatisticsPage *self)
{
    gboolean open = self->shown_pid != 0;
    gboolean narrow = gtk_widget_get_allocated_width(GTK_WIDGET(self)) < NARROW;

    gtk_revealer_set_reveal_child(self->pane_revealer, open);
    gtk_widget_set_visible(GTK_WIDGET(self->pane_revealer), open);
    gtk_widget_set_hexpand(GTK_WIDGET(self->pane_revealer), open && narrow);
    gtk_widget_set_visible(self->main_scroll, !open || !narrow);
}

static void
show_pane(VmStatisticsPage *self)
{
    const VmJail *jail = self->shown_pid ? jail_of(self, self->shown_pid) : NULL;

    if (!jail) {
        self->shown_pid = 0;
    } else {
        vm_process_pane_show(self->pane, jail, task_of(jail->name), restarts_of(self, jail->pid),
                             policy_of(self, jail));
    }
    place_pane(self);
}

static void
jails_known(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(VmStatisticsPage) self = VM_STATISTICS_PAGE(data);
    GPtrArray *jails = vm_connection_get_jails_finish(VM_CONNECTION(source), result, NULL);

    if (!jails) {
        return;
    }
    g_clear_pointer(&self->jails, g_ptr_array_unref);
    self->jails = jails;
    show_sandbox(self);
    show_pane(self);
}

static void
policies_known(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(VmStatisticsPage) self = VM_STATISTICS_PAGE(data);
    GHashTable *policies = vm_policy_load_finish(result, NULL);

    if (policies) {
        g_clear_pointer(&self->policies, g_hash_table_unref);
        self->policies = policies;
    }
}

static void
copy_report(VmStatisticsPage *self)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (guint i = 0; self->jails && i < self->jails->len; i++) {
        const VmJail *jail = g_ptr_array_index(self->jails, i);
        g_autofree char *report = vm_jail_report(jail, policy_of(self, jail));
        g_string_append(text, report);
    }
    gtk_clipboard_set_text(gtk_widget_get_clipboard(GTK_WIDGET(self), GDK_SELECTION_CLIPBOARD),
                           text->str, -1);
    g_signal_emit(self, signals[COPIED], 0);
}

static void
row_activated(VmStatisticsPage *self, GtkTreePath *path)
{
    GtkTreeIter row;

    if (gtk_tree_model_get_iter(GTK_TREE_MODEL(self->processes), &row, path)) {
        gtk_tree_model_get(GTK_TREE_MODEL(self->processes), &row, COLUMN_PID, &self->shown_pid, -1);
        show_pane(self);
        if (self->shown_pid) {
            gtk_widget_child_focus(GTK_WIDGET(self->pane), GTK_DIR_TAB_FORWARD);
        }
    }
}

static void
pane_closed(VmStatisticsPage *self)
{
    self->shown_pid = 0;
    place_pane(self);
    gtk_widget_grab_focus(GTK_WIDGET(self->table));
}

static void
show_log(VmStatisticsPage *self, const char *name)
{
    g_signal_emit(self, signals[SHOW_LOG], 0, name);
}

/* ------------------------------------------------------------------ sampling */

static void
processes_known(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(VmStatisticsPage) self = VM_STATISTICS_PAGE(data);
    g_autoptr(GPtrArray) processes =
        vm_connection_get_processes_finish(VM_CONNECTION(source), result, NULL);
    gint64 now = g_get_monotonic_time();
    gint64 elapsed = self->sampled ? now - self->sampled : 0;
    double guest_share = 0;
    guint64 memory = 0;

    self->asked = FALSE;
    if (!processes || !self->machine ||
        VM_CONNECTION(source) != vm_machine_get_connection(self->machine)) {
        return;
    }
    for (guint i = 0; i < processes->len; i++) {
        const VmProcess *process = g_ptr_array_index(processes, i);
        double share = show_process(self, process, elapsed);
        memory += process->memory;
        if (strcmp(process->name, "machine") == 0) {
            guest_share = share;
        }
    }
    sweep(self);
    if (self->sampled) {
        show_processor(self, guest_share);
    }
    show_own(self, memory, processes->len);
    self->sampled = now;
    gtk_stack_set_visible_child_name(self->stack, "running");
}

static void
ask(VmStatisticsPage *self, VmConnection *connection)
{
    self->asked = TRUE;
    vm_connection_get_jails_async(connection, self->cancellable, jails_known, g_object_ref(self));
    vm_connection_get_processes_async(connection, self->cancellable, processes_known,
                                      g_object_ref(self));
    vm_connection_get_totals_async(connection, self->cancellable, totals_known, g_object_ref(self));
}

/* What the graphics card draws with, and why: the supervisor's words. */
static void
show_graphics(VmStatisticsPage *self, VmConnection *connection)
{
    const char *sentence = vm_connection_get_graphics_sentence(connection);
    g_autofree char *line = NULL;

    if (sentence && sentence[0]) {
        line = g_strdup_printf(_("Graphics: %s"), sentence);
        gtk_label_set_text(self->graphics_line, line);
    }
    gtk_widget_set_visible(GTK_WIDGET(self->graphics_line), line != NULL);
    gtk_widget_set_visible(GTK_WIDGET(self->graphics_pane), line != NULL);
    if (line) {
        vm_graphics_pane_update(self->graphics_pane, connection);
    }
}

static gboolean
second_passed(gpointer data)
{
    VmStatisticsPage *self = VM_STATISTICS_PAGE(data);
    VmConnection *connection = self->machine ? vm_machine_get_connection(self->machine) : NULL;

    if (!connection) {
        gtk_stack_set_visible_child_name(self->stack, "off");
    } else if (!self->asked && vm_connection_get_state(connection) == VM_CONNECTION_READY) {
        ask(self, connection);
        show_graphics(self, connection);
    }
    return G_SOURCE_CONTINUE;
}

static void
vm_statistics_page_map(GtkWidget *widget)
{
    VmStatisticsPage *self = VM_STATISTICS_PAGE(widget);

    GTK_WIDGET_CLASS(vm_statistics_page_parent_class)->map(widget);
    if (!self->policies_asked) {
        self->policies_asked = TRUE;
        vm_policy_load_async(self->cancellable, policies_known, g_object_ref(self));
    }
    if (!self->timer) {
        self->timer = g_timeout_add_seconds(1, second_passed, self);
        second_passed(self);
    }
}

static void
stop_timer(VmStatisticsPage *self)
{
    if (self->timer) {
        g_source_remove(self->timer);
        self->timer = 0;
    }
}

static void
vm_statistics_page_unmap(GtkWidget *widget)
{
    stop_timer(VM_STATISTICS_PAGE(widget));
    GTK_WIDGET_CLASS(vm_statistics_page_parent_class)->unmap(widget);
}

static void
vm_statistics_page_size_allocate(GtkWidget *widget, GtkAllocation *allocation)
{
    VmStatisticsPage *self = VM_STATISTICS_PAGE(widget);
    VmStatisticCard *cards[] = {self->processor, self->memory, self->disk, self->own};
    gboolean two = allocation->width < NARROW;
    gboolean compact = !two && allocation->width < WIDE;

    for (guint i = 0; i < G_N_ELEMENTS(cards); i++) {
        vm_statistic_card_set_compact(cards[i], compact);
    }
    gtk_flow_box_set_max_children_per_line(self->cards_box, two ? 2 : 4);
    gtk_flow_box_set_min_children_per_line(self->cards_box, two ? 2 : 4);
    GTK_WIDGET_CLASS(vm_statistics_page_parent_class)->size_allocate(widget, allocation);
}

static void
vm_statistics_page_dispose(GObject *object)
{
    VmStatisticsPage *self = VM_STATISTICS_PAGE(object);

    stop_timer(self);
    g_cancellable_cancel(self->cancellable);
    g_clear_object(&self->cancellable);
    g_clear_object(&self->machine);
    g_clear_pointer(&self->jails, g_ptr_array_unref);
    g_clear_pointer(&self->policies, g_hash_table_unref);
    G_OBJECT_CLASS(vm_statistics_page_parent_class)->dispose(object);
}

/* ------------------------------------------------------------------ the table */

static void
draw_number(GtkTreeViewColumn *column, GtkCellRenderer *cell, GtkTreeModel *model, GtkTreeIter *row,
            gpointer data)
{
    g_autofree char *text = NULL;
    int which = GPOINTER_TO_INT(data);

    if (which == COLUMN_CPU) {
        double share = 0;
        gtk_tree_model_get(model, row, COLUMN_CPU, &share, -1);
        text = g_strdup_printf(_("%.1f %%"), share);
    } else if (which == COLUMN_CALLS) {
        guint calls = 0;
        gtk_tree_model_get(model, row, COLUMN_CALLS, &calls, -1);
        text = calls ? g_strdup_printf("%u", calls) : g_strdup(_("not limited"));
    } else {
        guint64 memory = 0;
        gtk_tree_model_get(model, row, COLUMN_MEMORY, &memory, -1);
        text = vm_words_size(memory);
    }
    g_object_set(cell, "text", text, NULL);
}

static void
add_column(VmStatisticsPage *self, const char *title, enum column column)
{
    GtkCellRenderer *cell = gtk_cell_renderer_text_new();
    GtkTreeViewColumn *view = gtk_tree_view_column_new_with_attributes(title, cell, NULL);

    if (column == COLUMN_CPU || column == COLUMN_MEMORY || column == COLUMN_CALLS) {
        gtk_tree_view_column_set_cell_data_func(view, cell, draw_number, GINT_TO_POINTER(column),
                                                NULL);
    } else {
        gtk_tree_view_column_add_attribute(view, cell, "text", (int)column);
    }
    if (column == COLUMN_NAME) {
        g_object_set(cell, "weight", PANGO_WEIGHT_BOLD, NULL);
    } else if (column == COLUMN_TASK) {
        g_object_set(cell, "ellipsize", PANGO_ELLIPSIZE_END, "width-chars", 10, NULL);
    } else if (column != COLUMN_JAIL) {
        gtk_cell_renderer_set_alignment(cell, 1, 0.5F);
        gtk_tree_view_column_set_alignment(view, 1);
    }
    g_object_set(cell, "ypad", 6, "xpad", 8, NULL);
    gtk_tree_view_column_set_expand(view, column == COLUMN_TASK);
    gtk_tree_view_column_set_resizable(view, TRUE);
    gtk_tree_view_column_set_sort_column_id(view, (int)column);
    gtk_tree_view_append_column(self->table, view);
}

static VmStatisticCard *
add_card(VmStatisticsPage *self, const char *title, const char *graph, const char *colour)
{
    GtkWidget *card = vm_statistic_card_new(title, graph, colour);

    gtk_flow_box_insert(self->cards_box, card, -1);
    gtk_widget_set_can_focus(gtk_widget_get_parent(card), FALSE);
    return VM_STATISTIC_CARD(card);
}

static void
vm_statistics_page_class_init(VmStatisticsPageClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(klass);

    G_OBJECT_CLASS(klass)->dispose = vm_statistics_page_dispose;
    widget_class->map = vm_statistics_page_map;
    widget_class->unmap = vm_statistics_page_unmap;
    widget_class->size_allocate = vm_statistics_page_size_allocate;
    g_type_ensure(VM_TYPE_PROCESS_PANE);
    g_type_ensure(VM_TYPE_GRAPHICS_PANE);
    signals[SHOW_LOG] = g_signal_new("show-log", VM_TYPE_STATISTICS_PAGE, G_SIGNAL_RUN_LAST, 0,
                                     NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
    signals[COPIED] = g_signal_new("copied", VM_TYPE_STATISTICS_PAGE, G_SIGNAL_RUN_LAST, 0, NULL,
                                   NULL, NULL, G_TYPE_NONE, 0);
    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/org/vitrine/Vitrine/ui/statistics-page.ui");
    gtk_widget_class_bind_template_child(widget_class, VmStatisticsPage, stack);
    gtk_widget_class_bind_template_child(widget_class, VmStatisticsPage, cards_box);
    gtk_widget_class_bind_template_child(widget_class, VmStatisticsPage, sandbox_image);
    gtk_widget_class_bind_template_child(widget_class, VmStatisticsPage, sandbox_title);
    gtk_widget_class_bind_template_child(widget_class, VmStatisticsPage, sandbox_detail);
    gtk_widget_class_bind_template_child(widget_class, VmStatisticsPage, graphics_line);
    gtk_widget_class_bind_template_child(widget_class, VmStatisticsPage, graphics_pane);
    gtk_widget_class_bind_template_child(widget_class, VmStatisticsPage, main_scroll);
    gtk_widget_class_bind_template_child(widget_class, VmStatisticsPage, pane_revealer);
    gtk_widget_class_bind_template_child(widget_class, VmStatisticsPage, pane);
    gtk_widget_class_bind_template_child(widget_class, VmStatisticsPage, table);
    gtk_widget_class_bind_template_child(widget_class, VmStatisticsPage, processes);
    gtk_widget_class_bind_template_callback(widget_class, row_activated);
    gtk_widget_class_bind_template_callback(widget_class, copy_report);
    gtk_widget_class_bind_template_callback(widget_class, pane_closed);
    gtk_widget_class_bind_template_callback(widget_class, show_log);
}

static void
vm_statistics_page_init(VmStatisticsPage *self)
{
    self->cancellable = g_cancellable_new();
    gtk_widget_init_template(GTK_WIDGET(self));
    self->processor = add_card(self, _("Processor"), _("Processor, last minute"), "#3584e4");
    self->memory = add_card(self, _("Memory"), _("Memory, last minute"), "#9141ac");
    self->disk = add_card(self, _("Disk"), _("Disk, last minute"), "#2ec27e");
    self->own = add_card(self, _("Own memory"), _("Own memory, last minute"), "#e66100");
    add_column(self, _("Process"), COLUMN_NAME);
    add_column(self, _("Task"), COLUMN_TASK);
    add_column(self, _("Jail"), COLUMN_JAIL);
    add_column(self, _("CPU"), COLUMN_CPU);
    add_column(self, _("Memory"), COLUMN_MEMORY);
    add_column(self, _("Calls allowed"), COLUMN_CALLS);
    add_column(self, _("Blocked"), COLUMN_BLOCKED);
    add_column(self, _("Process ID"), COLUMN_PID);
    gtk_tree_sortable_set_sort_column_id(GTK_TREE_SORTABLE(self->processes), COLUMN_NAME,
                                         GTK_SORT_ASCENDING);
}

static void
connection_changed(VmStatisticsPage *self)
{
    VmStatisticCard *cards[] = {self->processor, self->memory, self->disk, self->own};

    gtk_list_store_clear(self->processes);
    for (guint i = 0; i < G_N_ELEMENTS(cards); i++) {
        vm_history_graph_clear(vm_statistic_card_get_graph(cards[i]));
        vm_statistic_card_set_words(cards[i], "–", "");
    }
    g_clear_pointer(&self->jails, g_ptr_array_unref);
    vm_graphics_pane_clear(self->graphics_pane);
    self->sampled = 0;
    self->totalled = 0;
    self->shown_pid = 0;
    place_pane(self);
    gtk_stack_set_visible_child_name(self->stack, "off");
}

void
vm_statistics_page_set_machine(VmStatisticsPage *self, VmMachine *machine)
{
    if (machine == self->machine) {
        return;
    }
    if (self->machine) {
        g_signal_handlers_disconnect_by_data(self->machine, self);
    }
    g_set_object(&self->machine, machine);
    if (machine) {
        g_signal_connect_object(machine, "notify::connection", G_CALLBACK(connection_changed), self,
                                G_CONNECT_SWAPPED);
    }
    connection_changed(self);
}
