/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/extract/ext.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/base/bytes.h"

enum {
    NAME_SIZE = 32,
    FIRST_BLOCK_SIZE = 1024,
};

struct source {
    io_manager manager;
    struct disk *disk;
    const struct partition *partition;
};

/* The library passes on a name alone: the address of a source. */
static errcode_t
source_open(const char *name, int flags, io_channel *ret_channel)
{
    io_channel channel = calloc(1, sizeof(*channel));
    void *source = NULL;

    if (!channel || sscanf(name, "%p", &source) != 1) {
        free(channel);
        return ENOMEM;
    }
    channel->magic = EXT2_ET_MAGIC_IO_CHANNEL;
    channel->manager = ((const struct source *)source)->manager;
    channel->name = strdup(name);
    channel->block_size = FIRST_BLOCK_SIZE;
    channel->refcount = 1;
    channel->private_data = source;
    *ret_channel = channel;
    return 0;
}

static errcode_t
source_close(io_channel channel)
{
    if (--channel->refcount == 0) {
        free(channel->name);
        free(channel->private_data);
        free(channel);
    }
    return 0;
}

static errcode_t
source_set_block_size(io_channel channel, int size)
{
    channel->block_size = size;
    return 0;
}

/* A negative count is one of bytes. */
static errcode_t
source_read_64(io_channel channel, unsigned long long block, int count, void *to)
{
    const struct source *source = channel->private_data;
    const uint64_t block_size = (uint64_t)channel->block_size;
    const uint64_t size = count < 0 ? (uint64_t) - (int64_t)count : (uint64_t)count * block_size;
    uint64_t offset;

    if (!mul_fits(block, block_size, &offset) ||
        !range_inside(offset, size, source->partition->length)) {
        return EXT2_ET_SHORT_READ;
    }
    return disk_read_all(source->disk, to, size, source->partition->offset + offset) < 0
               ? EXT2_ET_SHORT_READ
               : 0;
}

static errcode_t
source_read(io_channel channel, unsigned long block, int count, void *to)
{
    return source_read_64(channel, block, count, to);
}

static errcode_t
source_write_64(io_channel channel, unsigned long long block, int count, const void *from)
{
    return EXT2_ET_RO_FILSYS;
}

static errcode_t
source_write(io_channel channel, unsigned long block, int count, const void *from)
{
    return EXT2_ET_RO_FILSYS;
}

static errcode_t
source_flush(io_channel channel)
{
    return 0;
}

static errcode_t
source_read_ahead(io_channel channel, unsigned long long block, unsigned long long count)
{
    return 0;
}

ext2_filsys
ext_open(struct disk *disk, const struct partition *partition)
{
    static const struct struct_io_manager manager = {
        .magic = EXT2_ET_MAGIC_IO_MANAGER,
        .name = "disk",
        .open = source_open,
        .close = source_close,
        .set_blksize = source_set_block_size,
        .read_blk = source_read,
        .write_blk = source_write,
        .flush = source_flush,
        .read_blk64 = source_read_64,
        .write_blk64 = source_write_64,
        .cache_readahead = source_read_ahead,
    };
    struct source *source = malloc(sizeof(*source));
    ext2_filsys fs = NULL;
    char name[NAME_SIZE];

    if (!source) {
        return NULL;
    }
    *source =
        (struct source){.manager = (io_manager)&manager, .disk = disk, .partition = partition};
    snprintf(name, sizeof(name), "%p", (void *)source);
    if (ext2fs_open2(name, NULL, EXT2_FLAG_64BITS, 0, 0, source->manager, &fs) != 0) {
        return NULL; /* it has closed the source */
    }
    return fs;
}
