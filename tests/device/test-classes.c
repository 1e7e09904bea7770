/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What guests were able to do to other machine monitors, by class; a case of each, with one known
 * instance as its example. Each device must refuse, stay, and end in order with nothing left behind.
 */

#include <dirent.h>
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/device/gpu-card.h"
#include "tests/unit/tap.h"
#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"

enum {
    DISK_SIZE = 1 << 20,
    HEADER_AT = FAKE_DATA_AT,
    STATUS_AT = FAKE_DATA_AT + 64,
    DATA_AT = FAKE_DATA_AT + 4096,
};

static const struct fake_segment buffer = {FAKE_DATA_AT, 64, true};

static int
count_fds(pid_t pid)
{
    char path[64];
    DIR *folder;
    int n = 0;

    snprintf(path, sizeof(path), "/proc/%d/fd", pid);
    folder = opendir(path);
    while (folder && readdir(folder)) {
        n++;
    }
    if (folder) {
        closedir(folder);
    }
    return n;
}

static bool
start_disk(struct fake *fake, int *ret_fd)
{
    struct block_setup setup = {.disk_fd = FAKE_FD_MORE, .size = DISK_SIZE, .block_size = 512};
    char path[] = "/var/tmp/vitrine-disk-XXXXXX";

    *ret_fd = mkostemp(path, O_CLOEXEC);
    unlink(path);
    return ftruncate(*ret_fd, DISK_SIZE) == 0 &&
           fake_start(fake, "VMM_BLOCK", &setup, sizeof(setup), (int[]){*ret_fd, -1}) &&
           fake_open(fake, 1);
}

/* The status byte of a request with `size` bytes for the guest; -1 without an answer. */
static int
ask_disk(struct fake *fake, uint32_t type, uint64_t sector, uint32_t size)
{
    uint8_t *header = fake_ram(fake, HEADER_AT);
    uint8_t *status = fake_ram(fake, STATUS_AT);
    const struct fake_segment segments[] = {
        {HEADER_AT, 16, false}, {DATA_AT, size, true}, {STATUS_AT, 1, true}};

    store_le32(header, type);
    store_le64(header + 8, sector);
    *status = 0xee;
    return fake_request(fake, 0, segments, 3) < 0 ? -1 : *status;
}

/* CVE-2026-5747: registers of a queue changed after it was activated. */
TAP_TEST(transport_state)
{
    struct fake fake;
    struct vhost_message message = {.header = {.request = VHOST_SET_VRING_ADDR, .size = 40}};

    check(fake_start_and_open(&fake, "VMM_RNG", 1));
    check(fake_tell_state(&fake, VHOST_SET_VRING_NUM, 0, 1024) != 0);
    check(fake_tell_state(&fake, VHOST_SET_VRING_NUM, 0, 0) != 0);
    check(fake_tell_state(&fake, VHOST_SET_VRING_BASE, 0, 40000) != 0);
    message.payload.addr.descriptor = FAKE_USER_BASE + FAKE_REGION - 16;
    message.payload.addr.available = FAKE_USER_BASE + FAKE_REGION - 2;
    message.payload.addr.used = FAKE_USER_BASE + FAKE_REGION - 4;
    check(fake_tell(&fake, &message) != 0);
    /* It goes on as it was started. */
    check_int(fake_request(&fake, 0, &buffer, 1), 64);
    check_int(fake_end(&fake), 0);
}

/* CVE-2026-48914: SCSI through a disk. */
TAP_TEST(legacy_command)
{
    static const uint32_t types[] = {2, 3, 5, 6, 7, 9, 10, 12, 14, 15, 0x80000000, UINT32_MAX};
    struct fake fake;
    int fd;

    check(start_disk(&fake, &fd));
    memset(fake_ram(&fake, DATA_AT), 0xaa, 512);
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        check_int(ask_disk(&fake, types[i], 0, 512), VIRTIO_BLK_S_UNSUPP);
    }
    for (unsigned int i = 0; i < 512; i++) {
        check_int(((uint8_t *)fake_ram(&fake, DATA_AT))[i], 0xaa);
    }
    check_int(ask_disk(&fake, VIRTIO_BLK_T_IN, 0, 512), VIRTIO_BLK_S_OK);
    check_int(fake_end(&fake), 0);
    close(fd);
}

