/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Runs inside the guest of frames.py, as its only program, off a disk that is this very file: shows
 * a hardware cursor through the stock driver, moves it, and hides it, three seconds apart. With an
 * argument: several displays, draw-displays.c.
 */

#include "tests/guest/draw.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <libdrm/drm.h>

enum {
    SIZE = 64
};

static void
ask(int card, unsigned long request, void *argument, const char *what)
{
    if (ioctl(card, request, argument) < 0) {
        printf("CURSOR failed: %s: %s\n", what, strerror(errno));
        exit(1);
    }
}

/* The pattern that frames.py expects: 0xff000000 + row * 256 + column. */
static uint32_t
make_image(int card)
{
    struct drm_mode_create_dumb create = {.width = SIZE, .height = SIZE, .bpp = 32};
    struct drm_mode_map_dumb map = {0};

    ask(card, DRM_IOCTL_MODE_CREATE_DUMB, &create, "create a buffer");
    map.handle = create.handle;
    ask(card, DRM_IOCTL_MODE_MAP_DUMB, &map, "map the buffer");
    uint32_t *pixels =
        mmap(NULL, create.size, PROT_READ | PROT_WRITE, MAP_SHARED, card, (off_t)map.offset);
    if (pixels == MAP_FAILED) {
        printf("CURSOR failed: mmap: %s\n", strerror(errno));
        exit(1);
    }
    for (uint32_t y = 0; y < SIZE; y++) {
        for (uint32_t x = 0; x < SIZE; x++) {
            pixels[y * (create.pitch / 4) + x] = 0xff000000 + y * 256 + x;
        }
    }
    return create.handle;
}

/* Until the test has seen it: a line on standard input. */
static void
wait_for_word(void)
{
    char word[16];

    if (read(STDIN_FILENO, word, sizeof(word)) <= 0) {
        printf("CURSOR failed: nobody says to go on\n");
        exit(1);
    }
}

int
main(int argc, char **argv)
{
    (void)argv;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc > 1) {
        return draw_displays();
    }
    int card = open("/dev/dri/card0", O_RDWR | O_CLOEXEC);
    uint32_t crtc = 0;
    struct drm_mode_card_res resources = {0};

    ask(card, DRM_IOCTL_MODE_GETRESOURCES, &resources, "count");
    resources = (struct drm_mode_card_res){.count_crtcs = 1, .crtc_id_ptr = (uintptr_t)&crtc};
    ask(card, DRM_IOCTL_MODE_GETRESOURCES, &resources, "list");
    struct drm_mode_cursor2 cursor = {.flags = DRM_MODE_CURSOR_BO | DRM_MODE_CURSOR_MOVE,
                                      .crtc_id = crtc,
                                      .x = 100,
                                      .y = 50,
                                      .width = SIZE,
                                      .height = SIZE,
                                      .handle = make_image(card),
                                      .hot_x = 5,
                                      .hot_y = 7};
    ask(card, DRM_IOCTL_MODE_CURSOR2, &cursor, "show");
    printf("CURSOR shown\n");
    wait_for_word();
    cursor.flags = DRM_MODE_CURSOR_MOVE;
    cursor.x = 321;
    cursor.y = 123;
    ask(card, DRM_IOCTL_MODE_CURSOR2, &cursor, "move");
    printf("CURSOR moved\n");
    wait_for_word();
    cursor.flags = DRM_MODE_CURSOR_BO;
    cursor.handle = 0;
    ask(card, DRM_IOCTL_MODE_CURSOR2, &cursor, "hide");
    printf("CURSOR hidden\n");
    return 0;
}
