/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/machine/arm64/layout.h"

uint64_t
arm64_serial_start(unsigned int port)
{
    static const uint64_t starts[MACHINE_SERIAL_MAX] = {0x3f8, 0x2f8, 0x3e8, 0x2e8};

    return starts[port];
}

unsigned int
arm64_serial_spi(unsigned int port)
{
    return port % 2 == 0 ? ARM64_SPI_SERIAL_EVEN : ARM64_SPI_SERIAL_ODD;
}

uint32_t
arm64_cpu_affinity(unsigned int index)
{
    return (index & 15) | (index >> 4 & 255) << 8;
}

uint64_t
arm64_redist_start(unsigned int n_cpus)
{
    return ARM64_GIC_DIST_START - n_cpus * ARM64_GIC_REDIST_SIZE;
}

uint64_t
arm64_fdt_start(uint64_t ram_size)
{
    return align_down(ARM64_RAM_START + ram_size - ARM64_FDT_SIZE_MAX, 2 * MIB);
}

void
arm64_pci_windows(uint64_t ram_size, unsigned int address_bits, struct pci_windows *ret_windows)
{
    uint64_t end = UINT64_C(1) << address_bits;
    uint64_t start = align_up(ARM64_RAM_START + ram_size + ARM64_PLATFORM_MMIO, GIB);

    *ret_windows = (struct pci_windows){
        .ecam_start = ARM64_PCI_CONFIG_START,
        .ecam_size = ARM64_PCI_CONFIG_SIZE,
        .low_start = ARM64_LOW_MMIO_START,
        .low_size = ARM64_LOW_MMIO_SIZE,
        .high_start = start,
        .high_size = start < end ? end - start : 0,
        .cam = true,
    };
}

unsigned int
arm64_pci_spi(unsigned int device, unsigned int pin)
{
    return ARM64_SPI_PCI + (device + pin - 1) % ARM64_PCI_PINS;
}