/* CVE-2026-24708 and qcow2's other headers: a guest makes its raw disk look like an image over a file of the host. */
TAP_TEST(image_format)
{
    uint8_t image[512] = {'Q', 'F', 'I', 0xfb, 0, 0, 0, 3};
    struct fake fake;
    int fd;

    store_be64(image + 8, 64); /* where the name of the file below stands, and its length */
    store_be32(image + 16, 11);
    store_be32(image + 20, 16);
    store_be64(image + 24, DISK_SIZE);
    memcpy(image + 64, "/etc/passwd", 11);
    check(start_disk(&fake, &fd));
    check_int(pwrite(fd, image, sizeof(image), 0), sizeof(image));
    check_int(ask_disk(&fake, VIRTIO_BLK_T_IN, 0, 512), VIRTIO_BLK_S_OK);
    check(memcmp(fake_ram(&fake, DATA_AT), image, sizeof(image)) == 0);
    check_int(ask_disk(&fake, VIRTIO_BLK_T_IN, 8, 512), VIRTIO_BLK_S_OK);
    for (unsigned int i = 0; i < 512; i++) {
        check_int(((uint8_t *)fake_ram(&fake, DATA_AT))[i], 0);
    }
    check_int(fake_end(&fake), 0);
    close(fd);
}

/* CVE-2026-3886: width times bytes per pixel. */
TAP_TEST(integer_overflow)
{
    static const uint32_t edges[] = {0,          1,          2,          0x3fff,
                                     0x4001,     0x8000,     0x10000,    0x3fffffff,
                                     0x40000001, 0x7fffffff, 0x80000000, UINT32_MAX};
    struct card card;

    check(card_start(&card));
    check_int(card_create_blob(&card, 500, 65536), VIRTIO_GPU_RESP_OK_NODATA);
    for (uint32_t i = 0; i < ARRAY_SIZE(edges) * ARRAY_SIZE(edges); i++) {
        uint32_t width = edges[i % ARRAY_SIZE(edges)];
        uint32_t height = edges[i / ARRAY_SIZE(edges)];
        uint32_t id = i + 1;
        uint64_t bytes = (uint64_t)width * height; /* at most 2^64 / 4: times 4 it may not fit */
        bool created = card_create_2d(&card, id, width, height) == VIRTIO_GPU_RESP_OK_NODATA;

        check(!created || (bytes > 0 && bytes <= MEMORY_LIMIT / 4));
        check(!created || card_transfer(&card, id, RECT(0, 0, width, height), UINT64_MAX - 7) !=
                              VIRTIO_GPU_RESP_OK_NODATA);
        check(!created || card_unref(&card, id) == VIRTIO_GPU_RESP_OK_NODATA);
        if (bytes == 0 || bytes > 65536 / 4) { /* a blob shown as a picture that it cannot hold */
            check(card_set_scanout_blob(&card, 500, RECT(0, 0, width, height),
                                        LAYOUT(width, height, 0)) != VIRTIO_GPU_RESP_OK_NODATA);
        }
    }
    check_int(card_stop(&card), 0);
}

/* CVE-2021-3544, -3545, -3546: what GET_CAPSET gives away. */
TAP_TEST(capset_disclosure)
{
    static const uint32_t ids[] = {0, 1, 2, 4, 6, UINT32_MAX};
    struct card card;

    check(card_start(&card));
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        struct virtio_gpu_get_capset get = {.capset_id = ids[i], .capset_version = ids[i]};
        struct virtio_gpu_get_capset_info info = {.capset_index = ids[i]};

        check(card_ask(&card, VIRTIO_GPU_CMD_GET_CAPSET, &get, sizeof(get), NULL) >=
              VIRTIO_GPU_RESP_ERR_UNSPEC);
        check_int(card.written, sizeof(struct virtio_gpu_ctrl_hdr));
        check(card_ask(&card, VIRTIO_GPU_CMD_GET_CAPSET_INFO, &info, sizeof(info), NULL) >=
              VIRTIO_GPU_RESP_ERR_UNSPEC);
        check_int(card.written, sizeof(struct virtio_gpu_ctrl_hdr));
    }
    check_int(card_stop(&card), 0);
}

