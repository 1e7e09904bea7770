/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Runs inside the guest of windows.py, as its only program, off a disk that is this very file: speaks
 * with the host's compositor through a cross-domain context of the stock virtio-gpu driver, draws a
 * window in memory that both share, and waits until the compositor asks for the next frame.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/guest/wayland.h"
#include "vmm/guest/virtgpu-uapi.h"
#include "vmm/protocol/cross-domain.h"

enum {
    WIDTH = 200,
    HEIGHT = 100,
    POOL_SIZE = 81920, /* WIDTH * HEIGHT * 4, whole pages */

    /* Our Wayland objects. */
    COMPOSITOR = WAYLAND_FREE,
    SHM,
    WM_BASE,
    SURFACE,
    XDG_SURFACE,
    TOPLEVEL,
    POOL,
    BUFFER,
    FRAME,
};

#define XR24 0x34325258

struct shared {
    uint32_t resource;
    void *memory;
};

struct program {
    int card;
    struct shared query;
    struct shared channel;
    struct wayland words;
};

_Noreturn void
fail(const char *what)
{
    printf("WINDOW failed: %s: %s\n", what, strerror(errno));
    exit(1);
}

static struct shared
make_shared(struct program *p, uint32_t kind, uint64_t blob_id, uint64_t size)
{
    struct drm_virtgpu_resource_create_blob blob = {.blob_mem = kind,
                                                    .blob_flags = VIRTGPU_BLOB_FLAG_USE_MAPPABLE,
                                                    .size = size,
                                                    .blob_id = blob_id};
    struct drm_virtgpu_map map = {.offset = 0};

    if (ioctl(p->card, DRM_IOCTL_VIRTGPU_CREATE_BLOB, &blob) < 0) {
        fail("create a blob");
    }
    map.handle = blob.bo_handle;
    if (ioctl(p->card, DRM_IOCTL_VIRTGPU_MAP, &map) < 0) {
        fail("place a blob");
    }
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, p->card, (off_t)map.offset);
    if (memory == MAP_FAILED) {
        fail("map a blob");
    }
    return (struct shared){blob.res_handle, memory};
}

static void
submit(struct program *p, const void *command, size_t size, uint32_t flags)
{
    struct drm_virtgpu_execbuffer exec = {.flags = flags,
                                          .size = (uint32_t)size,
                                          .command = (uintptr_t)command,
                                          .fence_fd = -1,
                                          .ring_idx = flags ? CROSS_RING_CHANNEL : 0};

    if (ioctl(p->card, DRM_IOCTL_VIRTGPU_EXECBUFFER, &exec) < 0) {
        fail("submit");
    }
}

static void
open_card(struct program *p)
{
    struct cross_capset capset = {0};
    struct drm_virtgpu_get_caps caps = {
        .cap_set_id = CROSS_CAPSET, .addr = (uintptr_t)&capset, .size = sizeof(capset)};
    struct drm_virtgpu_context_set_param params[] = {
        {VIRTGPU_CONTEXT_PARAM_CAPSET_ID, CROSS_CAPSET},
        {VIRTGPU_CONTEXT_PARAM_NUM_RINGS, 2},
        {VIRTGPU_CONTEXT_PARAM_POLL_RINGS_MASK, 1 << CROSS_RING_CHANNEL}};
    struct drm_virtgpu_context_init context = {.num_params = 3,
                                               .ctx_set_params = (uintptr_t)params};

    p->card = open("/dev/dri/renderD128", O_RDWR);
    if (p->card < 0) {
        fail("open the graphics card");
    }
    if (ioctl(p->card, DRM_IOCTL_VIRTGPU_GET_CAPS, &caps) < 0 || capset.version != 1) {
        fail("ask for the capset");
    }
    if (ioctl(p->card, DRM_IOCTL_VIRTGPU_CONTEXT_INIT, &context) < 0) {
        fail("make a context");
    }
    p->query = make_shared(p, VIRTGPU_BLOB_MEM_GUEST, 0, CROSS_PAGE_SIZE);
    p->channel = make_shared(p, VIRTGPU_BLOB_MEM_GUEST, 0, CROSS_PAGE_SIZE);
    const struct cross_init hello = {.header = {.command = CROSS_INIT, .size = sizeof(hello)},
                                     .query_ring = p->query.resource,
                                     .channel_ring = p->channel.resource,
                                     .channel_type = CROSS_CHANNEL_WAYLAND};
    submit(p, &hello, sizeof(hello), 0);
}

