/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pictures as dmabufs through vmm-display: to clients that take them, and to those that do not. */

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/display/watched.h"
#include "vmm/base/fd.h"
#include "vmm/client/vm-connection.h"
#include "vmm/client/vm-console.h"

enum {
    WIDTH = 64,
    HEIGHT = 48,
    STRIDE = WIDTH * 4,
    SIZE = STRIDE * HEIGHT, /* three pages */
};

/* A picture in buffer `id`, with the dmabuf, or with what `other` is. Its pixels. */
static guint32 *
show(Rig *rig, guint id, int other)
{
    struct gpu_buffer message = {.header = {GPU_BUFFER, sizeof(message)}, .id = id, .size = SIZE};
    cleanup_fd int fd = fd_memory_file("scanout", SIZE);
    cleanup_fd int dmabuf = -1;
    void *pixels = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    g_assert_true(pixels != MAP_FAILED);
    rig_gpu_send(rig, &message, sizeof(message), fd);
    if (other < 0) {
        dmabuf = rig_make_dmabuf(fd, SIZE);
    }
    message.header.type = GPU_BUFFER_DMABUF;
    rig_gpu_send(rig, &message, sizeof(message), other < 0 ? dmabuf : other);
    rig_gpu_scanout(rig, id, 0, WIDTH, HEIGHT);
    return pixels;
}

/* Buffer 1, which is shown, has the dmabuf, or what `other` is. Its pixels. */
static guint32 *
begin(Watched *watched, int other)
{
    guint32 *pixels;

    watched_begin(watched);
    pixels = show(watched->rig, 1, other);
    watched_listen(watched);
    return pixels;
}

/* Whatever a gpu process sends instead, clients never see it. */
static void
test_not_a_dmabuf(void)
{
    cleanup_fd int memory = fd_memory_file("no-dmabuf", SIZE);
    cleanup_fd int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    const int wrong[] = {memory, null};

    for (guint i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_auto(Watched) watched = {NULL};

        (void)begin(&watched, wrong[i]);
        rig_wait(watched.listener->calls->len == 1);
        g_assert_cmpstr(peer_listener_last(watched.listener), ==, "ScanoutMap");
        g_assert_true(rig_is_alive(watched.rig));
    }
}

/* The next message to the gpu process, but for the wish for textures. */
static void
expect_shown(Rig *rig, guint buffer)
{
    struct gpu_shown shown;

    do {
        g_assert_cmpuint(rig_gpu_receive(rig, &shown, sizeof(shown)), ==, sizeof(shown));
    } while (shown.header.type == GPU_TEXTURES);
    g_assert_cmpuint(shown.header.type, ==, GPU_SHOWN);
    g_assert_cmpuint(shown.scanout, ==, 0);
    g_assert_cmpuint(shown.buffer, ==, buffer);
}

/* The next one that is about flips. */
static void
expect_flips(Rig *rig, guint wanted)
{
    struct gpu_flips flips;

    do {
        g_assert_cmpuint(rig_gpu_receive(rig, &flips, sizeof(flips)), ==, sizeof(flips));
    } while (flips.header.type == GPU_SHOWN || flips.header.type == GPU_TEXTURES);
    g_assert_cmpuint(flips.header.type, ==, GPU_FLIPS);
    g_assert_cmpuint(flips.scanout, ==, 0);
    g_assert_cmpuint(flips.wanted, ==, wanted);
}

