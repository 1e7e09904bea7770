/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "payload-virtio.h"

uintptr_t bar;
uint32_t slowest;
uint32_t current;
uint16_t queue;

uint32_t
use_device(uint32_t slot)
{
    uintptr_t config = ECAM + slot * 0x8000UL;
    uint32_t id = read32(config);

    if ((id & 0xffff) != 0x1af4) {
        return 0;
    }
    *(volatile uint16_t *)(config + 4) = 6; /* memory, bus master */
    bar = read32(config + 16) & ~15U;
    return id >> 16;
}

uint32_t
timer(void)
{
    return inl(PM_TIMER);
}

static void
keep_time(uint32_t before)
{
    uint32_t took = (timer() - before) & 0xffffff;

    if (took > slowest) {
        slowest = took;
    }
}

void
poke(uintptr_t offset, uint32_t size, uint32_t value)
{
    uint32_t before = timer();

    if (size == 1) {
        *(volatile uint8_t *)(bar + offset) = (uint8_t)value;
    } else if (size == 2) {
        *(volatile uint16_t *)(bar + offset) = (uint16_t)value;
    } else {
        *(volatile uint32_t *)(bar + offset) = value;
    }
    keep_time(before);
}

uint8_t
status(void)
{
    uint32_t before = timer();
    uint8_t value = *(volatile uint8_t *)(bar + STATUS);

    keep_time(before);
    return value;
}

void
kick(void)
{
    poke(NOTIFY + (uintptr_t)queue * NOTIFY_MULTIPLIER, 2, queue);
}

void
describe(volatile struct descriptor *at, uint64_t address, uint32_t length, uint32_t flags_next)
{
    at->address = address;
    at->length = length;
    at->flags = (uint16_t)flags_next;
    at->next = (uint16_t)(flags_next >> 16);
}

static void
set_address(uintptr_t offset, uint64_t address)
{
    poke(offset, 4, (uint32_t)address);
    poke(offset + 4, 4, (uint32_t)(address >> 32));
}

void
set_up(uint64_t rings)
{
    poke(STATUS, 1, 0);
    for (uint32_t i = 0; i < PATIENCE && status() != 0; i++) {
    }
    for (uint32_t i = 0; i < 0x3000 / 8; i++) {
        ((volatile uint64_t *)RINGS)[i] = 0;
    }
    poke(STATUS, 1, 3);
    poke(8, 4, 0);
    poke(12, 4, 1U << 28); /* indirect */
    poke(8, 4, 1);
    poke(12, 4, 1); /* version 1 */
    poke(STATUS, 1, 11);
    poke(SELECT, 2, queue);
    poke(24, 2, SIZE);
    set_address(32, rings);
    set_address(40, rings + 0x1000);
    set_address(48, rings + 0x2000);
    poke(28, 2, 1);
}

void
offer(uint16_t head)
{
    AVAIL[2 + AVAIL[1] % SIZE] = head;
    AVAIL[1] = (uint16_t)(AVAIL[1] + 1);
    kick();
}
