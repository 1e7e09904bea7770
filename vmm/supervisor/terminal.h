/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Our standard input and output while a guest's serial port uses them. */

#include <stdbool.h>
#include <termios.h>

struct terminal {
    bool raw;
    struct termios before;
    int flags[2]; /* file status flags of descriptors 0 and 1; -1: closed */
};

/* Remember how they are; with `raw` let a terminal pass every key on to the guest. */
void terminal_begin(struct terminal *terminal, bool raw);
/* Put everything back. */
void terminal_end(struct terminal *terminal);
