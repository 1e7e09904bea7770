/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/tap.h"

#include "tests/device/gpu-card.h"
#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/message.h"

TAP_TEST(bad_numbers_are_refused)
{
    struct card card;
    static struct shown shown;
    const uint32_t big = UINT32_MAX;
    const uint32_t bad = VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
    const uint32_t no_resource = VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
    const uint32_t no_scanout = VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID;
    const uint32_t no_memory = VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
    const uint64_t size = UINT64_C(64) * 64 * 4;

    check(card_start(&card) && card_say_hello(&card));
    check_int(card_create_2d(&card, 0, 64, 64), bad);
    check_int(card_create_2d(&card, 1, 0, 64), bad);
    check_int(card_create_2d(&card, 1, 0x10000, 0x10000), bad); /* 2^34 bytes */
    check_int(card_create_2d(&card, 1, 0x8000, 0x8000), bad);   /* 2^32 bytes */
    check_int(card_create_2d(&card, 1, big, big), bad);
    check_int(card_create_2d(&card, 1, 16384, 16384), no_memory);
    check_int(card_create_2d(&card, 1, 64, 64), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_create_2d(&card, 1, 64, 64), no_resource);
    check_int(card_transfer(&card, 1, RECT(0, 0, 64, 64), 0), VIRTIO_GPU_RESP_ERR_UNSPEC);
    check_int(card_attach(&card, 2, size), no_resource);
    check_int(card_attach(&card, 1, size), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_attach(&card, 1, size), VIRTIO_GPU_RESP_ERR_UNSPEC);
    check_int(card_transfer(&card, 1, RECT(0, 0, 65, 64), 0), bad);
    check_int(card_transfer(&card, 1, RECT(1, 0, 64, 64), 0), bad);
    check_int(card_transfer(&card, 1, RECT(big, 0, 2, 64), 0), bad);
    check_int(card_transfer(&card, 1, RECT(0, 0, 64, 64), 1), bad);
    check_int(card_transfer(&card, 1, RECT(0, 0, 64, 64), UINT64_MAX - 16383), bad);
    check_int(card_transfer(&card, 1, RECT(0, 63, 64, 1), 63 * 256UL), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_transfer(&card, 1, RECT(64, 64, 0, 0), 0), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_set_scanout(&card, 2, 1, RECT(0, 0, 64, 64)), no_scanout);
    check_int(card_set_scanout(&card, big, 0, RECT(0, 0, 0, 0)), no_scanout);
    check_int(card_set_scanout(&card, 0, 2, RECT(0, 0, 64, 64)), no_resource);
    check_int(card_set_scanout(&card, 0, 1, RECT(0, 0, 65, 64)), bad);
    check_int(card_set_scanout(&card, 0, 1, RECT(0, 0, 0, 64)), bad);
    check_int(card_set_scanout(&card, 0, 1, RECT(63, 63, big, big)), bad);
    check_int(card_flush(&card, 1, RECT(0, 0, 65, 1)), bad);
    check_int(card_flush(&card, 1, RECT(big, big, big, big)), bad);
    check_int(card_next(&card, &shown), 0);
    check_int(card_stop(&card), 0);
}

