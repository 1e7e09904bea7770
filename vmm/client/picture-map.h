/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The mapped memory of a picture; private to the library. */

#include "vmm/client/vm-console.h"

G_BEGIN_DECLS

/* Of drm_fourcc.h. */
#define VM_MODIFIER_LINEAR   G_GUINT64_CONSTANT(0)
#define VM_MODIFIER_IMPLICIT G_GUINT64_CONSTANT(0x00ffffffffffffff)

typedef struct {
    void *memory; /* NULL: there is none, or it is a texture */
    int fd;       /* of the memory */
    gsize offset; /* where the picture begins in the file */
    gsize size;
    gboolean dmabuf;
    VmPicture picture; /* width 0: there is none */
    VmTexture texture; /* width 0: it is none */
} VmPictureMap;

typedef struct {
    guint offset;
    guint width;
    guint height;
    guint stride;
    guint pixman_format;
} VmPictureLayout;

/* Map `fd` (the caller's) for reading. FALSE with `error` set when the numbers do not fit the file. */
gboolean vm_picture_map_open(VmPictureMap *self, int fd, const VmPictureLayout *layout,
                             GError **error);
/* The same for a dmabuf with one linear plane; `fourcc` of DRM is in the layout's pixman_format. */
gboolean vm_picture_map_open_dmabuf(VmPictureMap *self, int fd, const VmPictureLayout *layout,
                                    GError **error);
/*
 * Take a texture, which nobody maps; the descriptor in it stays the caller's. FALSE with `error` set when its
 * numbers make no picture, or it is no dmabuf. What its file says of its length is not looked at: some
 * drivers tell nothing of use.
 */
gboolean vm_picture_map_open_texture(VmPictureMap *self, const VmTexture *texture, guint width,
                                     guint height, GError **error);
/* Whether its layout is one of those that are taken. */
gboolean vm_picture_map_is_taken(const VmTexture *texture, VmTextures takes);
/* Whether the file of a texture says that it is long enough. */
gboolean vm_picture_map_has_length(const VmTexture *texture);
void vm_picture_map_close(VmPictureMap *self);

G_END_DECLS
