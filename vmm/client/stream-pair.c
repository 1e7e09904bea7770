/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <gio/gio.h>
#include <gio/gunixfdlist.h>
#include <glib-unix.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmm/client/private.h"

int
vm_stream_pair(GUnixFDList *fds, GError **error)
{
    int pair[2];
    gint index;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
        g_set_error(error, G_IO_ERROR, g_io_error_from_errno(errno), "socketpair: %s",
                    g_strerror(errno));
        return -1;
    }
    index = g_unix_fd_list_append(fds, pair[1], error);
    close(pair[1]);
    if (index < 0 || !g_unix_set_fd_nonblocking(pair[0], TRUE, error)) {
        close(pair[0]);
        return -1;
    }
    return pair[0];
}
