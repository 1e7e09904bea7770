/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Writes a recording (record-format.h) while the device works; stops with a log line when it cannot. */

#include "vmm/base/cleanup.h"

struct chain;
struct gpu;
struct gpu_setup;
struct record;

/* Empties setup->record_fd, which stays the caller's, and writes the header. NULL with errno set. */
struct record *record_create(const struct gpu_setup *setup);
void record_destroy(struct record *record);
CLEANUP_DEFINE(struct record, record_destroy)
/* The request in `chain`, which is not executed yet, with what it is going to read. */
void record_request(struct gpu *gpu, unsigned int queue, const struct chain *chain);
void record_reset(struct record *record);
