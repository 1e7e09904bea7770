/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/jail/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/securebits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/base/assert.h"
#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/memory.h"
#include "vmm/jail/capabilities.h"
#include "vmm/jail/filter.h"
#include "vmm/jail/root.h"
#include "vmm/protocol/start.h"

/* What is left in the small root may be read and executed, and devices used. */
static int
allow_small_root(int ruleset)
{
    cleanup_fd int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    const struct landlock_path_beneath_attr beneath = {
        .allowed_access = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE |
                          LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_WRITE_FILE,
        .parent_fd = root,
    };

    if (root < 0 ||
        syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) < 0) {
        return -errno;
    }
    return 0;
}

/* A ruleset that handles every kind of file access the kernel knows and allows none. */
static int
enter_landlock(bool keeps_root)
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
    int r = ruleset < 0 ? -errno : 0;
    if (r == 0 && keeps_root) {
        r = allow_small_root(ruleset);
    }
    if (r == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0) {
        r = -errno;
    }
    return r;
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

struct jail_early {
    pthread_t thread;
    int go[2]; /* pipe: a byte says that the time has come */
    int result;
    bool has_thread;
};

static void *
pivot_later(void *data)
{
    struct jail_early *early = data;
    char byte;

    early->result = -ECANCELED;
    if (fd_read_full(early->go[0], &byte, 1) == 0) {
        early->result = jail_root_empty(); /* all threads share the root */
    }
    return NULL;
}

struct jail_early *
jail_drop_early(uint32_t flags)
{
    const bool namespaces = !(flags & (START_FLAG_NO_NAMESPACES | START_FLAG_NO_JAIL));
    struct jail_early *early = xalloc(sizeof(*early));
    int r = 0;

    if (namespaces) {
        r = pipe2(early->go, O_CLOEXEC) < 0 ? -errno : 0;
        if (r == 0) {
            r = -pthread_create(&early->thread, NULL, pivot_later, early);
            early->has_thread = r == 0;
        }
    }
    if (r == 0 && !(flags & START_FLAG_NO_JAIL)) {
        r = drop_privileges(namespaces);
    }
    if (r < 0) {
        free(early); /* the caller ends, and its thread with it */
        errno = -r;
        return NULL;
    }
    return early;
}

static int
finish_early(struct jail_early *early)
{
    int r = 0;

    if (early->has_thread) {
        r = fd_write_full(early->go[1], "", 1);
        r = r < 0 ? r : -pthread_join(early->thread, NULL);
        r = r < 0 ? r : early->result;
        close(early->go[0]);
        close(early->go[1]);
    }
    free(early);
    return r;
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
jail_enter_late(const struct jail_policy *policy, uint32_t flags, struct jail_early *early,
                const char **ret_what)
{
    const bool namespaces = !(flags & (START_FLAG_NO_NAMESPACES | START_FLAG_NO_JAIL));
    int r = 0;

    *ret_what = "enter the empty root";
    if (early) {
        r = finish_early(early);
    } else if (namespaces && !policy->keeps_root) {
        r = jail_root_empty();
    }
    if (flags & START_FLAG_NO_JAIL) {
        return r;
    }
    if (r == 0) {
        *ret_what = "close the doors";
        r = close_doors();
    }
    /* After the pivot: a Landlock domain may not change mounts. */
    if (r == 0) {
        *ret_what = "enter Landlock";
        r = enter_landlock(policy->keeps_root);
    }
    if (r == 0 && !early) {
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
jail_enter(const struct jail_policy *policy, uint32_t flags, const char **ret_what)
{
    return jail_enter_late(policy, flags, NULL, ret_what);
}

int
jail_enter_vcpu_thread(const struct jail_policy *policy)
{
    assert(policy->vcpu_calls);
    return filter_load_vcpu(policy);
}
