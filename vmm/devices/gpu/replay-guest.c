/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/devices/gpu/replay-guest.h"

#include <errno.h>
#include <linux/virtio_gpu.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/memory.h"
#include "vmm/devices/gpu/gpu.h"
#include "vmm/devices/gpu/record-format.h"
#include "vmm/vhost/socket.h"

#define USER_ADDRESS UINT64_C(0x100000000000) /* where the front end is said to have guest memory */
#define RAM_SIZE     (UINT64_C(4) << 30)      /* only what is used takes memory */

enum {
    SLOTS = 64, /* requests that wait for their answers, per queue */
    QUEUE_SIZE = 2 * SLOTS,
    RING_SIZE = 16 << 10, /* bytes for each queue: descriptors, available, used */
    AVAILABLE_AT = 8 << 10,
    USED_AT = 12 << 10,
    ANSWER_SIZE = 8 << 10,
    ANSWERS_AT = GPU_QUEUES * RING_SIZE,
    REQUEST_AT = ANSWERS_AT + SLOTS * ANSWER_SIZE,
    PIECES_AT = 8 << 20, /* behind the longest request */
    PAGE = 4096,
    LIMIT_MS = 10000, /* for an answer */
};
_Static_assert(REQUEST_AT + RECORD_SIZE_MAX <= PIECES_AT, "requests do not reach into pieces");

/* The memory of a resource. */
struct piece {
    uint32_t resource;
    uint64_t start;
    uint64_t size; /* whole pages */
};

struct ring {
    uint16_t available; /* indices, as in the ring */
    uint16_t used;
    bool busy[SLOTS];
    unsigned int n_busy;
};

struct replay_guest {
    struct loop *loop;
    int fd;
    int ram_fd;
    int kick_fd[GPU_QUEUES];
    uint8_t *ram;
    uint64_t clean;       /* from here on nothing was ever written */
    struct piece *pieces; /* by address */
    size_t n_pieces;
    size_t pieces_room;
    struct ring ring[GPU_QUEUES];
    struct replay_answers answers;
};

struct replay_guest *
replay_guest_create(struct loop *loop, int fd)
{
    struct replay_guest *guest = xalloc(sizeof(*guest));

    guest->loop = loop;
    guest->fd = fd;
    guest->clean = PIECES_AT;
    guest->ram = MAP_FAILED;
    guest->kick_fd[0] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    guest->kick_fd[1] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    guest->ram_fd = fd_memory_file("replay", RAM_SIZE);
    if (guest->ram_fd >= 0) {
        guest->ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, guest->ram_fd, 0);
    }
    if (guest->ram == MAP_FAILED || guest->kick_fd[0] < 0 || guest->kick_fd[1] < 0) {
        replay_guest_destroy(guest);
        return NULL;
    }
    return guest;
}

void
replay_guest_destroy(struct replay_guest *guest)
{
    if (!guest) {
        return;
    }
    if (guest->ram != MAP_FAILED) {
        munmap(guest->ram, RAM_SIZE);
    }
    fd_closep(&guest->ram_fd);
    fd_closep(&guest->kick_fd[0]);
    fd_closep(&guest->kick_fd[1]);
    free(guest->pieces);
    free(guest);
}

static int
tell(struct replay_guest *guest, struct vhost_message *message, uint32_t request, uint32_t size)
{
    message->header =
        (struct vhost_header){.request = request, .flags = VHOST_VERSION, .size = size};
    int r = vhost_message_send(guest->fd, message, vhost_deadline(LIMIT_MS));
    return r < 0 ? r : loop_iterate(guest->loop, LIMIT_MS);
}

/* A set of features, of which the card gets all back. */
static int
agree(struct replay_guest *guest, uint32_t get, uint32_t set)
{
    struct vhost_message message = {.fds.count = 0};
    int r = tell(guest, &message, get, 0);

    if (r == 0) {
        r = vhost_message_receive(guest->fd, &message, vhost_deadline(LIMIT_MS));
    }
    return r < 0 ? r : tell(guest, &message, set, sizeof(message.payload.u64));
}

