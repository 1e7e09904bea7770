/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Stage two of the jail, called by the executable itself when its set-up is done: Landlock where the
 * kernel has it, pivot to an empty root, every capability dropped (bounding and ambient too),
 * non-dumpable, and last the seccomp filter that kills the process for any call not in the policy.
 * docs/architecture.md section 5; stage one is vmm/jail/spawn.h.
 *
 * A process folder keeps its policy in policy.c / policy.h, so that the jail tests can use the very
 * same list: `extern const struct jail_policy rng_policy;`
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One allowed system call. Several entries with one number are alternatives. */
struct jail_call {
    int number; /* SYS_xxx of sys/syscall.h */
    /*
     * Optional conditions on arguments, all of which must hold: (argument & mask) == value.
     * A mask of 0 ends the list.
     */
    struct jail_condition {
        unsigned int argument; /* 0 ... 5 */
        uint64_t mask;
        uint64_t value;
    } when[2];
};

struct jail_policy {
    const char *name; /* executable without "vmm-" */
    const struct jail_call *calls;
    size_t n_calls;
    const struct jail_call *vcpu_calls; /* a narrower list for threads that ask for it, or NULL */
    size_t n_vcpu_calls;
    unsigned int ceiling; /* most system calls the design allows (counted by number) */
    bool threads;         /* threads start after the jail: clone() with CLONE_THREAD is allowed */
    bool makes_code;      /* anonymous memory may become executable: a compiler works in there */
    bool refuses_open; /* openat() answers EACCES: a library that looks for a file does without */
    bool keeps_root;   /* a program that is not ours follows: it may read the small root */
};

/* Calls that every loop process needs (vmm/base): the start of most lists. */
#define JAIL_CALLS_BASE                                                                            \
    {.number = SYS_read}, {.number = SYS_write}, {.number = SYS_close},                            \
        {.number = SYS_epoll_wait}, {.number = SYS_epoll_ctl}, {.number = SYS_recvmsg},            \
        {.number = SYS_sendmsg}, {.number = SYS_brk}, {.number = SYS_munmap},                      \
        {.number = SYS_exit_group}, {.number = SYS_rt_sigreturn}, {.number = SYS_restart_syscall}, \
        {.number = SYS_clock_gettime},                                                             \
    {                                                                                              \
        .number = SYS_mmap, .when = { {.argument = 2, .mask = 0x4 /* PROT_EXEC */, .value = 0} }   \
    }

/*
 * For libraries that start threads, and cannot do so in the jail: drop every capability of the calling
 * thread now, so that theirs begin without any. A thread of ours keeps what the pivot takes, and ends
 * with it. NULL with errno set on failure; jail_enter_late() takes it over.
 */
struct jail_early;
struct jail_early *jail_drop_early(uint32_t flags);

/*
 * Enter stage two. `flags` are enum start_flags of vmm/protocol/start.h. Single-threaded callers
 * only. Returns 0, or
 * -errno with `*ret_what` naming the step (static text) when a step failed; the caller must then
 * report START_FAILED and exit.
 */
int jail_enter(const struct jail_policy *policy, uint32_t flags, const char **ret_what);
/* The same after jail_drop_early(), whose result it takes over: TSYNC gives the filter to all threads. */
int jail_enter_late(const struct jail_policy *policy, uint32_t flags, struct jail_early *early,
                    const char **ret_what);

/* Replace nothing, add the narrower vCPU filter on the calling thread. */
int jail_enter_vcpu_thread(const struct jail_policy *policy);

/*
 * When argv asks for it ("--policy"), print the policy as text, one call per line with its
 * conditions, and return true: the executable then exits with status 0. Used by `vmm policy`.
 */
bool jail_print_policy(const struct jail_policy *policy, int argc, char **argv);
