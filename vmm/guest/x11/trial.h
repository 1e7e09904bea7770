/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whether the host's compositor shows what the graphics card draws. */

#include <stdbool.h>
#include <stdint.h>

/*
 * DRM_FORMAT_MOD_INVALID, in the protocol's two words: the layout that the card chose itself. It is the only one of
 * virgl's pictures, whose driver in the guest knows no modifiers.
 */
#define CARD_LAYOUT_HIGH UINT32_C(0x00ffffff)
#define CARD_LAYOUT_LOW  UINT32_MAX

struct trial_picture {
    int fd; /* a dmabuf */
    uint32_t width;
    uint32_t height;
    uint32_t stride;
    uint32_t format; /* fourcc */
};

/*
 * Ask the compositor at `wayland`, a connected socket that is used for nothing else and stays the caller's,
 * to make a buffer of the picture. It has `patience` milliseconds. False, and `ret_why` is a sentence's part.
 */
bool trial_run(int wayland, const struct trial_picture *picture, int patience,
               const char **ret_why);
