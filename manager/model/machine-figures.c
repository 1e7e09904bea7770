/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a running machine uses, sampled when a view asks. */
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <string.h>

#include "manager/model/machine-private.h"
#include "vmm/client/paths.h"

#define NS_PER_US          1000
#define SAMPLE_US          G_GINT64_CONSTANT(900000)   /* several views may ask each second */
#define MINUTE_US          G_GINT64_CONSTANT(59500000) /* timers may be early */
#define SECONDS_PER_DAY    86400
#define SECONDS_PER_HOUR   3600
#define SECONDS_PER_MINUTE 60

void
vm_machine_forget_figures(VmMachine *self)
{
    self->share = -1;
    self->share_time = 0;
    for (guint i = 0; i < VM_MACHINE_N_FIGURES; i++) {
        self->history[i].count = 0;
    }
    self->own_memory = 0;
    self->disk_time = 0;
    self->disk_rate = -1;
    vm_hour_clear(&self->hour);
    g_clear_handle_id(&self->minute_timer, g_source_remove);
}

static void
add_to_history(VmMachine *self, VmMachineFigure figure, double value)
{
    VmFigureHistory *history = &self->history[figure];

    memmove(history->points, history->points + 1,
            sizeof(history->points) - sizeof(history->points[0]));
    history->points[VM_MACHINE_HISTORY - 1] = value;
    history->count = MIN(history->count + 1, VM_MACHINE_HISTORY);
}

static void
take_sample(VmMachine *self, guint64 cpu, gint64 now)
{
    gint64 cores = 1;

    if (vm_machine_get_configuration(self)) {
        cores = MAX(1, vm_json_get_int(vm_machine_get_configuration(self), "cpus.num-cores", 1));
    }
    if (self->share_time && now > self->share_time && cpu >= self->share_cpu) {
        double share = (double)(cpu - self->share_cpu) / NS_PER_US /
                       ((double)(now - self->share_time) * (double)cores);
        add_to_history(self, VM_MACHINE_CPU, CLAMP(share, 0.0, 1.0));
        self->share = (int)CLAMP(share * 100, 0.0, 100.0);
        vm_machine_update_words(self);
    }
    self->share_time = now;
    self->share_cpu = cpu;
}

static void
processes_known(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(VmMachine) self = VM_MACHINE(data);
    g_autoptr(GPtrArray) processes =
        vm_connection_get_processes_finish(VM_CONNECTION(source), result, NULL);
    guint64 memory = 0;
    guint64 cpu = 0;

    self->share_asked = FALSE;
    if (!processes || VM_CONNECTION(source) != self->connection) {
        return;
    }
    for (guint i = 0; i < processes->len; i++) {
        const VmProcess *process = g_ptr_array_index(processes, i);
        memory += process->memory;
        if (g_str_equal(process->name, "machine")) {
            cpu = process->cpu_ns;
        }
    }
    self->own_memory = memory;
    take_sample(self, cpu, g_get_monotonic_time());
}

static void
add_memory(VmMachine *self, guint64 used)
{
    VmJson *json = vm_machine_get_configuration(self);
    gint64 size = json ? vm_json_get_int(json, "mem.size", 256) : 256;

    if (size > 0) {
        add_to_history(self, VM_MACHINE_MEMORY,
                       CLAMP((double)used / ((double)size * (1 << 20)), 0.0, 1.0));
    }
}

static void
totals_known(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(VmMachine) self = VM_MACHINE(data);
    gint64 now = g_get_monotonic_time();
    VmTotals totals = {0};
    guint64 bytes = 0;

    self->totals_asked = FALSE;
    if (!vm_connection_get_totals_finish(VM_CONNECTION(source), result, &totals, NULL) ||
        VM_CONNECTION(source) != self->connection) {
        return;
    }
    bytes = totals.disk_read + totals.disk_written;
    if (self->disk_time && now > self->disk_time && bytes >= self->disk_bytes) {
        self->disk_rate =
            (double)(bytes - self->disk_bytes) * G_USEC_PER_SEC / (double)(now - self->disk_time);
        add_to_history(self, VM_MACHINE_DISK, self->disk_rate);
    }
    add_memory(self, totals.guest_memory);
    self->disk_time = now;
    self->disk_bytes = bytes;
}

/* ------------------------------------------------------------------ the hour */

static void
minute_totals_known(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(VmMachine) self = VM_MACHINE(data);

    if (vm_connection_get_totals_finish(VM_CONNECTION(source), result, &self->minute.totals,
                                        NULL) &&
        VM_CONNECTION(source) == self->connection) {
        self->minute.time = g_get_monotonic_time();
        vm_run_history_add(&self->whole, &self->minute);
        if (!self->hour.last.time || self->minute.time - self->hour.last.time >= MINUTE_US) {
            vm_hour_add(&self->hour, &self->minute);
        }
    }
}

static void
minute_processes_known(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(VmMachine) self = VM_MACHINE(data);
    g_autoptr(GPtrArray) processes =
        vm_connection_get_processes_finish(VM_CONNECTION(source), result, NULL);
    VmHourSample sample = {.cores = 1};

    if (!processes || VM_CONNECTION(source) != self->connection) {
        return;
    }
    if (vm_machine_get_configuration(self)) {
        sample.cores =
            (guint)MAX(1, vm_json_get_int(vm_machine_get_configuration(self), "cpus.num-cores", 1));
    }
    for (guint i = 0; i < processes->len; i++) {
        const VmProcess *process = g_ptr_array_index(processes, i);
        sample.own_memory += process->memory;
        if (g_str_equal(process->name, "machine")) {
            sample.cpu_ns = process->cpu_ns;
        }
    }
    self->minute = sample;
    vm_connection_get_totals_async(self->connection, self->cancellable, minute_totals_known,
                                   g_object_ref(self));
}

