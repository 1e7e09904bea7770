/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gi18n.h>
#include <string.h>

#include "manager/model/phrases.h"
#include "manager/model/words.h"
#include "ui/beat.h"
#include "ui/machine-slot.h"
#include "ui/statistics-private.h"
#include "ui/text-scale.h"
#include "ui/wrap-box.h"

#define NS_PER_US 1000
#define MARGINS   40
#define WIDE      900 /* below, cards have two lines */
#define NARROW    620 /* below, two cards in a row and the pane instead of the table */

G_DEFINE_FINAL_TYPE(VmStatisticsPage, vm_statistics_page, GTK_TYPE_BOX)

enum {
    SHOW_LOG,
    COPIED,
    N_SIGNALS
};
static guint signals[N_SIGNALS]; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */

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

static void
show_off(VmStatisticsPage *self)
{
    gboolean past = vm_statistics_cards_show_last_run(self);

    gtk_stack_set_visible_child_name(self->stack, past ? "running" : "off");
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
    gboolean ours = FALSE;
    const VmJail *foreign = NULL;

    for (guint i = 0; i < self->jails->len; i++) {
        const VmJail *jail = g_ptr_array_index(self->jails, i);
        whole += vm_jail_is_whole(jail);
        if (jail->part[0] && !vm_jail_is_whole(jail)) {
            weak = TRUE;
            foreign = vm_jail_is_foreign(jail) ? jail : foreign;
            ours = ours || !vm_jail_is_foreign(jail);
        }
    }
    title = g_strdup_printf(
        ngettext("%u of %u process is jailed", "%u of %u processes are jailed", self->jails->len),
        whole, self->jails->len);
    if (blocked) {
        detail = g_strdup_printf(_("%s was stopped for a forbidden call."), blocked->name);
    } else if (foreign && !ours) {
        detail = g_strdup_printf(
            _("%s was started by somebody else, who decides how it is jailed."), foreign->name);
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

/* Where there is little room the pane is a page of its own. */
static void
place_pane(VmStatisticsPage *self)
{
    gboolean open = self->shown_pid != 0;
    int width = gtk_widget_get_allocated_width(GTK_WIDGET(self));
    gboolean narrow = width < vm_text_scaled(GTK_WIDGET(self), NARROW);

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
        vm_process_pane_show(self->pane, jail, vm_process_table_task(jail->name),
                             vm_process_table_get_restarts(self->table, jail->pid),
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
    self->shown_pid = vm_process_table_get_pid(self->table, path);
    show_pane(self);
    if (self->shown_pid) {
        gtk_widget_child_focus(GTK_WIDGET(self->pane), GTK_DIR_TAB_FORWARD);
    }
}

static void
pane_closed(VmStatisticsPage *self)
{
    self->shown_pid = 0;
    place_pane(self);
    gtk_widget_grab_focus(GTK_WIDGET(self->table));
}

GtkWidget *
vm_statistics_page_get_pane(VmStatisticsPage *self)
{
    g_return_val_if_fail(VM_IS_STATISTICS_PAGE(self), NULL);
    return self->shown_pid != 0 ? GTK_WIDGET(self->pane) : NULL;
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
        const VmJail *jail = jail_of(self, process->pid);
        double share =
            vm_process_table_show(self->table, process, jail, policy_of(self, jail), elapsed);
        memory += process->memory;
        if (strcmp(process->name, "machine") == 0) {
            guest_share = share;
        }
    }
    vm_process_table_sweep(self->table);
    if (self->sampled) {
        vm_statistics_cards_show_processor(self, guest_share);
    }
    vm_statistics_cards_show_own(self, memory, processes->len);
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
    vm_connection_get_totals_async(connection, self->cancellable, vm_statistics_cards_totals_known,
                                   g_object_ref(self));
}

/* What the graphics card draws with, and why: the supervisor's sentence. */
static void
show_graphics(VmStatisticsPage *self, VmConnection *connection)
{
    const char *sentence = vm_connection_get_graphics_sentence(connection);
    g_autofree char *line = NULL;

    if (sentence && sentence[0]) {
        g_autofree char *words = vm_phrase_dup(sentence);
        line = g_strdup_printf(_("Graphics: %s"), words);
        gtk_label_set_text(self->graphics_line, line);
    }
    gtk_widget_set_visible(GTK_WIDGET(self->graphics_line), line != NULL);
    gtk_widget_set_visible(GTK_WIDGET(self->graphics_pane), line != NULL);
    if (line) {
        vm_graphics_pane_update(self->graphics_pane, connection);
    }
}

static void
second_passed(GtkWidget *widget)
{
    VmStatisticsPage *self = VM_STATISTICS_PAGE(widget);
    VmConnection *connection = self->machine ? vm_machine_get_connection(self->machine) : NULL;

    if (connection && !self->asked && vm_connection_get_state(connection) == VM_CONNECTION_READY) {
        ask(self, connection);
        if (vm_statistics_cards_show_hours(self)) {
            vm_statistics_cards_show_hour(self);
        }
        show_graphics(self, connection);
    }
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
    second_passed(widget);
}

/* Cards and table have what the pane leaves. */
static void
vm_statistics_page_size_allocate(GtkWidget *widget, GtkAllocation *allocation)
{
    VmStatisticsPage *self = VM_STATISTICS_PAGE(widget);
    VmStatisticCard *cards[] = {self->processor, self->memory, self->disk, self->own};
    int narrow = vm_text_scaled(widget, NARROW);
    int width = allocation->width;
    int pane = 0;

    if (self->shown_pid && width >= narrow) {
        gtk_widget_get_preferred_width(GTK_WIDGET(self->pane), &pane, NULL);
        width -= pane;
    }
    gboolean two = width < narrow;
    gboolean compact = !two && width < vm_text_scaled(widget, WIDE);

    for (guint i = 0; i < G_N_ELEMENTS(cards); i++) {
        vm_statistic_card_set_compact(cards[i], compact);
    }
    gtk_flow_box_set_max_children_per_line(self->cards_box, two ? 2 : 4);
    gtk_flow_box_set_min_children_per_line(self->cards_box, two ? 2 : 4);
    vm_process_table_fit(self->table, width - MARGINS);
    GTK_WIDGET_CLASS(vm_statistics_page_parent_class)->size_allocate(widget, allocation);
}

static void
vm_statistics_page_dispose(GObject *object)
{
    VmStatisticsPage *self = VM_STATISTICS_PAGE(object);

    g_cancellable_cancel(self->cancellable);
    g_clear_object(&self->cancellable);
    g_clear_object(&self->machine);
    g_clear_pointer(&self->jails, g_ptr_array_unref);
    g_clear_pointer(&self->policies, g_hash_table_unref);
    G_OBJECT_CLASS(vm_statistics_page_parent_class)->dispose(object);
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
    widget_class->size_allocate = vm_statistics_page_size_allocate;
    g_type_ensure(VM_TYPE_PROCESS_PANE);
    g_type_ensure(VM_TYPE_PROCESS_TABLE);
    g_type_ensure(VM_TYPE_GRAPHICS_PANE);
    g_type_ensure(VM_TYPE_WRAP_BOX);
    signals[SHOW_LOG] = g_signal_new("show-log", VM_TYPE_STATISTICS_PAGE, G_SIGNAL_RUN_LAST, 0,
                                     NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
    signals[COPIED] = g_signal_new("copied", VM_TYPE_STATISTICS_PAGE, G_SIGNAL_RUN_LAST, 0, NULL,
                                   NULL, NULL, G_TYPE_NONE, 0);
    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/org/vitrine/Vitrine/ui/statistics-page.ui");
    gtk_widget_class_bind_template_child(widget_class, VmStatisticsPage, stack);
    gtk_widget_class_bind_template_child(widget_class, VmStatisticsPage, cards_box);
    gtk_widget_class_bind_template_child(widget_class, VmStatisticsPage, range_combo);
    gtk_widget_class_bind_template_child(widget_class, VmStatisticsPage, past_label);
    gtk_widget_class_bind_template_child(widget_class, VmStatisticsPage, none_label);
    gtk_widget_class_bind_template_child(widget_class, VmStatisticsPage, sandbox_bar);
    gtk_widget_class_bind_template_child(widget_class, VmStatisticsPage, table_frame);
    gtk_widget_class_bind_template_child(widget_class, VmStatisticsPage, sandbox_image);
    gtk_widget_class_bind_template_child(widget_class, VmStatisticsPage, sandbox_title);
    gtk_widget_class_bind_template_child(widget_class, VmStatisticsPage, sandbox_detail);
    gtk_widget_class_bind_template_child(widget_class, VmStatisticsPage, graphics_line);
    gtk_widget_class_bind_template_child(widget_class, VmStatisticsPage, graphics_pane);
    gtk_widget_class_bind_template_child(widget_class, VmStatisticsPage, main_scroll);
    gtk_widget_class_bind_template_child(widget_class, VmStatisticsPage, pane_revealer);
    gtk_widget_class_bind_template_child(widget_class, VmStatisticsPage, pane);
    gtk_widget_class_bind_template_child(widget_class, VmStatisticsPage, table);
    gtk_widget_class_bind_template_callback(widget_class, row_activated);
    gtk_widget_class_bind_template_callback(widget_class, copy_report);
    gtk_widget_class_bind_template_callback(widget_class, vm_statistics_cards_range_changed);
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
    vm_history_graph_set_rates(vm_statistic_card_get_graph(self->disk));
    vm_history_graph_set_rates(vm_statistic_card_get_graph(self->own));
    vm_beat_join(GTK_WIDGET(self), second_passed);
}

static void
connection_changed(VmStatisticsPage *self)
{
    VmStatisticCard *cards[] = {self->processor, self->memory, self->disk, self->own};

    vm_process_table_clear(self->table);
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
    if (self->machine && vm_machine_get_connection(self->machine)) {
        vm_statistics_cards_set_past(self, FALSE);
        gtk_stack_set_visible_child_name(self->stack, "off");
    } else {
        show_off(self);
    }
}

static void
name_table(VmStatisticsPage *self)
{
    /* Translators: accessible name of the table; %s is a machine. */
    g_autofree char *name =
        g_strdup_printf(_("Processes of %s"), vm_machine_get_title(self->machine));

    atk_object_set_name(gtk_widget_get_accessible(GTK_WIDGET(self->table)), name);
}

void
vm_statistics_page_set_machine(VmStatisticsPage *self, VmMachine *machine)
{
    if (!vm_machine_slot_set(&self->machine, machine, self)) {
        return;
    }
    if (machine) {
        g_signal_connect_object(machine, "notify::connection", G_CALLBACK(connection_changed), self,
                                G_CONNECT_SWAPPED);
        g_signal_connect_object(machine, "notify::title", G_CALLBACK(name_table), self,
                                G_CONNECT_SWAPPED);
        name_table(self);
    }
    connection_changed(self);
}

VmProcessTable *
vm_statistics_page_get_table(VmStatisticsPage *self)
{
    return self->table;
}
