/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Each device under a guest that means harm: rings and buffers full of plausible nonsense, changed by
 * another thread while the device reads them, and resets in the middle. The device must live, answer
 * its front end all the time, and end in order. The seed is printed; HOSTILE_SEED repeats a run.
 */

#include <fcntl.h>
#include <linux/virtio_gpu.h>
#include <linux/virtio_ring.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/fakes/fake-frontend.h"
#include "tests/unit/tap.h"
#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"

enum {
    ROUNDS = 300,
    KICKS = 20, /* in each round */
};

struct attack {
    struct fake fake;
    unsigned int n_queues;
    int other;             /* our end of the device's own descriptor, or -1 */
    uint32_t types[2];     /* of requests: from either number on, 16 */
    unsigned int n_served; /* requests that were sound enough */
    atomic_bool stop;
};

static uint64_t
next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Mostly good addresses and lengths, often at an edge. */
static struct vring_desc
nonsense(uint64_t *state)
{
    static const uint64_t places[] = {FAKE_DATA_AT,    FAKE_DATA_AT + 16,  FAKE_HIGH_BASE,
                                      FAKE_REGION - 1, FAKE_REGION - 4096, FAKE_RINGS_AT,
                                      FAKE_DATA_AT,    FAKE_HIGH_BASE,     FAKE_DATA_AT,
                                      UINT64_MAX - 15, FAKE_REGION + 1};
    static const uint32_t lengths[] = {1, 8, 16, 512, 4096, 65536, 17, 0, 24, UINT32_MAX, 1 << 20};
    static const uint16_t flags[] = {0, 1, 1, 2, 3, 3, 2, 4, 6, 5, 0};
    uint64_t r = next_random(state);

    return (struct vring_desc){
        .addr = places[r % ARRAY_SIZE(places)],
        .len = lengths[(r >> 8) % ((r >> 60) ? 7 : ARRAY_SIZE(lengths))],
        .flags = flags[(r >> 16) % ((r >> 56 & 15) ? 7 : ARRAY_SIZE(flags))],
        .next = (uint16_t)((r >> 24) % (FAKE_QUEUE_SIZE + ((r >> 52 & 63) == 0))),
    };
}

static void
scribble(struct attack *attack, uint64_t *state)
{
    unsigned int queue = (unsigned int)(next_random(state) % attack->n_queues);
    uint8_t *rings = attack->fake.ram + FAKE_RINGS_AT + (size_t)queue * 0x10000;
    struct vring_desc d = nonsense(state);
    uint64_t r = next_random(state);

    memcpy(rings + (r % FAKE_QUEUE_SIZE) * sizeof(d), &d, sizeof(d));
    store_le16(rings + 0x4000 + 4 + (r >> 8) % FAKE_QUEUE_SIZE * 2,
               (uint16_t)((r >> 16) % FAKE_QUEUE_SIZE));
    /* Request headers, ranges and indirect tables alike. */
    d = nonsense(state);
    memcpy(attack->fake.ram + FAKE_DATA_AT + (r >> 24) % 64 * 16, &d, sizeof(d));
    if ((r >> 40) % 4 != 0) {
        store_le32(attack->fake.ram + FAKE_DATA_AT,
                   attack->types[r >> 63] + (uint32_t)(r >> 48) % 16);
        store_le64(attack->fake.ram + FAKE_DATA_AT + 8, (r >> 32) % 20000);
    }
}

static void *
scribbler(void *data)
{
    struct attack *attack = data;
    uint64_t state = 88172645463325252U;

    while (!atomic_load(&attack->stop)) {
        scribble(attack, &state);
    }
    return NULL;
}

