/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Kernels that were unpacked once, $XDG_CACHE_HOME/vitrine/kernels/SHA256, by the hash of the bzImage.
 * The hash is taken here, of a sealed copy that the loader then reads: a loader that a hostile kernel
 * has taken over decides what is kept under that kernel's name, and nothing else. An entry appears as
 * a whole or not at all; the newest few are kept. No cache is no failure: the kernel is unpacked.
 */

#include <stdbool.h>
#include <stdint.h>

#include "vmm/protocol/loader.h"
#include "vmm/supervisor/log-file.h"

struct kernel_cache {
    int folder_fd; /* -1: no cache for this kernel */
    int stored_fd; /* for struct loader_setup, or -1 */
    int store_fd;
    char name[65];
};

/* No cache. */
void kernel_cache_init(struct kernel_cache *cache);
/*
 * Look for the kernel at *kernel_fd. A bzImage is copied; the copy takes the place of *kernel_fd.
 * Anything else, and all that goes wrong, leaves everything as it is.
 */
void kernel_cache_open(struct kernel_cache *cache, int *kernel_fd, struct log_file *log);
/* After the loader has ended well, with its answer: keep what it unpacked, drop what is damaged. */
void kernel_cache_conclude(struct kernel_cache *cache, const struct loader_done *done,
                           struct log_file *log);
void kernel_cache_close(struct kernel_cache *cache);
