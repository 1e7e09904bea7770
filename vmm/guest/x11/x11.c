/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What joins the two connections: the hop's messages and the window manager's. */

#include "vmm/guest/x11/x11.h"

#include <stdlib.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/base/memory.h"
#include "vmm/guest/x11/drag.h"
#include "vmm/guest/x11/drop.h"
#include "vmm/guest/x11/selection.h"
#include "vmm/guest/x11/x11-private.h"

/*
 * What Xwayland is shown of the host's globals. Not windows, which are made here; not those whose
 * compositor makes objects (tablets), nor the clipboard, which X has its own of.
 */
static const struct wire_interface *const shown[] = {
    &wire_wl_compositor,
    &wire_wl_shm,
    &wire_wl_seat,
    &wire_wl_output,
    &wire_zxdg_output_manager_v1,
    &wire_wp_viewporter,
    &wire_zwp_pointer_constraints_v1,
    &wire_zwp_relative_pointer_manager_v1,
    &wire_zwp_linux_dmabuf_v1, /* with a card only */
};

void
x11_end(struct x11 *x11, const char *why)
{
    if (!x11->over) {
        x11->over = true;
        x11->ended(x11->data, why);
    }
}

void
x11_hold(struct x11 *x11, uint32_t milliseconds)
{
    hop_hold(x11->hop);
    loop_timer_set(x11->patience, milliseconds, 0);
}

static void
on_ended(void *data, const char *why)
{
    x11_end(data, why);
}

/* Where the keyboard and the pointer are: what the window manager follows. */
static void
on_input(struct x11 *x11, const struct wire_call *call)
{
    struct surface *surface;

    if (wire_is(call, wl_keyboard, WIRE_WL_KEYBOARD_EVENT_KEY)) {
        x11->input_serial = call->value[0].word;
    } else if (wire_is(call, wl_keyboard, WIRE_WL_KEYBOARD_EVENT_ENTER)) {
        x11->input_serial = call->value[0].word;
        surface = surface_by_outer(x11, call->value[1].word);
        if (surface && surface->role == ROLE_TOPLEVEL && surface->window) {
            focus_move(x11, surface->window);
        }
    } else if (wire_is(call, wl_keyboard, WIRE_WL_KEYBOARD_EVENT_LEAVE)) {
        focus_move(x11, NULL);
    } else if (wire_is(call, wl_pointer, WIRE_WL_POINTER_EVENT_ENTER)) {
        surface = surface_by_outer(x11, call->value[1].word);
        if (surface && surface->window) {
            wm_raise(x11, surface->window);
        }
    } else if (wire_is(call, wl_pointer, WIRE_WL_POINTER_EVENT_BUTTON)) {
        x11->button_serial = x11->input_serial = call->value[0].word;
    }
}

/* What the host has and Xwayland may know of, in no version newer than ours. */
static void
show_global(struct x11 *x11, const struct wire_call *call, const struct hop_object *registry)
{
    const struct wire_interface *interface =
        wire_interface_find((const char *)call->value[1].data, call->value[1].word - 1);
    struct wire_writer writer;

    if (interface == &wire_zwp_linux_dmabuf_v1 && !x11->card) {
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(shown); i++) {
        if (shown[i] == interface) {
            wire_begin(&writer, registry->inner, WIRE_WL_REGISTRY_EVENT_GLOBAL);
            wire_put(&writer, call->value[0].word);
            wire_put_string(&writer, interface->name);
            wire_put(&writer, MIN_OF(call->value[2].word, interface->version));
            hop_tell(x11->hop, &writer);
        }
    }
}

static void
on_patience(void *data, uint32_t events)
{
    struct x11 *x11 = data;

    (void)events;
    hop_go_on(x11->hop);
}

