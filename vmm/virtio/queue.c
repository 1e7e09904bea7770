/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/virtio/queue.h"

#include <errno.h>
#include <linux/virtio_ring.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/base/assert.h"
#include "vmm/base/bytes.h"
#include "vmm/base/list.h"
#include "vmm/base/log.h"
#include "vmm/base/memory.h"
#include "vmm/base/trace.h"
#include "vmm/virtio/inflight.h"

/* A chain that is out, with room for its segments. */
struct request {
    struct list link; /* queue::requests */
    struct chain chain;
    struct iovec iov[];
};

struct old_request {
    uint64_t counter;
    uint16_t head;
};

struct queue {
    const struct guest_memory *memory;
    struct queue_setup setup;
    char *descriptors;
    char *available; /* flags, index, ring[size], used_event */
    char *used;      /* flags, index, { id, length }[size], available_event */
    uint16_t next_available;
    uint16_t next_used;
    uint32_t n_unsignalled; /* pushed since the driver was last asked about an interrupt */
    bool broken;
    bool held;
    uint64_t inflight_counter;
    bool taken_over;
    struct old_request *again; /* that the process before us had, oldest first; or NULL */
    unsigned int n_again;
    unsigned int next_again;
    unsigned int n_requests;
    struct list requests;                            /* request::link */
    struct iovec segments[QUEUE_CHAIN_SEGMENTS_MAX]; /* of the chain that is being read */
};

enum {
    DESCRIPTOR_SIZE = 16,
    RING_HEAD = 4, /* flags and index */
    USED_ELEMENT_SIZE = 8,
    TABLE_MAX = 0x10000, /* what 16-bit indices can reach */
};

static uint16_t
ring_load(const char *at)
{
    uint16_t v = __atomic_load_n((const uint16_t *)(const void *)at, __ATOMIC_RELAXED);
    return le16toh(v);
}

static void
ring_store(char *at, uint16_t v) /* NOLINT(readability-non-const-parameter): it is written */
{
    __atomic_store_n((uint16_t *)(void *)at, htole16(v), __ATOMIC_RELAXED);
}

static char *
used_event(const struct queue *queue)
{
    return queue->available + RING_HEAD + (size_t)queue->setup.size * 2;
}

static char *
available_event(const struct queue *queue)
{
    return queue->used + RING_HEAD + (size_t)queue->setup.size * USED_ELEMENT_SIZE;
}

static int
find_rings(struct queue *queue)
{
    const struct queue_setup *setup = &queue->setup;
    uint64_t size = setup->size;

    queue->descriptors =
        guest_memory_user_range(queue->memory, setup->descriptor, size * DESCRIPTOR_SIZE);
    queue->available =
        guest_memory_user_range(queue->memory, setup->available, RING_HEAD + size * 2 + 2);
    queue->used = guest_memory_user_range(queue->memory, setup->used,
                                          RING_HEAD + size * USED_ELEMENT_SIZE + 2);
    if (!queue->descriptors || !queue->available || !queue->used) {
        return -EFAULT;
    }
    /* The front end's addresses do not bind our mapping: check what is dereferenced. */
    if ((uintptr_t)queue->descriptors % DESCRIPTOR_SIZE != 0 ||
        (uintptr_t)queue->available % 2 != 0 || (uintptr_t)queue->used % 4 != 0) {
        return -EINVAL;
    }
    return 0;
}

/* Insert in the order of the counters; qsort() would ask the kernel how much memory there is. */
static void
insert_old(struct old_request *old, unsigned int n, const struct old_request *request)
{
    while (n > 0 && old[n - 1].counter > request->counter) {
        old[n] = old[n - 1];
        n--;
    }
    old[n] = *request;
}

/* Copy what the process before us had out; the area is its word, and worth no more. */
static int
take_over(struct queue *queue, struct inflight_queue *inflight)
{
    struct old_request *old = calloc(queue->setup.size, sizeof(*old));
    const uint16_t last = inflight->last_given;
    unsigned int n = 0;

    if (!old) {
        return -ENOMEM;
    }
    queue->again = old;
    if (inflight->used_index != queue->next_used && last < queue->setup.size) {
        inflight->requests[last].taken = 0; /* it died between giving it back and noting that */
    }
    inflight->used_index = queue->next_used;
    for (unsigned int i = 0; i < queue->setup.size; i++) {
        const struct old_request request = {.counter = inflight->requests[i].counter,
                                            .head = (uint16_t)i};

        if (inflight->requests[i].taken) {
            insert_old(old, n++, &request);
        }
    }
    queue->taken_over = true;
    queue->next_available = (uint16_t)(queue->next_used + n);
    for (unsigned int i = 0; i < n; i++) {
        inflight->requests[old[i].head].counter = i;
    }
    queue->n_again = n;
    queue->inflight_counter = n;
    return 0;
}

