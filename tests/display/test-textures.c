/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a graphics card drew, through vmm-display to clients that take it as it is, and to those that do not. */

#include "tests/display/watched.h"
#include "vmm/base/fd.h"

enum {
    WIDTH = 64,
    HEIGHT = 48,
    STRIDE = WIDTH * 4,
    SIZE = STRIDE * HEIGHT,
    TEXTURE = 7, /* buffers */
    OTHER = 8,
    PIXELS = 9,
    TILED_STRIDE = 1024,
    TILED_OFFSET = 4096,
};

#define MODIFIER G_GUINT64_CONSTANT(0x0100000000000002)

/* The next message to the gpu process of that type; others are about flips and what is shown. */
static void
expect(Rig *rig, enum gpu_type type, gpointer ret_message, gsize size)
{
    union {
        struct start_header header;
        struct gpu_flips flips;
        struct gpu_ask_pixels ask;
        guint8 bytes[256];
    } message;
    gsize n;

    do {
        n = rig_gpu_receive(rig, &message, sizeof(message));
        g_assert_cmpuint(n, >=, sizeof(message.header));
    } while (message.header.type != type);
    g_assert_cmpuint(n, ==, size);
    memcpy(ret_message, &message, size);
}

static void
expect_wish(Rig *rig, guint wanted)
{
    struct gpu_flips wish;

    expect(rig, GPU_TEXTURES, &wish, sizeof(wish));
    g_assert_cmpuint(wish.scanout, ==, 0);
    g_assert_cmpuint(wish.wanted, ==, wanted);
}

static struct gpu_texture
texture_message(guint id)
{
    return (struct gpu_texture){.header = {GPU_TEXTURE, sizeof(struct gpu_texture)},
                                .id = id,
                                .format = GPU_FORMAT_AB24,
                                .width = WIDTH,
                                .height = HEIGHT,
                                .stride = TILED_STRIDE,
                                .offset = TILED_OFFSET,
                                .modifier = MODIFIER};
}

static void
send_texture(Rig *rig, const struct gpu_texture *texture)
{
    cleanup_fd int memory = fd_memory_file("texture", SIZE);
    cleanup_fd int dmabuf = rig_make_dmabuf(memory, SIZE);

    rig_gpu_send(rig, texture, sizeof(*texture), dmabuf);
}

static void
show(Rig *rig, guint id, guint x, guint y)
{
    const struct gpu_scanout scanout = {.header = {GPU_SCANOUT, sizeof(scanout)},
                                        .buffer = id,
                                        .width = WIDTH - 16,
                                        .height = HEIGHT - 16,
                                        .x = x,
                                        .y = y};

    rig_gpu_send(rig, &scanout, sizeof(scanout), -1);
}

/* A picture is shown to a client of dmabufs. FALSE: it cannot be tried here. */
static gboolean
begin(Watched *watched)
{
    if (!rig_may_make_dmabufs()) {
        return FALSE;
    }
    watched_begin(watched);
    rig_gpu_show(watched->rig, 1, WIDTH, HEIGHT);
    watched_listen(watched);
    rig_wait(watched->listener->calls->len == 1);
    expect_wish(watched->rig, 1);
    return TRUE;
}

