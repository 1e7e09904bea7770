/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The flattened device tree of an arm64 machine (Devicetree Specification 0.4 and the Linux
 * bindings of its nodes), and overlays of the user on top of it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/machine/pci.h"

enum {
    ARM64_SEED_SIZE = 32
};

struct arm64_fdt {
    uint32_t n_cpus;   /* 1 ... MACHINE_CPUS_MAX */
    uint64_t ram_size; /* bytes from ARM64_RAM_START */
    bool has_serial[MACHINE_SERIAL_MAX];
    const char *command_line;
    uint64_t initrd_start; /* guest physical; size 0: none */
    uint64_t initrd_size;
    const uint8_t *seed; /* ARM64_SEED_SIZE random bytes for the guest's kernel, or NULL */
    struct pci_windows pci;
    bool has_symbols; /* labels of our nodes, for overlays */
};

/*
 * Write the tree into `buffer` of `capacity` bytes, which it then fills wholly (totalsize), so that
 * overlays find room. 0, or -ENOSPC.
 */
int arm64_fdt_build(const struct arm64_fdt *machine, void *buffer, size_t capacity);

/*
 * Merge a compiled overlay of `size` bytes into the tree. `overlay` is not trusted and is not
 * changed. -EINVAL when it is no overlay or names what the tree does not have, -ENOSPC when the tree
 * is full, -ENOMEM; the tree is of no use after a failure.
 */
int arm64_fdt_apply_overlay(void *tree, const void *overlay, size_t size);

/* Give up the room that was left; returns the size in bytes. */
size_t arm64_fdt_pack(void *tree);