static int
start_ring(struct replay_guest *guest, unsigned int index)
{
    const uint64_t at = USER_ADDRESS + (uint64_t)index * RING_SIZE;
    struct vhost_message message = {.payload.state = {index, QUEUE_SIZE}};
    int r = tell(guest, &message, VHOST_SET_VRING_NUM, sizeof(message.payload.state));

    message.payload.state.num = 0;
    r = r < 0 ? r : tell(guest, &message, VHOST_SET_VRING_BASE, sizeof(message.payload.state));
    message.payload.addr = (struct vhost_vring_addr){
        .index = index, .descriptor = at, .available = at + AVAILABLE_AT, .used = at + USED_AT};
    r = r < 0 ? r : tell(guest, &message, VHOST_SET_VRING_ADDR, sizeof(message.payload.addr));
    message.payload.u64 = index;
    message.fds.fd[0] = guest->kick_fd[index];
    message.fds.count = 1;
    r = r < 0 ? r : tell(guest, &message, VHOST_SET_VRING_KICK, sizeof(message.payload.u64));
    message.fds.count = 0;
    message.payload.state = (struct vhost_vring_state){index, 1};
    return r < 0 ? r : tell(guest, &message, VHOST_SET_VRING_ENABLE, sizeof(message.payload.state));
}

int
replay_guest_start(struct replay_guest *guest)
{
    struct vhost_message message = {.fds = {.fd = {guest->ram_fd}, .count = 1}};
    int r = agree(guest, VHOST_GET_FEATURES, VHOST_SET_FEATURES);

    r = r < 0 ? r : agree(guest, VHOST_GET_PROTOCOL_FEATURES, VHOST_SET_PROTOCOL_FEATURES);
    message.payload.memory.n_regions = 1;
    message.payload.memory.region[0] =
        (struct vhost_memory_region){.size = RAM_SIZE, .user_address = USER_ADDRESS};
    r = r < 0 ? r
              : tell(guest, &message, VHOST_SET_MEM_TABLE, 8 + sizeof(struct vhost_memory_region));
    for (unsigned int i = 0; r == 0 && i < GPU_QUEUES; i++) {
        memset(guest->ram + (size_t)i * RING_SIZE, 0, RING_SIZE);
        guest->ring[i] = (struct ring){0};
        r = start_ring(guest, i);
    }
    return r;
}

int
replay_guest_reset(struct replay_guest *guest)
{
    struct vhost_message message = {.fds.count = 0};
    int r = tell(guest, &message, VHOST_RESET_DEVICE, 0);

    guest->n_pieces = 0;
    return r < 0 ? r : replay_guest_start(guest);
}

static size_t
find_piece(const struct replay_guest *guest, uint32_t resource)
{
    size_t i = 0;

    while (i < guest->n_pieces && guest->pieces[i].resource != resource) {
        i++;
    }
    return i;
}

uint64_t
replay_guest_take(struct replay_guest *guest, uint32_t resource, uint32_t size)
{
    const uint64_t needed = align_up(MAX_OF(size, 1U), PAGE);
    uint64_t start = PIECES_AT;
    size_t i = find_piece(guest, resource);

    if (i < guest->n_pieces) {
        return guest->pieces[i].start; /* the card refuses a second one */
    }
    for (i = 0; i < guest->n_pieces && guest->pieces[i].start - start < needed; i++) {
        start = guest->pieces[i].start + guest->pieces[i].size;
    }
    if (start + needed > RAM_SIZE) {
        return 0;
    }
    if (guest->n_pieces == guest->pieces_room) {
        guest->pieces_room = 2 * guest->pieces_room + 64;
        guest->pieces = xrealloc_array(guest->pieces, guest->pieces_room, sizeof(*guest->pieces));
    }
    memmove(guest->pieces + i + 1, guest->pieces + i,
            (guest->n_pieces - i) * sizeof(*guest->pieces));
    guest->pieces[i] = (struct piece){resource, start, needed};
    guest->n_pieces++;
    if (start < guest->clean) {
        memset(guest->ram + start, 0, MIN_OF(needed, guest->clean - start));
    }
    guest->clean = MAX_OF(guest->clean, start + needed);
    return start;
}

void
replay_guest_give(struct replay_guest *guest, uint32_t resource)
{
    size_t i = find_piece(guest, resource);

    if (i < guest->n_pieces) {
        guest->n_pieces--;
        memmove(guest->pieces + i, guest->pieces + i + 1,
                (guest->n_pieces - i) * sizeof(*guest->pieces));
    }
}

