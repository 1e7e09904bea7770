/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/devices/gpu/virgl-library.h"

#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

int
virgl_library_load(struct virgl_library *ret_library, const char **ret_why)
{
#define VIRGL_SYMBOL(name) {"virgl_renderer_" #name, offsetof(struct virgl_library, name)},
    static const struct {
        const char *symbol;
        size_t offset;
    } calls[] = {
        VIRGL_CALLS(VIRGL_SYMBOL) /* */
        {"virgl_renderer_cleanup", offsetof(struct virgl_library, stop)},
        {"virgl_set_debug_callback", offsetof(struct virgl_library, set_debug_callback)},
    };
#undef VIRGL_SYMBOL
    void *library = dlopen("libvirglrenderer.so.1", RTLD_NOW | RTLD_LOCAL);

    if (!library) {
        *ret_why = dlerror();
        return -ENOENT;
    }
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        void *call = dlsym(library, calls[i].symbol);

        if (!call) {
            *ret_why = dlerror();
            return -ENOENT;
        }
        memcpy((char *)ret_library + calls[i].offset, &call, sizeof(call));
    }
    return 0;
}
