/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/loader/kernel.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "vmm/base/bytes.h"

enum {
    HEAD_SIZE = 1024
};

int
kernel_error_memory(const struct source *source, const struct loader_ram *ram, uint64_t end,
                    struct loader_error *error)
{
    if (end > LOADER_LOW_RAM_END) {
        return loader_error_set(error, "bad-kernel",
                                "%s wants memory up to address 0x%" PRIx64 ", which no machine has "
                                "for a kernel; get the kernel again.",
                                source->name, end);
    }
    return loader_error_set(error, "no-memory",
                            "%s needs %" PRIu64 " MiB of memory, the machine has %" PRIu64
                            " MiB: give the machine more memory.",
                            source->name, (end + MIB - 1) / MIB, ram->size / MIB);
}

int
kernel_error_read(const struct source *source, int r, struct loader_error *error)
{
    if (r == -EIO) {
        return loader_error_set(error, "bad-kernel",
                                "%s ends too early: it is incomplete; get the kernel again.",
                                source->name);
    }
    return loader_error_set(error, "bad-kernel", "%s cannot be read: %s.", source->name,
                            strerror(-r));
}

/* The image header of an arm64 or RISC-V kernel, and other things people mistake for a kernel. */
static int
kernel_refuse(const struct source *source, const uint8_t *head, struct loader_error *error)
{
    if (memcmp(head + 0x38, "ARM\x64", 4) == 0) {
        return loader_error_set(error, "bad-kernel",
                                "%s is a kernel for 64-bit Arm processors; use one built for "
                                "x86-64.",
                                source->name);
    }
    if (memcmp(head + 0x38, "RSC\x05", 4) == 0) {
        return loader_error_set(error, "bad-kernel",
                                "%s is a kernel for RISC-V processors; use one built for x86-64.",
                                source->name);
    }
    if (source->size == 0) {
        return loader_error_set(error, "bad-kernel",
                                "%s is empty: choose a Linux kernel (vmlinux or vmlinuz).",
                                source->name);
    }
    return loader_error_set(error, "bad-kernel",
                            "%s is not a Linux kernel: no ELF and no bzImage header; choose a "
                            "vmlinux or vmlinuz file.",
                            source->name);
}

int
kernel_load(const struct source *source, const struct loader_ram *ram, struct store *store,
            struct loader_kernel *ret_kernel, struct loader_error *error)
{
    uint8_t head[HEAD_SIZE] = {0};
    int r = source_read(source, 0, head, MIN_OF(source->size, sizeof(head)));

    if (r < 0) {
        return kernel_error_read(source, r, error);
    }
    if (elf_recognise(head, source->size)) {
        return elf_load(source, ram, ret_kernel, error);
    }
    if (bzimage_recognise(head, source->size)) {
        return bzimage_load(source, ram, store, ret_kernel, error);
    }
    return kernel_refuse(source, head, error);
}
