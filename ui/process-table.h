/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The processes of one machine, a row each: what it does, what holds it, what it uses. */

#include <gtk/gtk.h>

#include "manager/model/policy.h"
#include "vmm/client/vm-connection.h"

#define VM_TYPE_PROCESS_TABLE (vm_process_table_get_type())
G_DECLARE_FINAL_TYPE(VmProcessTable, vm_process_table, VM, PROCESS_TABLE, GtkTreeView)

/*
 * Property "order" string: the column that the rows are sorted by, "name", "task", "jail", "cpu", "memory",
 * "calls", "blocked" or "pid", with a "-" before it when the largest is first. Another text is "-cpu".
 * The rows keep their places while the pointer is over them, until another order is asked for.
 */

/*
 * Puts a process into its row; jail and policy may be NULL. Returns its share of one processor since
 * the last time, elapsed_us ago, in per cent.
 */
double vm_process_table_show(VmProcessTable *self, const VmProcess *process, const VmJail *jail,
                             const VmPolicy *policy, gint64 elapsed_us);
/* Takes away the rows that were not shown since the last sweep. */
void vm_process_table_sweep(VmProcessTable *self);
void vm_process_table_clear(VmProcessTable *self);
/* Leaves out columns, the least wanted first, until the others fit into that many pixels. */
void vm_process_table_fit(VmProcessTable *self, int width);

guint vm_process_table_get_restarts(VmProcessTable *self, guint pid);
/* 0: there is no such row. */
guint vm_process_table_get_pid(VmProcessTable *self, GtkTreePath *path);
/* "Disk" for "block-0", in the language of the window; "" for an unknown one. */
const char *vm_process_table_task(const char *name);
