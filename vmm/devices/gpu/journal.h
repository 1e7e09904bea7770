/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The device's own state in memory that outlives the process (vmm/protocol/gpu-journal.h), and what a
 * process after a crash makes of it. All functions but the first take a NULL journal and do nothing.
 */

#include <stdbool.h>
#include <stdint.h>

#include "vmm/base/cleanup.h"

struct chain;
struct gpu;
struct journal;
struct resource;

/*
 * Map the memfd, which stays the caller's; perhaps another process wrote it, and it `suspects` the request that it
 * was executing. NULL with errno set.
 */
struct journal *journal_open(int fd, bool written, bool suspects);
void journal_close(struct journal *journal);
CLEANUP_DEFINE(struct journal, journal_close)

/* The device was reset: nothing of the guest's is left. */
void journal_clear(struct journal *journal);
/* A resource was made; where there is no room for it, or its pages, it will be missing after a crash. */
void journal_add(struct journal *journal, struct resource *resource);
void journal_remove(struct journal *journal, struct resource *resource);
/* It got pages, or lost them. */
void journal_set_pages(struct journal *journal, const struct resource *resource);
/* What is plugged in at a scanout or shown there changed. */
void journal_set_scanout(struct gpu *gpu, uint32_t index);
void journal_set_cursor(struct journal *journal, uint32_t index, uint32_t resource,
                        const uint32_t hot[2]);
void journal_move_cursor(struct journal *journal, uint32_t index, uint32_t x, uint32_t y);
/*
 * A request begins, and has ended. `again`: the process before us had it, too. False when it is not to be
 * executed: the process before died while it did that, and that is suspected, or it was not the first one to die so.
 */
bool journal_begin(struct journal *journal, unsigned int queue, const struct chain *chain);
void journal_end(struct journal *journal);
void journal_set_events(struct journal *journal, uint32_t events);

/*
 * Make of the journal what the guest had: guest memory is there, the device is as new. What is not
 * possible is left out, of the journal too. Pixels are copied of what is shown; other 2D resources get
 * theirs when they are used (resource_fill()), so that this takes about as long as the pictures are large.
 */
void journal_restore(struct gpu *gpu);
