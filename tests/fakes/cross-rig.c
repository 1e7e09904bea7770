/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fakes/cross-rig.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_gpu.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/devices/gpu/dmabuf.h"
#include "vmm/virtio/queue.h"

enum {
    RAM_AT = 0x100000,
    RAM_SIZE = CROSS_RIG_RESOURCES * CROSS_PAGE_SIZE,
    HALF = CROSS_PAGE_SIZE / 2,
};

static const struct guest_memory *
rig_memory(void *data)
{
    return ((struct cross_rig *)data)->memory;
}

static void
rig_retire(void *data, const struct renderer *renderer, const struct renderer_fence *fence)
{
    struct cross_rig *rig = data;

    (void)renderer;
    rig->retired = fence->token;
    rig->n_retired++;
}

static int
rig_connect(void *data, uint64_t serial)
{
    struct cross_rig *rig = data;

    rig->serial = serial;
    rig->asked++;
    return 0;
}

static int
rig_charge(void *data, uint64_t bytes)
{
    return resource_table_charge(&((struct cross_rig *)data)->resources, bytes);
}

static void
rig_refund(void *data, uint64_t bytes)
{
    resource_table_refund(&((struct cross_rig *)data)->resources, bytes);
}

static int
rig_make_dmabuf(void *data, int memory, uint64_t size)
{
    struct cross_rig *rig = data;
    int fd = rig->how.udmabuf >= 0    ? dmabuf_create(rig->how.udmabuf, memory, size)
             : rig->how.makes_dmabufs ? fcntl(memory, F_DUPFD_CLOEXEC, 0)
                                      : -1;

    rig->n_dmabufs += fd >= 0;
    return fd < 0 ? -ENODEV : fd;
}

static const struct cross_domain_host rig_host = {.memory = rig_memory,
                                                  .retire = rig_retire,
                                                  .connect = rig_connect,
                                                  .charge = rig_charge,
                                                  .refund = rig_refund,
                                                  .make_dmabuf = rig_make_dmabuf};

bool
cross_rig_open(struct cross_rig *rig)
{
    return cross_rig_open_how(rig, (struct cross_rig_how){.udmabuf = -1});
}

bool
cross_rig_open_how(struct cross_rig *rig, struct cross_rig_how how)
{
    const struct guest_memory_region region = {
        .guest_address = RAM_AT, .user_address = RAM_AT, .size = RAM_SIZE};

    *rig = (struct cross_rig){.compositor = -1, .how = how};
    rig->ram_fd = fd_memory_file("guest", RAM_SIZE);
    rig->ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, rig->ram_fd, 0);
    rig->memory = guest_memory_create();
    rig->loop = loop_create();
    resource_table_init(&rig->resources, UINT64_C(64) << 20);
    rig->renderer = cross_domain_create(rig->loop, &rig_host, rig, how.sends_resources);
    return rig->ram != MAP_FAILED && guest_memory_add(rig->memory, &region, rig->ram_fd) == 0;
}

void
cross_rig_close(struct cross_rig *rig)
{
    rig->renderer->ops->destroy(rig->renderer);
    for (unsigned int i = 0; i < RESOURCE_BUCKETS; i++) {
        list_for_each_safe(pos, &rig->resources.buckets[i]) {
            resource_destroy(&rig->resources, list_container(pos, struct resource, link));
        }
    }
    loop_destroy(rig->loop);
    guest_memory_destroy(rig->memory);
    munmap(rig->ram, RAM_SIZE);
    fd_closep(&rig->ram_fd);
    fd_closep(&rig->compositor);
}

/* The two halves of a page lie apart, the second one first. */
static uint64_t
half_address(uint32_t id, uint32_t half)
{
    return RAM_AT + (uint64_t)(id % CROSS_RIG_RESOURCES) * CROSS_PAGE_SIZE + (half == 0 ? HALF : 0);
}

bool
cross_rig_page(struct cross_rig *rig, uint32_t context, uint32_t id)
{
    struct virtio_gpu_mem_entry entries[2];
    struct iovec iov = {.iov_base = entries, .iov_len = sizeof(entries)};
    struct chain chain = {.n_out = 1, .iov = &iov, .out_size = sizeof(entries)};
    struct backing *backing;

    for (uint32_t i = 0; i < 2; i++) {
        entries[i] = (struct virtio_gpu_mem_entry){.addr = htole64(half_address(id, i)),
                                                   .length = htole32(HALF)};
    }
    if (backing_read(&chain, 2, rig->memory, &backing) < 0) {
        return false;
    }
    if (resource_create_blob(&rig->resources, id, CROSS_PAGE_SIZE, backing) < 0) {
        backing_destroy(backing);
        return false;
    }
    return rig->renderer->ops->attach(rig->renderer, context, resource_find(&rig->resources, id)) ==
           0;
}

