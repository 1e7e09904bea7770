/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/loader/kernel.h"

#include <asm/bootparam.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "vmm/base/bytes.h"
#include "vmm/loader/place.h"
#include "vmm/loader/unpack.h"

enum {
    HEADER_OFFSET = 0x1f1,
    HEADER_MAGIC_OFFSET = 0x202,
    HEADER_END_OFFSET = 0x201, /* a byte here tells where the header ends, counted from 0x202 */
    SECTOR = 512,
    VERSION_PAYLOAD = 0x208,
    VERSION_XLOADFLAGS = 0x20c,
    ENTRY_64_OFFSET = 0x200 /* of startup_64 in a loaded image, boot.rst */
};

/* What we use of the setup header, checked for overflow. */
struct bzimage {
    struct setup_header header;
    uint64_t body; /* file offset of the protected-mode part */
    struct store *store;
};

bool
bzimage_recognise(const uint8_t *head, uint64_t size)
{
    return size >= HEADER_MAGIC_OFFSET + 4 && load_le16(head + 0x1fe) == 0xaa55 &&
           memcmp(head + HEADER_MAGIC_OFFSET, "HdrS", 4) == 0;
}

static int
bzimage_parse(const struct source *source, struct bzimage *image, struct loader_kernel *kernel,
              struct loader_error *error)
{
    uint8_t head[HEADER_OFFSET + sizeof(kernel->setup_header)];

    int r = source_read(source, 0, head, sizeof(head));
    if (r < 0) {
        return kernel_error_read(source, r, error);
    }
    uint64_t end = HEADER_MAGIC_OFFSET + (uint64_t)head[HEADER_END_OFFSET];
    uint64_t size = MIN_OF(end - HEADER_OFFSET, sizeof(struct setup_header));
    memcpy(&image->header, head + HEADER_OFFSET, size);
    kernel->setup_header_size = (uint32_t)size;
    memcpy(kernel->setup_header, head + HEADER_OFFSET, size);
    if (image->header.version < VERSION_PAYLOAD || !(image->header.loadflags & LOADED_HIGH)) {
        return loader_error_set(error, "bad-kernel",
                                "%s is too old a Linux kernel (boot protocol %u.%02u); use Linux "
                                "2.6.26 or later.",
                                source->name, image->header.version >> 8,
                                image->header.version & 0xffU);
    }
    uint64_t sectors = image->header.setup_sects ? image->header.setup_sects : 4;
    image->body = (sectors + 1) * SECTOR;
    return 0;
}

/* Load the image as it is; it unpacks itself to max(its address, pref_address). */
static int
bzimage_load_whole(const struct source *source, const struct bzimage *image,
                   const struct loader_ram *ram, struct loader_kernel *kernel,
                   struct loader_error *error)
{
    const struct setup_header *header = &image->header;

    if (header->version < VERSION_XLOADFLAGS || !(header->xloadflags & XLF_KERNEL_64)) {
        return loader_error_set(error, "bad-kernel",
                                "%s is a 32-bit kernel; use a 64-bit (x86-64) one.", source->name);
    }
    if (image->body >= source->size) {
        return kernel_error_read(source, -EIO, error);
    }
    uint64_t size = source->size - image->body;
    uint64_t start = header->relocatable_kernel ? LOADER_KERNEL_START : header->pref_address;
    uint64_t end;
    if (!add_fits(MAX_OF(start, header->pref_address), MAX_OF(size, (uint64_t)header->init_size),
                  &end) ||
        start < LOADER_KERNEL_LOWEST || size <= ENTRY_64_OFFSET) {
        return loader_error_set(error, "bad-kernel",
                                "%s is damaged: its header asks for impossible memory; get the "
                                "kernel again.",
                                source->name);
    }
    struct place place = {.ram = ram, .fresh = true};
    place.to = end <= loader_ram_low_end(ram) ? loader_ram_range(ram, start, size) : NULL;
    if (!place.to) {
        return kernel_error_memory(source, ram, end, error);
    }
    int r = place_bytes(&place, source, image->body, size);
    if (r < 0) {
        return kernel_error_read(source, r, error);
    }
    kernel->start = start;
    kernel->end = end;
    kernel->entry = start + ENTRY_64_OFFSET;
    return 0;
}

/* What went wrong with the packed part: fills *error. */
static int
bzimage_refuse(const struct source *source, int r, struct loader_error *error)
{
    switch (r) {
    case -EIO:
        return kernel_error_read(source, r, error);
    case -ENOMEM:
        return loader_error_set(error, "no-memory",
                                "There is not enough memory on this computer to unpack %s; close "
                                "other programs and try again.",
                                source->name);
    case -E2BIG:
        return loader_error_set(
            error, "bad-kernel",
            "%s would take more than %" PRIu64
            " MiB when it is unpacked, which no kernel does; get the kernel again.",
            source->name, UNPACK_OUTPUT_MAX / MIB);
    default:
        return loader_error_set(error, "bad-kernel",
                                "%s is damaged: its compressed part cannot be unpacked; get the "
                                "kernel again.",
                                source->name);
    }
}

/* Load the ELF kernel inside, kept from an earlier boot or unpacked now. */
static int
bzimage_load_payload(const struct source *source, const struct bzimage *image,
                     const struct loader_ram *ram, struct loader_kernel *kernel,
                     struct loader_error *error)
{
    struct source elf;
    struct loader_kernel inner = {0};
    uint64_t offset = image->body + image->header.payload_offset;

    int r = store_open(image->store, source->name, &elf);
    if (r < 0) {
        r = unpack(source, offset, image->header.payload_length, image->store->fill_fd, &elf);
        if (r == -EOPNOTSUPP || image->header.payload_length == 0) {
            return bzimage_load_whole(source, image, ram, kernel, error);
        }
        if (r < 0) {
            return bzimage_refuse(source, r, error);
        }
    }
    uint8_t head[SECTOR] = {0};
    source_read(&elf, 0, head, MIN_OF(elf.size, sizeof(head)));
    if (elf_recognise(head, elf.size)) {
        r = elf_load(&elf, ram, &inner, error);
    } else {
        r = loader_error_set(error, "bad-kernel",
                             "%s is damaged: there is no ELF kernel inside; get the kernel again.",
                             source->name);
    }
    if (r == 0) {
        store_keep(image->store, &elf);
    }
    unpack_release(&elf);
    if (r < 0) {
        return r;
    }
    kernel->entry = inner.entry;
    kernel->start = inner.start;
    kernel->end = inner.end;
    return 0;
}

int
bzimage_load(const struct source *source, const struct loader_ram *ram, struct store *store,
             struct loader_kernel *ret_kernel, struct loader_error *error)
{
    struct bzimage image = {.store = store};
    struct loader_kernel kernel = {0};

    int r = bzimage_parse(source, &image, &kernel, error);
    if (r < 0) {
        return r;
    }
    kernel.initrd_end_max = image.header.initrd_addr_max
                                ? (uint64_t)image.header.initrd_addr_max + 1
                                : LOADER_LOW_RAM_END;
    kernel.command_line_max =
        image.header.cmdline_size ? image.header.cmdline_size : LOADER_COMMAND_LINE_SIZE - 1;
    r = bzimage_load_payload(source, &image, ram, &kernel, error);
    if (r < 0) {
        return r;
    }
    *ret_kernel = kernel;
    return 0;
}
