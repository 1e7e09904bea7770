/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One client's conversation in gdb's remote protocol, over whatever carries its bytes and whatever
 * answers vmm/protocol/debug.h. GDB manual, appendix "Remote Serial Protocol". Processor n is thread
 * n + 1; all of them stop together.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/base/cleanup.h"
#include "vmm/protocol/debug.h"

union debug_answer {
    struct start_header header;
    struct debug_done done;
    struct debug_registers_message registers;
    struct debug_memory memory;
};

struct session_ops {
    /* Ask the machine and wait: 0 with an answer of the type that belongs to it, or -errno. */
    int (*ask)(void *data, const void *request, size_t size, union debug_answer *ret_answer);
    /* Bytes for the client. */
    void (*send)(void *data, const void *bytes, size_t n);
    /* The client is finished: hang up when the bytes are out. */
    void (*leave)(void *data);
};

struct session;

/*
 * `stopped`: where the machine stands, or NULL when it still runs: it is held then. `data` is passed
 * to `ops`, which both outlive the session.
 */
struct session *session_create(const struct session_ops *ops, void *data, uint32_t n_cpus,
                               const struct debug_stopped *stopped);
void session_destroy(struct session *session);
CLEANUP_DEFINE(struct session, session_destroy)

/* Bytes of the client: any at all. */
void session_input(struct session *session, const uint8_t *bytes, size_t n);
/* What the machine tells by itself. */
void session_stopped(struct session *session, const struct debug_stopped *stopped);
void session_ended(struct session *session, uint32_t reason);
