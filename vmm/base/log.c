/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    ENTRY_MAX = 1024,
    LIMIT_PER_WINDOW = 10,
};

/* The mutable state that the style allows. */
/* NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables) */
static struct {
    enum log_level level;
    const char *prefix;
} log_state = {.level = LOG_LEVEL_INFO};
/* NOLINTEND(cppcoreguidelines-avoid-non-const-global-variables) */

void
log_set_level(enum log_level level)
{
    log_state.level = level;
}

void
log_set_prefix(const char *prefix)
{
    log_state.prefix = prefix;
}

static void
log_vprint(enum log_level level, const char *format, va_list args)
{
    char entry[ENTRY_MAX];
    int saved = errno;
    int start;
    int length;

    if (log_state.prefix) {
        start = snprintf(entry, sizeof(entry), "%s: ", log_state.prefix);
    } else {
        start = snprintf(entry, sizeof(entry), "<%d>", (int)level);
    }
    errno = saved; /* for %m */
    length = vsnprintf(entry + start, sizeof(entry) - (size_t)start - 1, format, args);
    length = length < 0 ? start : start + length;
    if (length > ENTRY_MAX - 2) {
        length = ENTRY_MAX - 2;
    }
    for (int i = 0; i < length; i++) {
        if ((unsigned char)entry[i] < 0x20 || entry[i] == 0x7f) {
            entry[i] = '?';
        }
    }
    entry[length++] = '\n';
    /* A log that cannot be written has nowhere to complain. */
    if (write(STDERR_FILENO, entry, (size_t)length) < 0) {
        errno = saved;
        return;
    }
    errno = saved;
}

void
log_print(enum log_level level, const char *format, ...)
{
    va_list args;

    if (level > log_state.level) {
        return;
    }
    va_start(args, format);
    log_vprint(level, format, args);
    va_end(args);
}

static uint64_t
now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

void
log_limited(struct log_limit *limit, enum log_level level, const char *format, ...)
{
    const uint64_t window_ns = UINT64_C(10) * UINT64_C(1000000000);
    uint64_t now = now_ns();
    va_list args;

    if (level > log_state.level) {
        return;
    }
    if (limit->window_start_ns == 0 || now - limit->window_start_ns >= window_ns) {
        if (limit->dropped > 0) {
            log_print(level, "%u similar entries left out", limit->dropped);
        }
        limit->window_start_ns = now;
        limit->used = 0;
        limit->dropped = 0;
    }
    if (limit->used >= LIMIT_PER_WINDOW) {
        limit->dropped++;
        return;
    }
    limit->used++;
    va_start(args, format);
    log_vprint(level, format, args);
    va_end(args);
}
