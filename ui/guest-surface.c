/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/guest-surface.h"

#include "ui/guest-buffer.h"
#include "ui/guest-dmabuf.h"
#include "ui/same-card.h"

enum {
    LET_GO_LIMIT_MS = 50, /* for the compositor to let go of what it showed before */
};

struct vm_guest_surface {
    const VmWayland *wayland;
    GdkWindow *toplevel;
    struct wl_surface *parent; /* compared only */
    struct wl_surface *surface;
    struct wl_subsurface *subsurface;
    struct wp_viewport *viewport;
    struct wl_surface *ground; /* dark, below it */
    struct wl_subsurface *ground_subsurface;
    struct wp_viewport *ground_viewport;
    struct wl_buffer *ground_buffer;
    struct wp_fractional_scale_v1 *fractional; /* NULL: whole scales only */
    struct wl_callback *frame;                 /* the screen still shows the last pixels */
    guint64 taken;                             /* last */
    guint64 seen;                              /* of these, on the screen */
    guint64 seen_turn;                         /* of the dmabuf that is there */
    guint let_go_limit;       /* 0: it is not waited for that older ones are let go of */
    gboolean repeats;         /* the last pixels are in the same dmabuf as those before */
    guint scale;              /* 0: not told yet */
    struct wl_output *output; /* the one it came onto last; compared only */
    const VmGuestSurfaceEvents *events;
    gpointer data;

    VmPicture picture;     /* width 0: none */
    VmGuestBuffer *buffer; /* NULL: to be made for the picture as it is */
    VmGuestCopy copy;      /* what the buffer was made for */
    guint64 n_copied;      /* pixels, into buffers that are gone */
    VmGuestDmabuf *dmabuf; /* NULL: the compositor takes none */
    gboolean on_dmabuf;    /* what the placement calls the core is shown there */
    gboolean fresh;        /* the surface lacks its buffer */
    VmPlacement placement;
    gboolean placed;        /* shown, with that placement */
    gboolean with_parent;   /* what was committed waits for GTK's next frame */
    cairo_region_t *damage; /* not shown yet */
    GdkFrameClock *clock;   /* the toplevel's */
    gulong after_paint;
};

/* The scale */

static void
on_preferred_scale(void *data, struct wp_fractional_scale_v1 *fractional, uint32_t scale)
{
    VmGuestSurface *self = data;

    (void)fractional;
    if (self->scale != scale && scale > 0) {
        self->scale = scale;
        self->events->scale_changed(self->data);
    }
}

static void
on_enter(void *data, struct wl_surface *surface, struct wl_output *output)
{
    VmGuestSurface *self = data;

    (void)surface;
    if (!self->fractional && vm_wayland_get_output_scale(self->wayland, output) > 0) {
        self->output = output;
        self->events->scale_changed(self->data);
    }
}

static void
on_leave(void *data, struct wl_surface *surface, struct wl_output *output)
{
}

guint
vm_guest_surface_get_scale(VmGuestSurface *self)
{
    guint scale = self->scale;

    if (scale == 0) {
        scale = vm_wayland_get_output_scale(self->wayland, self->output);
    }
    return scale > 0 ? scale : VM_SCALE_ONE * (guint)gdk_window_get_scale_factor(self->toplevel);
}

/* Pixels */

static void flush(VmGuestSurface *self);

static void
tell_presented(VmGuestSurface *self)
{
    g_clear_handle_id(&self->let_go_limit, g_source_remove);
    self->events->presented(self->data, self->seen);
}

static gboolean
on_not_let_go(gpointer data)
{
    VmGuestSurface *self = data;

    self->let_go_limit = 0;
    tell_presented(self);
    return G_SOURCE_REMOVE;
}

static gboolean
reads_older(const VmGuestSurface *self)
{
    return self->dmabuf && vm_guest_dmabuf_reads_older(self->dmabuf, self->seen_turn);
}

/*
 * A compositor that shows buffers themselves says so before the screen changes; it lets go of those from before
 * afterwards.
 */
