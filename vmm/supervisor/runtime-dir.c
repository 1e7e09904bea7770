/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/supervisor/runtime-dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/memory.h"
#include "vmm/supervisor/paths.h"
#include "vmm/supervisor/unix-socket.h"

enum {
    LISTEN_BACKLOG = 32
};

/* All that is ever in such a folder. */
static const char *const runtime_files[] = {"control",   "pid",    "log", "log.1",
                                            "processes", "config", "lock"};

/* A folder is safe when it is really one, ours, and closed to others. */
static bool
folder_is_ours(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid();
}

static char *
runtime_base(void)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    cleanup_free char *user = xasprintf("/run/user/%u", geteuid());

    if (runtime && runtime[0] == '/') {
        return xasprintf("%s/vitrine", runtime);
    }
    if (folder_is_ours(user)) {
        return xasprintf("%s/vitrine", user);
    }
    return xasprintf("/tmp/vitrine-%u", geteuid());
}

/* Lock the file "lock" of an open folder; its descriptor, or -errno (-EWOULDBLOCK: in use). */
static int
lock_folder(int folder)
{
    cleanup_fd int fd = openat(folder, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    struct stat locked;
    struct stat named;

    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0) {
        return -errno;
    }
    /* Its last owner may have removed it between the two calls. */
    if (fstat(fd, &locked) < 0 || fstatat(folder, "lock", &named, AT_SYMLINK_NOFOLLOW) < 0 ||
        locked.st_ino != named.st_ino) {
        return -EAGAIN;
    }
    return take_fd(&fd);
}

static void
empty_folder(int folder, bool keep_lock)
{
    for (size_t i = 0; i < ARRAY_SIZE(runtime_files) - keep_lock; i++) {
        unlinkat(folder, runtime_files[i], 0);
    }
}

