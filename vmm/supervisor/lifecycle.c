/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/supervisor/lifecycle.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/memory.h"
#include "vmm/base/message.h"
#include "vmm/supervisor/end-signals.h"
#include "vmm/supervisor/events.h"
#include "vmm/supervisor/images.h"
#include "vmm/supervisor/instance.h"
#include "vmm/supervisor/processes.h"
#include "vmm/supervisor/revive.h"
#include "vmm/supervisor/room.h"
#include "vmm/supervisor/spawn.h"

enum {
    START_LIMIT_MS = 120 * 1000,
    STOP_LIMIT_MS = 3000,
    LAST_FRAME_LIMIT_MS = 500,
};

/* Devices are added in this order, from slot 1 on. */
static uint32_t
gpu_slot(const struct vm *vm)
{
    for (size_t i = 0; i < vm->n_devices; i++) {
        if (vm->device[i].child && strcmp(vm->device[i].name, process_gpu.name) == 0) {
            return (uint32_t)i + 1;
        }
    }
    return 0;
}

void
lifecycle_tell_display(struct vm *vm)
{
    static const uint32_t states[] = {
        [VM_IDLE] = DISPLAY_VM_STARTING,   [VM_STARTING] = DISPLAY_VM_STARTING,
        [VM_RUNNING] = DISPLAY_VM_RUNNING, [VM_PAUSED] = DISPLAY_VM_PAUSED,
        [VM_ENDING] = DISPLAY_VM_STOPPED,  [VM_SHUTTING_DOWN] = DISPLAY_VM_SHUTTING_DOWN,
    };
    struct display_state state = {
        .header = {.type = DISPLAY_STATE, .size = sizeof(state)},
        .state = states[vm->state],
        .gpu_slot = gpu_slot(vm),
        .graphics_restarts = vm->revival.n_done,
        .render_device = graphics_render_device(&vm->graphics),
    };
    const struct child *display = vm_child(vm, process_display.name);

    if (!display->ready || display->control_fd < 0 || vm->state == VM_IDLE) {
        return;
    }
    snprintf(state.graphics, sizeof(state.graphics), "%s",
             graphics_name(&vm->graphics, vm->config->has_gpu));
    memcpy(state.graphics_sentence, vm->graphics.sentence, sizeof(state.graphics_sentence));
    if (vm->state == VM_PAUSED && room_is_lacking(vm)) {
        snprintf(state.id, sizeof(state.id), "disk-full");
        room_describe(vm, state.sentence, sizeof(state.sentence));
    }
    if (vm->state == VM_ENDING) {
        state.exit_status = (uint32_t)vm->end.status;
        memcpy(state.id, vm->end.id, sizeof(state.id));
        memcpy(state.sentence, vm->end.sentence, sizeof(state.sentence));
    }
    (void)message_send(display->control_fd, &state, sizeof(state), NULL, 0);
}

static void
set_state(struct vm *vm, enum vm_state state)
{
    if (vm->state != state) {
        vm->state = state;
        lifecycle_tell_display(vm);
    }
}

/* Descriptors that only children need: a back end's death must show as end of file. */
static void
close_passed(struct vm *vm)
{
    for (size_t i = 0; i < vm->n_devices; i++) {
        fd_closep(&vm->device[i].back_fd);
    }
    for (size_t i = 0; i < CONFIG_SERIALS_MAX; i++) {
        fd_closep(&vm->serial[i].port_fd);
    }
    fd_closep(&vm->keyboard.device_fd);
    fd_closep(&vm->pointer.device_fd);
    fd_closep(&vm->wayland.gpu_fd);
    fd_closep(&vm->venus.gpu_fd);
    fd_closep(&vm->venus.render_fd);
    fd_closep(&vm->debug.machine_fd);
    fd_closep(&vm->debug.gdb_fd);
    fd_closep(&vm->resources.gdb.listen_fd);
    fd_closep(&vm->resources.kvm_fd);
    fd_closep(&vm->resources.kernel_fd);
    fd_closep(&vm->resources.initrd_fd);
    fd_closep(&vm->resources.ram_fd);
    for (size_t i = 0; i < CONFIG_BLOCKS_MAX; i++) {
        images_close(&vm->resources.disk[i]); /* its locks live on in the block process */
    }
}

/* Give the machine the next device, whose back end must be ready. */
static void
send_device(struct vm *vm, const struct child *machine)
{
    struct device *device = &vm->device[vm->n_added];
    struct machine_add_device message = {
        .header = {.type = MACHINE_ADD_DEVICE, .size = sizeof(message)},
        .virtio_id = device->virtio->virtio_id,
        .pci_class = device->virtio->pci_class,
        .n_queues = device->virtio->n_queues,
        .may_return = device->child && revive_is_card(device->child),
    };

    if (device->child && !device->child->ready) {
        return;
    }
    memcpy(message.name, device->name, sizeof(message.name));
    for (uint32_t i = 0; i < MACHINE_QUEUES_MAX; i++) {
        const uint32_t last = device->virtio->n_queues - 1;
        message.queue_size[i] = device->virtio->queue_size[MIN_OF(i, last)];
    }
    /* A failure shows as the machine's end. */
    (void)message_send(machine->control_fd, &message, sizeof(message), &device->front_fd, 1);
    fd_closep(&device->front_fd);
    vm->adding = true;
}

