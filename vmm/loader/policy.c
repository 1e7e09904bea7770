/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/loader/policy.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#include "vmm/base/bytes.h"

static const struct jail_call loader_calls[] = {
    {.number = SYS_read},
    {.number = SYS_write},
    {.number = SYS_close},
    {.number = SYS_recvmsg},
    {.number = SYS_sendmsg},
    {.number = SYS_brk},
    {.number = SYS_munmap},
    {.number = SYS_exit_group},
    {.number = SYS_pread64}, /* kernel and initrd */
    {.number = SYS_pwritev}, /* guest memory */
    {.number = SYS_madvise,
     .when = {{.argument = 2, .mask = UINT32_MAX, .value = MADV_POPULATE_READ}}},
    {.number = SYS_fstat},
    {.number = SYS_newfstatat}, /* their sizes */
    {.number = SYS_mmap, .when = {{.argument = 2, .mask = 0x4 /* PROT_EXEC */, .value = 0}}},
};

const struct jail_policy loader_policy = {
    .name = "loader",
    .calls = loader_calls,
    .n_calls = ARRAY_SIZE(loader_calls),
    .ceiling = 16,
};
