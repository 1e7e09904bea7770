/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A device's shared memory region (virtio 1.2 section 2.10): a stretch of addresses into which its
 * back end puts memory, each piece a KVM memory slot of its own. Between the pieces is nothing: an
 * access there leaves the guest as one to a register would. The back end is not trusted: only
 * memory that cannot shrink is mapped, and only where nothing is yet. Calls from any thread.
 */

#include <stdint.h>

#include "vmm/base/cleanup.h"
#include "vmm/machine/vm.h"
#include "vmm/protocol/device.h"
#include "vmm/vhost/vhost-protocol.h"

#define BLOB_WINDOW_SIZE_MAX (UINT64_C(1) << 36)

struct blob_window;

/* `name` is the device's, for the log. NULL with errno set: a size that is no power of two, or memory. */
struct blob_window *blob_window_create(struct vm *vm, const char *name, uint64_t size);
void blob_window_destroy(struct blob_window *window);
CLEANUP_DEFINE(struct blob_window, blob_window_destroy)

uint64_t blob_window_size(const struct blob_window *window);
/* The window is decoded at this guest physical address from now on; 0: nowhere. */
void blob_window_move(struct blob_window *window, uint64_t address);
/* As the back end asks; `fd` stays the caller's. 0 or -errno. */
int blob_window_map(struct blob_window *window, const struct vhost_mmap *map, int fd);
int blob_window_unmap(struct blob_window *window, const struct vhost_mmap *map);
/* Take everything out: the device was reset, or is gone. */
void blob_window_clear(struct blob_window *window);
/* The guest touched what is not there: say so, not too often. */
void blob_window_missed(struct blob_window *window, uint64_t offset, bool write);
