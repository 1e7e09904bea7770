/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Xwayland and a compositor, both hostile, with a guest's X11 window manager between them: Wayland
 * messages of either side and what an X server sends. What goes to the compositor must be well formed.
 */

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/wire-maker.h"
#include "vmm/base/assert.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/memory.h"
#include "vmm/base/message.h"
#include "vmm/guest/x11/x11-private.h"

enum {
    STEPS_MAX = 200,
    REGISTRY = 2,
    FIRST_GLOBAL = 3,
    FIRST_SURFACE = 10,
    DMABUF = FIRST_SURFACE - 2,
    DRM,
    DRM_NAME = INT32_MAX, /* of its global */
    SURFACES = 3,
    WINDOWS = 4,
    OWN_WINDOW = 0x200000,
    LATER = N_ATOMS + 2, /* answers that are about atoms of programs, or XFIXES */
    ANSWERS = N_ATOMS + 40,
    OFFERS = 16,
    FIXES_EVENT = 40,
    OPCODE = 130,               /* of an extension */
    ATOMS = (OPCODE << 8) + 40, /* numbers of what is asked for, so that one answer fits all */
    REPLY_SIZE = 64,
};

static const struct wire_interface *const globals[] = {
    &wire_wl_compositor,
    &wire_wl_shm,
    &wire_wl_seat,
    &wire_wl_output,
    &wire_xdg_wm_base,
    &wire_zxdg_decoration_manager_v1,
    &wire_wl_data_device_manager,
    &wire_zwp_primary_selection_device_manager_v1,
    &wire_zwp_linux_dmabuf_v1,
};

enum end {
    XWAYLAND,
    HOST,
    WM,
    N_ENDS
};

struct rig {
    struct loop *loop;
    struct x11 *x11;
    struct wire_maker inner; /* as Xwayland sees its connection */
    struct wire_maker outer; /* as the compositor sees it */
    struct fuzz_input *input;
    int fd[N_ENDS];
    bool over;
    bool forgetful;                      /* the compositor took ids back that it should not have */
    uint8_t heard[2 * WIRE_MESSAGE_MAX]; /* by the compositor */
    size_t n_heard;
    uint16_t sequence;   /* of the X server's last answer */
    uint16_t n_requests; /* that it got */
    uint32_t to_skip;    /* bytes of the last one */
    uint32_t n_offers;
};

static void
on_ended(void *data, const char *why)
{
    (void)why;
    ((struct rig *)data)->over = true;
}

/* All that reached the compositor: whole messages that it would take. */
static void
check_heard(struct rig *rig)
{
    size_t at = 0;
    int r = 1;

    while (r > 0) {
        struct wire_call call;

        r = wire_read(rig->outer.objects, WIRE_REQUEST, rig->heard + at, rig->n_heard - at, &call);
        assert(r >= 0 || rig->forgetful);
        if (r > 0) {
            assert(wire_apply(rig->outer.objects, &call) == 0 || rig->forgetful);
            at += (size_t)r;
        }
    }
    memmove(rig->heard, rig->heard + at, rig->n_heard - at);
    rig->n_heard -= at;
}

/* Bytes that reached the X server, in requests of whole words. */
static void
count_requests(struct rig *rig, const uint8_t *data, size_t size)
{
    for (size_t at = 0; at + 4 <= size; at += 4) {
        if (rig->to_skip == 0) {
            rig->to_skip = load_le16(data + at + 2) * 4U;
            rig->n_requests++;
        }
        rig->to_skip -= rig->to_skip > 0 ? 4 : 0;
    }
}

static void
run(struct rig *rig)
{
    uint8_t sink[4096];
    struct message_fds fds;
    ssize_t n = 1;

    for (int i = 0; i < 4 && !rig->over; i++) {
        loop_iterate(rig->loop, 0);
    }
    while (n > 0) {
        n = message_receive_part(rig->fd[HOST], rig->heard + rig->n_heard,
                                 sizeof(rig->heard) - rig->n_heard, &fds);
        message_close_fds(&fds);
        if (n > 0) {
            rig->n_heard += (size_t)n;
            check_heard(rig);
        }
    }
    for (int i = 0; i < N_ENDS; i++) {
        while (i != HOST && (n = message_receive_part(rig->fd[i], sink, sizeof(sink), &fds)) > 0) {
            message_close_fds(&fds);
            if (i == WM) {
                count_requests(rig, sink, (size_t)n);
            }
        }
    }
}

