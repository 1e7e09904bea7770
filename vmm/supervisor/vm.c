/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/supervisor/vm.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "vmm/base/assert.h"
#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/memory.h"
#include "vmm/protocol/gpu-journal.h"
#include "vmm/protocol/history.h"
#include "vmm/supervisor/events.h"
#include "vmm/supervisor/paths.h"
#include "vmm/supervisor/processes.h"
#include "vmm/supervisor/spawn.h"
#include "vmm/supervisor/trace.h"
#include "vmm/supervisor/wayland.h"

enum {
    DISPLAY_LEAVE_MS = 500, /* for its last words to clients */
    DISKS_LEAVE_MS = 5000,  /* for all disks to write their tables */
};

static void
make_uuid(char *text, size_t size)
{
    uint8_t b[16] = {0};

    (void)!getrandom(b, sizeof(b), 0);
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40); /* RFC 4122: version 4, random */
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    snprintf(text, size, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
             b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
             b[14], b[15]);
}

static struct child *
add_child(struct vm *vm, const struct process_row *row, size_t index)
{
    struct child *child = &vm->child[vm->n_children++];

    assert(vm->n_children <= CHILDREN_MAX);
    *child = (struct child){
        .vm = vm, .row = row, .index = index, .pidfd = -1, .control_fd = -1, .log_fd = -1};
    if (row->numbered) {
        snprintf(child->name, sizeof(child->name), "%s-%zu", row->name, index);
    } else {
        snprintf(child->name, sizeof(child->name), "%s", row->name);
    }
    return child;
}

static struct device *
add_device(struct vm *vm, const char *name, const struct virtio_row *virtio)
{
    struct device *device = &vm->device[vm->n_devices++];

    assert(vm->n_devices <= DEVICES_MAX);
    *device = (struct device){.virtio = virtio, .back_fd = -1, .front_fd = -1};
    snprintf(device->name, sizeof(device->name), "%s", name);
    return device;
}

static int
add_own_device(struct vm *vm, const struct process_row *row, size_t index)
{
    struct child *child = add_child(vm, row, index);
    struct device *device = add_device(vm, child->name, row->virtio);
    int pair[2];
    int r = fd_socket_pair(SOCK_STREAM, pair);

    child->device = vm->n_devices - 1;
    device->child = child;
    if (r == 0) {
        device->back_fd = pair[0];
        device->front_fd = pair[1];
    }
    return r;
}

static int
make_pair(struct pair_edge *edge)
{
    int pair[2];
    int r = fd_socket_pair(SOCK_SEQPACKET, pair);

    if (r == 0) {
        edge->display_fd = pair[0];
        edge->device_fd = pair[1];
        fd_set_nonblocking(pair[0]);
        r = fd_set_nonblocking(pair[1]);
    }
    return r;
}

static int
make_serial(struct vm *vm, size_t index)
{
    struct serial_edge *edge = &vm->serial[index];
    int pair[2];
    int r = fd_socket_pair(SOCK_STREAM, pair);

    if (r < 0) {
        return r;
    }
    edge->display_fd = pair[0];
    edge->port_fd = pair[1];
    edge->history_fd = fd_memory_file("history", sizeof(struct history));
    if (edge->history_fd < 0) {
        return edge->history_fd;
    }
    return vm->config->serial[index].hardware == SERIAL_HARDWARE_VIRTIO_CONSOLE
               ? add_own_device(vm, &process_console, index)
               : 0;
}

static int
add_render_server(struct vm *vm)
{
    int pair[2];
    int r = fd_socket_pair(SOCK_SEQPACKET, pair);

    if (r == 0) {
        add_child(vm, &process_render, 0);
        vm->venus = (struct venus_edge){.gpu_fd = pair[0], .render_fd = pair[1]};
    }
    return r;
}

