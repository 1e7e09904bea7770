/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/machine-slot.h"

gboolean
vm_machine_slot_set(VmMachine **slot, VmMachine *machine, gpointer page)
{
    if (machine == *slot) {
        return FALSE;
    }
    if (*slot) {
        g_signal_handlers_disconnect_by_data(*slot, page);
    }
    g_set_object(slot, machine);
    return TRUE;
}
