/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A client and a host, both hostile, before a session of the guest's proxy. Most messages fit their
 * signatures and name objects that exist, so that they get somewhere; the rest are any bytes. What the
 * proxy sends to the host must be well formed.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/wire-maker.h"
#include "vmm/base/assert.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/memory.h"
#include "vmm/base/message.h"
#include "vmm/guest/wayland-proxy/session.h"
#include "wayland-wire-protocols.h"

enum {
    REGISTRY = 2,
    FIRST_GLOBAL = 3,
    SURFACE = 12,
    DMABUF = 11,
    STEPS_MAX = 200,
    AR24 = 0x34325241,
    NV12 = 0x3231564e,
    YU12 = 0x32315559,
};

static const struct wire_interface *const globals[] = {
    &wire_wl_compositor,
    &wire_wl_shm,
    &wire_wl_seat,
    &wire_wl_data_device_manager,
    &wire_zwp_primary_selection_device_manager_v1,
    &wire_xdg_wm_base,
    &wire_wp_viewporter,
    &wire_zwp_tablet_manager_v2,
    &wire_zwp_linux_dmabuf_v1,
};

struct rig {
    struct loop *loop;
    struct session *session;
    struct wire_maker maker; /* objects as the client and the compositor see them */
    int client;
    bool over;
    bool asked;   /* the session waits for a page */
    bool waiting; /* a page is there */
    uint32_t n_blobs;
    uint32_t handles; /* a bit for each import */
    uint8_t page[CROSS_PAGE_SIZE];
};

static int
rig_submit(void *data, const void *commands, size_t size)
{
    struct cross_header header;

    (void)data;
    assert(size >= sizeof(header));
    memcpy(&header, commands, sizeof(header));
    assert(le16toh(header.size) == size && size <= CROSS_PAGE_SIZE);
    assert(header.command == CROSS_SEND || header.command == CROSS_WRITE);
    if (header.command == CROSS_SEND) {
        struct cross_message message;
        assert(size >= sizeof(message));
        memcpy(&message, commands, sizeof(message));
        assert(le32toh(message.n_ids) <= CROSS_IDS_MAX);
        assert(le32toh(message.data_size) == size - sizeof(message));
    }
    return 0;
}

static int
rig_query(void *data, const struct cross_get_image *command, struct cross_image *ret_image)
{
    struct rig *rig = data;
    uint64_t size = (uint64_t)le32toh(command->width) * 4 * le32toh(command->height);

    if (size > 1 << 20 || fuzz_take(rig->maker.input, 1) == 0xff) {
        return -ENOMEM;
    }
    *ret_image = (struct cross_image){.strides = {htole32(le32toh(command->width) * 8)},
                                      .size = htole64(align_up(size * 2, CROSS_PAGE_SIZE))};
    return 0;
}

static int
rig_poll(void *data)
{
    ((struct rig *)data)->asked = true;
    return 0;
}

static int
rig_answer(void *data, uint8_t page[CROSS_PAGE_SIZE])
{
    struct rig *rig = data;

    if (!rig->waiting) {
        return 0;
    }
    memcpy(page, rig->page, CROSS_PAGE_SIZE);
    rig->waiting = false;
    rig->asked = false;
    return 1;
}

static int
rig_blob_create(void *data, uint32_t blob_id, uint64_t size, struct channel_blob *ret_blob)
{
    struct rig *rig = data;

    (void)blob_id;
    if (fuzz_take(rig->maker.input, 1) == 0xff) {
        return -ENOSPC;
    }
    assert(size > 0 && size % CROSS_PAGE_SIZE == 0);
    uint8_t *map = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map == MAP_FAILED) {
        return -ENOMEM;
    }
    /* What a table of formats has, where it is one. */
    static const uint32_t table[] = {AR24, 0, 0, 0, AR24, 0, UINT32_MAX, 0x00ffffff};
    memcpy(map, table, sizeof(table));
    *ret_blob = (struct channel_blob){
        .handle = ++rig->n_blobs, .resource = rig->n_blobs, .size = size, .map = map};
    return 0;
}

static void
rig_blob_destroy(void *data, struct channel_blob *blob)
{
    (void)data;
    munmap(blob->map, blob->size);
    *blob = (struct channel_blob){0};
}

