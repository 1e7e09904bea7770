/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Asks a compositor whether it has wp_security_context_v1 (wayland-protocols, staging), and if so
 * hands it a listening socket whose clients it is to treat as sandboxed.
 */

#include <stdbool.h>

#include "vmm/base/loop.h"

struct probe;

struct probe_context {
    int listen_fd;        /* given to the compositor */
    int alive_fd;         /* the same; the context lasts until its other end is closed */
    const char *app_id;   /* a name of our own */
    const char *instance; /* of this machine */
};

/* `guarded`: the compositor has the listening socket now. Called once; then destroy the probe. */
typedef void (*probe_done)(void *data, bool guarded);

/* `fd` is taken over; `context` is used until the answer. NULL with errno set on failure. */
struct probe *probe_create(struct loop *loop, int fd, const struct probe_context *context,
                           probe_done done, void *data);
/* NULL is fine. */
void probe_destroy(struct probe *probe);
