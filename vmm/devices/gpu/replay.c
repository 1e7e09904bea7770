/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/devices/gpu/replay.h"

#include <errno.h>
#include <linux/virtio_gpu.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/memory.h"
#include "vmm/base/message.h"
#include "vmm/devices/gpu/gpu.h"
#include "vmm/devices/gpu/record-format.h"
#include "vmm/devices/gpu/replay-guest.h"

#define MEMORY_LIMIT (UINT64_C(2) << 30)

/* What the card shows of which buffer; this process trusts its own card. */
struct buffer {
    uint32_t id; /* 0: free */
    uint64_t size;
    uint8_t *pixels; /* read-only */
};

union message {
    struct start_header header;
    struct gpu_buffer buffer;
    struct gpu_scanout scanout;
    struct gpu_cursor cursor;
};

struct replay {
    const uint8_t *data;
    size_t size;
    int display;
    int front_end;
    struct replay_guest *guest;
    struct buffer buffers[GPU_BUFFERS_MAX];
    struct gpu_scanout scanouts[GPU_SCANOUTS_MAX];
    uint64_t updates;
    uint64_t memory_bytes;
    union message message; /* the last one */
};

static const char *
read_header(const void *data, size_t size, struct gpu_setup *setup)
{
    struct record_header header;

    if (size < sizeof(header)) {
        return "it is too short";
    }
    memcpy(&header, data, sizeof(header));
    if (memcmp(header.magic, RECORD_MAGIC, sizeof(header.magic)) != 0) {
        return "it is no recording of a graphics card";
    }
    if (le32toh(header.version) != RECORD_VERSION) {
        return "another version of Vitrine made it";
    }
    setup->n_scanouts = le32toh(header.n_scanouts);
    setup->screen[0].width = le32toh(header.width);
    setup->screen[0].height = le32toh(header.height);
    if (setup->n_scanouts == 0 || setup->n_scanouts > GPU_SCANOUTS_MAX ||
        setup->screen[0].width > GPU_EDGE_MAX || setup->screen[0].height > GPU_EDGE_MAX ||
        (setup->screen[0].width == 0) != (setup->screen[0].height == 0)) {
        return "its header is damaged";
    }
    return NULL;
}

struct replay *
replay_create(struct loop *loop, const void *data, size_t size, struct gpu_setup *ret_setup,
              const char **ret_why)
{
    struct replay *replay;
    int card[2] = {-1, -1};
    int display[2] = {-1, -1};

    *ret_setup = (struct gpu_setup){.wayland_fd = -1,
                                    .render_fd = -1,
                                    .record_fd = -1,
                                    .udmabuf_fd = -1,
                                    .memory_limit = MEMORY_LIMIT};
    *ret_why = read_header(data, size, ret_setup);
    if (*ret_why) {
        return NULL;
    }
    *ret_why = "there is no memory for it";
    if (fd_socket_pair(SOCK_STREAM, card) < 0) {
        return NULL;
    }
    if (fd_socket_pair(SOCK_SEQPACKET, display) < 0) {
        fd_closep(&card[0]);
        fd_closep(&card[1]);
        return NULL;
    }
    replay = xalloc(sizeof(*replay));
    replay->data = data;
    replay->size = size;
    replay->front_end = card[0];
    replay->display = display[0];
    ret_setup->device.vhost_fd = card[1];
    ret_setup->display_fd = display[1];
    replay->guest = replay_guest_create(loop, replay->front_end);
    if (!replay->guest || fd_set_nonblocking(replay->display) < 0) {
        fd_closep(&card[1]);
        fd_closep(&display[1]);
        replay_destroy(replay);
        return NULL;
    }
    return replay;
}

static void
drop_buffer(struct buffer *buffer)
{
    if (buffer->id) {
        munmap(buffer->pixels, buffer->size);
    }
    *buffer = (struct buffer){0};
}

void
replay_destroy(struct replay *replay)
{
    if (!replay) {
        return;
    }
    for (unsigned int i = 0; i < GPU_BUFFERS_MAX; i++) {
        drop_buffer(&replay->buffers[i]);
    }
    replay_guest_destroy(replay->guest);
    fd_closep(&replay->front_end);
    fd_closep(&replay->display);
    free(replay);
}

