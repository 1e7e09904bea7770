/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/supervisor/unix-socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "vmm/base/fd.h"

/* A socket, not bound, and the address for `path`; or -errno. */
static int
make_socket(const char *path, struct sockaddr_un *ret_address)
{
    const size_t length = strlen(path);

    *ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (length >= sizeof(ret_address->sun_path)) {
        return -ENAMETOOLONG;
    }
    memcpy(ret_address->sun_path, path, length + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return fd < 0 ? -errno : fd;
}

int
unix_socket_listen(const char *path, int backlog)
{
    struct sockaddr_un address;
    cleanup_fd int fd = make_socket(path, &address);

    if (fd < 0) {
        return fd;
    }
    mode_t mask = umask(0177);
    int r = bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
    umask(mask);
    if (r == 0 && listen(fd, backlog) < 0) {
        r = -errno;
    }
    return r < 0 ? r : take_fd(&fd);
}

int
unix_socket_connect(const char *path)
{
    struct sockaddr_un address;
    cleanup_fd int fd = make_socket(path, &address);

    if (fd < 0) {
        return fd;
    }
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
        return -errno;
    }
    return take_fd(&fd);
}
