/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The display page on the test compositor with the real vmm-display: which pixels are on the screen, at
 * the scale in $TEST_SCALE. The compositor filters whatever does not stand exactly on device pixels, so a
 * picture that is found on its screen unchanged has one device pixel per guest pixel.
 */

#include <linux/input-event-codes.h>
#include <math.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/ui/shown-page.h"
#include "ui/display-placement.h"
#include "ui/display-view.h"

/* Pixels */

static void
test_exact(Shown *self, gconstpointer data)
{
    rig_wait(shown_is_exact(self));
    TestSurface surface = shown_guest_surface(self);
    g_assert_cmpint(surface.buffer_width, <, WIDTH + 14); /* up to whole logical pixels */
    g_assert_cmpint(surface.buffer_height, <, HEIGHT + 14);
    /* What the window hides, it must not say. */
    g_assert_cmpint(shown_window_surface(self).opaque, ==, 0);
}

/* A compositor without viewports: GTK draws the picture, exactly at whole scales. */
static void
test_drawn_by_gtk(Shown *self, gconstpointer data)
{
    rig_wait(shown_is_exact(self));
    g_assert_cmpint(shown_guest_surface(self).id, ==, 0);
    shown_update(self, 300, 200, 60);
    rig_wait(shown_is_exact(self));
    shown_show(self, WIDTH, HEIGHT, 61);
    rig_wait(shown_is_exact(self));
}

/* The desktop shows nowhere: the window covers it all. */
static gboolean
shows_desktop(Shown *self)
{
    TestPicture shot;
    gboolean found = FALSE;

    test_compositor_shot(self->compositor, &shot);
    for (gsize i = 0; i < (gsize)shot.width * shot.height; i++) {
        found = found || shot.pixels[i] == 0xff00ff;
    }
    g_free(shot.pixels);
    return found;
}

/* sway 1.7 has viewports and fractional scales, and tells no surface of them. */
static void
test_on_sway(Shown *self, gconstpointer data)
{
    rig_wait(shown_is_exact(self));
    shown_update(self, 300, 200, 70);
    rig_wait(shown_is_exact(self));
    shown_show(self, WIDTH, HEIGHT, 71);
    rig_wait(shown_is_exact(self));
    rig_wait((rig_run(20), !shows_desktop(self)));
}

/* Sizes that are no whole logical pixels: what is missing is filled up. */
static void
test_odd_size(Shown *self, gconstpointer data)
{
    rig_wait(shown_is_exact(self));
    shown_show(self, 641, 479, 2);
    rig_wait(shown_is_exact(self));
    shown_update(self, 601, 449, 3);
    rig_wait(shown_is_exact(self));
    shown_show(self, 643, 481, 4);
    rig_wait(shown_is_exact(self));
}

/* Only the pixels that changed go to the compositor, and GTK draws nothing. */
static void
test_damage(Shown *self, gconstpointer data)
{
    rig_wait(shown_is_exact(self));
    guint window = shown_settle(self);
    TestSurface before = shown_guest_surface(self);
    for (guint i = 0; i < 8; i++) {
        shown_update(self, 100 + (int)i * 50, 200, 5 + i);
        rig_run(50);
    }
    rig_wait(shown_is_exact(self));
    TestSurface after = shown_guest_surface(self);
    g_assert_cmpint(after.pixels_taken - before.pixels_taken, ==, 9600); /* 8 times 40 x 30 */
    g_assert_cmpint(after.commits - before.commits, ==, 8);
    g_assert_cmpint(shown_window_surface(self).commits, <=, window + 1); /* GTK's own wishes */
}

/* Another part of memory of the same size: shown at once, without GTK. */
static void
test_flip(Shown *self, gconstpointer data)
{
    rig_wait(shown_is_exact(self));
    guint window = shown_settle(self);
    shown_show(self, WIDTH, HEIGHT, 20);
    rig_wait(shown_is_exact(self));
    g_assert_cmpint(shown_window_surface(self).commits, <=, window + 1); /* GTK's own wishes */
}

static void
test_whole_steps(Shown *self, gconstpointer data)
{
    guint x;
    guint y;

    shown_show(self, 201, 151, 6);
    g_object_set(self->page, "scaling", VM_SCALING_WHOLE, NULL);
    guint expand = (guint)MIN(811 * self->scale / 201, 613 * self->scale / 151);
    rig_wait((rig_run(20), shown_find_picture(self, expand, &x, &y)));
    shown_update(self, 100, 100, 7);
    rig_wait((rig_run(20), shown_find_picture(self, expand, &x, &y)));
}

