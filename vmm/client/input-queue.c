/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/client/input-queue.h"

#include "vmm/client/private.h"

enum {
    IN_FLIGHT_MAX = 16,
    WAITING_MAX = 4096,
};

struct waiting_call {
    const char *interface;
    const char *method;
    GVariant *arguments;
};

struct _VmInputQueue {
    GObject parent_instance;
    GDBusConnection *link;
    char *path;
    GQueue waiting; /* struct waiting_call */
    guint in_flight;
};

G_DEFINE_FINAL_TYPE(VmInputQueue, vm_input_queue, G_TYPE_OBJECT)

static guint stalled; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */

static void
waiting_call_free(gpointer data)
{
    struct waiting_call *call = data;

    g_variant_unref(call->arguments);
    g_free(call);
}

static void send_some(VmInputQueue *self);

static void
handle_answer(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(VmInputQueue) self = VM_INPUT_QUEUE(user_data);
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) reply =
        g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);

    self->in_flight--;
    if (!reply && g_error_matches(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT)) {
        /* What was typed meanwhile must not arrive later all at once. */
        g_queue_clear_full(&self->waiting, waiting_call_free);
        g_signal_emit(self, stalled, 0);
    }
    send_some(self);
}

static void
send_some(VmInputQueue *self)
{
    while (self->in_flight < IN_FLIGHT_MAX && !g_queue_is_empty(&self->waiting)) {
        struct waiting_call *call = g_queue_pop_head(&self->waiting);

        self->in_flight++;
        g_dbus_connection_call(self->link, NULL, self->path, call->interface, call->method,
                               call->arguments, NULL, G_DBUS_CALL_FLAGS_NONE, VM_CALL_TIMEOUT_MS,
                               NULL, handle_answer, g_object_ref(self));
        waiting_call_free(call);
    }
}

void
vm_input_queue_push(VmInputQueue *self, const char *interface, const char *method,
                    GVariant *arguments)
{
    struct waiting_call *last = g_queue_peek_tail(&self->waiting);
    struct waiting_call *call;

    g_return_if_fail(VM_IS_INPUT_QUEUE(self));
    g_variant_ref_sink(arguments);
    if (last && g_str_equal(method, "SetAbsPosition") && g_str_equal(last->method, method)) {
        g_variant_unref(last->arguments);
        last->arguments = arguments;
        return;
    }
    if (g_queue_get_length(&self->waiting) >= WAITING_MAX) {
        g_variant_unref(arguments);
        return;
    }
    call = g_new(struct waiting_call, 1);
    *call = (struct waiting_call){interface, method, arguments};
    g_queue_push_tail(&self->waiting, call);
    send_some(self);
}

gboolean
vm_input_queue_is_busy(VmInputQueue *self)
{
    g_return_val_if_fail(VM_IS_INPUT_QUEUE(self), FALSE);
    return self->in_flight > 0 || !g_queue_is_empty(&self->waiting);
}

static void
vm_input_queue_finalize(GObject *object)
{
    VmInputQueue *self = VM_INPUT_QUEUE(object);

    g_queue_clear_full(&self->waiting, waiting_call_free);
    g_clear_object(&self->link);
    g_clear_pointer(&self->path, g_free);
    G_OBJECT_CLASS(vm_input_queue_parent_class)->finalize(object);
}

static void
vm_input_queue_class_init(VmInputQueueClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = vm_input_queue_finalize;
    stalled = g_signal_new("stalled", G_TYPE_FROM_CLASS(klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                           NULL, G_TYPE_NONE, 0);
}

static void
vm_input_queue_init(VmInputQueue *self)
{
    g_queue_init(&self->waiting);
}

VmInputQueue *
vm_input_queue_new(GDBusConnection *link, const char *path)
{
    VmInputQueue *self = g_object_new(VM_TYPE_INPUT_QUEUE, NULL);

    self->link = g_object_ref(link);
    self->path = g_strdup(path);
    return self;
}
