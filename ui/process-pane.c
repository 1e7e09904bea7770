/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/process-pane.h"

#include <glib/gi18n.h>

struct _VmProcessPane {
    GtkBox parent_instance;
    GtkImage *icon_image;
    GtkLabel *name_label;
    GtkLabel *task_label;
    GtkGrid *facts_grid;
    GtkLabel *calls_label;
    GtkTextView *calls_view;
    GtkButton *log_button;
    char *name;
    char *report;
    guint shown_pid;
};

G_DEFINE_FINAL_TYPE(VmProcessPane, vm_process_pane, GTK_TYPE_BOX)

enum {
    CLOSED,
    SHOW_LOG,
    N_SIGNALS
};
static guint signals[N_SIGNALS]; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */

gboolean
vm_jail_is_whole(const VmJail *jail)
{
    return jail->filter && jail->namespaces && jail->no_new_privileges && jail->capabilities == 0;
}

gboolean
vm_jail_is_foreign(const VmJail *jail)
{
    return g_str_equal(jail->part, "foreign");
}

const char *
vm_jail_words(const VmJail *jail)
{
    if (vm_jail_is_foreign(jail)) {
        return vm_jail_is_whole(jail)             ? _("Jailed, foreign")
               : jail->filter || jail->namespaces ? _("Partly jailed, foreign")
                                                  : _("Not jailed, foreign");
    }
    if (vm_jail_is_whole(jail)) {
        return _("Jailed");
    }
    return jail->filter || jail->namespaces ? _("Partly jailed") : _("Not jailed");
}

static gboolean
is_supervisor(const VmJail *jail)
{
    return jail->part[0] == '\0';
}

/* What it may see of the computer's files. */
static const char *
files_words(const VmJail *jail)
{
    if (is_supervisor(jail)) {
        return _("Yours: it opens them for the others");
    }
    if (vm_jail_is_foreign(jail)) {
        return jail->namespaces ? _("Not known") : _("What its user may open");
    }
    return jail->namespaces ? _("Empty root: none by itself") : _("What its user may open");
}

static const char *
memory_words(const VmJail *jail)
{
    if (is_supervisor(jail) || g_str_equal(jail->part, "display")) {
        return _("Own memory");
    }
    /* Said although it is no praise: every device maps the guest's memory. */
    return _("Guest memory, own memory");
}

static void
add_fact(VmProcessPane *self, const char *title, const char *words)
{
    GtkWidget *name = gtk_label_new(title);
    GtkWidget *value = gtk_label_new(words);
    g_autoptr(GList) rows = gtk_container_get_children(GTK_CONTAINER(self->facts_grid));
    int row = (int)g_list_length(rows) / 2;

    gtk_label_set_xalign(GTK_LABEL(name), 0);
    gtk_label_set_yalign(GTK_LABEL(name), 0);
    gtk_label_set_xalign(GTK_LABEL(value), 0);
    gtk_label_set_line_wrap(GTK_LABEL(value), TRUE);
    gtk_label_set_max_width_chars(GTK_LABEL(value), 24);
    gtk_style_context_add_class(gtk_widget_get_style_context(name), "dim-label");
    gtk_style_context_add_class(gtk_widget_get_style_context(name), "second");
    gtk_style_context_add_class(gtk_widget_get_style_context(value), "second");
    gtk_grid_attach(self->facts_grid, name, 0, row, 1, 1);
    gtk_grid_attach(self->facts_grid, value, 1, row, 1, 1);
    gtk_widget_show(name);
    gtk_widget_show(value);
}

static void
remove_fact(GtkWidget *fact, gpointer data)
{
    gtk_widget_destroy(fact);
}

static void
show_facts(VmProcessPane *self, const VmJail *jail, guint restarts)
{
    g_autofree char *capabilities =
        g_strdup_printf(_("Mask %#" G_GINT64_MODIFIER "x"), jail->capabilities);
    g_autofree char *descriptors = g_strdup_printf(_("At most %u"), jail->descriptors);
    g_autofree char *threads = g_strdup_printf("%u", jail->threads);
    g_autofree char *times = g_strdup_printf(_("%u so far"), restarts);
    g_autofree char *blocked = g_strdup_printf("%u", jail->blocked);

    gtk_container_foreach(GTK_CONTAINER(self->facts_grid), remove_fact, NULL);
    add_fact(self, _("Namespaces"),
             jail->namespaces           ? "user, pid, mount, net, ipc, uts"
             : vm_jail_is_foreign(jail) ? _("Not all its own")
                                        : _("None of its own"));
    add_fact(self, _("Files"), files_words(jail));
    add_fact(self, _("Capabilities"), jail->capabilities == 0 ? _("None") : capabilities);
    add_fact(self, _("More rights"),
             jail->no_new_privileges ? _("Can gain none") : _("Not ruled out"));
    add_fact(self, _("Open descriptors"),
             jail->descriptors          ? descriptors
             : vm_jail_is_foreign(jail) ? _("Not known")
                                        : _("As your login"));
    add_fact(self, _("Memory it can see"), memory_words(jail));
    add_fact(self, _("Threads"), threads);
    add_fact(self, _("Restarts"), times);
    add_fact(self, _("Blocked"), blocked);
}

/* The names, then numbered notes for those that are allowed with some arguments only. */
static char *
calls_text(const VmPolicy *policy)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < policy->calls->len; i++) {
        g_string_append_printf(text, "%s%s", i ? "  " : "",
                               (const char *)g_ptr_array_index(policy->calls, i));
    }
    if (policy->rules->len > 0) {
        g_string_append_printf(text, "\n\n%s\n", _("With these arguments only:"));
    }
    for (guint i = 0; i < policy->rules->len; i++) {
        g_string_append_printf(text, "%s\n", (const char *)g_ptr_array_index(policy->rules, i));
    }
    return g_string_free(text, FALSE);
}