void
lifecycle_advance(struct vm *vm)
{
    const struct child *machine = vm_child(vm, process_machine.name);

    if (vm->state != VM_STARTING || vm->booted || vm->adding || !machine->ready) {
        return;
    }
    if (vm->n_added < vm->n_devices) {
        send_device(vm, machine);
        return;
    }
    /* The display must stand before the guest says its first word. */
    if (vm->is_loaded && vm_child(vm, process_display.name)->ready) {
        if (vm->instance && !vm->go) {
            loop_timer_set(vm->start_timer, 0, 0);
            instance_tell_created(vm);
            return;
        }
        const struct machine_boot boot = {
            .header = {.type = MACHINE_BOOT, .size = sizeof(boot)},
            .entry = vm->loaded.entry,
            .boot_params = vm->loaded.boot_params,
            .suspended = vm->config->suspended,
        };

        (void)message_send(machine->control_fd, &boot, sizeof(boot), NULL, 0);
        vm->booted = true;
    }
}

void
lifecycle_go(struct vm *vm)
{
    if (vm->created && !vm->go) {
        vm->go = true;
        loop_timer_set(vm->start_timer, START_LIMIT_MS, 0);
        lifecycle_advance(vm);
    }
}

void
lifecycle_running(struct vm *vm)
{
    if (vm->state == VM_STARTING || vm->state == VM_PAUSED) {
        if (vm->state == VM_STARTING && vm->config->gdb) {
            log_file_print(vm->log, LOG_LEVEL_WARNING,
                           "The machine waits for gdb: target remote %s%s",
                           gdb_socket_path(vm->config->gdb) ? "" : ":",
                           gdb_socket_path(vm->config->gdb) ?: vm->config->gdb);
        }
        loop_timer_set(vm->start_timer, 0, 0);
        set_state(vm, vm->shutting_down ? VM_SHUTTING_DOWN : VM_RUNNING);
    }
}

void
lifecycle_paused(struct vm *vm)
{
    if (vm->state == VM_STARTING || vm->state == VM_RUNNING || vm->state == VM_SHUTTING_DOWN) {
        loop_timer_set(vm->start_timer, 0, 0);
        set_state(vm, VM_PAUSED);
    }
}

void
lifecycle_finish(struct vm *vm)
{
    lifecycle_tell_display(vm);
    loop_quit(vm->loop, 0);
}

void
lifecycle_end(struct vm *vm, const struct failure *end)
{
    struct child *display = vm_child(vm, process_display.name);

    if (vm->state == VM_ENDING) {
        return;
    }
    vm->end = *end;
    vm->state = VM_ENDING;
    if (vm->booted && vm->config->has_gpu && display->ready && !vm->instance &&
        child_send(display, DISPLAY_SEND_LAST_FRAME) == 0) {
        loop_timer_set(vm->end_timer, LAST_FRAME_LIMIT_MS, 0);
        return;
    }
    lifecycle_finish(vm);
}

/* A machine that is paused; where a disk has no room, its requests come first. */
static void
go_on(struct vm *vm)
{
    if (vm->state != VM_PAUSED) {
        return;
    }
    if (room_is_lacking(vm)) {
        room_try_again(vm);
    } else {
        child_send(vm_child(vm, process_machine.name), MACHINE_RESUME);
    }
}

void
lifecycle_power_button(struct vm *vm)
{
    struct child *machine = vm_child(vm, process_machine.name);

    if (vm->state == VM_ENDING || vm->state == VM_IDLE) {
        return;
    }
    if (vm->state == VM_STARTING) {
        lifecycle_stop(vm);
        return;
    }
    child_send(machine, MACHINE_POWER_BUTTON);
    vm->shutting_down = true;
    go_on(vm);
    if (vm->state != VM_PAUSED || !room_is_lacking(vm)) {
        set_state(vm, VM_SHUTTING_DOWN);
    }
}

void
lifecycle_sleep_button(struct vm *vm)
{
    struct child *machine = vm_child(vm, process_machine.name);

    if (vm->state == VM_RUNNING || vm->state == VM_PAUSED) {
        child_send(machine, MACHINE_SLEEP_BUTTON);
    }
    go_on(vm);
}

void
lifecycle_stop(struct vm *vm)
{
    const struct failure stopped = {.status = vm->restart ? EXIT_STATUS_RESET : EXIT_STATUS_OFF};

    if (vm->state == VM_ENDING || vm->state == VM_IDLE) {
        return;
    }
    vm->stopped = true;
    if (vm->booted && child_send(vm_child(vm, process_machine.name), MACHINE_STOP) == 0) {
        loop_timer_set(vm->end_timer, STOP_LIMIT_MS, 0);
        return;
    }
    lifecycle_end(vm, &stopped);
}

void
lifecycle_pause(struct vm *vm, bool pause)
{
    if (!pause) {
        go_on(vm);
    } else if (vm->state == VM_RUNNING) {
        child_send(vm_child(vm, process_machine.name), MACHINE_PAUSE);
    }
}

