/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/proxy-bench.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "vmm/base/fd.h"

static void
on_ended(void *data)
{
    ((struct bench *)data)->ended = true;
}

void
bench_run(struct bench *bench)
{
    for (int i = 0; i < 8; i++) {
        cross_rig_run(&bench->cross.rig);
    }
}

const uint8_t *
bench_next_request(struct bench *bench, struct wire_call *call)
{
    struct message_fds fds;

    bench_run(bench);
    for (;;) {
        ssize_t n = message_receive(bench->cross.rig.compositor, bench->bytes + bench->n_bytes,
                                    sizeof(bench->bytes) - bench->n_bytes, &fds);
        if (n <= 0) {
            break;
        }
        bench->n_bytes += (size_t)n;
        for (size_t i = 0; i < fds.count; i++) {
            bench->fds.fd[bench->fds.count++] = fds.fd[i];
        }
    }
    const uint8_t *data = bench->bytes + bench->at;
    int r = wire_read(bench->objects, WIRE_REQUEST, data, bench->n_bytes - bench->at, call);
    if (r <= 0) {
        printf("# %s\n", r < 0 && call->why ? call->why : "no request");
        return NULL;
    }
    bench->at += (size_t)r;
    wire_apply(bench->objects, call);
    return data;
}

bool
bench_expect(struct bench *bench, uint32_t id, uint32_t opcode)
{
    struct wire_call call;

    return bench_next_request(bench, &call) && call.id == id && call.opcode == opcode;
}

bool
bench_emit(struct bench *bench, const int *fds, size_t n_fds)
{
    int size = wire_end(&bench->writer);
    struct wire_call call;

    if (size < 0 ||
        wire_read(bench->objects, WIRE_EVENT, bench->writer.bytes, (size_t)size, &call) != size) {
        return false;
    }
    wire_apply(bench->objects, &call);
    return message_send(bench->cross.rig.compositor, bench->writer.bytes, (size_t)size, fds,
                        n_fds) == 0;
}

bool
bench_emit_delete(struct bench *bench, uint32_t id)
{
    wire_begin(&bench->writer, WIRE_DISPLAY, WIRE_WL_DISPLAY_EVENT_DELETE_ID);
    wire_put(&bench->writer, id);
    return bench_emit(bench, NULL, 0);
}

void
bench_ask(struct bench *bench, int fd)
{
    int size = wire_end(&bench->writer);

    message_send(bench->client, bench->writer.bytes, (size_t)size, &fd, fd >= 0);
}

void
bench_ask_words(struct bench *bench, uint32_t id, uint32_t opcode, const uint32_t *words, size_t n)
{
    wire_begin(&bench->writer, id, (uint16_t)opcode);
    for (size_t i = 0; i < n; i++) {
        wire_put(&bench->writer, words[i]);
    }
    bench_ask(bench, -1);
}

bool
bench_ask_bind(struct bench *bench, const char *interface, uint32_t version, uint32_t id)
{
    wire_begin(&bench->writer, BENCH_REGISTRY, WIRE_WL_REGISTRY_BIND);
    wire_put(&bench->writer, id);
    wire_put_string(&bench->writer, interface);
    wire_put(&bench->writer, version);
    wire_put(&bench->writer, id);
    bench_ask(bench, -1);
    return bench_expect(bench, BENCH_REGISTRY, WIRE_WL_REGISTRY_BIND);
}

bool
bench_open_how(struct bench *bench, struct cross_rig_how how)
{
    int pair[2];

    memset(bench, 0, sizeof(*bench));
    bench->client = -1;
    bench->cross.dmabuf = -1;
    bench->cross.device = BENCH_DEVICE;
    (void)signal(SIGPIPE, SIG_IGN);
    if (!cross_rig_open_how(&bench->cross.rig, how) || !cross_rig_context(&bench->cross.rig, 1) ||
        fd_socket_pair(SOCK_STREAM, pair) < 0) {
        return false;
    }
    fd_set_nonblocking(pair[0]);
    fd_set_nonblocking(pair[1]);
    bench->client = pair[0];
    bench->objects = wire_objects_create(64);
    bench->session = session_create(bench->cross.rig.loop, pair[1], cross_kernel(&bench->cross),
                                    on_ended, bench);
    bench_ask_for(bench, WIRE_DISPLAY, WIRE_WL_DISPLAY_GET_REGISTRY, BENCH_REGISTRY);
    return bench->session && bench_expect(bench, WIRE_DISPLAY, WIRE_WL_DISPLAY_GET_REGISTRY) &&
           bench_ask_bind(bench, "wl_compositor", 4, BENCH_COMPOSITOR) &&
           bench_ask_bind(bench, "wl_shm", 1, BENCH_SHM);
}

bool
bench_open(struct bench *bench)
{
    return bench_open_how(bench, (struct cross_rig_how){.udmabuf = -1});
}

void
bench_close(struct bench *bench)
{
    session_destroy(bench->session);
    wire_objects_destroy(bench->objects);
    message_close_fds(&bench->fds);
    fd_closep(&bench->client);
    cross_rig_close(&bench->cross.rig);
}

size_t
bench_client_event(struct bench *bench, uint8_t *event, size_t size, struct message_fds *fds)
{
    bench_run(bench);
    ssize_t n = message_receive(bench->client, event, size, fds);
    return n > 0 ? (size_t)n : 0;
}

bool
bench_show_buffer(struct bench *bench, uint32_t surface, uint32_t id, uint32_t width)
{
    bench_ask_for(bench, surface, WIRE_WL_SURFACE_ATTACH, id, 0, 0);
    bench_ask_for(bench, surface, WIRE_WL_SURFACE_DAMAGE_BUFFER, 0, 0, width, 1);
    bench_ask_words(bench, surface, WIRE_WL_SURFACE_COMMIT, NULL, 0);
    return bench_expect(bench, surface, WIRE_WL_SURFACE_ATTACH) &&
           bench_expect(bench, surface, WIRE_WL_SURFACE_DAMAGE_BUFFER) &&
           bench_expect(bench, surface, WIRE_WL_SURFACE_COMMIT);
}
