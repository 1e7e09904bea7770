/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/guest/x11/drop.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/base/memory.h"

enum {
    ENTER_TYPES = 3,       /* kinds that XdndEnter has room for */
    ANSWER_MS = 10 * 1000, /* for the last XdndStatus before something is let go */
    FINISH_MS = 60 * 1000, /* for XdndFinished */
    /* wl_data_device_manager.dnd_action */
    HOST_COPY = 1,
    HOST_MOVE = 2,
    ACTIONS_SINCE = 3,
};

enum stage {
    STAGE_NONE,
    STAGE_NAMING, /* the X server is asked for the kinds' atoms */
    STAGE_OVER,
    STAGE_GIVEN, /* XdndDrop was sent */
};

struct drop {
    struct x11 *x11;
    struct loop_source *patience;
    enum stage stage;
    struct types types;
    uint32_t offer;
    uint32_t serial;     /* of enter */
    uint32_t generation; /* answers to older questions are of no use */
    uint32_t n_naming;
    uint32_t window; /* that takes XDND; 0: the one below the pointer does not */
    uint32_t version;
    uint32_t place;       /* in the root window: x << 16 | y */
    uint32_t host_action; /* that the host chose */
    uint32_t proposed;    /* in the last XdndPosition, as the host has it */
    uint32_t answer;      /* action of the last XdndStatus; 0: it is not taken */
    bool owner;           /* of XdndSelection */
    bool asked;           /* XdndPosition is not answered yet */
    bool moved;           /* since then */
    bool let_go;          /* on the host */
};

static void
say(struct drop *drop, uint16_t opcode, const uint32_t *words, size_t n_words)
{
    struct wire_writer writer;

    wire_begin(&writer, drop->offer, opcode);
    for (size_t i = 0; i < n_words; i++) {
        wire_put(&writer, words[i]);
    }
    hop_send(drop->x11->hop, &writer);
}

static bool
has_actions(const struct drop *drop)
{
    return hop_version(drop->x11->hop, drop->offer) >= ACTIONS_SINCE;
}

static void
say_actions(struct drop *drop, uint32_t actions, uint32_t preferred)
{
    if (has_actions(drop)) {
        say(drop, WIRE_WL_DATA_OFFER_SET_ACTIONS, (const uint32_t[]){actions, preferred}, 2);
    }
}

static void
say_accept(struct drop *drop, const char *type)
{
    struct wire_writer writer;

    wire_begin(&writer, drop->offer, WIRE_WL_DATA_OFFER_ACCEPT);
    wire_put(&writer, drop->serial);
    if (type) {
        wire_put_string(&writer, type);
    } else {
        wire_put(&writer, 0);
    }
    hop_send(drop->x11->hop, &writer);
}

static void
send_message(struct drop *drop, enum x11_atom type, const uint32_t words[4])
{
    const uint32_t data[5] = {drop->x11->own_window, words[0], words[1], words[2], words[3]};

    x_send_message(drop->x11->conn, drop->window, drop->x11->atoms[type], data);
}

static void
set_owner(struct drop *drop, bool owner)
{
    struct x11 *x11 = drop->x11;

    if (drop->owner != owner) {
        drop->owner = owner;
        x_send(x11->conn, &(struct x_request){.opcode = X_SET_SELECTION_OWNER,
                                              .n_words = 3,
                                              .word = {owner ? x11->own_window : 0,
                                                       x11->atoms[ATOM_XDND_SELECTION], 0}});
    }
}

/* Nothing of it is left; contents that are on their way arrive nevertheless. */
static void
end(struct drop *drop)
{
    if (drop->stage == STAGE_OVER && drop->window != 0) {
        send_message(drop, ATOM_XDND_LEAVE, (const uint32_t[4]){0});
    }
    if (drop->stage != STAGE_NONE) {
        say(drop, WIRE_WL_DATA_OFFER_DESTROY, NULL, 0);
    }
    set_owner(drop, false);
    loop_timer_set(drop->patience, 0, 0);
    drop->stage = STAGE_NONE;
    drop->offer = drop->window = 0;
    drop->generation++;
}

static void
on_patience(void *data, uint32_t events)
{
    struct drop *drop = data;

    (void)events;
    end(drop);
    x_flush(drop->x11->conn);
    hop_flush(drop->x11->hop);
}

struct drop *
drop_create(struct x11 *x11)
{
    struct drop *drop = xalloc(sizeof(*drop));

    drop->x11 = x11;
    drop->patience = loop_add_timer(x11->loop, on_patience, drop);
    if (!drop->patience) {
        free(drop);
        return NULL;
    }
    return drop;
}

void
drop_destroy(struct drop *drop)
{
    if (drop) {
        loop_remove(drop->patience);
        free(drop);
    }
}

