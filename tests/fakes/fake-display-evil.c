/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* All that no honest display would send: pictures, damage, cursors, displays and console output. */

#include <string.h>
#include <sys/socket.h>

#include "tests/fakes/fake-display-private.h"

enum {
    XBGR = 0x20030888, /* pixman's */
    TICK_MS = 1,
    CURSOR_TICKS = 20,
    BIG_CURSOR_TICKS = 1000,
    WORDS_TICKS = 100,
    PORT_BYTES_PER_MS = 10 * 1000,
    IN_FLIGHT_MAX = 256,
    BLOCK_BYTES = 8192,
    LONG_WORDS = 64 * 1024,
};

static void
bad_scanout(FakeDisplay *self, guint n)
{
    static const struct {
        guint offset;
        guint width;
        guint height;
        guint stride;
        guint format;
    } absurd[] = {
        {0, 0, 0, 0, XRGB},
        {0, G_MAXUINT, G_MAXUINT, G_MAXUINT, XRGB},
        {0, 1 << 30, 1, 0, XRGB},           /* its bytes are 2^32 */
        {G_MAXUINT - 3, 64, 64, 256, XRGB}, /* beyond the file */
        {2, 64, 64, 256, XRGB},
        {0, 64, 64, 255, XRGB},
        {0, 64, 64, 0x80000000, XRGB},
        {0, 16384, 16384, 65536, XBGR},
        {0, 32768, 1, 131072, XRGB},
        {0, 64, 64, 256, 0xffffffff},
    };
    guint i = n % G_N_ELEMENTS(absurd);

    fake_display_tell(self, MAP_IFACE, "ScanoutMap",
                      g_variant_new("(huuuuu)", n % 7 ? 0 : 5, absurd[i].offset, absurd[i].width,
                                    absurd[i].height, absurd[i].stride, absurd[i].format),
                      n % 3 ? self->picture : self->pipe[0]);
}

static void
good_scanout(FakeDisplay *self, guint n)
{
    guint width = 1 + n * 7 % WIDTH;
    guint height = 1 + n * 5 % HEIGHT;

    fake_display_tell(
        self, MAP_IFACE, "ScanoutMap",
        g_variant_new("(huuuuu)", 0, 0, width, height, WIDTH * 4, n % 2 ? XRGB : XBGR),
        self->picture);
}

static void
bad_damage(FakeDisplay *self, guint n)
{
    static const int areas[][4] = {
        {-1, -1, 10, 10},
        {G_MININT, G_MININT, G_MAXINT, G_MAXINT},
        {0, 0, G_MAXINT, G_MAXINT},
        {G_MAXINT, G_MAXINT, G_MAXINT, G_MAXINT},
        {5, 5, -5, -5},
        {WIDTH - 1, HEIGHT - 1, G_MAXINT, 1},
        {0, 0, 0, 0},
        {3, 3, 20, 20},
    };
    const int *area = areas[n % G_N_ELEMENTS(areas)];

    fake_display_tell(self, MAP_IFACE, "UpdateMap",
                      g_variant_new("(iiii)", area[0], area[1], area[2], area[3]), -1);
}

static GVariant *
blank_pixels(gsize size)
{
    g_autoptr(GBytes) bytes = g_bytes_new_take(g_malloc0(size), size);

    return g_variant_new_from_bytes(G_VARIANT_TYPE_BYTESTRING, bytes, TRUE);
}

static void
bad_cursor(FakeDisplay *self, guint n)
{
    static const struct {
        int width;
        int height;
        int hot_x;
        int hot_y;
        gsize size;
    } shapes[] = {
        {8192, 8192, 0, 0, 64},
        {8192, 8, 9000, 9000, 8192UL * 8 * 4},
        {-8192, -8192, -1, -1, 0},
        {G_MAXINT, G_MAXINT, 0, 0, 4},
        {0, 0, 0, 0, 0},
        {512, 512, G_MAXINT, G_MININT, 512UL * 512 * 4},
        {16, 16, -5, 100, 16UL * 16 * 4},
        {0x8000, 0x8000, 0, 0, 0}, /* four times the product is 2^32 */
        {1, 1, 1, 1, 4},
    };
    guint i = n % G_N_ELEMENTS(shapes);

    fake_display_tell(self, LISTENER_IFACE, "CursorDefine",
                      g_variant_new("(iiii@ay)", shapes[i].width, shapes[i].height, shapes[i].hot_x,
                                    shapes[i].hot_y, blank_pixels(shapes[i].size)),
                      -1);
    fake_display_tell(self, LISTENER_IFACE, "MouseSet",
                      g_variant_new("(iii)", G_MAXINT, G_MININT, (int)(n % 5) - 1), -1);
}

