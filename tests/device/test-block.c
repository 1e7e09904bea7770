/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fakes/fake-frontend.h"
#include "tests/unit/tap.h"
#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"

#define BIT(n) (UINT64_C(1) << (n))

enum {
    DISK_SIZE = 8 << 20,
    HEADER_AT = FAKE_DATA_AT,
    STATUS_AT = FAKE_DATA_AT + 64,
    DATA_AT = FAKE_DATA_AT + 4096,
    NO_STATUS = 0xee,
};

struct disk {
    struct fake fake;
    int fd;
};

static int
make_file(int flags)
{
    char path[] = "/var/tmp/vitrine-disk-XXXXXX";
    int fd = mkstemp(path);
    int again = open(path, flags | O_CLOEXEC);

    unlink(path);
    if (fd < 0 || again < 0) {
        return -1;
    }
    for (int i = 0; i < DISK_SIZE / 4096; i++) {
        uint8_t page[4096];
        memset(page, i % 251 + 1, sizeof(page));
        if (pwrite(fd, page, sizeof(page), (off_t)i * 4096) != sizeof(page)) {
            return -1;
        }
    }
    fsync(fd);
    close(fd);
    return again;
}

static bool
start(struct disk *disk, uint32_t flags, uint64_t accept)
{
    struct block_setup setup = {
        .disk_fd = FAKE_FD_MORE,
        .flags = flags,
        .size = DISK_SIZE + 100, /* a rest that the guest must not see: the file gets it too */
        .block_size = 512,
        .serial = "disk-serial-20-bytes",
    };
    struct stat st;

    memset(disk, 0, sizeof(*disk));
    disk->fd = make_file(flags & BLOCK_READ_ONLY ? O_RDONLY : O_RDWR);
    if (disk->fd < 0 || fstat(disk->fd, &st) < 0) {
        return false;
    }
    if (flags & BLOCK_READ_ONLY) {
        setup.size = DISK_SIZE;
    } else if (ftruncate(disk->fd, DISK_SIZE + 100) < 0) {
        return false;
    }
    if (!fake_start(&disk->fake, "VMM_BLOCK", &setup, sizeof(setup), (int[]){disk->fd, -1})) {
        return false;
    }
    disk->fake.accept = accept;
    return fake_open(&disk->fake, 1);
}

static int
end(struct disk *disk)
{
    close(disk->fd);
    return fake_end(&disk->fake);
}

/* One request with `size` bytes at DATA_AT; returns its status, or -1 when it was not answered. */
static int
request(struct disk *disk, uint32_t type, uint64_t sector, uint32_t size)
{
    const bool to_guest = type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_GET_ID;
    uint8_t *header = fake_ram(&disk->fake, HEADER_AT);
    uint8_t *status = fake_ram(&disk->fake, STATUS_AT);
    /* Split in odd places: nothing says that segments end where sectors do. */
    uint32_t first = size > 100 ? 100 : size;
    const struct fake_segment segments[] = {
        {HEADER_AT, 16, false},
        {DATA_AT, first, to_guest},
        {DATA_AT + first, size - first, to_guest},
        {STATUS_AT, 1, true},
    };

    store_le32(header, type);
    store_le32(header + 4, 0);
    store_le64(header + 8, sector);
    *status = NO_STATUS;
    return fake_request(&disk->fake, 0, segments, 4) < 0 ? -1 : *status;
}

static int
range_request(struct disk *disk, uint32_t type, uint64_t sector, uint32_t n, uint32_t flags)
{
    uint8_t *range = fake_ram(&disk->fake, DATA_AT);

    store_le64(range, sector);
    store_le32(range + 8, n);
    store_le32(range + 12, flags);
    return request(disk, type, 0, 16);
}

