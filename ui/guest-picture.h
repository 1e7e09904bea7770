/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmm/client/vm-console.h"

G_BEGIN_DECLS

/* What a view shows: its pixels, and the file they lie in when that is a dmabuf, else -1. */
typedef struct {
    VmPicture picture;
    int dmabuf;
    gsize offset;
} VmGuestPicture;

G_END_DECLS
