/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <sys/mman.h>

#include "tests/unit/tap.h"
#include "vmm/base/bytes.h"
#include "vmm/disk/composite-spec.h"
#include "vmm/disk/composite.h"
#include "vmm/disk/gpt.h"
#include "vmm/disk/raw.h"

enum {
    ROOM = 8192,
    FIRST = 1000, /* no whole sectors: parts may end anywhere */
    SECOND = 3000,
    THIRD = 4192,
    FROM = 512, /* of the second part in its file */
};

/* Fields of a message. */
#define MAGIC            "composite_disk\x1d"
#define NUMBER(field, n) (char)((field) << 3), (char)(n)
#define PART(...)        0x12, (char)sizeof((char[]){__VA_ARGS__}), __VA_ARGS__
#define NAMED(...)       0x0a, 1, 'a' __VA_OPT__(, ) __VA_ARGS__

/* What composite_spec_read() says of bytes behind the magic: NULL when it takes them. */
static const char *
said_of(const char *message, size_t size, struct composite_spec *ret_spec)
{
    uint8_t bytes[256] = MAGIC;
    const char *why = "";

    memcpy(bytes + 15, message, size);
    return composite_spec_read(bytes, 15 + size, ret_spec, &why) < 0 ? why : NULL;
}

#define check_said(expected, ...)                                         \
    do {                                                                  \
        static struct composite_spec said_spec;                           \
        const char bytes[] = {__VA_ARGS__};                               \
        const char *said_why = said_of(bytes, sizeof(bytes), &said_spec); \
        check_str(said_why ? said_why : "it is taken", expected);         \
    } while (0)

TAP_TEST(what_was_written_is_read)
{
    static struct composite_spec spec = {.length = 1 << 20, .n_parts = 3};
    static struct composite_spec again;
    uint8_t bytes[ROOM];
    const char *why = "";
    size_t size;

    for (size_t i = 0; i < 3; i++) {
        snprintf(spec.part[i].path, sizeof(spec.part[i].path), "folder/part-%zu.img", i);
        spec.part[i].offset = i * 300000;
        spec.part[i].length = i == 2 ? (1 << 20) - 600000 : 300000;
        spec.part[i].writable = i == 1;
        spec.part[i].file_offset = i * 77;
    }
    size = composite_spec_write(&spec, bytes, sizeof(bytes));
    check(size > 15 && composite_magic(bytes, size));
    check_int(composite_spec_read(bytes, size, &again, &why), 0);
    check(again.length == spec.length && again.n_parts == 3);
    for (size_t i = 0; i < 3; i++) {
        check_str(again.part[i].path, spec.part[i].path);
        check_int(again.part[i].offset, spec.part[i].offset);
        check_int(again.part[i].length, spec.part[i].length);
        check_int(again.part[i].file_offset, spec.part[i].file_offset);
        check_int(again.part[i].writable, spec.part[i].writable);
    }
    for (size_t cut = 15; cut < size; cut++) { /* the length stands last */
        check(composite_spec_read(bytes, cut, &again, &why) < 0);
    }
    check_int(composite_spec_write(&spec, bytes, size - 1), 0);
}

