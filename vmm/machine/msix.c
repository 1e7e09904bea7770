/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/machine/msix.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "vmm/base/assert.h"
#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/memory.h"

enum {
    ENTRY_ADDRESS_LOW = 0,
    ENTRY_ADDRESS_HIGH = 4,
    ENTRY_DATA = 8,
    ENTRY_CONTROL = 12,
    ENTRY_MASKED = 1 << 0,
};

enum mode {
    MODE_IDLE = 0, /* before the first update */
    MODE_COLLECT,
    MODE_HELD,
    MODE_IRQFD,
};

struct source {
    int event_fd;
    uint16_t vector;
    enum mode mode;
    uint32_t gsi; /* MODE_IRQFD: what it is attached to */
};

struct vector {
    uint64_t address;
    uint32_t data;
    bool masked;
    bool has_gsi;
    uint32_t gsi;
    bool is_routed; /* KVM knows these: */
    uint64_t routed_address;
    uint32_t routed_data;
};

struct msix {
    struct vm *vm;
    pthread_mutex_t lock;
    int poll_fd;
    unsigned int n;
    bool enabled;
    bool masked;
    struct source sources[MSIX_SOURCES_MAX];
    struct vector vectors[MSIX_SOURCES_MAX];
    struct log_limit limit;
};

/* Tell KVM what the vector says. 0 or -errno. */
static int
route_vector(struct msix *msix, struct vector *vector)
{
    int r = 0;

    if (!vector->has_gsi) {
        r = vm_allocate_msi(msix->vm, &vector->gsi);
        if (r < 0) {
            return r;
        }
        vector->has_gsi = true;
    }
    if (!vector->is_routed || vector->routed_address != vector->address ||
        vector->routed_data != vector->data) {
        r = vm_route_msi(msix->vm, vector->gsi, vector->address, vector->data);
        vector->is_routed = r == 0;
        vector->routed_address = vector->address;
        vector->routed_data = vector->data;
    }
    return r;
}

/* The vector that a source's interrupts leave by now, or NULL. */
static struct vector *
open_vector(struct msix *msix, const struct source *source)
{
    struct vector *vector;

    if (!msix->enabled || source->vector == MSIX_NO_VECTOR) {
        return NULL;
    }
    vector = &msix->vectors[source->vector];
    return msix->masked || vector->masked ? NULL : vector;
}

static void
leave_mode(struct msix *msix, struct source *source)
{
    if (source->mode == MODE_IRQFD) {
        vm_detach_msi(msix->vm, source->gsi, source->event_fd);
    } else if (source->mode == MODE_COLLECT) {
        epoll_ctl(msix->poll_fd, EPOLL_CTL_DEL, source->event_fd, NULL);
    }
    source->mode = MODE_IDLE;
}

static void
update_source(struct msix *msix, struct source *source)
{
    struct vector *vector = open_vector(msix, source);
    enum mode mode = MODE_COLLECT;

    if (vector && route_vector(msix, vector) == 0) {
        mode = MODE_IRQFD;
    } else if (!vector && msix->enabled && source->vector != MSIX_NO_VECTOR) {
        mode = MODE_HELD;
    }
    if (source->mode == mode && (mode != MODE_IRQFD || source->gsi == vector->gsi)) {
        return;
    }
    leave_mode(msix, source);
    if (mode == MODE_IRQFD) {
        int r = vm_attach_msi(msix->vm, vector->gsi, source->event_fd);

        source->gsi = vector->gsi;
        if (r < 0) {
            log_limited(&msix->limit, LOG_LEVEL_WARNING,
                        "irqfd: error %d, messages go the long way", -r);
            mode = MODE_COLLECT;
        }
    }
    if (mode == MODE_COLLECT) {
        struct epoll_event event = {.events = EPOLLIN,
                                    .data.u32 = (uint32_t)(source - msix->sources)};

        epoll_ctl(msix->poll_fd, EPOLL_CTL_ADD, source->event_fd, &event);
    }
    source->mode = mode;
}

static void
update_all(struct msix *msix)
{
    for (unsigned int i = 0; i < msix->n; i++) {
        update_source(msix, &msix->sources[i]);
    }
}

