/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/jail/start.h"

#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vmm/base/assert.h"
#include "vmm/base/log.h"
#include "vmm/base/trace.h"

enum {
    /*
     * Not one for each thread, and above all not as many as there are processors: glibc asks for their
     * number when the ninth thread allocates, which no filter allows.
     */
    ARENAS_MAX = 2
};

int
start_receive_setup(void *setup, size_t size)
{
    struct start_setup start;
    ssize_t n;

    mallopt(M_ARENA_MAX, ARENAS_MAX);
    assert(size >= sizeof(start));
    n = message_receive(START_FD_CONTROL, setup, size, NULL);
    if (n < 0) {
        return (int)n;
    }
    if ((size_t)n != size) {
        return -EPROTO;
    }
    memcpy(&start, setup, sizeof(start));
    if (start.header.type != START_SETUP || start.header.size != size ||
        !memchr(start.name, '\0', sizeof(start.name))) {
        return -EPROTO;
    }
    log_set_level((enum log_level)start.log_level);
    trace_set_marker(start.marker_fd, start.pid, ((const struct start_setup *)setup)->name);
    return 0;
}

int
start_fail(const char *id, const char *format, ...)
{
    struct start_failed failed = {
        .header = {.type = START_FAILED, .size = sizeof(failed)},
    };
    va_list args;

    snprintf(failed.id, sizeof(failed.id), "%s", id);
    va_start(args, format);
    vsnprintf(failed.sentence, sizeof(failed.sentence), format, args);
    va_end(args);
    if (message_send(START_FD_CONTROL, &failed, sizeof(failed), NULL, 0) < 0) {
        log_error("%s", failed.sentence);
    }
    return 1;
}

int
start_enter_jail(const struct jail_policy *policy, const struct start_setup *setup)
{
    return start_enter_jail_late(policy, setup, NULL);
}

int
start_enter_jail_late(const struct jail_policy *policy, const struct start_setup *setup,
                      struct jail_early *early)
{
    const struct start_header ready = {.type = START_READY, .size = sizeof(ready)};
    const char *what = "start";
    int r = jail_enter_late(policy, setup->flags, early, &what);

    if (r < 0) {
        start_fail("no-namespaces", "The jail of %s could not be closed: it could not %s (%s).",
                   setup->name, what, strerror(-r));
        return r;
    }
    return message_send(START_FD_CONTROL, &ready, sizeof(ready), NULL, 0);
}

static bool
take_trace(const void *message, const struct message_fds *fds)
{
    struct start_trace trace;
    int r;

    memcpy(&trace, message, sizeof(trace));
    if (trace.header.type != START_TRACE || trace.header.size != sizeof(trace)) {
        return false;
    }
    r = trace_attach(fds->count > 0 ? fds->fd[0] : -1, trace.events);
    if (r < 0) {
        log_warning("tracing does not start: %s", strerror(-r));
    }
    return true;
}

static bool
answer_ping(const void *message)
{
    const struct start_header pong = {.type = START_PONG, .size = sizeof(pong)};
    struct start_header ping;

    memcpy(&ping, message, sizeof(ping));
    if (ping.type != START_PING || ping.size != sizeof(ping)) {
        return false;
    }
    (void)message_send(START_FD_CONTROL, &pong, sizeof(pong), NULL, 0);
    return true;
}

ssize_t
start_receive(void *message, size_t size, struct message_fds *fds)
{
    struct message_fds own = {0};
    ssize_t n;

    assert(size >= sizeof(struct start_trace));
    n = message_receive(START_FD_CONTROL, message, size, &own);
    if ((n == (ssize_t)sizeof(struct start_trace) && take_trace(message, &own)) ||
        (n == (ssize_t)sizeof(struct start_header) && answer_ping(message))) {
        n = -EAGAIN;
    }
    if (n > 0 && fds) {
        *fds = own;
    } else {
        message_close_fds(&own);
    }
    return n;
}

static void
on_control(void *data, uint32_t events)
{
    struct loop *loop = data;
    struct start_trace message;
    ssize_t n = start_receive(&message, sizeof(message), NULL);

    (void)events;
    if (n != -EAGAIN) {
        loop_quit(loop, n == 0 ? 0 : 1);
    }
}

int
start_watch_control(struct loop *loop)
{
    return loop_add(loop, START_FD_CONTROL, EPOLLIN, on_control, loop) ? 0 : -errno;
}
