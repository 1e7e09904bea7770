/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "display/damage.h"

#include <string.h>

static gint64
area(const VmRect *rect)
{
    return (gint64)rect->width * rect->height;
}

static VmRect
bounds(const VmRect *a, const VmRect *b)
{
    gint right = MAX(a->x + a->width, b->x + b->width);
    gint bottom = MAX(a->y + a->height, b->y + b->height);
    VmRect both = {.x = MIN(a->x, b->x), .y = MIN(a->y, b->y)};

    both.width = right - both.x;
    both.height = bottom - both.y;
    return both;
}

/* Pixels that the bounding rectangle has more than the two together, at least. */
static gint64
growth(const VmRect *a, const VmRect *b)
{
    VmRect both = bounds(a, b);

    return area(&both) - area(a) - area(b);
}

static void
remove_at(VmDamage *damage, guint index)
{
    damage->count--;
    memmove(&damage->rects[index], &damage->rects[index + 1],
            (damage->count - index) * sizeof(VmRect));
}

static guint
find_least_growth(const VmDamage *damage, const VmRect *rect, gint64 *ret_growth)
{
    guint best = 0;

    for (guint i = 1; i < damage->count; i++) {
        if (growth(&damage->rects[i], rect) < growth(&damage->rects[best], rect)) {
            best = i;
        }
    }
    *ret_growth = growth(&damage->rects[best], rect);
    return best;
}

void
vm_damage_add(VmDamage *damage, const VmRect *rect)
{
    VmRect merged = *rect;

    if (rect->width <= 0 || rect->height <= 0) {
        return;
    }
    while (damage->count > 0) {
        gint64 grows;
        guint i = find_least_growth(damage, &merged, &grows);

        if (grows > 0 && damage->count < VM_DAMAGE_MAX) {
            break;
        }
        merged = bounds(&merged, &damage->rects[i]);
        remove_at(damage, i);
    }
    damage->rects[damage->count++] = merged;
}

void
vm_damage_clear(VmDamage *damage)
{
    damage->count = 0;
}

gboolean
vm_damage_take(VmDamage *damage, VmRect *ret_rect)
{
    if (damage->count == 0) {
        return FALSE;
    }
    *ret_rect = damage->rects[0];
    remove_at(damage, 0);
    return TRUE;
}
