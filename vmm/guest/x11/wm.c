/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Xwayland's window manager: ICCCM 4 and what programs need of EWMH. */

#include <stdlib.h>

#include "vmm/base/bytes.h"
#include "vmm/base/log.h"
#include "vmm/base/memory.h"
#include "vmm/guest/x11/drag.h"
#include "vmm/guest/x11/drop.h"
#include "vmm/guest/x11/selection.h"
#include "vmm/guest/x11/x11-private.h"

enum {
    /* Event masks. */
    STRUCTURE_NOTIFY = 1 << 17,
    SUBSTRUCTURE_NOTIFY = 1 << 19,
    SUBSTRUCTURE_REDIRECT = 1 << 20,
    PROPERTY_CHANGE = 1 << 22,
    /* ConfigureWindow */
    CONFIGURE_X = 1 << 0,
    CONFIGURE_Y = 1 << 1,
    CONFIGURE_WIDTH = 1 << 2,
    CONFIGURE_HEIGHT = 1 << 3,
    CONFIGURE_BORDER = 1 << 4,
    CONFIGURE_STACK = 1 << 6,
    STACK_ABOVE = 0,
    /* WM_STATE */
    WITHDRAWN = 0,
    NORMAL = 1,
    COMPOSITE_REDIRECT_SUBWINDOWS = 2,
    REDIRECT_MANUAL = 1,
    INPUT_ONLY = 2,
    WITH_EVENTS = 1 << 11,
    /* struct window's states; 0: its program may have said what it wants */
    STATES_KNOWN = 1 << 0,
    STATE_FULLSCREEN = 1 << 1,
    STATE_MAXIMIZED = 1 << 2,
};

struct window *
wm_find(struct x11 *x11, uint32_t id)
{
    list_for_each(link, &x11->windows) {
        struct window *window = list_container(link, struct window, link);
        if (window->id == id) {
            return window;
        }
    }
    return NULL;
}

/* Atoms and extensions are asked for; all else waits until they are there. */
void
wm_ready(struct x11 *x11, const struct xconn_setup *setup)
{
    x11->root = setup->root;
    x11->id_mask = setup->id_mask;
    x11->own_window = setup->id_base;
    for (uint32_t i = 0; i < N_ATOMS; i++) {
        x_intern(x11->conn, atom_name(i), (struct x_ticket){.kind = TICKET_ATOM, .detail = i});
    }
    x_query_extension(x11->conn, "Composite", (struct x_ticket){.kind = TICKET_COMPOSITE});
    x11->n_asked = N_ATOMS + 1;
    x_flush(x11->conn);
}

static void
set_words(struct x11 *x11, uint32_t window, struct x_property property)
{
    property.format = 32;
    x_set_property(x11->conn, window, &property);
}

/* The window that says who manages windows, and holds the selection that shows it. */
static void
make_own_window(struct x11 *x11)
{
    static const char name[] = "Vitrine";
    const uint32_t id = x11->own_window;
    const uint32_t *atoms = x11->atoms;
    const uint32_t supported[] = {
        atoms[ATOM_NET_SUPPORTING_WM_CHECK],
        atoms[ATOM_NET_ACTIVE_WINDOW],
        atoms[ATOM_NET_CLOSE_WINDOW],
        atoms[ATOM_NET_WM_NAME],
        atoms[ATOM_NET_WM_MOVERESIZE],
        atoms[ATOM_NET_WM_STATE],
        atoms[ATOM_NET_WM_STATE_FULLSCREEN],
        atoms[ATOM_NET_WM_STATE_MAXIMIZED_VERT],
        atoms[ATOM_NET_WM_STATE_MAXIMIZED_HORZ],
    };
    const struct x_property text = {atoms[ATOM_NET_WM_NAME], atoms[ATOM_UTF8_STRING], 8, name,
                                    sizeof(name) - 1};
    const struct x_property check = {
        .name = atoms[ATOM_NET_SUPPORTING_WM_CHECK], .type = XA_WINDOW, .data = &id, .count = 1};

    /* Nothing of it is ever seen: 1 x 1, for input only. */
    x_send(x11->conn,
           &(struct x_request){.opcode = X_CREATE_WINDOW,
                               .n_words = 8,
                               .word = {id, x11->root, 0, 1 | 1 << 16, (uint32_t)INPUT_ONLY << 16,
                                        0, WITH_EVENTS, PROPERTY_CHANGE}});
    set_words(x11, id, check);
    set_words(x11, x11->root, check);
    x_set_property(x11->conn, id, &text);
    set_words(x11, x11->root,
              (struct x_property){.name = atoms[ATOM_NET_SUPPORTED],
                                  .type = XA_ATOM,
                                  .data = supported,
                                  .count = ARRAY_SIZE(supported)});
    /* Xwayland lets programs in when this has an owner. */
    x_send(x11->conn, &(struct x_request){.opcode = X_SET_SELECTION_OWNER,
                                          .n_words = 3,
                                          .word = {id, atoms[ATOM_WM_S0], 0}});
}

