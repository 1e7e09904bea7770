/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/supervisor/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/memory.h"
#include "vmm/base/trace-ring.h"
#include "vmm/supervisor/processes.h"

_Static_assert((int)DISPLAY_TRACED_MAX <= (int)MESSAGE_FDS_MAX, "one message holds all rings");
_Static_assert((int)DISPLAY_TRACED_MAX > (int)DEVICES_MAX, "the machine and every device");

bool
trace_has_points(const struct child *child)
{
    return child->row->virtio || strcmp(child->row->name, process_machine.name) == 0;
}

static bool
listens(const struct child *child)
{
    return trace_has_points(child) && child->ready && child->pid > 0 && child->control_fd >= 0;
}

/* The ring of a process, made at the first time, and the process told. 0 or -errno. */
static int
attach(struct vm *vm, const struct child *child, uint32_t events)
{
    const struct start_trace request = {
        .header = {.type = START_TRACE, .size = sizeof(request)},
        .events = events,
    };
    int *ring = &vm->trace_ring_fd[child - vm->child];

    if (*ring < 0) {
        *ring = fd_memory_file("trace", sizeof(struct trace_ring));
        if (*ring < 0) {
            return *ring;
        }
    }
    return message_send(child->control_fd, &request, sizeof(request), ring, 1);
}

void
trace_stop(struct vm *vm)
{
    for (size_t i = 0; i < vm->n_children; i++) {
        if (vm->trace_ring_fd[i] >= 0 && listens(&vm->child[i])) {
            (void)attach(vm, &vm->child[i], 0);
        }
    }
}

/* 0, or -errno: then nobody writes. */
static int
attach_all(struct vm *vm, uint32_t events, struct display_traced *traced,
           int rings[DISPLAY_TRACED_MAX])
{
    if (!vm->booted || vm->state == VM_ENDING) {
        return -EAGAIN;
    }
    for (size_t i = 0; i < vm->n_children; i++) {
        const struct child *child = &vm->child[i];
        int r;

        if (!listens(child) || traced->count == DISPLAY_TRACED_MAX) {
            continue;
        }
        r = attach(vm, child, events);
        if (r < 0) {
            trace_stop(vm);
            traced->count = 0;
            return r;
        }
        snprintf(traced->name[traced->count], sizeof(traced->name[0]), "%s", child->name);
        rings[traced->count++] = vm->trace_ring_fd[i];
    }
    return 0;
}

void
trace_ask(struct vm *vm, const struct display_ask_trace *ask)
{
    const struct child *display = vm_child(vm, process_display.name);
    cleanup_free struct display_traced *traced = xalloc(sizeof(*traced));
    int rings[DISPLAY_TRACED_MAX];

    *traced = (struct display_traced){.header = {.type = DISPLAY_TRACED, .size = sizeof(*traced)},
                                      .serial = ask->serial};
    if (ask->events == 0) {
        trace_stop(vm);
    } else {
        traced->error = attach_all(vm, ask->events, traced, rings);
    }
    if (ask->serial != 0 && display->ready && display->control_fd >= 0) {
        (void)message_send(display->control_fd, traced, sizeof(*traced), rings, traced->count);
    }
}

int
trace_open_marker(const struct vm *vm)
{
    static const char *const paths[] = {"/sys/kernel/tracing/trace_marker",
                                        "/sys/kernel/debug/tracing/trace_marker"};
    int error = 0;

    if (!vm->config->trace_marker) {
        return -1;
    }
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        int fd = open(paths[i], O_WRONLY | O_CLOEXEC | O_NOCTTY);

        if (fd >= 0) {
            return fd;
        }
        error = error == 0 || errno != ENOENT ? errno : error;
    }
    log_file_print(
        vm->log, LOG_LEVEL_WARNING,
        "--trace-marker: %s cannot be written (%s); the machine runs without. As root: “mount -t "
        "tracefs tracefs /sys/kernel/tracing”, and let your group write trace_marker.",
        paths[0], strerror(error));
    return -1;
}
