/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/jail/root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/memory.h"

/* What the dynamic linker may need. A symbolic link is made again, anything else is bound. */
static const char *const linker_paths[] = {
    "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib",
    "/lib",     "/lib32",     "/lib64",     "/etc/ld.so.cache",
};

struct piece {
    const char *path;
    int tree; /* detached copy of the mount, or -1 */
    char link[PATH_MAX];
};

static int
open_piece(struct piece *piece, const char *path)
{
    struct stat st;
    ssize_t n;

    *piece = (struct piece){.path = path, .tree = -1};
    if (lstat(path, &st) < 0) {
        return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
    }
    if (S_ISLNK(st.st_mode)) {
        n = readlink(path, piece->link, sizeof(piece->link) - 1);
        if (n < 0) {
            return -errno;
        }
        piece->link[n] = '\0';
        return 0;
    }
    piece->tree = open_tree(AT_FDCWD, path,
                            OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
                                (S_ISDIR(st.st_mode) ? (unsigned int)AT_RECURSIVE : 0U));
    return piece->tree < 0 ? -errno : 0;
}

/* Make the folders above `path` (relative to the working folder). */
static int
make_parents(const char *path)
{
    char copy[PATH_MAX];

    if (snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy)) {
        return -ENAMETOOLONG;
    }
    for (char *slash = copy + 1; *slash; slash++) {
        if (*slash != '/') {
            continue;
        }
        *slash = '\0';
        if (mkdir(copy, 0755) < 0 && errno != EEXIST) {
            return -errno;
        }
        *slash = '/';
    }
    return 0;
}

static int
make_target(int tree, const char *path)
{
    struct stat st;

    if (fstat(tree, &st) < 0) {
        return -errno;
    }
    if (S_ISDIR(st.st_mode)) {
        return mkdir(path, 0755) < 0 ? -errno : 0;
    }
    cleanup_fd int file = open(path, O_CREAT | O_EXCL | O_CLOEXEC | O_WRONLY, 0444);
    return file < 0 ? -errno : 0;
}

/* Put a piece at `to`, relative to the working folder, which is the new root. */
static int
place_piece(struct piece *piece, const char *to)
{
    const bool device = strncmp(piece->path, "/dev/", strlen("/dev/")) == 0;
    struct mount_attr attr = {
        .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | (device ? 0U : MOUNT_ATTR_NODEV),
    };
    int r = make_parents(to);

    if (r < 0) {
        return r;
    }
    if (piece->link[0]) {
        return symlink(piece->link, to) < 0 ? -errno : 0;
    }
    if (piece->tree < 0) {
        return 0;
    }
    r = make_target(piece->tree, to);
    if (r < 0) {
        return r;
    }
    if (mount_setattr(piece->tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) < 0 ||
        move_mount(piece->tree, "", AT_FDCWD, to, MOVE_MOUNT_F_EMPTY_PATH) < 0) {
        return -errno;
    }
    fd_closep(&piece->tree);
    return 0;
}

static int
enter_new_root(void)
{
    if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0) {
        return -errno;
    }
    return 0;
}

/* The sanitizers' run-time looks there for its program, and complains in the log when it is not. */
#ifdef __SANITIZE_ADDRESS__
static int
name_executable(const char *name)
{
    char target[PATH_MAX];

    snprintf(target, sizeof(target), "/%.255s", name);
    if (mkdir("proc", 0755) < 0 || mkdir("proc/self", 0755) < 0 ||
        symlink(target, "proc/self/exe") < 0) {
        return -errno;
    }
    return 0;
}
#else
static int
name_executable(const char *name)
{
    (void)name;
    return 0;
}
#endif

static int
fill_root(struct piece *pieces, size_t n, const char *name)
{
    int r = place_piece(&pieces[0], name);

    for (size_t i = 1; i < n && r == 0; i++) {
        r = place_piece(&pieces[i], pieces[i].path + 1);
    }
    if (r == 0 && mkdir(JAIL_ROOT_EMPTY + 1, 0755) < 0) {
        r = -errno;
    }
    return r == 0 ? name_executable(name) : r;
}

static int
open_pieces(struct piece *pieces, const char *const *paths, size_t n)
{
    int r = 0;

    for (size_t i = 0; i < n && r == 0; i++) {
        r = open_piece(&pieces[i], paths[i]);
    }
    return r;
}

int
jail_root_small(const char *executable, const char *const *more)
{
    size_t n_more = 0;
    char real[PATH_MAX];
    int r;

    while (more && more[n_more]) {
        n_more++;
    }
    const size_t n_pieces = 1 + ARRAY_SIZE(linker_paths) + n_more;
    cleanup_free struct piece *pieces = xalloc_array(n_pieces, sizeof(*pieces));

    if (!realpath(executable, real)) {
        return -errno;
    }
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
        return -errno;
    }
    r = open_piece(&pieces[0], real);
    if (r == 0) {
        r = open_pieces(pieces + 1, linker_paths, ARRAY_SIZE(linker_paths));
    }
    if (r == 0) {
        r = open_pieces(pieces + 1 + ARRAY_SIZE(linker_paths), more, n_more);
    }
    if (r < 0) {
        return r;
    }
    /* Any folder will do as the place to build on, and /proc is always there. */
    if (mount("tmpfs", "/proc", "tmpfs", MS_NOSUID | MS_NODEV, "size=64k,mode=755") < 0 ||
        chdir("/proc") < 0) {
        return -errno;
    }
    r = fill_root(pieces, n_pieces, strrchr(executable, '/') + 1);
    if (r < 0) {
        return r;
    }
    r = enter_new_root();
    if (r < 0) {
        return r;
    }
    return mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL) < 0
               ? -errno
               : 0;
}

int
jail_root_empty(void)
{
    if (mount("tmpfs", JAIL_ROOT_EMPTY, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY,
              "size=4k,mode=0555") < 0 ||
        chdir(JAIL_ROOT_EMPTY) < 0) {
        return -errno;
    }
    return enter_new_root();
}