TAP_TEST(config_tells_the_limits)
{
    struct disk disk;
    struct virtio_blk_config config;
    uint8_t large[256];

    check(start(&disk, BLOCK_SPARSE, UINT64_MAX));
    check(fake_get_config(&disk.fake, 0, &config, sizeof(config)));
    check_int(load_le64(&config.capacity), DISK_SIZE / 512);
    check_int(load_le32(&config.blk_size), 512);
    check(load_le32(&config.seg_max) >= 64);
    check(load_le32(&config.max_discard_sectors) > 0 && load_le32(&config.max_discard_seg) > 0);
    check(load_le32(&config.max_write_zeroes_sectors) > 0);
    check_int(config.write_zeroes_may_unmap, 1);
    check(disk.fake.features & BIT(VIRTIO_BLK_F_FLUSH));
    check(disk.fake.features & BIT(VIRTIO_BLK_F_DISCARD));
    check(!(disk.fake.features & (BIT(VIRTIO_BLK_F_RO) | BIT(VIRTIO_BLK_F_CONFIG_WCE))));
    check(fake_get_config(&disk.fake, 0, large, sizeof(large))); /* more than there is: zeros */
    check_int(large[255], 0);
    check_int(fake_set_config(&disk.fake, 32, "\1", 1), 1);
    check_int(end(&disk), 0);
}

TAP_TEST(reads_and_writes)
{
    struct disk disk;
    uint8_t *data;
    uint8_t page[4096];

    check(start(&disk, 0, UINT64_MAX));
    data = fake_ram(&disk.fake, DATA_AT);
    check_int(request(&disk, VIRTIO_BLK_T_IN, 8, 8192), VIRTIO_BLK_S_OK);
    check_int(data[0], 2);
    check_int(data[4095], 2);
    check_int(data[4096], 3);
    check_int(data[8192], 0);
    memset(data, 0x77, 2 << 20);
    check_int(request(&disk, VIRTIO_BLK_T_OUT, 2048, 2 << 20), VIRTIO_BLK_S_OK);
    check_int(request(&disk, VIRTIO_BLK_T_FLUSH, 0, 0), VIRTIO_BLK_S_OK);
    check_int(pread(disk.fd, page, 4096, (off_t)2048 * 512), 4096);
    check(page[0] == 0x77 && page[4095] == 0x77);
    check_int(pread(disk.fd, page, 4096, (off_t)2048 * 512 + (2 << 20)), 4096);
    check(page[0] != 0x77);
    check_int(pread(disk.fd, page, 4096, (off_t)2048 * 512 - 4096), 4096);
    check(page[4095] != 0x77);
    /* The last sector, and nothing behind it. */
    check_int(request(&disk, VIRTIO_BLK_T_IN, DISK_SIZE / 512 - 1, 512), VIRTIO_BLK_S_OK);
    check_int(request(&disk, VIRTIO_BLK_T_IN, 0, 0), VIRTIO_BLK_S_OK);
    check_int(end(&disk), 0);
}

TAP_TEST(bad_places_are_errors)
{
    struct disk disk;
    struct stat st;
    const uint64_t sectors = DISK_SIZE / 512;

    check(start(&disk, 0, UINT64_MAX));
    for (uint32_t type = VIRTIO_BLK_T_IN; type <= VIRTIO_BLK_T_OUT; type++) {
        check_int(request(&disk, type, sectors, 512), VIRTIO_BLK_S_IOERR);
        check_int(request(&disk, type, sectors - 1, 1024), VIRTIO_BLK_S_IOERR);
        check_int(request(&disk, type, UINT64_MAX, 512), VIRTIO_BLK_S_IOERR);
        check_int(request(&disk, type, UINT64_MAX / 512 + 1, 512), VIRTIO_BLK_S_IOERR);
        check_int(request(&disk, type, 0, 511), VIRTIO_BLK_S_IOERR);
        check_int(request(&disk, type, 0, 1), VIRTIO_BLK_S_IOERR);
    }
    check_int(fstat(disk.fd, &st), 0);
    check_int(st.st_size, DISK_SIZE + 100);
    check_int(end(&disk), 0);
}

