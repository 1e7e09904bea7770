/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/machine/arm64/fdt.h"

#include <errno.h>
#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/base/cleanup.h"
#include "vmm/machine/arm64/layout.h"

enum {
    PHANDLE_GIC = 1,
    PHANDLE_CLOCK,
    PHANDLE_RTC,
    PHANDLE_PCI,
    PHANDLE_SERIAL, /* + port */

    GIC_SPI = 0,
    GIC_PPI = 1,
    LEVEL_HIGH = 4,

    CLOCK_HZ = 24000000,
    SERIAL_CLOCK_HZ = 1843200,

    PCI_SPACE_32BIT = 0x02000000,
    PCI_SPACE_64BIT_PREFETCH = 0x43000000,
    PCI_DEVICE_SHIFT = 11,
    PCI_MAP_CELLS = 8,

    LABELS_MAX = 16,
    PATH_SIZE = 48,
    CELLS_MAX = 32,
};

/* The first error sticks, so that the steps need no checks of their own. */
struct writer {
    void *tree;
    int error;
    unsigned int n_labels;
    struct {
        const char *label;
        char path[PATH_SIZE];
    } labels[LABELS_MAX];
};

static void
note(struct writer *w, int error)
{
    if (w->error == 0) {
        w->error = error;
    }
}

static void
begin(struct writer *w, const char *name)
{
    note(w, fdt_begin_node(w->tree, name));
}

static void
end(struct writer *w)
{
    note(w, fdt_end_node(w->tree));
}

static void
put_bytes(struct writer *w, const char *name, const void *data, size_t size)
{
    note(w, fdt_property(w->tree, name, data, (int)size));
}

static void
put_string(struct writer *w, const char *name, const char *text)
{
    put_bytes(w, name, text, strlen(text) + 1);
}

static void
put_empty(struct writer *w, const char *name)
{
    put_bytes(w, name, NULL, 0);
}

static void
put_cells(struct writer *w, const char *name, const uint32_t *cells, size_t n)
{
    void *data = NULL;
    int r = fdt_property_placeholder(w->tree, name, (int)(n * sizeof(uint32_t)), &data);

    note(w, r);
    for (size_t i = 0; r == 0 && i < n; i++) {
        fdt32_st((uint8_t *)data + i * sizeof(uint32_t), cells[i]);
    }
}

