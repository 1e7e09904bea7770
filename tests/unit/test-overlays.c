/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a disposable machine writes: into a nameless file, never into the disk, kept over a reboot. */

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/tap.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/memory.h"
#include "vmm/disk/qcow2.h"
#include "vmm/disk/raw.h"
#include "vmm/supervisor/images.h"
#include "vmm/supervisor/overlays.h"

enum {
    SIZE = (1 << 20) + 300, /* a rest that no sector holds */
    GROWN = 4 << 20,
    AT = 70000,
};

static const struct block_config config = {.path = (char *)"disk"};

/* A file of SIZE bytes 0x5a, open for reading only as the supervisor has it, and gone from its folder. */
static int
make_file(void)
{
    char path[] = "/tmp/vitrine-test-overlays-XXXXXX";
    int fd = mkstemp(path);
    int reading = open(path, O_RDONLY | O_CLOEXEC);
    cleanup_free char *bytes = xalloc(SIZE);

    memset(bytes, 0x5a, SIZE);
    if (write(fd, bytes, SIZE) != (ssize_t)SIZE) {
        abort();
    }
    close(fd);
    unlink(path);
    return reading;
}

static struct disk_resource
disk_of(int fd)
{
    return (struct disk_resource){.fd = dup(fd), .size = SIZE, .format = BLOCK_RAW};
}

/* The disk as vmm-block opens it. */
static struct disk *
open_it(const struct disk_resource *resource)
{
    const struct raw_setup raw = {
        .fd = resource->more[0].fd, .size = resource->more[0].size, .read_only = true};
    struct qcow2_setup qcow2 = {.fd = resource->fd};
    struct disk *disk = NULL;
    const char *why = "";

    if (raw_open(&raw, &qcow2.backing) < 0 || qcow2_open(&qcow2, &disk, &why) < 0) {
        printf("# %s\n", why);
        abort();
    }
    return disk;
}

static int
byte_at(struct disk *disk, uint64_t offset)
{
    uint8_t byte = 0;
    const struct iovec iov = {&byte, 1};

    return disk_read(disk, &iov, 1, offset) == 1 ? byte : -1;
}

static int
write_byte(struct disk *disk, uint64_t offset, uint8_t byte)
{
    const struct iovec iov = {&byte, 1};

    return disk_write(disk, &iov, 1, offset) == 1 ? 0 : -1;
}

static int
byte_of_file(int fd, off_t offset)
{
    uint8_t byte = 0;

    return pread(fd, &byte, 1, offset) == 1 ? byte : -1;
}

TAP_TEST(written_beside_the_disk)
{
    struct overlays overlays;
    struct failure failure = {0};
    cleanup_fd int file = make_file();
    struct disk_resource resource = disk_of(file);
    struct disk *disk;
    struct stat st;

    overlays_init(&overlays);
    check_int(overlays_put(&overlays, 0, &config, &resource, &failure), 0);
    check_int(resource.size, SIZE / 512 * 512);
    check_int(resource.format, BLOCK_QCOW2);
    check_int(resource.n_more, 1);
    check(fstat(resource.fd, &st) == 0 && st.st_nlink == 0);
    disk = open_it(&resource);
    check_int(byte_at(disk, AT), 0x5a);
    check_int(write_byte(disk, AT, 7), 0);
    check_int(disk_flush(disk), 0);
    check_int(byte_at(disk, AT), 7);
    check_int(byte_at(disk, AT + 1), 0x5a);
    check_int(byte_of_file(file, AT), 0x5a);
    disk_close(disk);
    images_close(&resource);
    overlays_close(&overlays);
}

TAP_TEST(kept_over_a_reboot)
{
    struct overlays overlays;
    struct failure failure = {0};
    cleanup_fd int file = make_file();
    cleanup_fd int other = make_file();
    struct disk_resource first = disk_of(file);
    struct disk_resource again = disk_of(file);
    struct disk_resource another = disk_of(other);
    struct disk *disk;

    overlays_init(&overlays);
    check_int(overlays_put(&overlays, 1, &config, &first, &failure), 0);
    disk = open_it(&first);
    check_int(write_byte(disk, AT, 7), 0);
    check_int(disk_grow(disk, GROWN), 0);
    check_int(disk_flush(disk), 0);
    disk_close(disk);
    images_close(&first);

    check_int(overlays_put(&overlays, 1, &config, &again, &failure), 0);
    check_int(again.size, GROWN);
    disk = open_it(&again);
    check_int(byte_at(disk, AT), 7);
    disk_close(disk);
    images_close(&again);

    /* The definition names another file now: nothing of the old one shows through. */
    check_int(overlays_put(&overlays, 1, &config, &another, &failure), 0);
    check_int(another.size, SIZE / 512 * 512);
    disk = open_it(&another);
    check_int(byte_at(disk, AT), 0x5a);
    disk_close(disk);
    images_close(&another);
    overlays_close(&overlays);
}

TAP_TEST(no_room)
{
    struct overlays overlays;
    struct failure failure = {0};
    cleanup_fd int file = make_file();
    struct disk_resource resource = disk_of(file);

    overlays_init(&overlays);
    setenv("TMPDIR", "/proc/no-such-folder", 1);
    check_int(overlays_put(&overlays, 0, &config, &resource, &failure), -1);
    check(strstr(failure.sentence, "“/proc/no-such-folder”") && strstr(failure.sentence, "TMPDIR"));
    check_int(resource.n_more, 0);
    unsetenv("TMPDIR");
    images_close(&resource);
    overlays_close(&overlays);
}

TAP_TEST(not_for_composites)
{
    struct overlays overlays;
    struct failure failure = {0};
    struct disk_resource resource = {.fd = -1, .format = BLOCK_COMPOSITE};

    overlays_init(&overlays);
    check_int(overlays_put(&overlays, 0, &config, &resource, &failure), -1);
    check(strstr(failure.sentence, "made of parts"));
    overlays_close(&overlays);
}

TAP_MAIN(TAP_CASE(written_beside_the_disk), TAP_CASE(kept_over_a_reboot), TAP_CASE(no_room),
         TAP_CASE(not_for_composites))
