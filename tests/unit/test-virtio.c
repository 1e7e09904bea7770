/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <linux/virtio_ring.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/tap.h"
#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/virtio/inflight.h"
#include "vmm/virtio/queue.h"

/*
 * Two regions with a hole: guest 0 ... 1 MiB and 4 GiB ... 4 GiB + 1 MiB, in one file. The front
 * end's addresses are the guest's plus USER_BASE.
 */
#define USER_BASE UINT64_C(0x7f0000000000)
#define HIGH_BASE (4 * GIB)

enum {
    REGION = 1 << 20,
    RING_SIZE = 8,
    DESCRIPTORS_AT = 0x1000,
    AVAILABLE_AT = 0x2000,
    USED_AT = 0x3000,
    TABLE_AT = 0x10000,
    DATA_AT = 0x8000,
};

struct rig {
    int fd;
    char *ram; /* our own view, as the guest's */
    struct guest_memory *memory;
    struct queue *queue;
    struct log_limit limit;
    struct queue_setup setup;
};

static const struct guest_memory_region low = {0, USER_BASE, REGION, 0};
static const struct guest_memory_region high = {HIGH_BASE, USER_BASE + HIGH_BASE, REGION, REGION};

static bool
rig_open(struct rig *rig)
{
    memset(rig, 0, sizeof(*rig));
    log_set_level(LOG_LEVEL_ERROR);
    rig->fd = fd_memory_file("ram", 2 * (uint64_t)REGION);
    rig->ram = mmap(NULL, 2 * (size_t)REGION, PROT_READ | PROT_WRITE, MAP_SHARED, rig->fd, 0);
    rig->memory = guest_memory_create();
    rig->setup = (struct queue_setup){
        .size = RING_SIZE,
        .descriptor = USER_BASE + DESCRIPTORS_AT,
        .available = USER_BASE + AVAILABLE_AT,
        .used = USER_BASE + USED_AT,
        .indirect = true,
        .limit = &rig->limit,
    };
    return rig->fd >= 0 && rig->ram != MAP_FAILED &&
           guest_memory_add(rig->memory, &low, rig->fd) == 0 &&
           guest_memory_add(rig->memory, &high, rig->fd) == 0 &&
           queue_create(rig->memory, &rig->setup, &rig->queue) == 0;
}

static void
rig_close(struct rig *rig)
{
    queue_destroy(rig->queue);
    guest_memory_destroy(rig->memory);
    munmap(rig->ram, 2 * (size_t)REGION);
    close(rig->fd);
}

static void
put(const struct rig *rig, size_t table, size_t i, struct vring_desc d)
{
    memcpy(rig->ram + table + i * sizeof(d), &d, sizeof(d));
}

static void
offer(const struct rig *rig, uint16_t head)
{
    char *available = rig->ram + AVAILABLE_AT;
    uint16_t index = load_le16(available + 2);

    store_le16(available + 4 + (size_t)(index % RING_SIZE) * 2, head);
    store_le16(available + 2, (uint16_t)(index + 1));
}

static uint16_t
used_index(const struct rig *rig)
{
    return load_le16(rig->ram + USED_AT + 2);
}