/* The same where there are capsets: no byte that nobody wrote, and no more than was announced. */
TAP_TEST(capset_disclosure_3d)
{
    static const uint32_t ids[] = {0, 3, 4, 5, 6, 0x80000001, UINT32_MAX};
    struct card card;
    struct virtio_gpu_resp_capset_info described;
    static uint8_t first[sizeof(card.response)];

    check(card_start_level(&card, GPU_LEVEL_SOFT));
    for (uint32_t index = 0; index < 2; index++) {
        struct virtio_gpu_get_capset_info info = {.capset_index = index};

        check_int(card_ask(&card, VIRTIO_GPU_CMD_GET_CAPSET_INFO, &info, sizeof(info), NULL),
                  VIRTIO_GPU_RESP_OK_CAPSET_INFO);
        check_int(card.written, sizeof(described));
        memcpy(&described, card.response, sizeof(described));
        check_int(described.padding, 0);
        struct virtio_gpu_get_capset get = {.capset_id = described.capset_id,
                                            .capset_version = described.capset_max_version};
        for (int round = 0; round < 2; round++) { /* what is left over from before differs */
            check_int(card_create_2d(&card, 50 + index * 2 + (uint32_t)round, 64, 64),
                      VIRTIO_GPU_RESP_OK_NODATA);
            check_int(card_ask(&card, VIRTIO_GPU_CMD_GET_CAPSET, &get, sizeof(get), NULL),
                      VIRTIO_GPU_RESP_OK_CAPSET);
            check_int(card.written, sizeof(struct virtio_gpu_ctrl_hdr) + described.capset_max_size);
            check(round == 0 || memcmp(first, card.response, card.written) == 0);
            memcpy(first, card.response, card.written);
        }
        get.capset_version = described.capset_max_version + 1;
        check_int(card_ask(&card, VIRTIO_GPU_CMD_GET_CAPSET, &get, sizeof(get), NULL),
                  VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
        check_int(card.written, sizeof(struct virtio_gpu_ctrl_hdr));
    }
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        struct virtio_gpu_get_capset get = {.capset_id = ids[i], .capset_version = 1};

        check_int(card_ask(&card, VIRTIO_GPU_CMD_GET_CAPSET, &get, sizeof(get), NULL),
                  VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
        check_int(card.written, sizeof(struct virtio_gpu_ctrl_hdr));
    }
    check_int(card_stop(&card), 0);
}

/* CVE-2026-3886 with textures, whose sizes have more factors. */
TAP_TEST(integer_overflow_3d)
{
    static const uint32_t edges[] = {0, 1, 0x800, 0x4000, 0x4001, 0x80000000, UINT32_MAX};
    enum {
        N = ARRAY_SIZE(edges)
    };
    struct card card;

    check(card_start_level(&card, GPU_LEVEL_SOFT));
    for (uint32_t i = 0; i < N * N * N; i++) {
        struct virtio_gpu_resource_create_3d create = {.resource_id = i + 1,
                                                       .target = 3,
                                                       .format = 1,
                                                       .bind = 1 << 3,
                                                       .width = edges[i % N],
                                                       .height = edges[i / N % N],
                                                       .depth = edges[i / N / N],
                                                       .array_size = 1};
        const bool possible = create.width - 1 < 0x4000 && create.height - 1 < 0x4000 &&
                              create.depth - 1 < 0x800; /* so that 64 bits hold the product */
        const uint64_t bytes = UINT64_C(4) * create.width * create.height * create.depth;
        const uint32_t said =
            card_ask(&card, VIRTIO_GPU_CMD_RESOURCE_CREATE_3D, &create, sizeof(create), NULL);

        if (!possible) {
            check_int(said, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
        } else if (bytes > MEMORY_LIMIT) {
            check_int(said, VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY);
        } else if (said == VIRTIO_GPU_RESP_OK_NODATA) {
            check_int(card_unref(&card, i + 1), VIRTIO_GPU_RESP_OK_NODATA);
        }
    }
    check_int(card_stop(&card), 0);
}

/* CVE-2021-3544: what a request leaves behind when it is undone, again and again. */
TAP_TEST(leaks_of_requests)
{
    struct card card;
    struct virtio_gpu_ctx_create context = {.hdr.ctx_id = 1, .context_init = 2};
    struct virtio_gpu_ctx_resource attach = {.hdr.ctx_id = 1};
    struct virtio_gpu_ctx_destroy destroy = {.hdr.ctx_id = 1};
    int before = -1;

    check(card_start_level(&card, GPU_LEVEL_SOFT) && card_say_hello(&card));
    for (uint32_t i = 0; i < 600; i++) { /* of 12 MiB each, where 64 are allowed; 256 contexts */
        uint32_t id = 1 + i % 7;

        check_int(card_ask(&card, VIRTIO_GPU_CMD_CTX_CREATE, &context, sizeof(context), NULL),
                  VIRTIO_GPU_RESP_OK_NODATA);
        check_int(card_create_2d(&card, id, 2048, 1536), VIRTIO_GPU_RESP_OK_NODATA);
        check_int(card_attach(&card, id, 65536), VIRTIO_GPU_RESP_OK_NODATA);
        check(card_attach(&card, id, 65536) !=
              VIRTIO_GPU_RESP_OK_NODATA); /* refused: kept by nobody */
        attach.resource_id = id;
        check_int(
            card_ask(&card, VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE, &attach, sizeof(attach), NULL),
            VIRTIO_GPU_RESP_OK_NODATA);
        if (i % 2) { /* either goes first */
            check_int(card_unref(&card, id), VIRTIO_GPU_RESP_OK_NODATA);
        }
        check_int(card_ask(&card, VIRTIO_GPU_CMD_CTX_DESTROY, &destroy, sizeof(destroy), NULL),
                  VIRTIO_GPU_RESP_OK_NODATA);
        if (i % 2 == 0) {
            check_int(card_unref(&card, id), VIRTIO_GPU_RESP_OK_NODATA);
        }
        before = i == 20 ? count_fds(card.fake.pid) : before;
    }
    check_int(count_fds(card.fake.pid), before);
    check_int(card_stop(&card), 0);
}

/* CVE-2016-10029: the number of a scanout. */
TAP_TEST(scanout_index)
{
    static const uint32_t bad[] = {2, 15, 16, 17, 0x7fffffff, 0x80000000, UINT32_MAX};
    struct card card;

    check(card_start(&card));
    check_int(card_create_2d(&card, 1, 64, 64), VIRTIO_GPU_RESP_OK_NODATA);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct virtio_gpu_cmd_get_edid edid = {.scanout = bad[i]};
        struct virtio_gpu_update_cursor cursor = {.pos.scanout_id = bad[i], .resource_id = 1};

        check_int(card_set_scanout(&card, bad[i], 1, RECT(0, 0, 64, 64)),
                  VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID);
        check_int(card_ask(&card, VIRTIO_GPU_CMD_GET_EDID, &edid, sizeof(edid), NULL),
                  VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID);
        check(card_ask_cursor(&card, VIRTIO_GPU_CMD_UPDATE_CURSOR, &cursor));
        check(card_ask_cursor(&card, VIRTIO_GPU_CMD_MOVE_CURSOR, &cursor));
    }
    check_int(card_stop(&card), 0);
}

/* CVE-2016-5403 and CVE-2011-2512: more requests than the ring holds; an index that goes back. */
TAP_TEST(queue_index)
{
    static const uint16_t jumps[] = {FAKE_QUEUE_SIZE + 1, 1000, 0x8000, 0xffff};

    for (size_t i = 0; i < ARRAY_SIZE(jumps); i++) {
        struct fake fake;
        uint64_t count;

        check(fake_start_and_open(&fake, "VMM_RNG", 1));
        store_le16((uint8_t *)fake_ram(&fake, FAKE_RINGS_AT) + 0x4000 + 2, jumps[i]);
        fake_kick(&fake, 0);
        struct pollfd wait = {.fd = fake.queues[0].error_fd, .events = POLLIN};
        check_int(poll(&wait, 1, FAKE_LIMIT_MS), 1);
        check_int(read(fake.queues[0].error_fd, &count, sizeof(count)), sizeof(count));
        check_int(load_le16((uint8_t *)fake_ram(&fake, FAKE_RINGS_AT) + 0x8000 + 2), 0);
        check_int(fake_end(&fake), 0);
    }
}

/* CVE-2021-3748: a buffer that is used after its memory went away. */
TAP_TEST(use_after_unmap)
{
    struct fake fake;
    struct console_setup setup = {.stream_fd = FAKE_FD_MORE};
    const struct fake_segment high = {FAKE_HIGH_BASE + 64, 64, true};
    struct vhost_message message = {
        .header = {.request = VHOST_SET_MEM_TABLE, .size = 8 + sizeof(struct vhost_memory_region)}};
    int pair[2];

    check_int(fd_socket_pair(SOCK_STREAM, pair), 0);
    check(fake_start(&fake, "VMM_CONSOLE", &setup, sizeof(setup), (int[]){pair[1], -1}));
    close(pair[1]);
    check(fake_open(&fake, 2));
    fake_offer(&fake, 0, &high, 1); /* the device keeps it until somebody types */
    fake_kick(&fake, 0);
    usleep(20000);
    message.payload.memory.n_regions = 1;
    message.payload.memory.region[0] =
        (struct vhost_memory_region){.size = FAKE_REGION, .user_address = FAKE_USER_BASE};
    message.fds = (struct message_fds){{fake.ram_fd}, 1};
    check_int(fake_tell(&fake, &message), 0);
    memset(fake_ram(&fake, high.address), 0xaa, high.length);
    check_int(send(pair[0], "typed", 5, 0), 5);
    usleep(20000);
    check_int(((uint8_t *)fake_ram(&fake, high.address))[0], 0xaa);
    check_int(fake_set_memory(&fake), 0);
    check_int(fake_end(&fake), 0);
    close(pair[0]);
}

/* CVE-2021-20255 and its family: a device that is made to write to registers. */
TAP_TEST(re_entrancy)
{
    static const uint64_t places[] = {0xd0000000,   0xf4000000,  0xfee00000,           0xfec00000,
                                      0x8000000000, FAKE_REGION, FAKE_HIGH_BASE - 4096};

    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        struct fake fake;
        const struct fake_segment registers = {places[i], 64, true};

        check(fake_start_and_open(&fake, "VMM_RNG", 1));
        fake_offer(&fake, 0, &registers, 1);
        fake_kick(&fake, 0);
        check(fake_is_quiet(&fake, 0, 20));
        check_int(fake_end(&fake), 0);
    }
}

