/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fakes/compositor/compositor.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * A window begins at a whole device pixel and its own surface has a whole number of them; everything
 * in it stands exactly where it asked, even between pixels, and is filtered then. So a client that
 * places its pixels wrongly is seen.
 */

struct place {
    double x; /* device pixels */
    double y;
    double width;
    double height;
};

static uint32_t
blend(uint32_t under, uint32_t over)
{
    uint32_t rest = 255 - (over >> 24);
    uint32_t result = 0;

    if (rest == 0) {
        return over;
    }
    for (int shift = 0; shift < 32; shift += 8) {
        uint32_t value = (over >> shift & 0xff) + ((under >> shift & 0xff) * rest + 127) / 255;
        result |= (value > 255 ? 255 : value) << shift;
    }
    return result;
}

/* `share` of b in 256ths. */
static uint32_t
mix(uint32_t a, uint32_t b, uint32_t share)
{
    uint32_t low = (a & 0xff00ff) * (256 - share) + (b & 0xff00ff) * share + 0x800080;
    uint32_t high = (a >> 8 & 0xff00ff) * (256 - share) + (b >> 8 & 0xff00ff) * share + 0x800080;

    return (low >> 8 & 0xff00ff) | (high & 0xff00ff00);
}

static int
clamp(int value, int last)
{
    return value < 0 ? 0 : value > last ? last : value;
}

/* Bilinear; x and y in pixels, a pixel's middle at .5. */
static uint32_t
sample(const struct image *image, double x, double y)
{
    double left = floor(x - 0.5 + 1e-9);
    double top = floor(y - 0.5 + 1e-9);
    int x0 = clamp((int)left, image->width - 1);
    int x1 = clamp((int)left + 1, image->width - 1);
    const uint32_t *row0 =
        image->pixels + (size_t)clamp((int)top, image->height - 1) * (size_t)image->width;
    const uint32_t *row1 =
        image->pixels + (size_t)clamp((int)top + 1, image->height - 1) * (size_t)image->width;
    uint32_t across = (uint32_t)(fmax(x - 0.5 - left, 0) * 256 + 0.5);
    uint32_t down = (uint32_t)(fmax(y - 0.5 - top, 0) * 256 + 0.5);

    return mix(mix(row0[x0], row0[x1], across), mix(row1[x0], row1[x1], across), down);
}

/* One pixel of the buffer for each device pixel: nothing to filter. */
static bool
draw_as_it_is(struct image *out, const struct image *image, const struct place *at,
              const double source[4])
{
    for (int i = 0; i < 4; i++) {
        if (source[i] != floor(source[i])) {
            return false;
        }
    }
    if (at->x != floor(at->x) || at->y != floor(at->y) || at->width != source[2] ||
        at->height != source[3]) {
        return false;
    }
    int left = (int)fmax(at->x, 0);
    int top = (int)fmax(at->y, 0);
    int right = (int)fmin(at->x + at->width, out->width);
    int bottom = (int)fmin(at->y + at->height, out->height);
    for (int j = top; j < bottom; j++) {
        uint32_t *row = out->pixels + (size_t)j * (size_t)out->width;
        const uint32_t *from = image->pixels +
                               (size_t)(j - (int)at->y + (int)source[1]) * (size_t)image->width +
                               (int)source[0] - (int)at->x;
        for (int i = left; i < right; i++) {
            row[i] = blend(row[i], from[i]);
        }
    }
    return true;
}

