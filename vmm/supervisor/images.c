/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/supervisor/images.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/memory.h"
#include "vmm/disk/composite-spec.h"
#include "vmm/disk/qcow2-header.h"
#include "vmm/supervisor/composite.h"

/* One image of a chain, while the next is looked for. */
struct link {
    const char *path; /* for sentences; folders before it say where its names begin */
    int fd;
    bool writable;
    struct qcow2_header header;
};

static int
fail_image(const char *path, const char *why, struct failure *failure)
{
    return failure_set(
        failure, EXIT_STATUS_USAGE, "file-bad",
        "The disk “%s” cannot be used: %s; give another, or convert it with qemu-img.", path, why);
}

static bool
ends_with(const char *text, const char *ending)
{
    const size_t length = strlen(text);
    const size_t n = strlen(ending);

    return length >= n && strcmp(text + length - n, ending) == 0;
}

uint32_t
images_format_of_name(const char *path)
{
    if (ends_with(path, ".composite")) {
        return BLOCK_COMPOSITE;
    }
    return ends_with(path, ".qcow2") ? BLOCK_QCOW2 : BLOCK_RAW;
}

static bool
begins_as_qcow2(int fd)
{
    uint8_t bytes[4];

    return pread(fd, bytes, sizeof(bytes), 0) == (ssize_t)sizeof(bytes) &&
           qcow2_magic(bytes, sizeof(bytes));
}

static bool
begins_as_composite(int fd)
{
    uint8_t bytes[16];
    const ssize_t n = pread(fd, bytes, sizeof(bytes), 0);

    return n > 0 && composite_magic(bytes, (size_t)n);
}

static int
read_header(struct link *link, struct failure *failure)
{
    cleanup_free uint8_t *bytes = xalloc(QCOW2_HEADER_BYTES_MAX);
    const ssize_t n = pread(link->fd, bytes, QCOW2_HEADER_BYTES_MAX, 0);
    const char *why = "it cannot be read";
    struct stat st;
    int r = n < 0 || fstat(link->fd, &st) < 0 || !S_ISREG(st.st_mode) ? -EIO : 0;

    if (r == 0) {
        const struct qcow2_start start = {.bytes = bytes,
                                          .size = (size_t)n,
                                          .file_size = (uint64_t)st.st_size,
                                          .writable = link->writable};

        r = qcow2_header_read(&start, &link->header, &why);
    }
    if (r == -EUCLEAN) {
        return failure_set(
            failure, EXIT_STATUS_USAGE, "file-bad",
            "The disk “%s” cannot be used: %s; repair it with “qemu-img check -r all”.", link->path,
            why);
    }
    return r < 0 ? fail_image(link->path, why, failure) : 0;
}

char *
images_path_of(const char *image, const char *name)
{
    const char *slash = strrchr(image, '/');

    return name[0] == '/' || !slash ? xstrdup(name)
                                    : xasprintf("%.*s/%s", (int)(slash - image), image, name);
}

int
images_open_beneath(const char *image, const char *name, int flags)
{
    const char *slash = strrchr(image, '/');
    cleanup_free char *folder =
        slash ? xasprintf("%.*s/", (int)(slash - image), image) : xstrdup(".");
    const struct open_how how = {
        .flags = (uint64_t)(flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY),
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    cleanup_fd int parent = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    long fd;

    if (parent < 0) {
        return -errno;
    }
    fd = syscall(SYS_openat2, parent, name, &how, sizeof(how));
    return fd < 0 ? -errno : (int)fd;
}

static int
fail_named(const struct link *link, const char *path, int error, struct failure *failure)
{
    if (error == EXDEV) {
        return failure_set(failure, EXIT_STATUS_USAGE, "file-denied",
                           "The disk “%s” names the file “%s”, which is not in its folder; add "
                           "“outside-files” if you made that image yourself.",
                           link->path, link->header.backing);
    }
    return failure_set(failure, EXIT_STATUS_USAGE, error == ENOENT ? "file-missing" : "file-denied",
                       "The file “%s”, which the disk “%s” is based on, cannot be opened (%s); "
                       "put it there, or make the disk anew.",
                       path, link->path, strerror(error));
}

static int
open_named(const struct link *link, bool anywhere, const char *path, int *ret_fd,
           struct failure *failure)
{
    cleanup_fd int fd = -1;
    struct stat st;

    fd = anywhere ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
                  : images_open_beneath(link->path, link->header.backing, O_RDONLY);
    if (fd < 0) {
        return fail_named(link, path, anywhere ? errno : -fd, failure);
    }
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        return fail_image(path, "it is not a file", failure);
    }
    if (flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK) {
        return failure_set(failure, EXIT_STATUS_FAILED, "file-busy",
                           "Another program writes to “%s”, which the disk “%s” is based on; close "
                           "it.",
                           path, link->path);
    }
    *ret_fd = take_fd(&fd);
    return 0;
}

/* The format of a backing file as the image over it says it; its content has no say. */
static int
format_behind(const struct link *link, const char *path, int fd, uint32_t *ret_format,
              struct failure *failure)
{
    const char *format = link->header.backing_format;

    if (strcmp(format, "qcow2") == 0 ||
        (!format[0] && images_format_of_name(path) == BLOCK_QCOW2)) {
        *ret_format = BLOCK_QCOW2;
        return 0;
    }
    if (strcmp(format, "raw") == 0 || (!format[0] && !begins_as_qcow2(fd))) {
        *ret_format = BLOCK_RAW;
        return 0;
    }
    return failure_set(
        failure, EXIT_STATUS_USAGE, "file-bad",
        "The disk “%s” does not say that “%s” is raw or qcow2; say it with “qemu-img "
        "rebase -u -F FORMAT -b FILE”.",
        link->path, path);
}