/* Take what the compositor says next. */
static void
listen_once(struct program *p)
{
    const struct cross_header poll = {.command = CROSS_POLL, .size = sizeof(poll)};
    const struct cross_message *message = p->channel.memory;
    uint32_t event[2]; /* struct drm_event: type, length */

    submit(p, &poll, sizeof(poll), VIRTGPU_EXECBUF_RING_IDX);
    if (read(p->card, event, sizeof(event)) != sizeof(event)) {
        fail("wait for the compositor");
    }
    if (message->header.command != CROSS_RECEIVE || message->data_size == 0 ||
        p->words.n_heard + message->data_size > sizeof(p->words.heard)) {
        fail("hear the compositor");
    }
    memcpy(p->words.heard + p->words.n_heard, message + 1, message->data_size);
    p->words.n_heard += message->data_size;
}

/* Listen until that event; where it is in what was heard. */
static size_t
await(struct program *p, uint32_t id, uint32_t opcode)
{
    size_t at = 0;

    while (!wayland_find(&p->words, id, opcode, &at)) {
        listen_once(p);
    }
    return at;
}

/* Send what was said, with the image if there is one. */
static void
speak(struct program *p, uint32_t image)
{
    static struct {
        struct cross_message message;
        uint8_t data[sizeof(((struct wayland *)0)->said)];
    } send;

    send.message = (struct cross_message){
        .header = {.command = CROSS_SEND,
                   .size = (uint16_t)(sizeof(send.message) + p->words.n_said)},
        .n_ids = image != 0,
        .data_size = (uint32_t)p->words.n_said,
        .ids = {image},
        .types = {CROSS_ID_BLOB}};
    memcpy(send.data, p->words.said, p->words.n_said);
    submit(p, &send, sizeof(send.message) + p->words.n_said, 0);
    p->words.n_said = 0;
}

static struct shared
make_image(struct program *p)
{
    const struct cross_get_image ask = {
        .header = {.command = CROSS_GET_IMAGE_REQUIREMENTS, .size = sizeof(ask)},
        .width = WIDTH,
        .height = HEIGHT,
        .fourcc = XR24};
    const volatile struct cross_image *image = p->query.memory;

    submit(p, &ask, sizeof(ask), 0);
    for (int i = 0; image->blob_id == 0 && i < 1000; i++) {
        usleep(1000); /* a guest that means it waits for a fence */
    }
    if (image->size != POOL_SIZE || image->strides[0] != WIDTH * 4) {
        fail("get an image");
    }
    return make_shared(p, VIRTGPU_BLOB_MEM_HOST3D, image->blob_id, POOL_SIZE);
}

int
main(void)
{
    static struct program program;
    struct program *p = &program;
    struct wayland *w = &p->words;

    setvbuf(stdout, NULL, _IONBF, 0);
    open_card(p);
    wayland_say_hello(w);
    speak(p, 0);
    (void)await(p, WAYLAND_SYNC, 0);
    printf("WINDOW registry %zu\n", w->n_heard);
    wayland_bind(w, "wl_compositor", 1, COMPOSITOR);
    wayland_bind(w, "wl_shm", 1, SHM);
    wayland_bind(w, "xdg_wm_base", 1, WM_BASE);
    wayland_say_window(
        w, &(struct wayland_window){COMPOSITOR, WM_BASE, SURFACE, XDG_SURFACE, TOPLEVEL});
    speak(p, 0);
    w->n_heard = 0;
    uint32_t serial = wayland_word(w, await(p, XDG_SURFACE, 0) + 8);

    struct shared image = make_image(p);
    memset(image.memory, 0xa5, POOL_SIZE);
    SAY(w, XDG_SURFACE, 4, serial);
    SAY(w, SHM, 0, POOL, POOL_SIZE);
    SAY(w, POOL, 0, BUFFER, 0, WIDTH, HEIGHT, WIDTH * 4, 1);
    SAY(w, SURFACE, 1, BUFFER, 0, 0);
    SAY(w, SURFACE, 2, 0, 0, WIDTH, HEIGHT);
    SAY(w, SURFACE, 3, FRAME);
    wayland_say(w, SURFACE, 6, NULL, 0);
    speak(p, image.resource);
    w->n_heard = 0;
    (void)await(p, FRAME, 0);
    printf("WINDOW shown\n");
    pause();
    return 0;
}