static int
begin_inflight(struct queue *queue)
{
    struct inflight_queue *inflight = queue->setup.inflight;

    if (!inflight) {
        return 0;
    }
    if (inflight->version != 0) {
        return take_over(queue, inflight);
    }
    inflight->n_requests = (uint16_t)queue->setup.size;
    inflight->used_index = queue->next_used;
    __atomic_store_n(&inflight->version, INFLIGHT_VERSION, __ATOMIC_RELEASE);
    return 0;
}

/* The request is out from here on. If we die before, it is still in the ring. */
static void
note_taken(struct queue *queue, uint16_t head)
{
    struct inflight_queue *inflight = queue->setup.inflight;

    if (inflight) {
        inflight->requests[head].counter = queue->inflight_counter++;
        __atomic_store_n(&inflight->requests[head].taken, 1, __ATOMIC_RELEASE);
    }
}

int
queue_create(const struct guest_memory *memory, const struct queue_setup *setup,
             struct queue **ret_queue)
{
    cleanup(queue_destroyp) struct queue *queue = NULL;
    int r;

    if (setup->size == 0 || setup->size > QUEUE_SIZE_MAX ||
        (setup->size & (setup->size - 1)) != 0) {
        return -EINVAL;
    }
    queue = xalloc(sizeof(*queue));
    list_init(&queue->requests);
    queue->memory = memory;
    queue->setup = *setup;
    r = find_rings(queue);
    if (r < 0) {
        return r;
    }
    queue->next_available = setup->next_available;
    queue->next_used = ring_load(queue->used + 2);
    r = begin_inflight(queue);
    if (r < 0) {
        return r;
    }
    *ret_queue = take_pointer(queue);
    return 0;
}

static void
request_free(struct queue *queue, struct request *request)
{
    list_remove(&request->link);
    queue->n_requests--;
    free(request);
}

void
queue_destroy(struct queue *queue)
{
    if (!queue) {
        return;
    }
    list_for_each_safe(link, &queue->requests) {
        request_free(queue, list_container(link, struct request, link));
    }
    free(queue->again);
    free(queue);
}

static int
queue_break(struct queue *queue, const char *why)
{
    if (!queue->broken) {
        queue->broken = true;
        log_limited(queue->setup.limit, LOG_LEVEL_WARNING, "queue %u stopped: %s",
                    queue->setup.index, why);
    }
    return -EPROTO;
}

static void
forget_lost_segments(const struct queue *queue, struct chain *chain)
{
    for (size_t i = 0; i < (size_t)chain->n_out + chain->n_in; i++) {
        if (!guest_memory_is_mapped(queue->memory, chain->iov[i].iov_base, chain->iov[i].iov_len)) {
            chain->n_out = 0;
            chain->n_in = 0;
            chain->out_size = 0;
            chain->in_size = 0;
            chain->out_position = 0;
            chain->in_position = 0;
            return;
        }
    }
}

int
queue_memory_changed(struct queue *queue)
{
    list_for_each(link, &queue->requests) {
        forget_lost_segments(queue, &list_container(link, struct request, link)->chain);
    }
    if (find_rings(queue) < 0) {
        queue_break(queue, "its rings left guest memory");
        return -EFAULT;
    }
    return 0;
}

bool
queue_was_taken_over(const struct queue *queue)
{
    return queue->taken_over;
}

uint16_t
queue_next_available(const struct queue *queue)
{
    return queue->next_available;
}

void
queue_hold(struct queue *queue, bool on)
{
    queue->held = on;
}

bool
queue_is_broken(const struct queue *queue)
{
    return queue->broken;
}

unsigned int
queue_size(const struct queue *queue)
{
    return queue->setup.size;
}

unsigned int
queue_depth(const struct queue *queue)
{
    const uint16_t n = (uint16_t)(ring_load(queue->available + 2) - queue->next_used);

    return queue->broken ? 0 : MIN_OF((unsigned int)n, queue->setup.size);
}

struct descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags;
    uint16_t next;
};

