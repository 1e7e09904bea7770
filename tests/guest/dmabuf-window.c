/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * usage: dmabuf-window SOCKET
 *
 * Runs inside the guest of windows.py: a client of the guest's proxy whose picture is a dmabuf of the
 * stock virtio-gpu driver. Says "DMABUF none" when none is taken; else "DMABUF shown", and "DMABUF changed"
 * when one more pixel is on the screen.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "vmm/guest/wayland-proxy/virtgpu-uapi.h"
#include "vmm/protocol/cross-domain.h"

enum {
    WIDTH = 60,
    HEIGHT = 40,
    STRIDE = 320,
    OFFSET = 4096,
    SIZE = 5 * 4096,

    /* Our Wayland objects. */
    REGISTRY = 2,
    SYNC,
    COMPOSITOR,
    WM_BASE,
    DMABUF,
    SURFACE,
    XDG_SURFACE,
    TOPLEVEL,
    PARAMS,
    BUFFER,
    FRAME,
    FRAME_AGAIN,
};

#define AR24                         0x34325241
#define DRM_IOCTL_PRIME_HANDLE_TO_FD _IOWR('d', 0x2d, struct drm_prime_handle)

struct program {
    int socket;
    int dmabuf;
    uint8_t *pixels;
    uint8_t heard[65536]; /* of the compositor */
    size_t n_heard;
    uint8_t said[1024]; /* not sent yet */
    size_t n_said;
};

static void
fail(const char *what)
{
    printf("DMABUF failed: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* Memory of the guest's graphics card, as a driver has it: in a context, shown to others as a dmabuf. */
static void
make_memory(struct program *p)
{
    struct drm_virtgpu_context_set_param params[] = {
        {VIRTGPU_CONTEXT_PARAM_CAPSET_ID, CROSS_CAPSET}};
    struct drm_virtgpu_context_init context = {.num_params = 1,
                                               .ctx_set_params = (uintptr_t)params};
    struct drm_virtgpu_resource_create_blob blob = {.blob_mem = VIRTGPU_BLOB_MEM_GUEST,
                                                    .blob_flags = VIRTGPU_BLOB_FLAG_USE_MAPPABLE |
                                                                  VIRTGPU_BLOB_FLAG_USE_SHAREABLE,
                                                    .size = SIZE};
    int card = open("/dev/dri/renderD128", O_RDWR);

    if (card < 0 || ioctl(card, DRM_IOCTL_VIRTGPU_CONTEXT_INIT, &context) < 0 ||
        ioctl(card, DRM_IOCTL_VIRTGPU_CREATE_BLOB, &blob) < 0) {
        fail("make memory");
    }
    struct drm_prime_handle prime = {.handle = blob.bo_handle, .flags = O_RDWR | O_CLOEXEC};
    if (ioctl(card, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime) < 0) {
        fail("show it to others");
    }
    p->dmabuf = prime.fd;
    p->pixels = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, p->dmabuf, 0);
    if (p->pixels == MAP_FAILED) {
        fail("map it");
    }
}

static void
draw(struct program *p, uint32_t x, uint32_t y, uint32_t colour)
{
    memcpy(p->pixels + OFFSET + (size_t)y * STRIDE + (size_t)x * 4, &colour, sizeof(colour));
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

/* Send what was said, with that descriptor unless it is -1. */
static void
speak(struct program *p, int fd)
{
    struct iovec iov = {p->said, p->n_said};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)),
                            .cmsg_level = SOL_SOCKET,
                            .cmsg_type = SCM_RIGHTS}};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};

    memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
    if (fd >= 0) {
        message.msg_control = &control;
        message.msg_controllen = sizeof(control);
    }
    if (sendmsg(p->socket, &message, 0) != (ssize_t)p->n_said) {
        fail("speak");
    }
    p->n_said = 0;
    p->n_heard = 0;
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
            size_t space = p->n_heard < sizeof(p->heard) ? sizeof(p->heard) - p->n_heard : 0;
            ssize_t n = read(p->socket, p->heard + p->n_heard, space);
            if (n <= 0) {
                fail("hear the compositor");
            }
            p->n_heard += (size_t)n;
        }
        if (word(p, at) == id && (word(p, at + 4) & 0xffff) == opcode) {
            return at;
        }
        if (word(p, at) == 1 && (word(p, at + 4) & 0xffff) == 0) {
            printf("DMABUF failed: the compositor says “%s”\n", (const char *)p->heard + at + 20);
            exit(1);
        }
    }
}

