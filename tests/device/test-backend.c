/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What every back end must bear, shown on vmm-rng: front ends that are wrong, hostile or gone. */

#include <fcntl.h>
#include <linux/virtio_ring.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/fakes/fake-frontend.h"
#include "tests/unit/tap.h"
#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"

static const struct fake_segment buffer = {FAKE_DATA_AT, 64, true};

TAP_TEST(setup_messages_are_checked)
{
    struct device_setup setup;
    struct fake fake;

    check(!fake_start(&fake, "VMM_RNG", &setup, sizeof(setup) - 4, NULL));
    check_int(fake_wait_exit(&fake), 1);
}

TAP_TEST(ends_with_either_socket)
{
    struct fake fake;

    check(fake_start_and_open(&fake, "VMM_RNG", 1));
    check_int(fake_end(&fake), 0);
    check(fake_start_and_open(&fake, "VMM_RNG", 1));
    fd_closep(&fake.control_fd);
    check_int(fake_wait_exit(&fake), 0);
    check(fake_start_and_open(&fake, "VMM_RNG", 1));
    check(send(fake.control_fd, "nonsense", 8, 0) == 8);
    check_int(fake_wait_exit(&fake), 1);
}

TAP_TEST(killed_is_killed)
{
    struct fake fake;

    check(fake_start_and_open(&fake, "VMM_RNG", 1));
    fake_offer(&fake, 0, &buffer, 1);
    kill(fake.pid, SIGKILL);
    fake_kick(&fake, 0);
    check_int(fake_ask_u64(&fake, VHOST_GET_FEATURES), 0);
    check_int(fake_wait_exit(&fake), -SIGKILL);
}

/* A message that ends the connection at once. */
static bool
ends_with(struct vhost_message *message, int status)
{
    struct fake fake;

    if (!fake_start_and_open(&fake, "VMM_RNG", 1) || !fake_send(&fake, message)) {
        return false;
    }
    int r = fake_wait_exit(&fake);
    if (r != status) {
        printf("# request %u: status %d\n", message->header.request, r);
    }
    return r == status;
}

TAP_TEST(protocol_errors_end_the_connection)
{
    struct vhost_message message;
    const uint32_t unknown[] = {0, 6, 7, 19, 20, 22, 23, 26, 31, 33, 41, 44, 999, 0xffffffff};
    cleanup_fd int fd = fd_memory_file("more", 4096);

    for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
        message = (struct vhost_message){.header = {.request = unknown[i]}};
        check(ends_with(&message, 1));
    }
    /* Wrong version, an answer, a wrong size, descriptors that nobody asked for, too few. */
    message = (struct vhost_message){.header = {.request = VHOST_GET_FEATURES, .flags = 2}};
    check(ends_with(&message, 1));
    message = (struct vhost_message){.header = {.request = 1, .flags = VHOST_FLAG_REPLY}};
    check(ends_with(&message, 1));
    message = (struct vhost_message){.header = {.request = VHOST_SET_FEATURES, .size = 7}};
    check(ends_with(&message, 1));
    message = (struct vhost_message){.header = {.request = VHOST_GET_FEATURES},
                                     .fds = {.fd = {fd}, .count = 1}};
    check(ends_with(&message, 1));
    message = (struct vhost_message){.header = {.request = VHOST_SET_VRING_CALL, .size = 8}};
    check(ends_with(&message, 1));
}

TAP_TEST(half_messages_do_not_hang)
{
    struct fake fake;
    struct vhost_header header = {.request = VHOST_SET_FEATURES, .flags = VHOST_VERSION, .size = 8};

    check(fake_start_and_open(&fake, "VMM_RNG", 1));
    check(send(fake.fd, &header, 5, 0) == 5);
    check_int(fake_end(&fake), 0); /* gone in the middle of a header */
    check(fake_start_and_open(&fake, "VMM_RNG", 1));
    check(send(fake.fd, &header, sizeof(header), 0) == sizeof(header));
    check_int(fake_wait_exit(&fake), 1); /* never sends the payload */
    check(fake_start_and_open(&fake, "VMM_RNG", 1));
    header.size = 0x7fffffff;
    check(send(fake.fd, &header, sizeof(header), 0) == sizeof(header));
    check_int(fake_wait_exit(&fake), 1);
}