static void
wayland_says(struct rig *rig, enum wire_side side)
{
    const bool request = side == WIRE_REQUEST;
    struct wire_writer writer;
    uint8_t n_fds = 0;
    size_t size = wire_make(request ? &rig->inner : &rig->outer, side, &writer, &n_fds);
    cleanup_fd int fd = n_fds > 0 ? fd_memory_file("fuzz", 4096) : -1;

    if (size > 0) {
        rig->forgetful = rig->forgetful || (!request && load_le32(writer.bytes) == WIRE_DISPLAY);
        (void)message_send(rig->fd[request ? XWAYLAND : HOST], writer.bytes, size, &fd, fd >= 0);
    }
}

static void
xwayland_says(struct rig *rig)
{
    wayland_says(rig, WIRE_REQUEST);
}

static void
host_says(struct rig *rig)
{
    wayland_says(rig, WIRE_EVENT);
}

static void
wayland_raves(struct rig *rig)
{
    uint8_t bytes[32];
    const size_t n = 1 + fuzz_take(rig->input, 1) % sizeof(bytes);
    const int fd = rig->fd[fuzz_take(rig->input, 1) & 1 ? HOST : XWAYLAND];

    for (size_t i = 0; i < n; i++) {
        bytes[i] = (uint8_t)fuzz_take(rig->input, 1);
    }
    (void)message_send(fd, bytes, n, NULL, 0);
}

/* A buffer by wl_drm, of a format that is offered, mostly. */
static void
xwayland_draws(struct rig *rig)
{
    const uint32_t format =
        fuzz_take(rig->input, 1) & 7 ? 0x34325258 : wire_any_number(&rig->inner);
    const uint32_t id = wire_fitting_id(&rig->inner, NULL, false);
    cleanup_fd int fd = fd_memory_file("fuzz", 4096);
    struct wire_writer writer;
    struct wire_call call;

    wire_begin(&writer, DRM, WIRE_WL_DRM_CREATE_PRIME_BUFFER);
    for (int i = 0; i < 10; i++) {
        wire_put(&writer, i == 0 ? id : i == 3 ? format : wire_any_number(&rig->inner));
    }
    const int size = wire_end(&writer);
    if (wire_read(rig->inner.objects, WIRE_REQUEST, writer.bytes, (size_t)size, &call) == size &&
        wire_apply(rig->inner.objects, &call) == 0) {
        (void)message_send(rig->fd[XWAYLAND], writer.bytes, (size_t)size, &fd, 1);
    }
}

/* A surface gets an event that the compositor's table knows: of a role's object, mostly. */
static void
host_configures(struct rig *rig)
{
    for (uint32_t id = REGISTRY; id < 48; id++) {
        const struct wire_object *object = wire_object_get(rig->outer.objects, id);
        struct wire_writer writer;

        if (!object || object->dead || object->interface != &wire_xdg_surface) {
            continue;
        }
        wire_begin(&writer, id, WIRE_XDG_SURFACE_EVENT_CONFIGURE);
        wire_put(&writer, 1);
        const int size = wire_end(&writer);
        (void)message_send(rig->fd[HOST], writer.bytes, (size_t)size, NULL, 0);
    }
}

