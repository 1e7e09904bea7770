/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/graphics-pane.h"

#include <glib/gi18n.h>

#include "manager/model/trace-file.h"
#include "manager/model/words.h"
#include "ui/frame-histogram.h"
#include "ui/undo-toast.h"

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
    GtkLabel *capsets_label;
    GtkLabel *queue_label;
    GtkLabel *blobs_label;
    GtkLabel *times_label;
    VmFrameHistogram *histogram;
    GtkButton *trace_button;
    GtkLabel *trace_label;
    GtkLabel *renderer_label;
    GtkTreeView *table;
    GtkListStore *contexts;

    struct sample last;
    gboolean asked;
    gboolean unfolded;        /* and not brought into view yet */
    VmConnection *connection; /* that answered last, or NULL */
    GtkFileChooserNative *chooser;
    VmTraceFile *trace; /* while it is written, or NULL */
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
    g_autofree char *rate = NULL;
    g_autofree char *each = NULL;
    g_autofree char *commands = NULL;

    if (last->time == 0 || now->flushes < last->flushes || seconds <= 0) {
        return;
    }
    if (frames == 0) {
        gtk_label_set_text(self->frames_label, _("None"));
        gtk_label_set_text(self->frame_label, "–");
        return;
    }
    copied = vm_words_size((now->copied - last->copied) / frames);
    rate = vm_words_decimal((double)frames / seconds);
    each = vm_words_decimal(seconds * 1000 / (double)frames);
    commands = vm_words_decimal((double)(now->commands - last->commands) / (double)frames);
    set_words(self->frames_label,
              /* Translators: pictures per second, and how long one takes. */
              g_strdup_printf(_("%s per second, one each %s ms"), rate, each));
    set_words(self->frame_label, g_strdup_printf(_("%s commands, %s copied"), commands, copied));
}

/* "virgl, venus"; free with g_free(). */
static char *
dup_capsets(GVariantDict *counters)
{
    g_autoptr(GVariant) list =
        g_variant_dict_lookup_value(counters, "Capsets", G_VARIANT_TYPE("au"));
    GString *words = g_string_new(NULL);
    gsize n = 0;
    const guint32 *capset = list ? g_variant_get_fixed_array(list, &n, sizeof(*capset)) : NULL;

    for (gsize i = 0; i < n; i++) {
        g_string_append_printf(words, "%s%s", i ? ", " : "", capset_words(capset[i]));
    }
    return n > 0 ? g_string_free(words, FALSE) : (g_string_free(words, TRUE), g_strdup(_("None")));
}

static void
show_frame_times(VmGraphicsPane *self, GVariantDict *counters)
{
    g_autoptr(GVariant) list =
        g_variant_dict_lookup_value(counters, "FrameTimes", G_VARIANT_TYPE("au"));
    gsize n = 0;
    const guint32 *times = list ? g_variant_get_fixed_array(list, &n, sizeof(*times)) : NULL;

    vm_frame_histogram_set(self->histogram, times, n);
    set_words(self->times_label, vm_frame_histogram_dup_words(times, n));
}

