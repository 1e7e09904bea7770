/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/memory-scale.h"

#include <glib/gi18n.h>

#include "manager/model/phrases.h"
#include "manager/model/words.h"
#include "ui/beat.h"
#include "ui/settings-row.h"

enum {
    MIB = 1 << 20,
    PRESET_MIB = 256, /* of a machine that does not say */
    STEP_MIB = 32,
    LEAST_PART = 8, /* of all that it may be asked to live with */
    LEAST_MIB = 16,
    SETTLE_MS = 300, /* after the last move, then the guest is asked */
    NEAR_MIB = 2,    /* as good as reached */
    PATIENCE = 10,   /* answers without a change */
    WIDTH = 160,
    FREE_TAG = 4, /* VIRTIO_BALLOON_S_MEMFREE, in bytes: virtio 1.2, section 5.5.6.3 */
    AVAILABLE_TAG = 6,
};

struct _VmMemoryScale {
    GtkScale parent_instance;
    VmMachine *machine;
    VmConnection *connection; /* that was asked; NULL while the machine cannot be */
    GCancellable *cancellable;
    guint64 total;     /* bytes */
    guint64 held;      /* that the guest has given, when it last answered */
    guint64 requested; /* that it was asked for */
    guint64 unused;    /* of what it has; 0: it does not say */
    guint still;       /* answers since `held` changed */
    guint timer;       /* the guest is to be asked for what the slider says */
    gboolean asking;
    gboolean sending;
    gboolean answered;
    gboolean filling;
};

G_DEFINE_FINAL_TYPE(VmMemoryScale, vm_memory_scale, GTK_TYPE_SCALE)

static void ask(GtkWidget *widget);

static VmSettingsRow *
row_of(VmMemoryScale *self)
{
    return VM_SETTINGS_ROW(gtk_widget_get_ancestor(GTK_WIDGET(self), VM_TYPE_SETTINGS_ROW));
}

/* ------------------------------------------------------------------ words */

/* Why it cannot be asked; NULL when it can. */
static const char *
why_not(VmMemoryScale *self)
{
    VmMachineState state = self->machine ? vm_machine_get_state(self->machine) : VM_MACHINE_OFF;
    VmJson *running = self->machine ? vm_machine_get_running_definition(self->machine) : NULL;

    if (running && !vm_json_get_bool(running, "balloon", TRUE)) {
        return _("It runs without the device for this: “balloon” is false in its configuration "
                 "file");
    }
    if (state == VM_MACHINE_PAUSED) {
        return _("While it is paused it can neither give nor take");
    }
    if (!running || state != VM_MACHINE_RUNNING) {
        return _("When it runs, memory goes back to this computer and to the guest again without "
                 "a restart");
    }
    return NULL;
}

static gboolean
is_near(guint64 one, guint64 other)
{
    return MAX(one, other) - MIN(one, other) <= NEAR_MIB * (guint64)MIB;
}

/* Without figures. */
static const char *
spoken_words(VmMemoryScale *self)
{
    const gboolean gives = self->held < self->requested;

    if (is_near(self->held, self->requested) || (!gives && self->still >= PATIENCE)) {
        return _("What is taken away goes to this computer, at once and until the machine is off");
    }
    if (self->still >= PATIENCE) {
        return _("The guest cannot spare more");
    }
    return gives ? _("The guest gives memory back…") : _("The guest takes memory again…");
}

static char *
dup_words(VmMemoryScale *self)
{
    const guint64 there = self->total - MIN(self->held, self->total);
    const char *spoken = spoken_words(self);
    g_autofree char *has = vm_words_size(there);
    g_autofree char *unused = vm_words_size(MIN(self->unused, there));
    g_autofree char *wanted = vm_words_size((guint64)gtk_range_get_value(GTK_RANGE(self)) * MIB);

    if (self->timer || !is_near(self->held, self->requested)) {
        /* Translators: what it has, what it is to have, a sentence. */
        return g_strdup_printf(_("The guest has %s and is to have %s. %s"), has, wanted, spoken);
    }
    if (self->unused == 0) {
        /* Translators: an amount of memory, then a sentence. */
        return g_strdup_printf(_("The guest has %s. %s"), has, spoken);
    }
    /* Translators: two amounts of memory, then a sentence. */
    return g_strdup_printf(_("The guest has %s, %s of them unused. %s"), has, unused, spoken);
}

