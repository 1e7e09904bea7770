/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/devices/block/policy.h"

#include <sys/syscall.h>

#include "vmm/base/bytes.h"
#include "vmm/vhost/calls.h"

static const struct jail_call block_calls[] = {
    JAIL_CALLS_BASE,           BACKEND_CALLS,
    {.number = SYS_preadv},    {.number = SYS_pwritev},
    {.number = SYS_fdatasync}, {.number = SYS_fallocate},
    {.number = SYS_ftruncate},
};

const struct jail_policy block_policy = {
    .name = "block",
    .calls = block_calls,
    .n_calls = ARRAY_SIZE(block_calls),
    .ceiling = 35,
};
