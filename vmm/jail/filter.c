/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/jail/filter.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#ifdef __SANITIZE_ADDRESS__
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <unistd.h>
#endif
#include <sys/syscall.h>

#include "vmm/base/bytes.h"
#include "vmm/base/cleanup.h"

static void
release_filter(scmp_filter_ctx filter)
{
    seccomp_release(filter);
}

struct filter {
    scmp_filter_ctx context;
};

static void
filter_finish(struct filter *filter)
{
    if (filter->context) {
        release_filter(filter->context);
    }
}

static int
allow(scmp_filter_ctx filter, const struct jail_call *call)
{
    struct scmp_arg_cmp compare[ARRAY_SIZE(call->when)];
    unsigned int n = 0;

    while (n < ARRAY_SIZE(call->when) && call->when[n].mask != 0) {
        compare[n] = (struct scmp_arg_cmp){
            .arg = call->when[n].argument,
            .op = SCMP_CMP_MASKED_EQ,
            .datum_a = call->when[n].mask,
            .datum_b = call->when[n].value,
        };
        n++;
    }
    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call->number, n, compare);
}

#ifdef __SANITIZE_ADDRESS__
/* What the sanitizers' run-time adds; never in a release build. */
static const struct jail_call sanitizer_calls[] = {
    {.number = SYS_mmap, .when = {{.argument = 2, .mask = 0x4 /* PROT_EXEC */, .value = 0}}},
    {.number = SYS_madvise},
    {.number = SYS_getpid},
    {.number = SYS_gettid},
    {.number = SYS_sigaltstack},
    {.number = SYS_mprotect},
    {.number = SYS_futex},
    {.number = SYS_sched_yield},
    {.number = SYS_readlink},
    {.number = SYS_open},
    {.number = SYS_openat},
    {.number = SYS_rt_sigaction},
    {.number = SYS_rt_sigprocmask},
    {.number = SYS_prctl},
    {.number = SYS_exit},
    {.number = SYS_munmap},
    {.number = SYS_newfstatat},
    {.number = SYS_fstat},
    {.number = SYS_getrandom},
    {.number = SYS_lseek},
    {.number = SYS_ioctl},
    {.number = SYS_clock_gettime},
    {.number = SYS_nanosleep},
    {.number = SYS_pipe2},
    {.number = SYS_getrlimit},
    {.number = SYS_sched_getaffinity},
};

/* What the run-time asks for; ASAN_OPTIONS and UBSAN_OPTIONS go before, which nobody has in a jail. */
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);
int __lsan_is_turned_off(void);

#define RUN_TIME __attribute__((visibility("default")))

/* Names of functions come from a program that it would start. */
RUN_TIME const char *
__asan_default_options(void)
{
    return "symbolize=0";
}

RUN_TIME const char *
__ubsan_default_options(void)
{
    return "halt_on_error=1:symbolize=0";
}

/* The search for leaks at the end starts a process, which stops this one. */
RUN_TIME int
__lsan_is_turned_off(void)
{
    return prctl(PR_GET_SECCOMP) == SECCOMP_MODE_FILTER || access("/proc/self/task", F_OK) < 0;
}
#endif

static int
allow_list(scmp_filter_ctx filter, const struct jail_call *calls, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int r = allow(filter, &calls[i]);
        if (r < 0) {
            return r;
        }
    }
#ifdef __SANITIZE_ADDRESS__
    for (size_t i = 0; i < ARRAY_SIZE(sanitizer_calls); i++) {
        int r = allow(filter, &sanitizer_calls[i]);
        if (r < 0 && r != -EEXIST) {
            return r;
        }
    }
#endif
    return 0;
}

static int
allow_threads(scmp_filter_ctx filter)
{
    const struct jail_call clone_thread = {
        .number = SYS_clone,
        .when = {{.argument = 0, .mask = CLONE_THREAD, .value = CLONE_THREAD}},
    };

    return allow(filter, &clone_thread);
}

static int
load(const struct jail_policy *policy, const struct jail_call *calls, size_t n_calls, bool process)
{
    cleanup(filter_finish) struct filter filter = {seccomp_init(SCMP_ACT_KILL_PROCESS)};
    int r;

    if (!filter.context) {
        return -ENOMEM;
    }
    r = seccomp_attr_set(filter.context, SCMP_FLTATR_CTL_NNP, 1);
    if (r == 0) {
        r = seccomp_attr_set(filter.context, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    }
    if (r == 0 && process) {
        r = seccomp_attr_set(filter.context, SCMP_FLTATR_CTL_TSYNC, 1);
    }
    /* glibc tries clone3 first and falls back to clone, whose flags a filter can see. */
    if (r == 0) {
        r = seccomp_rule_add(filter.context, SCMP_ACT_ERRNO(ENOSYS), SYS_clone3, 0);
    }
    if (r == 0 && policy->refuses_open) {
        r = seccomp_rule_add(filter.context, SCMP_ACT_ERRNO(EACCES), SYS_openat, 0);
    }
    if (r == 0) {
        r = allow_list(filter.context, calls, n_calls);
    }
    if (r == 0 && process && policy->threads) {
        r = allow_threads(filter.context);
    }
    return r < 0 ? r : seccomp_load(filter.context);
}

int
filter_load_process(const struct jail_policy *policy)
{
    return load(policy, policy->calls, policy->n_calls, true);
}

int
filter_load_vcpu(const struct jail_policy *policy)
{
    return load(policy, policy->vcpu_calls, policy->n_vcpu_calls, false);
}
