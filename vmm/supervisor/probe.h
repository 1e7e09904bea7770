/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Trying things out in the jail that every part of a machine gets. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/supervisor/failure.h"

struct process_row;

/*
 * Run `vmm-machine --probe` with `kvm_fd`: 0 when KVM ran its payload, else -1 with the id and the
 * sentence that it said.
 */
int probe_run(int kvm_fd, struct failure *failure);
/* Start a helper in stage one of the jail and nothing more. 0, or -1 with *failure set. */
int probe_sandbox(struct failure *failure);

struct probe_gpu {
    const struct process_row *row; /* whose jail it is */
    const char *level;             /* "soft" or "drm" */
    int render_fd;                 /* or -1 */
    uint32_t flags;                /* enum start_flags */
    int limit_ms;                  /* 0: time for a cold disk and a busy computer */
    bool fault;                    /* have it crash, for tests */
};

/* Run `vmm-gpu --probe`: whether 3D works; if not, a clause that says why not is in `reason`. */
bool probe_gpu(const struct probe_gpu *probe, char *reason, size_t size);
/*
 * The same for Vulkan (level "venus" or "venus-unproved"), with a render server of its own in its own
 * jail, which is gone afterwards.
 */
bool probe_venus(const struct probe_gpu *probe, char *reason, size_t size);
