/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What VmConnection, VmConsole and VmChardev tell each other; not for users of the library. */

#include "vmm/client/vm-chardev.h"
#include "vmm/client/vm-connection.h"
#include "vmm/client/vm-console.h"
#include "vmm/client/vm-trace.h"

G_BEGIN_DECLS

#define VM_CALL_TIMEOUT_MS   5000
#define VM_MACHINE_PATH      "/org/vitrine/Vmm1"
#define VM_MACHINE_INTERFACE "org.vitrine.Vmm1.Machine"

/* NULL while there is none. */
GDBusConnection *vm_connection_get_link(VmConnection *self);

typedef struct {
    const char *path;
    const char *interface;
    const char *name;
    const char *type; /* of its reply */
} VmMethod;

/*
 * Calls a method of the machine's process. Takes `task` and `arguments` (floating or NULL); the reply,
 * a GVariant, ends the task, and so does the error, as the machine wrote it.
 */
void vm_connection_call(VmConnection *self, const VmMethod *method, GVariant *arguments,
                        GTask *task);

/* The constructors for VmConnection; `path` is the object's. */
VmConsole *vm_console_new(const char *path, guint number);
VmChardev *vm_chardev_new(const char *path);

/* A new link to the machine, or NULL when it is gone. */
void vm_console_set_link(VmConsole *self, GDBusConnection *link);
void vm_chardev_set_link(VmChardev *self, GDBusConnection *link);

/* Properties of one of the object's interfaces (a{sv}). */
void vm_console_update(VmConsole *self, GVariant *values);
void vm_chardev_update(VmChardev *self, GVariant *values);

const char *vm_console_get_path(VmConsole *self);
/* NULL while there is none. */
GDBusConnection *vm_console_get_link(VmConsole *self);
const char *vm_chardev_get_path(VmChardev *self);

/* What Start of org.vitrine.Vmm1.Tracing answered; NULL with `error` set when a ring is none. */
VmTrace *vm_trace_new_for_rings(GVariant *reply, GUnixFDList *fds, guint wanted, GError **error);

/* One end to keep and one in a list to pass on, non-blocking and close-on-exec; -1 with `error` set. */
int vm_stream_pair(GUnixFDList *fds, GError **error);

G_END_DECLS
