/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The display page on the test compositor, which imports the guest's picture: what is on the screen, and
 * that nothing of it was copied. With "udmabuf" as $TEST_DMABUF real dmabufs come from vmm-display;
 * without, on any machine, memory files stand in for them: this program is linked so that the manager
 * takes them for dmabufs, and the compositor maps whatever it gets.
 */

#include <linux/udmabuf.h>
#include <poll.h>
#include <string.h>

#include "tests/ui/console-told.h"
#include "tests/ui/shown-page.h"
#include "ui/display-view.h"

/* Numbers of devices that each computer has, and that are no card's. */
enum {
    COMPOSITORS_CARD = 1 << 8 | 3,
    OTHER_CARD = 1 << 8 | 5,
};

enum {
    KEPT_MS = 50, /* so long a compositor may keep what it showed before */
    KEPT_SHORTLY_MS = 35,
    UNSEEN_MS = 100, /* so long it is held up */
    FLIPS = 20,
};

/* The linker's names (--wrap): the library's function, and the one that the manager calls instead. */
gboolean real_has_dmabuf(VmConsole *console) __asm__("__real_vm_console_has_dmabuf");
gboolean wrap_has_dmabuf(VmConsole *console) __asm__("__wrap_vm_console_has_dmabuf");

static gboolean
has_udmabuf(void)
{
    return strcmp(g_getenv("TEST_DMABUF"), "udmabuf") == 0;
}

gboolean
wrap_has_dmabuf(VmConsole *console)
{
    gsize offset;

    if (has_udmabuf()) {
        return real_has_dmabuf(console);
    }
    return console_told.takes && vm_console_get_picture_file(console, &offset) >= 0;
}

/* What the compositor shows without a copy; id 0: nothing. */
static TestSurface
core_surface(Shown *self)
{
    TestSurface picture = shown_guest_surface(self);
    TestSurface found;

    if (test_compositor_find(self->compositor, "subsurface", 2, &found) && picture.id != 0 &&
        found.parent == picture.id) {
        return found;
    }
    return (TestSurface){.id = 0};
}

static void
count_dmabufs(Shown *self, guint ret[2])
{
    g_autofree char *answer = test_compositor_say(self->compositor, "dmabufs");
    char *rest = answer;

    ret[0] = (guint)strtoul(rest, &rest, 10);
    ret[1] = (guint)strtoul(rest, &rest, 10);
}

/* Shown exactly, all but edges of less than 14 pixels of it from the dmabuf. */
static gboolean
is_imported(Shown *self)
{
    TestSurface core = core_surface(self);

    return shown_is_exact(self) && core.id != 0 && core.buffer_width == (int)self->width &&
           core.width * self->scale > self->width - 14 &&
           core.height * self->scale > self->height - 14;
}

static gboolean
is_copied(Shown *self)
{
    return shown_is_exact(self) && core_surface(self).id == 0;
}

static void
test_imported(Shown *self, gconstpointer data)
{
    guint imports[2];

    rig_wait(is_imported(self));
    shown_settle(self);
    guint64 copied = shown_n_copied(self);
    TestSurface before = core_surface(self);
    for (guint i = 0; i < 8; i++) {
        shown_update(self, 100 + (int)i * 50, 200, 5 + i);
        rig_run(50);
    }
    rig_wait(shown_is_exact(self));
    g_assert_cmpuint(shown_n_copied(self), ==, copied);
    g_assert_cmpuint(core_surface(self).pixels_taken - before.pixels_taken, ==, 9600);
    shown_update(self, 0, 0, 20); /* the edges too */
    shown_update(self, WIDTH - 40, HEIGHT - 30, 21);
    rig_wait(is_imported(self));
    g_assert_cmpuint(shown_n_copied(self) - copied, <, 2000);
    count_dmabufs(self, imports);
    g_assert_cmpuint(imports[1], ==, 1);
}

/* A guest that flips between two pictures: each is imported once. */
static void
test_flip(Shown *self, gconstpointer data)
{
    guint32 *pixels[2] = {self->pixels};
    guint before[2];
    guint after[2];

    rig_wait(is_imported(self));
    guint first = self->buffers;
    shown_show(self, WIDTH, HEIGHT, 30);
    pixels[1] = self->pixels;
    rig_wait(is_imported(self));
    count_dmabufs(self, before);
    for (guint i = 0; i < 6; i++) {
        rig_gpu_scanout(self->rig, first + i % 2, 0, WIDTH, HEIGHT);
        self->pixels = pixels[i % 2];
        shown_update(self, 300, 100, 50 + i);
        rig_wait(is_imported(self));
    }
    count_dmabufs(self, after);
    g_assert_cmpuint(after[0], ==, before[0]);
    g_assert_cmpuint(after[1], ==, 2);
}