TAP_TEST(a_damaged_file_is_refused)
{
    static struct composite_spec spec;
    const char *why = "";

    check_int(composite_spec_read((const uint8_t *)"composite_disk", 14, &spec, &why), -EINVAL);
    check_str(why, "it does not begin as a composite disk does");
    check_said("it is taken", PART(NAMED()), NUMBER(3, 9));
    check_said("it has no parts", NUMBER(1, 2), NUMBER(3, 9));
    check_said("its version is newer than 2", NUMBER(1, 3), PART(NAMED()), NUMBER(3, 9));
    check_said("one of its parts has no name", PART(NUMBER(2, 0)), NUMBER(3, 9));
    check_said("one of its parts has no name", PART(0x0a, 0), NUMBER(3, 9));
    check_said("the name of one of its parts holds control characters", PART(0x0a, 1, '\n'));
    check_said("the name of one of its parts holds control characters", PART(0x0a, 2, 'a', 0));
    check_said("one of its parts may be neither read nor written", PART(NAMED(NUMBER(3, 2))));
    check_said("none of its parts is at its beginning", PART(NAMED(NUMBER(2, 1))), NUMBER(3, 9));
    check_said("two of its parts begin at the same place", PART(NAMED()), PART(NAMED()),
               NUMBER(3, 9));
    check_said("it ends before its last part", PART(NAMED()), PART(NAMED(NUMBER(2, 9))),
               NUMBER(3, 9));
    check_said("it ends before its last part", PART(NAMED()));
    check_said("its length makes no sense", PART(NAMED()), 0x18, -1, -1, -1, -1, -1, -1, -1, -1, -1,
               1);
    check_said("the place of a part in its file makes no sense",
               PART(NAMED(0x20, -1, -1, -1, -1, -1, -1, -1, -1, -1, 1)), NUMBER(3, 9));
    /* Numbers of more than 64 bits, fields without a number or of another kind, lengths behind the end. */
    check_said("it is damaged", 0x18, -1, -1, -1, -1, -1, -1, -1, -1, -1, 2);
    check_said("it is damaged", 0x18, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 1);
    check_said("it is damaged", 0, 0);
    check_said("it is damaged", NUMBER(2, 9));
    check_said("it is damaged", 0x12, 5, 0x0a, 1, 'a');
    check_said("it is damaged", PART(0x0a, 9, 'a'));
    check_said("it is damaged", PART(NAMED(0x12, 0)));
    check_said("it is damaged", 0x0b, 0x0c);
    check_said("it is damaged", 0x0f);
}

TAP_TEST(unknown_fields_are_skipped_and_order_does_not_matter)
{
    static struct composite_spec spec;
    const char bytes[] = {NUMBER(3, 100),
                          0x29,
                          1,
                          2,
                          3,
                          4,
                          5,
                          6,
                          7,
                          8,
                          0x2d,
                          1,
                          2,
                          3,
                          4,
                          0x32,
                          2,
                          9,
                          9,
                          PART(0x0a, 1, 'b', NUMBER(2, 40), NUMBER(3, 1), NUMBER(9, 9)),
                          PART(NAMED(NUMBER(3, 1), NUMBER(3, 0)))};

    check(said_of(bytes, sizeof(bytes), &spec) == NULL);
    check_int(spec.n_parts, 2);
    check_str(spec.part[0].path, "a");
    check(!spec.part[0].writable && spec.part[0].length == 40); /* the last of a field counts */
    check_str(spec.part[1].path, "b");
    check(spec.part[1].writable && spec.part[1].length == 60);
}

TAP_TEST(too_much_is_refused)
{
    static struct composite_spec spec;
    static uint8_t bytes[COMPOSITE_SPEC_BYTES_MAX + 1] = MAGIC;
    const char *why = "";
    size_t size = 15;

    for (int i = 0; i < COMPOSITE_PARTS_MAX + 1; i++) {
        const char part[] = {PART(NAMED(NUMBER(2, i)))};

        memcpy(bytes + size, part, sizeof(part));
        size += sizeof(part);
    }
    check_int(composite_spec_read(bytes, size, &spec, &why), -EOPNOTSUPP);
    check_str(why, "it has more than 24 parts");
    check_int(composite_spec_read(bytes, sizeof(bytes), &spec, &why), -EOPNOTSUPP);
    check_str(why, "it is longer than 64 KiB");
    size = 15;
    memcpy(bytes + size, (const uint8_t[]){0x12, 0x83, 0x08, 0x0a, 0x80, 0x08}, 6);
    memset(bytes + size + 6, 'n', 1024);
    check_int(composite_spec_read(bytes, size + 6 + 1024, &spec, &why), -EOPNOTSUPP);
    check_str(why, "the name of one of its parts is too long");
}

/* A disk of three files: the second can be written. */
struct rig {
    int fd[3];
    struct disk *disk;
};

static bool
set_up(struct rig *rig)
{
    static const uint64_t length[3] = {FIRST, SECOND, THIRD};
    struct composite_slice slice[3];

    for (int i = 0; i < 3; i++) {
        const uint64_t from = i == 1 ? FROM : 0;
        struct raw_setup raw = {.size = from + length[i], .read_only = i != 1, .sparse = true};

        rig->fd[i] = memfd_create("part", MFD_CLOEXEC);
        if (rig->fd[i] < 0 || ftruncate(rig->fd[i], (off_t)raw.size + 5000) < 0) {
            return false;
        }
        raw.fd = rig->fd[i];
        slice[i] = (struct composite_slice){.from = from, .length = length[i], .read_only = i != 1};
        if (raw_open(&raw, &slice[i].disk) < 0) {
            return false;
        }
    }
    return composite_open(slice, 3, &rig->disk) == 0;
}

