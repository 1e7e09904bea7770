/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A serial port or console: one stream to the guest, any number of readers. What the guest writes goes
 * into the history (vmm/protocol/history.h, survives this process) and into a larger ring here; each
 * reader has a place in that ring. A reader that stays VM_PORT_LAG_MAX behind is dropped; the guest
 * never waits for a reader. It waits for the port's own output (stdout, a file), but only for a while.
 */

#include <glib-object.h>

#include "vmm/protocol/display.h"

G_BEGIN_DECLS

enum {
    VM_PORT_LAG_MAX = 4 << 20, /* bytes */
    VM_PORT_READERS_MAX = 32,
    VM_PORT_OUTPUT_PATIENCE_S = 5,
};

#define VM_TYPE_PORT (vm_port_get_type())
G_DECLARE_FINAL_TYPE(VmPort, vm_port, VM, PORT, GObject)

/* Takes the descriptors of `setup`. NULL with `error` set when the history cannot be mapped. */
VmPort *vm_port_new(const struct display_chardev *setup, GError **error);

const char *vm_port_get_name(VmPort *self);  /* "serial.0" */
const char *vm_port_get_label(VmPort *self); /* "Serial 1" */

/* Takes `fd`, a stream socket: history first, then live; what comes from it goes to the guest. */
gboolean vm_port_add_reader(VmPort *self, int fd, GError **error);

/* The machine has stopped: pass on what is left, waiting at most `limit_ms` for the port's own output. */
void vm_port_drain(VmPort *self, guint limit_ms);

/* The machine is gone: wait at most `limit_ms` until its readers have taken everything. */
void vm_port_flush_readers(VmPort *self, guint limit_ms);

G_END_DECLS
