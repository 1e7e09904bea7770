/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/devices/rng/policy.h"

#include <sys/syscall.h>

#include "vmm/base/bytes.h"
#include "vmm/vhost/calls.h"

static const struct jail_call rng_calls[] = {
    JAIL_CALLS_BASE,
    BACKEND_CALLS,
    {.number = SYS_getrandom},
};

const struct jail_policy rng_policy = {
    .name = "rng",
    .calls = rng_calls,
    .n_calls = ARRAY_SIZE(rng_calls),
    .ceiling = 25,
};
