/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/statistics-page.h"

#include <glib/gi18n.h>
#include <string.h>

#include "ui/history-graph.h"

#define NS_PER_US 1000
#define PER_CENT  100.0

enum column {
    COLUMN_NAME,
    COLUMN_TASK,
    COLUMN_CPU, /* per cent of one processor */
    COLUMN_MEMORY,
    COLUMN_RESTARTS,
    COLUMN_PID,
    COLUMN_CPU_NS,
    COLUMN_SEEN,
};

struct _VmStatisticsPage {
    GtkBox parent_instance;
    GtkStack *stack;
    GtkLabel *processor_value;
    GtkLabel *processor_detail;
    GtkBox *processor_box;
    GtkLabel *memory_value;
    GtkLabel *memory_detail;
    GtkBox *memory_box;
    GtkTreeView *table;
    GtkListStore *processes;
    VmHistoryGraph *processor_graph;
    VmHistoryGraph *memory_graph;

    VmMachine *machine;
    gboolean asked;
    gint64 sampled; /* monotonic time of the last answer, 0: none */
    guint timer;
    GCancellable *cancellable;
};

G_DEFINE_FINAL_TYPE(VmStatisticsPage, vm_statistics_page, GTK_TYPE_BOX)

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

/* The share of one processor since the last sample. */
static double
show_process(VmStatisticsPage *self, const VmProcess *process, gint64 elapsed_us)
{
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
                       task_of(process->name), COLUMN_CPU, share, COLUMN_MEMORY, process->memory,
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

static void
show_cards(VmStatisticsPage *self, double guest_share, guint64 memory, guint count)
{
    VmJson *definition = vm_machine_get_definition(self->machine);
    gint64 cores = definition ? vm_json_get_int(definition, "cpus.num-cores", 1) : 1;
    gint64 guest_mib = definition ? vm_json_get_int(definition, "mem.size", 256) : 256;
    double share = MIN(guest_share / (double)MAX(cores, 1), PER_CENT);
    g_autofree char *processor = g_strdup_printf(_("%d %%"), (int)(share + 0.5));
    g_autofree char *processors =
        g_strdup_printf(ngettext("%d processor", "%d processors", (gulong)cores), (int)cores);
    g_autofree char *guest = g_format_size_full((guint64)guest_mib << 20, G_FORMAT_SIZE_IEC_UNITS);
    g_autofree char *own = g_format_size_full(memory, G_FORMAT_SIZE_IEC_UNITS);
    /* Translators: number of processes, their own memory. */
    g_autofree char *detail = g_strdup_printf(
        ngettext("%u process uses %s for itself", "%u processes use %s for themselves", count),
        count, own);

    gtk_label_set_text(self->processor_value, processor);
    gtk_label_set_text(self->processor_detail, processors);
    gtk_label_set_text(self->memory_value, guest);
    gtk_label_set_text(self->memory_detail, detail);
    vm_history_graph_add(self->processor_graph, share / PER_CENT);
    vm_history_graph_add(self->memory_graph,
                         (double)memory / (double)((guint64)MAX(guest_mib, 1) << 20));
}

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
        show_cards(self, guest_share, memory, processes->len);
    }
    self->sampled = now;
    gtk_stack_set_visible_child_name(self->stack, "running");
}

static gboolean
second_passed(gpointer data)
{
    VmStatisticsPage *self = VM_STATISTICS_PAGE(data);
    VmConnection *connection = self->machine ? vm_machine_get_connection(self->machine) : NULL;

    if (!connection) {
        gtk_stack_set_visible_child_name(self->stack, "off");
    } else if (!self->asked && vm_connection_get_state(connection) == VM_CONNECTION_READY) {
        self->asked = TRUE;
        vm_connection_get_processes_async(connection, self->cancellable, processes_known,
                                          g_object_ref(self));
    }
    return G_SOURCE_CONTINUE;
}