static void
show_queue(VmGraphicsPane *self, GVariantDict *counters)
{
    guint size = (guint)counter(counters, "QueueSize");
    guint peak = (guint)counter(counters, "QueuePeak");

    set_words(self->queue_label,
              size == 0 ? g_strdup(_("Not set up by the guest"))
                        : g_strdup_printf(ngettext("At most %u request at once, of %u",
                                                   "At most %u requests at once, of %u", peak),
                                          peak, size));
    set_words(self->blobs_label,
              /* Translators: pieces of memory that the guest sees, and how many there may be. */
              g_strdup_printf(_("%u of %u mapped"), (guint)counter(counters, "MappedBlobs"),
                              (guint)counter(counters, "MappedBlobsLimit")));
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
    set_words(self->capsets_label, dup_capsets(counters));
    show_queue(self, counters);
    show_frame_times(self, counters);
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

/* What was unfolded is below the edge: show as much of it as there is room for. */
static gboolean
bring_into_view(gpointer data)
{
    GtkWidget *self = GTK_WIDGET(data);
    GtkWidget *view = gtk_widget_get_ancestor(self, GTK_TYPE_VIEWPORT);
    GtkWidget *content = view ? gtk_bin_get_child(GTK_BIN(view)) : NULL;
    GtkAllocation place;
    int y = 0;

    if (content && gtk_widget_get_mapped(self) &&
        gtk_widget_translate_coordinates(self, content, 0, 0, NULL, &y)) {
        gtk_widget_get_allocation(content, &place); /* in the viewport, without its margins */
        y += place.y;
        gtk_adjustment_clamp_page(gtk_scrollable_get_vadjustment(GTK_SCROLLABLE(view)), y,
                                  y + gtk_widget_get_allocated_height(self) + place.y);
    }
    return G_SOURCE_REMOVE;
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
    if (self->unfolded) {
        self->unfolded = FALSE;
        g_idle_add_full(G_PRIORITY_DEFAULT_IDLE, bring_into_view, g_object_ref(self),
                        g_object_unref);
    }
}

/* ------------------------------------------------------------------ trace */

static void
show_trace(VmGraphicsPane *self)
{
    guint count = self->trace ? (guint)vm_trace_file_get_count(self->trace) : 0;

    gtk_button_set_label(self->trace_button, self->trace ? _("Stop trace") : _("Start trace…"));
    gtk_widget_set_sensitive(GTK_WIDGET(self->trace_button), self->connection != NULL);
    set_words(self->trace_label,
              self->trace
                  ? g_strdup_printf(ngettext("%u event written", "%u events written", count), count)
                  : g_strdup(_("Writes when the card hears of work, takes a request, has done it "
                               "and tells the guest")));
}

static void
trace_ended(VmTraceFile *trace, const char *problem, VmGraphicsPane *self)
{
    VmUndoToast *toast = vm_undo_toast_find(GTK_WIDGET(self));
    g_autofree char *file = g_path_get_basename(vm_trace_file_get_path(trace));
    guint lost = (guint)MIN(vm_trace_file_get_lost(trace), G_MAXUINT);
    /* Translators: %s is the name of a file. */
    g_autofree char *saved = g_strdup_printf(_("Trace saved as “%s”"), file);
    g_autofree char *missed =
        g_strdup_printf(ngettext("Trace saved as “%s”; %u event came too fast",
                                 "Trace saved as “%s”; %u events came too fast", lost),
                        file, lost);

    if (toast) {
        vm_undo_toast_show_file(toast,
                                problem    ? problem
                                : lost > 0 ? missed
                                           : saved,
                                vm_trace_file_get_path(trace));
    }
    g_clear_object(&self->trace);
    show_trace(self);
}

static void
path_chosen(GtkNativeDialog *chooser, int response, VmGraphicsPane *self)
{
    VmUndoToast *toast = vm_undo_toast_find(GTK_WIDGET(self));
    g_autofree char *path = response == GTK_RESPONSE_ACCEPT
                                ? gtk_file_chooser_get_filename(GTK_FILE_CHOOSER(chooser))
                                : NULL;
    g_autoptr(GError) error = NULL;

    if (path && self->connection && !self->trace) { /* the machine may be gone meanwhile */
        self->trace = vm_trace_file_new(self->connection, path, "gpu", &error);
        if (self->trace) {
            g_signal_connect_object(self->trace, "ended", G_CALLBACK(trace_ended), self, 0);
        } else if (toast) {
            vm_undo_toast_show(toast, error->message, NULL, NULL, NULL, NULL, NULL);
        }
    }
    g_clear_object(&self->chooser);
    show_trace(self);
}

static void
choose_path(VmGraphicsPane *self)
{
    GtkWindow *window = GTK_WINDOW(gtk_widget_get_toplevel(GTK_WIDGET(self)));
    g_autoptr(GDateTime) now = g_date_time_new_now_local();
    g_autofree char *when = g_date_time_format(now, "%Y-%m-%d %H-%M-%S");
    g_autofree char *name = g_strdup_printf("%s %s.txt", _("Graphics trace"), when);

    self->chooser = gtk_file_chooser_native_new(_("Save trace"), window,
                                                GTK_FILE_CHOOSER_ACTION_SAVE, NULL, NULL);
    gtk_file_chooser_set_current_name(GTK_FILE_CHOOSER(self->chooser), name);
    gtk_file_chooser_set_do_overwrite_confirmation(GTK_FILE_CHOOSER(self->chooser), TRUE);
    gtk_native_dialog_set_modal(GTK_NATIVE_DIALOG(self->chooser), TRUE);
    g_signal_connect_object(self->chooser, "response", G_CALLBACK(path_chosen), self, 0);
    gtk_native_dialog_show(GTK_NATIVE_DIALOG(self->chooser));
}

static void
trace_pressed(VmGraphicsPane *self)
{
    if (self->trace) {
        vm_trace_file_stop(self->trace);
    } else if (!self->chooser) {
        choose_path(self);
    }
}

/* What the button does, or why it cannot: its action knows when. */
static void
show_renderer(VmGraphicsPane *self)
{
    const char *level = vm_connection_get_graphics(self->connection);
    const char *words = _("Ends what the guest draws in 3D; programs that start later draw again");

    if (g_strcmp0(level, "lost") == 0) {
        words = _("The card has crashed; restart the guest to have it again");
    } else if (g_strcmp0(level, "2d") == 0) {
        words = _("The card draws in 2D, without a renderer");
    }
    gtk_label_set_text(self->renderer_label, words);
}

void
vm_graphics_pane_update(VmGraphicsPane *self, VmConnection *connection)
{
    g_return_if_fail(VM_IS_GRAPHICS_PANE(self));
    g_set_object(&self->connection, connection);
    show_trace(self);
    show_renderer(self);
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
    vm_frame_histogram_set(self->histogram, NULL, 0);
    if (self->trace) {
        vm_trace_file_stop(self->trace);
    }
    g_clear_object(&self->connection);
    show_trace(self);
}

static void
folded_changed(VmGraphicsPane *self)
{
    self->unfolded = gtk_expander_get_expanded(self->expander);
}

static void
vm_graphics_pane_size_allocate(GtkWidget *widget, GtkAllocation *allocation)
{
    VmGraphicsPane *self = VM_GRAPHICS_PANE(widget);

    GTK_WIDGET_CLASS(vm_graphics_pane_parent_class)->size_allocate(widget, allocation);
    if (self->unfolded) {
        g_idle_add_full(G_PRIORITY_DEFAULT_IDLE, bring_into_view, g_object_ref(self),
                        g_object_unref);
    }
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
    g_clear_object(&self->chooser);
    g_clear_object(&self->trace);
    g_clear_object(&self->connection);
    G_OBJECT_CLASS(vm_graphics_pane_parent_class)->dispose(object);
}

static void
vm_graphics_pane_class_init(VmGraphicsPaneClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(klass);

    G_OBJECT_CLASS(klass)->dispose = vm_graphics_pane_dispose;
    widget_class->size_allocate = vm_graphics_pane_size_allocate;
    g_type_ensure(VM_TYPE_FRAME_HISTOGRAM);
    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/org/vitrine/Vitrine/ui/graphics-pane.ui");
    gtk_widget_class_bind_template_child(widget_class, VmGraphicsPane, expander);
    gtk_widget_class_bind_template_child(widget_class, VmGraphicsPane, frames_label);
    gtk_widget_class_bind_template_child(widget_class, VmGraphicsPane, frame_label);
    gtk_widget_class_bind_template_child(widget_class, VmGraphicsPane, memory_label);
    gtk_widget_class_bind_template_child(widget_class, VmGraphicsPane, fences_label);
    gtk_widget_class_bind_template_child(widget_class, VmGraphicsPane, failed_label);
    gtk_widget_class_bind_template_child(widget_class, VmGraphicsPane, capsets_label);
    gtk_widget_class_bind_template_child(widget_class, VmGraphicsPane, queue_label);
    gtk_widget_class_bind_template_child(widget_class, VmGraphicsPane, blobs_label);
    gtk_widget_class_bind_template_child(widget_class, VmGraphicsPane, times_label);
    gtk_widget_class_bind_template_child(widget_class, VmGraphicsPane, histogram);
    gtk_widget_class_bind_template_child(widget_class, VmGraphicsPane, trace_button);
    gtk_widget_class_bind_template_child(widget_class, VmGraphicsPane, trace_label);
    gtk_widget_class_bind_template_child(widget_class, VmGraphicsPane, renderer_label);
    gtk_widget_class_bind_template_callback(widget_class, trace_pressed);
    gtk_widget_class_bind_template_callback(widget_class, folded_changed);
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