static void
draw(struct image *out, const struct surface *surface, const struct place *at)
{
    const struct viewport_state *view = &surface->current.viewport;
    double scale = surface->current.scale;
    double x = view->width >= 0 ? view->x * scale : 0;
    double y = view->width >= 0 ? view->y * scale : 0;
    double width = view->width >= 0 ? view->width * scale : surface->image.width;
    double height = view->width >= 0 ? view->height * scale : surface->image.height;
    int left = (int)fmax(ceil(at->x - 0.5), 0);
    int top = (int)fmax(ceil(at->y - 0.5), 0);
    int right = (int)fmin(ceil(at->x + at->width - 0.5), out->width);
    int bottom = (int)fmin(ceil(at->y + at->height - 0.5), out->height);

    if (draw_as_it_is(out, &surface->image, at, (double[]){x, y, width, height})) {
        return;
    }
    for (int j = top; j < bottom; j++) {
        uint32_t *row = out->pixels + (size_t)j * (size_t)out->width;
        double v = y + (j + 0.5 - at->y) / at->height * height;
        for (int i = left; i < right; i++) {
            double u = x + (i + 0.5 - at->x) / at->width * width;
            row[i] = blend(row[i], sample(&surface->image, u, v));
        }
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): subsurfaces nest */
static void
draw_tree(struct image *out, const struct surface *surface, double x, double y)
{
    double scale = scale_of(surface->compositor);
    bool root = surface->role != ROLE_SUBSURFACE;
    struct stack_entry *entry;

    if (!surface->image.pixels) {
        return;
    }
    wl_list_for_each(entry, &surface->stack, link) {
        const struct surface *child = entry->surface;
        if (child != surface) {
            draw_tree(out, child, x + child->x * scale, y + child->y * scale);
            continue;
        }
        struct place at = {x, y, surface_width(surface) * scale, surface_height(surface) * scale};
        if (root) {
            at.width = round(at.width);
            at.height = round(at.height);
        }
        draw(out, surface, &at);
    }
}

/* Where the surface of a toplevel or popup begins, logical. */
static void
root_origin(const struct surface *surface, double *ret_x, double *ret_y)
{
    double x = 0;
    double y = 0;

    /* A popup's place is counted from its parent's geometry, not from its surface. */
    const struct surface *at = surface;
    for (; at->parent && at->role == ROLE_POPUP; at = at->parent) {
        x += at->x;
        y += at->y;
    }
    x += at->x;
    y += at->y;
    pixman_box32_t geometry = shell_geometry(surface->xdg);
    x -= geometry.x1;
    y -= geometry.y1;
    *ret_x = x;
    *ret_y = y;
}

bool
compose_output(struct compositor *compositor, struct image *ret_image)
{
    double scale = scale_of(compositor);
    struct image image = {.width = (int)lround(compositor->width * scale),
                          .height = (int)lround(compositor->height * scale)};
    size_t n = (size_t)image.width * (size_t)image.height;
    struct xdg_surface *xdg;

    image.pixels = malloc(n * 4);
    if (!image.pixels) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        image.pixels[i] = compositor->background;
    }
    wl_list_for_each(xdg, &compositor->toplevels, link) {
        double x;
        double y;
        root_origin(xdg->surface, &x, &y);
        draw_tree(&image, xdg->surface, round(x * scale), round(y * scale));
    }
    *ret_image = image;
    return true;
}

bool
image_write(const struct image *image, const char *path)
{
    FILE *file = fopen(path, "we");
    bool good;

    if (!file) {
        return false;
    }
    fprintf(file, "P6\n%d %d\n255\n", image->width, image->height);
    size_t n = (size_t)image->width * (size_t)image->height;
    for (size_t i = 0; i < n; i++) {
        uint32_t pixel = image->pixels[i];
        putc_unlocked((int)(pixel >> 16 & 0xff), file);
        putc_unlocked((int)(pixel >> 8 & 0xff), file);
        putc_unlocked((int)(pixel & 0xff), file);
    }
    good = !ferror(file);
    return fclose(file) == 0 && good;
}

/* Input */

/* NOLINTNEXTLINE(misc-no-recursion): subsurfaces nest */
static struct surface *
find_in_tree(struct surface *surface, double x, double y, double ret[2])
{
    struct stack_entry *entry;

    if (!surface->image.pixels) {
        return NULL;
    }
    wl_list_for_each_reverse(entry, &surface->stack, link)
    {
        struct surface *child = entry->surface;
        if (child != surface) {
            struct surface *found = find_in_tree(child, x - child->x, y - child->y, ret);
            if (found) {
                return found;
            }
        } else if (x >= 0 && y >= 0 && x < surface_width(surface) && y < surface_height(surface) &&
                   pixman_region32_contains_point(&surface->current.input, (int)x, (int)y, NULL)) {
            ret[0] = x;
            ret[1] = y;
            return surface;
        }
    }
    return NULL;
}

