/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The words of virgl's command streams, Gallium's states, that a trial takes: to clear a texture and look at what
 * came of it. The host makes it with the renderer, vitrine-x11 in the guest with the card that it was given.
 */

#include <stdint.h>

enum {
    VIRGL_TEXTURE_2D = 2,
    VIRGL_FORMAT_B8G8R8A8 = 1,
    VIRGL_FORMAT_B8G8R8X8 = 2,
    VIRGL_BIND_RENDER_TARGET = 1 << 1,
    VIRGL_BIND_SAMPLER_VIEW = 1 << 3,
    VIRGL_BIND_SCANOUT = 1 << 18,
    VIRGL_BIND_SHARED = 1 << 20,
    VIRGL_CREATE_OBJECT = 1,
    VIRGL_SET_FRAMEBUFFER_STATE = 5,
    VIRGL_CLEAR = 7,
    VIRGL_OBJECT_SAMPLER = 7,
    VIRGL_OBJECT_SURFACE = 8,
    VIRGL_CLEAR_COLOR = 1 << 2,
    VIRGL_FLOAT_ONE = 0x3f800000,
    VIRGL_FLOAT_HALF = 0x3f000000,
};

/* Before `length` words of that command. */
#define VIRGL_COMMAND(command, object, length) \
    ((uint32_t)(command) | (uint32_t)(object) << 8 | (uint32_t)(length) << 16)

/* Make a surface of a texture, by a number that is free, and draw to it from then on. */
#define VIRGL_DRAW_TO(surface, texture, format)                                                  \
    VIRGL_COMMAND(VIRGL_CREATE_OBJECT, VIRGL_OBJECT_SURFACE, 5), (surface), (texture), (format), \
        0, 0, /* its first level */                                                              \
        VIRGL_COMMAND(VIRGL_SET_FRAMEBUFFER_STATE, 0, 3), 1, 0, (surface)

/* Clear it: parts of a colour as floats, then the depth (a double) and the stencil, which it lacks. */
#define VIRGL_CLEAR_TO(red, green, blue, alpha) \
    VIRGL_COMMAND(VIRGL_CLEAR, 0, 8), VIRGL_CLEAR_COLOR, (red), (green), (blue), (alpha), 0, 0, 0
