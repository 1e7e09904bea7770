/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/devices/balloon/balloon.h"

#include <errno.h>
#include <linux/virtio_balloon.h>
#include <string.h>
#include <sys/mman.h>

#include "vmm/base/bytes.h"
#include "vmm/base/log.h"
#include "vmm/base/memory.h"
#include "vmm/vhost/backend.h"

#define BIT(n) (UINT64_C(1) << (n))

enum {
    INFLATE_QUEUE,
    DEFLATE_QUEUE,
    STATISTICS_QUEUE,
    REPORTING_QUEUE,
    QUEUES,

    PAGE_SHIFT = VIRTIO_BALLOON_PFN_SHIFT,
    PIECE_PAGES = 256,
    CHAIN_PAGES_MAX = 65536,    /* the rest of a longer list is the guest's loss */
    ROUND_CHAINS_MAX = 64,      /* then other descriptors of the loop get their turn */
    ANSWER_LIMIT_MS = 2000,     /* for the guest's statistics */
    QUESTIONS_MAX = 8,          /* that wait for them */
    STATISTIC_SIZE = 10,        /* tag and value, packed */
    CHAIN_STATISTICS_MAX = 256, /* so many entries are looked at */
};

struct balloon {
    struct backend *backend;
    struct backend_ops ops; /* features depend on the setup */
    struct virtio_balloon_config config;
    struct loop_source *timer;
    struct chain *held; /* of the statistics queue: the driver fills it again when it comes back */
    uint32_t waiting[QUESTIONS_MAX]; /* serials */
    unsigned int n_waiting;
    balloon_answered answered;
    void *data;
    struct log_limit limit;
};

/* Consecutive pages. */
struct run {
    uint64_t first;
    uint64_t count;
};

/* -- pages go back -- */

static void
discard(struct balloon *balloon, void *pointer, uint64_t size)
{
    if (madvise(pointer, (size_t)size, MADV_REMOVE) < 0) {
        log_limited(&balloon->limit, LOG_LEVEL_WARNING, "memory cannot be given back: %s",
                    strerror(errno));
    }
}

/* Pages that are not in RAM, or in two regions, stay: one page never is in two. */
static void
discard_run(struct balloon *balloon, const struct run *run)
{
    const struct guest_memory *memory = backend_memory(balloon->backend);
    uint64_t size = run->count << PAGE_SHIFT;
    void *whole = guest_memory_range(memory, run->first << PAGE_SHIFT, size);

    if (whole && run->count > 0) {
        discard(balloon, whole, size);
        return;
    }
    for (uint64_t i = 0; i < run->count; i++) {
        void *page =
            guest_memory_range(memory, (run->first + i) << PAGE_SHIFT, UINT64_C(1) << PAGE_SHIFT);

        if (page) {
            discard(balloon, page, UINT64_C(1) << PAGE_SHIFT);
        }
    }
}

/* Drivers give neighbours up or down: one call for each run. */
static void
add_page(struct balloon *balloon, struct run *run, uint64_t page)
{
    if (run->count > 0 && page == run->first + run->count) {
        run->count++;
    } else if (run->count > 0 && page + 1 == run->first) {
        run->first--;
        run->count++;
    } else {
        discard_run(balloon, run);
        *run = (struct run){.first = page, .count = 1};
    }
}

static void
inflate(struct balloon *balloon, struct chain *chain)
{
    struct run run = {0};
    uint32_t pages[PIECE_PAGES];
    size_t total = 0;

    while (total < CHAIN_PAGES_MAX) {
        const size_t n = chain_read(chain, pages, sizeof(pages)) / sizeof(pages[0]);

        for (size_t i = 0; i < n; i++) {
            add_page(balloon, &run, load_le32(&pages[i]));
        }
        total += n;
        if (n < PIECE_PAGES) {
            break;
        }
    }
    discard_run(balloon, &run);
}

