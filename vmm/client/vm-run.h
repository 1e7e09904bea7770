/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One `vmm run`: started by us, or found again by its runtime folder after the manager was closed.
 * It outlives us; disposing the object stops nothing.
 */

#include <gio/gio.h>

#define VM_TYPE_RUN (vm_run_get_type())
G_DECLARE_FINAL_TYPE(VmRun, vm_run, VM, RUN, GObject)

/* Starts `vmm run --restart --name NAME --cfg FILE` in its own session, its output in the state
 * folder's messages.log. */
VmRun *vm_run_start(const char *name, const char *definition, GError **error);

/* NULL when no such machine runs. */
VmRun *vm_run_find(const char *name);

/* Signal "ended" (int status, or -1 when only last-run.json can say). */

/* TRUE when the machine's control socket is there and its lock is held. */
gboolean vm_run_is_alive(const char *name);

/* The last lines that `vmm` wrote, at most `lines`; NULL when there are none. */
char *vm_run_last_messages(const char *name, guint lines);

/* SIGTERM: the power button; again: stop. Works without a connection. */
void vm_run_terminate(VmRun *run);
