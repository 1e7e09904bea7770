/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Xwayland and a graphics card: wl_drm between the two, and the trial before. No card is needed for it. */

#include "tests/unit/tap.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/message.h"
#include "vmm/guest/x11/trial.h"
#include "vmm/guest/x11/x11.h"
#include "wayland-wire-protocols.h"

#define NODE "/dev/dri/renderD128"

enum {
    /* Xwayland's */
    REGISTRY = 2,
    DRM,
    DMABUF = DRM, /* where it binds that first */
    BUFFER,
    /* On the host: the registry and the answer of vitrine-x11, then what it binds. */
    OUTER_REGISTRY = 2,
    OUTER_DMABUF = 4,
    OUTER_XWAYLANDS,  /* registry */
    OUTER_PARAMS = 6, /* after Xwayland's registry */
    DMABUF_GLOBAL = 9,
    DRM_GLOBAL = INT32_MAX,
    AR24 = 0x34325241,
    XR24 = 0x34325258,
    YU12 = 0x32315559,
    WIDTH = 64,
    HEIGHT = 32,
    OFFSET = 4096,
    STRIDE = 256,
    PATIENCE = 10000,
};

/* One end of a connection, as the test has it. */
struct end {
    int fd;
    struct wire_objects *objects;
    struct wire_writer writer;
    uint8_t in[8192];
    size_t n, at;
    struct message_fds fds;
    struct wire_call call; /* heard last */
};

struct rig {
    struct loop *loop;
    struct x11 *x11;
    struct end inner, outer; /* as Xwayland, as the compositor */
    int wm;
    bool over;
};

static void
on_ended(void *data, const char *why)
{
    (void)why;
    ((struct rig *)data)->over = true;
}

static void
run(struct rig *rig)
{
    for (int i = 0; i < 8 && !rig->over; i++) {
        loop_iterate(rig->loop, 0);
    }
}

/* What was written, in that end's table only. Its size, or -1. */
static int
note(struct end *end, enum wire_side side)
{
    struct wire_call call;
    const int size = wire_end(&end->writer);

    return size > 0 &&
                   wire_read(end->objects, side, end->writer.bytes, (size_t)size, &call) == size &&
                   wire_apply(end->objects, &call) == 0
               ? size
               : -1;
}

static bool
send_with(struct end *end, enum wire_side side, int fd)
{
    const int size = note(end, side);

    return size > 0 && message_send(end->fd, end->writer.bytes, (size_t)size, &fd, fd >= 0) == 0;
}

static bool
send_words(struct end *end, enum wire_side side, const uint32_t *words, size_t n)
{
    wire_begin(&end->writer, words[0], (uint16_t)words[1]);
    for (size_t i = 2; i < n; i++) {
        wire_put(&end->writer, words[i]);
    }
    return send_with(end, side, -1);
}
#define ask(end, ...)                                              \
    send_words(end, WIRE_REQUEST, (const uint32_t[]){__VA_ARGS__}, \
               sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))
