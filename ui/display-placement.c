/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/display-placement.h"

#include <math.h>

enum {
    STEP_MAX =
        24, /* logical pixels from one common place to the next; else guests get the whole view */
    SLACK = 16, /* device pixels: a picture that is this much too small is not scaled */
    EDGE = 1,   /* logical pixels that are kept from an edge which GTK draws */
    GROUND = 2, /* logical pixels that the ground is larger than the hole */
};

/* The places that are logical and device pixels at once. */
struct grid {
    int scale;  /* 120ths */
    int step;   /* from one to the next, logical */
    int device; /* the same, device pixels */
};

/* One axis of the request. */
struct axis {
    int view;
    int view_length;
    int visible;
    int visible_length;
    int window;
    int window_length;
    int surface; /* 0: GTK draws the picture */
    int picture;
};

/* What a picture may take. */
struct room {
    int hole; /* logical, from and to */
    int hole_end;
    int inner; /* the hole without the edge */
    int inner_end;
    int full; /* the same, device pixels */
    int full_end;
    int exact; /* what a surface can cover that begins and ends at common places */
    int exact_end;
};

struct span {
    double origin; /* of the picture from the view */
    int target;
    int target_length;
    int buffer;
    int at;
    int core; /* logical, from the target */
    int core_length;
    int pixels; /* the same, guest pixels */
    int pixels_length;
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
    return (struct grid){
        .scale = (int)scale, .step = (int)(VM_SCALE_ONE / a), .device = (int)(scale / a)};
}

static int
device_up(const struct grid *grid, int logical)
{
    return ceil_to(logical * grid->scale, VM_SCALE_ONE) / VM_SCALE_ONE;
}

static int
device_down(const struct grid *grid, int logical)
{
    return floor_to(logical * grid->scale, VM_SCALE_ONE) / VM_SCALE_ONE;
}

/* The common place at or before, at or after a device pixel; logical. */
static int
place_before(const struct grid *grid, int device)
{
    return floor_to(device, grid->device) / grid->device * grid->step;
}

static int
place_after(const struct grid *grid, int device)
{
    return ceil_to(device, grid->device) / grid->device * grid->step;
}

/* A surface may reach under what GTK draws around the view, never out of the window. */
static void
get_exact_room(const struct grid *grid, const struct axis *axis, struct room *room)
{
    int begin = floor_to(room->hole, grid->step);
    int end = ceil_to(room->hole_end, grid->step);

    if (begin < axis->window) {
        begin += grid->step;
    }
    if (end > axis->window + axis->window_length) {
        end -= grid->step;
    }
    room->exact = MAX(room->full, begin / grid->step * grid->device);
    room->exact_end = MIN(room->full_end, end / grid->step * grid->device);
}

static struct room
get_room(const struct grid *grid, const struct axis *axis)
{
    struct room room = {.hole = axis->visible, .hole_end = axis->visible + axis->visible_length};
    int window_end = axis->window + axis->window_length;

    if (axis->surface > 0) {
        room.hole = MAX(room.hole, axis->window > 0 ? axis->window + EDGE : 0);
        room.hole_end =
            MIN(room.hole_end, window_end < axis->surface ? window_end - EDGE : axis->surface);
    }
    room.inner = room.hole;
    room.inner_end = room.hole_end;
    if (axis->surface > 0) {
        room.inner += room.hole > 0 ? EDGE : 0;
        room.inner_end -= room.hole_end < axis->surface ? EDGE : 0;
    }
    room.full = device_up(grid, room.inner);
    room.full_end = device_down(grid, room.inner_end);
    room.exact = room.full;
    room.exact_end = room.full_end;
    if (axis->surface > 0) {
        get_exact_room(grid, axis, &room);
    }
    return room;
}

static double
find_factor(const VmPlacementRequest *request, const struct room rooms[2])
{
    int across = rooms[0].exact_end - rooms[0].exact;
    int down = rooms[1].exact_end - rooms[1].exact;
    double factor = MIN((double)across / request->width, (double)down / request->height);

    if (request->scaling == VM_SCALING_NEVER || across < 1 || down < 1) {
        return 1;
    }
    if (factor < 1) {
        return MIN((double)(rooms[0].full_end - rooms[0].full) / request->width,
                   (double)(rooms[1].full_end - rooms[1].full) / request->height);
    }
    if (request->scaling == VM_SCALING_WHOLE) {
        return floor(factor);
    }
    /* The guest took the size that it was asked for, or one of the next modes. */
    return across - (int)request->width < SLACK || down - (int)request->height < SLACK ? 1 : factor;
}

static gboolean
is_exact(const VmPlacementRequest *request, const struct room rooms[2], double factor)
{
    gboolean fits = request->width * factor <= rooms[0].exact_end - rooms[0].exact &&
                    request->height * factor <= rooms[1].exact_end - rooms[1].exact;

    return factor >= 1 && fabs(factor - round(factor)) < 1e-6 &&
           (fits || request->scaling == VM_SCALING_NEVER);
}

/* Of a picture that is not enlarged. */
static void
find_core(const struct grid *grid, int content, struct span *span)
{
    int begin = ceil_to(MAX(span->at, 0), grid->device);
    int end = floor_to(MIN(span->at + content, span->buffer), grid->device);

    span->core = begin / grid->device * grid->step;
    span->core_length = MAX(end - begin, 0) / grid->device * grid->step;
    span->pixels = begin - span->at;
    span->pixels_length = MAX(end - begin, 0);
}

