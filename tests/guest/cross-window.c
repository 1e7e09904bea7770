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

#include "vmm/guest/wayland-proxy/virtgpu-uapi.h"
#include "vmm/protocol/cross-domain.h"

enum {
    WIDTH = 200,
    HEIGHT = 100,
    POOL_SIZE = 81920, /* WIDTH * HEIGHT * 4, whole pages */

    /* Our Wayland objects. */
    REGISTRY = 2,
    SYNC,
    COMPOSITOR,
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
    uint8_t heard[65536]; /* of the compositor */
    size_t n_heard;
    uint8_t said[1024]; /* not sent yet */
    size_t n_said;
};

static void
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
        p->n_heard + message->data_size > sizeof(p->heard)) {
        fail("hear the compositor");
    }
    memcpy(p->heard + p->n_heard, message + 1, message->data_size);
    p->n_heard += message->data_size;
}

static uint32_t
word(const struct program *p, size_t at)
{
    uint32_t value;

    memcpy(&value, p->heard + at, sizeof(value));
    return value;
}

/* Listen until that event; where it is in what was heard. */
static size_t
await(struct program *p, uint32_t id, uint32_t opcode)
{
    for (size_t at = 0;; at += word(p, at + 4) >> 16) {
        while (p->n_heard - at < 8 || p->n_heard - at < word(p, at + 4) >> 16) {
            listen_once(p);
        }
        if (word(p, at) == id && (word(p, at + 4) & 0xffff) == opcode) {
            return at;
        }
        if (word(p, at) == 1 && (word(p, at + 4) & 0xffff) == 0) {
            printf("WINDOW failed: the compositor says “%s”\n", (const char *)p->heard + at + 20);
            exit(1);
        }
    }
}

static void
say(struct program *p, uint32_t id, uint32_t opcode, const uint32_t *words, size_t n)
{
    const uint32_t header[] = {id, (uint32_t)(8 + n * 4) << 16 | opcode};

    memcpy(p->said + p->n_said, header, sizeof(header));
    if (n > 0) {
        memcpy(p->said + p->n_said + 8, words, n * 4);
    }
    p->n_said += 8 + n * 4;
}
#define SAY(id, opcode, ...) \
    say(p, id, opcode, (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / 4)

static void
bind_global(struct program *p, const char *interface, uint32_t id)
{
    uint32_t words[16] = {0};
    uint32_t length = (uint32_t)strlen(interface) + 1;
    size_t n = 2 + (length + 3) / 4;

    for (size_t at = 0; at + 20 < p->n_heard; at += word(p, at + 4) >> 16) {
        if (word(p, at) == REGISTRY && strcmp((const char *)p->heard + at + 16, interface) == 0) {
            words[0] = word(p, at + 8);
        }
    }
    words[1] = length;
    memcpy(words + 2, interface, length);
    words[n++] = 1; /* version */
    words[n++] = id;
    say(p, REGISTRY, 0, words, n);
}

/* Send what was said, with the image if there is one. */
static void
speak(struct program *p, uint32_t image)
{
    static struct {
        struct cross_message message;
        uint8_t data[sizeof(((struct program *)0)->said)];
    } send;

    send.message = (struct cross_message){
        .header = {.command = CROSS_SEND, .size = (uint16_t)(sizeof(send.message) + p->n_said)},
        .n_ids = image != 0,
        .data_size = (uint32_t)p->n_said,
        .ids = {image},
        .types = {CROSS_ID_BLOB}};
    memcpy(send.data, p->said, p->n_said);
    submit(p, &send, sizeof(send.message) + p->n_said, 0);
    p->n_said = 0;
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

    setvbuf(stdout, NULL, _IONBF, 0);
    open_card(p);
    SAY(1, 1, REGISTRY);
    SAY(1, 0, SYNC);
    speak(p, 0);
    (void)await(p, SYNC, 0);
    printf("WINDOW registry %zu\n", p->n_heard);
    bind_global(p, "wl_compositor", COMPOSITOR);
    bind_global(p, "wl_shm", SHM);
    bind_global(p, "xdg_wm_base", WM_BASE);
    SAY(COMPOSITOR, 0, SURFACE);
    SAY(WM_BASE, 2, XDG_SURFACE, SURFACE);
    SAY(XDG_SURFACE, 1, TOPLEVEL);
    say(p, SURFACE, 6, NULL, 0);
    speak(p, 0);
    p->n_heard = 0;
    uint32_t serial = word(p, await(p, XDG_SURFACE, 0) + 8);

    struct shared image = make_image(p);
    memset(image.memory, 0xa5, POOL_SIZE);
    SAY(XDG_SURFACE, 4, serial);
    SAY(SHM, 0, POOL, POOL_SIZE);
    SAY(POOL, 0, BUFFER, 0, WIDTH, HEIGHT, WIDTH * 4, 1);
    SAY(SURFACE, 1, BUFFER, 0, 0);
    SAY(SURFACE, 2, 0, 0, WIDTH, HEIGHT);
    SAY(SURFACE, 3, FRAME);
    say(p, SURFACE, 6, NULL, 0);
    speak(p, image.resource);
    p->n_heard = 0;
    (void)await(p, FRAME, 0);
    printf("WINDOW shown\n");
    pause();
    return 0;
}
