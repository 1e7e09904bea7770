/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/jail/policy-test.h"

#include <sys/syscall.h>

#include "vmm/base/bytes.h"

static const struct jail_call calls[] = {JAIL_CALLS_BASE};

const struct jail_policy least_policy = {
    .name = "least",
    .calls = calls,
    .n_calls = ARRAY_SIZE(calls),
    .ceiling = 25,
};
