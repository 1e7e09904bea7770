/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Serial ports and virtio consoles in the definition of a machine. */

#include "vmm/client/json.h"

/*
 * One more port of this hardware, "serial" or "virtio-console"; the one that a definition has by
 * saying nothing is said then. The number of the new one, from 1; 0 when there is room for no more.
 */
guint vm_ports_add(VmJson *definition, const char *hardware);
/* The same where included files may have ports too; whole: all together (vmm/client/bases.h). */
guint vm_ports_add_to(VmJson *definition, VmJson *whole, const char *hardware);
/* Says the port that a definition without "serial" has; nothing where there is a list. */
void vm_ports_write_default(VmJson *definition);
/* Of the port at this place of the list: an 8250, not a virtio console; and its number, from 1. */
gboolean vm_ports_is_serial(VmJson *definition, guint port);
guint vm_ports_number(VmJson *definition, guint port);
