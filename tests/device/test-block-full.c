/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A host without room, BLOCK_WAITS_FOR_ROOM: the real vmm-block on a file system of 4 MiB, which is full
 * until a file that takes the rest of it is made shorter. And one whose fdatasync() finds none.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/virtio_blk.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tests/fakes/fake-frontend.h"
#include "tests/unit/tap.h"
#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/message.h"
#include "vmm/disk/qcow2.h"

enum {
    DISK_SIZE = 64 << 20,
    HEADERS_AT = FAKE_DATA_AT,
    STATUS_AT = FAKE_DATA_AT + 2048,
    DATA_AT = FAKE_DATA_AT + 4096,
    NO_STATUS = 0xee,
    SIZE = 256 << 10, /* of each write */
    SLOTS = 8,
    QUIET_MS = 150,
};

struct rig {
    struct fake fake;
    int fd[2];   /* of the image; of a second part, or -1 */
    int rest_fd; /* takes what room is left */
};

/* NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): mkdtemp() fills it in */
static char folder[] = "/tmp/vitrine-full-XXXXXX";

/* In a mount namespace of our own; false where the host refuses that. */
static bool
mount_small(void)
{
    static int state; /* 0: not tried yet, 1: there, 2: refused */

    if (state == 0) {
        const bool alone = unshare(CLONE_NEWNS) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0;

        state = alone && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
                        mkdtemp(folder) && mount("small", folder, "tmpfs", 0, "size=4m") == 0
                    ? 1
                    : 2;
    }
    if (state == 2) {
        printf("# no mount namespace here: not tested\n");
    }
    return state == 1;
}

static int
make_file(const char *name)
{
    char path[64];
    int fd;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    unlink(path);
    return fd;
}

static void
fill(const struct rig *disk)
{
    static const char page[4096] = {1};
    off_t end = lseek(disk->rest_fd, 0, SEEK_END);

    while (pwrite(disk->rest_fd, page, sizeof(page), end) > 0) {
        end += (off_t)sizeof(page);
    }
}

static void
make_room(const struct rig *disk)
{
    if (ftruncate(disk->rest_fd, 0) < 0) {
        abort();
    }
}

/* Without its rings. */
static bool
begin(struct rig *disk, uint32_t format, uint32_t flags)
{
    const struct qcow2_new image = {.size = DISK_SIZE, .cluster_bits = 16};
    struct block_setup setup = {
        .disk_fd = format == BLOCK_COMPOSITE ? -1 : FAKE_FD_MORE,
        .format = format,
        .flags = flags | BLOCK_SPARSE,
        .size = DISK_SIZE,
        .block_size = 512,
    };

    *disk = (struct rig){.fd = {make_file("disk"), -1}, .rest_fd = make_file("rest")};
    if (format == BLOCK_QCOW2 ? qcow2_create(disk->fd[0], &image) < 0
                              : ftruncate(disk->fd[0], DISK_SIZE) < 0) {
        return false;
    }
    if (format == BLOCK_COMPOSITE) {
        disk->fd[1] = make_file("second");
        setup.n_more = 2;
        for (uint32_t i = 0; i < 2; i++) { /* the border of both is in the first request */
            setup.more[i] = (struct block_file){.fd = FAKE_FD_MORE + (int)i,
                                                .offset = 4096,
                                                .size = i == 0 ? 4096 : DISK_SIZE - 4096};
        }
        if (ftruncate(disk->fd[1], DISK_SIZE) < 0) {
            return false;
        }
    }
    return fake_start(&disk->fake, "VMM_BLOCK", &setup, sizeof(setup), disk->fd);
}

static bool
start(struct rig *disk, uint32_t format, uint32_t flags)
{
    if (!begin(disk, format, flags)) {
        return false;
    }
    disk->fake.accept = UINT64_MAX;
    return fake_open(&disk->fake, 1);
}

static int
end(struct rig *disk)
{
    int status = fake_end(&disk->fake);

    close(disk->fd[0]);
    if (disk->fd[1] >= 0) {
        close(disk->fd[1]);
    }
    close(disk->rest_fd);
    return status;
}

static uint8_t *
status_of(struct rig *disk, unsigned int slot)
{
    return (uint8_t *)fake_ram(&disk->fake, STATUS_AT) + slot;
}