static int
add_graphics(struct vm *vm)
{
    int r = 0;

    if (vm->config->has_gpu) {
        r = make_pair(&vm->gpu);
        r = r < 0 ? r : add_own_device(vm, graphics_row(vm->graphics.level), 0);
        vm->gpu_journal_fd = r < 0 ? -1 : fd_memory_file("gpu-journal", sizeof(struct gpu_journal));
        r = r < 0 ? r : MIN_OF(vm->gpu_journal_fd, 0);
        r = r < 0 ? r : card_watch_create(vm);
    }
    if (r == 0 && vm->graphics.level == GPU_LEVEL_VENUS) {
        r = add_render_server(vm);
    }
    if (r == 0 && vm->config->keyboard) {
        r = make_pair(&vm->keyboard);
        r = r < 0 ? r : add_own_device(vm, &process_keyboard, 0);
    }
    if (r == 0 && vm->config->pointer) {
        r = make_pair(&vm->pointer);
        r = r < 0 ? r : add_own_device(vm, &process_pointer, 0);
    }
    return r;
}

static int
add_debugger(struct vm *vm)
{
    int pair[2];
    int r = fd_socket_pair(SOCK_SEQPACKET, pair);

    if (r == 0) {
        add_child(vm, &process_gdb, 0);
        vm->debug = (struct debug_edge){.machine_fd = pair[0], .gdb_fd = pair[1]};
        r = fd_set_nonblocking(pair[0]);
    }
    return r;
}

/* Devices get their places on the PCI bus in this order. */
static int
add_all(struct vm *vm)
{
    const struct machine_config *config = vm->config;
    int r = 0;

    add_child(vm, &process_display, 0);
    add_child(vm, &process_loader, 0);
    add_child(vm, config->gdb ? &process_machine_debug : &process_machine, 0);
    if (config->gdb) {
        r = add_debugger(vm);
    }
    if (r == 0 && config->rng) {
        r = add_own_device(vm, &process_rng, 0);
    }
    for (size_t i = 0; r == 0 && i < config->n_block; i++) {
        r = add_own_device(vm, &process_block, i);
    }
    for (size_t i = 0; r == 0 && i < config->n_serial; i++) {
        r = make_serial(vm, i);
    }
    if (r == 0) {
        r = add_graphics(vm);
    }
    for (size_t i = 0; r == 0 && i < config->n_vhost_user; i++) {
        char name[START_NAME_SIZE];

        snprintf(name, sizeof(name), "vhost-user-%zu", i);
        add_device(vm, name, virtio_row_of_type(config->vhost_user[i].type))->front_fd =
            take_fd(&vm->resources.vhost_user_fd[i]);
    }
    if (r == 0 && config->balloon) {
        r = add_own_device(vm, &process_balloon, 0);
    }
    if (r == 0 && config->wayland_sock.path) {
        add_child(vm, &process_wayland_guard, 0);
    }
    return r;
}

static void
init_edges(struct vm *vm)
{
    vm->graphics = (struct graphics){.render_fd = -1};
    vm->gpu = vm->keyboard = vm->pointer = (struct pair_edge){-1, -1};
    for (size_t i = 0; i < CONFIG_SERIALS_MAX; i++) {
        vm->serial[i] = (struct serial_edge){-1, -1, -1};
    }
    wayland_init(&vm->wayland);
    vm->debug = (struct debug_edge){-1, -1};
    vm->venus = (struct venus_edge){-1, -1};
    vm->gpu_journal_fd = -1;
    vm->card_watch.alarm_fd = -1;
    vm->trace_marker_fd = -1;
    for (size_t i = 0; i < CHILDREN_MAX; i++) {
        vm->trace_ring_fd[i] = -1;
    }
    vm->signal_fd = -1;
    vm->last_frame_fd = -1;
}

/* A weaker jail, where namespaces are refused, is decided later: the trial then has none of it. */
static void
choose_graphics(struct vm *vm, const char *no_3d)
{
    if (!vm->config->has_gpu) {
        return;
    }
    const struct graphics_wish wish = {
        .config = &vm->config->gpu, .flags = vm->start_flags, .trouble = no_3d};

    graphics_choose(&wish, &vm->graphics);
    log_file_print(vm->log,
                   no_3d ||
                           (vm->config->gpu.backend == GPU_BACKEND_VIRGLRENDERER &&
                            vm->graphics.level == GPU_LEVEL_2D) ||
                           vm->graphics.no_venus
                       ? LOG_LEVEL_WARNING
                       : LOG_LEVEL_INFO,
                   "graphics: %s", vm->graphics.sentence);
}

