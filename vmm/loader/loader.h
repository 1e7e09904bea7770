/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What vmm-loader does: put a Linux kernel, its initrd, its command line and the x86 zero page into
 * guest memory (Linux Documentation/arch/x86/boot.rst, 64-bit boot protocol). Kernel and initrd are
 * hostile: every number in them is checked before use, and nothing is written outside guest memory.
 */

#include <stdint.h>

#include "vmm/protocol/loader.h"

enum {
    LOADER_ZERO_PAGE = 0x7000,
    LOADER_COMMAND_LINE = 0x20000,
    LOADER_RSDP = 0xe0000,
    LOADER_KERNEL_START = 0x200000, /* for kernels that may be put anywhere */
    LOADER_KERNEL_LOWEST = 0x100000 /* below live the zero page, page tables and ACPI tables */
};

#define LOADER_LOW_RAM_END    UINT64_C(0xd0000000)
#define LOADER_HIGH_RAM_START UINT64_C(0x100000000)

/* Guest RAM as one mapping: below LOADER_LOW_RAM_END first, the rest from LOADER_HIGH_RAM_START. */
struct loader_ram {
    uint8_t *host;
    uint64_t size;
    int fd; /* the memory file behind `host`, all zeros at first; or -1: memory with anything in it */
};

uint64_t loader_ram_low_end(const struct loader_ram *ram);
/* Host pointer to guest physical [address, address + length), or NULL unless all of it is RAM. */
void *loader_ram_range(const struct loader_ram *ram, uint64_t address, uint64_t length);

/* Why something failed; `id` as in struct start_failed. */
struct loader_error {
    const char *id;
    char sentence[START_SENTENCE_SIZE];
};

/* Fill *error and return -EINVAL, for `return loader_error_set(...)`. */
int loader_error_set(struct loader_error *error, const char *id, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* What the command line, initrd and zero page need to know about the kernel that was loaded. */
struct loader_kernel {
    uint64_t entry; /* guest physical, 64-bit entry point */
    uint64_t start;
    uint64_t end; /* behind all memory that the kernel uses before it reads the e820 map */
    uint64_t initrd_end_max;   /* the initrd must end at or below */
    uint32_t command_line_max; /* bytes without NUL */
    uint32_t setup_header_size;
    uint8_t setup_header[128]; /* bzImage: its bytes from 0x1f1 on */
};

/*
 * Do the whole work for a setup whose descriptors are regular files. 0 and *ret_done (without its
 * header), or -errno and *error.
 */
int loader_run(const struct loader_setup *setup, const struct loader_ram *ram,
               struct loader_done *ret_done, struct loader_error *error);
