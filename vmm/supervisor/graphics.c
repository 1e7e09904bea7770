/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/supervisor/graphics.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/base/fd.h"
#include "vmm/supervisor/probe.h"
#include "vmm/supervisor/processes.h"

enum {
    REASON_SIZE = 200,
    NODE_PATH_SIZE = 32,
    NODE_REASON_SIZE = REASON_SIZE + NODE_PATH_SIZE + 8, /* none is cut: half of one says nothing */
};

struct node {
    int fd;
    char path[NODE_PATH_SIZE];
};

/* The first that we may use; fd -1 and *ret_reason when there is none. */
static struct node
open_render_node(char reason[static REASON_SIZE])
{
    struct node node = {.fd = -1};

    snprintf(reason, REASON_SIZE, "this computer has no render node");
    for (int i = 0; i < RENDER_NODES && node.fd < 0; i++) {
        snprintf(node.path, sizeof(node.path), "/dev/dri/renderD%d", RENDER_NODE_FIRST + i);
        node.fd = open(node.path, O_RDWR | O_CLOEXEC);
        if (node.fd < 0 && errno != ENOENT) {
            snprintf(reason, REASON_SIZE, "%s cannot be used (%s)", node.path, strerror(errno));
        }
    }
    return node;
}

/* True when the level works. */
static bool
try_level(const struct graphics_wish *wish, uint32_t level, int render_fd,
          char reason[static REASON_SIZE])
{
    struct probe_gpu probe = {
        .row = graphics_row(level),
        .level = level == GPU_LEVEL_DRM ? "drm" : "soft",
        .render_fd = render_fd,
        .flags = wish->flags,
        .limit_ms = wish->limit_ms,
        .fault = wish->config->fault == GPU_FAULT_PROBE ||
                 (wish->config->fault == GPU_FAULT_NODE && level == GPU_LEVEL_DRM)};

    return probe_gpu(&probe, reason, REASON_SIZE);
}

static void
choose_3d(const struct graphics_wish *wish, struct graphics *graphics)
{
    const struct gpu_config *config = wish->config;
    const bool asked =
        config->backend == GPU_BACKEND_VIRGLRENDERER ||
        (config->context_types & (GPU_CONTEXT_VIRGL | GPU_CONTEXT_VIRGL2 | GPU_CONTEXT_VENUS));
    bool wanted = asked;
    char node_reason[NODE_REASON_SIZE];
    char reason[REASON_SIZE];
    struct node node = open_render_node(node_reason);

    if (node.fd >= 0) {
        if (try_level(wish, GPU_LEVEL_DRM, node.fd, reason)) {
            graphics->level = GPU_LEVEL_DRM;
            graphics->render_fd = node.fd;
            snprintf(graphics->sentence, sizeof(graphics->sentence), "3D on %s.", node.path);
            return;
        }
        close(node.fd);
        wanted = true; /* who has a node and chose nothing has 3D, if not from there */
        snprintf(node_reason, sizeof(node_reason), "on %s %s", node.path, reason);
    }
    if (!wanted) {
        snprintf(graphics->sentence, sizeof(graphics->sentence), "2D: %s.", node_reason);
    } else if (try_level(wish, GPU_LEVEL_SOFT, -1, reason)) {
        graphics->level = GPU_LEVEL_SOFT;
        snprintf(graphics->sentence, sizeof(graphics->sentence), "3D, drawn by the processor: %s.",
                 node_reason);
    } else if (asked) {
        snprintf(graphics->sentence, sizeof(graphics->sentence),
                 "2D, although 3D was asked for: %s, and drawn by the processor %s.", node_reason,
                 reason);
    } else {
        snprintf(graphics->sentence, sizeof(graphics->sentence),
                 "2D: %s, and drawn by the processor %s.", node_reason, reason);
    }
}

/* Whether Vulkan is worth a trial: asked for, or a render node and nobody chose other contexts. */
static bool
wants_venus(const struct gpu_config *config, const struct graphics *graphics)
{
    if (config->context_types & GPU_CONTEXT_VENUS) {
        return true;
    }
    return config->context_types == 0 && graphics->level == GPU_LEVEL_DRM &&
           access(RENDER_SERVER, X_OK) == 0;
}

/* Go up from virgl to Vulkan beside it, if a trial shows that to work. */
static void
choose_venus(const struct graphics_wish *wish, struct graphics *graphics)
{
    const struct gpu_config *config = wish->config;
    char reason[REASON_SIZE] = "virgl_render_server is not installed; install virgl-server";
    const struct probe_gpu probe = {.row = &process_gpu_venus,
                                    .level = config->fault == GPU_FAULT_VENUS ? "venus-unproved"
                                                                              : "venus",
                                    .render_fd = graphics->render_fd,
                                    .flags = wish->flags,
                                    .limit_ms = wish->limit_ms,
                                    .fault = config->fault == GPU_FAULT_PROBE};
    const size_t end = strlen(graphics->sentence) - 1; /* its full stop */

    if (access(RENDER_SERVER, X_OK) == 0 && probe_venus(&probe, reason, REASON_SIZE)) {
        graphics->level = GPU_LEVEL_VENUS;
        snprintf(graphics->sentence + end, sizeof(graphics->sentence) - end, ", with Vulkan%s.",
                 config->fault == GPU_FAULT_VENUS ? ", whose memory was not tried" : "");
        return;
    }
    graphics->no_venus = config->context_types & GPU_CONTEXT_VENUS;
    if (graphics->no_venus) {
        snprintf(graphics->sentence + end, sizeof(graphics->sentence) - end,
                 "; no Vulkan, although it was asked for: %s.", reason);
    } else {
        snprintf(graphics->sentence + end, sizeof(graphics->sentence) - end, "; no Vulkan: %s.",
                 reason);
    }
}

void
graphics_choose(const struct graphics_wish *wish, struct graphics *ret_graphics)
{
    *ret_graphics = (struct graphics){.level = GPU_LEVEL_2D, .render_fd = -1};
    if (wish->trouble) {
        snprintf(ret_graphics->sentence, sizeof(ret_graphics->sentence), "2D: %s.", wish->trouble);
    } else if (wish->config->backend == GPU_BACKEND_2D) {
        snprintf(ret_graphics->sentence, sizeof(ret_graphics->sentence), "2D, as asked for.");
    } else {
        choose_3d(wish, ret_graphics);
        if (ret_graphics->level != GPU_LEVEL_2D && wants_venus(wish->config, ret_graphics)) {
            choose_venus(wish, ret_graphics);
        }
    }
}

const struct process_row *
graphics_row(uint32_t level)
{
    return level == GPU_LEVEL_VENUS  ? &process_gpu_venus
           : level == GPU_LEVEL_DRM  ? &process_gpu_drm
           : level == GPU_LEVEL_SOFT ? &process_gpu_soft
                                     : &process_gpu;
}

const char *
graphics_name(const struct graphics *graphics, bool has_gpu)
{
    const uint32_t level = graphics->level;

    if (!has_gpu) {
        return "none";
    }
    if (graphics->lost) {
        return "lost";
    }
    return level == GPU_LEVEL_VENUS  ? "venus"
           : level == GPU_LEVEL_DRM  ? "virgl"
           : level == GPU_LEVEL_SOFT ? "virgl-software"
                                     : "2d";
}

uint64_t
graphics_render_device(const struct graphics *graphics)
{
    struct stat st;

    return graphics->render_fd >= 0 && fstat(graphics->render_fd, &st) == 0 ? st.st_rdev : 0;
}