static void
on_frame(void *data, struct wl_callback *callback, uint32_t time)
{
    VmGuestSurface *self = data;

    (void)time;
    wl_callback_destroy(callback);
    self->frame = NULL;
    self->seen = self->taken;
    self->seen_turn = self->dmabuf ? vm_guest_dmabuf_get_turn(self->dmabuf) : 0;
    if (!reads_older(self)) {
        tell_presented(self);
    } else if (!self->let_go_limit) {
        self->let_go_limit = g_timeout_add(LET_GO_LIMIT_MS, on_not_let_go, self);
    }
    flush(self);
}

static void
on_let_go(gpointer data)
{
    VmGuestSurface *self = data;

    if (self->let_go_limit && !reads_older(self)) {
        tell_presented(self);
    }
}

static void
ask_for_frame(VmGuestSurface *self)
{
    static const struct wl_callback_listener listener = {.done = on_frame};

    if (!self->frame) {
        self->frame = wl_surface_frame(self->surface);
        wl_callback_add_listener(self->frame, &listener, self);
    }
}

static void
damage_all(VmGuestSurface *self)
{
    const cairo_rectangle_int_t all = {0, 0, (int)self->picture.width, (int)self->picture.height};

    cairo_region_union_rectangle(self->damage, &all);
}

static void
forget_damage(VmGuestSurface *self)
{
    cairo_region_destroy(self->damage);
    self->damage = cairo_region_create();
}

/* Attach what is new; without free buffers the next frame tries again. */
static void
attach(VmGuestSurface *self)
{
    const gboolean is_texture = !self->picture.pixels;
    const guint64 turn = self->dmabuf ? vm_guest_dmabuf_get_turn(self->dmabuf) : 0;
    gboolean shows = self->dmabuf && (is_texture || !self->copy.faded) &&
                     vm_guest_dmabuf_show(self->dmabuf, &self->placement, self->damage);
    VmGuestUpdate update = {.attach = self->fresh};

    if (is_texture) {
        if (!shows) {
            return; /* on_dmabuf_changed() comes back to it */
        }
        update.except =
            (cairo_rectangle_int_t){0, 0, (int)self->picture.width, (int)self->picture.height};
    } else if (shows) {
        update.except = self->placement.core_pixels;
    } else if (self->on_dmabuf) {
        damage_all(self);
    }
    update.damage = self->damage;
    if (vm_guest_buffer_attach(self->buffer, self->surface, &self->picture, &update)) {
        forget_damage(self);
        self->fresh = FALSE;
        if (self->on_dmabuf && !shows) {
            vm_guest_dmabuf_hide(self->dmabuf);
        }
        self->on_dmabuf = shows;
        self->repeats = shows && vm_guest_dmabuf_get_turn(self->dmabuf) == turn;
        self->taken = self->events->taken(self->data);
    }
    self->on_dmabuf = self->on_dmabuf || shows;
    ask_for_frame(self);
}

/*
 * A guest with a card tells of each picture twice, as another texture and as new pixels in it. The second one must
 * not keep the next picture from the screen for a frame.
 */
static gboolean
supersedes(const VmGuestSurface *self)
{
    return self->repeats && !self->picture.pixels && vm_guest_dmabuf_is_other(self->dmabuf);
}

static void
flush(VmGuestSurface *self)
{
    if ((self->frame && !supersedes(self)) || self->with_parent || !self->placed || !self->buffer ||
        self->picture.width == 0 || cairo_region_is_empty(self->damage)) {
        return;
    }
    g_clear_pointer(&self->frame, wl_callback_destroy);
    attach(self);
    wl_surface_commit(self->surface);
}

void
vm_guest_surface_damage(VmGuestSurface *self, const GdkRectangle *area)
{
    cairo_region_union_rectangle(self->damage, area);
    flush(self);
}

/* It can be shown without copies now, or no longer. */
static void
on_dmabuf_changed(gpointer data)
{
    VmGuestSurface *self = data;

    damage_all(self);
    flush(self);
    if (vm_guest_dmabuf_is_refused(self->dmabuf)) {
        self->events->dmabuf_refused(self->data);
    }
    if (vm_guest_dmabuf_is_texture_refused(self->dmabuf)) {
        self->events->texture_refused(self->data);
    }
}