#define answer(end, ...)                                         \
    send_words(end, WIRE_EVENT, (const uint32_t[]){__VA_ARGS__}, \
               sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

static bool
answer_global(struct end *end, uint32_t name, const char *interface, uint32_t version)
{
    wire_begin(&end->writer, REGISTRY, WIRE_WL_REGISTRY_EVENT_GLOBAL);
    wire_put(&end->writer, name);
    wire_put_string(&end->writer, interface);
    wire_put(&end->writer, version);
    return send_with(end, WIRE_EVENT, -1);
}

static bool
ask_bind(struct end *end, uint32_t name, const char *interface, uint32_t version, uint32_t id)
{
    wire_begin(&end->writer, REGISTRY, WIRE_WL_REGISTRY_BIND);
    wire_put(&end->writer, name);
    wire_put_string(&end->writer, interface);
    wire_put(&end->writer, version);
    wire_put(&end->writer, id);
    return send_with(end, WIRE_REQUEST, -1);
}

/* The next message that came there; end->call has it. */
static bool
next(struct end *end, enum wire_side side)
{
    struct message_fds fds;

    if (end->at == end->n) {
        const ssize_t n = message_receive_part(end->fd, end->in, sizeof(end->in), &fds);

        end->at = 0;
        end->n = n > 0 ? (size_t)n : 0;
        if (n > 0 && fds.count > 0) {
            message_close_fds(&end->fds);
            end->fds = fds;
        }
    }
    const int r = wire_read(end->objects, side, end->in + end->at, end->n - end->at, &end->call);
    end->at += r > 0 ? (size_t)r : 0;
    return r > 0;
}

/* Read on until a message of that object and opcode. */
static bool
hears(struct end *end, enum wire_side side, uint32_t id, uint32_t opcode)
{
    while (next(end, side)) {
        const bool found = end->call.id == id && end->call.opcode == opcode;

        if (wire_apply(end->objects, &end->call) < 0) {
            return false;
        }
        if (found) {
            return true;
        }
    }
    return false;
}

/* Which version of that global Xwayland is told of; 0: none. All that came is read. */
static uint32_t
version_of(struct end *end, const char *interface)
{
    uint32_t version = 0;

    while (hears(end, WIRE_EVENT, REGISTRY, WIRE_WL_REGISTRY_EVENT_GLOBAL)) {
        if (strcmp((const char *)end->call.value[1].data, interface) == 0) {
            version = end->call.value[2].word;
        }
    }
    return version;
}

static bool
end_open(struct end *end, int *ret_theirs, uint32_t limit)
{
    int pair[2];

    if (fd_socket_pair(SOCK_STREAM, pair) < 0) {
        return false;
    }
    fd_set_nonblocking(pair[0]);
    fd_set_nonblocking(pair[1]);
    *end = (struct end){.fd = pair[0], .objects = wire_objects_create(limit)};
    *ret_theirs = pair[1];
    return end->objects != NULL;
}

static void
end_close(struct end *end)
{
    message_close_fds(&end->fds);
    wire_objects_destroy(end->objects);
    close(end->fd);
}

/* A host with linux-dmabuf, and an Xwayland that has asked what there is. */
static bool
rig_open(struct rig *rig, const char *card)
{
    struct x11_sockets sockets;
    int wm[2];

    (void)signal(SIGPIPE, SIG_IGN);
    *rig = (struct rig){.loop = loop_create()};
    if (!end_open(&rig->inner, &sockets.xwayland, 64) ||
        !end_open(&rig->outer, &sockets.host, 64) || fd_socket_pair(SOCK_STREAM, wm) < 0) {
        return false;
    }
    fd_set_nonblocking(wm[1]);
    rig->wm = wm[0];
    sockets.wm = wm[1];
    wire_objects_know(rig->inner.objects, &wire_wl_drm);
    rig->x11 = x11_create(rig->loop, sockets, card, on_ended, rig);
    run(rig);
    if (!rig->x11 || !hears(&rig->outer, WIRE_REQUEST, WIRE_DISPLAY, WIRE_WL_DISPLAY_SYNC) ||
        !answer_global(&rig->outer, DMABUF_GLOBAL, "zwp_linux_dmabuf_v1", 4)) {
        return false;
    }
    run(rig);
    return ask(&rig->inner, WIRE_DISPLAY, WIRE_WL_DISPLAY_GET_REGISTRY, REGISTRY);
}

static void
rig_close(struct rig *rig)
{
    x11_destroy(rig->x11);
    end_close(&rig->inner);
    end_close(&rig->outer);
    close(rig->wm);
    loop_destroy(rig->loop);
}

/* The host's globals, for Xwayland's registry: the second one there. */
static bool
tell_xwayland(struct rig *rig)
{
    run(rig);
    while (next(&rig->outer, WIRE_REQUEST)) {
        if (wire_apply(rig->outer.objects, &rig->outer.call) < 0) {
            return false;
        }
    }
    for (uint32_t id = OUTER_REGISTRY + 1; id < OUTER_PARAMS; id++) {
        const struct wire_object *object = wire_object_get(rig->outer.objects, id);

        if (object && object->interface == &wire_wl_registry) {
            wire_begin(&rig->outer.writer, id, WIRE_WL_REGISTRY_EVENT_GLOBAL);
            wire_put(&rig->outer.writer, DMABUF_GLOBAL);
            wire_put_string(&rig->outer.writer, "zwp_linux_dmabuf_v1");
            wire_put(&rig->outer.writer, 4);
            const bool sent = send_with(&rig->outer, WIRE_EVENT, -1);
            run(rig);
            return sent;
        }
    }
    return false;
}

TAP_TEST(without_a_card_xwayland_is_told_of_none)
{
    static struct rig rig;

    check(rig_open(&rig, NULL));
    check(tell_xwayland(&rig));
    check_int(version_of(&rig.inner, "wl_drm"), 0);
    check(!rig.over);
    rig_close(&rig);
}

TAP_TEST(without_a_card_there_are_no_dmabufs)
{
    static struct rig rig;

    check(rig_open(&rig, NULL));
    check(tell_xwayland(&rig));
    check_int(version_of(&rig.inner, "zwp_linux_dmabuf_v1"), 0);
    rig_close(&rig);
}

TAP_TEST(xwayland_learns_the_card)
{
    static struct rig rig;
    struct end *inner = &rig.inner;

    check(rig_open(&rig, NODE));
    run(&rig);
    check_int(version_of(inner, "wl_drm"), 2);
    check(tell_xwayland(&rig));
    check(version_of(inner, "zwp_linux_dmabuf_v1") >= 4);
    check(ask_bind(inner, DRM_GLOBAL, "wl_drm", 2, DRM));
    run(&rig);
    check(hears(inner, WIRE_EVENT, DRM, WIRE_WL_DRM_EVENT_DEVICE));
    check_str((const char *)inner->call.value[0].data, NODE);
    check(hears(inner, WIRE_EVENT, DRM, WIRE_WL_DRM_EVENT_FORMAT));
    check_int(inner->call.value[0].word, XR24);
    check(hears(inner, WIRE_EVENT, DRM, WIRE_WL_DRM_EVENT_FORMAT));
    check_int(inner->call.value[0].word, AR24);
    check(hears(inner, WIRE_EVENT, DRM, WIRE_WL_DRM_EVENT_CAPABILITIES));
    check_int(inner->call.value[0].word, 1);
    check(ask(inner, DRM, WIRE_WL_DRM_AUTHENTICATE, 5));
    run(&rig);
    check(hears(inner, WIRE_EVENT, DRM, WIRE_WL_DRM_EVENT_AUTHENTICATED));
    check(!rig.over);
    rig_close(&rig);
}

/* Xwayland 22.1 has no picture for the host where it is told of a layout that virgl's driver cannot make. */
TAP_TEST(xwayland_is_told_of_the_cards_own_layout_only)
{
    static const uint32_t modifiers[][2] = {{0, 0}, {0x00ffffff, 0xffffffff}, {0x01000000, 2}};
    static struct rig rig;
    struct end *inner = &rig.inner;
    struct end *outer = &rig.outer;

    check(rig_open(&rig, NODE));
    check(tell_xwayland(&rig));
    check(ask_bind(inner, DMABUF_GLOBAL, "zwp_linux_dmabuf_v1", 3, DMABUF));
    run(&rig);
    check(hears(outer, WIRE_REQUEST, OUTER_XWAYLANDS, WIRE_WL_REGISTRY_BIND));
    const uint32_t dmabuf = outer->call.value[3].word;
    for (size_t i = 0; i < ARRAY_SIZE(modifiers); i++) {
        check(answer(outer, dmabuf, WIRE_ZWP_LINUX_DMABUF_V1_EVENT_MODIFIER, XR24, modifiers[i][0],
                     modifiers[i][1]));
    }
    run(&rig);
    check(hears(inner, WIRE_EVENT, DMABUF, WIRE_ZWP_LINUX_DMABUF_V1_EVENT_MODIFIER));
    check_int(inner->call.value[0].word, XR24);
    check_int(inner->call.value[1].word, 0x00ffffff);
    check_int(inner->call.value[2].word, 0xffffffff);
    check(!hears(inner, WIRE_EVENT, DMABUF, WIRE_ZWP_LINUX_DMABUF_V1_EVENT_MODIFIER));
    check(!rig.over);
    rig_close(&rig);
}

static bool
ask_buffer(struct rig *rig, uint32_t format, int fd)
{
    const uint32_t words[] = {BUFFER, WIDTH, HEIGHT, format, OFFSET, STRIDE, 1, 2, 3, 4};

    wire_begin(&rig->inner.writer, DRM, WIRE_WL_DRM_CREATE_PRIME_BUFFER);
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        wire_put(&rig->inner.writer, words[i]);
    }
    const bool sent = send_with(&rig->inner, WIRE_REQUEST, fd);
    run(rig);
    return sent;
}

