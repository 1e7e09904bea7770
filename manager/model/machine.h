/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One machine of the user: its definition, whether it runs, and how to talk to it. Holds nothing
 * that cannot be read back from the store and the runtime folder.
 */

#include <gio/gio.h>

#include "manager/model/guest-build.h"
#include "manager/model/hour.h"
#include "manager/model/problem.h"
#include "manager/model/run-history.h"
#include "vmm/client/json.h"
#include "vmm/client/vm-connection.h"

enum {
    VM_MACHINE_HISTORY = 60 /* samples, one a second */
};

/* What has a history. */
typedef enum {
    VM_MACHINE_CPU,
    VM_MACHINE_MEMORY,
    VM_MACHINE_DISK,
    VM_MACHINE_N_FIGURES
} VmMachineFigure;

typedef enum {
    VM_MACHINE_OFF,
    VM_MACHINE_BUILDING, /* its files are being made */
    VM_MACHINE_STARTING,
    VM_MACHINE_RUNNING,
    VM_MACHINE_PAUSED,
    VM_MACHINE_SHUTTING_DOWN,
    VM_MACHINE_RESTARTING,
    VM_MACHINE_LOST,    /* runs, but its display process does not answer */
    VM_MACHINE_STOPPED, /* ended with a problem, or could not start */
    VM_MACHINE_BROKEN,  /* the definition cannot be read */
} VmMachineState;

/*
 * Properties (all notify): "name" "title" "group" "note" "icon" strings; "state" int (VmMachineState);
 * "state-words" string for people; "problem" VmProblem or NULL; "connection" VmConnection or NULL;
 * "stubborn" boolean: the guest has not shut down for 20 s.
 * "has-renderer" boolean: its graphics card draws in 3D now.
 */
#define VM_TYPE_MACHINE (vm_machine_get_type())
G_DECLARE_FINAL_TYPE(VmMachine, vm_machine, VM, MACHINE, GObject)

VmMachine *vm_machine_new(const char *name);

/* Reads the definition again; a broken one becomes the state and the problem. */
void vm_machine_load(VmMachine *self);
/* Writes the definition and takes it over; json is copied. */
gboolean vm_machine_save(VmMachine *self, VmJson *json, GError **error);

/* Looks for a run that was started before us. */
void vm_machine_find_run(VmMachine *self);

/*
 * One that somebody else started and that has no definition: of that name in our runtime folder. It cannot
 * be started from here, and one that ended has nothing that stays.
 */
VmMachine *vm_machine_new_found(const char *name);
/* The same for who listens at a control socket in whatever folder; its connection is opened. NULL with a
 * sentence for people in error: only sockets of this user are touched. */
VmMachine *vm_machine_new_at(const char *socket, GError **error);
/* What it is called, when it is known. */
void vm_machine_set_found_name(VmMachine *self, const char *name, const char *title);
gboolean vm_machine_is_found(VmMachine *self);
/* Its definition; of a found one what its run says of itself. NULL where neither can be read. */
VmJson *vm_machine_get_configuration(VmMachine *self);
/*
 * What it was started with, as its run itself wrote it down: with all that its definition included and with presets.
 * NULL: it does not run, or there is no such file of that run. vm_json_free().
 */
VmJson *vm_machine_dup_run_configuration(VmMachine *self);
/* After a restart it comes again; one that was started without --restart elsewhere would end. */
gboolean vm_machine_can_restart(VmMachine *self);
/*
 * A definition for one that runs without: what its run says that it was started with, by absolute paths, and
 * that title. NULL with a sentence for people in error.
 */
VmJson *vm_machine_dup_kept(VmMachine *self, const char *title, GError **error);
/* `vmm run --name` gave it the name that it has in our runtime folder. */
gboolean vm_machine_has_own_name(VmMachine *self);
/* That run's machine under another name, until it has ended; without a definition yet. */
VmMachine *vm_machine_new_kept(const char *name, VmMachine *found);
/* Writes the definition of its run; it is the machine's from now on. */
gboolean vm_machine_keep(VmMachine *self, VmJson *json, GError **error);
/* The group that all of them are shown in, and nobody else is put in. */
const char *vm_machine_found_group(void);
/* Both are the same run. */
gboolean vm_machine_is_same_run(VmMachine *self, VmMachine *other);
/* The log of its parts, whether it is there or not; of a found one where it has it. g_free(). */
char *vm_machine_dup_log_path(VmMachine *self);

/* Before there is a definition. */
void vm_machine_set_title(VmMachine *self, const char *title);