/* What lies in the report's buffers is free: whole pages of them. */
static void
take_report(struct balloon *balloon, struct chain *chain)
{
    for (uint32_t i = chain->n_out; i < chain->n_out + chain->n_in; i++) {
        const uintptr_t start = (uintptr_t)chain->iov[i].iov_base;
        const uintptr_t end = start + chain->iov[i].iov_len;
        const uintptr_t first =
            (start + BALLOON_PAGE_SIZE - 1) & ~((uintptr_t)BALLOON_PAGE_SIZE - 1);
        const uintptr_t last = end & ~((uintptr_t)BALLOON_PAGE_SIZE - 1);

        if (first < last) {
            discard(balloon, (uint8_t *)chain->iov[i].iov_base + (first - start), last - first);
        }
    }
}

/* -- answers -- */

static void
answer(struct balloon *balloon, struct balloon_answer *answer, uint32_t serial)
{
    answer->header =
        (struct start_header){.type = BALLOON_ANSWER, .size = sizeof(struct balloon_answer)};
    answer->serial = serial;
    answer->requested = load_le32(&balloon->config.num_pages);
    answer->actual = load_le32(&balloon->config.actual);
    balloon->answered(balloon->data, answer);
}

/* To all that wait for statistics. */
static void
answer_all(struct balloon *balloon, struct balloon_answer *statistics)
{
    loop_timer_set(balloon->timer, 0, 0);
    for (unsigned int i = 0; i < balloon->n_waiting; i++) {
        answer(balloon, statistics, balloon->waiting[i]);
    }
    balloon->n_waiting = 0;
}

static void
on_timer(void *data, uint32_t events)
{
    struct balloon_answer late = {.error = -ETIMEDOUT};

    (void)events;
    answer_all(data, &late);
}

static void
take_statistics(struct balloon *balloon, struct chain *chain)
{
    struct balloon_answer statistics = {0};
    uint8_t entry[STATISTIC_SIZE];

    for (unsigned int i = 0;
         i < CHAIN_STATISTICS_MAX && statistics.n_statistics < BALLOON_STATISTICS_MAX &&
         chain_read(chain, entry, sizeof(entry)) == sizeof(entry);
         i++) {
        struct balloon_statistic *statistic = &statistics.statistic[statistics.n_statistics];

        *statistic =
            (struct balloon_statistic){.tag = load_le16(entry), .value = load_le64(entry + 2)};
        statistics.n_statistics += statistic->tag < VIRTIO_BALLOON_S_NR;
    }
    answer_all(balloon, &statistics);
}

/* A driver has one such buffer; a second one takes its place. */
static void
hold_statistics(struct balloon *balloon, struct queue *queue, struct chain *chain)
{
    if (balloon->held) {
        queue_push(queue, balloon->held, 0);
    }
    balloon->held = chain;
    if (balloon->n_waiting > 0) {
        take_statistics(balloon, chain);
    }
}

/* The driver fills the buffer anew when it gets it back. */
static void
ask_guest(struct balloon *balloon)
{
    struct queue *queue = backend_queue(balloon->backend, STATISTICS_QUEUE);

    if (queue && balloon->held) {
        queue_push(queue, take_pointer(balloon->held), 0);
        backend_notify(balloon->backend, STATISTICS_QUEUE);
    }
}

static void
ask_statistics(struct balloon *balloon, uint32_t serial)
{
    struct balloon_answer refusal = {0};

    if (!backend_queue(balloon->backend, STATISTICS_QUEUE)) {
        refusal.error = -ENOTCONN;
    } else if (balloon->n_waiting == QUESTIONS_MAX) {
        refusal.error = -EBUSY;
    }
    if (refusal.error) {
        answer(balloon, &refusal, serial);
        return;
    }
    if (balloon->n_waiting == 0) {
        loop_timer_set(balloon->timer, ANSWER_LIMIT_MS, 0);
    }
    balloon->waiting[balloon->n_waiting++] = serial;
    ask_guest(balloon);
}

void
balloon_ask(struct balloon *balloon, const struct balloon_question *question)
{
    struct balloon_answer size = {0};

    if (question->what == BALLOON_TELL_STATISTICS) {
        ask_statistics(balloon, question->serial);
        return;
    }
    if (question->what == BALLOON_SET_SIZE) {
        store_le32(&balloon->config.num_pages, question->pages);
        (void)backend_config_changed(balloon->backend); /* without a driver nobody need know */
    }
    answer(balloon, &size, question->serial);
}

