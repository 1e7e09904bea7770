/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/machine/debug.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "vmm/base/bytes.h"
#include "vmm/base/log.h"
#include "vmm/base/memory.h"
#include "vmm/base/message.h"
#include "vmm/machine/arch.h"

enum {
    PAGE = 4096,
    LAST_WORDS_MS = 200,
};

struct debug {
    struct vm *vm;
    int fd;
    struct loop *loop;
    struct loop_source *source; /* NULL: the debugger is gone */
    struct debug_points points;
    bool telling; /* DEBUG_STOPPED is still to be sent; under vm->state_lock */
    bool told;    /* it was sent, and nothing ran since */
    /* As soon as all processors stand: */
    bool cleaning;  /* take the points out */
    bool detaching; /* let them go instead of telling */
};

union debug_request {
    struct start_header header;
    struct debug_resume resume;
    struct debug_question question;
    struct debug_registers_message registers;
    struct debug_memory memory;
    struct debug_point point;
};

/* -- the processors; with vm->state_lock -- */

static bool
all_stand(const struct vm *vm)
{
    for (unsigned int i = 0; i < vm->n_vcpus; i++) {
        if (!vm->vcpus[i].held) { /* let go; it may not have woken up yet */
            return false;
        }
    }
    return vm->n_parked == vm->n_vcpus;
}

static void
hold_all(struct debug *debug)
{
    struct vm *vm = debug->vm;

    debug->telling = true;
    for (unsigned int i = 0; i < vm->n_vcpus; i++) {
        vm->vcpus[i].held = true;
        if (vm->vcpus[i].run) {
            vcpu_kick(&vm->vcpus[i]);
        }
    }
}

static bool
is_still(struct debug *debug)
{
    pthread_mutex_lock(&debug->vm->state_lock);
    const bool still = all_stand(debug->vm) && debug->vm->state != VM_STATE_ENDED;

    pthread_mutex_unlock(&debug->vm->state_lock);
    return still;
}

void
debug_on_exit(struct debug *debug, struct vcpu *vcpu)
{
    struct debug_stop stop = {0};

    if (!arch_debug_exit(vcpu, &debug->points, &stop)) {
        return; /* the guest's own; it has got it */
    }
    pthread_mutex_lock(&debug->vm->state_lock);
    vcpu->stop = stop;
    hold_all(debug);
    pthread_mutex_unlock(&debug->vm->state_lock);
}

/* -- answers -- */

static void
lose_debugger(struct debug *debug)
{
    loop_remove(debug->source);
    debug->source = NULL;
}

static void
answer(struct debug *debug, const void *message, size_t size)
{
    int r = message_send(debug->fd, message, size, NULL, 0);

    if (r < 0) {
        log_warning("The debugger does not listen: %s", strerror(-r));
    }
}

static void
answer_done(struct debug *debug, int result)
{
    const struct debug_done done = {.header = {DEBUG_DONE, sizeof(done)}, .result = result};

    answer(debug, &done, sizeof(done));
}

/* The processor that has something to tell; those after it tell theirs at the next stop. */
static struct vcpu *
find_stopped(struct vm *vm)
{
    for (unsigned int i = 0; i < vm->n_vcpus; i++) {
        if (vm->vcpus[i].stop.reason != DEBUG_REASON_NONE) {
            return &vm->vcpus[i];
        }
    }
    return NULL;
}

static void
tell_stop(struct debug *debug)
{
    struct debug_stopped stopped = {.header = {DEBUG_STOPPED, sizeof(stopped)},
                                    .reason = DEBUG_REASON_HELD};
    struct vcpu *vcpu = find_stopped(debug->vm);

    if (vcpu) {
        stopped.vcpu = vcpu->index;
        stopped.reason = vcpu->stop.reason;
        stopped.address = vcpu->stop.address;
        vcpu->stop = (struct debug_stop){0};
    }
    debug->told = true;
    arch_pause(debug->vm); /* its watchdog is no more patient than it was */
    if (!debug->source) {
        return;
    }
    answer(debug, &stopped, sizeof(stopped));
}

