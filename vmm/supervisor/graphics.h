/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the graphics card draws with: Vulkan (venus) beside virgl, virgl on a render node, virgl on
 * Mesa's software renderer, or 2D, the first that a trial in a jailed process of its own shows to work. Never a reason not to start.
 */

#include <stdbool.h>
#include <stdint.h>

#include "vmm/config/machine-config.h"
#include "vmm/protocol/device.h"
#include "vmm/protocol/start.h"

struct process_row;

enum {
    RENDER_NODE_FIRST = 128, /* Linux numbers them so: /dev/dri/renderD128 ... */
    RENDER_NODES = 16,
};

/* Of package virgl-server. */
#define RENDER_SERVER "/usr/libexec/virgl_render_server"

struct graphics {
    uint32_t level; /* enum gpu_level */
    int render_fd;  /* with GPU_LEVEL_DRM, perhaps with GPU_LEVEL_VENUS, else -1 */
    bool no_venus;  /* Vulkan was asked for and cannot be had; the sentence says why */
    bool lost;      /* the process crashed while the machine ran, and was not started again */
    bool had_3d;    /* the guest was offered it before such a crash */
    char sentence[START_SENTENCE_SIZE];
};

struct graphics_wish {
    const struct gpu_config *config;
    uint32_t flags;      /* enum start_flags */
    const char *trouble; /* why 3D is out of the question this time, or NULL */
    int limit_ms;        /* for each trial; 0: time for a cold disk and a busy computer */
};

/* Choose. The caller closes render_fd. */
void graphics_choose(const struct graphics_wish *wish, struct graphics *ret_graphics);

/* The row of a graphics card of that level. */
const struct process_row *graphics_row(uint32_t level);
/* A word for programs: "2d", "virgl-software", "virgl", "venus"; "none" without a card, "lost" after its crash. */
const char *graphics_name(const struct graphics *graphics, bool has_gpu);
/* Which of the host's cards draws: the number of its node as stat() has it; 0: none. */
uint64_t graphics_render_device(const struct graphics *graphics);