/* The buffer `id`, or for 0 a free place; NULL when there is none. */
static struct buffer *
find_buffer(struct replay *replay, uint32_t id)
{
    for (unsigned int i = 0; i < GPU_BUFFERS_MAX; i++) {
        if (replay->buffers[i].id == id) {
            return &replay->buffers[i];
        }
    }
    return NULL;
}

static void
take_buffer(struct replay *replay, const struct gpu_buffer *told, int fd)
{
    struct buffer *buffer = find_buffer(replay, 0);
    void *pixels =
        buffer && fd >= 0 ? mmap(NULL, told->size, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;

    if (pixels != MAP_FAILED) {
        *buffer = (struct buffer){told->id, told->size, pixels};
    }
}

static void
take_message(struct replay *replay, struct message_fds *fds)
{
    const union message *message = &replay->message;
    struct buffer *buffer;

    switch (message->header.type) {
    case GPU_BUFFER:
        take_buffer(replay, &message->buffer, fds->count > 0 ? fds->fd[0] : -1);
        break;
    case GPU_BUFFER_GONE:
        buffer = find_buffer(replay, message->buffer.id);
        if (buffer) {
            drop_buffer(buffer);
        }
        break;
    case GPU_SCANOUT:
        replay->scanouts[message->scanout.scanout % GPU_SCANOUTS_MAX] = message->scanout;
        break;
    case GPU_UPDATE:
        replay->updates++;
        break;
    default:
        break;
    }
}

/* What the card told its display. */
static void
watch_display(struct replay *replay)
{
    struct message_fds fds;

    while (message_receive(replay->display, &replay->message, sizeof(replay->message), &fds) > 0) {
        take_message(replay, &fds);
        message_close_fds(&fds);
    }
}

static uint64_t
fnv1a(uint64_t sum, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        sum = (sum ^ data[i]) * UINT64_C(0x100000001b3);
    }
    return sum;
}

/* One row as B, G, R, 0. */
static uint64_t
sum_row(uint64_t sum, const uint8_t *row, uint32_t width, uint32_t format)
{
    const bool red_first = format == GPU_FORMAT_XB24 || format == GPU_FORMAT_AB24;

    for (uint32_t x = 0; x < width; x++, row += 4) {
        const uint8_t colour[4] = {row[red_first ? 2 : 0], row[1], row[red_first ? 0 : 2], 0};

        sum = fnv1a(sum, colour, sizeof(colour));
    }
    return sum;
}

static struct replay_picture
picture_of(struct replay *replay, const struct gpu_scanout *scanout)
{
    struct replay_picture picture = {.sum = UINT64_C(0xcbf29ce484222325)};
    const struct buffer *buffer = scanout->buffer ? find_buffer(replay, scanout->buffer) : NULL;

    if (!buffer || scanout->height == 0 ||
        !range_inside(scanout->offset,
                      (uint64_t)scanout->stride * (scanout->height - 1) +
                          (uint64_t)scanout->width * 4,
                      buffer->size)) {
        return (struct replay_picture){0};
    }
    picture.width = scanout->width;
    picture.height = scanout->height;
    for (uint32_t y = 0; y < scanout->height; y++) {
        picture.sum =
            sum_row(picture.sum, buffer->pixels + scanout->offset + (uint64_t)y * scanout->stride,
                    scanout->width, scanout->format);
    }
    return picture;
}

static bool
write_memory(struct replay *replay, const uint8_t *payload, uint32_t size)
{
    struct record_memory memory;

    if (size < sizeof(memory)) {
        return false;
    }
    memcpy(&memory, payload, sizeof(memory));
    replay->memory_bytes += size - sizeof(memory);
    return replay_guest_write(replay->guest, le32toh(memory.resource), le64toh(memory.offset),
                              payload + sizeof(memory), size - sizeof(memory));
}

/* Give the resource of the request its piece, and put that into the one entry behind `fixed` bytes. */
static uint32_t
place_memory(struct replay *replay, uint8_t *request, uint32_t size, uint32_t fixed,
             uint32_t count_at)
{
    if (size < fixed + sizeof(struct virtio_gpu_mem_entry) || load_le32(request + count_at) != 1) {
        return MIN_OF(size,
                      fixed); /* without memory, as it was; the card says what it thinks of it */
    }
    uint64_t address =
        replay_guest_take(replay->guest, load_le32(request + 24), load_le32(request + fixed + 8));
    store_le64(request + fixed, address);
    return fixed + (uint32_t)sizeof(struct virtio_gpu_mem_entry);
}