static bool
same_words(const struct wire_call *call, const uint32_t *words, size_t first, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (call->value[first + i].word != words[i]) {
            return false;
        }
    }
    return true;
}

static bool
same_file(int one, int other)
{
    struct stat a;
    struct stat b;

    return fstat(one, &a) == 0 && fstat(other, &b) == 0 && a.st_ino == b.st_ino;
}

/* What wl_drm makes is linux-dmabuf's on the host, and the same buffer for both sides. */
TAP_TEST(a_buffer_by_prime_is_a_dmabuf)
{
    static const uint32_t plane[] = {0, OFFSET, STRIDE, 0x00ffffff, 0xffffffff};
    static const uint32_t picture[] = {WIDTH, HEIGHT, XR24, 0};
    static struct rig rig;
    struct end *outer = &rig.outer;
    cleanup_fd int fd = fd_memory_file("picture", 65536);

    check(rig_open(&rig, NODE));
    check(ask_bind(&rig.inner, DRM_GLOBAL, "wl_drm", 2, DRM));
    run(&rig);
    check(ask_buffer(&rig, XR24, fd));
    check(hears(outer, WIRE_REQUEST, OUTER_REGISTRY, WIRE_WL_REGISTRY_BIND));
    check_int(outer->call.bound_version, 3);
    check(hears(outer, WIRE_REQUEST, OUTER_DMABUF, WIRE_ZWP_LINUX_DMABUF_V1_CREATE_PARAMS));
    const uint32_t params = outer->call.value[0].word;
    check(hears(outer, WIRE_REQUEST, params, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_ADD));
    check(same_words(&outer->call, plane, 1, ARRAY_SIZE(plane)));
    check(outer->fds.count == 1 && same_file(outer->fds.fd[0], fd));
    check(hears(outer, WIRE_REQUEST, params, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_CREATE_IMMED));
    check(same_words(&outer->call, picture, 1, ARRAY_SIZE(picture)));
    const uint32_t buffer = outer->call.value[0].word;
    check(hears(outer, WIRE_REQUEST, params, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_DESTROY));
    check(answer(outer, buffer, WIRE_WL_BUFFER_EVENT_RELEASE));
    run(&rig);
    check(hears(&rig.inner, WIRE_EVENT, BUFFER, WIRE_WL_BUFFER_EVENT_RELEASE));
    check(ask(&rig.inner, BUFFER, WIRE_WL_BUFFER_DESTROY));
    run(&rig);
    check(hears(outer, WIRE_REQUEST, buffer, WIRE_WL_BUFFER_DESTROY));
    check(!rig.over);
    rig_close(&rig);
}

