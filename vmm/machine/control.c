/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/machine/control.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vmm/base/bytes.h"
#include "vmm/base/log.h"
#include "vmm/base/memory.h"
#include "vmm/base/message.h"
#include "vmm/jail/start.h"
#include "vmm/machine/arch.h"
#include "vmm/machine/debug.h"

struct control {
    struct loop *loop;
    struct vm *vm;
    struct pci_root *pci;
    struct loop_source *socket;
    struct loop_source *events;
    bool booted;
    bool pausing; /* MACHINE_PAUSED is still to be sent */
};

static void
answer(struct control *control, const void *message, size_t size)
{
    int r = message_send(START_FD_CONTROL, message, size, NULL, 0);

    if (r < 0) {
        log_error("The supervisor does not listen: %s", strerror(-r));
        loop_quit(control->loop, 1);
    }
}

static void
answer_type(struct control *control, uint32_t type)
{
    const struct start_header header = {.type = type, .size = sizeof(header)};

    answer(control, &header, sizeof(header));
}

/* -- requests -- */

union request {
    struct start_header header;
    struct machine_add_device add_device;
    struct machine_replace_device replace_device;
    struct machine_boot boot;
};

static void
add_device(struct control *control, const union request *request, struct message_fds *fds)
{
    struct machine_device_failed failed = {
        .header = {.type = MACHINE_DEVICE_FAILED, .size = sizeof(failed)},
    };
    struct machine_add_device device = request->add_device;
    const char *sentence = "The message has no socket or comes too late.";
    int fd = message_take_fd(fds, 0);
    int r = -EPROTO;

    device.name[sizeof(device.name) - 1] = '\0';
    if (fd >= 0 && !control->booted) {
        r = pci_root_add_virtio(control->pci, &device, take_fd(&fd), &sentence);
    }
    fd_closep(&fd);
    if (r == 0) {
        answer_type(control, MACHINE_DEVICE_ADDED);
        return;
    }
    snprintf(failed.name, sizeof(failed.name), "%s", device.name);
    snprintf(failed.sentence, sizeof(failed.sentence), "%s", sentence);
    answer(control, &failed, sizeof(failed));
}

static void
replace_device(struct control *control, const union request *request, struct message_fds *fds)
{
    struct machine_device_failed failed = {
        .header = {.type = MACHINE_DEVICE_FAILED, .size = sizeof(failed)},
    };
    struct machine_replace_device device = request->replace_device;
    const char *sentence = NULL;
    const int fd = message_take_fd(fds, 0);
    int r;

    device.name[sizeof(device.name) - 1] = '\0';
    r = pci_root_replace_virtio(control->pci, device.name, fd, &sentence);
    if (fd < 0) {
        return;
    }
    if (r == 0) {
        answer_type(control, MACHINE_DEVICE_REPLACED);
        return;
    }
    snprintf(failed.name, sizeof(failed.name), "%s", device.name);
    snprintf(failed.sentence, sizeof(failed.sentence), "%s", sentence);
    answer(control, &failed, sizeof(failed));
}

/* The supervisor decides what that means for the machine. */
static void
on_device_lost(void *data, const char *name, const char *sentence)
{
    struct control *control = data;
    struct machine_device_failed failed = {
        .header = {.type = MACHINE_DEVICE_FAILED, .size = sizeof(failed)},
    };

    snprintf(failed.name, sizeof(failed.name), "%s", name);
    snprintf(failed.sentence, sizeof(failed.sentence), "%s", sentence);
    answer(control, &failed, sizeof(failed));
}

static void
boot(struct control *control, const union request *request, struct message_fds *fds)
{
    int r;

    if (control->booted) {
        return;
    }
    control->booted = true;
    control->pausing = request->boot.suspended != 0;
    r = arch_boot(control->vm, &request->boot);
    if (r == 0) {
        r = vm_start(control->vm, control->pausing);
    }
    if (r < 0) {
        char sentence[START_SENTENCE_SIZE];

        snprintf(sentence, sizeof(sentence), "The processors could not be started: %s.",
                 strerror(-r));
        vm_end(control->vm, MACHINE_END_FAILED, "vcpu-start", sentence);
        return;
    }
    if (!control->pausing) {
        answer_type(control, MACHINE_RUNNING);
    }
}

static void
power_button(struct control *control, const union request *request, struct message_fds *fds)
{
    arch_power_button(control->vm);
}

static void
sleep_button(struct control *control, const union request *request, struct message_fds *fds)
{
    arch_sleep_button(control->vm);
}

static void
tell_paused(struct control *control)
{
    control->pausing = false;
    pci_root_hold(control->pci, true);
    arch_pause(control->vm);
    answer_type(control, MACHINE_PAUSED);
}

