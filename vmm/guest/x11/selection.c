/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/guest/x11/selection.h"

#include <stdlib.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/memory.h"
#include "vmm/guest/x11/drag.h"
#include "vmm/guest/x11/drop.h"
#include "vmm/guest/x11/transfer.h"
#include "vmm/guest/x11/types.h"

enum {
    OPCODE_OFFER = 0, /* wl_data_source and zwp_primary_selection_source_v1 */
    OPCODE_DESTROY = 1,
    EVENT_OFFER = 0, /* of offers; and of devices: a new offer */
    FIXES_SELECT_SELECTION_INPUT = 2,
    FIXES_QUERY_VERSION = 0,
    FIXES_OWNER_CHANGED = 7, /* set, window destroyed, program gone */
    XA_PRIMARY = 1,
};

/* Where the two protocols differ. */
static const struct kind {
    const struct wire_interface *manager, *device, *source, *offer;
    uint16_t set_selection, receive, destroy_offer; /* requests */
    uint16_t selection, send, cancelled;            /* events */
} kinds[N_BOARDS] = {
    [BOARD_CLIPBOARD] = {.manager = &wire_wl_data_device_manager,
                         .device = &wire_wl_data_device,
                         .source = &wire_wl_data_source,
                         .offer = &wire_wl_data_offer,
                         .set_selection = WIRE_WL_DATA_DEVICE_SET_SELECTION,
                         .receive = WIRE_WL_DATA_OFFER_RECEIVE,
                         .destroy_offer = WIRE_WL_DATA_OFFER_DESTROY,
                         .selection = WIRE_WL_DATA_DEVICE_EVENT_SELECTION,
                         .send = WIRE_WL_DATA_SOURCE_EVENT_SEND,
                         .cancelled = WIRE_WL_DATA_SOURCE_EVENT_CANCELLED},
    [BOARD_PRIMARY] = {.manager = &wire_zwp_primary_selection_device_manager_v1,
                       .device = &wire_zwp_primary_selection_device_v1,
                       .source = &wire_zwp_primary_selection_source_v1,
                       .offer = &wire_zwp_primary_selection_offer_v1,
                       .set_selection = WIRE_ZWP_PRIMARY_SELECTION_DEVICE_V1_SET_SELECTION,
                       .receive = WIRE_ZWP_PRIMARY_SELECTION_OFFER_V1_RECEIVE,
                       .destroy_offer = WIRE_ZWP_PRIMARY_SELECTION_OFFER_V1_DESTROY,
                       .selection = WIRE_ZWP_PRIMARY_SELECTION_DEVICE_V1_EVENT_SELECTION,
                       .send = WIRE_ZWP_PRIMARY_SELECTION_SOURCE_V1_EVENT_SEND,
                       .cancelled = WIRE_ZWP_PRIMARY_SELECTION_SOURCE_V1_EVENT_CANCELLED},
};

struct board {
    const struct kind *kind;
    uint32_t index;
    uint32_t manager, device;
    uint32_t generation; /* answers to older questions are of no use */
    /* What the host has. */
    uint32_t offer;
    uint32_t next_offer; /* it may be for a drag */
    struct types offered;
    struct types next_offered;
    bool owned; /* in X by us */
    /* What an X11 program has. */
    uint32_t source;
    struct types wanted;
    uint32_t n_naming;
};

struct selections {
    struct x11 *x11;
    struct transfers *transfers;
    struct board board[N_BOARDS];
    uint8_t fixes;       /* opcode */
    uint8_t fixes_event; /* its first event */
};

struct selections *
selections_create(struct x11 *x11)
{
    struct selections *selections = xalloc(sizeof(*selections));

    selections->x11 = x11;
    selections->transfers = transfers_create(x11);
    for (uint32_t i = 0; i < N_BOARDS; i++) {
        selections->board[i].kind = &kinds[i];
        selections->board[i].index = i;
    }
    return selections;
}

void
selections_destroy(struct selections *selections)
{
    if (selections) {
        transfers_destroy(selections->transfers);
        free(selections);
    }
}

static uint32_t
atom_of(const struct selections *selections, const struct board *board)
{
    return board->index == BOARD_PRIMARY ? XA_PRIMARY : selections->x11->atoms[ATOM_CLIPBOARD];
}

/* The host's side. */

static void
say(struct selections *selections, uint32_t id, uint16_t opcode)
{
    struct wire_writer writer;

    wire_begin(&writer, id, opcode);
    hop_send(selections->x11->hop, &writer);
}

