/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/device/gpu-card.h"

#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/message.h"

bool
card_start(struct card *card)
{
    return card_start_level(card, GPU_LEVEL_2D);
}

bool
card_start_level(struct card *card, uint32_t level)
{
    return card_start_full(card, level, -1);
}

bool
card_start_full(struct card *card, uint32_t level, int wayland)
{
    const struct gpu_setup setup = {.level = level,
                                    .record_fd = -1,
                                    .udmabuf_fd = -1,
                                    .wayland_fd = wayland < 0 ? -1 : FAKE_FD_MORE + 1};

    return card_start_setup(card, setup, wayland);
}

bool
card_start_setup(struct card *card, struct gpu_setup setup, int extra)
{
    int pair[2];

    setup.display_fd = FAKE_FD_MORE;
    if (setup.n_scanouts == 0) {
        setup.n_scanouts = 2;
        setup.screen[0] = setup.screen[1] = (struct gpu_screen){.width = 1280, .height = 800};
    }
    setup.memory_limit = MEMORY_LIMIT;
    setup.vulkan_contexts = VULKAN_CONTEXTS;
    setup.render_fd = -1;
    card->header = (void *)card->response;
    if (fd_socket_pair(SOCK_SEQPACKET, pair) < 0) {
        return false;
    }
    card->display = pair[0];
    fd_set_nonblocking(card->display);
    bool ok = fake_start(&card->fake, "VMM_GPU", &setup, sizeof(setup), (int[2]){pair[1], extra});
    close(pair[1]);
    return ok && (setup.wayland_fd < 0 || fake_open_requests(&card->fake)) &&
           fake_open(&card->fake, 2);
}

int
card_stop(struct card *card)
{
    close(card->display);
    return fake_end(&card->fake);
}

uint32_t
card_ask(struct card *card, uint32_t type, void *request, size_t size, const struct iovec *extra)
{
    struct virtio_gpu_ctrl_hdr *header = request;
    struct fake_segment segments[3] = {{REQUEST_AT, (uint32_t)size, false}};
    size_t n = 1;

    header->type = type;
    memcpy(fake_ram(&card->fake, REQUEST_AT), request, size);
    if (extra) {
        memcpy(fake_ram(&card->fake, REQUEST_AT + 0x1000), extra->iov_base, extra->iov_len);
        segments[n++] = (struct fake_segment){REQUEST_AT + 0x1000, (uint32_t)extra->iov_len, false};
    }
    memset(fake_ram(&card->fake, RESPONSE_AT), 0xee, sizeof(card->response));
    segments[n++] = (struct fake_segment){RESPONSE_AT, sizeof(card->response), true};
    card->written = fake_request(&card->fake, 0, segments, n);
    memcpy(card->response, fake_ram(&card->fake, RESPONSE_AT), sizeof(card->response));
    return card->written < 24 ? 0 : card->header->type;
}

bool
card_ask_cursor(struct card *card, uint32_t type, struct virtio_gpu_update_cursor *cursor)
{
    struct fake_segment segment = {REQUEST_AT, sizeof(*cursor), false};

    cursor->hdr.type = type;
    memcpy(fake_ram(&card->fake, REQUEST_AT), cursor, sizeof(*cursor));
    return fake_request(&card->fake, 1, &segment, 1) == 0;
}

uint32_t
card_create_2d(struct card *card, uint32_t id, uint32_t width, uint32_t height)
{
    struct virtio_gpu_resource_create_2d request = {
        .resource_id = id, .format = 2, .width = width, .height = height};

    return card_ask(card, VIRTIO_GPU_CMD_RESOURCE_CREATE_2D, &request, sizeof(request), NULL);
}

/* Pages of guest memory in reverse order, so that nothing is where a naive device looks. */
static size_t
scattered(struct virtio_gpu_mem_entry *entries, uint64_t size)
{
    size_t n = (size + 4095) / 4096;

    for (size_t i = 0; i < n; i++) {
        entries[i] =
            (struct virtio_gpu_mem_entry){.addr = PIXELS_AT + (n - 1 - i) * 4096, .length = 4096};
    }
    return n;
}

uint8_t *
card_pixel(struct card *card, uint64_t size, uint64_t offset)
{
    uint64_t n = (size + 4095) / 4096;

    return fake_ram(&card->fake, PIXELS_AT + (n - 1 - offset / 4096) * 4096 + offset % 4096);
}

void
card_paint(struct card *card, uint64_t size, uint32_t seed)
{
    for (uint64_t i = 0; i < size; i += 4) {
        store_le32(card_pixel(card, size, i), (uint32_t)i * 2654435761U + seed);
    }
}