static int
rig_describe(void *data, uint32_t resource, struct cross_image *ret_image)
{
    struct rig *rig = data;
    uint64_t how = fuzz_take(rig->maker.input, 4);

    (void)resource;
    *ret_image = (struct cross_image){.strides = {htole32((uint32_t)(how & 0xfff))},
                                      .offsets = {htole32((uint32_t)(how >> 12 & 15))},
                                      .modifier = htole64(how >> 16 & 1),
                                      .size = htole64((how >> 17 & 0xff) << 12),
                                      .blob_id = htole32((uint32_t)(how >> 25 & 1))};
    return how >> 26 & 1 ? 0 : -EIO;
}

static int
rig_import(void *data, int dmabuf, struct channel_import *ret_import)
{
    struct rig *rig = data;
    uint64_t how = fuzz_take(rig->maker.input, 1);

    assert(dmabuf >= 0);
    if (how & 1) {
        return -EINVAL;
    }
    ret_import->handle = 1 + (uint32_t)(how >> 1 & 3);
    ret_import->resource = ret_import->handle;
    ret_import->drawn = how & 8;
    rig->handles |= 1U << ret_import->handle;
    return how & 16 ? -EIO : 0;
}

static void
rig_import_drop(void *data, uint32_t handle)
{
    struct rig *rig = data;

    assert(rig->handles & 1U << handle); /* once each */
    rig->handles &= ~(1U << handle);
}

static int
rig_read_back(void *data, const struct channel_import *import, const struct channel_rows *rows)
{
    const struct rig *rig = data;

    assert(rig->handles & 1U << import->handle);
    assert(rows->count > 0 && rows->width > 0);
    return 0;
}

static void
rig_destroy(void *data)
{
    (void)data;
}

static const struct channel_ops rig_ops = {
    .submit = rig_submit,
    .query = rig_query,
    .poll = rig_poll,
    .answer = rig_answer,
    .blob_create = rig_blob_create,
    .blob_destroy = rig_blob_destroy,
    .describe = rig_describe,
    .import = rig_import,
    .import_drop = rig_import_drop,
    .read_back = rig_read_back,
    .destroy = rig_destroy,
};

static void
on_ended(void *data)
{
    ((struct rig *)data)->over = true;
}

static void
run(struct rig *rig)
{
    uint8_t sink[4096];
    struct message_fds fds;

    for (int i = 0; i < 3 && !rig->over; i++) {
        loop_iterate(rig->loop, 0);
    }
    while (message_receive(rig->client, sink, sizeof(sink), &fds) > 0) {
        message_close_fds(&fds);
    }
}

static int
any_fd(struct rig *rig)
{
    uint64_t kind = fuzz_take(rig->maker.input, 1);
    int fds[2];

    if (kind & 1) {
        return fd_memory_file("fuzz", (kind >> 1) * 512);
    }
    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0) {
        return -1;
    }
    close(fds[(kind >> 1) & 1]);
    return fds[(~kind >> 1) & 1];
}

static void
client_says(struct rig *rig)
{
    struct wire_writer writer;
    uint8_t n_fds = 0;
    size_t size = wire_make(&rig->maker, WIRE_REQUEST, &writer, &n_fds);
    int fd = n_fds > 0 ? any_fd(rig) : -1;

    if (size > 0) {
        (void)message_send(rig->client, writer.bytes, size, &fd, fd >= 0);
    }
    fd_closep(&fd);
}

static void
client_raves(struct rig *rig)
{
    uint8_t bytes[64];
    size_t n = 1 + fuzz_take(rig->maker.input, 1) % sizeof(bytes);

    for (size_t i = 0; i < n; i++) {
        bytes[i] = (uint8_t)fuzz_take(rig->maker.input, 1);
    }
    (void)message_send(rig->client, bytes, n, NULL, 0);
}

struct words {
    size_t n;
    uint32_t word[6];
};

