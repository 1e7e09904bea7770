/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Roles for Xwayland's surfaces. Xwayland shows content as soon as it has some; xdg-shell wants an empty
 * commit first and a configure event before there may be content. So the content of a surface waits
 * until then, and so does that of one whose role is not known.
 */

#include <stdlib.h>

#include "vmm/base/bytes.h"
#include "vmm/base/memory.h"
#include "vmm/guest/x11/drag.h"
#include "vmm/guest/x11/x11-private.h"

enum {
    /* xdg_positioner */
    ANCHOR_TOP_LEFT = 5,
    GRAVITY_BOTTOM_RIGHT = 8,
    SLIDE_X_AND_Y = 1 | 2,
    REPOSITION_SINCE = 3,
    /* zxdg_toplevel_decoration_v1 */
    DECORATION_CLIENT = 1,
    DECORATION_SERVER = 2,
    /* xdg_toplevel.state */
    STATE_MAXIMIZED = 1,
    STATE_FULLSCREEN = 2,
    STATE_TILED_LEFT = 5,
    STATE_TILED_BOTTOM = 8,
};

_Static_assert((int)WIRE_XDG_TOPLEVEL_DESTROY == (int)WIRE_XDG_POPUP_DESTROY,
               "one opcode for both");

/* A request with words only. */
static void
say(struct x11 *x11, uint32_t id, uint16_t opcode, const uint32_t *words, size_t n_words)
{
    struct wire_writer writer;

    wire_begin(&writer, id, opcode);
    for (size_t i = 0; i < n_words; i++) {
        wire_put(&writer, words[i]);
    }
    hop_send(x11->hop, &writer);
}
#define say_words(x11, id, opcode, ...)                   \
    say(x11, id, opcode, (const uint32_t[]){__VA_ARGS__}, \
        sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))
#define say_only(x11, id, opcode) say(x11, id, opcode, NULL, 0)

static void
say_text(struct x11 *x11, uint32_t id, uint16_t opcode, const char *text)
{
    struct wire_writer writer;

    wire_begin(&writer, id, opcode);
    wire_put_string(&writer, text);
    hop_send(x11->hop, &writer);
}

struct surface *
surface_add(struct x11 *x11, struct hop_object *object)
{
    struct surface *surface = xalloc(sizeof(*surface));

    surface->object = object;
    object->data = surface;
    list_append(&x11->surfaces, &surface->link);
    return surface;
}

static void
told_clear(struct told *told)
{
    free(told->title);
    free(told->app_id);
    *told = (struct told){0};
}

void
surface_remove(struct surface *surface)
{
    if (surface->window) {
        surface->window->surface = NULL;
    }
    surface->object->data = NULL;
    list_remove(&surface->link);
    told_clear(&surface->told);
    free(surface);
}

struct surface *
surface_by_outer(struct x11 *x11, uint32_t outer)
{
    struct hop_object *object = hop_by_outer(x11->hop, outer, &wire_wl_surface);

    return object ? object->data : NULL;
}

static struct surface *
toplevel_of(struct x11 *x11, uint32_t id)
{
    /* A menu of a menu belongs to the window at the end. */
    for (int i = 0; i < 8; i++) {
        const struct window *window = wm_find(x11, id);

        if (!window || !window->surface) {
            return NULL;
        }
        if (window->surface->role == ROLE_TOPLEVEL) {
            return window->surface;
        }
        id = window->transient_for;
    }
    return NULL;
}

static bool
may_be_parent(const struct surface *surface)
{
    return surface && surface->role == ROLE_TOPLEVEL && surface->configured;
}

/* All windows of one program have ids that differ under the mask only. */
static bool
same_program(const struct x11 *x11, const struct window *one, const struct window *other)
{
    return one && ((one->id ^ other->id) & ~x11->id_mask) == 0;
}

