/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/client/vm-trace.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gunixfdlist.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/base/trace-ring.h"
#include "vmm/client/private.h"

#define TRACING "org.vitrine.Vmm1.Tracing"

enum {
    RINGS_MAX = 64
};

/* One process. */
struct ring {
    char *process;
    struct trace_ring *memory; /* read-only */
    guint64 next;              /* number of the record to read next */
};

/* A record that was read. */
struct found {
    struct trace_record record;
    const struct ring *ring;
    guint64 number; /* in its ring */
};

struct _VmTrace {
    GObject parent_instance;
    GArray *rings;
    GArray *found; /* of the last poll */
    guint taken;   /* of them */
    guint events;
    guint64 lost;
};

G_DEFINE_FINAL_TYPE(VmTrace, vm_trace, G_TYPE_OBJECT)

static const struct {
    const char *name;
    const char *help;
} known[] = {
    [TRACE_EXIT] = {"exit", "a processor left the guest: why, and at which port or address"},
    [TRACE_ENTER] = {"enter", "it goes back to the guest"},
    [TRACE_KICK] = {"kick", "a device heard of work in a queue"},
    [TRACE_REQUEST] = {"request", "it took a request"},
    [TRACE_COMPLETE] = {"complete", "it gave a request back"},
    [TRACE_INTERRUPT] = {"interrupt", "it told the guest"},
    [TRACE_LINE] = {"line", "the machine set an interrupt line"},
    [TRACE_MESSAGE] = {"message", "the machine sent a message-signalled interrupt itself"},
};
G_STATIC_ASSERT(G_N_ELEMENTS(known) == TRACE_EVENTS);

guint
vm_trace_find_event(const char *name)
{
    for (guint i = 0; i < G_N_ELEMENTS(known); i++) {
        if (g_str_equal(known[i].name, name)) {
            return 1U << i;
        }
    }
    return 0;
}

const char *
vm_trace_get_event_name(guint index)
{
    return index < G_N_ELEMENTS(known) ? known[index].name : NULL;
}

const char *
vm_trace_get_event_help(guint index)
{
    g_return_val_if_fail(index < G_N_ELEMENTS(known), NULL);
    return known[index].help;
}

/* -- rings -- */

static void
ring_clear(gpointer data)
{
    struct ring *ring = data;

    g_free(ring->process);
    munmap(ring->memory, sizeof(*ring->memory));
}

/* FALSE: it is none, or might shrink under us. */
static gboolean
ring_open(struct ring *ring, const char *process, int fd)
{
    int seals = fcntl(fd, F_GET_SEALS);
    struct stat st;
    void *memory;

    if (seals < 0 || !(seals & F_SEAL_SHRINK) || fstat(fd, &st) < 0 ||
        st.st_size < (off_t)sizeof(*ring->memory)) {
        return FALSE;
    }
    memory = mmap(NULL, sizeof(*ring->memory), PROT_READ, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) {
        return FALSE;
    }
    ring->process = g_strdup(process);
    ring->memory = memory;
    ring->next = __atomic_load_n(&ring->memory->next, __ATOMIC_ACQUIRE);
    return TRUE;
}

enum taken {
    TAKEN,
    NOT_YET, /* its writer is not done */
    GONE,    /* the writer has come round */
};

static enum taken
ring_take(const struct ring *ring, struct trace_record *ret_record)
{
    const struct trace_record *record = &ring->memory->record[ring->next % TRACE_RECORDS];
    guint64 stamp = __atomic_load_n(&record->stamp, __ATOMIC_ACQUIRE);

    if (stamp != ring->next + 1) {
        return stamp > ring->next + 1 ? GONE : NOT_YET;
    }
    ret_record->time_ns = __atomic_load_n(&record->time_ns, __ATOMIC_RELAXED);
    ret_record->event = __atomic_load_n(&record->event, __ATOMIC_RELAXED);
    for (guint i = 0; i < TRACE_ARGUMENTS; i++) {
        ret_record->argument[i] = __atomic_load_n(&record->argument[i], __ATOMIC_RELAXED);
    }
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return __atomic_load_n(&record->stamp, __ATOMIC_RELAXED) == ring->next + 1 ? TAKEN : GONE;
}

