/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A hostile driver: for each virtio device, each attack once, then a reset and a request that must be
 * served. Prints how many attacks there were, how many good requests were served, and the longest
 * time of one register access in ticks of the power management timer (3.58 MHz).
 */

#include <stdbool.h>
#include <stddef.h>

#include "payload.h"

#define ECAM   0xf4000000UL
#define RINGS  0x400000UL
#define DESC   ((volatile struct descriptor *)RINGS)
#define AVAIL  ((volatile uint16_t *)(RINGS + 0x1000))
#define USED   ((volatile uint16_t *)(RINGS + 0x2000))
#define TABLE  ((volatile struct descriptor *)(RINGS + 0x100000))
#define DATA   0x410000UL
#define RAM    0x4000000UL
#define HOLE   0xd0000000UL
#define NOTIFY 0x3000UL

enum {
    SIZE = 64,
    NEXT = 1,
    WRITE = 2,
    INDIRECT = 4,
    TABLE_MAX = 65535,
    SELECT = 22, /* common configuration, virtio 1.2 section 4.1.4.3 */
    STATUS = 20,
    PATIENCE = 200000,
};

struct descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags;
    uint16_t next;
};

static uintptr_t bar;
static bool is_disk;
static uint32_t slowest;
static uint32_t slowest_at;
static uint32_t current; /* slot << 8 | attack */

static uint32_t
timer(void)
{
    uint32_t value;
    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"((uint16_t)0x608));
    return value;
}

static void
poke(uintptr_t offset, uint32_t size, uint32_t value)
{
    uint32_t before = timer();
    uint32_t took;

    if (size == 1) {
        *(volatile uint8_t *)(bar + offset) = (uint8_t)value;
    } else if (size == 2) {
        *(volatile uint16_t *)(bar + offset) = (uint16_t)value;
    } else {
        *(volatile uint32_t *)(bar + offset) = value;
    }
    took = (timer() - before) & 0xffffff;
    if (took > slowest) {
        slowest = took;
        slowest_at = current;
    }
}

static uint8_t
status(void)
{
    return *(volatile uint8_t *)(bar + STATUS);
}

static void
kick(void)
{
    poke(NOTIFY, 2, 0);
}

static void
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

/* Up to FEATURES_OK, queue 0 with rings at `rings`. */
static void
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
    poke(SELECT, 2, 0);
    poke(24, 2, SIZE);
    set_address(32, rings);
    set_address(40, rings + 0x1000);
    set_address(48, rings + 0x2000);
    poke(28, 2, 1);
}

static void
offer(uint16_t head)
{
    AVAIL[2 + AVAIL[1] % SIZE] = head;
    AVAIL[1] = (uint16_t)(AVAIL[1] + 1);
    kick();
}

/* Random bytes, or a disk's serial number. */
static bool
is_served(void)
{
    set_up(RINGS);
    poke(STATUS, 1, 15);
    describe(&DESC[0], DATA, 16, NEXT | 1 << 16);
    describe(&DESC[1], DATA + 64, 20, NEXT | WRITE | 2 << 16);
    describe(&DESC[2], DATA + 128, 1, WRITE);
    ((volatile uint32_t *)DATA)[0] = 8; /* get-id */
    offer(is_disk ? 0 : 2);
    for (uint32_t i = 0; i < PATIENCE && USED[1] == 0; i++) {
        (void)status();
    }
    return USED[1] == 1;
}

static void
attack_loops(void)
{
    describe(&DESC[0], DATA, 16, NEXT | WRITE);
    offer(0);
    for (uint32_t i = 0; i < SIZE; i++) {
        describe(&DESC[i], DATA, 1, NEXT | WRITE | (i + 1) % SIZE << 16);
    }
    offer(5);
}

static void
attack_nested_tables(void)
{
    describe(&DESC[0], (uintptr_t)TABLE, 32, INDIRECT);
    describe(&TABLE[0], (uintptr_t)TABLE, 32, INDIRECT);
    describe(&TABLE[1], RINGS, SIZE * 16, INDIRECT | NEXT | WRITE);
    offer(0);
}

static void
attack_long_tables(void)
{
    for (uint32_t i = 0; i < TABLE_MAX; i++) {
        describe(&TABLE[i], DATA, 1, NEXT | WRITE | (i + 1) % TABLE_MAX << 16);
    }
    describe(&DESC[0], (uintptr_t)TABLE, TABLE_MAX * 16, INDIRECT);
    offer(0);
    describe(&DESC[1], (uintptr_t)TABLE, 0xffffffff, INDIRECT);
    offer(1);
    describe(&DESC[2], RAM - 16, 64, INDIRECT);
    offer(2);
}