/* What a menu or tooltip belongs to; NULL when nothing of its program is shown. */
static struct surface *
parent_of(struct x11 *x11, const struct window *window)
{
    struct surface *named = toplevel_of(x11, window->transient_for);
    struct surface *found = NULL;

    if (may_be_parent(named)) {
        return named;
    }
    list_for_each(link, &x11->surfaces) {
        struct surface *surface = list_container(link, struct surface, link);
        const bool better = !found || surface->window == x11->focused;

        if (better && may_be_parent(surface) && same_program(x11, surface->window, window)) {
            found = surface;
        }
    }
    return found;
}

static void
update_sizes(struct x11 *x11, struct surface *surface)
{
    const struct window *window = surface->window;
    struct told *told = &surface->told;

    if (told->min_width != window->min_width || told->min_height != window->min_height) {
        told->min_width = window->min_width;
        told->min_height = window->min_height;
        say_words(x11, surface->xdg_role, WIRE_XDG_TOPLEVEL_SET_MIN_SIZE, window->min_width,
                  window->min_height);
    }
    if (told->max_width != window->max_width || told->max_height != window->max_height) {
        told->max_width = window->max_width;
        told->max_height = window->max_height;
        say_words(x11, surface->xdg_role, WIRE_XDG_TOPLEVEL_SET_MAX_SIZE, window->max_width,
                  window->max_height);
    }
}

static void
update_text(struct x11 *x11, const struct surface *surface, uint16_t opcode, char **told,
            const char *text)
{
    if (text && (!*told || strcmp(*told, text) != 0)) {
        free(*told);
        *told = xstrdup(text);
        say_text(x11, surface->xdg_role, opcode, text);
    }
}

static void
update_parent(struct x11 *x11, struct surface *surface)
{
    const struct surface *found = toplevel_of(x11, surface->window->transient_for);
    const uint32_t parent = found && found != surface ? found->xdg_role : 0;

    if (surface->told.parent != parent) {
        surface->told.parent = parent;
        say_words(x11, surface->xdg_role, WIRE_XDG_TOPLEVEL_SET_PARENT, parent);
    }
}

/* The host answers each such request with a configure event, even when nothing changes by it. */
static void
update_decoration(struct x11 *x11, struct surface *surface)
{
    const uint32_t mode = surface->window->undecorated ? DECORATION_CLIENT : DECORATION_SERVER;

    if (surface->decoration && surface->told.decoration != mode) {
        surface->told.decoration = mode;
        say_words(x11, surface->decoration, WIRE_ZXDG_TOPLEVEL_DECORATION_V1_SET_MODE, mode);
    }
}

void
surface_update(struct x11 *x11, struct surface *surface)
{
    const struct window *window = surface->window;

    if (surface->role != ROLE_TOPLEVEL || !window) {
        return;
    }
    update_text(x11, surface, WIRE_XDG_TOPLEVEL_SET_TITLE, &surface->told.title, window->title);
    update_text(x11, surface, WIRE_XDG_TOPLEVEL_SET_APP_ID, &surface->told.app_id, window->app_id);
    update_parent(x11, surface);
    update_sizes(x11, surface);
    update_decoration(x11, surface);
}

static void
make_xdg_surface(struct x11 *x11, struct surface *surface)
{
    surface->xdg_surface = hop_new_id(x11->hop);
    say_words(x11, x11->wm_base, WIRE_XDG_WM_BASE_GET_XDG_SURFACE, surface->xdg_surface,
              surface->object->outer);
}

static void
make_toplevel(struct x11 *x11, struct surface *surface)
{
    const struct window *window = surface->window;

    make_xdg_surface(x11, surface);
    surface->role = ROLE_TOPLEVEL;
    surface->xdg_role = hop_new_id(x11->hop);
    say_words(x11, surface->xdg_surface, WIRE_XDG_SURFACE_GET_TOPLEVEL, surface->xdg_role);
    if (x11->decorations) {
        surface->decoration = hop_new_id(x11->hop);
        say_words(x11, x11->decorations, WIRE_ZXDG_DECORATION_MANAGER_V1_GET_TOPLEVEL_DECORATION,
                  surface->decoration, surface->xdg_role);
    }
    surface_update(x11, surface);
    if (window->wants_fullscreen) {
        say_words(x11, surface->xdg_role, WIRE_XDG_TOPLEVEL_SET_FULLSCREEN, 0);
    }
    if (window->wants_maximized) {
        say_only(x11, surface->xdg_role, WIRE_XDG_TOPLEVEL_SET_MAXIMIZED);
    }
}