TAP_TEST(bad_blobs_are_refused)
{
    struct card card;
    static struct shown shown;
    const uint32_t big = UINT32_MAX;
    const uint32_t bad = VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
    const uint32_t no_resource = VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
    const uint64_t size = UINT64_C(64) * 64 * 4;

    check(card_start(&card) && card_say_hello(&card));
    check_int(card_create_2d(&card, 1, 64, 64), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_create_blob(&card, 1, size), no_resource);
    check_int(card_create_blob(&card, 3, size), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_set_scanout(&card, 0, 3, RECT(0, 0, 64, 64)), no_resource);
    check_int(card_set_scanout_blob(&card, 1, RECT(0, 0, 64, 64), LAYOUT(64, 64, 0)), no_resource);
    check_int(card_set_scanout_blob(&card, 3, RECT(0, 0, 64, 64), LAYOUT(64, 64, 4)), bad);
    check_int(card_set_scanout_blob(&card, 3, RECT(0, 0, 65, 64), LAYOUT(64, 64, 0)), bad);
    check_int(card_set_scanout_blob(&card, 3, RECT(0, 0, 64, 64), LAYOUT(0x40000000, 4, 0)), bad);
    check_int(card_set_scanout_blob(&card, 3, RECT(0, 0, 16, 16), LAYOUT(16, big, 0)), bad);
    check_int(card_set_scanout_blob(&card, 3, RECT(big, 0, 16, 16), LAYOUT(64, 64, 0)), bad);
    struct virtio_gpu_resource_create_blob blob = {
        .resource_id = 4, .blob_mem = VIRTIO_GPU_BLOB_MEM_HOST3D, .size = 4096};
    check_int(card_ask(&card, VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB, &blob, sizeof(blob), NULL), bad);
    blob.blob_mem = VIRTIO_GPU_BLOB_MEM_GUEST;
    blob.nr_entries = big;
    check_int(card_ask(&card, VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB, &blob, sizeof(blob), NULL), bad);
    struct virtio_gpu_mem_entry entry = {.addr = FAKE_HIGH_BASE + FAKE_REGION - 4095,
                                         .length = 4096};
    blob.nr_entries = 1;
    check_int(card_ask(&card, VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB, &blob, sizeof(blob),
                       &(struct iovec){&entry, sizeof(entry)}),
              bad);
    check_int(card_unref(&card, 4), no_resource);
    check_int(card_next(&card, &shown), 0);
    check_int(card_stop(&card), 0);
}