/* As many of its pixels as a message can hold. */
static void
big_cursor(FakeDisplay *self)
{
    fake_display_tell(
        self, LISTENER_IFACE, "CursorDefine",
        g_variant_new("(iiii@ay)", 8192, 512, 8191, 511, blank_pixels(8192UL * 512 * 4)), -1);
}

/* More and more displays. */
static void
add_console(FakeDisplay *self, guint n)
{
    g_autofree char *path = g_strdup_printf(ROOT "/Console_%u", n);

    for (guint i = 0; i < self->links->len; i++) {
        GVariantBuilder interfaces;

        g_variant_builder_init(&interfaces, G_VARIANT_TYPE("a{sa{sv}}"));
        g_variant_builder_add(&interfaces, "{s@a{sv}}", "org.qemu.Display1.Console",
                              fake_display_console(self));
        g_dbus_connection_emit_signal(g_ptr_array_index(self->links, i), NULL, ROOT,
                                      "org.freedesktop.DBus.ObjectManager", "InterfacesAdded",
                                      g_variant_new("(oa{sa{sv}})", path, &interfaces), NULL);
    }
}

/* Text with colours, titles, links, clipboard, questions and bells in it. */
static void
write_console(FakeDisplay *self)
{
    static const char *const phrases[] = {
        "an honest line of some words\r\n",
        "\033[31mred\033[0m ",
        "\033]0;Your computer is infected\007",
        "\033]8;;http://example.org\033\\click\033]8;;\033\\",
        "\033]52;c;ZXZpbA==\007",
        "\033[6n\033[c\033[5n",
        "\a\a\a",
        "\033[8;9999;9999t",
        "\033[2J\033[H",
        "e\u0301\u0302\u0303\u0304\u0305\u0306",
        "\u202eback\u202c ",
        "no end to this line no end to this line no end to this line ",
    };
    g_autoptr(GString) block = g_string_sized_new(BLOCK_BYTES);
    guint n = self->ticks;

    self->due += (guint64)PORT_BYTES_PER_MS * TICK_MS;
    while (block->len < BLOCK_BYTES) {
        g_string_append(block, phrases[n++ % G_N_ELEMENTS(phrases)]);
    }
    for (guint i = 0; i < self->ports->len; i++) {
        guint64 written = self->counts.console;
        ssize_t size = 1;

        while (written < self->due && size > 0) {
            size = send(g_array_index(self->ports, int, i), block->str, block->len,
                        MSG_DONTWAIT | MSG_NOSIGNAL);
            written += size > 0 ? (guint64)size : 0;
        }
        g_mutex_lock(&self->lock);
        self->counts.console = written;
        g_mutex_unlock(&self->lock);
    }
}

/* What was due since the last time: a slow computer's timers come late. */
static gboolean
misbehave(gpointer data)
{
    FakeDisplay *self = data;
    guint due = (guint)((g_get_monotonic_time() - self->began) / 1000 / TICK_MS);

    while (self->ticks < due) {
        guint n = ++self->ticks;

        write_console(self);
        if (self->in_flight > IN_FLIGHT_MAX || self->listeners->len == 0) {
            continue;
        }
        if (n % 4 == 0) {
            bad_scanout(self, n / 4);
        } else {
            good_scanout(self, n);
        }
        bad_damage(self, n);
        if (n % CURSOR_TICKS == 0) {
            bad_cursor(self, n / CURSOR_TICKS);
        }
        if (n % BIG_CURSOR_TICKS == 0) {
            big_cursor(self);
        }
        if (n % WORDS_TICKS == 0) {
            fake_display_emit_words(self);
            add_console(self, n / WORDS_TICKS);
        }
        g_mutex_lock(&self->lock);
        self->counts.scanouts++;
        self->counts.cursors += n % CURSOR_TICKS == 0;
        g_mutex_unlock(&self->lock);
    }
    return G_SOURCE_CONTINUE;
}

gboolean
fake_display_begin_evil(gpointer data)
{
    FakeDisplay *self = data;
    GString *words = g_string_new(EVIL_WORDS);

    while (words->len < LONG_WORDS) {
        g_string_append(words, " and so on");
    }
    self->words = g_string_free(words, FALSE);
    self->began = g_get_monotonic_time();
    self->ticks = 0;
    self->due = self->counts.console;
    self->tick = g_timeout_source_new(TICK_MS);
    g_source_set_callback(self->tick, misbehave, self, NULL);
    g_source_attach(self->tick, self->context);
    return G_SOURCE_REMOVE;
}
