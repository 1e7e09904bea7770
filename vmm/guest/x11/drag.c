/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>

#include "vmm/base/fd.h"
#include "vmm/base/memory.h"
#include "vmm/guest/x11/drag-private.h"
#include "vmm/guest/x11/selection.h"

enum {
    FINISH_MS = 60 * 1000, /* for the program, after it was let go */
    ANSWER_MS = 1000, /* to ask about the last place; for X to have the button up, or hear of it */
    BUTTONS = 0x1f00, /* of X's state */
    ASKED_MAX = 1000,
    ACTIONS_SINCE = 3,
    FRAME_SINCE = 5,
    PRESSED = 1,
    FIXED_ONE = 256,
};

static void
say(struct drag *drag, uint32_t id, uint16_t opcode, const uint32_t *words, size_t n_words)
{
    struct wire_writer writer;

    wire_begin(&writer, id, opcode);
    for (size_t i = 0; i < n_words; i++) {
        wire_put(&writer, words[i]);
    }
    hop_send(drag->x11->hop, &writer);
}

/* To Xwayland's pointer. */
static void
tell(struct drag *drag, uint16_t opcode, const uint32_t *words, size_t n_words)
{
    const struct pointer *pointer = &drag->pointer;
    struct wire_writer writer;

    wire_begin(&writer, pointer->inner, opcode);
    for (size_t i = 0; i < n_words; i++) {
        wire_put(&writer, words[i]);
    }
    hop_tell(drag->x11->hop, &writer);
    if (hop_version(drag->x11->hop, pointer->outer) >= FRAME_SINCE) {
        wire_begin(&writer, pointer->inner, WIRE_WL_POINTER_EVENT_FRAME);
        hop_tell(drag->x11->hop, &writer);
    }
}

static const struct window *
origin_window(const struct drag *drag)
{
    const struct surface *surface = surface_by_outer(drag->x11, drag->pointer.origin);

    return surface ? surface->window : NULL;
}

static void
tell_motion(struct drag *drag)
{
    const struct window *origin = origin_window(drag);

    drag->moves = false;
    if (origin) {
        tell(drag, WIRE_WL_POINTER_EVENT_MOTION,
             (const uint32_t[]){0, (uint32_t)(drag->x - origin->box.x * FIXED_ONE),
                                (uint32_t)(drag->y - origin->box.y * FIXED_ONE)},
             3);
    }
}

/* For Xwayland the button is released, and then what happened long ago: the pointer left. */
static void
tell_release(struct drag *drag)
{
    struct pointer *pointer = &drag->pointer;
    const struct hop_object *origin =
        hop_by_outer(drag->x11->hop, pointer->origin, &wire_wl_surface);
    const uint32_t serial = drag->x11->button_serial;

    drag->releases = drag->moves = false;
    if (!drag->has_it) {
        return;
    }
    drag->has_it = false;
    tell(drag, WIRE_WL_POINTER_EVENT_BUTTON, (const uint32_t[]){serial, 0, pointer->button, 0}, 4);
    if (origin) {
        tell(drag, WIRE_WL_POINTER_EVENT_LEAVE, (const uint32_t[]){serial, origin->inner}, 2);
    }
    pointer->surface = pointer->n_buttons = 0;
}

void
drag_sync(struct drag *drag)
{
    drag->n_syncing++;
    x_send(drag->x11->conn, &(struct x_request){.opcode = X_GET_INPUT_FOCUS,
                                                .reply = true,
                                                .ticket.kind = TICKET_DRAG_SYNC});
}

static void
drop_offer(struct drag *drag)
{
    if (drag->offer != 0) {
        say(drag, drag->offer, WIRE_WL_DATA_OFFER_DESTROY, NULL, 0);
        drag->offer = 0;
    }
}

void
drag_end(struct drag *drag)
{
    if (drag->stage == STAGE_NONE) {
        return;
    }
    tell_release(drag);
    drop_offer(drag);
    if (drag->host_source != 0) {
        say(drag, drag->host_source, WIRE_WL_DATA_SOURCE_DESTROY, NULL, 0);
        drag->host_source = 0;
    }
    drag_cover(drag, false);
    loop_timer_set(drag->patience, 0, 0);
    drag->stage = STAGE_NONE;
    drag->generation++;
    if (drag->enters) {
        drag_sync(drag);
    }
}

static void
on_patience(void *data, uint32_t events)
{
    struct drag *drag = data;

    (void)events;
    if (drag->releases && !drag->told) {
        drag->told = true; /* it does not ask */
        loop_timer_set(drag->patience, FINISH_MS, 0);
        drag_sync(drag);
    } else {
        drag_end(drag);
    }
    x_flush(drag->x11->conn);
    hop_flush(drag->x11->hop);
}