static void
begin(struct x11 *x11)
{
    if (x11->composite == 0) {
        x11_end(x11, "this X server has no extension Composite");
        return;
    }
    x_select_input(x11->conn, x11->root,
                   SUBSTRUCTURE_NOTIFY | SUBSTRUCTURE_REDIRECT | PROPERTY_CHANGE);
    x_send(x11->conn, &(struct x_request){.opcode = x11->composite,
                                          .byte = COMPOSITE_REDIRECT_SUBWINDOWS,
                                          .n_words = 2,
                                          .word = {x11->root, REDIRECT_MANUAL}});
    make_own_window(x11);
    drag_begin(x11->drag);
    selections_begin(x11->selections);
}

static void
show(struct x11 *x11, struct window *window)
{
    if (window->surface) {
        surface_show(x11, window->surface);
    }
}

static void
on_property(struct x11 *x11, const struct x_ticket *ticket, const uint8_t *reply, size_t size)
{
    struct window *window = wm_find(x11, ticket->window);

    if (!window) {
        return;
    }
    properties_reply(x11, window, ticket->detail, reply, size);
    if (window->n_loading == 0) {
        show(x11, window);
        if (window->surface) {
            surface_update(x11, window->surface);
        }
    }
}

static void
on_start(struct x11 *x11, const struct x_ticket *ticket, const uint8_t *reply)
{
    if (ticket->kind == TICKET_ATOM) {
        x11->atoms[ticket->detail] = reply ? x_u32(reply + 8) : 0;
    } else {
        x11->composite = reply && reply[8] ? reply[9] : 0;
    }
    if (x11->n_asked > 0 && --x11->n_asked == 0) {
        begin(x11);
    }
}

void
wm_reply(struct x11 *x11, const struct x_ticket *ticket, const uint8_t *reply, size_t size)
{
    if (ticket->kind == TICKET_PROPERTY) {
        on_property(x11, ticket, reply, size);
    } else if (ticket->kind == TICKET_ATOM || ticket->kind == TICKET_COMPOSITE) {
        on_start(x11, ticket, reply);
    } else if (ticket->kind == TICKET_FOCUS) {
        focus_reply(x11, ticket);
    } else if (!drag_reply(x11->drag, ticket, reply, size)) {
        selections_x_reply(x11->selections, ticket, reply, size);
    }
    x_flush(x11->conn);
}

static void
part(struct x11 *x11, struct window *window)
{
    window->surface_id = 0;
    if (window->surface) {
        surface_hide(x11, window->surface);
        window->surface->window = NULL;
        window->surface = NULL;
    }
}

static void
meet(struct x11 *x11, struct window *window, struct surface *surface)
{
    if (surface->window && surface->window != window) {
        part(x11, surface->window);
    }
    surface->window = window;
    window->surface = surface;
    properties_ask(x11, window);
}

void
wm_meet(struct x11 *x11, struct surface *surface)
{
    list_for_each(link, &x11->windows) {
        struct window *window = list_container(link, struct window, link);
        if (window->surface_id == surface->object->inner && !window->surface) {
            meet(x11, window, surface);
            return;
        }
    }
}

static void
on_surface_id(struct x11 *x11, struct window *window, uint32_t surface_id)
{
    const struct hop_object *object = hop_by_inner(x11->hop, surface_id, &wire_wl_surface);

    part(x11, window);
    window->surface_id = surface_id;
    if (object && object->data) {
        meet(x11, window, object->data);
    }
}

static void
configure(struct x11 *x11, uint32_t window, uint32_t mask, const uint32_t *values)
{
    struct x_request request = {.opcode = X_CONFIGURE_WINDOW, .n_words = 2, .word = {window, mask}};

    for (uint32_t left = mask; left; left &= left - 1) {
        request.word[request.n_words++] = *values++;
    }
    x_send(x11->conn, &request);
}

void
wm_place(struct x11 *x11, const struct window *window, struct box box)
{
    const uint32_t values[] = {(uint32_t)box.x, (uint32_t)box.y, box.width, box.height};
    const struct box *now = &window->box;

    if (now->x != box.x || now->y != box.y || now->width != box.width ||
        now->height != box.height) {
        configure(x11, window->id, CONFIGURE_X | CONFIGURE_Y | CONFIGURE_WIDTH | CONFIGURE_HEIGHT,
                  values);
    }
}

