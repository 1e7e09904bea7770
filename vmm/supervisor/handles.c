/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/supervisor/handles.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "fd:"

static int
find(const struct message_fds *handles, const char *path)
{
    const char *digits = path + strlen(PREFIX);
    unsigned long index;
    char *end;

    if (strncmp(path, PREFIX, strlen(PREFIX)) != 0 || *digits < '0' || *digits > '9') {
        return -1;
    }
    index = strtoul(digits, &end, 10);
    return *end == '\0' && index < handles->count ? handles->fd[index] : -1;
}

static bool
is_open_for(int has, int wanted)
{
    if (has & O_PATH) {
        return false;
    }
    has &= O_ACCMODE;
    return has == O_RDWR || has == wanted;
}

int
handle_open(const struct message_fds *handles, const char *path, int flags)
{
    const int fd = find(handles, path);
    int copy;

    if (fd < 0) {
        return -EINVAL;
    }
    if (!is_open_for(fcntl(fd, F_GETFL), flags)) {
        return -EACCES;
    }
    copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    return copy < 0 ? -errno : copy;
}