static int
on_event(void *data, const struct wire_call *call, struct hop_object *object)
{
    struct x11 *x11 = data;

    if (wire_is(call, wl_registry, WIRE_WL_REGISTRY_EVENT_GLOBAL)) {
        show_global(x11, call, object);
        return 1;
    }
    if (drm_hides(call)) {
        return 1;
    }
    const int stays = drag_pointer(x11->drag, call, object);
    if (!stays) {
        on_input(x11, call);
    }
    x_flush(x11->conn);
    return stays;
}

static int
on_request(void *data, const struct wire_call *call, struct hop_object *object)
{
    struct x11 *x11 = data;
    int r = x11->card ? drm_request(x11, call) : 0;

    if (r != 0) {
        return r;
    }
    if (call->object->interface == &wire_wl_surface && object && object->data) {
        r = surface_request(x11, object->data, call);
    } else if (wire_is(call, wl_buffer, WIRE_WL_BUFFER_DESTROY)) {
        surface_buffer_gone(x11, call->id);
    }
    return r;
}

static void
on_passed(void *data, const struct wire_call *call)
{
    struct x11 *x11 = data;

    if (x11->card && wire_is(call, wl_display, WIRE_WL_DISPLAY_GET_REGISTRY)) {
        drm_show(x11, call->value[0].word);
    } else if (wire_is(call, wl_compositor, WIRE_WL_COMPOSITOR_CREATE_SURFACE)) {
        struct hop_object *object = hop_by_inner(x11->hop, call->value[0].word, &wire_wl_surface);
        wm_meet(x11, surface_add(x11, object));
        x_flush(x11->conn);
    } else if (wire_is(call, wl_pointer, WIRE_WL_POINTER_SET_CURSOR) && call->value[1].word) {
        struct hop_object *object = hop_by_inner(x11->hop, call->value[1].word, &wire_wl_surface);
        if (object && object->data) {
            surface_is_cursor(x11, object->data);
        }
    }
}

static void
on_forgotten(void *data, struct hop_object *object)
{
    (void)data;
    if (object->data) { /* only surfaces have any */
        surface_remove(object->data);
    }
}

void
x11_bind(struct x11 *x11, const struct wire_call *call, const struct wire_interface *interface,
         uint32_t *id)
{
    struct wire_writer writer;

    if (*id != 0) {
        return;
    }
    *id = hop_new_id(x11->hop);
    wire_begin(&writer, x11->registry, WIRE_WL_REGISTRY_BIND);
    wire_put(&writer, call->value[0].word);
    wire_put_string(&writer, interface->name);
    wire_put(&writer, MIN_OF(call->value[2].word, interface->version));
    wire_put(&writer, *id);
    hop_send(x11->hop, &writer);
}

static void
on_global(struct x11 *x11, const struct wire_call *call)
{
    const struct wire_interface *interface =
        wire_interface_find((const char *)call->value[1].data, call->value[1].word - 1);

    if (!interface || call->value[2].word == 0) {
        return;
    }
    if (interface == &wire_xdg_wm_base) {
        x11_bind(x11, call, interface, &x11->wm_base);
    } else if (interface == &wire_zxdg_decoration_manager_v1) {
        x11_bind(x11, call, interface, &x11->decorations);
    } else if (interface == &wire_wl_seat) {
        x11_bind(x11, call, interface, &x11->seat);
        selections_seat(x11->selections);
    } else if (interface == &wire_zwp_linux_dmabuf_v1) {
        drm_global(x11, call);
    } else {
        selections_global(x11->selections, call);
    }
}

