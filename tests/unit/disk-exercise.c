/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Random requests to an image, each of them done to a raw shadow of it too, and compared:
 *
 *     disk-exercise SEED N SHADOW FORMAT:IMAGE [FORMAT:BACKING...]
 *
 * N requests, then all of the disk is read. N = "forever": prints a line for each flush and goes on
 * until it is killed; the shadow is then that of the last flush or later. N = "grow": makes the disk
 * half as long again first. Status 0, or 1 with a sentence.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "vmm/base/bytes.h"
#include "vmm/disk/qcow2.h"
#include "vmm/disk/raw.h"

enum {
    LENGTH_MAX = 300 << 10,
    CACHE_BYTES = 64 << 10, /* few tables, so that they come and go */
};

/* Nothing here outlives this computer: a killed process loses nothing of what it wrote. */
int
/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): it begins with “__” there */
fdatasync(int fildes)
{
    (void)fildes;
    return 0;
}

struct exercise {
    struct disk *disk;
    int shadow;
    uint64_t random;
    bool forever;
    uint8_t data[LENGTH_MAX];
    uint8_t expected[LENGTH_MAX];
};

static void
give_up(const char *what, uint64_t offset, int r)
{
    printf("%s at %llu: %s\n", what, (unsigned long long)offset, strerror(-r));
    exit(1);
}

static uint64_t
next(struct exercise *exercise)
{
    exercise->random ^= exercise->random << 13;
    exercise->random ^= exercise->random >> 7;
    exercise->random ^= exercise->random << 17;
    return exercise->random;
}

static struct disk *
open_chain(char **files, int n)
{
    struct disk *behind = n > 1 ? open_chain(files + 1, n - 1) : NULL;
    const bool is_qcow2 = strncmp(files[0], "qcow2:", 6) == 0;
    const bool read_only = strstr(files[0], ":ro:") != NULL;
    const char *path = strrchr(files[0], ':') + 1;
    int fd = open(path, read_only ? O_RDONLY : O_RDWR);
    struct disk *disk = NULL;
    const char *why = "";
    struct stat st;
    int r = fd < 0 || fstat(fd, &st) < 0 ? -errno : 0;

    if (r == 0 && is_qcow2) {
        const struct qcow2_setup setup = {.fd = fd,
                                          .read_only = read_only,
                                          .sparse = true,
                                          .backing = behind,
                                          .cache_bytes = CACHE_BYTES};
        r = qcow2_open(&setup, &disk, &why);
    } else if (r == 0) {
        const struct raw_setup setup = {
            .fd = fd, .size = (uint64_t)st.st_size, .read_only = read_only};
        r = raw_open(&setup, &disk);
    }
    if (r < 0) {
        printf("%s: %s %s\n", path, why, strerror(-r));
        exit(1);
    }
    return disk;
}

static void
read_disk(struct exercise *exercise, uint64_t offset, uint64_t length)
{
    for (uint64_t done = 0; done < length;) {
        /* Two segments, as a guest's buffers are. */
        const uint64_t left = length - done;
        const size_t first = (size_t)(left > 700 ? 700 : left);
        struct iovec iov[2] = {
            {.iov_base = exercise->data + done, .iov_len = first},
            {.iov_base = exercise->data + done + first, .iov_len = (size_t)left - first},
        };
        ssize_t n = disk_read(exercise->disk, iov, 2, offset + done);

        if (n <= 0) {
            give_up("read", offset + done, (int)n);
        }
        done += (uint64_t)n;
    }
}

static void
compare(struct exercise *exercise, uint64_t offset, uint64_t length)
{
    memset(exercise->expected, 0, length);
    (void)!pread(exercise->shadow, exercise->expected, length, (off_t)offset);
    read_disk(exercise, offset, length);
    for (uint64_t i = 0; i < length; i++) {
        if (exercise->data[i] != exercise->expected[i]) {
            printf("byte %llu is %u, not %u\n", (unsigned long long)(offset + i), exercise->data[i],
                   exercise->expected[i]);
            exit(1);
        }
    }
}