TAP_TEST(what_was_not_offered_ends_the_connection)
{
    for (int i = 0; i < 3; i++) {
        static struct rig rig;
        cleanup_fd int fd = fd_memory_file("picture", 65536);

        check(rig_open(&rig, NODE));
        check(ask_bind(&rig.inner, DRM_GLOBAL, "wl_drm", 2, DRM));
        run(&rig);
        check(!rig.over);
        if (i == 0) {
            check(ask_buffer(&rig, YU12, fd));
        } else if (i == 1) {
            check(ask_buffer(&rig, XR24, -1));
        } else {
            check(ask(&rig.inner, DRM, WIRE_WL_DRM_CREATE_BUFFER, BUFFER, 1, WIDTH, HEIGHT, STRIDE,
                      XR24));
            run(&rig);
        }
        check(rig.over);
        rig_close(&rig);
    }
}

/* What the client will ask for: its answers may be written before. */
static bool
foresee(struct end *end, uint32_t id, uint16_t opcode, uint32_t word)
{
    wire_begin(&end->writer, id, opcode);
    wire_put(&end->writer, word);
    return note(end, WIRE_REQUEST) > 0;
}

static bool
foresee_bind(struct end *end)
{
    wire_begin(&end->writer, REGISTRY, WIRE_WL_REGISTRY_BIND);
    wire_put(&end->writer, DMABUF_GLOBAL);
    wire_put_string(&end->writer, "zwp_linux_dmabuf_v1");
    wire_put(&end->writer, 3);
    wire_put(&end->writer, 4);
    return note(end, WIRE_REQUEST) > 0;
}