/* The guest is asked for exactly what fits, and its picture is not touched then. */
static void
read_mode(Shown *self, struct gpu_mode *mode)
{
    struct pollfd wait = {.fd = self->rig->gpu, .events = POLLIN};

    rig_wait((rig_run(10), poll(&wait, 1, 0) == 1));
    g_assert_cmpint(recv(self->rig->gpu, mode, sizeof(*mode), 0), ==, sizeof(*mode));
    g_assert_cmpint(mode->header.type, ==, GPU_MODE);
}

static gboolean
has_mode(Shown *self)
{
    struct pollfd wait = {.fd = self->rig->gpu, .events = POLLIN};

    rig_run(300);
    return poll(&wait, 1, 0) == 1;
}

static void
test_resize_guest(Shown *self, gconstpointer data)
{
    struct gpu_mode mode;

    rig_wait(shown_is_exact(self));
    g_object_set(self->page, "scaling", VM_SCALING_FIT, "resize-guest", TRUE, NULL);
    do {
        read_mode(self, &mode);
    } while (has_mode(self));
    g_assert_cmpint(mode.width, <=, (guint)(811 * self->scale));
    g_assert_cmpint(mode.width, >, (guint)(811 * self->scale) - 30);
    g_assert_cmpint(mode.width % 2 + mode.height % 2, ==, 0);
    shown_show(self, mode.width, mode.height, 8);
    rig_wait(shown_is_exact(self));
}

/* Beside a guest that took the size it was asked for there is no strip to speak of. */
static void
test_strips(Shown *self, gconstpointer data)
{
    GtkAllocation area;
    struct gpu_mode mode;

    rig_wait(shown_is_exact(self));
    g_object_set(self->page, "scaling", VM_SCALING_FIT, "resize-guest", TRUE, NULL);
    do {
        read_mode(self, &mode);
    } while (has_mode(self));
    gtk_widget_get_allocation(GTK_WIDGET(self->page), &area);
    guint step = 1; /* logical pixels between places that are device pixels too */
    while (fabs(step * self->scale - round(step * self->scale)) > 1e-9) {
        step++;
    }
    /* The window's edge and the hole's on each side, the next common place, an even number. */
    g_assert_cmpfloat(mode.width, >=, (area.width - 4 - 2 * (step - 1)) * self->scale - 3);
    g_assert_cmpfloat(mode.height, >=, (area.height - 3 - (step - 1)) * self->scale - 3);
}

static void
test_fullscreen(Shown *self, gconstpointer data)
{
    struct gpu_mode mode;

    g_object_set(self->page, "scaling", VM_SCALING_FIT, "resize-guest", TRUE, NULL);
    rig_wait(shown_is_exact(self) || TRUE);
    gtk_window_fullscreen(GTK_WINDOW(self->window));
    do { /* the last one */
        read_mode(self, &mode);
    } while (mode.width != (guint)(1280 * self->scale) ||
             mode.height != (guint)(800 * self->scale));
    shown_show(self, mode.width, mode.height, 9);
    rig_wait(shown_is_exact(self));
}

static void
test_scale_changes(Shown *self, gconstpointer data)
{
    static const char *const scales[] = {"1.5", "1",   "1.25", "1.05", "1.3333333",
                                         "1.1", "1.6", "1.75", "1.7",  "2"};

    for (guint i = 0; i < G_N_ELEMENTS(scales); i++) {
        g_free(test_compositor_say(self->compositor, "scale %s", scales[i]));
        rig_wait(shown_is_exact(self));
    }
}

/* A hundred pixels of one line are somewhere on the screen as they are. */
static gboolean
shows_line(Shown *self, guint x, guint y)
{
    const guint32 *line = self->pixels + (gsize)y * self->width + x;
    TestPicture shown;
    gboolean found = FALSE;

    test_compositor_shot(self->compositor, &shown);
    for (gsize i = 0; !found && i + 100 < (gsize)shown.width * shown.height; i++) {
        found = shown.pixels[i] == line[0] && memcmp(shown.pixels + i, line, 400) == 0;
    }
    g_free(shown.pixels);
    return found;
}

