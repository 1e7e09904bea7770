/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The content of selections on its way between a pipe and a window's property, in parts where it is long. */

#include "vmm/guest/x11/x11-private.h"

enum {
    TRANSFERS_MAX = 8, /* of each direction */
    CONTENT_MAX = 64 << 20,
};

struct transfers;

struct transfers *transfers_create(struct x11 *x11);
void transfers_destroy(struct transfers *transfers);
/* Ask for the atoms that are taken for properties. */
void transfers_begin(struct transfers *transfers);

/* What an X11 program asked of us (its SelectionRequest event); `fd` is a pipe's end that is read. */
void transfer_to_x(struct transfers *transfers, const uint8_t *request, int fd);
/* Answer a SelectionRequest: with its property, or 0 for none. */
void transfer_answer(struct x11 *x11, const uint8_t *request, uint32_t property);
/* Ask the owner of a selection for a target's content, into the pipe `fd` (taken over). */
void transfer_from_x(struct transfers *transfers, uint32_t selection, uint32_t target, int fd);

/* Events and replies: 1 when one was for this. */
int transfers_event(struct transfers *transfers, uint8_t code, const uint8_t *event);
int transfers_reply(struct transfers *transfers, const struct x_ticket *ticket,
                    const uint8_t *reply, size_t size);