static bool
draw(struct rig *rig, uint32_t id, uint16_t opcode, struct words words, int fd)
{
    struct wire_writer writer;
    struct wire_call call;

    wire_begin(&writer, id, opcode);
    for (size_t i = 0; i < words.n; i++) {
        wire_put(&writer, words.word[i]);
    }
    int size = wire_end(&writer);
    if (size < 0 ||
        wire_read(rig->maker.objects, WIRE_REQUEST, writer.bytes, (size_t)size, &call) != size ||
        wire_apply(rig->maker.objects, &call) < 0) {
        return false;
    }
    return message_send(rig->client, writer.bytes, (size_t)size, &fd, fd >= 0) == 0;
}

/* A pool and a buffer in it that nearly fits, shown on a surface. */
static void
client_draws(struct rig *rig)
{
    const uint32_t width = (uint32_t)fuzz_take(rig->maker.input, 1);
    const uint32_t height = (uint32_t)fuzz_take(rig->maker.input, 1);
    const uint32_t odd = (uint32_t)fuzz_take(rig->maker.input, 1);
    const uint32_t stride = width * 4 + (odd & 3);
    const uint32_t pool_size = stride * height + (odd >> 2 & 3) * 512;
    const uint32_t pool = wire_fitting_id(&rig->maker, NULL, false);
    cleanup_fd int fd = fd_memory_file("fuzz", (uint64_t)pool_size + (odd >> 4 & 1));

    if (!draw(rig, FIRST_GLOBAL + 1, WIRE_WL_SHM_CREATE_POOL, (struct words){2, {pool, pool_size}},
              fd)) {
        return;
    }
    const uint32_t buffer = wire_fitting_id(&rig->maker, NULL, false);
    const struct words made = {6, {buffer, odd >> 5, width, height, stride, odd >> 7}};
    const struct words damage = {4,
                                 {wire_any_number(&rig->maker), wire_any_number(&rig->maker),
                                  wire_any_number(&rig->maker), wire_any_number(&rig->maker)}};
    (void)(draw(rig, pool, WIRE_WL_SHM_POOL_CREATE_BUFFER, made, -1) &&
           draw(rig, SURFACE, WIRE_WL_SURFACE_ATTACH, (struct words){3, {buffer}}, -1) &&
           draw(rig, SURFACE, WIRE_WL_SURFACE_DAMAGE, damage, -1) &&
           draw(rig, SURFACE, WIRE_WL_SURFACE_COMMIT, (struct words){0}, -1));
}

/* The second plane, and for the other format a third one; seldom where it fits. */
static bool
add_planes(struct rig *rig, uint32_t params, uint32_t format, uint32_t stride, uint32_t height)
{
    const uint32_t odd = (uint32_t)fuzz_take(rig->maker.input, 1);
    const uint32_t n = format == AR24 ? 1 : format == NV12 ? 2 : 3;
    bool fine = true;

    for (uint32_t i = 1; i < (odd & 1 ? n : odd >> 6) && fine; i++) {
        cleanup_fd int fd = fd_memory_file("fuzz", (uint64_t)stride * height / 2 + (odd >> 1 & 15));
        const uint32_t plane = odd & 0x20 ? odd >> 6 : i;

        fine = draw(rig, params, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_ADD,
                    (struct words){5, {plane, odd >> 4 & 3, stride, 0, 0}}, fd);
    }
    return fine;
}

/* The same with a dmabuf, which a memory file stands in for. */
static void
client_imports(struct rig *rig)
{
    static const uint32_t formats[] = {AR24, NV12, YU12, AR24};
    const uint32_t format = formats[fuzz_take(rig->maker.input, 1) & 3];
    const uint32_t width = (uint32_t)fuzz_take(rig->maker.input, 1);
    const uint32_t height = (uint32_t)fuzz_take(rig->maker.input, 1);
    const uint32_t odd = (uint32_t)fuzz_take(rig->maker.input, 1);
    const uint32_t stride = width * 4 + (odd & 3);
    const uint32_t params = wire_fitting_id(&rig->maker, NULL, false);
    cleanup_fd int fd = fd_memory_file("fuzz", (uint64_t)stride * height + (odd >> 2 & 63));
    const uint32_t modifier = odd & 0x80 ? UINT32_MAX : 0;
    const struct words add = {5, {0, odd >> 4 & 7, stride, modifier >> 8, modifier}};

    if (!draw(rig, DMABUF, WIRE_ZWP_LINUX_DMABUF_V1_CREATE_PARAMS, (struct words){1, {params}},
              -1) ||
        !draw(rig, params, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_ADD, add, fd) ||
        !add_planes(rig, params, format, stride, height)) {
        return;
    }
    if (odd & 0x40) {
        (void)draw(rig, params, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_CREATE,
                   (struct words){4, {width, height, format}}, -1);
        return;
    }
    const uint32_t buffer = wire_fitting_id(&rig->maker, NULL, false);
    const struct words made = {5, {buffer, width, height, format, 0}};
    (void)(draw(rig, params, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_CREATE_IMMED, made, -1) &&
           draw(rig, SURFACE, WIRE_WL_SURFACE_ATTACH, (struct words){3, {buffer}}, -1) &&
           draw(rig, SURFACE, WIRE_WL_SURFACE_DAMAGE, (struct words){4, {0, 0, width, height}},
                -1) &&
           draw(rig, SURFACE, WIRE_WL_SURFACE_COMMIT, (struct words){0}, -1));
}