/* -- memory -- */

/* Host address of guest memory at a virtual address, up to the page's end; NULL where none is. */
static uint8_t *
find_memory(struct debug *debug, uint32_t vcpu, uint64_t address, uint64_t *ret_length,
            uint64_t *ret_physical)
{
    uint64_t physical;

    if (arch_debug_translate(&debug->vm->vcpus[vcpu], address, &physical) < 0) {
        return NULL;
    }
    *ret_length = PAGE - physical % PAGE;
    *ret_physical = physical;
    return vm_ram_pointer(debug->vm, physical, *ret_length);
}

/* What the guest would read there: without our breakpoints. */
static void
hide_points(const struct debug *debug, uint64_t physical, uint8_t *data, uint64_t length)
{
    for (size_t i = 0; i < debug->points.n_software; i++) {
        const struct debug_software *point = &debug->points.software[i];

        if (point->physical >= physical && point->physical - physical < length) {
            data[point->physical - physical] = point->original;
        }
    }
}

static void
read_memory(struct debug *debug, const union debug_request *request)
{
    const struct debug_question *question = &request->question;
    struct debug_memory memory = {.header = {DEBUG_MEMORY, sizeof(memory)},
                                  .vcpu = question->vcpu,
                                  .address = question->address};
    const uint32_t length = MIN_OF(question->length, (uint32_t)DEBUG_DATA_MAX);

    while (memory.length < length) {
        uint64_t physical;
        uint64_t n;
        const uint8_t *host =
            find_memory(debug, question->vcpu, question->address + memory.length, &n, &physical);

        if (!host) {
            break;
        }
        n = MIN_OF(n, (uint64_t)(length - memory.length));
        memcpy(memory.data + memory.length, host, n);
        hide_points(debug, physical, memory.data + memory.length, n);
        memory.length += (uint32_t)n;
    }
    memory.result = memory.length > 0 ? (int32_t)memory.length : -EFAULT;
    answer(debug, &memory, sizeof(memory));
}

/* A breakpoint stays one when the instruction under it is written. */
static void
keep_points(struct debug *debug, uint64_t physical, uint8_t *host, uint64_t length)
{
    for (size_t i = 0; i < debug->points.n_software; i++) {
        struct debug_software *point = &debug->points.software[i];

        if (point->physical >= physical && point->physical - physical < length) {
            point->original = host[point->physical - physical];
            host[point->physical - physical] = ARCH_BREAKPOINT;
        }
    }
}

static void
write_memory(struct debug *debug, const union debug_request *request)
{
    const struct debug_memory *memory = &request->memory;
    const uint32_t length = MIN_OF(memory->length, (uint32_t)DEBUG_DATA_MAX);
    uint32_t done = 0;

    while (done < length) {
        uint64_t physical;
        uint64_t n;
        uint8_t *host = find_memory(debug, memory->vcpu, memory->address + done, &n, &physical);

        if (!host) {
            break;
        }
        n = MIN_OF(n, (uint64_t)(length - done));
        memcpy(host, memory->data + done, n);
        keep_points(debug, physical, host, n);
        done += (uint32_t)n;
    }
    answer_done(debug, done == length ? 0 : -EFAULT);
}

/* -- registers -- */

static void
get_registers(struct debug *debug, const union debug_request *request)
{
    struct debug_registers_message message = {.header = {DEBUG_REGISTERS, sizeof(message)},
                                              .vcpu = request->question.vcpu};

    message.result = arch_debug_get(&debug->vm->vcpus[message.vcpu], &message.registers);
    answer(debug, &message, sizeof(message));
}

static void
set_registers(struct debug *debug, const union debug_request *request)
{
    answer_done(debug, arch_debug_set(&debug->vm->vcpus[request->registers.vcpu],
                                      &request->registers.registers));
}

