/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A driver of one queue of one virtio device at a time, whatever it is. */

#include "payload.h"

#define ECAM   0xf4000000UL
#define RINGS  0x400000UL
#define DESC   ((volatile struct descriptor *)RINGS)
#define AVAIL  ((volatile uint16_t *)(RINGS + 0x1000))
#define USED   ((volatile uint16_t *)(RINGS + 0x2000))
#define TABLE  ((volatile struct descriptor *)(RINGS + 0x100000))
#define DATA   0x410000UL
#define NOTIFY 0x3000UL

enum {
    SIZE = 64,
    NEXT = 1,
    WRITE = 2,
    INDIRECT = 4,
    SELECT = 22, /* common configuration, virtio 1.2 section 4.1.4.3 */
    STATUS = 20,
    QUEUE_VECTOR = 26,
    PATIENCE = 200000,
    NOTIFY_MULTIPLIER = 4,
};

struct descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags;
    uint16_t next;
};

/* Of the device in use; `slowest` is for the caller to clear, `current` and `queue` for it to set. */
extern uintptr_t bar;
extern uint32_t slowest;
extern uint32_t current;
extern uint16_t queue;

/* Switch on the virtio device of `slot` and make it the one in use: its device id, or 0. */
uint32_t use_device(uint32_t slot);
uint32_t timer(void);
/* Write a register of the device; the slowest access is kept, of status() too. */
void poke(uintptr_t offset, uint32_t size, uint32_t value);
uint8_t status(void);
void kick(void);
void describe(volatile struct descriptor *at, uint64_t address, uint32_t length,
              uint32_t flags_next);
/* Reset, then up to FEATURES_OK, `queue` with rings at `rings`. */
void set_up(uint64_t rings);
void offer(uint16_t head);
