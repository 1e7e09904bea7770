/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The whole of one run in at most 60 points: a second each at first, and each time there is no more room
 * two become one, of twice the time. Kept in a file when the run has ended.
 */

#include "manager/model/hour.h"

enum {
    VM_RUN_POINTS = 60
};

typedef struct {
    VmHourPoint points[VM_RUN_POINTS]; /* the oldest first */
    guint count;
    guint interval;    /* seconds of a point; 0 as 1 */
    guint64 memory;    /* bytes that the guest had */
    VmHourSample last; /* time 0: none */
} VmRunHistory;

/* A sample that comes before the point's time is over is not needed. */
void vm_run_history_add(VmRunHistory *self, const VmHourSample *sample);
/* Seconds until the next sample is wanted. */
guint vm_run_history_wait(const VmRunHistory *self);
/* What cannot be written is not kept. */
void vm_run_history_save(const VmRunHistory *self, const char *path);
/* FALSE when there is none in the file that makes a graph. */
gboolean vm_run_history_load(VmRunHistory *ret_history, const char *path);
