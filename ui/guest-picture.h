/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmm/client/vm-console.h"

G_BEGIN_DECLS

/*
 * What a view shows: its pixels, and the file they lie in when that is a dmabuf, else -1; or (pixels NULL) a
 * texture, which cannot be copied.
 */
typedef struct {
    VmPicture picture;
    int dmabuf;
    gsize offset;
    VmTexture texture; /* width 0: it is none */
} VmGuestPicture;

G_END_DECLS
