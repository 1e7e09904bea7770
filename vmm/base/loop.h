/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The event loop of every plain C process: one epoll set, callbacks per descriptor, entered in one
 * place. Single-threaded. Adding and removing sources inside callbacks, the running source included,
 * is safe. System calls used: epoll_create1, epoll_ctl, epoll_wait, and for timers timerfd_create,
 * timerfd_settime, read, close.
 */

#include <stdint.h>
#include <sys/epoll.h>

#include "vmm/base/cleanup.h"

struct loop;
struct loop_source;

/* `events` is what epoll reported (EPOLLIN, EPOLLHUP, ...). */
typedef void (*loop_handler)(void *data, uint32_t events);

/* Returns NULL with errno set when the kernel refuses. */
struct loop *loop_create(void);
/* Frees every source that is left (their descriptors stay the owners'). NULL is fine. */
void loop_destroy(struct loop *loop);
CLEANUP_DEFINE(struct loop, loop_destroy)

/*
 * Watch `fd`, which stays the caller's and must be removed before it is closed. Events as in
 * epoll_ctl(2), level-triggered. Returns the source, owned by the loop, or NULL with errno set.
 */
struct loop_source *loop_add(struct loop *loop, int fd, uint32_t events, loop_handler handler,
                             void *data);
/* Change the events of a descriptor source; 0 pauses it (errors and hang-ups are reported still). */
int loop_modify(struct loop_source *source, uint32_t events);
/* Stop watching and free the source. NULL is fine. */
void loop_remove(struct loop_source *source);

/*
 * A timer, disarmed at first. The handler gets EPOLLIN as events. loop_timer_set() arms it to fire
 * once after `delay_ms`, or every `period_ms` when that is not 0; delay 0 and period 0 disarm.
 */
struct loop_source *loop_add_timer(struct loop *loop, loop_handler handler, void *data);
int loop_timer_set(struct loop_source *timer, uint64_t delay_ms, uint64_t period_ms);

/* Dispatch until loop_quit(); returns the status given there, or -errno when epoll fails. */
int loop_run(struct loop *loop);
void loop_quit(struct loop *loop, int status);
/* One round: wait at most `timeout_ms` (-1 for ever) and dispatch. 0 or -errno. For tests and set-up. */
int loop_iterate(struct loop *loop, int timeout_ms);
