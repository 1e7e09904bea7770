/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a guest asks for in a cross-domain context. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/devices/gpu/cross-domain-private.h"
#include "vmm/devices/gpu/resource.h"

bool
cross_page_write(struct cross_context *context, const struct resource *page, const void *data,
                 size_t size)
{
    const struct guest_memory *memory = context->domain->host->memory(context->domain->data);

    return page && page->backing && backing_store(page->backing, memory, 0, data, size);
}

static void
close_sources(struct cross_context *context)
{
    list_for_each_safe(link, &context->sources) {
        cross_source_remove(list_container(link, struct cross_source, link));
    }
    list_for_each_safe(link, &context->items) {
        cross_item_remove(context, list_container(link, struct cross_item, link));
    }
    context->serial = 0;
}

void
cross_context_kill(struct cross_context *context, const char *why)
{
    if (context->dead) {
        return;
    }
    if (why) {
        log_limited(&context->domain->limit, LOG_LEVEL_WARNING,
                    "The guest's Wayland connection %u is ended: %s", context->id, why);
    }
    context->dead = true;
    close_sources(context);
}

void
cross_context_clear(struct cross_context *context)
{
    close_sources(context);
    list_for_each_safe(link, &context->attached) {
        list_remove(link);
        free(list_container(link, struct cross_attachment, link));
    }
    list_for_each_safe(link, &context->polls) {
        list_remove(link);
        free(list_container(link, struct cross_poll, link));
    }
}

static struct resource *
find_attached(const struct cross_context *context, uint32_t id)
{
    list_for_each(link, &context->attached) {
        struct cross_attachment *attachment = list_container(link, struct cross_attachment, link);
        if (attachment->id == id) {
            return attachment->resource;
        }
    }
    return NULL;
}

/* A guest blob of at least a page, which the context may use. */
static struct resource *
find_page(const struct cross_context *context, uint32_t id)
{
    struct resource *resource = find_attached(context, id);

    if (!resource || resource->kind != RESOURCE_BLOB || !resource->backing ||
        backing_size(resource->backing) < CROSS_PAGE_SIZE) {
        return NULL;
    }
    return resource;
}

static int
run_init(struct cross_context *context, const uint8_t *command, size_t size)
{
    struct cross_domain *domain = context->domain;
    uint32_t query = load_le32(command + sizeof(struct cross_header));
    uint32_t channel = size == sizeof(struct cross_init)
                           ? load_le32(command + offsetof(struct cross_init, channel_ring))
                           : query;
    uint32_t type = load_le32(command + size - sizeof(uint32_t)); /* in both forms the last */

    if (context->initialised ||
        (size != sizeof(struct cross_init) && size != sizeof(struct cross_init_old)) ||
        type > CROSS_CHANNEL_WAYLAND) {
        return -EINVAL;
    }
    context->query_page = find_page(context, query);
    context->channel_page = find_page(context, channel);
    if (!context->query_page || !context->channel_page) {
        return -ENOENT;
    }
    context->initialised = true;
    if (type == CROSS_CHANNEL_NONE) {
        return 0;
    }
    cross_source_add(context, CROSS_SOURCE_CHANNEL, 0, -1);
    context->serial = ++domain->next_serial;
    return domain->host->connect(domain->data, context->serial);
}

static int
run_get_image(struct cross_context *context, const uint8_t *command, size_t size)
{
    struct cross_get_image request;
    struct cross_image image;

    if (size < sizeof(request)) {
        return -EINVAL;
    }
    memcpy(&request, command, sizeof(request));
    const bool dmabuf =
        (request.flags & htole32(CROSS_IMAGE_DMABUF)) && context->domain->makes_dmabufs;
    int r = cross_image_layout(&request, dmabuf, &image);
    if (r < 0) {
        memset(&image, 0, sizeof(image)); /* size 0 tells the guest; the connection lives on */
    }
    bool written = cross_page_write(context, context->query_page, &image, sizeof(image));
    return written ? 0 : -ENXIO;
}

static int
run_describe(struct cross_context *context, const uint8_t *command, size_t size)
{
    struct cross_describe request;
    struct cross_image image;

    if (size < sizeof(request) || !context->domain->sends_resources) {
        return -EINVAL;
    }
    memcpy(&request, command, sizeof(request));
    cross_resource_describe(find_attached(context, le32toh(request.resource)), &image);
    bool written = cross_page_write(context, context->query_page, &image, sizeof(image));
    return written ? 0 : -ENXIO;
}

/* What goes out with a SEND. */
struct outgoing {
    struct cross_message message;
    int fds[CROSS_IDS_MAX];      /* borrowed from blobs, or: */
    bool is_ours[CROSS_IDS_MAX]; /* write ends of new pipes, other renderers' memory: to close */
};

static int
send_blob(struct cross_context *context, struct outgoing *out, size_t i)
{
    uint32_t id = le32toh(out->message.ids[i]);
    const struct resource *resource = find_attached(context, id);
    struct cross_blob *blob = resource ? cross_find_blob(context->domain, id) : NULL;

    if (blob) {
        out->fds[i] = cross_blob_send_fd(context->domain, blob);
        return 0;
    }
    if (!resource || !context->domain->sends_resources) {
        return -ENOENT;
    }
    int fd = cross_resource_send_fd(resource);
    if (fd < 0) {
        return fd;
    }
    out->fds[i] = fd;
    out->is_ours[i] = true;
    return 0;
}

