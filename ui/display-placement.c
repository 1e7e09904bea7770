/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/display-placement.h"

#include <math.h>

enum {
    STEP_MAX = 24, /* logical pixels from one common place to the next; else nothing is exact */
    SLACK = 16,    /* device pixels: a picture that is this much too small is not scaled */
};

/* The grid of places that are logical and device pixels at once. */
struct grid {
    int step;   /* logical */
    int device; /* the same, device pixels */
    double scale;
    gboolean exact;
};

/* One axis of the request and of the result. */
struct axis {
    int view;
    int view_length;
    int visible;
    int visible_length;
    int picture;
};

struct span {
    double origin; /* of the picture from the view */
    int target;
    int target_length;
    guint buffer;
    double source;
    double source_length;
};

static int
floor_to(int value, int step)
{
    return (int)floor((double)value / step) * step;
}

static int
ceil_to(int value, int step)
{
    return (int)ceil((double)value / step) * step;
}

static struct grid
grid_for(guint scale)
{
    guint a = scale;
    guint b = VM_SCALE_ONE;

    while (b) {
        guint rest = a % b;
        a = b;
        b = rest;
    }
    struct grid grid = {.step = (int)(VM_SCALE_ONE / a),
                        .device = (int)(scale / a),
                        .scale = (double)scale / VM_SCALE_ONE,
                        .exact = VM_SCALE_ONE / a <= STEP_MAX};
    if (!grid.exact) {
        grid.step = 1;
    }
    return grid;
}

/* How many device pixels the visible part has between its first and last common place. */
static int
room(const struct grid *grid, const struct axis *axis)
{
    int low = ceil_to(axis->visible, grid->step);
    int high = floor_to(axis->visible + axis->visible_length, grid->step);

    return high > low ? (int)floor((high - low) * grid->scale) : 0;
}

static double
find_factor(const VmPlacementRequest *request, double across, double down)
{
    double factor = MIN(across / request->width, down / request->height);

    if (request->scaling == VM_SCALING_NEVER || across < 1 || down < 1) {
        return 1;
    }
    if (factor < 1) {
        return factor;
    }
    if (request->scaling == VM_SCALING_WHOLE) {
        return floor(factor);
    }
    /* The guest took the size that it was asked for, or one of the next modes. */
    return across - request->width < SLACK || down - request->height < SLACK ? 1 : factor;
}

static void
place_exactly(const struct grid *grid, const struct axis *axis, int expand, struct span *ret)
{
    int low = ceil_to(axis->visible, grid->step);
    int available = (floor_to(axis->visible + axis->visible_length, grid->step) - low) / grid->step;
    int content = axis->picture * expand;
    int needed = (content + grid->device - 1) / grid->device;
    int hidden = 0;

    if (needed <= available) {
        low += (available - needed) / 2 * grid->step;
    } else {
        /* Scrolled: begins at the view's own place. */
        hidden = (low - ceil_to(axis->view, grid->step)) / grid->step * grid->device;
        hidden = CLAMP(hidden, 0, MAX(content - 1, 0));
        needed = MIN(MAX(available, 1), (content - hidden + grid->device - 1) / grid->device);
    }
    ret->target = low;
    ret->target_length = needed * grid->step;
    ret->source = hidden;
    ret->source_length = needed * grid->device;
    ret->buffer = (guint)MAX(content, hidden + needed * grid->device);
    ret->origin = low - axis->view - hidden / grid->scale;
}

static void
place_scaled(const struct grid *grid, const struct axis *axis, double factor, struct span *ret)
{
    int length = MAX((int)round(axis->picture * factor / grid->scale), 1);
    int hidden = 0;

    ret->target = axis->visible + (axis->visible_length - length) / 2;
    if (length > axis->visible_length) {
        hidden = CLAMP(axis->visible - axis->view, 0, length - 1);
        ret->target = axis->visible;
    }
    ret->target_length = MAX(MIN(length - hidden, axis->visible_length), 1);
    ret->source = (double)hidden / length * axis->picture;
    ret->source_length = (double)ret->target_length / length * axis->picture;
    ret->buffer = (guint)axis->picture;
    ret->origin = ret->target - axis->view - hidden;
}

static struct axis
across_of(const VmPlacementRequest *request)
{
    return (struct axis){request->view.x, request->view.width, request->visible.x,
                         request->visible.width, (int)request->width};
}

static struct axis
down_of(const VmPlacementRequest *request)
{
    return (struct axis){request->view.y, request->view.height, request->visible.y,
                         request->visible.height, (int)request->height};
}

void
vm_placement_compute(const VmPlacementRequest *request, VmPlacement *ret)
{
    const struct grid grid = grid_for(request->scale);
    const struct axis axes[2] = {across_of(request), down_of(request)};
    double factor = find_factor(request, room(&grid, &axes[0]), room(&grid, &axes[1]));
    gboolean whole = grid.exact && factor >= 1 && fabs(factor - round(factor)) < 1e-6;
    struct span spans[2];

    for (guint i = 0; i < 2; i++) {
        if (whole) {
            place_exactly(&grid, &axes[i], (int)round(factor), &spans[i]);
        } else {
            place_scaled(&grid, &axes[i], factor, &spans[i]);
        }
    }
    *ret = (VmPlacement){
        .x = spans[0].origin,
        .y = spans[1].origin,
        .scale = factor / grid.scale,
        .whole = whole,
        .target = {spans[0].target, spans[1].target, spans[0].target_length,
                   spans[1].target_length},
        .expand = whole ? (guint)round(factor) : 1,
        .buffer_width = spans[0].buffer,
        .buffer_height = spans[1].buffer,
        .source_x = spans[0].source,
        .source_y = spans[1].source,
        .source_width = spans[0].source_length,
        .source_height = spans[1].source_length,
    };
}

static guint
ask_for(const struct grid *grid, const struct axis *axis)
{
    int pixels = room(grid, axis);

    if (grid->exact && pixels > 0) {
        int unit = grid->device % 2 ? 2 * grid->device : grid->device;
        return (guint)floor_to(pixels, unit);
    }
    return (guint)pixels & ~1U;
}

void
vm_placement_get_size(const VmPlacementRequest *request, guint *ret_width, guint *ret_height)
{
    const struct grid grid = grid_for(request->scale);
    const struct axis across = across_of(request);
    const struct axis down = down_of(request);

    *ret_width = ask_for(&grid, &across);
    *ret_height = ask_for(&grid, &down);
}

void
vm_placement_get_view_size(const VmPlacementRequest *request, int *ret_width, int *ret_height)
{
    const struct grid grid = grid_for(request->scale);
    int more = grid.step - 1; /* up to the first common place */

    if (!grid.exact) {
        *ret_width = (int)ceil(request->width / grid.scale);
        *ret_height = (int)ceil(request->height / grid.scale);
        return;
    }
    *ret_width = ceil_to((int)request->width, grid.device) / grid.device * grid.step + more;
    *ret_height = ceil_to((int)request->height, grid.device) / grid.device * grid.step + more;
}
