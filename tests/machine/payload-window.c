/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A device's window of memory: reads and writes where a piece of memory is, and where none is. The
 * test puts a piece of two pages at PIECE, takes it away and puts it there again; a byte on the serial
 * port says when.
 */

#include "payload-virtio.h"

#define WINDOW    0x100000000UL /* where we see it */
#define DIRECTORY ((volatile uint64_t *)0x600000UL)
#define PIECE     0x1000UL
#define PIECE_END 0x3000UL
#define LAST      0x7ffff8UL
#define WORD(at)  (*(volatile uint64_t *)(WINDOW + (at)))

enum {
    ENTRIES = 512,
    LARGE_PAGE = 0x83,
    READS = 1000,
};

/* One GiB of addresses from `address` on, at WINDOW. */
static void
map_window(uint64_t address)
{
    volatile uint64_t *pointers;
    uint64_t root;

    __asm__ volatile("mov %%cr3, %0" : "=r"(root));
    pointers = (volatile uint64_t *)(*(volatile uint64_t *)(root & ~0xfffUL) & ~0xfffUL);
    for (uint64_t i = 0; i < ENTRIES; i++) {
        DIRECTORY[i] = (address + (i << 21)) | LARGE_PAGE;
    }
    pointers[WINDOW >> 30] = (uintptr_t)DIRECTORY | 3;
    __asm__ volatile("mov %0, %%cr3" : : "r"(root) : "memory");
}

static void
wait_for_test(const char *what)
{
    put(what);
    while (!(inb(COM1 + 5) & 1)) {
    }
    inb(COM1);
}

static uint64_t
read_every_width(uint64_t at)
{
    return WORD(at) | read32(WINDOW + at) | *(volatile uint16_t *)(WINDOW + at) |
           *(volatile uint8_t *)(WINDOW + at);
}

static void
write_every_width(uint64_t at)
{
    WORD(at) = ~0UL;
    write32(WINDOW + at, 0x11111111);
    *(volatile uint16_t *)(WINDOW + at) = 0x2222;
    *(volatile uint8_t *)(WINDOW + at) = 0x33;
}

static void
touch_holes(void)
{
    static const uint64_t holes[] = {PIECE_END, 0, PIECE - 8, PIECE_END + 0x100000, LAST};
    uint64_t seen = 0;

    for (uint32_t i = 0; i < sizeof(holes) / sizeof(holes[0]); i++) {
        seen |= read_every_width(holes[i]);
        write_every_width(holes[i]);
        seen |= read_every_width(holes[i]);
    }
    put_hex64("holes", seen);
}

void
test_window(void)
{
    uintptr_t config = ECAM + 0x8000UL;

    use_device(1);
    map_window((read32(config + 24) & ~15UL) | (uint64_t)read32(config + 28) << 32);
    wait_for_test("empty\n");
    put_hex64("piece", WORD(PIECE));
    WORD(PIECE + 8) = 0x77;
    wait_for_test("mapped\n");
    put_hex64("gone", WORD(PIECE));
    WORD(PIECE + 16) = 0x88;
    wait_for_test("taken\n");
    touch_holes();
    put_hex64("piece-start", WORD(PIECE));
    put_hex64("piece-end", WORD(PIECE_END - 8));
    for (uint32_t i = 0; i < READS; i++) {
        (void)WORD(LAST);
    }
    put("alive\n");
    power_off();
}
