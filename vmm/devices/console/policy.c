/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/devices/console/policy.h"

#include <sys/syscall.h>

#include "vmm/base/bytes.h"
#include "vmm/vhost/calls.h"

static const struct jail_call console_calls[] = {
    JAIL_CALLS_BASE,
    BACKEND_CALLS,
};

const struct jail_policy console_policy = {
    .name = "console",
    .calls = console_calls,
    .n_calls = ARRAY_SIZE(console_calls),
    .ceiling = 25,
};
