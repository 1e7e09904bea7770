/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Dmabufs through the guest's proxy, against the device's own cross-domain code. */

#include "tests/unit/tap.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/proxy-bench.h"
#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"

enum {
    WIDTH = 8,
    HEIGHT = 4,
    BUFFER_SIZE = WIDTH * HEIGHT * 4,
    SURFACE = BENCH_FREE,
    DMABUF,
    PARAMS,
    PICTURE,
    ROW = 64,  /* bytes of the client's, */
    SKIP = 32, /* before its first one */
    AR24 = 0x34325241,
    XR24 = 0x34325258,
    AB24 = 0x34324241,
    XB24 = 0x34324258,
    RG16 = 0x36314752,
    NV12 = 0x3231564e,
    NV24 = 0x3432564e, /* not for guests */
    P010 = 0x30313050,
    YU12 = 0x32315559,
    PLANES = 3,
    FILE_SIZE = 1024,
    HOST_ROW = 256, /* as graphics cards want it */
};

#define MOD_INVALID UINT64_C(0x00ffffffffffffff)

static bool
emit_global(struct bench *bench, uint32_t name, const char *interface, uint32_t version)
{
    wire_begin(&bench->writer, BENCH_REGISTRY, WIRE_WL_REGISTRY_EVENT_GLOBAL);
    wire_put(&bench->writer, name);
    wire_put_string(&bench->writer, interface);
    wire_put(&bench->writer, version);
    return bench_emit(bench, NULL, 0);
}

/* Where the host makes none, no client is told of them. */
TAP_TEST(dmabufs_are_offered_where_they_can_be)
{
    static const struct cross_rig_how hows[] = {
        {.udmabuf = -1},
        {.udmabuf = -1, .makes_dmabufs = true},
        {.udmabuf = -1, .sends_resources = true},
    };

    for (size_t i = 0; i < ARRAY_SIZE(hows); i++) {
        struct bench bench;
        struct message_fds fds;
        uint8_t event[256];

        check(bench_open_how(&bench, hows[i]));
        check(emit_global(&bench, 9, "zwp_linux_dmabuf_v1", 5));
        size_t n = bench_client_event(&bench, event, sizeof(event), &fds);
        check_int(n, i == 0 ? 0 : 8 + 4 + 4 + 20 + 4);
        /* The newest version that is known: 4, or 5 where the protocol's XML is Debian 13's. */
        check(n == 0 || load_le32(event + n - 4) == 4 || load_le32(event + n - 4) == 5);
        bench_close(&bench);
    }
}

/* One event that the client got. */
struct heard {
    uint8_t event[2048];
    size_t n;
    size_t at;
    struct message_fds fds;
};

static const uint8_t *
hear(struct heard *heard, uint32_t id, uint32_t opcode)
{
    const uint8_t *event = heard->event + heard->at;

    if (heard->n - heard->at < 8 || load_le32(event) != id ||
        (load_le32(event + 4) & 0xffff) != opcode) {
        return NULL;
    }
    heard->at += load_le32(event + 4) >> 16;
    return event + 8;
}

static bool
emit_array(struct bench *bench, uint32_t id, uint32_t opcode, const void *data, uint32_t size)
{
    wire_begin(&bench->writer, id, (uint16_t)opcode);
    wire_put(&bench->writer, size);
    for (uint32_t i = 0; i < size; i += 4) {
        uint32_t word = 0;
        memcpy(&word, (const uint8_t *)data + i, MIN_OF(size - i, 4U));
        wire_put(&bench->writer, word);
    }
    return bench_emit(bench, NULL, 0);
}

struct entry {
    uint32_t format;
    uint32_t pad;
    uint64_t modifier;
};

