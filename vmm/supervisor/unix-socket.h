/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Stream sockets with a path: close-on-exec, non-blocking. Both give a descriptor or -errno. */

/* Only this user can connect. What is at `path` is left there: -EADDRINUSE. */
int unix_socket_listen(const char *path, int backlog);

/* Never waits: -EAGAIN when others wait already. */
int unix_socket_connect(const char *path);
