/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A client's windows, clipboard and faults through the guest's proxy. */

#include "tests/unit/tap.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
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
    POOL,
    BUFFER,
    SEAT,
};

static bool
make_surface_and_pool(struct bench *bench, int pool_fd, uint32_t size)
{
    bench_ask_for(bench, BENCH_COMPOSITOR, WIRE_WL_COMPOSITOR_CREATE_SURFACE, SURFACE);
    wire_begin(&bench->writer, BENCH_SHM, WIRE_WL_SHM_CREATE_POOL);
    wire_put(&bench->writer, POOL);
    wire_put(&bench->writer, size);
    bench_ask(bench, pool_fd);
    return bench_expect(bench, BENCH_COMPOSITOR, WIRE_WL_COMPOSITOR_CREATE_SURFACE) &&
           bench_expect(bench, BENCH_SHM, WIRE_WL_SHM_CREATE_POOL);
}

TAP_TEST(pixels_reach_the_compositor)
{
    struct bench bench;
    struct message_fds fds;
    uint8_t event[64];
    int pool = fd_memory_file("pool", 4096);
    uint32_t *pixels = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, pool, 0);

    check(bench_open(&bench) && make_surface_and_pool(&bench, pool, 4096));
    bench_ask_for(&bench, POOL, WIRE_WL_SHM_POOL_CREATE_BUFFER, BUFFER, 256, WIDTH, HEIGHT,
                  WIDTH * 4, 1);
    check(bench_expect(&bench, POOL, WIRE_WL_SHM_POOL_DESTROY));
    check(bench_emit_delete(&bench, POOL)); /* as libwayland does, before it can be used again */
    check(bench_expect(&bench, BENCH_SHM, WIRE_WL_SHM_CREATE_POOL));
    check(bench_expect(&bench, POOL, WIRE_WL_SHM_POOL_CREATE_BUFFER));
    check_int(bench_client_event(&bench, event, sizeof(event), &fds),
              0); /* the client did nothing */
    check_int(bench.fds.count, 2);
    const uint32_t *shown = mmap(NULL, 4096, PROT_READ, MAP_SHARED, bench.fds.fd[1], 0);
    check(shown != MAP_FAILED);

    /* All of it at first, then what is damaged and nothing else. */
    pixels[64] = 0x11111111;
    pixels[64 + WIDTH * HEIGHT - 1] = 0x22222222;
    bench_ask_for(&bench, SURFACE, WIRE_WL_SURFACE_ATTACH, BUFFER, 0, 0);
    bench_ask_for(&bench, SURFACE, WIRE_WL_SURFACE_DAMAGE, 0, 0, INT32_MAX, INT32_MAX);
    bench_ask_words(&bench, SURFACE, WIRE_WL_SURFACE_COMMIT, NULL, 0);
    check(bench_expect(&bench, SURFACE, WIRE_WL_SURFACE_ATTACH) &&
          bench_expect(&bench, SURFACE, WIRE_WL_SURFACE_DAMAGE) &&
          bench_expect(&bench, SURFACE, WIRE_WL_SURFACE_COMMIT));
    check_int(shown[0], 0x11111111);
    check_int(shown[WIDTH * HEIGHT - 1], 0x22222222);
    check_int(session_statistics(bench.session).copied_bytes, BUFFER_SIZE);
    pixels[64] = 0x33333333;
    pixels[64 + WIDTH + 2] = 0x44444444;
    bench_ask_for(&bench, SURFACE, WIRE_WL_SURFACE_DAMAGE_BUFFER, 2, 1, 3, 1);
    bench_ask_words(&bench, SURFACE, WIRE_WL_SURFACE_COMMIT, NULL, 0);
    check(bench_expect(&bench, SURFACE, WIRE_WL_SURFACE_DAMAGE_BUFFER) &&
          bench_expect(&bench, SURFACE, WIRE_WL_SURFACE_COMMIT));
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
    bench_ask_for(bench, POOL, WIRE_WL_SHM_POOL_CREATE_BUFFER, id, 0, WIDTH, HEIGHT, WIDTH * 4, 1);
    return bench_expect(bench, POOL, WIRE_WL_SHM_POOL_DESTROY) && bench_emit_delete(bench, POOL) &&
           bench_expect(bench, BENCH_SHM, WIRE_WL_SHM_CREATE_POOL) &&
           bench_expect(bench, POOL, WIRE_WL_SHM_POOL_CREATE_BUFFER);
}

