/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/model/restarts.h"

#include <string.h>

#define FIRST_WAIT_SECONDS 2

int
vm_restarts_next(VmRestarts *self, gint64 now)
{
    guint old = 0;

    while (old < self->count &&
           now - self->at[old] >= VM_RESTARTS_WITHIN_SECONDS * G_TIME_SPAN_SECOND) {
        old++;
    }
    self->count -= old;
    memmove(self->at, self->at + old, self->count * sizeof(self->at[0]));
    if (self->count == VM_RESTARTS_MAX) {
        return -1;
    }
    self->at[self->count] = now;
    return FIRST_WAIT_SECONDS << self->count++;
}