static void
show_words(VmMemoryScale *self)
{
    const char *reason = why_not(self);
    g_autofree char *text = NULL;

    if (reason) {
        vm_settings_row_set_explain(row_of(self), reason, reason);
    } else if (!self->answered) {
        reason = _("The guest does not answer to this: its driver, virtio_balloon, is not loaded");
        vm_settings_row_set_explain(row_of(self), reason, reason);
    } else {
        text = dup_words(self);
        vm_settings_row_set_explain(row_of(self), text, spoken_words(self));
    }
    gtk_widget_set_sensitive(GTK_WIDGET(self), !reason);
}

/* ------------------------------------------------------------------ the guest */

/* What a person moves is not moved away. */
static void
show_size(VmMemoryScale *self)
{
    const guint64 left = (self->total - MIN(self->requested, self->total)) / MIB;

    if (self->timer || self->sending) {
        return;
    }
    self->filling = TRUE;
    gtk_range_set_value(GTK_RANGE(self), (double)left);
    self->filling = FALSE;
}

static void
size_came(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(VmMemoryScale) self = data;
    g_autoptr(GError) error = NULL;
    guint64 before = self->held;
    gboolean good = vm_connection_get_balloon_finish(VM_CONNECTION(source), result, &self->held,
                                                     &self->requested, &error);

    if (source != G_OBJECT(self->connection)) {
        return; /* another machine is shown */
    }
    self->asking = FALSE;
    if (good) {
        self->still = is_near(before, self->held) ? self->still + 1 : 0;
        self->answered = TRUE;
        show_size(self);
    }
    show_words(self);
}

/* Bytes of what the guest says it does not use, 0 when it does not say. */
static guint64
unused_of(GVariant *statistics)
{
    GVariantIter iter;
    guint16 tag = 0;
    guint64 value = 0;
    guint64 available = 0;
    guint64 unused = 0;

    g_variant_iter_init(&iter, statistics);
    while (g_variant_iter_next(&iter, "(qt)", &tag, &value)) {
        available = tag == AVAILABLE_TAG ? value : available;
        unused = tag == FREE_TAG ? value : unused;
    }
    return available ? available : unused;
}

/* Only a driver in the guest answers this; how much it holds, it tells without. */
static void
statistics_came(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(VmMemoryScale) self = data;
    VmConnection *connection = VM_CONNECTION(source);
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) statistics =
        vm_connection_get_memory_statistics_finish(connection, result, &error);

    if (connection != self->connection) {
        return;
    }
    if (statistics) {
        self->unused = MIN(unused_of(statistics), self->total);
    }
    if (statistics || self->answered) {
        vm_connection_get_balloon_async(connection, self->cancellable, size_came,
                                        g_object_ref(self));
        return;
    }
    self->asking = FALSE;
    show_words(self);
}

static void
ask(GtkWidget *widget)
{
    VmMemoryScale *self = VM_MEMORY_SCALE(widget);

    if (!self->connection || self->asking || why_not(self)) {
        return;
    }
    self->asking = TRUE;
    vm_connection_get_memory_statistics_async(self->connection, self->cancellable, statistics_came,
                                              g_object_ref(self));
}

static void
size_sent(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(VmMemoryScale) self = data;
    g_autoptr(GError) error = NULL;
    g_autofree char *words = NULL;
    gboolean good = vm_connection_set_balloon_finish(VM_CONNECTION(source), result, &error);

    if (source != G_OBJECT(self->connection)) {
        return;
    }
    self->sending = FALSE;
    words = good ? NULL : vm_phrase_dup(error->message);
    vm_settings_row_set_problem(row_of(self), words);
    if (good) {
        ask(GTK_WIDGET(self));
    } else {
        show_size(self);
    }
}

static gboolean
send_size(gpointer data)
{
    VmMemoryScale *self = VM_MEMORY_SCALE(data);
    guint64 left = (guint64)gtk_range_get_value(GTK_RANGE(self)) * MIB;

    self->timer = 0;
    self->requested = self->total - MIN(left, self->total);
    self->still = 0;
    self->sending = TRUE;
    vm_connection_set_balloon_async(self->connection, self->requested, self->cancellable, size_sent,
                                    g_object_ref(self));
    return G_SOURCE_REMOVE;
}