struct drag *
drag_create(struct x11 *x11)
{
    struct drag *drag = xalloc(sizeof(*drag));

    drag->x11 = x11;
    drag->patience = loop_add_timer(x11->loop, on_patience, drag);
    if (!drag->patience) {
        free(drag);
        return NULL;
    }
    return drag;
}

void
drag_destroy(struct drag *drag)
{
    if (drag) {
        loop_remove(drag->patience);
        free(drag);
    }
}

bool
drag_same_program(const struct x11 *x11, uint32_t one, uint32_t other)
{
    return ((one ^ other) & ~x11->id_mask) == 0;
}

bool
drag_covers(const struct drag *drag, const struct window *window)
{
    return drag->stage == STAGE_ON && window->override_redirect && window != origin_window(drag) &&
           drag_same_program(drag->x11, window->id, drag->owner);
}

void
drag_claim(struct drag *drag, uint32_t owner)
{
    const struct window *origin = origin_window(drag);

    if (owner == 0) {
        if (drag->stage != STAGE_LET_GO || (drag->failed && !drag->releases)) {
            drag_end(drag);
        }
        return;
    }
    if (drag->pointer.n_buttons == 0 || !origin ||
        !drag_same_program(drag->x11, origin->id, owner) ||
        (drag->stage != STAGE_NONE && drag->stage != STAGE_LET_GO)) {
        return;
    }
    drag_end(drag);
    drag->stage = STAGE_CLAIMED;
    drag->owner = owner;
    drag_cover(drag, true);
}

/* The host's drag. */

void
drag_start(struct drag *drag)
{
    struct x11 *x11 = drag->x11;
    const uint32_t manager = selections_manager(x11->selections);
    const uint32_t device = selections_device(x11->selections);
    struct wire_writer writer;

    if (drag->types.n == 0 || device == 0 || hop_version(x11->hop, manager) < ACTIONS_SINCE) {
        drag_end(drag);
        return;
    }
    drag->host_source = hop_new_id(x11->hop);
    say(drag, manager, WIRE_WL_DATA_DEVICE_MANAGER_CREATE_DATA_SOURCE, &drag->host_source, 1);
    for (uint32_t i = 0; i < drag->types.n; i++) {
        wire_begin(&writer, drag->host_source, WIRE_WL_DATA_SOURCE_OFFER);
        wire_put_string(&writer, drag->types.type[i].name);
        hop_send(x11->hop, &writer);
    }
    say(drag, drag->host_source, WIRE_WL_DATA_SOURCE_SET_ACTIONS, &drag->actions, 1);
    say(drag, device, WIRE_WL_DATA_DEVICE_START_DRAG,
        (const uint32_t[]){drag->host_source, drag->pointer.origin, 0, x11->button_serial}, 4);
    drag->stage = STAGE_ON;
    drag->has_it = drag->inside = drag->accepted = drag->finished = drag->failed = false;
    drag->dropped = drag->moves = drag->releases = drag->told = drag->other = false;
    drag->action = 0;
    surface_uncover(x11);
}

static void
let_go(struct drag *drag)
{
    if (drag->stage == STAGE_ON) {
        drag->stage = STAGE_LET_GO;
        drag->releases = true;
        loop_timer_set(drag->patience, ANSWER_MS, 0);
        drag_sync(drag); /* what the program was told last comes first */
    }
}

static void
ask_buttons(struct drag *drag)
{
    const struct x11 *x11 = drag->x11;

    if (drag->n_asked++ < ASKED_MAX) {
        x_send(x11->conn,
               &(struct x_request){.opcode = X_QUERY_POINTER,
                                   .n_words = 1,
                                   .word = {x11->root},
                                   .reply = true,
                                   .ticket = {TICKET_DRAG_BUTTONS, 0, drag->generation}});
    }
}

/* Nothing takes it: our window stays until X has the button up, or what is below would have it. */
static void
fail_when_up(struct drag *drag)
{
    loop_timer_set(drag->patience, ANSWER_MS, 0);
    drag->n_asked = 0;
    ask_buttons(drag);
}

static void
on_buttons(struct drag *drag, const struct x_ticket *ticket, const uint8_t *reply)
{
    if (ticket->detail != drag->generation || drag->stage != STAGE_LET_GO || !drag->failed) {
        return;
    }
    if (reply && x_u16(reply + 24) & BUTTONS) {
        ask_buttons(drag);
    } else {
        drag_end(drag);
    }
}

void
drag_conclude(struct drag *drag)
{
    if (drag->stage != STAGE_LET_GO || drag->releases || !(drag->finished || drag->failed)) {
        return;
    }
    if (drag->dropped) {
        drag_send_finished(drag, drag->source, drag->finished);
    }
    if (drag->dropped || drag->inside) {
        drag_end(drag);
    } else if (drag->failed) {
        fail_when_up(drag);
    }
}