/* Buffers */

static void
drop_buffer(VmGuestSurface *self)
{
    if (self->buffer) {
        self->n_copied += vm_guest_buffer_get_n_copied(self->buffer);
    }
    g_clear_pointer(&self->buffer, vm_guest_buffer_free);
}

guint64
vm_guest_surface_get_n_copied(VmGuestSurface *self)
{
    return self->n_copied + (self->buffer ? vm_guest_buffer_get_n_copied(self->buffer) : 0);
}

/* FALSE when there is no memory. */
static gboolean
make_buffer(VmGuestSurface *self, const VmPlacement *placement, gboolean faded)
{
    const VmGuestCopy copy = {.width = placement->buffer_width,
                              .height = placement->buffer_height,
                              .x = placement->buffer_x,
                              .y = placement->buffer_y,
                              .expand = placement->expand,
                              .faded = faded};

    if (self->buffer && self->copy.width == copy.width && self->copy.height == copy.height &&
        self->copy.x == copy.x && self->copy.y == copy.y && self->copy.expand == copy.expand &&
        self->copy.faded == faded) {
        return TRUE;
    }
    drop_buffer(self);
    self->copy = copy;
    self->buffer = vm_guest_buffer_new(self->wayland, &copy);
    return self->buffer != NULL;
}

void
vm_guest_surface_set_picture(VmGuestSurface *self, const VmGuestPicture *picture)
{
    gboolean alike = picture && picture->picture.width == self->picture.width &&
                     picture->picture.height == self->picture.height;

    if (!alike) {
        drop_buffer(self);
    }
    self->picture = picture ? picture->picture : (VmPicture){.width = 0};
    if (self->dmabuf) {
        const VmGuestPicture nothing = {.dmabuf = -1};

        vm_guest_dmabuf_set_picture(self->dmabuf, picture ? picture : &nothing);
    }
    forget_damage(self);
    if (alike) {
        damage_all(self);
        flush(self);
    }
}

/* Place */

static void
on_after_paint(VmGuestSurface *self)
{
    /* GDK, which came first, has committed the window. */
    g_clear_signal_handler(&self->after_paint, self->clock);
    self->with_parent = FALSE;
    wl_subsurface_set_desync(self->subsurface);
    flush(self);
}

/* From here to GDK's commit of the window, commits wait for that one. */
static void
begin_with_parent(VmGuestSurface *self)
{
    if (self->with_parent) {
        return;
    }
    self->with_parent = TRUE;
    wl_subsurface_set_sync(self->subsurface);
    self->after_paint =
        g_signal_connect_swapped(self->clock, "after-paint", G_CALLBACK(on_after_paint), self);
    gdk_frame_clock_request_phase(self->clock, GDK_FRAME_CLOCK_PHASE_AFTER_PAINT);
}

static void
set_geometry(VmGuestSurface *self, const VmPlacement *at)
{
    struct wl_region *region = wl_compositor_create_region(self->wayland->compositor);

    wl_subsurface_set_position(self->subsurface, at->target.x, at->target.y);
    wp_viewport_set_destination(self->viewport, at->target.width, at->target.height);
    wl_region_add(region, 0, 0, at->target.width, at->target.height);
    wl_surface_set_opaque_region(self->surface, region);
    wl_region_destroy(region);
}

/* Always with the parent: it stays synchronised. */
static void
set_ground(VmGuestSurface *self, const GdkRectangle *area)
{
    struct wl_region *region = wl_compositor_create_region(self->wayland->compositor);

    wl_subsurface_set_position(self->ground_subsurface, area->x, area->y);
    wp_viewport_set_destination(self->ground_viewport, area->width, area->height);
    /* Not to the buffer's edge: so much enlarged, compositors reach over it. */
    wp_viewport_set_source(self->ground_viewport, wl_fixed_from_int(1), wl_fixed_from_int(1),
                           wl_fixed_from_int(VM_PLAIN_SIZE - 2),
                           wl_fixed_from_int(VM_PLAIN_SIZE - 2));
    wl_region_add(region, 0, 0, area->width, area->height);
    wl_surface_set_opaque_region(self->ground, region);
    wl_region_destroy(region);
    wl_surface_attach(self->ground, self->ground_buffer, 0, 0);
    wl_surface_damage_buffer(self->ground, 0, 0, VM_PLAIN_SIZE, VM_PLAIN_SIZE);
    wl_surface_commit(self->ground);
}