/* The host's table has what nobody here can make; its device is not the guest's. */
TAP_TEST(feedback_is_the_guests)
{
    static const struct entry theirs[] = {
        {AR24, 0, 77}, {NV24, 0, 0}, {AR24, 0, 0}, {AR24, 0, MOD_INVALID}};
    static const uint16_t indices[] = {0, 1, 2, 3, 99};
    const uint64_t device = 1;
    static struct bench bench;
    static struct heard heard;
    int table = fd_memory_file("table", sizeof(theirs));

    check(bench_open_how(&bench, (struct cross_rig_how){.udmabuf = -1, .makes_dmabufs = true}));
    check(pwrite(table, theirs, sizeof(theirs), 0) == sizeof(theirs));
    check(bench_ask_bind(&bench, "zwp_linux_dmabuf_v1", 4, 5));
    bench_ask_for(&bench, 5, WIRE_ZWP_LINUX_DMABUF_V1_GET_DEFAULT_FEEDBACK, 6);
    check(bench_expect(&bench, 5, WIRE_ZWP_LINUX_DMABUF_V1_GET_DEFAULT_FEEDBACK));
    wire_begin(&bench.writer, 6, WIRE_ZWP_LINUX_DMABUF_FEEDBACK_V1_EVENT_FORMAT_TABLE);
    wire_put(&bench.writer, sizeof(theirs));
    check(bench_emit(&bench, &table, 1));
    check(emit_array(&bench, 6, WIRE_ZWP_LINUX_DMABUF_FEEDBACK_V1_EVENT_MAIN_DEVICE, &device, 8));
    check(emit_array(&bench, 6, WIRE_ZWP_LINUX_DMABUF_FEEDBACK_V1_EVENT_TRANCHE_FORMATS, indices,
                     sizeof(indices)));
    bench_run(&bench);
    heard.n = bench_client_event(&bench, heard.event, sizeof(heard.event), &heard.fds);
    const uint8_t *event = hear(&heard, 6, WIRE_ZWP_LINUX_DMABUF_FEEDBACK_V1_EVENT_FORMAT_TABLE);
    check(event && heard.fds.count == 1);
    const uint32_t size = load_le32(event);
    const struct entry *ours = mmap(NULL, size, PROT_READ, MAP_PRIVATE, heard.fds.fd[0], 0);
    check(ours != MAP_FAILED && fd_check_memory_file(heard.fds.fd[0], size) == 0);
    /* The socket gives what came without descriptors at another time. */
    struct message_fds none;
    heard.n +=
        bench_client_event(&bench, heard.event + heard.n, sizeof(heard.event) - heard.n, &none);
    event = hear(&heard, 6, WIRE_ZWP_LINUX_DMABUF_FEEDBACK_V1_EVENT_MAIN_DEVICE);
    check(event && load_le32(event) == 8 && load_le64(event + 4) == BENCH_DEVICE);
    event = hear(&heard, 6, WIRE_ZWP_LINUX_DMABUF_FEEDBACK_V1_EVENT_TRANCHE_FORMATS);
    check(event && load_le32(event) == 4); /* one format, linear or as the memory says */
    for (uint32_t i = 0; i < 2; i++) {
        const struct entry *entry = &ours[load_le16(event + 4 + 2 * (size_t)i)];
        check_int(entry->format, AR24);
        check(entry->modifier == (i == 0 ? 0 : MOD_INVALID));
    }
    message_close_fds(&heard.fds);
    close(table);
    bench_close(&bench);
}

static bool
emit_modifier(struct bench *bench, uint32_t fourcc, uint64_t modifier)
{
    wire_begin(&bench->writer, DMABUF, WIRE_ZWP_LINUX_DMABUF_V1_EVENT_MODIFIER);
    wire_put(&bench->writer, fourcc);
    wire_put(&bench->writer, (uint32_t)(modifier >> 32));
    wire_put(&bench->writer, (uint32_t)modifier);
    return bench_emit(bench, NULL, 0);
}

/* A surface and parameters with that file, to be asked for with create_immed. */
static bool
make_params_of(struct bench *bench, int fd, uint32_t row)
{
    bench_ask_for(bench, BENCH_COMPOSITOR, WIRE_WL_COMPOSITOR_CREATE_SURFACE, SURFACE);
    if (!bench_expect(bench, BENCH_COMPOSITOR, WIRE_WL_COMPOSITOR_CREATE_SURFACE) ||
        !bench_ask_bind(bench, "zwp_linux_dmabuf_v1", 3, DMABUF)) {
        return false;
    }
    if (!emit_modifier(bench, AR24, 0)) {
        return false;
    }
    bench_ask_for(bench, DMABUF, WIRE_ZWP_LINUX_DMABUF_V1_CREATE_PARAMS, PARAMS);
    wire_begin(&bench->writer, PARAMS, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_ADD);
    wire_put(&bench->writer, 0);
    wire_put(&bench->writer, SKIP);
    wire_put(&bench->writer, row);
    wire_put(&bench->writer, 0x00ffffff);
    wire_put(&bench->writer, UINT32_MAX);
    bench_ask(bench, fd);
    return bench_expect(bench, DMABUF, WIRE_ZWP_LINUX_DMABUF_V1_CREATE_PARAMS);
}

