/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The sockets of an X display, and the lock that says whose they are (as X servers keep them). */

#include <stdbool.h>

enum {
    DISPLAY_SOCKETS = 2,
    DISPLAY_MAX = 999,
};

struct display {
    int number;
    bool locked;
    char lock[32];                /* its path */
    char path[32];                /* of the first socket */
    int sockets[DISPLAY_SOCKETS]; /* listening: a path, and Linux's abstract name */
};

/* Take display `number`, or for -1 the first free one. 0, or -errno and a line in the log. */
int display_take(int number, struct display *display);
void display_release(struct display *display);