static void
tear_down(struct rig *rig)
{
    disk_close(rig->disk);
    for (int i = 0; i < 3; i++) {
        close(rig->fd[i]);
    }
}

/* Bytes of one request; the disk may stop where a part ends. */
static ssize_t
move(struct rig *rig, bool write, uint8_t *data, size_t size, uint64_t offset)
{
    struct iovec iov[2] = {{data, size / 3}, {data + size / 3, size - size / 3}};

    return write ? disk_write(rig->disk, iov, 2, offset) : disk_read(rig->disk, iov, 2, offset);
}

TAP_TEST(parts_are_one_disk)
{
    struct rig rig;
    uint8_t data[ROOM];

    check(set_up(&rig));
    check_int(rig.disk->size, FIRST + SECOND + THIRD);
    check(pwrite(rig.fd[0], "end", 3, FIRST - 3) == 3 && pwrite(rig.fd[1], "begin", 5, FROM) == 5);
    check(pwrite(rig.fd[1], "behind", 6, FROM + SECOND) == 6);
    check_int(move(&rig, false, data, 100, FIRST - 3), 3);
    check(memcmp(data, "end", 3) == 0);
    check_int(move(&rig, false, data, 100, FIRST), 100);
    check(memcmp(data, "begin", 5) == 0);
    check_int(move(&rig, false, data, ROOM, FIRST + SECOND - 1), 1);
    check_int(move(&rig, false, data, ROOM, FIRST + SECOND), THIRD);
    check_int(data[0], 0); /* not what lies behind the second part in its file */
    check_int(move(&rig, false, data, 1, FIRST + SECOND + THIRD), -EINVAL);
    tear_down(&rig);
}

TAP_TEST(what_is_read_only_stays)
{
    struct rig rig;
    uint8_t data[ROOM];
    uint8_t behind[4];

    check(set_up(&rig));
    memset(data, 7, sizeof(data));
    check_int(move(&rig, true, data, 10, FIRST - 10), -EROFS);
    check_int(move(&rig, true, data, 10, FIRST + SECOND), -EROFS);
    check_int(move(&rig, true, data, ROOM, FIRST), SECOND);
    check(pread(rig.fd[1], behind, 4, FROM + SECOND - 2) == 4);
    check(behind[1] == 7 && behind[2] == 0);
    check(pread(rig.fd[1], behind, 4, FROM - 2) == 4 && behind[1] == 0 && behind[2] == 7);
    check_int(disk_write_zeroes(rig.disk, FIRST, 512, false), 0);
    check_int(disk_write_zeroes(rig.disk, FIRST + SECOND - 100, 200, false), -EROFS);
    check_int(disk_write_zeroes(rig.disk, 0, 10, false), -EROFS);
    check_int(move(&rig, false, data, 513, FIRST), 513);
    check(data[0] == 0 && data[511] == 0 && data[512] == 7);
    check(pwrite(rig.fd[0], "kept", 4, 0) == 4);
    check_int(disk_discard(rig.disk, 0, rig.disk->size), 0);
    check_int(move(&rig, false, data, 4, 0), 4);
    check(memcmp(data, "kept", 4) == 0);
    check_int(disk_discard(rig.disk, 1, rig.disk->size), -EINVAL);
    check_int(disk_write_zeroes(rig.disk, UINT64_MAX, 2, false), -EINVAL);
    check_int(disk_grow(rig.disk, 1 << 20), -EMEDIUMTYPE);
    tear_down(&rig);
}

/* A disk that only counts its flushes. */
struct counter {
    struct disk disk;
    int flushes;
    int answer;
};

static int
count_flush(struct disk *disk)
{
    struct counter *counter = (struct counter *)disk;

    counter->flushes++;
    return counter->answer;
}

static ssize_t
take_write(struct disk *disk, const struct iovec *iov, size_t n, uint64_t offset)
{
    return n > 0 ? (ssize_t)iov[0].iov_len : 0;
}

static void
forget(struct disk *disk)
{
}