static bool
make_params(struct bench *bench, int fd)
{
    return make_params_of(bench, fd, ROW);
}

/* What the compositor is told of the plane. */
static bool
expect_plane(struct bench *bench, uint32_t offset, uint32_t stride, uint64_t modifier)
{
    struct wire_call call;

    return bench_next_request(bench, &call) && call.id == PARAMS &&
           call.opcode == WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_ADD && call.value[1].word == 0 &&
           call.value[2].word == offset && call.value[3].word == stride &&
           ((uint64_t)call.value[4].word << 32 | call.value[5].word) == modifier;
}

static uint32_t
pixel(uint32_t x, uint32_t y)
{
    return 0xff000000U + x + y * 256;
}

/* A dmabuf that the host does not know, or not as one: each commit copies what changed. */
TAP_TEST(dmabufs_are_copied_into_dmabufs)
{
    struct bench bench;
    int file = fd_memory_file("client", 4096);
    uint8_t *mine = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);

    for (int known = 0; known < 2; known++) {
        for (uint32_t i = 0; i < WIDTH * HEIGHT; i++) {
            uint32_t colour = pixel(i % WIDTH, i / WIDTH);
            memcpy(mine + SKIP + (size_t)(i / WIDTH) * ROW + (size_t)(i % WIDTH) * 4, &colour, 4);
        }
        check(bench_open_how(&bench, (struct cross_rig_how){.udmabuf = -1, .makes_dmabufs = true}));
        bench.cross.knows_dmabufs = known;
        check(make_params(&bench, file));
        bench_ask_for(&bench, PARAMS, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_CREATE_IMMED, PICTURE, WIDTH,
                      HEIGHT, AR24, 0);
        check(expect_plane(&bench, 0, 256, 0)); /* as graphics cards want it, and as offered */
        check(bench_expect(&bench, PARAMS, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_CREATE_IMMED));
        check_int(bench.fds.count, 1);
        check_int(bench.cross.rig.n_dmabufs, 2); /* one to see whether it goes */
        const uint8_t *shown = mmap(NULL, 4096, PROT_READ, MAP_SHARED, bench.fds.fd[0], 0);
        check(shown != MAP_FAILED && load_le32(shown) == 0);
        check(bench_show_buffer(&bench, SURFACE, PICTURE, WIDTH));
        for (uint32_t i = 0; i < WIDTH * HEIGHT; i++) {
            check_int(load_le32(shown + (size_t)(i / WIDTH) * 256 + (size_t)(i % WIDTH) * 4),
                      pixel(i % WIDTH, i / WIDTH));
        }
        check_int(session_statistics(bench.session).copied_bytes, BUFFER_SIZE);
        mine[SKIP] = 0x55;
        mine[SKIP + ROW] = 0x66; /* not reported */
        check(bench_show_buffer(&bench, SURFACE, PICTURE, 1));
        check_int(shown[0], 0x55);
        check_int(shown[256], 0);
        check_int(session_statistics(bench.session).copied_bytes, BUFFER_SIZE + 4);
        check_int(bench.cross.rows_read_back, known ? HEIGHT + 1 : 0);
        check_int(bench.cross.imported, (unsigned int)known);
        bench_ask_words(&bench, PICTURE, WIRE_WL_BUFFER_DESTROY, NULL, 0);
        check(bench_expect(&bench, PICTURE, WIRE_WL_BUFFER_DESTROY));
        check_int(bench.cross.imported, 0);
        munmap((void *)shown, 4096);
        bench_close(&bench);
    }
}

