/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A graphics card in this process, between the front end and guest of device-rig.h and a display that is a target's. */

#include "tests/fuzz/device-rig.h"
#include "vmm/devices/gpu/gpu.h"

enum {
    GPU_RIG_SIDE = 64, /* of a screen */
    GPU_RIG_MEMORY_LIMIT = 32 << 20,
};

struct gpu_rig {
    struct device_rig device;
    struct gpu_setup setup; /* the target may change it before gpu_rig_create() */
    struct gpu *gpu;
    int display; /* the display's end, non-blocking */
};

/* Everything but the card. */
void gpu_rig_open(struct gpu_rig *rig);
/* After this device_rig_start() or, before it, gpu_add_renderer(). */
void gpu_rig_create(struct gpu_rig *rig);
void gpu_rig_close(struct gpu_rig *rig);