/* Scrolled: only what the window has room for, and nothing outside of it. */
static void
test_too_large(Shown *self, gconstpointer data)
{
    TestSurface surface;
    TestSurface window;

    shown_show(self, 1900, 1400, 10);
    rig_wait((rig_run(20), shows_line(self, 300, 300)));
    surface = shown_guest_surface(self);
    window = shown_window_surface(self);
    g_assert_cmpint(surface.width, <=, 811);
    g_assert_cmpint(surface.height, <=, 613);
    g_assert_cmpint(surface.x + surface.width, <=, window.width);
}

/* What is drawn around and above it */

static void
test_paused(Shown *self, gconstpointer data)
{
    rig_wait(shown_is_exact(self));
    vm_display_page_set_phase(self->page, VM_DISPLAY_PAUSED);
    rig_run(300);
    TestPicture shown;
    test_compositor_pixels(self->compositor, shown_guest_surface(self).id, &shown);
    guint greys = 0;
    for (guint i = 0; i < shown.width * shown.height; i++) {
        guint32 pixel = shown.pixels[i];
        gboolean grey = (pixel & 0xff) == (pixel >> 8 & 0xff) && (pixel & 0xff) == pixel >> 16;
        g_assert_true(grey || pixel == VM_STAGE_COLOUR);
        greys += grey;
    }
    g_assert_cmpuint(greys, ==, (gsize)WIDTH * HEIGHT);
    g_free(shown.pixels);
    vm_display_page_set_phase(self->page, VM_DISPLAY_RUNNING);
    rig_wait(shown_is_exact(self));
}

/* The hint is above the picture, and gone after a while. */
static void
test_hint(Shown *self, gconstpointer data)
{
    shown_show(self, 4 * (guint)(200 * self->scale), 4 * (guint)(152 * self->scale), 21);
    rig_wait(vm_display_page_get_captured(self->page)); /* with the focus */
    vm_display_page_release(self->page);
    rig_wait(shown_is_exact(self));
    vm_display_page_capture(self->page);
    rig_wait(!shown_is_exact(self));
    TestSurface surface;
    g_assert_false(test_compositor_find(self->compositor, "subsurface", 2, &surface));
    rig_wait(shown_is_exact(self));
}

static gboolean
frames_are_whole(Shown *self, guint *ret_frames)
{
    g_autofree char *answer = test_compositor_say(self->compositor, "frames");
    g_auto(GStrv) lines = g_strsplit(answer, "\n", -1);

    *ret_frames = 0;
    for (char **line = lines; *line && **line; line++) {
        g_auto(GStrv) words = g_strsplit(*line, " ", 5);
        (*ret_frames)++;
        if (strtoul(words[3], NULL, 10) > 0) {
            g_test_message("frame %u: %s", *ret_frames, *line);
            return FALSE;
        }
    }
    return TRUE;
}

/* In no frame does the desktop behind show through the hole, whatever changes. */
static void
test_no_flicker(Shown *self, gconstpointer data)
{
    guint frames;

    rig_wait(shown_is_exact(self));
    g_object_set(self->page, "scaling", VM_SCALING_FIT, NULL);
    rig_run(100);
    g_free(test_compositor_say(self->compositor, "record"));
    for (int i = 0; i < 12; i++) {
        gtk_window_resize(GTK_WINDOW(self->window), 811 - 13 * i, 613 - 7 * i);
        rig_run(40);
        shown_update(self, 10 * i, 10 * i, (guint)i);
    }
    shown_show(self, 800, 600, 11);
    rig_run(200);
    gtk_widget_hide(GTK_WIDGET(self->page)); /* another page of the window comes */
    rig_wait((rig_run(20), shown_guest_surface(self).id == 0));
    gtk_widget_show(GTK_WIDGET(self->page));
    rig_run(200);
    g_assert_true(frames_are_whole(self, &frames));
    g_assert_cmpint(frames, >, 1); /* few where all is slow */
    g_free(test_compositor_say(self->compositor, "record stop"));
}

/* Whole frames */

static void
fill(Shown *self, guint32 colour)
{
    for (gsize i = 0; i < (gsize)self->width * self->height; i++) {
        self->pixels[i] = colour;
    }
}

