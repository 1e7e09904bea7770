/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/supervisor/gdb-socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "vmm/base/fd.h"
#include "vmm/base/memory.h"
#include "vmm/supervisor/unix-socket.h"

#define UNIX "unix:"

enum {
    BACKLOG = 16
};

const char *
gdb_socket_path(const char *address)
{
    return strncmp(address, UNIX, strlen(UNIX)) == 0 ? address + strlen(UNIX) : NULL;
}

static int
listen_port(const char *port)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    const int on = 1;
    cleanup_fd int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 || /* clients inherit it */
        bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(fd, BACKLOG) < 0) {
        return -errno;
    }
    return take_fd(&fd);
}

/* A socket that nobody listens at any more is in nobody's way. */
static int
listen_path(const char *path)
{
    cleanup_fd int other = unix_socket_connect(path);
    struct stat st;

    if (other == -ECONNREFUSED && lstat(path, &st) == 0 && S_ISSOCK(st.st_mode)) {
        unlink(path);
    }
    return unix_socket_listen(path, BACKLOG);
}

int
gdb_socket_open(const char *address, struct gdb_socket *ret_socket, struct failure *failure)
{
    const char *path = gdb_socket_path(address);
    int fd = path ? listen_path(path) : listen_port(address);

    if (fd < 0) {
        return failure_set(
            failure, EXIT_STATUS_USAGE, fd == -EADDRINUSE ? "file-busy" : "bad-config",
            "--gdb: nobody can listen at “%s” (%s); choose another place.", address, strerror(-fd));
    }
    *ret_socket = (struct gdb_socket){.listen_fd = fd, .path = path ? xstrdup(path) : NULL};
    return 0;
}

void
gdb_socket_close(struct gdb_socket *socket)
{
    fd_closep(&socket->listen_fd);
    if (socket->path) {
        unlink(socket->path);
        free(socket->path);
        socket->path = NULL;
    }
}
