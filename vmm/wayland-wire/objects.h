/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The table of a connection's objects, for the files of this library. */

#include "vmm/wayland-wire/wire.h"

/*
 * Whether that side may make an object of this id: one of its own, free or, as libwayland wants it,
 * the next. The compositor may use again what the client destroyed.
 */
bool wire_objects_may_add(const struct wire_objects *objects, enum wire_side side, uint32_t id);
/* 0, -EPROTO when it may not, -ENOBUFS at the limit or without memory. */
int wire_objects_add(struct wire_objects *objects, enum wire_side side, uint32_t id,
                     const struct wire_object *object);
/* Nothing happens when it is not there. */
void wire_objects_delete(struct wire_objects *objects, uint32_t id);