uint32_t
card_attach(struct card *card, uint32_t id, uint64_t size)
{
    static struct virtio_gpu_mem_entry entries[ENTRIES_MAX];
    size_t n = scattered(entries, size);
    struct virtio_gpu_resource_attach_backing request = {.resource_id = id,
                                                         .nr_entries = (uint32_t)n};

    return card_ask(card, VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING, &request, sizeof(request),
                    &(struct iovec){entries, n * sizeof(entries[0])});
}

uint32_t
card_create_blob(struct card *card, uint32_t id, uint64_t size)
{
    static struct virtio_gpu_mem_entry entries[ENTRIES_MAX];
    size_t n = scattered(entries, size);
    struct virtio_gpu_resource_create_blob request = {.resource_id = id,
                                                      .blob_mem = VIRTIO_GPU_BLOB_MEM_GUEST,
                                                      .blob_flags = 2,
                                                      .nr_entries = (uint32_t)n,
                                                      .size = size};

    return card_ask(card, VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB, &request, sizeof(request),
                    &(struct iovec){entries, n * sizeof(entries[0])});
}

uint32_t
card_transfer(struct card *card, uint32_t id, struct virtio_gpu_rect rect, uint64_t offset)
{
    struct virtio_gpu_transfer_to_host_2d request = {
        .r = rect, .offset = offset, .resource_id = id};

    return card_ask(card, VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D, &request, sizeof(request), NULL);
}

uint32_t
card_set_scanout(struct card *card, uint32_t scanout, uint32_t id, struct virtio_gpu_rect rect)
{
    struct virtio_gpu_set_scanout request = {.r = rect, .scanout_id = scanout, .resource_id = id};

    return card_ask(card, VIRTIO_GPU_CMD_SET_SCANOUT, &request, sizeof(request), NULL);
}

uint32_t
card_flush(struct card *card, uint32_t id, struct virtio_gpu_rect rect)
{
    struct virtio_gpu_resource_flush request = {.r = rect, .resource_id = id};

    return card_ask(card, VIRTIO_GPU_CMD_RESOURCE_FLUSH, &request, sizeof(request), NULL);
}

uint32_t
card_unref(struct card *card, uint32_t id)
{
    struct virtio_gpu_resource_unref request = {.resource_id = id};

    return card_ask(card, VIRTIO_GPU_CMD_RESOURCE_UNREF, &request, sizeof(request), NULL);
}

uint32_t
card_next(struct card *card, struct shown *shown)
{
    struct message_fds fds;

    shown->fd = -1;
    ssize_t n = message_receive(card->display, shown, sizeof(struct gpu_cursor), &fds);
    if (n <= 0) {
        return 0;
    }
    shown->fd = message_take_fd(&fds, 0);
    message_close_fds(&fds);
    return shown->header.size == n ? shown->header.type : UINT32_MAX;
}

bool
card_say_hello(struct card *card)
{
    const struct start_header hello = {GPU_DISPLAY_HELLO, sizeof(hello)};
    struct pollfd wait = {.fd = card->display, .events = POLLIN};
    static struct shown shown;

    message_send(card->display, &hello, sizeof(hello), NULL, 0);
    if (poll(&wait, 1, FAKE_LIMIT_MS) != 1 || card_next(card, &shown) != GPU_HELLO) {
        return false;
    }
    usleep(20000);
    while (card_next(card, &shown) != 0) {
        fd_closep(&shown.fd);
    }
    return true;
}

bool
card_restart(struct card *card, struct gpu_restarted *ret)
{
    const struct start_header wish = {GPU_RESTART, sizeof(wish)};
    struct pollfd wait = {.fd = card->display, .events = POLLIN};
    static struct shown shown;

    if (message_send(card->display, &wish, sizeof(wish), NULL, 0) < 0) {
        return false;
    }
    while (poll(&wait, 1, FAKE_LIMIT_MS) == 1) {
        const uint32_t type = card_next(card, &shown);

        if (type == GPU_RESTARTED || type == 0) {
            *ret = shown.restarted;
            return type == GPU_RESTARTED;
        }
        fd_closep(&shown.fd);
    }
    return false;
}

const uint8_t *
shown_map(const struct shown *shown)
{
    if (fd_check_memory_file(shown->fd, shown->buffer.size) < 0) {
        return NULL;
    }
    void *pixels = mmap(NULL, shown->buffer.size, PROT_READ, MAP_SHARED, shown->fd, 0);
    return pixels == MAP_FAILED ? NULL : pixels;
}

uint32_t
card_set_scanout_blob(struct card *card, uint32_t id, struct virtio_gpu_rect rect,
                      struct layout layout)
{
    struct virtio_gpu_set_scanout_blob request = {.r = rect,
                                                  .resource_id = id,
                                                  .width = layout.width,
                                                  .height = layout.height,
                                                  .format = 2,
                                                  .strides = {layout.width * 4},
                                                  .offsets = {layout.offset}};

    return card_ask(card, VIRTIO_GPU_CMD_SET_SCANOUT_BLOB, &request, sizeof(request), NULL);
}
