/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/guest/x11/drag-private.h"

enum {
    VERSION_MIN = 3,
    VERSION = 5,
    EDGE = 16384, /* of the window */
    INPUT_ONLY = 2,
    OVERRIDE_REDIRECT = 1 << 9,
    CONFIGURE_STACK = 1 << 6,
    /* XdndStatus */
    TAKES = 1,
    WANTS_POSITIONS = 2,
};

uint32_t
drag_window(const struct x11 *x11)
{
    return x11->own_window + 1;
}

void
drag_cover(struct drag *drag, bool covers)
{
    struct xconn *conn = drag->x11->conn;
    const uint32_t window = drag_window(drag->x11);

    if (covers) {
        x_map(conn, window);
        x_send(conn, &(struct x_request){.opcode = X_CONFIGURE_WINDOW,
                                         .n_words = 3,
                                         .word = {window, CONFIGURE_STACK, 0}});
    } else {
        x_send(conn, &(struct x_request){.opcode = X_UNMAP_WINDOW, .n_words = 1, .word = {window}});
    }
}

void
drag_begin(struct drag *drag)
{
    struct x11 *x11 = drag->x11;
    const uint32_t window = drag_window(x11);
    const uint32_t version = VERSION;

    x_send(x11->conn,
           &(struct x_request){.opcode = X_CREATE_WINDOW,
                               .n_words = 8,
                               .word = {window, x11->root, 0, EDGE | EDGE << 16,
                                        (uint32_t)INPUT_ONLY << 16, 0, OVERRIDE_REDIRECT, 1}});
    x_set_property(x11->conn, window,
                   &(struct x_property){x11->atoms[ATOM_XDND_AWARE], XA_ATOM, 32, &version, 1});
}

void
drag_send_status(struct drag *drag, uint32_t window)
{
    const struct x11 *x11 = drag->x11;
    const bool takes = drag->stage >= STAGE_ON && drag->accepted && drag->action != 0;
    const uint32_t data[5] = {drag_window(x11), WANTS_POSITIONS | (takes ? TAKES : 0), 0, 0,
                              !takes                      ? 0
                              : drag->action == HOST_MOVE ? x11->atoms[ATOM_XDND_ACTION_MOVE]
                                                          : x11->atoms[ATOM_XDND_ACTION_COPY]};

    x_send_message(x11->conn, window, x11->atoms[ATOM_XDND_STATUS], data);
    drag->told = takes;
    if (takes && drag->releases) {
        drag_sync(drag); /* the release waits for this */
    }
}

void
drag_send_finished(struct drag *drag, uint32_t window, bool done)
{
    const struct x11 *x11 = drag->x11;
    const bool moved = done && drag->action == HOST_MOVE;
    const uint32_t data[5] = {drag_window(x11), done,
                              !done   ? 0
                              : moved ? x11->atoms[ATOM_XDND_ACTION_MOVE]
                                      : x11->atoms[ATOM_XDND_ACTION_COPY]};

    if (moved) { /* the program deletes when its target says so */
        x_convert(drag->x11, x11->atoms[ATOM_XDND_SELECTION], x11->atoms[ATOM_DELETE],
                  x11->atoms[ATOM_DELETE]);
    }
    x_send_message(x11->conn, window, x11->atoms[ATOM_XDND_FINISHED], data);
}

static void
on_x_enter(struct drag *drag, const uint32_t data[5])
{
    const uint32_t version = data[1] >> 24;

    if (drag->stage != STAGE_CLAIMED || !drag_same_program(drag->x11, data[0], drag->owner) ||
        version < VERSION_MIN) {
        return;
    }
    drag_data_ask(drag, data);
}

static void
on_x_leave(struct drag *drag)
{
    if (drag->stage == STAGE_ASKING) {
        drag->stage = STAGE_CLAIMED;
        drag->generation++;
    } else if (drag->stage == STAGE_LET_GO && !drag->releases && (drag->finished || drag->failed)) {
        drag_end(drag);
    }
    drag->told = false;
}

static void
on_x_drop(struct drag *drag, uint32_t window)
{
    if (drag->stage >= STAGE_ON && window == drag->source) {
        drag->dropped = true;
        drag_conclude(drag);
    } else {
        drag_send_finished(drag, window, false);
    }
}

int
drag_message(struct drag *drag, uint32_t window, uint32_t type, const uint32_t data[5])
{
    const uint32_t *atoms = drag->x11->atoms;

    if (window != drag_window(drag->x11)) {
        return 0;
    }
    if (type == atoms[ATOM_XDND_ENTER]) {
        on_x_enter(drag, data);
    } else if (type == atoms[ATOM_XDND_POSITION]) {
        drag->proposed = data[4];
        drag_data_go_on(drag);
        drag_send_status(drag, data[0]);
    } else if (type == atoms[ATOM_XDND_LEAVE]) {
        on_x_leave(drag);
    } else if (type == atoms[ATOM_XDND_DROP]) {
        on_x_drop(drag, data[0]);
    }
    return 1;
}