TAP_TEST(refusals_are_answered)
{
    struct fake fake;

    check(fake_start_and_open(&fake, "VMM_RNG", 0));
    check_int(fake_ask_u64(&fake, VHOST_GET_QUEUE_NUM), 1);
    check_int(fake_tell_u64(&fake, VHOST_SET_FEATURES, UINT64_MAX), 0); /* more than offered */
    check_int(fake_tell_u64(&fake, VHOST_SET_PROTOCOL_FEATURES, UINT64_MAX), 1);
    check_int(fake_tell_state(&fake, VHOST_SET_VRING_NUM, 1, 64), 1); /* no such queue */
    check_int(fake_tell_state(&fake, VHOST_SET_VRING_NUM, UINT32_MAX, 64), 1);
    check_int(fake_tell_state(&fake, VHOST_SET_VRING_NUM, 0, 0), 1);
    check_int(fake_tell_state(&fake, VHOST_SET_VRING_NUM, 0, 100), 1);
    check_int(fake_tell_state(&fake, VHOST_SET_VRING_NUM, 0, 65536), 1);
    check_int(fake_tell_state(&fake, VHOST_SET_VRING_BASE, 0, 65536), 1);
    check_int(fake_tell_state(&fake, VHOST_SET_VRING_ENABLE, 0, 2), 1);
    check_int(fake_tell_fd(&fake, VHOST_SET_VRING_KICK, 7, fake.queues[0].kick_fd), 1);
    check_int(fake_tell_fd(&fake, VHOST_SET_VRING_KICK, VHOST_VRING_NO_FD, -1), 1);
    check_int(fake_tell_fd(&fake, VHOST_SET_VRING_KICK, VHOST_VRING_NO_FD, fake.ram_fd), 1);
    check_int(fake_tell_fd(&fake, VHOST_SET_VRING_KICK, 0, fake.ram_fd), 1); /* not pollable */
    check_int(fake_tell_u64(&fake, 999, 0), 1);
    check(fake_start_queue(&fake, 0)); /* and after all that it works */
    check_int(fake_request(&fake, 0, &buffer, 1), 64);
    /* What runs is frozen. */
    check_int(fake_tell_state(&fake, VHOST_SET_VRING_NUM, 0, 8), 1);
    check_int(fake_tell_state(&fake, VHOST_SET_VRING_BASE, 0, 9), 1);
    check_int(fake_set_addresses(&fake, 0), 1);
    check_int(fake_tell_fd(&fake, VHOST_SET_VRING_KICK, 0, fake.queues[0].kick_fd), 1);
    check_int(fake_tell_u64(&fake, VHOST_SET_FEATURES, 0), 1);
    check_int(fake_request(&fake, 0, &buffer, 1), 64);
    check_int(fake_end(&fake), 0);
}

struct bad_memory {
    uint32_t n;
    uint32_t fds;
    struct vhost_memory_region region[2];
};

