/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A memory file that the gpu process draws into, mapped here for reading, or memory of a graphics card, which
 * only goes from hand to hand here. Reference counted: a scanout keeps showing a buffer that the gpu process
 * has already given up.
 */

#include <glib.h>

#include "vmm/protocol/gpu.h"

G_BEGIN_DECLS

enum {
    VM_BUFFER_SIZE_MAX = 1 << 30
};

typedef struct {
    int fd;             /* -1: it is a texture */
    int dmabuf;         /* of the same pages, or -1 */
    const guint8 *data; /* the gpu process may change it at any time; NULL: it is a texture */
    gsize size;
    struct gpu_texture texture; /* how one lies in its dmabuf */
} VmBuffer;

/*
 * Takes `fd` (also on failure). NULL with `error` set when the file may not be mapped for `size`
 * bytes without fear of SIGBUS, or is too large.
 */
VmBuffer *vm_buffer_new(int fd, guint64 size, GError **error);
/*
 * Takes `dmabuf` (also on failure). NULL with `error` set when it is none, or its numbers make no picture.
 * What it says of its length is no proof here: those who read it ask the driver.
 */
VmBuffer *vm_buffer_new_texture(int dmabuf, const struct gpu_texture *texture, GError **error);
/* Takes `dmabuf`. FALSE, and no change, unless it is one that holds the whole buffer. */
gboolean vm_buffer_set_dmabuf(VmBuffer *self, int dmabuf);
VmBuffer *vm_buffer_ref(VmBuffer *self);
void vm_buffer_unref(VmBuffer *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmBuffer, vm_buffer_unref)

G_END_DECLS