#define PUT_CELLS(w, name, ...)                         \
    put_cells(w, name, (const uint32_t[]){__VA_ARGS__}, \
              sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

/* A node below the root with a unit address and a label; an overlay finds it by its phandle. */
static void
begin_at(struct writer *w, const char *label, const char *name, uint64_t address, uint32_t phandle)
{
    char text[PATH_SIZE];

    snprintf(text, sizeof(text), "%s@%llx", name, (unsigned long long)address);
    begin(w, text);
    if (w->n_labels < LABELS_MAX) {
        w->labels[w->n_labels].label = label;
        snprintf(w->labels[w->n_labels].path, PATH_SIZE, "/%s@%llx", name,
                 (unsigned long long)address);
        w->n_labels++;
    }
    PUT_CELLS(w, "phandle", phandle);
}

#define HIGH(value) ((uint32_t)((uint64_t)(value) >> 32))
#define LOW(value)  ((uint32_t)(value))

static void
put_reg(struct writer *w, uint64_t start, uint64_t size)
{
    PUT_CELLS(w, "reg", HIGH(start), LOW(start), HIGH(size), LOW(size));
}

static void
write_chosen(struct writer *w, const struct arm64_fdt *machine)
{
    uint64_t initrd_end = machine->initrd_start + machine->initrd_size;
    char path[PATH_SIZE];

    begin(w, "chosen");
    put_string(w, "bootargs", machine->command_line);
    if (machine->has_serial[0]) {
        snprintf(path, sizeof(path), "/serial@%llx", (unsigned long long)arm64_serial_start(0));
        put_string(w, "stdout-path", path);
    }
    if (machine->initrd_size > 0) {
        PUT_CELLS(w, "linux,initrd-start", HIGH(machine->initrd_start), LOW(machine->initrd_start));
        PUT_CELLS(w, "linux,initrd-end", HIGH(initrd_end), LOW(initrd_end));
    }
    if (machine->seed) {
        put_bytes(w, "kaslr-seed", machine->seed, 8);
        put_bytes(w, "rng-seed", machine->seed + 8, ARM64_SEED_SIZE - 8);
    }
    end(w);
}

static void
write_memory(struct writer *w, const struct arm64_fdt *machine)
{
    char name[PATH_SIZE];

    snprintf(name, sizeof(name), "memory@%llx", (unsigned long long)ARM64_RAM_START);
    begin(w, name);
    put_string(w, "device_type", "memory");
    put_reg(w, ARM64_RAM_START, machine->ram_size);
    end(w);
}

static void
write_cpus(struct writer *w, const struct arm64_fdt *machine)
{
    begin(w, "cpus");
    PUT_CELLS(w, "#address-cells", 1);
    PUT_CELLS(w, "#size-cells", 0);
    for (unsigned int i = 0; i < machine->n_cpus; i++) {
        uint32_t affinity = arm64_cpu_affinity(i);
        char name[PATH_SIZE];

        snprintf(name, sizeof(name), "cpu@%x", affinity);
        begin(w, name);
        put_string(w, "device_type", "cpu");
        put_string(w, "compatible", "arm,armv8");
        PUT_CELLS(w, "reg", affinity);
        put_string(w, "enable-method", "psci");
        end(w);
    }
    end(w);
}

static void
write_psci(struct writer *w)
{
    static const char compatible[] = "arm,psci-1.0\0arm,psci-0.2";

    begin(w, "psci");
    put_bytes(w, "compatible", compatible, sizeof(compatible));
    put_string(w, "method", "hvc");
    end(w);
}

static void
write_gic(struct writer *w, const struct arm64_fdt *machine)
{
    uint64_t redist = arm64_redist_start(machine->n_cpus);
    uint64_t redist_size = ARM64_GIC_DIST_START - redist;

    begin_at(w, "gic", "interrupt-controller", ARM64_GIC_DIST_START, PHANDLE_GIC);
    put_string(w, "compatible", "arm,gic-v3");
    put_empty(w, "interrupt-controller");
    PUT_CELLS(w, "#interrupt-cells", 3);
    PUT_CELLS(w, "#address-cells", 0);
    PUT_CELLS(w, "reg", HIGH(ARM64_GIC_DIST_START), LOW(ARM64_GIC_DIST_START),
              HIGH(ARM64_GIC_DIST_SIZE), LOW(ARM64_GIC_DIST_SIZE), HIGH(redist), LOW(redist),
              HIGH(redist_size), LOW(redist_size));
    end(w);
}

static void
write_timer(struct writer *w)
{
    begin(w, "timer");
    put_string(w, "compatible", "arm,armv8-timer");
    PUT_CELLS(w, "interrupts", GIC_PPI, ARM64_PPI_TIMER_SECURE, LEVEL_HIGH, GIC_PPI,
              ARM64_PPI_TIMER_PHYSICAL, LEVEL_HIGH, GIC_PPI, ARM64_PPI_TIMER_VIRTUAL, LEVEL_HIGH,
              GIC_PPI, ARM64_PPI_TIMER_HYPERVISOR, LEVEL_HIGH);
    put_empty(w, "always-on");
    end(w);
}

static void
write_clock(struct writer *w)
{
    begin(w, "apb-pclk");
    put_string(w, "compatible", "fixed-clock");
    PUT_CELLS(w, "#clock-cells", 0);
    PUT_CELLS(w, "clock-frequency", CLOCK_HZ);
    put_string(w, "clock-output-names", "clk24mhz");
    PUT_CELLS(w, "phandle", PHANDLE_CLOCK);
    end(w);
}

static void
write_rtc(struct writer *w)
{
    static const char compatible[] = "arm,pl031\0arm,primecell";

    begin_at(w, "rtc", "rtc", ARM64_RTC_START, PHANDLE_RTC);
    put_bytes(w, "compatible", compatible, sizeof(compatible));
    put_reg(w, ARM64_RTC_START, ARM64_RTC_SIZE);
    PUT_CELLS(w, "interrupts", GIC_SPI, ARM64_SPI_RTC, LEVEL_HIGH);
    PUT_CELLS(w, "clocks", PHANDLE_CLOCK);
    put_string(w, "clock-names", "apb_pclk");
    end(w);
}

static void
write_serial(struct writer *w, unsigned int port)
{
    static const char *const labels[MACHINE_SERIAL_MAX] = {"serial0", "serial1", "serial2",
                                                           "serial3"};
    uint64_t start = arm64_serial_start(port);

    begin_at(w, labels[port], "serial", start, PHANDLE_SERIAL + port);
    put_string(w, "compatible", "ns16550a");
    put_reg(w, start, ARM64_SERIAL_SIZE);
    PUT_CELLS(w, "clock-frequency", SERIAL_CLOCK_HZ);
    PUT_CELLS(w, "interrupts", GIC_SPI, arm64_serial_spi(port), LEVEL_HIGH);
    end(w);
}

/* As many devices as there are lines, times the pins: the mask makes the pattern repeat. */
static void
write_interrupt_map(struct writer *w)
{
    uint32_t cells[ARM64_PCI_PINS * ARM64_PCI_PINS * PCI_MAP_CELLS];
    size_t n = 0;

    for (uint32_t device = 0; device < ARM64_PCI_PINS; device++) {
        for (uint32_t pin = 1; pin <= ARM64_PCI_PINS; pin++) {
            const uint32_t entry[PCI_MAP_CELLS] = {
                device << PCI_DEVICE_SHIFT, 0,          0, pin, PHANDLE_GIC, GIC_SPI,
                arm64_pci_spi(device, pin), LEVEL_HIGH,
            };

            memcpy(cells + n, entry, sizeof(entry));
            n += PCI_MAP_CELLS;
        }
    }
    put_cells(w, "interrupt-map", cells, n);
    PUT_CELLS(w, "interrupt-map-mask", (ARM64_PCI_PINS - 1) << PCI_DEVICE_SHIFT, 0, 0, 7);
}

static void
write_pci(struct writer *w, const struct pci_windows *pci)
{
    const uint32_t ranges[] = {
        PCI_SPACE_32BIT,          HIGH(pci->low_start),  LOW(pci->low_start),
        HIGH(pci->low_start),     LOW(pci->low_start),   HIGH(pci->low_size),
        LOW(pci->low_size),

        PCI_SPACE_64BIT_PREFETCH, HIGH(pci->high_start), LOW(pci->high_start),
        HIGH(pci->high_start),    LOW(pci->high_start),  HIGH(pci->high_size),
        LOW(pci->high_size),
    };
    size_t n_ranges = sizeof(ranges) / sizeof(ranges[0]) / (pci->high_size > 0 ? 1 : 2);

    begin_at(w, "pci", "pci", pci->ecam_start, PHANDLE_PCI);
    put_string(w, "compatible", pci->cam ? "pci-host-cam-generic" : "pci-host-ecam-generic");
    put_string(w, "device_type", "pci");
    PUT_CELLS(w, "#address-cells", 3);
    PUT_CELLS(w, "#size-cells", 2);
    PUT_CELLS(w, "#interrupt-cells", 1);
    put_reg(w, pci->ecam_start, pci->ecam_size);
    PUT_CELLS(w, "bus-range", 0, 0);
    PUT_CELLS(w, "linux,pci-domain", 0);
    put_cells(w, "ranges", ranges, n_ranges);
    write_interrupt_map(w);
    put_empty(w, "dma-coherent");
    end(w);
}

static void
write_symbols(struct writer *w)
{
    begin(w, "__symbols__");
    for (unsigned int i = 0; i < w->n_labels; i++) {
        put_string(w, w->labels[i].label, w->labels[i].path);
    }
    end(w);
}

static void
write_root(struct writer *w, const struct arm64_fdt *machine)
{
    begin(w, "");
    put_string(w, "compatible", "linux,dummy-virt");
    put_string(w, "model", "Vitrine");
    PUT_CELLS(w, "#address-cells", 2);
    PUT_CELLS(w, "#size-cells", 2);
    PUT_CELLS(w, "interrupt-parent", PHANDLE_GIC);
    write_chosen(w, machine);
    write_memory(w, machine);
    write_cpus(w, machine);
    write_psci(w);
    write_gic(w, machine);
    write_timer(w);
    write_clock(w);
    write_rtc(w);
    for (unsigned int i = 0; i < MACHINE_SERIAL_MAX; i++) {
        if (machine->has_serial[i]) {
            write_serial(w, i);
        }
    }
    write_pci(w, &machine->pci);
    if (machine->has_symbols) {
        write_symbols(w);
    }
    end(w);
}

int
arm64_fdt_build(const struct arm64_fdt *machine, void *buffer, size_t capacity)
{
    struct writer w = {.tree = buffer};

    note(&w, fdt_create(buffer, (int)capacity));
    note(&w, fdt_finish_reservemap(buffer));
    write_root(&w, machine);
    note(&w, fdt_finish(buffer));
    if (w.error == 0) {
        /* From the compact form to one that fills the buffer. */
        note(&w, fdt_open_into(buffer, buffer, (int)capacity));
    }
    return w.error == 0 ? 0 : -ENOSPC;
}

int
arm64_fdt_apply_overlay(void *tree, const void *overlay, size_t size)
{
    cleanup_free void *copy = NULL;
    int r;

    if (size > ARM64_FDT_SIZE_MAX || fdt_check_full(overlay, size) != 0) {
        return -EINVAL;
    }
    copy = malloc(size); /* libfdt changes the overlay while it works */
    if (!copy) {
        return -ENOMEM;
    }
    memcpy(copy, overlay, size);
    r = fdt_overlay_apply(tree, copy);
    if (r == 0) {
        return 0;
    }
    return r == -FDT_ERR_NOSPACE ? -ENOSPC : -EINVAL;
}

size_t
arm64_fdt_pack(void *tree)
{
    return fdt_pack(tree) == 0 ? fdt_totalsize(tree) : 0;
}