TAP_TEST(a_failing_fence_completes)
{
    struct card card;
    struct virtio_gpu_resource_flush request = {
        .hdr = {.flags = VIRTIO_GPU_FLAG_FENCE, .fence_id = 0x123456789abcdef, .ctx_id = 7},
        .resource_id = 99};
    struct virtio_gpu_ctrl_hdr unknown = {.flags = VIRTIO_GPU_FLAG_FENCE, .fence_id = 5};

    check(card_start(&card));
    check_int(card_ask(&card, VIRTIO_GPU_CMD_RESOURCE_FLUSH, &request, sizeof(request), NULL),
              VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
    check_int(card.header->flags, VIRTIO_GPU_FLAG_FENCE);
    check(card.header->fence_id == 0x123456789abcdef);
    check_int(card.header->ctx_id, 7);
    check_int(card_ask(&card, 0x7777, &unknown, sizeof(unknown), NULL), VIRTIO_GPU_RESP_ERR_UNSPEC);
    check_int(card.header->fence_id, 5);
    /* 3D commands, and cursor commands on the wrong queue, are unknown. */
    check_int(card_ask(&card, VIRTIO_GPU_CMD_CTX_CREATE, &unknown, sizeof(unknown), NULL),
              VIRTIO_GPU_RESP_ERR_UNSPEC);
    check_int(card_ask(&card, VIRTIO_GPU_CMD_GET_CAPSET, &unknown, sizeof(unknown), NULL),
              VIRTIO_GPU_RESP_ERR_UNSPEC);
    check_int(card_ask(&card, VIRTIO_GPU_CMD_MOVE_CURSOR, &unknown, sizeof(unknown), NULL),
              VIRTIO_GPU_RESP_ERR_UNSPEC);
    /* Every known command cut short. */
    for (uint32_t type = 0x101; type < 0x10e; type++) {
        struct virtio_gpu_set_scanout_blob request_of_zeros = {0};
        check(card_ask(&card, type, &request_of_zeros, sizeof(request_of_zeros.hdr), NULL) >=
              VIRTIO_GPU_RESP_ERR_UNSPEC);
    }
    struct fake_segment tiny = {REQUEST_AT, 3, false};
    check_int(fake_request(&card.fake, 0, &tiny, 1), 0);
    check_int(card_stop(&card), 0);
}

TAP_TEST(lost_guest_memory_is_survived)
{
    struct card card;
    static struct shown shown;
    const uint64_t size = UINT64_C(64) * 64 * 4;
    struct vhost_message low_only = {
        .header = {.request = VHOST_SET_MEM_TABLE, .size = 8 + 32},
        .payload.memory = {.n_regions = 1, .region = {{0, FAKE_REGION, FAKE_USER_BASE, 0}}}};

    check(card_start(&card) && card_say_hello(&card));
    check_int(card_create_2d(&card, 1, 64, 64), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_attach(&card, 1, size), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_create_blob(&card, 2, size), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_set_scanout_blob(&card, 2, RECT(0, 0, 64, 64), LAYOUT(64, 64, 0)),
              VIRTIO_GPU_RESP_OK_NODATA);
    low_only.fds.fd[0] = card.fake.ram_fd;
    low_only.fds.count = 1;
    check_int(fake_tell(&card.fake, &low_only), 0);
    while (card_next(&card, &shown) != 0) {
        fd_closep(&shown.fd);
    }
    check_int(card_transfer(&card, 1, RECT(0, 0, 64, 64), 0),
              VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
    check_int(card_flush(&card, 2, RECT(0, 0, 64, 64)), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_next(&card, &shown), 0);
    check_int(card_attach(&card, 1, size), VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
    check_int(card_stop(&card), 0);
}

/* A number that is sometimes right, often at an edge and sometimes absurd. */
static uint32_t
odd_number(uint64_t *state)
{
    static const uint32_t edges[] = {0,     1,     2,          3,          63,        64,   65,
                                     127,   128,   255,        256,        257,       4096, 16384,
                                     16385, 65536, 0x7fffffff, 0x80000000, UINT32_MAX};

    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    uint32_t value = (uint32_t)(*state >> 33);
    return value % 8 < 4   ? value / 8 % 5
           : value % 8 < 7 ? edges[value / 8 % ARRAY_SIZE(edges)]
                           : value;
}

TAP_TEST(random_requests_are_survived)
{
    struct card card;
    static struct shown shown;
    uint64_t state = 1;
    unsigned int accepted = 0;

    check(card_start(&card) && card_say_hello(&card));
    for (unsigned int i = 0; i < 20000; i++) {
        uint32_t request[24] = {0};
        struct virtio_gpu_mem_entry entries[4];
        for (size_t j = 6; j < ARRAY_SIZE(request); j++) {
            request[j] = odd_number(&state);
        }
        for (size_t j = 0; j < ARRAY_SIZE(entries); j++) {
            entries[j] = (struct virtio_gpu_mem_entry){.addr = PIXELS_AT + odd_number(&state),
                                                       .length = odd_number(&state)};
        }
        static const uint32_t sizes[] = {24, 40, 32, 48, 48, 56, 32, 32, 32, 32, 32, 32, 56, 96};
        uint32_t command = odd_number(&state) % ARRAY_SIZE(sizes);
        uint32_t type = card_ask(&card, 0x100 + command, request, sizes[command],
                                 &(struct iovec){entries, sizeof(entries[0]) * (1 + state % 4)});
        check(type >= VIRTIO_GPU_RESP_OK_NODATA && type <= VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
        accepted += type == VIRTIO_GPU_RESP_OK_NODATA;
        while (card_next(&card, &shown) != 0) {
            fd_closep(&shown.fd);
        }
    }
    printf("# %u of 20000 were accepted\n", accepted);
    check(accepted > 100);
    check_int(card_stop(&card), 0);
}

TAP_TEST(memory_has_a_limit)
{
    struct card card;
    unsigned int made = 0;

    check(card_start(&card));
    while (card_create_2d(&card, made + 1, 1024, 1023) == VIRTIO_GPU_RESP_OK_NODATA) {
        made++;
        check(made < 100);
    }
    check_int(made, MEMORY_LIMIT / (4 << 20));
    check_int(card.header->type, VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY);
    check_int(card_unref(&card, 1), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_create_2d(&card, 1, 1024, 1023), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_stop(&card), 0);
}

TAP_MAIN(TAP_CASE(bad_numbers_are_refused), TAP_CASE(bad_blobs_are_refused),
         TAP_CASE(a_failing_fence_completes), TAP_CASE(lost_guest_memory_is_survived),
         TAP_CASE(random_requests_are_survived), TAP_CASE(memory_has_a_limit))