static void
x_says(struct rig *rig)
{
    static const uint8_t codes[] = {X_EVENT_CREATE,
                                    X_EVENT_DESTROY,
                                    X_EVENT_UNMAP,
                                    X_EVENT_MAP,
                                    X_EVENT_MAP_REQUEST,
                                    X_EVENT_CONFIGURE,
                                    X_EVENT_PROPERTY,
                                    X_EVENT_CLIENT_MESSAGE,
                                    X_EVENT_CONFIGURE_REQUEST,
                                    X_EVENT_SELECTION_NOTIFY,
                                    X_EVENT_SELECTION_REQUEST,
                                    0x28};
    uint8_t event[X_EVENT_SIZE] = {codes[fuzz_take(rig->input, 1) % ARRAY_SIZE(codes)], 32};
    const uint32_t window = 0x400000 + (uint32_t)fuzz_take(rig->input, 1) % WINDOWS;

    for (size_t at = 12; at < sizeof(event); at++) {
        event[at] = (uint8_t)fuzz_take(rig->input, 1);
    }
    store_le32(event + 4, window);
    store_le32(event + 8, window);
    if (event[0] == X_EVENT_PROPERTY || event[0] == X_EVENT_CLIENT_MESSAGE) {
        store_le32(event + 8, ATOMS + event[30] % N_ATOMS);
        event[13] = event[14] = event[15] = 0;
    } else if (event[0] == X_EVENT_CREATE || event[0] == X_EVENT_CONFIGURE) {
        event[22] &= 1;
    }
    (void)message_send(rig->fd[WM], event, sizeof(event), NULL, 0);
}

/* A window that is created, mapped and has a surface. */
static void
x_shows(struct rig *rig)
{
    static const uint8_t codes[] = {X_EVENT_CREATE, X_EVENT_MAP, X_EVENT_CLIENT_MESSAGE};
    const uint64_t how = fuzz_take(rig->input, 1);

    for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
        uint8_t event[X_EVENT_SIZE] = {codes[i], 32};

        store_le32(event + 4, 0x400000 + (how & 3));
        store_le32(event + 8, codes[i] == X_EVENT_CLIENT_MESSAGE ? ATOMS : 0x400000 + (how & 3));
        if (codes[i] == X_EVENT_CREATE) {
            store_le32(event + 16, 100 | 100 << 16);
            event[22] = how & 4;
        } else if (codes[i] == X_EVENT_MAP) {
            event[12] = how & 4;
        } else {
            store_le32(event + 12, FIRST_SURFACE + (how >> 4) % SURFACES);
        }
        (void)message_send(rig->fd[WM], event, sizeof(event), NULL, 0);
    }
}

/* Answers to requests that were made, or were not. */
static void
x_answers(struct rig *rig)
{
    const uint64_t how = fuzz_take(rig->input, 1);
    uint8_t reply[REPLY_SIZE] = {how & 1 ? X_EVENT_REPLY : X_EVENT_ERROR, how & 2 ? 8 : 32};

    rig->sequence = (uint16_t)(rig->sequence + (how >> 4));
    store_le16(reply + 2, rig->sequence);
    store_le32(reply + 4, how & 1 ? (REPLY_SIZE - X_EVENT_SIZE) / 4 : 0);
    store_le32(reply + 8, how & 4 ? ATOMS + 8 : XA_STRING);
    store_le32(reply + 16, (uint32_t)fuzz_take(rig->input, 1));
    for (size_t at = X_EVENT_SIZE; at < sizeof(reply); at++) {
        reply[at] = (uint8_t)fuzz_take(rig->input, 1);
    }
    (void)message_send(rig->fd[WM], reply, how & 1 ? REPLY_SIZE : X_EVENT_SIZE, NULL, 0);
}

/* Answers to all that was asked: one word, which is an atom and the version of XDND too. */
static void
x_agrees(struct rig *rig)
{
    run(rig);
    while ((int16_t)(uint16_t)(rig->n_requests - rig->sequence) > 0 && !rig->over) {
        uint8_t reply[X_EVENT_SIZE + 4] = {X_EVENT_REPLY, 32};

        store_le16(reply + 2, ++rig->sequence);
        store_le32(reply + 4, 1);
        store_le32(reply + 8, ATOMS + ATOM_XDND_SELECTION);
        store_le32(reply + 16, 1);
        store_le32(reply + X_EVENT_SIZE, 5);
        (void)message_send(rig->fd[WM], reply, sizeof(reply), NULL, 0);
    }
    run(rig);
}