static void
test_taken(void)
{
    g_auto(Watched) watched = {NULL};
    g_autoptr(PeerListener) plain = NULL;
    PeerListener *listener;
    Rig *rig;
    guint32 *pixels;
    const guint32 *seen;

    if (!rig_may_make_dmabufs()) {
        return;
    }
    pixels = begin(&watched, -1);
    rig = watched.rig;
    listener = watched.listener;
    plain = peer_listen(watched.client, CONSOLE_0, TRUE);
    rig_wait(listener->calls->len == 1 && plain->calls->len == 1);
    g_assert_cmpstr(peer_listener_last(listener), ==, "ScanoutDMABUF2");
    g_assert_cmpstr(peer_listener_last(plain), ==, "ScanoutMap");
    g_assert_cmpuint(listener->width, ==, WIDTH);
    g_assert_cmpuint(listener->stride, ==, STRIDE);
    g_assert_cmphex(listener->format, ==, RIG_XRGB);
    g_assert_cmpuint(listener->modifier, ==, 0);
    g_assert_true(listener->y0_top);
    g_assert_cmpint(fd_check_dmabuf(listener->fd, SIZE), ==, 0);
    expect_flips(rig, 1); /* what a client shows is not drawn into */
    seen = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, listener->fd, 0);
    g_assert_true(seen != MAP_FAILED);
    pixels[WIDTH * 7 + 5] = 0x445566;
    rig_gpu_update(rig, 5, 7, 3, 2);
    rig_wait(listener->calls->len == 2 && plain->calls->len == 2);
    g_assert_cmpstr(peer_listener_last(listener), ==, "UpdateDMABUF 5 7 3 2");
    g_assert_cmpstr(peer_listener_last(plain), ==, "UpdateMap 5 7 3 2");
    g_assert_cmphex(seen[WIDTH * 7 + 5], ==, 0x445566);
    /* At most two without an answer. */
    listener->hold = TRUE;
    for (guint i = 0; i < 6; i++) {
        rig_gpu_update(rig, i, 0, 1, 1);
    }
    rig_wait(listener->held.length == 2);
    rig_gpu_update(rig, 0, 40, 1, 1);
    rig_run(50);
    g_assert_cmpuint(listener->calls->len, ==, 4);
    peer_listener_go_on(listener);
    rig_wait(listener->calls->len > 4);
    /* A buffer without one comes as a map, the next with one as a dmabuf again. */
    rig_gpu_show(rig, 2, WIDTH, HEIGHT);
    rig_wait(g_str_equal(peer_listener_last(listener), "ScanoutMap"));
    expect_flips(rig, 0);
    show(rig, 3, -1);
    rig_wait(g_str_equal(peer_listener_last(listener), "ScanoutDMABUF2"));
    expect_flips(rig, 1);
    /* Rows that a card could not read. */
    rig_gpu_scanout(rig, 3, 0, WIDTH - 1, HEIGHT);
    rig_wait(g_str_equal(peer_listener_last(listener), "ScanoutMap"));
}

/* gpu hears what is on the screens of all who show its buffers, and of a client that never answers. */
static void
test_shown(void)
{
    g_auto(Watched) watched = {NULL};
    g_autoptr(PeerListener) slow = NULL;
    PeerListener *listener;
    Rig *rig;

    if (!rig_may_make_dmabufs()) {
        return;
    }
    (void)begin(&watched, -1);
    rig = watched.rig;
    listener = watched.listener;
    expect_flips(rig, 1);
    expect_shown(rig, 1);
    show(rig, 2, -1);
    expect_shown(rig, 2);
    slow = peer_listen_dmabuf(watched.client, CONSOLE_0);
    rig_wait(slow->calls->len == 1);
    slow->hold = TRUE;
    show(rig, 3, -1);
    rig_wait(slow->held.length == 1 && listener->calls->len == 3);
    peer_listener_go_on(slow);
    expect_shown(rig, 3);
    slow->hold = TRUE;
    show(rig, 4, -1);
    expect_shown(rig, 4); /* after its time */
    show(rig, 5, -1);
    expect_shown(rig, 5); /* and nobody waits for it any more */
}

