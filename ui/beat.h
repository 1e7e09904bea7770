/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The beat of a window: once a second, for all its widgets that want it at the same moment, and not at all
 * while none of them can be seen. Minimised windows have none.
 */

#include <gtk/gtk.h>

typedef void (*VmBeatFunc)(GtkWidget *widget);

/* Calls func(widget) with each beat of its window while the widget is mapped. One for each widget: another
 * one takes its place. It ends with the widget. */
void vm_beat_join(GtkWidget *widget, VmBeatFunc func);
/* Does nothing where it has not joined. */
void vm_beat_leave(GtkWidget *widget);

/* Whether the window's timer runs; for tests. */
gboolean vm_beat_is_running(GtkWidget *window);
