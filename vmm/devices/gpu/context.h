/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The guest's rendering contexts: which renderer each belongs to, which resources it may use, and
 * what it has taken. Limits hold for each context and for all together.
 */

#include <stdbool.h>
#include <stdint.h>

#include "vmm/base/list.h"
#include "vmm/devices/gpu/renderer.h"

enum {
    CONTEXTS_MAX = 256,
    CONTEXT_CAPSET_VULKAN = 4, /* venus: virtio 1.2 section 5.7.6.10 */
    CONTEXT_BUCKETS = 64,
    CONTEXT_RESOURCES_MAX = 16384, /* attached to one context */
};

struct context {
    struct list link;
    struct renderer_context info;
    struct renderer *renderer;
    struct list attached[CONTEXT_BUCKETS]; /* struct attachment, by resource id */
    uint32_t n_attached;
    uint64_t memory; /* bytes of what is attached */
    uint64_t submits;
    uint64_t command_bytes;
    uint64_t fences;
    uint64_t failed;
};

/* A resource that a context may use. */
struct attachment {
    struct list link;
    struct resource *resource;
};

struct context_table {
    struct list contexts;
    uint32_t count;
    uint32_t n_vulkan;      /* of them; each is a process of the render server */
    uint32_t vulkan_limit;  /* most of these */
    bool told_vulkan_limit; /* in the log */
};

void context_table_init(struct context_table *table, uint32_t vulkan_limit);
/* NULL when there is none. */
struct context *context_find(const struct context_table *table, uint32_t id);
/* -EINVAL for id 0, -EEXIST, -ENOMEM, or what the renderer says. */
int context_create(struct context_table *table, struct renderer *renderer,
                   const struct renderer_context *info);
void context_destroy(struct gpu *gpu, struct context *context);
/* Attaching twice is fine. -ENOMEM when a limit is reached, or what the renderer says. */
int context_attach(struct context *context, struct resource *resource, uint64_t memory_limit);
void context_detach(struct context *context, struct resource *resource);
bool context_has(const struct context *context, const struct resource *resource);
/* The resource goes away: out of every context. */
void context_forget_resource(const struct context_table *table, struct resource *resource);