/* The row of a guest that is being made; NULL ends that state. */
void vm_machine_set_build(VmMachine *self, VmGuestBuild *build);
/* Its files are copied from now on; who copies stops when the borrowed object says so. See clone.h. */
GCancellable *vm_machine_begin_copying(VmMachine *self);
/* Per cent of its files that are copied; -1 ends that state. */
void vm_machine_set_copying(VmMachine *self, int percent);
/* Its files are copied: not built, and not there. */
gboolean vm_machine_is_copied(VmMachine *self);
/* Stops what makes its files, which then are gone, and the machine with them. */
void vm_machine_cancel_making(VmMachine *self);
VmGuestBuild *vm_machine_get_build(VmMachine *self);

const char *vm_machine_get_name(VmMachine *self);
const char *vm_machine_get_title(VmMachine *self);
const char *vm_machine_get_group(VmMachine *self); /* "" when there is none */
const char *vm_machine_get_note(VmMachine *self);  /* "" when there is none */
/* A word of ui/machine-icon.h, or of a later version; "" when none was chosen. */
const char *vm_machine_get_icon(VmMachine *self);
VmJson *vm_machine_get_definition(VmMachine *self); /* NULL when broken or being built */
VmMachineState vm_machine_get_state(VmMachine *self);
const char *vm_machine_get_state_words(VmMachine *self);
const VmProblem *vm_machine_get_problem(VmMachine *self);
VmConnection *vm_machine_get_connection(VmMachine *self);
gboolean vm_machine_get_stubborn(VmMachine *self);
gboolean vm_machine_has_renderer(VmMachine *self);
/* Another program shows it or listens to it; changes notify "state-words". */
gboolean vm_machine_get_elsewhere(VmMachine *self);
/* "Off · last ran on 3 November for 2 h 10 min". */
char *vm_machine_dup_off_text(VmMachine *self);
/* A process of it exists, or is started again in a few seconds because a part failed. */
gboolean vm_machine_is_active(VmMachine *self);
/* It runs, and nothing that the guest writes is kept. */
gboolean vm_machine_is_disposable(VmMachine *self);
/* It is started again when a part of it fails: what waits for that must not end. */
gboolean vm_machine_restarts_on_crash(VmMachine *self);
/* It has a disk that a guest can write to. */
gboolean vm_machine_has_writable_disk(VmMachine *self);
/* The definition that the current run was started with; NULL when off. */
VmJson *vm_machine_get_running_definition(VmMachine *self);
/* The definition was changed since the start in something that a restart takes over. */
gboolean vm_machine_has_pending_changes(VmMachine *self);

void vm_machine_dismiss_problem(VmMachine *self);
/* It took neither keys nor pointer for a while: a problem, where there is none yet. */
void vm_machine_say_stalled(VmMachine *self);

/* What people ask for; what cannot be done becomes the problem. */
void vm_machine_start(VmMachine *self);
/* What the guest writes to its disks is gone when it is off again. */
void vm_machine_start_disposable(VmMachine *self);
void vm_machine_shut_down(VmMachine *self);
void vm_machine_force_off(VmMachine *self);
void vm_machine_restart(VmMachine *self);
void vm_machine_set_paused(VmMachine *self, gboolean paused);

/* Ask for processor use; "state-words" notifies when it is known. Cheap when nothing runs. */
void vm_machine_refresh_share(VmMachine *self);

/* What the last refresh found. */
int vm_machine_get_share(VmMachine *self); /* per cent of its own processors; -1: unknown */
/* The same for its disks and the guest's memory, asked for apart. */
void vm_machine_refresh_totals(VmMachine *self);
/* Bytes read and written per second; negative: unknown. */
double vm_machine_get_disk_rate(VmMachine *self);
guint64 vm_machine_get_own_memory(VmMachine *self); /* bytes, all processes, without guest memory */
/* What refreshes found in this run: shares of 0..1, for disks bytes a second. The oldest first; how many there are. */
guint vm_machine_get_history(VmMachine *self, VmMachineFigure figure,
                             double ret_history[VM_MACHINE_HISTORY]);
/* Kept each minute while it runs, whether somebody looks or not. Borrowed. */
const VmHour *vm_machine_get_hour(VmMachine *self);
/* Of the last run, while it is off; FALSE when its figures are not known. */
gboolean vm_machine_load_last_run(VmMachine *self, VmRunHistory *ret_history);
/* Since the start of its run; -1 when it is off. */
gint64 vm_machine_get_seconds(VmMachine *self);
/* When its last run began, seconds since 1970; 0: never. */
gint64 vm_machine_get_last_used(VmMachine *self);
/* "2 h 10 min", "9 days"; free with g_free(). */
char *vm_machine_duration_words(gint64 seconds);

/* A start that was asked for and waits for its turn: see start-queue.h. */
void vm_machine_set_waiting(VmMachine *self, gboolean waiting);
gboolean vm_machine_get_waiting(VmMachine *self);