/* A positioner for a window where its program put it. */
static uint32_t
make_positioner(struct x11 *x11, const struct surface *surface)
{
    const struct window *window = surface->window;
    const struct window *parent = surface->parent->window;
    const uint32_t id = hop_new_id(x11->hop);
    /* The anchor stays inside the parent, as the protocol wants; the rest is the offset. */
    const int32_t x = MAX_OF(0, MIN_OF(surface->x, (int32_t)parent->box.width - 1));
    const int32_t y = MAX_OF(0, MIN_OF(surface->y, (int32_t)parent->box.height - 1));

    say_words(x11, x11->wm_base, WIRE_XDG_WM_BASE_CREATE_POSITIONER, id);
    say_words(x11, id, WIRE_XDG_POSITIONER_SET_SIZE, window->box.width, window->box.height);
    say_words(x11, id, WIRE_XDG_POSITIONER_SET_ANCHOR_RECT, (uint32_t)x, (uint32_t)y, 1, 1);
    say_words(x11, id, WIRE_XDG_POSITIONER_SET_ANCHOR, ANCHOR_TOP_LEFT);
    say_words(x11, id, WIRE_XDG_POSITIONER_SET_GRAVITY, GRAVITY_BOTTOM_RIGHT);
    say_words(x11, id, WIRE_XDG_POSITIONER_SET_CONSTRAINT_ADJUSTMENT, SLIDE_X_AND_Y);
    say_words(x11, id, WIRE_XDG_POSITIONER_SET_OFFSET, (uint32_t)(surface->x - x),
              (uint32_t)(surface->y - y));
    return id;
}

static void
make_popup(struct x11 *x11, struct surface *surface, struct surface *parent)
{
    surface->parent = parent;
    surface->x = surface->window->box.x - parent->window->box.x;
    surface->y = surface->window->box.y - parent->window->box.y;
    make_xdg_surface(x11, surface);
    surface->role = ROLE_POPUP;
    const uint32_t positioner = make_positioner(x11, surface);
    surface->xdg_role = hop_new_id(x11->hop);
    say_words(x11, surface->xdg_surface, WIRE_XDG_SURFACE_GET_POPUP, surface->xdg_role,
              parent->xdg_surface, positioner);
    say_only(x11, positioner, WIRE_XDG_POSITIONER_DESTROY);
}

/* Toolkits have windows of a pixel for their own affairs, mapped where nobody sees them. */
static bool
is_helper(const struct window *window)
{
    return window->override_redirect && window->box.width == 1 && window->box.height == 1;
}

void
surface_show(struct x11 *x11, struct surface *surface)
{
    const struct window *window = surface->window;

    if (x11->wm_base == 0 || surface->role != ROLE_NONE || !window || !window->mapped ||
        window->n_loading > 0 || window->box.width == 0 || window->box.height == 0 ||
        is_helper(window) || drag_covers(x11->drag, window)) {
        return;
    }
    struct surface *parent = window->override_redirect ? parent_of(x11, window) : NULL;
    if (parent) {
        make_popup(x11, surface, parent);
    } else {
        make_toplevel(x11, surface);
    }
    say_only(x11, surface->object->outer, WIRE_WL_SURFACE_COMMIT);
}

