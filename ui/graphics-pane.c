/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/graphics-pane.h"

#include <glib/gi18n.h>

#include "manager/model/words.h"

enum {
    COLUMN_ID,
    COLUMN_NAME,
    COLUMN_CAPSET,
    COLUMN_RESOURCES,
    COLUMN_MEMORY,
    COLUMN_STREAMS,
    COLUMN_FENCES,
    COLUMN_FAILED,
};

/* Counters of one answer. */
struct sample {
    gint64 time; /* monotonic, us; 0: there is none */
    guint64 flushes;
    guint64 commands;
    guint64 copied;
};

struct _VmGraphicsPane {
    GtkBox parent_instance;
    GtkExpander *expander;
    GtkLabel *frames_label;
    GtkLabel *frame_label;
    GtkLabel *memory_label;
    GtkLabel *fences_label;
    GtkLabel *failed_label;
    GtkTreeView *table;
    GtkListStore *contexts;

    struct sample last;
    gboolean asked;
    GCancellable *cancellable;
};

G_DEFINE_FINAL_TYPE(VmGraphicsPane, vm_graphics_pane, GTK_TYPE_BOX)

/* What kind of context, in the words of the guest's drivers. */
static const char *
capset_words(guint capset)
{
    static const char *const names[] = {NULL,    "virgl",        "virgl2", "gfxstream",
                                        "venus", "cross-domain", "drm"};

    return capset < G_N_ELEMENTS(names) && names[capset] ? names[capset] : "?";
}

static void
set_words(GtkLabel *label, char *words)
{
    gtk_label_set_text(label, words);
    g_free(words);
}

static guint64
counter(GVariantDict *counters, const char *name)
{
    guint64 value = 0;

    g_variant_dict_lookup(counters, name, "t", &value);
    return value;
}

/* What happened since the last answer, per picture that the guest finished. */
static void
show_rates(VmGraphicsPane *self, const struct sample *now)
{
    const struct sample *last = &self->last;
    guint64 frames = now->flushes - last->flushes;
    double seconds = (double)(now->time - last->time) / G_USEC_PER_SEC;
    g_autofree char *copied = NULL;

    if (last->time == 0 || now->flushes < last->flushes || seconds <= 0) {
        return;
    }
    if (frames == 0) {
        gtk_label_set_text(self->frames_label, _("None"));
        gtk_label_set_text(self->frame_label, "–");
        return;
    }
    copied = vm_words_size((now->copied - last->copied) / frames);
    set_words(self->frames_label,
              /* Translators: pictures per second, and how long one takes. */
              g_strdup_printf(_("%.1f per second, one each %.1f ms"), (double)frames / seconds,
                              seconds * 1000 / (double)frames));
    set_words(self->frame_label,
              g_strdup_printf(_("%.1f commands, %s copied"),
                              (double)(now->commands - last->commands) / (double)frames, copied));
}