static void
value_changed(VmMemoryScale *self)
{
    if (self->filling || !self->connection) {
        return;
    }
    g_clear_handle_id(&self->timer, g_source_remove);
    self->timer = g_timeout_add(SETTLE_MS, send_size, self);
    show_words(self);
}

/* ------------------------------------------------------------------ the widget */

/* Whoever scrolls the page takes no memory away on the way. */
static gboolean
vm_memory_scale_scroll_event(GtkWidget *widget, GdkEventScroll *event)
{
    return GDK_EVENT_PROPAGATE;
}

static void
forget(VmMemoryScale *self)
{
    g_clear_handle_id(&self->timer, g_source_remove);
    if (self->cancellable) {
        g_cancellable_cancel(self->cancellable);
    }
    g_clear_object(&self->cancellable);
    g_clear_object(&self->connection);
    self->asking = FALSE;
    self->sending = FALSE;
    self->answered = FALSE;
    self->held = 0;
    self->requested = 0;
    self->unused = 0;
    self->still = 0;
}

static void
vm_memory_scale_dispose(GObject *object)
{
    forget(VM_MEMORY_SCALE(object));
    g_clear_object(&VM_MEMORY_SCALE(object)->machine);
    G_OBJECT_CLASS(vm_memory_scale_parent_class)->dispose(object);
}

static void
vm_memory_scale_map(GtkWidget *widget)
{
    GTK_WIDGET_CLASS(vm_memory_scale_parent_class)->map(widget);
    ask(widget);
}

static void
vm_memory_scale_class_init(VmMemoryScaleClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(klass);

    G_OBJECT_CLASS(klass)->dispose = vm_memory_scale_dispose;
    widget_class->scroll_event = vm_memory_scale_scroll_event;
    widget_class->map = vm_memory_scale_map;
}

static void
vm_memory_scale_init(VmMemoryScale *self)
{
    gtk_scale_set_digits(GTK_SCALE(self), 0);
    /* It would be the description, for GTK's readers, and hide ours; the row says it. */
    gtk_scale_set_draw_value(GTK_SCALE(self), FALSE);
    gtk_widget_set_size_request(GTK_WIDGET(self), WIDTH, -1);
    g_signal_connect(self, "value-changed", G_CALLBACK(value_changed), NULL);
    vm_beat_join(GTK_WIDGET(self), ask);
}

GtkWidget *
vm_memory_scale_new(void)
{
    GtkAdjustment *size = gtk_adjustment_new(1, 0, 1, STEP_MIB, STEP_MIB * (double)LEAST_PART, 0);

    return g_object_new(VM_TYPE_MEMORY_SCALE, "adjustment", size, NULL);
}

static guint64
total_mib(VmMachine *machine)
{
    VmJson *running = machine ? vm_machine_get_running_definition(machine) : NULL;
    VmJson *definition = machine ? vm_machine_get_definition(machine) : NULL;
    VmJson *json = running ? running : definition;
    gint64 mib = json ? vm_json_get_int(json, "mem.size", PRESET_MIB) : PRESET_MIB;

    return (guint64)CLAMP(mib, LEAST_MIB, G_MAXINT32);
}

void
vm_memory_scale_show(VmMemoryScale *self, VmMachine *machine)
{
    VmConnection *connection = machine ? vm_machine_get_connection(machine) : NULL;
    guint64 mib = total_mib(machine);

    if (machine != self->machine || connection != self->connection) {
        forget(self);
        g_set_object(&self->machine, machine);
        g_set_object(&self->connection, connection);
        self->cancellable = g_cancellable_new();
        vm_settings_row_set_problem(row_of(self), NULL);
    }
    if (self->total != mib * MIB) {
        self->total = mib * MIB;
        self->filling = TRUE;
        gtk_range_set_range(GTK_RANGE(self), (double)MIN(MAX(mib / LEAST_PART, LEAST_MIB), mib - 1),
                            (double)mib);
        self->filling = FALSE;
    }
    show_size(self);
    show_words(self);
    if (gtk_widget_get_mapped(GTK_WIDGET(self))) {
        ask(GTK_WIDGET(self));
    }
}
