/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/client/half-made.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/client/definition.h"
#include "vmm/client/disk-users.h"
#include "vmm/client/paths.h"

enum {
    DEPTH_MAX = 8, /* a copy has folders in its folder, and none in these */
    MARKER_SIZE_MAX = 1 << 20,
};

static char *
marker_path(const char *folder)
{
    return g_build_filename(folder, ".being-copied", NULL);
}

/* Under another name until it is locked: nobody shall find it free before. */
int
vm_half_made_begin(const char *folder)
{
    g_autofree char *path = marker_path(folder);
    g_autofree char *first = g_strconcat(path, ".new", NULL);
    const int fd = open(first, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0) {
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) < 0 || rename(first, path) < 0) {
        (void)g_unlink(first);
        close(fd);
        return -1;
    }
    return fd;
}

/* Of the file elsewhere whose path stands in the marker as number `i`. */
static char *
second_name(const char *folder, guint i)
{
    g_autofree char *name = g_strdup_printf(".elsewhere-%u", i);

    return g_build_filename(folder, name, NULL);
}

/* The paths in the marker, each with its NUL; one that was cut off is none. Never NULL. */
static GStrv
paths_elsewhere(int fd)
{
    g_autoptr(GStrvBuilder) paths = g_strv_builder_new();
    g_autofree char *bytes = g_malloc(MARKER_SIZE_MAX);
    const gssize size = pread(fd, bytes, MARKER_SIZE_MAX, 0);
    const char *at = bytes;
    const char *end;

    while (size > 0 && (end = memchr(at, '\0', (gsize)(bytes + size - at)))) {
        g_strv_builder_add(paths, at);
        at = end + 1;
    }
    return g_strv_builder_end(paths);
}

char *
vm_half_made_elsewhere(const char *folder, int fd, const char *path)
{
    g_auto(GStrv) before = paths_elsewhere(fd);
    const gsize size = strlen(path) + 1;
    const off_t end = lseek(fd, 0, SEEK_END);
    const gssize n = end >= 0 ? pwrite(fd, path, size, end) : -1;

    if (n != (gssize)size) {
        errno = n < 0 ? errno : ENOSPC;
        return NULL;
    }
    return second_name(folder, g_strv_length(before));
}

void
vm_half_made_end(const char *folder, int fd)
{
    g_autofree char *path = NULL;

    if (fd >= 0) {
        g_auto(GStrv) elsewhere = paths_elsewhere(fd);

        for (guint i = 0; elsewhere[i]; i++) {
            g_autofree char *name = second_name(folder, i);
            (void)g_unlink(name);
        }
        path = marker_path(folder);
        (void)g_unlink(path);
        close(fd);
    }
}

/* The folder's marker, locked; -1 when there is none, or somebody works there. */
static int
take_marker(const char *folder)
{
    g_autofree char *path = marker_path(folder);
    const int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat status;

    if (fd < 0) {
        return -1;
    }
    /* Whoever ended meanwhile has removed it. */
    if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) || status.st_uid != getuid() ||
        flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &status) < 0 || status.st_nlink != 1) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Links are not followed; what cannot be removed stays. */
static void
empty(const char *folder, const char *marker, guint depth)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *entry;

    while (dir && (entry = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, entry, NULL);
        GStatBuf status;

        if (g_str_equal(path, marker) || g_lstat(path, &status) < 0) {
            continue;
        }
        if (!S_ISDIR(status.st_mode)) {
            (void)g_unlink(path);
        } else if (depth < DEPTH_MAX) {
            empty(path, marker, depth + 1);
            (void)g_rmdir(path);
        }
    }
}

/* Only what is the same file as the second name of it, which was made anew: never what others put there. */
static void
remove_elsewhere(const char *folder, const char *name, int fd, GStrvBuilder *removed)
{
    g_auto(GStrv) paths = paths_elsewhere(fd);

    for (guint i = 0; paths[i]; i++) {
        g_autofree char *second = second_name(folder, i);
        GStatBuf ours;
        GStatBuf there;

        if (g_lstat(second, &ours) == 0 && g_lstat(paths[i], &there) == 0 &&
            S_ISREG(there.st_mode) && ours.st_dev == there.st_dev && ours.st_ino == there.st_ino &&
            !vm_disk_is_needed(name, there.st_dev, there.st_ino) && g_unlink(paths[i]) == 0) {
            g_strv_builder_add(removed, paths[i]);
        }
    }
}

/* The marker goes last: who is killed here leaves a folder that is still half-made. */
static gboolean
remove_folder(const char *folder, int fd)
{
    g_autofree char *marker = marker_path(folder);

    empty(folder, marker, 0);
    vm_half_made_end(folder, fd);
    return g_rmdir(folder) == 0;
}

static gboolean
remove_if_half_made(const char *folder, const char *name, GStrvBuilder *elsewhere)
{
    g_autofree char *definition = vm_paths_definition(name);
    GStatBuf status;
    int fd;

    if (!vm_definition_name_is_valid(name) || g_lstat(folder, &status) < 0 ||
        !S_ISDIR(status.st_mode)) {
        return FALSE;
    }
    fd = take_marker(folder);
    if (fd < 0) {
        return FALSE;
    }
    if (g_file_test(definition, G_FILE_TEST_EXISTS)) {
        vm_half_made_end(folder, fd);
        return FALSE;
    }
    if (vm_disk_folder_is_needed(name, folder)) {
        close(fd);
        return FALSE;
    }
    remove_elsewhere(folder, name, fd, elsewhere);
    return remove_folder(folder, fd);
}

GStrv
vm_half_made_remove(const char *parent, GStrvBuilder *elsewhere)
{
    g_autoptr(GStrvBuilder) removed = g_strv_builder_new();
    g_autoptr(GDir) dir = g_dir_open(parent, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *folder = g_build_filename(parent, name, NULL);

        if (remove_if_half_made(folder, name, elsewhere)) {
            g_strv_builder_add(removed, folder);
        }
    }
    return g_strv_builder_end(removed);
}
