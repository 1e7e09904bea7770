/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tiny guests for test-machine.py; freestanding, see payload-entry.S. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "payload.h"

enum {
    PM_STATUS = 0x600,
    PM_ENABLE = 0x602,
    POWER_BUTTON = 1 << 8,
};

#define IDT    ((volatile uint64_t *)0x4000)
#define LAPIC  0xfee00000UL
#define IOAPIC 0xfec00000UL

void run(uint32_t test);
void handle_interrupt(uint32_t which);
void on_interrupt(void);
void on_second_interrupt(void);
extern const uint8_t trampoline[];
extern const uint8_t trampoline_end[];

static volatile uint32_t interrupts;
static volatile uint32_t second_interrupts;
static uintptr_t isr; /* of a device whose line is to be lowered */
static uint32_t seed; /* of the hostile guest: the higher bits of the number */

static void
set_gate(uint32_t vector, uint64_t handler)
{
    IDT[(size_t)vector * 2] =
        (handler & 0xffff) | 0x10UL << 16 | 0x8e00UL << 32 | ((handler >> 16) & 0xffff) << 48;
    IDT[(size_t)vector * 2 + 1] = handler >> 32;
}

void
enable_interrupt(void)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) idtr = {(VECTOR + 2) * 16 - 1, (uintptr_t)IDT};

    set_gate(VECTOR, (uintptr_t)on_interrupt);
    set_gate(VECTOR + 1, (uintptr_t)on_second_interrupt);
    __asm__ volatile("lidt %0" : : "m"(idtr));
    write32(LAPIC + 0xf0, 0x1ff);
    outb(0x21, 0xff); /* not by way of the old controllers */
    outb(0xa1, 0xff);
}

void
route_pin(uint32_t pin, uint32_t flags)
{
    write32(IOAPIC, 0x10 + pin * 2 + 1);
    write32(IOAPIC + 0x10, 0);
    write32(IOAPIC, 0x10 + pin * 2);
    write32(IOAPIC + 0x10, VECTOR | flags);
}

void
read_isr_on_interrupt(uintptr_t address)
{
    isr = address;
}

uint32_t
take_interrupts(uint32_t which)
{
    volatile uint32_t *count = which ? &second_interrupts : &interrupts;
    uint32_t seen = *count;

    *count = 0;
    return seen;
}

static void
wait_for_interrupt(void)
{
    while (interrupts == 0) {
        __asm__ volatile("sti; hlt; cli");
    }
}

void
handle_interrupt(uint32_t which)
{
    /* One that came too late for what it tells is left out, as drivers do. */
    bool real = !isr || *(volatile uint8_t *)isr;

    if (which) {
        second_interrupts += real;
    } else {
        interrupts += real;
    }
    outw(PM_STATUS, inw(PM_STATUS)); /* lower the line before the end of interrupt */
    inb(COM1 + 2);
    write32(LAPIC + 0xb0, 0);
}

/* -- tests -- */

static void
test_hello(void)
{
    put("hello from the guest\n");
    power_off();
}

static void
test_clock(void)
{
    static const uint8_t registers[] = {0x32, 9, 8, 7, 4, 2, 0};

    for (size_t i = 0; i < sizeof(registers); i++) {
        outb(0x70, registers[i]);
        put_hex("cmos", inb(0x71));
    }
    put_hex("unclaimed", inl(0x1234));
    put_hex("timer-runs", inl(PM_TIMER) != inl(PM_TIMER));
    power_off();
}

static void
test_reset_8042(void)
{
    outb(0x64, 0xfe);
}

static void
test_reset_cf9(void)
{
    outb(0xcf9, 0x02);
    outb(0xcf9, 0x06);
}

static void
test_panic(void)
{
    put_hex("events", inb(0x505));
    outb(0x505, 1);
}

static void
test_triple_fault(void)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) none = {0, 0};

    __asm__ volatile("lidt %0; ud2" : : "m"(none));
}

static uint32_t
sum(uintptr_t address, uint32_t size)
{
    uint32_t total = 0;

    for (uint32_t i = 0; i < size; i++) {
        total += *(volatile uint8_t *)(address + i);
    }
    return total & 0xff;
}

static void
show_table(uintptr_t table)
{
    char name[5] = "";

    for (int i = 0; i < 4; i++) {
        name[i] = *(volatile char *)(table + (uintptr_t)i);
    }
    put_hex(name, sum(table, read32(table + 4)));
    if (read32(table) == 0x43495041) { /* "APIC": count the processors */
        uint32_t n = 0;

        for (uintptr_t at = table + 44; at < table + read32(table + 4);
             at += *(volatile uint8_t *)(at + 1)) {
            n += *(volatile uint8_t *)at == 0;
        }
        put_hex("processors", n);
    } else if (read32(table) == 0x4746434d) { /* "MCFG" */
        put_hex("ecam", read32(table + 44));
    }
}

static void
test_acpi(void)
{
    uintptr_t rsdp = 0xe0000;
    uintptr_t xsdt = read32(rsdp + 24);

    put_hex("RSDP", sum(rsdp, 20) | sum(rsdp, 36));
    put_hex("XSDT", sum(xsdt, read32(xsdt + 4)));
    for (uintptr_t at = xsdt + 36; at < xsdt + read32(xsdt + 4); at += 8) {
        show_table(read32(at));
    }
    power_off();
}

