/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What tests of windows share: waiting, and finding what is in them. */

#include <gtk/gtk.h>

G_BEGIN_DECLS

enum {
    WAIT_UNTIL_MS = 60000, /* a limit, for slow machines; nothing waits that long */
};

#define wait_until(condition)                                                           \
    do {                                                                                \
        gint64 end_ = g_get_monotonic_time() + WAIT_UNTIL_MS * G_TIME_SPAN_MILLISECOND; \
        while (!(condition)) {                                                          \
            g_assert_cmpint(g_get_monotonic_time(), <, end_);                           \
            g_main_context_iteration(NULL, FALSE);                                      \
            g_usleep(500);                                                              \
        }                                                                               \
    } while (0)

/* The main loop runs. */
void run_for(guint ms);

/* The first one of that kind in `widget`, itself included; NULL: there is none. */
GtkWidget *find_type(GtkWidget *widget, GType type);

G_END_DECLS