static void
on_own_event(void *data, const struct wire_call *call)
{
    struct x11 *x11 = data;
    struct wire_writer writer;

    if (wire_is(call, wl_registry, WIRE_WL_REGISTRY_EVENT_GLOBAL)) {
        on_global(x11, call);
    } else if (wire_is(call, wl_callback, WIRE_WL_CALLBACK_EVENT_DONE)) {
        if (!x11->wm_base) {
            x11_end(x11, "the host's compositor has no windows (xdg_wm_base)");
        }
    } else if (wire_is(call, xdg_wm_base, WIRE_XDG_WM_BASE_EVENT_PING)) {
        wire_begin(&writer, call->id, WIRE_XDG_WM_BASE_PONG);
        wire_put(&writer, call->value[0].word);
        hop_send(x11->hop, &writer);
    } else {
        if (!selections_event(x11->selections, call) && !drop_offer_event(x11->drop, call) &&
            !drag_source_event(x11->drag, call)) {
            surface_event(x11, call);
        }
        x_flush(x11->conn);
    }
}

static const struct hop_ops hop_ops = {
    .request = on_request,
    .passed = on_passed,
    .event = on_event,
    .own_event = on_own_event,
    .forgotten = on_forgotten,
    .ended = on_ended,
};

static void
on_ready(void *data, const struct xconn_setup *setup)
{
    wm_ready(data, setup);
}

static void
on_x_event(void *data, uint8_t code, const uint8_t *event)
{
    struct x11 *x11 = data;

    wm_event(x11, code, event);
    hop_flush(x11->hop);
}

static void
on_x_reply(void *data, const struct x_ticket *ticket, const uint8_t *reply, size_t size)
{
    struct x11 *x11 = data;

    wm_reply(x11, ticket, reply, size);
    hop_flush(x11->hop);
}

static const struct xconn_ops xconn_ops = {
    .ready = on_ready,
    .event = on_x_event,
    .reply = on_x_reply,
    .ended = on_ended,
};

/* Ask what the host has; its answer comes before anything of Xwayland's is answered. */
static void
ask_globals(struct x11 *x11)
{
    struct wire_writer writer;

    x11->registry = hop_new_id(x11->hop);
    wire_begin(&writer, WIRE_DISPLAY, WIRE_WL_DISPLAY_GET_REGISTRY);
    wire_put(&writer, x11->registry);
    hop_send(x11->hop, &writer);
    wire_begin(&writer, WIRE_DISPLAY, WIRE_WL_DISPLAY_SYNC);
    wire_put(&writer, hop_new_id(x11->hop));
    hop_send(x11->hop, &writer);
    hop_flush(x11->hop);
}

struct x11 *
x11_create(struct loop *loop, struct x11_sockets sockets, const char *card,
           void (*ended)(void *data, const char *why), void *data)
{
    const int sides[2] = {[WIRE_REQUEST] = sockets.xwayland, [WIRE_EVENT] = sockets.host};
    struct x11 *x11 = xalloc(sizeof(*x11));

    x11->loop = loop;
    x11->ended = ended;
    x11->data = data;
    x11->card = card;
    list_init(&x11->surfaces);
    list_init(&x11->windows);
    x11->selections = selections_create(x11);
    x11->drop = drop_create(x11);
    x11->drag = drag_create(x11);
    x11->hop = hop_create(loop, sides, &hop_ops, x11);
    x11->conn = xconn_create(loop, sockets.wm, &xconn_ops, x11);
    x11->patience = loop_add_timer(loop, on_patience, x11);
    x11->focus_timer = loop_add_timer(loop, focus_try, x11);
    if (!x11->hop || !x11->conn || !x11->patience || !x11->focus_timer || !x11->drop ||
        !x11->drag) {
        x11_destroy(x11);
        return NULL;
    }
    if (card) {
        hop_know(x11->hop, &wire_wl_drm);
    }
    ask_globals(x11);
    return x11;
}

void
x11_destroy(struct x11 *x11)
{
    if (!x11) {
        return;
    }
    x11->over = true;
    loop_remove(x11->patience);
    loop_remove(x11->focus_timer);
    wm_clear(x11);
    drop_destroy(x11->drop);
    drag_destroy(x11->drag);
    selections_destroy(x11->selections);
    hop_destroy(x11->hop);
    xconn_destroy(x11->conn);
    free(x11);
}
