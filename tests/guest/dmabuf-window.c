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

#include "tests/guest/wayland.h"
#include "vmm/guest/virtgpu-uapi.h"
#include "vmm/protocol/cross-domain.h"

enum {
    WIDTH = 60,
    HEIGHT = 40,
    STRIDE = 320,
    OFFSET = 4096,
    SIZE = 5 * 4096,

    /* Our Wayland objects. */
    COMPOSITOR = WAYLAND_FREE,
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
    struct wayland words;
};

_Noreturn void
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

/* Send what was said, with that descriptor unless it is -1. */
static void
speak(struct program *p, int fd)
{
    struct iovec iov = {p->words.said, p->words.n_said};
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
    if (sendmsg(p->socket, &message, 0) != (ssize_t)p->words.n_said) {
        fail("speak");
    }
    p->words.n_said = 0;
    p->words.n_heard = 0;
}

/* Listen until that event; where it is in what was heard. */
static size_t
await(struct program *p, uint32_t id, uint32_t opcode)
{
    struct wayland *w = &p->words;
    size_t at = 0;

    while (!wayland_find(w, id, opcode, &at)) {
        ssize_t n = 0;
        if (w->n_heard < sizeof(w->heard)) {
            n = read(p->socket, w->heard + w->n_heard, sizeof(w->heard) - w->n_heard);
        }
        if (n <= 0) {
            fail("hear the compositor");
        }
        w->n_heard += (size_t)n;
    }
    return at;
}

static void
show(struct program *p, const uint32_t damage[4], uint32_t frame)
{
    struct wayland *w = &p->words;

    SAY(w, SURFACE, 1, BUFFER, 0, 0);
    wayland_say(w, SURFACE, 9, damage, 4); /* damage_buffer */
    SAY(w, SURFACE, 3, frame);
    wayland_say(w, SURFACE, 6, NULL, 0);
    speak(p, frame == FRAME ? p->dmabuf : -1);
    (void)await(p, frame, 0);
}

int
main(int argc, char **argv)
{
    static struct program program;
    struct program *p = &program;
    struct wayland *w = &p->words;
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    setvbuf(stdout, NULL, _IONBF, 0);
    p->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    strncpy(address.sun_path, argc == 2 ? argv[1] : "", sizeof(address.sun_path) - 1);
    if (connect(p->socket, (struct sockaddr *)&address, sizeof(address)) < 0) {
        fail("connect to the proxy");
    }
    wayland_say_hello(w);
    speak(p, -1);
    (void)await(p, WAYLAND_SYNC, 0);
    if (wayland_global(w, "zwp_linux_dmabuf_v1") == 0) {
        printf("DMABUF none\n");
        return 0;
    }
    make_memory(p);
    for (uint32_t i = 0; i < WIDTH * HEIGHT; i++) {
        draw(p, i % WIDTH, i / WIDTH, 0xff000000U | (i % WIDTH) << 16 | (i / WIDTH) << 8);
    }
    wayland_bind(w, "wl_compositor", 4, COMPOSITOR);
    wayland_bind(w, "xdg_wm_base", 1, WM_BASE);
    wayland_bind(w, "zwp_linux_dmabuf_v1", 3, DMABUF);
    wayland_say_window(
        w, &(struct wayland_window){COMPOSITOR, WM_BASE, SURFACE, XDG_SURFACE, TOPLEVEL});
    speak(p, -1);
    uint32_t serial = wayland_word(w, await(p, XDG_SURFACE, 0) + 8);

    SAY(w, XDG_SURFACE, 4, serial);
    SAY(w, DMABUF, 1, PARAMS);
    SAY(w, PARAMS, 1, 0, OFFSET, STRIDE, 0, 0); /* add: linear */
    SAY(w, PARAMS, 3, BUFFER, WIDTH, HEIGHT, AR24, 0);
    show(p, (const uint32_t[]){0, 0, WIDTH, HEIGHT}, FRAME);
    printf("DMABUF shown\n");
    draw(p, 5, 6, 0xff0000ff);
    draw(p, 7, 7, 0xff0000ff); /* which nobody is told of */
    show(p, (const uint32_t[]){5, 6, 1, 1}, FRAME_AGAIN);
    printf("DMABUF changed\n");
    pause();
    return 0;
}
