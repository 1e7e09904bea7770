/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/devices/balloon/policy.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#include "vmm/base/bytes.h"
#include "vmm/vhost/calls.h"

static const struct jail_call balloon_calls[] = {
    JAIL_CALLS_BASE,
    BACKEND_CALLS,
    {.number = SYS_timerfd_settime},
    {.number = SYS_madvise, .when = {{.argument = 2, .mask = UINT32_MAX, .value = MADV_REMOVE}}},
};

const struct jail_policy balloon_policy = {
    .name = "balloon",
    .calls = balloon_calls,
    .n_calls = ARRAY_SIZE(balloon_calls),
    .ceiling = 25,
};
