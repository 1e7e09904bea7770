/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/wayland-guard/policy.h"

#include <fcntl.h>
#include <sys/syscall.h>

#include "vmm/base/bytes.h"

static const struct jail_call guard_calls[] = {
    JAIL_CALLS_BASE,
    {.number = SYS_socketpair}, /* a guest's end of a filtered connection */
    {.number = SYS_fcntl, .when = {{.argument = 1, .mask = UINT32_MAX, .value = F_GETFL}}},
    {.number = SYS_fcntl, .when = {{.argument = 1, .mask = UINT32_MAX, .value = F_SETFL}}},
};

const struct jail_policy wayland_guard_policy = {
    .name = "wayland-guard",
    .calls = guard_calls,
    .n_calls = ARRAY_SIZE(guard_calls),
    .ceiling = 17,
};
