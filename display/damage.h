/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A small set of rectangles that still have to be told to somebody. Rectangles are merged only when
 * that adds no pixel, until there are too many of them; then the pair that grows least is merged.
 */

#include <glib.h>

G_BEGIN_DECLS

enum {
    VM_DAMAGE_MAX = 16
};

typedef struct {
    gint x;
    gint y;
    gint width;
    gint height;
} VmRect;

typedef struct {
    guint count;
    VmRect rects[VM_DAMAGE_MAX];
} VmDamage;

/* Edges must be at most GPU_EDGE_MAX; an empty rectangle changes nothing. */
void vm_damage_add(VmDamage *damage, const VmRect *rect);
void vm_damage_clear(VmDamage *damage);
/* Take the oldest rectangle out; FALSE when there is none. */
gboolean vm_damage_take(VmDamage *damage, VmRect *ret_rect);

G_END_DECLS
