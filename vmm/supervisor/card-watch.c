/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/supervisor/card-watch.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "vmm/base/fd.h"
#include "vmm/protocol/start.h"
#include "vmm/supervisor/events.h"
#include "vmm/supervisor/processes.h"
#include "vmm/supervisor/spawn.h"
#include "vmm/supervisor/vm.h"

/* Stopped, as by a debugger or a shell: it cannot answer, and somebody knows why. */
static bool
is_held(pid_t pid)
{
    char line[256];
    bool held = false;

    snprintf(line, sizeof(line), "/proc/%d/status", (int)pid);
    FILE *file = fopen(line, "re");
    while (file && fgets(line, sizeof(line), file)) {
        char state;

        if (sscanf(line, "State: %c", &state) == 1) {
            held = held || state == 'T' || state == 't';
        } else if (strncmp(line, "TracerPid:", strlen("TracerPid:")) == 0) {
            held = held || strtoul(line + strlen("TracerPid:"), NULL, 10) != 0;
        }
    }
    if (file) {
        (void)fclose(file);
    }
    return held;
}

static void
set_timer(struct card_watch *watch, uint64_t ms)
{
    watch->due_ms = events_now_ms() + ms;
    loop_timer_set(watch->timer, ms, 0);
}

static void
on_alarm(void *data, uint32_t events)
{
    struct vm *vm = data;
    struct card_watch *watch = &vm->card_watch;
    uint64_t count;

    (void)events;
    if (read(watch->alarm_fd, &count, sizeof(count)) != sizeof(count) ||
        watch->state != CARD_WATCH_QUIET) {
        return;
    }
    loop_modify(watch->alarm, 0);
    /* Where there is no room for the question, nobody has read the ones before. */
    (void)child_send(watch->card, START_PING);
    watch->state = CARD_WATCH_ASKED;
    set_timer(watch, watch->limit_ms);
}

static bool
may_be_slow(const struct vm *vm)
{
    const bool runs = vm->state == VM_RUNNING || vm->state == VM_SHUTTING_DOWN;

    return !runs || events_now_ms() - vm->card_watch.due_ms > CARD_WATCH_LATE_MS ||
           is_held(vm->card_watch.card->pid);
}

static void
end_card(struct vm *vm)
{
    struct card_watch *watch = &vm->card_watch;

    watch->hung = true;
    watch->state = CARD_WATCH_ENDED;
    pidfd_send_signal(watch->card->pidfd, SIGKILL, NULL, 0);
    set_timer(watch, watch->limit_ms);
}

static void
on_timer(void *data, uint32_t events)
{
    struct vm *vm = data;
    struct card_watch *watch = &vm->card_watch;

    (void)events;
    if (watch->state == CARD_WATCH_RESTS) {
        watch->state = CARD_WATCH_QUIET;
        loop_modify(watch->alarm, EPOLLIN);
    } else if (watch->state == CARD_WATCH_ASKED && may_be_slow(vm)) {
        set_timer(watch, watch->limit_ms);
    } else if (watch->state == CARD_WATCH_ASKED) {
        end_card(vm);
    } else if (watch->state == CARD_WATCH_ENDED) {
        log_file_print(vm->log, LOG_LEVEL_ERROR,
                       "The %s does not even end: this computer's kernel holds it, mostly in a "
                       "driver; its log may say why.",
                       watch->card->row->label);
    }
}

int
card_watch_create(struct vm *vm)
{
    vm->card_watch.alarm_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    return vm->card_watch.alarm_fd < 0 ? -errno : 0;
}

void
card_watch_destroy(struct vm *vm)
{
    loop_remove(vm->card_watch.alarm);
    loop_remove(vm->card_watch.timer);
    fd_closep(&vm->card_watch.alarm_fd);
}

void
card_watch_begin(struct child *card)
{
    struct vm *vm = card->vm;
    struct card_watch *watch = &vm->card_watch;
    const uint32_t level = vm->graphics.level;
    const bool soft =
        level == GPU_LEVEL_SOFT || (level == GPU_LEVEL_VENUS && vm->graphics.render_fd < 0);

    if (watch->alarm_fd <= 0 || vm->config->gpu.hang_limit == 0) {
        return;
    }
    watch->card = card;
    watch->limit_ms = vm->config->gpu.hang_limit * 1000 * (soft ? CARD_WATCH_SOFT : 1);
    watch->alarm =
        watch->alarm ? watch->alarm : loop_add(vm->loop, watch->alarm_fd, EPOLLIN, on_alarm, vm);
    watch->timer = watch->timer ? watch->timer : loop_add_timer(vm->loop, on_timer, vm);
    if (!watch->alarm || !watch->timer) {
        log_file_print(vm->log, LOG_LEVEL_WARNING, "The %s is not watched (%s).", card->row->label,
                       strerror(errno));
        return;
    }
    watch->state = CARD_WATCH_QUIET;
    loop_modify(watch->alarm, EPOLLIN);
}

bool
card_watch_answered(struct vm *vm)
{
    struct card_watch *watch = &vm->card_watch;

    if (watch->state != CARD_WATCH_ASKED) {
        return watch->state == CARD_WATCH_ENDED; /* too late */
    }
    watch->state = CARD_WATCH_RESTS;
    set_timer(watch, CARD_WATCH_REST_MS);
    return true;
}

void
card_watch_end(struct vm *vm, struct failure *how)
{
    struct card_watch *watch = &vm->card_watch;
    const struct itimerspec never = {0};

    if (watch->state == CARD_WATCH_OFF) {
        return;
    }
    if (watch->hung) {
        failure_set(how, EXIT_STATUS_FAILED, "part-died",
                    "The %s did not answer for %u seconds and was ended; start again.",
                    watch->card->row->label, (unsigned int)(watch->limit_ms / 1000));
        snprintf(how->part, sizeof(how->part), "%s", watch->card->name);
    }
    watch->state = CARD_WATCH_OFF;
    loop_modify(watch->alarm, 0);
    loop_timer_set(watch->timer, 0, 0);
    timerfd_settime(watch->alarm_fd, 0, &never, NULL);
}
