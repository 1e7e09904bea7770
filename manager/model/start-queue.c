/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/model/start-queue.h"

#define AT_ONCE 2

struct _VmStartQueue {
    GObject parent_instance;
    GQueue waiting;      /* VmMachine */
    GPtrArray *starting; /* VmMachine */
};

G_DEFINE_FINAL_TYPE(VmStartQueue, vm_start_queue, G_TYPE_OBJECT)

static void
vm_start_queue_dispose(GObject *object)
{
    VmStartQueue *self = VM_START_QUEUE(object);
    VmMachine *machine = NULL;

    while ((machine = g_queue_pop_head(&self->waiting))) {
        vm_machine_set_waiting(machine, FALSE);
        g_object_unref(machine);
    }
    g_clear_pointer(&self->starting, g_ptr_array_unref);
    G_OBJECT_CLASS(vm_start_queue_parent_class)->dispose(object);
}

static void
vm_start_queue_class_init(VmStartQueueClass *klass)
{
    G_OBJECT_CLASS(klass)->dispose = vm_start_queue_dispose;
}

static void
vm_start_queue_init(VmStartQueue *self)
{
    g_queue_init(&self->waiting);
    self->starting = g_ptr_array_new_with_free_func(g_object_unref);
}

VmStartQueue *
vm_start_queue_new(void)
{
    return g_object_new(VM_TYPE_START_QUEUE, NULL);
}

static void start_next(VmStartQueue *self);

static gboolean
is_starting(VmMachine *machine)
{
    return vm_machine_is_active(machine) && vm_machine_get_state(machine) == VM_MACHINE_STARTING;
}

static void
state_changed(VmMachine *machine, GParamSpec *spec, VmStartQueue *self)
{
    g_autoptr(VmStartQueue) keep = g_object_ref(self);

    if (!is_starting(machine) && self->starting) {
        g_signal_handlers_disconnect_by_func(machine, state_changed, self);
        g_ptr_array_remove(self->starting, machine);
        start_next(self);
    }
}

static void
start_next(VmStartQueue *self)
{
    while (self->starting->len < AT_ONCE && !g_queue_is_empty(&self->waiting)) {
        g_autoptr(VmMachine) machine = g_queue_pop_head(&self->waiting);
        vm_machine_set_waiting(machine, FALSE);
        vm_machine_start(machine);
        if (is_starting(machine)) {
            g_ptr_array_add(self->starting, g_object_ref(machine));
            g_signal_connect_object(machine, "notify::state", G_CALLBACK(state_changed), self, 0);
        }
    }
}

void
vm_start_queue_add(VmStartQueue *self, VmMachine *machine)
{
    if (vm_machine_is_active(machine) || vm_machine_get_waiting(machine)) {
        return;
    }
    vm_machine_set_waiting(machine, TRUE);
    g_queue_push_tail(&self->waiting, g_object_ref(machine));
    start_next(self);
}

void
vm_start_queue_remove(VmStartQueue *self, VmMachine *machine)
{
    if (g_queue_remove(&self->waiting, machine)) {
        vm_machine_set_waiting(machine, FALSE);
        g_object_unref(machine);
    }
}
