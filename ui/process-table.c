/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/process-table.h"

#include <glib/gi18n.h>

#include "manager/model/words.h"
#include "ui/process-pane.h"

#define NS_PER_US     1000
#define PER_CENT      100.0
#define CALLS_UNKNOWN G_MAXUINT /* somebody else's filter */

enum column {
    COLUMN_NAME,
    COLUMN_TASK,
    COLUMN_JAIL,
    COLUMN_CPU, /* per cent of one processor */
    COLUMN_MEMORY,
    COLUMN_CALLS, /* 0: not limited */
    COLUMN_BLOCKED,
    COLUMN_PID, /* the last one that is shown */
    COLUMN_RESTARTS,
    COLUMN_CPU_NS,
    COLUMN_SEEN,
    COLUMN_PLACE, /* while the order is kept */
    N_COLUMNS,
};

struct _VmProcessTable {
    GtkTreeView parent_instance;
    GtkListStore *processes;
    GtkTreeViewColumn *columns[COLUMN_PID + 1];
    int widths[COLUMN_PID + 1];
    int room;           /* for the columns */
    gboolean over;      /* the pointer is over the rows */
    gboolean kept;      /* COLUMN_PLACE is the order */
    gboolean measuring; /* of the round that goes on */
    gboolean measured;  /* the rows have figures, and so an order */
};

enum {
    PROP_ORDER = 1,
    N_PROPERTIES
};
static GParamSpec
    *properties[N_PROPERTIES]; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */

G_DEFINE_FINAL_TYPE(VmProcessTable, vm_process_table, GTK_TYPE_TREE_VIEW)

const char *
vm_process_table_task(const char *name)
{
    static const struct {
        const char *start;
        const char *task;
    } tasks[] = {
        {"vhost-user", N_("A device of another program")},
        {"vmm", N_("Opens files, starts and watches the others")},
        {"supervisor", N_("Opens files, starts and watches the others")},
        {"machine", N_("Processors and bus")},
        {"display", N_("Pictures and keys for this window")},
        {"gpu", N_("Graphics")},
        {"render", N_("Graphics")},
        {"keyboard", N_("Keyboard")},
        {"pointer", N_("Pointer")},
        {"input", N_("Keyboard and pointer")},
        {"block", N_("Disk")},
        {"console", N_("Consoles")},
        {"rng", N_("Random numbers")},
        {"loader", N_("Loads the kernel")},
        {"balloon", N_("Takes back free memory")},
        {"net", N_("Network")},
        {"vsock", N_("Sockets to the guest")},
        {"fs", N_("Shared folder")},
        {"pmem", N_("Disk in memory")},
        {"sound", N_("Sound")},
        {"gdb", N_("Debugger")},
        {"wayland", N_("Windows of the guest")},
    };

    for (guint i = 0; i < G_N_ELEMENTS(tasks); i++) {
        if (g_str_has_prefix(name, tasks[i].start)) {
            return _(tasks[i].task);
        }
    }
    return "";
}

static gboolean
row_of(VmProcessTable *self, guint pid, GtkTreeIter *ret_row)
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

/* No arrow tells an order that the rows do not have. */
static void
show_arrow(VmProcessTable *self, gboolean shown)
{
    int column = COLUMN_NAME;
    GtkSortType type = GTK_SORT_ASCENDING;

    (void)gtk_tree_sortable_get_sort_column_id(GTK_TREE_SORTABLE(self->processes), &column, &type);
    if (column >= 0 && column <= COLUMN_PID) {
        gtk_tree_view_column_set_sort_indicator(self->columns[column], shown);
    }
}

/* The rows stay where they are; new ones come behind them. */
static void
keep_order(VmProcessTable *self)
{
    GtkTreeModel *model = GTK_TREE_MODEL(self->processes);
    GtkTreeIter row;
    gboolean more = gtk_tree_model_get_iter_first(model, &row);

    for (guint place = 0; more; place++) {
        gtk_list_store_set(self->processes, &row, COLUMN_PLACE, place, -1);
        more = gtk_tree_model_iter_next(model, &row);
    }
    self->kept = TRUE;
    show_arrow(self, FALSE);
}

