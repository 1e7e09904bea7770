/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Stage one of the jail: everything that happens between the supervisor and the first instruction of
 * a child's own code. docs/architecture.md section 5.
 *
 * In order: clone3 into new user, pid, mount, network, IPC and UTS namespaces; uid and gid mapped to
 * themselves; a small read-only root (the library folders, the executable, an empty folder for
 * stage two); descriptors at their planned numbers, all others closed; resource limits; session of
 * its own; every capability dropped but the two that stage two needs to finish (CAP_SYS_ADMIN to
 * pivot, CAP_SETPCAP to empty the bounding set); PR_SET_PDEATHSIG; no-new-privs; exec.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    JAIL_FDS_MAX = 64
};

struct jail_spawn {
    const char *executable;  /* absolute path */
    const char *const *argv; /* NULL-terminated */
    /* Placed at 0 ... n_fds - 1 in the child; -1 leaves that number closed. They stay the caller's. */
    const int *fds;
    size_t n_fds;
    unsigned int nofile; /* RLIMIT_NOFILE */
    bool threads;        /* false: RLIMIT_NPROC 0 */
    bool expendable;     /* the kernel ends it before others when the host's memory is used up */
    /*
     * More that the small root holds, read-only (but devices below /dev work); what is not there is
     * left out. NULL-terminated or NULL.
     */
    const char *const *root_paths;
    uint32_t flags; /* enum start_flags of vmm/protocol/start.h */
};

struct jail_child {
    pid_t pid; /* in the caller's pid namespace */
    int pidfd; /* close-on-exec, the caller's; readable when the child has ended */
};

/*
 * Start the child; returns when it has exec'ed. Single-threaded callers only. On failure -errno,
 * `*ret_what` names the step (static text), and nothing is left behind. -EPERM or -EUSERS at the
 * step JAIL_STEP_NAMESPACES means that this host refuses namespaces.
 */
int jail_spawn(const struct jail_spawn *spawn, struct jail_child *ret_child, const char **ret_what);

#define JAIL_STEP_NAMESPACES "make namespaces"
