/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One `vmm run`: started by us, or found again by its runtime folder after the manager was closed.
 * It outlives us; disposing the object stops nothing.
 */

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * VmRun:
 *
 * Signal "ended" (int status): the exit status of `vmm run`, or -1 when it is not our child and only
 * its last-run.json can say.
 */
#define VM_TYPE_RUN (vm_run_get_type())
G_DECLARE_FINAL_TYPE(VmRun, vm_run, VM, RUN, GObject)

/**
 * vm_run_start:
 * @name: the machine's name
 * @definition: the file of its definition
 *
 * Starts `vmm run --restart --name NAME --cfg FILE` in its own session, its output in the state
 * folder's messages.log. The machine is on its way then: connect to its socket, or wait for "ended".
 *
 * Returns: (transfer full): the run
 */
VmRun *vm_run_start(const char *name, const char *definition, GError **error);

/**
 * VmRunFlags:
 * @VM_RUN_FLAGS_NONE: as the definition says
 * @VM_RUN_FLAGS_DISPOSABLE: keep nothing that the guest writes to its disks
 */
typedef enum { /*< flags >*/
    VM_RUN_FLAGS_NONE = 0,
    VM_RUN_FLAGS_DISPOSABLE = 1 << 0,
} VmRunFlags;

/**
 * vm_run_start_with_flags:
 * @name: the machine's name
 * @definition: the file of its definition
 * @flags: how this run differs from others
 *
 * As vm_run_start().
 *
 * Returns: (transfer full): the run
 */
VmRun *vm_run_start_with_flags(const char *name, const char *definition, VmRunFlags flags,
                               GError **error);

/**
 * vm_run_find:
 * @name: the machine's name
 *
 * Returns: (transfer full) (nullable): a run that somebody started; %NULL when no such machine runs
 */
VmRun *vm_run_find(const char *name);

/**
 * vm_run_find_at:
 * @socket: the path of a control socket, in whatever folder
 *
 * Nothing is sent. Fails with G_IO_ERROR_NOT_FOUND where nothing is there, G_IO_ERROR_INVALID_ARGUMENT
 * where it is no socket, G_IO_ERROR_PERMISSION_DENIED where the socket is, or who listens there runs as,
 * another user, and G_IO_ERROR_CONNECTION_REFUSED where nobody listens.
 *
 * Returns: (transfer full): the process that listens there
 */
VmRun *vm_run_find_at(const char *socket, GError **error);

/**
 * vm_run_get_pid:
 *
 * Returns: the process that runs the machine
 */
GPid vm_run_get_pid(VmRun *run);

/**
 * vm_run_is_alive:
 * @name: the machine's name
 *
 * Returns: whether the machine's control socket is there and its lock is held
 */
gboolean vm_run_is_alive(const char *name);

/**
 * vm_run_last_messages:
 * @name: the machine's name
 * @lines: how many at most
 *
 * Returns: (transfer full) (nullable): the last lines that `vmm` wrote; %NULL when there are none
 */
char *vm_run_last_messages(const char *name, guint lines);

/**
 * vm_run_terminate:
 *
 * SIGTERM: the power button; again: stop. Works without a connection.
 */
void vm_run_terminate(VmRun *run);

G_END_DECLS
