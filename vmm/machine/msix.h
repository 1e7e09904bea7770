/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * MSI-X of one function, and the way of each of its interrupt sources to the guest.
 *
 * A source is an eventfd that its owner signals; it never changes. Vector mapped and unmasked: KVM
 * reads it (irqfd). Masked: nobody reads it, its readiness is the pending bit, and KVM finds the
 * count when it gets it back. No vector, or MSI-X off: msix_collect() reads it.
 *
 * Every function takes the object's own lock; vm_* calls are made under it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "vmm/base/cleanup.h"
#include "vmm/machine/vm.h"

enum {
    MSIX_NO_VECTOR = 0xffff,
    MSIX_ENTRY_SIZE = 16,
    MSIX_SOURCES_MAX = 17,
};

struct msix;

/* As many vectors as sources. NULL with errno set. */
struct msix *msix_create(struct vm *vm, unsigned int n_sources);
void msix_destroy(struct msix *msix);
CLEANUP_DEFINE(struct msix, msix_destroy)

/* Source `index`'s eventfd, non-blocking; stays the object's. */
int msix_event_fd(const struct msix *msix, unsigned int index);
/* Signal a source from inside this process. */
void msix_signal(const struct msix *msix, unsigned int index);
/* Take away what is in a source. */
void msix_drain(const struct msix *msix, unsigned int index);

/* The capability's enable and function mask bits. */
void msix_set_control(struct msix *msix, bool enabled, bool masked);
bool msix_is_enabled(struct msix *msix);

/* Connect a source to a vector; one that does not exist becomes MSIX_NO_VECTOR. */
void msix_set_vector(struct msix *msix, unsigned int index, uint16_t vector);
uint16_t msix_vector(struct msix *msix, unsigned int index);

/* Guest access to the table: aligned, 4 or 8 bytes; anything else reads as 0 and is dropped. */
uint64_t msix_table_read(struct msix *msix, uint64_t offset, unsigned int size);
void msix_table_write(struct msix *msix, uint64_t offset, unsigned int size, uint64_t value);
/* The pending bit array (one word). */
uint64_t msix_pending(struct msix *msix);

/* Readable when msix_collect() has something to do. Stays the object's. */
int msix_poll_fd(const struct msix *msix);
/* Read the sources that have no irqfd: a bit for each that fired and has no message of its own. */
uint32_t msix_collect(struct msix *msix);

/* Device reset: no vectors, nothing pending. The table and the enable bit stay. */
void msix_reset_vectors(struct msix *msix);
/* Power-on state. */
void msix_reset(struct msix *msix);
