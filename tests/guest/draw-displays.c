/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Runs inside the guest of frames.py: says which displays are plugged in whenever that changes, shows a
 * picture of its own on each, touches the second when there is a third, and ends when only one is left.
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
    DISPLAYS_MAX = 16,
    MODES_MAX = 128,
    PAUSE_US = 300000
};

struct display {
    uint32_t connector;
    uint32_t crtc;
    struct drm_mode_modeinfo mode; /* the preferred one; hdisplay 0: nothing is plugged in */
    uint32_t fb;
    uint32_t pitch;
    uint32_t *pixels;
};

static void
ask(int card, unsigned long request, void *argument, const char *what)
{
    if (ioctl(card, request, argument) < 0) {
        printf("DISPLAYS failed: %s: %s\n", what, strerror(errno));
        exit(1);
    }
}

static uint32_t
list_displays(int card, struct display displays[DISPLAYS_MAX])
{
    uint32_t connectors[DISPLAYS_MAX];
    uint32_t crtcs[DISPLAYS_MAX];
    struct drm_mode_card_res resources = {0};

    ask(card, DRM_IOCTL_MODE_GETRESOURCES, &resources, "count");
    if (resources.count_connectors > DISPLAYS_MAX ||
        resources.count_crtcs != resources.count_connectors) {
        printf("DISPLAYS failed: %u connectors, %u crtcs\n", resources.count_connectors,
               resources.count_crtcs);
        exit(1);
    }
    resources = (struct drm_mode_card_res){.count_crtcs = resources.count_crtcs,
                                           .crtc_id_ptr = (uintptr_t)crtcs,
                                           .count_connectors = resources.count_connectors,
                                           .connector_id_ptr = (uintptr_t)connectors};
    ask(card, DRM_IOCTL_MODE_GETRESOURCES, &resources, "list");
    for (uint32_t i = 0; i < resources.count_connectors; i++) {
        displays[i] = (struct display){.connector = connectors[i], .crtc = crtcs[i]};
    }
    return resources.count_connectors;
}

/* Its preferred mode; width 0 when nothing is plugged in. */
static struct drm_mode_modeinfo
probe(int card, uint32_t connector)
{
    static struct drm_mode_modeinfo modes[MODES_MAX];
    struct drm_mode_get_connector got = {.connector_id = connector};

    ask(card, DRM_IOCTL_MODE_GETCONNECTOR, &got, "probe");
    if (got.connection != 1 || got.count_modes == 0 || got.count_modes > MODES_MAX) {
        return (struct drm_mode_modeinfo){0};
    }
    got = (struct drm_mode_get_connector){
        .connector_id = connector, .count_modes = got.count_modes, .modes_ptr = (uintptr_t)modes};
    ask(card, DRM_IOCTL_MODE_GETCONNECTOR, &got, "read the modes");
    for (uint32_t i = 0; i < got.count_modes && i < MODES_MAX; i++) {
        if (modes[i].type & DRM_MODE_TYPE_PREFERRED) {
            return modes[i];
        }
    }
    return modes[0];
}

/* The pattern that frames.py expects: red says which display, green the row, blue the column. */
static void
show(int card, struct display *display, uint32_t number)
{
    struct drm_mode_create_dumb create = {
        .width = display->mode.hdisplay, .height = display->mode.vdisplay, .bpp = 32};
    struct drm_mode_map_dumb map = {0};

    ask(card, DRM_IOCTL_MODE_CREATE_DUMB, &create, "create a buffer");
    map.handle = create.handle;
    ask(card, DRM_IOCTL_MODE_MAP_DUMB, &map, "map the buffer");
    display->pixels =
        mmap(NULL, create.size, PROT_READ | PROT_WRITE, MAP_SHARED, card, (off_t)map.offset);
    if (display->pixels == MAP_FAILED) {
        printf("DISPLAYS failed: mmap: %s\n", strerror(errno));
        exit(1);
    }
    display->pitch = create.pitch / 4;
    for (uint32_t y = 0; y < create.height; y++) {
        for (uint32_t x = 0; x < create.width; x++) {
            display->pixels[y * display->pitch + x] =
                (number + 1) * 0x400000 + (y & 0xff) * 0x100 + (x & 0xff);
        }
    }
    struct drm_mode_fb_cmd fb = {.width = create.width,
                                 .height = create.height,
                                 .pitch = create.pitch,
                                 .bpp = 32,
                                 .depth = 24,
                                 .handle = create.handle};
    ask(card, DRM_IOCTL_MODE_ADDFB, &fb, "make a frame buffer");
    display->fb = fb.fb_id;
    struct drm_mode_crtc crtc = {.crtc_id = display->crtc,
                                 .fb_id = fb.fb_id,
                                 .set_connectors_ptr = (uintptr_t)&display->connector,
                                 .count_connectors = 1,
                                 .mode_valid = 1,
                                 .mode = display->mode};
    ask(card, DRM_IOCTL_MODE_SETCRTC, &crtc, "show");
}

static void
hide(int card, struct display *display)
{
    struct drm_mode_crtc crtc = {.crtc_id = display->crtc};

    ask(card, DRM_IOCTL_MODE_SETCRTC, &crtc, "hide");
    display->fb = 0;
}

/* One pixel of the second, which the first must not hear of. */
static void
touch(int card, struct display *display)
{
    struct drm_clip_rect clip = {.x1 = 33, .y1 = 44, .x2 = 34, .y2 = 45};
    struct drm_mode_fb_dirty_cmd dirty = {
        .fb_id = display->fb, .num_clips = 1, .clips_ptr = (uintptr_t)&clip};

    display->pixels[44 * display->pitch + 33] = 0xabcdef;
    ask(card, DRM_IOCTL_MODE_DIRTYFB, &dirty, "touch");
    printf("TOUCHED\n");
}

/* How many are plugged in now, and whether anything is news. */
static uint32_t
look(int card, struct display *displays, uint32_t n, int *ret_changed)
{
    uint32_t plugged = 0;

    *ret_changed = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct drm_mode_modeinfo mode = probe(card, displays[i].connector);
        if (mode.hdisplay != displays[i].mode.hdisplay ||
            mode.vdisplay != displays[i].mode.vdisplay) {
            *ret_changed = 1;
            displays[i].mode = mode;
            if (mode.hdisplay) {
                show(card, &displays[i], i);
            } else {
                hide(card, &displays[i]);
            }
        }
        plugged += mode.hdisplay != 0;
    }
    return plugged;
}

int
draw_displays(void)
{
    struct display displays[DISPLAYS_MAX];
    int card = open("/dev/dri/card0", O_RDWR | O_CLOEXEC);
    uint32_t n = list_displays(card, displays);
    uint32_t most = 0;
    uint32_t plugged;
    int changed;

    do {
        plugged = look(card, displays, n, &changed);
        if (changed) {
            printf("DISPLAYS %u of %u:", plugged, n);
            for (uint32_t i = 0; i < n; i++) {
                if (displays[i].mode.hdisplay) {
                    printf(" %u=%ux%u", i, displays[i].mode.hdisplay, displays[i].mode.vdisplay);
                }
            }
            printf(".\n");
            if (plugged > 2 && most < 3) {
                touch(card, &displays[1]);
            }
        }
        most = plugged > most ? plugged : most;
        usleep(PAUSE_US);
    } while (plugged != 1 || most < 2);
    return 0;
}