TAP_TEST(odd_chains_are_answered)
{
    struct disk disk;
    uint8_t *status;

    check(start(&disk, 0, UINT64_MAX));
    status = fake_ram(&disk.fake, STATUS_AT);
    memset(fake_ram(&disk.fake, HEADER_AT), 0, 16);
    *status = NO_STATUS;
    /* A header that is too short, no room for a status, nothing at all, a split header. */
    check_int(fake_request(&disk.fake, 0,
                           (struct fake_segment[]){{HEADER_AT, 15, false}, {STATUS_AT, 1, true}},
                           2),
              1);
    check_int(*status, VIRTIO_BLK_S_IOERR);
    check_int(fake_request(&disk.fake, 0, &(struct fake_segment){HEADER_AT, 16, false}, 1), 0);
    check_int(fake_request(&disk.fake, 0, &(struct fake_segment){HEADER_AT, 0, false}, 1), 0);
    check_int(fake_request(&disk.fake, 0,
                           (struct fake_segment[]){{HEADER_AT, 3, false},
                                                   {HEADER_AT + 3, 13, false},
                                                   {DATA_AT, 512, true},
                                                   {STATUS_AT, 1, true}},
                           4),
              513);
    check_int(*status, VIRTIO_BLK_S_OK);
    /* SCSI passthrough, the obsolete barrier, secure erase, zones, and nonsense. */
    const uint32_t types[] = {2, 3, 5, 9, 10, 12, 14, 15, 16, 17, 24, 0x80000000, 0xffffffff};
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        check_int(request(&disk, types[i], 0, 512), VIRTIO_BLK_S_UNSUPP);
    }
    check_int(end(&disk), 0);
}

TAP_TEST(id_is_the_serial)
{
    struct disk disk;

    check(start(&disk, 0, UINT64_MAX));
    check_int(request(&disk, VIRTIO_BLK_T_GET_ID, 0, 20), VIRTIO_BLK_S_OK);
    check(memcmp(fake_ram(&disk.fake, DATA_AT), "disk-serial-20-bytes", 20) == 0);
    memset(fake_ram(&disk.fake, DATA_AT), 0, 20);
    check_int(request(&disk, VIRTIO_BLK_T_GET_ID, 0, 4), VIRTIO_BLK_S_OK);
    check(memcmp(fake_ram(&disk.fake, DATA_AT), "disk\0", 5) == 0);
    check_int(end(&disk), 0);
}

TAP_TEST(read_only_disks_refuse_writes)
{
    struct disk disk;

    check(start(&disk, BLOCK_READ_ONLY | BLOCK_SPARSE, UINT64_MAX));
    check(disk.fake.features & BIT(VIRTIO_BLK_F_RO));
    check(!(disk.fake.features & (BIT(VIRTIO_BLK_F_DISCARD) | BIT(VIRTIO_BLK_F_WRITE_ZEROES))));
    check_int(request(&disk, VIRTIO_BLK_T_IN, 0, 512), VIRTIO_BLK_S_OK);
    check_int(request(&disk, VIRTIO_BLK_T_OUT, 0, 512), VIRTIO_BLK_S_IOERR);
    check_int(range_request(&disk, VIRTIO_BLK_T_DISCARD, 0, 8, 0), VIRTIO_BLK_S_UNSUPP);
    check_int(range_request(&disk, VIRTIO_BLK_T_WRITE_ZEROES, 0, 8, 0), VIRTIO_BLK_S_UNSUPP);
    check_int(request(&disk, VIRTIO_BLK_T_FLUSH, 0, 0), VIRTIO_BLK_S_OK);
    check_int(end(&disk), 0);
}

TAP_TEST(a_writable_disk_needs_a_writable_file)
{
    struct block_setup setup = {.disk_fd = FAKE_FD_MORE, .size = DISK_SIZE, .block_size = 512};
    struct fake fake;
    int fd = make_file(O_RDONLY);

    check(!fake_start(&fake, "VMM_BLOCK", &setup, sizeof(setup), (int[]){fd, -1}));
    check_int(fake_wait_exit(&fake), 1);
    setup.flags = BLOCK_READ_ONLY;
    setup.size = DISK_SIZE + 1; /* the file is shorter */
    setup.size = align_up(setup.size, 512);
    check(!fake_start(&fake, "VMM_BLOCK", &setup, sizeof(setup), (int[]){fd, -1}));
    check_int(fake_wait_exit(&fake), 1);
    setup.size = DISK_SIZE;
    setup.block_size = 513;
    check(!fake_start(&fake, "VMM_BLOCK", &setup, sizeof(setup), (int[]){fd, -1}));
    check_int(fake_wait_exit(&fake), 1);
    close(fd);
}

