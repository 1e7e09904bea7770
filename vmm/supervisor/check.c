/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/supervisor/check.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/base/assert.h"
#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/memory.h"
#include "vmm/supervisor/check-private.h"
#include "vmm/supervisor/failure.h"
#include "vmm/supervisor/json-text.h"
#include "vmm/supervisor/probe.h"
#include "vmm/supervisor/processes.h"

struct row *
check_add_row(struct report *report, const char *id, bool ok, const char *sentence)
{
    struct row *row = &report->row[report->count++];

    assert(report->count <= ROWS_MAX);
    *row = (struct row){.id = id, .ok = ok};
    snprintf(row->sentence, sizeof(row->sentence), "%s", sentence);
    return row;
}

void
check_set_cure(struct row *row, const char *cure, const char *command)
{
    if (!row->ok) {
        snprintf(row->cure, sizeof(row->cure), "%s", cure);
        snprintf(row->command, sizeof(row->command), "%s", command);
    }
}

/* cpuinfo names the extension on x86; elsewhere /dev/kvm alone can say. */
static bool
processor_can_virtualise(void)
{
    FILE *file = fopen("/proc/cpuinfo", "re");
    char *line = NULL;
    size_t size = 0;
    bool found = false;

    while (file && !found && getline(&line, &size, file) > 0) {
        found = strncmp(line, "flags", 5) == 0 && (strstr(line, " vmx") || strstr(line, " svm"));
    }
    free(line);
    if (file) {
        fclose(file);
    }
    return found;
}

static int
check_kvm_access(struct report *report)
{
    int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    const bool denied = fd < 0 && (errno == EACCES || errno == EPERM);
    const bool missing = fd < 0 && !denied;
    const struct passwd *user = getpwuid(geteuid());
    const bool can = processor_can_virtualise() || !missing;
    char command[100];
    struct row *row;

    row =
        check_add_row(report, "cpu", can,
                      can ? "The processor can virtualise."
                          : "The processor cannot virtualise, or the firmware switched that off.");
    check_set_cure(row, "Turn on virtualisation (VT-x or SVM) in the firmware settings.", "");
    row = check_add_row(report, "kvm-missing", !missing,
                        missing ? "This computer has no KVM." : "This computer has KVM.");
    check_set_cure(
        row, "Turn on virtualisation in the firmware settings and load the kernel's KVM module.",
        "sudo modprobe -a kvm_intel kvm_amd");
    row = check_add_row(report, "kvm-denied", !denied && !missing,
                        denied    ? "You may not use /dev/kvm."
                        : missing ? "Whether you may use /dev/kvm is not known: it is not there."
                                  : "You may use /dev/kvm.");
    snprintf(command, sizeof(command), "sudo adduser %s kvm", user ? user->pw_name : "$USER");
    check_set_cure(row, "Join the group “kvm”, then log in again.", denied ? command : "");
    return fd;
}

/* The payload runs in the jail that every machine has, so it tells of both. */
static void
check_probe(struct report *report, int kvm_fd)
{
    struct failure failure = {0};
    const bool works = kvm_fd >= 0 && probe_run(kvm_fd, &failure) == 0;
    const bool no_sandbox = strcmp(failure.id, "no-namespaces") == 0;
    struct row *row;

    if (works || no_sandbox) {
        row = check_add_row(report, "kvm-broken", works,
                            works ? "KVM works." : "KVM could not be tried outside a sandbox.");
    } else {
        row = check_add_row(report, "kvm-broken", false,
                            failure.sentence[0]
                                ? failure.sentence
                                : "Whether KVM works is not known: it cannot be opened.");
    }
    check_set_cure(
        row,
        no_sandbox || kvm_fd < 0
            ? "See the row above that names the reason."
            : "KVM inside another virtual machine often cannot run a stock kernel; use another "
              "computer, or the test machine of docs/testing.md.",
        "");
}

/* True when it works. */
static bool
check_sandbox(struct report *report)
{
    struct failure failure = {0};
    const uint32_t action = SECCOMP_RET_KILL_PROCESS;
    const bool seccomp = syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
    const bool namespaces = probe_sandbox(&failure) == 0;
    const bool landlock =
        syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) > 0;
    struct row *row;

    row = check_add_row(report, "no-namespaces", namespaces && seccomp,
                        namespaces && seccomp ? "The sandbox works."
                        : !seccomp            ? "The kernel has no system call filter (seccomp)."
                                              : failure.sentence);
    check_set_cure(row,
                   seccomp
                       ? "Allow user namespaces, or run with --allow-no-namespaces and a weaker "
                         "sandbox."
                       : "Use a kernel with CONFIG_SECCOMP_FILTER.",
                   seccomp ? "sudo sysctl kernel.unprivileged_userns_clone=1 "
                             "user.max_user_namespaces=10000"
                           : "");
    row = check_add_row(report, "landlock", landlock,
                        landlock ? "Files are fenced off a second time (Landlock)."
                                 : "The kernel has no Landlock: files are fenced off only once.");
    row->warns = true;
    check_set_cure(row, "Use a kernel with Landlock switched on (lsm=landlock,…).", "");
    return namespaces && seccomp;
}

