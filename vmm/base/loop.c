/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/base/loop.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "vmm/base/assert.h"
#include "vmm/base/fd.h"
#include "vmm/base/list.h"
#include "vmm/base/memory.h"

enum {
    EVENTS_PER_ROUND = 32
};

struct loop {
    int epoll_fd;
    bool quit;
    int status;
    unsigned int depth;  /* dispatching now: removed sources wait in `dead` */
    struct list sources; /* loop_source::link */
    struct list dead;    /* loop_source::link */
};

struct loop_source {
    struct list link;
    struct loop *loop;
    int fd;
    bool is_timer;
    bool removed;
    loop_handler handler;
    void *data;
};

struct loop *
loop_create(void)
{
    struct loop *loop = xalloc(sizeof(*loop));

    list_init(&loop->sources);
    list_init(&loop->dead);
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll_fd < 0) {
        free(loop);
        return NULL;
    }
    return loop;
}

static void
source_free(struct loop_source *source)
{
    list_remove(&source->link);
    free(source);
}

static void
free_dead(struct loop *loop)
{
    list_for_each_safe(link, &loop->dead) {
        source_free(list_container(link, struct loop_source, link));
    }
}

void
loop_destroy(struct loop *loop)
{
    if (!loop) {
        return;
    }
    assert(loop->depth == 0);
    list_for_each_safe(link, &loop->sources) {
        loop_remove(list_container(link, struct loop_source, link));
    }
    free_dead(loop);
    fd_closep(&loop->epoll_fd);
    free(loop);
}

struct loop_source *
loop_add(struct loop *loop, int fd, uint32_t events, loop_handler handler, void *data)
{
    struct loop_source *source = xalloc(sizeof(*source));
    struct epoll_event event = {.events = events, .data.ptr = source};

    assert(handler);
    *source = (struct loop_source){.loop = loop, .fd = fd, .handler = handler, .data = data};
    list_init(&source->link);
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
        free(source);
        return NULL;
    }
    list_append(&loop->sources, &source->link);
    return source;
}

int
loop_modify(struct loop_source *source, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = source};

    return epoll_ctl(source->loop->epoll_fd, EPOLL_CTL_MOD, source->fd, &event) < 0 ? -errno : 0;
}

void
loop_remove(struct loop_source *source)
{
    if (!source || source->removed) {
        return;
    }
    epoll_ctl(source->loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
    if (source->is_timer) {
        fd_closep(&source->fd);
    }
    source->removed = true;
    list_remove(&source->link);
    if (source->loop->depth > 0) {
        list_append(&source->loop->dead, &source->link);
    } else {
        free(source);
    }
}

struct loop_source *
loop_add_timer(struct loop *loop, loop_handler handler, void *data)
{
    cleanup_fd int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    struct loop_source *source;

    if (fd < 0) {
        return NULL;
    }
    source = loop_add(loop, fd, EPOLLIN, handler, data);
    if (source) {
        source->is_timer = true;
        take_fd(&fd);
    }
    return source;
}

static struct timespec
timespec_of_ms(uint64_t ms)
{
    return (struct timespec){
        .tv_sec = (time_t)(ms / 1000),
        .tv_nsec = (long)(ms % 1000) * 1000000L,
    };
}

int
loop_timer_set(struct loop_source *timer, uint64_t delay_ms, uint64_t period_ms)
{
    struct itimerspec when = {
        .it_value = timespec_of_ms(delay_ms > 0 ? delay_ms : period_ms),
        .it_interval = timespec_of_ms(period_ms),
    };

    assert(timer->is_timer);
    return timerfd_settime(timer->fd, 0, &when, NULL) < 0 ? -errno : 0;
}

static void
dispatch(struct loop_source *source, uint32_t events)
{
    if (source->removed) {
        return;
    }
    if (source->is_timer) {
        uint64_t expirations;
        if (read(source->fd, &expirations, sizeof(expirations)) < 0) {
            return; /* disarmed between epoll_wait and here */
        }
    }
    source->handler(source->data, events);
}

int
loop_iterate(struct loop *loop, int timeout_ms)
{
    struct epoll_event events[EVENTS_PER_ROUND];
    int n = epoll_wait(loop->epoll_fd, events, EVENTS_PER_ROUND, timeout_ms);

    if (n < 0) {
        return errno == EINTR ? 0 : -errno;
    }
    loop->depth++;
    for (int i = 0; i < n && !loop->quit; i++) {
        dispatch(events[i].data.ptr, events[i].events);
    }
    if (--loop->depth == 0) {
        free_dead(loop);
    }
    return 0;
}

int
loop_run(struct loop *loop)
{
    loop->quit = false;
    while (!loop->quit) {
        int r = loop_iterate(loop, -1);
        if (r < 0) {
            return r;
        }
    }
    return loop->status;
}

void
loop_quit(struct loop *loop, int status)
{
    loop->quit = true;
    loop->status = status;
}