/* The compositor, or whom it gives it to, writes into a new pipe; the guest named it already. */
static int
send_new_pipe(struct cross_context *context, struct outgoing *out, size_t i)
{
    int ends[2];

    if (le32toh(out->message.ids[i]) != CROSS_READ_PIPE_BASE + context->last_read_pipe + 1) {
        return -EINVAL;
    }
    if (context->n_pipes >= CROSS_PIPES_MAX || pipe2(ends, O_CLOEXEC) < 0) {
        return -EMFILE;
    }
    out->fds[i] = ends[1];
    out->is_ours[i] = true;
    int r = fd_set_nonblocking(ends[0]);
    int fd = cross_own_fd(context, ends[0]);
    if (r < 0 || fd < 0) {
        cross_close_fd(context, &fd);
        return r < 0 ? r : fd;
    }
    context->last_read_pipe++;
    cross_source_add(context, CROSS_SOURCE_READ_PIPE,
                     CROSS_READ_PIPE_BASE + context->last_read_pipe, fd);
    return 0;
}

static int
collect_outgoing(struct cross_context *context, struct outgoing *out, size_t n_ids)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < n_ids; i++) {
        uint32_t type = le32toh(out->message.types[i]);

        if (type == CROSS_ID_BLOB) {
            r = send_blob(context, out, i);
        } else if (type == CROSS_ID_READ_PIPE) {
            r = send_new_pipe(context, out, i);
        } else {
            r = -EOPNOTSUPP;
        }
    }
    return r;
}

static int
run_send(struct cross_context *context, const uint8_t *command, size_t size)
{
    struct outgoing out = {0};

    if (size < sizeof(out.message) || !context->channel) {
        return -EINVAL;
    }
    memcpy(&out.message, command, sizeof(out.message));
    size_t n_ids = le32toh(out.message.n_ids);
    size_t data_size = le32toh(out.message.data_size);
    if (n_ids > CROSS_IDS_MAX || data_size > size - sizeof(out.message) ||
        (n_ids > 0 && data_size == 0)) {
        return -EINVAL;
    }
    int r = collect_outgoing(context, &out, n_ids);
    if (r == 0) {
        r = cross_source_send(context->channel, command + sizeof(out.message), data_size, out.fds,
                              n_ids);
    }
    for (size_t i = 0; i < n_ids; i++) {
        if (out.is_ours[i]) {
            close(out.fds[i]);
        }
    }
    cross_poll_arm(context);
    return r;
}

static int
run_write(struct cross_context *context, const uint8_t *command, size_t size)
{
    struct cross_pipe_data request;

    if (size < sizeof(request)) {
        return -EINVAL;
    }
    memcpy(&request, command, sizeof(request));
    size_t data_size = le32toh(request.data_size);
    if (data_size > size - sizeof(request)) {
        return -EINVAL;
    }
    struct cross_source *pipe =
        cross_source_find(context, CROSS_SOURCE_WRITE_PIPE, le32toh(request.id));
    if (!pipe || pipe->closing) {
        return 0; /* its reader went away, which the guest cannot know yet */
    }
    int r =
        data_size == 0 ? 0 : cross_source_send(pipe, command + sizeof(request), data_size, NULL, 0);
    pipe->closing = le32toh(request.hang_up) != 0;
    if (r < 0 || (pipe->closing && list_empty(&pipe->outbox))) {
        cross_source_remove(pipe);
    }
    return 0;
}

static int
run_one(struct cross_context *context, const uint8_t *command, size_t size)
{
    if (command[0] != CROSS_INIT && !context->initialised) {
        return -EINVAL;
    }
    switch (command[0]) {
    case CROSS_INIT:
        return run_init(context, command, size);
    case CROSS_GET_IMAGE_REQUIREMENTS:
        return run_get_image(context, command, size);
    case CROSS_DESCRIBE_RESOURCE:
        return run_describe(context, command, size);
    case CROSS_POLL:
        context->polled = true;
        return 0;
    case CROSS_SEND:
        return run_send(context, command, size);
    case CROSS_WRITE:
        return run_write(context, command, size);
    default:
        return -EOPNOTSUPP;
    }
}

int
cross_context_submit(struct cross_context *context, const uint8_t *commands, uint32_t size)
{
    uint32_t at = 0;
    int r = 0;

    context->polled = false;
    while (r == 0 && at < size) {
        uint32_t left = size - at;
        uint32_t one = left < sizeof(struct cross_header)
                           ? 0
                           : load_le16(commands + at + offsetof(struct cross_header, size));

        if (one < sizeof(struct cross_header) || one > left) {
            r = -EINVAL;
        } else if (context->dead && commands[at] != CROSS_POLL) {
            return -EPIPE;
        } else {
            r = run_one(context, commands + at, one);
        }
        at += one;
    }
    if (r < 0) {
        cross_context_kill(context, strerror(-r));
        cross_poll_serve(context);
    }
    return r;
}
