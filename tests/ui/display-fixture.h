/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The display page on a real X server (Xvfb) with the real vmm-display; the gpu and input processes are
 * played by tests/display/rig.h. Failures end the test.
 */

#include <gtk/gtk.h>

#include "tests/display/rig.h"
#include "ui/display-page.h"
#include "vmm/client/vm-connection.h"

G_BEGIN_DECLS

enum {
    DISPLAY_FIXTURE_WIDTH = 640,
    DISPLAY_FIXTURE_HEIGHT = 480,
    DISPLAY_FIXTURE_MARGIN =
        80, /* the window is larger than the picture by this much, on each side */
};

typedef struct {
    Rig *rig;
    VmConnection *connection;
    GtkWidget *window;
    VmDisplayPage *page;
    guint32 *pixels; /* of buffer 1, which is shown: 0x204060 */
} DisplayFixture;

/* For g_test_add(). A window of its own that is active; the machine has a second display that is not plugged in. */
void display_fixture_set_up(DisplayFixture *self, gconstpointer data);
void display_fixture_tear_down(DisplayFixture *self, gconstpointer data);

void display_fixture_capture(DisplayFixture *self);
/* A raw event of a key of linux/input-event-codes.h; `state`: GDK's modifiers that are held. */
void display_fixture_key(DisplayFixture *self, guint code, gboolean press, guint state);
/* The guest's next key event. */
void display_fixture_expect_key(DisplayFixture *self, guint code, gint value);
/* The overlay of that kind. */
GtkRevealer *display_fixture_overlay(DisplayFixture *self, GType type);

G_END_DECLS
