/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Shared by machine.c (what it is) and machine-life.c (what happens to it). */

#include "manager/model/log-watch.h"
#include "manager/model/machine.h"
#include "manager/model/restarts.h"
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
    char *socket; /* of one in another place than ours, or NULL */
    char *icon;

    VmMachineState state;
    char *words;
    VmProblem *problem;
    gboolean stubborn;
    gboolean found;  /* it runs, somebody else started it, and it has no definition */
    VmJson *running; /* the definition that the run was started with */
    gboolean restart_asked;
    gboolean comes_again; /* of a found one: it was started with --restart */
    gboolean disposable;  /* this run keeps nothing */

    VmRun *run;
    VmConnection *connection;
    VmLogWatch *log_watch; /* while it runs, or NULL */
    VmRestarts restarts;
    VmProblem *failure; /* why it is started again */
    gboolean was_ready;
    guint card_restarts; /* of this run, as far as was told */
    gboolean worked;     /* the guest of this run has run */
    gboolean stop_asked; /* somebody wants this run to end */
    gboolean restarted;  /* this run was begun because the one before failed */
    guint restart_timer; /* until the next start: nothing runs */
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

/* It has a definition now. */
void vm_machine_set_defined(VmMachine *self);
/* Its run was started with that word; no configuration says such. */
gboolean vm_machine_run_has(VmMachine *self, const char *word);
/* The run that it was kept of (vm_machine_keep()), where that goes on elsewhere; NULL: none, or it is another one. */
VmRun *vm_machine_find_kept_run(VmMachine *self);
/* That run has ended. */
void vm_machine_forget_kept_run(VmMachine *self);
/* Its control socket; NULL without a safe place for it. g_free(). */
char *vm_machine_dup_socket_path(VmMachine *self);
void vm_machine_set_state(VmMachine *self, VmMachineState state);
void vm_machine_update_words(VmMachine *self);
void vm_machine_take_problem(VmMachine *self, VmProblem *problem);
void vm_machine_notify_connection(VmMachine *self);
void vm_machine_notify_stubborn(VmMachine *self);
void vm_machine_forget_figures(VmMachine *self);
/* The connection is there: a sample now, then each second, and ever less often. */
void vm_machine_begin_hour(VmMachine *self);
/* Starts what ran last as it was started then; what cannot be done becomes the problem. */
void vm_machine_start_again(VmMachine *self);
/* A part of it failed: it stops with that problem, which is taken, or is started again later. */
void vm_machine_take_failure(VmMachine *self, VmProblem *failure);
/* It is not started again; FALSE when it would not be. */
gboolean vm_machine_leave_off(VmMachine *self);
/* The same without a word: it is started now, or cannot be. */
void vm_machine_forget_restart(VmMachine *self);
/* The definition has changed: it may not be wanted any more. */
void vm_machine_check_restart(VmMachine *self);
/* The run has ended: its figures go to a file. */
void vm_machine_keep_figures(VmMachine *self);
/* Closes the connection and stops all timers. */
void vm_machine_drop_connection(VmMachine *self);