static void
destroy_role(struct x11 *x11, struct surface *surface)
{
    list_for_each(link, &x11->surfaces) {
        struct surface *child = list_container(link, struct surface, link);
        if (child->told.parent == surface->xdg_role) {
            child->told.parent = 0; /* the host takes it away itself, and the id may come again */
        }
    }
    if (surface->decoration) {
        say_only(x11, surface->decoration, WIRE_ZXDG_TOPLEVEL_DECORATION_V1_DESTROY);
    }
    say_only(x11, surface->xdg_role, WIRE_XDG_TOPLEVEL_DESTROY); /* the popup's is the same */
    say_only(x11, surface->xdg_surface, WIRE_XDG_SURFACE_DESTROY);
    surface->decoration = surface->xdg_role = surface->xdg_surface = 0;
    told_clear(&surface->told);
    surface->role = ROLE_GONE;
    surface->parent = NULL;
    surface->configured = false;
}

void
surface_hide(struct x11 *x11, struct surface *surface)
{
    if (surface->role != ROLE_TOPLEVEL && surface->role != ROLE_POPUP) {
        return;
    }
    list_for_each(link, &x11->surfaces) {
        struct surface *popup = list_container(link, struct surface, link);
        if (popup->role == ROLE_POPUP && popup->parent == surface) {
            destroy_role(x11, popup);
        }
    }
    destroy_role(x11, surface);
}

void
surface_uncover(struct x11 *x11)
{
    list_for_each(link, &x11->surfaces) {
        struct surface *surface = list_container(link, struct surface, link);
        if (surface->role == ROLE_POPUP && surface->window &&
            drag_covers(x11->drag, surface->window)) {
            surface_hide(x11, surface);
        }
    }
}

void
surface_moved(struct x11 *x11, struct surface *surface)
{
    if (surface->role != ROLE_POPUP || !surface->window || !surface->parent->window) {
        return;
    }
    const int32_t x = surface->window->box.x - surface->parent->window->box.x;
    const int32_t y = surface->window->box.y - surface->parent->window->box.y;
    if ((x == surface->x && y == surface->y) ||
        hop_version(x11->hop, surface->xdg_role) < REPOSITION_SINCE) {
        return;
    }
    surface->x = x;
    surface->y = y;
    const uint32_t positioner = make_positioner(x11, surface);
    say_words(x11, surface->xdg_role, WIRE_XDG_POPUP_REPOSITION, positioner, 0);
    say_only(x11, positioner, WIRE_XDG_POSITIONER_DESTROY);
}

/* The buffer is not shown: Xwayland may use it again. */
static void
give_back(struct x11 *x11, struct surface *surface)
{
    struct wire_writer writer;

    if (surface->held) {
        wire_begin(&writer, surface->held, WIRE_WL_BUFFER_EVENT_RELEASE);
        hop_tell(x11->hop, &writer);
        surface->held = 0;
    }
}

/* What waited may be shown now. */
static void
let_through(struct x11 *x11, struct surface *surface)
{
    const struct hop_object *buffer = hop_by_inner(x11->hop, surface->held, &wire_wl_buffer);
    const uint32_t id = surface->object->outer;

    if (buffer) {
        say_words(x11, id, WIRE_WL_SURFACE_ATTACH, buffer->outer, 0, 0);
        say_words(x11, id, WIRE_WL_SURFACE_DAMAGE, 0, 0, INT16_MAX, INT16_MAX);
    }
    if (surface->committed) {
        say_only(x11, id, WIRE_WL_SURFACE_COMMIT);
    }
    surface->held = 0;
    surface->committed = false;
}

int
surface_request(struct x11 *x11, struct surface *surface, const struct wire_call *call)
{
    if (call->opcode == WIRE_WL_SURFACE_DESTROY) {
        surface_hide(x11, surface);
        surface_remove(surface);
        return 0;
    }
    if (surface->configured || surface->role == ROLE_OTHER) {
        return 0;
    }
    if (call->opcode == WIRE_WL_SURFACE_ATTACH) {
        if (surface->held != call->value[0].word) {
            give_back(x11, surface);
        }
        surface->held = call->value[0].word;
        return 1;
    }
    if (call->opcode == WIRE_WL_SURFACE_COMMIT) {
        surface->committed = true;
        return 1;
    }
    return 0;
}

void
surface_is_cursor(struct x11 *x11, struct surface *surface)
{
    if (surface->role == ROLE_NONE) {
        surface->role = ROLE_OTHER;
        let_through(x11, surface);
    }
}