/* XDND's messages, to our windows. */
static void
x_drags(struct rig *rig)
{
    const uint64_t how = fuzz_take(rig->input, 1);
    uint8_t event[X_EVENT_SIZE] = {X_EVENT_CLIENT_MESSAGE, 32};

    store_le32(event + 4, OWN_WINDOW + (how >> 6 & 1));
    store_le32(event + 8, ATOMS + ATOM_XDND_ENTER + how % (N_ATOMS - ATOM_XDND_ENTER));
    store_le32(event + 12, 0x400000 + (how >> 7));
    store_le32(event + 16, 5U << 24 | (uint32_t)fuzz_take(rig->input, 1));
    store_le32(event + 20, ATOMS + ATOM_UTF8_STRING);
    store_le32(event + 28, ATOMS + ATOM_XDND_ACTION_COPY + (how & 1));
    if (how & 0x10) { /* its content */
        event[0] = X_EVENT_SELECTION_REQUEST;
        store_le32(event + 12, 0x400000);
        store_le32(event + 16, ATOMS + ATOM_XDND_SELECTION);
        store_le32(event + 20, ATOMS + (how & 1 ? ATOM_UTF8_STRING : ATOM_DELETE));
        store_le32(event + 24, XA_STRING);
    }
    (void)message_send(rig->fd[WM], event, sizeof(event), NULL, 0);
}

static void
x_raves(struct rig *rig)
{
    uint8_t bytes[X_EVENT_SIZE];

    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)fuzz_take(rig->input, 1);
    }
    (void)message_send(rig->fd[WM], bytes, sizeof(bytes), NULL, 0);
}

/* A server that has numbers for all names, and the extensions. */
static void
x_begins(struct rig *rig)
{
    uint8_t setup[40 + 8 + 40] = {1};

    store_le16(setup + 6, (sizeof(setup) - 8) / 4);
    store_le32(setup + 12, OWN_WINDOW);
    store_le32(setup + 16, 0x1fffff);
    setup[28] = 1;
    setup[29] = 1;
    store_le32(setup + 48, 0x500);
    assert(message_send(rig->fd[WM], setup, sizeof(setup), NULL, 0) == 0);
    run(rig);
    for (uint32_t i = 1; i < ANSWERS; i++) {
        uint8_t reply[X_EVENT_SIZE] = {X_EVENT_REPLY};

        store_le16(reply + 2, (uint16_t)i);
        store_le32(reply + 8, ATOMS + i - 1);
        reply[9] = OPCODE;
        reply[10] = i < LATER ? 0 : FIXES_EVENT;
        assert(message_send(rig->fd[WM], reply, sizeof(reply), NULL, 0) == 0);
        rig->sequence = (uint16_t)i;
    }
    run(rig);
}

static void
send_wayland(struct rig *rig, enum wire_side side, struct wire_writer *writer)
{
    const bool request = side == WIRE_REQUEST;
    struct wire_objects *objects = request ? rig->inner.objects : rig->outer.objects;
    struct wire_call call;
    const int size = wire_end(writer);

    assert(size > 0);
    assert(wire_read(objects, side, writer->bytes, (size_t)size, &call) == size);
    assert(wire_apply(objects, &call) == 0);
    assert(message_send(rig->fd[request ? XWAYLAND : HOST], writer->bytes, (size_t)size, NULL, 0) ==
           0);
    run(rig);
}

static void
bind_global(struct rig *rig, uint32_t name, const struct wire_interface *interface, uint32_t id)
{
    struct wire_writer writer;

    wire_begin(&writer, REGISTRY, WIRE_WL_REGISTRY_BIND);
    wire_put(&writer, name);
    wire_put_string(&writer, interface->name);
    wire_put(&writer, interface->version);
    wire_put(&writer, id);
    send_wayland(rig, WIRE_REQUEST, &writer);
}

