/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/devices/gpu/policy.h"

#include <fcntl.h>
#include <sys/syscall.h>

#include "vmm/base/bytes.h"
#include "vmm/vhost/calls.h"

static const struct jail_call gpu_calls[] = {
    JAIL_CALLS_BASE,
    BACKEND_CALLS,
    {.number = SYS_timerfd_settime}, /* window sizes, coalesced */
    /* Sealed memory for the display. */
    {.number = SYS_memfd_create},
    {.number = SYS_ftruncate},
    {.number = SYS_fcntl, .when = {{.argument = 1, .mask = UINT32_MAX, .value = F_ADD_SEALS}}},
};

const struct jail_policy gpu_policy = {
    .name = "gpu",
    .calls = gpu_calls,
    .n_calls = ARRAY_SIZE(gpu_calls),
    .ceiling = 40,
};
