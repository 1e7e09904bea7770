/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * When a small picture of a console is to be asked for again: when something was drawn since. While we show what
 * the guest draws from the host's graphics card, no more often than VM_PICTURE_PACE_SECONDS: it is read back from the
 * card, whole, for nothing but this, and people see it in the window.
 */

#include "vmm/client/vm-console.h"

#define VM_PICTURE_PACE_SECONDS 10

typedef struct {
    VmConsole *console; /* that was asked last; compared only */
    guint64 changes;    /* of it then; 0: it is to be asked again */
    gint64 when;
} VmPicturePace;

/* `now`: g_get_monotonic_time(). */
gboolean vm_picture_pace_is_due(const VmPicturePace *self, VmConsole *console, gint64 now);
/* It is about to be asked. */
void vm_picture_pace_take(VmPicturePace *self, VmConsole *console, gint64 now);
/* The last answer does not count. */
void vm_picture_pace_forget(VmPicturePace *self);
void vm_picture_pace_clear(VmPicturePace *self);