static void
power_on(struct msix *msix)
{
    msix->enabled = false;
    msix->masked = false;
    for (unsigned int i = 0; i < msix->n; i++) {
        msix->vectors[i].address = 0;
        msix->vectors[i].data = 0;
        msix->vectors[i].masked = true;
        msix->sources[i].vector = MSIX_NO_VECTOR;
    }
    update_all(msix);
    for (unsigned int i = 0; i < msix->n; i++) {
        msix_drain(msix, i);
    }
}

struct msix *
msix_create(struct vm *vm, unsigned int n_sources)
{
    cleanup(msix_destroyp) struct msix *msix = xalloc(sizeof(*msix));

    assert(n_sources <= MSIX_SOURCES_MAX);
    msix->vm = vm;
    pthread_mutex_init(&msix->lock, NULL);
    msix->poll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (msix->poll_fd < 0) {
        return NULL;
    }
    while (msix->n < n_sources) {
        int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

        if (fd < 0) {
            return NULL;
        }
        msix->sources[msix->n++].event_fd = fd;
    }
    power_on(msix);
    return take_pointer(msix);
}

void
msix_destroy(struct msix *msix)
{
    if (!msix) {
        return;
    }
    for (unsigned int i = 0; i < msix->n; i++) {
        leave_mode(msix, &msix->sources[i]);
        fd_closep(&msix->sources[i].event_fd);
    }
    for (unsigned int i = 0; i < msix->n; i++) {
        if (msix->vectors[i].has_gsi) {
            vm_free_msi(msix->vm, msix->vectors[i].gsi);
        }
    }
    fd_closep(&msix->poll_fd);
    pthread_mutex_destroy(&msix->lock);
    free(msix);
}

int
msix_event_fd(const struct msix *msix, unsigned int index)
{
    return msix->sources[index].event_fd;
}

int
msix_poll_fd(const struct msix *msix)
{
    return msix->poll_fd;
}

void
msix_signal(const struct msix *msix, unsigned int index)
{
    (void)eventfd_write(msix->sources[index].event_fd, 1);
}

void
msix_drain(const struct msix *msix, unsigned int index)
{
    eventfd_t count;

    (void)eventfd_read(msix->sources[index].event_fd, &count);
}

void
msix_set_control(struct msix *msix, bool enabled, bool masked)
{
    pthread_mutex_lock(&msix->lock);
    msix->enabled = enabled;
    msix->masked = masked;
    update_all(msix);
    pthread_mutex_unlock(&msix->lock);
}

bool
msix_is_enabled(struct msix *msix)
{
    bool enabled;

    pthread_mutex_lock(&msix->lock);
    enabled = msix->enabled;
    pthread_mutex_unlock(&msix->lock);
    return enabled;
}

void
msix_set_vector(struct msix *msix, unsigned int index, uint16_t vector)
{
    pthread_mutex_lock(&msix->lock);
    msix->sources[index].vector = vector < msix->n ? vector : MSIX_NO_VECTOR;
    update_source(msix, &msix->sources[index]);
    pthread_mutex_unlock(&msix->lock);
}

uint16_t
msix_vector(struct msix *msix, unsigned int index)
{
    uint16_t vector;

    pthread_mutex_lock(&msix->lock);
    vector = msix->sources[index].vector;
    pthread_mutex_unlock(&msix->lock);
    return vector;
}

static uint32_t
read_word(const struct vector *vector, uint64_t word)
{
    switch (word) {
    case ENTRY_ADDRESS_LOW:
        return (uint32_t)vector->address;
    case ENTRY_ADDRESS_HIGH:
        return (uint32_t)(vector->address >> 32);
    case ENTRY_DATA:
        return vector->data;
    default:
        return vector->masked ? ENTRY_MASKED : 0;
    }
}

static void
write_word(struct vector *vector, uint64_t word, uint32_t value)
{
    switch (word) {
    case ENTRY_ADDRESS_LOW:
        vector->address = (vector->address & ~UINT64_C(0xffffffff)) | (value & ~UINT32_C(3));
        break;
    case ENTRY_ADDRESS_HIGH:
        vector->address = (vector->address & 0xffffffff) | (uint64_t)value << 32;
        break;
    case ENTRY_DATA:
        vector->data = value;
        break;
    default:
        vector->masked = (value & ENTRY_MASKED) != 0;
        break;
    }
}

