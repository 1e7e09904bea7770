/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The folder of one running machine, $XDG_RUNTIME_DIR/vitrine/NAME: control (socket), lock, pid,
 * log, processes. The lock is held by flock(2) for as long as the machine runs; a folder whose lock
 * is free is stale.
 */

#include "vmm/supervisor/failure.h"

struct runtime_dir {
    char *name;
    char *path;
    char *socket_path; /* of -s, or NULL: "control" in the folder */
    int fd;            /* the folder */
    int lock_fd;
    int listen_fd; /* the control socket, listening */
};

/*
 * Make and lock the folder for machine `name` (NULL: "vm-PID"), remove what stale ones left, bind the
 * control socket at `socket` (NULL: in the folder; a folder: a name in it) and write the pid file.
 * 0, or -1 with *failure set and nothing left behind.
 */
int runtime_dir_create(const char *name, const char *socket, struct runtime_dir *ret_dir,
                       struct failure *failure);

/* (Over)write a small text file in the folder. Best effort. */
void runtime_dir_write(const struct runtime_dir *dir, const char *file, const char *text);

/* Remove the folder and the socket and release everything. Fine for a zeroed structure with fds -1. */
void runtime_dir_remove(struct runtime_dir *dir);
