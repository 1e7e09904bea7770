/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The arm64 guest-physical map (docs/architecture.md section 8: the crosvm book's table) and the
 * interrupts of the platform.
 */

#include <stdint.h>

#include "vmm/base/bytes.h"
#include "vmm/machine/pci.h"

#define ARM64_SERIAL_SIZE      UINT64_C(8)
#define ARM64_RTC_START        UINT64_C(0x2000)
#define ARM64_RTC_SIZE         UINT64_C(0x1000)
#define ARM64_PCI_CONFIG_START UINT64_C(0x10000) /* CAM: 256 bytes per function */
#define ARM64_PCI_CONFIG_SIZE  UINT64_C(0x10000)
#define ARM64_LOW_MMIO_START   UINT64_C(0x2000000)
#define ARM64_LOW_MMIO_SIZE    UINT64_C(0x2000000)
#define ARM64_GIC_DIST_START   UINT64_C(0x3fff0000)
#define ARM64_GIC_DIST_SIZE    UINT64_C(0x10000)
#define ARM64_GIC_REDIST_SIZE  UINT64_C(0x20000) /* per processor, right below the distributor */
#define ARM64_RAM_START        UINT64_C(0x80000000)
#define ARM64_PLATFORM_MMIO    UINT64_C(0x800000) /* right after RAM */
#define ARM64_FDT_SIZE_MAX     (2 * MIB)

/* GICv3 interrupts: shared ones (SPI) count from 0, which is INTID 32. */
enum {
    ARM64_SPI_SERIAL_EVEN = 0, /* ports 0 and 2 */
    ARM64_SPI_RTC = 1,
    ARM64_SPI_SERIAL_ODD = 2, /* ports 1 and 3 */
    ARM64_SPI_PCI = 4,        /* and the three after it */
    ARM64_PCI_PINS = 4,

    /* Private ones (PPI), fixed by the architecture's generic timer. */
    ARM64_PPI_TIMER_SECURE = 13,
    ARM64_PPI_TIMER_PHYSICAL = 14,
    ARM64_PPI_TIMER_VIRTUAL = 11,
    ARM64_PPI_TIMER_HYPERVISOR = 10,
};

uint64_t arm64_serial_start(unsigned int port);
unsigned int arm64_serial_spi(unsigned int port);
/* MPIDR affinity of processor `index`, as KVM numbers them. */
uint32_t arm64_cpu_affinity(unsigned int index);
uint64_t arm64_redist_start(unsigned int n_cpus);
/* Where the device tree goes: the last ARM64_FDT_SIZE_MAX bytes of RAM, aligned to 2 MiB. */
uint64_t arm64_fdt_start(uint64_t ram_size);
/* `address_bits`: what KVM gives guests (KVM_CAP_ARM_VM_IPA_SIZE). */
void arm64_pci_windows(uint64_t ram_size, unsigned int address_bits,
                       struct pci_windows *ret_windows);
/* INTA is pin 1, as in vm_pci_line(). */
unsigned int arm64_pci_spi(unsigned int device, unsigned int pin);
