/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where a pixel of one display lies on the absolute axes of the pointer. There is one pointer for all
 * displays, and a guest's desktop spreads its axes over all of them together, side by side in the order
 * of their numbers, as the guest is told (GET_DISPLAY_INFO). Displays that show parts of one picture
 * lie as these parts do; those that show nothing are not on the desktop.
 */

#include "display/gpu-link.h"

G_BEGIN_DECLS

/* `x` and `y` are inside of the screen's scanout; results are 0 ... INPUT_ABS_MAX. */
void vm_layout_place(VmGpuLink *gpu, VmScreen *screen, guint x, guint y, guint *ret_x,
                     guint *ret_y);

G_END_DECLS
