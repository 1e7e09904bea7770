/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files that execute requests share. */

#include <linux/virtio_gpu.h>

#include "vmm/devices/gpu/gpu.h"

enum {
    COMMAND_CAPSET_MAX = 4096 /* bytes of a capset */
};

/* One request: the fixed part of it, copied out of guest memory, and its response. */
struct command {
    struct chain *chain;
    union {
        struct virtio_gpu_ctrl_hdr header;
        struct virtio_gpu_resource_unref unref;
        struct virtio_gpu_resource_create_2d create_2d;
        struct virtio_gpu_set_scanout set_scanout;
        struct virtio_gpu_resource_flush flush;
        struct virtio_gpu_transfer_to_host_2d transfer;
        struct virtio_gpu_resource_attach_backing attach;
        struct virtio_gpu_resource_detach_backing detach;
        struct virtio_gpu_cmd_get_edid get_edid;
        struct virtio_gpu_resource_assign_uuid assign_uuid;
        struct virtio_gpu_resource_create_blob create_blob;
        struct virtio_gpu_set_scanout_blob set_scanout_blob;
        struct virtio_gpu_update_cursor cursor;
        struct virtio_gpu_get_capset_info get_capset_info;
        struct virtio_gpu_get_capset get_capset;
        struct virtio_gpu_ctx_create context_create;
        struct virtio_gpu_ctx_resource context_resource;
        struct virtio_gpu_resource_create_3d create_3d;
        struct virtio_gpu_transfer_host_3d transfer_3d;
        struct virtio_gpu_cmd_submit submit;
        struct virtio_gpu_resource_map_blob map_blob;
        struct virtio_gpu_resource_unmap_blob unmap_blob;
    } request;
    union {
        struct virtio_gpu_ctrl_hdr header;
        struct virtio_gpu_resp_display_info display_info;
        struct virtio_gpu_resp_edid edid;
        struct virtio_gpu_resp_resource_uuid uuid;
        struct virtio_gpu_resp_capset_info capset_info;
        struct virtio_gpu_resp_map_info map_info;
        struct {
            struct virtio_gpu_ctrl_hdr header;
            uint8_t data[COMMAND_CAPSET_MAX];
        } capset;
    } response;
    size_t response_size;
    uint32_t response_type;
};

/* A request that we know; one shorter than `size` is refused before its function runs. */
struct command_row {
    uint32_t type;
    unsigned int queue;
    size_t size;
    int (*run)(struct gpu *gpu, struct command *command);
};

/* Contexts and what draws in them, commands-3d.c. NULL when `type` is none of these. */
const struct command_row *command_find_3d(uint32_t type);
