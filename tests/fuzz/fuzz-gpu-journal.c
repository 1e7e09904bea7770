/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a vmm-gpu in a guest's hands may have noted before it crashed, before the one that comes after. */

#include <linux/virtio_gpu.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/gpu-rig.h"
#include "vmm/base/assert.h"
#include "vmm/base/fd.h"
#include "vmm/devices/gpu/journal.h"
#include "vmm/protocol/gpu-journal.h"

enum {
    PLACES = 32, /* of resources and blocks that an input fills, so that they meet */
    PIECES = 4,
};

static uint32_t
some_number(struct fuzz_input *input)
{
    static const uint32_t numbers[] = {0,  1,  2,  3,  4,    5,      8,          16,        32,
                                       33, 63, 64, 65, 4096, 0x8000, 0x7fffffff, 0xffffffff};
    const uint64_t how = fuzz_take(input, 1);

    return how < 240 ? numbers[how % ARRAY_SIZE(numbers)] : (uint32_t)fuzz_take(input, 4);
}

static uint64_t
some_address(struct fuzz_input *input)
{
    const uint64_t address = fuzz_take(input, 2) * 256;

    return address >> 23 & 1 ? DEVICE_RIG_HIGH + (address & 0x3ffff) : address;
}

static void
fill_resource(struct gpu_journal *journal, struct fuzz_input *input)
{
    journal->resource[fuzz_take(input, 1) % PLACES] = (struct gpu_journal_resource){
        .valid = GPU_JOURNAL_VALID,
        .id = 1 + (uint32_t)fuzz_take(input, 1) % PLACES,
        .kind = (uint32_t)fuzz_take(input, 1) % 4,
        .format = 1 + (uint32_t)fuzz_take(input, 1) % 4,
        .width = some_number(input),
        .height = some_number(input),
        .n_pieces = some_number(input),
        .block = some_number(input),
        .size = (uint64_t)some_number(input) * 1024,
    };
}

static void
fill_block(struct gpu_journal *journal, struct fuzz_input *input)
{
    struct gpu_journal_block *block = &journal->block[fuzz_take(input, 1) % PLACES];

    block->next = some_number(input);
    for (uint64_t i = 0; i < GPU_JOURNAL_BLOCK_PIECES; i++) {
        block->piece[i] = i < PIECES ? (struct gpu_journal_piece){some_address(input),
                                                                  (uint64_t)some_number(input) * 16}
                                     : block->piece[i % PIECES];
    }
}

static void
fill_scanout(struct gpu_journal *journal, struct fuzz_input *input)
{
    uint32_t *words = (uint32_t *)&journal->scanout[fuzz_take(input, 1) % 3];

    for (size_t i = 0; i < sizeof(journal->scanout[0]) / sizeof(*words); i++) {
        words[i] = some_number(input);
    }
}

static void
fill(int fd, struct fuzz_input *input)
{
    struct gpu_journal *journal =
        mmap(NULL, sizeof(*journal), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    assert(journal != MAP_FAILED);
    journal->events = (uint32_t)fuzz_take(input, 1);
    journal->executing = some_number(input);
    journal->tries = some_number(input);
    for (unsigned int i = 0; i < 64 && input->size > 0; i++) {
        const uint64_t how = fuzz_take(input, 1) % 8;

        if (how < 4) {
            fill_resource(journal, input);
        } else if (how < 7) {
            fill_block(journal, input);
        } else {
            fill_scanout(journal, input);
        }
    }
    munmap(journal, sizeof(*journal));
}

/* How many resources it takes over; and what a guest may do with them then. */
static uint32_t
take_over(int journal, struct fuzz_input *input)
{
    struct gpu_rig rig;

    gpu_rig_open(&rig);
    rig.setup.journal_fd = journal;
    rig.setup.takes_over = 1;
    gpu_rig_create(&rig);
    device_rig_start(&rig.device, DEVICE_RIG_QUEUES);
    if (rig.gpu->restore_due) { /* else its timer was quicker */
        rig.gpu->restore_due = false;
        journal_restore(rig.gpu);
    }
    assert(rig.gpu->resources.used <= GPU_RIG_MEMORY_LIMIT);
    const uint32_t n = rig.gpu->resources.count;
    for (unsigned int i = 0; i < 8 && input; i++) {
        uint8_t bytes[32] = {0};

        store_le32(bytes, fuzz_take(input, 1) & 1 ? VIRTIO_GPU_CMD_RESOURCE_UNREF
                                                  : VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING);
        store_le32(bytes + 24, 1 + (uint32_t)fuzz_take(input, 1) % PLACES);
        device_rig_request(&rig.device, input, 0, bytes, sizeof(bytes));
        device_rig_run(&rig.device);
    }
    const uint32_t left = rig.gpu->resources.count;
    gpu_rig_close(&rig);
    return input ? left : n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    const int journal = fd_memory_file("journal", sizeof(struct gpu_journal));

    assert(journal >= 0);
    fill(journal, &input);
    /* What was left out once is not there the next time, and what was taken is. */
    const uint32_t left = take_over(dup(journal), &input);
    assert(take_over(dup(journal), NULL) == left);
    close(journal);
    return 0;
}
