/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What is dragged on the host comes over an X11 window: there we are the source of XDND ("Drag-and-Drop
 * Protocol for the X Window System", versions 3 to 5), and what is wanted comes from the host's offer.
 */

#include "vmm/guest/x11/types.h"

struct drop;

struct drop *drop_create(struct x11 *x11);
void drop_destroy(struct drop *drop);
/* The host's wl_data_device says enter; its offer, with these kinds, is taken over. */
void drop_enter(struct drop *drop, const struct wire_call *call, const struct types *types);
/* It says motion, leave or drop. */
void drop_device(struct drop *drop, const struct wire_call *call);
/* An event of an offer: 1 when it was for this. */
int drop_offer_event(struct drop *drop, const struct wire_call *call);
/* An X11 program wants XdndSelection. */
void drop_request(struct drop *drop, struct transfers *transfers, const uint8_t *request);
/* XdndSelection is another's now. */
void drop_lost(struct drop *drop);
/* A message to our own window. */
void drop_message(struct drop *drop, uint32_t type, const uint32_t data[5]);
/* The atom of a kind. */
void drop_reply(struct drop *drop, const struct x_ticket *ticket, const uint8_t *reply);
void drop_window_gone(struct drop *drop, uint32_t window);
