/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What an X11 program drags is a drag of the host's. As soon as it has XdndSelection while a button is
 * held on a window of its own, a window of ours that nobody sees covers all of X: the program finds it
 * under the pointer, as a target of XDND, and says what it drags. Then the host has the pointer; what it
 * does goes on to Xwayland, which believes that the button is held. Over a window of X's ours goes away,
 * and programs of X have it among themselves.
 */

#include "vmm/guest/x11/types.h"

struct drag;

struct drag *drag_create(struct x11 *x11);
void drag_destroy(struct drag *drag);
/* Make the window. */
void drag_begin(struct drag *drag);
/* XdndSelection has another owner; 0: none. */
void drag_claim(struct drag *drag, uint32_t owner);
/* An event of Xwayland's pointer, before it passes: 1 when it shall not. */
int drag_pointer(struct drag *drag, const struct wire_call *call, const struct hop_object *object);
/* The drag is one of ours: 1, and events of the host's wl_data_device are for this. */
int drag_device(struct drag *drag, const struct wire_call *call);
/* An event of a data source: 1 when it was for this. */
int drag_source_event(struct drag *drag, const struct wire_call *call);
/* A message to the window: 1 when it was for this. */
int drag_message(struct drag *drag, uint32_t window, uint32_t type, const uint32_t data[5]);
/* 1 when the answer was for this. */
int drag_reply(struct drag *drag, const struct x_ticket *ticket, const uint8_t *reply, size_t size);
/* A picture of what is dragged, or another thing that would be between the pointer and the windows. */
bool drag_covers(const struct drag *drag, const struct window *window);
/* The id of the window. */
uint32_t drag_window(const struct x11 *x11);
