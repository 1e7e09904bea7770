/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "display/layout.h"

#include "display/input-link.h"

struct place {
    const VmScanout *scanout; /* NULL: not on the desktop */
    gint64 x;
    gint64 y;
};

/* Where it lies in a picture that an earlier one shows a part of; FALSE when there is none. */
static gboolean
place_in_same(struct place *places, guint n, struct place *place)
{
    const VmScanout *scanout = place->scanout;

    for (guint i = 0; i < n; i++) {
        const VmScanout *other = places[i].scanout;

        if (other && other->buffer == scanout->buffer && other->stride == scanout->stride) {
            place->x = places[i].x + (gint64)(scanout->offset % scanout->stride / 4) -
                       (gint64)(other->offset % other->stride / 4);
            place->y = places[i].y + (gint64)(scanout->offset / scanout->stride) -
                       (gint64)(other->offset / other->stride);
            return TRUE;
        }
    }
    return FALSE;
}

void
vm_layout_place(VmGpuLink *gpu, VmScreen *screen, guint x, guint y, guint *ret_x, guint *ret_y)
{
    struct place places[VM_SCREENS_MAX] = {0};
    gint64 left = 0;
    gint64 top = 0;
    gint64 right = 0;
    gint64 bottom = 0;

    for (guint i = 0; i < vm_gpu_link_get_maximum(gpu); i++) {
        VmScreen *other = vm_gpu_link_get_screen(gpu, i);
        struct place *place = &places[i];

        if (!other || !vm_screen_get_scanout(other)->buffer) {
            continue;
        }
        place->scanout = vm_screen_get_scanout(other);
        if (!place_in_same(places, i, place)) {
            place->x = right;
        }
        left = MIN(left, place->x);
        top = MIN(top, place->y);
        right = MAX(right, place->x + place->scanout->width);
        bottom = MAX(bottom, place->y + place->scanout->height);
    }
    *ret_x = vm_input_absolute((guint)(places[vm_screen_get_number(screen)].x - left + x),
                               (guint)(right - left));
    *ret_y = vm_input_absolute((guint)(places[vm_screen_get_number(screen)].y - top + y),
                               (guint)(bottom - top));
}
