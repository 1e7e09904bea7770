/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A hostile driver: for each virtio device, each attack once, then a reset and a request that must be
 * served. Prints how many attacks there were, how many good requests were served, and the longest
 * time of one register access in ticks of the power management timer (3.58 MHz).
 */

#include "payload-virtio.h"

#define RAM  0x4000000UL
#define HOLE 0xd0000000UL

enum {
    TABLE_MAX = 65535,
};

static bool is_disk;

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
        uint32_t id = use_device(slot);

        if (id) {
            is_disk = id == 0x1042;
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

/* The machine is reset while a device is at work. */
void
test_reset_in_flight(void)
{
    use_device(1);
    set_up(RINGS);
    poke(STATUS, 1, 15);
    for (uint16_t d = 0; d < 8; d++) {
        describe(&DESC[d], DATA, 0x100000, WRITE);
        offer(d);
    }
    outb(0xcf9, 0x06);
}
