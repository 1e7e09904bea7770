/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* --gdb: where a debugger may come in. */

#include "vmm/supervisor/failure.h"

struct gdb_socket {
    int listen_fd; /* non-blocking; -1: none */
    char *path;    /* removed when it is closed, or NULL */
};

/* The path in "unix:PATH"; NULL when the address is a port. */
const char *gdb_socket_path(const char *address);

/*
 * Listen at the checked address: a port of 127.0.0.1, which every user of this computer can reach, or
 * a socket that only this user can. 0, or -1 with *failure set.
 */
int gdb_socket_open(const char *address, struct gdb_socket *ret_socket, struct failure *failure);
void gdb_socket_close(struct gdb_socket *socket);