int
selections_global(struct selections *selections, const struct wire_call *call)
{
    struct x11 *x11 = selections->x11;
    const struct wire_interface *interface =
        wire_interface_find((const char *)call->value[1].data, call->value[1].word - 1);

    for (int i = 0; i < N_BOARDS; i++) {
        struct board *board = &selections->board[i];

        if (interface == board->kind->manager) {
            x11_bind(x11, call, interface, &board->manager);
            selections_seat(selections);
            return 1;
        }
    }
    return 0;
}

void
selections_seat(struct selections *selections)
{
    struct x11 *x11 = selections->x11;
    struct wire_writer writer;

    for (int i = 0; i < N_BOARDS && x11->seat != 0; i++) {
        struct board *board = &selections->board[i];

        if (board->manager != 0 && board->device == 0) {
            board->device = hop_new_id(x11->hop);
            wire_begin(&writer, board->manager, WIRE_WL_DATA_DEVICE_MANAGER_GET_DATA_DEVICE);
            wire_put(&writer, board->device);
            wire_put(&writer, x11->seat);
            hop_send(x11->hop, &writer);
        }
    }
}

static void
drop_offer(struct selections *selections, const struct board *board, uint32_t *offer)
{
    if (*offer != 0) {
        say(selections, *offer, board->kind->destroy_offer);
        *offer = 0;
    }
}

static void
set_owner(struct selections *selections, struct board *board, bool ours)
{
    struct x11 *x11 = selections->x11;

    if (ours || board->owned) {
        x_send(x11->conn, &(struct x_request){
                              .opcode = X_SET_SELECTION_OWNER,
                              .n_words = 3,
                              .word = {ours ? x11->own_window : 0, atom_of(selections, board), 0}});
    }
    board->owned = ours;
}

/* The host has other content: it is a selection of ours in X. */
static void
on_selection(struct selections *selections, struct board *board, uint32_t offer)
{
    struct x11 *x11 = selections->x11;

    if (offer != 0 && offer != board->next_offer) {
        return;
    }
    if (offer != 0 && board->source != 0) { /* what we offer ourselves */
        drop_offer(selections, board, &board->next_offer);
        return;
    }
    drop_offer(selections, board, &board->offer);
    board->offer = offer;
    board->next_offer = offer != 0 ? 0 : board->next_offer;
    board->offered = board->next_offered;
    board->generation++;
    if (offer != 0) {
        types_intern(x11, &board->offered,
                     (struct x_ticket){TICKET_TYPE_ATOM, board->generation, board->index});
    }
    set_owner(selections, board, offer != 0);
}

static void
enter(struct x11 *x11, const struct wire_call *call, const struct types *types)
{
    if (!drag_device(x11->drag, call)) {
        drop_enter(x11->drop, call, types);
    }
}

static void
on_device(struct selections *selections, struct board *board, const struct wire_call *call)
{
    if (call->opcode == EVENT_OFFER) {
        drop_offer(selections, board, &board->next_offer);
        board->next_offer = call->value[0].word;
        board->next_offered.n = 0;
    } else if (call->opcode == board->kind->selection) {
        on_selection(selections, board, call->value[0].word);
    } else if (wire_is(call, wl_data_device, WIRE_WL_DATA_DEVICE_EVENT_ENTER)) {
        if (board->next_offer != 0 && call->value[4].word == board->next_offer) {
            board->next_offer = 0; /* it is the drag's */
            enter(selections->x11, call, &board->next_offered);
        }
    } else if (call->object->interface == &wire_wl_data_device &&
               !drag_device(selections->x11->drag, call)) {
        drop_device(selections->x11->drop, call);
    }
}

static void
drop_source(struct selections *selections, struct board *board)
{
    if (board->source != 0) {
        say(selections, board->source, OPCODE_DESTROY);
        board->source = 0;
    }
}

/* A program of the host's wants what an X11 program has. */
static void
on_send(struct selections *selections, const struct board *board, const struct wire_call *call)
{
    const struct type *type = types_find(&board->wanted, (const char *)call->value[0].data);
    cleanup_fd int fd = hop_take_fd(selections->x11->hop);

    if (type && fd >= 0) {
        transfer_from_x(selections->transfers, atom_of(selections, board), type->atom,
                        take_fd(&fd));
    }
}

