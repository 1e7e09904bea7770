/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The guest's proxy against the device's own cross-domain code: this process is the client, the
 * kernel between them, and the compositor.
 */

#include "tests/fakes/cross-kernel.h"
#include "vmm/base/message.h"
#include "vmm/guest/wayland-proxy/session.h"
#include "wayland-wire-protocols.h"

enum {
    BENCH_REGISTRY = 2,
    BENCH_COMPOSITOR,
    BENCH_SHM,
    BENCH_FREE, /* the first id that the client may use */
    BENCH_DEVICE = 0xe280,
};

struct bench {
    struct cross_kernel cross;
    struct session *session;
    int client;
    bool ended;
    struct wire_writer writer;
    /* What the compositor got. */
    uint8_t bytes[2048];
    size_t n_bytes;
    size_t at;
    struct message_fds fds;
    struct wire_objects *objects;
};

/* With a client that has bound wl_compositor and wl_shm; false when it cannot be. */
bool bench_open_how(struct bench *bench, struct cross_rig_how how);
bool bench_open(struct bench *bench);
void bench_close(struct bench *bench);
void bench_run(struct bench *bench);

/* The next request that the compositor got: its bytes, or NULL. Its objects are kept as there. */
const uint8_t *bench_next_request(struct bench *bench, struct wire_call *call);
bool bench_expect(struct bench *bench, uint32_t id, uint32_t opcode);
/* An event of the compositor, in the writer. */
bool bench_emit(struct bench *bench, const int *fds, size_t n_fds);
bool bench_emit_delete(struct bench *bench, uint32_t id);

/* A request of the client, in the writer, with a descriptor unless it is -1; or from words. */
void bench_ask(struct bench *bench, int fd);
void bench_ask_words(struct bench *bench, uint32_t id, uint32_t opcode, const uint32_t *words,
                     size_t n);
#define bench_ask_for(bench, id, opcode, ...)                           \
    bench_ask_words(bench, id, opcode, (const uint32_t[]){__VA_ARGS__}, \
                    sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))
bool bench_ask_bind(struct bench *bench, const char *interface, uint32_t version, uint32_t id);
/* Attach that buffer, its first row damaged to `width`, and commit; it is what the compositor got. */
bool bench_show_buffer(struct bench *bench, uint32_t surface, uint32_t id, uint32_t width);
/* The client's next event: its size, or 0. */
size_t bench_client_event(struct bench *bench, uint8_t *event, size_t size,
                          struct message_fds *fds);
