/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The guest's proxy against the device's own cross-domain code: this process is the client, the
 * kernel between them, and the compositor.
 */

#include "tests/unit/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fakes/cross-kernel.h"
#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/memory.h"
#include "vmm/base/message.h"
#include "vmm/guest/wayland-proxy/session.h"
#include "wayland-wire-protocols.h"

enum {
    WIDTH = 8,
    HEIGHT = 4,
    BUFFER_SIZE = WIDTH * HEIGHT * 4,
    REGISTRY = 2,
    COMPOSITOR = 3,
    SHM = 4,
    SURFACE = 5,
    POOL = 6,
    BUFFER = 7,
    SEAT = 8,
    DMABUF = 6, /* instead of a pool */
    PARAMS = 7,
    PICTURE = 8,
    ROW = 64,  /* bytes of the client's, */
    SKIP = 32, /* before its first one */
    DEVICE = 0xe280,
    AR24 = 0x34325241,
};

#define MOD_INVALID UINT64_C(0x00ffffffffffffff)

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

static void
on_ended(void *data)
{
    ((struct bench *)data)->ended = true;
}

static void
run(struct bench *bench)
{
    for (int i = 0; i < 8; i++) {
        cross_rig_run(&bench->cross.rig);
    }
}

/* The next request that the compositor got: its bytes, or NULL. Its objects are kept as there. */
static const uint8_t *
next_request(struct bench *bench, struct wire_call *call)
{
    struct message_fds fds;

    run(bench);
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

static bool
expect(struct bench *bench, uint32_t id, uint32_t opcode)
{
    struct wire_call call;

    return next_request(bench, &call) && call.id == id && call.opcode == opcode;
}

/* An event of the compositor, in the writer. */
static bool
emit(struct bench *bench, const int *fds, size_t n_fds)
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

static bool
emit_delete(struct bench *bench, uint32_t id)
{
    wire_begin(&bench->writer, WIRE_DISPLAY, WIRE_WL_DISPLAY_EVENT_DELETE_ID);
    wire_put(&bench->writer, id);
    return emit(bench, NULL, 0);
}

/* A request of the client, in the writer. */
static void
ask(struct bench *bench, int fd)
{
    int size = wire_end(&bench->writer);

    message_send(bench->client, bench->writer.bytes, (size_t)size, &fd, fd >= 0);
}

static void
ask_words(struct bench *bench, uint32_t id, uint32_t opcode, const uint32_t *words, size_t n)
{
    wire_begin(&bench->writer, id, (uint16_t)opcode);
    for (size_t i = 0; i < n; i++) {
        wire_put(&bench->writer, words[i]);
    }
    ask(bench, -1);
}
#define ask_for(bench, id, opcode, ...)                           \
    ask_words(bench, id, opcode, (const uint32_t[]){__VA_ARGS__}, \
              sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

static bool
ask_bind(struct bench *bench, const char *interface, uint32_t version, uint32_t id)
{
    wire_begin(&bench->writer, REGISTRY, WIRE_WL_REGISTRY_BIND);
    wire_put(&bench->writer, id);
    wire_put_string(&bench->writer, interface);
    wire_put(&bench->writer, version);
    wire_put(&bench->writer, id);
    ask(bench, -1);
    return expect(bench, REGISTRY, WIRE_WL_REGISTRY_BIND);
}

static bool
bench_open_how(struct bench *bench, struct cross_rig_how how)
{
    int pair[2];

    memset(bench, 0, sizeof(*bench));
    bench->client = -1;
    bench->cross.dmabuf = -1;
    bench->cross.device = DEVICE;
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
    ask_for(bench, WIRE_DISPLAY, WIRE_WL_DISPLAY_GET_REGISTRY, REGISTRY);
    return bench->session && expect(bench, WIRE_DISPLAY, WIRE_WL_DISPLAY_GET_REGISTRY) &&
           ask_bind(bench, "wl_compositor", 4, COMPOSITOR) && ask_bind(bench, "wl_shm", 1, SHM);
}

static bool
bench_open(struct bench *bench)
{
    return bench_open_how(bench, (struct cross_rig_how){.udmabuf = -1});
}

static void
bench_close(struct bench *bench)
{
    session_destroy(bench->session);
    wire_objects_destroy(bench->objects);
    message_close_fds(&bench->fds);
    fd_closep(&bench->client);
    cross_rig_close(&bench->cross.rig);
}

/* The client's next event: its size, or 0. */
static size_t
client_event(struct bench *bench, uint8_t *event, size_t size, struct message_fds *fds)
{
    run(bench);
    ssize_t n = message_receive(bench->client, event, size, fds);
    return n > 0 ? (size_t)n : 0;
}

static bool
make_surface_and_pool(struct bench *bench, int pool_fd, uint32_t size)
{
    ask_for(bench, COMPOSITOR, WIRE_WL_COMPOSITOR_CREATE_SURFACE, SURFACE);
    wire_begin(&bench->writer, SHM, WIRE_WL_SHM_CREATE_POOL);
    wire_put(&bench->writer, POOL);
    wire_put(&bench->writer, size);
    ask(bench, pool_fd);
    return expect(bench, COMPOSITOR, WIRE_WL_COMPOSITOR_CREATE_SURFACE) &&
           expect(bench, SHM, WIRE_WL_SHM_CREATE_POOL);
}

TAP_TEST(pixels_reach_the_compositor)
{
    struct bench bench;
    struct message_fds fds;
    uint8_t event[64];
    int pool = fd_memory_file("pool", 4096);
    uint32_t *pixels = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, pool, 0);

    check(bench_open(&bench) && make_surface_and_pool(&bench, pool, 4096));
    ask_for(&bench, POOL, WIRE_WL_SHM_POOL_CREATE_BUFFER, BUFFER, 256, WIDTH, HEIGHT, WIDTH * 4, 1);
    check(expect(&bench, POOL, WIRE_WL_SHM_POOL_DESTROY));
    check(emit_delete(&bench, POOL)); /* as libwayland does, before it can be used again */
    check(expect(&bench, SHM, WIRE_WL_SHM_CREATE_POOL));
    check(expect(&bench, POOL, WIRE_WL_SHM_POOL_CREATE_BUFFER));
    check_int(client_event(&bench, event, sizeof(event), &fds), 0); /* the client did nothing */
    check_int(bench.fds.count, 2);
    const uint32_t *shown = mmap(NULL, 4096, PROT_READ, MAP_SHARED, bench.fds.fd[1], 0);
    check(shown != MAP_FAILED);

    /* All of it at first, then what is damaged and nothing else. */
    pixels[64] = 0x11111111;
    pixels[64 + WIDTH * HEIGHT - 1] = 0x22222222;
    ask_for(&bench, SURFACE, WIRE_WL_SURFACE_ATTACH, BUFFER, 0, 0);
    ask_for(&bench, SURFACE, WIRE_WL_SURFACE_DAMAGE, 0, 0, INT32_MAX, INT32_MAX);
    ask_words(&bench, SURFACE, WIRE_WL_SURFACE_COMMIT, NULL, 0);
    check(expect(&bench, SURFACE, WIRE_WL_SURFACE_ATTACH) &&
          expect(&bench, SURFACE, WIRE_WL_SURFACE_DAMAGE) &&
          expect(&bench, SURFACE, WIRE_WL_SURFACE_COMMIT));
    check_int(shown[0], 0x11111111);
    check_int(shown[WIDTH * HEIGHT - 1], 0x22222222);
    check_int(session_statistics(bench.session).copied_bytes, BUFFER_SIZE);
    pixels[64] = 0x33333333;
    pixels[64 + WIDTH + 2] = 0x44444444;
    ask_for(&bench, SURFACE, WIRE_WL_SURFACE_DAMAGE_BUFFER, 2, 1, 3, 1);
    ask_words(&bench, SURFACE, WIRE_WL_SURFACE_COMMIT, NULL, 0);
    check(expect(&bench, SURFACE, WIRE_WL_SURFACE_DAMAGE_BUFFER) &&
          expect(&bench, SURFACE, WIRE_WL_SURFACE_COMMIT));
    check_int(shown[0], 0x11111111);
    check_int(shown[WIDTH + 2], 0x44444444);
    check_int(session_statistics(bench.session).copied_bytes, BUFFER_SIZE + 3 * 4);
    check_int(session_statistics(bench.session).damaged_pixels, WIDTH * HEIGHT + 3);
    bench_close(&bench);
}

/* A buffer of the pool, as POOL's only one; the compositor's end of it is in bench.fds. */
static bool
make_buffer(struct bench *bench, uint32_t id)
{
    ask_for(bench, POOL, WIRE_WL_SHM_POOL_CREATE_BUFFER, id, 0, WIDTH, HEIGHT, WIDTH * 4, 1);
    return expect(bench, POOL, WIRE_WL_SHM_POOL_DESTROY) && emit_delete(bench, POOL) &&
           expect(bench, SHM, WIRE_WL_SHM_CREATE_POOL) &&
           expect(bench, POOL, WIRE_WL_SHM_POOL_CREATE_BUFFER);
}

static bool
show_buffer(struct bench *bench, uint32_t id, uint32_t width)
{
    ask_for(bench, SURFACE, WIRE_WL_SURFACE_ATTACH, id, 0, 0);
    ask_for(bench, SURFACE, WIRE_WL_SURFACE_DAMAGE_BUFFER, 0, 0, width, 1);
    ask_words(bench, SURFACE, WIRE_WL_SURFACE_COMMIT, NULL, 0);
    return expect(bench, SURFACE, WIRE_WL_SURFACE_ATTACH) &&
           expect(bench, SURFACE, WIRE_WL_SURFACE_DAMAGE_BUFFER) &&
           expect(bench, SURFACE, WIRE_WL_SURFACE_COMMIT);
}

/* A client that makes a new buffer for each change, as Xwayland and GTK do. */
TAP_TEST(new_buffers_have_only_changes_copied)
{
    struct bench bench;
    struct message_fds fds;
    uint8_t event[64];
    int pool = fd_memory_file("pool", 4096);

    check(bench_open(&bench) && make_surface_and_pool(&bench, pool, 4096));
    check(make_buffer(&bench, BUFFER) && show_buffer(&bench, BUFFER, 1));
    check(make_buffer(&bench, BUFFER + 1) && show_buffer(&bench, BUFFER + 1, 2));
    check_int(session_statistics(bench.session).copied_bytes, 2 * BUFFER_SIZE);
    wire_begin(&bench.writer, BUFFER, WIRE_WL_BUFFER_EVENT_RELEASE);
    check(emit(&bench, NULL, 0));
    check_int(client_event(&bench, event, sizeof(event), &fds), 8);
    ask_words(&bench, BUFFER, WIRE_WL_BUFFER_DESTROY, NULL, 0);
    check(expect(&bench, BUFFER, WIRE_WL_BUFFER_DESTROY));
    /* Two pixels changed since the first was shown, and now the first of them and a third one. */
    check(make_buffer(&bench, BUFFER + 2) && show_buffer(&bench, BUFFER + 2, 3));
    check_int(session_statistics(bench.session).copied_bytes, 2 * BUFFER_SIZE + 3 * 4);
    bench_close(&bench);
}

TAP_TEST(keymaps_are_copied)
{
    struct bench bench;
    struct message_fds fds;
    uint8_t event[64];
    int keymap = fd_memory_file("keymap", 5000);
    struct stat st;

    check(bench_open(&bench) && ask_bind(&bench, "wl_seat", 7, 5));
    ask_for(&bench, 5, WIRE_WL_SEAT_GET_KEYBOARD, 6);
    check(expect(&bench, 5, WIRE_WL_SEAT_GET_KEYBOARD));
    check(pwrite(keymap, "xkb", 3, 4990) == 3);
    wire_begin(&bench.writer, 6, WIRE_WL_KEYBOARD_EVENT_KEYMAP);
    wire_put(&bench.writer, 1);
    wire_put(&bench.writer, 5000);
    check(emit(&bench, &keymap, 1));
    check_int(client_event(&bench, event, sizeof(event), &fds), 16);
    check_int(fds.count, 1);
    check(fstat(fds.fd[0], &st) == 0 && st.st_size == 5000);
    const char *text = mmap(NULL, 5000, PROT_READ, MAP_PRIVATE, fds.fd[0], 0);
    check(text != MAP_FAILED);
    check_str(text + 4990, "xkb");
    message_close_fds(&fds);
    close(keymap);
    bench_close(&bench);
}

/* Wayland globals that the tables do not have are not for clients, newer versions neither. */
TAP_TEST(globals)
{
    struct bench bench;
    struct message_fds fds;
    uint8_t event[256];
    struct wire_writer *writer = &bench.writer;

    check(bench_open(&bench));
    wire_begin(writer, REGISTRY, WIRE_WL_REGISTRY_EVENT_GLOBAL);
    wire_put(writer, 1);
    wire_put_string(writer, "wl_secret_manager");
    wire_put(writer, 1);
    check(emit(&bench, NULL, 0));
    wire_begin(writer, REGISTRY, WIRE_WL_REGISTRY_EVENT_GLOBAL);
    wire_put(writer, 2);
    wire_put_string(writer, "wl_seat");
    wire_put(writer, 99);
    check(emit(&bench, NULL, 0));
    size_t n = client_event(&bench, event, sizeof(event), &fds);
    check_int(n, 8 + 4 + 4 + 8 + 4);
    check_int(load_le32(event + 8), 2);
    check_int(load_le32(event + n - 4), wire_wl_seat.version);
    bench_close(&bench);
}

/* Paste: what another program of the host writes arrives in the pipe that the client gave. */
TAP_TEST(clipboard_to_the_client)
{
    struct bench bench;
    int ends[2];
    char text[16] = "";

    check(bench_open(&bench) && pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
    check(ask_bind(&bench, "wl_seat", 7, 5) && ask_bind(&bench, "wl_data_device_manager", 3, 6));
    ask_for(&bench, 6, WIRE_WL_DATA_DEVICE_MANAGER_GET_DATA_DEVICE, 7, 5);
    check(expect(&bench, 6, WIRE_WL_DATA_DEVICE_MANAGER_GET_DATA_DEVICE));
    wire_begin(&bench.writer, 7, WIRE_WL_DATA_DEVICE_EVENT_DATA_OFFER);
    wire_put(&bench.writer, WIRE_SERVER_IDS);
    check(emit(&bench, NULL, 0));
    run(&bench);
    wire_begin(&bench.writer, WIRE_SERVER_IDS, WIRE_WL_DATA_OFFER_RECEIVE);
    wire_put_string(&bench.writer, "text/plain");
    ask(&bench, ends[1]);
    close(ends[1]);
    check(expect(&bench, WIRE_SERVER_IDS, WIRE_WL_DATA_OFFER_RECEIVE));
    check_int(bench.fds.count, 1);
    check(write(bench.fds.fd[0], "pasted", 6) == 6);
    message_close_fds(&bench.fds);
    run(&bench);
    check_int(read(ends[0], text, sizeof(text)), 6);
    check_str(text, "pasted");
    check_int(read(ends[0], text, sizeof(text)), 0); /* and its end */
    close(ends[0]);
    bench_close(&bench);
}

/* Copy: the compositor asks the client for its selection. */
TAP_TEST(clipboard_to_the_host)
{
    struct bench bench;
    struct message_fds fds;
    uint8_t event[64];
    int ends[2];
    char text[16] = "";

    check(bench_open(&bench) && pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
    check(ask_bind(&bench, "wl_data_device_manager", 3, 5));
    ask_for(&bench, 5, WIRE_WL_DATA_DEVICE_MANAGER_CREATE_DATA_SOURCE, 6);
    check(expect(&bench, 5, WIRE_WL_DATA_DEVICE_MANAGER_CREATE_DATA_SOURCE));
    wire_begin(&bench.writer, 6, WIRE_WL_DATA_SOURCE_EVENT_SEND);
    wire_put_string(&bench.writer, "text/plain");
    check(emit(&bench, &ends[1], 1));
    close(ends[1]);
    check(client_event(&bench, event, sizeof(event), &fds) > 0);
    check_int(fds.count, 1);
    check(write(fds.fd[0], "copied", 6) == 6);
    message_close_fds(&fds);
    run(&bench);
    check_int(read(ends[0], text, sizeof(text)), 6);
    check_str(text, "copied");
    check_int(read(ends[0], text, sizeof(text)), 0);
    close(ends[0]);
    bench_close(&bench);
}

TAP_TEST(bad_clients_end_alone)
{
    struct bench bench;
    uint8_t event[512];
    struct message_fds fds;
    int pool = fd_memory_file("pool", 4096);

    check(bench_open(&bench) && make_surface_and_pool(&bench, pool, 4096));
    ask_for(&bench, POOL, WIRE_WL_SHM_POOL_CREATE_BUFFER, BUFFER, 0, WIDTH, 129, WIDTH * 4, 1);
    size_t n = client_event(&bench, event, sizeof(event), &fds);
    check(bench.ended);
    check(n > 12);
    check_int(load_le32(event), WIRE_DISPLAY); /* wl_display.error says why */
    bench_close(&bench);

    check(bench_open(&bench)); /* a pool that is longer than its file */
    ask_for(&bench, COMPOSITOR, WIRE_WL_COMPOSITOR_CREATE_SURFACE, SURFACE);
    wire_begin(&bench.writer, SHM, WIRE_WL_SHM_CREATE_POOL);
    wire_put(&bench.writer, POOL);
    wire_put(&bench.writer, 8192);
    ask(&bench, pool);
    run(&bench);
    check(bench.ended);
    bench_close(&bench);
}

TAP_TEST(a_compositor_that_goes_ends_the_client)
{
    struct bench bench;

    check(bench_open(&bench));
    fd_closep(&bench.cross.rig.compositor);
    run(&bench);
    check(bench.ended);
    bench_close(&bench);
}

static bool
emit_global(struct bench *bench, uint32_t name, const char *interface, uint32_t version)
{
    wire_begin(&bench->writer, REGISTRY, WIRE_WL_REGISTRY_EVENT_GLOBAL);
    wire_put(&bench->writer, name);
    wire_put_string(&bench->writer, interface);
    wire_put(&bench->writer, version);
    return emit(bench, NULL, 0);
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
        size_t n = client_event(&bench, event, sizeof(event), &fds);
        check_int(n, i == 0 ? 0 : 8 + 4 + 4 + 20 + 4);
        check(n == 0 || load_le32(event + n - 4) == 4); /* the newest version that is known */
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
    return emit(bench, NULL, 0);
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
        {AR24, 0, 77}, {0x3231564e, 0, 0}, {AR24, 0, 0}, {AR24, 0, MOD_INVALID}};
    static const uint16_t indices[] = {0, 1, 2, 3, 99};
    const uint64_t device = 1;
    static struct bench bench;
    static struct heard heard;
    int table = fd_memory_file("table", sizeof(theirs));

    check(bench_open_how(&bench, (struct cross_rig_how){.udmabuf = -1, .makes_dmabufs = true}));
    check(pwrite(table, theirs, sizeof(theirs), 0) == sizeof(theirs));
    check(ask_bind(&bench, "zwp_linux_dmabuf_v1", 4, 5));
    ask_for(&bench, 5, WIRE_ZWP_LINUX_DMABUF_V1_GET_DEFAULT_FEEDBACK, 6);
    check(expect(&bench, 5, WIRE_ZWP_LINUX_DMABUF_V1_GET_DEFAULT_FEEDBACK));
    wire_begin(&bench.writer, 6, WIRE_ZWP_LINUX_DMABUF_FEEDBACK_V1_EVENT_FORMAT_TABLE);
    wire_put(&bench.writer, sizeof(theirs));
    check(emit(&bench, &table, 1));
    check(emit_array(&bench, 6, WIRE_ZWP_LINUX_DMABUF_FEEDBACK_V1_EVENT_MAIN_DEVICE, &device, 8));
    check(emit_array(&bench, 6, WIRE_ZWP_LINUX_DMABUF_FEEDBACK_V1_EVENT_TRANCHE_FORMATS, indices,
                     sizeof(indices)));
    run(&bench);
    heard.n = client_event(&bench, heard.event, sizeof(heard.event), &heard.fds);
    const uint8_t *event = hear(&heard, 6, WIRE_ZWP_LINUX_DMABUF_FEEDBACK_V1_EVENT_FORMAT_TABLE);
    check(event && heard.fds.count == 1);
    const uint32_t size = load_le32(event);
    const struct entry *ours = mmap(NULL, size, PROT_READ, MAP_PRIVATE, heard.fds.fd[0], 0);
    check(ours != MAP_FAILED && fd_check_memory_file(heard.fds.fd[0], size) == 0);
    /* The socket gives what came without descriptors at another time. */
    struct message_fds none;
    heard.n += client_event(&bench, heard.event + heard.n, sizeof(heard.event) - heard.n, &none);
    event = hear(&heard, 6, WIRE_ZWP_LINUX_DMABUF_FEEDBACK_V1_EVENT_MAIN_DEVICE);
    check(event && load_le32(event) == 8 && load_le64(event + 4) == DEVICE);
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

/* A surface and parameters with that file, to be asked for with create_immed. */
static bool
make_params(struct bench *bench, int fd)
{
    ask_for(bench, COMPOSITOR, WIRE_WL_COMPOSITOR_CREATE_SURFACE, SURFACE);
    if (!expect(bench, COMPOSITOR, WIRE_WL_COMPOSITOR_CREATE_SURFACE) ||
        !ask_bind(bench, "zwp_linux_dmabuf_v1", 3, DMABUF)) {
        return false;
    }
    wire_begin(&bench->writer, DMABUF, WIRE_ZWP_LINUX_DMABUF_V1_EVENT_MODIFIER);
    wire_put(&bench->writer, AR24);
    wire_put(&bench->writer, 0);
    wire_put(&bench->writer, 0);
    if (!emit(bench, NULL, 0)) {
        return false;
    }
    ask_for(bench, DMABUF, WIRE_ZWP_LINUX_DMABUF_V1_CREATE_PARAMS, PARAMS);
    wire_begin(&bench->writer, PARAMS, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_ADD);
    wire_put(&bench->writer, 0);
    wire_put(&bench->writer, SKIP);
    wire_put(&bench->writer, ROW);
    wire_put(&bench->writer, 0x00ffffff);
    wire_put(&bench->writer, UINT32_MAX);
    ask(bench, fd);
    return expect(bench, DMABUF, WIRE_ZWP_LINUX_DMABUF_V1_CREATE_PARAMS);
}

/* What the compositor is told of the plane. */
static bool
expect_plane(struct bench *bench, uint32_t offset, uint32_t stride, uint64_t modifier)
{
    struct wire_call call;

    return next_request(bench, &call) && call.id == PARAMS &&
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
        ask_for(&bench, PARAMS, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_CREATE_IMMED, PICTURE, WIDTH,
                HEIGHT, AR24, 0);
        check(expect_plane(&bench, 0, 256, 0)); /* as graphics cards want it, and as offered */
        check(expect(&bench, PARAMS, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_CREATE_IMMED));
        check_int(bench.fds.count, 1);
        check_int(bench.cross.rig.n_dmabufs, 2); /* one to see whether it goes */
        const uint8_t *shown = mmap(NULL, 4096, PROT_READ, MAP_SHARED, bench.fds.fd[0], 0);
        check(shown != MAP_FAILED && load_le32(shown) == 0);
        check(show_buffer(&bench, PICTURE, WIDTH));
        for (uint32_t i = 0; i < WIDTH * HEIGHT; i++) {
            check_int(load_le32(shown + (size_t)(i / WIDTH) * 256 + (size_t)(i % WIDTH) * 4),
                      pixel(i % WIDTH, i / WIDTH));
        }
        check_int(session_statistics(bench.session).copied_bytes, BUFFER_SIZE);
        mine[SKIP] = 0x55;
        mine[SKIP + ROW] = 0x66; /* not reported */
        check(show_buffer(&bench, PICTURE, 1));
        check_int(shown[0], 0x55);
        check_int(shown[256], 0);
        check_int(session_statistics(bench.session).copied_bytes, BUFFER_SIZE + 4);
        check_int(bench.cross.rows_read_back, known ? HEIGHT + 1 : 0);
        check_int(bench.cross.imported, (unsigned int)known);
        ask_words(&bench, PICTURE, WIRE_WL_BUFFER_DESTROY, NULL, 0);
        check(expect(&bench, PICTURE, WIRE_WL_BUFFER_DESTROY));
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
    ask_for(&bench, PARAMS, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_CREATE_IMMED, PICTURE, WIDTH, HEIGHT,
            AR24, 0);
    check(expect_plane(&bench, 64, 512, 77));
    check(expect(&bench, PARAMS, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_CREATE_IMMED));
    check_int(bench.fds.count, 1);
    check(fstat(bench.fds.fd[0], &sent) == 0 && fstat(file, &mine) == 0);
    check(sent.st_ino == mine.st_ino);
    check(show_buffer(&bench, PICTURE, WIDTH));
    check_int(session_statistics(bench.session).copied_bytes, 0);
    check_int(bench.cross.imported, 0); /* the compositor has it */
    bench_close(&bench);
    close(file);
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
        check(client_event(&bench, event, sizeof(event), &fds) > 0); /* modifiers */
        ask_for(&bench, PARAMS, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_CREATE, WIDTH, HEIGHT, AR24, 0);
        if (can) {
            check(expect_plane(&bench, 0, 256, 0));
            check(expect(&bench, PARAMS, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_CREATE));
            wire_begin(&bench.writer, PARAMS, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_EVENT_CREATED);
            wire_put(&bench.writer, WIRE_SERVER_IDS);
            check(emit(&bench, NULL, 0));
        }
        check_int(client_event(&bench, event, sizeof(event), &fds), can ? 12 : 8);
        check_int(load_le32(event), PARAMS);
        check_int(load_le32(event + 4) & 0xffff,
                  can ? WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_EVENT_CREATED
                      : WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_EVENT_FAILED);
        ask_words(&bench, PARAMS, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_DESTROY, NULL, 0);
        check(expect(&bench, PARAMS, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_DESTROY));
        if (can) {
            check(show_buffer(&bench, WIRE_SERVER_IDS, WIDTH));
            check_int(session_statistics(bench.session).copied_bytes, BUFFER_SIZE);
        }
        check(!bench.ended);
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
        {16385, 1, AR24},   {WIDTH, HEIGHT, 0},    {WIDTH, HEIGHT, 0x3231564e},
    };
    int file = fd_memory_file("client", 4096);

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct bench bench;

        check(bench_open_how(&bench, (struct cross_rig_how){.udmabuf = -1, .makes_dmabufs = true}));
        check(make_params(&bench, file));
        ask_for(&bench, PARAMS, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_CREATE, bad[i][0], bad[i][1],
                bad[i][2], 0);
        run(&bench);
        check(bench.ended);
        bench_close(&bench);
    }
    close(file);
}

TAP_MAIN(TAP_CASE(dmabufs_are_offered_where_they_can_be), TAP_CASE(feedback_is_the_guests),
         TAP_CASE(dmabufs_are_copied_into_dmabufs),
         TAP_CASE(dmabufs_of_the_host_pass_without_a_copy), TAP_CASE(dmabufs_may_be_refused),
         TAP_CASE(bad_dmabufs_end_their_client), TAP_CASE(pixels_reach_the_compositor),
         TAP_CASE(new_buffers_have_only_changes_copied), TAP_CASE(keymaps_are_copied),
         TAP_CASE(globals), TAP_CASE(clipboard_to_the_client), TAP_CASE(clipboard_to_the_host),
         TAP_CASE(bad_clients_end_alone), TAP_CASE(a_compositor_that_goes_ends_the_client))
