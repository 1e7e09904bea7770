/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Any accesses to the common configuration in any state, against what must hold: status bits only
 * come until a reset, and what the device was started with does not change before one.
 */

#include "tests/fakes/pci-rig.h"
#include "tests/fuzz/fuzz.h"
#include "vmm/base/assert.h"

enum {
    STATUS = 20, /* offsets in the common configuration, virtio 1.2 section 4.1.4.3 */
    SELECT = 22,
    QUEUE_SIZE = 24,
    QUEUE_ENABLE = 28,
    QUEUE_ADDRESSES = 32,
    COMMON_SIZE = 56,
    DRIVER_OK = 4,
};

struct frozen {
    uint64_t size;
    uint64_t enable;
    uint64_t address[3];
};

static struct frozen
look(struct rig *rig, uint16_t queue)
{
    uint16_t before = (uint16_t)rig_read(rig, SELECT, 2);
    struct frozen frozen;

    rig_write(rig, SELECT, 2, queue);
    frozen = (struct frozen){.size = rig_read(rig, QUEUE_SIZE, 2),
                             .enable = rig_read(rig, QUEUE_ENABLE, 2)};
    for (uint64_t i = 0; i < 3; i++) {
        frozen.address[i] = rig_read(rig, QUEUE_ADDRESSES + 8 * i, 4) |
                            rig_read(rig, QUEUE_ADDRESSES + 8 * i + 4, 4) << 32;
    }
    rig_write(rig, SELECT, 2, before);
    return frozen;
}

static void
any_access(struct fuzz_input *input, struct rig *rig, uint64_t how)
{
    static const uint8_t fields[16] = {0, 4, 8, 12, 16, 18, 20, 21, 22, 24, 26, 28, 30, 32, 40, 52};
    unsigned int size = 1U << (how >> 2 & 3);
    uint64_t offset = how & 0x80 ? fuzz_take(input, 1) & 63 : fields[fuzz_take(input, 1) & 15];
    uint64_t value = how & 0x40 ? fuzz_take(input, 8) : fuzz_take(input, 1);

    offset -= offset % size;
    if (how & 0x20) {
        (void)rig_read(rig, offset, size);
    } else {
        rig_write(rig, offset, size, value);
    }
}

static void
step(struct fuzz_input *input, struct rig *rig)
{
    uint64_t how = fuzz_take(input, 1);
    uint8_t before = rig_status(rig);
    struct frozen frozen[RIG_QUEUES];
    uint8_t after;

    for (unsigned int i = 0; i < RIG_QUEUES; i++) {
        frozen[i] = look(rig, (uint16_t)i);
    }
    if ((how & 3) == 0) {
        rig_set_status(rig, (uint8_t)fuzz_take(input, 1));
    } else if (how == 0xff) {
        rig_start(rig);
        return;
    } else {
        any_access(input, rig, how);
    }
    after = rig_status(rig);
    assert(after == 0 || (before & ~after & ~0x40) == 0);
    for (unsigned int i = 0; (before & DRIVER_OK) && after != 0 && i < RIG_QUEUES; i++) {
        struct frozen now = look(rig, (uint16_t)i);

        assert(memcmp(&now, &frozen[i], sizeof(now)) == 0);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct rig rig;

    rig_init(&rig);
    for (unsigned int i = 0; i < 200 && input.size > 0; i++) {
        step(&input, &rig);
        loop_iterate(vm_loop(rig.vm), 0);
    }
    rig_finish(&rig);
    return 0;
}
