/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/gdb/policy.h"

#include <sys/syscall.h>

#include "vmm/base/bytes.h"

static const struct jail_call gdb_calls[] = {
    JAIL_CALLS_BASE,
    {.number = SYS_accept4},
};

const struct jail_policy gdb_policy = {
    .name = "gdb",
    .calls = gdb_calls,
    .n_calls = ARRAY_SIZE(gdb_calls),
    .ceiling = 16,
};