TAP_TEST(regions_are_checked)
{
    struct rig rig;
    struct guest_memory_region region;

    check(rig_open(&rig));
    check(guest_memory_range(rig.memory, 0, REGION));
    check(guest_memory_range(rig.memory, REGION, 0)); /* empty, at the end */
    check(!guest_memory_range(rig.memory, REGION - 1, 2));
    check(!guest_memory_range(rig.memory, REGION, 1));
    check(!guest_memory_range(rig.memory, HIGH_BASE - 1, 2));
    check(guest_memory_range(rig.memory, HIGH_BASE + REGION - 1, 1));
    check(!guest_memory_range(rig.memory, HIGH_BASE, UINT64_MAX));
    check(!guest_memory_range(rig.memory, UINT64_MAX, 2));
    check(guest_memory_user_range(rig.memory, USER_BASE + 16, 16) ==
          guest_memory_range(rig.memory, 16, 16));
    check(!guest_memory_user_range(rig.memory, 16, 16));

    region = (struct guest_memory_region){REGION - 4096, 0, 8192, 0};
    check_int(guest_memory_add(rig.memory, &region, rig.fd), -EINVAL); /* overlaps */
    region = (struct guest_memory_region){2 * (uint64_t)REGION, 0, 0, 0};
    check_int(guest_memory_add(rig.memory, &region, rig.fd), -EINVAL); /* empty */
    region = (struct guest_memory_region){UINT64_MAX - 4095, 0, 8192, 0};
    check_int(guest_memory_add(rig.memory, &region, rig.fd), -EINVAL); /* wraps */
    region = (struct guest_memory_region){2 * (uint64_t)REGION, 0, REGION, REGION + 4096};
    check_int(guest_memory_add(rig.memory, &region, rig.fd), -EINVAL); /* past the file */
    region = (struct guest_memory_region){2 * (uint64_t)REGION, 0, REGION, UINT64_MAX - 5};
    check_int(guest_memory_add(rig.memory, &region, rig.fd), -EINVAL);
    cleanup_fd int plain = memfd_create("plain", MFD_CLOEXEC);
    check(ftruncate(plain, REGION) == 0);
    region = (struct guest_memory_region){2 * (uint64_t)REGION, 0, REGION, 0};
    check_int(guest_memory_add(rig.memory, &region, plain), -EINVAL); /* may shrink */
    rig_close(&rig);
}

TAP_TEST(table_is_replaced_as_a_whole)
{
    struct rig rig;
    struct guest_memory_region regions[2] = {low, high};
    struct guest_memory_region odd = {0, 0, 0x1000, 0x123};

    check(rig_open(&rig));
    char *before = guest_memory_range(rig.memory, 0, 1);
    check_int(guest_memory_replace(rig.memory, regions, (int[]){rig.fd, rig.fd}, 2), 0);
    check(guest_memory_range(rig.memory, 0, 1) == before); /* the mapping lives on */
    check_int(guest_memory_replace(rig.memory, &regions[1], (int[]){rig.fd}, 1), 0);
    check(!guest_memory_range(rig.memory, 0, 1));
    check(!guest_memory_is_mapped(rig.memory, before, 1));
    regions[1].size = 0;
    check_int(guest_memory_replace(rig.memory, regions, (int[]){rig.fd, rig.fd}, 2), -EINVAL);
    check(guest_memory_range(rig.memory, HIGH_BASE, 1)); /* the old one is still there */
    check_int(guest_memory_remove(rig.memory, &low), -ENOENT);
    check_int(guest_memory_remove(rig.memory, &high), 0);
    rig.ram[0x123] = 77;
    check_int(guest_memory_add(rig.memory, &odd, rig.fd), 0); /* offset is not page aligned */
    check_int(*(char *)guest_memory_range(rig.memory, 0, 1), 77);
    rig_close(&rig);
}

TAP_TEST(chain_goes_round)
{
    struct rig rig;
    struct chain *chain;
    char text[8] = {0};

    check(rig_open(&rig));
    check_int(queue_pop(rig.queue, &chain), 0);
    memcpy(rig.ram + DATA_AT, "abcdef", 6);
    put(&rig, DESCRIPTORS_AT, 3, (struct vring_desc){DATA_AT, 2, VRING_DESC_F_NEXT, 5});
    put(&rig, DESCRIPTORS_AT, 5, (struct vring_desc){DATA_AT + 2, 4, VRING_DESC_F_NEXT, 1});
    put(&rig, DESCRIPTORS_AT, 1,
        (struct vring_desc){HIGH_BASE, 3, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE, 0});
    put(&rig, DESCRIPTORS_AT, 0, (struct vring_desc){DATA_AT + 64, 3, VRING_DESC_F_WRITE, 0});
    offer(&rig, 3);
    check_int(queue_pop(rig.queue, &chain), 1);
    check_int(chain->n_out, 2);
    check_int(chain->n_in, 2);
    check_int(chain->out_size, 6);
    check_int(chain->in_size, 6);
    check_int(chain_read(chain, text, 3), 3);
    check_str(text, "abc");
    check_int(chain_skip_out(chain, 1), 1);
    check_int(chain_read(chain, text, sizeof(text)), 2);
    check(memcmp(text, "ef", 2) == 0);
    check_int(chain_read(chain, text, 1), 0);
    check_int(chain_skip_in(chain, 1), 1);
    check_int(chain_write(chain, "01234567", 8), 5);
    check(memcmp(rig.ram + REGION + 1, "01", 2) == 0);
    check(memcmp(rig.ram + DATA_AT + 64, "234", 3) == 0);
    check_int(chain_skip_in(chain, 9), 0);
    queue_push(rig.queue, chain, 4000000);
    check_int(used_index(&rig), 1);
    check_int(load_le32(rig.ram + USED_AT + 4), 3);
    check_int(load_le32(rig.ram + USED_AT + 8), 6); /* cut to what the chain holds */
    check(queue_needs_interrupt(rig.queue));
    check(!queue_needs_interrupt(rig.queue));
    rig_close(&rig);
}