void *
cross_rig_look(struct cross_rig *rig, uint32_t id)
{
    static _Alignas(8) uint8_t page[CROSS_PAGE_SIZE];

    for (uint32_t i = 0; i < 2; i++) {
        memcpy(page + (size_t)i * HALF, rig->ram + (half_address(id, i) - RAM_AT), HALF);
    }
    return page;
}

bool
cross_rig_context(struct cross_rig *rig, uint32_t id)
{
    const struct renderer_context info = {.id = id, .capset = CROSS_CAPSET};
    const struct cross_init init = {
        .header = {.command = CROSS_INIT, .size = htole16(sizeof(init))},
        .query_ring = htole32(id * 2 - 1),
        .channel_ring = htole32(id * 2),
        .channel_type = htole32(CROSS_CHANNEL_WAYLAND)};
    int pair[2];

    if (rig->renderer->ops->create_context(rig->renderer, &info) < 0 ||
        !cross_rig_page(rig, id, id * 2 - 1) || !cross_rig_page(rig, id, id * 2) ||
        cross_rig_submit(rig, id, &init, sizeof(init)) < 0 ||
        fd_socket_pair(SOCK_STREAM, pair) < 0) {
        return false;
    }
    fd_closep(&rig->compositor);
    rig->compositor = pair[0];
    fd_set_nonblocking(rig->compositor);
    cross_domain_connected(rig->renderer, rig->serial, pair[1]);
    return true;
}

int
cross_rig_submit(struct cross_rig *rig, uint32_t context, const void *commands, size_t size)
{
    void *copy = malloc(size); /* so that a sanitizer sees its end */

    memcpy(copy, commands, size);
    int r = rig->renderer->ops->submit(rig->renderer, context, copy, (uint32_t)size);
    free(copy);
    return r;
}

int
cross_rig_submit_fenced(struct cross_rig *rig, uint32_t context, const void *commands, size_t size,
                        uint32_t ring)
{
    const struct renderer_fence fence = {
        .on_ring = true, .context = context, .ring = ring, .token = ++rig->token};

    (void)cross_rig_submit(rig, context, commands, size);
    return rig->renderer->ops->fence(rig->renderer, &fence);
}

int
cross_rig_poll(struct cross_rig *rig, uint32_t context)
{
    const struct cross_header poll = {.command = CROSS_POLL, .size = htole16(sizeof(poll))};

    return cross_rig_submit_fenced(rig, context, &poll, sizeof(poll), CROSS_RING_CHANNEL);
}

void
cross_rig_run(struct cross_rig *rig)
{
    for (int i = 0; i < 8; i++) {
        loop_iterate(rig->loop, 0);
    }
}

int
cross_rig_blob(struct cross_rig *rig, uint32_t context, uint32_t id, uint64_t blob_id,
               uint64_t size)
{
    const struct renderer_blob blob = {.context = context,
                                       .memory = VIRTIO_GPU_BLOB_MEM_HOST3D,
                                       .flags = VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE,
                                       .blob_id = blob_id,
                                       .size = size};
    int r = rig->renderer->ops->create_blob(rig->renderer, id, &blob);

    if (r == 0) {
        /* Only its number counts for the renderer: a page of guest memory stands in. */
        r = cross_rig_page(rig, context, id) ? 0 : -1;
    }
    return r;
}

struct cross_rig_send
cross_rig_make_send(const char *text)
{
    struct cross_rig_send send = {.message = {.data_size = htole32((uint32_t)strlen(text))}};

    send.message.header.command = CROSS_SEND;
    send.message.header.size = htole16(sizeof(send));
    memcpy(send.data, text, strlen(text));
    return send;
}

int
cross_rig_ask_image(struct cross_rig *rig, uint32_t width, uint32_t height, uint32_t fourcc,
                    uint32_t flags)
{
    const struct cross_get_image ask = {
        .header = {.command = CROSS_GET_IMAGE_REQUIREMENTS, .size = htole16(sizeof(ask))},
        .width = htole32(width),
        .height = htole32(height),
        .fourcc = htole32(fourcc),
        .flags = htole32(flags)};

    return cross_rig_submit(rig, 1, &ask, sizeof(ask));
}

unsigned int
cross_rig_descriptors(void)
{
    unsigned int n = 0;

    for (int fd = 0; fd < 4096; fd++) {
        n += fcntl(fd, F_GETFD) >= 0;
    }
    return n;
}