int
drag_source_event(struct drag *drag, const struct wire_call *call)
{
    const bool accepted = drag->accepted;
    const uint32_t action = drag->action;

    if (drag->host_source == 0 || call->id != drag->host_source) {
        return 0;
    }
    if (call->opcode == WIRE_WL_DATA_SOURCE_EVENT_TARGET) {
        drag->accepted = call->value[0].data != NULL;
    } else if (call->opcode == WIRE_WL_DATA_SOURCE_EVENT_ACTION) {
        drag->action = call->value[0].word;
    } else if (call->opcode == WIRE_WL_DATA_SOURCE_EVENT_SEND) {
        const struct type *type = types_find(&drag->types, (const char *)call->value[0].data);
        cleanup_fd int fd = hop_take_fd(drag->x11->hop);

        if (type && fd >= 0) {
            transfer_from_x(selections_transfers(drag->x11->selections),
                            drag->x11->atoms[ATOM_XDND_SELECTION], type->atom, take_fd(&fd));
        }
        return 1;
    } else {
        /* Some hosts say "cancelled" of what is finished, too. */
        drag->finished = drag->finished || call->opcode == WIRE_WL_DATA_SOURCE_EVENT_DND_FINISHED;
        drag->failed = !drag->finished && call->opcode == WIRE_WL_DATA_SOURCE_EVENT_CANCELLED;
        drag->accepted = drag->accepted && !drag->failed;
    }
    if (drag->stage == STAGE_ON && !drag->inside &&
        (accepted != drag->accepted || action != drag->action)) {
        drag_send_status(drag, drag->source);
    }
    if (call->opcode > WIRE_WL_DATA_SOURCE_EVENT_SEND &&
        call->opcode != WIRE_WL_DATA_SOURCE_EVENT_ACTION) {
        let_go(drag);
        drag_conclude(drag);
    }
    return 1;
}

/* A surface's place in the root window. */
static void
steer(struct drag *drag, const struct window *window, const struct wire_value xy[2])
{
    drag->x = window->box.x * FIXED_ONE + (int32_t)xy[0].word;
    drag->y = window->box.y * FIXED_ONE + (int32_t)xy[1].word;
    drag->window = window->id;
    if (drag->n_syncing > 0) {
        drag->moves = true;
    } else {
        tell_motion(drag);
    }
}

/* Over a window of X's: programs there have it among themselves, so that the host may let it go. */
static void
on_enter(struct drag *drag, const struct wire_call *call)
{
    struct x11 *x11 = drag->x11;
    const struct surface *surface = surface_by_outer(x11, call->value[1].word);
    struct wire_writer writer;

    drop_offer(drag);
    drag->offer = call->value[4].word;
    if (drag->offer == 0 || !surface || !surface->window) {
        return;
    }
    drag->inside = true;
    drag->told = false;
    wire_begin(&writer, drag->offer, WIRE_WL_DATA_OFFER_ACCEPT);
    wire_put(&writer, call->value[0].word);
    wire_put_string(&writer, drag->types.type[0].name);
    hop_send(x11->hop, &writer);
    say(drag, drag->offer, WIRE_WL_DATA_OFFER_SET_ACTIONS,
        (const uint32_t[]){HOST_COPY | HOST_MOVE, HOST_COPY}, 2);
    drag_cover(drag, false);
    wm_raise(x11, surface->window);
    drag_sync(drag);
    steer(drag, surface->window, &call->value[2]);
}

static void
on_leave(struct drag *drag)
{
    drop_offer(drag);
    drag->inside = drag->accepted = drag->told = false;
    drag->action = 0;
    drag_cover(drag, true);
    drag_sync(drag);
    drag->moves = true; /* so that the program looks what is there now */
    drag->x ^= FIXED_ONE;
}

static void
on_drop(struct drag *drag)
{
    if (drag->offer != 0 && drag->action != 0) {
        say(drag, drag->offer, WIRE_WL_DATA_OFFER_FINISH, NULL, 0);
    }
    drop_offer(drag);
    let_go(drag);
}

int
drag_device(struct drag *drag, const struct wire_call *call)
{
    const struct window *window = wm_find(drag->x11, drag->window);

    if (drag->stage != STAGE_ON) {
        drag->other = drag->other || call->opcode == WIRE_WL_DATA_DEVICE_EVENT_ENTER;
        return drag->stage == STAGE_LET_GO && !drag->other;
    }
    if (call->opcode == WIRE_WL_DATA_DEVICE_EVENT_ENTER) {
        on_enter(drag, call);
    } else if (call->opcode == WIRE_WL_DATA_DEVICE_EVENT_LEAVE) {
        on_leave(drag);
    } else if (call->opcode == WIRE_WL_DATA_DEVICE_EVENT_DROP) {
        on_drop(drag);
    } else if (drag->inside && window) {
        steer(drag, window, &call->value[1]);
    }
    return 1;
}