enum {
    PART_ONE = (1 << 20) - 100, /* read-only; no whole sectors */
    PART_TWO = 1 << 20,         /* from byte 8192 of its file on */
    PART_TWO_FROM = 8192,
    PARTS = PART_ONE + PART_TWO + 612, /* then the beginning of the first file once more */
};

static bool
start_composite(struct disk *disk, int first, int second, uint32_t flags)
{
    struct block_setup setup = {
        .disk_fd = -1, .flags = flags, .format = BLOCK_COMPOSITE, .n_more = 3};

    setup.size = PARTS;
    setup.block_size = 512;
    setup.more[0] = (struct block_file){.fd = FAKE_FD_MORE, .read_only = 1, .size = PART_ONE};
    setup.more[1] =
        (struct block_file){.fd = FAKE_FD_MORE + 1, .size = PART_TWO, .offset = PART_TWO_FROM};
    setup.more[2] = (struct block_file){.fd = FAKE_FD_MORE, .read_only = 1, .size = 612};
    memset(disk, 0, sizeof(*disk));
    disk->fd = second;
    if (!fake_start(&disk->fake, "VMM_BLOCK", &setup, sizeof(setup), (int[]){first, second})) {
        return false;
    }
    disk->fake.accept = UINT64_MAX;
    return fake_open(&disk->fake, 1);
}

TAP_TEST(a_composite_disk_is_its_parts)
{
    const uint64_t border = PART_ONE / 512; /* the sector that both parts share */
    int first = make_file(O_RDONLY);
    int second = make_file(O_RDWR);
    struct disk disk;
    const uint8_t *data;
    uint8_t page[4096];

    check(start_composite(&disk, first, second, BLOCK_SPARSE));
    data = fake_ram(&disk.fake, DATA_AT);
    check_int(request(&disk, VIRTIO_BLK_T_IN, border - 1, 2048), VIRTIO_BLK_S_OK);
    check(data[0] == 4 + 1 && data[512 + 411] == 4 + 1);    /* page 255 of the first file */
    check(data[512 + 412] == 2 + 1 && data[2047] == 2 + 1); /* page 2 of the second */
    check_int(request(&disk, VIRTIO_BLK_T_IN, PARTS / 512 - 2, 1024), VIRTIO_BLK_S_OK);
    check_int(data[1023], 1);
    check_int(request(&disk, VIRTIO_BLK_T_IN, PARTS / 512, 512), VIRTIO_BLK_S_IOERR);

    memset(fake_ram(&disk.fake, DATA_AT), 0x77, 4096);
    check_int(request(&disk, VIRTIO_BLK_T_OUT, 0, 512), VIRTIO_BLK_S_IOERR);
    check_int(request(&disk, VIRTIO_BLK_T_OUT, border, 512), VIRTIO_BLK_S_IOERR);
    check_int(request(&disk, VIRTIO_BLK_T_OUT, border + 1, 4096), VIRTIO_BLK_S_OK);
    check_int(request(&disk, VIRTIO_BLK_T_FLUSH, 0, 0), VIRTIO_BLK_S_OK);
    check(pread(second, page, sizeof(page), PART_TWO_FROM) == sizeof(page));
    check(page[99] == 2 + 1 && page[100] == 0x77 && page[4095] == 0x77);
    check(pread(first, page, sizeof(page), (off_t)255 * 4096) == sizeof(page) &&
          page[4095] == 4 + 1);
    check_int(range_request(&disk, VIRTIO_BLK_T_WRITE_ZEROES, border + 1, 8, 0), VIRTIO_BLK_S_OK);
    check(pread(second, page, sizeof(page), PART_TWO_FROM) == sizeof(page));
    check(page[99] == 2 + 1 && page[100] == 0 && page[4095] == 0);
    check_int(range_request(&disk, VIRTIO_BLK_T_WRITE_ZEROES, 0, 8, 0), VIRTIO_BLK_S_IOERR);
    check_int(fake_end(&disk.fake), 0);

    check(start_composite(&disk, first, second, BLOCK_READ_ONLY));
    check(disk.fake.features & BIT(VIRTIO_BLK_F_RO));
    check_int(request(&disk, VIRTIO_BLK_T_OUT, border + 1, 512), VIRTIO_BLK_S_IOERR);
    check_int(fake_end(&disk.fake), 0);
    close(first);
    close(second);
}

