/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/jail/capabilities.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int
drop_bounding(uint64_t keep)
{
    for (unsigned int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++) {
        if (cap < 64 && (keep >> cap & 1)) {
            continue;
        }
        if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1 && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0) {
            return -errno;
        }
    }
    return 0;
}

int
capabilities_keep(uint64_t keep)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    int r = drop_bounding(keep);

    if (r < 0) {
        return r;
    }
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0) {
        return -errno;
    }
    for (unsigned int i = 0; i < 2; i++) {
        uint32_t bits = (uint32_t)(keep >> (32 * i));
        data[i] = (struct __user_cap_data_struct){
            .effective = bits,
            .permitted = bits,
            .inheritable = bits,
        };
    }
    if (syscall(SYS_capset, &header, data) < 0) {
        return -errno;
    }
    for (unsigned int cap = 0; cap < 64; cap++) {
        if ((keep >> cap & 1) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0) {
            return -errno;
        }
    }
    return 0;
}