static void
ring_read(VmTrace *self, struct ring *ring)
{
    const guint64 end = __atomic_load_n(&ring->memory->next, __ATOMIC_ACQUIRE);
    struct found found = {.ring = ring};

    if (end - ring->next > TRACE_RECORDS) { /* also where the writer counts backwards */
        self->lost += end - ring->next - TRACE_RECORDS;
        ring->next = end - TRACE_RECORDS;
    }
    for (; ring->next != end; ring->next++) {
        enum taken taken = ring_take(ring, &found.record);

        if (taken == NOT_YET) {
            return;
        }
        if (taken == GONE) {
            self->lost++;
        } else if (found.record.event < TRACE_EVENTS &&
                   (self->events & (1U << found.record.event))) {
            found.number = ring->next;
            g_array_append_val(self->found, found);
        }
    }
}

static gint
compare_times(gconstpointer a, gconstpointer b)
{
    const struct found *first = a;
    const struct found *second = b;

    if (first->record.time_ns != second->record.time_ns) {
        return first->record.time_ns < second->record.time_ns ? -1 : 1;
    }
    return first->number < second->number ? -1 : 1; /* of one thread, where the clock is coarse */
}

guint
vm_trace_poll(VmTrace *self)
{
    g_return_val_if_fail(VM_IS_TRACE(self), 0);
    g_array_remove_range(self->found, 0, self->taken);
    self->taken = 0;
    for (guint i = 0; i < self->rings->len; i++) {
        ring_read(self, &g_array_index(self->rings, struct ring, i));
    }
    g_array_sort(self->found, compare_times);
    return self->found->len;
}

static char *
describe(const struct trace_record *record)
{
    static const char *const exits[] = TRACE_EXIT_NAMES;
    const guint64 *a = record->argument;
    g_autofree char *where = NULL;
    const char *why;

    switch ((enum trace_event)record->event) {
    case TRACE_EXIT:
        why = a[1] < G_N_ELEMENTS(exits) ? exits[a[1]] : NULL;
        if (a[3] > 0) {
            where = g_strdup_printf(" %s %s 0x%" G_GINT64_MODIFIER "x size %" G_GUINT64_FORMAT,
                                    a[4] ? "write" : "read", a[1] == 2 ? "port" : "address", a[2],
                                    a[3]);
        }
        return g_strdup_printf("cpu %" G_GUINT64_FORMAT " %s(%" G_GUINT64_FORMAT ")%s", a[0],
                               why ? why : "other", a[1], where ? where : "");
    case TRACE_ENTER:
        return g_strdup_printf("cpu %" G_GUINT64_FORMAT, a[0]);
    case TRACE_KICK:
    case TRACE_INTERRUPT:
        return g_strdup_printf("queue %" G_GUINT64_FORMAT, a[0]);
    case TRACE_REQUEST:
        return g_strdup_printf("queue %" G_GUINT64_FORMAT " head %" G_GUINT64_FORMAT
                               " out %" G_GUINT64_FORMAT " in %" G_GUINT64_FORMAT,
                               a[0], a[1], a[2], a[3]);
    case TRACE_COMPLETE:
        return g_strdup_printf("queue %" G_GUINT64_FORMAT " head %" G_GUINT64_FORMAT
                               " written %" G_GUINT64_FORMAT,
                               a[0], a[1], a[2]);
    case TRACE_LINE:
        return g_strdup_printf("gsi %" G_GUINT64_FORMAT " level %" G_GUINT64_FORMAT, a[0], a[1]);
    case TRACE_MESSAGE:
        return g_strdup_printf("address 0x%" G_GINT64_MODIFIER "x data 0x%" G_GINT64_MODIFIER "x",
                               a[0], a[1]);
    case TRACE_EVENTS:
        break;
    }
    return g_strdup("");
}

gboolean
vm_trace_next(VmTrace *self, VmTraceEvent *ret_event)
{
    const struct found *found;

    g_return_val_if_fail(VM_IS_TRACE(self), FALSE);
    if (self->taken == self->found->len) {
        return FALSE;
    }
    found = &g_array_index(self->found, struct found, self->taken++);
    *ret_event = (VmTraceEvent){
        .process = found->ring->process,
        .name = known[found->record.event].name,
        .time_ns = found->record.time_ns,
        .text = describe(&found->record),
    };
    return TRUE;
}

guint64
vm_trace_get_lost(VmTrace *self)
{
    g_return_val_if_fail(VM_IS_TRACE(self), 0);
    return self->lost;
}

