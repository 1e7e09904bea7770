/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One device (random numbers in slot 1), one request at a time, and how its interrupt comes: by the
 * PCI line, by MSI-X, or not until it is let through. Prints a count for each way.
 */

#include "payload-virtio.h"

enum {
    PCI_COMMAND = 4,
    PCI_STATUS = 6,
    PCI_CAPABILITIES = 0x34,
    PCI_LINE = 0x3c,
    COMMAND_ON = 6,
    COMMAND_NO_INTX = 1 << 10,
    STATUS_INTERRUPT = 1 << 3,
    CAP_MSIX = 0x11,
    MSIX_ENABLE = 1 << 15,
    MSIX_MASK_ALL = 1 << 14,
    ISR = 0x1000,
    LEVEL = 1 << 15,
    QUIET = PM_TIMER_HZ / 50,    /* no interrupt for so long: none comes */
    LONG_QUIET = PM_TIMER_HZ * 2 /* and when one is expected */
};

#define CONFIG (ECAM + 0x8000UL)

static uintptr_t msix; /* the capability */
static uintptr_t table;
static uintptr_t pending;

static void
set_command(uint16_t value)
{
    *(volatile uint16_t *)(CONFIG + PCI_COMMAND) = value;
}

static void
set_msix(uint16_t value)
{
    *(volatile uint16_t *)(msix + 2) = value;
}

static bool
is_line_up(void)
{
    return *(volatile uint16_t *)(CONFIG + PCI_STATUS) & STATUS_INTERRUPT;
}

/* An access that leaves the guest, with interrupts on: what waits comes now, with any KVM. */
static void
let_in(void)
{
    __asm__ volatile("sti" : : : "memory");
    (void)timer();
    __asm__ volatile("cli" : : : "memory");
}

/* Interrupts at VECTOR or the next one until no more come. */
static uint32_t
count_interrupts_at(uint32_t which, bool expected)
{
    uint32_t n = 0;
    uint32_t last = timer();

    while (((timer() - last) & 0xffffff) < (n || !expected ? QUIET : LONG_QUIET)) {
        uint32_t more;

        let_in();
        more = take_interrupts(which);
        if (more) {
            n += more;
            last = timer();
        }
    }
    return n;
}

static uint32_t
count_interrupts(bool expected)
{
    return count_interrupts_at(0, expected);
}

/* Whether more than a few come. */
static bool
is_storm(void)
{
    uint32_t n = 0;

    for (uint32_t before = timer(); ((timer() - before) & 0xffffff) < QUIET * 2;) {
        let_in();
        n += take_interrupts(0);
    }
    return n > 3;
}

static void
request(void)
{
    uint16_t before = USED[1];

    describe(&DESC[2], DATA, 16, WRITE);
    offer(2);
    for (uint32_t i = 0; i < PATIENCE && USED[1] == before; i++) {
        (void)status();
    }
}

static void
start(uint16_t vector)
{
    set_up(RINGS);
    poke(QUEUE_VECTOR, 2, vector);
    poke(STATUS, 1, 15);
}

static void
find_msix(void)
{
    uintptr_t at = CONFIG + *(volatile uint8_t *)(CONFIG + PCI_CAPABILITIES);

    while (*(volatile uint8_t *)at != CAP_MSIX) {
        at = CONFIG + *(volatile uint8_t *)(at + 1);
    }
    msix = at;
    /* Every device of ours has one BAR for all of it. */
    table = bar + (read32(at + 4) & ~7U);
    pending = bar + (read32(at + 8) & ~7U);
}

static void
mask(bool masked)
{
    write32(table + 12, masked);
}

static void
test_line(void)
{
    read_isr_on_interrupt(bar + ISR);
    start(0xffff);
    request();
    put_hex("line", count_interrupts(true));
    put_hex("line-status", is_line_up());
    /* Nobody lowers the line: if it were up, there would be no end of interrupts. */
    read_isr_on_interrupt(0);
    set_command(COMMAND_ON | COMMAND_NO_INTX);
    request();
    put_hex("line-off-storm", is_storm());
    put_hex("line-off-status", is_line_up());
    read_isr_on_interrupt(bar + ISR);
    set_command(COMMAND_ON);
    put_hex("line-on-again", count_interrupts(true));
    request(); /* and one that nobody takes before the reset */
    poke(STATUS, 1, 0);
    put_hex("line-after-reset", count_interrupts(false));
    read_isr_on_interrupt(0);
}

static void
test_messages(void)
{
    set_msix(MSIX_ENABLE);
    write32(table, 0xfee00000);
    write32(table + 4, 0);
    write32(table + 8, VECTOR);
    mask(false);
    start(0);
    request();
    put_hex("message", count_interrupts(true));
    put_hex("message-line", is_line_up());
    put_hex("message-isr", *(volatile uint8_t *)(bar + ISR));
}

static void
test_masked(const char *name, bool whole_function)
{
    put(name);
    put("\n");
    whole_function ? set_msix(MSIX_ENABLE | MSIX_MASK_ALL) : mask(true);
    put_hex("clear", read32(pending));
    request();
    request();
    put_hex("held", count_interrupts(false));
    put_hex("pending", read32(pending));
    whole_function ? set_msix(MSIX_ENABLE) : mask(false);
    put_hex("let-through", count_interrupts(true));
    put_hex("pending-after", read32(pending));
}

/* What waited goes where the vector points when it is let through. */
static void
test_moved(void)
{
    mask(true);
    request();
    write32(table + 8, VECTOR + 1);
    mask(false);
    put_hex("moved-new", count_interrupts_at(1, true));
    put_hex("moved-old", take_interrupts(0));
    write32(table + 8, VECTOR);
}

static void
test_reset_while_pending(void)
{
    mask(true);
    request();
    put_hex("pending-at-reset", read32(pending));
    start(0);
    put_hex("pending-after-reset", read32(pending));
    mask(false);
    put_hex("ghosts", count_interrupts(false));
    request();
    put_hex("works-after-reset", count_interrupts(true));
}

void
test_interrupts(void)
{
    use_device(1);
    enable_interrupt();
    route_pin(*(volatile uint8_t *)(CONFIG + PCI_LINE), LEVEL);
    find_msix();
    test_line();
    test_messages();
    test_masked("vector", false);
    test_masked("function", true);
    test_moved();
    test_reset_while_pending();
    power_off();
}
