/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/devices/input/policy.h"

#include <sys/syscall.h>

#include "vmm/base/bytes.h"
#include "vmm/vhost/calls.h"

static const struct jail_call input_calls[] = {
    JAIL_CALLS_BASE,
    BACKEND_CALLS,
};

const struct jail_policy input_policy = {
    .name = "input",
    .calls = input_calls,
    .n_calls = ARRAY_SIZE(input_calls),
    .ceiling = 25,
};
