/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Host blobs: resources whose memory a renderer brings, and the window of guest physical memory in
 * which the guest maps them (the device's shared memory region).
 */

#include <linux/virtio_gpu.h>

#include "vmm/devices/gpu/gpu.h"

/* Of the window: address space of the guest, not memory; as large as crosvm's. */
#define BLOB_WINDOW_SIZE (UINT64_C(8) << 30)

/* CREATE_BLOB of host memory in the context of its header. */
int blob_create(struct gpu *gpu, const struct virtio_gpu_resource_create_blob *request);
/* MAP_BLOB; *ret_map_info is for the response. UNMAP_BLOB. */
int blob_map(struct gpu *gpu, struct resource *resource, uint64_t offset, uint32_t *ret_map_info);
int blob_unmap(struct gpu *gpu, struct resource *resource);