static bool
is_table_access(const struct msix *msix, uint64_t offset, unsigned int size)
{
    return (size == 4 || size == 8) && offset % size == 0 &&
           range_inside(offset, size, (uint64_t)msix->n * MSIX_ENTRY_SIZE);
}

uint64_t
msix_table_read(struct msix *msix, uint64_t offset, unsigned int size)
{
    uint64_t value = 0;

    if (!is_table_access(msix, offset, size)) {
        return 0;
    }
    pthread_mutex_lock(&msix->lock);
    for (unsigned int i = 0; i < size; i += 4) {
        uint64_t at = offset + i;

        value |= (uint64_t)read_word(&msix->vectors[at / MSIX_ENTRY_SIZE], at % MSIX_ENTRY_SIZE)
                 << (8 * i);
    }
    pthread_mutex_unlock(&msix->lock);
    return value;
}

void
msix_table_write(struct msix *msix, uint64_t offset, unsigned int size, uint64_t value)
{
    if (!is_table_access(msix, offset, size)) {
        return;
    }
    pthread_mutex_lock(&msix->lock);
    for (unsigned int i = 0; i < size; i += 4) {
        uint64_t at = offset + i;

        write_word(&msix->vectors[at / MSIX_ENTRY_SIZE], at % MSIX_ENTRY_SIZE,
                   (uint32_t)(value >> (8 * i)));
    }
    for (unsigned int i = 0; i < msix->n; i++) {
        if (msix->sources[i].vector == offset / MSIX_ENTRY_SIZE) {
            update_source(msix, &msix->sources[i]);
        }
    }
    pthread_mutex_unlock(&msix->lock);
}

uint64_t
msix_pending(struct msix *msix)
{
    struct pollfd polls[MSIX_SOURCES_MAX];
    uint64_t pending = 0;

    pthread_mutex_lock(&msix->lock);
    for (unsigned int i = 0; i < msix->n; i++) {
        bool held = msix->sources[i].mode == MODE_HELD;

        polls[i] = (struct pollfd){.fd = held ? msix->sources[i].event_fd : -1, .events = POLLIN};
    }
    if (poll(polls, msix->n, 0) < 0) {
        memset(polls, 0, sizeof(polls));
    }
    for (unsigned int i = 0; i < msix->n; i++) {
        if (polls[i].revents & POLLIN) {
            pending |= UINT64_C(1) << msix->sources[i].vector;
        }
    }
    pthread_mutex_unlock(&msix->lock);
    return pending;
}

uint32_t
msix_collect(struct msix *msix)
{
    struct epoll_event events[MSIX_SOURCES_MAX];
    uint32_t fired = 0;
    int n;

    pthread_mutex_lock(&msix->lock);
    /* Under the lock no source changes its mode between here and the read. */
    n = epoll_wait(msix->poll_fd, events, MSIX_SOURCES_MAX, 0);
    for (int i = 0; i < n; i++) {
        const struct source *source = &msix->sources[events[i].data.u32];
        const struct vector *vector = open_vector(msix, source);
        eventfd_t count;

        if (eventfd_read(source->event_fd, &count) < 0) {
            continue;
        }
        if (vector) {
            vm_send_msi(msix->vm, vector->address, vector->data);
        } else {
            fired |= UINT32_C(1) << events[i].data.u32;
        }
    }
    pthread_mutex_unlock(&msix->lock);
    return fired;
}

void
msix_reset_vectors(struct msix *msix)
{
    pthread_mutex_lock(&msix->lock);
    for (unsigned int i = 0; i < msix->n; i++) {
        msix->sources[i].vector = MSIX_NO_VECTOR;
        update_source(msix, &msix->sources[i]);
        msix_drain(msix, i);
    }
    pthread_mutex_unlock(&msix->lock);
}

void
msix_reset(struct msix *msix)
{
    pthread_mutex_lock(&msix->lock);
    power_on(msix);
    pthread_mutex_unlock(&msix->lock);
}