static void
test_taken(void)
{
    const struct gpu_texture texture = texture_message(TEXTURE);
    struct gpu_texture top = texture_message(OTHER);
    g_auto(Watched) watched = {NULL};
    g_autoptr(PeerListener) plain = NULL;
    PeerListener *listener;
    Rig *rig;

    if (!begin(&watched)) {
        return;
    }
    rig = watched.rig;
    listener = watched.listener;
    send_texture(rig, &texture);
    show(rig, TEXTURE, 8, 4);
    rig_wait(listener->calls->len == 2);
    g_assert_cmpstr(peer_listener_last(listener), ==, "ScanoutDMABUF2");
    g_assert_cmpuint(listener->width, ==, WIDTH - 16);
    g_assert_cmpuint(listener->height, ==, HEIGHT - 16);
    g_assert_cmpuint(listener->x, ==, 8);
    g_assert_cmpuint(listener->y, ==, 4);
    g_assert_cmpuint(listener->whole_width, ==, WIDTH);
    g_assert_cmpuint(listener->whole_height, ==, HEIGHT);
    g_assert_cmpuint(listener->stride, ==, TILED_STRIDE);
    g_assert_cmpuint(listener->offset, ==, TILED_OFFSET);
    g_assert_cmphex(listener->format, ==, GPU_FORMAT_AB24);
    g_assert_cmphex(listener->modifier, ==, MODIFIER);
    g_assert_false(listener->y0_top);
    g_assert_cmpint(fd_check_dmabuf(listener->fd, 1), ==, 0);
    rig_gpu_update(rig, 5, 7, 3, 2);
    rig_wait(listener->calls->len == 3);
    g_assert_cmpstr(peer_listener_last(listener), ==, "UpdateDMABUF 5 7 3 2");
    /* The guest flips. */
    top.flags = GPU_TEXTURE_Y_0_TOP;
    send_texture(rig, &top);
    show(rig, OTHER, 0, 0);
    rig_wait(listener->calls->len == 4);
    g_assert_true(listener->y0_top);
    /* Somebody who cannot show it: nothing, until there are pixels. */
    plain = peer_listen(watched.client, CONSOLE_0, TRUE);
    expect_wish(rig, 0);
    rig_run(100);
    g_assert_cmpuint(plain->calls->len, ==, 0);
    rig_gpu_scanout(rig, 1, 0, WIDTH, HEIGHT);
    rig_wait(plain->calls->len == 1 && listener->calls->len == 5);
    g_assert_cmpstr(peer_listener_last(plain), ==, "ScanoutMap");
    g_assert_cmpstr(peer_listener_last(listener), ==, "ScanoutMap");
    g_clear_pointer(&plain, peer_listener_free);
    expect_wish(rig, 1);
    show(rig, TEXTURE, 0, 0);
    rig_wait(g_str_equal(peer_listener_last(listener), "ScanoutDMABUF2"));
}

/* A client that refuses one gets pixels from then on, and dmabufs of them as before. */
static void
test_refused(void)
{
    const struct gpu_texture texture = texture_message(TEXTURE);
    g_auto(Watched) watched = {NULL};
    PeerListener *listener;
    Rig *rig;

    if (!begin(&watched)) {
        return;
    }
    rig = watched.rig;
    listener = watched.listener;
    send_texture(rig, &texture);
    listener->refuse = TRUE;
    show(rig, TEXTURE, 0, 0);
    expect_wish(rig, 0);
    g_assert_cmpuint(peer_listener_count(listener, "ScanoutDMABUF2"), ==, 1);
    listener->refuse = FALSE;
    rig->makes_dmabufs = TRUE;
    rig_gpu_show(rig, PIXELS, WIDTH, HEIGHT);
    rig_wait(peer_listener_count(listener, "ScanoutDMABUF2") == 2);
    g_assert_cmpuint(listener->modifier, ==, 0);
    /* A gpu process that sends one nevertheless is not believed to have shown anything. */
    show(rig, TEXTURE, 0, 0);
    rig_run(100);
    g_assert_cmpuint(peer_listener_count(listener, "ScanoutDMABUF2"), ==, 2);
    g_assert_true(rig_is_alive(rig));
}

static void
handle_answer(GObject *source, GAsyncResult *result, gpointer user_data)
{
    char **told = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) answer =
        g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);

    if (answer) {
        guint width;
        guint height;

        g_variant_get(answer, "(huuu)", NULL, &width, &height, NULL);
        *told = g_strdup_printf("%u x %u", width, height);
    } else {
        *told = g_dbus_error_get_remote_error(error);
    }
}

static void
ask(Watched *watched, char **told)
{
    g_dbus_connection_call(watched->client, NULL, CONSOLE_0, "org.vitrine.Vmm1.Picture",
                           "GetPicture", g_variant_new("(uu)", WIDTH / 2, HEIGHT), NULL,
                           G_DBUS_CALL_FLAGS_NONE, RIG_WAIT_MS, NULL, handle_answer, told);
}

static void
tell_pixels(Rig *rig, guint buffer)
{
    const struct gpu_scanout pixels = {.header = {GPU_PIXELS, sizeof(pixels)},
                                       .buffer = buffer,
                                       .width = WIDTH,
                                       .height = HEIGHT,
                                       .stride = STRIDE,
                                       .format = GPU_FORMAT_XR24};

    rig_gpu_send(rig, &pixels, sizeof(pixels), -1);
}

