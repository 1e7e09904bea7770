/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "vmm/base/bytes.h"
#include "vmm/base/cleanup.h"
#include "vmm/jail/jail.h"

static void
print_call(const struct jail_call *call, const char *note)
{
    cleanup_free char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, call->number);

    printf("call %s", name ? name : "?");
    for (size_t i = 0; i < ARRAY_SIZE(call->when) && call->when[i].mask != 0; i++) {
        printf(" arg%u&0x%" PRIx64 "==0x%" PRIx64, call->when[i].argument, call->when[i].mask,
               call->when[i].value);
    }
    printf("%s\n", note);
}

static bool
listed_before(const struct jail_call *calls, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (calls[i].number == calls[index].number) {
            return true;
        }
    }
    return false;
}

static bool
listed(const struct jail_call *calls, size_t n, int number)
{
    for (size_t i = 0; i < n; i++) {
        if (calls[i].number == number) {
            return true;
        }
    }
    return false;
}

/* Distinct system call numbers over all threads. The vCPU list only narrows, so it adds none. */
static unsigned int
count_calls(const struct jail_policy *policy)
{
    unsigned int n = 0;

    for (size_t i = 0; i < policy->n_calls; i++) {
        n += !listed_before(policy->calls, i);
    }
    if (policy->threads && !listed(policy->calls, policy->n_calls, SYS_clone)) {
        n++;
    }
    return n;
}

bool
jail_print_policy(const struct jail_policy *policy, int argc, char **argv)
{
    if (argc != 2 || strcmp(argv[1], "--policy") != 0) {
        return false;
    }
    printf("process %s\ncount %u\nceiling %u\n", policy->name, count_calls(policy),
           policy->ceiling);
    for (size_t i = 0; i < policy->n_calls; i++) {
        print_call(&policy->calls[i], "");
    }
    if (policy->threads) {
        printf("call clone flags&CLONE_THREAD (new threads only)\n");
    }
    if (policy->makes_code) {
        printf("note anonymous memory may become executable\n");
    }
    if (policy->refuses_open) {
        printf("note openat answers EACCES, and opens nothing\n");
    }
    for (size_t i = 0; i < policy->n_vcpu_calls; i++) {
        print_call(&policy->vcpu_calls[i], " (vCPU threads)");
    }
#ifdef __SANITIZE_ADDRESS__
    printf("note sanitizer build: the run-time's own calls are allowed too\n");
#endif
    return true;
}
