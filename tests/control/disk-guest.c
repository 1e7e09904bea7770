/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A guest that writes BLOCKS pieces to its disk, one after the other, says how each ended, and reads them
 * all back. With "reset" on its command line it resets the disk under its own requests before, again and
 * again. Its power button is what ends it with "button".
 */

#include "tests/machine/payload-virtio.h"

enum {
    BLOCK_DEVICE = 0x1042,
    PIECE = 65536,
    STEP = 128, /* words from one that is looked at to the next: some in each page */
    BLOCKS = 24,
    RESETS = 100,
    READ = 0,
    WRITE_OUT = 1,
    COMMAND_LINE = 0x228,
    PM_STATUS = 0x600,
    POWER_BUTTON = 1 << 8,
};

#define HEADER (DATA)
#define STATE  (DATA + 64)
#define BYTES  (DATA + 0x10000)

void use_disk(uintptr_t zero_page);

static bool
has_word(const char *line, const char *word)
{
    for (; *line; line++) {
        size_t i = 0;

        while (word[i] && line[i] == word[i]) {
            i++;
        }
        if (!word[i]) {
            return true;
        }
    }
    return false;
}

static void
drive(void)
{
    set_up(RINGS);
    poke(STATUS, 1, 15);
}

static void
begin(uint32_t type, uint32_t piece)
{
    volatile uint32_t *header = (volatile uint32_t *)HEADER;

    header[0] = type;
    header[1] = 0;
    header[2] = piece * (PIECE / 512);
    header[3] = 0;
    *(volatile uint8_t *)STATE = 0xee;
    describe(&DESC[0], HEADER, 16, NEXT | 1U << 16);
    describe(&DESC[1], BYTES, PIECE, (type == READ ? WRITE : 0) | NEXT | 2U << 16);
    describe(&DESC[2], STATE, 1, WRITE);
    offer(0);
}

static uint32_t
finish(void)
{
    while (USED[1] != AVAIL[1]) {
        __asm__ volatile("pause" ::: "memory");
    }
    return *(volatile uint8_t *)STATE;
}

static bool
find_disk(void)
{
    for (uint32_t slot = 1; slot < 31; slot++) {
        if (use_device(slot) == BLOCK_DEVICE) {
            return true;
        }
    }
    return false;
}

static void
set_bytes(uint32_t piece)
{
    for (uint32_t i = 0; i < PIECE / 4; i += STEP) {
        ((volatile uint32_t *)BYTES)[i] = piece << 16 | i;
    }
}

static uint32_t
count_wrong(uint32_t piece)
{
    uint32_t wrong = 0;

    for (uint32_t i = 0; i < PIECE / 4; i += STEP) {
        wrong += ((volatile uint32_t *)BYTES)[i] != (piece << 16 | i);
    }
    return wrong;
}

void
use_disk(uintptr_t zero_page)
{
    const char *line = (const char *)(uintptr_t)read32(zero_page + COMMAND_LINE);
    uint32_t wrong = 0;

    put("HELLO\n");
    if (!find_disk()) {
        put("NO DISK\n");
        power_off();
    }
    drive();
    for (uint32_t i = 0; i < RESETS && has_word(line, "reset"); i++) {
        begin(WRITE_OUT, i % BLOCKS);
        drive();
    }
    for (uint32_t i = 0; i < BLOCKS; i++) {
        set_bytes(i);
        begin(WRITE_OUT, i);
        put_hex("WROTE", finish());
    }
    for (uint32_t i = 0; i < BLOCKS; i++) {
        begin(READ, i);
        wrong += finish() != 0;
        wrong += count_wrong(i);
    }
    put_hex("WRONG", wrong);
    while (has_word(line, "button") && !(inw(PM_STATUS) & POWER_BUTTON)) {
    }
    power_off();
}