/* Memory that the host's graphics card drew into: its own layout counts, and nothing is copied. */
TAP_TEST(dmabufs_of_the_host_pass_without_a_copy)
{
    struct bench bench;
    struct stat sent;
    struct stat mine;
    int file = fd_memory_file("client", 4096);

    check(bench_open_how(&bench, (struct cross_rig_how){.udmabuf = -1, .sends_resources = true}));
    bench.cross.knows_dmabufs = true;
    bench.cross.exports = true;
    check(make_params(&bench, file));
    bench_ask_for(&bench, PARAMS, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_CREATE_IMMED, PICTURE, WIDTH,
                  HEIGHT, AR24, 0);
    check(expect_plane(&bench, 64, 512, 77));
    check(bench_expect(&bench, PARAMS, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_CREATE_IMMED));
    check_int(bench.fds.count, 1);
    check(fstat(bench.fds.fd[0], &sent) == 0 && fstat(file, &mine) == 0);
    check(sent.st_ino == mine.st_ino);
    check(bench_show_buffer(&bench, SURFACE, PICTURE, WIDTH));
    check_int(session_statistics(bench.session).copied_bytes, 0);
    check_int(bench.cross.imported, 0); /* the compositor has it */
    bench_close(&bench);
    close(file);
}

/* OpenGL keeps red first where the client asked for blue first; nobody names the layout. */
TAP_TEST(dmabufs_of_the_host_have_its_order_of_channels)
{
    static const struct {
        uint32_t asked; /* by the client */
        uint32_t has;   /* the texture */
        uint32_t told;  /* to the compositor; 0: it cannot be */
        uint32_t offered;
        uint64_t layout;
    } cases[] = {
        {AR24, AB24, AB24, AB24, MOD_INVALID},
        {XR24, AB24, XB24, XB24, MOD_INVALID},
        {AR24, XB24, AB24, AB24, MOD_INVALID},
        {AR24, AR24, AR24, AR24, MOD_INVALID},
        {AR24, 0, AR24, AR24, MOD_INVALID},
        {AR24, AB24, 0, XB24, MOD_INVALID},
        {AR24, AB24, 0, AB24, 0},
        {AR24, RG16, 0, RG16, MOD_INVALID},
        {AR24, NV24, 0, AR24, MOD_INVALID},
        {RG16, P010, 0, P010, MOD_INVALID},
    };
    int file = fd_memory_file("client", 4096);

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct bench bench;

        check(
            bench_open_how(&bench, (struct cross_rig_how){.udmabuf = -1, .sends_resources = true}));
        bench.cross.knows_dmabufs = true;
        bench.cross.exports = true;
        bench.cross.fourcc = cases[i].has;
        bench.cross.modifier = MOD_INVALID;
        check(make_params(&bench, file));
        check(emit_modifier(&bench, cases[i].offered, cases[i].layout));
        bench_run(&bench);
        bench_ask_for(&bench, PARAMS, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_CREATE_IMMED, PICTURE, WIDTH,
                      HEIGHT, cases[i].asked, 1);
        if (cases[i].told != 0) {
            struct wire_call call;

            check(expect_plane(&bench, 64, 512, MOD_INVALID));
            check(bench_next_request(&bench, &call));
            check_int(call.opcode, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_CREATE_IMMED);
            check_int(call.value[0].word, PICTURE);
            check_int(call.value[1].word, WIDTH);
            check_int(call.value[2].word, HEIGHT);
            check_int(call.value[3].word, cases[i].told);
            check_int(call.value[4].word, 1);
        } else if (cases[i].asked == AR24) { /* as wl_shm's */
            check(bench_expect(&bench, PARAMS, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_DESTROY));
            check(bench_emit_delete(&bench, PARAMS));
            check(bench_expect(&bench, BENCH_SHM, WIRE_WL_SHM_CREATE_POOL));
        } else {
            bench_run(&bench);
        }
        check_int(bench.ended, cases[i].told == 0 && cases[i].asked != AR24);
        bench_close(&bench);
    }
    close(file);
}