static int
compare_values(const GValue *a, const GValue *b)
{
    const char *text = NULL;
    const char *other = NULL;
    guint64 left = 0;
    guint64 right = 0;

    switch (G_VALUE_TYPE(a)) {
    case G_TYPE_STRING:
        text = g_value_get_string(a);
        other = g_value_get_string(b);
        return g_utf8_collate(text ? text : "", other ? other : ""); /* NULL in a new row */
    case G_TYPE_DOUBLE:
        return (g_value_get_double(a) > g_value_get_double(b)) -
               (g_value_get_double(a) < g_value_get_double(b));
    case G_TYPE_UINT:
        left = g_value_get_uint(a);
        right = g_value_get_uint(b);
        break;
    default:
        left = g_value_get_uint64(a);
        right = g_value_get_uint64(b);
        break;
    }
    return (left > right) - (left < right);
}

static int
compare_by(GtkTreeModel *model, GtkTreeIter *a, GtkTreeIter *b, int column)
{
    g_auto(GValue) left = G_VALUE_INIT;
    g_auto(GValue) right = G_VALUE_INIT;

    gtk_tree_model_get_value(model, a, column, &left);
    gtk_tree_model_get_value(model, b, column, &right);
    return compare_values(&left, &right);
}

/* What is equal, as the many at 0.0 %, goes by name whichever end is first; no two are the same. */
static int
compare_rows(GtkTreeModel *model, GtkTreeIter *a, GtkTreeIter *b, gpointer data)
{
    VmProcessTable *self = data;
    int column = COLUMN_NAME;
    int order = 0;
    GtkSortType type = GTK_SORT_ASCENDING;

    (void)gtk_tree_sortable_get_sort_column_id(GTK_TREE_SORTABLE(model), &column, &type);
    if (!self->kept) {
        order = compare_by(model, a, b, column);
        if (order != 0) {
            return order;
        }
    } else {
        order = compare_by(model, a, b, COLUMN_PLACE);
    }
    order = order != 0 ? order : compare_by(model, a, b, COLUMN_NAME);
    order = order != 0 ? order : compare_by(model, a, b, COLUMN_PID);
    return type == GTK_SORT_DESCENDING ? -order : order;
}

static guint
allowed_calls(const VmJail *jail, const VmPolicy *policy)
{
    const gboolean unknown = jail && vm_jail_is_foreign(jail) && jail->filter;

    return policy ? policy->count : unknown ? CALLS_UNKNOWN : 0;
}

double
vm_process_table_show(VmProcessTable *self, const VmProcess *process, const VmJail *jail,
                      const VmPolicy *policy, gint64 elapsed_us)
{
    GtkTreeIter row;
    guint64 before = 0;
    double share = 0;

    if (self->over && self->measured && !self->kept) {
        keep_order(self);
    }
    if (row_of(self, process->pid, &row)) {
        gtk_tree_model_get(GTK_TREE_MODEL(self->processes), &row, COLUMN_CPU_NS, &before, -1);
        if (elapsed_us > 0 && process->cpu_ns >= before) {
            share = (double)(process->cpu_ns - before) / NS_PER_US / (double)elapsed_us * PER_CENT;
        }
    } else {
        gtk_list_store_insert_with_values(self->processes, &row, -1, COLUMN_NAME, process->name,
                                          COLUMN_PID, process->pid, COLUMN_PLACE, G_MAXUINT, -1);
    }
    gtk_list_store_set(self->processes, &row, COLUMN_NAME, process->name, COLUMN_TASK,
                       vm_process_table_task(process->name), COLUMN_JAIL,
                       jail ? vm_jail_words(jail) : "…", COLUMN_CPU, share, COLUMN_MEMORY,
                       process->memory, COLUMN_CALLS, allowed_calls(jail, policy), COLUMN_BLOCKED,
                       jail ? jail->blocked : 0, COLUMN_RESTARTS, process->restarts, COLUMN_PID,
                       process->pid, COLUMN_CPU_NS, process->cpu_ns, COLUMN_SEEN, TRUE, -1);
    self->measuring |= before > 0 && elapsed_us > 0;
    return share;
}

void
vm_process_table_clear(VmProcessTable *self)
{
    self->kept = FALSE;
    self->measured = FALSE;
    show_arrow(self, TRUE);
    gtk_list_store_clear(self->processes);
}

guint
vm_process_table_get_restarts(VmProcessTable *self, guint pid)
{
    GtkTreeIter row;
    guint restarts = 0;

    if (row_of(self, pid, &row)) {
        gtk_tree_model_get(GTK_TREE_MODEL(self->processes), &row, COLUMN_RESTARTS, &restarts, -1);
    }
    return restarts;
}

guint
vm_process_table_get_pid(VmProcessTable *self, GtkTreePath *path)
{
    GtkTreeIter row;
    guint pid = 0;

    if (gtk_tree_model_get_iter(GTK_TREE_MODEL(self->processes), &row, path)) {
        gtk_tree_model_get(GTK_TREE_MODEL(self->processes), &row, COLUMN_PID, &pid, -1);
    }
    return pid;
}

