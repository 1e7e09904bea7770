/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Watching a descriptor that is ready for every frame. */

#include <glib-unix.h>

G_BEGIN_DECLS

/*
 * As g_unix_fd_add(), at the same price for each event as the work itself: GLib takes the descriptor of an
 * ordinary source out of its list while the function runs and puts it back, and each wakes the main loop,
 * by four more system calls and another round. So `function` must not run a main loop of its own.
 */
guint vm_watch_add(gint fd, GIOCondition condition, GUnixFDSourceFunc function, gpointer user_data);

G_END_DECLS