/* CVE-2026-45782: a reset while requests are under way; and nothing is left open by any of them. */
TAP_TEST(lifetime_of_requests)
{
    struct fake fake;
    struct vhost_message message;
    int fd;
    int before;

    check(start_disk(&fake, &fd));
    before = count_fds(fake.pid);
    for (int i = 0; i < 200; i++) {
        for (int k = 0; k < 10; k++) {
            const struct fake_segment segments[] = {
                {HEADER_AT, 16, false}, {DATA_AT, 1 << 19, true}, {STATUS_AT, 1, true}};

            store_le32(fake_ram(&fake, HEADER_AT), VIRTIO_BLK_T_IN);
            store_le64((uint8_t *)fake_ram(&fake, HEADER_AT) + 8, (uint64_t)k);
            fake_offer(&fake, 0, segments, 3);
        }
        fake_kick(&fake, 0);
        message = (struct vhost_message){.header = {.request = VHOST_RESET_DEVICE}};
        check_int(fake_tell(&fake, &message), 0);
        check(fake_start_queue(&fake, 0));
    }
    check_int(ask_disk(&fake, VIRTIO_BLK_T_IN, 0, 512), VIRTIO_BLK_S_OK);
    check_int(count_fds(fake.pid), before);
    check_int(fake_end(&fake), 0);
    close(fd);
}