char *
vm_jail_report(const VmJail *jail, const VmPolicy *policy)
{
    g_autofree char *calls = policy ? calls_text(policy) : NULL;

    return g_strdup_printf(
        "%s (process %u): %s\n"
        "  filter %s, namespaces %s, no new privileges %s, capabilities %#" G_GINT64_MODIFIER "x,\n"
        "  threads %u, descriptors at most %u, blocked %u\n  calls: %s\n",
        jail->name, jail->pid, vm_jail_is_whole(jail) ? "jailed" : "not whole",
        jail->filter ? "on" : "off", jail->namespaces ? "own" : "shared",
        jail->no_new_privileges ? "on" : "off", jail->capabilities, jail->threads,
        jail->descriptors, jail->blocked,
        calls                                      ? calls
        : vm_jail_is_foreign(jail) && jail->filter ? "not known"
                                                   : "not limited");
}

void
vm_process_pane_show(VmProcessPane *self, const VmJail *jail, const char *task, guint restarts,
                     const VmPolicy *policy)
{
    g_autofree char *subtitle = g_strdup_printf(_("%s · process %u"), task, jail->pid);
    g_autofree char *log = g_strdup_printf(_("Show log of %s"), jail->name);
    g_autofree char *report = vm_jail_report(jail, policy);
    const gboolean unknown = vm_jail_is_foreign(jail) && jail->filter;
    g_autofree char *calls = policy    ? calls_text(policy)
                             : unknown ? g_strdup(_("Not known"))
                                       : g_strdup(_("Not limited"));
    g_autofree char *count =
        policy ? g_strdup_printf(
                     ngettext("%u system call allowed", "%u system calls allowed", policy->count),
                     policy->count)
        : unknown ? g_strdup(_("Which system calls are allowed is not known"))
                  : g_strdup(_("System calls are not limited"));

    if (self->shown_pid == jail->pid && g_strcmp0(self->report, report) == 0) {
        return;
    }
    self->shown_pid = jail->pid;
    g_free(self->name);
    g_free(self->report);
    self->name = g_strdup(jail->name);
    self->report = g_steal_pointer(&report);
    gtk_image_set_from_icon_name(self->icon_image,
                                 vm_jail_is_whole(jail) ? "security-high-symbolic"
                                                        : "security-low-symbolic",
                                 GTK_ICON_SIZE_LARGE_TOOLBAR);
    gtk_label_set_text(self->name_label, jail->name);
    gtk_label_set_text(self->task_label, subtitle);
    gtk_label_set_text(self->calls_label, count);
    gtk_text_buffer_set_text(gtk_text_view_get_buffer(self->calls_view), calls, -1);
    gtk_button_set_label(self->log_button, log);
    show_facts(self, jail, restarts);
}

static void
close_clicked(VmProcessPane *self)
{
    g_signal_emit(self, signals[CLOSED], 0);
}

static void
copy_clicked(VmProcessPane *self)
{
    if (self->report) {
        gtk_clipboard_set_text(gtk_widget_get_clipboard(GTK_WIDGET(self), GDK_SELECTION_CLIPBOARD),
                               self->report, -1);
    }
}

static void
log_clicked(VmProcessPane *self)
{
    g_signal_emit(self, signals[SHOW_LOG], 0, self->name);
}

static gboolean
key_pressed(VmProcessPane *self, GdkEventKey *event)
{
    if (event->keyval == GDK_KEY_Escape) {
        close_clicked(self);
        return GDK_EVENT_STOP;
    }
    return GDK_EVENT_PROPAGATE;
}

static void
vm_process_pane_finalize(GObject *object)
{
    g_free(VM_PROCESS_PANE(object)->name);
    g_free(VM_PROCESS_PANE(object)->report);
    G_OBJECT_CLASS(vm_process_pane_parent_class)->finalize(object);
}

static void
vm_process_pane_class_init(VmProcessPaneClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(klass);

    G_OBJECT_CLASS(klass)->finalize = vm_process_pane_finalize;
    signals[CLOSED] = g_signal_new("closed", VM_TYPE_PROCESS_PANE, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                   NULL, G_TYPE_NONE, 0);
    signals[SHOW_LOG] = g_signal_new("show-log", VM_TYPE_PROCESS_PANE, G_SIGNAL_RUN_LAST, 0, NULL,
                                     NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/org/vitrine/Vitrine/ui/process-pane.ui");
    gtk_widget_class_bind_template_child(widget_class, VmProcessPane, icon_image);
    gtk_widget_class_bind_template_child(widget_class, VmProcessPane, name_label);
    gtk_widget_class_bind_template_child(widget_class, VmProcessPane, task_label);
    gtk_widget_class_bind_template_child(widget_class, VmProcessPane, facts_grid);
    gtk_widget_class_bind_template_child(widget_class, VmProcessPane, calls_label);
    gtk_widget_class_bind_template_child(widget_class, VmProcessPane, calls_view);
    gtk_widget_class_bind_template_child(widget_class, VmProcessPane, log_button);
    gtk_widget_class_bind_template_callback(widget_class, close_clicked);
    gtk_widget_class_bind_template_callback(widget_class, copy_clicked);
    gtk_widget_class_bind_template_callback(widget_class, log_clicked);
    gtk_widget_class_bind_template_callback(widget_class, key_pressed);
}

static void
vm_process_pane_init(VmProcessPane *self)
{
    gtk_widget_init_template(GTK_WIDGET(self));
}