/* -- the queues -- */

static void
serve_chain(struct balloon *balloon, unsigned int index, struct queue *queue, struct chain *chain)
{
    switch (index) {
    case INFLATE_QUEUE:
        inflate(balloon, chain);
        break;
    case REPORTING_QUEUE:
        take_report(balloon, chain);
        break;
    case STATISTICS_QUEUE:
        hold_statistics(balloon, queue, chain);
        return;
    default:
        break; /* pages that the guest takes again come by themselves */
    }
    queue_push(queue, chain, 0);
}

static void
balloon_kicked(void *device, unsigned int index)
{
    struct balloon *balloon = device;
    struct queue *queue = backend_queue(balloon->backend, index);
    unsigned int left = ROUND_CHAINS_MAX;
    bool more = true;

    while (more && left > 0) {
        struct chain *chain;

        if (queue_pop(queue, &chain) <= 0) {
            more = queue_enable_kicks(queue, true);
            continue;
        }
        serve_chain(balloon, index, queue, chain);
        left--;
    }
    if (more) {
        backend_serve_again(balloon->backend, index);
    }
    backend_notify(balloon->backend, index);
}

static void
balloon_queue_stopped(void *device, unsigned int index)
{
    struct balloon *balloon = device;
    struct balloon_answer gone = {.error = -ENOTCONN};

    if (index == STATISTICS_QUEUE) {
        balloon->held = NULL;
        answer_all(balloon, &gone);
    }
}

static void
balloon_config_read(void *device, uint32_t offset, void *data, uint32_t size)
{
    const struct balloon *balloon = device;

    memcpy(data, (const char *)&balloon->config + offset, size);
}

/* Only `actual` is the driver's. */
static void
balloon_config_write(void *device, uint32_t offset, const void *data, uint32_t size)
{
    struct balloon *balloon = device;
    const uint8_t *bytes = data;
    const uint32_t first = offsetof(struct virtio_balloon_config, actual);

    for (uint32_t i = 0; i < size; i++) {
        if (offset + i >= first && offset + i < first + sizeof(balloon->config.actual)) {
            ((uint8_t *)&balloon->config)[offset + i] = bytes[i];
        }
    }
}

static void
balloon_reset(void *device)
{
    struct balloon *balloon = device;

    balloon->config.actual = 0;
}

static const struct backend_ops balloon_ops = {
    .features = BIT(VIRTIO_BALLOON_F_STATS_VQ) | BIT(VIRTIO_BALLOON_F_DEFLATE_ON_OOM),
    .n_queues = QUEUES,
    .kicked = balloon_kicked,
    .config_read = balloon_config_read,
    .config_size = offsetof(struct virtio_balloon_config, free_page_hint_cmd_id),
    .config_write = balloon_config_write,
    .queue_stopped = balloon_queue_stopped,
    .reset = balloon_reset,
};

struct balloon *
balloon_create(struct loop *loop, const struct balloon_setup *setup, balloon_answered answered,
               void *data)
{
    cleanup(balloon_destroyp) struct balloon *balloon = xalloc(sizeof(*balloon));

    balloon->answered = answered;
    balloon->data = data;
    balloon->ops = balloon_ops;
    if (setup->flags & BALLOON_PAGE_REPORTING) {
        balloon->ops.features |= BIT(VIRTIO_BALLOON_F_REPORTING);
    }
    balloon->timer = loop_add_timer(loop, on_timer, balloon);
    if (!balloon->timer) {
        return NULL;
    }
    balloon->backend = backend_create(loop, setup->device.vhost_fd, &balloon->ops, balloon);
    return balloon->backend ? take_pointer(balloon) : NULL;
}

void
balloon_destroy(struct balloon *balloon)
{
    if (balloon) {
        backend_destroy(balloon->backend);
        loop_remove(balloon->timer);
        free(balloon);
    }
}