static VmConsole *
get_console(Shown *self)
{
    GListModel *consoles = vm_connection_get_consoles(self->connection);
    VmConsole *console = g_list_model_get_item(consoles, 0);

    g_object_unref(console); /* the list has one */
    return console;
}

/*
 * The machine hears that a picture was shown when the compositor has shown it, and not of what came since;
 * a window that shows no frames does not hold it up.
 */
static void
test_paced(Shown *self, gconstpointer data)
{
    VmConsole *console = get_console(self);

    rig_wait(is_imported(self));
    shown_settle(self);
    rig_wait(console_told.presented ==
             vm_console_get_serial(console)); /* the last one is on the screen */
    g_free(test_compositor_say(self->compositor, "still 1"));
    const guint64 before = console_told.presented;
    shown_update(self, 100, 100, 90);
    rig_wait(vm_console_get_serial(console) == before + 1);
    rig_wait(shown_is_exact(self)); /* seen, but nobody said so */
    g_assert_cmpuint(console_told.presented, ==, before);
    for (guint i = 0; i < 6; i++) { /* more than may be on the way: each comes */
        shown_update(self, 100 + 50 * (int)i, 200, 91 + i);
        rig_wait(vm_console_get_serial(console) == before + 2 + i);
    }
    g_assert_cmpuint(console_told.presented, ==, before);
    console_told.earliest = 0;
    g_free(test_compositor_say(self->compositor, "still 0"));
    rig_wait(console_told.presented == before + 7);
    g_assert_cmpuint(console_told.earliest, ==, before + 1);
    rig_wait(is_imported(self));
}

/* Which buffers the compositor keeps for a while after they were shown. */
enum keeping {
    KEEPS,
    KEEPS_SHORTLY,
    KEEPS_NONE,
    N_KEEPING
};

/* Flip to that buffer: microseconds until the machine hears that it is on the screen. */
static gint64
time_flip(Shown *self, guint buffer, enum keeping keeping)
{
    const guint64 serial = vm_console_get_serial(get_console(self));
    const gint64 begin = g_get_monotonic_time();

    g_free(test_compositor_say(self->compositor, "keep %d", keeping != KEEPS_NONE));
    rig_gpu_scanout(self->rig, buffer, 0, WIDTH, HEIGHT);
    if (keeping == KEEPS_SHORTLY) {
        rig_run(KEPT_SHORTLY_MS);
        g_free(test_compositor_say(self->compositor, "keep 0"));
    }
    rig_wait(console_told.presented > serial);
    g_free(test_compositor_say(self->compositor, "keep 0"));
    g_test_message("%d: after %d ms", (int)keeping, (int)((console_told.when - begin) / 1000));
    return console_told.when - begin;
}

/*
 * What was on the screen before may be read until the compositor lets go of it, which a frame does not say. One that
 * keeps it for long does not hold up the machine.
 */
static void
test_let_go(Shown *self, gconstpointer data)
{
    gint64 shortest[N_KEEPING] = {G_MAXINT64, G_MAXINT64, G_MAXINT64};
    guint32 *pixels[2] = {self->pixels};

    rig_wait(is_imported(self));
    const guint first = self->buffers;
    g_free(test_compositor_say(self->compositor, "hold 1"));
    shown_show(self, WIDTH, HEIGHT, 31);
    pixels[1] = self->pixels;
    rig_wait(is_imported(self));
    for (guint i = 0; i < 6 * N_KEEPING; i++) {
        const enum keeping keeping = i % N_KEEPING;

        shown_settle(self);
        self->pixels = pixels[i % 2];
        const gint64 took = time_flip(self, first + i % 2, keeping);
        shortest[keeping] = MIN(shortest[keeping], took);
        rig_wait(is_imported(self));
    }
    g_assert_cmpint(shortest[KEEPS], >=, KEPT_MS * G_GINT64_CONSTANT(1000));
    g_assert_cmpint(shortest[KEEPS_SHORTLY], >=, KEPT_SHORTLY_MS * G_GINT64_CONSTANT(1000));
    g_assert_cmpint(shortest[KEEPS_SHORTLY], <, KEPT_MS * G_GINT64_CONSTANT(1000));
    g_assert_cmpint(shortest[KEEPS_NONE], <, KEPT_MS * G_GINT64_CONSTANT(1000));
    g_free(test_compositor_say(self->compositor, "hold 0"));
}

