/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/jail/jail.h"

#include <errno.h>
#include <linux/landlock.h>
#include <linux/securebits.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/base/assert.h"
#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/jail/capabilities.h"
#include "vmm/jail/filter.h"
#include "vmm/jail/root.h"
#include "vmm/protocol/start.h"

/* A ruleset that handles every kind of file access the kernel knows and allows none. */
static int
enter_landlock(void)
{
    struct landlock_ruleset_attr attr = {
        .handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1,
    };
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

    if (abi < 1) {
        return 0; /* not built in or not enabled: the empty root stands alone */
    }
    if (abi >= 2) {
        attr.handled_access_fs |= LANDLOCK_ACCESS_FS_REFER;
    }
    cleanup_fd int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
    if (ruleset < 0 || syscall(SYS_landlock_restrict_self, ruleset, 0) < 0) {
        return -errno;
    }
    return 0;
}

static int
drop_privileges(bool namespaces)
{
    const unsigned long bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
                               SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
                               SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;

    if (!namespaces) {
        /* Nothing was gained, so only what the caller may give away is given away. */
        (void)capabilities_keep(0);
        return 0;
    }
    if (prctl(PR_SET_SECUREBITS, bits, 0, 0, 0) < 0) {
        return -errno;
    }
    return capabilities_keep(0);
}

static int
close_doors(void)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
        return -errno;
    }
    return 0;
}

int
jail_enter(const struct jail_policy *policy, uint32_t flags, const char **ret_what)
{
    const bool namespaces = !(flags & (START_FLAG_NO_NAMESPACES | START_FLAG_NO_JAIL));
    int r = 0;

    if (flags & START_FLAG_NO_JAIL) {
        return 0;
    }
    if (namespaces) {
        *ret_what = "enter the empty root";
        r = jail_root_empty();
    }
    if (r == 0) {
        *ret_what = "close the doors";
        r = close_doors();
    }
    /* After the pivot: a Landlock domain may not change mounts. */
    if (r == 0) {
        *ret_what = "enter Landlock";
        r = enter_landlock();
    }
    if (r == 0) {
        *ret_what = "drop capabilities";
        r = drop_privileges(namespaces);
    }
    if (r == 0) {
        *ret_what = "load the system call filter";
        r = filter_load_process(policy);
    }
    return r;
}

int
jail_enter_vcpu_thread(const struct jail_policy *policy)
{
    assert(policy->vcpu_calls);
    return filter_load_vcpu(policy);
}
