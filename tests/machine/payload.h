/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the tiny guests share. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    COM1 = 0x3f8,
    PM_CONTROL = 0x604,
    PM_TIMER = 0x608,
    PM_TIMER_HZ = 3579545,
    SLEEP_S5 = 5 << 10 | 1 << 13,
    VECTOR = 0x40, /* and the next one */
};

static inline void
outb(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline void
outw(uint16_t port, uint16_t value)
{
    __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

static inline void
outl(uint16_t port, uint32_t value)
{
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t
inb(uint16_t port)
{
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline uint16_t
inw(uint16_t port)
{
    uint16_t value;
    __asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline uint32_t
inl(uint16_t port)
{
    uint32_t value;
    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline void
write32(uintptr_t address, uint32_t value)
{
    *(volatile uint32_t *)address = value;
}

static inline uint32_t
read32(uintptr_t address)
{
    return *(volatile uint32_t *)address;
}

/* payload-base.c: the first serial port, and the end. */
void put(const char *text);
void put_hex(const char *name, uint32_t value);
void put_hex64(const char *name, uint64_t value);
void power_off(void);

/* payload.c: interrupts at VECTOR and VECTOR + 1, which are counted. */
void enable_interrupt(void);
/* Pin of the I/O APIC to VECTOR; `flags` are those of its register. */
void route_pin(uint32_t pin, uint32_t flags);
/* Read this register at each interrupt, and do not count those that find it 0; 0: no register. */
void read_isr_on_interrupt(uintptr_t address);
/* How many there were since the last call, at VECTOR or (`which` = 1) VECTOR + 1. */
uint32_t take_interrupts(uint32_t which);

/* payload-rings.c: attacks on every virtio device there is, and a good request after each. */
void test_rings(void);
void test_reset_in_flight(void);

/* payload-window.c: memory of a device, and the holes beside it. */
void test_window(void);

/* payload-interrupts.c: every way in which a device's interrupt arrives or waits. */
void test_interrupts(void);