/* Where nothing else is left: read back and copied, as those of wl_shm are. */
TAP_TEST(dmabufs_that_cannot_go_are_shared_memory)
{
    static const struct cross_rig_how hows[] = {
        {.udmabuf = -1, .sends_resources = true},
        {.udmabuf = -1, .makes_dmabufs = true},
    };

    for (size_t i = 0; i < ARRAY_SIZE(hows); i++) {
        const uint32_t width = i == 0 ? WIDTH : 5000; /* the host's dmabufs have 64 MiB at most */
        const uint32_t height = i == 0 ? HEIGHT : 4000;
        const uint64_t size = SKIP + (uint64_t)width * 4 * height;
        struct message_fds fds;
        struct wire_call call;
        struct bench bench;
        uint8_t event[256];
        int file = fd_memory_file("client", size);
        const uint32_t colour = 0x11223344;

        check(file >= 0 && pwrite(file, &colour, 4, SKIP) == 4);
        check(bench_open_how(&bench, hows[i]));
        bench.cross.knows_dmabufs = true;
        bench.cross.rig.resources.limit = UINT64_C(256) << 20;
        check(make_params_of(&bench, file, width * 4));
        check(bench_client_event(&bench, event, sizeof(event), &fds) > 0); /* modifiers */
        bench_ask_for(&bench, PARAMS, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_CREATE_IMMED, PICTURE, width,
                      height, XR24, 0);
        check(bench_expect(&bench, PARAMS, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_DESTROY));
        check(bench_emit_delete(&bench, PARAMS)); /* the client hears of the pool's only */
        check(bench_client_event(&bench, event, sizeof(event), &fds) == 0);
        check(bench_next_request(&bench, &call));
        check(call.id == BENCH_SHM && call.opcode == WIRE_WL_SHM_CREATE_POOL);
        check_int(call.value[0].word, PARAMS);
        check_int(bench.fds.count, 1);
        const uint8_t *shown = mmap(NULL, 4096, PROT_READ, MAP_SHARED, bench.fds.fd[0], 0);
        check(shown != MAP_FAILED);
        check(bench_next_request(&bench, &call));
        check(call.id == PARAMS && call.opcode == WIRE_WL_SHM_POOL_CREATE_BUFFER);
        check_int(call.value[0].word, PICTURE);
        check_int(call.value[1].word, 0);
        check_int(call.value[2].word, width);
        check_int(call.value[3].word, height);
        check_int(call.value[4].word, width * 4);
        check_int(call.value[5].word, 1); /* xrgb8888 */
        check(bench_show_buffer(&bench, SURFACE, PICTURE, width));
        check_int(load_le32(shown), colour);
        check_int(bench.cross.rows_read_back, height);
        bench_ask_words(&bench, PARAMS, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_DESTROY, NULL, 0);
        check(bench_expect(&bench, PARAMS, WIRE_WL_SHM_POOL_DESTROY));
        check(bench_emit_delete(&bench, PARAMS));
        check_int(bench_client_event(&bench, event, sizeof(event), &fds), 12);
        check_int(load_le32(event + 8), PARAMS);
        check(!bench.ended);
        munmap((void *)shown, 4096);
        bench_close(&bench);
        close(file);
    }
}

/* Asked for with create, the host names the buffer, or the client hears that it cannot be. */
TAP_TEST(dmabufs_may_be_refused)
{
    struct bench bench;
    struct message_fds fds;
    uint8_t event[64];
    int file = fd_memory_file("client", 4096);

    for (int can = 0; can < 2; can++) {
        check(bench_open_how(
            &bench,
            (struct cross_rig_how){.udmabuf = -1, .makes_dmabufs = can, .sends_resources = true}));
        check(make_params(&bench, file));
        check(bench_client_event(&bench, event, sizeof(event), &fds) > 0); /* modifiers */
        bench_ask_for(&bench, PARAMS, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_CREATE, WIDTH, HEIGHT, AR24,
                      0);
        if (can) {
            check(expect_plane(&bench, 0, 256, 0));
            check(bench_expect(&bench, PARAMS, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_CREATE));
            wire_begin(&bench.writer, PARAMS, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_EVENT_CREATED);
            wire_put(&bench.writer, WIRE_SERVER_IDS);
            check(bench_emit(&bench, NULL, 0));
        }
        check_int(bench_client_event(&bench, event, sizeof(event), &fds), can ? 12 : 8);
        check_int(load_le32(event), PARAMS);
        check_int(load_le32(event + 4) & 0xffff,
                  can ? WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_EVENT_CREATED
                      : WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_EVENT_FAILED);
        bench_ask_words(&bench, PARAMS, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_DESTROY, NULL, 0);
        check(bench_expect(&bench, PARAMS, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_DESTROY));
        if (can) {
            check(bench_show_buffer(&bench, SURFACE, WIRE_SERVER_IDS, WIDTH));
            check_int(session_statistics(bench.session).copied_bytes, BUFFER_SIZE);
        }
        check(!bench.ended);
        bench_close(&bench);
    }
    close(file);
}

