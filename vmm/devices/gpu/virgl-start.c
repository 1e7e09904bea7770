/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/memory.h"
#include "vmm/devices/gpu/virgl-private.h"

/* What Mesa reads; there is no environment otherwise. */
static void
prepare_environment(bool software)
{
    setenv("MESA_SHADER_CACHE_DISABLE", "true", 1); /* there is no folder for it */
    if (software) {
        setenv("LIBGL_ALWAYS_SOFTWARE", "true", 1);
        /* The guest needs the processors more, and small scenes draw faster on one (measured). */
        setenv("LP_NUM_THREADS", "0", 1);
    }
}

/* A capset of zeros would make a guest's driver fail in ways that nobody understands. */
static bool
is_filled(const uint8_t *data, uint32_t size)
{
    for (uint32_t i = sizeof(uint32_t); i < size; i++) {
        if (data[i] != 0) {
            return true;
        }
    }
    return false;
}

static void
find_capset(struct virgl *virgl, uint32_t id)
{
    struct renderer_capset capset = {.id = id};

    virgl->library.get_cap_set(capset.id, &capset.version, &capset.size);
    if (capset.size == 0) {
        return;
    }
    cleanup_free uint8_t *data = xalloc(capset.size);
    virgl->library.fill_caps(capset.id, capset.version, data);
    if (is_filled(data, capset.size)) {
        virgl->capset_data[virgl->n_capsets] = take_pointer(data);
        virgl->capsets[virgl->n_capsets++] = capset;
    }
}

static void
find_capsets(struct virgl *virgl)
{
    find_capset(virgl, VIRTIO_GPU_CAPSET_VIRGL);
    find_capset(virgl, VIRTIO_GPU_CAPSET_VIRGL2);
    if (virgl->has_venus) { /* the library tells of it also when it was not started with it */
        find_capset(virgl, CAPSET_VENUS);
    }
}

int
virgl_start_library(struct virgl *virgl, const char **ret_why)
{
    const bool software = virgl->render_fd < 0;
    const int venus = VIRGL_RENDERER_VENUS | VIRGL_RENDERER_RENDER_SERVER;
    const int flags = (virgl->has_venus ? venus : 0) | VIRGL_RENDERER_USE_EGL |
                      VIRGL_RENDERER_THREAD_SYNC | VIRGL_RENDERER_ASYNC_FENCE_CB |
                      VIRGL_RENDERER_USE_EXTERNAL_BLOB |
                      (software ? VIRGL_RENDERER_USE_SURFACELESS : 0);
    int r = virgl_library_load(&virgl->library, ret_why);

    if (r < 0) {
        return r;
    }
    prepare_environment(software);
    virgl->callbacks = (struct virgl_renderer_callbacks){
        .version = 3, .write_fence = virgl_on_fence, .write_context_fence = virgl_on_context_fence};
    if (!software) {
        virgl->callbacks.get_drm_fd = virgl_on_get_drm_fd;
    }
    if (virgl->has_venus) {
        virgl->callbacks.get_server_fd = virgl_on_get_server_fd;
    }
    virgl->library.set_debug_callback(virgl_on_message);
    if (virgl->library.init(virgl, flags, &virgl->callbacks) != 0) {
        *ret_why = virgl->has_venus && virgl->venus_fd < 0 ? "the Vulkan renderer does not answer"
                   : software ? "Mesa's software renderer does not start"
                              : "the render node's driver does not start";
        return -EIO;
    }
    virgl->started = true;
    find_capsets(virgl);
    if (virgl->n_capsets == 0) {
        *ret_why = "virglrenderer has nothing to offer";
        return -EIO;
    }
    if (virgl->has_venus && virgl->capsets[virgl->n_capsets - 1].id != CAPSET_VENUS) {
        *ret_why = "virglrenderer was built without Vulkan";
        return -EIO;
    }
    return 0;
}
