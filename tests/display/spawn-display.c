/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * usage: spawn-display EXECUTABLE N     runs it in the whole jail, as the supervisor does, with our
 * descriptors 0 ... N-1. Exits with its status, 128 when it was killed, 77 when there are no namespaces
 * here. A program of its own, because the tests have threads by then and jail_spawn() wants none.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/jail/spawn.h"

enum {
    STATUS_NO_NAMESPACES = 77,
    STATUS_KILLED = 128,
    NOFILE = 1024,
};

int
main(int argc, char **argv)
{
    int fds[JAIL_FDS_MAX];
    const char *const words[] = {argc > 1 ? argv[1] : "", NULL};
    struct jail_spawn spawn = {
        .executable = words[0], .argv = words, .fds = fds, .nofile = NOFILE, .threads = true};
    struct jail_child child;
    const char *what = "";
    int status = 0;
    int r;

    if (argc != 3) {
        return EXIT_FAILURE;
    }
    spawn.n_fds = MIN_OF(strtoul(argv[2], NULL, 10), ARRAY_SIZE(fds));
    for (size_t i = 0; i < spawn.n_fds; i++) {
        fds[i] = (int)i;
    }
    r = jail_spawn(&spawn, &child, &what);
    if (r < 0) {
        fprintf(stderr, "# spawn-display: %s: %s\n", what, strerror(-r));
        return strcmp(what, JAIL_STEP_NAMESPACES) == 0 ? STATUS_NO_NAMESPACES : EXIT_FAILURE;
    }
    for (size_t i = STDERR_FILENO + 1; i < spawn.n_fds; i++) {
        close((int)i); /* ends of the child's that must close with it */
    }
    if (waitpid(child.pid, &status, 0) != child.pid) {
        return EXIT_FAILURE;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : STATUS_KILLED;
}