TAP_TEST(pieces_are_taken_for_preadv)
{
    struct rig rig;
    struct chain *chain;
    struct iovec iov[4];
    size_t size;

    check(rig_open(&rig));
    put(&rig, DESCRIPTORS_AT, 0, (struct vring_desc){DATA_AT, 10, VRING_DESC_F_NEXT, 1});
    put(&rig, DESCRIPTORS_AT, 1, (struct vring_desc){DATA_AT + 100, 10, VRING_DESC_F_NEXT, 2});
    put(&rig, DESCRIPTORS_AT, 2, (struct vring_desc){DATA_AT + 200, 10, VRING_DESC_F_WRITE, 0});
    offer(&rig, 0);
    check_int(queue_pop(rig.queue, &chain), 1);
    check_int(chain_skip_out(chain, 4), 4);
    check_int(chain_take_out(chain, 12, iov, 4, &size), 2);
    check_int(size, 12);
    check_int(iov[0].iov_len, 6);
    check_int(iov[1].iov_len, 6);
    check_int(chain->out_position, 16);
    check_int(chain_take_out(chain, 100, iov, 4, &size), 1);
    check_int(size, 4);
    check_int(chain_take_out(chain, 100, iov, 4, &size), 0);
    chain->out_position = 0;
    check_int(chain_take_out(chain, 20, iov, 1, &size), 1);
    check_int(size, 10);
    check_int(chain_take_in(chain, 20, iov, 4, &size), 1);
    check_int(size, 10);
    queue_push(rig.queue, chain, 10);
    rig_close(&rig);
}

TAP_TEST(indirect_tables_work)
{
    struct rig rig;
    struct chain *chain;
    enum {
        ENTRIES = 300
    };

    check(rig_open(&rig));
    for (int i = 0; i < ENTRIES; i++) {
        uint16_t flags = i + 1 < ENTRIES ? VRING_DESC_F_NEXT : 0;
        put(&rig, TABLE_AT, (size_t)i,
            (struct vring_desc){DATA_AT + (uint64_t)i, 1, flags, (uint16_t)(i + 1)});
    }
    /* A direct buffer, then the table: allowed. */
    put(&rig, DESCRIPTORS_AT, 0, (struct vring_desc){DATA_AT, 5, VRING_DESC_F_NEXT, 1});
    put(&rig, DESCRIPTORS_AT, 1,
        (struct vring_desc){TABLE_AT, ENTRIES * 16, VRING_DESC_F_INDIRECT, 0});
    offer(&rig, 0);
    check_int(queue_pop(rig.queue, &chain), 1);
    check_int(chain->n_out, ENTRIES + 1);
    check_int(chain->out_size, ENTRIES + 5);
    queue_push(rig.queue, chain, 0);
    rig_close(&rig);
}

/* Each entry: the ring's first descriptors, and what stands in the table at TABLE_AT. */
struct bad_chain {
    const char *name;
    struct vring_desc ring[2];
    struct vring_desc table[2];
};

enum {
    NEXT = VRING_DESC_F_NEXT,
    WRITE = VRING_DESC_F_WRITE,
    INDIRECT = VRING_DESC_F_INDIRECT,
};