static void
check_room(struct report *report)
{
    const uint64_t wanted = 4 * GIB;
    const char *home = getenv("HOME");
    struct statvfs room = {0};
    char sentence[TEXT_SIZE];
    struct row *row;

    if (!home || statvfs(home, &room) < 0) {
        return;
    }
    const uint64_t available = (uint64_t)room.f_bavail * room.f_frsize;
    snprintf(sentence, sizeof(sentence), "There is room for disks: %.1f GiB in “%s”.",
             (double)available / (double)GIB, home);
    row = check_add_row(report, "no-space", available >= wanted, sentence);
    row->warns = true;
    if (!row->ok) {
        snprintf(row->sentence, sizeof(row->sentence),
                 "There is little room for disks: %.1f GiB in “%s”.",
                 (double)available / (double)GIB, home);
    }
    check_set_cure(row, "Make room, or choose another folder for disks.", "");
}

/* Each process gets a limit of its own, which cannot be above what this login may have. Nothing of ours locks
 * memory, so that its limit does not matter. */
static void
check_descriptors(struct report *report)
{
    const uint64_t least = MAX_OF(process_machine.nofile, process_display.nofile);
    const uint64_t wanted = MAX_OF(process_gpu_venus.nofile, process_wayland_guard.nofile);
    struct rlimit limit = {0};
    char sentence[TEXT_SIZE];
    struct row *row;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) {
        return;
    }
    if (limit.rlim_max >= wanted) {
        snprintf(sentence, sizeof(sentence), "A process may have enough files open (%" PRIu64 ").",
                 wanted);
    } else if (limit.rlim_max >= least) {
        snprintf(sentence, sizeof(sentence),
                 "A process may have %" PRIu64 " files open; machines with graphics need %" PRIu64
                 ".",
                 (uint64_t)limit.rlim_max, wanted);
    } else {
        snprintf(sentence, sizeof(sentence),
                 "A process may have only %" PRIu64 " files open; machines need %" PRIu64 ".",
                 (uint64_t)limit.rlim_max, wanted);
    }
    row = check_add_row(report, "limits", limit.rlim_max >= wanted, sentence);
    row->warns = limit.rlim_max >= least;
    check_set_cure(row, "Raise the limit of open files for your login, then log in again.",
                   "echo '* hard nofile 524288' | sudo tee /etc/security/limits.d/vitrine.conf");
}

static const struct row *
first_obstacle(const struct report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        if (!report->row[i].ok && !report->row[i].warns) {
            return &report->row[i];
        }
    }
    return NULL;
}

static void
print_member(const char *name, const char *text)
{
    cleanup_free char *quoted = json_text(text);

    printf(", \"%s\": %s", name, quoted);
}

static void
print_json(const struct report *report, const char *sentence)
{
    printf("{\"ok\": %s", first_obstacle(report) ? "false" : "true");
    print_member("sentence", sentence);
    printf(", \"checks\": [");
    for (size_t i = 0; i < report->count; i++) {
        const struct row *row = &report->row[i];

        printf("%s\n  {\"ok\": %s", i ? "," : "", row->ok ? "true" : "false");
        print_member("id", row->id);
        print_member("severity", row->warns ? "warning" : "error");
        print_member("sentence", row->sentence);
        print_member("cure", row->cure);
        print_member("command", row->command);
        printf("}");
    }
    printf("\n]}\n");
}

static void
print_text(const struct report *report, const char *sentence)
{
    printf("%s\n\n", sentence);
    for (size_t i = 0; i < report->count; i++) {
        const struct row *row = &report->row[i];

        printf("%-8s%s\n", row->ok ? "ok" : row->warns ? "warning" : "NO", row->sentence);
        if (row->cure[0]) {
            printf("%-8s%s\n", "", row->cure);
        }
        if (row->command[0]) {
            printf("%-8s    %s\n", "", row->command);
        }
    }
}

int
check_command(int argc, char **argv)
{
    const bool json = argc == 1 && strcmp(argv[0], "--json") == 0;
    cleanup_free struct report *report = xalloc(sizeof(*report));
    const struct row *obstacle;
    char sentence[2 * TEXT_SIZE + 64];

    if (argc > 0 && !json) {
        fprintf(stderr, "vmm: “%s” is not known here; write vmm check [--json].\n", argv[0]);
        return EXIT_STATUS_USAGE;
    }
    cleanup_fd int kvm_fd = check_kvm_access(report);
    const bool sandbox = check_sandbox(report);
    check_probe(report, kvm_fd);
    check_descriptors(report);
    check_room(report);
    check_graphics(report, sandbox);
    obstacle = first_obstacle(report);
    snprintf(
        sentence, sizeof(sentence), "%s%s%s%s",
        obstacle ? "This computer cannot run machines yet: " : "This computer can run machines.",
        obstacle ? obstacle->sentence : "", obstacle ? " " : "", obstacle ? obstacle->cure : "");
    if (json) {
        print_json(report, sentence);
    } else {
        print_text(report, sentence);
    }
    return obstacle ? EXIT_STATUS_FAILED : EXIT_STATUS_OFF;
}
