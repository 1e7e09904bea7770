/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the guest draws in 3D is thrown away while the guest runs: its contexts, and what renderers made
 * for them. The device itself goes on: 2D resources keep their pixels, guest blobs their pages, scanouts
 * their last picture, memory that is mapped into the guest stays until the guest gives it back.
 */

#include <stdint.h>

struct gpu;
struct gpu_restarted;

/*
 * Begin anew with every renderer that has ops->restart. Requests that wait are answered, those for a
 * context that was lost fail from now on; so do those for a lost resource, but for its end. Fills in all
 * but the header: how much was lost, and 0, -EOPNOTSUPP where nothing draws in 3D, or -EIO when a
 * renderer does not draw afterwards. `data` is the device.
 */
void gpu_restart(void *data, struct gpu_restarted *restarted);
