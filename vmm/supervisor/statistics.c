/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/supervisor/statistics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/base/bytes.h"

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

/* Anonymous pages: guest memory is a shared file and not counted. */
static uint64_t
private_bytes(pid_t pid)
{
    char path[40];
    char line[256];
    uint64_t kib = 0;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    file = fopen(path, "re");
    while (file && fgets(line, sizeof(line), file)) {
        if (strncmp(line, "RssAnon:", 8) == 0) {
            kib = strtoull(line + 8, NULL, 10);
            break;
        }
    }
    if (file) {
        fclose(file);
    }
    return kib * KIB;
}

static void
add(struct display_statistics *statistics, const char *name, pid_t pid, uint32_t restarts)
{
    if (statistics->count < DISPLAY_PROCESSES_MAX) {
        struct display_process *process = &statistics->process[statistics->count++];

        snprintf(process->name, sizeof(process->name), "%s", name);
        process->pid = (uint32_t)pid;
        process->restarts = restarts;
        process->cpu_ns = cpu_ns(pid);
        process->memory = private_bytes(pid);
    }
}

void
statistics_gather(const struct vm *vm, struct display_statistics *ret_statistics)
{
    *ret_statistics = (struct display_statistics){
        .header = {.type = DISPLAY_STATISTICS, .size = sizeof(*ret_statistics)}};
    add(ret_statistics, "vmm", getpid(), 0);
    for (size_t i = 0; i < vm->n_children; i++) {
        if (vm->child[i].pid > 0) {
            add(ret_statistics, vm->child[i].name, vm->child[i].pid, vm->child[i].restarts);
        }
    }
}