bool
replay_guest_write(struct replay_guest *guest, uint32_t resource, uint64_t offset, const void *data,
                   uint64_t size)
{
    size_t i = find_piece(guest, resource);

    if (i == guest->n_pieces || !range_inside(offset, size, guest->pieces[i].size)) {
        return false;
    }
    memcpy(guest->ram + guest->pieces[i].start + offset, data, size);
    return true;
}

/* Take the answers that are there. */
static void
collect(struct replay_guest *guest, unsigned int queue)
{
    struct ring *ring = &guest->ring[queue];
    const uint8_t *used = guest->ram + (size_t)queue * RING_SIZE + USED_AT;

    for (; ring->used != load_le16(used + 2); ring->used++) {
        const uint8_t *element = used + 4 + (size_t)(ring->used % QUEUE_SIZE) * 8;
        const uint32_t slot = load_le32(element) / 2;
        const uint32_t type = load_le32(guest->ram + ANSWERS_AT + (size_t)slot * ANSWER_SIZE);

        if (slot < SLOTS && ring->busy[slot]) {
            ring->busy[slot] = false;
            ring->n_busy--;
        }
        guest->answers.failed += queue == GPU_QUEUE_CONTROL && type >= VIRTIO_GPU_RESP_ERR_UNSPEC;
    }
}

/* Turn the loop until at most `n` requests wait. */
static int
wait_for(struct replay_guest *guest, unsigned int queue, unsigned int n)
{
    const uint64_t deadline = vhost_deadline(LIMIT_MS);

    collect(guest, queue);
    while (guest->ring[queue].n_busy > n) {
        if (vhost_deadline(0) > deadline) {
            return -ETIMEDOUT;
        }
        int r = loop_iterate(guest->loop, 100);
        if (r < 0) {
            return r;
        }
        collect(guest, queue);
    }
    return 0;
}

static void
put_descriptor(uint8_t *at, uint64_t address, uint32_t size, uint32_t flags_next)
{
    store_le64(at, address);
    store_le32(at + 8, size);
    store_le32(at + 12, flags_next);
}

static void
offer(struct replay_guest *guest, unsigned int queue, unsigned int slot, uint32_t size)
{
    struct ring *ring = &guest->ring[queue];
    uint8_t *base = guest->ram + (size_t)queue * RING_SIZE;
    uint8_t *descriptor = base + (size_t)slot * 2 * sizeof(struct vring_desc);
    const uint64_t answer = ANSWERS_AT + (uint64_t)slot * ANSWER_SIZE;

    put_descriptor(descriptor, REQUEST_AT, size,
                   queue == GPU_QUEUE_CONTROL ? VRING_DESC_F_NEXT | (2 * slot + 1) << 16 : 0);
    put_descriptor(descriptor + sizeof(struct vring_desc), answer, ANSWER_SIZE, VRING_DESC_F_WRITE);
    if (queue == GPU_QUEUE_CONTROL) {
        store_le32(guest->ram + answer, 0);
    }
    store_le16(base + AVAILABLE_AT + 4 + (size_t)(ring->available % QUEUE_SIZE) * 2,
               (uint16_t)(2 * slot));
    store_le16(base + AVAILABLE_AT + 2, ++ring->available);
    ring->busy[slot] = true;
    ring->n_busy++;
}

int
replay_guest_send(struct replay_guest *guest, const struct gpu *gpu, unsigned int queue,
                  const void *request, uint32_t size)
{
    const uint64_t before = gpu->counters.commands;
    const uint64_t deadline = vhost_deadline(LIMIT_MS);
    unsigned int slot = 0;
    int r = wait_for(guest, queue, SLOTS - 1);

    if (r < 0) {
        return r;
    }
    while (guest->ring[queue].busy[slot]) {
        slot++;
    }
    memcpy(guest->ram + REQUEST_AT, request, size);
    offer(guest, queue, slot, size);
    guest->answers.requests++;
    if (eventfd_write(guest->kick_fd[queue], 1) < 0) {
        return -errno;
    }
    while (r == 0 && gpu->counters.commands == before) {
        r = vhost_deadline(0) > deadline ? -ETIMEDOUT : loop_iterate(guest->loop, LIMIT_MS);
    }
    return r;
}

int
replay_guest_finish(struct replay_guest *guest, struct replay_answers *ret_answers)
{
    int r = wait_for(guest, GPU_QUEUE_CONTROL, 0);

    *ret_answers = guest->answers;
    return r;
}