static gboolean
time_for_sample(gpointer data)
{
    VmMachine *self = VM_MACHINE(data);

    if (self->connection && vm_connection_get_state(self->connection) == VM_CONNECTION_READY) {
        vm_connection_get_processes_async(self->connection, self->cancellable,
                                          minute_processes_known, g_object_ref(self));
    }
    self->minute_timer =
        g_timeout_add_seconds(vm_run_history_wait(&self->whole), time_for_sample, self);
    return G_SOURCE_REMOVE;
}

void
vm_machine_begin_hour(VmMachine *self)
{
    if (!self->minute_timer) {
        (void)time_for_sample(self);
    }
}

static char *
figures_path(VmMachine *self)
{
    g_autofree char *folder = vm_paths_state(self->name);

    return g_build_filename(folder, "statistics.json", NULL);
}

void
vm_machine_keep_figures(VmMachine *self)
{
    g_autofree char *path = figures_path(self);

    if (self->whole.count > 1) {
        self->whole.memory =
            (guint64)(self->running ? vm_json_get_int(self->running, "mem.size", 256) : 256) << 20;
        vm_run_history_save(&self->whole, path);
    } else {
        (void)g_remove(path); /* of a run before */
    }
    self->whole = (VmRunHistory){0};
}

gboolean
vm_machine_load_last_run(VmMachine *self, VmRunHistory *ret_history)
{
    g_autofree char *path = figures_path(self);
    GStatBuf status;

    /* A run that this window did not see left none. */
    return !self->run && g_stat(path, &status) == 0 &&
           (gint64)status.st_mtime >= vm_machine_get_last_used(self) &&
           vm_run_history_load(ret_history, path);
}

const VmHour *
vm_machine_get_hour(VmMachine *self)
{
    return &self->hour;
}

void
vm_machine_refresh_share(VmMachine *self)
{
    if (self->state != VM_MACHINE_RUNNING || self->share_asked || !self->connection ||
        vm_connection_get_state(self->connection) != VM_CONNECTION_READY ||
        (self->share_time && g_get_monotonic_time() - self->share_time < SAMPLE_US)) {
        return;
    }
    self->share_asked = TRUE;
    vm_connection_get_processes_async(self->connection, self->cancellable, processes_known,
                                      g_object_ref(self));
}

void
vm_machine_refresh_totals(VmMachine *self)
{
    if (self->state != VM_MACHINE_RUNNING || self->totals_asked || !self->connection ||
        vm_connection_get_state(self->connection) != VM_CONNECTION_READY ||
        (self->disk_time && g_get_monotonic_time() - self->disk_time < SAMPLE_US)) {
        return;
    }
    self->totals_asked = TRUE;
    vm_connection_get_totals_async(self->connection, self->cancellable, totals_known,
                                   g_object_ref(self));
}

double
vm_machine_get_disk_rate(VmMachine *self)
{
    return self->state == VM_MACHINE_RUNNING ? self->disk_rate : -1;
}

int
vm_machine_get_share(VmMachine *self)
{
    return self->state == VM_MACHINE_RUNNING ? self->share : -1;
}

guint64
vm_machine_get_own_memory(VmMachine *self)
{
    return self->own_memory;
}

guint
vm_machine_get_history(VmMachine *self, VmMachineFigure figure,
                       double ret_history[VM_MACHINE_HISTORY])
{
    const VmFigureHistory *history = &self->history[figure];

    memcpy(ret_history, history->points + VM_MACHINE_HISTORY - history->count,
           history->count * sizeof(history->points[0]));
    return history->count;
}

gint64
vm_machine_get_seconds(VmMachine *self)
{
    g_autofree char *folder = self->run ? vm_paths_runtime(self->name) : NULL;
    g_autofree char *path = folder ? g_build_filename(folder, "pid", NULL) : NULL;
    GStatBuf status;

    /* The file is written once, at the start of the run. */
    if (!path || g_stat(path, &status) != 0) {
        return -1;
    }
    return MAX(0, g_get_real_time() / G_USEC_PER_SEC - status.st_mtime);
}

gint64
vm_machine_get_last_used(VmMachine *self)
{
    g_autofree char *folder = vm_paths_state(self->name);
    g_autofree char *path = g_build_filename(folder, "messages.log", NULL);
    GStatBuf status;

    return g_stat(path, &status) == 0 ? (gint64)status.st_mtime : 0;
}

char *
vm_machine_duration_words(gint64 seconds)
{
    if (seconds >= 2L * SECONDS_PER_DAY) {
        int days = (int)(seconds / SECONDS_PER_DAY);
        return g_strdup_printf(ngettext("%d day", "%d days", (gulong)days), days);
    }
    if (seconds >= SECONDS_PER_HOUR) {
        /* Translators: hours and minutes. */
        return g_strdup_printf(_("%d h %d min"), (int)(seconds / SECONDS_PER_HOUR),
                               (int)(seconds % SECONDS_PER_HOUR / SECONDS_PER_MINUTE));
    }
    if (seconds >= SECONDS_PER_MINUTE) {
        return g_strdup_printf(_("%d min"), (int)(seconds / SECONDS_PER_MINUTE));
    }
    return g_strdup_printf(_("%d s"), (int)MAX(seconds, 0));
}

void
vm_machine_set_waiting(VmMachine *self, gboolean waiting)
{
    if (self->waiting != waiting) {
        self->waiting = waiting;
        vm_machine_update_words(self);
    }
}

gboolean
vm_machine_get_waiting(VmMachine *self)
{
    return self->waiting;
}