static const struct bad_chain bad_chains[] = {
    {"loop on itself", {{DATA_AT, 1, NEXT, 0}}, {{0}}},
    {"loop of two", {{DATA_AT, 1, NEXT, 1}, {DATA_AT, 1, NEXT, 0}}, {{0}}},
    {"next out of range", {{DATA_AT, 1, NEXT, RING_SIZE}}, {{0}}},
    {"next far out of range", {{DATA_AT, 1, NEXT, 65535}}, {{0}}},
    {"readable after writable", {{DATA_AT, 1, NEXT | WRITE, 1}, {DATA_AT, 1, 0, 0}}, {{0}}},
    {"in the hole", {{REGION, 1, 0, 0}}, {{0}}},
    {"over the end", {{REGION - 10, 11, 0, 0}}, {{0}}},
    {"over the end of all", {{HIGH_BASE + REGION - 1, 2, WRITE, 0}}, {{0}}},
    {"before the high region", {{HIGH_BASE - 1, 2, 0, 0}}, {{0}}},
    {"address wraps", {{UINT64_MAX, 2, 0, 0}}, {{0}}},
    {"length of 4 GiB - 1", {{0, UINT32_MAX, 0, 0}}, {{0}}},
    {"table of no bytes", {{TABLE_AT, 0, INDIRECT, 0}}, {{0}}},
    {"table of half an entry", {{TABLE_AT, 24, INDIRECT, 0}}, {{DATA_AT, 1, 0, 0}}},
    {"table with next", {{TABLE_AT, 16, INDIRECT | NEXT, 1}}, {{DATA_AT, 1, 0, 0}}},
    {"table in the hole", {{REGION, 32, INDIRECT, 0}}, {{0}}},
    {"table over the end", {{REGION - 16, 32, INDIRECT, 0}}, {{0}}},
    {"table of 2 GiB", {{0, 0x80000000, INDIRECT, 0}}, {{0}}},
    {"table in a table", {{TABLE_AT, 32, INDIRECT, 0}}, {{TABLE_AT, 16, INDIRECT, 0}}},
    {"loop in a table", {{TABLE_AT, 32, INDIRECT, 0}}, {{DATA_AT, 1, NEXT, 0}}},
    {"zero-length loop in a table", {{TABLE_AT, 32, INDIRECT, 0}}, {{DATA_AT, 0, NEXT, 0}}},
    {"next outside the table", {{TABLE_AT, 32, INDIRECT, 0}}, {{DATA_AT, 1, NEXT, 2}}},
    {"unmapped in a table",
     {{TABLE_AT, 32, INDIRECT, 0}},
     {{DATA_AT, 1, NEXT, 1}, {REGION, 1, 0, 0}}},
};

TAP_TEST(broken_chains_stop_the_queue)
{
    for (size_t i = 0; i < ARRAY_SIZE(bad_chains); i++) {
        const struct bad_chain *bad = &bad_chains[i];
        struct rig rig;
        struct chain *chain = NULL;

        printf("# %s\n", bad->name);
        check(rig_open(&rig));
        memcpy(rig.ram + DESCRIPTORS_AT, bad->ring, sizeof(bad->ring));
        memcpy(rig.ram + TABLE_AT, bad->table, sizeof(bad->table));
        offer(&rig, 0);
        check_int(queue_pop(rig.queue, &chain), -EPROTO);
        check(queue_is_broken(rig.queue));
        /* Repairing the ring does not help any more. */
        put(&rig, DESCRIPTORS_AT, 0, (struct vring_desc){DATA_AT, 1, 0, 0});
        check_int(queue_pop(rig.queue, &chain), -EPROTO);
        check(!queue_enable_kicks(rig.queue, true));
        rig_close(&rig);
    }
}

