/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/machine/probe.h"

#include <errno.h>
#include <limits.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/jail/start.h"
#include "vmm/machine/arch.h"
#include "vmm/machine/policy.h"

#define PROBE_RAM_SIZE (16 * MIB)

static int __attribute__((format(printf, 2, 3))) say(const char *id, const char *format, ...)
{
    char text[START_SENTENCE_SIZE];
    char line[START_NAME_SIZE + START_SENTENCE_SIZE];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    snprintf(line, sizeof(line), "%s %s\n", id, text);
    if (write(STDOUT_FILENO, line, strlen(line)) < 0) { /* not stdio: this may be in the jail */
        return 2;
    }
    return 1;
}

struct probe {
    struct arch_probe guest;
    uint64_t passed; /* the last step that the guest reported */
};

static uint64_t
report_read(void *data, uint64_t offset, unsigned int size)
{
    return 0;
}

static void
report_write(void *data, uint64_t offset, unsigned int size, uint64_t value)
{
    struct probe *probe = data;

    probe->passed = value;
}

static const struct vm_range_ops report_ops = {.read = report_read, .write = report_write};

/* Who could not even open /dev/kvm does not come here; standard input is for people. */
static int
find_kvm(const char *text, int *ret_fd)
{
    char *end = NULL;
    long fd = text ? strtol(text, &end, 10) : STDIN_FILENO;

    if ((text && (end == text || *end != '\0')) || fd < 0 || fd > INT_MAX ||
        ioctl((int)fd, KVM_GET_API_VERSION, 0) < 0) {
        return say("kvm-missing", "What was given is not /dev/kvm.");
    }
    *ret_fd = (int)fd;
    return 0;
}

/* SIGALRM interrupts KVM_RUN; one that comes between two calls needs the second one. */
static void
on_alarm(int number)
{
}

static void
arm_alarm(void)
{
    const struct itimerval limit = {
        .it_value = {.tv_sec = PROBE_LIMIT_MS / 1000, .tv_usec = PROBE_LIMIT_MS % 1000 * 1000L},
        .it_interval = {.tv_usec = 20000},
    };
    struct sigaction action = {.sa_handler = on_alarm};

    sigemptyset(&action.sa_mask);
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &limit, NULL);
}

static int
run_guest(struct vm *vm, struct probe *probe)
{
    const struct machine_boot boot = {.entry = probe->guest.load_address};
    struct machine_ended ended = {0};
    uint8_t *code = vm_ram_pointer(vm, probe->guest.load_address, probe->guest.size);
    const char *detail;
    const char *what = NULL;
    int r;

    if (!code) {
        return say("kvm-broken", "The test guest does not fit.");
    }
    memcpy(code, probe->guest.code, probe->guest.size);
    r = vm_add_range(vm, probe->guest.report_space, probe->guest.report_address, 1, "probe",
                     &report_ops, probe);
    if (r == 0) {
        r = arch_boot(vm, &boot);
    }
    if (r < 0) {
        return say("kvm-broken", "The test guest could not be set up: %s.", strerror(-r));
    }
    arm_alarm();
    if (jail_enter(&machine_policy, START_FLAG_NO_NAMESPACES, &what) < 0) {
        return say("no-namespaces", "The test guest could not be put in a jail: could not %s.",
                   what);
    }
    while (probe->passed < probe->guest.n_steps && vcpu_enter(&vm->vcpus[0]) &&
           !vm_has_ended(vm, &ended)) {
    }
    if (probe->passed >= probe->guest.n_steps) {
        return 0;
    }
    detail = ended.sentence[0] != '\0'            ? ended.sentence
             : ended.header.type == MACHINE_ENDED ? "The guest crashed."
                                                  : "It took too long.";
    return say("kvm-broken", "KVM here cannot run a stock kernel: %s does not work. %s",
               probe->guest.steps[probe->passed], detail);
}

int
probe_main(const char *kvm)
{
    struct machine_setup setup = {
        .n_cpus = 1, .ram_size = PROBE_RAM_SIZE, .kvm_fd = -1, .serial_fd = {-1, -1, -1, -1}};
    struct probe probe = {0};
    cleanup(loop_destroyp) struct loop *loop = loop_create();
    cleanup(vm_destroyp) struct vm *vm = NULL;
    struct start_failed failed;

    arch_probe_guest(&probe.guest);
    if (find_kvm(kvm, &setup.kvm_fd) != 0) {
        return 1;
    }
    setup.ram_fd = fd_memory_file("probe", setup.ram_size);
    if (setup.ram_fd < 0 || !loop) {
        return say("no-memory", "There is not enough memory for a test guest.");
    }
    if (vm_create(loop, &setup, &failed, &vm) < 0) {
        return say(failed.id, "%s", failed.sentence);
    }
    return run_guest(vm, &probe);
}
