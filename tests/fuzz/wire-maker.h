/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Wayland messages made of a fuzz target's input: most fit their signatures and name objects that exist. */

#include "tests/fuzz/fuzz.h"
#include "vmm/wayland-wire/wire.h"

struct wire_maker {
    struct wire_objects *objects; /* as both ends of the connection see them */
    struct fuzz_input *input;
};

uint32_t wire_any_number(struct wire_maker *maker);
/* Mostly an object of that interface, or for NULL an id that is free; sometimes any. */
uint32_t wire_fitting_id(struct wire_maker *maker, const struct wire_interface *interface,
                         bool server);
/* A message of that side in `writer`, and its size; 0 when the input names nothing that has one. */
size_t wire_make(struct wire_maker *maker, enum wire_side side, struct wire_writer *writer,
                 uint8_t *ret_fds);