TAP_TEST(a_composite_disk_that_cannot_be_is_refused)
{
    struct block_setup setup = {.disk_fd = -1,
                                .format = BLOCK_COMPOSITE,
                                .n_more = 1,
                                .size = DISK_SIZE,
                                .block_size = 512};
    int fd = make_file(O_RDWR);
    struct fake fake;

    setup.more[0] = (struct block_file){.fd = FAKE_FD_MORE, .size = DISK_SIZE, .offset = 1};
    check(!fake_start(&fake, "VMM_BLOCK", &setup, sizeof(setup), (int[]){fd, -1}));
    check_int(fake_wait_exit(&fake), 1);
    setup.more[0].offset = UINT64_MAX;
    check(!fake_start(&fake, "VMM_BLOCK", &setup, sizeof(setup), (int[]){fd, -1}));
    check_int(fake_wait_exit(&fake), 1);
    setup.more[0] =
        (struct block_file){.fd = FAKE_FD_MORE, .size = DISK_SIZE, .format = BLOCK_COMPOSITE};
    check(!fake_start(&fake, "VMM_BLOCK", &setup, sizeof(setup), (int[]){fd, -1}));
    check_int(fake_wait_exit(&fake), 1);
    setup.n_more = 0;
    check(!fake_start(&fake, "VMM_BLOCK", &setup, sizeof(setup), (int[]){fd, -1}));
    check_int(fake_wait_exit(&fake), 1);
    setup.n_more = BLOCK_FILES_MAX + 1;
    check(!fake_start(&fake, "VMM_BLOCK", &setup, sizeof(setup), (int[]){fd, -1}));
    check_int(fake_wait_exit(&fake), 1);
    close(fd);
}

/* Punching holes may cost the file system a block or two for its own lists. */
#define FREED(before, disk, n) ((before)-blocks(disk) <= (n) && (before)-blocks(disk) >= (n)-64)

static blkcnt_t
blocks(const struct disk *disk)
{
    struct stat st;

    return fstat(disk->fd, &st) == 0 ? st.st_blocks : -1;
}

static bool
all_zero(const struct disk *disk, uint64_t offset, size_t size)
{
    static const uint8_t zeroes[4096];
    uint8_t page[4096];

    for (size_t done = 0; done < size; done += sizeof(page)) {
        if (pread(disk->fd, page, sizeof(page), (off_t)(offset + done)) != sizeof(page) ||
            memcmp(page, zeroes, sizeof(page)) != 0) {
            return false;
        }
    }
    return true;
}