static void
vm_trace_finalize(GObject *object)
{
    VmTrace *self = VM_TRACE(object);

    g_clear_pointer(&self->found, g_array_unref);
    g_clear_pointer(&self->rings, g_array_unref);
    G_OBJECT_CLASS(vm_trace_parent_class)->finalize(object);
}

static void
vm_trace_class_init(VmTraceClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = vm_trace_finalize;
}

static void
vm_trace_init(VmTrace *self)
{
    self->rings = g_array_sized_new(FALSE, FALSE, sizeof(struct ring), RINGS_MAX);
    g_array_set_clear_func(self->rings, ring_clear);
    self->found = g_array_new(FALSE, FALSE, sizeof(struct found));
}

/* -- the request -- */

VmTrace *
vm_trace_new_for_rings(GVariant *reply, GUnixFDList *fds, guint wanted, GError **error)
{
    g_autoptr(VmTrace) self = g_object_new(VM_TYPE_TRACE, NULL);
    g_autoptr(GVariantIter) iter = NULL;
    const char *process;
    gint32 handle;

    self->events = wanted;
    g_variant_get(reply, "(a(sh))", &iter);
    while (g_variant_iter_next(iter, "(&sh)", &process, &handle)) {
        struct ring ring = {0};
        int fd = -1;
        gboolean opened;

        if (fds && handle >= 0 && handle < g_unix_fd_list_get_length(fds)) {
            fd = g_unix_fd_list_get(fds, handle, error);
        }
        opened = fd >= 0 && self->rings->len < RINGS_MAX && ring_open(&ring, process, fd);
        if (fd >= 0) {
            close(fd);
        }
        if (!opened) {
            g_clear_error(error);
            g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "%s sent no ring", process);
            return NULL;
        }
        g_array_append_val(self->rings, ring);
    }
    return g_steal_pointer(&self);
}

static void
handle_started(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(GUnixFDList) fds = NULL;
    GError *error = NULL;
    g_autoptr(GVariant) reply = g_dbus_connection_call_with_unix_fd_list_finish(
        G_DBUS_CONNECTION(source), &fds, result, &error);
    VmTrace *trace = NULL;

    if (reply) {
        trace = vm_trace_new_for_rings(reply, fds, GPOINTER_TO_UINT(g_task_get_task_data(task)),
                                       &error);
    }
    if (trace) {
        g_task_return_pointer(task, trace, g_object_unref);
    } else {
        g_dbus_error_strip_remote_error(error);
        g_task_return_error(task, error);
    }
}

/* GIO's usual form. */
void
vm_connection_trace_async(VmConnection *self, guint events, GCancellable *cancellable,
                          GAsyncReadyCallback callback, gpointer user_data)
{
    GTask *task = g_task_new(self, cancellable, callback, user_data);
    GDBusConnection *link;

    g_return_if_fail(VM_IS_CONNECTION(self));
    events = events ? events : (1U << TRACE_EVENTS) - 1;
    g_task_set_task_data(task, GUINT_TO_POINTER(events), NULL);
    link = vm_connection_get_link(self);
    if (!link) {
        g_task_return_new_error(task, G_IO_ERROR, G_IO_ERROR_NOT_CONNECTED, "not connected");
        g_object_unref(task);
        return;
    }
    g_dbus_connection_call_with_unix_fd_list(
        link, NULL, VM_MACHINE_PATH, TRACING, "Start", g_variant_new("(u)", events),
        G_VARIANT_TYPE("(a(sh))"), G_DBUS_CALL_FLAGS_NONE, VM_CALL_TIMEOUT_MS, NULL, cancellable,
        handle_started, task);
}

VmTrace *
vm_connection_trace_finish(VmConnection *self, GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(result, self), NULL);
    return g_task_propagate_pointer(G_TASK(result), error);
}

void
vm_connection_trace_stop(VmConnection *self)
{
    GDBusConnection *link;

    g_return_if_fail(VM_IS_CONNECTION(self));
    link = vm_connection_get_link(self);
    if (link) {
        g_dbus_connection_call(link, NULL, VM_MACHINE_PATH, TRACING, "Stop", NULL, NULL,
                               G_DBUS_CALL_FLAGS_NONE, VM_CALL_TIMEOUT_MS, NULL, NULL, NULL);
    }
}