/* Milliseconds until the display tells the card that the buffer, which is shown from now on, is on the screen. */
static gint64
time_shown(Shown *self, guint buffer)
{
    struct pollfd said = {.fd = self->rig->gpu, .events = POLLIN};
    union {
        struct start_header header;
        struct gpu_shown shown;
        guint8 bytes[256];
    } message;

    while (poll(&said, 1, 0) == 1) { /* of before */
        rig_gpu_receive(self->rig, &message, sizeof(message));
    }
    const gint64 begin = g_get_monotonic_time();
    rig_gpu_scanout(self->rig, buffer, 0, WIDTH, HEIGHT);
    do {
        rig_gpu_receive(self->rig, &message, sizeof(message));
    } while (message.header.type != GPU_SHOWN || message.shown.buffer != buffer);
    return (g_get_monotonic_time() - begin) / 1000;
}

/* A window that nobody sees holds the machine up once, and then paces it as a screen would. */
static void
test_unseen(Shown *self, gconstpointer data)
{
    gint64 shortest = G_MAXINT64;

    rig_wait(is_imported(self));
    const guint first = self->buffers;
    shown_show(self, WIDTH, HEIGHT, 32);
    rig_wait(is_imported(self));
    shown_settle(self);
    rig_run(100);
    g_free(test_compositor_say(self->compositor, "still 1"));
    g_test_message("first after %d ms", (int)time_shown(self, first));
    for (guint i = 0; i < FLIPS; i++) {
        const gint64 took = time_shown(self, first + (i + 1) % 2);
        shortest = MIN(shortest, took);
    }
    g_test_message("then after %d ms", (int)shortest);
    g_assert_cmpint(shortest, <, UNSEEN_MS);
    g_free(test_compositor_say(self->compositor, "still 0"));
}

static gboolean
has_texture(Shown *self)
{
    VmTexture texture;

    return vm_console_get_texture(get_console(self), &texture);
}

/*
 * A guest that flips between two textures tells of new pixels in each, too: those are on the way to the screen when
 * the next one comes, which does not wait for them.
 */
static void
expect_no_frame_between(Shown *self)
{
    guint32 *pixels[2];

    for (guint i = 0; i < 2; i++) {
        shown_show_texture(self, 80 + i);
        pixels[i] = self->pixels;
        rig_wait(is_imported(self));
    }
    const guint first = self->buffers - 1;
    shown_settle(self);
    g_free(test_compositor_say(self->compositor, "still 1"));
    shown_update(self, 200, 100, 82);
    rig_wait(shown_is_exact(self));
    const guint64 before = console_told.presented;
    shown_flip_texture(self, first);
    self->pixels = pixels[0];
    rig_wait(is_imported(self));
    g_assert_cmpuint(console_told.presented, ==, before);
    /* That one is waited for. */
    shown_flip_texture(self, first + 1);
    rig_run(200);
    g_assert_true(is_imported(self));
    g_free(test_compositor_say(self->compositor, "still 0"));
    self->pixels = pixels[1];
    rig_wait(is_imported(self));
    rig_wait(console_told.presented == vm_console_get_serial(get_console(self)));
}

/* What a graphics card drew is shown from its memory where all of it can be so; else pixels are wanted. */
static void
test_texture(Shown *self, gconstpointer data)
{
    VmPicture picture;

    g_free(test_compositor_say(self->compositor, "scale 1"));
    self->scale = 1;
    rig_wait(is_imported(self));
    shown_settle(self);
    const guint64 copied = shown_n_copied(self);
    for (guint i = 0; i < 4; i++) { /* a guest that flips */
        shown_show_texture(self, 40 + i);
        rig_wait(has_texture(self));
        g_assert_true(vm_console_get_picture(get_console(self), &picture) && !picture.pixels);
        rig_wait(is_imported(self));
        shown_update(self, 100, 100, 60 + i);
        rig_wait(is_imported(self));
    }
    g_assert_cmpuint(shown_n_copied(self), ==, copied);
    expect_no_frame_between(self);
    /* A screenshot waits for the machine. */
    g_assert_null(vm_display_page_get_screenshot(self->page));
    /* Edges between device pixels would have to be copied: the machine is told, and has pixels. */
    g_free(test_compositor_say(self->compositor, "scale 1.25"));
    self->scale = 1.25;
    rig_run(300);
    shown_show(self, WIDTH, HEIGHT, 70);
    rig_wait(is_imported(self));
    g_assert_false(has_texture(self));
    g_free(test_compositor_say(self->compositor, "scale 1"));
    self->scale = 1;
    rig_wait(is_imported(self));
    rig_run(100);
    shown_show_texture(self, 71);
    rig_wait(has_texture(self) && is_imported(self));
    /* One that the compositor does not take. */
    g_free(test_compositor_say(self->compositor, "refuse 1"));
    shown_show_texture(self, 72);
    rig_run(300);
    g_free(test_compositor_say(self->compositor, "refuse 0"));
    shown_show(self, WIDTH, HEIGHT, 73);
    rig_wait(is_imported(self));
    g_assert_false(has_texture(self));
}