static void
vm_statistics_page_map(GtkWidget *widget)
{
    VmStatisticsPage *self = VM_STATISTICS_PAGE(widget);

    GTK_WIDGET_CLASS(vm_statistics_page_parent_class)->map(widget);
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
vm_statistics_page_dispose(GObject *object)
{
    VmStatisticsPage *self = VM_STATISTICS_PAGE(object);

    stop_timer(self);
    g_cancellable_cancel(self->cancellable);
    g_clear_object(&self->cancellable);
    g_clear_object(&self->machine);
    G_OBJECT_CLASS(vm_statistics_page_parent_class)->dispose(object);
}

static void
draw_number(GtkTreeViewColumn *column, GtkCellRenderer *cell, GtkTreeModel *model, GtkTreeIter *row,
            gpointer data)
{
    g_autofree char *text = NULL;

    if (GPOINTER_TO_INT(data) == COLUMN_CPU) {
        double share = 0;
        gtk_tree_model_get(model, row, COLUMN_CPU, &share, -1);
        text = g_strdup_printf(_("%.1f %%"), share);
    } else {
        guint64 memory = 0;
        gtk_tree_model_get(model, row, COLUMN_MEMORY, &memory, -1);
        text = g_format_size_full(memory, G_FORMAT_SIZE_IEC_UNITS);
    }
    g_object_set(cell, "text", text, NULL);
}

static void
add_column(VmStatisticsPage *self, const char *title, enum column column)
{
    GtkCellRenderer *cell = gtk_cell_renderer_text_new();
    GtkTreeViewColumn *view = gtk_tree_view_column_new_with_attributes(title, cell, NULL);

    if (column == COLUMN_CPU || column == COLUMN_MEMORY) {
        gtk_tree_view_column_set_cell_data_func(view, cell, draw_number, GINT_TO_POINTER(column),
                                                NULL);
    } else {
        gtk_tree_view_column_add_attribute(view, cell, "text", (int)column);
    }
    if (column == COLUMN_NAME) {
        g_object_set(cell, "weight", PANGO_WEIGHT_BOLD, NULL);
    } else if (column != COLUMN_TASK) {
        gtk_cell_renderer_set_alignment(cell, 1, 0.5F);
        gtk_tree_view_column_set_alignment(view, 1);
    }
    g_object_set(cell, "ypad", 6, "xpad", 8, NULL);
    gtk_tree_view_column_set_expand(view, column == COLUMN_TASK);
    gtk_tree_view_column_set_resizable(view, TRUE);
    gtk_tree_view_column_set_sort_column_id(view, (int)column);
    gtk_tree_view_append_column(self->table, view);
}

static void
vm_statistics_page_class_init(VmStatisticsPageClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(klass);

    G_OBJECT_CLASS(klass)->dispose = vm_statistics_page_dispose;
    widget_class->map = vm_statistics_page_map;
    widget_class->unmap = vm_statistics_page_unmap;
    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/org/vitrine/Vitrine/ui/statistics-page.ui");
    gtk_widget_class_bind_template_child(widget_class, VmStatisticsPage, stack);
    gtk_widget_class_bind_template_child(widget_class, VmStatisticsPage, processor_value);
    gtk_widget_class_bind_template_child(widget_class, VmStatisticsPage, processor_detail);
    gtk_widget_class_bind_template_child(widget_class, VmStatisticsPage, processor_box);
    gtk_widget_class_bind_template_child(widget_class, VmStatisticsPage, memory_value);
    gtk_widget_class_bind_template_child(widget_class, VmStatisticsPage, memory_detail);
    gtk_widget_class_bind_template_child(widget_class, VmStatisticsPage, memory_box);
    gtk_widget_class_bind_template_child(widget_class, VmStatisticsPage, table);
    gtk_widget_class_bind_template_child(widget_class, VmStatisticsPage, processes);
}

static void
vm_statistics_page_init(VmStatisticsPage *self)
{
    self->cancellable = g_cancellable_new();
    gtk_widget_init_template(GTK_WIDGET(self));
    self->processor_graph = VM_HISTORY_GRAPH(vm_history_graph_new(_("Processor, last minute")));
    self->memory_graph = VM_HISTORY_GRAPH(vm_history_graph_new(_("Memory, last minute")));
    gtk_box_pack_start(self->processor_box, GTK_WIDGET(self->processor_graph), FALSE, FALSE, 0);
    gtk_box_reorder_child(self->processor_box, GTK_WIDGET(self->processor_graph), 2);
    gtk_box_pack_start(self->memory_box, GTK_WIDGET(self->memory_graph), FALSE, FALSE, 0);
    gtk_box_reorder_child(self->memory_box, GTK_WIDGET(self->memory_graph), 2);
    add_column(self, _("Process"), COLUMN_NAME);
    add_column(self, _("Task"), COLUMN_TASK);
    add_column(self, _("Processor"), COLUMN_CPU);
    add_column(self, _("Memory"), COLUMN_MEMORY);
    add_column(self, _("Restarts"), COLUMN_RESTARTS);
    add_column(self, _("Process ID"), COLUMN_PID);
    gtk_tree_sortable_set_sort_column_id(GTK_TREE_SORTABLE(self->processes), COLUMN_NAME,
                                         GTK_SORT_ASCENDING);
}

static void
connection_changed(VmStatisticsPage *self)
{
    gtk_list_store_clear(self->processes);
    vm_history_graph_clear(self->processor_graph);
    vm_history_graph_clear(self->memory_graph);
    gtk_label_set_text(self->processor_value, "–");
    gtk_label_set_text(self->memory_value, "–");
    self->sampled = 0;
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