void
wm_raise(struct x11 *x11, const struct window *window)
{
    const uint32_t above = STACK_ABOVE;

    configure(x11, window->id, CONFIGURE_STACK, &above);
}

void
wm_send_protocol(struct x11 *x11, const struct window *window, enum x11_atom protocol)
{
    const uint32_t data[5] = {x11->atoms[protocol]};

    x_send_message(x11->conn, window->id, x11->atoms[ATOM_WM_PROTOCOLS], data);
}

void
wm_close(struct x11 *x11, const struct window *window)
{
    if (window->deletes) {
        wm_send_protocol(x11, window, ATOM_WM_DELETE_WINDOW);
    } else {
        x_send(x11->conn,
               &(struct x_request){.opcode = X_KILL_CLIENT, .n_words = 1, .word = {window->id}});
    }
}

void
wm_set_state(struct x11 *x11, struct window *window)
{
    const struct surface *surface = window->surface;
    const bool fullscreen = surface && surface->fullscreen;
    const bool maximized = surface && surface->maximized;
    const uint32_t now =
        STATES_KNOWN | (fullscreen ? STATE_FULLSCREEN : 0) | (maximized ? STATE_MAXIMIZED : 0);
    uint32_t states[3];
    size_t n = 0;

    if (window->states == now) {
        return; /* each change is told all who look, and this program too */
    }
    window->states = now;
    if (fullscreen) {
        states[n++] = x11->atoms[ATOM_NET_WM_STATE_FULLSCREEN];
    }
    if (maximized) {
        states[n++] = x11->atoms[ATOM_NET_WM_STATE_MAXIMIZED_VERT];
        states[n++] = x11->atoms[ATOM_NET_WM_STATE_MAXIMIZED_HORZ];
    }
    set_words(
        x11, window->id,
        (struct x_property){
            .name = x11->atoms[ATOM_NET_WM_STATE], .type = XA_ATOM, .data = states, .count = n});
}

static void
set_wm_state(struct x11 *x11, const struct window *window, uint32_t state)
{
    const uint32_t words[2] = {state, 0};

    set_words(x11, window->id,
              (struct x_property){.name = x11->atoms[ATOM_WM_STATE],
                                  .type = x11->atoms[ATOM_WM_STATE],
                                  .data = words,
                                  .count = 2});
}

static void
on_create(struct x11 *x11, const uint8_t *event)
{
    const uint32_t id = x_u32(event + 8);

    if (id == x11->own_window || id == drag_window(x11) || x11->n_windows >= WINDOWS_MAX ||
        wm_find(x11, id)) {
        return;
    }
    struct window *window = xalloc(sizeof(*window));
    window->id = id;
    window->box.x = (int16_t)x_u16(event + 12);
    window->box.y = (int16_t)x_u16(event + 14);
    window->box.width = x_u16(event + 16);
    window->box.height = x_u16(event + 18);
    window->override_redirect = event[22];
    list_append(&x11->windows, &window->link);
    x11->n_windows++;
    x_select_input(x11->conn, id, PROPERTY_CHANGE);
}

static void
forget(struct x11 *x11, struct window *window)
{
    if (x11->focused == window) {
        x11->focused = NULL;
    }
    drop_window_gone(x11->drop, window->id);
    properties_clear(window);
    list_remove(&window->link);
    free(window);
    x11->n_windows--;
}

static void
on_map_request(struct x11 *x11, struct window *window)
{
    /* Where a window is on the host's screen is not known here: all are at the top left. */
    const uint32_t values[] = {0, 0, 0};

    configure(x11, window->id, CONFIGURE_X | CONFIGURE_Y | CONFIGURE_BORDER, values);
    set_wm_state(x11, window, NORMAL);
    x_map(x11->conn, window->id);
}

static void
on_unmap(struct x11 *x11, struct window *window)
{
    part(x11, window);
    if (window->mapped && !window->override_redirect) {
        set_wm_state(x11, window, WITHDRAWN);
    }
    window->mapped = false;
    window->states = 0;
}

static void
on_configured(struct x11 *x11, struct window *window, const uint8_t *event)
{
    window->box.x = (int16_t)x_u16(event + 16);
    window->box.y = (int16_t)x_u16(event + 18);
    window->box.width = x_u16(event + 20);
    window->box.height = x_u16(event + 22);
    window->override_redirect = event[26];
    if (window->surface) {
        surface_show(x11, window->surface);
        surface_moved(x11, window->surface);
    }
}

