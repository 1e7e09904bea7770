/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/supervisor/kernel-cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/memory.h"
#include "vmm/base/sha256.h"
#include "vmm/supervisor/paths.h"

enum {
    HEAD_SIZE = 0x206, /* of a bzImage, up to its magic number */
    MAGIC_OFFSET = 0x202,
    ENTRIES_MAX = 4,
    NAME_LENGTH = SHA256_SIZE * 2,
    LEFT_BEHIND_SECONDS = 3600,
    ROOM_FACTOR = 4,        /* times the kernel must be free on the disk */
    KERNEL_MAX = 256 << 20, /* packed, and unpacked: no kernel is so large */
};

/* What is not whole yet, or was left so by a crash. */
#define NEW_PREFIX "new-"

struct entry {
    char name[NAME_LENGTH + 1];
    time_t used;
};

void
kernel_cache_init(struct kernel_cache *cache)
{
    *cache = (struct kernel_cache){.folder_fd = -1, .stored_fd = -1, .store_fd = -1};
}

void
kernel_cache_close(struct kernel_cache *cache)
{
    fd_closep(&cache->folder_fd);
    fd_closep(&cache->stored_fd);
    fd_closep(&cache->store_fd);
}

/* The folder, ours alone; -1 without one. */
static int
open_folder(void)
{
    const char *cache = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    cleanup_free char *path = NULL;
    cleanup_fd int fd = -1;
    struct stat st;

    if (cache && cache[0] == '/') {
        path = xasprintf("%s/vitrine/kernels", cache);
    } else if (home && home[0] == '/') {
        path = xasprintf("%s/.cache/vitrine/kernels", home);
    }
    if (!path || path_make_folders(path) < 0) {
        return -1;
    }
    fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0 || st.st_uid != geteuid() || (st.st_mode & 022) != 0) {
        return -1;
    }
    return take_fd(&fd);
}

static bool
is_bzimage(int fd)
{
    uint8_t head[HEAD_SIZE];

    return fd_pread_full(fd, head, sizeof(head), 0) == 0 &&
           memcmp(head + MAGIC_OFFSET, "HdrS", 4) == 0;
}

/* A sealed copy of the file and its name in the cache. The descriptor or -errno. */
static int
copy_and_name(int fd, char name[NAME_LENGTH + 1])
{
    cleanup_fd int copy = -1;
    uint8_t digest[SHA256_SIZE];
    struct sha256 hash;
    struct stat st;
    uint8_t *data;
    int r;

    if (fstat(fd, &st) < 0 || st.st_size <= 0 || st.st_size > KERNEL_MAX) {
        return -EFBIG;
    }
    copy = fd_memory_file("kernel", (uint64_t)st.st_size);
    if (copy < 0) {
        return copy;
    }
    data = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, copy, 0);
    if (data == MAP_FAILED) {
        return -errno;
    }
    r = fd_pread_full(fd, data, (size_t)st.st_size, 0);
    sha256_begin(&hash);
    sha256_add(&hash, data, r == 0 ? (size_t)st.st_size : 0);
    sha256_end(&hash, digest);
    munmap(data, (size_t)st.st_size);
    for (size_t i = 0; i < sizeof(digest); i++) {
        snprintf(name + i * 2, 3, "%02x", digest[i]);
    }
    return r < 0 ? r : take_fd(&copy);
}

/* A descriptor of its own that can only read, whatever becomes of the other. */
static int
read_only(int fd)
{
    char path[32];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return open(path, O_RDONLY | O_CLOEXEC);
}

static int
open_entry(const struct kernel_cache *cache)
{
    cleanup_fd int fd = openat(cache->folder_fd, cache->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
        (st.st_mode & 022) != 0) {
        return -1;
    }
    (void)futimens(fd, NULL); /* used now */
    return take_fd(&fd);
}

void
kernel_cache_open(struct kernel_cache *cache, int *kernel_fd, struct log_file *log)
{
    cleanup_fd int copy = -1;
    int sealed;

    if (!is_bzimage(*kernel_fd)) {
        return;
    }
    cache->folder_fd = open_folder();
    copy = cache->folder_fd >= 0 ? copy_and_name(*kernel_fd, cache->name) : -1;
    sealed = copy >= 0 ? read_only(copy) : -1;
    if (sealed < 0) {
        fd_closep(&cache->folder_fd);
        return;
    }
    fd_closep(kernel_fd);
    *kernel_fd = sealed;
    cache->stored_fd = open_entry(cache);
    if (cache->stored_fd < 0) {
        int fd = fd_memory_file("unpacked", LOADER_STORE_MAX);
        cache->store_fd = fd < 0 ? -1 : fd;
    }
    log_file_print(log, LOG_LEVEL_DEBUG, "kernel cache: %s is %s", cache->name,
                   cache->stored_fd >= 0 ? "there" : "not there");
}

