/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/machine/x86/platform.h"

#include <errno.h>
#include <string.h>

#include "vmm/base/bytes.h"
#include "vmm/base/memory.h"
#include "vmm/machine/arch.h"
#include "vmm/machine/serial.h"
#include "vmm/machine/x86/cpuid.h"
#include "vmm/machine/x86/layout.h"
#include "vmm/machine/x86/power.h"
#include "vmm/machine/x86/rtc.h"
#include "vmm/machine/x86/watchdog.h"

enum {
    FLUSH_TIMEOUT_MS = 100
};

struct arch {
    struct vm *vm;
    struct power *power;
    struct rtc *rtc;
    struct loop_source *rtc_timer;
    struct watchdog *watchdog;
    struct serial *serial[MACHINE_SERIAL_MAX];
    uint32_t serial_levels; /* atomic; bit per port, ports 0 and 2, 1 and 3 share a line */
    unsigned int physical_bits;
};

uint16_t
platform_serial_port(unsigned int index)
{
    static const uint16_t ports[MACHINE_SERIAL_MAX] = {0x3f8, 0x2f8, 0x3e8, 0x2e8};

    return ports[index % MACHINE_SERIAL_MAX];
}

uint32_t
platform_serial_line(unsigned int index)
{
    return index % 2 == 0 ? 4 : 3;
}

static void
set_serial_line(void *data, unsigned int port, bool level)
{
    struct arch *arch = data;
    uint32_t others = UINT32_C(5) << (port % 2); /* all ports of this line */
    uint32_t bit = UINT32_C(1) << port;
    uint32_t now;

    if (level) {
        now = __atomic_or_fetch(&arch->serial_levels, bit, __ATOMIC_SEQ_CST);
    } else {
        now = __atomic_and_fetch(&arch->serial_levels, ~bit, __ATOMIC_SEQ_CST);
    }
    vm_set_line(arch->vm, platform_serial_line(port), (now & others) != 0);
}

static int
add_serial(struct arch *arch, unsigned int index, int fd)
{
    static const char *const names[MACHINE_SERIAL_MAX] = {"serial-1", "serial-2", "serial-3",
                                                          "serial-4"};
    struct vm *vm = arch->vm;

    arch->serial[index] = serial_create(vm->loop, fd, index, set_serial_line, arch);
    if (!arch->serial[index]) {
        return -errno;
    }
    return vm_add_range(vm, VM_SPACE_PORT, platform_serial_port(index), SERIAL_REGISTERS,
                        names[index], &serial_range_ops, arch->serial[index]);
}

static void
set_clock_line(void *data, bool level)
{
    struct arch *arch = data;

    vm_set_line(arch->vm, X86_PIN_CLOCK, level);
}

static void
on_alarm(void *data)
{
    struct arch *arch = data;

    power_tell_alarm(arch->power);
}

static void
set_clock_timer(void *data, uint64_t ms)
{
    struct arch *arch = data;

    loop_timer_set(arch->rtc_timer, ms, 0);
}

static void
on_clock_timer(void *data, uint32_t events)
{
    struct arch *arch = data;

    rtc_tick(arch->rtc);
}

static int
add_clock(struct arch *arch)
{
    const struct rtc_host host = {
        .line = set_clock_line, .alarm = on_alarm, .wait = set_clock_timer, .data = arch};

    arch->rtc_timer = loop_add_timer(arch->vm->loop, on_clock_timer, arch);
    if (!arch->rtc_timer) {
        return -errno;
    }
    arch->rtc = rtc_create(&host);
    return vm_add_range(arch->vm, VM_SPACE_PORT, X86_PORT_CMOS_INDEX, 2, "cmos", &rtc_range_ops,
                        arch->rtc);
}

static int
find_physical_bits(struct arch *arch)
{
    cleanup_free struct kvm_cpuid2 *table = NULL;
    int r = cpuid_supported(arch->vm->kvm_fd, &table);

    if (r == 0) {
        arch->physical_bits = cpuid_physical_bits(table);
    }
    return r;
}

int
arch_create_platform(struct vm *vm, const struct machine_setup *setup)
{
    struct arch *arch = xalloc(sizeof(*arch));
    int r;

    arch->vm = vm;
    vm->arch = arch;
    r = find_physical_bits(arch);
    if (r < 0) {
        return r;
    }
    arch->power = power_create(vm);
    if (!arch->power) {
        return -errno;
    }
    arch->watchdog = watchdog_create(vm, vm->loop, X86_PORT_WATCHDOG);
    if (!arch->watchdog) {
        return -errno;
    }
    r = add_clock(arch);
    for (unsigned int i = 0; r == 0 && i < MACHINE_SERIAL_MAX; i++) {
        if (setup->serial_fd[i] >= 0) {
            r = add_serial(arch, i, setup->serial_fd[i]);
        }
    }
    return r;
}