static void
wayland_begins(struct rig *rig)
{
    struct wire_writer writer;

    run(rig);
    for (uint32_t i = 0; i < ARRAY_SIZE(globals); i++) {
        wire_begin(&writer, REGISTRY, WIRE_WL_REGISTRY_EVENT_GLOBAL);
        wire_put(&writer, i + 1);
        wire_put_string(&writer, globals[i]->name);
        wire_put(&writer, globals[i]->version);
        send_wayland(rig, WIRE_EVENT, &writer);
    }
    wire_begin(&writer, WIRE_DISPLAY, WIRE_WL_DISPLAY_GET_REGISTRY);
    wire_put(&writer, REGISTRY);
    send_wayland(rig, WIRE_REQUEST, &writer);
    for (uint32_t i = 0; i < DMABUF - FIRST_GLOBAL; i++) {
        bind_global(rig, i + 1, globals[i % 4], FIRST_GLOBAL + i);
    }
    bind_global(rig, ARRAY_SIZE(globals), &wire_zwp_linux_dmabuf_v1, DMABUF);
    bind_global(rig, DRM_NAME, &wire_wl_drm, DRM);
    for (uint32_t i = 0; i < SURFACES; i++) {
        wire_begin(&writer, FIRST_GLOBAL, WIRE_WL_COMPOSITOR_CREATE_SURFACE);
        wire_put(&writer, FIRST_SURFACE + i);
        send_wayland(rig, WIRE_REQUEST, &writer);
    }
    wire_begin(&writer, FIRST_GLOBAL + 2, WIRE_WL_SEAT_GET_POINTER);
    wire_put(&writer, FIRST_SURFACE + SURFACES);
    send_wayland(rig, WIRE_REQUEST, &writer);
    assert(!rig->over);
}

/* The first object of that kind that the compositor has. */
static uint32_t
find_outer(struct rig *rig, const struct wire_interface *interface)
{
    for (uint32_t id = REGISTRY; id < 64; id++) {
        const struct wire_object *object = wire_object_get(rig->outer.objects, id);

        if (object && !object->dead && object->interface == interface) {
            return id;
        }
    }
    return 0;
}

/* An event, unless what it is about is gone. */
static void
host_tries(struct rig *rig, struct wire_writer *writer)
{
    struct wire_call call;
    const int size = wire_end(writer);

    if (wire_read(rig->outer.objects, WIRE_EVENT, writer->bytes, (size_t)size, &call) == size &&
        wire_apply(rig->outer.objects, &call) == 0) {
        (void)message_send(rig->fd[HOST], writer->bytes, (size_t)size, NULL, 0);
    }
}

/* A button is held on a window, and its program drags. */
static void
x_claims(struct rig *rig)
{
    const uint64_t how = fuzz_take(rig->input, 1);
    const uint32_t pointer = find_outer(rig, &wire_wl_pointer);
    const uint32_t surface = find_outer(rig, &wire_wl_surface);
    uint8_t event[X_EVENT_SIZE] = {FIXES_EVENT};
    struct wire_writer writer;

    if (pointer == 0 || surface == 0 || rig->forgetful) {
        return;
    }
    wire_begin(&writer, pointer,
               how & 4 ? WIRE_WL_POINTER_EVENT_LEAVE : WIRE_WL_POINTER_EVENT_ENTER);
    wire_put(&writer, 1);
    wire_put(&writer, surface);
    for (int i = 0; i < 2 && !(how & 4); i++) {
        wire_put(&writer, (uint32_t)how);
    }
    host_tries(rig, &writer);
    wire_begin(&writer, pointer, WIRE_WL_POINTER_EVENT_BUTTON);
    for (int i = 0; i < 4; i++) {
        wire_put(&writer, i < 3 || how & 3);
    }
    host_tries(rig, &writer);
    run(rig);
    store_le32(event + 8, how & 8 ? 0 : 0x400000);
    store_le32(event + 12, ATOMS + ATOM_XDND_SELECTION);
    (void)message_send(rig->fd[WM], event, sizeof(event), NULL, 0);
    for (int i = 0; i < 2 && how & 0x10; i++) { /* it says what, and where */
        uint8_t message[X_EVENT_SIZE] = {X_EVENT_CLIENT_MESSAGE, 32};

        store_le32(message + 4, OWN_WINDOW + 1);
        store_le32(message + 8, ATOMS + (i == 0 ? ATOM_XDND_ENTER : ATOM_XDND_POSITION));
        store_le32(message + 12, 0x400000);
        store_le32(message + 16, 5U << 24 | (how & 1));
        store_le32(message + 20, ATOMS + ATOM_UTF8_STRING);
        store_le32(message + 28, ATOMS + ATOM_XDND_ACTION_COPY);
        (void)message_send(rig->fd[WM], message, sizeof(message), NULL, 0);
        x_agrees(rig);
    }
}