TAP_TEST(bad_memory_is_refused)
{
    static const struct bad_memory bad[] = {
        {9, 8, {{0}}},
        {2, 1, {{0, 4096, 0, 0}, {8192, 4096, 8192, 0}}},
        {1, 2, {{0, 4096, 0, 0}}},
        {1, 1, {{0, 0, 0, 0}}},
        {1, 1, {{0, 2 * (uint64_t)FAKE_REGION + 4096, 0, 0}}},
        {1, 1, {{0, 4096, 0, 2 * (uint64_t)FAKE_REGION}}},
        {1, 1, {{UINT64_MAX - 100, 4096, 0, 0}}},
        {1, 1, {{0, 4096, UINT64_MAX - 100, 0}}},
        {1, 1, {{0, UINT64_MAX, 0, 4096}}},
        {2, 2, {{0, 8192, 0, 0}, {4096, 4096, 65536, 0}}},
    };
    struct fake fake;
    cleanup_fd int plain = memfd_create("plain", MFD_CLOEXEC);

    check(fake_start_and_open(&fake, "VMM_RNG", 1));
    check_int(ftruncate(plain, 1 << 20), 0);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct vhost_message message = {
            .header = {.request = VHOST_SET_MEM_TABLE, .size = 8 + MIN_OF(bad[i].n, 8U) * 32},
            .payload.memory = {.n_regions = bad[i].n,
                               .region = {bad[i].region[0], bad[i].region[1]}},
            .fds = {.count = bad[i].fds},
        };
        for (uint32_t k = 0; k < bad[i].fds; k++) {
            message.fds.fd[k] = fake.ram_fd;
        }
        check_int(fake_tell(&fake, &message), 1);
        check_int(fake_request(&fake, 0, &buffer, 1), 64); /* the old table is still there */
    }
    struct vhost_message message = {
        .header = {.request = VHOST_SET_MEM_TABLE, .size = 8 + 32},
        .payload.memory = {.n_regions = 1, .region = {{0, 4096, 0, 0}}},
        .fds = {.count = 1, .fd = {plain}},
    };
    check_int(fake_tell(&fake, &message), 1); /* may shrink under our feet */
    check_int(fake_end(&fake), 0);
}

TAP_TEST(memory_changes_while_running)
{
    struct fake fake;
    struct vhost_message message = {
        .header = {.request = VHOST_SET_MEM_TABLE, .size = 8 + 32},
        .payload.memory = {.n_regions = 1,
                           .region = {{FAKE_HIGH_BASE, FAKE_REGION, FAKE_USER_BASE, 0}}},
        .fds = {.count = 1},
    };

    check(fake_start_and_open(&fake, "VMM_RNG", 1));
    check_int(fake_set_memory(&fake), 0);
    check_int(fake_request(&fake, 0, &buffer, 1), 64);
    /* The rings are found at the same front-end addresses, the buffer is not guest memory now. */
    message.fds.fd[0] = fake.ram_fd;
    check_int(fake_tell(&fake, &message), 0);
    check_int(
        fake_request(&fake, 0, &(struct fake_segment){FAKE_HIGH_BASE + 0x200000, 64, true}, 1), 64);
    fake_offer(&fake, 0, &buffer, 1);
    fake_kick(&fake, 0);
    check(fake_is_quiet(&fake, 0, 100));
    check_int(fake_end(&fake), 0);
}

TAP_TEST(memory_slots_come_and_go)
{
    struct fake fake;
    struct vhost_message message = {
        .header = {.request = VHOST_ADD_MEM_REG, .size = sizeof(message.payload.memory_single)},
        .payload.memory_single.region = {FAKE_HIGH_BASE * 2, 4096, FAKE_USER_BASE / 2, 8192},
        .fds = {.count = 1},
    };

    check(fake_start_and_open(&fake, "VMM_RNG", 1));
    check_int(fake_ask_u64(&fake, VHOST_GET_MAX_MEM_SLOTS), 8);
    message.fds.fd[0] = fake.ram_fd;
    check_int(fake_tell(&fake, &message), 0);
    check_int(fake_request(&fake, 0, &(struct fake_segment){FAKE_HIGH_BASE * 2, 64, true}, 1), 64);
    check(memcmp(fake.ram + 8192, (uint8_t[64]){0}, 64) != 0);
    message = (struct vhost_message){
        .header = {.request = VHOST_REM_MEM_REG, .size = sizeof(message.payload.memory_single)},
        .payload.memory_single.region = {FAKE_HIGH_BASE * 2, 4096, FAKE_USER_BASE / 2, 8192},
    };
    check_int(fake_tell(&fake, &message), 0);
    message.header.request = VHOST_REM_MEM_REG;
    message.header.size = sizeof(message.payload.memory_single);
    check_int(fake_tell(&fake, &message), 1);
    check_int(fake_end(&fake), 0);
}