static void
write_disk(struct exercise *exercise, uint64_t offset, uint64_t length)
{
    const uint8_t value = (uint8_t)(next(exercise) | 1);

    for (uint64_t i = 0; i < length; i++) {
        exercise->data[i] = (uint8_t)(value + i / 512);
    }
    if (pwrite(exercise->shadow, exercise->data, length, (off_t)offset) != (ssize_t)length) {
        give_up("shadow", offset, -errno);
    }
    for (uint64_t done = 0; done < length;) {
        struct iovec iov = {.iov_base = exercise->data + done, .iov_len = (size_t)(length - done)};
        ssize_t n = disk_write(exercise->disk, &iov, 1, offset + done);

        if (n <= 0) {
            give_up("write", offset + done, (int)n);
        }
        done += (uint64_t)n;
    }
}

static void
clear_disk(struct exercise *exercise, uint64_t offset, uint64_t length, bool discard)
{
    int r = discard ? disk_discard(exercise->disk, offset, length)
                    : disk_write_zeroes(exercise->disk, offset, length, next(exercise) & 1);

    if (r < 0) {
        give_up(discard ? "discard" : "zeroes", offset, r);
    }
    for (uint64_t done = 0; done < length;) {
        const uint64_t n = MIN_OF(length - done, (uint64_t)LENGTH_MAX);

        memset(exercise->data, 0, n);
        if (discard) { /* whatever it holds now is right */
            read_disk(exercise, offset + done, n);
        }
        if (pwrite(exercise->shadow, exercise->data, n, (off_t)(offset + done)) != (ssize_t)n) {
            give_up("shadow", offset, -errno);
        }
        done += n;
    }
}

static void
request(struct exercise *exercise)
{
    const uint64_t sectors = exercise->disk->size / 512;
    const uint64_t kind = next(exercise) % 100;
    uint64_t offset = next(exercise) % sectors * 512;
    uint64_t length =
        (next(exercise) % 8 == 0 ? next(exercise) % LENGTH_MAX : next(exercise) % 9000);

    if (next(exercise) % 4) { /* near each other, so that tables fill */
        offset %= MIN_OF(exercise->disk->size, UINT64_C(6) << 20);
    }
    length = MIN_OF(align_up(length + 1, 512), exercise->disk->size - offset);
    length = MIN_OF(length, (uint64_t)LENGTH_MAX / 512 * 512);
    if (kind < 50) {
        write_disk(exercise, offset, length);
    } else if (kind < 80) {
        compare(exercise, offset, length);
    } else if (kind < 94) {
        const uint64_t longer = length * (1 + next(exercise) % 16);

        length = MIN_OF(longer, exercise->disk->size - offset);
        clear_disk(exercise, offset, length, kind < 87);
    } else {
        int r = disk_flush(exercise->disk);

        if (r < 0) {
            give_up("flush", 0, r);
        }
        if (exercise->forever) {
            puts("flushed");
            fflush(stdout);
        }
    }
}

int
main(int argc, char **argv)
{
    static struct exercise exercise;
    uint64_t n;

    if (argc < 5) {
        return 2;
    }
    exercise.random = strtoull(argv[1], NULL, 10) * UINT64_C(0x9e3779b97f4a7c15) + 1;
    exercise.forever = strcmp(argv[2], "forever") == 0;
    exercise.disk = open_chain(argv + 4, argc - 4);
    exercise.shadow = open(argv[3], O_RDWR);
    if (exercise.shadow < 0) {
        give_up("open", 0, -errno);
    }
    if (strcmp(argv[2], "grow") == 0) {
        const uint64_t size = align_up(exercise.disk->size * 3 / 2, 512);
        int r = disk_grow(exercise.disk, size);

        if (r < 0 || ftruncate(exercise.shadow, (off_t)size) < 0) {
            give_up("grow", size, r);
        }
    }
    n = exercise.forever ? UINT64_MAX : strtoull(argv[2], NULL, 10);
    for (uint64_t i = 0; i < n; i++) {
        request(&exercise);
    }
    for (uint64_t offset = 0; offset < exercise.disk->size; offset += LENGTH_MAX) {
        compare(&exercise, offset, MIN_OF(exercise.disk->size - offset, (uint64_t)LENGTH_MAX));
    }
    disk_close(exercise.disk);
    return 0;
}
