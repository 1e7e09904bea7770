/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Contexts, textures, transfers, command streams and fences of a hostile guest, in front of a renderer
 * that draws nothing and asserts what a real one relies on; and a display that takes textures, and says when it
 * shows them, or something else.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_gpu.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "tests/fuzz/gpu-rig.h"
#include "vmm/base/assert.h"
#include "vmm/base/memory.h"
#include "vmm/base/message.h"
#include "vmm/devices/gpu/restart.h"
#include "vmm/devices/gpu/texture.h"

enum {
    WORDS_MAX = 24,
    SIDE = GPU_RIG_SIDE,
    ID = 0xf0f0f0f0, /* a resource's number goes here */
    IDS = 64,
    LATE = 16,
};

struct watcher {
    struct renderer renderer; /* first */
    struct gpu *gpu;
    struct fuzz_input *input;
    struct {
        uint32_t id; /* 0: free */
        struct iovec *pages;
        uint32_t n_pages;
    } known[IDS];
    struct renderer_fence late[LATE];
    unsigned int n_late;
    unsigned int n_contexts;
    int memory; /* stands for all textures */
};

static struct watcher *
watcher_of(struct renderer *renderer)
{
    return (struct watcher *)(void *)renderer;
}

/* The entry of `id`, or a free one for 0; -1 when there is none. */
static int
entry_of(const struct watcher *watcher, uint32_t id)
{
    for (unsigned int i = 0; i < IDS; i++) {
        if (watcher->known[i].id == id) {
            return (int)i;
        }
    }
    return -1;
}

static bool
watch_capset(struct renderer *renderer, unsigned int index, struct renderer_capset *ret)
{
    (void)renderer;
    *ret = (struct renderer_capset){.id = index + 1, .version = index + 1, .size = 308};
    return index < 2;
}

static void
watch_fill(struct renderer *renderer, const struct renderer_capset *capset, void *data)
{
    (void)renderer;
    memset(data, 1, capset->size);
}

static int
watch_create_context(struct renderer *renderer, const struct renderer_context *context)
{
    struct watcher *watcher = watcher_of(renderer);

    assert(context->id != 0 && (context->capset == 1 || context->capset == 2));
    assert(!context_find(&watcher->gpu->contexts, context->id));
    if (fuzz_take(watcher->input, 1) == 0x55) {
        return -ENOMEM;
    }
    watcher->n_contexts++;
    return 0;
}

static void
watch_destroy_context(struct renderer *renderer, uint32_t context)
{
    struct watcher *watcher = watcher_of(renderer);

    assert(context != 0 && watcher->n_contexts > 0);
    watcher->n_contexts--;
}

static int
watch_create(struct renderer *renderer, uint32_t id, const struct renderer_texture *texture)
{
    struct watcher *watcher = watcher_of(renderer);
    int i = entry_of(watcher, 0);

    assert(id != 0 && entry_of(watcher, id) < 0);
    assert(texture->width > 0 && texture->height > 0 && texture->depth > 0);
    if (i < 0 || fuzz_take(watcher->input, 1) == 0x55) {
        return -ENOMEM;
    }
    watcher->known[i].id = id;
    return 0;
}

static void
watch_destroy_resource(struct renderer *renderer, uint32_t id)
{
    struct watcher *watcher = watcher_of(renderer);
    int i = entry_of(watcher, id);

    assert(i >= 0 && !watcher->known[i].pages);
    watcher->known[i].id = 0;
}

static int
watch_attach_pages(struct renderer *renderer, uint32_t id, struct iovec *pages, uint32_t n)
{
    struct watcher *watcher = watcher_of(renderer);
    int i = entry_of(watcher, id);

    assert(i >= 0 && !watcher->known[i].pages && n > 0);
    for (uint32_t k = 0; k < n; k++) { /* all of it is memory that we may read */
        volatile uint8_t first = *(const volatile uint8_t *)pages[k].iov_base;
        volatile uint8_t last = ((const volatile uint8_t *)pages[k].iov_base)[pages[k].iov_len - 1];
        (void)first;
        (void)last;
    }
    watcher->known[i].pages = pages;
    watcher->known[i].n_pages = n;
    return 0;
}

