/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How the times between a guest's pictures spread: a bar for each 2 ms, and one for all that are longer. */

#include <gtk/gtk.h>

#define VM_TYPE_FRAME_HISTOGRAM (vm_frame_histogram_get_type())
G_DECLARE_FINAL_TYPE(VmFrameHistogram, vm_frame_histogram, VM, FRAME_HISTOGRAM, GtkDrawingArea)

/* Microseconds; they are copied. */
void vm_frame_histogram_set(VmFrameHistogram *self, const guint32 *times, gsize n);
/* One line: how many, the middle one, the longest. Free with g_free(). */
char *vm_frame_histogram_dup_words(const guint32 *times, gsize n);