static struct vm *
vm_allocate(const struct machine_config *config, const struct vm_host *host)
{
    struct vm *vm = xalloc(sizeof(*vm));

    resources_init(&vm->resources);
    kernel_cache_init(&vm->kernel_cache);
    vm->config = config;
    vm->runtime = host->runtime;
    vm->instance = host->instance;
    vm->log = host->log;
    vm->helpers = path_helpers();
    vm->start_flags = config->disable_sandbox ? START_FLAG_NO_JAIL : 0;
    init_edges(vm);
    make_uuid(vm->uuid, sizeof(vm->uuid));
    vm->loop = loop_create();
    return vm;
}

struct vm *
vm_create_idle(const struct machine_config *config, const struct vm_host *host,
               struct failure *failure)
{
    cleanup(vm_destroyp) struct vm *vm = vm_allocate(config, host);

    vm->state = VM_IDLE;
    if (!vm->loop) {
        failure_set(failure, EXIT_STATUS_FAILED, "cannot-start",
                    "The display server cannot be watched (%s).", strerror(errno));
        return NULL;
    }
    add_child(vm, &process_display, 0);
    return take_pointer(vm);
}

int
vm_move_display(struct vm *from, struct vm *to)
{
    struct child *old = &from->child[0];
    struct child *new = &to->child[0];

    assert(old->row == &process_display && new->row == &process_display &&new->pid == 0);
    loop_remove(old->pid_source);
    loop_remove(old->control_source);
    loop_remove(old->log_source);
    *new = *old;
    new->vm = to;
    *old = (struct child){
        .vm = from, .row = &process_display, .pidfd = -1, .control_fd = -1, .log_fd = -1};
    snprintf(old->name, sizeof(old->name), "%s", new->name);
    return events_watch_child(new);
}

struct vm *
vm_create(const struct machine_config *config, const struct vm_host *host, struct failure *failure)
{
    cleanup(vm_destroyp) struct vm *vm = vm_allocate(config, host);
    int r;

    vm->state = VM_STARTING;
    if (resources_open(config, host->handles, host->overlays, &vm->resources, failure) < 0) {
        return NULL;
    }
    if (!host->handles) { /* an instance of the launcher shares nothing with others */
        kernel_cache_open(&vm->kernel_cache, &vm->resources.kernel_fd, vm->log);
    }
    vm->trace_marker_fd = trace_open_marker(vm);
    choose_graphics(vm, host->no_3d);
    r = vm->loop ? add_all(vm) : -errno;
    if (r < 0) {
        failure_set(failure, EXIT_STATUS_FAILED, "cannot-start",
                    "The sockets between the machine's parts cannot be made (%s).", strerror(-r));
        return NULL;
    }
    if (config->wayland_sock.path && wayland_open(vm, failure) < 0) {
        return NULL;
    }
    return take_pointer(vm);
}

struct child *
vm_child(struct vm *vm, const char *name)
{
    for (size_t i = 0; i < vm->n_children; i++) {
        if (strcmp(vm->child[i].name, name) == 0) {
            return &vm->child[i];
        }
    }
    return NULL;
}

static void
close_pair(struct pair_edge *edge)
{
    fd_closep(&edge->display_fd);
    fd_closep(&edge->device_fd);
}

/* The display leaves by itself when its control socket ends; then its clients have heard all. */
static void
let_display_leave(struct vm *vm)
{
    struct child *display = vm_child(vm, process_display.name);

    if (display && display->pid > 0 && display->ready) {
        struct pollfd ended = {.fd = display->pidfd, .events = POLLIN};

        fd_closep(&display->control_fd);
        (void)poll(&ended, 1, DISPLAY_LEAVE_MS);
    }
}

