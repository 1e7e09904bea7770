/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

/*
 * A PNG file of a picture with 4 bytes per pixel in memory order B G R X. `stride` in bytes, at least
 * 4 * width. NULL with `error` set.
 */
GBytes *png_encode(const guint8 *pixels, guint width, guint height, guint stride, GError **error);