/* -- points -- */

static int
insert_software(struct debug *debug, const struct debug_point *point)
{
    struct debug_points *points = &debug->points;
    struct debug_software *software = &points->software[points->n_software];
    uint64_t length;
    uint8_t *host;

    for (size_t i = 0; i < points->n_software; i++) {
        if (points->software[i].address == point->address) {
            return 0;
        }
    }
    if (points->n_software == DEBUG_SOFTWARE_MAX) {
        return -ENOSPC;
    }
    host = find_memory(debug, point->vcpu, point->address, &length, &software->physical);
    if (!host) {
        return -EFAULT;
    }
    software->address = point->address;
    /* Two addresses may be one place. */
    software->original = *host;
    hide_points(debug, software->physical, &software->original, 1);
    *host = ARCH_BREAKPOINT;
    points->n_software++;
    return 0;
}

static void
take_out(struct debug *debug, size_t index)
{
    struct debug_points *points = &debug->points;
    const struct debug_software point = points->software[index];
    uint8_t *host = vm_ram_pointer(debug->vm, point.physical, 1);
    bool shared = false;

    points->software[index] = points->software[--points->n_software];
    for (size_t i = 0; i < points->n_software; i++) {
        shared = shared || points->software[i].physical == point.physical;
    }
    /* The guest may have put other code there in between. */
    if (host && !shared && *host == ARCH_BREAKPOINT) {
        *host = point.original;
    }
}

static int
remove_software(struct debug *debug, const struct debug_point *point)
{
    for (size_t i = 0; i < debug->points.n_software; i++) {
        if (debug->points.software[i].address == point->address) {
            take_out(debug, i);
            return 0;
        }
    }
    return -ENOENT;
}

static bool
is_same(const struct debug_hardware *hardware, const struct debug_point *point)
{
    return hardware->kind == point->kind && hardware->address == point->address &&
           (hardware->kind == DEBUG_POINT_HARDWARE || hardware->length == point->length);
}

static int
insert_hardware(struct debug_points *points, const struct debug_point *point)
{
    const uint32_t length = point->kind == DEBUG_POINT_HARDWARE ? 1 : point->length;

    for (size_t i = 0; i < points->n_hardware; i++) {
        if (is_same(&points->hardware[i], point)) {
            return 0;
        }
    }
    if (points->n_hardware == DEBUG_HARDWARE_MAX) {
        return -ENOSPC;
    }
    if ((length != 1 && length != 2 && length != 4 && length != 8) ||
        point->address % length != 0) {
        return -EINVAL;
    }
    points->hardware[points->n_hardware++] =
        (struct debug_hardware){.kind = point->kind, .length = length, .address = point->address};
    return 0;
}

static int
remove_hardware(struct debug_points *points, const struct debug_point *point)
{
    for (size_t i = 0; i < points->n_hardware; i++) {
        if (is_same(&points->hardware[i], point)) {
            points->hardware[i] = points->hardware[--points->n_hardware];
            return 0;
        }
    }
    return -ENOENT;
}

static void
change_point(struct debug *debug, const union debug_request *request)
{
    const struct debug_point *point = &request->point;
    const bool insert = point->header.type == DEBUG_INSERT;
    int r = -EOPNOTSUPP;

    if (point->kind == DEBUG_POINT_SOFTWARE) {
        r = insert ? insert_software(debug, point) : remove_software(debug, point);
    } else if (point->kind == DEBUG_POINT_HARDWARE || point->kind == DEBUG_POINT_WRITE ||
               point->kind == DEBUG_POINT_ACCESS) {
        r = insert ? insert_hardware(&debug->points, point)
                   : remove_hardware(&debug->points, point);
    }
    answer_done(debug, r);
}

/* -- going on -- */

static uint32_t
all_processors(const struct vm *vm)
{
    return vm->n_vcpus >= 32 ? UINT32_MAX : (UINT32_C(1) << vm->n_vcpus) - 1;
}