/* Colours change down the middle of the picture's surface where it begins and where it ends. */
static void
expect_uniform(Shown *self, guint picture)
{
    g_autofree char *answer = test_compositor_say(self->compositor, "frames");
    g_auto(GStrv) lines = g_strsplit(answer, "\n", -1);
    guint frames = 0;

    for (char **line = lines; *line && **line; line++) {
        g_auto(GStrv) words = g_strsplit(*line, " ", 6);
        if (strtoul(words[0], NULL, 10) == picture) {
            frames++;
            g_assert_cmpint(strtoul(words[5], NULL, 10), <=, 2);
        }
    }
    g_test_message("%u frames", frames);
    g_assert_cmpint(frames, >, 0);
}

/* A guest that fills its one picture again and again: no frame has two of its colours. */
static void
test_no_tearing(Shown *self, gconstpointer data)
{
    rig_wait(shown_is_exact(self));
    for (guint hold = 0; hold < 2; hold++) {
        g_free(test_compositor_say(self->compositor, "hold %u", hold));
        g_free(test_compositor_say(self->compositor, "record"));
        for (guint i = 0; i < 120; i++) {
            fill(self, shown_noise(i, hold, 30));
            rig_gpu_update(self->rig, 0, 0, self->width, self->height);
            rig_run(1 + i % 4);
        }
        rig_wait(shown_is_exact(self)); /* the last one comes */
        expect_uniform(self, shown_guest_surface(self).id);
        g_free(test_compositor_say(self->compositor, "record stop"));
    }
    g_autofree char *overwritten = test_compositor_say(self->compositor, "overwritten");
    g_assert_cmpstr(overwritten, ==, "0\n");
    g_free(test_compositor_say(self->compositor, "hold 0"));
}

/* One copy of what changed: what a compositor may read is never what the guest writes. */
static void
test_copies(Shown *self, gconstpointer data)
{
    rig_wait(shown_is_exact(self));
    shown_settle(self);
    guint64 copied = shown_n_copied(self);
    guint64 taken = shown_guest_surface(self).pixels_taken;
    for (guint i = 0; i < 8; i++) {
        shown_update(self, 50 + (int)i * 60, 100, 40 + i);
        rig_run(50);
    }
    rig_wait(shown_is_exact(self));
    copied = shown_n_copied(self) - copied;
    taken = shown_guest_surface(self).pixels_taken - taken;
    g_test_message("9600 damaged pixels: %" G_GUINT64_FORMAT " copied, %" G_GUINT64_FORMAT
                   " told to the compositor: %.2f bytes copied per damaged pixel",
                   copied, taken, (double)copied * 4 / 9600);
    g_assert_cmpuint(copied, ==, 9600);
    g_assert_cmpuint(taken, ==, 9600);
}

static void
test_window_hidden(Shown *self, gconstpointer data)
{
    rig_wait(shown_is_exact(self));
    gtk_widget_hide(self->window);
    rig_run(200);
    shown_update(self, 50, 50, 12);
    gtk_widget_show(self->window);
    rig_wait(shown_is_exact(self));
}

/* Input */

static void
test_pointer(Shown *self, gconstpointer data)
{
    guint x;
    guint y;

    rig_wait(shown_is_exact(self));
    g_assert_true(shown_find_picture(self, 1, &x, &y));
    /* Coming in alone is no motion. */
    g_free(test_compositor_say(self->compositor, "move %f %f", x / self->scale, y / self->scale));
    rig_run(100);
    for (guint i = 0; i < 4; i++) {
        guint at_x = 50 + 131 * i;
        guint at_y = 40 + 97 * i;
        /* The middle of that device pixel. */
        g_free(test_compositor_say(self->compositor, "move %f %f", (x + at_x + 0.5) / self->scale,
                                   (y + at_y + 0.5) / self->scale));
        rig_run(300);
        rig_expect_motion(self->rig, (2 * at_x + 1) * 16384 / WIDTH,
                          (2 * at_y + 1) * 16384 / HEIGHT);
    }
    g_free(test_compositor_say(self->compositor, "button %d 1", BTN_LEFT));
    rig_run(50);
    g_assert_true(vm_display_page_get_captured(self->page));
    g_free(test_compositor_say(self->compositor, "key %d 1", KEY_A));
    rig_run(50);
    rig_expect_event(self->rig->keyboard, EV_KEY, KEY_A, 1);
    g_free(test_compositor_say(self->compositor, "key %d 0", KEY_A));
    g_free(test_compositor_say(self->compositor, "button %d 0", BTN_LEFT));
    rig_run(50);
}

