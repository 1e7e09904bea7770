/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The monitor that the guest sees (VESA E-EDID 1.4): one preferred mode of exactly the window's
 * size at 60 Hz, its physical size, and the usual smaller modes. Sizes that a detailed timing cannot
 * hold (above 4095 pixels or 655.35 MHz) go into a DisplayID 1.3 extension block.
 */

#include <stddef.h>
#include <stdint.h>

enum {
    EDID_BLOCK_SIZE = 128,
    EDID_SIZE_MAX = 2 * EDID_BLOCK_SIZE
};

/* Sizes in pixels, 1 ... GPU_EDGE_MAX, and millimetres, 0 when unknown (96 pixels per inch then). */
struct edid_monitor {
    uint32_t width;
    uint32_t height;
    uint32_t width_mm;
    uint32_t height_mm;
    uint32_t serial;
};

/* Returns the bytes written: one or two blocks. */
size_t edid_build(const struct edid_monitor *monitor, uint8_t edid[EDID_SIZE_MAX]);