TAP_TEST(any_order_starts_a_ring)
{
    struct fake fake;
    struct fake_queue *q = &fake.queues[0];

    check(fake_start_and_open(&fake, "VMM_RNG", 0));
    fake_offer(&fake, 0, &buffer, 1);
    fake_kick(&fake, 0);
    check_int(fake_tell_state(&fake, VHOST_SET_VRING_ENABLE, 0, 1), 0);
    check_int(fake_tell_fd(&fake, VHOST_SET_VRING_CALL, 0, q->call_fd), 0);
    check_int(fake_tell_fd(&fake, VHOST_SET_VRING_KICK, 0, q->kick_fd), 0);
    check(fake_is_quiet(&fake, 0, 50));
    check_int(fake_set_addresses(&fake, 0), 0);
    check_int(fake_tell_state(&fake, VHOST_SET_VRING_NUM, 0, FAKE_QUEUE_SIZE), 0);
    uint16_t head;
    uint32_t written;
    check(fake_wait(&fake, 0, &head, &written)); /* served without another kick */
    check_int(written, 64);
    /* Disabled: nothing is served; enabled: what waits is. */
    check_int(fake_tell_state(&fake, VHOST_SET_VRING_ENABLE, 0, 0), 0);
    fake_offer(&fake, 0, &buffer, 1);
    fake_kick(&fake, 0);
    check(fake_is_quiet(&fake, 0, 50));
    check_int(fake_tell_state(&fake, VHOST_SET_VRING_ENABLE, 0, 1), 0);
    check(fake_wait(&fake, 0, &head, &written));
    check_int(fake_stop_queue(&fake, 0), 2);
    check_int(fake_end(&fake), 0);
}

TAP_TEST(rings_outside_memory_are_refused)
{
    struct fake fake;
    struct vhost_message message = {
        .header = {.request = VHOST_SET_VRING_ADDR, .size = sizeof(message.payload.addr)},
        .payload.addr = {.descriptor = FAKE_USER_BASE + 2 * (uint64_t)FAKE_REGION,
                         .available = FAKE_USER_BASE,
                         .used = FAKE_USER_BASE},
    };

    check(fake_start_and_open(&fake, "VMM_RNG", 0));
    check_int(fake_tell(&fake, &message), 0);
    check_int(fake_tell_state(&fake, VHOST_SET_VRING_NUM, 0, 64), 0);
    check_int(fake_tell_fd(&fake, VHOST_SET_VRING_KICK, 0, fake.queues[0].kick_fd), 0);
    check_int(fake_tell_state(&fake, VHOST_SET_VRING_ENABLE, 0, 1), 1);
    check_int(fake_stop_queue(&fake, 0), 0);
    check(fake_start_queue(&fake, 0));
    check_int(fake_request(&fake, 0, &buffer, 1), 64);
    check_int(fake_end(&fake), 0);
}

