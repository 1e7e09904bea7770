/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A hostile driver: for each virtio device, each attack twice, then a reset and a request that must be
 * served. Prints how many attacks there were, how many good requests were served, and how long the
 * slowest register access of the slowest attack took, in ticks of the power management timer (3.58
 * MHz): the shorter of its two times, as a busy host is slow now and then, and an attack each time.
 */

#include "payload-virtio.h"

#define RAM  0x4000000UL
#define HOLE 0xd0000000UL

enum {
    TABLE_MAX = 65535,
    SLOTS = 8,
    ROUNDS = 2,
    ATTACKS = 10,
    CONSOLE = 0x1043, /* device ids */
    BLOCK = 0x1042,
    GPU = 0x1050,
    INPUT = 0x1052,
    GET_DISPLAY_INFO = 0x100,
};

static uint32_t kind; /* the device's id */

/* A disk's serial number, the displays, a byte for a console, a light of a keyboard; else random bytes. */
static void
describe_request(void)
{
    for (uint32_t i = 0; i < 8; i++) {
        ((volatile uint32_t *)DATA)[i] = 0;
    }
    if (kind == BLOCK) {
        describe(&DESC[0], DATA, 16, NEXT | 1 << 16);
        describe(&DESC[1], DATA + 64, 20, NEXT | WRITE | 2 << 16);
        describe(&DESC[2], DATA + 128, 1, WRITE);
        ((volatile uint32_t *)DATA)[0] = 8; /* get-id */
    } else if (kind == GPU) {
        describe(&DESC[0], DATA, 24, NEXT | 1 << 16);
        describe(&DESC[1], DATA + 64, 408, WRITE);
        ((volatile uint32_t *)DATA)[0] = GET_DISPLAY_INFO;
    } else if (kind == CONSOLE || kind == INPUT) {
        describe(&DESC[0], DATA, 8, 0);
    } else {
        describe(&DESC[0], DATA, 1, WRITE);
    }
}

static bool
is_served(void)
{
    set_up(RINGS);
    poke(STATUS, 1, 15);
    describe_request();
    offer(0);
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

static void (*const attacks[ATTACKS])(void) = {
    attack_loops,     attack_nested_tables, attack_long_tables, attack_addresses, attack_indices,
    attack_under_way, attack_registers,     attack_resets,      attack_set_up,    attack_states,
};

struct score {
    uint32_t attacks;
    uint32_t served;
    uint32_t slowest[ROUNDS][SLOTS][ATTACKS];
};

static void
attack_device(struct score *score, uint32_t round, uint32_t slot)
{
    for (uint32_t i = 0; i < ATTACKS; i++) {
        current = slot << 8 | i;
        slowest = 0;
        set_up(RINGS);
        poke(STATUS, 1, 15);
        attacks[i]();
        score->attacks++;
        if (is_served()) {
            score->served++;
        } else {
            put_hex("not-served-after", current);
        }
        score->slowest[round][slot][i] = slowest;
    }
}

static void
attack_all(struct score *score, uint32_t round)
{
    for (uint32_t slot = 1; slot < SLOTS; slot++) {
        kind = use_device(slot);
        if (kind) {
            queue = kind == CONSOLE || kind == INPUT; /* the one to the host */
            attack_device(score, round, slot);
        }
    }
}

static void
put_slowest(const struct score *score)
{
    uint32_t most = 0;
    uint32_t where = 0;

    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        for (uint32_t i = 0; i < ATTACKS; i++) {
            uint32_t first = score->slowest[0][slot][i];
            uint32_t second = score->slowest[1][slot][i];
            uint32_t least = first < second ? first : second;

            if (least > most) {
                most = least;
                where = slot << 8 | i;
            }
        }
    }
    put_hex("slowest", most);
    put_hex("slowest-in", where);
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
    static struct score score;

    attack_all(&score, 0);
    put("first round\n");
    pause_a_second();
    attack_all(&score, 1);
    put("second round\n");
    pause_a_second();
    put_hex("attacks", score.attacks);
    put_hex("served", score.served);
    put_slowest(&score);
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