/* The descriptors that a walk goes over: the ring's own, or an indirect table. */
struct walk {
    const char *table;
    size_t count;   /* descriptors in the table */
    size_t visited; /* more than `count` means a loop */
    bool indirect;
    bool writable; /* a writable segment was seen */
    size_t n_out;
    size_t n_in;
    uint64_t out_size;
    uint64_t in_size;
};

static struct descriptor
descriptor_copy(const char *table, size_t index)
{
    char copy[DESCRIPTOR_SIZE];

    memcpy(copy, table + index * DESCRIPTOR_SIZE, sizeof(copy));
    /* The compiler must not read the ring again in place of the copy. */
    atomic_signal_fence(memory_order_seq_cst);
    return (struct descriptor){
        .address = load_le64(copy),
        .length = load_le32(copy + 8),
        .flags = load_le16(copy + 12),
        .next = load_le16(copy + 14),
    };
}

static const char *
walk_segment(struct queue *queue, struct walk *walk, const struct descriptor *d)
{
    bool writable = d->flags & VRING_DESC_F_WRITE;
    size_t n = walk->n_out + walk->n_in;
    void *host;

    if (walk->writable && !writable) {
        return "a readable buffer follows a writable one";
    }
    walk->writable = writable;
    if (d->length == 0) {
        return NULL;
    }
    if (n >= QUEUE_CHAIN_SEGMENTS_MAX) {
        return "a chain has too many buffers";
    }
    if (walk->out_size + walk->in_size + d->length > UINT32_MAX) {
        return "a chain is longer than 4 GiB";
    }
    host = guest_memory_range(queue->memory, d->address, d->length);
    if (!host) {
        return "a buffer lies outside guest memory";
    }
    queue->segments[n] = (struct iovec){.iov_base = host, .iov_len = d->length};
    if (writable) {
        walk->n_in++;
        walk->in_size += d->length;
    } else {
        walk->n_out++;
        walk->out_size += d->length;
    }
    return NULL;
}

static const char *
walk_enter_table(struct queue *queue, struct walk *walk, const struct descriptor *d)
{
    if (!queue->setup.indirect || walk->indirect || (d->flags & VRING_DESC_F_NEXT)) {
        return "an indirect table is not allowed there";
    }
    if (d->length == 0 || d->length % DESCRIPTOR_SIZE != 0 ||
        d->length / DESCRIPTOR_SIZE > TABLE_MAX) {
        return "an indirect table has a wrong size";
    }
    walk->table = guest_memory_range(queue->memory, d->address, d->length);
    if (!walk->table) {
        return "an indirect table lies outside guest memory";
    }
    walk->count = d->length / DESCRIPTOR_SIZE;
    walk->visited = 0;
    walk->indirect = true;
    return NULL;
}

/* Read the chain that begins at `head` into queue->segments; NULL, or what is wrong with it. */
static const char *
walk_chain(struct queue *queue, size_t head, struct walk *walk)
{
    size_t index = head;

    for (;;) {
        struct descriptor d;
        const char *why;

        if (index >= walk->count) {
            return "a descriptor index is out of range";
        }
        if (walk->visited++ >= walk->count) {
            return "a chain loops";
        }
        d = descriptor_copy(walk->table, index);
        if (d.flags & VRING_DESC_F_INDIRECT) {
            why = walk_enter_table(queue, walk, &d);
            index = 0;
        } else {
            why = walk_segment(queue, walk, &d);
            index = d.next;
        }
        if (why || !(d.flags & (VRING_DESC_F_NEXT | VRING_DESC_F_INDIRECT))) {
            return why;
        }
    }
}

static struct request *
request_create(const struct queue *queue, const struct walk *walk, uint16_t head)
{
    size_t n = walk->n_out + walk->n_in;
    struct request *request = malloc(sizeof(*request) + n * sizeof(struct iovec));

    if (!request) {
        return NULL;
    }
    list_init(&request->link);
    memcpy(request->iov, queue->segments, n * sizeof(struct iovec));
    request->chain = (struct chain){
        .head = head,
        .n_out = (uint32_t)walk->n_out,
        .n_in = (uint32_t)walk->n_in,
        .iov = request->iov,
        .out_size = walk->out_size,
        .in_size = walk->in_size,
    };
    return request;
}

