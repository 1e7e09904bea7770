/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A hostile guest before a disk. */

#include <linux/virtio_blk.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/device-rig.h"
#include "vmm/base/assert.h"
#include "vmm/base/fd.h"
#include "vmm/devices/block/block.h"

enum {
    DISK_SIZE = 64 << 10
};

static void
request(struct device_rig *rig, struct fuzz_input *input, uint64_t how)
{
    uint8_t bytes[16 + 1024] = {0};
    uint32_t size = 16;
    uint64_t sector = fuzz_take(input, 1);

    store_le32(bytes, how & 0x40 ? (uint32_t)fuzz_take(input, 4) : (uint32_t)(how >> 2 & 15));
    store_le64(bytes + 8, sector < 250 ? sector : UINT64_MAX - fuzz_take(input, 2));
    if (how & 0x80) { /* data, or ranges */
        size += (uint32_t)fuzz_take(input, 2) % 1025;
        for (uint32_t i = 16; i + 16 <= size; i += 16) {
            store_le64(bytes + i, fuzz_take(input, 1));
            store_le32(bytes + i + 8, (uint32_t)fuzz_take(input, how & 0x100 ? 4 : 1));
            store_le32(bytes + i + 12, (uint32_t)fuzz_take(input, 1) & 1);
        }
    }
    device_rig_request(rig, input, 0, bytes, size);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct device_rig rig;
    struct block *block;
    uint64_t flags = fuzz_take(&input, 1);
    cleanup_fd int disk = memfd_create("disk", MFD_CLOEXEC);

    device_rig_open(&rig);
    assert(disk >= 0 && ftruncate(disk, DISK_SIZE) == 0);
    const struct block_setup setup = {.device.vhost_fd = rig.device_fd,
                                      .disk_fd = disk,
                                      .flags = flags & (BLOCK_READ_ONLY | BLOCK_SPARSE),
                                      .size = DISK_SIZE,
                                      .block_size = 512,
                                      .serial = "fuzz"};
    assert(block_create(rig.loop, &setup, &block) == 0);
    device_rig_start(&rig, 1);
    for (unsigned int i = 0; i < 64 && input.size > 0; i++) {
        uint64_t how = fuzz_take(&input, 2);

        if (how & 3) {
            request(&rig, &input, how);
        } else {
            device_rig_nonsense(&rig, &input);
        }
    }
    assert(lseek(disk, 0, SEEK_END) == DISK_SIZE);
    block_destroy(block);
    device_rig_close(&rig);
    return 0;
}