static int
on_board_event(struct selections *selections, struct board *board, const struct wire_call *call)
{
    if (call->id == board->device) {
        on_device(selections, board, call);
    } else if (call->id == board->next_offer) {
        if (call->opcode == EVENT_OFFER) {
            types_add(&board->next_offered, (const char *)call->value[0].data,
                      call->value[0].word - 1, 0);
        }
    } else if (call->id == board->source) {
        if (call->opcode == board->kind->send) {
            on_send(selections, board, call);
        } else if (call->opcode == board->kind->cancelled) {
            drop_source(selections, board);
        }
    } else {
        return 0;
    }
    return 1;
}

int
selections_event(struct selections *selections, const struct wire_call *call)
{
    for (int i = 0; i < N_BOARDS; i++) {
        struct board *board = &selections->board[i];
        const struct wire_interface *interface = call->object->interface;

        if ((interface == board->kind->device || interface == board->kind->offer ||
             interface == board->kind->source) &&
            on_board_event(selections, board, call)) {
            return 1;
        }
    }
    return 0;
}

/* X's side. */

uint32_t
selections_manager(const struct selections *selections)
{
    return selections->board[BOARD_CLIPBOARD].manager;
}

uint32_t
selections_device(const struct selections *selections)
{
    return selections->board[BOARD_CLIPBOARD].device;
}

struct transfers *
selections_transfers(struct selections *selections)
{
    return selections->transfers;
}

void
selections_begin(struct selections *selections)
{
    struct x11 *x11 = selections->x11;

    transfers_begin(selections->transfers);
    x_query_extension(x11->conn, "XFIXES", (struct x_ticket){.kind = TICKET_FIXES});
}

static void
select_owner(struct selections *selections, uint32_t selection)
{
    struct x11 *x11 = selections->x11;

    x_send(x11->conn,
           &(struct x_request){.opcode = selections->fixes,
                               .byte = FIXES_SELECT_SELECTION_INPUT,
                               .n_words = 3,
                               .word = {x11->own_window, selection, FIXES_OWNER_CHANGED}});
}

static void
begin_fixes(struct selections *selections, const uint8_t *reply)
{
    struct x11 *x11 = selections->x11;

    if (!reply || reply[8] == 0) {
        return; /* then only the host's content reaches X */
    }
    selections->fixes = reply[9];
    selections->fixes_event = reply[10];
    x_send(x11->conn, &(struct x_request){.opcode = selections->fixes,
                                          .byte = FIXES_QUERY_VERSION,
                                          .n_words = 2,
                                          .word = {1, 0},
                                          .reply = true,
                                          .ticket = {.kind = TICKET_NOTHING}});
    for (int i = 0; i < N_BOARDS; i++) {
        select_owner(selections, atom_of(selections, &selections->board[i]));
    }
    select_owner(selections, x11->atoms[ATOM_XDND_SELECTION]);
}

/* A program has content now: ask it what kinds. */
static void
on_owner(struct selections *selections, const uint8_t *event)
{
    struct x11 *x11 = selections->x11;
    const uint32_t owner = x_u32(event + 8);

    if (x_u32(event + 12) == x11->atoms[ATOM_XDND_SELECTION] && owner != x11->own_window) {
        drop_lost(x11->drop);
        drag_claim(x11->drag, owner);
        return;
    }
    for (int i = 0; i < N_BOARDS; i++) {
        struct board *board = &selections->board[i];

        if (x_u32(event + 12) != atom_of(selections, board) || owner == x11->own_window) {
            continue;
        }
        board->owned = false;
        board->generation++;
        if (owner == 0) {
            drop_source(selections, board);
        } else {
            x_convert(x11, atom_of(selections, board), x11->atoms[ATOM_TARGETS],
                      x11->atoms[ATOM_TARGETS]);
        }
    }
}

/* All kinds have names: the host may have them. */
static void
offer_source(struct selections *selections, struct board *board)
{
    struct x11 *x11 = selections->x11;
    struct wire_writer writer;

    drop_source(selections, board);
    if (board->wanted.n == 0 || board->device == 0) {
        return;
    }
    board->source = hop_new_id(x11->hop);
    wire_begin(&writer, board->manager, WIRE_WL_DATA_DEVICE_MANAGER_CREATE_DATA_SOURCE);
    wire_put(&writer, board->source);
    hop_send(x11->hop, &writer);
    for (uint32_t i = 0; i < board->wanted.n; i++) {
        wire_begin(&writer, board->source, OPCODE_OFFER);
        wire_put_string(&writer, board->wanted.type[i].name);
        hop_send(x11->hop, &writer);
    }
    wire_begin(&writer, board->device, board->kind->set_selection);
    wire_put(&writer, board->source);
    wire_put(&writer, x11->input_serial);
    hop_send(x11->hop, &writer);
}

