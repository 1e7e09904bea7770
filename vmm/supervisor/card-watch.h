/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Whether the graphics card still answers. Nobody looks at it from time to time: the card sets an alarm (a timerfd
 * that the supervisor made) when somebody asks it for something, unless it did so lately, and CARD_ALARM_MS later
 * the supervisor asks it once. What does not answer within the limit of `--gpu hang-limit` is ended, and is then a
 * card that crashed (revive.h). A card that is stopped or debugged is waited for, and so is one of a paused machine;
 * time in which the host slept, or the supervisor itself did not run, does not count.
 */

#include <stdbool.h>
#include <stdint.h>

#include "vmm/supervisor/failure.h"

struct child;
struct loop_source;
struct vm;

enum {
    CARD_WATCH_LATE_MS = 1000, /* so late the supervisor did not run */
    CARD_WATCH_REST_MS =
        1000,            /* after an answer, so that a card that wants to be asked costs little */
    CARD_WATCH_SOFT = 4, /* times the limit where the processor draws */
};

enum card_watch_state {
    CARD_WATCH_OFF = 0,
    CARD_WATCH_QUIET, /* its alarm is waited for */
    CARD_WATCH_ASKED,
    CARD_WATCH_RESTS,
    CARD_WATCH_ENDED, /* told to end, and still there */
};

struct card_watch {
    int alarm_fd; /* 0 or -1: there is none, and nothing is watched */
    struct loop_source *alarm;
    struct loop_source *timer;
    struct child *card;
    enum card_watch_state state;
    uint64_t limit_ms;
    uint64_t due_ms; /* of the timer */
    bool hung;       /* its end was our doing */
};

/* Make the alarm. 0 or -errno. */
int card_watch_create(struct vm *vm);
void card_watch_destroy(struct vm *vm);
/* The card said START_READY. */
void card_watch_begin(struct child *card);
/* It answered. False when it was not asked. */
bool card_watch_answered(struct vm *vm);
/* It has ended: when that was our doing, *how says so. */
void card_watch_end(struct vm *vm, struct failure *how);
