/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Messages of the host to the guest. The channel page holds one, and the guest reads it when the
 * fence of its POLL completes: so nothing is read from the host before the guest polls. Their headers
 * have the command alone, as crosvm's: wayland-proxy-virtwl takes the first 32 bits for it.
 */

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/devices/gpu/cross-domain-private.h"

/* The one message in the making. */
struct page {
    union {
        struct cross_message message;
        struct cross_pipe_data pipe;
        uint8_t bytes[CROSS_PAGE_SIZE];
    };
    size_t size; /* 0: nothing to tell */
};

static void
compose_receive(struct page *page, size_t size)
{
    page->size = sizeof(page->message) + size;
    page->message.header.command = CROSS_RECEIVE;
    page->message.data_size = htole32((uint32_t)size);
}

/* Read the compositor's socket; its descriptors become names. */
static void
read_channel(struct cross_source *source, struct page *page)
{
    struct cross_context *context = source->context;
    struct message_fds fds = {.count = 0};
    ssize_t n =
        message_receive(source->fd, page->bytes + sizeof(page->message), CROSS_RECEIVE_MAX, &fds);

    if (n == -EAGAIN) {
        return;
    }
    if (n <= 0 || fds.count > CROSS_IDS_MAX) {
        message_close_fds(&fds);
        cross_context_kill(context,
                           n == 0 || n == -ECONNRESET ? NULL : "the socket cannot be read");
        compose_receive(page, 0);
        return;
    }
    compose_receive(page, (size_t)n);
    page->message.n_ids = htole32((uint32_t)fds.count);
    for (size_t i = 0; i < fds.count; i++) {
        cross_item_receive(context, message_take_fd(&fds, i), &page->message, i);
    }
}

static void
read_pipe(struct cross_source *source, struct page *page)
{
    ssize_t n = read(source->fd, page->bytes + sizeof(page->pipe), CROSS_READ_PART);

    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    size_t size = n > 0 ? (size_t)n : 0;
    page->size = sizeof(page->pipe) + size;
    page->pipe.header.command = CROSS_READ;
    page->pipe.id = htole32(source->id);
    page->pipe.hang_up = htole32(size == 0);
    page->pipe.data_size = htole32((uint32_t)size);
    if (size == 0) {
        cross_source_remove(source);
    }
}

/* The first source that has something, whose turn is then over. */
static void
find_message(struct cross_context *context, struct page *page)
{
    if (context->dead) {
        compose_receive(page, 0);
        return;
    }
    for (uint32_t left = context->n_pipes + (context->channel != NULL); left > 0; left--) {
        struct list *link = context->sources.next;
        struct cross_source *source = list_container(link, struct cross_source, link);

        list_remove(link);
        list_append(&context->sources, link);
        if (source->fd >= 0 && source->kind == CROSS_SOURCE_CHANNEL) {
            read_channel(source, page);
        } else if (source->kind == CROSS_SOURCE_READ_PIPE) {
            read_pipe(source, page);
        }
        if (page->size > 0) {
            return;
        }
    }
}

/*
 * The first POLL is answered, and with it what came after and before the next one; all of them when
 * the context was ended.
 */
static void
retire_first(struct cross_context *context)
{
    struct renderer_fence fence = {.token = 0};
    bool first = true;

    list_for_each_safe(link, &context->polls) {
        struct cross_poll *poll = list_container(link, struct cross_poll, link);

        if (!first && poll->wants_message && !context->dead) {
            break;
        }
        first = false;
        fence = poll->fence;
        list_remove(link);
        free(poll);
    }
    context->domain->host->retire(context->domain->data, &context->domain->renderer, &fence);
}

void
cross_poll_arm(struct cross_context *context)
{
    const bool polled = !list_empty(&context->polls);

    list_for_each(link, &context->sources) {
        cross_source_listen(list_container(link, struct cross_source, link), polled);
    }
}

void
cross_poll_serve(struct cross_context *context)
{
    struct page page = {.size = 0};

    if (!list_empty(&context->polls)) {
        find_message(context, &page);
    }
    if (page.size == 0) {
        cross_poll_arm(context);
        return;
    }
    /* Without the page the guest learns of it all the same: its next words are refused. */
    (void)cross_page_write(context, context->channel_page, page.bytes, page.size);
    retire_first(context);
}

/* A context that was ended answers each POLL at once. */
static bool
answer_hang_up(struct cross_context *context)
{
    struct page page = {.size = 0};

    if (!context->dead || !list_empty(&context->polls)) {
        return false;
    }
    compose_receive(&page, 0);
    (void)cross_page_write(context, context->channel_page, page.bytes, page.size);
    return true;
}

int
cross_poll_add(struct cross_context *context, const struct renderer_fence *fence)
{
    const bool wants_message = context->polled;

    context->polled = false;
    if (!fence->on_ring || fence->ring != CROSS_RING_CHANNEL ||
        (!wants_message && list_empty(&context->polls)) || answer_hang_up(context)) {
        return 1;
    }
    struct cross_poll *poll = calloc(1, sizeof(*poll));
    if (!poll) {
        return -ENOMEM;
    }
    poll->fence = *fence;
    poll->wants_message = wants_message;
    list_append(&context->polls, &poll->link);
    cross_poll_arm(context);
    return 0;
}