TAP_TEST(discard_gives_blocks_back)
{
    struct disk disk;
    blkcnt_t before;

    check(start(&disk, BLOCK_SPARSE, UINT64_MAX));
    before = blocks(&disk);
    check_int(range_request(&disk, VIRTIO_BLK_T_DISCARD, 2048, 2048, 0), VIRTIO_BLK_S_OK);
    check(FREED(before, &disk, 2048));
    check_int(range_request(&disk, VIRTIO_BLK_T_DISCARD, 0, 8, 1), VIRTIO_BLK_S_UNSUPP);
    check_int(range_request(&disk, VIRTIO_BLK_T_DISCARD, DISK_SIZE / 512, 1, 0),
              VIRTIO_BLK_S_IOERR);
    check_int(range_request(&disk, VIRTIO_BLK_T_DISCARD, UINT64_MAX, 2, 0), VIRTIO_BLK_S_IOERR);
    check_int(range_request(&disk, VIRTIO_BLK_T_DISCARD, 0, UINT32_MAX, 0), VIRTIO_BLK_S_IOERR);
    check_int(request(&disk, VIRTIO_BLK_T_DISCARD, 0, 15), VIRTIO_BLK_S_IOERR);
    check_int(request(&disk, VIRTIO_BLK_T_DISCARD, 0, 0), VIRTIO_BLK_S_IOERR);
    check_int(request(&disk, VIRTIO_BLK_T_DISCARD, 0, 65 * 16), VIRTIO_BLK_S_IOERR);
    memset(fake_ram(&disk.fake, DATA_AT), 0, (size_t)64 * 16);
    check_int(request(&disk, VIRTIO_BLK_T_DISCARD, 0, 64 * 16), VIRTIO_BLK_S_OK);
    check(FREED(before, &disk, 2048));
    check_int(end(&disk), 0);

    check(start(&disk, 0, UINT64_MAX)); /* holes not wanted: a discard does nothing */
    before = blocks(&disk);
    check_int(range_request(&disk, VIRTIO_BLK_T_DISCARD, 2048, 2048, 0), VIRTIO_BLK_S_OK);
    check_int(before - blocks(&disk), 0);
    check_int(end(&disk), 0);
}

TAP_TEST(write_zeroes_writes_zeroes)
{
    struct disk disk;
    blkcnt_t before;

    check(start(&disk, BLOCK_SPARSE, UINT64_MAX));
    before = blocks(&disk);
    check_int(range_request(&disk, VIRTIO_BLK_T_WRITE_ZEROES, 16, 160, 0), VIRTIO_BLK_S_OK);
    check(all_zero(&disk, UINT64_C(16) * 512, (size_t)160 * 512));
    check(!all_zero(&disk, 0, 4096) && !all_zero(&disk, UINT64_C(176) * 512, 4096));
    check_int(range_request(&disk, VIRTIO_BLK_T_WRITE_ZEROES, 4096, 2048, 1), VIRTIO_BLK_S_OK);
    check(all_zero(&disk, UINT64_C(4096) * 512, (size_t)2048 * 512));
    check(FREED(before, &disk, 2048));
    check_int(range_request(&disk, VIRTIO_BLK_T_WRITE_ZEROES, 0, 8, 2), VIRTIO_BLK_S_UNSUPP);
    check_int(range_request(&disk, VIRTIO_BLK_T_WRITE_ZEROES, 0, 1 << 16, 0), VIRTIO_BLK_S_IOERR);
    check_int(end(&disk), 0);
}

TAP_TEST(without_flush_it_is_write_through)
{
    struct disk disk;

    check(start(&disk, 0, ~BIT(VIRTIO_BLK_F_FLUSH)));
    memset(fake_ram(&disk.fake, DATA_AT), 0x42, 4096);
    check_int(request(&disk, VIRTIO_BLK_T_OUT, 0, 4096), VIRTIO_BLK_S_OK);
    check_int(request(&disk, VIRTIO_BLK_T_IN, 0, 4096), VIRTIO_BLK_S_OK);
    check_int(*(uint8_t *)fake_ram(&disk.fake, DATA_AT), 0x42);
    check_int(end(&disk), 0);
}

TAP_TEST(a_full_ring_is_served_in_turns)
{
    struct disk disk;
    uint8_t *header;
    uint16_t head;
    uint32_t written;
    uint64_t capacity;

    check(start(&disk, 0, UINT64_MAX));
    header = fake_ram(&disk.fake, HEADER_AT);
    memset(header, 0, 16);
    for (unsigned int i = 0; i < FAKE_QUEUE_SIZE / 3; i++) {
        fake_offer(&disk.fake, 0,
                   (struct fake_segment[]){
                       {HEADER_AT, 16, false}, {DATA_AT, 2 << 20, true}, {STATUS_AT + i, 1, true}},
                   3);
    }
    fake_kick(&disk.fake, 0);
    /* The socket is served in between. */
    check(fake_get_config(&disk.fake, 0, &capacity, 8));
    for (unsigned int i = 0; i < FAKE_QUEUE_SIZE / 3; i++) {
        check(fake_wait(&disk.fake, 0, &head, &written));
        check_int(head, i * 3);
        check_int(written, (2 << 20) + 1);
    }
    check_int(end(&disk), 0);
}

