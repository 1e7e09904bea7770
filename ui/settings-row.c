/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/settings-row.h"

#include <glib/gi18n.h>

#include "ui/accessible.h"
#include "ui/wrap-box.h"

struct _VmSettingsRow {
    GtkListBoxRow parent_instance;
    VmWrapBox *row_box;
    GtkLabel *title_label;
    GtkLabel *explain_label;
    GtkWidget *restart_pill;
    GtkWidget *control;
    char *explain;
    char *fixed;  /* the file that decides */
    char *spoken; /* for readers; NULL: the same */
    gboolean has_problem;
};

G_DEFINE_FINAL_TYPE(VmSettingsRow, vm_settings_row, GTK_TYPE_LIST_BOX_ROW)

static void
vm_settings_row_finalize(GObject *object)
{
    g_free(VM_SETTINGS_ROW(object)->explain);
    g_free(VM_SETTINGS_ROW(object)->fixed);
    g_free(VM_SETTINGS_ROW(object)->spoken);
    G_OBJECT_CLASS(vm_settings_row_parent_class)->finalize(object);
}

static gboolean
has_focus(GtkWidget *row)
{
    GtkWidget *window = gtk_widget_get_toplevel(row);
    GtkWidget *focus = GTK_IS_WINDOW(window) ? gtk_window_get_focus(GTK_WINDOW(window)) : NULL;

    return focus && gtk_widget_is_ancestor(focus, row);
}

/*
 * A row of GTK's takes the focus before what is in it, which this one cannot: Tab would stay where it was. And
 * GTK's list leaves for what is behind it when the next row has nothing that can take it: the one after that is
 * asked then.
 */
static gboolean
vm_settings_row_focus(GtkWidget *widget, GtkDirectionType direction)
{
    const gboolean had = has_focus(widget);
    const int step = direction == GTK_DIR_TAB_BACKWARD || direction == GTK_DIR_UP ? -1 : 1;
    GtkWidget *list = gtk_widget_get_parent(widget);
    GtkListBoxRow *row = NULL;
    int at = gtk_list_box_row_get_index(GTK_LIST_BOX_ROW(widget));

    if (gtk_widget_child_focus(GTK_WIDGET(VM_SETTINGS_ROW(widget)->row_box), direction)) {
        return TRUE;
    }
    if (had || !GTK_IS_LIST_BOX(list)) {
        return FALSE;
    }
    do {
        at += step;
        row = gtk_list_box_get_row_at_index(GTK_LIST_BOX(list), at);
    } while (row && !gtk_widget_get_visible(GTK_WIDGET(row)));
    return row && gtk_widget_child_focus(GTK_WIDGET(row), direction);
}

static void
vm_settings_row_class_init(VmSettingsRowClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(klass);

    G_OBJECT_CLASS(klass)->finalize = vm_settings_row_finalize;
    widget_class->focus = vm_settings_row_focus;
    g_type_ensure(VM_TYPE_WRAP_BOX);
    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/org/vitrine/Vitrine/ui/settings-row.ui");
    gtk_widget_class_bind_template_child(widget_class, VmSettingsRow, row_box);
    gtk_widget_class_bind_template_child(widget_class, VmSettingsRow, title_label);
    gtk_widget_class_bind_template_child(widget_class, VmSettingsRow, explain_label);
    gtk_widget_class_bind_template_child(widget_class, VmSettingsRow, restart_pill);
}

static void
vm_settings_row_init(VmSettingsRow *self)
{
    gtk_widget_init_template(GTK_WIDGET(self));
}

/* As it is read out: why it does what it does, or what is wrong with it. */
static void
describe(VmSettingsRow *self, const char *text)
{
    vm_accessible_set_description(self->control, text ? text : "");
}

/* Without one a text of several lines cannot be told from the row. */
static GtkWidget *
frame_of(GtkWidget *control)
{
    GtkWidget *frame = NULL;

    if (!GTK_IS_TEXT_VIEW(control)) {
        return control;
    }
    frame = gtk_frame_new(NULL);
    gtk_style_context_add_class(gtk_widget_get_style_context(frame), "note");
    gtk_container_add(GTK_CONTAINER(frame), control);
    gtk_widget_show(control);
    return frame;
}

GtkWidget *
vm_settings_row_new(const char *title, const char *explain, GtkWidget *control)
{
    VmSettingsRow *self = g_object_new(VM_TYPE_SETTINGS_ROW, NULL);

    self->explain = g_strdup(explain);
    gtk_label_set_text(self->title_label, title);
    vm_settings_row_set_problem(self, NULL);
    if (control) {
        AtkObject *accessible = gtk_widget_get_accessible(control);
        GtkWidget *frame = frame_of(control);
        self->control = control;
        gtk_widget_set_valign(frame, GTK_ALIGN_CENTER);
        gtk_widget_show(frame);
        gtk_container_add(GTK_CONTAINER(self->row_box), frame);
        atk_object_set_name(accessible, title);
        atk_object_add_relationship(accessible, ATK_RELATION_LABELLED_BY,
                                    gtk_widget_get_accessible(GTK_WIDGET(self->title_label)));
        atk_object_add_relationship(accessible, ATK_RELATION_DESCRIBED_BY,
                                    gtk_widget_get_accessible(GTK_WIDGET(self->explain_label)));
        atk_object_add_relationship(accessible, ATK_RELATION_DESCRIBED_BY,
                                    gtk_widget_get_accessible(self->restart_pill));
        describe(self, explain);
    }
    return GTK_WIDGET(self);
}