/* What a column needs: the most that its header and cells were measured with while it was shown. */
static int
width_of(VmProcessTable *self, enum column column)
{
    int header = 0;
    int cells = 0;

    if (gtk_tree_view_column_get_visible(self->columns[column])) {
        gtk_widget_get_preferred_width(gtk_tree_view_column_get_button(self->columns[column]), NULL,
                                       &header);
        gtk_tree_view_column_cell_get_size(self->columns[column], NULL, NULL, NULL, &cells, NULL);
        self->widths[column] = MAX(self->widths[column], MAX(header, cells));
    }
    return self->widths[column];
}

static void
fit(VmProcessTable *self)
{
    static const enum column sacrifice[] = {COLUMN_PID, COLUMN_BLOCKED, COLUMN_JAIL, COLUMN_TASK,
                                            COLUMN_CALLS};
    int needed = 0;

    for (int i = 0; i <= COLUMN_PID; i++) {
        needed += width_of(self, (enum column)i);
    }
    for (guint i = 0; i < G_N_ELEMENTS(sacrifice); i++) {
        int width = width_of(self, sacrifice[i]);
        gtk_tree_view_column_set_visible(self->columns[sacrifice[i]], needed <= self->room);
        needed -= needed > self->room ? width : 0;
    }
}

void
vm_process_table_fit(VmProcessTable *self, int width)
{
    if (width != self->room) {
        self->room = width;
        fit(self);
    }
}

void
vm_process_table_sweep(VmProcessTable *self)
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
    self->measured |= self->measuring;
    self->measuring = FALSE;
    if (self->room > 0) {
        fit(self); /* a longer word may have come */
    }
}

static void
draw_number(GtkTreeViewColumn *column, GtkCellRenderer *cell, GtkTreeModel *model, GtkTreeIter *row,
            gpointer data)
{
    g_autofree char *text = NULL;
    int which = GPOINTER_TO_INT(data);

    if (which == COLUMN_CPU) {
        double share = 0;
        g_autofree char *number = NULL;
        gtk_tree_model_get(model, row, COLUMN_CPU, &share, -1);
        number = vm_words_decimal(share);
        text = g_strdup_printf(_("%s %%"), number);
    } else if (which == COLUMN_CALLS) {
        guint calls = 0;
        gtk_tree_model_get(model, row, COLUMN_CALLS, &calls, -1);
        text = calls == CALLS_UNKNOWN ? g_strdup(_("not known"))
               : calls                ? g_strdup_printf("%u", calls)
                                      : g_strdup(_("not limited"));
    } else {
        guint64 memory = 0;
        gtk_tree_model_get(model, row, COLUMN_MEMORY, &memory, -1);
        text = vm_words_size(memory);
    }
    g_object_set(cell, "text", text, NULL);
}

static void
add_column(VmProcessTable *self, const char *title, enum column column)
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
    gtk_tree_view_append_column(GTK_TREE_VIEW(self), view);
    self->columns[column] = view;
}

/* As the property "order" names them. */
static const char *const column_names[] = {"name",   "task",  "jail",    "cpu",
                                           "memory", "calls", "blocked", "pid"};

/* Before the rows are sorted: who asks for an order gets it, with the pointer over the rows too. */
static void
order_changed(VmProcessTable *self)
{
    self->kept = FALSE;
    g_object_notify_by_pspec(G_OBJECT(self), properties[PROP_ORDER]);
}

static void
vm_process_table_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
    VmProcessTable *self = VM_PROCESS_TABLE(object);
    int column = COLUMN_NAME;
    GtkSortType type = GTK_SORT_ASCENDING;

    if (id != PROP_ORDER) {
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
        return;
    }
    (void)gtk_tree_sortable_get_sort_column_id(GTK_TREE_SORTABLE(self->processes), &column, &type);
    if (column < 0 || column >= (int)G_N_ELEMENTS(column_names)) {
        column = COLUMN_NAME; /* no order */
        type = GTK_SORT_ASCENDING;
    }
    g_value_take_string(
        value, g_strconcat(type == GTK_SORT_DESCENDING ? "-" : "", column_names[column], NULL));
}