/* The head of the next request, and whether it was out before. 1, 0 for none, or -EPROTO. */
static int
next_head(struct queue *queue, uint16_t *ret_head, bool *ret_again)
{
    const bool again = queue->next_again < queue->n_again;
    const uint16_t waiting = (uint16_t)(ring_load(queue->available + 2) - queue->next_available);

    if (!again && waiting == 0) {
        return 0;
    }
    if (!again && waiting > queue->setup.size) {
        return queue_break(queue, "the available index jumped");
    }
    if (queue->n_requests >= queue->setup.size) {
        return queue_break(queue, "more requests are open than the ring has places");
    }
    atomic_thread_fence(memory_order_acquire);
    *ret_again = again;
    *ret_head = again ? queue->again[queue->next_again].head
                      : ring_load(queue->available + RING_HEAD +
                                  (size_t)(queue->next_available & (queue->setup.size - 1)) * 2);
    return 1;
}

int
queue_pop(struct queue *queue, struct chain **ret_chain)
{
    struct walk walk = {.table = queue->descriptors, .count = queue->setup.size};
    struct request *request;
    uint16_t head;
    const char *why;
    bool again;
    int r;

    if (queue->broken) {
        return -EPROTO;
    }
    r = queue->held ? 0 : next_head(queue, &head, &again);
    if (r <= 0) {
        return r;
    }
    why = walk_chain(queue, head, &walk);
    if (why) {
        return queue_break(queue, why);
    }
    request = request_create(queue, &walk, head);
    if (!request) {
        return queue_break(queue, "no memory for a request");
    }
    request->chain.again = again;
    if (again) {
        queue->next_again++;
    } else {
        note_taken(queue, head);
        queue->next_available++;
    }
    list_append(&queue->requests, &request->link);
    queue->n_requests++;
    *ret_chain = &request->chain;
    trace_request(queue->setup.index, head, walk.out_size, walk.in_size);
    return 1;
}

void
queue_push(struct queue *queue, struct chain *chain, uint32_t written)
{
    struct request *request = list_container(chain, struct request, chain);

    trace_complete(queue->setup.index, chain->head, written);
    if (!queue->broken) {
        struct inflight_queue *inflight = queue->setup.inflight;
        char *element = queue->used + RING_HEAD +
                        (size_t)(queue->next_used & (queue->setup.size - 1)) * USED_ELEMENT_SIZE;
        store_le32(element, chain->head);
        store_le32(element + 4, (uint32_t)MIN_OF((uint64_t)written, chain->in_size));
        if (inflight) {
            inflight->last_given = chain->head;
        }
        atomic_thread_fence(memory_order_release);
        ring_store(queue->used + 2, ++queue->next_used);
        if (inflight) {
            __atomic_store_n(&inflight->requests[chain->head].taken, 0, __ATOMIC_RELEASE);
            __atomic_store_n(&inflight->used_index, queue->next_used, __ATOMIC_RELEASE);
        }
        queue->n_unsignalled++;
    }
    request_free(queue, request);
}

void
queue_unpop(struct queue *queue, struct chain *chain)
{
    struct inflight_queue *inflight = queue->setup.inflight;

    assert(!chain->again);
    if (inflight) { /* if we die now, it is still in the ring */
        __atomic_store_n(&inflight->requests[chain->head].taken, 0, __ATOMIC_RELEASE);
        queue->inflight_counter--;
    }
    queue->next_available--;
    request_free(queue, list_container(chain, struct request, chain));
}

bool
queue_needs_interrupt(struct queue *queue)
{
    uint32_t pushed = queue->n_unsignalled;
    uint16_t behind;

    if (queue->broken || pushed == 0) {
        return false;
    }
    queue->n_unsignalled = 0;
    /* The used index must be visible before the driver's wish is read (virtio 1.2, 2.7.10). */
    atomic_thread_fence(memory_order_seq_cst);
    if (!queue->setup.event_index) {
        return !(ring_load(queue->available) & VRING_AVAIL_F_NO_INTERRUPT);
    }
    behind = (uint16_t)(queue->next_used - ring_load(used_event(queue)) - 1);
    return behind < pushed;
}

bool
queue_enable_kicks(struct queue *queue, bool on)
{
    if (queue->broken || queue->held) {
        return false;
    }
    if (queue->setup.event_index) {
        if (on) {
            ring_store(available_event(queue), queue->next_available);
        }
    } else {
        ring_store(queue->used, on ? 0 : VRING_USED_F_NO_NOTIFY);
    }
    if (!on) {
        return false;
    }
    atomic_thread_fence(memory_order_seq_cst);
    return queue->next_again < queue->n_again ||
           ring_load(queue->available + 2) != queue->next_available;
}
