/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "display/model.h"

#include "display/picture.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"

enum {
    STATISTICS_TIMEOUT_MS = 2000,
    DRAIN_MS = 1000,
    LAST_FRAME_MS = 300, /* the supervisor does not wait for long */
};

struct question {
    VmModelStatistics callback;
    gpointer user_data;
};

struct _VmModel {
    GObject parent_instance;
    char *name;
    char *uuid;
    VmSupervisorLink *supervisor;
    VmGpuLink *gpu;
    VmInputLink *input;
    GPtrArray *ports;
    guint client_count;
    GArray *questions; /* struct question; all are answered by the same message */
    guint question_timer;
    GHashTable *tracers; /* owner -> the events it wants */
};

G_DEFINE_FINAL_TYPE(VmModel, vm_model, G_TYPE_OBJECT)

static guint changed; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */

static void
emit_changed(VmModel *self)
{
    g_signal_emit(self, changed, 0);
}

static void
handle_screen_added(VmModel *self, VmScreen *screen)
{
    g_signal_connect_object(screen, "scanout-changed", G_CALLBACK(emit_changed), self,
                            G_CONNECT_SWAPPED);
}

static void
handle_screen_removed(VmModel *self, VmScreen *screen)
{
    g_signal_handlers_disconnect_by_data(screen, self);
}

static void
handle_state_changed(VmModel *self)
{
    if (vm_supervisor_link_get_state(self->supervisor)->state == DISPLAY_VM_STOPPED) {
        for (guint i = 0; i < self->ports->len; i++) {
            vm_port_drain(g_ptr_array_index(self->ports, i), DRAIN_MS);
        }
    }
    emit_changed(self);
}

static void
send_last_frame(const VmScanout *scanout, gpointer user_data)
{
    g_autoptr(VmModel) self = VM_MODEL(user_data);
    g_autoptr(GError) error = NULL;
    cleanup_fd int fd = vm_picture_write_ppm(scanout, &error);

    vm_supervisor_link_send_last_frame(self->supervisor, fd);
}

static void
handle_last_frame_wanted(VmModel *self)
{
    VmScreen *screen = NULL;

    for (guint i = 0; !screen && i < vm_gpu_link_get_maximum(self->gpu); i++) {
        screen = vm_gpu_link_get_screen(self->gpu, i);
    }
    if (screen) {
        vm_picture_read(screen, LAST_FRAME_MS, send_last_frame, g_object_ref(self));
    } else {
        vm_supervisor_link_send_last_frame(self->supervisor, -1);
    }
}

static void
answer_questions(VmModel *self, const struct display_statistics *statistics)
{
    g_autoptr(GArray) questions = g_steal_pointer(&self->questions);

    g_clear_handle_id(&self->question_timer, g_source_remove);
    self->questions = g_array_new(FALSE, FALSE, sizeof(struct question));
    for (guint i = 0; i < questions->len; i++) {
        const struct question *question = &g_array_index(questions, struct question, i);

        question->callback(statistics, question->user_data);
    }
}

static void
handle_statistics(VmModel *self, const struct display_statistics *statistics)
{
    answer_questions(self, statistics);
}

static gboolean
handle_no_answer(gpointer user_data)
{
    VmModel *self = VM_MODEL(user_data);

    self->question_timer = 0;
    answer_questions(self, NULL);
    return G_SOURCE_REMOVE;
}

void
vm_model_ask_statistics(VmModel *self, VmModelStatistics callback, gpointer user_data)
{
    const struct question question = {callback, user_data};

    g_return_if_fail(VM_IS_MODEL(self));
    g_array_append_val(self->questions, question);
    if (self->questions->len > 1) {
        return;
    }
    self->question_timer = g_timeout_add(STATISTICS_TIMEOUT_MS, handle_no_answer, self);
    if (!vm_supervisor_link_send(self->supervisor, DISPLAY_ASK_STATISTICS)) {
        answer_questions(self, NULL);
    }
}

static void
vm_model_finalize(GObject *object)
{
    VmModel *self = VM_MODEL(object);

    g_clear_handle_id(&self->question_timer, g_source_remove);
    g_clear_object(&self->supervisor);
    g_clear_object(&self->gpu);
    g_clear_object(&self->input);
    g_clear_pointer(&self->ports, g_ptr_array_unref);
    g_clear_pointer(&self->questions, g_array_unref);
    g_clear_pointer(&self->tracers, g_hash_table_unref);
    g_clear_pointer(&self->name, g_free);
    g_clear_pointer(&self->uuid, g_free);
    G_OBJECT_CLASS(vm_model_parent_class)->finalize(object);
}

