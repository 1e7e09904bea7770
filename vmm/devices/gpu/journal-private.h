/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What journal.c (writing) and journal-restore.c (reading) share. */

#include "vmm/devices/gpu/journal.h"
#include "vmm/protocol/gpu-journal.h"

struct journal {
    struct gpu_journal *data; /* mapped */
    bool unread;              /* another process wrote it, and it was not looked at yet */
    uint32_t suspect;         /* gpu_journal::executing of the process before us */
    uint32_t suspect_tries;
    uint32_t resource_hint;
    uint32_t block_hint;
    uint64_t resources[GPU_JOURNAL_RESOURCES / 64]; /* bit: taken */
    uint64_t blocks[GPU_JOURNAL_BLOCKS / 64];
};