static void
remove_stale(const char *base, const char *own)
{
    DIR *entries = opendir(base);
    const struct dirent *entry;

    while (entries && (entry = readdir(entries))) {
        cleanup_fd int folder = -1;
        cleanup_fd int lock = -1;

        if (entry->d_name[0] == '.' || strcmp(entry->d_name, own) == 0) {
            continue;
        }
        folder =
            openat(dirfd(entries), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        lock = folder < 0 ? -1 : lock_folder(folder);
        if (lock >= 0) {
            empty_folder(folder, false);
            unlinkat(dirfd(entries), entry->d_name, AT_REMOVEDIR);
        }
    }
    if (entries) {
        closedir(entries);
    }
}

/* Whether a program listens at `path`. */
static bool
socket_answers(const char *path)
{
    cleanup_fd int fd = unix_socket_connect(path);

    return fd >= 0 || fd == -EAGAIN;
}

static int
bind_given_socket(struct runtime_dir *dir, const char *socket, struct failure *failure)
{
    struct stat st;
    bool there = stat(socket, &st) == 0;

    dir->socket_path = there && S_ISDIR(st.st_mode) ? xasprintf("%s/vm-%d.sock", socket, getpid())
                                                    : xstrdup(socket);
    there = lstat(dir->socket_path, &st) == 0;
    if (there && (!S_ISSOCK(st.st_mode) || socket_answers(dir->socket_path))) {
        failure_set(failure, EXIT_STATUS_USAGE, "file-busy",
                    "--socket: “%s” is in use; choose another place.", dir->socket_path);
    } else {
        if (there) {
            unlink(dir->socket_path);
        }
        dir->listen_fd = unix_socket_listen(dir->socket_path, LISTEN_BACKLOG);
        if (dir->listen_fd >= 0) {
            cleanup_free char *full = realpath(dir->socket_path, NULL);
            return full && symlinkat(full, dir->fd, "control") == 0 ? 0 : -1;
        }
        failure_set(failure, EXIT_STATUS_USAGE, "bad-config",
                    "--socket: “%s” cannot be made (%s); choose another place.", dir->socket_path,
                    strerror(-dir->listen_fd));
    }
    free(dir->socket_path); /* not ours to remove */
    dir->socket_path = NULL;
    return -1;
}

static int
bind_own_socket(struct runtime_dir *dir, struct failure *failure)
{
    /* Through /proc, because the folder's own path may be longer than a socket address. */
    cleanup_free char *path = xasprintf("/proc/self/fd/%d/control", dir->fd);

    dir->listen_fd = unix_socket_listen(path, LISTEN_BACKLOG);
    if (dir->listen_fd < 0) {
        return failure_set(failure, EXIT_STATUS_FAILED, "cannot-start",
                           "The control socket cannot be made in “%s” (%s); make room there or set "
                           "XDG_RUNTIME_DIR.",
                           dir->path, strerror(-dir->listen_fd));
    }
    return 0;
}

static int
open_and_lock(struct runtime_dir *dir, struct failure *failure)
{
    int r = -EAGAIN;

    /* A second round when the folder's last owner was just removing it. */
    for (int round = 0; round < 5 && (r == -EAGAIN || r == -ENOENT); round++) {
        fd_closep(&dir->fd);
        r = path_make_folders(dir->path);
        if (r < 0) {
            break;
        }
        if (!folder_is_ours(dir->path)) {
            r = -EPERM;
            break;
        }
        dir->fd = open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        dir->lock_fd = dir->fd < 0 ? -errno : lock_folder(dir->fd);
        r = dir->lock_fd;
        if (r == -EWOULDBLOCK) {
            break;
        }
    }
    if (r == -EWOULDBLOCK) {
        return failure_set(failure, EXIT_STATUS_USAGE, "name-in-use",
                           "A machine named “%s” runs already; choose another name or stop it.",
                           dir->name);
    }
    if (r < 0) {
        return failure_set(
            failure, EXIT_STATUS_FAILED, "cannot-start",
            "The folder “%s” cannot be used (%s); set XDG_RUNTIME_DIR to a folder of "
            "your own.",
            dir->path, strerror(-r));
    }
    return 0;
}

int
runtime_dir_create(const char *name, const char *socket, struct runtime_dir *ret_dir,
                   struct failure *failure)
{
    struct runtime_dir dir = {.fd = -1, .lock_fd = -1, .listen_fd = -1};
    cleanup_free char *base = runtime_base();
    char pid[24];
    int r;

    dir.name = name ? xstrdup(name) : xasprintf("vm-%d", getpid());
    dir.path = xasprintf("%s/%s", base, dir.name);
    remove_stale(base, dir.name);
    r = open_and_lock(&dir, failure);
    if (r == 0) {
        fchmod(dir.fd, 0700);
        empty_folder(dir.fd, true);
        r = socket ? bind_given_socket(&dir, socket, failure) : bind_own_socket(&dir, failure);
    }
    if (r < 0) {
        runtime_dir_remove(&dir);
        return -1;
    }
    snprintf(pid, sizeof(pid), "%d\n", getpid());
    runtime_dir_write(&dir, "pid", pid);
    *ret_dir = dir;
    return 0;
}

void
runtime_dir_write(const struct runtime_dir *dir, const char *file, const char *text)
{
    cleanup_fd int fd =
        openat(dir->fd, file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd >= 0) {
        (void)fd_write_full(fd, text, strlen(text));
    }
}

void
runtime_dir_remove(struct runtime_dir *dir)
{
    fd_closep(&dir->listen_fd);
    if (dir->socket_path) {
        unlink(dir->socket_path);
    }
    if (dir->lock_fd >= 0) {
        empty_folder(dir->fd, false);
        rmdir(dir->path);
    }
    fd_closep(&dir->lock_fd);
    fd_closep(&dir->fd);
    free(dir->socket_path);
    free(dir->path);
    free(dir->name);
    *dir = (struct runtime_dir){.fd = -1, .lock_fd = -1, .listen_fd = -1};
}
