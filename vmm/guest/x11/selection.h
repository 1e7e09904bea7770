/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The clipboard and the primary selection, both ways: X's selections (ICCCM 2) and the host's data
 * devices. What the host has is a selection of ours in X; what an X11 program has is a data source of
 * ours on the host. Content goes when somebody wants it.
 */

#include "vmm/guest/x11/x11-private.h"

enum selection_board {
    BOARD_CLIPBOARD,
    BOARD_PRIMARY,
    N_BOARDS
};

struct selections;

struct selections *selections_create(struct x11 *x11);
void selections_destroy(struct selections *selections);

/* The host has a global of that kind: 1 when it is one of ours. */
int selections_global(struct selections *selections, const struct wire_call *call);
/* The seat is bound. */
void selections_seat(struct selections *selections);
/* An event for an object of ours: 1 when it was for this. */
int selections_event(struct selections *selections, const struct wire_call *call);
/* The host's for the clipboard and for drags; 0: none. */
uint32_t selections_manager(const struct selections *selections);
uint32_t selections_device(const struct selections *selections);
struct transfers *selections_transfers(struct selections *selections);
/* Our window is there. */
void selections_begin(struct selections *selections);
/* An event or reply of the X server's: 1 when it was for this. */
int selections_x_event(struct selections *selections, uint8_t code, const uint8_t *event);
void selections_x_reply(struct selections *selections, const struct x_ticket *ticket,
                        const uint8_t *reply, size_t size);
