/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/supervisor/overlays.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/memory.h"
#include "vmm/disk/qcow2.h"

enum {
    CLUSTER_BITS = 16,
    SECTOR_SIZE = 512,
};

void
overlays_init(struct overlays *overlays)
{
    for (size_t i = 0; i < ARRAY_SIZE(overlays->of); i++) {
        overlays->of[i] = (struct overlay){.fd = -1};
    }
}

void
overlays_close(struct overlays *overlays)
{
    for (size_t i = 0; i < ARRAY_SIZE(overlays->of); i++) {
        fd_closep(&overlays->of[i].fd);
    }
}

const char *
overlays_folder(void)
{
    const char *folder = getenv("TMPDIR");

    return folder && folder[0] == '/' ? folder : "/var/tmp";
}

static int
open_nameless(const char *folder)
{
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) { /* some file systems cannot do it */
        cleanup_free char *path = xasprintf("%s/vmm-overlay-XXXXXX", folder);

        fd = mkostemp(path, O_CLOEXEC);
        if (fd >= 0) {
            unlink(path);
        }
    }
    return fd < 0 ? -errno : fd;
}

static int
make_overlay(const struct block_config *block, uint64_t size, int *ret_fd, struct failure *failure)
{
    /* The name is for nobody: what lies behind is given to the disk process as a descriptor. */
    const struct qcow2_new new_image = {.size = align_down(size, SECTOR_SIZE),
                                        .cluster_bits = CLUSTER_BITS,
                                        .backing = "disk",
                                        .backing_format = "raw"};
    const char *folder = overlays_folder();
    cleanup_fd int fd = open_nameless(folder);
    int r = fd < 0 ? fd : qcow2_create(fd, &new_image);

    if (r < 0) {
        return failure_set(failure, EXIT_STATUS_FAILED, r == -ENOSPC ? "no-space" : "cannot-start",
                           "What is written to “%s” without keeping it has no place in “%s” (%s); "
                           "set TMPDIR to a folder with room.",
                           block->path, folder, strerror(-r));
    }
    *ret_fd = take_fd(&fd);
    return 0;
}

/* The size of an overlay that was there before: the disk may have grown. 0: it cannot be used. */
static uint64_t
overlay_size(int fd)
{
    cleanup_free uint8_t *bytes = xalloc(QCOW2_HEADER_BYTES_MAX);
    const ssize_t n = pread(fd, bytes, QCOW2_HEADER_BYTES_MAX, 0);
    cleanup_free struct qcow2_header *header = xalloc(sizeof(*header));
    const char *why;
    struct stat st;

    if (n < 0 || fstat(fd, &st) < 0) {
        return 0;
    }
    const struct qcow2_start start = {
        .bytes = bytes, .size = (size_t)n, .file_size = (uint64_t)st.st_size, .writable = true};
    return qcow2_header_read(&start, header, &why) < 0 ? 0 : header->size;
}

/* What `overlay` holds belongs to another disk, or is nothing yet, or is spoilt. */
static int
renew(struct overlay *overlay, const struct block_config *block, const struct disk_resource *disk,
      uint64_t *ret_size, struct failure *failure)
{
    struct stat st = {0};

    if (fstat(disk->fd, &st) < 0) {
        return failure_set(failure, EXIT_STATUS_FAILED, "cannot-start",
                           "The disk “%s” cannot be looked at (%s); check it.", block->path,
                           strerror(errno));
    }
    if (overlay->fd >= 0 && overlay->device == st.st_dev && overlay->inode == st.st_ino) {
        *ret_size = overlay_size(overlay->fd);
        if (*ret_size >= align_down(disk->size, SECTOR_SIZE)) {
            return 0;
        }
    }
    fd_closep(&overlay->fd);
    if (make_overlay(block, disk->size, &overlay->fd, failure) < 0) {
        return -1;
    }
    overlay->device = st.st_dev;
    overlay->inode = st.st_ino;
    *ret_size = align_down(disk->size, SECTOR_SIZE);
    return 0;
}

int
overlays_put(struct overlays *overlays, size_t index, const struct block_config *block,
             struct disk_resource *disk, struct failure *failure)
{
    struct overlay *overlay = &overlays->of[index];
    uint64_t size = 0;
    int fd;

    if (disk->fd < 0) {
        return failure_set(
            failure, EXIT_STATUS_USAGE, "bad-config",
            "What is written to “%s”, which is made of parts, cannot be thrown away; "
            "add “ro” to it, or start without “disposable”.",
            block->path);
    }
    if (renew(overlay, block, disk, &size, failure) < 0) {
        return -1;
    }
    fd = fcntl(overlay->fd, F_DUPFD_CLOEXEC, 3);
    if (fd < 0) {
        return failure_set(failure, EXIT_STATUS_FAILED, "cannot-start",
                           "The disk “%s” cannot be opened (%s); close programs.", block->path,
                           strerror(errno));
    }
    memmove(&disk->more[1], &disk->more[0], disk->n_more * sizeof(disk->more[0]));
    disk->more[0] = (struct block_file){
        .fd = disk->fd, .format = disk->format, .read_only = 1, .size = disk->size};
    disk->n_more++;
    disk->fd = fd;
    disk->format = BLOCK_QCOW2;
    disk->size = size;
    return 0;
}