/* A request of SIZE bytes, the slot-th on the disk too; it is not waited for. */
static uint16_t
offer(struct rig *disk, unsigned int slot, uint32_t type)
{
    const uint64_t header_at = HEADERS_AT + (uint64_t)slot * 16;
    uint8_t *header = fake_ram(&disk->fake, header_at);
    const struct fake_segment segments[] = {
        {header_at, 16, false},
        {DATA_AT + (uint64_t)slot * SIZE, type == VIRTIO_BLK_T_FLUSH ? 0 : SIZE,
         type == VIRTIO_BLK_T_IN},
        {STATUS_AT + slot, 1, true},
    };
    uint16_t head;

    store_le32(header, type);
    store_le32(header + 4, 0);
    store_le64(header + 8, type == VIRTIO_BLK_T_FLUSH ? 0 : (uint64_t)slot * SIZE / 512);
    *status_of(disk, slot) = NO_STATUS;
    head = fake_offer(&disk->fake, 0, segments, 3);
    fake_kick(&disk->fake, 0);
    return head;
}

static void
set_data(struct rig *disk, unsigned int slot, int byte)
{
    memset(fake_ram(&disk->fake, DATA_AT + (uint64_t)slot * SIZE), byte, SIZE);
}

/* The next message of the process: its type, with its error; 0 when none comes within the time. */
static uint32_t
hear(struct rig *disk, int ms, int *ret_error)
{
    struct pollfd ready = {.fd = disk->fake.control_fd, .events = POLLIN};
    struct block_room room = {0};

    if (poll(&ready, 1, ms) <= 0 ||
        message_receive(disk->fake.control_fd, &room, sizeof(room), NULL) != sizeof(room)) {
        return 0;
    }
    *ret_error = room.error;
    return room.header.type;
}

/* BLOCK_RETRY: the answer's error; 1 when there is none. */
static int
retry(struct rig *disk)
{
    const struct start_header ask = {.type = BLOCK_RETRY, .size = sizeof(ask)};
    int error = 0;

    return message_send(disk->fake.control_fd, &ask, sizeof(ask), NULL, 0) == 0 &&
                   hear(disk, FAKE_LIMIT_MS, &error) == BLOCK_RETRIED
               ? error
               : 1;
}

static bool
is_full(struct rig *disk)
{
    int error = 0;

    return hear(disk, FAKE_LIMIT_MS, &error) == BLOCK_FULL && error == -ENOSPC;
}

/* What the guest reads there is this byte, SIZE times. */
static bool
reads(struct rig *disk, unsigned int slot, int byte)
{
    const uint8_t *data = fake_ram(&disk->fake, DATA_AT + (uint64_t)slot * SIZE);
    uint16_t head = 0;
    uint32_t written = 0;

    set_data(disk, slot, byte ^ 0xff);
    offer(disk, slot, VIRTIO_BLK_T_IN);
    if (!fake_wait(&disk->fake, 0, &head, &written) || *status_of(disk, slot) != VIRTIO_BLK_S_OK) {
        return false;
    }
    for (size_t i = 0; i < SIZE; i++) {
        if (data[i] != byte) {
            return false;
        }
    }
    return true;
}

static bool
is_done(struct rig *disk, unsigned int slot, uint16_t expected)
{
    uint16_t head = UINT16_MAX;
    uint32_t written = 0;

    return fake_wait(&disk->fake, 0, &head, &written) && head == expected && written > 0 &&
           *status_of(disk, slot) == VIRTIO_BLK_S_OK;
}

/* The disk of this format is full at the first write; three requests come, and all are done at last. */
static void
exercise(uint32_t format, bool *tap_ok)
{
    struct rig disk;
    uint16_t head[3];
    int error;

    check(start(&disk, format, BLOCK_WAITS_FOR_ROOM));
    fill(&disk);
    set_data(&disk, 0, 0x11);
    set_data(&disk, 1, 0x22);
    head[0] = offer(&disk, 0, VIRTIO_BLK_T_OUT);
    check(is_full(&disk));
    /* What comes behind waits too: a flush that ended now would have said that all of it is safe. */
    head[1] = offer(&disk, 1, VIRTIO_BLK_T_OUT);
    head[2] = offer(&disk, 2, VIRTIO_BLK_T_FLUSH);
    check(fake_is_quiet(&disk.fake, 0, QUIET_MS));
    check_int(*status_of(&disk, 0), NO_STATUS);
    check_int(hear(&disk, QUIET_MS, &error), 0); /* told once */
    check_int(retry(&disk), -ENOSPC);
    check_int(retry(&disk), -ENOSPC);
    check(fake_is_quiet(&disk.fake, 0, QUIET_MS));
    check_int(hear(&disk, 0, &error), 0);
    make_room(&disk);
    check(fake_is_quiet(&disk.fake, 0, QUIET_MS)); /* nothing is tried unasked */
    check_int(retry(&disk), 0);
    for (unsigned int i = 0; i < 3; i++) {
        check(is_done(&disk, i, head[i]));
    }
    check(reads(&disk, 0, 0x11));
    check(reads(&disk, 1, 0x22));
    check_int(hear(&disk, 0, &error), 0);
    check_int(retry(&disk), 0); /* of nothing */
    check_int(end(&disk), 0);
}

