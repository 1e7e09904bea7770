/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * X's focus follows the host's keyboard, and each key comes where the host meant it to go.
 *
 * Keys are on one connection to Xwayland and the focus on another, which it reads in no order. So X is told of the new
 * focus once Xwayland has read all that came before, which it handles before the next request of X; and what the host
 * sends for the new one waits until X has answered.
 */

#include "vmm/guest/x11/x11-private.h"

enum {
    PATIENCE_MS =
        10000, /* with a server that does not answer, as one that a program has to itself */
    DELAY_MAX_MS = 4096, /* the last of the doubled delays: eight seconds in all */
    REVERT_TO_POINTER_ROOT = 1,
};

static void
try_after(struct x11 *x11, uint64_t milliseconds)
{
    x11->focus_delay = milliseconds;
    loop_timer_set(x11->focus_timer, milliseconds, 0);
}

void
focus_move(struct x11 *x11, struct window *window)
{
    x11->to_focus = window ? window->id : 0;
    x11->n_focus++;
    try_after(x11, 1);
    if (window) {
        x11->focused = window;
        x11_hold(x11, PATIENCE_MS);
    }
}

static void
set_focus(struct x11 *x11, uint32_t window)
{
    x_send(x11->conn, &(struct x_request){.opcode = X_SET_INPUT_FOCUS,
                                          .byte = REVERT_TO_POINTER_ROOT,
                                          .n_words = 2,
                                          .word = {window, 0}});
    x_set_property(x11->conn, x11->root,
                   &(struct x_property){.name = x11->atoms[ATOM_NET_ACTIVE_WINDOW],
                                        .type = XA_WINDOW,
                                        .format = 32,
                                        .data = &window,
                                        .count = 1});
}

static void
give_focus(struct x11 *x11, const struct window *window)
{
    wm_raise(x11, window);
    if (!window->no_input) {
        set_focus(x11, window->id);
    }
    if (window->takes_focus) {
        wm_send_protocol(x11, window, ATOM_WM_TAKE_FOCUS);
    }
}

void
focus_try(void *data, uint32_t events)
{
    struct x11 *x11 = data;
    const struct window *window = wm_find(x11, x11->to_focus);

    (void)events;
    if (!hop_is_read(x11->hop) && x11->focus_delay < DELAY_MAX_MS) {
        try_after(x11, 2 * x11->focus_delay);
        return;
    }
    if (window) {
        give_focus(x11, window);
    } else if (x11->to_focus == 0) {
        set_focus(x11, 0);
    }
    if (x11->to_focus != 0) {
        x_send(x11->conn,
               &(struct x_request){.opcode = X_GET_INPUT_FOCUS,
                                   .reply = true,
                                   .ticket = {.kind = TICKET_FOCUS, .detail = x11->n_focus}});
    }
    x_flush(x11->conn);
}

void
focus_reply(struct x11 *x11, const struct x_ticket *ticket)
{
    if (ticket->detail == x11->n_focus) { /* else the keyboard is elsewhere by now */
        hop_go_on(x11->hop);
    }
}
