/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Our standard input and output while a guest's serial port uses them. */

#include <stdbool.h>
#include <termios.h>

struct terminal {
    bool changed[2]; /* descriptors 0 and 1 */
    struct termios before[2];
    int flags[2]; /* file status flags; -1: closed */
};

/*
 * Remember how they are. With `input` a terminal passes every key on to the guest; with `input` or
 * `output` it shows what the guest writes as it is, so that our own lines must end with "\r\n"
 * (log_file_write() sees to that).
 */
void terminal_begin(struct terminal *terminal, bool input, bool output);
/* Put everything back. */
void terminal_end(struct terminal *terminal);
