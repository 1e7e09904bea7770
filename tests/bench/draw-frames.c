/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Runs in the guest of a benchmark. Shows a picture through the stock KMS driver; then each line
 * "WIDTH HEIGHT FRAMES" from the first serial port lets it draw so many frames of that damage, with a pause
 * after each; "keys COUNT" one small frame for each of so many keys. Says "FRAMES ready" and "FRAMES done".
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/input.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <libdrm/drm.h>

enum {
    PAUSE_US = 20000,
    COLOUR_STEP = 0x10307,
    INPUTS_MAX = 8,
    KEY_WIDTH = 64,
    KEY_HEIGHT = 32,
};

struct picture {
    int card;
    uint32_t framebuffer;
    uint32_t width;
    uint32_t height;
    uint32_t pitch; /* bytes */
    uint32_t *pixels;
};

static void
ask(int card, unsigned long request, void *argument, const char *what)
{
    if (ioctl(card, request, argument) < 0) {
        printf("FRAMES failed: %s: %s\n", what, strerror(errno));
        exit(1);
    }
}

static void
make_picture(struct picture *picture, const struct drm_mode_modeinfo *mode)
{
    struct drm_mode_create_dumb create = {
        .width = mode->hdisplay, .height = mode->vdisplay, .bpp = 32};
    struct drm_mode_map_dumb map = {0};
    struct drm_mode_fb_cmd frame = {
        .width = mode->hdisplay, .height = mode->vdisplay, .bpp = 32, .depth = 24};

    ask(picture->card, DRM_IOCTL_MODE_CREATE_DUMB, &create, "create a buffer");
    map.handle = frame.handle = create.handle;
    frame.pitch = create.pitch;
    ask(picture->card, DRM_IOCTL_MODE_MAP_DUMB, &map, "map the buffer");
    ask(picture->card, DRM_IOCTL_MODE_ADDFB, &frame, "make a frame buffer");
    picture->pixels = mmap(NULL, create.size, PROT_READ | PROT_WRITE, MAP_SHARED, picture->card,
                           (off_t)map.offset);
    if (picture->pixels == MAP_FAILED) {
        printf("FRAMES failed: mmap: %s\n", strerror(errno));
        exit(1);
    }
    picture->framebuffer = frame.fb_id;
    picture->width = mode->hdisplay;
    picture->height = mode->vdisplay;
    picture->pitch = create.pitch;
}

/* On the first connector, in its preferred mode. */
static void
show(struct picture *picture)
{
    enum {
        MODES_MAX = 64
    };
    static struct drm_mode_modeinfo modes[MODES_MAX];
    struct drm_mode_card_res resources = {0};
    uint32_t crtc = 0;
    uint32_t connector = 0;

    resources.count_crtcs = resources.count_connectors = 1;
    resources.crtc_id_ptr = (uintptr_t)&crtc;
    resources.connector_id_ptr = (uintptr_t)&connector;
    ask(picture->card, DRM_IOCTL_MODE_GETRESOURCES, &resources, "list");
    struct drm_mode_get_connector output = {
        .connector_id = connector, .modes_ptr = (uintptr_t)modes, .count_modes = MODES_MAX};
    ask(picture->card, DRM_IOCTL_MODE_GETCONNECTOR, &output, "ask for modes");
    make_picture(picture, &modes[0]);
    struct drm_mode_crtc set = {.set_connectors_ptr = (uintptr_t)&connector,
                                .count_connectors = 1,
                                .crtc_id = crtc,
                                .fb_id = picture->framebuffer,
                                .mode_valid = 1,
                                .mode = modes[0]};
    ask(picture->card, DRM_IOCTL_MODE_SETCRTC, &set, "show");
}

static void
draw(const struct picture *picture, unsigned long width, unsigned long height, uint32_t colour)
{
    struct drm_clip_rect clip = {.x2 = (unsigned short)width, .y2 = (unsigned short)height};
    struct drm_mode_fb_dirty_cmd dirty = {
        .fb_id = picture->framebuffer, .num_clips = 1, .clips_ptr = (uintptr_t)&clip};

    for (uint32_t y = 0; y < height; y++) {
        for (uint32_t x = 0; x < width; x++) {
            picture->pixels[y * (picture->pitch / 4) + x] = colour;
        }
    }
    ask(picture->card, DRM_IOCTL_MODE_DIRTYFB, &dirty, "flush");
}

/* Each key that is pressed, on any device, shows at once. */
static void
draw_keys(const struct picture *picture, unsigned long count)
{
    struct pollfd inputs[INPUTS_MAX];
    struct input_event event;

    for (int i = 0; i < INPUTS_MAX; i++) {
        char name[] = "/dev/input/event0";

        name[sizeof(name) - 2] = (char)('0' + i);
        inputs[i] = (struct pollfd){.fd = open(name, O_RDONLY | O_CLOEXEC), .events = POLLIN};
    }
    printf("KEYS ready\n");
    while (count > 0 && poll(inputs, INPUTS_MAX, -1) > 0) {
        for (int i = 0; i < INPUTS_MAX; i++) {
            if (inputs[i].revents && read(inputs[i].fd, &event, sizeof(event)) == sizeof(event) &&
                event.type == EV_KEY && event.value == 1) {
                draw(picture, KEY_WIDTH, KEY_HEIGHT, (uint32_t)count-- * COLOUR_STEP);
            }
        }
    }
}

int
main(void)
{
    struct picture picture = {.card = open("/dev/dri/card0", O_RDWR | O_CLOEXEC)};
    FILE *line = fopen("/dev/ttyS0", "re");
    char text[64];
    uint32_t colour = 0;

    setvbuf(stdout, NULL, _IOLBF, 0);
    show(&picture);
    printf("FRAMES ready\n");
    while (line && fgets(text, sizeof(text), line)) {
        char *rest = text;

        if (strncmp(text, "keys ", 5) == 0) {
            draw_keys(&picture, strtoul(text + 5, NULL, 10));
            printf("FRAMES done\n");
            continue;
        }
        unsigned long width = strtoul(rest, &rest, 10);
        unsigned long height = strtoul(rest, &rest, 10);
        unsigned long frames = strtoul(rest, &rest, 10);

        if (width > picture.width || height > picture.height || frames == 0) {
            continue;
        }
        for (; frames > 0; frames--) {
            draw(&picture, width, height, colour += COLOUR_STEP);
            usleep(PAUSE_US);
        }
        printf("FRAMES done\n");
    }
    return 0;
}
