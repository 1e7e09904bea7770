/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a guest's proxy takes for its kernel: context 1 of a rig, so the device's own code. */

#include "tests/fakes/cross-rig.h"
#include "vmm/guest/wayland-proxy/channel.h"

struct cross_kernel {
    struct cross_rig rig;
    unsigned int answered;
    uint32_t next_blob;
    uint32_t device;             /* which node clients are told of */
    bool knows_dmabufs;          /* a client's memory is the host's too, as texture DRAWN */
    bool exports;                /* ... and its compositor can have it */
    uint32_t fourcc;             /* what it says of the pixels, or 0 */
    uint64_t modifier;           /* 0: 77 */
    int dmabuf;                  /* that memory, borrowed, or -1 */
    unsigned int imported;       /* not let go */
    unsigned int rows_read_back; /* of it */
    struct renderer drawer;      /* that has it */
    int ready;                   /* always readable */
};

enum {
    CROSS_KERNEL_DRAWN = 15, /* a resource id */
};

/* A channel of the rig, whose context must be open. It borrows `kernel`. */
struct channel cross_kernel(struct cross_kernel *kernel);
