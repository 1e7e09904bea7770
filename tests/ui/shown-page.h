/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A display page with the real vmm-display on the test compositor, or on sway, and where on the screen
 * the guest's picture is. Failures end the test (g_assert).
 */

#include <gtk/gtk.h>

#include "tests/display/rig.h"
#include "tests/fakes/compositor/control-client.h"
#include "ui/display-page.h"
#include "vmm/client/vm-connection.h"

enum {
    WIDTH = 640,
    HEIGHT = 480,
};

typedef struct {
    TestCompositor *compositor; /* the process's one */
    double scale;
    Rig *rig;
    VmConnection *connection;
    GtkWidget *window;
    VmDisplayPage *page;
    guint32 *pixels;
    guint width;
    guint height;
    guint buffers;
} Shown;

guint32 shown_noise(guint x, guint y, guint seed);
/* The guest takes another size. */
void shown_show(Shown *self, guint width, guint height, guint seed);
/* The same as what a graphics card drew, as buffer `buffers` and on: only with /dev/udmabuf. */
void shown_show_texture(Shown *self, guint seed);
/* The guest flips to that one. */
void shown_flip_texture(Shown *self, guint buffer);
/* 40 x 30 new pixels. */
void shown_update(Shown *self, int x, int y, guint seed);
/* Where the picture is on the screen, each pixel `expand` times as it is; FALSE: nowhere. */
gboolean shown_find_picture(Shown *self, guint expand, guint *ret_x, guint *ret_y);
gboolean shown_is_exact(Shown *self);
/* The picture's, id 0: none; the dark ground is another one below it. */
TestSurface shown_guest_surface(Shown *self);
TestSurface shown_window_surface(Shown *self);
/* Wait until GTK has drawn all that it wants to; how often it did. */
guint shown_settle(Shown *self);
/* Pixels that the page's view copied for the compositor since it was made. */
guint64 shown_n_copied(Shown *self);
/* `data`: the TestCompositor. */
void shown_set_up(Shown *self, gconstpointer data);
void shown_tear_down(Shown *self, gconstpointer data);
