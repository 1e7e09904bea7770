/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/supervisor/journal.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "vmm/base/cleanup.h"
#include "vmm/base/fd.h"
#include "vmm/base/memory.h"

static bool
stderr_is_the_journals(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device = 0;
    unsigned long long inode = 0;
    char *end = NULL;
    struct stat st;

    if (!stream || fstat(STDERR_FILENO, &st) < 0) {
        return false;
    }
    device = strtoull(stream, &end, 10);
    if (*end != ':') {
        return false;
    }
    inode = strtoull(end + 1, &end, 10);
    return *end == '\0' && st.st_dev == device && st.st_ino == inode;
}

int
journal_open(void)
{
    const struct sockaddr_un address = {
        .sun_family = AF_UNIX,
        .sun_path = "/run/systemd/journal/socket",
    };
    cleanup_fd int fd = -1;

    if (!stderr_is_the_journals()) {
        return -1;
    }
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
        return -1;
    }
    return take_fd(&fd);
}

int
journal_send(int fd, const char *machine, const char *part, enum log_level level, const char *text)
{
    cleanup_free char *entry = xasprintf(
        "MESSAGE=%s\nPRIORITY=%d\nSYSLOG_IDENTIFIER=vmm\nVITRINE_PART=%s\n%s%s%s", text, (int)level,
        part, machine ? "VITRINE_MACHINE=" : "", machine ? machine : "", machine ? "\n" : "");

    return send(fd, entry, strlen(entry), MSG_NOSIGNAL) < 0 ? -errno : 0;
}
