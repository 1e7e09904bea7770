/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/supervisor/terminal.h"

#include <fcntl.h>
#include <unistd.h>

static void
change(struct terminal *terminal, int fd, bool keys)
{
    struct termios now;

    /* A background job that touched the terminal would be stopped. */
    if (tcgetpgrp(fd) != getpgrp() || tcgetattr(fd, &terminal->before[fd]) < 0) {
        return;
    }
    now = terminal->before[fd];
    if (keys) {
        cfmakeraw(&now);
    }
    now.c_oflag &= ~(tcflag_t)OPOST;
    terminal->changed[fd] = tcsetattr(fd, TCSADRAIN, &now) == 0;
}

void
terminal_begin(struct terminal *terminal, bool input, bool output)
{
    for (int fd = 0; fd < 2; fd++) {
        terminal->flags[fd] = fcntl(fd, F_GETFL);
        terminal->changed[fd] = false;
    }
    if (input) {
        change(terminal, STDIN_FILENO, true);
    }
    if (output) {
        change(terminal, STDOUT_FILENO, false);
    }
}

void
terminal_end(struct terminal *terminal)
{
    for (int fd = 1; fd >= 0; fd--) { /* backwards: both may be the same terminal */
        if (terminal->flags[fd] >= 0) {
            (void)fcntl(fd, F_SETFL, terminal->flags[fd]);
        }
        if (terminal->changed[fd]) {
            tcsetattr(fd, TCSADRAIN, &terminal->before[fd]);
            terminal->changed[fd] = false;
        }
    }
}