TAP_TEST(indices_are_checked)
{
    struct rig rig;
    struct chain *chain;

    check(rig_open(&rig));
    put(&rig, DESCRIPTORS_AT, 0, (struct vring_desc){DATA_AT, 1, 0, 0});
    for (int i = 0; i < RING_SIZE; i++) {
        offer(&rig, 0); /* the same head again and again: the driver's own loss */
    }
    for (int i = 0; i < RING_SIZE; i++) {
        check_int(queue_pop(rig.queue, &chain), 1);
    }
    offer(&rig, 0);
    check_int(queue_pop(rig.queue, &chain), -EPROTO); /* more than the ring can hold */
    rig_close(&rig);

    check(rig_open(&rig));
    store_le16(rig.ram + AVAILABLE_AT + 2, RING_SIZE + 1);
    check_int(queue_pop(rig.queue, &chain), -EPROTO);
    rig_close(&rig);

    check(rig_open(&rig));
    store_le16(rig.ram + AVAILABLE_AT + 4, RING_SIZE); /* head */
    store_le16(rig.ram + AVAILABLE_AT + 2, 1);
    check_int(queue_pop(rig.queue, &chain), -EPROTO);
    rig_close(&rig);
}

TAP_TEST(long_chains_have_an_end)
{
    struct rig rig;
    struct chain *chain;

    check(rig_open(&rig));
    enum {
        ENTRIES = QUEUE_CHAIN_SEGMENTS_MAX + 1
    };
    for (int i = 0; i < ENTRIES; i++) {
        uint16_t flags = i + 1 < ENTRIES ? VRING_DESC_F_NEXT : 0;
        put(&rig, TABLE_AT, (size_t)i, (struct vring_desc){DATA_AT, 1, flags, (uint16_t)(i + 1)});
    }
    put(&rig, DESCRIPTORS_AT, 0,
        (struct vring_desc){TABLE_AT, ENTRIES * 16, VRING_DESC_F_INDIRECT, 0});
    offer(&rig, 0);
    check_int(queue_pop(rig.queue, &chain), -EPROTO);
    rig_close(&rig);

    check(rig_open(&rig)); /* 65535 empty buffers before one byte: slow, but legal */
    for (size_t i = 0; i < 0xd000; i++) {
        put(&rig, TABLE_AT, i,
            (struct vring_desc){DATA_AT, 0, VRING_DESC_F_NEXT, (uint16_t)(i + 1)});
    }
    put(&rig, TABLE_AT, 0xd000, (struct vring_desc){DATA_AT, 1, 0, 0});
    put(&rig, DESCRIPTORS_AT, 0, (struct vring_desc){TABLE_AT, 0xd001 * 16, INDIRECT, 0});
    offer(&rig, 0);
    check_int(queue_pop(rig.queue, &chain), 1);
    check_int(chain->out_size, 1);
    rig_close(&rig);

    check(rig_open(&rig)); /* together longer than 4 GiB, each inside memory */
    for (int i = 0; i < ENTRIES - 1; i++) {
        uint16_t flags = i + 1 < ENTRIES - 1 ? VRING_DESC_F_NEXT : 0;
        put(&rig, TABLE_AT, (size_t)i, (struct vring_desc){0, REGION, flags, (uint16_t)(i + 1)});
    }
    put(&rig, DESCRIPTORS_AT, 0,
        (struct vring_desc){TABLE_AT, (ENTRIES - 1) * 16, VRING_DESC_F_INDIRECT, 0});
    offer(&rig, 0);
    check_int(queue_pop(rig.queue, &chain), -EPROTO);
    rig_close(&rig);
}

TAP_TEST(indirect_needs_its_feature)
{
    struct rig rig;
    struct chain *chain;

    check(rig_open(&rig));
    queue_destroy(take_pointer(rig.queue));
    rig.setup.indirect = false;
    check_int(queue_create(rig.memory, &rig.setup, &rig.queue), 0);
    put(&rig, TABLE_AT, 0, (struct vring_desc){DATA_AT, 1, 0, 0});
    put(&rig, DESCRIPTORS_AT, 0, (struct vring_desc){TABLE_AT, 16, INDIRECT, 0});
    offer(&rig, 0);
    check_int(queue_pop(rig.queue, &chain), -EPROTO);
    rig_close(&rig);
}