/* The pointer. */

/* Let go before the host began it: nothing takes it, and what is below our window must not either. */
static void
give_up(struct drag *drag)
{
    if (drag->stage == STAGE_CLAIMED || drag->stage == STAGE_ASKING) {
        drag->stage = STAGE_LET_GO;
        drag->failed = drag->other = true;
        drag->accepted = drag->finished = drag->dropped = drag->inside = drag->releases = false;
        drag->generation++;
        fail_when_up(drag);
    } else if (drag->stage == STAGE_ON) {
        drag_end(drag);
    }
}

static void
on_button(struct drag *drag, const struct wire_call *call)
{
    struct pointer *pointer = &drag->pointer;

    if (call->value[3].word == PRESSED) {
        if (pointer->n_buttons++ == 0) {
            pointer->origin = pointer->surface;
            pointer->button = call->value[2].word;
        }
    } else if (pointer->n_buttons > 0 && --pointer->n_buttons == 0) {
        give_up(drag);
    }
}

static void
set_pointer(struct drag *drag, const struct entering *entering)
{
    drag->pointer.inner = entering->inner;
    drag->pointer.outer = entering->outer;
    drag->pointer.surface = entering->surface;
    drag->pointer.n_buttons = 0;
}

/* The button was let go over a window: Xwayland hears of that first, where the program expects it. */
static int
on_pointer_enter(struct drag *drag, const struct wire_call *call, const struct hop_object *object)
{
    drag->entering =
        (struct entering){object->inner,       object->outer,       call->value[0].word,
                          call->value[1].word, call->value[2].word, call->value[3].word};
    let_go(drag);
    if (drag->has_it && drag->releases) {
        drag->enters = true;
        x11_hold(drag->x11, ANSWER_MS);
        return 1;
    }
    set_pointer(drag, &drag->entering);
    return 0;
}

/* What waited for the release. */
static void
enter_now(struct drag *drag)
{
    struct x11 *x11 = drag->x11;
    const struct entering *entering = &drag->entering;
    const struct surface *surface = surface_by_outer(x11, entering->surface);

    drag->enters = false;
    set_pointer(drag, entering);
    if (surface) {
        tell(drag, WIRE_WL_POINTER_EVENT_ENTER,
             (const uint32_t[]){entering->serial, surface->object->inner, entering->x, entering->y},
             4);
    }
    if (surface && surface->window) {
        wm_raise(x11, surface->window);
    }
    hop_go_on(x11->hop);
}

int
drag_pointer(struct drag *drag, const struct wire_call *call, const struct hop_object *object)
{
    struct pointer *pointer = &drag->pointer;

    if (call->object->interface != &wire_wl_pointer) {
        return 0;
    }
    if (call->opcode == WIRE_WL_POINTER_EVENT_ENTER) {
        return on_pointer_enter(drag, call, object);
    }
    if (drag->has_it) {
        return 1;
    }
    if (call->opcode == WIRE_WL_POINTER_EVENT_LEAVE) {
        drag->has_it = drag->stage == STAGE_ON && pointer->n_buttons > 0 &&
                       pointer->surface == pointer->origin;
        if (!drag->has_it) {
            pointer->surface = pointer->n_buttons = 0;
        }
        return drag->has_it;
    }
    if (call->opcode == WIRE_WL_POINTER_EVENT_BUTTON) {
        on_button(drag, call);
    }
    return 0;
}

/* Where the host's program took it, the button is up only when the program knows so. */
static bool
waits_for_program(const struct drag *drag)
{
    return drag->accepted && drag->action != 0 && !drag->inside && !drag->failed && !drag->told;
}

static void
on_synced(struct drag *drag)
{
    if (drag->n_syncing > 0 && --drag->n_syncing > 0) {
        return;
    }
    if (drag->moves && drag->has_it) {
        tell_motion(drag);
    }
    if (drag->releases && !waits_for_program(drag)) {
        tell_release(drag);
        loop_timer_set(drag->patience, FINISH_MS, 0);
        drag_conclude(drag);
    }
    if (drag->enters && !drag->releases) {
        enter_now(drag);
    }
}

int
drag_reply(struct drag *drag, const struct x_ticket *ticket, const uint8_t *reply, size_t size)
{
    if (ticket->kind == TICKET_DRAG_SYNC) {
        on_synced(drag);
        return 1;
    }
    if (ticket->kind == TICKET_DRAG_BUTTONS) {
        on_buttons(drag, ticket, reply);
        return 1;
    }
    return drag_data_reply(drag, ticket, reply, size);
}