static bool
has_tables(const struct vm *vm, const struct child *child)
{
    return child->row == &process_block && child->pid > 0 && child->ready &&
           vm->resources.disk[child->index].format == BLOCK_QCOW2;
}

/* Tell them by the end of their control sockets; how many there are, and what shows that they ended. */
static size_t
tell_disks_to_leave(struct vm *vm, struct pollfd *ret_ended)
{
    size_t n = 0;

    for (size_t i = 0; i < vm->n_children; i++) {
        if (has_tables(vm, &vm->child[i])) {
            fd_closep(&vm->child[i].control_fd);
            ret_ended[n++] = (struct pollfd){.fd = vm->child[i].pidfd, .events = POLLIN};
        }
    }
    return n;
}

/*
 * What a qcow2 disk has in memory is written when its process ends by itself: the guest is gone then. It
 * may take as long as the host's disk does, so not when there is a hurry: as after a power cut, the image
 * is whole then, and has what the guest flushed.
 */
static void
let_disks_leave(struct vm *vm)
{
    const struct child *machine = vm_child(vm, process_machine.name);
    struct pollfd ended[CHILDREN_MAX];
    const uint64_t end = events_now_ms() + DISKS_LEAVE_MS;
    size_t n;

    if (machine && machine->pid > 0) {
        pidfd_send_signal(machine->pidfd, SIGKILL, NULL, 0);
    }
    n = tell_disks_to_leave(vm, ended);
    for (size_t i = 0; i < n; i++) {
        const uint64_t now = events_now_ms();

        (void)poll(&ended[i], 1, now < end ? (int)(end - now) : 0);
    }
}

void
vm_destroy(struct vm *vm)
{
    if (!vm) {
        return;
    }
    for (size_t i = 0; i < vm->n_children; i++) {
        loop_remove(vm->child[i].control_source);
        vm->child[i].control_source = NULL;
    }
    if (!vm->in_a_hurry) {
        let_disks_leave(vm);
    }
    /* All but the display first: it stands at index 0. All are ended before one is waited for. */
    for (size_t i = 1; i < vm->n_children; i++) {
        if (vm->child[i].pid > 0) {
            pidfd_send_signal(vm->child[i].pidfd, SIGKILL, NULL, 0);
        }
    }
    for (size_t i = 1; i < vm->n_children; i++) {
        child_kill(&vm->child[i]);
    }
    if (vm->is_loaded) { /* a guest may have been quicker than the loader's end */
        kernel_cache_conclude(&vm->kernel_cache, &vm->loaded, vm->log);
    }
    let_display_leave(vm);
    if (vm->n_children > 0) {
        child_kill(&vm->child[0]);
    }
    for (size_t i = 0; i < vm->n_devices; i++) {
        fd_closep(&vm->device[i].back_fd);
        fd_closep(&vm->device[i].front_fd);
    }
    for (size_t i = 0; i < CONFIG_SERIALS_MAX; i++) {
        fd_closep(&vm->serial[i].display_fd);
        fd_closep(&vm->serial[i].port_fd);
        fd_closep(&vm->serial[i].history_fd);
    }
    close_pair(&vm->gpu);
    fd_closep(&vm->gpu_journal_fd);
    card_watch_destroy(vm);
    fd_closep(&vm->graphics.render_fd);
    close_pair(&vm->keyboard);
    close_pair(&vm->pointer);
    wayland_close(&vm->wayland);
    fd_closep(&vm->venus.gpu_fd);
    fd_closep(&vm->venus.render_fd);
    fd_closep(&vm->debug.machine_fd);
    fd_closep(&vm->debug.gdb_fd);
    fd_closep(&vm->trace_marker_fd);
    for (size_t i = 0; i < CHILDREN_MAX; i++) {
        fd_closep(&vm->trace_ring_fd[i]);
    }
    resources_close(&vm->resources);
    kernel_cache_close(&vm->kernel_cache);
    loop_destroy(vm->loop);
    fd_closep(&vm->signal_fd);
    fd_closep(&vm->last_frame_fd);
    free(vm->helpers);
    free(vm);
}
