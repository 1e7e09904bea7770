/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/guest/x11/drag-private.h"

#include "vmm/base/bytes.h"

void
drag_data_go_on(struct drag *drag)
{
    if (drag->stage != STAGE_ASKING || drag->n_waiting > 0 || drag->proposed == 0) {
        return;
    }
    if (drag->actions == 0) {
        drag->actions =
            drag->proposed == drag->x11->atoms[ATOM_XDND_ACTION_MOVE] ? HOST_MOVE : HOST_COPY;
    }
    drag_start(drag);
}

static void
name_types(struct drag *drag, const uint8_t *atoms, uint32_t n)
{
    drag->n_waiting += types_name(drag->x11, &drag->types, atoms, n,
                                  (struct x_ticket){TICKET_DRAG_NAME, 0, drag->generation});
}

void
drag_data_ask(struct drag *drag, const uint32_t data[5])
{
    struct x11 *x11 = drag->x11;

    drag->stage = STAGE_ASKING;
    drag->generation++;
    drag->source = data[0];
    drag->types.n = 0;
    drag->actions = drag->proposed = 0;
    drag->n_waiting = 1;
    x_get_property(x11->conn, data[0], x11->atoms[ATOM_XDND_ACTION_LIST],
                   (struct x_ticket){TICKET_DRAG_ACTIONS, 0, drag->generation});
    if (data[1] & 1) {
        drag->n_waiting++;
        x_get_property(x11->conn, data[0], x11->atoms[ATOM_XDND_TYPE_LIST],
                       (struct x_ticket){TICKET_DRAG_TYPES, 0, drag->generation});
    } else {
        name_types(drag, (const uint8_t *)&data[2], 3);
    }
}

/* A property of atoms. */
static void
on_list(struct drag *drag, bool types, const uint8_t *reply, size_t size)
{
    const uint32_t n = reply && reply[1] == 32 ? x_u32(reply + 16) : 0;

    if (!range_inside(X_EVENT_SIZE, (uint64_t)n * 4, size)) {
        return;
    }
    if (types) {
        name_types(drag, reply + X_EVENT_SIZE, n);
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t atom = x_u32(reply + X_EVENT_SIZE + (size_t)i * 4);

        drag->actions |= atom == drag->x11->atoms[ATOM_XDND_ACTION_COPY]   ? HOST_COPY
                         : atom == drag->x11->atoms[ATOM_XDND_ACTION_MOVE] ? HOST_MOVE
                                                                           : 0;
    }
}

int
drag_data_reply(struct drag *drag, const struct x_ticket *ticket, const uint8_t *reply, size_t size)
{
    if (ticket->kind != TICKET_DRAG_TYPES && ticket->kind != TICKET_DRAG_ACTIONS &&
        ticket->kind != TICKET_DRAG_NAME) {
        return 0;
    }
    if (ticket->detail != drag->generation || drag->stage != STAGE_ASKING || drag->n_waiting == 0) {
        return 1;
    }
    drag->n_waiting--;
    if (ticket->kind == TICKET_DRAG_NAME) {
        types_named(&drag->types, ticket->window, reply, size);
    } else {
        on_list(drag, ticket->kind == TICKET_DRAG_TYPES, reply, size);
    }
    drag_data_go_on(drag);
    return 1;
}
