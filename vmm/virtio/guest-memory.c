/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/virtio/guest-memory.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/memory.h"

enum {
    MAP_ALIGNMENT = 4096
};

struct mapping {
    struct guest_memory_region region;
    char *base; /* host address of the region's first byte */
    char *map;  /* what munmap() needs: begins at most a page before `base` */
    size_t map_size;
    dev_t device;
    ino_t inode;
};

struct table {
    struct mapping mapping[GUEST_MEMORY_REGIONS_MAX];
    size_t count;
};

struct guest_memory {
    struct table table;
};

struct guest_memory *
guest_memory_create(void)
{
    return xalloc(sizeof(struct guest_memory));
}

void
guest_memory_destroy(struct guest_memory *memory)
{
    if (memory) {
        guest_memory_clear(memory);
        free(memory);
    }
}

static bool
overlaps(uint64_t a, uint64_t b, uint64_t a_size, uint64_t b_size)
{
    return a < b ? b - a < a_size : a - b < b_size;
}

static int
check_region(const struct table *table, const struct guest_memory_region *region, int fd)
{
    uint64_t end;

    if (region->size == 0 || !add_fits(region->guest_address, region->size, &end) ||
        !add_fits(region->user_address, region->size, &end) ||
        !add_fits(region->file_offset, region->size, &end) || end > INT64_MAX - MAP_ALIGNMENT) {
        return -EINVAL;
    }
    if (table->count >= GUEST_MEMORY_REGIONS_MAX) {
        return -ENOSPC;
    }
    for (size_t i = 0; i < table->count; i++) {
        const struct guest_memory_region *other = &table->mapping[i].region;
        if (overlaps(region->guest_address, other->guest_address, region->size, other->size) ||
            overlaps(region->user_address, other->user_address, region->size, other->size)) {
            return -EINVAL;
        }
    }
    return fd_check_memory_file(fd, end);
}

static int
map_region(struct table *table, const struct guest_memory_region *region, int fd)
{
    uint64_t start = align_down(region->file_offset, MAP_ALIGNMENT);
    size_t lead = (size_t)(region->file_offset - start);
    struct mapping mapping = {.region = *region, .map_size = (size_t)region->size + lead};
    struct stat st;
    int r = check_region(table, region, fd);

    if (r < 0) {
        return r;
    }
    if (fstat(fd, &st) < 0) {
        return -errno;
    }
    mapping.device = st.st_dev;
    mapping.inode = st.st_ino;
    void *map = mmap(NULL, mapping.map_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd,
                     (off_t)start);
    if (map == MAP_FAILED) {
        return -errno;
    }
    mapping.map = map;
    mapping.base = mapping.map + lead;
    table->mapping[table->count++] = mapping;
    return 0;
}

static void
unmap_at(struct table *table, size_t i)
{
    munmap(table->mapping[i].map, table->mapping[i].map_size);
    table->mapping[i] = table->mapping[--table->count];
}

static void
unmap_all(struct table *table)
{
    while (table->count > 0) {
        unmap_at(table, table->count - 1);
    }
}

int
guest_memory_add(struct guest_memory *memory, const struct guest_memory_region *region, int fd)
{
    return map_region(&memory->table, region, fd);
}

static bool
same_place(const struct guest_memory_region *a, const struct guest_memory_region *b)
{
    return a->guest_address == b->guest_address && a->user_address == b->user_address &&
           a->size == b->size;
}

int
guest_memory_remove(struct guest_memory *memory, const struct guest_memory_region *region)
{
    for (size_t i = 0; i < memory->table.count; i++) {
        if (same_place(&memory->table.mapping[i].region, region)) {
            unmap_at(&memory->table, i);
            return 0;
        }
    }
    return -ENOENT;
}

/* Give the new mapping up where the old table has the very same one; the caller unmaps the rest. */
static void
keep_old(struct table *old, struct mapping *new)
{
    for (size_t i = 0; i < old->count; i++) {
        struct mapping *candidate = &old->mapping[i];
        if (same_place(&candidate->region, &new->region) &&
            candidate->region.file_offset == new->region.file_offset &&
            candidate->device == new->device && candidate->inode == new->inode) {
            struct mapping kept = *candidate;
            *candidate = *new; /* to be unmapped with the old table */
            *new = kept;
            return;
        }
    }
}

int
guest_memory_replace(struct guest_memory *memory, const struct guest_memory_region *regions,
                     const int *fds, size_t count)
{
    struct table table = {.count = 0};

    for (size_t i = 0; i < count; i++) {
        int r = map_region(&table, &regions[i], fds[i]);
        if (r < 0) {
            unmap_all(&table);
            return r;
        }
    }
    for (size_t i = 0; i < table.count; i++) {
        keep_old(&memory->table, &table.mapping[i]);
    }
    guest_memory_clear(memory);
    memory->table = table;
    return 0;
}

void
guest_memory_clear(struct guest_memory *memory)
{
    unmap_all(&memory->table);
}

void *
guest_memory_range(const struct guest_memory *memory, uint64_t address, uint64_t length)
{
    for (size_t i = 0; i < memory->table.count; i++) {
        const struct mapping *mapping = &memory->table.mapping[i];
        uint64_t offset = address - mapping->region.guest_address;
        if (address >= mapping->region.guest_address &&
            range_inside(offset, length, mapping->region.size)) {
            return mapping->base + offset;
        }
    }
    return NULL;
}

void *
guest_memory_user_range(const struct guest_memory *memory, uint64_t address, uint64_t length)
{
    for (size_t i = 0; i < memory->table.count; i++) {
        const struct mapping *mapping = &memory->table.mapping[i];
        uint64_t offset = address - mapping->region.user_address;
        if (address >= mapping->region.user_address &&
            range_inside(offset, length, mapping->region.size)) {
            return mapping->base + offset;
        }
    }
    return NULL;
}

bool
guest_memory_is_mapped(const struct guest_memory *memory, const void *pointer, uint64_t length)
{
    for (size_t i = 0; i < memory->table.count; i++) {
        const struct mapping *mapping = &memory->table.mapping[i];
        uintptr_t offset = (uintptr_t)pointer - (uintptr_t)mapping->base;
        if ((uintptr_t)pointer >= (uintptr_t)mapping->base &&
            range_inside(offset, length, mapping->region.size)) {
            return true;
        }
    }
    return false;
}