static void
test_button(void)
{
    enable_interrupt();
    route_pin(9, 1 << 15); /* level */
    outw(PM_ENABLE, POWER_BUTTON);
    put("waiting\n");
    wait_for_interrupt();
    put_hex("interrupts", interrupts);
    put_hex("status", inw(PM_STATUS));
    power_off();
}

static void
test_input(void)
{
    enable_interrupt();
    route_pin(4, 0);
    outb(COM1 + 2, 1);
    outb(COM1 + 4, 8);
    outb(COM1 + 1, 1);
    put("waiting\n");
    wait_for_interrupt();
    for (int i = 0; i < 5;) {
        if (inb(COM1 + 5) & 1) {
            put_hex("got", inb(COM1));
            i++;
        }
    }
    power_off();
}

/* As many others as `seed` says start, each with an APIC id of its own. */
static void
test_processors(void)
{
    volatile uint32_t *count = (volatile uint32_t *)0x7000;
    uint32_t before;

    for (size_t i = 0; &trampoline[i] < trampoline_end; i++) {
        *(volatile uint8_t *)(0x6000 + i) = trampoline[i];
    }
    count[0] = 0;
    count[1] = 0;
    write32(LAPIC + 0xf0, 0x1ff);
    write32(LAPIC + 0x300, 0xc4500); /* INIT to all others */
    for (int i = 0; i < 1000; i++) {
        inb(0x80);
    }
    write32(LAPIC + 0x300, 0xc4606); /* start at 0x6000 */
    put("started\n");
    before = inl(PM_TIMER);
    while (count[0] < seed && ((inl(PM_TIMER) - before) & 0xffffff) < 3 * PM_TIMER_HZ) {
        __asm__ volatile("pause");
    }
    put_hex("others", count[0]);
    put_hex("ids", count[1]);
    power_off();
}

/* By the register that the FADT names. */
static void
test_reset_acpi(void)
{
    uintptr_t xsdt = read32(0xe0000 + 24);

    for (uintptr_t at = xsdt + 36; at < xsdt + read32(xsdt + 4); at += 8) {
        uintptr_t fadt = read32(at);

        if (read32(fadt) == 0x50434146 && (read32(fadt + 112) & 1 << 10) &&
            *(volatile uint8_t *)(fadt + 116) == 1) { /* "FACP", reset register, a port */
            outb((uint16_t)read32(fadt + 120), *(volatile uint8_t *)(fadt + 128));
        }
    }
    put("no way to reset\n");
    power_off();
}

/* Pokes at everything; whatever it hits, only the machine may end, never its process. */
static void
test_hostile(void)
{
    uint64_t x = 88172645463325252UL ^ ((uint64_t)seed << 32);

    for (uint32_t i = 0; i < 20000; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        uint16_t port = (uint16_t)x;
        uint32_t value = (uint32_t)(x >> 24);
        bool near = i & 2; /* where devices are */
        uint32_t data = (uint32_t)x & (i & 4 ? 0xff : 0xffffffff);

        if (i & 1) {
            port = (uint16_t)((uint16_t[]){0x70, 0x71, 0x3f8, 0x600, 0xcf8, 0xcfc, 0x60,
                                           0x3f9}[x & 7] +
                              ((x >> 8) & 7));
        }
        if (port == 0x64 || port == 0xcf9 || port == PM_CONTROL || port == PM_CONTROL + 1 ||
            port == PM_CONTROL - 1 || port == PM_CONTROL - 2 || port == 0x63 || port == 0x61 ||
            port == 0x62 || (port >= 0x502 && port <= 0x505)) {
            continue;
        }
        switch ((x >> 60) & 7) {
        case 0:
            outb(port, (uint8_t)value);
            break;
        case 1:
            outw(port, (uint16_t)value);
            break;
        case 2:
            outl(port, value);
            break;
        case 3:
            inb(port);
            break;
        case 4:
            inl(port);
            break;
        case 5:
            read32(0xf4000000UL + (value & (near ? 0x180fc : 0xffffc)));
            break;
        case 6:
            write32(0xf4000000UL + (value & (near ? 0x180fc : 0xffffc)), data);
            break;
        default:
            write32(0xd0000000UL + (value & (near ? 0xfffc : 0xfffffc)), data);
            read32(0xd0000000UL + (value & (near ? 0xfffc : 0xfffffc)));
            break;
        }
    }
    power_off();
}

static void
test_spin(void)
{
    put("spinning\n");
    for (uint32_t i = 0;; i++) {
        __asm__ volatile("pause");
        if ((i & 0xfff) == 0) {
            put(".");
        }
    }
}

void
run(uint32_t test)
{
    static void (*const tests[])(void) = {
        test_hello,      test_clock,  test_reset_8042, test_reset_cf9,  test_triple_fault,
        test_acpi,       test_button, test_input,      test_processors, test_hostile,
        test_spin,       test_panic,  test_rings,      test_interrupts, test_reset_in_flight,
        test_reset_acpi, test_window,
    };

    seed = test >> 8;
    test &= 0xff;
    if (test < sizeof(tests) / sizeof(tests[0])) {
        tests[test]();
    }
}
