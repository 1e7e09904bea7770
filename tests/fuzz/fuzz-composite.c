/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The file of a composite disk that somebody made to do harm, and a guest that uses what it says. */

#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "vmm/base/assert.h"
#include "vmm/base/memory.h"
#include "vmm/disk/composite-spec.h"
#include "vmm/disk/composite.h"
#include "vmm/disk/raw.h"

enum {
    DISK_MAX = 1 << 20,
    DATA_SIZE = 8192,
    USES_MAX = 32,
    MAGIC_SIZE = 15,
};

/* What the reader promises of what it takes; and written again it is the same. */
static void
check_spec(const struct composite_spec *spec)
{
    cleanup_free struct composite_spec *again = xalloc(sizeof(*again));
    cleanup_free uint8_t *bytes = xalloc(COMPOSITE_SPEC_BYTES_MAX);
    size_t size = composite_spec_write(spec, bytes, COMPOSITE_SPEC_BYTES_MAX);
    uint64_t end = 0;
    const char *why = NULL;

    assert(spec->n_parts > 0 && spec->n_parts <= COMPOSITE_PARTS_MAX && spec->length <= INT64_MAX);
    for (size_t i = 0; i < spec->n_parts; i++) {
        const struct composite_part *part = &spec->part[i];

        assert(part->offset == end && part->length > 0 && part->path[0]);
        assert(strlen(part->path) < COMPOSITE_NAME_SIZE);
        assert(part->file_offset + part->length <= INT64_MAX);
        end += part->length;
    }
    assert(end == spec->length);
    assert(size > 0 && composite_spec_read(bytes, size, again, &why) == 0);
    assert(again->n_parts == spec->n_parts && again->length == spec->length);
    assert(memcmp(again->part, spec->part, spec->n_parts * sizeof(spec->part[0])) == 0);
}

static void
use(struct disk *disk, struct fuzz_input *input)
{
    uint8_t data[DATA_SIZE] = {0};
    const uint64_t how = fuzz_take(input, 1);
    const uint64_t offset = fuzz_take(input, 3);
    const uint64_t length = 1 + fuzz_take(input, 2) % DATA_SIZE;
    struct iovec iov[2] = {
        {.iov_base = data, .iov_len = (size_t)length / 2},
        {.iov_base = data + length / 2, .iov_len = (size_t)(length - length / 2)}};
    ssize_t n = 0;

    switch (how % 5) {
    case 0:
        n = disk_read(disk, iov, 2, offset);
        break;
    case 1:
        n = disk_write(disk, iov, 2, offset);
        break;
    case 2:
        (void)disk_discard(disk, offset, length);
        break;
    case 3:
        (void)disk_write_zeroes(disk, offset, length, how & 0x80);
        break;
    default:
        (void)disk_flush(disk);
        break;
    }
    assert(n <= (ssize_t)length && (n != 0 || how % 5 > 1));
}

/* Every part in the same file, which is as long as the farthest of them. */
static void
use_disk(const struct composite_spec *spec, struct fuzz_input *input)
{
    cleanup_fd int fd = memfd_create("parts", MFD_CLOEXEC);
    struct composite_slice slice[COMPOSITE_PARTS_MAX] = {0};
    struct disk *disk = NULL;

    for (size_t i = 0; i < spec->n_parts; i++) {
        const struct composite_part *part = &spec->part[i];
        const struct raw_setup raw = {.fd = fd,
                                      .size = part->file_offset + part->length,
                                      .read_only = !part->writable,
                                      .sparse = true};

        assert(ftruncate(fd, INT64_MAX) == 0 && raw_open(&raw, &slice[i].disk) == 0);
        slice[i].from = part->file_offset;
        slice[i].length = part->length;
        slice[i].read_only = !part->writable;
    }
    assert(composite_open(slice, spec->n_parts, &disk) == 0);
    assert(disk->size == spec->length);
    for (unsigned int i = 0; i < USES_MAX && input->size > 0; i++) {
        use(disk, input);
    }
    disk_close(disk);
}

/* Two bytes say how much of the input is the message. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    const size_t wanted = (size_t)fuzz_take(&input, 2);
    const size_t message = MIN_OF(wanted, input.size);
    cleanup_free struct composite_spec *spec = xalloc(sizeof(*spec));
    cleanup_free uint8_t *bytes = xalloc(MAGIC_SIZE + message);
    const char *why = NULL;
    int r;

    memcpy(bytes, "composite_disk\x1d", MAGIC_SIZE);
    memcpy(bytes + MAGIC_SIZE, input.data, message);
    input.data += message;
    input.size -= message;
    r = composite_spec_read(bytes, MAGIC_SIZE + message, spec, &why);
    assert((r < 0) == (why != NULL));
    if (r == 0) {
        check_spec(spec);
    }
    if (r == 0 && spec->length <= DISK_MAX) {
        use_disk(spec, &input);
    }
    return 0;
}
