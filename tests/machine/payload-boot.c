/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A kernel that is not Linux: it prints all that the 64-bit boot protocol promises (the kernel's
 * Documentation/arch/x86/boot.rst and zero-page.rst), so that test-machine.py can look at it. Page
 * tables and memory it checks itself.
 */

#include "payload.h"

struct __attribute__((packed)) table_register {
    uint16_t limit;
    uint64_t base;
    uint8_t padding[6];
};

struct state {
    uint64_t rsi;
    uint64_t cr0;
    uint64_t cr3;
    uint64_t cr4;
    uint64_t efer;
    uint64_t flags;
    uint16_t selector[8]; /* cs ds es ss tr */
    struct table_register gdt;
    struct table_register idt;
};

enum {
    ZERO_PAGE_SIZE = 4096,
    E820_COUNT = 0x1e8,
    E820_TABLE = 0x2d0,
    E820_SIZE = 20,
    E820_RAM = 1,
    COMMAND_LINE = 0x228,
    RAMDISK = 0x218,
    RSDP = 0x070,
};

#define PRESENT 1UL
#define LARGE   (1UL << 7)
#define ADDRESS 0x000ffffffffff000UL
#define HIGH    0x100000000UL
#define GIB     0x40000000UL

void check_boot(uintptr_t entry);
extern struct state state;

static uint8_t untouched[16384]; /* is the memory behind the file's bytes zero? */
static uint64_t high[512] __attribute__((aligned(4096)));

static uint64_t
read64(uintptr_t address)
{
    return *(volatile uint64_t *)address;
}

/* Pages of the first 4 GiB that are not mapped one to one, in steps of the smallest page. */
static uint32_t
count_wrong_pages(void)
{
    uint64_t *pml4 = (uint64_t *)(state.cr3 & ADDRESS);
    uint32_t wrong = 0;

    for (uint64_t address = 0; address < HIGH; address += 0x200000) {
        uint64_t entry = pml4[0];

        if (entry & PRESENT) {
            entry = ((uint64_t *)(entry & ADDRESS))[address >> 30];
        }
        if (!(entry & PRESENT) || (entry & LARGE)) {
            wrong++;
            continue;
        }
        entry = ((uint64_t *)(entry & ADDRESS))[(address >> 21) & 511];
        if ((entry & (PRESENT | 2 | LARGE)) != (PRESENT | 2 | LARGE) ||
            (entry & ADDRESS & ~0x1fffffUL) != address) {
            wrong++;
        }
    }
    return wrong;
}

/* Map the GiB around `address` one to one. */
static void
map_high(uint64_t address)
{
    uint64_t *pml4 = (uint64_t *)(state.cr3 & ADDRESS);
    uint64_t *pdpt = (uint64_t *)(pml4[0] & ADDRESS);

    for (uint64_t i = 0; i < 512; i++) {
        high[i] = ((address & ~(GIB - 1)) + i * 0x200000) | PRESENT | 2 | LARGE;
    }
    pdpt[(address >> 30) & 511] = (uintptr_t)high | PRESENT | 2;
    __asm__ volatile("mov %0, %%cr3" : : "r"(state.cr3) : "memory");
}

/* A word of RAM keeps what is written, and no other word that was tried gets it. */
static bool
is_memory(uint64_t address)
{
    volatile uint64_t *word;
    uint64_t before;
    bool good;

    if (address >= HIGH) {
        map_high(address);
    }
    word = (volatile uint64_t *)address;
    before = *word;
    *word = address ^ 0x5a5a5a5a5a5a5a5aUL;
    good = *word == (address ^ 0x5a5a5a5a5a5a5a5aUL);
    *word = before;
    return good;
}

static void
check_memory(uintptr_t zero_page)
{
    uint8_t n = *(volatile uint8_t *)(zero_page + E820_COUNT);
    uint32_t bad = 0;

    for (uint32_t i = 0; i < n; i++) {
        uintptr_t entry = zero_page + E820_TABLE + (uintptr_t)i * E820_SIZE;
        uint64_t start = read64(entry);
        uint64_t size = read64(entry + 8);

        put_hex64("e820-start", start);
        put_hex64("e820-size", size);
        put_hex("e820-type", read32(entry + 16));
        if (read32(entry + 16) == E820_RAM) {
            bad += !is_memory(start) + !is_memory(start + size - 8);
        }
    }
    put_hex("bad-memory", bad);
}

static void
show_registers(uintptr_t entry)
{
    static const char *const selectors[] = {"cs", "ds", "es", "ss", "tr"};

    put_hex64("entry", entry);
    put_hex64("rsi", state.rsi);
    put_hex64("cr0", state.cr0);
    put_hex64("cr3", state.cr3);
    put_hex64("cr4", state.cr4);
    put_hex64("efer", state.efer);
    put_hex64("flags", state.flags);
    for (uint32_t i = 0; i < 5; i++) {
        put_hex(selectors[i], state.selector[i]);
    }
    put_hex64("gdt", state.gdt.base);
    put_hex("gdt-limit", state.gdt.limit);
    put_hex64("gdt-cs", read64(state.gdt.base + state.selector[0]));
    put_hex64("gdt-ds", read64(state.gdt.base + state.selector[1]));
    put_hex("idt-limit", state.idt.limit);
}

static void
show_zero_page(uintptr_t zero_page)
{
    char name[] = "zero-page-000";

    for (uintptr_t at = 0; at < ZERO_PAGE_SIZE; at += 4) {
        uint32_t word = read32(zero_page + at);

        if (word) {
            for (int i = 0; i < 3; i++) {
                name[10 + i] = "0123456789abcdef"[(at >> (8 - 4 * i)) & 15];
            }
            put_hex(name, word);
        }
    }
}

static uint32_t
sum(uintptr_t address, uint32_t size)
{
    uint32_t total = 0;

    for (uint32_t i = 0; i < size; i++) {
        total += *(volatile uint8_t *)(address + i);
    }
    return total;
}

static uint32_t
count_touched(void)
{
    uint32_t touched = 0;

    for (uint32_t i = 0; i < sizeof(untouched); i++) {
        touched += *(volatile uint8_t *)&untouched[i] != 0;
    }
    return touched;
}

void
check_boot(uintptr_t entry)
{
    uintptr_t zero_page = state.rsi;
    uintptr_t initrd = read32(zero_page + RAMDISK);
    uint64_t rsdp = read64(zero_page + RSDP);

    show_registers(entry);
    put_hex("touched-bss", count_touched());
    put_hex("wrong-pages", count_wrong_pages());
    show_zero_page(zero_page);
    put("command-line ");
    put((const char *)(uintptr_t)read32(zero_page + COMMAND_LINE));
    put("\n");
    put_hex("initrd-sum", initrd ? sum(initrd, read32(zero_page + RAMDISK + 4)) : 0);
    put_hex64("rsdp-signature", read64(rsdp));
    put_hex("rsdp-sum", (sum(rsdp, 20) | sum(rsdp, 36)) & 0xff);
    check_memory(zero_page);
    power_off();
}
