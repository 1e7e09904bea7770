/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Shared by machine.c (what it is) and machine-life.c (what happens to it). */

#include "manager/model/log-watch.h"
#include "manager/model/machine.h"
#include "manager/model/run-history.h"
#include "vmm/client/vm-run.h"

typedef struct {
    double points[VM_MACHINE_HISTORY]; /* the newest last */
    guint count;
} VmFigureHistory;

struct _VmMachine {
    GObject parent_instance;
    char *name;
    VmJson *definition;
    char *title;
    char *group;
    char *note;

    VmMachineState state;
    char *words;
    VmProblem *problem;
    gboolean stubborn;
    VmJson *running; /* the definition that the run was started with */
    gboolean restart_asked;
    gboolean disposable; /* this run keeps nothing */

    VmRun *run;
    VmConnection *connection;
    VmLogWatch *log_watch; /* while it runs, or NULL */
    gboolean was_ready;
    guint connect_timer;
    guint stubborn_timer;
    guint lost_timer;
    guint elsewhere_timer;
    gboolean elsewhere; /* another program is connected to it, and stays */

    VmGuestBuild *build;

    gboolean share_asked;
    gint64 share_time; /* of the last sample, 0: none */
    guint64 share_cpu; /* ns at that time */
    int share;         /* per cent of its own processors, -1: unknown */
    VmFigureHistory history[VM_MACHINE_N_FIGURES];
    guint64 own_memory;
    gboolean totals_asked;
    gint64 disk_time;   /* of the last sample, 0: none */
    guint64 disk_bytes; /* read and written until then */
    double disk_rate;   /* bytes per second, -1: unknown */
    VmHour hour;
    VmRunHistory whole;  /* run, until it is off */
    VmHourSample minute; /* on its way */
    guint minute_timer;
    int copying;                /* per cent of its files that are there, -1: nothing is copied */
    GCancellable *copying_stop; /* of that */
    gboolean waiting;           /* its turn to start has not come */
    GCancellable *cancellable;
};

void vm_machine_set_state(VmMachine *self, VmMachineState state);
void vm_machine_update_words(VmMachine *self);
void vm_machine_take_problem(VmMachine *self, VmProblem *problem);
void vm_machine_notify_connection(VmMachine *self);
void vm_machine_notify_stubborn(VmMachine *self);
void vm_machine_forget_figures(VmMachine *self);
/* The connection is there: a sample now, then each second, and ever less often. */
void vm_machine_begin_hour(VmMachine *self);
/* The run has ended: its figures go to a file. */
void vm_machine_keep_figures(VmMachine *self);
/* Closes the connection and stops all timers. */
void vm_machine_drop_connection(VmMachine *self);