/* All stand. */
static int
let_go(struct debug *debug, uint32_t run, uint32_t step)
{
    struct vm *vm = debug->vm;

    for (unsigned int i = 0; i < vm->n_vcpus; i++) {
        int r = arch_debug_apply(&vm->vcpus[i], &debug->points, step >> i & 1);

        if (r < 0) {
            return r;
        }
    }
    pthread_mutex_lock(&vm->state_lock);
    for (unsigned int i = 0; i < vm->n_vcpus; i++) {
        vm->vcpus[i].held = !((run | step) >> i & 1);
    }
    debug->told = false;
    pthread_cond_broadcast(&vm->state_changed);
    if (vm->state == VM_STATE_RUNNING) {
        arch_resume(vm);
    }
    pthread_mutex_unlock(&vm->state_lock);
    return 0;
}

/* Breakpoints are met again, unless they are gone by now; the rest is told before anything runs. */
static bool
has_more_to_tell(struct vm *vm)
{
    bool more = false;

    for (unsigned int i = 0; i < vm->n_vcpus; i++) {
        struct debug_stop *stop = &vm->vcpus[i].stop;

        if (stop->reason == DEBUG_REASON_WRITE || stop->reason == DEBUG_REASON_ACCESS) {
            more = true;
        } else {
            *stop = (struct debug_stop){0};
        }
    }
    return more;
}

static void
resume(struct debug *debug, const union debug_request *request)
{
    struct vm *vm = debug->vm;
    const uint32_t all = all_processors(vm);
    const uint32_t step = request->resume.step & all;
    int r;

    if (has_more_to_tell(vm)) {
        answer_done(debug, 0);
        tell_stop(debug);
        return;
    }
    r = let_go(debug, request->resume.run & all & ~step, step);
    answer_done(debug, r);
}

/* All stand. */
static void
clean(struct debug *debug)
{
    struct vm *vm = debug->vm;

    debug->cleaning = false;
    while (debug->points.n_software > 0) {
        take_out(debug, debug->points.n_software - 1);
    }
    debug->points.n_hardware = 0;
    for (unsigned int i = 0; i < vm->n_vcpus; i++) {
        vm->vcpus[i].stop = (struct debug_stop){0};
    }
}

static void
hold(struct debug *debug)
{
    pthread_mutex_lock(&debug->vm->state_lock);
    hold_all(debug);
    pthread_mutex_unlock(&debug->vm->state_lock);
    debug_look(debug);
}

static void
detach(struct debug *debug)
{
    debug->cleaning = true;
    debug->detaching = true;
    hold(debug);
}

void
debug_look(struct debug *debug)
{
    struct vm *vm = debug->vm;
    bool standing;

    pthread_mutex_lock(&vm->state_lock);
    standing = debug->telling && all_stand(vm) && vm->state != VM_STATE_ENDED;
    debug->telling = debug->telling && !standing;
    pthread_mutex_unlock(&vm->state_lock);
    if (!standing) {
        return;
    }
    if (debug->cleaning) {
        clean(debug);
    }
    if (!debug->detaching) {
        tell_stop(debug);
        return;
    }
    debug->detaching = false;
    int r = let_go(debug, all_processors(vm), 0);
    if (r < 0) {
        log_error("The processors could not be let go: %s", strerror(-r));
    }
}

void
debug_tell_end(struct debug *debug, uint32_t reason)
{
    const struct debug_ended ended = {.header = {DEBUG_ENDED, sizeof(ended)}, .reason = reason};
    struct pollfd closed = {.fd = debug->fd, .events = 0};

    if (debug->source) {
        answer(debug, &ended, sizeof(ended));
        (void)poll(&closed, 1, LAST_WORDS_MS);
    }
}

/* -- questions -- */