void
arch_destroy_platform(struct vm *vm)
{
    struct arch *arch = vm->arch;

    for (unsigned int i = 0; i < MACHINE_SERIAL_MAX; i++) {
        serial_destroy(arch->serial[i]);
    }
    loop_remove(arch->rtc_timer);
    rtc_destroy(arch->rtc);
    watchdog_destroy(arch->watchdog);
    power_destroy(arch->power);
    free(arch);
    vm->arch = NULL;
}

unsigned int
arch_ram_regions(uint64_t size, struct vm_ram ret_regions[VM_RAM_REGIONS])
{
    uint64_t low = MIN_OF(size, X86_LOW_RAM_END);

    ret_regions[0] = (struct vm_ram){.guest_address = 0, .size = low};
    if (size == low) {
        return 1;
    }
    ret_regions[1] = (struct vm_ram){
        .guest_address = X86_HIGH_RAM_START, .size = size - low, .file_offset = low};
    return 2;
}

void
arch_pci_windows(const struct vm *vm, struct pci_windows *ret_windows)
{
    const struct vm_ram *last = &vm->ram[vm->n_ram - 1];
    uint64_t ram_end = MAX_OF(last->guest_address + last->size, X86_HIGH_RAM_START);
    uint64_t start = align_up(ram_end, 4 * GIB);
    uint64_t limit = UINT64_C(1) << vm->arch->physical_bits;

    *ret_windows = (struct pci_windows){
        .ecam_start = X86_ECAM_START,
        .ecam_size = X86_ECAM_SIZE,
        .low_start = X86_LOW_MMIO_START,
        .low_size = X86_LOW_MMIO_END - X86_LOW_MMIO_START,
        .high_start = start,
        .high_size = start < limit ? MIN_OF(limit - start, 512 * GIB) : 0,
        .ports = true,
    };
}

void
platform_describe(const struct vm *vm, struct acpi_machine *ret_description)
{
    struct acpi_machine description = {.n_cpus = vm->n_vcpus};

    arch_pci_windows(vm, &description.pci);
    for (unsigned int i = 0; i < MACHINE_SERIAL_MAX; i++) {
        description.serial[i] = vm->arch->serial[i] != NULL;
    }
    *ret_description = description;
}

/* -- port I/O -- */

/* The one port that lies inside another range: told from PCI's register by the access size. */
static bool
is_reset_port(uint16_t port, unsigned int size)
{
    return port == X86_PORT_RESET && size == 1;
}

static uint64_t
read_port(struct vm *vm, uint16_t port, unsigned int size)
{
    if (is_reset_port(port, size)) {
        return power_read_reset(vm->arch->power);
    }
    return bus_read(&vm->ports, port, size);
}

static void
write_port(struct vm *vm, uint16_t port, unsigned int size, uint64_t value)
{
    if (is_reset_port(port, size)) {
        power_write_reset(vm->arch->power, (uint8_t)value);
    } else {
        bus_write(&vm->ports, port, size, value);
    }
}

static void
handle_port(struct vm *vm, struct kvm_run *run)
{
    uint8_t *data = (uint8_t *)run + run->io.data_offset;
    unsigned int size = run->io.size;
    uint32_t count = run->io.count; /* more than one for string instructions */

    for (uint32_t i = 0; i < count; i++, data += size) {
        uint64_t value = 0;

        if (run->io.direction == KVM_EXIT_IO_IN) {
            value = read_port(vm, run->io.port, size);
            memcpy(data, &value, size);
        } else {
            memcpy(&value, data, size);
            write_port(vm, run->io.port, size, value);
        }
    }
}

bool
arch_handle_exit(struct vcpu *vcpu, struct kvm_run *run)
{
    if (run->exit_reason != KVM_EXIT_IO) {
        return false;
    }
    if (run->io.size > 4 ||
        !range_inside(run->io.data_offset, (uint64_t)run->io.size * run->io.count,
                      vcpu->vm->run_size)) {
        return false;
    }
    handle_port(vcpu->vm, run);
    return true;
}

void
arch_pause(struct vm *vm)
{
    watchdog_pause(vm->arch->watchdog);
}

void
arch_resume(struct vm *vm)
{
    watchdog_resume(vm->arch->watchdog);
}

void
arch_power_button(struct vm *vm)
{
    power_press_button(vm->arch->power);
}

void
arch_sleep_button(struct vm *vm)
{
    power_press_sleep_button(vm->arch->power);
}

void
arch_flush(struct vm *vm)
{
    for (unsigned int i = 0; i < MACHINE_SERIAL_MAX; i++) {
        if (vm->arch->serial[i]) {
            serial_flush(vm->arch->serial[i], FLUSH_TIMEOUT_MS);
        }
    }
}
