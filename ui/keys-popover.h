/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Key combinations that the desktop would keep for itself, to be sent by a click. Its buttons use
 * machine.send-keys::KEYS, machine.type-clipboard and the stateful machine.system-keys.
 */

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define VM_TYPE_KEYS_POPOVER (vm_keys_popover_get_type())
G_DECLARE_FINAL_TYPE(VmKeysPopover, vm_keys_popover, VM, KEYS_POPOVER, GtkPopover)

GtkWidget *vm_keys_popover_new(void);
/* The machine's name, for the heading "Send to Debian 12". */
void vm_keys_popover_set_title(VmKeysPopover *self, const char *title);

/* Combinations of the user's own are kept there. */
void vm_keys_popover_set_settings(VmKeysPopover *self, GSettings *settings);
G_END_DECLS