static void
on_start_timer(void *data, uint32_t events)
{
    struct vm *vm = data;
    const struct child *late = &vm->child[0];
    struct failure failure;

    (void)events;
    for (size_t i = 0; i < vm->n_children; i++) {
        if (!vm->child[i].ready && !vm->child[i].done) {
            late = &vm->child[i];
        }
    }
    failure_set(&failure, EXIT_STATUS_FAILED, "cannot-start",
                "The machine did not start within %d seconds, waiting for the %s; try again.",
                START_LIMIT_MS / 1000, late->row->label);
    lifecycle_end(vm, &failure);
}

/* The last picture did not come in time, or the machine did not stop when it was told to. */
static void
on_end_timer(void *data, uint32_t events)
{
    struct vm *vm = data;
    const struct failure stopped = {.status = vm->restart ? EXIT_STATUS_RESET : EXIT_STATUS_OFF};

    (void)events;
    if (vm->state == VM_ENDING) {
        lifecycle_finish(vm);
    } else {
        lifecycle_end(vm, &stopped);
    }
}

static void
on_signal(void *data, uint32_t events)
{
    struct vm *vm = data;
    struct signalfd_siginfo info;

    (void)events;
    if (read(vm->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info)) {
        return;
    }
    if (vm->instance) {
        instance_end(vm->instance);
    } else if (info.ssi_signo == SIGTERM && !vm->shutting_down &&
               (vm->state == VM_RUNNING || vm->state == VM_PAUSED)) {
        log_file_print(
            vm->log, LOG_LEVEL_WARNING,
            "SIGTERM pressed the power button, and the guest decides; a second one stops "
            "the machine.");
        lifecycle_power_button(vm);
    } else {
        vm->told_to_end = true; /* also when it is ending already: it does not come back */
        lifecycle_stop(vm);
    }
}

static int
watch_all(struct vm *vm)
{
    vm->signal_fd = end_signals_open();
    if (vm->signal_fd >= 0) {
        vm->signal_source = loop_add(vm->loop, vm->signal_fd, EPOLLIN, on_signal, vm);
    }
    vm->start_timer = loop_add_timer(vm->loop, on_start_timer, vm);
    vm->end_timer = loop_add_timer(vm->loop, on_end_timer, vm);
    vm->display_timer = loop_add_timer(vm->loop, events_on_display_timer, vm);
    if (!vm->signal_source || !vm->start_timer || !vm->end_timer || !vm->display_timer) {
        return -errno;
    }
    if (vm->instance && instance_watch(vm) < 0) {
        return -errno;
    }
    return loop_timer_set(vm->start_timer, START_LIMIT_MS, 0);
}

int
lifecycle_start_child(struct child *child, struct failure *failure)
{
    struct vm *vm = child->vm;
    int r = child_spawn(child, failure);

    if (r < 0 && strcmp(failure->id, "no-namespaces") == 0 && vm->config->allow_no_namespaces &&
        !(vm->start_flags & START_FLAG_NO_NAMESPACES)) {
        log_file_print(vm->log, LOG_LEVEL_WARNING,
                       "This computer refuses namespaces: every part runs with a weaker jail.");
        vm->start_flags |= START_FLAG_NO_NAMESPACES;
        child_close(child);
        r = child_spawn(child, failure);
    }
    if (r == 0 && events_watch_child(child) < 0) {
        r = failure_set(failure, EXIT_STATUS_FAILED, "cannot-start",
                        "The %s cannot be watched (%s).", child->row->label, strerror(errno));
    }
    return r;
}

void
lifecycle_list_processes(const struct vm *vm)
{
    char text[CHILDREN_MAX * 64] = "";
    size_t used = 0;

    for (size_t i = 0; i < vm->n_children; i++) {
        const struct child *child = &vm->child[i];

        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s %d %zu\n", child->name,
                                 child->pid, child->n_fds);
    }
    if (vm->runtime) {
        runtime_dir_write(vm->runtime, "processes", text);
    }
}

static int
start_all(struct vm *vm, struct failure *failure)
{
    for (size_t i = 0; i < vm->n_children; i++) {
        /* In lifecycle mode the display runs already. */
        if (vm->child[i].pid == 0 && lifecycle_start_child(&vm->child[i], failure) < 0) {
            return -1;
        }
    }
    close_passed(vm);
    lifecycle_list_processes(vm);
    return 0;
}

void
vm_run(struct vm *vm, struct failure *ret_end)
{
    int r = watch_all(vm);

    if (r < 0) {
        failure_set(&vm->end, EXIT_STATUS_FAILED, "cannot-start",
                    "The machine cannot be watched (%s).", strerror(-r));
    } else if (start_all(vm, &vm->end) == 0) {
        r = loop_run(vm->loop);
        if (r < 0) {
            failure_set(&vm->end, EXIT_STATUS_FAILED, "cannot-start",
                        "The machine cannot be watched any longer (%s).", strerror(-r));
        }
    }
    *ret_end = vm->end;
}