struct surface *
compose_find(struct compositor *compositor, double x, double y, double *ret_x, double *ret_y)
{
    double scale = scale_of(compositor);
    struct xdg_surface *xdg;
    double at[2];

    wl_list_for_each_reverse(xdg, &compositor->toplevels, link)
    {
        double left;
        double top;
        root_origin(xdg->surface, &left, &top);
        left = round(left * scale) / scale; /* where it is drawn */
        top = round(top * scale) / scale;
        struct surface *found = find_in_tree(xdg->surface, x - left, y - top, at);
        if (found) {
            *ret_x = at[0];
            *ret_y = at[1];
            return found;
        }
    }
    return NULL;
}

/* Recording */

/* Device pixels of all window geometries where nothing hides the background. */
static uint32_t
count_bare(const struct compositor *compositor, const struct image *image)
{
    const struct xdg_surface *xdg;
    double scale = scale_of(compositor);
    uint32_t bare = 0;

    wl_list_for_each(xdg, &compositor->toplevels, link) {
        pixman_box32_t geometry = shell_geometry(xdg);
        int left = (int)ceil(xdg->surface->x * scale);
        int top = (int)ceil(xdg->surface->y * scale);
        int right = left + (int)floor((geometry.x2 - geometry.x1) * scale) - 1;
        int bottom = top + (int)floor((geometry.y2 - geometry.y1) * scale) - 1;
        if (xdg->surface->role != ROLE_TOPLEVEL) {
            continue;
        }
        for (int y = top; y < bottom && y < image->height; y++) {
            const uint32_t *row = image->pixels + (size_t)y * (size_t)image->width;
            for (int x = left; x < right && x < image->width; x++) {
                bare += row[x] == compositor->background;
            }
        }
    }
    return bare;
}

static uint32_t
checksum(const struct image *image)
{
    uint32_t sum = 2166136261U; /* FNV-1a */
    size_t n = (size_t)image->width * (size_t)image->height;

    for (size_t i = 0; i < n; i++) {
        sum = (sum ^ (image->pixels[i] & 0xffffff)) * 16777619U;
    }
    return sum;
}

/* With what its subsurfaces show of it. */
static uint32_t
count_steps(const struct surface *surface)
{
    double scale = scale_of(surface->compositor);
    struct image image = {.width = (int)lround(surface_width(surface) * scale),
                          .height = (int)lround(surface_height(surface) * scale)};
    uint32_t steps = 0;
    size_t at = (size_t)image.width / 2;

    image.pixels = calloc((size_t)image.width * (size_t)image.height, 4);
    if (image.pixels) {
        draw_tree(&image, surface, 0, 0);
        for (int y = 1; y < image.height; y++, at += (size_t)image.width) {
            steps += image.pixels[at] != image.pixels[at + (size_t)image.width];
        }
    }
    free(image.pixels);
    return steps;
}

void
record_frame(struct surface *surface)
{
    struct compositor *compositor = surface->compositor;
    struct recorder *recorder = &compositor->recorder;
    struct frame_record *record;
    struct image image;

    if (!recorder->on || !compose_output(compositor, &image)) {
        return;
    }
    record = wl_array_add(&recorder->frames, sizeof(*record));
    *record = (struct frame_record){.surface = surface->id,
                                    .width = surface_width(surface),
                                    .height = surface_height(surface),
                                    .bare = count_bare(compositor, &image),
                                    .checksum = checksum(&image),
                                    .steps = count_steps(surface)};
    if (recorder->folder) {
        char path[4096];
        snprintf(path, sizeof(path), "%s/%05zu.ppm", recorder->folder,
                 recorder->frames.size / sizeof(*record));
        image_write(&image, path);
    }
    free(image.pixels);
}