/* 0 when the compositor has it not. */
static uint32_t
global_name(const struct program *p, const char *interface)
{
    for (size_t at = 0; at + 20 < p->n_heard; at += word(p, at + 4) >> 16) {
        if (word(p, at) == REGISTRY && strcmp((const char *)p->heard + at + 16, interface) == 0) {
            return word(p, at + 8);
        }
    }
    return 0;
}

static void
bind_global(struct program *p, const char *interface, uint32_t version, uint32_t id)
{
    uint32_t words[16] = {global_name(p, interface)};
    uint32_t length = (uint32_t)strlen(interface) + 1;
    size_t n = 2 + (length + 3) / 4;

    words[1] = length;
    memcpy(words + 2, interface, length);
    words[n++] = version;
    words[n++] = id;
    say(p, REGISTRY, 0, words, n);
}

static void
show(struct program *p, const uint32_t damage[4], uint32_t frame)
{
    SAY(SURFACE, 1, BUFFER, 0, 0);
    say(p, SURFACE, 9, damage, 4); /* damage_buffer */
    SAY(SURFACE, 3, frame);
    say(p, SURFACE, 6, NULL, 0);
    speak(p, frame == FRAME ? p->dmabuf : -1);
    (void)await(p, frame, 0);
}

int
main(int argc, char **argv)
{
    static struct program program;
    struct program *p = &program;
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    setvbuf(stdout, NULL, _IONBF, 0);
    p->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    strncpy(address.sun_path, argc == 2 ? argv[1] : "", sizeof(address.sun_path) - 1);
    if (connect(p->socket, (struct sockaddr *)&address, sizeof(address)) < 0) {
        fail("connect to the proxy");
    }
    SAY(1, 1, REGISTRY);
    SAY(1, 0, SYNC);
    speak(p, -1);
    (void)await(p, SYNC, 0);
    if (global_name(p, "zwp_linux_dmabuf_v1") == 0) {
        printf("DMABUF none\n");
        return 0;
    }
    make_memory(p);
    for (uint32_t i = 0; i < WIDTH * HEIGHT; i++) {
        draw(p, i % WIDTH, i / WIDTH, 0xff000000U | (i % WIDTH) << 16 | (i / WIDTH) << 8);
    }
    bind_global(p, "wl_compositor", 4, COMPOSITOR);
    bind_global(p, "xdg_wm_base", 1, WM_BASE);
    bind_global(p, "zwp_linux_dmabuf_v1", 3, DMABUF);
    SAY(COMPOSITOR, 0, SURFACE);
    SAY(WM_BASE, 2, XDG_SURFACE, SURFACE);
    SAY(XDG_SURFACE, 1, TOPLEVEL);
    say(p, SURFACE, 6, NULL, 0);
    speak(p, -1);
    uint32_t serial = word(p, await(p, XDG_SURFACE, 0) + 8);

    SAY(XDG_SURFACE, 4, serial);
    SAY(DMABUF, 1, PARAMS);
    SAY(PARAMS, 1, 0, OFFSET, STRIDE, 0, 0); /* add: linear */
    SAY(PARAMS, 3, BUFFER, WIDTH, HEIGHT, AR24, 0);
    show(p, (const uint32_t[]){0, 0, WIDTH, HEIGHT}, FRAME);
    printf("DMABUF shown\n");
    draw(p, 5, 6, 0xff0000ff);
    draw(p, 7, 7, 0xff0000ff); /* which nobody is told of */
    show(p, (const uint32_t[]){5, 6, 1, 1}, FRAME_AGAIN);
    printf("DMABUF changed\n");
    pause();
    return 0;
}
