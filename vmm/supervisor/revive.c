/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/supervisor/revive.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/message.h"
#include "vmm/supervisor/events.h"
#include "vmm/supervisor/lifecycle.h"
#include "vmm/supervisor/processes.h"
#include "vmm/supervisor/spawn.h"
#include "vmm/supervisor/wayland.h"

bool
revive_is_card(const struct child *child)
{
    return strcmp(child->row->name, process_gpu.name) == 0;
}

/* How often it crashed in the last minute before now, 0, 1 or 2 for more; and note this time. */
static unsigned int
count_crash(struct revival *revival)
{
    const uint64_t now = events_now_ms();
    unsigned int n = 0;

    for (size_t i = 0; i < ARRAY_SIZE(revival->crashes_ms); i++) {
        const uint64_t then = revival->crashes_ms[i];

        n += then != 0 && now - then < REVIVE_WINDOW_MS;
    }
    revival->crashes_ms[0] = revival->crashes_ms[1];
    revival->crashes_ms[1] = now;
    return n;
}

/* The render server of the dead card's contexts ends, and another one begins, where there was one. */
static int
renew_vulkan(struct vm *vm, struct failure *failure)
{
    struct child *server = vm_child(vm, process_render.name);
    int pair[2];

    if (!server) {
        return 0;
    }
    child_kill(server);
    server->ready = false;
    server->done = true;
    if (vm->graphics.level != GPU_LEVEL_VENUS) {
        return 0;
    }
    if (fd_socket_pair(SOCK_SEQPACKET, pair) < 0) {
        return failure_set(failure, EXIT_STATUS_FAILED, "part-died", "It has no socket.");
    }
    vm->venus = (struct venus_edge){.gpu_fd = pair[0], .render_fd = pair[1]};
    server->done = false;
    server->restarts++;
    return lifecycle_start_child(server, failure);
}

static int
start_again(struct child *card, struct failure *failure)
{
    struct vm *vm = card->vm;
    struct device *device = &vm->device[card->device];
    int pair[2];
    int r = renew_vulkan(vm, failure);

    if (r < 0) {
        return r;
    }
    if (fd_socket_pair(SOCK_STREAM, pair) < 0) {
        return failure_set(failure, EXIT_STATUS_FAILED, "part-died", "It has no socket.");
    }
    fd_closep(&device->front_fd);
    device->back_fd = pair[0];
    device->front_fd = pair[1];
    wayland_renew(vm);
    card->restarts++;
    r = lifecycle_start_child(card, failure);
    fd_closep(&device->back_fd);
    fd_closep(&vm->venus.gpu_fd);
    fd_closep(&vm->venus.render_fd);
    fd_closep(&vm->wayland.gpu_fd);
    return r;
}

bool
revive_card(struct child *card, const struct failure *how)
{
    struct vm *vm = card->vm;
    const unsigned int before = count_crash(&vm->revival);
    struct failure failure;

    /* What asked for a call that it may not use may be in a guest's hands. */
    if (vm->gpu_journal_fd < 0 || before > 1 || strcmp(how->id, "blocked-call") == 0) {
        return false;
    }
    vm->graphics.had_3d =
        vm->graphics.had_3d || vm->graphics.level != GPU_LEVEL_2D || vm->config->wayland_sock.path;
    if (before > 0) {
        vm->graphics.level = GPU_LEVEL_2D;
        fd_closep(&vm->graphics.render_fd);
    }
    vm->revival.suspects = !card->killed || vm->card_watch.hung;
    vm->card_watch.hung = false;
    card->row = graphics_row(vm->graphics.level);
    card->ready = false;
    /* The cure after the semicolon is ours. */
    log_file_print(vm->log, LOG_LEVEL_WARNING, "%.*s; it is started again%s.",
                   failure_cause_length(how), how->sentence,
                   before > 0 && vm->graphics.had_3d ? " without 3D" : "");
    if (start_again(card, &failure) < 0) {
        log_file_write(vm->log, "vmm", LOG_LEVEL_ERROR, failure.sentence);
        child_kill(card);
        return false;
    }
    snprintf(vm->revival.cause, sizeof(vm->revival.cause), "%.*s", failure_cause_length(how),
             how->sentence);
    lifecycle_list_processes(vm);
    return true;
}

static void
send_replacement(struct vm *vm, const struct child *card, int *fd)
{
    const struct child *machine = vm_child(vm, process_machine.name);
    struct machine_replace_device message = {
        .header = {.type = MACHINE_REPLACE_DEVICE, .size = sizeof(message)}};

    memcpy(message.name, card->name, sizeof(message.name));
    if (machine->control_fd >= 0) { /* a failure shows as the machine's end */
        (void)message_send(machine->control_fd, &message, sizeof(message), fd, *fd >= 0);
    }
    fd_closep(fd);
}

void
revive_ready(struct child *card)
{
    struct vm *vm = card->vm;
    struct device *device = &vm->device[card->device];

    if (card->restarts > 0 && device->front_fd >= 0) {
        vm->revival.answers_due++;
        send_replacement(vm, card, &device->front_fd);
    }
}

bool
revive_answered(struct vm *vm)
{
    if (vm->revival.answers_due == 0) {
        return false;
    }
    return --vm->revival.answers_due == 0;
}

void
revive_done(struct vm *vm)
{
    if (vm->graphics.lost) {
        return; /* the successor crashed, too, and was given up, before the machine's answer came */
    }
    snprintf(vm->graphics.sentence, sizeof(vm->graphics.sentence),
             vm->graphics.had_3d
                 ? "%s and was started again; the guest's screen goes on. Programs of the guest "
                   "that drew in 3D have to be started again."
                 : "%s and was started again; the guest's screen goes on.",
             vm->revival.cause);
    vm->revival.n_done++;
    log_file_print(vm->log, LOG_LEVEL_WARNING, "graphics: %s", vm->graphics.sentence);
    lifecycle_tell_display(vm);
    lifecycle_list_processes(vm);
}

void
revive_give_up(struct child *card)
{
    struct vm *vm = card->vm;
    int none = -1;

    send_replacement(vm, card, &none);
    fd_closep(&vm->device[card->device].front_fd);
    fd_closep(&vm->gpu.device_fd); /* the display sees its end */
    fd_closep(&vm->graphics.render_fd);
}
