/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The two forms a kernel comes in. Both fill *ret_kernel or *error (and then return -errno). */

#include <stdbool.h>

#include "vmm/loader/loader.h"
#include "vmm/loader/source.h"
#include "vmm/loader/store.h"

/* Recognise the form of `source` and load it; `store` may hold it unpacked, or be filled. */
int kernel_load(const struct source *source, const struct loader_ram *ram, struct store *store,
                struct loader_kernel *ret_kernel, struct loader_error *error);

/* An ELF vmlinux: PT_LOAD segments go to their physical addresses. */
bool elf_recognise(const uint8_t *head, uint64_t size);
int elf_load(const struct source *source, const struct loader_ram *ram,
             struct loader_kernel *ret_kernel, struct loader_error *error);

/*
 * A bzImage: the ELF kernel inside is unpacked and loaded; when its compression is one that we do
 * not know, the image is loaded as it is and unpacks itself.
 */
bool bzimage_recognise(const uint8_t *head, uint64_t size);
int bzimage_load(const struct source *source, const struct loader_ram *ram, struct store *store,
                 struct loader_kernel *ret_kernel, struct loader_error *error);

/* "NAME needs X MiB of memory up to Y, the machine has Z", or that it ends early, or cannot be read. */
int kernel_error_memory(const struct source *source, const struct loader_ram *ram, uint64_t end,
                        struct loader_error *error);
int kernel_error_read(const struct source *source, int r, struct loader_error *error);