/* A picture of a video, whose planes a client has in files of their own. */
struct video {
    uint32_t format;
    uint32_t n;
    struct {
        uint32_t bytes, part; /* of a pixel; each is for part * part of the picture */
    } plane[PLANES];
};

static const struct video videos[] = {
    {NV12, 2, {{1, 1}, {2, 2}}},
    {P010, 2, {{2, 1}, {4, 2}}},
    {YU12, 3, {{1, 1}, {1, 2}, {1, 2}}},
};

enum {
    VIDEO_WIDTH = 13, /* odd: the last colour is for one column */
    VIDEO_HEIGHT = 5,
};

static uint32_t
part_of(uint32_t edge, uint32_t part)
{
    return (edge + part - 1) / part;
}

/* The place of a plane in its file, and the distance of its rows. */
static uint32_t
skip_of(uint32_t plane)
{
    return SKIP + plane * 100;
}

static uint32_t
row_of(uint32_t plane)
{
    return ROW - plane * 4;
}

static void
ask_add(struct bench *bench, uint32_t plane, uint64_t modifier, int fd)
{
    wire_begin(&bench->writer, PARAMS, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_ADD);
    wire_put(&bench->writer, plane);
    wire_put(&bench->writer, skip_of(plane));
    wire_put(&bench->writer, row_of(plane));
    wire_put(&bench->writer, (uint32_t)(modifier >> 32));
    wire_put(&bench->writer, (uint32_t)modifier);
    bench_ask(bench, fd);
}

/* A surface and empty parameters, from a compositor that takes that format. */
static bool
make_empty_params(struct bench *bench, uint32_t format)
{
    bench_ask_for(bench, BENCH_COMPOSITOR, WIRE_WL_COMPOSITOR_CREATE_SURFACE, SURFACE);
    if (!bench_expect(bench, BENCH_COMPOSITOR, WIRE_WL_COMPOSITOR_CREATE_SURFACE) ||
        !bench_ask_bind(bench, "zwp_linux_dmabuf_v1", 3, DMABUF) ||
        !emit_modifier(bench, format, 0)) {
        return false;
    }
    bench_ask_for(bench, DMABUF, WIRE_ZWP_LINUX_DMABUF_V1_CREATE_PARAMS, PARAMS);
    return bench_expect(bench, DMABUF, WIRE_ZWP_LINUX_DMABUF_V1_CREATE_PARAMS);
}

/* Each plane lies below the one before in the host's memory. */
static bool
expect_planes(struct bench *bench, const struct video *video)
{
    uint32_t offset = 0;

    for (uint32_t i = 0; i < video->n; i++) {
        struct wire_call call;

        if (!bench_next_request(bench, &call) || call.id != PARAMS ||
            call.opcode != WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_ADD || call.value[1].word != i ||
            call.value[2].word != offset || call.value[3].word != HOST_ROW ||
            call.value[4].word != 0 || call.value[5].word != 0) {
            printf("# plane %u\n", i);
            return false;
        }
        offset += HOST_ROW * part_of(VIDEO_HEIGHT, video->plane[i].part);
    }
    return true;
}

/* Bytes that a change of so many columns and rows touches. */
static uint32_t
touched(const struct video *video, uint32_t columns, uint32_t rows)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < video->n; i++) {
        const uint32_t part = video->plane[i].part;
        n += part_of(columns, part) * video->plane[i].bytes * part_of(rows, part);
    }
    return n;
}