/* A file system of 1 MiB in a mount namespace of our own; -1 where the host refuses that. */
static int
make_small_file_system(char *folder)
{
    bool alone = unshare(CLONE_NEWNS) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0;

    if (!alone || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || !mkdtemp(folder)) {
        return -1;
    }
    return mount("small", folder, "tmpfs", 0, "size=1m");
}

/* The last case: this process has another mount namespace afterwards. */
TAP_TEST(a_full_host_is_an_error_and_one_line)
{
    struct block_setup setup = {
        .disk_fd = FAKE_FD_MORE, .flags = BLOCK_SPARSE, .size = DISK_SIZE, .block_size = 512};
    struct disk disk = {.fd = -1};
    char folder[] = "/tmp/vitrine-small-XXXXXX";
    char path[64];
    char log[4096] = {0};
    int pipe_fds[2];
    int saved = dup(STDERR_FILENO);

    if (make_small_file_system(folder) < 0) {
        printf("# no mount namespace here: not tested\n");
        return;
    }
    snprintf(path, sizeof(path), "%s/disk", folder);
    disk.fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    check_int(ftruncate(disk.fd, DISK_SIZE), 0);
    check_int(pipe2(pipe_fds, O_CLOEXEC), 0);
    dup2(pipe_fds[1], STDERR_FILENO);
    close(pipe_fds[1]);
    bool started = fake_start(&disk.fake, "VMM_BLOCK", &setup, sizeof(setup), (int[]){disk.fd, -1});
    dup2(saved, STDERR_FILENO);
    close(saved);
    check(started);
    disk.fake.accept = UINT64_MAX;
    check(fake_open(&disk.fake, 1));
    check_int(request(&disk, VIRTIO_BLK_T_OUT, 0, 512 << 10), VIRTIO_BLK_S_OK);
    check_int(request(&disk, VIRTIO_BLK_T_OUT, 2048, 2 << 20), VIRTIO_BLK_S_IOERR);
    check_int(request(&disk, VIRTIO_BLK_T_OUT, 8192, 4096), VIRTIO_BLK_S_IOERR);
    check_int(range_request(&disk, VIRTIO_BLK_T_DISCARD, 0, 8192, 0), VIRTIO_BLK_S_OK);
    check_int(request(&disk, VIRTIO_BLK_T_OUT, 8192, 4096), VIRTIO_BLK_S_OK);
    check_int(end(&disk), 0);
    check(read(pipe_fds[0], log, sizeof(log) - 1) > 0);
    close(pipe_fds[0]);
    check(strncmp(log, "<3>disk-full: ", strlen("<3>disk-full: ")) == 0);
    check_str(strchr(log, '\n'), "\n"); /* one line */
    umount(folder);
    rmdir(folder);
}

TAP_MAIN(TAP_CASE(config_tells_the_limits), TAP_CASE(reads_and_writes),
         TAP_CASE(bad_places_are_errors), TAP_CASE(odd_chains_are_answered),
         TAP_CASE(id_is_the_serial), TAP_CASE(read_only_disks_refuse_writes),
         TAP_CASE(a_writable_disk_needs_a_writable_file), TAP_CASE(discard_gives_blocks_back),
         TAP_CASE(write_zeroes_writes_zeroes), TAP_CASE(without_flush_it_is_write_through),
         TAP_CASE(a_composite_disk_is_its_parts),
         TAP_CASE(a_composite_disk_that_cannot_be_is_refused),
         TAP_CASE(a_full_ring_is_served_in_turns), TAP_CASE(a_full_host_is_an_error_and_one_line))