static void
host_says(struct rig *rig)
{
    struct wire_writer writer;
    uint8_t n_fds = 0;
    size_t size = wire_make(&rig->maker, WIRE_EVENT, &writer, &n_fds);
    struct cross_message message = {.header.command = CROSS_RECEIVE,
                                    .data_size = htole32((uint32_t)size),
                                    .n_ids = htole32(n_fds)};

    if (!rig->asked || size == 0 || size > CROSS_RECEIVE_MAX) {
        return;
    }
    for (size_t i = 0; i < n_fds; i++) {
        message.ids[i] = htole32(wire_any_number(&rig->maker));
        message.types[i] = htole32((uint32_t)fuzz_take(rig->maker.input, 1) & 7);
        message.sizes[i] = htole32(wire_any_number(&rig->maker));
    }
    memcpy(rig->page, &message, sizeof(message));
    memcpy(rig->page + sizeof(message), writer.bytes, size);
    rig->waiting = true;
}

/* The client asks for it; a table (see rig_blob_create()), and any indices. */
static void
host_feeds_back(struct rig *rig)
{
    const uint32_t id = wire_fitting_id(&rig->maker, NULL, false);
    struct cross_message message = {.header.command = CROSS_RECEIVE,
                                    .n_ids = htole32(1),
                                    .ids = {htole32(1)},
                                    .types = {htole32(CROSS_ID_BLOB)}};
    const uint32_t n = (uint32_t)fuzz_take(rig->maker.input, 1) & 31;
    struct wire_writer table;
    struct wire_writer formats;

    if (rig->waiting || !draw(rig, DMABUF, WIRE_ZWP_LINUX_DMABUF_V1_GET_DEFAULT_FEEDBACK,
                              (struct words){1, {id}}, -1)) {
        return;
    }
    run(rig);
    wire_begin(&table, id, WIRE_ZWP_LINUX_DMABUF_FEEDBACK_V1_EVENT_FORMAT_TABLE);
    wire_put(&table, wire_any_number(&rig->maker));
    wire_begin(&formats, id, WIRE_ZWP_LINUX_DMABUF_FEEDBACK_V1_EVENT_TRANCHE_FORMATS);
    wire_put(&formats, n);
    for (uint32_t i = 0; i < n; i += 4) {
        wire_put(&formats, (uint32_t)fuzz_take(rig->maker.input, 4));
    }
    const size_t n_table = (size_t)wire_end(&table);
    const size_t n_formats = (size_t)wire_end(&formats);
    if (!rig->asked || rig->over) {
        return;
    }
    message.sizes[0] = htole32(wire_any_number(&rig->maker));
    message.data_size = htole32((uint32_t)(n_table + n_formats));
    memcpy(rig->page, &message, sizeof(message));
    memcpy(rig->page + sizeof(message), table.bytes, n_table);
    memcpy(rig->page + sizeof(message) + n_table, formats.bytes, n_formats);
    rig->waiting = true;
}