/* A client that makes a new buffer for each change, as Xwayland and GTK do. */
TAP_TEST(new_buffers_have_only_changes_copied)
{
    struct bench bench;
    struct message_fds fds;
    uint8_t event[64];
    int pool = fd_memory_file("pool", 4096);

    check(bench_open(&bench) && make_surface_and_pool(&bench, pool, 4096));
    check(make_buffer(&bench, BUFFER) && bench_show_buffer(&bench, SURFACE, BUFFER, 1));
    check(make_buffer(&bench, BUFFER + 1) && bench_show_buffer(&bench, SURFACE, BUFFER + 1, 2));
    check_int(session_statistics(bench.session).copied_bytes, 2 * BUFFER_SIZE);
    wire_begin(&bench.writer, BUFFER, WIRE_WL_BUFFER_EVENT_RELEASE);
    check(bench_emit(&bench, NULL, 0));
    check_int(bench_client_event(&bench, event, sizeof(event), &fds), 8);
    bench_ask_words(&bench, BUFFER, WIRE_WL_BUFFER_DESTROY, NULL, 0);
    check(bench_expect(&bench, BUFFER, WIRE_WL_BUFFER_DESTROY));
    /* Two pixels changed since the first was shown, and now the first of them and a third one. */
    check(make_buffer(&bench, BUFFER + 2) && bench_show_buffer(&bench, SURFACE, BUFFER + 2, 3));
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

    check(bench_open(&bench) && bench_ask_bind(&bench, "wl_seat", 7, 5));
    bench_ask_for(&bench, 5, WIRE_WL_SEAT_GET_KEYBOARD, 6);
    check(bench_expect(&bench, 5, WIRE_WL_SEAT_GET_KEYBOARD));
    check(pwrite(keymap, "xkb", 3, 4990) == 3);
    wire_begin(&bench.writer, 6, WIRE_WL_KEYBOARD_EVENT_KEYMAP);
    wire_put(&bench.writer, 1);
    wire_put(&bench.writer, 5000);
    check(bench_emit(&bench, &keymap, 1));
    check_int(bench_client_event(&bench, event, sizeof(event), &fds), 16);
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
    wire_begin(writer, BENCH_REGISTRY, WIRE_WL_REGISTRY_EVENT_GLOBAL);
    wire_put(writer, 1);
    wire_put_string(writer, "wl_secret_manager");
    wire_put(writer, 1);
    check(bench_emit(&bench, NULL, 0));
    wire_begin(writer, BENCH_REGISTRY, WIRE_WL_REGISTRY_EVENT_GLOBAL);
    wire_put(writer, 2);
    wire_put_string(writer, "wl_seat");
    wire_put(writer, 99);
    check(bench_emit(&bench, NULL, 0));
    size_t n = bench_client_event(&bench, event, sizeof(event), &fds);
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
    check(bench_ask_bind(&bench, "wl_seat", 7, 5) &&
          bench_ask_bind(&bench, "wl_data_device_manager", 3, 6));
    bench_ask_for(&bench, 6, WIRE_WL_DATA_DEVICE_MANAGER_GET_DATA_DEVICE, 7, 5);
    check(bench_expect(&bench, 6, WIRE_WL_DATA_DEVICE_MANAGER_GET_DATA_DEVICE));
    wire_begin(&bench.writer, 7, WIRE_WL_DATA_DEVICE_EVENT_DATA_OFFER);
    wire_put(&bench.writer, WIRE_SERVER_IDS);
    check(bench_emit(&bench, NULL, 0));
    bench_run(&bench);
    wire_begin(&bench.writer, WIRE_SERVER_IDS, WIRE_WL_DATA_OFFER_RECEIVE);
    wire_put_string(&bench.writer, "text/plain");
    bench_ask(&bench, ends[1]);
    close(ends[1]);
    check(bench_expect(&bench, WIRE_SERVER_IDS, WIRE_WL_DATA_OFFER_RECEIVE));
    check_int(bench.fds.count, 1);
    check(write(bench.fds.fd[0], "pasted", 6) == 6);
    message_close_fds(&bench.fds);
    bench_run(&bench);
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
    check(bench_ask_bind(&bench, "wl_data_device_manager", 3, 5));
    bench_ask_for(&bench, 5, WIRE_WL_DATA_DEVICE_MANAGER_CREATE_DATA_SOURCE, 6);
    check(bench_expect(&bench, 5, WIRE_WL_DATA_DEVICE_MANAGER_CREATE_DATA_SOURCE));
    wire_begin(&bench.writer, 6, WIRE_WL_DATA_SOURCE_EVENT_SEND);
    wire_put_string(&bench.writer, "text/plain");
    check(bench_emit(&bench, &ends[1], 1));
    close(ends[1]);
    check(bench_client_event(&bench, event, sizeof(event), &fds) > 0);
    check_int(fds.count, 1);
    check(write(fds.fd[0], "copied", 6) == 6);
    message_close_fds(&fds);
    bench_run(&bench);
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
    bench_ask_for(&bench, POOL, WIRE_WL_SHM_POOL_CREATE_BUFFER, BUFFER, 0, WIDTH, 129, WIDTH * 4,
                  1);
    size_t n = bench_client_event(&bench, event, sizeof(event), &fds);
    check(bench.ended);
    check(n > 12);
    check_int(load_le32(event), WIRE_DISPLAY); /* wl_display.error says why */
    bench_close(&bench);

    check(bench_open(&bench)); /* a pool that is longer than its file */
    bench_ask_for(&bench, BENCH_COMPOSITOR, WIRE_WL_COMPOSITOR_CREATE_SURFACE, SURFACE);
    wire_begin(&bench.writer, BENCH_SHM, WIRE_WL_SHM_CREATE_POOL);
    wire_put(&bench.writer, POOL);
    wire_put(&bench.writer, 8192);
    bench_ask(&bench, pool);
    bench_run(&bench);
    check(bench.ended);
    bench_close(&bench);
}

TAP_TEST(a_compositor_that_goes_ends_the_client)
{
    struct bench bench;

    check(bench_open(&bench));
    fd_closep(&bench.cross.rig.compositor);
    bench_run(&bench);
    check(bench.ended);
    bench_close(&bench);
}

TAP_MAIN(TAP_CASE(pixels_reach_the_compositor), TAP_CASE(new_buffers_have_only_changes_copied),
         TAP_CASE(keymaps_are_copied), TAP_CASE(globals), TAP_CASE(clipboard_to_the_client),
         TAP_CASE(clipboard_to_the_host), TAP_CASE(bad_clients_end_alone),
         TAP_CASE(a_compositor_that_goes_ends_the_client))
