/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How fast the main loop answers while something keeps it busy. */

#include <glib.h>
#include <time.h>

G_BEGIN_DECLS

typedef struct {
    clockid_t clock;
    gint64 last; /* us */
    GArray *gaps;
    guint timer;
} Answers;

/* `clock`: CLOCK_MONOTONIC, or the thread's own time, in which other programs do not count. */
void answers_start(Answers *self, clockid_t clock);
/* Ends; the test fails unless it took 100 ms in 95 of 100 cases and 1 s at worst. */
void answers_judge(Answers *self, const char *what);

G_END_DECLS
