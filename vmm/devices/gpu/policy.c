/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/devices/gpu/policy.h"

#include <fcntl.h>
#include <linux/udmabuf.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "vmm/base/bytes.h"
#include "vmm/vhost/calls.h"

/*
 * Window sizes, coalesced; sealed memory for the display; pipes of the clipboard and copies of the
 * compositor's files for cross-domain contexts; dmabufs of our own sealed memory.
 */
#define GPU_CALLS                                                                                  \
    {.number = SYS_timerfd_settime}, {.number = SYS_memfd_create}, {.number = SYS_ftruncate},      \
        {.number = SYS_ioctl,                                                                      \
         .when = {{.argument = 1, .mask = UINT32_MAX, .value = UDMABUF_CREATE}}},                  \
        {.number = SYS_pipe2}, {.number = SYS_pread64},                                            \
        {.number = SYS_fcntl,                                                                      \
         .when = {{.argument = 1, .mask = UINT32_MAX, .value = F_DUPFD_CLOEXEC}}},                 \
    {                                                                                              \
        .number = SYS_fcntl, .when = { {.argument = 1, .mask = UINT32_MAX, .value = F_ADD_SEALS} } \
    }

/*
 * What virglrenderer, Mesa and LLVM do once they have started. llvmpipe makes machine code: memory
 * that is anonymous may become executable, files may not. Threads are older than the filter, which
 * covers them; none starts later. What a guest may ask of the card's memory (GET_MEMORY_INFO) makes
 * llvmpipe of Mesa 25 look into /proc/meminfo: an open is refused, not punished.
 */
#define GPU_LIBRARY_CALLS                                                                      \
    {.number = SYS_futex}, {.number = SYS_madvise}, {.number = SYS_mremap},                    \
        {.number = SYS_mprotect}, {.number = SYS_getpid}, {.number = SYS_gettid},              \
        {.number = SYS_rt_sigprocmask}, {.number = SYS_exit}, {.number = SYS_clock_nanosleep}, \
        {.number = SYS_ppoll}, {.number = SYS_sched_yield}, {.number = SYS_lseek},             \
        {.number = SYS_newfstatat}, {.number = SYS_sysinfo}, {.number = SYS_getrandom},        \
    {                                                                                          \
        .number = SYS_mmap, .when = {                                                          \
            {.argument = 3, .mask = MAP_ANONYMOUS, .value = MAP_ANONYMOUS}                     \
        }                                                                                      \
    }

static const struct jail_call gpu_calls[] = {
    JAIL_CALLS_BASE,
    BACKEND_CALLS,
    GPU_CALLS,
};

static const struct jail_call gpu_soft_calls[] = {
    JAIL_CALLS_BASE,
    BACKEND_CALLS,
    GPU_CALLS,
    GPU_LIBRARY_CALLS,
};

/*
 * A render node: the drivers' ioctls are many and each driver's own; DRM's have the letter 'd',
 * dma-buf's and sync files' 'b' and '>'.
 */
#define GPU_DRM_CALLS                                                                        \
    {.number = SYS_ioctl, .when = {{.argument = 1, .mask = 0xff00, .value = 'd' << 8}}},     \
        {.number = SYS_ioctl, .when = {{.argument = 1, .mask = 0xff00, .value = 'b' << 8}}}, \
        {.number = SYS_ioctl, .when = {{.argument = 1, .mask = 0xff00, .value = '>' << 8}}}, \
        {.number = SYS_kcmp}, {.number = SYS_eventfd2},                                      \
    {                                                                                        \
        .number = SYS_sched_getaffinity                                                      \
    }

static const struct jail_call gpu_drm_calls[] = {
    JAIL_CALLS_BASE, BACKEND_CALLS, GPU_CALLS, GPU_LIBRARY_CALLS, GPU_DRM_CALLS,
};

/* For each Vulkan context a thread that waits for the render server, and an event descriptor. */
static const struct jail_call gpu_venus_calls[] = {
    JAIL_CALLS_BASE,
    BACKEND_CALLS,
    GPU_CALLS,
    GPU_LIBRARY_CALLS,
    GPU_DRM_CALLS,
    {.number = SYS_poll},
    {.number = SYS_getsockopt},
    {.number = SYS_set_robust_list},
    {.number = SYS_rseq},
    {.number = SYS_fcntl, .when = {{.argument = 1, .mask = UINT32_MAX, .value = F_GET_SEALS}}},
};

const struct jail_policy gpu_policy = {
    .name = "gpu",
    .calls = gpu_calls,
    .n_calls = ARRAY_SIZE(gpu_calls),
    .ceiling = 40,
};

const struct jail_policy gpu_soft_policy = {
    .name = "gpu-soft",
    .calls = gpu_soft_calls,
    .n_calls = ARRAY_SIZE(gpu_soft_calls),
    .makes_code = true,
    .refuses_open = true,
    .ceiling = 45,
};

const struct jail_policy gpu_drm_policy = {
    .name = "gpu-drm",
    .calls = gpu_drm_calls,
    .n_calls = ARRAY_SIZE(gpu_drm_calls),
    .makes_code = true,
    .refuses_open = true,
    .ceiling = 60,
};

const struct jail_policy gpu_venus_policy = {
    .name = "gpu-venus",
    .calls = gpu_venus_calls,
    .n_calls = ARRAY_SIZE(gpu_venus_calls),
    .threads = true,
    .makes_code = true,
    .refuses_open = true,
    .ceiling = 60,
};