static int
by_use(const void *a, const void *b)
{
    const struct entry *first = a;
    const struct entry *second = b;

    return (first->used < second->used) - (first->used > second->used);
}

/* Remove all but the entries that were used last. */
static void
make_room(const struct kernel_cache *cache)
{
    enum {
        SEEN_MAX = 64
    };
    struct entry entries[SEEN_MAX];
    size_t n = 0;
    int fd = openat(cache->folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *file;

    if (!folder) {
        fd_closep(&fd);
        return;
    }
    while (n < SEEN_MAX && (file = readdir(folder)) != NULL) {
        struct stat st;

        if (strncmp(file->d_name, NEW_PREFIX, strlen(NEW_PREFIX)) == 0 &&
            fstatat(cache->folder_fd, file->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            time(NULL) - st.st_mtime > LEFT_BEHIND_SECONDS) {
            (void)unlinkat(cache->folder_fd, file->d_name, 0);
        }
        if (strlen(file->d_name) == NAME_LENGTH &&
            strspn(file->d_name, "0123456789abcdef") == NAME_LENGTH &&
            fstatat(cache->folder_fd, file->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
            memcpy(entries[n].name, file->d_name, sizeof(entries[n].name));
            entries[n++].used = st.st_mtime;
        }
    }
    closedir(folder);
    qsort(entries, n, sizeof(entries[0]), by_use);
    for (size_t i = ENTRIES_MAX; i < n; i++) {
        (void)unlinkat(cache->folder_fd, entries[i].name, 0);
    }
}

static int
copy_kernel(int from, int to, uint64_t size)
{
    off_t at = 0;

    while ((uint64_t)at < size) {
        ssize_t n = sendfile(to, from, &at, (size_t)(size - (uint64_t)at));
        if (n <= 0) {
            return n < 0 ? -errno : -EIO;
        }
    }
    return 0;
}

static int
write_entry(const struct kernel_cache *cache, const struct loader_done *done, const char *name)
{
    struct loader_store_end end = {.size = done->store_size, .sum = done->store_sum};
    cleanup_fd int fd =
        openat(cache->folder_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int r;

    memcpy(end.magic, LOADER_STORE_MAGIC, sizeof(end.magic));
    if (fd < 0) {
        return -errno;
    }
    r = copy_kernel(cache->store_fd, fd, done->store_size);
    return r < 0 ? r : fd_write_full(fd, &end, sizeof(end));
}

/* Under another name until it is whole. 0 or -errno. */
static int
publish(const struct kernel_cache *cache, const struct loader_done *done)
{
    uint64_t number = 0;
    char name[sizeof(NEW_PREFIX) + 16];
    struct statvfs room;
    int r;

    if (fstatvfs(cache->folder_fd, &room) < 0 ||
        (uint64_t)room.f_bavail * room.f_bsize < done->store_size * ROOM_FACTOR) {
        return -ENOSPC;
    }
    (void)!getrandom(&number, sizeof(number), 0);
    snprintf(name, sizeof(name), NEW_PREFIX "%016" PRIx64, number);
    r = write_entry(cache, done, name);
    if (r == 0 && renameat(cache->folder_fd, name, cache->folder_fd, cache->name) < 0) {
        r = -errno;
    }
    if (r < 0) {
        (void)unlinkat(cache->folder_fd, name, 0);
        return r;
    }
    make_room(cache);
    return 0;
}

void
kernel_cache_conclude(struct kernel_cache *cache, const struct loader_done *done,
                      struct log_file *log)
{
    if (cache->folder_fd >= 0 && cache->stored_fd >= 0 && done->stored_bad) {
        (void)unlinkat(cache->folder_fd, cache->name, 0);
        log_file_print(log, LOG_LEVEL_WARNING,
                       "The unpacked kernel in the cache was damaged; it was removed.");
    }
    if (cache->folder_fd >= 0 && cache->store_fd >= 0 && done->store_size > 0 &&
        done->store_size <= KERNEL_MAX) {
        int r = publish(cache, done);
        log_file_print(log, LOG_LEVEL_DEBUG, "kernel cache: %s",
                       r == 0 ? "kept the unpacked kernel" : strerror(-r));
    }
    kernel_cache_close(cache);
}
