/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/guest/x11/display.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"

static const char folder[] = "/tmp/.X11-unix";

enum {
    BACKLOG = 128,
    LOCK_TEXT = 11, /* ten characters of a process id, and a line's end */
};

/* A lock whose process is gone is nobody's. */
static bool
lock_is_stale(const char *path)
{
    char text[LOCK_TEXT + 1] = "";
    cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0 || read(fd, text, LOCK_TEXT) != LOCK_TEXT) {
        return false;
    }
    const long pid = strtol(text, NULL, 10);
    return pid > 0 && pid < INT32_MAX && kill((pid_t)pid, 0) < 0 && errno == ESRCH;
}

static int
lock_take(const char *path)
{
    char text[LOCK_TEXT + 1];
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);

    if (fd < 0 && errno == EEXIST && lock_is_stale(path) && unlink(path) == 0) {
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
    }
    if (fd < 0) {
        return -errno;
    }
    snprintf(text, sizeof(text), "%10d\n", (int)getpid());
    int r = fd_write_full(fd, text, LOCK_TEXT);
    close(fd);
    return r;
}

static int
listen_at(const struct sockaddr_un *address, size_t size)
{
    cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (const struct sockaddr *)address, (socklen_t)size) < 0 ||
        listen(fd, BACKLOG) < 0) {
        return -errno;
    }
    return take_fd(&fd);
}

static int
listen_both(struct display *display)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const size_t length = strlen(display->path);

    if (mkdir(folder, 01777) == 0) {
        (void)chmod(folder, 01777);
    }
    memcpy(address.sun_path + 1, display->path, length);
    display->sockets[1] = listen_at(&address, offsetof(struct sockaddr_un, sun_path) + 1 + length);
    if (display->sockets[1] < 0) {
        return display->sockets[1];
    }
    unlink(display->path);
    memcpy(address.sun_path, display->path, length + 1);
    display->sockets[0] = listen_at(&address, sizeof(address));
    return MIN_OF(display->sockets[0], 0);
}

static int
take_number(int number, struct display *display)
{
    *display = (struct display){.number = number, .sockets = {-1, -1}};
    snprintf(display->lock, sizeof(display->lock), "/tmp/.X%d-lock", number);
    snprintf(display->path, sizeof(display->path), "%s/X%d", folder, number);
    int r = lock_take(display->lock);
    if (r < 0) {
        return r;
    }
    display->locked = true;
    r = listen_both(display);
    if (r < 0) {
        display_release(display);
    }
    return r;
}

int
display_take(int number, struct display *display)
{
    int r = -EEXIST;

    if (number >= 0) {
        r = take_number(number, display);
    }
    for (int i = 0; number < 0 && r < 0 && i <= DISPLAY_MAX; i++) {
        r = take_number(i, display);
        if (r < 0 && r != -EEXIST && r != -EADDRINUSE) {
            break;
        }
    }
    if (r == -EEXIST || r == -EADDRINUSE) {
        log_error("Display :%d is another X server's: name another one with --display",
                  MAX_OF(number, 0));
    } else if (r < 0) {
        log_error("The sockets of an X display cannot be made in %s: %s", folder, strerror(-r));
    }
    return r;
}

void
display_release(struct display *display)
{
    for (int i = 0; i < DISPLAY_SOCKETS; i++) {
        fd_closep(&display->sockets[i]);
    }
    if (display->locked) {
        unlink(display->path);
        unlink(display->lock);
        display->locked = false;
    }
}