TAP_TEST(a_raw_disk_waits)
{
    if (mount_small()) {
        exercise(BLOCK_RAW, tap_ok);
    }
}

TAP_TEST(a_qcow2_image_waits)
{
    if (mount_small()) {
        exercise(BLOCK_QCOW2, tap_ok);
    }
}

TAP_TEST(a_composite_disk_waits)
{
    if (mount_small()) {
        exercise(BLOCK_COMPOSITE, tap_ok);
    }
}

/* Written with room; its tables find none when the guest wants them to be safe. */
TAP_TEST(a_flush_waits)
{
    struct rig disk;
    uint16_t head;

    if (!mount_small()) {
        return;
    }
    check(start(&disk, BLOCK_QCOW2, BLOCK_WAITS_FOR_ROOM));
    set_data(&disk, 0, 0x33);
    head = offer(&disk, 0, VIRTIO_BLK_T_OUT);
    check(is_done(&disk, 0, head));
    fill(&disk);
    head = offer(&disk, 1, VIRTIO_BLK_T_FLUSH);
    check(is_full(&disk));
    check(fake_is_quiet(&disk.fake, 0, QUIET_MS));
    check_int(retry(&disk), -ENOSPC);
    make_room(&disk);
    check_int(retry(&disk), 0);
    check(is_done(&disk, 1, head));
    check_int(end(&disk), 0);
}

