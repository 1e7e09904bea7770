/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * System calls that a back end makes beyond those of vmm/base, as entries of a jail_policy: waiting
 * for the rest of a message, and taking over the descriptors of memory regions and rings.
 */

#include <fcntl.h>
#include <sys/syscall.h>

#define BACKEND_CALLS                                                                              \
    {.number = SYS_poll}, {.number = SYS_fstat},                                                   \
        {.number = SYS_newfstatat, /* of a descriptor, not of a path */                            \
         .when = {{.argument = 3, .mask = AT_EMPTY_PATH, .value = AT_EMPTY_PATH}}},                \
        {.number = SYS_fcntl, .when = {{.argument = 1, .mask = UINT32_MAX, .value = F_GETFL}}},    \
        {.number = SYS_fcntl, .when = {{.argument = 1, .mask = UINT32_MAX, .value = F_SETFL}}},    \
    {                                                                                              \
        .number = SYS_fcntl, .when = { {.argument = 1, .mask = UINT32_MAX, .value = F_GET_SEALS} } \
    }