TAP_TEST(a_flush_reaches_every_part_that_was_written)
{
    static const struct disk_ops ops = {.write = take_write, .flush = count_flush, .close = forget};
    struct counter counter[3];
    struct composite_slice slice[3];
    struct rig rig;
    uint8_t data[10] = {0};

    for (int i = 0; i < 3; i++) {
        counter[i] = (struct counter){.disk = {.ops = &ops, .size = 100}};
        slice[i] = (struct composite_slice){.disk = &counter[i].disk, .length = 100};
    }
    check_int(composite_open(slice, 3, &rig.disk), 0);
    check_int(disk_flush(rig.disk), 0);
    check_int(counter[0].flushes + counter[1].flushes + counter[2].flushes, 0);
    check(move(&rig, true, data, 10, 50) > 0 && move(&rig, true, data, 10, 250) > 0);
    counter[0].answer = -EIO;
    check_int(disk_flush(rig.disk), -EIO); /* the others all the same */
    check(counter[0].flushes == 1 && counter[1].flushes == 0 && counter[2].flushes == 1);
    counter[0].answer = 0;
    check_int(disk_flush(rig.disk), 0); /* what failed is tried again */
    check(counter[0].flushes == 2 && counter[2].flushes == 1);
    /* Who tries again after this would be told that all is well. */
    check(move(&rig, true, data, 10, 50) > 0 && move(&rig, true, data, 10, 250) > 0);
    counter[0].answer = -ENOSPC;
    counter[2].answer = -DISK_BYTES_LOST;
    check_int(disk_flush(rig.disk), -DISK_BYTES_LOST);
    disk_close(rig.disk);
}

TAP_TEST(slices_have_to_be_inside_of_their_disks)
{
    static const struct disk_ops ops = {.close = forget};
    struct disk whole = {.ops = &ops, .size = 100};
    struct disk *disk = NULL;
    struct composite_slice slice[COMPOSITE_DISKS_MAX + 1];

    for (size_t i = 0; i < COMPOSITE_DISKS_MAX + 1; i++) {
        slice[i] = (struct composite_slice){.disk = &whole, .length = 1};
    }
    check_int(composite_open(slice, 0, &disk), -EINVAL);
    check_int(composite_open(slice, COMPOSITE_DISKS_MAX + 1, &disk), -EINVAL);
    slice[0].length = 0;
    check_int(composite_open(slice, 1, &disk), -EINVAL);
    slice[0] = (struct composite_slice){.disk = &whole, .from = 1, .length = 100};
    check_int(composite_open(slice, 1, &disk), -EINVAL);
    slice[0] = (struct composite_slice){.disk = &whole, .from = UINT64_MAX, .length = 2};
    check_int(composite_open(slice, 1, &disk), -EINVAL);
    whole.size = INT64_MAX;
    slice[0] = (struct composite_slice){.disk = &whole, .length = INT64_MAX};
    check_int(composite_open(slice, 2, &disk), -EINVAL);
}

TAP_TEST(guids_are_read_in_the_order_of_the_table)
{
    static const uint8_t expected[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 0xfe};
    uint8_t guid[16] = {0};

    check(gpt_guid_from_text("00010203-0405-0607-0809-0a0b0C0D0EfE", guid));
    check(memcmp(guid, expected, sizeof(guid)) == 0);
    check(!gpt_guid_from_text("", guid));
    check(!gpt_guid_from_text("00010203-0405-0607-0809-0a0b0C0D0EfEa", guid));
    check(!gpt_guid_from_text("00010203x0405-0607-0809-0a0b0C0D0EfE", guid));
    check(!gpt_guid_from_text("00010203-0405-0607-0809-0a0b0C0D0EfG", guid));
    check(!gpt_guid_from_text("00010203-0405-0607-08-090a0b0C0D0EfE", guid));
}

TAP_MAIN(TAP_CASE(what_was_written_is_read), TAP_CASE(a_damaged_file_is_refused),
         TAP_CASE(unknown_fields_are_skipped_and_order_does_not_matter),
         TAP_CASE(too_much_is_refused), TAP_CASE(parts_are_one_disk),
         TAP_CASE(what_is_read_only_stays), TAP_CASE(a_flush_reaches_every_part_that_was_written),
         TAP_CASE(slices_have_to_be_inside_of_their_disks),
         TAP_CASE(guids_are_read_in_the_order_of_the_table))