/* CVE-2026-3196: a number that asks for more memory than there is. */
TAP_TEST(resource_exhaustion)
{
    static const uint32_t numbers[] = {1 << 16, 1 << 20, (1 << 20) + 1, 0x10000000, UINT32_MAX};
    struct card card;

    check(card_start(&card));
    check_int(card_create_2d(&card, 1, 64, 64), VIRTIO_GPU_RESP_OK_NODATA);
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        struct virtio_gpu_resource_attach_backing attach = {.resource_id = 1,
                                                            .nr_entries = numbers[i]};

        check(card_ask(&card, VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING, &attach, sizeof(attach),
                       NULL) >= VIRTIO_GPU_RESP_ERR_UNSPEC);
    }
    for (uint32_t id = 2; id < 10000; id++) { /* every resource costs something */
        if (card_create_2d(&card, id, 4, 4) != VIRTIO_GPU_RESP_OK_NODATA) {
            break;
        }
        check(id < 300); /* RESOURCES_2D_MAX and some */
    }
    check_int(card_unref(&card, 1), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_create_2d(&card, 1, 64, 64), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_stop(&card), 0);
}

TAP_MAIN(TAP_CASE(transport_state), TAP_CASE(legacy_command), TAP_CASE(image_format),
         TAP_CASE(integer_overflow), TAP_CASE(capset_disclosure), TAP_CASE(capset_disclosure_3d),
         TAP_CASE(integer_overflow_3d), TAP_CASE(leaks_of_requests), TAP_CASE(scanout_index),
         TAP_CASE(queue_index), TAP_CASE(use_after_unmap), TAP_CASE(re_entrancy),
         TAP_CASE(lifetime_of_requests), TAP_CASE(resource_exhaustion))
