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

void
vm_hour_add(VmHour *self, const VmHourSample *sample)
{
    const VmHourSample before = self->last;
    double elapsed = (double)(sample->time - before.time);
    double seconds = elapsed / G_USEC_PER_SEC;
    VmHourPoint point = {0};

    self->last = *sample;
    if (!goes_on(&before, sample)) {
        return;
    }
    point.share = CLAMP((double)(sample->cpu_ns - before.cpu_ns) / NS_PER_US /
                            (elapsed * MAX(sample->cores, 1U)),
                        0.0, 1.0);
    point.guest_memory = (double)sample->totals.guest_memory;
    point.own_memory = (double)sample->own_memory;
    point.disk_read = (double)(sample->totals.disk_read - before.totals.disk_read) / seconds;
    point.disk_written =
        (double)(sample->totals.disk_written - before.totals.disk_written) / seconds;
    memmove(self->points, self->points + 1, sizeof(self->points) - sizeof(self->points[0]));
    self->points[VM_HOUR_POINTS - 1] = point;
    self->count = MIN(self->count + 1, VM_HOUR_POINTS);
}
