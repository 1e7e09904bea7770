/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/supervisor/terminal.h"

#include <fcntl.h>
#include <unistd.h>

void
terminal_begin(struct terminal *terminal, bool raw)
{
    terminal->raw = false;
    for (int fd = 0; fd < 2; fd++) {
        terminal->flags[fd] = fcntl(fd, F_GETFL);
    }
    /* A background job that touched the terminal would be stopped. */
    if (raw && tcgetpgrp(STDIN_FILENO) == getpgrp() &&
        tcgetattr(STDIN_FILENO, &terminal->before) == 0) {
        struct termios now = terminal->before;

        cfmakeraw(&now);
        now.c_oflag |= OPOST; /* our own lines, too, begin at the left */
        terminal->raw = tcsetattr(STDIN_FILENO, TCSADRAIN, &now) == 0;
    }
}

void
terminal_end(struct terminal *terminal)
{
    for (int fd = 0; fd < 2; fd++) {
        if (terminal->flags[fd] >= 0) {
            (void)fcntl(fd, F_SETFL, terminal->flags[fd]);
        }
    }
    if (terminal->raw) {
        tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal->before);
        terminal->raw = false;
    }
}
