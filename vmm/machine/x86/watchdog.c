/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/machine/x86/watchdog.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "vmm/base/bytes.h"
#include "vmm/base/memory.h"
#include "vmm/protocol/machine.h"

struct watchdog {
    struct vm *vm;
    struct loop_source *timer;
    pthread_mutex_t lock;
    uint32_t count; /* seconds */
    bool running;
    bool paused;
    uint64_t end_ms;  /* while it runs and is not paused */
    uint64_t left_ms; /* while it runs and is paused */
};

static uint64_t
now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* -- the lock is held below here -- */

static uint64_t
time_left(const struct watchdog *watchdog)
{
    const uint64_t now = now_ms();

    if (watchdog->paused) {
        return watchdog->left_ms;
    }
    return watchdog->end_ms > now ? watchdog->end_ms - now : 0;
}

/* Let it run on for that long. */
static void
set_time_left(struct watchdog *watchdog, uint64_t ms)
{
    watchdog->left_ms = ms;
    watchdog->end_ms = now_ms() + ms;
    loop_timer_set(watchdog->timer, watchdog->running && !watchdog->paused ? MAX_OF(ms, 1) : 0, 0);
}

static void
reload(struct watchdog *watchdog)
{
    set_time_left(watchdog, UINT64_C(1000) * watchdog->count);
}

static void
write_running(struct watchdog *watchdog, bool running)
{
    if (running != watchdog->running) {
        watchdog->running = running;
        reload(watchdog);
    }
}

static uint64_t
watchdog_read(void *data, uint64_t offset, unsigned int size)
{
    struct watchdog *watchdog = data;
    uint8_t bytes[WATCHDOG_PORTS + 8] = {0};
    uint64_t left;

    pthread_mutex_lock(&watchdog->lock);
    left = watchdog->running ? (time_left(watchdog) + 999) / 1000 : watchdog->count;
    store_le32(bytes + WATCHDOG_COUNT, (uint32_t)left);
    bytes[WATCHDOG_RUNNING] = watchdog->running;
    pthread_mutex_unlock(&watchdog->lock);
    return offset < WATCHDOG_PORTS ? load_le64(bytes + offset) : 0;
}

static void
watchdog_write(void *data, uint64_t offset, unsigned int size, uint64_t value)
{
    struct watchdog *watchdog = data;

    pthread_mutex_lock(&watchdog->lock);
    if (offset == WATCHDOG_COUNT && size == 4) {
        watchdog->count =
            MAX_OF(MIN_OF((uint32_t)value, (uint32_t)WATCHDOG_COUNT_MAX), UINT32_C(1));
    } else if (offset == WATCHDOG_RUNNING && size == 1) {
        write_running(watchdog, value & 1);
    } else if (offset == WATCHDOG_RELOAD && size == 1) {
        reload(watchdog);
    }
    pthread_mutex_unlock(&watchdog->lock);
}

static const struct vm_range_ops watchdog_ops = {.read = watchdog_read, .write = watchdog_write};

/* -- without it -- */

static void
on_timer(void *data, uint32_t events)
{
    struct watchdog *watchdog = data;
    bool ends;

    pthread_mutex_lock(&watchdog->lock);
    ends = watchdog->running && !watchdog->paused && time_left(watchdog) == 0;
    if (!ends && watchdog->running) { /* reloaded meanwhile */
        set_time_left(watchdog, time_left(watchdog));
    }
    pthread_mutex_unlock(&watchdog->lock);
    if (ends) {
        vm_end(watchdog->vm, MACHINE_END_WATCHDOG, "watchdog", "The guest's watchdog ran out.");
    }
}

void
watchdog_pause(struct watchdog *watchdog)
{
    pthread_mutex_lock(&watchdog->lock);
    if (!watchdog->paused) {
        const uint64_t left = time_left(watchdog);

        watchdog->paused = true;
        set_time_left(watchdog, left);
    }
    pthread_mutex_unlock(&watchdog->lock);
}

void
watchdog_resume(struct watchdog *watchdog)
{
    pthread_mutex_lock(&watchdog->lock);
    if (watchdog->paused) {
        watchdog->paused = false;
        set_time_left(watchdog, watchdog->left_ms);
    }
    pthread_mutex_unlock(&watchdog->lock);
}

struct watchdog *
watchdog_create(struct vm *vm, struct loop *loop, uint16_t port)
{
    cleanup(watchdog_destroyp) struct watchdog *watchdog = xalloc(sizeof(*watchdog));
    int r;

    *watchdog = (struct watchdog){.vm = vm, .count = WATCHDOG_COUNT_MAX};
    pthread_mutex_init(&watchdog->lock, NULL);
    watchdog->timer = loop_add_timer(loop, on_timer, watchdog);
    if (!watchdog->timer) {
        return NULL;
    }
    r = vm_add_range(vm, VM_SPACE_PORT, port, WATCHDOG_PORTS, "watchdog", &watchdog_ops, watchdog);
    if (r < 0) {
        errno = -r;
        return NULL;
    }
    return take_pointer(watchdog);
}

void
watchdog_destroy(struct watchdog *watchdog)
{
    if (!watchdog) {
        return;
    }
    loop_remove(watchdog->timer);
    pthread_mutex_destroy(&watchdog->lock);
    free(watchdog);
}