/* One question at a time: what moves faster than a program answers is told when it did. */
static void
send_position(struct drop *drop)
{
    const uint32_t *atoms = drop->x11->atoms;
    const bool move = drop->host_action == HOST_MOVE;

    drop->moved = drop->asked;
    if (drop->stage != STAGE_OVER || drop->window == 0 || drop->asked) {
        return;
    }
    drop->asked = true;
    drop->proposed = move ? HOST_MOVE : HOST_COPY;
    send_message(drop, ATOM_XDND_POSITION,
                 (const uint32_t[4]){0, drop->place, 0,
                                     atoms[move ? ATOM_XDND_ACTION_MOVE : ATOM_XDND_ACTION_COPY]});
}

/* All kinds have their atoms. */
static void
send_enter(struct drop *drop)
{
    struct x11 *x11 = drop->x11;
    uint32_t atoms[TYPES_MAX + 1] = {0};
    const size_t n = types_atoms(x11, &drop->types, atoms);

    drop->stage = STAGE_OVER;
    if (drop->window == 0) {
        return;
    }
    set_owner(drop, true);
    x_set_property(x11->conn, x11->own_window,
                   &(struct x_property){x11->atoms[ATOM_XDND_TYPE_LIST], XA_ATOM, 32, atoms, n});
    send_message(
        drop, ATOM_XDND_ENTER,
        (const uint32_t[4]){drop->version << 24 | (n > ENTER_TYPES), atoms[0], atoms[1], atoms[2]});
    send_position(drop);
}

/* A surface's place in the root window; 24.8 fixed point. */
static void
set_place(struct drop *drop, const struct window *window, const struct wire_value xy[2])
{
    const int32_t x = (window ? window->box.x : 0) + (int32_t)xy[0].word / 256;
    const int32_t y = (window ? window->box.y : 0) + (int32_t)xy[1].word / 256;

    drop->place = (uint32_t)(uint16_t)x << 16 | (uint16_t)y;
}

void
drop_enter(struct drop *drop, const struct wire_call *call, const struct types *types)
{
    struct x11 *x11 = drop->x11;
    const struct surface *surface = surface_by_outer(x11, call->value[1].word);
    const struct window *window = surface ? surface->window : NULL;

    end(drop);
    drop->stage = STAGE_NAMING;
    drop->types = *types;
    drop->offer = call->value[4].word;
    drop->serial = call->value[0].word;
    drop->version = window ? window->xdnd_version : 0;
    drop->window = drop->version > 0 ? window->id : 0;
    drop->host_action = drop->answer = 0;
    drop->asked = drop->moved = drop->let_go = false;
    set_place(drop, window, &call->value[2]);
    drop->n_naming = types->n;
    types_intern(x11, types, (struct x_ticket){TICKET_DROP_ATOM, drop->generation, 0});
    say_actions(drop, HOST_COPY | HOST_MOVE, HOST_COPY);
    if (types->n == 0) {
        send_enter(drop);
    }
}

void
drop_reply(struct drop *drop, const struct x_ticket *ticket, const uint8_t *reply)
{
    if (ticket->window != drop->generation || drop->stage != STAGE_NAMING || drop->n_naming == 0) {
        return;
    }
    drop->types.type[(ticket->detail >> 8) % TYPES_MAX].atom = reply ? x_u32(reply + 8) : 0;
    if (--drop->n_naming == 0) {
        send_enter(drop);
    }
}

/* It was let go, and what the program thinks of the last place is known. */
static void
give(struct drop *drop)
{
    const bool taken = drop->answer != 0 && (drop->host_action != 0 || !has_actions(drop));

    if (!taken) {
        end(drop);
        return;
    }
    send_message(drop, ATOM_XDND_DROP, (const uint32_t[4]){0});
    drop->stage = STAGE_GIVEN;
    loop_timer_set(drop->patience, FINISH_MS, 0);
}

void
drop_device(struct drop *drop, const struct wire_call *call)
{
    const struct window *window = wm_find(drop->x11, drop->window);

    if (drop->stage == STAGE_NONE || drop->stage == STAGE_GIVEN || drop->let_go) {
        return; /* some hosts say leave after drop */
    }
    if (call->opcode == WIRE_WL_DATA_DEVICE_EVENT_MOTION) {
        set_place(drop, window, &call->value[1]);
        send_position(drop);
    } else if (call->opcode == WIRE_WL_DATA_DEVICE_EVENT_LEAVE) {
        end(drop);
    } else if (call->opcode == WIRE_WL_DATA_DEVICE_EVENT_DROP) {
        drop->let_go = true;
        if (drop->window != 0 && (drop->stage == STAGE_NAMING || drop->asked)) {
            loop_timer_set(drop->patience, ANSWER_MS, 0);
        } else {
            give(drop);
        }
    }
}

