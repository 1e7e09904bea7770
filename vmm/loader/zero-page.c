/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/loader/zero-page.h"

#include <asm/bootparam.h>
#include <errno.h>
#include <string.h>

#include "vmm/base/bytes.h"

enum {
    E820_RAM = 1,
    E820_RESERVED = 2,
    LOW_RAM_TOP = 0x9fc00, /* the extended BIOS data area of a PC begins here */
    LOADER_TYPE_UNKNOWN = 0xff
};

static void
e820_add(struct boot_params *params, uint64_t start, uint64_t end, uint32_t type)
{
    if (end > start) {
        params->e820_table[params->e820_entries++] =
            (struct boot_e820_entry){.addr = start, .size = end - start, .type = type};
    }
}

static void
e820_fill(struct boot_params *params, const struct loader_ram *ram)
{
    uint64_t low_end = loader_ram_low_end(ram);

    e820_add(params, 0, LOW_RAM_TOP, E820_RAM);
    e820_add(params, LOW_RAM_TOP, 0xa0000, E820_RESERVED);
    e820_add(params, LOADER_RSDP, 0x100000, E820_RESERVED); /* ACPI tables */
    e820_add(params, 0x100000, low_end, E820_RAM);
    /* Linux uses ECAM only when the firmware reserves it. */
    e820_add(params, UINT64_C(0xf4000000), UINT64_C(0xf8000000), E820_RESERVED);
    /* KVM's own pages (TSS and identity map on Intel). */
    e820_add(params, UINT64_C(0xfffbc000), UINT64_C(0x100000000), E820_RESERVED);
    e820_add(params, LOADER_HIGH_RAM_START, LOADER_HIGH_RAM_START + (ram->size - low_end),
             E820_RAM);
}

int
zero_page_write(const struct loader_ram *ram, const struct loader_kernel *kernel,
                const struct loader_done *done)
{
    struct boot_params params = {0};
    struct setup_header *header = &params.hdr;
    uint64_t initrd_size = done->initrd_end - done->initrd_start;
    void *to = loader_ram_range(ram, LOADER_ZERO_PAGE, sizeof(params));

    if (!to) {
        return -EINVAL;
    }
    if (kernel->setup_header_size) {
        memcpy(header, kernel->setup_header, MIN_OF(kernel->setup_header_size, sizeof(*header)));
    } else {
        header->boot_flag = 0xaa55;
        header->header = UINT32_C(0x53726448); /* "HdrS" */
        header->version = 0x20f;
        header->kernel_alignment = 0x1000000;
        header->cmdline_size = LOADER_COMMAND_LINE_SIZE - 1;
    }
    header->type_of_loader = LOADER_TYPE_UNKNOWN;
    header->loadflags = LOADED_HIGH;
    header->setup_data = 0;
    header->hardware_subarch = 0;
    header->cmd_line_ptr = LOADER_COMMAND_LINE;
    header->ramdisk_image = (uint32_t)done->initrd_start;
    header->ramdisk_size = (uint32_t)initrd_size;
    params.ext_ramdisk_image = (uint32_t)(done->initrd_start >> 32);
    params.ext_ramdisk_size = (uint32_t)(initrd_size >> 32);
    params.acpi_rsdp_addr = LOADER_RSDP;
    e820_fill(&params, ram);
    memcpy(to, &params, sizeof(params));
    return 0;
}
