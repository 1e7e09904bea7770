/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A vmm-gpu that was killed, and the one that takes the guest over from what it had noted. */

#include "tests/unit/tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/device/gpu-card.h"
#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/message.h"
#include "vmm/protocol/gpu-journal.h"

enum {
    WIDTH = 200,
    HEIGHT = 100,
    SIZE = WIDTH * HEIGHT * 4,
    LARGE_WIDTH = 1024,
    LARGE_HEIGHT = 1000,
    LARGE_SIZE = LARGE_WIDTH * LARGE_HEIGHT * 4,
    FENCE = 77,
};

struct rig {
    struct card card;
    int device_end; /* of the edge to the display, which both processes have */
    int journal;
    struct gpu_setup setup;
};

static bool
rig_start_with(struct rig *rig, uint32_t fault, uint64_t memory_limit)
{
    int pair[2];

    memset(rig, 0, sizeof(*rig));
    rig->setup = (struct gpu_setup){.display_fd = FAKE_FD_MORE,
                                    .journal_fd = FAKE_FD_MORE + 1,
                                    .n_scanouts = 2,
                                    .screen = {{1280, 800, 0, 0}, {1280, 800, 0, 0}},
                                    .memory_limit = memory_limit,
                                    .fault = fault,
                                    .fault_every = 1,
                                    .render_fd = -1,
                                    .record_fd = -1,
                                    .udmabuf_fd = -1,
                                    .wayland_fd = -1};
    rig->card.header = (void *)rig->card.response;
    rig->journal = fd_memory_file("journal", sizeof(struct gpu_journal));
    if (rig->journal < 0 || fd_socket_pair(SOCK_SEQPACKET, pair) < 0) {
        return false;
    }
    rig->card.display = pair[0];
    rig->device_end = pair[1];
    fd_set_nonblocking(pair[0]);
    if (!fake_start(&rig->card.fake, "VMM_GPU", &rig->setup, sizeof(rig->setup),
                    (int[2]){rig->device_end, rig->journal})) {
        return false;
    }
    rig->card.fake.tracks_inflight = true;
    return fake_open(&rig->card.fake, 2);
}

static bool
rig_start(struct rig *rig, uint32_t fault)
{
    return rig_start_with(rig, fault, MEMORY_LIMIT);
}

static bool
rig_take_over_faulty(struct rig *rig, uint32_t fault)
{
    rig->setup.takes_over = 1;
    rig->setup.fault = fault;
    return fake_take_over(&rig->card.fake, "VMM_GPU", &rig->setup, sizeof(rig->setup),
                          (int[2]){rig->device_end, rig->journal});
}

static bool
rig_take_over(struct rig *rig)
{
    return rig_take_over_faulty(rig, GPU_FAULT_AT_NONE);
}

static int
rig_stop(struct rig *rig)
{
    close(rig->device_end);
    close(rig->journal);
    return card_stop(&rig->card);
}

static uint32_t
ask_nothing(struct card *card)
{
    struct virtio_gpu_ctrl_hdr info = {0};

    return card_ask(card, VIRTIO_GPU_CMD_GET_DISPLAY_INFO, &info, sizeof(info), NULL);
}

static uint32_t
card_ask_detach(struct card *card, uint32_t id)
{
    struct virtio_gpu_resource_detach_backing request = {.resource_id = id};

    return card_ask(card, VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING, &request, sizeof(request), NULL);
}

static void
skip_all(struct card *card, struct shown *shown)
{
    while (card_next(card, shown) != 0) {
        fd_closep(&shown->fd);
    }
}

/* What the display is told from the hello on, until it has been told how to show scanout 0. */
static const uint8_t *
find_picture(struct card *card, struct shown *shown, bool *ret_hello)
{
    const uint8_t *pixels = NULL;
    uint32_t type;

    *ret_hello = false;
    while ((type = card_next(card, shown)) != 0) {
        *ret_hello = *ret_hello || type == GPU_HELLO;
        if (type == GPU_BUFFER && !pixels) {
            pixels = shown_map(shown);
        }
        if (type == GPU_SCANOUT && shown->scanout.scanout == 0) {
            return shown->scanout.buffer != 0 ? pixels : NULL;
        }
    }
    return NULL;
}