static gboolean
is_same_place(const VmPlacement *a, const VmPlacement *b)
{
    return gdk_rectangle_equal(&a->target, &b->target) &&
           gdk_rectangle_equal(&a->ground, &b->ground) && a->expand == b->expand &&
           a->buffer_width == b->buffer_width && a->buffer_height == b->buffer_height &&
           a->buffer_x == b->buffer_x && a->buffer_y == b->buffer_y;
}

gboolean
vm_guest_surface_place(VmGuestSurface *self, const VmPlacement *placement, gboolean faded)
{
    if (self->picture.width == 0) {
        return FALSE;
    }
    if (self->placed && self->buffer && self->copy.faded == faded &&
        is_same_place(&self->placement, placement)) {
        return TRUE;
    }
    if (!make_buffer(self, placement, faded)) {
        vm_guest_surface_hide(self);
        return FALSE;
    }
    begin_with_parent(self);
    self->placement = *placement;
    self->placed = TRUE;
    set_ground(self, &placement->ground);
    set_geometry(self, placement);
    damage_all(self);
    self->fresh = TRUE;
    wl_surface_damage_buffer(self->surface, 0, 0, G_MAXINT32, G_MAXINT32);
    attach(self);
    wl_surface_commit(self->surface);
    return TRUE;
}

void
vm_guest_surface_hide(VmGuestSurface *self)
{
    if (!self->placed) {
        return;
    }
    self->placed = FALSE;
    g_clear_pointer(&self->frame, wl_callback_destroy); /* a hidden surface may never get it */
    g_clear_handle_id(&self->let_go_limit, g_source_remove);
    begin_with_parent(self);
    wl_surface_attach(self->surface, NULL, 0, 0);
    wl_surface_commit(self->surface);
    wl_surface_attach(self->ground, NULL, 0, 0);
    wl_surface_commit(self->ground);
}

/* Life */

gboolean
vm_guest_surface_is_of(VmGuestSurface *self, GdkWindow *toplevel)
{
    return self->toplevel == toplevel && self->parent == vm_wayland_get_surface(toplevel);
}

/* One below the window that takes no input. */
static struct wl_surface *
create_below(VmGuestSurface *self, struct wl_subsurface **ret_subsurface,
             struct wp_viewport **ret_viewport)
{
    const VmWayland *wayland = self->wayland;
    struct wl_region *nothing = wl_compositor_create_region(wayland->compositor);
    struct wl_surface *surface = wl_compositor_create_surface(wayland->compositor);

    wl_surface_set_input_region(surface, nothing);
    wl_region_destroy(nothing);
    *ret_subsurface =
        wl_subcompositor_get_subsurface(wayland->subcompositor, surface, self->parent);
    wl_subsurface_place_below(*ret_subsurface, self->parent);
    *ret_viewport = wp_viewporter_get_viewport(wayland->viewporter, surface);
    return surface;
}

static void
create_surfaces(VmGuestSurface *self)
{
    static const struct wp_fractional_scale_v1_listener listener = {
        .preferred_scale = on_preferred_scale,
    };
    static const struct wl_surface_listener surface_listener = {
        .enter = on_enter,
        .leave = on_leave,
    };

    self->ground = create_below(self, &self->ground_subsurface, &self->ground_viewport);
    self->surface = create_below(self, &self->subsurface, &self->viewport);
    wl_surface_add_listener(self->surface, &surface_listener, self);
    if (self->wayland->fractional) {
        self->fractional = wp_fractional_scale_manager_v1_get_fractional_scale(
            self->wayland->fractional, self->surface);
        wp_fractional_scale_v1_add_listener(self->fractional, &listener, self);
    }
}