/* Tell a program that nothing changed (ICCCM 4.1.5). */
static void
repeat_configure(struct x11 *x11, const struct window *window)
{
    const uint32_t place = (uint32_t)(uint16_t)window->box.x | (uint32_t)(uint16_t)window->box.y
                                                                   << 16;

    x_send(x11->conn,
           &(struct x_request){.opcode = X_SEND_EVENT,
                               .n_words = 10,
                               .word = {window->id, STRUCTURE_NOTIFY, X_EVENT_CONFIGURE, window->id,
                                        window->id, 0, place,
                                        window->box.width | window->box.height << 16, 0, 0}});
}

/* Size and place are the program's before its window is shown; later the size, where the host lets it. */
static void
on_configure_request(struct x11 *x11, struct window *window, const uint8_t *event)
{
    const struct surface *surface = window->surface;
    const bool shown = surface && surface->role == ROLE_TOPLEVEL;
    const bool fixed = shown && (surface->fullscreen || surface->maximized || surface->tiled);
    const uint32_t size = CONFIGURE_WIDTH | CONFIGURE_HEIGHT;
    const uint32_t all = size | CONFIGURE_X | CONFIGURE_Y;
    const uint32_t given[] = {(uint32_t)(int16_t)x_u16(event + 16),
                              (uint32_t)(int16_t)x_u16(event + 18), x_u16(event + 20),
                              x_u16(event + 22)};
    const uint32_t mask = x_u16(event + 26) & (fixed ? 0 : shown ? size : all);
    uint32_t values[4];
    size_t n = 0;

    for (uint32_t i = 0; i < ARRAY_SIZE(given); i++) {
        if (mask & 1U << i) {
            values[n++] = given[i];
        }
    }
    if (mask) {
        configure(x11, window->id, mask, values);
    } else {
        repeat_configure(x11, window);
    }
}

void
wm_clear(struct x11 *x11)
{
    list_for_each_safe(link, &x11->windows) {
        struct window *window = list_container(link, struct window, link);

        if (window->surface) {
            window->surface->window = NULL;
        }
        forget(x11, window);
    }
}

static void
on_window_event(struct x11 *x11, uint8_t code, struct window *window, const uint8_t *event)
{
    switch (code) {
    case X_EVENT_DESTROY:
        part(x11, window);
        forget(x11, window);
        break;
    case X_EVENT_UNMAP:
        on_unmap(x11, window);
        break;
    case X_EVENT_MAP:
        window->mapped = true;
        window->override_redirect = event[12];
        show(x11, window);
        break;
    case X_EVENT_MAP_REQUEST:
        on_map_request(x11, window);
        break;
    case X_EVENT_CONFIGURE:
        on_configured(x11, window, event);
        break;
    case X_EVENT_CONFIGURE_REQUEST:
        on_configure_request(x11, window, event);
        break;
    default:
        break;
    }
}

static void
on_message(struct x11 *x11, const uint8_t *event)
{
    struct window *window = wm_find(x11, x_u32(event + 4));
    const uint32_t type = x_u32(event + 8);
    uint32_t data[5];

    if (event[1] != 32) {
        return;
    }
    memcpy(data, event + 12, sizeof(data));
    if (x_u32(event + 4) == x11->own_window) {
        drop_message(x11->drop, type, data);
    } else if (drag_message(x11->drag, x_u32(event + 4), type, data)) {
        return;
    } else if (window && type == x11->atoms[ATOM_WL_SURFACE_ID]) {
        on_surface_id(x11, window, data[0]);
    } else if (window) {
        wishes_message(x11, window, type, data);
    }
}

void
wm_event(struct x11 *x11, uint8_t code, const uint8_t *event)
{
    struct window *window;

    if (selections_x_event(x11->selections, code, event)) {
        x_flush(x11->conn);
        return;
    }
    switch (code) {
    case X_EVENT_CREATE:
        on_create(x11, event);
        break;
    case X_EVENT_PROPERTY:
        window = wm_find(x11, x_u32(event + 4));
        /* Before it is shown all are asked for anyway. */
        if (window && window->surface) {
            properties_changed(x11, window, x_u32(event + 8));
        }
        break;
    case X_EVENT_CLIENT_MESSAGE:
        on_message(x11, event);
        break;
    default:
        window = wm_find(x11, x_u32(event + 8));
        if (window) {
            on_window_event(x11, code, window, event);
        }
        break;
    }
    x_flush(x11->conn);
}
