/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <pthread.h>

#include "tests/unit/tap.h"
#include "vmm/machine/bus.h"

struct recorder {
    uint64_t offset;
    unsigned int size;
    uint64_t value;
    unsigned int reads;
};

static uint64_t
record_read(void *data, uint64_t offset, unsigned int size)
{
    struct recorder *recorder = data;

    recorder->offset = offset;
    recorder->size = size;
    recorder->reads++;
    return UINT64_C(0x1122334455667788);
}

static void
record_write(void *data, uint64_t offset, unsigned int size, uint64_t value)
{
    struct recorder *recorder = data;

    *recorder = (struct recorder){.offset = offset, .size = size, .value = value};
}

static const struct vm_range_ops ops = {.read = record_read, .write = record_write};

static int
claim(struct bus *bus, uint64_t start, uint64_t length, struct recorder *recorder)
{
    return bus_add(
        bus, &(struct bus_claim){
                 .start = start, .length = length, .name = "test", .ops = &ops, .data = recorder});
}

TAP_TEST(reads_and_writes)
{
    struct recorder recorder = {0};
    struct bus bus;

    bus_init(&bus, "test");
    check_int(claim(&bus, 0x100, 0x10, &recorder), 0);
    check_int(bus_read(&bus, 0x104, 2), 0x7788);
    check_int(recorder.offset, 4);
    bus_write(&bus, 0x10f, 1, 0x1ff);
    check_int(recorder.offset, 15);
    check_int(recorder.value, 0xff);
    check(bus_read(&bus, 0x100, 8) == UINT64_C(0x1122334455667788));
    bus_finish(&bus);
}

TAP_TEST(holes_read_as_ones)
{
    struct recorder recorder = {0};
    struct bus bus;

    bus_init(&bus, "test");
    check_int(claim(&bus, 0x100, 0x10, &recorder), 0);
    check_int(bus_read(&bus, 0xff, 1), 0xff);
    check_int(bus_read(&bus, 0x110, 4), 0xffffffff);
    check_int(bus_read(&bus, 0x10e, 4), 0xffffffff); /* crosses the end */
    check_int(bus_read(&bus, 0xfe, 4), 0xffffffff);  /* crosses the start */
    check(bus_read(&bus, UINT64_MAX, 8) == UINT64_MAX);
    bus_write(&bus, 0x10e, 4, 1);
    check_int(recorder.reads, 0);
    bus_finish(&bus);
}

TAP_TEST(overlaps_are_refused)
{
    struct recorder recorder = {0};
    struct bus bus;

    bus_init(&bus, "test");
    check_int(claim(&bus, 0x100, 0x100, &recorder), 0);
    check_int(claim(&bus, 0x300, 0x100, &recorder), 0);
    check_int(claim(&bus, 0x1ff, 1, &recorder), -EEXIST);
    check_int(claim(&bus, 0x80, 0x81, &recorder), -EEXIST);
    check_int(claim(&bus, 0x80, 0x1000, &recorder), -EEXIST);
    check_int(claim(&bus, 0x200, 0x101, &recorder), -EEXIST);
    check_int(claim(&bus, 0x200, 0x100, &recorder), 0);
    check_int(claim(&bus, 0x1000, 0, &recorder), -EINVAL);
    check_int(claim(&bus, UINT64_MAX, 2, &recorder), -EINVAL);
    check_int(claim(&bus, UINT64_MAX, 1, &recorder), 0);
    check_int(bus_remove(&bus, 0x200), 0);
    check_int(bus_remove(&bus, 0x200), -ENOENT);
    check_int(bus_remove(&bus, 0x101), -ENOENT);
    check_int(bus_read(&bus, 0x200, 1), 0xff);
    check_int(bus_read(&bus, 0x300, 1), 0x88);
    bus_finish(&bus);
}

/* One thread reads a range all the time while another takes it away and puts it back. */
struct race {
    struct bus bus;
    bool stop;          /* atomic */
    bool touched_after; /* atomic: a handler ran after bus_remove() */
    bool present;       /* atomic */
};

static uint64_t
race_read(void *data, uint64_t offset, unsigned int size)
{
    struct race *race = data;

    for (int i = 0; i < 100; i++) {
        if (!__atomic_load_n(&race->present, __ATOMIC_SEQ_CST)) {
            __atomic_store_n(&race->touched_after, true, __ATOMIC_SEQ_CST);
        }
    }
    return 0;
}

static void
race_write(void *data, uint64_t offset, unsigned int size, uint64_t value)
{
}

static const struct vm_range_ops race_ops = {.read = race_read, .write = race_write};

static void *
race_reader(void *data)
{
    struct race *race = data;

    while (!__atomic_load_n(&race->stop, __ATOMIC_SEQ_CST)) {
        bus_read(&race->bus, 0x10, 1);
    }
    return NULL;
}

TAP_TEST(removal_waits_for_accesses)
{
    struct race race = {0};
    const struct bus_claim range = {
        .start = 0x10, .length = 1, .name = "race", .ops = &race_ops, .data = &race};
    pthread_t readers[2];

    bus_init(&race.bus, "race");
    for (size_t i = 0; i < 2; i++) {
        check_int(pthread_create(&readers[i], NULL, race_reader, &race), 0);
    }
    for (int i = 0; i < 2000; i++) {
        __atomic_store_n(&race.present, true, __ATOMIC_SEQ_CST);
        check_int(bus_add(&race.bus, &range), 0);
        check_int(bus_remove(&race.bus, 0x10), 0);
        __atomic_store_n(&race.present, false, __ATOMIC_SEQ_CST);
    }
    __atomic_store_n(&race.stop, true, __ATOMIC_SEQ_CST);
    for (size_t i = 0; i < 2; i++) {
        pthread_join(readers[i], NULL);
    }
    check(!race.touched_after);
    bus_finish(&race.bus);
}

TAP_MAIN(TAP_CASE(reads_and_writes), TAP_CASE(holes_read_as_ones), TAP_CASE(overlaps_are_refused),
         TAP_CASE(removal_waits_for_accesses))