TAP_TEST(rings_are_checked)
{
    struct rig rig;
    struct queue *queue = NULL;
    struct queue_setup setup;

    check(rig_open(&rig));
    for (unsigned int size = 0; size <= QUEUE_SIZE_MAX + 1; size++) {
        setup = rig.setup;
        setup.size = size;
        bool good = size != 0 && size <= QUEUE_SIZE_MAX && (size & (size - 1)) == 0;
        check_int(queue_create(rig.memory, &setup, &queue), good ? 0 : -EINVAL);
        queue_destroy(queue);
        queue = NULL;
    }
    setup = rig.setup;
    setup.descriptor += 8;
    check_int(queue_create(rig.memory, &setup, &queue), -EINVAL);
    setup = rig.setup;
    setup.available += 1;
    check_int(queue_create(rig.memory, &setup, &queue), -EINVAL);
    setup = rig.setup;
    setup.used += 2;
    check_int(queue_create(rig.memory, &setup, &queue), -EINVAL);
    setup = rig.setup;
    setup.used = USER_BASE + REGION - (4 + 8 * RING_SIZE + 2) + 2; /* two bytes over the end */
    setup.used = align_up(setup.used, 4);
    check_int(queue_create(rig.memory, &setup, &queue), -EFAULT);
    setup = rig.setup;
    setup.descriptor = DESCRIPTORS_AT; /* a guest address is not the front end's */
    check_int(queue_create(rig.memory, &setup, &queue), -EFAULT);
    rig_close(&rig);
}

TAP_TEST(event_index_rules)
{
    struct rig rig;
    struct chain *chain;
    char *used_event;
    char *available_event;

    check(rig_open(&rig));
    used_event = rig.ram + AVAILABLE_AT + 4 + (size_t)2 * RING_SIZE;
    available_event = rig.ram + USED_AT + 4 + (size_t)8 * RING_SIZE;
    queue_destroy(take_pointer(rig.queue));
    rig.setup.event_index = true;
    rig.setup.next_available = 0xfffe; /* across the wrap */
    store_le16(rig.ram + AVAILABLE_AT + 2, 0xfffe);
    store_le16(rig.ram + USED_AT + 2, 0xfffe);
    check_int(queue_create(rig.memory, &rig.setup, &rig.queue), 0);
    put(&rig, DESCRIPTORS_AT, 0, (struct vring_desc){DATA_AT, 1, 0, 0});

    check(!queue_enable_kicks(rig.queue, true));
    check_int(load_le16(available_event), 0xfffe);
    store_le16(used_event, 0xffff); /* wants an interrupt when entry 0xffff is used */
    offer(&rig, 0);
    check(queue_enable_kicks(rig.queue, true)); /* one came in meanwhile */
    check_int(queue_pop(rig.queue, &chain), 1);
    queue_push(rig.queue, chain, 0);
    check(!queue_needs_interrupt(rig.queue));
    offer(&rig, 0);
    check_int(queue_pop(rig.queue, &chain), 1);
    queue_push(rig.queue, chain, 0);
    check(queue_needs_interrupt(rig.queue));
    offer(&rig, 0);
    check_int(queue_pop(rig.queue, &chain), 1);
    check_int(queue_next_available(rig.queue), 1);
    queue_push(rig.queue, chain, 0);
    check(!queue_needs_interrupt(rig.queue));
    check_int(used_index(&rig), 1);
    rig_close(&rig);

    check(rig_open(&rig)); /* without the feature: flags */
    put(&rig, DESCRIPTORS_AT, 0, (struct vring_desc){DATA_AT, 1, 0, 0});
    queue_enable_kicks(rig.queue, false);
    check_int(load_le16(rig.ram + USED_AT), VRING_USED_F_NO_NOTIFY);
    queue_enable_kicks(rig.queue, true);
    check_int(load_le16(rig.ram + USED_AT), 0);
    store_le16(rig.ram + AVAILABLE_AT, VRING_AVAIL_F_NO_INTERRUPT);
    offer(&rig, 0);
    check_int(queue_pop(rig.queue, &chain), 1);
    queue_push(rig.queue, chain, 0);
    check(!queue_needs_interrupt(rig.queue));
    rig_close(&rig);
}

