/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * vmm-gpu: the graphics card. Reads the guest's requests, keeps the pixels in sealed memory that it
 * makes itself, and tells vmm-display which part of which memory to show. Ends when the supervisor
 * or the machine closes its socket; a display process may come and go.
 *
 * `vmm-gpu --probe LEVEL FLAGS` tries a level in its jail and says how that went; with one word more
 * it crashes, for tests. `vmm-gpu --replay LEVEL FLAGS` plays a recording, see replay-run.h.
 */

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "vmm/base/bytes.h"
#include "vmm/devices/gpu/gpu.h"
#include "vmm/devices/gpu/policy.h"
#include "vmm/devices/gpu/probe.h"
#include "vmm/devices/gpu/replay-run.h"
#include "vmm/devices/gpu/virgl.h"
#include "vmm/devices/gpu/wayland-link.h"
#include "vmm/jail/start.h"

#define LIBRARY_MEMORY (UINT64_C(1) << 30)  /* of Mesa, LLVM and virglrenderer for themselves */
#define THREAD_MEMORY  (UINT64_C(16) << 20) /* the stack of a Vulkan context's thread, and more */

static const struct jail_policy *const policies[] = {
    [GPU_LEVEL_2D] = &gpu_policy,
    [GPU_LEVEL_SOFT] = &gpu_soft_policy,
    [GPU_LEVEL_DRM] = &gpu_drm_policy,
    [GPU_LEVEL_VENUS] = &gpu_venus_policy,
};

/* `--policy` alone prints that of 2D, `--policy soft`, `drm` and `venus` the others. */
static bool
print_policy(int argc, char **argv)
{
    const struct jail_policy *policy = &gpu_policy;

    if (argc == 3 && strcmp(argv[1], "--policy") == 0) {
        policy = strcmp(argv[2], "drm") == 0     ? &gpu_drm_policy
                 : strcmp(argv[2], "soft") == 0  ? &gpu_soft_policy
                 : strcmp(argv[2], "venus") == 0 ? &gpu_venus_policy
                                                 : &gpu_policy;
        argc = 2;
    }
    return jail_print_policy(policy, argc, argv);
}

/*
 * What a context's commands make inside of the library is in no count of ours (PIPE_RESOURCE_CREATE,
 * shaders): such memory is private, ours for pictures is shared. Beyond the limit the commands fail.
 */
static void
limit_memory(const struct gpu_setup *setup)
{
    const uint32_t threads = setup->level == GPU_LEVEL_VENUS ? setup->vulkan_contexts : 0;
    rlim_t most = setup->memory_limit + LIBRARY_MEMORY + threads * THREAD_MEMORY;

#ifdef __SANITIZE_ADDRESS__
    most = RLIM_INFINITY; /* its run-time maps 20 TiB for what it knows of each byte */
#endif
    if (!(setup->device.start.flags & START_FLAG_NO_JAIL) &&
        setrlimit(RLIMIT_DATA, &(struct rlimit){most, most}) < 0) {
        log_warning("The memory of 3D graphics has no limit: %s", strerror(errno));
    }
}

/* Start the library, which starts threads: the jail has two halves then. -errno after telling why. */
static int
start_3d(struct loop *loop, struct gpu *gpu, const struct gpu_setup *setup,
         struct jail_early **ret_early, bool *ret_shares)
{
    const char *why = "its jail cannot be prepared";
    const int venus_fd = setup->level == GPU_LEVEL_VENUS ? setup->venus_fd : -1;

    limit_memory(setup);
    struct jail_early *early = jail_drop_early(setup->device.start.flags);
    struct renderer *renderer = early ? virgl_create(loop, setup->render_fd, venus_fd, &why) : NULL;

    if (!renderer) {
        start_fail("gpu-3d", "3D graphics do not start: %s.", why);
        return -EIO;
    }
    if (setup->fault == GPU_FAULT_AT_START) {
        __builtin_trap();
    }
    if (setup->wayland_fd >= 0 && setup->level != GPU_LEVEL_SOFT) {
        *ret_shares = virgl_shares_textures(renderer);
        if (!*ret_shares) {
            log_info(
                "Programs of this computer cannot use what is drawn on its graphics card: windows "
                "of guests are copied");
        }
    }
    virgl_leave_capsets(renderer, setup->capsets);
    virgl_set_gpu(renderer, gpu);
    gpu_add_renderer(gpu, renderer);
    *ret_early = early;
    return 0;
}

int
main(int argc, char **argv)
{
    cleanup(loop_destroyp) struct loop *loop = NULL;
    cleanup(wayland_link_destroyp) struct wayland_link *wayland = NULL; /* outlives the device */
    cleanup(gpu_destroyp) struct gpu *gpu = NULL;
    struct jail_early *early = NULL;
    bool shares = false;
    struct gpu_setup setup;

    if (print_policy(argc, argv)) {
        return 0;
    }
    if (argc >= 4 && strcmp(argv[1], "--probe") == 0) {
        return probe_run(argv[2], (uint32_t)strtoul(argv[3], NULL, 10), argc > 4);
    }
    if (argc == 4 && strcmp(argv[1], "--replay") == 0) {
        return replay_run(argv[2], (uint32_t)strtoul(argv[3], NULL, 10));
    }
    if (start_receive_setup(&setup, sizeof(setup)) < 0 || setup.level >= ARRAY_SIZE(policies)) {
        return 1;
    }
    loop = loop_create();
    gpu = loop ? gpu_create(loop, &setup) : NULL;
    if (!gpu || start_watch_control(loop) < 0) {
        return start_fail("internal", "The graphics card cannot start: %s.", strerror(errno));
    }
    if (setup.level != GPU_LEVEL_2D && start_3d(loop, gpu, &setup, &early, &shares) < 0) {
        return 1;
    }
    if (setup.level == GPU_LEVEL_VENUS) {
        (void)signal(SIGPIPE, SIG_IGN); /* the render server may end first */
    }
    if (setup.wayland_fd >= 0) {
        (void)signal(SIGPIPE, SIG_IGN); /* pipes of the host's programs end when they like */
        wayland = wayland_link_create(gpu, setup.wayland_fd, shares);
        if (!wayland) {
            return start_fail("internal", "The graphics card cannot pass windows on: %s.",
                              strerror(errno));
        }
    }
    if (start_enter_jail_late(policies[setup.level], &setup.device.start, early) < 0) {
        return 1;
    }
    return loop_run(loop);
}