static void
test_refused(void)
{
    g_auto(Watched) watched = {NULL};
    PeerListener *listener;
    Rig *rig;

    if (!rig_may_make_dmabufs()) {
        return;
    }
    (void)begin(&watched, -1);
    rig = watched.rig;
    listener = watched.listener;
    listener->refuse = TRUE;
    /* The same picture at once in another way, and the next without asking again. */
    rig_wait(listener->calls->len == 2);
    g_assert_cmpuint(peer_listener_count(listener, "ScanoutDMABUF2"), ==, 1);
    g_assert_cmpstr(peer_listener_last(listener), ==, "ScanoutMap");
    g_assert_cmpuint(listener->width, ==, WIDTH);
    rig_gpu_update(rig, 1, 1, 1, 1);
    rig_wait(listener->calls->len == 3);
    g_assert_cmpstr(peer_listener_last(listener), ==, "UpdateMap 1 1 1 1");
    show(rig, 2, -1);
    rig_wait(listener->calls->len == 4);
    g_assert_cmpstr(peer_listener_last(listener), ==, "ScanoutMap");
}

struct told {
    VmConsole *console;
    guint scanouts;
    guint missing;
    guint damages;
};

static void
count_scanout(struct told *told)
{
    VmPicture picture;

    told->scanouts++;
    told->missing += !vm_console_get_picture(told->console, &picture);
}

static void
count_damage(struct told *told)
{
    told->damages++;
}

/* What a console shows at a place. */
static guint32
pixel(VmConsole *console, guint x, guint y)
{
    VmPicture picture;

    g_assert_true(vm_console_get_picture(console, &picture));
    g_assert_cmpint(picture.format, ==, VM_FORMAT_XRGB8888);
    return ((const guint32 *)(gconstpointer)(picture.pixels + (gsize)y * picture.stride))[x];
}

static void
test_library(void)
{
    g_autoptr(Rig) rig = NULL;
    g_autoptr(VmConnection) connection = NULL;
    g_autoptr(VmConsole) console = NULL;
    struct told told = {0};
    guint32 *pixels;
    gsize offset;

    if (!rig_may_make_dmabufs()) {
        return;
    }
    rig = rig_new();
    rig_gpu_hello(rig, 1);
    pixels = show(rig, 1, -1);
    pixels[0] = 0x112233;
    connection = vm_connection_new(rig->path);
    vm_connection_open(connection);
    rig_wait(g_list_model_get_n_items(vm_connection_get_consoles(connection)) == 1);
    console = g_list_model_get_item(vm_connection_get_consoles(connection), 0);
    rig_wait(vm_console_get_connected(console));
    told.console = console;
    g_signal_connect_swapped(console, "scanout-changed", G_CALLBACK(count_scanout), &told);
    g_signal_connect_swapped(console, "damage", G_CALLBACK(count_damage), &told);
    vm_console_hold(console);
    rig_wait(told.scanouts == 1);
    g_assert_false(vm_console_has_dmabuf(console)); /* nobody asked for one */
    vm_console_set_takes_dmabuf(console, TRUE);
    rig_wait(told.scanouts == 2);
    g_assert_true(vm_console_has_dmabuf(console));
    g_assert_cmpint(fd_check_dmabuf(vm_console_get_picture_file(console, &offset), SIZE), ==, 0);
    g_assert_cmphex(pixel(console, 0, 0), ==, 0x112233);
    pixels[WIDTH + 1] = 0x445566;
    rig_gpu_update(rig, 1, 1, 1, 1);
    rig_wait(told.damages == 1);
    g_assert_cmphex(pixel(console, 1, 1), ==, 0x445566);
    /* It could not be shown: the same picture, never none. */
    vm_console_set_takes_dmabuf(console, FALSE);
    rig_wait(told.scanouts == 3);
    g_assert_false(vm_console_has_dmabuf(console));
    g_assert_cmphex(pixel(console, 1, 1), ==, 0x445566);
    g_assert_cmpuint(told.missing, ==, 0);
    vm_console_release(console);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/dmabuf/not-one", test_not_a_dmabuf);
    g_test_add_func("/dmabuf/taken", test_taken);
    g_test_add_func("/dmabuf/shown", test_shown);
    g_test_add_func("/dmabuf/refused", test_refused);
    g_test_add_func("/dmabuf/library", test_library);
    return g_test_run();
}
