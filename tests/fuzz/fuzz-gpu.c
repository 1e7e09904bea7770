/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The 2D requests and blobs of a hostile guest, and what a hostile display says meanwhile. */

#include <linux/virtio_gpu.h>
#include <sys/socket.h>

#include "tests/fuzz/gpu-rig.h"
#include "vmm/base/assert.h"
#include "vmm/base/message.h"

enum {
    WORDS_MAX = 28,
    SIDE = GPU_RIG_SIDE,
    HALF = SIDE * SIDE * 2, /* of a picture's bytes */
    ID = 0xf0f0f0f0,        /* a resource's number goes here */
};

/* What a good driver sends, in 32-bit words behind the header. */
struct form {
    uint16_t type;
    uint8_t queue;
    uint8_t n_words;
    uint32_t words[WORDS_MAX];
};

#define PAGES DEVICE_RIG_DATA_AT + 0x4000, 0, HALF, 0, 0x8000, 1, HALF, 0

static const struct form forms[16] = {
    {VIRTIO_GPU_CMD_RESOURCE_CREATE_2D, 0, 4, {ID, 1, SIDE, SIDE}},
    {VIRTIO_GPU_CMD_RESOURCE_CREATE_2D, 0, 4, {ID, 2, SIDE, SIDE}},
    {VIRTIO_GPU_CMD_RESOURCE_UNREF, 0, 2, {ID}},
    {VIRTIO_GPU_CMD_SET_SCANOUT, 0, 6, {0, 0, SIDE, SIDE, 0, ID}},
    {VIRTIO_GPU_CMD_RESOURCE_FLUSH, 0, 6, {0, 0, SIDE, SIDE, ID, 0}},
    {VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D, 0, 8, {0, 0, SIDE, SIDE, 0, 0, ID, 0}},
    {VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING, 0, 10, {ID, 2, PAGES}},
    {VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING, 0, 10, {ID, 2, PAGES}},
    {VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING, 0, 2, {ID}},
    {VIRTIO_GPU_CMD_GET_EDID, 0, 2, {0}},
    {VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB, 0, 16, {ID, 1, 1, 2, 0, 0, 2 * HALF, 0, PAGES}},
    {VIRTIO_GPU_CMD_SET_SCANOUT_BLOB, 0, 18, {0, 0, SIDE, SIDE, 1, ID, SIDE, SIDE, 2, 0, SIDE * 4}},
    {VIRTIO_GPU_CMD_UPDATE_CURSOR, 1, 8, {0, 0, 0, 0, ID, 1, 1, 0}},
    {VIRTIO_GPU_CMD_MOVE_CURSOR, 1, 8, {0, 9, 9, 0}},
    {VIRTIO_GPU_CMD_GET_DISPLAY_INFO, 0, 0, {0}},
    {VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID, 0, 2, {ID}},
};

static uint32_t
some_number(struct fuzz_input *input)
{
    static const uint32_t numbers[] = {0,   1,    2,      3,          64,         65,        16,
                                       256, 4096, 0x4000, 0x7fffffff, 0xffffffff, 0x40000001};
    uint64_t how = fuzz_take(input, 1);

    return how < 240 ? numbers[how % ARRAY_SIZE(numbers)] : (uint32_t)fuzz_take(input, 4);
}

/* A good request with up to three words replaced, or cut short. */
static void
command(struct device_rig *rig, struct fuzz_input *input, uint64_t how)
{
    uint8_t bytes[24 + WORDS_MAX * 4] = {0};
    struct form form = forms[how >> 8 & 15];
    uint32_t size = 24 + form.n_words * 4U;

    for (uint32_t i = 0; i < form.n_words; i++) {
        form.words[i] = form.words[i] == ID ? 1 + (uint32_t)(how >> 12 & 1) : form.words[i];
    }
    for (uint64_t i = how >> 4 & 3; i > 0; i--) {
        form.words[fuzz_take(input, 1) % WORDS_MAX] = some_number(input);
    }
    store_le32(bytes, how & 0x8000 ? (uint32_t)fuzz_take(input, 2) : form.type);
    store_le32(bytes + 4, how & 0x4000 ? VIRTIO_GPU_FLAG_FENCE : 0);
    for (uint32_t i = 0; i < WORDS_MAX; i++) {
        store_le32(bytes + 24 + (size_t)4 * i, form.words[i]);
    }
    if (how & 0x2000) {
        size = (uint32_t)fuzz_take(input, 1) % (size + 1);
    }
    device_rig_request(rig, input, form.queue ^ (how >> 3 & how >> 7 & 1), bytes, size);
}

static void
display_says(struct fuzz_input *input, int fd, uint64_t how)
{
    struct gpu_mode mode = {.header = {.type = GPU_MODE, .size = sizeof(mode)},
                            .scanout = some_number(input),
                            .enabled = some_number(input),
                            .width = some_number(input),
                            .height = some_number(input),
                            .width_mm = some_number(input)};
    size_t size = sizeof(mode);
    uint8_t answer[256];

    if (how & 0x100) {
        mode.header = (struct start_header){GPU_DISPLAY_HELLO, sizeof(mode.header)};
        size = sizeof(mode.header);
    } else if (how & 0x400) {
        mode.header.type = GPU_PLUG;
        mode.enabled &= 1;
    } else if (how & 0x200) {
        mode.header.type = (uint32_t)fuzz_take(input, 1);
        size = (size_t)fuzz_take(input, 1) % (sizeof(mode) + 1);
    }
    (void)message_send(fd, &mode, size, NULL, 0);
    while (recv(fd, answer, sizeof(answer), MSG_DONTWAIT) > 0) {
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct gpu_rig rig;

    gpu_rig_open(&rig);
    gpu_rig_create(&rig);
    device_rig_start(&rig.device, DEVICE_RIG_QUEUES);
    for (unsigned int i = 0; i < 100 && input.size > 0; i++) {
        uint64_t how = fuzz_take(&input, 2);

        if ((how & 7) < 6) {
            command(&rig.device, &input, how);
        } else if ((how & 7) == 6) {
            display_says(&input, rig.display, how);
            device_rig_run(&rig.device);
        } else {
            device_rig_nonsense(&rig.device, &input);
        }
        assert(rig.gpu->resources.used <= GPU_RIG_MEMORY_LIMIT);
    }
    gpu_rig_close(&rig);
    return 0;
}
