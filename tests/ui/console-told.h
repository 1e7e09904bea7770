/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the manager told the console last. The linker puts these functions in place of the real ones, which they call
 * (--wrap: told_wraps in meson.build).
 */

#include "vmm/client/vm-console.h"

typedef struct {
    gboolean takes; /* dmabufs */
    VmTextures textures;
    gboolean paced;
    guint64 presented;
    gint64 when;      /* `presented` grew last, monotonic microseconds */
    guint64 earliest; /* told since this is 0 */
} ConsoleTold;

/* NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): of one test */
extern ConsoleTold console_told;
