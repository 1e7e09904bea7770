/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/devices/gpu/context.h"

#include <errno.h>
#include <stdlib.h>

#include "vmm/devices/gpu/gpu.h"

void
context_table_init(struct context_table *table, uint32_t vulkan_limit)
{
    *table = (struct context_table){.vulkan_limit = vulkan_limit};
    list_init(&table->contexts);
}

struct context *
context_find(const struct context_table *table, uint32_t id)
{
    list_for_each(link, &table->contexts) {
        struct context *context = list_container(link, struct context, link);
        if (context->info.id == id) {
            return context;
        }
    }
    return NULL;
}

static bool
is_vulkan(const struct renderer_context *info)
{
    return info->capset == CONTEXT_CAPSET_VULKAN;
}

/* A Vulkan context has a process of its own, whose memory is limited; so the sum of them is. */
static bool
has_room(struct context_table *table, const struct renderer_context *info)
{
    if (table->count >= CONTEXTS_MAX) {
        return false;
    }
    if (!is_vulkan(info) || table->n_vulkan < table->vulkan_limit) {
        return true;
    }
    if (!table->told_vulkan_limit) {
        table->told_vulkan_limit = true;
        log_warning("The guest has %u Vulkan contexts, and is not given more; "
                    "--gpu vulkan-contexts=N allows up to %d.",
                    table->n_vulkan, CONTEXTS_MAX);
    }
    return false;
}

int
context_create(struct context_table *table, struct renderer *renderer,
               const struct renderer_context *info)
{
    if (info->id == 0) {
        return -EINVAL;
    }
    if (context_find(table, info->id)) {
        return -EEXIST;
    }
    if (!has_room(table, info)) {
        return -ENOMEM;
    }
    struct context *context = calloc(1, sizeof(*context));
    if (!context) {
        return -ENOMEM;
    }
    context->info = *info;
    context->renderer = renderer;
    for (unsigned int i = 0; i < CONTEXT_BUCKETS; i++) {
        list_init(&context->attached[i]);
    }
    int r = renderer->ops->create_context(renderer, info);
    if (r < 0) {
        free(context);
        return r;
    }
    list_append(&table->contexts, &context->link);
    table->count++;
    table->n_vulkan += is_vulkan(info);
    return 0;
}

static struct attachment *
find_attachment(const struct context *context, const struct resource *resource)
{
    list_for_each(link, &context->attached[resource->id % CONTEXT_BUCKETS]) {
        struct attachment *attachment = list_container(link, struct attachment, link);
        if (attachment->resource == resource) {
            return attachment;
        }
    }
    return NULL;
}

bool
context_has(const struct context *context, const struct resource *resource)
{
    return find_attachment(context, resource) != NULL;
}

static void
drop_attachment(struct context *context, struct attachment *attachment)
{
    list_remove(&attachment->link);
    context->n_attached--;
    context->memory -= attachment->resource->size;
    free(attachment);
}

void
context_destroy(struct gpu *gpu, struct context *context)
{
    for (unsigned int i = 0; i < CONTEXT_BUCKETS; i++) {
        list_for_each_safe(link, &context->attached[i]) {
            drop_attachment(context, list_container(link, struct attachment, link));
        }
    }
    context->renderer->ops->destroy_context(context->renderer, context->info.id);
    fences_forget_context(&gpu->fences, context->info.id);
    list_remove(&context->link);
    gpu->contexts.count--;
    gpu->contexts.n_vulkan -= is_vulkan(&context->info);
    free(context);
}

int
context_attach(struct context *context, struct resource *resource, uint64_t memory_limit)
{
    if (find_attachment(context, resource)) {
        return 0;
    }
    if (context->n_attached >= CONTEXT_RESOURCES_MAX ||
        resource->size > memory_limit - context->memory) {
        return -ENOMEM;
    }
    struct attachment *attachment = calloc(1, sizeof(*attachment));
    if (!attachment) {
        return -ENOMEM;
    }
    struct renderer *renderer = context->renderer;
    int r = renderer->ops->attach ? renderer->ops->attach(renderer, context->info.id, resource) : 0;
    if (r < 0) {
        free(attachment);
        return r;
    }
    attachment->resource = resource;
    list_append(&context->attached[resource->id % CONTEXT_BUCKETS], &attachment->link);
    context->n_attached++;
    context->memory += resource->size;
    return 0;
}

void
context_detach(struct context *context, struct resource *resource)
{
    struct attachment *attachment = find_attachment(context, resource);
    struct renderer *renderer = context->renderer;

    if (!attachment) {
        return;
    }
    drop_attachment(context, attachment);
    if (renderer->ops->detach) {
        renderer->ops->detach(renderer, context->info.id, resource);
    }
}

void
context_forget_resource(const struct context_table *table, struct resource *resource)
{
    list_for_each(link, &table->contexts) {
        context_detach(list_container(link, struct context, link), resource);
    }
}
