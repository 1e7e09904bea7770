/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The table of a connection's objects, for the files of this library. */

#include "vmm/wayland-wire/wire.h"

/*
 * Whether that side may make an object of this id: one of its own, free or, as libwayland wants it,
 * the next. The compositor may use again what the client destroyed.
 */
bool wire_objects_may_add(const struct wire_objects *objects, enum wire_side side, uint32_t id);
/* An interface that may be bound there. NULL when none of that name is known; `name` needs no NUL. */
const struct wire_interface *wire_objects_find(const struct wire_objects *objects, const char *name,
                                               size_t length);
/* 0, -EPROTO when it may not, -ENOBUFS at the limit or without memory. */
int wire_objects_add(struct wire_objects *objects, enum wire_side side, uint32_t id,
                     const struct wire_object *object);
/* Nothing happens when it is not there. */
void wire_objects_delete(struct wire_objects *objects, uint32_t id);
