/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/model/hour.h"

#include <string.h>

#define NS_PER_US 1000.0

void
vm_hour_clear(VmHour *self)
{
    *self = (VmHour){0};
}

static gboolean
goes_on(const VmHourSample *before, const VmHourSample *now)
{
    return before->time > 0 && now->time > before->time && now->cpu_ns >= before->cpu_ns &&
           now->totals.disk_read >= before->totals.disk_read &&
           now->totals.disk_written >= before->totals.disk_written;
}

gboolean
vm_hour_point(const VmHourSample *before, const VmHourSample *now, VmHourPoint *ret_point)
{
    double elapsed = (double)(now->time - before->time);
    double seconds = elapsed / G_USEC_PER_SEC;

    if (!goes_on(before, now)) {
        return FALSE;
    }
    *ret_point = (VmHourPoint){
        .share = CLAMP((double)(now->cpu_ns - before->cpu_ns) / NS_PER_US /
                           (elapsed * MAX(now->cores, 1U)),
                       0.0, 1.0),
        .guest_memory = (double)now->totals.guest_memory,
        .own_memory = (double)now->own_memory,
        .disk_read = (double)(now->totals.disk_read - before->totals.disk_read) / seconds,
        .disk_written = (double)(now->totals.disk_written - before->totals.disk_written) / seconds,
    };
    return TRUE;
}

void
vm_hour_add(VmHour *self, const VmHourSample *sample)
{
    const VmHourSample before = self->last;
    VmHourPoint point;

    self->last = *sample;
    if (!vm_hour_point(&before, sample, &point)) {
        return;
    }
    memmove(self->points, self->points + 1, sizeof(self->points) - sizeof(self->points[0]));
    self->points[VM_HOUR_POINTS - 1] = point;
    self->count = MIN(self->count + 1, VM_HOUR_POINTS);
}