static void
host_pipes(struct rig *rig)
{
    uint64_t how = fuzz_take(rig->maker.input, 2);
    struct cross_pipe_data pipe = {
        .header.command = CROSS_READ,
        .id = htole32((how & 1 ? CROSS_READ_PIPE_BASE : 0) + (uint32_t)(how >> 1 & 3)),
        .hang_up = htole32((uint32_t)(how >> 3 & 1)),
        .data_size = htole32((uint32_t)(how >> 4))};

    if (rig->asked) {
        memcpy(rig->page, &pipe, sizeof(pipe));
        rig->waiting = true;
    }
}

static void
host_raves(struct rig *rig)
{
    if (!rig->asked) {
        return;
    }
    for (size_t i = 0; i < 400; i += 8) {
        store_le64(rig->page + i, fuzz_take(rig->maker.input, 2));
    }
    rig->page[0] = fuzz_take(rig->maker.input, 1) & 1 ? CROSS_RECEIVE : CROSS_READ;
    rig->waiting = true;
}

static void
send_request(struct rig *rig, struct wire_writer *writer)
{
    struct wire_call call;
    int size = wire_end(writer);

    assert(size > 0);
    assert(wire_read(rig->maker.objects, WIRE_REQUEST, writer->bytes, (size_t)size, &call) == size);
    assert(wire_apply(rig->maker.objects, &call) == 0);
    assert(message_send(rig->client, writer->bytes, (size_t)size, NULL, 0) == 0);
}

static void
bind_globals(struct rig *rig)
{
    struct wire_writer writer;

    wire_begin(&writer, WIRE_DISPLAY, WIRE_WL_DISPLAY_GET_REGISTRY);
    wire_put(&writer, REGISTRY);
    send_request(rig, &writer);
    for (uint32_t i = 0; i < ARRAY_SIZE(globals); i++) {
        wire_begin(&writer, REGISTRY, WIRE_WL_REGISTRY_BIND);
        wire_put(&writer, i + 1);
        wire_put_string(&writer, globals[i]->name);
        wire_put(&writer, globals[i]->version);
        wire_put(&writer, FIRST_GLOBAL + i);
        send_request(rig, &writer);
    }
    wire_begin(&writer, FIRST_GLOBAL, WIRE_WL_COMPOSITOR_CREATE_SURFACE);
    wire_put(&writer, SURFACE);
    send_request(rig, &writer);
    run(rig);
    assert(!rig->over);
}

static void
play(struct rig *rig)
{
    static void (*const steps[])(struct rig *) = {
        client_says, client_says,     client_draws,   host_says,    host_says,
        host_pipes,  host_feeds_back, client_imports, client_raves, host_raves};

    for (int i = 0; i < STEPS_MAX && rig->maker.input->size > 0 && !rig->over; i++) {
        uint64_t step = fuzz_take(rig->maker.input, 1);
        /* What is any bytes ends most sessions: seldom. */
        size_t n = step < 8 ? ARRAY_SIZE(steps) : ARRAY_SIZE(steps) - 2;

        steps[step % n](rig);
        if (step & 0x40 || rig->waiting) {
            run(rig);
        }
    }
    run(rig);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct rig *rig = xalloc(sizeof(*rig));
    int pair[2];

    (void)signal(SIGPIPE, SIG_IGN);
    log_set_level(LOG_LEVEL_ERROR);
    rig->maker.input = &input;
    rig->loop = loop_create();
    rig->maker.objects = wire_objects_create(64);
    assert(rig->loop && rig->maker.objects && fd_socket_pair(SOCK_STREAM, pair) == 0);
    fd_set_nonblocking(pair[0]);
    fd_set_nonblocking(pair[1]);
    rig->client = pair[0];
    cleanup_fd int ready = eventfd(1, EFD_CLOEXEC);
    const uint8_t can = (uint8_t)fuzz_take(&input, 1);
    const struct channel channel = {.ops = &rig_ops,
                                    .data = rig,
                                    .fd = ready,
                                    .makes_dmabufs = (can & 1) == 0,
                                    .sends_resources = (can & 2) == 0};
    rig->session = session_create(rig->loop, pair[1], channel, on_ended, rig);
    assert(rig->session);
    bind_globals(rig);
    play(rig);
    session_destroy(rig->session);
    assert(rig->handles == 0);
    fd_closep(&rig->client);
    wire_objects_destroy(rig->maker.objects);
    loop_destroy(rig->loop);
    free(rig);
    return 0;
}
