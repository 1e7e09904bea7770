/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Rings of a hostile guest, and memory tables that change while chains are out. */

#include <linux/virtio_ring.h>
#include <sys/mman.h>

#include "tests/fuzz/fuzz.h"
#include "vmm/base/assert.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/virtio/queue.h"

#define USER UINT64_C(0x7f0000000000)
#define HIGH UINT64_C(0x100000000)

enum {
    REGION = 64 << 10,
    DESCRIPTORS_AT = 0,
    AVAILABLE_AT = 0x1000,
    USED_AT = 0x2000,
    TABLE_AT = 0x3000,
    OUT_MAX = 8,
};

static const struct guest_memory_region low = {0, USER, REGION, 0};
static const struct guest_memory_region high = {HIGH, USER + HIGH, REGION, REGION};

struct ring {
    uint8_t *ram;
    struct guest_memory *memory;
    struct queue *queue;
    unsigned int size;
    struct chain *out[OUT_MAX];
    bool shrunk;
};

static void
put_descriptor(struct fuzz_input *input, struct ring *ring)
{
    static const uint64_t places[] = {0x8000, REGION - 8, REGION,   HIGH, HIGH + REGION - 16,
                                      0x3000, UINT64_MAX, HIGH - 1, 0,    0x4000};
    static const uint32_t sizes[] = {1, 16, 32, 0, 4096, 65536, UINT32_MAX, 48, 17, REGION + 1};
    uint64_t how = fuzz_take(input, 3);
    const struct vring_desc descriptor = {.addr = htole64(places[(how & 0xf) % ARRAY_SIZE(places)]),
                                          .len =
                                              htole32(sizes[(how >> 4 & 0xf) % ARRAY_SIZE(sizes)]),
                                          .flags = htole16((uint16_t)(how >> 8 & 7)),
                                          .next = htole16((uint16_t)(how >> 11 & 31))};
    size_t table = how & (1 << 23) ? TABLE_AT : DESCRIPTORS_AT;

    memcpy(ring->ram + table + (how >> 16 & 31) * sizeof(descriptor), &descriptor,
           sizeof(descriptor));
}

static void
pop(struct ring *ring, uint64_t how)
{
    struct chain *chain;
    uint8_t bytes[256] = {0};
    size_t slot = how >> 3 & (OUT_MAX - 1);

    if (ring->out[slot] || queue_pop(ring->queue, &chain) <= 0) {
        return;
    }
    (void)chain_skip_out(chain, how & 64);
    (void)chain_write(chain, bytes, chain_read(chain, bytes, sizeof(bytes)));
    ring->out[slot] = chain;
}

static void
push(struct ring *ring, uint64_t how)
{
    struct chain **chain = &ring->out[how >> 3 & (OUT_MAX - 1)];
    struct iovec iov[4];
    size_t size;

    if (*chain) {
        (void)chain_take_in(*chain, how << 4, iov, ARRAY_SIZE(iov), &size);
        queue_push(ring->queue, *chain, (uint32_t)size);
        *chain = NULL;
        (void)queue_needs_interrupt(ring->queue);
    }
}

/* The high half goes, and comes back. */
static void
change_memory(struct ring *ring, int fd)
{
    const struct guest_memory_region regions[] = {low, high};

    ring->shrunk = !ring->shrunk;
    assert(guest_memory_replace(ring->memory, regions, (int[]){fd, fd}, ring->shrunk ? 1 : 2) == 0);
    (void)queue_memory_changed(ring->queue);
}

static void
step(struct fuzz_input *input, struct ring *ring, int fd)
{
    uint64_t how = fuzz_take(input, 1);
    uint8_t *available = ring->ram + AVAILABLE_AT;

    switch (how & 7) {
    case 0: {
        uint16_t index = load_le16(available + 2);

        store_le16(available + 4 + (size_t)(index % ring->size) * 2, (uint16_t)(how >> 3));
        store_le16(available + 2, (uint16_t)(index + 1));
        break;
    }
    case 1:
        store_le16(available + (how >> 3) * 2, (uint16_t)fuzz_take(input, 2));
        break;
    case 2:
    case 3:
        pop(ring, how);
        break;
    case 4:
        push(ring, how);
        break;
    case 5:
        if (how >> 3 == 31) {
            change_memory(ring, fd);
        } else {
            (void)queue_enable_kicks(ring->queue, how & 8);
        }
        break;
    default:
        put_descriptor(input, ring);
        break;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    cleanup_fd int fd = fd_memory_file("ram", 2 * (uint64_t)REGION);
    cleanup(guest_memory_destroyp) struct guest_memory *memory = guest_memory_create();
    struct log_limit limit = {0};
    uint64_t how = fuzz_take(&input, 2);
    struct ring ring = {.memory = memory, .size = 1U << (how & 7)};
    const struct queue_setup setup = {.size = ring.size,
                                      .descriptor = USER + DESCRIPTORS_AT,
                                      .available = USER + AVAILABLE_AT,
                                      .used = USER + USED_AT + (how >> 12 == 15 ? HIGH : 0),
                                      .next_available = how & 0x200 ? 0xfffe : 0,
                                      .indirect = how & 0x400,
                                      .event_index = how & 0x800,
                                      .limit = &limit};

    log_set_level(LOG_LEVEL_ERROR);
    ring.ram = mmap(NULL, REGION, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert(fd >= 0 && ring.ram != MAP_FAILED);
    assert(guest_memory_add(memory, &low, fd) == 0 && guest_memory_add(memory, &high, fd) == 0);
    assert(queue_create(memory, &setup, &ring.queue) == 0);
    store_le16(ring.ram + AVAILABLE_AT + 2, setup.next_available);
    while (input.size > 0) {
        step(&input, &ring, fd);
    }
    queue_destroy(ring.queue);
    munmap(ring.ram, REGION);
    return 0;
}