static const struct {
    size_t size;
    void (*handle)(struct debug *debug, const union debug_request *request);
} requests[] = {
    [DEBUG_RESUME - START_TYPE_TO_CHILD] = {sizeof(struct debug_resume), resume},
    [DEBUG_GET_REGISTERS - START_TYPE_TO_CHILD] = {sizeof(struct debug_question), get_registers},
    [DEBUG_SET_REGISTERS -
        START_TYPE_TO_CHILD] = {sizeof(struct debug_registers_message), set_registers},
    [DEBUG_READ - START_TYPE_TO_CHILD] = {sizeof(struct debug_question), read_memory},
    [DEBUG_WRITE - START_TYPE_TO_CHILD] = {sizeof(struct debug_memory), write_memory},
    [DEBUG_INSERT - START_TYPE_TO_CHILD] = {sizeof(struct debug_point), change_point},
    [DEBUG_REMOVE - START_TYPE_TO_CHILD] = {sizeof(struct debug_point), change_point},
};

/* The processor that a question is about; those that are about none are about the first. */
static uint32_t
vcpu_of(const union debug_request *request)
{
    switch (request->header.type) {
    case DEBUG_GET_REGISTERS:
    case DEBUG_READ:
        return request->question.vcpu;
    case DEBUG_SET_REGISTERS:
        return request->registers.vcpu;
    case DEBUG_WRITE:
        return request->memory.vcpu;
    case DEBUG_INSERT:
    case DEBUG_REMOVE:
        return request->point.vcpu;
    default:
        return 0;
    }
}

/* Questions that may be asked at any time. False: not one of them. */
static bool
serve_always(struct debug *debug, uint32_t type)
{
    switch (type) {
    case DEBUG_HOLD:
        answer_done(debug, 0);
        if (!debug->told) { /* else its wish and our word have crossed */
            debug->detaching = false;
            hold(debug);
        }
        return true;
    case DEBUG_DETACH:
        detach(debug);
        answer_done(debug, 0);
        return true;
    case DEBUG_KILL:
        answer_done(debug, 0);
        vm_end(debug->vm, MACHINE_END_STOPPED, NULL, NULL);
        return true;
    default:
        return false;
    }
}

static bool
serve(struct debug *debug, const union debug_request *request, size_t size)
{
    const size_t index = request->header.type - START_TYPE_TO_CHILD;

    if (request->header.size != size) {
        return false;
    }
    if (size == sizeof(request->header) && serve_always(debug, request->header.type)) {
        return true;
    }
    if (index >= ARRAY_SIZE(requests) || !requests[index].handle || size != requests[index].size ||
        vcpu_of(request) >= debug->vm->n_vcpus) {
        return false;
    }
    if (!is_still(debug)) {
        answer_done(debug, -EBUSY);
    } else {
        requests[index].handle(debug, request);
    }
    return true;
}

static void
on_request(void *data, uint32_t events)
{
    struct debug *debug = data;
    union debug_request request;
    ssize_t n = message_receive(debug->fd, &request, sizeof(request), NULL);

    (void)events;
    if (n == -EAGAIN) {
        return;
    }
    if (n < (ssize_t)sizeof(request.header) || !serve(debug, &request, (size_t)n)) {
        if (n > 0) {
            log_error("The debugger sent a message of a kind or size that is not known");
        }
        lose_debugger(debug);
        detach(debug);
    }
}

struct debug *
debug_create(struct loop *loop, struct vm *vm, int fd)
{
    struct debug *debug = xalloc(sizeof(*debug));

    *debug = (struct debug){.vm = vm, .fd = fd, .loop = loop};
    debug->source = loop_add(loop, fd, EPOLLIN, on_request, debug);
    if (!debug->source) {
        free(debug);
        return NULL;
    }
    vm->debug = debug;
    vm->debug_can_block_interrupts = arch_debug_can_block_interrupts(vm);
    pthread_mutex_lock(&vm->state_lock);
    hold_all(debug);
    pthread_mutex_unlock(&vm->state_lock);
    return debug;
}