/* What no compositor can do exactly is copied, without a gap before or after. */
static void
test_other_ways(Shown *self, gconstpointer data)
{
    guint x;
    guint y;

    rig_wait(is_imported(self));
    vm_display_page_set_phase(self->page, VM_DISPLAY_PAUSED); /* without colour */
    rig_wait((rig_run(20), core_surface(self).id == 0));
    vm_display_page_set_phase(self->page, VM_DISPLAY_RUNNING);
    rig_wait(is_imported(self));
    gtk_widget_hide(self->window);
    rig_run(200);
    shown_update(self, 50, 50, 12);
    gtk_widget_show(self->window);
    rig_wait(is_imported(self));
    shown_show(self, 192, 144, 6); /* enlarged by whole steps */
    g_object_set(self->page, "scaling", VM_SCALING_WHOLE, NULL);
    guint expand = (guint)MIN(811 * self->scale / 192, 613 * self->scale / 144);
    rig_wait((rig_run(20), shown_find_picture(self, expand, &x, &y)));
    g_assert_cmpint(core_surface(self).id, ==, 0);
    shown_update(self, 100, 100, 7);
    rig_wait((rig_run(20), shown_find_picture(self, expand, &x, &y)));
}

/* Sizes that are no whole logical pixels. Real dmabufs have no such rows. */
static void
try_odd_sizes(Shown *self, guint seed)
{
    static const guint sizes[][2] = {{641, 479}, {643, 481}};

    for (guint i = 0; i < G_N_ELEMENTS(sizes) && !has_udmabuf(); i++) {
        shown_show(self, sizes[i][0], sizes[i][1], seed + i);
        rig_wait(is_imported(self));
        shown_update(self, 601, 449, seed + i + 1);
        rig_wait(is_imported(self));
    }
}

static void
test_scales(Shown *self, gconstpointer data)
{
    static const char *const scales[] = {"1", "1.25", "1.5", "2", "1.75", "1.1", "1.3333333"};

    /* Emulated computers are slow: once those that people use. */
    for (guint i = 0; i < (has_udmabuf() ? 4 : G_N_ELEMENTS(scales)); i++) {
        g_free(test_compositor_say(self->compositor, "scale %s", scales[i]));
        self->scale = g_ascii_strtod(scales[i], NULL);
        rig_wait(is_imported(self));
        try_odd_sizes(self, i);
        shown_show(self, WIDTH, HEIGHT, i);
        rig_wait(is_imported(self));
    }
}

/* Each frame shows all of the picture's surface, and the desktop behind nowhere. */
static void
expect_whole_frames(Shown *self)
{
    g_autofree char *answer = test_compositor_say(self->compositor, "frames");
    g_auto(GStrv) lines = g_strsplit(answer, "\n", -1);
    guint frames = 0;

    for (char **line = lines; *line && **line; line++, frames++) {
        g_auto(GStrv) words = g_strsplit(*line, " ", 6);
        g_test_message("frame %s", *line);
        g_assert_cmpuint(strtoul(words[3], NULL, 10), ==, 0);
        if (strtoul(words[0], NULL, 10) == shown_guest_surface(self).id) {
            g_assert_cmpuint(strtoul(words[5], NULL, 10), >, HEIGHT / 2); /* noise, not dark */
        }
    }
    g_assert_cmpuint(frames, >, 0);
}

/* While windows change their size the picture never lacks. */
static void
test_no_flicker(Shown *self, gconstpointer data)
{
    rig_wait(is_imported(self));
    g_object_set(self->page, "scaling", VM_SCALING_FIT, NULL);
    rig_run(100);
    g_free(test_compositor_say(self->compositor, "record"));
    for (int i = 0; i < 8; i++) {
        gtk_window_resize(GTK_WINDOW(self->window), 811 - 13 * i, 613 - 7 * i);
        rig_run(40);
        shown_update(self, 10 * i, 10 * i, (guint)i);
    }
    shown_show(self, WIDTH, HEIGHT, 11);
    rig_run(200);
    expect_whole_frames(self);
    g_free(test_compositor_say(self->compositor, "record stop"));
}

