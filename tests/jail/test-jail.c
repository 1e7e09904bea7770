/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The second half of the sandbox test: for every process's policy, the real stage one and stage two
 * around tests/jail/probe. Each attempt must end in SIGSYS or in a refusal; "none" must live.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/jail/policies.h"
#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/message.h"
#include "vmm/jail/spawn.h"
#include "vmm/protocol/start.h"

struct outcome {
    int wait_status;
    bool ready;
    char answer[64];
    char failure[START_SENTENCE_SIZE];
};

static void
read_answers(int control, struct outcome *outcome)
{
    union {
        struct start_header header;
        struct start_failed failed;
        char text[sizeof(struct start_failed)];
    } message;

    for (;;) {
        ssize_t n = message_receive(control, &message, sizeof(message), NULL);
        if (n <= 0) {
            return;
        }
        if (!outcome->ready && message.header.type == START_READY) {
            outcome->ready = true;
        } else if (!outcome->ready) {
            snprintf(outcome->failure, sizeof(outcome->failure), "%.500s", message.failed.sentence);
        } else {
            snprintf(outcome->answer, sizeof(outcome->answer), "%.60s", message.text);
        }
    }
}

static int
run_probe(const char *probe, const struct jail_policy *policy, const char *attempt,
          struct outcome *outcome)
{
    const char *argv[] = {"probe", policy->name, attempt, NULL};
    struct start_setup setup = {
        .header = {.type = START_SETUP, .size = sizeof(setup)},
        .log_level = LOG_LEVEL_INFO,
        .name = "probe",
    };
    struct jail_child child;
    const char *what = "";
    int pair[2];
    cleanup_fd int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    *outcome = (struct outcome){0};
    if (null < 0 || fd_socket_pair(SOCK_SEQPACKET, pair) < 0) {
        return -errno;
    }
    const int fds[] = {null, null, STDERR_FILENO, pair[1]};
    struct jail_spawn spawn = {
        .executable = probe,
        .argv = argv,
        .fds = fds,
        .n_fds = ARRAY_SIZE(fds),
        .nofile = 32,
        .threads = policy->threads,
    };
    int r = jail_spawn(&spawn, &child, &what);
    close(pair[1]);
    if (r < 0) {
        printf("# could not %s: %s\n", what, strerror(-r));
        close(pair[0]);
        return r;
    }
    message_send(pair[0], &setup, sizeof(setup), NULL, 0);
    read_answers(pair[0], outcome);
    waitpid(child.pid, &outcome->wait_status, __WALL);
    close(child.pidfd);
    close(pair[0]);
    return 0;
}

static bool
refused(const struct outcome *outcome)
{
    if (!outcome->ready) {
        return false;
    }
    if (WIFSIGNALED(outcome->wait_status)) {
        return WTERMSIG(outcome->wait_status) == SIGSYS;
    }
    return strncmp(outcome->answer, "refused", 7) == 0;
}

static void
report(unsigned int *number, unsigned int *failed, bool ok, const char *name)
{
    printf("%sok %u - %s\n", ok ? "" : "not ", ++*number, name);
    fflush(stdout);
    *failed += !ok;
}

/* gpu's software renderer may need executable memory; nobody else does. */
static void
test_policy(const char *probe, const struct jail_policy *policy, unsigned int *number,
            unsigned int *failed)
{
    static const char *const attempts[] = {
        "open",           "open-executable",
        "connect",        "connect-given",
        "fork",           "clone3",
        "exec",           "ptrace",
        "kill",           "io_uring",
        "mount",          "user-namespace",
        "process-memory", "executable-memory",
    };
    struct outcome outcome;
    char name[128];

    int r = run_probe(probe, policy, "none", &outcome);
    if (outcome.failure[0]) {
        printf("# %s\n", outcome.failure);
    }
    snprintf(name, sizeof(name), "%s: the jail can be entered", policy->name);
    report(number, failed,
           r == 0 && outcome.ready && outcome.wait_status == 0 &&
               strcmp(outcome.answer, "none") == 0,
           name);
    for (size_t i = 0; i < ARRAY_SIZE(attempts); i++) {
        r = run_probe(probe, policy, attempts[i], &outcome);
        const bool allowed = policy->makes_code && strcmp(attempts[i], "executable-memory") == 0;
        bool ok = r == 0 && (allowed ? strcmp(outcome.answer, "done") == 0 : refused(&outcome));
        if (!ok) {
            printf("# wait status 0x%x, answer \"%s\"\n", (unsigned int)outcome.wait_status,
                   outcome.answer);
        }
        snprintf(name, sizeof(name), "%s: %s is %s", policy->name, attempts[i],
                 allowed ? "allowed, as it says" : "refused");
        report(number, failed, ok, name);
    }
}

int
main(int argc, char **argv)
{
    const struct jail_policy *const *all = policies_all();
    unsigned int number = 0;
    unsigned int failed = 0;

    if (argc < 2) {
        fprintf(stderr, "usage: test-jail PROBE [POLICY...]\n");
        return 2;
    }
    for (size_t i = 0; all[i]; i++) {
        test_policy(argv[1], all[i], &number, &failed);
    }
    printf("1..%u\n", number);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
