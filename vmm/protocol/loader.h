/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * supervisor <-> vmm-loader: one question, one answer, then the loader exits with status 0.
 *
 * The loader reads the kernel and the initrd, writes them, the command line and (x86) the zero page
 * with its e820 map into guest memory, and answers where they are. Guest memory layout:
 * docs/architecture.md section 8 and the tables at the end of the crosvm book. ACPI tables, page
 * tables and registers are the machine's.
 */

#include <stdint.h>

#include "vmm/protocol/start.h"

enum {
    LOADER_COMMAND_LINE_SIZE = 2048
};

enum loader_type {
    LOADER_DONE = START_TYPE_FROM_CHILD, /* struct loader_done */
    /* START_FAILED reports a kernel or initrd that cannot be used. */
};

struct loader_setup {
    struct start_setup start;
    uint64_t ram_size;
    int32_t ram_fd;    /* sealed memfd, guest RAM */
    int32_t kernel_fd; /* regular file, read only */
    int32_t initrd_fd; /* regular file, read only, or -1 */
    int32_t stored_fd; /* the kernel, unpacked by an earlier boot, or -1; then not store_fd */
    int32_t store_fd;  /* memfd of LOADER_STORE_MAX bytes to unpack the kernel into, or -1 */
    uint32_t reserved;
    char command_line[LOADER_COMMAND_LINE_SIZE]; /* complete, NUL terminated */
    char kernel_name[256];                       /* for sentences only */
    char initrd_name[256];
};

struct loader_done {
    struct start_header header;
    uint64_t entry;
    uint64_t boot_params; /* x86: address of the zero page */
    uint64_t kernel_start;
    uint64_t kernel_end;
    uint64_t initrd_start; /* 0 without initrd */
    uint64_t initrd_end;
    uint64_t store_size; /* of what store_fd holds now; 0: nothing */
    uint32_t store_sum;  /* its sum, vmm/loader/store.c */
    uint32_t stored_bad; /* what is at stored_fd is damaged, and was not used */
};

#define LOADER_STORE_MAX   (UINT64_C(1) << 30)
#define LOADER_STORE_MAGIC "VTRKRNL2"

/* Behind a kernel that is kept unpacked: with it the supervisor ends the file. */
struct loader_store_end {
    char magic[8];
    uint64_t size; /* of what is before this */
    uint32_t sum;  /* of that, vmm/loader/store.c */
    uint32_t reserved;
};