/* What the client's files hold. */
static uint8_t
byte_of(uint32_t plane, uint32_t at)
{
    return (uint8_t)(at * 7 + plane * 50 + 1);
}

/* Parameters with a file for each plane. The rows of all, or 0. */
static uint32_t
ask_planes(struct bench *bench, const struct video *video)
{
    uint32_t rows = 0;

    for (uint32_t i = 0; i < video->n; i++) {
        cleanup_fd int file = fd_memory_file("plane", FILE_SIZE);
        uint8_t bytes[FILE_SIZE];

        for (uint32_t at = 0; at < FILE_SIZE; at++) {
            bytes[at] = byte_of(i, at);
        }
        if (pwrite(file, bytes, FILE_SIZE, 0) != FILE_SIZE) {
            return 0;
        }
        ask_add(bench, i, 0, file);
        rows += part_of(VIDEO_HEIGHT, video->plane[i].part);
    }
    return rows;
}

static bool
same_row(const struct video *video, uint32_t plane, uint32_t y, const uint8_t *shown)
{
    const uint32_t n = part_of(VIDEO_WIDTH, video->plane[plane].part) * video->plane[plane].bytes;

    for (uint32_t x = 0; x < n; x++) {
        if (shown[x] != byte_of(plane, skip_of(plane) + y * row_of(plane) + x)) {
            printf("# byte %u of row %u of plane %u\n", x, y, plane);
            return false;
        }
    }
    return true;
}

/* What the client has is what the host has. */
static bool
same_planes(const struct video *video, const uint8_t *shown)
{
    for (uint32_t i = 0; i < video->n; i++) {
        for (uint32_t y = 0; y < part_of(VIDEO_HEIGHT, video->plane[i].part); y++) {
            if (!same_row(video, i, y, shown)) {
                return false;
            }
            shown += HOST_ROW;
        }
    }
    return true;
}

TAP_TEST(all_planes_of_a_video_are_copied)
{
    for (size_t i = 0; i < 2 * ARRAY_SIZE(videos); i++) {
        const struct video *video = &videos[i / 2];
        const bool known = i & 1;
        struct bench bench;

        check(bench_open_how(&bench, (struct cross_rig_how){.udmabuf = -1, .makes_dmabufs = true}));
        bench.cross.knows_dmabufs = known;
        check(make_empty_params(&bench, video->format));
        const uint32_t rows = ask_planes(&bench, video);
        check(rows > 0);
        bench_ask_for(&bench, PARAMS, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_CREATE_IMMED, PICTURE,
                      VIDEO_WIDTH, VIDEO_HEIGHT, video->format, 0);
        check(expect_planes(&bench, video));
        check(bench_expect(&bench, PARAMS, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_CREATE_IMMED));
        check_int(bench.fds.count, video->n);
        const uint8_t *shown = mmap(NULL, 4096, PROT_READ, MAP_SHARED, bench.fds.fd[0], 0);
        check(shown != MAP_FAILED);
        check(bench_show_buffer(&bench, SURFACE, PICTURE, VIDEO_WIDTH));
        check(same_planes(video, shown));
        const uint32_t all = touched(video, VIDEO_WIDTH, VIDEO_HEIGHT);
        check_int(session_statistics(bench.session).copied_bytes, all);
        check_int(bench.cross.rows_read_back, known ? rows : 0);
        check(bench_show_buffer(&bench, SURFACE, PICTURE, 3));
        check_int(session_statistics(bench.session).copied_bytes, all + touched(video, 3, 1));
        check_int(bench.cross.rows_read_back, known ? rows + video->n : 0);
        bench_ask_words(&bench, PICTURE, WIRE_WL_BUFFER_DESTROY, NULL, 0);
        check(bench_expect(&bench, PICTURE, WIRE_WL_BUFFER_DESTROY));
        check_int(bench.cross.imported, 0);
        munmap((void *)shown, 4096);
        bench_close(&bench);
    }
}