TAP_TEST(the_picture_goes_on)
{
    struct rig rig;
    struct card *card = &rig.card;
    static struct shown shown;
    bool hello;

    check(rig_start(&rig, GPU_FAULT_AT_NONE) && card_say_hello(card));
    card_paint(card, SIZE, 1);
    check_int(card_create_2d(card, 5, WIDTH, HEIGHT), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_attach(card, 5, SIZE), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_transfer(card, 5, RECT(0, 0, WIDTH, HEIGHT), 0), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_set_scanout(card, 0, 5, RECT(0, 0, WIDTH, HEIGHT)), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_create_blob(card, 6, SIZE), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_create_2d(card, 7, 64, 64), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_create_2d(card, 8, 64, 64), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_unref(card, 8), VIRTIO_GPU_RESP_OK_NODATA);
    skip_all(card, &shown);

    fake_kill(&card->fake);
    check_int(card_next(card, &shown), 0);
    card_paint(card, SIZE, 2); /* the guest draws meanwhile */
    check(rig_take_over(&rig));
    check_int(ask_nothing(card), VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
    const uint8_t *pixels = find_picture(card, &shown, &hello);
    check(hello && pixels);
    check_int(shown.scanout.width, WIDTH);
    check_int(shown.scanout.height, HEIGHT);
    check_int(shown.scanout.stride, WIDTH * 4);
    check(pixels && memcmp(pixels, card_pixel(card, SIZE, 0), 4096) == 0);
    check(pixels && memcmp(pixels + 4096, card_pixel(card, SIZE, 4096), 4096) == 0);
    skip_all(card, &shown);

    /* It goes on as if nothing had been. */
    card_paint(card, SIZE, 3);
    check_int(card_transfer(card, 5, RECT(0, 0, WIDTH, HEIGHT), 0), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_flush(card, 5, RECT(0, 0, WIDTH, HEIGHT)), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_next(card, &shown), GPU_UPDATE);
    check_int(shown.update.width, WIDTH);
    check(pixels && memcmp(pixels, card_pixel(card, SIZE, 0), 4096) == 0);
    check_int(card_create_2d(card, 5, 64, 64), VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
    check_int(card_create_2d(card, 8, 64, 64), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_set_scanout_blob(card, 6, RECT(0, 0, 64, 64), LAYOUT(64, 64, 0)),
              VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_unref(card, 7), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_unref(card, 6), VIRTIO_GPU_RESP_OK_NODATA);

    /* And once more: the new one takes notes too. */
    skip_all(card, &shown);
    fake_kill(&card->fake);
    check(rig_take_over(&rig));
    check_int(ask_nothing(card), VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
    check_int(card_unref(card, 7), VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
    check_int(card_unref(card, 8), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_unref(card, 5), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(rig_stop(&rig), 0);
}

/* MiB of memory files that the process has touched. */
static unsigned long
files_of(pid_t pid)
{
    char path[64];
    char line[128];
    unsigned long kib = 0;

    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof(line), file)) {
        if (strncmp(line, "RssShmem:", 9) == 0) {
            kib = strtoul(line + 9, NULL, 10);
        }
    }
    if (file) {
        (void)fclose(file);
    }
    return kib >> 10;
}

static uint64_t
now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Whether scanout 0 has what the guest's pages have now: 1 yes, 0 no, -1 neither. */
static int
shows_pages(struct card *card, uint32_t id)
{
    static struct shown shown;
    unsigned int n = 0;
    bool hello;

    skip_all(card, &shown);
    if (card_set_scanout(card, 0, id, RECT(0, 0, LARGE_WIDTH, LARGE_HEIGHT)) !=
        VIRTIO_GPU_RESP_OK_NODATA) {
        return -1;
    }
    const uint8_t *pixels = find_picture(card, &shown, &hello);
    for (uint32_t at = 4096; pixels && at < LARGE_SIZE; at += 4096) {
        n += memcmp(pixels + at, card_pixel(card, LARGE_SIZE, at), 4096) == 0;
    }
    return !pixels ? -1 : n == LARGE_SIZE / 4096 - 1 ? 1 : n == 0 ? 0 : -1;
}

/* A gigabyte of resources: what nobody looks at is not copied, and what somebody does is. */
TAP_TEST(much_is_taken_over_at_once)
{
    struct rig rig;
    struct card *card = &rig.card;
    static struct shown shown;
    const uint32_t n = 250;

    check(rig_start_with(&rig, GPU_FAULT_AT_NONE, UINT64_C(2) << 30) && card_say_hello(card));
    card_paint(card, LARGE_SIZE, 1);
    for (uint32_t id = 1; id <= n; id++) {
        check_int(card_create_2d(card, id, LARGE_WIDTH, LARGE_HEIGHT), VIRTIO_GPU_RESP_OK_NODATA);
        check_int(card_attach(card, id, LARGE_SIZE), VIRTIO_GPU_RESP_OK_NODATA);
    }
    check_int(card_set_scanout(card, 0, 1, RECT(0, 0, LARGE_WIDTH, LARGE_HEIGHT)),
              VIRTIO_GPU_RESP_OK_NODATA);
    skip_all(card, &shown);
    fake_kill(&card->fake);
    const uint64_t start = now_ms();
    check(rig_take_over(&rig));
    const uint64_t ready = now_ms();
    check_int(ask_nothing(card), VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
    const unsigned long touched = files_of(card->fake.pid);
    printf("# %u MiB of resources: ready after %u ms, first answer %u ms later, %lu MiB touched\n",
           (unsigned int)(n * (uint64_t)LARGE_SIZE >> 20), (unsigned int)(ready - start),
           (unsigned int)(now_ms() - ready), touched);
    check(touched < 64);

    /* As a scanout; after a transfer of a part; after its pages were taken away. */
    check_int(shows_pages(card, 2), 1);
    check_int(card_transfer(card, 3, RECT(0, 0, 16, 1), 0), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_ask_detach(card, 4), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(shows_pages(card, 3), 1);
    check_int(shows_pages(card, 4), 1);
    /* Once: what the guest draws later is there when it says so. */
    check_int(card_transfer(card, 5, RECT(0, 0, 16, 1), 0), VIRTIO_GPU_RESP_OK_NODATA);
    card_paint(card, LARGE_SIZE, 2);
    check_int(shows_pages(card, 5), 0);
    check_int(card_transfer(card, 6, RECT(0, 0, LARGE_WIDTH, LARGE_HEIGHT), 0),
              VIRTIO_GPU_RESP_OK_NODATA);
    card_paint(card, LARGE_SIZE, 3);
    check_int(shows_pages(card, 6), 0);
    check_int(rig_stop(&rig), 0);
}

static const struct virtio_gpu_resource_create_2d create_9 = {.hdr.type =
                                                                  VIRTIO_GPU_CMD_RESOURCE_CREATE_2D,
                                                              .resource_id = 9,
                                                              .format = 2,
                                                              .width = 8,
                                                              .height = 8};

/* A request that asks for a fence, at its own place in guest memory; its head. */
static uint16_t
offer_fenced(struct card *card, unsigned int n, const void *request, uint32_t size)
{
    const uint64_t at = REQUEST_AT + n * UINT64_C(0x100);
    struct virtio_gpu_ctrl_hdr *header = fake_ram(&card->fake, at);
    const struct fake_segment segments[] = {{at, size, false},
                                            {RESPONSE_AT + n * UINT64_C(0x100), 24, true}};

    memcpy(header, request, size);
    header->flags = VIRTIO_GPU_FLAG_FENCE;
    header->fence_id = FENCE + n;
    memset(fake_ram(&card->fake, segments[1].address), 0xee, 24);
    return fake_offer(&card->fake, 0, segments, 2);
}

static bool
was_answered(struct card *card, unsigned int n, uint32_t type)
{
    const struct virtio_gpu_ctrl_hdr *header =
        fake_ram(&card->fake, RESPONSE_AT + n * UINT64_C(0x100));

    return header->type == type && header->flags == VIRTIO_GPU_FLAG_FENCE &&
           header->fence_id == FENCE + n;
}

TAP_TEST(each_request_is_answered_once)
{
    struct rig rig;
    struct card *card = &rig.card;
    const struct virtio_gpu_resource_unref unref = {.hdr.type = VIRTIO_GPU_CMD_RESOURCE_UNREF,
                                                    .resource_id = 3};
    const struct virtio_gpu_ctx_create context = {
        .hdr = {.type = VIRTIO_GPU_CMD_CTX_CREATE, .ctx_id = 1}};
    uint16_t heads[4];
    uint16_t head;
    uint32_t written;

    check(rig_start(&rig, GPU_FAULT_LATE_FENCE));
    check_int(card_create_2d(card, 3, 8, 8), VIRTIO_GPU_RESP_OK_NODATA);
    heads[0] = offer_fenced(card, 0, &create_9, sizeof(create_9));
    heads[1] = offer_fenced(card, 1, &unref, sizeof(unref));
    heads[2] = offer_fenced(card, 2, &context, sizeof(context));
    fake_kick(&card->fake, 0);
    check(fake_is_quiet(&card->fake, 0, 30)); /* executed, and held back for 100 ms */
    fake_kill(&card->fake);
    heads[3] = offer_fenced(card, 3, &create_9, sizeof(create_9)); /* nobody is there */
    fake_kick(&card->fake, 0);
    check(rig_take_over(&rig));
    for (unsigned int i = 0; i < ARRAY_SIZE(heads); i++) {
        check(fake_wait(&card->fake, 0, &head, &written));
        check_int(head, heads[i]);
        check_int(written, 24);
    }
    check(was_answered(card, 0, VIRTIO_GPU_RESP_OK_NODATA));
    check(was_answered(card, 1, VIRTIO_GPU_RESP_OK_NODATA));
    check(was_answered(card, 2, VIRTIO_GPU_RESP_ERR_UNSPEC));
    check(was_answered(card, 3, VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID)); /* it is there */
    check(fake_is_quiet(&card->fake, 0, 100));
    check_int(card_unref(card, 9), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(rig_stop(&rig), 0);
}

static bool
has_crashed(struct fake *fake)
{
    int status = 0;

    for (unsigned int ms = 0; ms < FAKE_LIMIT_MS; ms++) {
        if (waitpid(fake->pid, &status, WNOHANG) == fake->pid) {
            fake->pid = 0;
            fd_closep(&fake->control_fd);
            fd_closep(&fake->fd);
            return WIFSIGNALED(status);
        }
        usleep(1000);
    }
    return false;
}

/* The process dies of what the guest asks: the next one asks no more of itself. */
TAP_TEST(a_poisonous_request_is_refused)
{
    struct rig rig;
    struct card *card = &rig.card;
    const struct virtio_gpu_resource_flush flush = {
        .hdr.type = VIRTIO_GPU_CMD_RESOURCE_FLUSH, .resource_id = 3, .r = {0, 0, 8, 8}};
    uint16_t head;
    uint32_t written;

    check(rig_start(&rig, GPU_FAULT_CRASH));
    check_int(card_create_2d(card, 3, 8, 8), VIRTIO_GPU_RESP_OK_NODATA);
    offer_fenced(card, 0, &create_9, sizeof(create_9));
    offer_fenced(card, 1, &flush, sizeof(flush));
    offer_fenced(card, 2, &create_9, sizeof(create_9));
    fake_kick(&card->fake, 0);
    check(has_crashed(&card->fake));
    rig.setup.suspects = 1;
    check(rig_take_over_faulty(&rig, GPU_FAULT_CRASH));
    for (unsigned int i = 0; i < 3; i++) {
        check(fake_wait(&card->fake, 0, &head, &written));
    }
    check(was_answered(card, 0, VIRTIO_GPU_RESP_OK_NODATA));
    check(was_answered(card, 1, VIRTIO_GPU_RESP_ERR_UNSPEC));
    check(was_answered(card, 2, VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID)); /* it is there */
    check(fake_is_quiet(&card->fake, 0, 50));

    /* Somebody's kill is not the request's fault; a second one may be. */
    offer_fenced(card, 0, &flush, sizeof(flush));
    fake_kick(&card->fake, 0);
    check(has_crashed(&card->fake));
    rig.setup.suspects = 0;
    check(rig_take_over_faulty(&rig, GPU_FAULT_CRASH));
    check(has_crashed(&card->fake));
    check(rig_take_over_faulty(&rig, GPU_FAULT_CRASH));
    check(fake_wait(&card->fake, 0, &head, &written));
    check(was_answered(card, 0, VIRTIO_GPU_RESP_ERR_UNSPEC));
    check_int(ask_nothing(card), VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
    check_int(rig_stop(&rig), 0);
}

/* A process that had answered and died before it could tell: the guest waits for an interrupt. */
TAP_TEST(an_interrupt_comes_again)
{
    struct rig rig;
    uint64_t count;

    check(rig_start(&rig, GPU_FAULT_AT_NONE));
    check_int(card_create_2d(&rig.card, 3, 8, 8), VIRTIO_GPU_RESP_OK_NODATA);
    check(read(rig.card.fake.queues[0].call_fd, &count, sizeof(count)) < 0);
    fake_kill(&rig.card.fake);
    check(rig_take_over(&rig));
    check(read(rig.card.fake.queues[0].call_fd, &count, sizeof(count)) == sizeof(count));
    check_int(rig_stop(&rig), 0);
}

TAP_TEST(a_reset_leaves_nothing)
{
    struct rig rig;
    struct vhost_message reset = {.header = {.request = VHOST_RESET_DEVICE}};

    check(rig_start(&rig, GPU_FAULT_AT_NONE));
    check_int(card_create_2d(&rig.card, 3, 8, 8), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_create_blob(&rig.card, 4, SIZE), VIRTIO_GPU_RESP_OK_NODATA);
    check(fake_stop_queue(&rig.card.fake, 0) >= 0 && fake_stop_queue(&rig.card.fake, 1) >= 0);
    check_int(fake_tell(&rig.card.fake, &reset), 0);
    fake_kill(&rig.card.fake);
    for (unsigned int i = 0; i < FAKE_QUEUES; i++) {
        struct fake_queue *queue = &rig.card.fake.queues[i];

        queue->available = queue->used = queue->next_descriptor = 0;
        memset(fake_ram(&rig.card.fake, FAKE_RINGS_AT + i * 0x10000), 0, 0x10000);
    }
    close(rig.card.fake.inflight_fd);
    rig.card.fake.inflight_fd = 0;
    check(rig_take_over(&rig));
    check_int(card_create_2d(&rig.card, 3, 8, 8), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_create_2d(&rig.card, 4, 8, 8), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(rig_stop(&rig), 0);
}

/* The dead process was in a guest's hands: its notes are nonsense. */
TAP_TEST(a_journal_of_lies)
{
    struct rig rig;

    check(rig_start(&rig, GPU_FAULT_AT_NONE));
    check_int(card_create_2d(&rig.card, 3, 8, 8), VIRTIO_GPU_RESP_OK_NODATA);
    fake_kill(&rig.card.fake);
    struct gpu_journal *journal =
        mmap(NULL, sizeof(*journal), PROT_READ | PROT_WRITE, MAP_SHARED, rig.journal, 0);
    check(journal != MAP_FAILED);
    for (uint32_t i = 0; i < 4096; i++) {
        journal->resource[i] = (struct gpu_journal_resource){.valid = GPU_JOURNAL_VALID,
                                                             .id = i * 2654435761U % 600,
                                                             .kind = i % 5,
                                                             .format = i % 7,
                                                             .width = UINT32_MAX / (i % 9 + 1),
                                                             .height = i % 11 * 1000,
                                                             .n_pieces = i * 0x10001U,
                                                             .block = i % 3 ? i * 40503U : i % 13,
                                                             .size = UINT64_MAX / (i + 1)};
        journal->block[i] = (struct gpu_journal_block){
            .next = i % 17,
            .piece = {{i * UINT64_C(4096), 4096}, {UINT64_MAX - i, i}, {0, UINT64_MAX}}};
    }
    memset(journal->scanout, 0xa6, sizeof(journal->scanout));
    for (uint32_t i = 0; i < 2; i++) {
        journal->scanout[i].resource = 3;
        journal->scanout[i].enabled = 1;
        journal->scanout[i].width = 0;
    }
    journal->resource[9] = (struct gpu_journal_resource){
        .valid = GPU_JOURNAL_VALID, .id = 1000, .format = 2, .width = 8, .height = 8};
    munmap(journal, sizeof(*journal));
    check(rig_take_over(&rig));
    check_int(ask_nothing(&rig.card), VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
    check_int(card_create_2d(&rig.card, 1000, 8, 8), VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
    check_int(card_create_2d(&rig.card, 2000, 8, 8), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_attach(&rig.card, 2000, 256), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(rig_stop(&rig), 0);
}

/* Another display process comes after all that, and gets what there is. */
TAP_TEST(cursor_and_sizes_stay)
{
    struct rig rig;
    struct card *card = &rig.card;
    static struct shown shown;
    struct virtio_gpu_update_cursor cursor = {
        .pos = {.scanout_id = 1, .x = 40, .y = 50}, .resource_id = 4, .hot_x = 3, .hot_y = 2};
    const struct gpu_mode mode = {.header = {GPU_PLUG, sizeof(mode)},
                                  .scanout = 1,
                                  .enabled = 1,
                                  .width = 720,
                                  .height = 400};
    const struct virtio_gpu_resp_display_info *display = (const void *)card->response;
    unsigned int seen = 0;
    uint32_t type;

    check(rig_start(&rig, GPU_FAULT_AT_NONE) && card_say_hello(card));
    check_int(card_create_2d(card, 4, 64, 64), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_attach(card, 4, UINT64_C(64) * 64 * 4), VIRTIO_GPU_RESP_OK_NODATA);
    check(card_ask_cursor(card, VIRTIO_GPU_CMD_UPDATE_CURSOR, &cursor));
    check_int(message_send(card->display, &mode, sizeof(mode), NULL, 0), 0);
    usleep(50000);
    check_int(ask_nothing(card), VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
    check_int(display->pmodes[1].r.width, 720);
    skip_all(card, &shown);
    fake_kill(&card->fake);
    check(rig_take_over(&rig));
    check_int(ask_nothing(card), VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
    check_int(display->pmodes[0].r.width, 1280);
    check_int(display->pmodes[1].r.width, 720);
    while ((type = card_next(card, &shown)) != 0) {
        fd_closep(&shown.fd);
        if (type == GPU_CURSOR) {
            check(shown.cursor.scanout == 1 && shown.cursor.visible && shown.cursor.hot_x == 3);
            seen++;
        }
        if (type == GPU_CURSOR_MOVE && shown.move.scanout == 1) {
            check(shown.move.x == 40 && shown.move.y == 50);
            seen++;
        }
        seen += type == GPU_DISPLAY && shown.header.size == sizeof(struct gpu_mode);
    }
    check_int(seen, 4);
    check_int(rig_stop(&rig), 0);
}

TAP_MAIN(TAP_CASE(the_picture_goes_on), TAP_CASE(much_is_taken_over_at_once),
         TAP_CASE(each_request_is_answered_once), TAP_CASE(a_poisonous_request_is_refused),
         TAP_CASE(an_interrupt_comes_again), TAP_CASE(a_reset_leaves_nothing),
         TAP_CASE(a_journal_of_lies), TAP_CASE(cursor_and_sizes_stay))