/* The trial: what a compositor says, before it is asked. */
struct host {
    uint32_t version; /* of linux-dmabuf, 0: none */
    uint32_t formats[2];
    uint32_t last; /* an event of the parameters; OTHER_... */
    bool good;
    bool linear; /* its formats in rows that follow each other, not in the card's own layout */
};

enum {
    OTHER_ERROR = 100,
    OTHER_SILENCE,
    OTHER_HANG_UP,
};

static bool
host_speaks(struct end *end, const struct host *host)
{
    bool fine = foresee(end, WIRE_DISPLAY, WIRE_WL_DISPLAY_GET_REGISTRY, 2) &&
                foresee(end, WIRE_DISPLAY, WIRE_WL_DISPLAY_SYNC, 3) &&
                answer_global(end, 7, "wl_shm", 1);

    fine = fine && (host->version == 0 ||
                    answer_global(end, DMABUF_GLOBAL, "zwp_linux_dmabuf_v1", host->version));
    fine = fine && answer(end, 3, WIRE_WL_CALLBACK_EVENT_DONE, 1);
    if (host->version < 3) {
        return fine;
    }
    fine = fine && foresee_bind(end) && foresee(end, WIRE_DISPLAY, WIRE_WL_DISPLAY_SYNC, 5);
    for (int i = 0; i < 2; i++) {
        fine = fine && answer(end, 4, WIRE_ZWP_LINUX_DMABUF_V1_EVENT_MODIFIER, host->formats[i],
                              host->linear ? 0 : 0x00ffffff, host->linear ? 0 : 0xffffffff);
    }
    fine = fine && answer(end, 5, WIRE_WL_CALLBACK_EVENT_DONE, 1) &&
           foresee(end, 4, WIRE_ZWP_LINUX_DMABUF_V1_CREATE_PARAMS, 6);
    if (host->last == WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_EVENT_CREATED) {
        fine = fine && answer(end, 6, host->last, WIRE_SERVER_IDS);
    } else if (host->last == WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_EVENT_FAILED) {
        fine = fine && answer(end, 6, host->last);
    } else if (host->last == OTHER_ERROR) {
        wire_begin(&end->writer, WIRE_DISPLAY, WIRE_WL_DISPLAY_EVENT_ERROR);
        wire_put(&end->writer, 6);
        wire_put(&end->writer, 1);
        wire_put_string(&end->writer, "no");
        fine = fine && send_with(end, WIRE_EVENT, -1);
    }
    return fine;
}

