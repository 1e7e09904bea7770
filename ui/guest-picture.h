/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmm/client/vm-console.h"

G_BEGIN_DECLS

/* Of drm_fourcc.h. */
#define VM_DRM_XRGB8888 0x34325258U
#define VM_DRM_XBGR8888 0x34324258U
#define VM_DRM_LINEAR   G_GUINT64_CONSTANT(0)
#define VM_DRM_IMPLICIT G_GUINT64_CONSTANT(0x00ffffffffffffff)

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