/* A guest that kicks, and one whose queue is held, moves nothing; a held queue still gets what it waits for. */
TAP_TEST(kicks_and_a_held_queue_change_nothing)
{
    struct rig disk;
    struct timespec before;
    struct timespec after;
    clockid_t clock;
    uint16_t head[2];
    int error;

    if (!mount_small()) {
        return;
    }
    check(start(&disk, BLOCK_RAW, BLOCK_WAITS_FOR_ROOM));
    fill(&disk);
    head[0] = offer(&disk, 0, VIRTIO_BLK_T_OUT);
    check(is_full(&disk));
    head[1] = offer(&disk, 1, VIRTIO_BLK_T_OUT);
    for (int i = 0; i < 1000; i++) {
        fake_kick(&disk.fake, 0);
    }
    check(fake_is_quiet(&disk.fake, 0, QUIET_MS));
    check_int(hear(&disk, 0, &error), 0);
    /* No loop: it sleeps while it waits. */
    check_int(clock_getcpuclockid(disk.fake.pid, &clock), 0);
    clock_gettime(clock, &before);
    check(fake_is_quiet(&disk.fake, 0, 300));
    clock_gettime(clock, &after);
    check((after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000 < 20);

    check_int(fake_tell_state(&disk.fake, VHOST_SET_VRING_ENABLE, 0, 0), 0);
    check_int(retry(&disk), -ENOSPC);
    make_room(&disk);
    check_int(retry(&disk), 0);
    check(is_done(&disk, 0, head[0]));
    check(fake_is_quiet(&disk.fake, 0, QUIET_MS));
    check_int(fake_tell_state(&disk.fake, VHOST_SET_VRING_ENABLE, 0, 1), 0);
    check(is_done(&disk, 1, head[1]));
    check_int(end(&disk), 0);
}

/* A queue that stops while a request waits has not lost it; one that is reset has. */
TAP_TEST(stops_and_resets_are_clean)
{
    struct vhost_message reset = {.header = {.request = VHOST_RESET_DEVICE}};
    struct rig disk;
    uint16_t head;

    if (!mount_small()) {
        return;
    }
    check(start(&disk, BLOCK_RAW, BLOCK_WAITS_FOR_ROOM));
    set_data(&disk, 0, 0x44);
    head = offer(&disk, 0, VIRTIO_BLK_T_OUT);
    check(is_done(&disk, 0, head));
    fill(&disk);
    head = offer(&disk, 4, VIRTIO_BLK_T_OUT);
    check(is_full(&disk));
    check_int(fake_stop_queue(&disk.fake, 0), 1); /* the second one is the next */
    make_room(&disk);
    check_int(retry(&disk), 0);
    check_int(fake_tell_state(&disk.fake, VHOST_SET_VRING_BASE, 0, 1), 0);
    check_int(fake_tell_fd(&disk.fake, VHOST_SET_VRING_KICK, 0, disk.fake.queues[0].kick_fd), 0);
    check(is_done(&disk, 4, head));

    fill(&disk);
    offer(&disk, 5, VIRTIO_BLK_T_OUT);
    check(is_full(&disk));
    check_int(fake_tell(&disk.fake, &reset), 0);
    check(fake_start_queue(&disk.fake, 0));
    /* Nothing is begun before the supervisor has answered, with a new queue neither. */
    head = offer(&disk, 6, VIRTIO_BLK_T_OUT);
    check(fake_is_quiet(&disk.fake, 0, QUIET_MS));
    check_int(retry(&disk), 0);
    check(is_full(&disk));
    check_int(fake_set_memory(&disk.fake), 0); /* its buffers are elsewhere now */
    make_room(&disk);
    check_int(retry(&disk), 0);
    check(is_done(&disk, 6, head));
    fill(&disk);
    offer(&disk, 7, VIRTIO_BLK_T_OUT);
    check(is_full(&disk));
    check_int(end(&disk), 0); /* the machine ends while one waits */
}

/* From now on, here and in what is started: the kernel could not put down what it had taken. */
static bool
let_syncs_fail(int error)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fdatasync, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {.len = 4, .filter = filter};

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* Wait for this chain: the status that the guest sees. */
static int
ends_with(struct rig *disk, unsigned int slot, uint16_t expected)
{
    uint16_t head = UINT16_MAX;
    uint32_t written = 0;

    return fake_wait(&disk->fake, 0, &head, &written) && head == expected ? *status_of(disk, slot)
                                                                          : -1;
}

/*
 * What was written is gone, and a second fdatasync() would say that all is well: the guest sees an error.
 * What it writes next waits until there is room all the same. The last case: syncs fail for good.
 */
TAP_TEST(a_flush_that_lost_bytes_fails_and_then_waits)
{
    struct rig disk;
    uint16_t head[3];
    int error = 0;

    if (!mount_small()) {
        return;
    }
    check(let_syncs_fail(ENOSPC));
    check(start(&disk, BLOCK_RAW, BLOCK_WAITS_FOR_ROOM));
    head[0] = offer(&disk, 0, VIRTIO_BLK_T_OUT);
    check(is_done(&disk, 0, head[0]));
    head[1] = offer(&disk, 1, VIRTIO_BLK_T_FLUSH);
    check_int(ends_with(&disk, 1, head[1]), VIRTIO_BLK_S_IOERR);
    check_int((int)hear(&disk, FAKE_LIMIT_MS, &error), BLOCK_FULL);
    check_int(error, -BLOCK_LOST);
    head[2] = offer(&disk, 2, VIRTIO_BLK_T_OUT);
    check(fake_is_quiet(&disk.fake, 0, QUIET_MS));
    check_int(retry(&disk), 0); /* nothing waits but what is in the ring */
    check(is_done(&disk, 2, head[2]));
    check_int(hear(&disk, 0, &error), 0);
    check_int(end(&disk), 0);

    /* A driver that never flushes: each of its writes is one; also one that had waited for room. */
    check(begin(&disk, BLOCK_RAW, BLOCK_WAITS_FOR_ROOM));
    disk.fake.accept = ~(UINT64_C(1) << VIRTIO_BLK_F_FLUSH);
    check(fake_open(&disk.fake, 1));
    fill(&disk);
    head[0] = offer(&disk, 0, VIRTIO_BLK_T_OUT);
    check(is_full(&disk));
    make_room(&disk);
    check_int(retry(&disk), -BLOCK_LOST);
    check_int(ends_with(&disk, 0, head[0]), VIRTIO_BLK_S_IOERR);
    check_int(retry(&disk), 0);
    check_int(end(&disk), 0);

    /* Nobody is asked to pause the machine: errors. */
    check(start(&disk, BLOCK_RAW, 0));
    for (unsigned int i = 0; i < 2; i++) {
        head[i] = offer(&disk, i, VIRTIO_BLK_T_FLUSH);
        check_int(ends_with(&disk, i, head[i]), VIRTIO_BLK_S_IOERR);
    }
    check_int(hear(&disk, 0, &error), 0);
    check_int(end(&disk), 0);
}

TAP_MAIN(TAP_CASE(a_raw_disk_waits), TAP_CASE(a_qcow2_image_waits),
         TAP_CASE(a_composite_disk_waits), TAP_CASE(a_flush_waits),
         TAP_CASE(kicks_and_a_held_queue_change_nothing), TAP_CASE(stops_and_resets_are_clean),
         TAP_CASE(a_flush_that_lost_bytes_fails_and_then_waits))