static void
vm_model_class_init(VmModelClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = vm_model_finalize;
    changed = g_signal_new("changed", G_TYPE_FROM_CLASS(klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                           NULL, G_TYPE_NONE, 0);
}

static void
vm_model_init(VmModel *self)
{
    self->ports = g_ptr_array_new_with_free_func(g_object_unref);
    self->questions = g_array_new(FALSE, FALSE, sizeof(struct question));
    self->tracers = g_hash_table_new(g_direct_hash, g_direct_equal);
}

static void
connect_signals(VmModel *self)
{
    g_signal_connect_object(self->gpu, "screen-added", G_CALLBACK(handle_screen_added), self,
                            G_CONNECT_SWAPPED);
    g_signal_connect_object(self->gpu, "screen-removed", G_CALLBACK(handle_screen_removed), self,
                            G_CONNECT_SWAPPED);
    g_signal_connect_object(self->gpu, "mode-changed", G_CALLBACK(emit_changed), self,
                            G_CONNECT_SWAPPED);
    g_signal_connect_object(self->input, "modifiers-changed", G_CALLBACK(emit_changed), self,
                            G_CONNECT_SWAPPED);
    g_signal_connect_object(self->supervisor, "state-changed", G_CALLBACK(handle_state_changed),
                            self, G_CONNECT_SWAPPED);
    g_signal_connect_object(self->supervisor, "statistics", G_CALLBACK(handle_statistics), self,
                            G_CONNECT_SWAPPED);
    g_signal_connect_object(self->supervisor, "last-frame-wanted",
                            G_CALLBACK(handle_last_frame_wanted), self, G_CONNECT_SWAPPED);
}

VmModel *
vm_model_new(const struct display_setup *setup, VmSupervisorLink *supervisor, GError **error)
{
    g_autoptr(VmModel) self = g_object_new(VM_TYPE_MODEL, NULL);

    self->name = g_utf8_make_valid(setup->vm_name, -1);
    self->uuid = g_utf8_make_valid(setup->vm_uuid, -1);
    self->supervisor = g_object_ref(supervisor);
    self->gpu = vm_gpu_link_new(setup->gpu_fd);
    self->input = vm_input_link_new(setup->keyboard_fd, setup->pointer_fd);
    connect_signals(self);
    for (guint i = 0; i < setup->n_chardevs; i++) {
        VmPort *port = vm_port_new(&setup->chardev[i], error);

        if (!port) {
            return NULL;
        }
        g_ptr_array_add(self->ports, port);
    }
    return g_steal_pointer(&self);
}

const char *
vm_model_get_name(VmModel *self)
{
    g_return_val_if_fail(VM_IS_MODEL(self), NULL);
    return self->name;
}

const char *
vm_model_get_uuid(VmModel *self)
{
    g_return_val_if_fail(VM_IS_MODEL(self), NULL);
    return self->uuid;
}

VmSupervisorLink *
vm_model_get_supervisor(VmModel *self)
{
    g_return_val_if_fail(VM_IS_MODEL(self), NULL);
    return self->supervisor;
}

VmGpuLink *
vm_model_get_gpu(VmModel *self)
{
    g_return_val_if_fail(VM_IS_MODEL(self), NULL);
    return self->gpu;
}

VmInputLink *
vm_model_get_input(VmModel *self)
{
    g_return_val_if_fail(VM_IS_MODEL(self), NULL);
    return self->input;
}

GPtrArray *
vm_model_get_ports(VmModel *self)
{
    g_return_val_if_fail(VM_IS_MODEL(self), NULL);
    return self->ports;
}

guint
vm_model_get_client_count(VmModel *self)
{
    g_return_val_if_fail(VM_IS_MODEL(self), 0);
    return self->client_count;
}

void
vm_model_set_client_count(VmModel *self, guint count)
{
    g_return_if_fail(VM_IS_MODEL(self));
    if (self->client_count != count) {
        self->client_count = count;
        emit_changed(self);
    }
}

static guint32
wanted_events(VmModel *self)
{
    GHashTableIter iter;
    gpointer events;
    guint32 all = 0;

    g_hash_table_iter_init(&iter, self->tracers);
    while (g_hash_table_iter_next(&iter, NULL, &events)) {
        all |= GPOINTER_TO_UINT(events);
    }
    return all;
}

gboolean
vm_model_trace(VmModel *self, gpointer owner, guint32 events, VmTraced callback, gpointer user_data)
{
    gpointer before;

    g_return_val_if_fail(VM_IS_MODEL(self), FALSE);
    before = g_hash_table_lookup(self->tracers, owner);
    g_hash_table_insert(self->tracers, owner, GUINT_TO_POINTER(events));
    if (vm_supervisor_link_ask_trace(self->supervisor, wanted_events(self), callback, user_data)) {
        return TRUE;
    }
    g_hash_table_insert(self->tracers, owner, before);
    return FALSE;
}

void
vm_model_trace_end(VmModel *self, gpointer owner)
{
    g_return_if_fail(VM_IS_MODEL(self));
    if (g_hash_table_remove(self->tracers, owner)) {
        (void)vm_supervisor_link_ask_trace(self->supervisor, wanted_events(self), NULL, NULL);
    }
}