static void
get_cursor(Shown *self, int ret[3], TestPicture *ret_picture)
{
    g_autofree char *answer = test_compositor_say(self->compositor, "cursor");
    char *rest = answer;

    *ret_picture = (TestPicture){.width = 0};
    for (guint i = 0; i < 3; i++) {
        ret[i] = (int)strtol(rest, &rest, 10);
    }
    if (ret[0] > 0) {
        test_compositor_pixels(self->compositor, (guint)ret[0], ret_picture);
    }
}

/* The guest's pointer is the desktop's, with the pixel that points where the guest said. */
static void
test_cursor(Shown *self, gconstpointer data)
{
    static struct gpu_cursor cursor; /* large */
    guint x;
    guint y;
    int at[3];

    rig_wait(shown_is_exact(self));
    g_assert_true(shown_find_picture(self, 1, &x, &y));
    cursor = (struct gpu_cursor){
        .header = {GPU_CURSOR, sizeof(cursor)}, .visible = 1, .hot_x = 20, .hot_y = 45};
    for (guint i = 0; i < GPU_CURSOR_SIZE * GPU_CURSOR_SIZE; i++) {
        cursor.pixels[i] = 0xff000000 | shown_noise(i % GPU_CURSOR_SIZE, i / GPU_CURSOR_SIZE, 50);
    }
    rig_gpu_send(self->rig, &cursor, sizeof(cursor), -1);
    g_free(test_compositor_say(self->compositor, "move %f %f", (x + 100) / self->scale,
                               (y + 100) / self->scale));
    /* GTK draws at whole scales, and into a picture that has room for more. */
    guint factor = (guint)ceil(self->scale);
    guint size = (guint)ceil(GPU_CURSOR_SIZE * factor / self->scale);
    TestPicture shown = {.pixels = NULL};
    rig_wait((rig_run(20), g_free(shown.pixels), get_cursor(self, at, &shown),
              shown.width == size * factor && shown.pixels[size - 1] != 0));
    g_assert_true(factor == 1 || shown.pixels[size] == 0);
    g_assert_cmpfloat(fabs(at[1] - 20 / self->scale), <=, 0.5);
    g_assert_cmpfloat(fabs(at[2] - 45 / self->scale), <=, 0.5);
    for (guint i = 0; size == GPU_CURSOR_SIZE && i < size * size; i++) {
        g_assert_cmphex(shown.pixels[i / size * shown.width + i % size], ==,
                        cursor.pixels[i] & 0xffffff);
    }
    g_free(shown.pixels);
}

/* Shortcuts of the desktop */

static gboolean
inhibits(Shown *self)
{
    g_autofree char *answer = test_compositor_say(self->compositor, "inhibitors");

    rig_run(20);
    return strtoul(answer, NULL, 10) == shown_window_surface(self).id;
}

static void
key(Shown *self, guint code, gboolean press)
{
    g_free(test_compositor_say(self->compositor, "key %u %d", code, press));
    rig_run(50);
}

static void
expect_super(Shown *self, gboolean reaches_guest)
{
    key(self, KEY_LEFTMETA, TRUE);
    key(self, KEY_LEFTMETA, FALSE);
    if (reaches_guest) {
        rig_expect_event(self->rig->keyboard, EV_KEY, KEY_LEFTMETA, 1);
        rig_expect_event(self->rig->keyboard, EV_KEY, KEY_LEFTMETA, 0);
    }
    rig_expect_silence(self->rig->keyboard);
}

static void
leave_by_keys(Shown *self)
{
    static const guint codes[] = {KEY_LEFTCTRL, KEY_LEFTALT};

    key(self, KEY_LEFTCTRL, TRUE);
    key(self, KEY_LEFTALT, TRUE);
    key(self, KEY_LEFTALT, FALSE);
    key(self, KEY_LEFTCTRL, FALSE);
    g_assert_false(vm_display_page_get_captured(self->page));
    for (guint i = 0; i < 2; i++) {
        rig_expect_event(self->rig->keyboard, EV_KEY, codes[i], 1);
    }
    for (guint i = 0; i < 2; i++) {
        rig_expect_event(self->rig->keyboard, EV_KEY, codes[1 - i], 0);
    }
    rig_wait(!inhibits(self));
    expect_super(self, FALSE);
}