/* A host that shows its own textures only has no use for videos: no client is told of their formats. */
TAP_TEST(videos_are_offered_where_they_can_be_copied)
{
    for (int can = 0; can < 2; can++) {
        struct bench bench;
        struct message_fds fds;
        uint8_t event[128];

        check(bench_open_how(
            &bench,
            (struct cross_rig_how){.udmabuf = -1, .makes_dmabufs = can, .sends_resources = true}));
        check(make_empty_params(&bench, NV12));
        check_int(bench_client_event(&bench, event, sizeof(event), &fds), can ? 2 * 20 : 0);
        bench_close(&bench);
    }
}

/* Planes that are missing, twice there, too many, outside of their memory, or of several layouts. */
TAP_TEST(bad_planes_end_their_client)
{
    static const struct {
        uint32_t format;
        uint32_t n;
        uint32_t plane[PLANES + 1];
        uint32_t height;
        uint64_t modifier; /* of all but the first */
    } bad[] = {
        {NV12, 1, {0}, HEIGHT, 0},          {NV12, 1, {1}, HEIGHT, 0},
        {NV12, 2, {0, 0}, HEIGHT, 0},       {NV12, 3, {0, 1, 2}, HEIGHT, 0},
        {NV12, 2, {0, 3}, HEIGHT, 0},       {NV12, 2, {0, UINT32_MAX}, HEIGHT, 0},
        {AR24, 2, {0, 1}, HEIGHT, 0},       {YU12, 2, {0, 1}, HEIGHT, 0},
        {NV12, 2, {0, 1}, 200, 0},          {NV12, 2, {0, 1}, HEIGHT, MOD_INVALID},
        {YU12, 4, {0, 1, 2, 3}, HEIGHT, 0}, {NV24, 2, {0, 1}, HEIGHT, 0},
    };
    int file = fd_memory_file("plane", FILE_SIZE);

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct bench bench;

        check(bench_open_how(&bench, (struct cross_rig_how){.udmabuf = -1, .makes_dmabufs = true}));
        check(make_empty_params(&bench, bad[i].format));
        for (uint32_t plane = 0; plane < bad[i].n; plane++) {
            ask_add(&bench, bad[i].plane[plane], plane == 0 ? 0 : bad[i].modifier, file);
        }
        bench_ask_for(&bench, PARAMS, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_CREATE, WIDTH, bad[i].height,
                      bad[i].format, 0);
        bench_run(&bench);
        check(bench.ended);
        bench_close(&bench);
    }
    close(file);
}

/* Numbers of a client that do not fit its memory, or that nobody offered. */
TAP_TEST(bad_dmabufs_end_their_client)
{
    static const uint32_t bad[][3] = {
        {0, HEIGHT, AR24},  {WIDTH, 0, AR24},      {WIDTH, 65, AR24},
        {17, HEIGHT, AR24}, {UINT32_MAX, 1, AR24}, {1, UINT32_MAX, AR24},
        {16385, 1, AR24},   {WIDTH, HEIGHT, 0},    {WIDTH, HEIGHT, NV24},
    };
    int file = fd_memory_file("client", 4096);

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct bench bench;

        check(bench_open_how(&bench, (struct cross_rig_how){.udmabuf = -1, .makes_dmabufs = true}));
        check(make_params(&bench, file));
        bench_ask_for(&bench, PARAMS, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_CREATE, bad[i][0], bad[i][1],
                      bad[i][2], 0);
        bench_run(&bench);
        check(bench.ended);
        bench_close(&bench);
    }
    close(file);
}

TAP_MAIN(TAP_CASE(dmabufs_are_offered_where_they_can_be), TAP_CASE(feedback_is_the_guests),
         TAP_CASE(dmabufs_are_copied_into_dmabufs),
         TAP_CASE(dmabufs_of_the_host_pass_without_a_copy),
         TAP_CASE(dmabufs_of_the_host_have_its_order_of_channels),
         TAP_CASE(dmabufs_that_cannot_go_are_shared_memory), TAP_CASE(dmabufs_may_be_refused),
         TAP_CASE(bad_dmabufs_end_their_client), TAP_CASE(all_planes_of_a_video_are_copied),
         TAP_CASE(videos_are_offered_where_they_can_be_copied),
         TAP_CASE(bad_planes_end_their_client))
