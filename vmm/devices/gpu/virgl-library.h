/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * libvirglrenderer, loaded when a machine wants 3D: it brings Mesa and LLVM along, which a 2D card has
 * no use for, and a computer without it still has a 2D card.
 */

#define VIRGL_RENDERER_UNSTABLE_APIS 1 /* asynchronous fences, checked by meson */
#include <virgl/virglrenderer.h>

#define VIRGL_CALLS(CALL)           \
    CALL(init)                      \
    CALL(reset)                     \
    CALL(force_ctx_0)               \
    CALL(get_cap_set)               \
    CALL(fill_caps)                 \
    CALL(context_create_with_flags) \
    CALL(context_destroy)           \
    CALL(ctx_attach_resource)       \
    CALL(ctx_detach_resource)       \
    CALL(resource_create)           \
    CALL(resource_create_blob)      \
    CALL(resource_unref)            \
    CALL(resource_attach_iov)       \
    CALL(resource_detach_iov)       \
    CALL(resource_get_map_info)     \
    CALL(resource_export_blob)      \
    CALL(resource_get_info)         \
    CALL(get_fd_for_texture2)       \
    CALL(transfer_read_iov)         \
    CALL(transfer_write_iov)        \
    CALL(execute)                   \
    CALL(submit_cmd)                \
    CALL(create_fence)              \
    CALL(context_create_fence)

#define VIRGL_POINTER(name) __typeof__(virgl_renderer_##name) *name;

struct virgl_library {
    VIRGL_CALLS(VIRGL_POINTER)
    __typeof__(virgl_renderer_cleanup) *stop;
    __typeof__(virgl_set_debug_callback) *set_debug_callback;
};

#undef VIRGL_POINTER

/* 0, or -ENOENT with *ret_why (static or the linker's text) when it is not there or lacks a call. */
int virgl_library_load(struct virgl_library *ret_library, const char **ret_why);
