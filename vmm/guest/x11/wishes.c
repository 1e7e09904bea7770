/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What programs ask of their window manager in messages: states, moving, closing. */

#include "vmm/guest/x11/x11-private.h"

enum {
    /* _NET_WM_STATE */
    STATE_REMOVE = 0,
    STATE_ADD = 1,
    STATE_TOGGLE = 2,
    /* _NET_WM_MOVERESIZE */
    DIRECTIONS = 8,
    MOVE = 8,
    ICONIC = 3,
};

static bool
wanted(uint32_t action, bool is)
{
    return action == STATE_ADD || (action == STATE_TOGGLE && !is);
}

static void
say(struct x11 *x11, const struct surface *surface, uint16_t opcode)
{
    struct wire_writer writer;

    wire_begin(&writer, surface->xdg_role, opcode);
    if (opcode == WIRE_XDG_TOPLEVEL_SET_FULLSCREEN) {
        wire_put(&writer, 0); /* any output */
    }
    hop_send(x11->hop, &writer);
}

static void
on_state(struct x11 *x11, const struct surface *surface, const uint32_t data[5])
{
    const uint32_t *atoms = x11->atoms;

    for (int i = 1; i <= 2; i++) {
        if (data[i] == atoms[ATOM_NET_WM_STATE_FULLSCREEN]) {
            say(x11, surface,
                wanted(data[0], surface->fullscreen) ? WIRE_XDG_TOPLEVEL_SET_FULLSCREEN
                                                     : WIRE_XDG_TOPLEVEL_UNSET_FULLSCREEN);
        } else if (data[i] == atoms[ATOM_NET_WM_STATE_MAXIMIZED_VERT]) {
            say(x11, surface,
                wanted(data[0], surface->maximized) ? WIRE_XDG_TOPLEVEL_SET_MAXIMIZED
                                                    : WIRE_XDG_TOPLEVEL_UNSET_MAXIMIZED);
        }
    }
}

static void
on_move_resize(struct x11 *x11, const struct surface *surface, uint32_t direction)
{
    /* xdg_toplevel.resize_edge: top 1, bottom 2, left 4, right 8. */
    static const uint32_t edges[DIRECTIONS] = {5, 1, 9, 8, 10, 2, 6, 4};
    struct wire_writer writer;

    if (direction > MOVE || x11->seat == 0) {
        return; /* by keyboard: the host's affair */
    }
    wire_begin(&writer, surface->xdg_role,
               direction == MOVE ? WIRE_XDG_TOPLEVEL_MOVE : WIRE_XDG_TOPLEVEL_RESIZE);
    wire_put(&writer, x11->seat);
    wire_put(&writer, x11->button_serial);
    if (direction != MOVE) {
        wire_put(&writer, edges[direction]);
    }
    hop_send(x11->hop, &writer);
}

void
wishes_message(struct x11 *x11, struct window *window, uint32_t type, const uint32_t data[5])
{
    const struct surface *surface = window->surface;

    if (!surface || surface->role != ROLE_TOPLEVEL) {
        return;
    }
    if (type == x11->atoms[ATOM_NET_WM_STATE]) {
        on_state(x11, surface, data);
    } else if (type == x11->atoms[ATOM_NET_WM_MOVERESIZE]) {
        on_move_resize(x11, surface, data[2]);
    } else if (type == x11->atoms[ATOM_NET_CLOSE_WINDOW]) {
        wm_close(x11, window);
    } else if (type == x11->atoms[ATOM_WM_CHANGE_STATE] && data[0] == ICONIC) {
        say(x11, surface, WIRE_XDG_TOPLEVEL_SET_MINIMIZED);
    }
}