TAP_TEST(memory_changes_under_a_queue)
{
    struct rig rig;
    struct chain *kept;
    struct chain *lost;
    struct guest_memory_region regions[2] = {low, high};
    char byte;

    check(rig_open(&rig));
    put(&rig, DESCRIPTORS_AT, 0, (struct vring_desc){DATA_AT, 1, 0, 0});
    put(&rig, DESCRIPTORS_AT, 1, (struct vring_desc){HIGH_BASE, 1, 0, 0});
    offer(&rig, 0);
    offer(&rig, 1);
    check_int(queue_pop(rig.queue, &kept), 1);
    check_int(queue_pop(rig.queue, &lost), 1);
    check_int(guest_memory_replace(rig.memory, regions, (int[]){rig.fd}, 1), 0);
    check_int(queue_memory_changed(rig.queue), 0);
    check_int(chain_read(kept, &byte, 1), 1);
    check_int(chain_read(lost, &byte, 1), 0);
    queue_push(rig.queue, lost, 0);
    check_int(used_index(&rig), 1);
    check_int(guest_memory_replace(rig.memory, &regions[1], (int[]){rig.fd}, 1), 0);
    check_int(queue_memory_changed(rig.queue), -EFAULT);
    check_int(chain_read(kept, &byte, 1), 0);
    queue_push(rig.queue, kept, 0); /* must not touch the ring that is gone */
    check_int(queue_pop(rig.queue, &kept), -EPROTO);
    rig_close(&rig);
}

/* The next request is that one. */
static bool
pops(struct rig *rig, uint16_t head, bool again, struct chain **ret_chain)
{
    return queue_pop(rig->queue, ret_chain) == 1 && (*ret_chain)->head == head &&
           (*ret_chain)->again == again;
}

TAP_TEST(what_is_put_back_was_never_out)
{
    _Alignas(INFLIGHT_ALIGNMENT) char area[1024] = {0};
    struct inflight_queue *inflight = (void *)area;
    struct rig rig;
    struct chain *first;
    struct chain *second;

    check(inflight_queue_size(RING_SIZE) <= sizeof(area));
    check(rig_open(&rig));
    queue_destroy(rig.queue);
    rig.setup.inflight = inflight;
    check_int(queue_create(rig.memory, &rig.setup, &rig.queue), 0);
    for (uint16_t i = 0; i < 3; i++) {
        put(&rig, DESCRIPTORS_AT, i, (struct vring_desc){DATA_AT, 1, 0, 0});
        offer(&rig, i);
    }
    check(pops(&rig, 0, false, &first));
    for (unsigned int i = 0; i < 20; i++) {
        check(pops(&rig, 1, false, &second));
        check_int(inflight->requests[1].taken, 1);
        queue_unpop(rig.queue, second);
        check_int(inflight->requests[1].taken, 0);
    }
    check_int(queue_next_available(rig.queue), 1);
    /* The process dies: the next one has each request once, and only the first one is an old one. */
    queue_destroy(rig.queue);
    check_int(queue_create(rig.memory, &rig.setup, &rig.queue), 0);
    check(pops(&rig, 0, true, &first));
    check(pops(&rig, 1, false, &second));
    queue_push(rig.queue, second, 0);
    queue_push(rig.queue, first, 0);
    check(pops(&rig, 2, false, &first));
    check_int(queue_pop(rig.queue, &second), 0);
    rig_close(&rig);
}

TAP_MAIN(TAP_CASE(regions_are_checked), TAP_CASE(table_is_replaced_as_a_whole),
         TAP_CASE(chain_goes_round), TAP_CASE(pieces_are_taken_for_preadv),
         TAP_CASE(indirect_tables_work), TAP_CASE(broken_chains_stop_the_queue),
         TAP_CASE(indices_are_checked), TAP_CASE(long_chains_have_an_end),
         TAP_CASE(indirect_needs_its_feature), TAP_CASE(rings_are_checked),
         TAP_CASE(event_index_rules), TAP_CASE(memory_changes_under_a_queue),
         TAP_CASE(what_is_put_back_was_never_out))
