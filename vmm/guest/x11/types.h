/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Kinds of content: MIME types on the host, atoms in X. What either side says is hostile. */

#include "vmm/guest/x11/transfer.h"
#include "vmm/guest/x11/x11-private.h"

enum {
    TYPES_MAX = 32,
    TYPE_TEXT_MAX = 128,
};

/* A kind of content: the host's name for it, and X's. */
struct type {
    char name[TYPE_TEXT_MAX];
    uint32_t atom; /* 0: not known */
};

struct types {
    uint32_t n;
    struct type type[TYPES_MAX];
};

/* An offer of the host's, and which of its requests asks for content. */
struct types_offer {
    uint32_t id;
    uint16_t receive;
};

/* One more; what is too much, or no name, is left out. */
void types_add(struct types *types, const char *name, size_t length, uint32_t atom);
const struct type *types_find(const struct types *types, const char *name);

/* Ask for the atoms of all names; tickets of that kind, detail: `detail` | index << 8. */
void types_intern(struct x11 *x11, const struct types *types, struct x_ticket ticket);
/* The atoms that an X11 program is told, at most TYPES_MAX + 1. */
size_t types_atoms(const struct x11 *x11, const struct types *types, uint32_t *ret_atoms);
/* Which of the host's kinds answers for X's name; NULL: none. */
const struct type *types_for(const struct x11 *x11, const struct types *types, uint32_t target);
/* Answer a SelectionRequest event from an offer that has these kinds. */
void types_answer(struct x11 *x11, struct transfers *transfers, const struct types *types,
                  const struct types_offer *offer, const uint8_t *request);

/*
 * An X11 program has kinds with these atoms (words at `atoms`): ask for the names of those that may be
 * the host's. How many answers will come; their tickets' window is the atom.
 */
uint32_t types_name(struct x11 *x11, struct types *types, const uint8_t *atoms, uint32_t n,
                    struct x_ticket ticket);
/* The answer about one. */
void types_named(struct types *types, uint32_t atom, const uint8_t *reply, size_t size);
