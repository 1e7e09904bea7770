/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A machine that seems to run: a process, the files that the manager looks for, a fake display. */

#include "tests/fakes/fake-display.h"

typedef struct {
    FakeDisplay *display; /* may be freed and made again at `control` */
    char *control;
    int lock;
    GPid process;
} PretendedMachine;

/* In XDG_RUNTIME_DIR, under the machine's name. It does not outlive the test. Aborts when it cannot. */
void pretended_machine_start(PretendedMachine *self, const char *name);
void pretended_machine_stop(PretendedMachine *self);
