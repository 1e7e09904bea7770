/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An image that somebody made to do harm, and a guest that uses it: header, tables, counters, data. */

#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "vmm/base/assert.h"
#include "vmm/disk/qcow2.h"

enum {
    CLUSTER_BITS = 12,
    DISK_SIZE = 4 << 20,
    DATA_SIZE = 8192,
};

/* An image of ours, some of whose bytes the input changes; or the input's bytes alone. */
static void
make_image(int fd, struct fuzz_input *input)
{
    const struct qcow2_new new_image = {.size = DISK_SIZE, .cluster_bits = CLUSTER_BITS};
    const uint64_t n = fuzz_take(input, 1) % 24;

    assert(qcow2_create(fd, &new_image) == 0);
    for (uint64_t i = 0; i < n; i++) {
        /* Header, table of counters, counters, L1 table, what follows. */
        const uint64_t where = fuzz_take(input, 1);
        const uint64_t offset = (where % 5 << CLUSTER_BITS) + fuzz_take(input, 1) % 128;
        const uint64_t value =
            where & 0x40 ? fuzz_take(input, 2) << (where & 0x80 ? 52 : 8) : fuzz_take(input, 8);
        const uint64_t bytes = htobe64(value);

        (void)!pwrite(fd, &bytes, where & 0x20 ? 8 : 1, (off_t)offset);
    }
}

static void
use(struct disk *disk, struct fuzz_input *input)
{
    uint8_t data[DATA_SIZE];
    const uint64_t how = fuzz_take(input, 1);
    const uint64_t offset = fuzz_take(input, 2) * 512;
    const uint64_t length = 512 * (1 + fuzz_take(input, 1) % (DATA_SIZE / 512));
    struct iovec iov = {.iov_base = data, .iov_len = (size_t)length};
    ssize_t n = 0;

    memset(data, (int)how, sizeof(data));
    if (!range_inside(offset, length, disk->size)) {
        return;
    }
    switch (how % 8) {
    case 0:
    case 1:
        n = disk_read(disk, &iov, 1, offset);
        break;
    case 2:
    case 3:
    case 4:
        n = disk_write(disk, &iov, 1, offset);
        break;
    case 5:
        (void)disk_discard(disk, offset, length);
        break;
    case 6:
        (void)disk_write_zeroes(disk, offset, length, how & 0x80);
        break;
    default:
        (void)(how & 0x80 ? disk_flush(disk) : disk_grow(disk, disk->size + length * 64));
        break;
    }
    assert(n <= (ssize_t)length);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    const bool whole = fuzz_take(&input, 1) % 16 == 1;
    cleanup_fd int fd = memfd_create("image", MFD_CLOEXEC);
    struct disk *disk = NULL;
    const char *why = NULL;
    off_t end;

    assert(fd >= 0);
    if (whole) {
        (void)!pwrite(fd, input.data, input.size, 0);
        assert(ftruncate(fd, (off_t)(input.size + (64 << 10))) == 0);
    } else {
        make_image(fd, &input);
    }
    const struct qcow2_setup setup = {
        .fd = fd, .sparse = true, .read_only = fuzz_take(&input, 1) % 8 == 7, .cache_bytes = 1};
    if (qcow2_open(&setup, &disk, &why) < 0) {
        assert(why);
        return 0;
    }
    for (unsigned int i = 0; i < 48 && input.size > 0; i++) {
        use(disk, &input);
    }
    disk_close(disk);
    end = lseek(fd, 0, SEEK_END);
    /* Holes where the image says so; what was really written is little. */
    assert(end >= 0);
    return 0;
}
