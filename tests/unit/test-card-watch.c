/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* When the supervisor takes the graphics card for hung: a process of ours stands for it, and answers or does not. */

#include <signal.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/tap.h"
#include "vmm/base/fd.h"
#include "vmm/base/memory.h"
#include "vmm/base/message.h"
#include "vmm/supervisor/events.h"
#include "vmm/supervisor/processes.h"
#include "vmm/supervisor/vm.h"

enum {
    LIMIT_MS = 100,
};

struct rig {
    struct vm *vm;
    struct machine_config config;
    struct child *card;
    int peer; /* the card's end of its control socket */
};

static void
rig_open(struct rig *rig, uint64_t hang_limit)
{
    int pair[2];

    memset(rig, 0, sizeof(*rig));
    rig->config.gpu.hang_limit = hang_limit;
    rig->vm = xalloc(sizeof(*rig->vm));
    rig->vm->config = &rig->config;
    rig->vm->state = VM_RUNNING;
    rig->vm->loop = loop_create();
    rig->vm->log = log_file_open(NULL, LOG_LEVEL_ERROR);
    rig->vm->graphics.render_fd = -1;
    rig->card = &rig->vm->child[0];
    if (fd_socket_pair(SOCK_SEQPACKET, pair) < 0 || fd_set_nonblocking(pair[1]) < 0 ||
        !rig->vm->loop || card_watch_create(rig->vm) < 0) {
        abort();
    }
    *rig->card = (struct child){
        .vm = rig->vm, .row = &process_gpu, .name = "gpu", .control_fd = pair[0], .log_fd = -1};
    rig->peer = pair[1];
    rig->card->pid = fork();
    if (rig->card->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) {
            pause();
        }
    }
    rig->card->pidfd = pidfd_open(rig->card->pid, 0);
    card_watch_begin(rig->card);
    rig->vm->card_watch.limit_ms = LIMIT_MS;
}

static void
rig_close(struct rig *rig)
{
    kill(rig->card->pid, SIGKILL);
    waitpid(rig->card->pid, NULL, 0);
    card_watch_destroy(rig->vm);
    loop_destroy(rig->vm->loop);
    log_file_close(rig->vm->log);
    close(rig->card->pidfd);
    close(rig->card->control_fd);
    close(rig->peer);
    free(rig->vm);
}

static void
run(struct rig *rig, uint64_t ms)
{
    const uint64_t end = events_now_ms() + ms;

    while (events_now_ms() < end) {
        loop_iterate(rig->vm->loop, 5);
    }
}

/* As the card does when somebody wants something. */
static void
set_alarm(struct rig *rig)
{
    const struct itimerspec soon = {.it_value = {.tv_nsec = 1000000}};

    timerfd_settime(rig->vm->card_watch.alarm_fd, 0, &soon, NULL);
}

static bool
was_asked(struct rig *rig)
{
    struct start_header ping;

    return message_receive(rig->peer, &ping, sizeof(ping), NULL) == sizeof(ping) &&
           ping.type == START_PING;
}

/* It is alive, or a signal's number. */
static int
how_it_ended(struct rig *rig, int wait_ms)
{
    siginfo_t info = {0};

    for (int i = 0; i <= wait_ms && info.si_pid == 0; i++) {
        waitid(P_PID, (id_t)rig->card->pid, &info, WEXITED | WNOHANG | WNOWAIT);
        usleep(1000);
    }
    return info.si_status;
}

TAP_TEST(one_that_answers)
{
    struct rig rig;

    rig_open(&rig, 30);
    run(&rig, 20);
    check(!was_asked(&rig)); /* nobody wanted anything */
    check(!card_watch_answered(rig.vm));
    set_alarm(&rig);
    run(&rig, 20);
    check(was_asked(&rig));
    check(card_watch_answered(rig.vm));
    check(!card_watch_answered(rig.vm)); /* once */
    set_alarm(&rig);
    run(&rig, (uint64_t)LIMIT_MS * 3);
    check(!was_asked(&rig)); /* it was, lately */
    check_int(how_it_ended(&rig, 0), 0);
    rig.vm->card_watch.limit_ms = 30000;
    run(&rig, CARD_WATCH_REST_MS);
    check(was_asked(&rig));
    check_int(how_it_ended(&rig, 0), 0);
    rig_close(&rig);
}

