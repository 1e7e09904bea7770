/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/loader/loader.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vmm/base/bytes.h"
#include "vmm/loader/kernel.h"
#include "vmm/loader/place.h"
#include "vmm/loader/source.h"
#include "vmm/loader/zero-page.h"

enum {
    PAGE = 4096,
    RAM_SIZE_MIN = 8 << 20
};

uint64_t
loader_ram_low_end(const struct loader_ram *ram)
{
    return MIN_OF(ram->size, LOADER_LOW_RAM_END);
}

void *
loader_ram_range(const struct loader_ram *ram, uint64_t address, uint64_t length)
{
    uint64_t low_end = loader_ram_low_end(ram);

    if (address < LOADER_HIGH_RAM_START) {
        return range_inside(address, length, low_end) ? ram->host + address : NULL;
    }
    address -= LOADER_HIGH_RAM_START;
    return range_inside(address, length, ram->size - low_end) ? ram->host + low_end + address
                                                              : NULL;
}

int
loader_error_set(struct loader_error *error, const char *id, const char *format, ...)
{
    va_list args;

    error->id = id;
    va_start(args, format);
    vsnprintf(error->sentence, sizeof(error->sentence), format, args);
    va_end(args);
    return -EINVAL;
}

static int
loader_open(struct source *source, int fd, const char *name, const char *id,
            struct loader_error *error)
{
    int r = source_open(source, fd, name);

    if (r == -EISDIR || r == -EINVAL) {
        return loader_error_set(error, id, "%s is %s: name a file.", name,
                                r == -EISDIR ? "a folder" : "not a regular file");
    }
    if (r < 0) {
        return loader_error_set(error, id, "%s cannot be read: %s.", name, strerror(-r));
    }
    return 0;
}

/* As high as the kernel and the memory below 4 GiB allow. */
static int
initrd_load(const struct loader_setup *setup, const struct loader_ram *ram,
            const struct loader_kernel *kernel, struct loader_done *done,
            struct loader_error *error)
{
    struct source source;
    uint64_t top = MIN_OF(loader_ram_low_end(ram), kernel->initrd_end_max);
    int r = loader_open(&source, setup->initrd_fd, setup->initrd_name, "bad-initrd", error);

    if (r < 0) {
        return r;
    }
    if (source.size == 0) {
        return loader_error_set(error, "bad-initrd", "%s is empty: choose another initrd or none.",
                                source.name);
    }
    if (source.size > top || align_down(top - source.size, PAGE) < kernel->end) {
        uint64_t room = top > kernel->end ? top - kernel->end : 0;
        return loader_error_set(error, "no-memory",
                                "%s needs %" PRIu64 " MiB of memory, behind the kernel the machine "
                                "has %" PRIu64 " MiB for it: give the machine more memory.",
                                source.name, source.size / MIB + 1, room / MIB);
    }
    uint64_t start = align_down(top - source.size, PAGE);
    const struct place place = {
        .ram = ram, .to = loader_ram_range(ram, start, source.size), .fresh = true};
    r = place.to ? place_bytes(&place, &source, 0, source.size) : -EFAULT;
    if (r < 0) {
        return loader_error_set(error, "bad-initrd", "%s cannot be read: %s.", source.name,
                                strerror(-r));
    }
    done->initrd_start = start;
    done->initrd_end = start + source.size;
    return 0;
}

static int
command_line_write(const struct loader_setup *setup, const struct loader_ram *ram,
                   const struct loader_kernel *kernel, struct loader_error *error)
{
    size_t length = strnlen(setup->command_line, sizeof(setup->command_line));
    size_t max = MIN_OF((size_t)kernel->command_line_max, sizeof(setup->command_line) - 1);

    if (length > max) {
        return loader_error_set(error, "bad-kernel",
                                "The kernel command line is longer than the %zu characters that "
                                "%s takes: shorten it.",
                                max, setup->kernel_name);
    }
    char *to = loader_ram_range(ram, LOADER_COMMAND_LINE, LOADER_COMMAND_LINE_SIZE);
    if (!to) {
        return loader_error_set(error, "no-memory", "The machine has too little memory.");
    }
    memset(to, 0, LOADER_COMMAND_LINE_SIZE);
    memcpy(to, setup->command_line, length);
    return 0;
}

int
loader_run(const struct loader_setup *setup, const struct loader_ram *ram,
           struct loader_done *ret_done, struct loader_error *error)
{
    struct source source;
    struct loader_kernel kernel;
    struct loader_done done = {.boot_params = LOADER_ZERO_PAGE};
    struct store store = {.stored_fd = setup->stored_fd, .fill_fd = setup->store_fd};

    if (ram->size < RAM_SIZE_MIN) {
        return loader_error_set(error, "no-memory",
                                "The machine has %" PRIu64
                                " MiB of memory, which is too little for "
                                "Linux: give it at least 64 MiB.",
                                ram->size / MIB);
    }
    int r = loader_open(&source, setup->kernel_fd, setup->kernel_name, "bad-kernel", error);
    if (r < 0) {
        return r;
    }
    r = kernel_load(&source, ram, &store, &kernel, error);
    if (r < 0) {
        return r;
    }
    r = command_line_write(setup, ram, &kernel, error);
    if (r < 0) {
        return r;
    }
    if (setup->initrd_fd >= 0) {
        r = initrd_load(setup, ram, &kernel, &done, error);
        if (r < 0) {
            return r;
        }
    }
    r = zero_page_write(ram, &kernel, &done);
    if (r < 0) {
        return loader_error_set(error, "no-memory", "The machine has too little memory.");
    }
    done.entry = kernel.entry;
    done.kernel_start = kernel.start;
    done.kernel_end = kernel.end;
    done.store_size = store.size;
    done.store_sum = store.sum;
    done.stored_bad = store.is_bad;
    *ret_done = done;
    return 0;
}