static void
attack_addresses(void)
{
    static const uint64_t places[] = {
        HOLE,       HOLE - 8,           RAM - 8,     RAM,           0xf4000000,
        0xfee00000, 0xfffffffffffffff8, 0x100000000, 0x7f0000000000};

    for (uint16_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        set_up(RINGS);
        poke(STATUS, 1, 15);
        describe(&DESC[i], places[i], 64, WRITE);
        offer(i);
        describe(&DESC[i + 16], bar, 0x1000, WRITE); /* its own registers */
        offer((uint16_t)(i + 16));
    }
    describe(&DESC[0], DATA, 0xffffffff, WRITE);
    offer(0);
}

static void
attack_indices(void)
{
    offer(0xffff);
    offer(SIZE);
    AVAIL[1] = (uint16_t)(AVAIL[1] + 1000);
    kick();
    AVAIL[1] = 0;
    kick();
}

static void
attack_under_way(void)
{
    for (uint32_t i = 0; i < 2000; i++) {
        describe(&DESC[i % SIZE], DATA + i, i % 7 ? 4096 : 0xffffff00,
                 (i & 7) | (i * 5 % SIZE) << 16);
        AVAIL[2 + i % SIZE] = (uint16_t)(i * 11 % SIZE);
        if (i % 8 == 0) {
            AVAIL[1] = (uint16_t)(USED[1] + i % SIZE);
            kick();
        }
        if (i % 128 == 0) {
            set_up(RINGS);
            poke(STATUS, 1, 15);
        }
    }
}

static void
attack_registers(void)
{
    describe(&DESC[0], DATA, 4096, WRITE);
    for (uint32_t i = 0; i < 56; i++) {
        if (i != STATUS && i / 2 * 2 != STATUS && i / 4 * 4 != STATUS) {
            poke(i, 1, 0xff);
            poke(i / 2 * 2, 2, 0x8001);
            poke(i / 4 * 4, 4, HOLE);
        }
        offer(0);
    }
}

static void
attack_resets(void)
{
    for (uint32_t i = 0; i < 50; i++) {
        for (uint16_t d = 0; d < 8; d++) {
            describe(&DESC[d], DATA, 65536, WRITE);
            offer(d);
        }
        poke(STATUS, 1, 0);
        kick();
        set_up(RINGS);
        poke(STATUS, 1, 15);
    }
}

/* Rings where no memory is, or where they do not fit. */
static void
attack_set_up(void)
{
    static const uint64_t places[] = {HOLE,      RAM - 16, RAM - 0x2000,
                                      RINGS + 1, 0xffff,   0xfffffffffffff000};

    for (uint32_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        set_up(places[i]);
        poke(STATUS, 1, 15);
        offer(0);
    }
}

/* Every register in every state, also states that no driver takes. */
static void
attack_states(void)
{
    for (uint32_t state = 1; state < 256; state = state * 3 + 1) {
        poke(STATUS, 1, 0);
        poke(STATUS, 1, state);
        for (uint32_t i = 0; i < 56; i += 2) {
            if (i != STATUS) {
                poke(i, 2, 1);
            }
            poke(i / 4 * 4, 4, i == STATUS ? 0x0f : 0xfffffff0);
        }
        kick();
    }
}

static void (*const attacks[])(void) = {
    attack_loops,     attack_nested_tables, attack_long_tables, attack_addresses, attack_indices,
    attack_under_way, attack_registers,     attack_resets,      attack_set_up,    attack_states,
};

struct score {
    uint32_t attacks;
    uint32_t served;
};

static void
attack_device(struct score *score, uint32_t slot)
{
    for (uint32_t i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++) {
        current = slot << 8 | i;
        set_up(RINGS);
        poke(STATUS, 1, 15);
        attacks[i]();
        score->attacks++;
        if (is_served()) {
            score->served++;
        } else {
            put_hex("not-served-after", current);
        }
    }
}

static void
attack_all(struct score *score)
{
    for (uint32_t slot = 1; slot < 8; slot++) {
        uintptr_t config = ECAM + slot * 0x8000UL;
        uint32_t id = *(volatile uint32_t *)config;

        if ((id & 0xffff) == 0x1af4) {
            *(volatile uint16_t *)(config + 4) = 6; /* memory, bus master */
            bar = *(volatile uint32_t *)(config + 16) & ~15U;
            is_disk = id >> 16 == 0x1042;
            attack_device(score, slot);
        }
    }
}

/* Until the supervisor has looked. */
static void
pause_a_second(void)
{
    for (uint32_t before = timer(); ((timer() - before) & 0xffffff) < 3579545;) {
    }
}

void
test_rings(void)
{
    struct score score = {0, 0};

    attack_all(&score);
    put("first round\n");
    pause_a_second();
    attack_all(&score);
    put("second round\n");
    pause_a_second();
    put_hex("attacks", score.attacks);
    put_hex("served", score.served);
    put_hex("slowest", slowest);
    put_hex("slowest-in", slowest_at);
    power_off();
}
