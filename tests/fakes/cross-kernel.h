/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a guest's proxy takes for its kernel: context 1 of a rig, so the device's own code. */

#include "tests/fakes/cross-rig.h"
#include "vmm/guest/wayland-proxy/channel.h"

struct cross_kernel {
    struct cross_rig rig;
    unsigned int answered;
    uint32_t next_blob;
    int ready; /* always readable */
};

/* A channel of the rig, whose context must be open. It borrows `kernel`. */
struct channel cross_kernel(struct cross_kernel *kernel);