/* More requests, at most as many as the ring holds, and once in a while a jump. */
static void
offer_nonsense(struct attack *attack, uint64_t *state)
{
    unsigned int queue = (unsigned int)(next_random(state) % attack->n_queues);
    uint8_t *rings = attack->fake.ram + FAKE_RINGS_AT + (size_t)queue * 0x10000;
    uint16_t used = load_le16(rings + 0x8000 + 2);
    uint64_t r = next_random(state);

    store_le16(rings + 0x4000 + 2, (uint16_t)(used + (r % 200 ? r % FAKE_QUEUE_SIZE : 1000)));
    fake_kick(&attack->fake, queue);
    if (attack->other >= 0 && r >> 60 == 0) {
        char bytes[300];
        send(attack->other, &r, sizeof(r), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (recv(attack->other, bytes, sizeof(bytes), MSG_DONTWAIT) < 0) {
            return;
        }
    }
}

static bool
run_attack(struct attack *attack)
{
    uint64_t state = 0;
    const char *seed = getenv("HOSTILE_SEED");
    pthread_t thread;
    bool ok = true;

    if (seed) {
        state = strtoull(seed, NULL, 0);
    } else if (getrandom(&state, sizeof(state), 0) < 0) {
        return false;
    }
    state |= 1;
    printf("# HOSTILE_SEED=%#llx\n", (unsigned long long)state);
    atomic_store(&attack->stop, false);
    if (pthread_create(&thread, NULL, scribbler, attack) != 0) {
        return false;
    }
    for (int i = 0; ok && i < ROUNDS; i++) {
        for (int k = 0; k < KICKS; k++) {
            scribble(attack, &state);
            offer_nonsense(attack, &state);
        }
        ok = fake_ask_u64(&attack->fake, VHOST_GET_FEATURES) == attack->fake.features;
        for (unsigned int q = 0; ok && q < attack->n_queues; q++) {
            ok = fake_stop_queue(&attack->fake, q) >= 0;
            attack->n_served +=
                load_le16(attack->fake.ram + FAKE_RINGS_AT + (size_t)q * 0x10000 + 0x8000 + 2);
            ok = ok && fake_start_queue(&attack->fake, q);
        }
    }
    atomic_store(&attack->stop, true);
    pthread_join(thread, NULL);
    printf("# %u requests were served\n", attack->n_served);
    return ok && attack->n_served > 0;
}

TAP_TEST(rng_lives)
{
    struct attack attack = {.n_queues = 1, .other = -1};

    check(fake_start_and_open(&attack.fake, "VMM_RNG", 1));
    check(run_attack(&attack));
    check_int(fake_end(&attack.fake), 0);
}

TAP_TEST(console_lives)
{
    struct attack attack = {.n_queues = 2};
    struct console_setup setup = {.stream_fd = FAKE_FD_MORE};
    int pair[2];

    check_int(fd_socket_pair(SOCK_STREAM, pair), 0);
    attack.other = pair[0];
    check(fake_start(&attack.fake, "VMM_CONSOLE", &setup, sizeof(setup), (int[]){pair[1], -1}));
    close(pair[1]);
    check(fake_open(&attack.fake, 2));
    check(run_attack(&attack));
    check_int(fake_end(&attack.fake), 0);
    close(attack.other);
}

TAP_TEST(input_lives)
{
    struct attack attack = {.n_queues = 2};
    struct input_setup setup = {.display_fd = FAKE_FD_MORE, .kind = INPUT_POINTER};
    int pair[2];

    check_int(fd_socket_pair(SOCK_SEQPACKET, pair), 0);
    attack.other = pair[0];
    check(fake_start(&attack.fake, "VMM_INPUT", &setup, sizeof(setup), (int[]){pair[1], -1}));
    close(pair[1]);
    check(fake_open(&attack.fake, 2));
    check(run_attack(&attack));
    check_int(fake_end(&attack.fake), 0);
    close(attack.other);
}

TAP_TEST(block_lives)
{
    struct attack attack = {.n_queues = 1, .other = -1};
    struct block_setup setup = {
        .disk_fd = FAKE_FD_MORE, .flags = BLOCK_SPARSE, .size = 8 << 20, .block_size = 512};
    char path[] = "/var/tmp/vitrine-disk-XXXXXX";
    int fd = mkostemp(path, O_CLOEXEC);

    unlink(path);
    check(fd >= 0 && ftruncate(fd, 8 << 20) == 0);
    check(fake_start(&attack.fake, "VMM_BLOCK", &setup, sizeof(setup), (int[]){fd, -1}));
    check(fake_open(&attack.fake, 1));
    check(run_attack(&attack));
    check_int(lseek(fd, 0, SEEK_END), 8 << 20); /* never longer */
    close(fd);
    check_int(fake_end(&attack.fake), 0);
}

TAP_TEST(balloon_lives)
{
    struct attack attack = {.n_queues = 2, .other = -1};
    struct balloon_setup setup = {.flags = BALLOON_PAGE_REPORTING};

    check(fake_start(&attack.fake, "VMM_BALLOON", &setup, sizeof(setup), (int[]){-1, -1}));
    check(fake_open(&attack.fake, 2));
    check(run_attack(&attack));
    check_int(lseek(attack.fake.ram_fd, 0, SEEK_END), 2 * FAKE_REGION);
    check_int(fake_end(&attack.fake), 0);
}

TAP_TEST(gpu_lives)
{
    struct attack attack = {
        .n_queues = 2,
        .other = -1,
        .types = {VIRTIO_GPU_CMD_GET_DISPLAY_INFO, VIRTIO_GPU_CMD_UPDATE_CURSOR}};
    struct gpu_setup setup = {.display_fd = FAKE_FD_MORE,
                              .wayland_fd = -1,
                              .n_scanouts = 1,
                              .screen[0] = {.width = 1280, .height = 800},
                              .memory_limit = 64 << 20,
                              .render_fd = -1,
                              .venus_fd = -1,
                              .record_fd = -1,
                              .udmabuf_fd = -1,
                              .fault_every = 1};
    int pair[2];

    check_int(fd_socket_pair(SOCK_SEQPACKET, pair), 0);
    check(fake_start(&attack.fake, "VMM_GPU", &setup, sizeof(setup), (int[]){pair[1], -1}));
    close(pair[1]);
    check(fake_open(&attack.fake, 2));
    check(run_attack(&attack));
    check_int(fake_end(&attack.fake), 0);
    close(pair[0]);
}

TAP_MAIN(TAP_CASE(rng_lives), TAP_CASE(console_lives), TAP_CASE(input_lives), TAP_CASE(block_lives),
         TAP_CASE(balloon_lives), TAP_CASE(gpu_lives))