static void
watch_detach_pages(struct renderer *renderer, uint32_t id)
{
    struct watcher *watcher = watcher_of(renderer);
    int i = entry_of(watcher, id);

    assert(i >= 0);
    free(watcher->known[i].pages);
    watcher->known[i].pages = NULL;
}

static int
watch_transfer(struct renderer *renderer, uint32_t id, const struct renderer_transfer *transfer)
{
    struct watcher *watcher = watcher_of(renderer);
    const struct resource *resource = resource_find(&watcher->gpu->resources, id);
    const struct renderer_box *box = &transfer->box;

    assert(resource && resource->renderer == renderer && entry_of(watcher, id) >= 0);
    assert(transfer->level <= resource->texture.last_level && transfer->level < 32);
    assert((uint64_t)box->x + box->width <= MAX_OF(resource->texture.width >> transfer->level, 1U));
    assert((uint64_t)box->y + box->height <=
           MAX_OF(resource->texture.height >> transfer->level, 1U));
    if (!transfer->to_host && transfer->pages) { /* a read-back: fill what we were given */
        memset(transfer->pages[0].iov_base, 0x5a, transfer->pages[0].iov_len);
    }
    return fuzz_take(watcher->input, 1) == 0x55 ? -EINVAL : 0;
}

static int
watch_submit(struct renderer *renderer, uint32_t context, void *commands, uint32_t size)
{
    struct watcher *watcher = watcher_of(renderer);

    assert(context_find(&watcher->gpu->contexts, context) && size > 0);
    memset(commands, 0, size);
    return fuzz_take(watcher->input, 1) == 0x55 ? -EINVAL : 0;
}

static int
watch_fence(struct renderer *renderer, const struct renderer_fence *fence)
{
    struct watcher *watcher = watcher_of(renderer);

    if (watcher->n_late == LATE || fuzz_take(watcher->input, 1) & 1) {
        return 1;
    }
    watcher->late[watcher->n_late++] = *fence;
    return 0;
}

/* As virgl does. */
static int
watch_attach(struct renderer *renderer, uint32_t context, struct resource *resource)
{
    const struct watcher *watcher = watcher_of(renderer);

    assert(context_find(&watcher->gpu->contexts, context));
    return texture_promote(watcher->gpu, resource, renderer);
}

static int
watch_export(struct renderer *renderer, uint32_t id, struct renderer_dmabuf *ret)
{
    const struct watcher *watcher = watcher_of(renderer);

    assert(entry_of(watcher, id) >= 0);
    *ret = (struct renderer_dmabuf){.fd = fcntl(watcher->memory, F_DUPFD_CLOEXEC, 0),
                                    .fourcc = GPU_FORMAT_XR24,
                                    .n_planes = 1,
                                    .strides = {4096}};
    return 0;
}

/* Nothing of the guest's is left. */
static int
watch_restart(struct renderer *renderer)
{
    struct watcher *watcher = watcher_of(renderer);

    assert(watcher->n_contexts == 0);
    for (unsigned int i = 0; i < IDS; i++) {
        assert(watcher->known[i].id == 0 && !watcher->known[i].pages);
    }
    return fuzz_take(watcher->input, 1) == 0x55 ? -EIO : 0;
}

static void
watch_destroy(struct renderer *renderer)
{
    const struct watcher *watcher = watcher_of(renderer);

    assert(watcher->n_contexts == 0);
    for (unsigned int i = 0; i < IDS; i++) {
        assert(watcher->known[i].id == 0 && !watcher->known[i].pages);
    }
}