static void
pause_machine(struct control *control, const union request *request, struct message_fds *fds)
{
    if (!control->booted) {
        return;
    }
    control->pausing = true;
    vm_pause(control->vm);           /* the last vCPU thread that stops tells, see on_event() */
    if (vm_is_parked(control->vm)) { /* was paused before */
        tell_paused(control);
    }
}

static void
resume_machine(struct control *control, const union request *request, struct message_fds *fds)
{
    control->pausing = false;
    if (vm_is_parked(control->vm)) {
        pci_root_hold(control->pci, false);
    }
    arch_resume(control->vm);
    vm_resume(control->vm);
    answer_type(control, MACHINE_RESUMED);
}

static void
stop_machine(struct control *control, const union request *request, struct message_fds *fds)
{
    vm_end(control->vm, MACHINE_END_STOPPED, NULL, NULL);
}

static const struct {
    size_t size;
    void (*handle)(struct control *control, const union request *request, struct message_fds *fds);
} requests[] = {
    [MACHINE_ADD_DEVICE - START_TYPE_TO_CHILD] = {sizeof(struct machine_add_device), add_device},
    [MACHINE_BOOT - START_TYPE_TO_CHILD] = {sizeof(struct machine_boot), boot},
    [MACHINE_POWER_BUTTON - START_TYPE_TO_CHILD] = {sizeof(struct start_header), power_button},
    [MACHINE_PAUSE - START_TYPE_TO_CHILD] = {sizeof(struct start_header), pause_machine},
    [MACHINE_RESUME - START_TYPE_TO_CHILD] = {sizeof(struct start_header), resume_machine},
    [MACHINE_STOP - START_TYPE_TO_CHILD] = {sizeof(struct start_header), stop_machine},
    [MACHINE_SLEEP_BUTTON - START_TYPE_TO_CHILD] = {sizeof(struct start_header), sleep_button},
    [MACHINE_REPLACE_DEVICE -
        START_TYPE_TO_CHILD] = {sizeof(struct machine_replace_device), replace_device},
};

static void
on_request(void *data, uint32_t events)
{
    struct control *control = data;
    struct message_fds fds = {0};
    union request request;
    ssize_t n = start_receive(&request, sizeof(request), &fds);
    size_t index;

    if (n == -EAGAIN) {
        return;
    }
    if (n <= 0) { /* the supervisor is gone */
        loop_quit(control->loop, n == 0 ? 0 : 1);
        return;
    }
    index = (size_t)n >= sizeof(request.header) ? request.header.type - START_TYPE_TO_CHILD
                                                : ARRAY_SIZE(requests);
    if (index >= ARRAY_SIZE(requests) || (size_t)n != requests[index].size ||
        request.header.size != (size_t)n) {
        log_error("The supervisor sent a message of a kind or size that is not known");
        loop_quit(control->loop, 1);
    } else {
        requests[index].handle(control, &request, &fds);
    }
    message_close_fds(&fds);
}

/* A vCPU thread (or vm_end() on this one) has something to tell. */
static void
on_event(void *data, uint32_t events)
{
    struct control *control = data;
    struct machine_ended ended;
    uint64_t count;

    if (read(control->vm->event_fd, &count, sizeof(count)) < 0) {
        return;
    }
    if (vm_has_ended(control->vm, &ended)) {
        arch_flush(control->vm);
        vm_log_statistics(control->vm);
        if (control->vm->debug) {
            debug_tell_end(control->vm->debug, ended.reason);
        }
        answer(control, &ended, sizeof(ended));
        loop_quit(control->loop, 0);
        return;
    }
    if (control->pausing && vm_is_parked(control->vm)) {
        tell_paused(control);
    }
    if (control->vm->debug) {
        debug_look(control->vm->debug);
    }
}

struct control *
control_create(struct loop *loop, struct vm *vm, struct pci_root *pci)
{
    cleanup(control_destroyp) struct control *control = xalloc(sizeof(*control));

    *control = (struct control){.loop = loop, .vm = vm, .pci = pci};
    pci_root_watch(pci, on_device_lost, control);
    control->socket = loop_add(loop, START_FD_CONTROL, EPOLLIN, on_request, control);
    if (!control->socket) {
        return NULL;
    }
    control->events = loop_add(loop, vm->event_fd, EPOLLIN, on_event, control);
    if (!control->events) {
        return NULL;
    }
    return take_pointer(control);
}

void
control_destroy(struct control *control)
{
    if (!control) {
        return;
    }
    loop_remove(control->socket);
    loop_remove(control->events);
    free(control);
}
