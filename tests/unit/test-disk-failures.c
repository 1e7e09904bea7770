/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Disks whose host fails half way: nothing is lost from the file, and nothing more is taken of it. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "tests/unit/tap.h"
#include "vmm/disk/qcow2-private.h"
#include "vmm/disk/raw.h"

enum {
    CLUSTER = 4096,
    BLOCK_ENTRIES = 2048,  /* clusters that a block of counters counts */
    SECOND = 2048 + 100,   /* cluster of the second block */
    FIRST_FREE = 2048 - 6, /* of a run that both blocks count */
    RUN = 16,
    REFCOUNT_TABLE = 1, /* clusters of qcow2_create() */
};

/* Writes beyond this byte of any file fail: EFBIG. */
static bool
limit_files(uint64_t size)
{
    struct rlimit limit;

    signal(SIGXFSZ, SIG_IGN);
    if (getrlimit(RLIMIT_FSIZE, &limit) < 0) {
        return false;
    }
    limit.rlim_cur = size ? size : limit.rlim_max;
    return setrlimit(RLIMIT_FSIZE, &limit) == 0;
}

/* With a second block of counters, as other programs put them: not where what it counts begins. */
static int
make_image(void)
{
    const struct qcow2_new new_image = {.size = 64 << 20, .cluster_bits = 12};
    const uint64_t at = (uint64_t)SECOND * CLUSTER;
    const int fd = memfd_create("image", MFD_CLOEXEC);
    uint8_t entry[8];
    uint8_t one[2] = {0, 1};

    store_be64(entry, at);
    if (fd < 0 || qcow2_create(fd, &new_image) < 0 || ftruncate(fd, (off_t)at + CLUSTER) < 0 ||
        pwrite(fd, entry, 8, REFCOUNT_TABLE * CLUSTER + 8) != 8 ||
        pwrite(fd, one, 2, (off_t)at + (off_t)(SECOND - BLOCK_ENTRIES) * 2) != 2) {
        return -1;
    }
    return fd;
}

TAP_TEST(counters_go_back_when_a_block_cannot_be_written)
{
    const struct qcow2_setup setup = {.fd = make_image()};
    struct disk *disk = NULL;
    struct qcow2 *image;
    const char *why = "";
    uint64_t offset = 0;
    uint64_t n = 0;

    check_int(qcow2_open(&setup, &disk, &why), 0);
    image = (struct qcow2 *)disk;
    image->free_hint = FIRST_FREE;
    check(limit_files((uint64_t)SECOND * CLUSTER));
    for (int i = 0; i < 3; i++) { /* as a request that is tried again */
        check_int(qcow2_allocate(image, RUN, true, &offset, &n), -EFBIG);
    }
    check(limit_files(0));
    check_int(qcow2_allocate(image, RUN, true, &offset, &n), 0);
    check_int(offset, (uint64_t)FIRST_FREE * CLUSTER);
    check_int(n, RUN);
    disk_close(disk);
    close(setup.fd);
}

/* A longer table in another place, for which there is room to be counted and none to be written. */
TAP_TEST(clusters_of_a_table_that_cannot_be_written_are_free_again)
{
    const struct qcow2_setup setup = {.fd = make_image()};
    const uint64_t large = UINT64_C(64) << 30;
    struct disk *disk = NULL;
    struct qcow2 *image;
    const char *why = "";

    check_int(qcow2_open(&setup, &disk, &why), 0);
    image = (struct qcow2 *)disk;
    image->free_hint = 1000;
    check(limit_files(UINT64_C(900) * CLUSTER));
    check_int(disk_grow(disk, large), -EFBIG);
    check(disk->size == 64 << 20);
    check(limit_files(0));
    check_int(disk_grow(disk, large), 0);
    check_int(image->l1_offset, UINT64_C(1000) * CLUSTER);
    disk_close(disk);
    close(setup.fd);
}

/* Such a file system: as much as there is room for, then an error. */
/* NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): for the one below */
static off_t room;

int
fallocate(int fd, int mode, off_t offset, off_t len)
{
    if (mode == 0 && len > room) {
        errno = ftruncate(fd, offset + room) < 0 ? EIO : ENOSPC;
        return -1;
    }
    return mode == 0 ? ftruncate(fd, offset + len) : 0;
}

/* NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): for the one below */
static bool syncs_fail;

int
/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): a reserved one there */
fdatasync(int fd)
{
    errno = EIO;
    return syncs_fail ? -1 : fsync(fd);
}

/* All is written, and none of it is known to be on the disk. */
TAP_TEST(clusters_of_a_table_that_is_not_on_the_disk_are_free_again)
{
    const struct qcow2_setup setup = {.fd = make_image()};
    const uint64_t large = UINT64_C(64) << 30;
    struct disk *disk = NULL;
    struct qcow2 *image;
    const char *why = "";

    check_int(qcow2_open(&setup, &disk, &why), 0);
    image = (struct qcow2 *)disk;
    check_int(disk_grow(disk, UINT64_C(128) << 20), 0);
    image->free_hint = 1000;
    syncs_fail = true;
    for (int i = 0; i < 3; i++) {
        check_int(disk_grow(disk, large), -EIO);
    }
    check(disk->size == 128 << 20);
    syncs_fail = false;
    check_int(disk_grow(disk, large), 0);
    check_int(image->l1_offset, UINT64_C(1000) * CLUSTER);
    disk_close(disk);
    close(setup.fd);
}

static off_t
size_of(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 ? status.st_size : -1;
}

TAP_TEST(a_raw_file_is_as_long_as_before)
{
    const int fd = memfd_create("disk", MFD_CLOEXEC);
    const struct raw_setup setup = {.fd = fd, .size = 1 << 20};
    struct disk *disk = NULL;

    check_int(ftruncate(fd, (1 << 20) + 512), 0); /* the end is no whole block of the guest's */
    check_int(raw_open(&setup, &disk), 0);
    room = 1 << 20;
    check_int(disk_grow(disk, 8 << 20), -ENOSPC);
    check_int(size_of(fd), (1 << 20) + 512);
    check(disk->size == 1 << 20);
    room = 8 << 20;
    check_int(disk_grow(disk, 8 << 20), 0);
    check_int(size_of(fd), 8 << 20);
    room = 0;
    check_int(disk_grow(disk, 16 << 20), -ENOSPC);
    check_int(size_of(fd), 8 << 20);
    disk_close(disk);
    close(fd);
}

TAP_MAIN(TAP_CASE(counters_go_back_when_a_block_cannot_be_written),
         TAP_CASE(clusters_of_a_table_that_cannot_be_written_are_free_again),
         TAP_CASE(clusters_of_a_table_that_is_not_on_the_disk_are_free_again),
         TAP_CASE(a_raw_file_is_as_long_as_before))
