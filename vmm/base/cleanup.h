/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Automatic release of locals. A local that owns something is declared with one of these;
 * ownership moves out only by take_fd() or take_pointer().
 *
 *     cleanup_fd int fd = -1;
 *     cleanup_free char *text = NULL;
 *     cleanup(loop_destroyp) struct loop *loop = NULL;
 */

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define cleanup_fd   __attribute__((__cleanup__(fd_closep)))
#define cleanup_free __attribute__((__cleanup__(freep)))
#ifndef G_LOG_DOMAIN /* GLib code has g_autoptr(), whose macros use the bare word */
#define cleanup(function) __attribute__((__cleanup__(function)))
#endif

/* Defines NAMEp() for a destructor `void NAME(TYPE *)` that accepts NULL. */
#define CLEANUP_DEFINE(type, name)            \
    static inline void name##p(type **object) \
    {                                         \
        if (*object) {                        \
            name(*object);                    \
        }                                     \
    }

static inline void
freep(void *pointer)
{
    free(*(void **)pointer);
}

/* Close *fd unless it is negative, leave -1 behind, keep errno. */
static inline void
fd_closep(int *fd)
{
    if (*fd >= 0) {
        int saved = errno;
        close(*fd);
        errno = saved;
        *fd = -1;
    }
}

static inline int
take_fd(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

#define take_pointer(pointer)                             \
    ({                                                    \
        __typeof__(&*(pointer)) *taken_from = &(pointer); \
        __typeof__(&*(pointer)) taken = *taken_from;      \
        *taken_from = NULL;                               \
        taken;                                            \
    })