TAP_TEST(one_that_does_not)
{
    struct rig rig;
    struct failure how = {0};

    rig_open(&rig, 30);
    set_alarm(&rig);
    run(&rig, LIMIT_MS / 2);
    check(was_asked(&rig));
    check_int(how_it_ended(&rig, 0), 0);
    run(&rig, LIMIT_MS);
    check_int(how_it_ended(&rig, 1000), SIGKILL);
    rig.vm->card_watch.limit_ms = 30000;
    check(card_watch_answered(rig.vm)); /* too late, and no nonsense */
    card_watch_end(rig.vm, &how);
    check_str(how.sentence,
              "The graphics card did not answer for 30 seconds and was ended; start again.");
    check(rig.vm->card_watch.hung);
    rig_close(&rig);
}

TAP_TEST(one_that_is_stopped_is_waited_for)
{
    struct rig rig;

    rig_open(&rig, 30);
    kill(rig.card->pid, SIGSTOP);
    set_alarm(&rig);
    run(&rig, (uint64_t)LIMIT_MS * 4);
    check_int(how_it_ended(&rig, 0), 0);
    kill(rig.card->pid, SIGCONT);
    run(&rig, (uint64_t)LIMIT_MS * 2);
    check_int(how_it_ended(&rig, 1000), SIGKILL);
    rig_close(&rig);
}

TAP_TEST(one_that_is_debugged_is_waited_for)
{
    struct rig rig;

    rig_open(&rig, 30);
    check(ptrace(PTRACE_SEIZE, rig.card->pid, NULL, NULL) == 0); /* and runs */
    set_alarm(&rig);
    run(&rig, (uint64_t)LIMIT_MS * 4);
    check_int(how_it_ended(&rig, 0), 0);
    kill(rig.card->pid, SIGKILL);
    rig_close(&rig);
}

TAP_TEST(time_that_does_not_count)
{
    struct rig rig;

    rig_open(&rig, 30);
    rig.vm->state = VM_PAUSED;
    set_alarm(&rig);
    run(&rig, (uint64_t)LIMIT_MS * 4);
    check_int(how_it_ended(&rig, 0), 0);
    rig.vm->state = VM_RUNNING;
    rig.vm->card_watch.due_ms -= 2 * (uint64_t)CARD_WATCH_LATE_MS; /* as if we had stood still */
    while (rig.vm->card_watch.due_ms < events_now_ms() &&
           rig.vm->card_watch.state == CARD_WATCH_ASKED) {
        run(&rig, 1);
    }
    check_int(rig.vm->card_watch.state, CARD_WATCH_ASKED); /* it counts anew */
    run(&rig, (uint64_t)LIMIT_MS * 2);
    check_int(how_it_ended(&rig, 1000), SIGKILL);
    rig_close(&rig);
}

TAP_TEST(no_limit)
{
    struct rig rig;

    rig_open(&rig, 0);
    set_alarm(&rig);
    run(&rig, (uint64_t)LIMIT_MS * 2);
    check(!was_asked(&rig));
    check_int(how_it_ended(&rig, 0), 0);
    rig_close(&rig);
}

TAP_MAIN(TAP_CASE(one_that_answers), TAP_CASE(one_that_does_not),
         TAP_CASE(one_that_is_stopped_is_waited_for), TAP_CASE(one_that_is_debugged_is_waited_for),
         TAP_CASE(time_that_does_not_count), TAP_CASE(no_limit))