static const struct renderer_ops watch_ops = {
    .name = "watcher",
    .capset = watch_capset,
    .fill_capset = watch_fill,
    .create_context = watch_create_context,
    .destroy_context = watch_destroy_context,
    .attach = watch_attach,
    .create_resource = watch_create,
    .destroy_resource = watch_destroy_resource,
    .attach_pages = watch_attach_pages,
    .detach_pages = watch_detach_pages,
    .transfer = watch_transfer,
    .submit = watch_submit,
    .fence = watch_fence,
    .export_dmabuf = watch_export,
    .restart = watch_restart,
    .destroy = watch_destroy,
};

struct form {
    uint16_t type;
    uint8_t n_words;
    uint32_t words[WORDS_MAX];
};

#define PAGES DEVICE_RIG_DATA_AT + 0x4000, 0, 0x2000, 0, 0x8000, 1, 0x2000, 0

static const struct form forms[16] = {
    {VIRTIO_GPU_CMD_CTX_CREATE, 18, {4, 2, 0x61626364}},
    {VIRTIO_GPU_CMD_CTX_DESTROY, 0, {0}},
    {VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE, 2, {ID}},
    {VIRTIO_GPU_CMD_CTX_DETACH_RESOURCE, 2, {ID}},
    {VIRTIO_GPU_CMD_RESOURCE_CREATE_3D, 12, {ID, 2, 1, 2, SIDE, SIDE, 1, 1, 0, 0, 0, 0}},
    {VIRTIO_GPU_CMD_RESOURCE_CREATE_2D, 4, {ID, 1, SIDE, SIDE}},
    {VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING, 10, {ID, 2, PAGES}},
    {VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING, 2, {ID}},
    {VIRTIO_GPU_CMD_TRANSFER_TO_HOST_3D, 12, {0, 0, 0, SIDE, SIDE, 1, 0, 0, ID, 0, SIDE * 4, 0}},
    {VIRTIO_GPU_CMD_TRANSFER_FROM_HOST_3D, 12, {0, 0, 0, SIDE, SIDE, 1, 0, 0, ID, 0, SIDE * 4, 0}},
    {VIRTIO_GPU_CMD_SUBMIT_3D, 10, {32, 0, 1, 2, 3, 4, 5, 6, 7, 8}},
    {VIRTIO_GPU_CMD_SET_SCANOUT, 6, {0, 0, SIDE, SIDE, 0, ID}},
    {VIRTIO_GPU_CMD_RESOURCE_FLUSH, 6, {0, 0, SIDE, SIDE, ID, 0}},
    {VIRTIO_GPU_CMD_RESOURCE_UNREF, 2, {ID}},
    {VIRTIO_GPU_CMD_GET_CAPSET, 2, {2, 2}},
    {VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D, 8, {0, 0, SIDE, SIDE, 0, 0, ID, 0}},
};

static uint32_t
some_number(struct fuzz_input *input)
{
    static const uint32_t numbers[] = {0,  1,   2,    3,     4,      SIDE,       SIDE + 1,
                                       16, 256, 4096, 16384, 0x4001, 0x7fffffff, 0xffffffff};
    uint64_t how = fuzz_take(input, 1);

    return how < 240 ? numbers[how % ARRAY_SIZE(numbers)] : (uint32_t)fuzz_take(input, 4);
}

/* A good request with up to three words replaced, in one of two contexts, perhaps cut short. */
static void
command(struct device_rig *rig, struct fuzz_input *input, uint64_t how)
{
    uint8_t bytes[24 + WORDS_MAX * 4] = {0};
    struct form form = forms[how >> 8 & 15];
    uint32_t size = 24 + form.n_words * 4U;

    for (uint32_t i = 0; i < form.n_words; i++) {
        form.words[i] = form.words[i] == ID ? 1 + (uint32_t)(how >> 12 & 1) : form.words[i];
    }
    for (uint64_t i = how >> 4 & 3; i > 0; i--) {
        form.words[fuzz_take(input, 1) % WORDS_MAX] = some_number(input);
    }
    store_le32(bytes, form.type);
    store_le32(bytes + 4, (uint32_t)(how >> 14)); /* a fence, on a ring */
    store_le64(bytes + 8, how);
    store_le32(bytes + 16, (uint32_t)(how >> 6 & 3));
    bytes[20] = (uint8_t)(how >> 13 & 1);
    for (uint32_t i = 0; i < WORDS_MAX; i++) {
        store_le32(bytes + 24 + (size_t)4 * i, form.words[i]);
    }
    if ((how & 0xf) == 0xe) {
        size = (uint32_t)fuzz_take(input, 1) % (size + 1);
    }
    device_rig_request(rig, input, GPU_QUEUE_CONTROL, bytes, size);
}