/* The compositor says no: the same frame is shown by a copy, and it is not asked again. */
static void
test_refused(Shown *self, gconstpointer data)
{
    guint before[2];
    guint after[2];

    rig_wait(is_imported(self));
    count_dmabufs(self, before);
    g_free(test_compositor_say(self->compositor, "refuse 1"));
    g_free(test_compositor_say(self->compositor, "record"));
    shown_show(self, WIDTH, HEIGHT, 70);
    rig_wait(is_copied(self));
    rig_wait(!console_told.takes);
    shown_update(self, 300, 200, 71);
    rig_wait(is_copied(self));
    expect_whole_frames(self);
    g_free(test_compositor_say(self->compositor, "record stop"));
    shown_show(self, 704, 448, 72);
    rig_wait(is_copied(self));
    count_dmabufs(self, after);
    g_assert_cmpuint(after[0], ==, before[0] + 1);
    g_free(test_compositor_say(self->compositor, "refuse 0"));
}

/* From the beginning, too. */
static void
test_refused_first(Shown *self, gconstpointer data)
{
    rig_wait(is_copied(self));
    rig_wait(!console_told.takes);
    shown_update(self, 300, 200, 80);
    rig_wait(is_copied(self));
}

/* What draws, and with the picture between whole pixels, where textures can be shown. */
static void
set_card(Shown *self, dev_t card)
{
    g_free(test_compositor_say(self->compositor, "scale 1"));
    self->scale = 1;
    self->rig->render_device = card;
    rig_set_state(self->rig, DISPLAY_VM_RUNNING, 0, "", "");
    rig_wait(vm_connection_get_render_device(self->connection) == card);
    rig_wait(is_imported(self));
    shown_settle(self);
}

/* Of another card than the compositor's only what every card can read; the machine's own pictures are that. */
static void
test_other_card(Shown *self, gconstpointer data)
{
    set_card(self, 0); /* not known */
    g_assert_cmpint(console_told.textures, ==, VM_TEXTURES_FULL_LENGTH);
    set_card(self, COMPOSITORS_CARD);
    g_assert_cmpint(console_told.textures, ==, VM_TEXTURES_FULL_LENGTH);
    set_card(self, OTHER_CARD);
    g_assert_cmpint(console_told.textures, ==, VM_TEXTURES_LINEAR);
    shown_show(self, WIDTH, HEIGHT, 90);
    rig_wait(is_imported(self));
    set_card(self, COMPOSITORS_CARD);
    g_assert_cmpint(console_told.textures, ==, VM_TEXTURES_FULL_LENGTH);
}

/* A compositor that tells no card may have any. */
static void
test_no_card(Shown *self, gconstpointer data)
{
    set_card(self, OTHER_CARD);
    g_assert_cmpint(console_told.textures, ==, VM_TEXTURES_FULL_LENGTH);
}

static void
test_old_version(Shown *self, gconstpointer data)
{
    rig_wait(is_imported(self));
    shown_update(self, 300, 200, 81);
    rig_wait(is_imported(self));
}

#define ADD(name, function) \
    g_test_add("/guest-dmabuf/" name, Shown, compositor, shown_set_up, function, shown_tear_down)

int
main(int argc, char **argv)
{
    const char *const options[] = {g_getenv("TEST_OPTION"), g_getenv("TEST_DEVICE"), NULL};
    TestCompositor *compositor = test_compositor_new(options);
    int status;

    g_setenv("WAYLAND_DISPLAY", compositor->socket, TRUE);
    g_setenv("XDG_RUNTIME_DIR", compositor->folder, TRUE);
    gtk_test_init(&argc, &argv, NULL);
    if (options[1]) {
        ADD("other-card", test_other_card);
    } else if (strcmp(options[0], "dmabuf=4") == 0) {
        ADD("imported", test_imported);
        ADD("flip", test_flip);
        ADD("paced", test_paced);
        ADD("scales", test_scales);
        ADD("no-card", test_no_card);
        if (has_udmabuf()) {
            ADD("texture", test_texture);
            ADD("unseen", test_unseen);
        }
        ADD("refused", test_refused);
        if (!has_udmabuf()) { /* which is in an emulated computer: slow */
            ADD("let-go", test_let_go);
            ADD("other-ways", test_other_ways);
            ADD("no-flicker", test_no_flicker);
        }
    } else if (strcmp(options[0], "dmabuf=3") == 0) {
        ADD("old-version", test_old_version);
        ADD("old-no-card", test_no_card);
    } else {
        ADD("refused-first", test_refused_first);
    }
    status = g_test_run();
    test_compositor_free(compositor);
    return status;
}
