/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/extract/policy.h"

#include <sys/prctl.h>
#include <sys/syscall.h>

#include "vmm/base/bytes.h"

static const struct jail_call extract_calls[] = {
    {.number = SYS_write},   /* both files */
    {.number = SYS_sendmsg}, /* the answer */
    {.number = SYS_preadv},  /* the image */
    {.number = SYS_fstat},
    {.number = SYS_newfstatat},
    {.number = SYS_fcntl, .when = {{.argument = 1, .mask = UINT32_MAX, .value = 3 /* F_GETFL */}}},
    {.number = SYS_lseek},
    {.number = SYS_brk},
    {.number = SYS_munmap},
    {.number = SYS_mremap},
    {.number = SYS_exit_group},
    /* libext2fs of Debian 13, before it believes the environment. */
    {.number = SYS_getuid},
    {.number = SYS_geteuid},
    {.number = SYS_getgid},
    {.number = SYS_getegid},
    {.number = SYS_prctl, .when = {{.argument = 0, .mask = UINT32_MAX, .value = PR_GET_DUMPABLE}}},
    {.number = SYS_mmap, .when = {{.argument = 2, .mask = 0x4 /* PROT_EXEC */, .value = 0}}},
};

const struct jail_policy extract_policy = {
    .name = "extract",
    .calls = extract_calls,
    .n_calls = ARRAY_SIZE(extract_calls),
    .ceiling = 18,
};
