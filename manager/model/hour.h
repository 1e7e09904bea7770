/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The last hour of one machine, a point for each minute: averages, made from counters. */

#include "vmm/client/vm-connection.h"

enum {
    VM_HOUR_POINTS = 60
};

/* What is counted, at one moment. */
typedef struct {
    gint64 time; /* monotonic, us */
    guint64 cpu_ns;
    guint64 own_memory; /* bytes, all processes, without guest memory */
    guint cores;
    VmTotals totals;
} VmHourSample;

typedef struct {
    double share;        /* 0..1 of the machine's processors */
    double guest_memory; /* bytes */
    double own_memory;
    double disk_read; /* bytes a second */
    double disk_written;
} VmHourPoint;

typedef struct {
    VmHourPoint points[VM_HOUR_POINTS]; /* the newest last, from VM_HOUR_POINTS - count on */
    guint count;
    VmHourSample last; /* time 0: none */
} VmHour;

void vm_hour_clear(VmHour *self);
/* What happened between two samples; FALSE when the first is none, or counters went back. */
gboolean vm_hour_point(const VmHourSample *before, const VmHourSample *now, VmHourPoint *ret_point);
/* The first sample makes no point, nor does one whose counters went back. */
void vm_hour_add(VmHour *self, const VmHourSample *sample);
