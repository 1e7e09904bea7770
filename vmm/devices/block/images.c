/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/devices/block/images.h"

#include <errno.h>

#include "vmm/base/bytes.h"
#include "vmm/base/log.h"
#include "vmm/disk/composite.h"
#include "vmm/disk/qcow2.h"
#include "vmm/disk/raw.h"

/* One image over what lies behind it (taken over when it succeeds, NULL left then). */
static int
open_image(const struct block_file *file, bool sparse, struct disk **backing,
           struct disk **ret_disk)
{
    const struct raw_setup raw = {
        .fd = file->fd, .size = file->size, .read_only = file->read_only != 0, .sparse = sparse};
    const struct qcow2_setup qcow2 = {
        .fd = file->fd, .read_only = file->read_only != 0, .sparse = sparse, .backing = *backing};
    const char *why = "";
    int r;

    if (file->format == BLOCK_RAW) {
        return *backing ? -EINVAL : raw_open(&raw, ret_disk);
    }
    if (file->format != BLOCK_QCOW2) {
        return -EINVAL;
    }
    r = qcow2_open(&qcow2, ret_disk, &why);
    if (r < 0) {
        log_error("bad-config: A qcow2 image cannot be used: %s.", why);
        return r;
    }
    *backing = NULL;
    return 0;
}

/* From the last backing file to the image that the guest writes. */
static int
open_chain(const struct block_setup *setup, struct disk **ret_disk)
{
    const struct block_file first = {
        .fd = setup->disk_fd,
        .format = setup->format,
        .read_only = setup->flags & BLOCK_READ_ONLY,
        .size = setup->format == BLOCK_RAW ? align_down(setup->size, setup->block_size) : 0,
    };
    cleanup(disk_closep) struct disk *behind = NULL;
    struct disk *disk = NULL;

    for (uint32_t i = setup->n_more; i > 0; i--) {
        struct block_file file = setup->more[i - 1];
        int r;

        file.read_only = true;
        r = open_image(&file, false, &behind, &disk);
        if (r < 0) {
            return r;
        }
        behind = disk;
    }
    return open_image(&first, setup->flags & BLOCK_SPARSE, &behind, ret_disk);
}

static int
open_part(const struct block_setup *setup, const struct block_file *file,
          struct composite_slice *ret_slice)
{
    const bool read_only = file->read_only != 0 || (setup->flags & BLOCK_READ_ONLY);
    struct raw_setup raw = {
        .fd = file->fd, .read_only = read_only, .sparse = setup->flags & BLOCK_SPARSE};
    int r =
        file->format == BLOCK_RAW && add_fits(file->offset, file->size, &raw.size) ? 0 : -EINVAL;

    *ret_slice = (struct composite_slice){
        .from = file->offset, .length = file->size, .read_only = read_only};
    return r < 0 ? r : raw_open(&raw, &ret_slice->disk);
}

static int
open_composite(const struct block_setup *setup, struct disk **ret_disk)
{
    struct composite_slice slice[BLOCK_FILES_MAX] = {0};
    int r = 0;

    for (uint32_t i = 0; r == 0 && i < setup->n_more; i++) {
        r = open_part(setup, &setup->more[i], &slice[i]);
    }
    r = r < 0 ? r : composite_open(slice, setup->n_more, ret_disk);
    for (uint32_t i = 0; r < 0 && i < setup->n_more; i++) {
        disk_close(slice[i].disk);
    }
    return r;
}

int
images_open(const struct block_setup *setup, struct disk **ret_disk)
{
    cleanup(disk_closep) struct disk *disk = NULL;
    int r;

    if (setup->n_more > BLOCK_FILES_MAX) {
        return -EINVAL;
    }
    r = setup->format == BLOCK_COMPOSITE ? open_composite(setup, &disk) : open_chain(setup, &disk);
    if (r < 0) {
        return r;
    }
    if (disk->size < align_down(setup->size, setup->block_size)) {
        return -EINVAL;
    }
    *ret_disk = take_pointer(disk);
    return 0;
}
