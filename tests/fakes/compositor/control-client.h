/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The test compositor from a GLib test: started here, asked over its control socket. Failures end the
 * test (g_assert).
 */

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
    GPid pid;
    char *folder; /* temporary */
    char *socket; /* for WAYLAND_DISPLAY */
    int control;  /* -1: sway */
} TestCompositor;

/* One line of "surfaces", without the title. */
typedef struct {
    guint id;
    char role[16];
    guint parent;
    int x;
    int y;
    int width;
    int height;
    int buffer_width;
    int buffer_height;
    guint commits;
    guint64 pixels_taken;
    guint64 opaque;
} TestSurface;

/* Pixels 0xRRGGBB. */
typedef struct {
    guint32 *pixels;
    guint width;
    guint height;
} TestPicture;

/* `options`: NULL-terminated, "scale=1.25" and the like. Uses the program in $TEST_COMPOSITOR. */
TestCompositor *test_compositor_new(const char *const *options);
/*
 * sway without a screen instead, for pictures only: what is said to it has no answer. NULL when sway or
 * grim are not installed or sway does not start here. An output of 1280 x 800 logical pixels.
 */
TestCompositor *test_compositor_new_sway(double scale);
/* Ends it and checks that it ended by itself, with status 0. */
void test_compositor_free(TestCompositor *self);
/* One command; the lines of its answer without the last one. The caller's. */
char *test_compositor_say(TestCompositor *self, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* The n-th surface of that role; FALSE when there are not so many. */
gboolean test_compositor_find(TestCompositor *self, const char *role, guint n, TestSurface *ret);
/* The output; free the pixels with g_free(). */
void test_compositor_shot(TestCompositor *self, TestPicture *ret);
/* What one surface shows. */
void test_compositor_pixels(TestCompositor *self, guint id, TestPicture *ret);

G_END_DECLS