static void
vm_process_table_set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
    VmProcessTable *self = VM_PROCESS_TABLE(object);
    const char *order = g_value_get_string(value);
    gboolean largest = order && order[0] == '-';
    int column = -1;

    if (id != PROP_ORDER) {
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
        return;
    }
    for (guint i = 0; order && i < G_N_ELEMENTS(column_names); i++) {
        if (g_str_equal(order + largest, column_names[i])) {
            column = (int)i;
        }
    }
    if (column < 0) {
        column = COLUMN_CPU;
        largest = TRUE;
    }
    gtk_tree_sortable_set_sort_column_id(GTK_TREE_SORTABLE(self->processes), column,
                                         largest ? GTK_SORT_DESCENDING : GTK_SORT_ASCENDING);
}

static void
release_order(VmProcessTable *self)
{
    int column = COLUMN_NAME;
    GtkSortType type = GTK_SORT_ASCENDING;

    self->over = FALSE;
    if (self->kept && self->processes) {
        self->kept = FALSE;
        (void)gtk_tree_sortable_get_sort_column_id(GTK_TREE_SORTABLE(self->processes), &column,
                                                   &type);
        /* Sorts. */
        gtk_tree_sortable_set_sort_func(GTK_TREE_SORTABLE(self->processes), column, compare_rows,
                                        self, NULL);
        show_arrow(self, TRUE);
    }
}

static gboolean
vm_process_table_enter(GtkWidget *widget, GdkEventCrossing *event)
{
    VM_PROCESS_TABLE(widget)->over = TRUE;
    return GTK_WIDGET_CLASS(vm_process_table_parent_class)->enter_notify_event(widget, event);
}

static gboolean
vm_process_table_leave(GtkWidget *widget, GdkEventCrossing *event)
{
    if (event->detail != GDK_NOTIFY_INFERIOR) {
        release_order(VM_PROCESS_TABLE(widget));
    }
    return GTK_WIDGET_CLASS(vm_process_table_parent_class)->leave_notify_event(widget, event);
}

static void
vm_process_table_unmap(GtkWidget *widget)
{
    release_order(VM_PROCESS_TABLE(widget));
    GTK_WIDGET_CLASS(vm_process_table_parent_class)->unmap(widget);
}

static void
vm_process_table_dispose(GObject *object)
{
    g_clear_object(&VM_PROCESS_TABLE(object)->processes);
    G_OBJECT_CLASS(vm_process_table_parent_class)->dispose(object);
}

static void
vm_process_table_class_init(VmProcessTableClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(klass);

    G_OBJECT_CLASS(klass)->dispose = vm_process_table_dispose;
    G_OBJECT_CLASS(klass)->get_property = vm_process_table_get_property;
    G_OBJECT_CLASS(klass)->set_property = vm_process_table_set_property;
    widget_class->enter_notify_event = vm_process_table_enter;
    widget_class->leave_notify_event = vm_process_table_leave;
    widget_class->unmap = vm_process_table_unmap;
    properties[PROP_ORDER] =
        g_param_spec_string("order", NULL, NULL, "-cpu",
                            G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
    g_object_class_install_properties(G_OBJECT_CLASS(klass), N_PROPERTIES, properties);
}

static void
vm_process_table_init(VmProcessTable *self)
{
    self->processes =
        gtk_list_store_new(N_COLUMNS, G_TYPE_STRING, G_TYPE_STRING, G_TYPE_STRING, G_TYPE_DOUBLE,
                           G_TYPE_UINT64, G_TYPE_UINT, G_TYPE_UINT, G_TYPE_UINT, G_TYPE_UINT,
                           G_TYPE_UINT64, G_TYPE_BOOLEAN, G_TYPE_UINT);
    gtk_tree_view_set_model(GTK_TREE_VIEW(self), GTK_TREE_MODEL(self->processes));
    add_column(self, _("Process"), COLUMN_NAME);
    add_column(self, _("Task"), COLUMN_TASK);
    add_column(self, _("Jail"), COLUMN_JAIL);
    add_column(self, _("CPU"), COLUMN_CPU);
    add_column(self, _("Memory"), COLUMN_MEMORY);
    add_column(self, _("Calls allowed"), COLUMN_CALLS);
    add_column(self, _("Blocked"), COLUMN_BLOCKED);
    add_column(self, _("Process ID"), COLUMN_PID);
    for (int i = 0; i <= COLUMN_PID; i++) {
        gtk_tree_sortable_set_sort_func(GTK_TREE_SORTABLE(self->processes), i, compare_rows, self,
                                        NULL);
    }
    gtk_tree_sortable_set_sort_column_id(GTK_TREE_SORTABLE(self->processes), COLUMN_CPU,
                                         GTK_SORT_DESCENDING);
    g_signal_connect_object(self->processes, "sort-column-changed", G_CALLBACK(order_changed), self,
                            G_CONNECT_SWAPPED);
}