/* Thumbnails and screenshots, while nobody else has pixels. */
static void
test_pictures(void)
{
    const struct gpu_texture texture = texture_message(TEXTURE);
    struct gpu_ask_pixels asked;
    g_auto(Watched) watched = {NULL};
    char *told[2] = {NULL};
    Rig *rig;

    if (!begin(&watched)) {
        return;
    }
    rig = watched.rig;
    send_texture(rig, &texture);
    show(rig, TEXTURE, 0, 0);
    rig_wait(watched.listener->calls->len == 2);
    ask(&watched, &told[0]);
    ask(&watched, &told[1]);
    expect(rig, GPU_ASK_PIXELS, &asked, sizeof(asked));
    g_assert_cmpuint(asked.scanout, ==, 0);
    rig_run(50);
    g_assert_null(told[0]);
    tell_pixels(rig, 1);
    rig_wait(told[0] && told[1]);
    g_assert_cmpstr(told[0], ==, "32 x 24");
    g_assert_cmpstr(told[1], ==, "32 x 24");
    g_clear_pointer(&told[0], g_free);
    g_clear_pointer(&told[1], g_free);
    /* There are none, those of a texture are none, and no answer is one too. */
    ask(&watched, &told[0]);
    expect(rig, GPU_ASK_PIXELS, &asked, sizeof(asked));
    tell_pixels(rig, 0);
    rig_wait(told[0]);
    g_assert_cmpstr(told[0], ==, "org.vitrine.Vmm1.Error.NoPicture");
    g_clear_pointer(&told[0], g_free);
    ask(&watched, &told[0]);
    expect(rig, GPU_ASK_PIXELS, &asked, sizeof(asked));
    tell_pixels(rig, TEXTURE);
    rig_wait(told[0]);
    g_assert_cmpstr(told[0], ==, "org.vitrine.Vmm1.Error.NoPicture");
    g_clear_pointer(&told[0], g_free);
    ask(&watched, &told[0]);
    rig_wait(told[0]);
    g_assert_cmpstr(told[0], ==, "org.vitrine.Vmm1.Error.NoPicture");
    g_clear_pointer(&told[0], g_free);
    g_assert_cmpuint(watched.listener->calls->len, ==, 2);
}

/* Whatever a gpu process says, clients do not see it. */
static void
test_hostile(void)
{
    const struct gpu_texture good = texture_message(TEXTURE);
    struct gpu_texture bad[] = {good, good, good, good, good, good, good, good};
    cleanup_fd int memory = fd_memory_file("no-dmabuf", SIZE);
    g_auto(Watched) watched = {NULL};
    Rig *rig;

    if (!begin(&watched)) {
        return;
    }
    rig = watched.rig;
    bad[0].width = 0;
    bad[1].width = GPU_EDGE_MAX + 1;
    bad[2].height = 0;
    bad[3].stride = STRIDE - 4;
    bad[4].stride = G_MAXUINT32;
    bad[5].offset = G_MAXUINT32;
    bad[6].format = 'N' | 'V' << 8 | '1' << 16 | '2' << 24;
    bad[7].flags = 2;
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        send_texture(rig, &bad[i]);
        show(rig, TEXTURE, 0, 0);
    }
    rig_gpu_send(rig, &good, sizeof(good), memory);
    show(rig, TEXTURE, 0, 0);
    send_texture(rig, &good);
    show(rig, TEXTURE, 17, 0);
    show(rig, TEXTURE, 0, 17);
    show(rig, TEXTURE, G_MAXUINT32, G_MAXUINT32);
    rig_run(100);
    g_assert_cmpuint(watched.listener->calls->len, ==, 1);
    show(rig, TEXTURE, 16, 16);
    rig_wait(watched.listener->calls->len == 2);
    g_assert_true(rig_is_alive(rig));
}

/* The wish is taken back with the last client that has it. */
static void
test_gone(void)
{
    g_auto(Watched) watched = {NULL};

    if (!begin(&watched)) {
        return;
    }
    g_clear_pointer(&watched.listener, peer_listener_free);
    expect_wish(watched.rig, 0);
    watched.listener = peer_listen_dmabuf(watched.client, CONSOLE_0);
    expect_wish(watched.rig, 1);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/textures/taken", test_taken);
    g_test_add_func("/textures/refused", test_refused);
    g_test_add_func("/textures/pictures", test_pictures);
    g_test_add_func("/textures/hostile", test_hostile);
    g_test_add_func("/textures/gone", test_gone);
    return g_test_run();
}