VmGuestSurface *
vm_guest_surface_new(GdkWindow *toplevel, const VmGuestSurfaceEvents *events, gpointer data)
{
    static const VmGuestDmabufEvents dmabuf_events = {
        .changed = on_dmabuf_changed,
        .let_go = on_let_go,
    };
    const VmWayland *wayland = vm_wayland_get(gdk_window_get_display(toplevel));
    struct wl_surface *parent = vm_wayland_get_surface(toplevel);
    struct wl_buffer *ground;
    VmGuestSurface *self;

    if (!wayland || !wayland->compositor || !wayland->subcompositor || !wayland->shm ||
        !wayland->viewporter || !parent) {
        return NULL;
    }
    ground = vm_guest_buffer_new_plain(wayland, VM_STAGE_COLOUR);
    if (!ground) {
        return NULL;
    }
    self = g_new0(VmGuestSurface, 1);
    self->wayland = wayland;
    self->ground_buffer = ground;
    self->toplevel = g_object_ref(toplevel);
    self->clock = g_object_ref(gdk_window_get_frame_clock(toplevel));
    self->parent = parent;
    self->events = events;
    self->data = data;
    self->damage = cairo_region_create();
    create_surfaces(self);
    self->dmabuf = vm_guest_dmabuf_new(wayland, self->surface, &dmabuf_events, self);
    return self;
}

gboolean
vm_guest_surface_may_take_dmabuf(GdkDisplay *display)
{
    const VmWayland *wayland = vm_wayland_get(display);

    return wayland && vm_wayland_dmabuf_takes(wayland->dmabuf, VM_DRM_XRGB8888);
}

VmTextures
vm_guest_surface_find_textures(GdkDisplay *display, guint64 card)
{
    const VmWayland *wayland = vm_wayland_get(display);
    const VmWaylandDmabuf *dmabuf = wayland ? wayland->dmabuf : NULL;

    if (!vm_guest_surface_may_take_dmabuf(display)) {
        return VM_TEXTURES_NONE;
    }
    if (!vm_same_card_may_be(VM_SAME_CARD_SYSFS, vm_wayland_dmabuf_get_device(dmabuf), card)) {
        return vm_wayland_dmabuf_takes(dmabuf, VM_DRM_XBGR8888) ? VM_TEXTURES_LINEAR
                                                                : VM_TEXTURES_NONE;
    }
    return vm_wayland_dmabuf_takes_implicit(dmabuf, VM_DRM_XRGB8888) &&
                   vm_wayland_dmabuf_takes_implicit(dmabuf, VM_DRM_XBGR8888)
               ? VM_TEXTURES_FULL_LENGTH
               : VM_TEXTURES_NONE;
}

gboolean
vm_guest_surface_shows_all(const VmPlacement *placement, guint width, guint height)
{
    const GdkRectangle all = {0, 0, (int)width, (int)height};

    return gdk_rectangle_equal(&placement->core_pixels, &all);
}

void
vm_guest_surface_free(VmGuestSurface *self)
{
    g_clear_signal_handler(&self->after_paint, self->clock);
    g_clear_pointer(&self->frame, wl_callback_destroy);
    g_clear_handle_id(&self->let_go_limit, g_source_remove);
    if (self->fractional) {
        wp_fractional_scale_v1_destroy(self->fractional);
    }
    vm_guest_dmabuf_free(self->dmabuf);
    wp_viewport_destroy(self->viewport);
    wl_subsurface_destroy(self->subsurface);
    wl_surface_destroy(self->surface);
    wp_viewport_destroy(self->ground_viewport);
    wl_subsurface_destroy(self->ground_subsurface);
    wl_surface_destroy(self->ground);
    wl_buffer_destroy(self->ground_buffer);
    drop_buffer(self);
    cairo_region_destroy(self->damage);
    g_object_unref(self->clock);
    g_object_unref(self->toplevel);
    g_free(self);
}