TAP_TEST(the_trial_says_what_the_compositor_takes)
{
    static const struct host hosts[] = {
        {4, {XR24, AR24}, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_EVENT_CREATED, true},
        {3, {AR24, XR24}, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_EVENT_CREATED, true},
        {4, {XR24, AR24}, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_EVENT_FAILED, false},
        {4, {XR24, AR24}, OTHER_ERROR, false},
        {4, {XR24, AR24}, OTHER_HANG_UP, false},
        {4, {XR24, AR24}, OTHER_SILENCE, false},
        {4, {XR24, YU12}, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_EVENT_CREATED, false},
        {4, {XR24, AR24}, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_EVENT_CREATED, false, .linear = true},
        {2, {XR24, AR24}, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_EVENT_CREATED, false},
        {0, {XR24, AR24}, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_EVENT_CREATED, false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
        const bool silent = hosts[i].last == OTHER_SILENCE;
        cleanup_fd int fd = fd_memory_file("picture", 65536);
        const struct trial_picture picture = {fd, WIDTH, HEIGHT, STRIDE, XR24};
        const char *why = NULL;
        static struct end end;
        int theirs;

        check(end_open(&end, &theirs, 64));
        check(host_speaks(&end, &hosts[i]));
        if (hosts[i].last == OTHER_HANG_UP) {
            (void)shutdown(end.fd, SHUT_WR);
        }
        check_int(trial_run(theirs, &picture, silent ? 100 : PATIENCE, &why), hosts[i].good);
        check((why == NULL) == hosts[i].good);
        close(theirs);
        end_close(&end);
    }
}

/* A picture's words, and its descriptor, reach the compositor. */
TAP_TEST(the_trial_asks_for_its_picture)
{
    static const struct host host = {
        4, {XR24, AR24}, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_EVENT_CREATED, true};
    static const uint32_t plane[] = {0, 0, STRIDE, 0x00ffffff, 0xffffffff};
    static const uint32_t words[] = {WIDTH, HEIGHT, XR24, 0};
    cleanup_fd int fd = fd_memory_file("picture", 65536);
    const struct trial_picture picture = {fd, WIDTH, HEIGHT, STRIDE, XR24};
    const char *why = NULL;
    static struct end end;
    static struct end heard;
    int theirs;
    int unused;

    check(end_open(&end, &theirs, 64));
    check(host_speaks(&end, &host));
    check(trial_run(theirs, &picture, PATIENCE, &why));
    check(end_open(&heard, &unused, 64)); /* a table of its own: all is read from the beginning */
    close(unused);
    close(heard.fd);
    heard.fd = dup(end.fd);
    check(hears(&heard, WIRE_REQUEST, 6, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_ADD));
    check(same_words(&heard.call, plane, 1, ARRAY_SIZE(plane)));
    check(heard.fds.count == 1 && same_file(heard.fds.fd[0], fd));
    check(hears(&heard, WIRE_REQUEST, 6, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_CREATE));
    check(same_words(&heard.call, words, 0, ARRAY_SIZE(words)));
    close(theirs);
    end_close(&heard);
    end_close(&end);
}

TAP_MAIN(TAP_CASE(without_a_card_xwayland_is_told_of_none),
         TAP_CASE(without_a_card_there_are_no_dmabufs), TAP_CASE(xwayland_learns_the_card),
         TAP_CASE(xwayland_is_told_of_the_cards_own_layout_only),
         TAP_CASE(a_buffer_by_prime_is_a_dmabuf),
         TAP_CASE(what_was_not_offered_ends_the_connection),
         TAP_CASE(the_trial_says_what_the_compositor_takes),
         TAP_CASE(the_trial_asks_for_its_picture))
