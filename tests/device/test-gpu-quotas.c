/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The numbers that a guest may reach and not pass; those of memory are in test-gpu-hostile.c. */

#include "tests/unit/tap.h"

#include "tests/device/gpu-card.h"

enum {
    OK = VIRTIO_GPU_RESP_OK_NODATA,
    BAD = VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
    NO_MEMORY = VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY,

    /* Written out: who changes one in the device says so here. */
    RESOURCES = 32768,
    ATTACHED = 16384, /* to one context */
    STREAM = 4 << 20, /* bytes of one command stream */
    SMALL = 16,       /* bytes of a blob: memory is not what ends here */
};

static uint32_t
create_context(struct card *card, uint32_t id)
{
    struct virtio_gpu_ctx_create request = {.hdr.ctx_id = id, .context_init = 2};

    return card_ask(card, VIRTIO_GPU_CMD_CTX_CREATE, &request, sizeof(request), NULL);
}

static uint32_t
ask_about(struct card *card, uint32_t type, uint32_t context, uint32_t id)
{
    struct virtio_gpu_ctx_resource request = {.hdr.ctx_id = context, .resource_id = id};

    return card_ask(card, type, &request, sizeof(request), NULL);
}

TAP_TEST(resources)
{
    struct card card;
    uint32_t made = 0;

    check(card_start(&card));
    while (made < RESOURCES && card_create_blob(&card, made + 1, SMALL) == OK) {
        made++;
    }
    check_int(made, RESOURCES);
    check_int(card_create_blob(&card, made + 1, SMALL), NO_MEMORY);
    check_int(card_create_2d(&card, made + 1, 1, 1), NO_MEMORY); /* of whatever kind */
    check_int(card_unref(&card, 77), OK);
    check_int(card_create_2d(&card, made + 1, 1, 1), OK);
    check_int(card_create_blob(&card, 77, SMALL), NO_MEMORY);
    check_int(card_stop(&card), 0);
}

TAP_TEST(resources_of_a_context)
{
    struct card card;
    const uint32_t attach = VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE;
    uint32_t attached = 0;

    check(card_start_level(&card, GPU_LEVEL_SOFT));
    check_int(create_context(&card, 1), OK);
    check_int(create_context(&card, 2), OK);
    while (attached < ATTACHED && card_create_blob(&card, attached + 1, SMALL) == OK &&
           ask_about(&card, attach, 1, attached + 1) == OK) {
        attached++;
    }
    check_int(attached, ATTACHED);
    check_int(card_create_blob(&card, attached + 1, SMALL), OK);
    check_int(ask_about(&card, attach, 1, attached + 1), NO_MEMORY);
    check_int(ask_about(&card, attach, 1, 1), OK);            /* it has that one */
    check_int(ask_about(&card, attach, 2, attached + 1), OK); /* the other has room */
    check_int(ask_about(&card, VIRTIO_GPU_CMD_CTX_DETACH_RESOURCE, 1, 1), OK);
    check_int(ask_about(&card, attach, 1, attached + 1), OK);
    check_int(ask_about(&card, attach, 1, 1), NO_MEMORY);
    check_int(card_stop(&card), 0);
}

/* A stream of so many bytes, all of which are there: words of 0, which ask for nothing. */
static uint32_t
submit_nothing(struct card *card, uint32_t size)
{
    const struct virtio_gpu_cmd_submit request = {
        .hdr = {.type = VIRTIO_GPU_CMD_SUBMIT_3D, .ctx_id = 1}, .size = size};
    const struct virtio_gpu_ctrl_hdr *header = fake_ram(&card->fake, RESPONSE_AT);
    struct fake_segment segments[4] = {{REQUEST_AT, sizeof(request), false},
                                       {FAKE_HIGH_BASE, STREAM, false},
                                       {FAKE_HIGH_BASE, FAKE_REGION, false},
                                       {RESPONSE_AT, sizeof(*header), true}};

    memcpy(fake_ram(&card->fake, REQUEST_AT), &request, sizeof(request));
    memset(fake_ram(&card->fake, FAKE_HIGH_BASE), 0, FAKE_REGION);
    return fake_request(&card->fake, 0, segments, 4) == sizeof(*header) ? header->type : 0;
}

TAP_TEST(bytes_of_a_stream)
{
    struct card card;

    check(card_start_level(&card, GPU_LEVEL_SOFT));
    check_int(create_context(&card, 1), OK);
    check_int(submit_nothing(&card, STREAM), OK);
    check_int(submit_nothing(&card, STREAM + 4), BAD);
    check_int(submit_nothing(&card, STREAM * 2U), BAD);
    check_int(submit_nothing(&card, UINT32_MAX), BAD);
    check_int(submit_nothing(&card, STREAM), OK); /* the context was not to blame */
    check_int(card_stop(&card), 0);
}

TAP_MAIN(TAP_CASE(resources), TAP_CASE(resources_of_a_context), TAP_CASE(bytes_of_a_stream))