/* The kinds that a program's content has; those with a host's name are asked for it. */
static void
on_targets(struct selections *selections, struct board *board, const uint8_t *reply, size_t size)
{
    struct x11 *x11 = selections->x11;
    const uint32_t n = reply && reply[1] == 32 ? x_u32(reply + 16) : 0;

    board->wanted.n = 0;
    board->n_naming = 0;
    if (!range_inside(X_EVENT_SIZE, (uint64_t)n * 4, size)) {
        return;
    }
    board->n_naming =
        types_name(x11, &board->wanted, reply + X_EVENT_SIZE, n,
                   (struct x_ticket){TICKET_ATOM_NAME, 0, board->index | board->generation << 8});
    if (board->n_naming == 0) {
        offer_source(selections, board);
    }
}

static void
on_atom_name(struct selections *selections, const struct x_ticket *ticket, const uint8_t *reply,
             size_t size)
{
    struct board *board = &selections->board[(ticket->detail & 0xff) % N_BOARDS];

    if (ticket->detail >> 8 != (board->generation & 0xffffff) || board->n_naming == 0) {
        return;
    }
    types_named(&board->wanted, ticket->window, reply, size);
    if (--board->n_naming == 0) {
        offer_source(selections, board);
    }
}

void
selections_x_reply(struct selections *selections, const struct x_ticket *ticket,
                   const uint8_t *reply, size_t size)
{
    struct board *board = &selections->board[(ticket->detail & 0xff) % N_BOARDS];

    if (transfers_reply(selections->transfers, ticket, reply, size)) {
        return;
    }
    if (ticket->kind == TICKET_DROP_ATOM) {
        drop_reply(selections->x11->drop, ticket, reply);
    } else if (ticket->kind == TICKET_FIXES) {
        begin_fixes(selections, reply);
    } else if (ticket->kind == TICKET_TYPE_ATOM) {
        if (ticket->window == board->generation && reply) {
            board->offered.type[(ticket->detail >> 8) % TYPES_MAX].atom = x_u32(reply + 8);
        }
    } else if (ticket->kind == TICKET_TARGETS) {
        on_targets(selections, board, reply, size);
    } else if (ticket->kind == TICKET_ATOM_NAME) {
        on_atom_name(selections, ticket, reply, size);
    }
}

/* An X11 program wants what the host has. */
static void
on_request(struct selections *selections, const uint8_t *request)
{
    struct x11 *x11 = selections->x11;
    const struct board *board = NULL;

    for (int i = 0; i < N_BOARDS; i++) {
        if (x_u32(request + 16) == atom_of(selections, &selections->board[i])) {
            board = &selections->board[i];
        }
    }
    if (x_u32(request + 16) == x11->atoms[ATOM_XDND_SELECTION]) {
        drop_request(x11->drop, selections->transfers, request);
    } else if (board && board->offer != 0) {
        types_answer(x11, selections->transfers, &board->offered,
                     &(struct types_offer){board->offer, board->kind->receive}, request);
    } else {
        transfer_answer(x11, request, 0);
    }
}

static void
on_notify(struct selections *selections, const uint8_t *event)
{
    struct x11 *x11 = selections->x11;

    for (uint32_t i = 0; i < N_BOARDS; i++) {
        struct board *board = &selections->board[i];
        const bool ours = x_u32(event + 12) == atom_of(selections, board) &&
                          x_u32(event + 16) == x11->atoms[ATOM_TARGETS];

        if (ours && x_u32(event + 20) != 0) {
            x_get_property(x11->conn, x11->own_window, x11->atoms[ATOM_TARGETS],
                           (struct x_ticket){.kind = TICKET_TARGETS, .detail = i});
        }
    }
}

int
selections_x_event(struct selections *selections, uint8_t code, const uint8_t *event)
{
    if (selections->fixes != 0 && code == selections->fixes_event) {
        on_owner(selections, event);
    } else if (transfers_event(selections->transfers, code, event)) {
        return 1;
    } else if (code == X_EVENT_SELECTION_REQUEST) {
        on_request(selections, event);
    } else if (code == X_EVENT_SELECTION_NOTIFY) {
        on_notify(selections, event);
    } else {
        return 0;
    }
    return 1;
}
