/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fuzz/device-rig.h"

#include <fcntl.h>
#include <linux/virtio_ring.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmm/base/assert.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"

enum {
    RING_STRIDE = 0x3000,
    AVAILABLE_AT = 0x1000, /* in a queue's part */
    USED_AT = 0x2000,
    ROUNDS = 4,
};

void
device_rig_open(struct device_rig *rig)
{
    int pair[2];

    *rig = (struct device_rig){.loop = loop_create()};
    log_set_level(LOG_LEVEL_ERROR);
    assert(rig->loop && fd_socket_pair(SOCK_STREAM, pair) == 0);
    rig->fd = pair[0];
    rig->device_fd = pair[1];
    rig->ram_fd = fd_memory_file("ram", 2 * (uint64_t)DEVICE_RIG_LOW_SIZE);
    rig->loose_fd = memfd_create("loose", MFD_CLOEXEC);
    rig->ram = mmap(NULL, 2 * (size_t)DEVICE_RIG_LOW_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
                    rig->ram_fd, 0);
    assert(rig->ram_fd >= 0 && rig->loose_fd >= 0 && rig->ram != MAP_FAILED);
    for (unsigned int i = 0; i < DEVICE_RIG_QUEUES; i++) {
        rig->kick_fd[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        rig->call_fd[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    }
}

void
device_rig_close(struct device_rig *rig)
{
    loop_destroy(rig->loop);
    munmap(rig->ram, 2 * (size_t)DEVICE_RIG_LOW_SIZE);
    fd_closep(&rig->ram_fd);
    fd_closep(&rig->loose_fd);
    fd_closep(&rig->fd);
    for (unsigned int i = 0; i < DEVICE_RIG_QUEUES; i++) {
        fd_closep(&rig->kick_fd[i]);
        fd_closep(&rig->call_fd[i]);
    }
}

void
device_rig_run(struct device_rig *rig)
{
    uint8_t answer[512];

    for (int i = 0; i < ROUNDS; i++) {
        loop_iterate(rig->loop, 0);
    }
    while (recv(rig->fd, answer, sizeof(answer), MSG_DONTWAIT) > 0) {
    }
}

static void
tell(struct device_rig *rig, struct vhost_message *message, uint32_t request, uint32_t size)
{
    message->header =
        (struct vhost_header){.request = request, .flags = VHOST_VERSION, .size = size};
    (void)vhost_message_send(rig->fd, message, 0);
    device_rig_run(rig);
}

static void
fill_memory(const struct device_rig *rig, struct vhost_message *message)
{
    for (unsigned int i = 0; i < 2; i++) {
        message->payload.memory.region[i] =
            (struct vhost_memory_region){.guest_address = i * DEVICE_RIG_HIGH,
                                         .size = DEVICE_RIG_LOW_SIZE,
                                         .user_address = DEVICE_RIG_USER + i * DEVICE_RIG_HIGH,
                                         .mmap_offset = i * (uint64_t)DEVICE_RIG_LOW_SIZE};
        message->fds.fd[i] = rig->ram_fd;
    }
    message->payload.memory.n_regions = 2;
    message->fds.count = 2;
}

static void
fill_address(struct vhost_message *message, unsigned int queue)
{
    uint64_t base = DEVICE_RIG_USER + DEVICE_RIG_RINGS_AT + (uint64_t)queue * RING_STRIDE;

    message->payload.addr = (struct vhost_vring_addr){.index = queue,
                                                      .descriptor = base,
                                                      .available = base + AVAILABLE_AT,
                                                      .used = base + USED_AT};
}

static void
start_queue(struct device_rig *rig, unsigned int queue)
{
    struct vhost_message message = {.payload.state = {queue, DEVICE_RIG_QUEUE_SIZE}};

    tell(rig, &message, VHOST_SET_VRING_NUM, sizeof(message.payload.state));
    message.payload.state.num = 0;
    tell(rig, &message, VHOST_SET_VRING_BASE, sizeof(message.payload.state));
    fill_address(&message, queue);
    tell(rig, &message, VHOST_SET_VRING_ADDR, sizeof(message.payload.addr));
    message.payload.u64 = queue;
    message.fds = (struct message_fds){{rig->call_fd[queue]}, 1};
    tell(rig, &message, VHOST_SET_VRING_CALL, sizeof(message.payload.u64));
    message.fds.fd[0] = rig->kick_fd[queue];
    tell(rig, &message, VHOST_SET_VRING_KICK, sizeof(message.payload.u64));
    message.fds.count = 0;
    message.payload.state = (struct vhost_vring_state){queue, 1};
    tell(rig, &message, VHOST_SET_VRING_ENABLE, sizeof(message.payload.state));
}

static uint64_t
ask(struct device_rig *rig, uint32_t request)
{
    struct vhost_message message = {.header = {.request = request, .flags = VHOST_VERSION}};

    (void)vhost_message_send(rig->fd, &message, 0);
    loop_iterate(rig->loop, 0);
    assert(vhost_message_receive(rig->fd, &message, 0) == 0);
    return message.payload.u64;
}

void
device_rig_start(struct device_rig *rig, unsigned int n_queues)
{
    struct vhost_message message = {.payload.u64 = ask(rig, VHOST_GET_FEATURES)};

    tell(rig, &message, VHOST_SET_FEATURES, sizeof(message.payload.u64));
    message.payload.u64 = ask(rig, VHOST_GET_PROTOCOL_FEATURES);
    tell(rig, &message, VHOST_SET_PROTOCOL_FEATURES, sizeof(message.payload.u64));
    fill_memory(rig, &message);
    tell(rig, &message, VHOST_SET_MEM_TABLE, 8 + 2 * sizeof(struct vhost_memory_region));
    message.fds.count = 0;
    for (unsigned int i = 0; i < n_queues; i++) {
        start_queue(rig, i);
    }
}

static uint8_t *
ring(const struct device_rig *rig, unsigned int queue)
{
    return rig->ram + DEVICE_RIG_RINGS_AT + (size_t)queue * RING_STRIDE;
}

static void
put_descriptor(uint8_t *table, unsigned int index, const struct vring_desc *descriptor)
{
    memcpy(table + index * sizeof(*descriptor), descriptor, sizeof(*descriptor));
}

static void
kick(struct device_rig *rig, unsigned int queue)
{
    (void)!write(rig->kick_fd[queue], &(uint64_t){1}, sizeof(uint64_t));
    device_rig_run(rig);
}

static void
offer(struct device_rig *rig, unsigned int queue, unsigned int head)
{
    uint8_t *available = ring(rig, queue) + AVAILABLE_AT;
    uint16_t index = load_le16(available + 2);

    store_le16(available + 4 + (size_t)(index % DEVICE_RIG_QUEUE_SIZE) * 2, (uint16_t)head);
    store_le16(available + 2, (uint16_t)(index + 1));
    kick(rig, queue);
}

/* Where a request lies and how it is cut. */
struct layout {
    uint8_t *table;
    unsigned int size; /* of the table */
    unsigned int next;
    unsigned int count;
};

static void
add_descriptor(struct layout *layout, const struct device_rig_buffer *buffer)
{
    unsigned int index = layout->next++ % layout->size;
    const struct vring_desc descriptor = {
        .addr = htole64(buffer->address),
        .len = htole32(buffer->size),
        .flags =
            htole16((uint16_t)(VRING_DESC_F_NEXT | (buffer->writable ? VRING_DESC_F_WRITE : 0))),
        .next = htole16((uint16_t)(layout->next % layout->size))};

    put_descriptor(layout->table, index, &descriptor);
    layout->count++;
}

static void
end_chain(struct layout *layout)
{
    uint8_t *last = layout->table + (layout->next - 1) % layout->size * sizeof(struct vring_desc);

    store_le16(last + 12, (uint16_t)(load_le16(last + 12) & ~VRING_DESC_F_NEXT));
}

/* The request in at most `parts` parts, then the room for an answer. */
static void
lay_out(struct layout *layout, struct fuzz_input *input, uint32_t size)
{
    static const uint32_t rooms[8] = {0, 1, 8, 24, 513, 4096, 1056, 20};
    uint64_t how = fuzz_take(input, 2);
    uint64_t address = DEVICE_RIG_DATA_AT;
    uint32_t part = how & 0x80 ? 1 + (uint32_t)(how >> 8 & 31) : size;

    for (unsigned int i = 0; i < 5 && size > 0; i++) {
        uint32_t n = i == 4 ? size : MIN_OF(size, part);

        add_descriptor(layout, &(struct device_rig_buffer){address, n, false});
        address += n;
        size -= n;
    }
    for (unsigned int i = 0; i <= (how >> 6 & 1); i++) {
        add_descriptor(layout, &(struct device_rig_buffer){DEVICE_RIG_HIGH + i * UINT64_C(0x4000),
                                                           rooms[how >> (3 * i) & 7], true});
    }
    end_chain(layout);
}

void
device_rig_request(struct device_rig *rig, struct fuzz_input *input, unsigned int queue,
                   const void *request, uint32_t size)
{
    bool indirect = fuzz_take(input, 1) & 1;
    unsigned int head = rig->next_descriptor[queue];
    struct layout layout = {.table = ring(rig, queue), .size = DEVICE_RIG_QUEUE_SIZE, .next = head};

    memcpy(rig->ram + DEVICE_RIG_DATA_AT, request, size);
    if (indirect) {
        layout = (struct layout){.table = rig->ram + DEVICE_RIG_TABLE_AT, .size = 64};
    }
    lay_out(&layout, input, size);
    if (indirect) {
        const struct vring_desc descriptor = {
            .addr = htole64(DEVICE_RIG_TABLE_AT),
            .len = htole32(layout.count * (uint32_t)sizeof(struct vring_desc)),
            .flags = htole16(VRING_DESC_F_INDIRECT)};

        put_descriptor(ring(rig, queue), head, &descriptor);
        layout.count = 1;
    }
    rig->next_descriptor[queue] = (uint16_t)((head + layout.count) % DEVICE_RIG_QUEUE_SIZE);
    offer(rig, queue, head);
}

static uint64_t
some_address(struct fuzz_input *input)
{
    static const uint64_t places[] = {
        DEVICE_RIG_DATA_AT,      DEVICE_RIG_HIGH,     DEVICE_RIG_LOW_SIZE - 1,
        DEVICE_RIG_LOW_SIZE,     DEVICE_RIG_RINGS_AT, DEVICE_RIG_TABLE_AT,
        DEVICE_RIG_HIGH - 1,     UINT64_MAX,          DEVICE_RIG_HIGH + DEVICE_RIG_LOW_SIZE - 16,
        UINT64_C(0xffffffff000), DEVICE_RIG_USER};
    uint64_t how = fuzz_take(input, 1);

    return how < 200 ? places[how % ARRAY_SIZE(places)] : fuzz_take(input, 8);
}

static uint32_t
some_size(struct fuzz_input *input)
{
    static const uint32_t sizes[] = {0,    1,     16,      24,         256,       512,
                                     4096, 65536, 1 << 20, UINT32_MAX, 0x7ffffff0};
    uint64_t how = fuzz_take(input, 1);

    return how < 200 ? sizes[how % ARRAY_SIZE(sizes)] : (uint32_t)fuzz_take(input, 4);
}

static void
any_descriptor(struct device_rig *rig, struct fuzz_input *input, unsigned int queue)
{
    uint64_t how = fuzz_take(input, 2);
    const struct vring_desc descriptor = {.addr = htole64(some_address(input)),
                                          .len = htole32(some_size(input)),
                                          .flags = htole16((uint16_t)(how >> 5 & 7)),
                                          .next = htole16((uint16_t)(how >> 8 & 31))};
    uint8_t *table = how & 1 ? rig->ram + DEVICE_RIG_TABLE_AT : ring(rig, queue);

    put_descriptor(table, how >> 1 & 15, &descriptor);
}

void
device_rig_nonsense(struct device_rig *rig, struct fuzz_input *input)
{
    uint64_t how = fuzz_take(input, 1);
    unsigned int queue = how >> 7 & 1;

    switch (how & 7) {
    case 0:
        store_le16(ring(rig, queue) + AVAILABLE_AT + 2, (uint16_t)fuzz_take(input, 2));
        break;
    case 1:
        store_le16(ring(rig, queue) + AVAILABLE_AT, (uint16_t)fuzz_take(input, 1));
        break;
    case 2:
        device_rig_message(rig, input);
        break;
    case 3:
        start_queue(rig, queue);
        break;
    case 4:
        kick(rig, queue);
        break;
    case 5:
        offer(rig, queue, (unsigned int)fuzz_take(input, 1) & 31);
        break;
    default:
        any_descriptor(rig, input, queue);
        break;
    }
}

/* Payload sizes by request; others have none. */
static uint32_t
fill_payload(struct device_rig *rig, struct fuzz_input *input, struct vhost_message *message,
             uint32_t request)
{
    uint64_t how = fuzz_take(input, 1);

    message->payload.u64 = how & 0x80 ? fuzz_take(input, 8) : how & 3;
    switch (request) {
    case VHOST_SET_MEM_TABLE:
        fill_memory(rig, message);
        return 8 + 2 * sizeof(struct vhost_memory_region);
    case VHOST_ADD_MEM_REG:
    case VHOST_REM_MEM_REG:
        message->payload.memory_single.region =
            (struct vhost_memory_region){.guest_address = some_address(input),
                                         .size = some_size(input),
                                         .user_address = DEVICE_RIG_USER + some_address(input),
                                         .mmap_offset = how & 1 ? some_size(input) : 0};
        return sizeof(message->payload.memory_single);
    case VHOST_SET_VRING_ADDR:
        fill_address(message, how & 1);
        message->payload.addr.descriptor += how & 2 ? some_address(input) : 0;
        message->payload.addr.used += how & 4 ? some_address(input) : 0;
        return sizeof(message->payload.addr);
    case VHOST_SET_VRING_NUM:
    case VHOST_SET_VRING_BASE:
    case VHOST_GET_VRING_BASE:
    case VHOST_SET_VRING_ENABLE:
        message->payload.state.index = how & 3;
        message->payload.state.num = how & 4 ? some_size(input) : 1U << (how >> 4);
        return sizeof(message->payload.state);
    case VHOST_GET_CONFIG:
    case VHOST_SET_CONFIG:
        message->payload.config =
            (struct vhost_config){.offset = how & 31, .size = 1U + (how >> 5)};
        memset(message->payload.config.data, (int)how, VHOST_CONFIG_MAX);
        return 12 + message->payload.config.size;
    default:
        return request == VHOST_GET_FEATURES || request == VHOST_GET_PROTOCOL_FEATURES ? 0 : 8;
    }
}

void
device_rig_message(struct device_rig *rig, struct fuzz_input *input)
{
    const int files[] = {rig->ram_fd,     rig->kick_fd[0], rig->call_fd[1],
                         rig->kick_fd[1], rig->loose_fd,   rig->ram_fd};
    struct vhost_message message = {.fds.count = 0};
    uint64_t how = fuzz_take(input, 2);
    uint32_t request = (uint32_t)(how & 0xff) % 46;
    uint32_t size = fill_payload(rig, input, &message, request);

    if (how & 0x100) { /* other descriptors than belong to it */
        message.fds.count = how >> 9 & 3;
        for (unsigned int i = 0; i < message.fds.count; i++) {
            message.fds.fd[i] = files[(how >> 11) % ARRAY_SIZE(files)];
        }
    } else if (request == VHOST_SET_VRING_KICK || request == VHOST_SET_VRING_CALL ||
               request == VHOST_SET_VRING_ERR || request == VHOST_SET_BACKEND_REQ_FD) {
        message.fds = (struct message_fds){{files[1 + (how >> 11) % 3]}, 1};
    }
    message.header = (struct vhost_header){
        .request = request, .flags = VHOST_VERSION | (how & 0x4000 ? VHOST_FLAG_NEED_REPLY : 0)};
    message.header.size = how & 0x8000 ? (uint32_t)fuzz_take(input, 1) : size;
    if (message.header.request == VHOST_ADD_MEM_REG && message.fds.count == 0) {
        message.fds = (struct message_fds){{rig->ram_fd}, 1};
    }
    (void)vhost_message_send(rig->fd, &message, 0);
    device_rig_run(rig);
}