static int
play_control(struct replay *replay, const struct gpu *gpu, uint8_t *request, uint32_t size)
{
    const uint32_t type = load_le32(request);

    if (type == VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING) {
        size =
            place_memory(replay, request, size, sizeof(struct virtio_gpu_resource_attach_backing),
                         offsetof(struct virtio_gpu_resource_attach_backing, nr_entries));
    } else if (type == VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB) {
        size = place_memory(replay, request, size, sizeof(struct virtio_gpu_resource_create_blob),
                            offsetof(struct virtio_gpu_resource_create_blob, nr_entries));
    }
    int r = replay_guest_send(replay->guest, gpu, GPU_QUEUE_CONTROL, request, size);
    if (r == 0 && size >= 28 &&
        (type == VIRTIO_GPU_CMD_RESOURCE_UNREF || type == VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING)) {
        replay_guest_give(replay->guest, load_le32(request + 24));
    }
    return r;
}

/* One entry; -EBADMSG when it is damaged. `room` has RECORD_SIZE_MAX bytes. */
static int
play_entry(struct replay *replay, const struct gpu *gpu, const struct record_entry *entry,
           const uint8_t *payload, uint8_t *room)
{
    switch (entry->kind) {
    case RECORD_CONTROL:
    case RECORD_CURSOR:
        if (entry->size < sizeof(struct virtio_gpu_ctrl_hdr)) {
            return -EBADMSG;
        }
        memcpy(room, payload, entry->size);
        return entry->kind == RECORD_CONTROL
                   ? play_control(replay, gpu, room, entry->size)
                   : replay_guest_send(replay->guest, gpu, GPU_QUEUE_CURSOR, room, entry->size);
    case RECORD_MEMORY:
        return write_memory(replay, payload, entry->size) ? 0 : -EBADMSG;
    case RECORD_RESET:
        return replay_guest_reset(replay->guest);
    default:
        return -EBADMSG;
    }
}

static int
play_all(struct replay *replay, const struct gpu *gpu)
{
    cleanup_free uint8_t *room = xalloc(RECORD_SIZE_MAX);
    size_t at = sizeof(struct record_header);
    struct record_entry entry;
    int r = 0;

    /* A recording may end in the middle of an entry: whoever made it was ended. */
    while (r == 0 && replay->size - at >= sizeof(entry)) {
        memcpy(&entry, replay->data + at, sizeof(entry));
        at += sizeof(entry);
        entry.kind = le32toh(entry.kind);
        entry.size = le32toh(entry.size);
        if (entry.size > RECORD_SIZE_MAX) {
            return -EBADMSG;
        }
        if (entry.size > replay->size - at) {
            break;
        }
        r = play_entry(replay, gpu, &entry, replay->data + at, room);
        at += entry.size;
        watch_display(replay);
    }
    return r;
}

static uint64_t
now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

int
replay_play(struct replay *replay, struct gpu *gpu, struct replay_result *ret_result,
            const char **ret_why)
{
    const struct start_header hello = {.type = GPU_DISPLAY_HELLO, .size = sizeof(hello)};
    struct replay_answers answers = {0};
    int r = message_send(replay->display, &hello, sizeof(hello), NULL, 0);

    r = r < 0 ? r : replay_guest_start(replay->guest);
    const uint64_t start = now_ns();
    r = r < 0 ? r : play_all(replay, gpu);
    int finished = replay_guest_finish(replay->guest, &answers);
    watch_display(replay);
    *ret_result = (struct replay_result){.requests = answers.requests,
                                         .failed = answers.failed,
                                         .memory_bytes = replay->memory_bytes,
                                         .updates = replay->updates,
                                         .time_ns = now_ns() - start};
    for (unsigned int i = 0; i < GPU_SCANOUTS_MAX; i++) {
        ret_result->picture[i] = picture_of(replay, &replay->scanouts[i]);
    }
    r = r < 0 ? r : finished;
    *ret_why = r == -EBADMSG ? "the recording is damaged" : "the card answers no more";
    return r < 0 ? -1 : 0;
}