void
surface_buffer_gone(struct x11 *x11, uint32_t buffer)
{
    list_for_each(link, &x11->surfaces) {
        struct surface *surface = list_container(link, struct surface, link);
        if (surface->held == buffer) {
            surface->held = 0;
        }
    }
}

/* The host said what it wants of a window. */
static void
apply_configure(struct x11 *x11, const struct surface *surface)
{
    struct window *window = surface->window;
    struct box box = window->box;

    if (surface->role == ROLE_POPUP && surface->parent && surface->parent->window) {
        const struct window *parent = surface->parent->window;

        box.x = parent->box.x + surface->x;
        box.y = parent->box.y + surface->y;
    } else if (surface->role == ROLE_TOPLEVEL) {
        box.width = surface->width ? surface->width : box.width;
        box.height = surface->height ? surface->height : box.height;
        wm_set_state(x11, window);
    }
    wm_place(x11, window, box);
}

static void
on_configure(struct x11 *x11, struct surface *surface, uint32_t serial)
{
    if (surface->window) {
        apply_configure(x11, surface);
    }
    say_words(x11, surface->xdg_surface, WIRE_XDG_SURFACE_ACK_CONFIGURE, serial);
    if (!surface->configured) {
        surface->configured = true;
        let_through(x11, surface);
    }
}

static void
on_toplevel_configure(struct surface *surface, const struct wire_call *call)
{
    const struct wire_value *states = &call->value[2];

    /* Sizes that X has no number for cannot be meant. */
    surface->width = call->value[0].word <= INT16_MAX ? call->value[0].word : 0;
    surface->height = call->value[1].word <= INT16_MAX ? call->value[1].word : 0;
    surface->fullscreen = surface->maximized = surface->tiled = false;
    for (uint32_t at = 0; at + 4 <= states->word; at += 4) {
        const uint32_t state = load_le32(states->data + at);

        surface->fullscreen = surface->fullscreen || state == STATE_FULLSCREEN;
        surface->maximized = surface->maximized || state == STATE_MAXIMIZED;
        surface->tiled =
            surface->tiled || (state >= STATE_TILED_LEFT && state <= STATE_TILED_BOTTOM);
    }
}

static void
on_toplevel(struct x11 *x11, struct surface *surface, const struct wire_call *call)
{
    if (call->opcode == WIRE_XDG_TOPLEVEL_EVENT_CONFIGURE) {
        on_toplevel_configure(surface, call);
    } else if (call->opcode == WIRE_XDG_TOPLEVEL_EVENT_CLOSE && surface->window) {
        wm_close(x11, surface->window);
    }
}

static void
on_popup(struct x11 *x11, struct surface *surface, const struct wire_call *call)
{
    if (call->opcode == WIRE_XDG_POPUP_EVENT_CONFIGURE) {
        surface->x = (int16_t)call->value[0].word;
        surface->y = (int16_t)call->value[1].word;
    } else if (call->opcode == WIRE_XDG_POPUP_EVENT_POPUP_DONE) {
        surface_hide(x11, surface);
    }
}

static struct surface *
surface_of_role(struct x11 *x11, uint32_t id)
{
    list_for_each(link, &x11->surfaces) {
        struct surface *surface = list_container(link, struct surface, link);
        if (surface->xdg_surface == id || surface->xdg_role == id) {
            return surface;
        }
    }
    return NULL;
}

void
surface_event(struct x11 *x11, const struct wire_call *call)
{
    struct surface *surface = surface_of_role(x11, call->id);

    if (!surface) {
        return;
    }
    if (wire_is(call, xdg_surface, WIRE_XDG_SURFACE_EVENT_CONFIGURE)) {
        on_configure(x11, surface, call->value[0].word);
    } else if (call->object->interface == &wire_xdg_toplevel) {
        on_toplevel(x11, surface, call);
    } else if (call->object->interface == &wire_xdg_popup) {
        on_popup(x11, surface, call);
    }
}