static void
find_refusal(GtkWidget *widget, gpointer data)
{
    gboolean *found = data;

    if (GTK_IS_LABEL(widget)) {
        *found =
            *found || strstr(gtk_label_get_text(GTK_LABEL(widget)), "Your desktop keeps Super");
    } else if (GTK_IS_CONTAINER(widget)) {
        gtk_container_forall(GTK_CONTAINER(widget), find_refusal, data);
    }
}

static gboolean
tells_refusal(Shown *self)
{
    gboolean found = FALSE;

    find_refusal(GTK_WIDGET(self->page), &found);
    return found;
}

static void
test_shortcuts(Shown *self, gconstpointer data)
{
    rig_wait(vm_display_page_get_captured(self->page));
    expect_super(self, FALSE); /* it was not asked for */
    g_object_set(self->page, "system-keys", TRUE, NULL);
    rig_wait(inhibits(self));
    expect_super(self, TRUE);
    leave_by_keys(self);
    vm_display_page_capture(self->page);
    rig_wait(inhibits(self));
    g_free(test_compositor_say(self->compositor, "focus 0")); /* to another window */
    rig_wait(!inhibits(self));
    g_free(test_compositor_say(self->compositor, "focus %u", shown_window_surface(self).id));
    rig_wait(inhibits(self));
    g_assert_false(tells_refusal(self));
    g_free(test_compositor_say(self->compositor, "inhibit 0")); /* the desktop takes them back */
    rig_wait(tells_refusal(self));
    expect_super(self, FALSE);
    leave_by_keys(self);
    vm_display_page_capture(self->page); /* and never gives them again */
    rig_wait(inhibits(self));
    expect_super(self, FALSE);
    leave_by_keys(self);
    g_free(test_compositor_say(self->compositor, "inhibit 1"));
}

#define ADD(name, function) \
    g_test_add("/guest-surface/" name, Shown, compositor, shown_set_up, function, shown_tear_down)

static void
add_surface_tests(TestCompositor *compositor)
{
    ADD("exact", test_exact);
    ADD("damage", test_damage);
    ADD("flip", test_flip);
    ADD("strips", test_strips);
    ADD("too-large", test_too_large);
    ADD("paused", test_paused);
    ADD("hint", test_hint);
    ADD("no-flicker", test_no_flicker);
    ADD("copies", test_copies);
    if (strcmp(g_getenv("TEST_SCALE"), "1") == 0) { /* once is enough */
        ADD("scale-changes", test_scale_changes);
        ADD("no-tearing", test_no_tearing);
        ADD("shortcuts", test_shortcuts);
    }
}

int
main(int argc, char **argv)
{
    const char *const options[] = {g_getenv("TEST_OPTION"), NULL};
    gboolean sway = strcmp(options[0], "sway") == 0;
    TestCompositor *compositor =
        sway ? test_compositor_new_sway(g_ascii_strtod(g_getenv("TEST_SCALE"), NULL))
             : test_compositor_new(options);
    int status;

    if (!compositor) {
        puts("1..0 # SKIP sway or grim is not installed, or sway does not start here");
        return 0;
    }

    g_setenv("WAYLAND_DISPLAY", compositor->socket, TRUE);
    g_setenv("XDG_RUNTIME_DIR", compositor->folder, TRUE);
    gtk_test_init(&argc, &argv, NULL);
    if (sway) {
        ADD("on-sway", test_on_sway);
        ADD("odd-size", test_odd_size);
        ADD("fullscreen", test_fullscreen);
        status = g_test_run();
        test_compositor_free(compositor);
        return status;
    }
    if (strcmp(options[0], "plain") == 0) {
        ADD("drawn-by-gtk", test_drawn_by_gtk);
    } else {
        add_surface_tests(compositor);
    }
    ADD("odd-size", test_odd_size);
    ADD("whole-steps", test_whole_steps);
    ADD("resize-guest", test_resize_guest);
    ADD("fullscreen", test_fullscreen);
    ADD("window-hidden", test_window_hidden);
    ADD("pointer", test_pointer);
    ADD("cursor", test_cursor);
    status = g_test_run();
    test_compositor_free(compositor);
    return status;
}
