/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/supervisor/statistics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/supervisor/processes.h"

/* proc(5): user and system time are the 12th and 13th number after the name in parentheses. */
static uint64_t
cpu_ns(pid_t pid)
{
    char path[40];
    char line[1024] = "";
    unsigned long long ticks = 0;
    char *rest;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    file = fopen(path, "re");
    if (!file || !fgets(line, sizeof(line), file)) {
        line[0] = '\0';
    }
    if (file) {
        fclose(file);
    }
    /* After the name come the state and ten numbers. */
    rest = strrchr(line, ')');
    for (int i = 0; rest && i < 12; i++) {
        rest = strchr(rest + 1, ' ');
    }
    if (!rest) {
        return 0;
    }
    ticks = strtoull(rest, &rest, 10);
    ticks += strtoull(rest, NULL, 10);
    return ticks * (UINT64_C(1000000000) / (uint64_t)sysconf(_SC_CLK_TCK));
}

/* What the manager shows of one line of /proc/PID/status. */
static void
take_status_line(struct display_process *process, uint64_t *shared, const char *line)
{
    if (strncmp(line, "RssAnon:", 8) == 0) {
        /* Anonymous pages: guest memory is a shared file and not counted. */
        process->memory = strtoull(line + 8, NULL, 10) * KIB;
    } else if (strncmp(line, "RssShmem:", 9) == 0) {
        *shared = strtoull(line + 9, NULL, 10) * KIB;
    } else if (strncmp(line, "Threads:", 8) == 0) {
        process->threads = (uint32_t)strtoul(line + 8, NULL, 10);
    } else if (strncmp(line, "CapPrm:", 7) == 0 || strncmp(line, "CapEff:", 7) == 0 ||
               strncmp(line, "CapBnd:", 7) == 0) {
        process->capabilities |= strtoull(line + 7, NULL, 16);
    } else if (strncmp(line, "NoNewPrivs:", 11) == 0 && strtoul(line + 11, NULL, 10) == 1) {
        process->jail |= DISPLAY_JAIL_NO_NEW_PRIVS;
    } else if (strncmp(line, "Seccomp:", 8) == 0 && strtoul(line + 8, NULL, 10) == 2) {
        process->jail |= DISPLAY_JAIL_FILTER;
    }
}

/* proc(5), status: world-readable also for a process that may not be traced. */
static void
read_status(struct display_process *process, uint64_t *ret_shared)
{
    char path[40];
    char line[256];
    FILE *file;

    *ret_shared = 0;
    snprintf(path, sizeof(path), "/proc/%u/status", process->pid);
    file = fopen(path, "re");
    while (file && fgets(line, sizeof(line), file)) {
        take_status_line(process, ret_shared, line);
    }
    if (file) {
        fclose(file);
    }
}

static void
add_child(struct display_statistics *statistics, const struct child *child)
{
    const uint32_t no_namespaces = START_FLAG_NO_NAMESPACES | START_FLAG_NO_JAIL;
    struct display_process *process = &statistics->process[statistics->count];
    uint64_t shared = 0;

    if (statistics->count == DISPLAY_PROCESSES_MAX) {
        return;
    }
    statistics->count++;
    *process = (struct display_process){
        .pid = (uint32_t)child->pid,
        .restarts = child->restarts,
        .blocked = child->blocked,
        .descriptors = child->row->nofile,
        .cpu_ns = cpu_ns(child->pid),
    };
    snprintf(process->name, sizeof(process->name), "%s", child->name);
    snprintf(process->part, sizeof(process->part), "%s", child->row->executable + strlen("vmm-"));
    if (!(child->vm->start_flags & no_namespaces)) {
        process->jail |= DISPLAY_JAIL_NAMESPACES;
    }
    read_status(process, &shared);
    if (strcmp(child->row->name, process_machine.name) == 0) {
        statistics->guest_memory = shared;
    }
}

/* All six of its namespaces are others than ours; what cannot be read counts as the same. */
static bool
has_own_namespaces(pid_t pid)
{
    static const char *const kinds[] = {"user", "pid", "mnt", "net", "ipc", "uts"};
    bool own = true;

    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        char path[40];
        struct stat theirs;
        struct stat ours;

        snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, kinds[i]);
        own = own && stat(path, &theirs) == 0;
        snprintf(path, sizeof(path), "/proc/self/ns/%s", kinds[i]);
        own = own && stat(path, &ours) == 0 && theirs.st_ino != ours.st_ino;
    }
    return own;
}

/* A back end that somebody else started: all that is known of it is what the kernel says. */
static void
add_foreign(struct display_statistics *statistics, size_t number, pid_t pid)
{
    struct display_process *process = &statistics->process[statistics->count];
    uint64_t shared = 0;

    if (pid == 0 || statistics->count == DISPLAY_PROCESSES_MAX) {
        return;
    }
    statistics->count++;
    *process = (struct display_process){.pid = (uint32_t)pid, .cpu_ns = cpu_ns(pid)};
    snprintf(process->name, sizeof(process->name), "vhost-user-%zu", number);
    snprintf(process->part, sizeof(process->part), "foreign");
    if (has_own_namespaces(pid)) {
        process->jail |= DISPLAY_JAIL_NAMESPACES;
    }
    read_status(process, &shared);
}

static void
add_ourselves(struct display_statistics *statistics)
{
    struct display_process *process = &statistics->process[statistics->count++];
    uint64_t shared = 0;

    *process = (struct display_process){.pid = (uint32_t)getpid(), .cpu_ns = cpu_ns(getpid())};
    snprintf(process->name, sizeof(process->name), "vmm");
    read_status(process, &shared);
}

void
statistics_gather(const struct vm *vm, struct display_statistics *ret_statistics)
{
    *ret_statistics = (struct display_statistics){
        .header = {.type = DISPLAY_STATISTICS, .size = sizeof(*ret_statistics)}};
    add_ourselves(ret_statistics);
    for (size_t i = 0; i < vm->n_children; i++) {
        if (vm->child[i].pid > 0) {
            add_child(ret_statistics, &vm->child[i]);
        }
    }
    for (size_t i = 0; i < vm->config->n_vhost_user; i++) {
        add_foreign(ret_statistics, i, vm->resources.vhost_user_pid[i]);
    }
    for (size_t i = 0; i < vm->config->n_block; i++) {
        const struct block_counters *counters = vm->resources.disk[i].counters;

        if (counters) {
            ret_statistics->disk_read += __atomic_load_n(&counters->read, __ATOMIC_RELAXED);
            ret_statistics->disk_written += __atomic_load_n(&counters->written, __ATOMIC_RELAXED);
        }
    }
}
