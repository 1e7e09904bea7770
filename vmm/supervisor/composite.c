/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/supervisor/composite.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/base/assert.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/memory.h"
#include "vmm/disk/composite-spec.h"
#include "vmm/supervisor/images.h"

static_assert((int)COMPOSITE_PARTS_MAX <= (int)BLOCK_FILES_MAX, "each part is told to vmm-block");

static int
fail_part(const struct block_config *block, const struct composite_part *part, const char *why,
          struct failure *failure)
{
    return failure_set(failure, EXIT_STATUS_USAGE, "file-bad",
                       "The disk “%s” cannot be used: its part “%s” %s.", block->path, part->path,
                       why);
}

static int
fail_open(const struct block_config *block, const struct composite_part *part, int error,
          struct failure *failure)
{
    if (error == EXDEV) {
        return failure_set(failure, EXIT_STATUS_USAGE, "file-denied",
                           "The disk “%s” names the file “%s”, which is not in its folder; add "
                           "“outside-files” if you made that disk yourself.",
                           block->path, part->path);
    }
    return failure_set(failure, EXIT_STATUS_USAGE, error == ENOENT ? "file-missing" : "file-denied",
                       "The file “%s”, a part of the disk “%s”, cannot be opened%s (%s); put it "
                       "there, or make the disk anew.",
                       part->path, block->path,
                       part->writable && !block->read_only ? " for writing" : "", strerror(error));
}

static int
lock_part(const struct block_config *block, const struct composite_part *part, int fd,
          struct failure *failure)
{
    const bool writes = part->writable && !block->read_only;

    if (flock(fd, (writes ? LOCK_EX : LOCK_SH) | LOCK_NB) < 0 && errno == EWOULDBLOCK) {
        return failure_set(failure, EXIT_STATUS_FAILED, "file-busy",
                           "Another program uses “%s”, a part of the disk “%s”; close it%s.",
                           part->path, block->path, writes ? ", or add “ro”" : "");
    }
    return 0;
}

static bool
is_same_file(int fd, const struct stat *st)
{
    struct stat other;

    return fstat(fd, &other) == 0 && other.st_dev == st->st_dev && other.st_ino == st->st_ino;
}

/* What is written through one part must be the content of no other, nor of what names the parts. */
static const char *
find_overlap(const struct disk_resource *disk, const struct stat *st, bool writes)
{
    if (is_same_file(disk->fd, st)) {
        return "is the disk itself; give another";
    }
    for (size_t i = 0; i < disk->n_more; i++) {
        if ((writes || !disk->more[i].read_only) && is_same_file(disk->more[i].fd, st)) {
            return "is in it twice and may be written; make the disk anew";
        }
    }
    return NULL;
}

static int
check_part(const struct block_config *block, const struct disk_resource *disk,
           const struct composite_part *part, int fd, struct failure *failure)
{
    const char *why = NULL;
    struct stat st;

    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        why = "is not a file; give a file";
    } else {
        why = find_overlap(disk, &st, part->writable && !block->read_only);
    }
    if (!why && part->file_offset + part->length > (uint64_t)st.st_size) {
        why = "is shorter than its place in the disk; make it longer, or the disk anew";
    }
    return why ? fail_part(block, part, why, failure) : 0;
}

static int
open_part(const struct block_config *block, const struct composite_part *part,
          struct disk_resource *disk, struct failure *failure)
{
    const int flags = part->writable && !block->read_only ? O_RDWR : O_RDONLY;
    cleanup_free char *path = images_path_of(block->path, part->path);
    cleanup_fd int fd = -1;

    if (images_format_of_name(part->path) != BLOCK_RAW) {
        return fail_part(block, part,
                         "is not raw, as parts have to be; convert it with qemu-img, and make the "
                         "disk anew",
                         failure);
    }
    fd = block->outside_files ? open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
                              : images_open_beneath(block->path, part->path, flags);
    if (fd < 0) {
        return fail_open(block, part, block->outside_files ? errno : -fd, failure);
    }
    if (check_part(block, disk, part, fd, failure) < 0 || lock_part(block, part, fd, failure) < 0) {
        return -1;
    }
    disk->more[disk->n_more++] = (struct block_file){
        .fd = take_fd(&fd),
        .format = BLOCK_RAW,
        .read_only = flags == O_RDONLY,
        .size = part->length,
        .offset = part->file_offset,
    };
    return 0;
}

/* All of the file is looked at; one byte more than may be there, so that a longer one shows. */
static int
read_spec(const struct block_config *block, int fd, struct composite_spec *spec,
          struct failure *failure)
{
    cleanup_free uint8_t *bytes = xalloc(COMPOSITE_SPEC_BYTES_MAX + 1);
    const ssize_t n = pread(fd, bytes, COMPOSITE_SPEC_BYTES_MAX + 1, 0);
    const char *why = "it cannot be read";

    if (n < 0 || composite_spec_read(bytes, (size_t)n, spec, &why) < 0) {
        return failure_set(failure, EXIT_STATUS_USAGE, "file-bad",
                           "The disk “%s” cannot be used: %s; make it anew with “vmm "
                           "create_composite”.",
                           block->path, why);
    }
    return 0;
}

int
composite_open_parts(const struct block_config *block, struct disk_resource *disk,
                     struct failure *failure)
{
    cleanup_free struct composite_spec *spec = xalloc(sizeof(*spec));
    int r = read_spec(block, disk->fd, spec, failure);

    for (size_t i = 0; r == 0 && i < spec->n_parts; i++) {
        r = open_part(block, &spec->part[i], disk, failure);
    }
    disk->size = spec->length;
    return r;
}