static void
show_counters(VmGraphicsPane *self, GVariant *values)
{
    g_autoptr(GVariantDict) counters = g_variant_dict_new(values);
    const struct sample now = {.time = g_get_monotonic_time(),
                               .flushes = counter(counters, "Flushes"),
                               .commands = counter(counters, "Commands"),
                               .copied = counter(counters, "CopiedBytes")};
    g_autofree char *used = vm_words_size(counter(counters, "Memory"));
    g_autofree char *limit = vm_words_size(counter(counters, "MemoryLimit"));

    show_rates(self, &now);
    self->last = now;
    set_words(self->memory_label, g_strdup_printf(_("%s of %s in %u resources"), used, limit,
                                                  (guint)counter(counters, "Resources")));
    set_words(self->fences_label,
              g_strdup_printf(_("%" G_GUINT64_FORMAT ", of which %" G_GUINT64_FORMAT " wait"),
                              counter(counters, "Fences"), counter(counters, "WaitingFences")));
    set_words(self->failed_label,
              g_strdup_printf(_("%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT),
                              counter(counters, "FailedCommands"), now.commands));
}

static void
show_contexts(VmGraphicsPane *self, GVariantIter *contexts)
{
    const char *name;
    guint id;
    guint capset;
    guint64 n[6];

    gtk_list_store_clear(self->contexts);
    while (g_variant_iter_next(contexts, "(uu&stttttt)", &id, &capset, &name, &n[0], &n[1], &n[2],
                               &n[3], &n[4], &n[5])) {
        g_autofree char *memory = vm_words_size(n[1]);

        gtk_list_store_insert_with_values(
            self->contexts, NULL, -1, COLUMN_ID, id, COLUMN_NAME, name, COLUMN_CAPSET,
            capset_words(capset), COLUMN_RESOURCES, n[0], COLUMN_MEMORY, memory, COLUMN_STREAMS,
            n[2], COLUMN_FENCES, n[4], COLUMN_FAILED, n[5], -1);
    }
}

static void
counters_known(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(VmGraphicsPane) self = VM_GRAPHICS_PANE(data);
    g_autoptr(GVariant) answer =
        vm_connection_get_graphics_counters_finish(VM_CONNECTION(source), result, NULL);
    g_autoptr(GVariant) counters = NULL;
    g_autoptr(GVariantIter) contexts = NULL;

    self->asked = FALSE;
    if (!answer || !self->cancellable) {
        return;
    }
    g_variant_get(answer, "(@a{sv}a(uustttttt))", &counters, &contexts);
    show_counters(self, counters);
    show_contexts(self, contexts);
}

void
vm_graphics_pane_update(VmGraphicsPane *self, VmConnection *connection)
{
    g_return_if_fail(VM_IS_GRAPHICS_PANE(self));
    if (gtk_expander_get_expanded(self->expander) && !self->asked) {
        self->asked = TRUE;
        vm_connection_get_graphics_counters_async(connection, self->cancellable, counters_known,
                                                  g_object_ref(self));
    }
}

void
vm_graphics_pane_clear(VmGraphicsPane *self)
{
    g_return_if_fail(VM_IS_GRAPHICS_PANE(self));
    self->last = (struct sample){0};
    gtk_list_store_clear(self->contexts);
}

static void
add_column(VmGraphicsPane *self, const char *title, int column)
{
    GtkCellRenderer *cell = gtk_cell_renderer_text_new();
    GtkTreeViewColumn *view =
        gtk_tree_view_column_new_with_attributes(title, cell, "text", column, NULL);

    if (column != COLUMN_NAME && column != COLUMN_CAPSET) {
        gtk_cell_renderer_set_alignment(cell, 1, 0.5F);
        gtk_tree_view_column_set_alignment(view, 1);
    }
    g_object_set(cell, "ypad", 6, "xpad", 8, NULL);
    gtk_tree_view_column_set_expand(view, column == COLUMN_NAME);
    gtk_tree_view_append_column(self->table, view);
}

static void
vm_graphics_pane_dispose(GObject *object)
{
    VmGraphicsPane *self = VM_GRAPHICS_PANE(object);

    g_cancellable_cancel(self->cancellable);
    g_clear_object(&self->cancellable);
    G_OBJECT_CLASS(vm_graphics_pane_parent_class)->dispose(object);
}

static void
vm_graphics_pane_class_init(VmGraphicsPaneClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(klass);

    G_OBJECT_CLASS(klass)->dispose = vm_graphics_pane_dispose;
    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/org/vitrine/Vitrine/ui/graphics-pane.ui");
    gtk_widget_class_bind_template_child(widget_class, VmGraphicsPane, expander);
    gtk_widget_class_bind_template_child(widget_class, VmGraphicsPane, frames_label);
    gtk_widget_class_bind_template_child(widget_class, VmGraphicsPane, frame_label);
    gtk_widget_class_bind_template_child(widget_class, VmGraphicsPane, memory_label);
    gtk_widget_class_bind_template_child(widget_class, VmGraphicsPane, fences_label);
    gtk_widget_class_bind_template_child(widget_class, VmGraphicsPane, failed_label);
    gtk_widget_class_bind_template_child(widget_class, VmGraphicsPane, table);
    gtk_widget_class_bind_template_child(widget_class, VmGraphicsPane, contexts);
}

static void
vm_graphics_pane_init(VmGraphicsPane *self)
{
    self->cancellable = g_cancellable_new();
    gtk_widget_init_template(GTK_WIDGET(self));
    add_column(self, _("Context"), COLUMN_ID);
    add_column(self, _("Name"), COLUMN_NAME);
    add_column(self, _("Kind"), COLUMN_CAPSET);
    add_column(self, _("Resources"), COLUMN_RESOURCES);
    add_column(self, _("Memory"), COLUMN_MEMORY);
    add_column(self, _("Command streams"), COLUMN_STREAMS);
    add_column(self, _("Fences"), COLUMN_FENCES);
    add_column(self, _("Failed"), COLUMN_FAILED);
}