int
drop_offer_event(struct drop *drop, const struct wire_call *call)
{
    if (drop->stage == STAGE_NONE || call->id != drop->offer) {
        return 0;
    }
    if (wire_is(call, wl_data_offer, WIRE_WL_DATA_OFFER_EVENT_ACTION) &&
        drop->host_action != call->value[0].word) {
        drop->host_action = call->value[0].word;
        /* Let go, the program is not asked again. */
        if (!drop->let_go && drop->proposed != drop->host_action) {
            send_position(drop);
        }
    }
    return 1;
}

/* Tell the host what the program said. */
static void
on_status(struct drop *drop, const uint32_t data[5])
{
    const uint32_t before = drop->answer;
    const bool move = data[4] == drop->x11->atoms[ATOM_XDND_ACTION_MOVE];
    const bool accepts = data[1] & 1 && drop->types.n > 0;

    /* What it does otherwise leaves what is dragged where it is. */
    drop->answer = !accepts ? 0 : move ? HOST_MOVE : HOST_COPY;
    if (drop->answer != before) {
        say_accept(drop, accepts ? drop->types.type[0].name : NULL);
    }
    /* It may not do what the person wants: then the host is told what it does do. */
    if (accepts && drop->answer != drop->proposed) {
        say_actions(drop, drop->answer, drop->answer);
    }
    drop->asked = false;
    if (drop->moved) {
        send_position(drop);
    }
    if (drop->let_go && !drop->asked) {
        give(drop);
    }
}

/* Programs before version 5 do not say whether it went well. */
static void
on_finished(struct drop *drop, const uint32_t data[5])
{
    const bool says = drop->version >= 5;
    const bool done = !says || data[1] & 1;
    const bool moved =
        says ? data[2] == drop->x11->atoms[ATOM_XDND_ACTION_MOVE] : drop->answer == HOST_MOVE;

    /* After "finished" the source of a move deletes: not when the program made a copy. */
    if (done && has_actions(drop) && (drop->host_action != HOST_MOVE || moved)) {
        say(drop, WIRE_WL_DATA_OFFER_FINISH, NULL, 0);
    }
    end(drop);
}

void
drop_message(struct drop *drop, uint32_t type, const uint32_t data[5])
{
    const uint32_t *atoms = drop->x11->atoms;

    if (drop->window == 0 || data[0] != drop->window) {
        return;
    }
    if (type == atoms[ATOM_XDND_STATUS] && drop->stage == STAGE_OVER) {
        on_status(drop, data);
    } else if (type == atoms[ATOM_XDND_FINISHED] && drop->stage == STAGE_GIVEN) {
        on_finished(drop, data);
    }
}

/*
 * At the end of a move the program asks for DELETE. Most sources of the host delete when it is
 * "finished"; GTK's do when somebody wants this kind, which they offer.
 */
static void
on_delete(struct drop *drop)
{
    struct wire_writer writer;
    int ends[2];

    if (drop->stage != STAGE_GIVEN || drop->host_action != HOST_MOVE ||
        !types_find(&drop->types, atom_name(ATOM_DELETE)) || pipe2(ends, O_CLOEXEC) < 0) {
        return;
    }
    wire_begin(&writer, drop->offer, WIRE_WL_DATA_OFFER_RECEIVE);
    wire_put_string(&writer, atom_name(ATOM_DELETE));
    hop_send_fd(drop->x11->hop, &writer, ends[1]);
    close(ends[0]);
    close(ends[1]);
}

void
drop_request(struct drop *drop, struct transfers *transfers, const uint8_t *request)
{
    if (x_u32(request + 20) == drop->x11->atoms[ATOM_DELETE]) {
        on_delete(drop);
        transfer_answer(drop->x11, request, 0); /* there is nothing to read */
    } else if (drop->stage == STAGE_OVER || drop->stage == STAGE_GIVEN) {
        types_answer(drop->x11, transfers, &drop->types,
                     &(struct types_offer){drop->offer, WIRE_WL_DATA_OFFER_RECEIVE}, request);
    } else {
        transfer_answer(drop->x11, request, 0);
    }
}

void
drop_lost(struct drop *drop)
{
    drop->owner = false;
}

void
drop_window_gone(struct drop *drop, uint32_t window)
{
    if (drop->stage != STAGE_NONE && drop->window == window) {
        drop->window = 0; /* nobody is told, and nobody takes it */
        if (drop->stage == STAGE_GIVEN || drop->let_go) {
            end(drop);
        } else {
            say_accept(drop, NULL);
        }
    }
}