TAP_TEST(broken_rings_stop_until_reset)
{
    struct fake fake;
    const struct fake_segment outside = {FAKE_REGION, 64, true};
    uint64_t count;

    check(fake_start_and_open(&fake, "VMM_RNG", 1));
    fake_offer(&fake, 0, &outside, 1);
    fake_kick(&fake, 0);
    struct pollfd wait = {.fd = fake.queues[0].error_fd, .events = POLLIN};
    check_int(poll(&wait, 1, FAKE_LIMIT_MS), 1); /* the front end is told */
    check_int(read(fake.queues[0].error_fd, &count, 8), 8);
    fake_offer(&fake, 0, &buffer, 1);
    fake_kick(&fake, 0);
    check(fake_is_quiet(&fake, 0, 50));
    /* Both ways of resetting, and the plain stop. */
    struct vhost_message message = {.header = {.request = VHOST_RESET_DEVICE}};
    check_int(fake_tell(&fake, &message), 0);
    check_int(fake_tell_u64(&fake, VHOST_SET_FEATURES, fake.features), 0);
    check(fake_start_queue(&fake, 0));
    check_int(fake_request(&fake, 0, &buffer, 1), 64);
    check_int(fake_tell_u64(&fake, VHOST_SET_STATUS, 15), 0);
    check_int(fake_ask_u64(&fake, VHOST_GET_STATUS), 15);
    check_int(fake_tell_u64(&fake, VHOST_SET_STATUS, 0), 0);
    check_int(fake_ask_u64(&fake, VHOST_GET_STATUS), 0);
    fake_offer(&fake, 0, &buffer, 1);
    fake_kick(&fake, 0);
    check(fake_is_quiet(&fake, 0, 50));
    check(fake_start_queue(&fake, 0));
    check_int(fake_request(&fake, 0, &buffer, 1), 64);
    check_int(fake_stop_queue(&fake, 0), 1);
    check_int(fake_end(&fake), 0);
}

TAP_TEST(reset_storm_with_requests_in_flight)
{
    struct fake fake;
    struct vhost_message message;

    check(fake_start_and_open(&fake, "VMM_RNG", 1));
    for (int i = 0; i < 200; i++) {
        for (int k = 0; k < 40; k++) {
            fake_offer(&fake, 0, &(struct fake_segment){FAKE_DATA_AT, 65536, true}, 1);
        }
        fake_kick(&fake, 0);
        message = (struct vhost_message){.header = {.request = VHOST_RESET_DEVICE}};
        check_int(fake_tell(&fake, &message), 0);
        check(fake_start_queue(&fake, 0));
    }
    check_int(fake_end(&fake), 0);
}

TAP_TEST(without_its_feature_rings_start_enabled)
{
    struct fake fake;

    check(fake_start_and_open(&fake, "VMM_RNG", 0));
    check_int(fake_tell_u64(&fake, VHOST_SET_FEATURES, UINT64_C(1) << 32), 0);
    check_int(fake_tell_state(&fake, VHOST_SET_VRING_NUM, 0, FAKE_QUEUE_SIZE), 0);
    check_int(fake_set_addresses(&fake, 0), 0);
    check_int(fake_tell_fd(&fake, VHOST_SET_VRING_CALL, 0, fake.queues[0].call_fd), 0);
    check_int(fake_tell_fd(&fake, VHOST_SET_VRING_KICK, 0, fake.queues[0].kick_fd), 0);
    check_int(fake_request(&fake, 0, &buffer, 1), 64);
    check_int(fake_end(&fake), 0);
}

TAP_TEST(a_front_end_that_never_reads_is_left)
{
    struct fake fake;
    struct vhost_message message = {.header = {.request = VHOST_GET_FEATURES}};

    check(fake_start_and_open(&fake, "VMM_RNG", 1));
    message.header.flags = VHOST_VERSION;
    while (vhost_message_send(fake.fd, &message, vhost_deadline(200)) == 0) {
    }
    check_int(fake_wait_exit(&fake), 1);
}

TAP_MAIN(TAP_CASE(setup_messages_are_checked), TAP_CASE(ends_with_either_socket),
         TAP_CASE(killed_is_killed), TAP_CASE(protocol_errors_end_the_connection),
         TAP_CASE(half_messages_do_not_hang), TAP_CASE(refusals_are_answered),
         TAP_CASE(bad_memory_is_refused), TAP_CASE(memory_changes_while_running),
         TAP_CASE(memory_slots_come_and_go), TAP_CASE(any_order_starts_a_ring),
         TAP_CASE(rings_outside_memory_are_refused), TAP_CASE(broken_rings_stop_until_reset),
         TAP_CASE(reset_storm_with_requests_in_flight),
         TAP_CASE(without_its_feature_rings_start_enabled),
         TAP_CASE(a_front_end_that_never_reads_is_left))
