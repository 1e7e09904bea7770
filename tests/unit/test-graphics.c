/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The ladder of graphics: which level is taken when trials fail. No trial runs here. */

#include "tests/unit/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/supervisor/graphics.h"
#include "vmm/supervisor/probe.h"
#include "vmm/supervisor/processes.h"

const struct process_row process_gpu = {.name = "gpu"};
const struct process_row process_gpu_soft = {.name = "gpu-soft"};
const struct process_row process_gpu_drm = {.name = "gpu-drm"};
const struct process_row process_gpu_venus = {.name = "gpu-venus"};

/* What this computer has. */
/* NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables): what trials find is no argument */
static int node_error; /* of open(); 0: there is a render node */
static bool node_works;
static bool soft_works;
static char tried[64]; /* levels, in turn */
static const char *why = "its trial crashed";
/* NOLINTEND(cppcoreguidelines-avoid-non-const-global-variables) */

int wrap_open(const char *path, int flags) __asm__("__wrap_open");
int wrap_open64(const char *path, int flags) __asm__("__wrap_open64");

int
wrap_open(const char *path, int flags)
{
    errno = strcmp(path, "/dev/dri/renderD128") == 0 ? node_error : ENOENT;
    return errno == 0 ? memfd_create("node", MFD_CLOEXEC) : -1;
}

int
wrap_open64(const char *path, int flags)
{
    return wrap_open(path, flags);
}

bool
probe_gpu(const struct probe_gpu *probe, char *reason, size_t size)
{
    const bool drm = strcmp(probe->level, "drm") == 0;

    snprintf(tried + strlen(tried), sizeof(tried) - strlen(tried), "%s ", probe->level);
    snprintf(reason, size, "%s", why);
    return !probe->fault && (drm ? node_works : soft_works);
}

bool
probe_venus(const struct probe_gpu *probe, char *reason, size_t size)
{
    snprintf(reason, size, "not here");
    return false;
}

#define NODE "on /dev/dri/renderD128 its trial crashed"
#define SOFT "3D, drawn by the processor: "

static const struct {
    const char *name;
    int node_error;
    bool node_works;
    bool soft_works;
    struct gpu_config config;
    uint32_t level;
    const char *tried;
    const char *sentence; /* how it begins */
} steps[] = {
    {"auto",
     0,
     true,
     true,
     {.backend = GPU_BACKEND_AUTO},
     GPU_LEVEL_DRM,
     "drm ",
     "3D on /dev/dri/renderD128"},
    {"auto, a bad node",
     0,
     false,
     true,
     {.backend = GPU_BACKEND_AUTO},
     GPU_LEVEL_SOFT,
     "drm soft ",
     SOFT NODE},
    {"auto, nothing works",
     0,
     false,
     false,
     {.backend = GPU_BACKEND_AUTO},
     GPU_LEVEL_2D,
     "drm soft ",
     "2D: " NODE ", and drawn by the processor its trial crashed."},
    {"auto, no node",
     ENOENT,
     true,
     true,
     {.backend = GPU_BACKEND_AUTO},
     GPU_LEVEL_2D,
     "",
     "2D: this computer has no render node."},
    {"auto, a node that may not be used",
     EACCES,
     true,
     true,
     {.backend = GPU_BACKEND_AUTO},
     GPU_LEVEL_2D,
     "",
     "2D: /dev/dri/renderD128 cannot be used (Permission denied)."},
    {"asked, no node",
     ENOENT,
     true,
     true,
     {.backend = GPU_BACKEND_VIRGLRENDERER},
     GPU_LEVEL_SOFT,
     "soft ",
     SOFT "this computer has no render node."},
    {"asked, a bad node",
     0,
     false,
     true,
     {.backend = GPU_BACKEND_VIRGLRENDERER},
     GPU_LEVEL_SOFT,
     "drm soft ",
     SOFT NODE},
    {"asked by contexts, nothing works",
     0,
     false,
     false,
     {.context_types = GPU_CONTEXT_VIRGL2},
     GPU_LEVEL_2D,
     "drm soft ",
     "2D, although 3D was asked for: " NODE},
    {"the node's fault",
     0,
     true,
     true,
     {.backend = GPU_BACKEND_AUTO, .fault = GPU_FAULT_NODE},
     GPU_LEVEL_SOFT,
     "drm soft ",
     SOFT NODE},
    {"every trial's fault",
     0,
     true,
     true,
     {.backend = GPU_BACKEND_AUTO, .fault = GPU_FAULT_PROBE},
     GPU_LEVEL_2D,
     "drm soft ",
     "2D: " NODE},
    {"2D", 0, true, true, {.backend = GPU_BACKEND_2D}, GPU_LEVEL_2D, "", "2D, as asked for."},
};

TAP_TEST(ladder)
{
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        const struct graphics_wish wish = {.config = &steps[i].config};
        struct graphics graphics;

        node_error = steps[i].node_error;
        node_works = steps[i].node_works;
        soft_works = steps[i].soft_works;
        tried[0] = '\0';
        graphics_choose(&wish, &graphics);
        printf("# %s: tried %s, level %u, %s\n", steps[i].name, tried, graphics.level,
               graphics.sentence);
        check_int(graphics.level, steps[i].level);
        check(strcmp(tried, steps[i].tried) == 0);
        check(strncmp(graphics.sentence, steps[i].sentence, strlen(steps[i].sentence)) == 0);
        check((graphics.render_fd >= 0) == (graphics.level == GPU_LEVEL_DRM));
        if (graphics.render_fd >= 0) {
            close(graphics.render_fd);
        }
    }
}

/* The longest reasons are whole, and so is what follows them: the window knows no half ones to translate. */
TAP_TEST(long_reasons)
{
    const struct gpu_config config = {.backend = GPU_BACKEND_VIRGLRENDERER};
    const struct graphics_wish wish = {.config = &config};
    char reason[200];
    char sentence[START_SENTENCE_SIZE];
    struct graphics graphics;

    memset(reason, 'x', sizeof(reason) - 1);
    reason[sizeof(reason) - 1] = '\0';
    snprintf(sentence, sizeof(sentence),
             "2D, although 3D was asked for: on /dev/dri/renderD128 %s, and drawn by the processor "
             "%s.",
             reason, reason);
    why = reason;
    node_error = 0;
    node_works = false;
    soft_works = false;
    graphics_choose(&wish, &graphics);
    why = "its trial crashed";
    check(strcmp(graphics.sentence, sentence) == 0);
}

/* The kernel numbers its own files: any other character device is as good as a card. */
TAP_TEST(which_card)
{
    struct graphics graphics = {.render_fd = memfd_create("node", MFD_CLOEXEC)};

    check(graphics_render_device(&graphics) == 0);
    close(graphics.render_fd);
    graphics.render_fd = openat(AT_FDCWD, "/dev/zero", O_RDONLY | O_CLOEXEC);
    check(graphics.render_fd >= 0 && graphics_render_device(&graphics) == makedev(1, 5));
    close(graphics.render_fd);
    graphics.render_fd = -1;
    check(graphics_render_device(&graphics) == 0);
}

TAP_MAIN(TAP_CASE(ladder), TAP_CASE(long_reasons), TAP_CASE(which_card))