GtkWidget *
vm_settings_row_get_control(VmSettingsRow *self)
{
    return self->control;
}

/* Where it is set; with what there is to say of it where no control shows that, as buttons do not. */
static char *
dup_fixed(VmSettingsRow *self)
{
    g_autofree char *text = NULL;

    if (!self->fixed) {
        return NULL;
    }
    /* Translators: %s is the path of a file that a definition includes. */
    text = g_strdup_printf(_("Set in %s"), self->fixed);
    return (self->control && !GTK_IS_BOX(self->control)) || !self->explain
               ? g_steal_pointer(&text)
               : g_strdup_printf("%s\n%s", self->explain, text);
}

void
vm_settings_row_set_problem(VmSettingsRow *self, const char *problem)
{
    GtkStyleContext *context = gtk_widget_get_style_context(GTK_WIDGET(self->explain_label));
    g_autofree char *fixed = dup_fixed(self);
    const char *text = problem ? problem : fixed ? fixed : self->explain;

    self->has_problem = problem != NULL;
    gtk_label_set_text(self->explain_label, text ? text : "");
    gtk_widget_set_visible(GTK_WIDGET(self->explain_label), text != NULL && text[0] != '\0');
    if (problem) {
        gtk_style_context_add_class(context, "check-bad");
        gtk_style_context_remove_class(context, "dim-label");
    } else {
        gtk_style_context_remove_class(context, "check-bad");
        gtk_style_context_add_class(context, "dim-label");
    }
    if (self->control) {
        GtkStyleContext *control = gtk_widget_get_style_context(self->control);
        describe(self, problem || fixed || !self->spoken ? text : self->spoken);
        if (problem) {
            gtk_style_context_add_class(control, "error");
        } else {
            gtk_style_context_remove_class(control, "error");
        }
    }
}

void
vm_settings_row_set_explain(VmSettingsRow *self, const char *explain, const char *spoken)
{
    if (g_strcmp0(self->explain, explain) == 0 && g_strcmp0(self->spoken, spoken) == 0) {
        return;
    }
    g_free(self->explain);
    g_free(self->spoken);
    self->explain = g_strdup(explain);
    self->spoken = g_strdup(spoken);
    if (!self->has_problem) {
        vm_settings_row_set_problem(self, NULL);
    }
}

void
vm_settings_row_set_fixed(VmSettingsRow *self, const char *file)
{
    if (g_strcmp0(self->fixed, file) == 0) {
        return;
    }
    g_free(self->fixed);
    self->fixed = g_strdup(file);
    if (self->control) {
        gtk_widget_set_sensitive(self->control, !file);
    }
    if (!self->has_problem) {
        vm_settings_row_set_problem(self, NULL);
    }
}

void
vm_settings_row_set_needs_restart(VmSettingsRow *self, gboolean needs)
{
    gtk_widget_set_visible(self->restart_pill, needs);
}

static gboolean
focus_content(GtkWidget *row, GtkDirectionType direction)
{
    if (!gtk_widget_child_focus(gtk_bin_get_child(GTK_BIN(row)), direction)) {
        g_signal_stop_emission_by_name(row, "focus");
        return GDK_EVENT_PROPAGATE;
    }
    return GDK_EVENT_STOP;
}

void
vm_settings_row_pass_focus_of(GtkWidget *row)
{
    g_signal_connect(row, "focus", G_CALLBACK(focus_content), NULL);
}

static void
pass_focus(GtkWidget *row, gpointer data)
{
    (void)data;
    vm_settings_row_pass_focus_of(row);
}

void
vm_settings_row_pass_focus(GtkListBox *list)
{
    gtk_container_foreach(GTK_CONTAINER(list), pass_focus, NULL);
}

static gboolean
enter_from_below(GtkWidget *list, GtkDirectionType direction, gpointer data)
{
    GtkContainer *container = GTK_CONTAINER(list);
    g_autoptr(GList) rows = NULL;

    (void)data;
    if ((direction != GTK_DIR_TAB_BACKWARD && direction != GTK_DIR_UP) ||
        gtk_container_get_focus_child(container)) {
        return GDK_EVENT_PROPAGATE;
    }
    rows = gtk_container_get_children(container);
    for (GList *at = g_list_last(rows); at; at = at->prev) {
        if (gtk_widget_get_visible(at->data) && gtk_widget_child_focus(at->data, direction)) {
            return GDK_EVENT_STOP;
        }
    }
    return GDK_EVENT_PROPAGATE;
}

void
vm_settings_row_enter_from_below(GtkListBox *list)
{
    g_signal_connect(list, "focus", G_CALLBACK(enter_from_below), NULL);
}
