/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The trial of a guest's graphics card before a hostile compositor, which says all that it has to say at once. */

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/wire-maker.h"
#include "vmm/base/assert.h"
#include "vmm/base/fd.h"
#include "vmm/base/message.h"
#include "vmm/guest/x11/trial.h"
#include "wayland-wire-protocols.h"

enum {
    STEPS_MAX = 60,
    REGISTRY = 2,
    GLOBALS,
    DMABUF,
    FORMATS,
    PARAMS,
    PATIENCE = 10000,
};

struct rig {
    struct wire_maker outer; /* as the compositor sees the connection, once all was asked for */
    struct fuzz_input *input;
    int fd;
};

/* One of the client's requests, in the table only. */
static void
foresee(struct rig *rig, uint32_t id, uint16_t opcode, uint32_t word)
{
    struct wire_writer writer;
    struct wire_call call;

    wire_begin(&writer, id, opcode);
    if (opcode == WIRE_WL_REGISTRY_BIND && id == REGISTRY) {
        wire_put(&writer, 1);
        wire_put_string(&writer, "zwp_linux_dmabuf_v1");
        wire_put(&writer, 3);
    }
    wire_put(&writer, word);
    const int size = wire_end(&writer);
    assert(wire_read(rig->outer.objects, WIRE_REQUEST, writer.bytes, (size_t)size, &call) == size);
    assert(wire_apply(rig->outer.objects, &call) == 0);
}

static void
send_it(struct rig *rig, struct wire_writer *writer)
{
    const int size = wire_end(writer);

    if (size > 0) {
        (void)message_send(rig->fd, writer->bytes, (size_t)size, NULL, 0);
    }
}

static void
tells_global(struct rig *rig)
{
    struct wire_writer writer;

    wire_begin(&writer, REGISTRY, WIRE_WL_REGISTRY_EVENT_GLOBAL);
    wire_put(&writer, 1);
    wire_put_string(&writer, "zwp_linux_dmabuf_v1");
    wire_put(&writer, 2 + (uint32_t)fuzz_take(rig->input, 1) % 4);
    send_it(rig, &writer);
}

static void
is_done(struct rig *rig)
{
    struct wire_writer writer;

    wire_begin(&writer, fuzz_take(rig->input, 1) & 1 ? GLOBALS : FORMATS,
               WIRE_WL_CALLBACK_EVENT_DONE);
    wire_put(&writer, 1);
    send_it(rig, &writer);
}

static void
tells_format(struct rig *rig)
{
    const uint64_t how = fuzz_take(rig->input, 1);
    struct wire_writer writer;

    wire_begin(&writer, DMABUF, WIRE_ZWP_LINUX_DMABUF_V1_EVENT_MODIFIER);
    wire_put(&writer, how & 1 ? 0x34325258 : how & 2 ? 0x34325241 : wire_any_number(&rig->outer));
    wire_put(&writer, wire_any_number(&rig->outer));
    wire_put(&writer, wire_any_number(&rig->outer));
    send_it(rig, &writer);
}

static void
says(struct rig *rig)
{
    struct wire_writer writer;
    uint8_t n_fds = 0;
    const size_t size = wire_make(&rig->outer, WIRE_EVENT, &writer, &n_fds);

    if (size > 0) {
        (void)message_send(rig->fd, writer.bytes, size, NULL, 0);
    }
}

static void
raves(struct rig *rig)
{
    const uint64_t bytes = fuzz_take(rig->input, 8);

    (void)message_send(rig->fd, &bytes, sizeof(bytes), NULL, 0);
}

static void
play(struct rig *rig)
{
    static void (*const steps[])(struct rig *) = {tells_global, is_done, tells_format,
                                                  says,         says,    raves};

    for (int i = 0; i < STEPS_MAX && rig->input->size > 0; i++) {
        const uint64_t step = fuzz_take(rig->input, 1);
        const size_t n = step < 16 ? ARRAY_SIZE(steps) : ARRAY_SIZE(steps) - 1;

        steps[step % n](rig);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct rig rig = {{wire_objects_create(16), &input}, &input, -1};
    cleanup_fd int picture = fd_memory_file("fuzz", 4096);
    const char *why = NULL;
    int pair[2];

    (void)signal(SIGPIPE, SIG_IGN);
    assert(rig.outer.objects && fd_socket_pair(SOCK_STREAM, pair) == 0);
    fd_set_nonblocking(pair[0]);
    fd_set_nonblocking(pair[1]);
    rig.fd = pair[0];
    foresee(&rig, WIRE_DISPLAY, WIRE_WL_DISPLAY_GET_REGISTRY, REGISTRY);
    foresee(&rig, WIRE_DISPLAY, WIRE_WL_DISPLAY_SYNC, GLOBALS);
    foresee(&rig, REGISTRY, WIRE_WL_REGISTRY_BIND, DMABUF);
    foresee(&rig, WIRE_DISPLAY, WIRE_WL_DISPLAY_SYNC, FORMATS);
    foresee(&rig, DMABUF, WIRE_ZWP_LINUX_DMABUF_V1_CREATE_PARAMS, PARAMS);
    play(&rig);
    assert(shutdown(rig.fd, SHUT_WR) == 0);
    const bool good = trial_run(
        pair[1], &(const struct trial_picture){picture, 16, 16, 64, 0x34325258}, PATIENCE, &why);
    assert(good == !why);
    close(pair[0]);
    close(pair[1]);
    wire_objects_destroy(rig.outer.objects);
    return 0;
}