static bool
is_known(const struct disk_resource *disk, int fd)
{
    struct stat st = {0};
    struct stat other = {0};

    if (fstat(fd, &st) < 0) {
        return true;
    }
    if (fstat(disk->fd, &other) == 0 && st.st_dev == other.st_dev && st.st_ino == other.st_ino) {
        return true;
    }
    for (size_t i = 0; i < disk->n_more; i++) {
        if (fstat(disk->more[i].fd, &other) == 0 && st.st_dev == other.st_dev &&
            st.st_ino == other.st_ino) {
            return true;
        }
    }
    return false;
}

/* The file behind an image; *link is that file's then. */
static int
add_next(const struct block_config *block, struct disk_resource *disk, struct link *link,
         char **ret_path, struct failure *failure)
{
    cleanup_free char *path = images_path_of(link->path, link->header.backing);
    cleanup_fd int fd = -1;
    struct block_file *file = &disk->more[disk->n_more];
    struct stat st;
    uint32_t format = BLOCK_RAW;

    if (disk->n_more == IMAGES_CHAIN_MAX) {
        return fail_image(block->path, "too many images lie behind it", failure);
    }
    if (open_named(link, block->outside_files, path, &fd, failure) < 0) {
        return -1;
    }
    if (is_known(disk, fd)) {
        return fail_image(block->path, "it is based on itself", failure);
    }
    if (format_behind(link, path, fd, &format, failure) < 0) {
        return -1;
    }
    if (fstat(fd, &st) < 0) {
        return fail_image(path, "it cannot be read", failure);
    }
    *file = (struct block_file){
        .fd = take_fd(&fd), .format = format, .read_only = 1, .size = (uint64_t)st.st_size};
    disk->n_more++;
    *link = (struct link){.path = path, .fd = file->fd};
    *ret_path = take_pointer(path);
    return format == BLOCK_QCOW2 ? read_header(link, failure) : 0;
}

static int
open_chain(const struct block_config *block, bool has_path, struct disk_resource *disk,
           struct failure *failure)
{
    struct link link = {.path = block->path, .fd = disk->fd, .writable = !block->read_only};
    cleanup_free char *held = NULL;
    int r = read_header(&link, failure);

    if (r < 0) {
        return r;
    }
    disk->size = link.header.size;
    if (link.header.backing[0] && !has_path) {
        return fail_image(block->path, "it is based on another file, which has no handle here",
                          failure);
    }
    while (r == 0 && link.header.backing[0]) {
        char *path = NULL;

        r = add_next(block, disk, &link, &path, failure);
        free(held);
        held = path;
    }
    return r;
}

uint32_t
images_format(const struct block_config *block, bool has_path)
{
    switch (block->format) {
    case DISK_FORMAT_RAW:
        return BLOCK_RAW;
    case DISK_FORMAT_QCOW2:
        return BLOCK_QCOW2;
    case DISK_FORMAT_COMPOSITE:
        return BLOCK_COMPOSITE;
    default:
        return has_path ? images_format_of_name(block->path) : BLOCK_RAW;
    }
}

/* A person may have meant another format; the content, which a guest may have written, has no say. */
static void
warn_of_content(const struct block_config *block, int fd)
{
    const char *format = begins_as_qcow2(fd) ? "qcow2" : NULL;

    format = begins_as_composite(fd) ? "composite" : format;
    if (format && block->format == DISK_FORMAT_AUTO) {
        fprintf(stderr,
                "vmm: The disk “%s” is taken as raw, although it begins as a %s %s does; add "
                "“format=%s” if you made it so, or “format=raw”.\n",
                block->path, format, strcmp(format, "qcow2") == 0 ? "image" : "disk", format);
    }
}

int
images_complete(const struct block_config *block, bool has_path, struct disk_resource *disk,
                struct failure *failure)
{
    disk->format = images_format(block, has_path);
    if (disk->format == BLOCK_QCOW2) {
        return open_chain(block, has_path, disk, failure);
    }
    if (disk->format == BLOCK_COMPOSITE) {
        return has_path
                   ? composite_open_parts(block, disk, failure)
                   : fail_image(block->path,
                                "it is made of other files, which have no handles here", failure);
    }
    warn_of_content(block, disk->fd);
    return 0;
}

static int
allocate(const struct block_config *block, int fd, uint64_t offset, uint64_t size,
         struct failure *failure)
{
    struct stat st;

    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
        fallocate(fd, 0, (off_t)offset, (off_t)size) < 0 && errno == ENOSPC) {
        return failure_set(failure, EXIT_STATUS_FAILED, "no-space",
                           "There is no room for the whole disk “%s”; make room or leave out "
                           "sparse=false.",
                           block->path);
    }
    return 0;
}

int
images_fill(const struct block_config *block, const struct disk_resource *disk,
            struct failure *failure)
{
    int r = 0;

    if (block->sparse || block->read_only || disk->format == BLOCK_QCOW2) {
        return 0;
    }
    if (disk->format == BLOCK_RAW) {
        return allocate(block, disk->fd, 0, disk->size, failure);
    }
    for (size_t i = 0; r == 0 && i < disk->n_more; i++) {
        const struct block_file *part = &disk->more[i];

        r = part->read_only ? 0 : allocate(block, part->fd, part->offset, part->size, failure);
    }
    return r;
}

void
images_close(struct disk_resource *disk)
{
    fd_closep(&disk->fd);
    while (disk->n_more > 0) {
        fd_closep(&disk->more[--disk->n_more].fd);
    }
}