/* Something is dragged over a window, and let go. */
static void
host_drags(struct rig *rig)
{
    const uint64_t how = fuzz_take(rig->input, 1);
    const uint32_t device = find_outer(rig, &wire_wl_data_device);
    const uint32_t surface = find_outer(rig, &wire_wl_surface);
    struct wire_writer writer;

    if (device == 0 || surface == 0 || rig->forgetful) {
        return;
    }
    if (how & 3 && rig->n_offers < OFFERS) {
        const uint32_t offer = WIRE_SERVER_IDS + rig->n_offers++;

        wire_begin(&writer, device, WIRE_WL_DATA_DEVICE_EVENT_DATA_OFFER);
        wire_put(&writer, offer);
        host_tries(rig, &writer);
        wire_begin(&writer, offer, WIRE_WL_DATA_OFFER_EVENT_OFFER);
        wire_put_string(&writer, how & 4 ? "text/plain;charset=utf-8" : "DELETE");
        host_tries(rig, &writer);
        wire_begin(&writer, device, WIRE_WL_DATA_DEVICE_EVENT_ENTER);
        for (int i = 0; i < 4; i++) {
            wire_put(&writer, i == 1 ? surface : (uint32_t)how << 6);
        }
        wire_put(&writer, offer);
        host_tries(rig, &writer);
        wire_begin(&writer, offer, WIRE_WL_DATA_OFFER_EVENT_ACTION);
        wire_put(&writer, how >> 3 & 3);
        host_tries(rig, &writer);
    } else {
        wire_begin(&writer, device,
                   how & 4 ? WIRE_WL_DATA_DEVICE_EVENT_DROP : WIRE_WL_DATA_DEVICE_EVENT_LEAVE);
        host_tries(rig, &writer);
    }
}

static void
play(struct rig *rig)
{
    static void (*const steps[])(struct rig *) = {
        xwayland_says, xwayland_says,  host_says,     host_says,  host_configures,
        x_says,        x_says,         x_shows,       x_answers,  x_answers,
        x_drags,       host_drags,     x_drags,       host_drags, x_claims,
        x_agrees,      xwayland_draws, wayland_raves, x_raves};

    for (int i = 0; i < STEPS_MAX && rig->input->size > 0 && !rig->over; i++) {
        const uint64_t step = fuzz_take(rig->input, 1);
        /* What is any bytes ends most connections: seldom. */
        const size_t n = step < 19 ? ARRAY_SIZE(steps) : ARRAY_SIZE(steps) - 2;

        steps[step % n](rig);
        if (step & 0x40) {
            run(rig);
        }
    }
    run(rig);
}

static void
open_all(struct rig *rig)
{
    int theirs[N_ENDS];

    for (int i = 0; i < N_ENDS; i++) {
        int pair[2];

        assert(fd_socket_pair(SOCK_STREAM, pair) == 0);
        fd_set_nonblocking(pair[0]);
        fd_set_nonblocking(pair[1]);
        rig->fd[i] = pair[0];
        theirs[i] = pair[1];
    }
    rig->to_skip = 12; /* it begins with the byte order and version */
    rig->x11 = x11_create(
        rig->loop,
        (struct x11_sockets){.xwayland = theirs[XWAYLAND], .host = theirs[HOST], .wm = theirs[WM]},
        "/dev/dri/renderD128", on_ended, rig);
    assert(rig->x11);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct rig *rig = xalloc(sizeof(*rig));

    (void)signal(SIGPIPE, SIG_IGN);
    log_set_level(LOG_LEVEL_ERROR);
    rig->input = &input;
    rig->loop = loop_create();
    rig->inner = (struct wire_maker){wire_objects_create(64), &input};
    rig->outer = (struct wire_maker){wire_objects_create(4096), &input};
    assert(rig->loop && rig->inner.objects && rig->outer.objects);
    wire_objects_know(rig->inner.objects, &wire_wl_drm);
    open_all(rig);
    wayland_begins(rig);
    x_begins(rig);
    play(rig);
    x11_destroy(rig->x11);
    for (int i = 0; i < N_ENDS; i++) {
        fd_closep(&rig->fd[i]);
    }
    wire_objects_destroy(rig->inner.objects);
    wire_objects_destroy(rig->outer.objects);
    loop_destroy(rig->loop);
    free(rig);
    return 0;
}
