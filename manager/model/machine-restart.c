/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A machine that failed is started again, where its definition says so. */
#include "manager/model/machine-private.h"

static gboolean
is_wanted(VmMachine *self)
{
    return self->definition &&
           vm_json_get_bool(self->definition, "manager.restart-on-crash", FALSE);
}

/* What a person started and never ran would not run the next time either; and a part that broke its
 * rules may be in the hands of somebody who would like to try again. */
static gboolean
is_worth_it(VmMachine *self)
{
    return is_wanted(self) && (self->worked || self->restarted) && !self->stop_asked &&
           g_strcmp0(vm_problem_get_id(self->failure), "blocked-call") != 0;
}

static void
stay_stopped(VmMachine *self, const char *id)
{
    g_autoptr(VmProblem) failure = g_steal_pointer(&self->failure);

    vm_machine_forget_restart(self);
    vm_machine_take_problem(self, id ? vm_problem_copy_as(failure, id) : vm_problem_copy(failure));
    vm_machine_set_state(self, VM_MACHINE_STOPPED);
}

static gboolean
time_is_up(gpointer data)
{
    VmMachine *self = VM_MACHINE(data);
    g_autoptr(VmProblem) failure = g_steal_pointer(&self->failure);

    self->restart_timer = 0;
    vm_machine_start_again(self);
    if (self->run) {
        self->restarted = TRUE;
        vm_machine_take_problem(self, vm_problem_copy_as(failure, "restarted"));
        vm_machine_set_state(self, VM_MACHINE_RESTARTING);
    }
    return G_SOURCE_REMOVE;
}

void
vm_machine_take_failure(VmMachine *self, VmProblem *failure)
{
    int seconds = -1;

    vm_machine_forget_restart(self);
    self->failure = failure;
    if (!is_worth_it(self)) {
        stay_stopped(self, NULL);
        return;
    }
    seconds = vm_restarts_next(&self->restarts, g_get_monotonic_time());
    if (seconds < 0) {
        stay_stopped(self, "keeps-failing");
        return;
    }
    self->restart_timer = g_timeout_add((guint)seconds * 1000, time_is_up, self);
    vm_machine_take_problem(self, vm_problem_copy_as(failure, "will-restart"));
    vm_machine_set_state(self, VM_MACHINE_RESTARTING);
}

gboolean
vm_machine_leave_off(VmMachine *self)
{
    if (!self->restart_timer) {
        return FALSE;
    }
    stay_stopped(self, NULL);
    return TRUE;
}

void
vm_machine_forget_restart(VmMachine *self)
{
    g_clear_handle_id(&self->restart_timer, g_source_remove);
    g_clear_pointer(&self->failure, vm_problem_free);
}

void
vm_machine_check_restart(VmMachine *self)
{
    if (!is_wanted(self)) {
        (void)vm_machine_leave_off(self);
    }
}

gboolean
vm_machine_restarts_on_crash(VmMachine *self)
{
    g_return_val_if_fail(VM_IS_MACHINE(self), FALSE);
    return is_wanted(self);
}