static void
place_exactly(const struct grid *grid, const struct axis *axis, const struct room *room, int expand,
              struct span *ret)
{
    int content = axis->picture * expand;
    int first = room->exact;
    int end = MAX(room->exact_end, room->exact + 1);

    if (content <= end - first) {
        first += (end - first - content) / 2;
    } else { /* scrolled: begins at the view's own place */
        int hidden = device_down(grid, MAX(axis->visible - axis->view, 0));
        first -= CLAMP(hidden, 0, MAX(content - (end - first), 0));
    }
    ret->target = place_before(grid, MAX(first, room->exact));
    ret->target_length = place_after(grid, MIN(first + content, end)) - ret->target;
    ret->buffer = ret->target_length / grid->step * grid->device;
    ret->at = first - ret->target / grid->step * grid->device;
    ret->origin = (double)first * VM_SCALE_ONE / grid->scale - axis->view;
    if (expand == 1) {
        find_core(grid, content, ret);
    }
}

static void
place_scaled(const struct grid *grid, const struct axis *axis, const struct room *room,
             double factor, struct span *ret)
{
    int space = MAX(room->inner_end - room->inner, 1);
    int length = (int)round(axis->picture * factor * VM_SCALE_ONE / grid->scale);

    ret->target_length = CLAMP(length, 1, space);
    ret->target = room->inner + (space - ret->target_length) / 2;
    ret->buffer = axis->picture;
    ret->at = 0;
    ret->origin = ret->target - axis->view;
    ret->core_length = ret->target_length;
    ret->pixels_length = axis->picture;
}

static struct axis
across_of(const VmPlacementRequest *request)
{
    return (struct axis){
        request->view.x,   request->view.width,   request->visible.x,     request->visible.width,
        request->window.x, request->window.width, request->surface_width, (int)request->width,
    };
}

static struct axis
down_of(const VmPlacementRequest *request)
{
    return (struct axis){
        request->view.y,   request->view.height,   request->visible.y,      request->visible.height,
        request->window.y, request->window.height, request->surface_height, (int)request->height,
    };
}

static void
get_ground(const struct axis *axis, const struct room *room, int *ret_at, int *ret_length)
{
    int begin = MAX(room->hole - GROUND, axis->window);
    int end = MIN(room->hole_end + GROUND, axis->window + axis->window_length);

    *ret_at = begin;
    *ret_length = MAX(end - begin, 1);
}

void
vm_placement_compute(const VmPlacementRequest *request, VmPlacement *ret)
{
    const struct grid grid = grid_for(request->scale);
    const struct axis axes[2] = {across_of(request), down_of(request)};
    const struct room rooms[2] = {get_room(&grid, &axes[0]), get_room(&grid, &axes[1])};
    double factor = find_factor(request, rooms);
    gboolean whole = is_exact(request, rooms, factor);
    struct span spans[2] = {{.core = 0}, {.core = 0}};

    for (guint i = 0; i < 2; i++) {
        if (whole) {
            place_exactly(&grid, &axes[i], &rooms[i], (int)round(factor), &spans[i]);
        } else {
            place_scaled(&grid, &axes[i], &rooms[i], factor, &spans[i]);
        }
    }
    *ret = (VmPlacement){
        .x = spans[0].origin,
        .y = spans[1].origin,
        .scale = factor * VM_SCALE_ONE / grid.scale,
        .whole = whole,
        .hole = {rooms[0].hole, rooms[1].hole, MAX(rooms[0].hole_end - rooms[0].hole, 0),
                 MAX(rooms[1].hole_end - rooms[1].hole, 0)},
        .target = {spans[0].target, spans[1].target, spans[0].target_length,
                   spans[1].target_length},
        .expand = whole ? (guint)round(factor) : 1,
        .buffer_width = (guint)spans[0].buffer,
        .buffer_height = (guint)spans[1].buffer,
        .buffer_x = spans[0].at,
        .buffer_y = spans[1].at,
        .core = {spans[0].core, spans[1].core, spans[0].core_length, spans[1].core_length},
        .core_pixels = {spans[0].pixels, spans[1].pixels, spans[0].pixels_length,
                        spans[1].pixels_length},
    };
    get_ground(&axes[0], &rooms[0], &ret->ground.x, &ret->ground.width);
    get_ground(&axes[1], &rooms[1], &ret->ground.y, &ret->ground.height);
}

static guint
ask_for(const struct grid *grid, const struct axis *axis)
{
    struct room room = get_room(grid, axis);
    int pixels = grid->step <= STEP_MAX ? room.exact_end - room.exact : room.full_end - room.full;

    return (guint)MAX(pixels, 0) & ~1U;
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
    double scale = (double)request->scale / VM_SCALE_ONE;
    const struct grid grid = grid_for(request->scale);
    /* Both edges of the hole and of the picture, and up to a common place on each side. */
    int more = request->surface_width > 0 ? 4 * EDGE + 2 * grid.step : 0;

    *ret_width = (int)ceil(request->width / scale) + more;
    *ret_height = (int)ceil(request->height / scale) + more;
}