static void
retire(struct watcher *watcher)
{
    if (watcher->n_late > 0) {
        unsigned int i = (unsigned int)fuzz_take(watcher->input, 1) % watcher->n_late;
        struct renderer_fence fence = watcher->late[i];

        watcher->late[i] = watcher->late[--watcher->n_late];
        fences_retire(watcher->gpu, &watcher->renderer, &fence);
    }
}

/* It wishes textures and flips, or no longer, or shows something. */
static void
say(struct gpu_rig *rig, struct fuzz_input *input)
{
    const uint64_t how = fuzz_take(input, 1);
    uint8_t none[1024];
    const struct gpu_flips wish = {.header = {how & 1 ? GPU_TEXTURES : GPU_FLIPS, sizeof(wish)},
                                   .scanout = how >> 2 & 1,
                                   .wanted = (how & 0x38) != 0};
    const struct gpu_shown shown = {.header = {GPU_SHOWN, sizeof(shown)},
                                    .scanout = how >> 2 & 1,
                                    .buffer = (uint32_t)(how >> 3 & 7)};

    if (how & 2) {
        (void)message_send(rig->display, &shown, sizeof(shown), NULL, 0);
    } else {
        (void)message_send(rig->display, &wish, sizeof(wish), NULL, 0);
    }
    device_rig_run(&rig->device);
    while (recv(rig->display, none, sizeof(none), MSG_DONTWAIT) > 0) {
    }
}

/* What may be on a screen is there. */
static void
check_on_screen(const struct gpu *gpu)
{
    for (uint32_t i = 0; i < gpu->n_scanouts; i++) {
        const struct on_screen *on_screen = &gpu->scanouts[i].on_screen;

        assert(on_screen->n <= GPU_ON_SCREEN_MAX);
        for (unsigned int at = 0; at < on_screen->n; at++) {
            const struct resource *resource = on_screen->texture[at].resource;

            assert(resource_find(&gpu->resources, resource->id) == resource);
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct watcher watcher = {.renderer.ops = &watch_ops, .input = &input};
    struct gpu_rig rig;

    gpu_rig_open(&rig);
    rig.setup.screen[1] = rig.setup.screen[0];
    watcher.memory = rig.device.ram_fd;
    gpu_rig_create(&rig);
    watcher.gpu = rig.gpu;
    gpu_add_renderer(watcher.gpu, &watcher.renderer);
    device_rig_start(&rig.device, DEVICE_RIG_QUEUES);
    for (unsigned int i = 0; i < 100 && input.size > 0; i++) {
        uint64_t how = fuzz_take(&input, 2);

        if ((how & 15) < 14) {
            command(&rig.device, &input, how);
        } else if ((how & 15) == 14) {
            retire(&watcher);
        } else if ((how & 0x70) == 0) {
            struct gpu_restarted restarted = {0};

            gpu_restart(watcher.gpu, &restarted); /* late fences of before still end */
        } else if ((how & 0x80) != 0) {
            say(&rig, &input);
        } else {
            device_rig_nonsense(&rig.device, &input);
        }
        assert(watcher.gpu->resources.used <= GPU_RIG_MEMORY_LIMIT);
        assert(watcher.gpu->contexts.count == watcher.n_contexts);
        check_on_screen(watcher.gpu);
    }
    gpu_rig_close(&rig);
    return 0;
}
