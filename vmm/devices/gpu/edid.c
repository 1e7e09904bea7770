/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/devices/gpu/edid.h"

#include <stdbool.h>
#include <string.h>

#include "vmm/base/bytes.h"

enum {
    REFRESH = 60,
    CLOCK_MIN_HZ = 10010000,
    DETAILED_EDGE_MAX = 4095,
    DETAILED_CLOCK_MAX = 65535, /* in units of 10 kHz */
    MILLIMETRES_MAX = 4095,
    PRODUCT = 0x0001,
    YEAR_2026 = 2026 - 1990,
    DETAILED_OFFSET = 54,
    DETAILED_SIZE = 18
};

/* Blanking in the manner of CVT with reduced blanking. */
struct timing {
    uint32_t width;
    uint32_t height;
    uint32_t h_blank;
    uint32_t h_front;
    uint32_t h_sync;
    uint32_t v_blank;
    uint32_t v_front;
    uint32_t v_sync;
    uint32_t clock; /* 10 kHz */
};

static struct timing
timing_for(uint32_t width, uint32_t height)
{
    struct timing t = {.width = width,
                       .height = height,
                       .h_blank = 160,
                       .h_front = 48,
                       .h_sync = 32,
                       .v_front = 3,
                       .v_sync = 6};
    /* At least 460 of the 16666 microseconds of a frame. */
    uint32_t v_blank = (uint32_t)((uint64_t)height * 460 / (16666 - 460)) + 1;

    /* Monitors of less than 10 MHz are taken for broken. */
    uint32_t lines = CLOCK_MIN_HZ / REFRESH / (width + t.h_blank) + 1;
    t.v_blank = MAX_OF(MAX_OF(v_blank, 15U), lines > height ? lines - height : 0);
    t.clock = (uint32_t)((uint64_t)(width + t.h_blank) * (height + t.v_blank) * REFRESH / 10000);
    return t;
}

static bool
timing_fits_detailed(const struct timing *t)
{
    return t->width <= DETAILED_EDGE_MAX && t->height <= DETAILED_EDGE_MAX &&
           t->clock <= DETAILED_CLOCK_MAX;
}

/* E-EDID 1.4 section 3.10.2. */
static void
put_detailed(uint8_t *p, const struct timing *t, uint32_t width_mm, uint32_t height_mm)
{
    store_le16(p, (uint16_t)t->clock);
    p[2] = (uint8_t)t->width;
    p[3] = (uint8_t)t->h_blank;
    p[4] = (uint8_t)((t->width >> 8) << 4 | t->h_blank >> 8);
    p[5] = (uint8_t)t->height;
    p[6] = (uint8_t)t->v_blank;
    p[7] = (uint8_t)((t->height >> 8) << 4 | t->v_blank >> 8);
    p[8] = (uint8_t)t->h_front;
    p[9] = (uint8_t)t->h_sync;
    p[10] = (uint8_t)((t->v_front & 0xf) << 4 | (t->v_sync & 0xf));
    p[11] = 0;
    p[12] = (uint8_t)width_mm;
    p[13] = (uint8_t)height_mm;
    p[14] = (uint8_t)((width_mm >> 8) << 4 | height_mm >> 8);
    p[17] = 0x1a; /* digital separate sync, positive horizontal */
}

static void
put_text(uint8_t *p, uint8_t tag, const char *text)
{
    size_t length = strlen(text);

    p[3] = tag;
    memset(p + 5, ' ', 13);
    for (size_t i = 0; i < length; i++) {
        p[5 + i] = (uint8_t)text[i];
    }
    p[5 + length] = '\n';
}

/* Aspect ratios that standard timings know: 0 16:10, 1 4:3, 2 5:4, 3 16:9. */
static void
put_standard_timings(uint8_t *p)
{
    static const struct {
        uint16_t width;
        uint8_t aspect;
    } modes[8] = {{1920, 3}, {1920, 0}, {1680, 0}, {1600, 3},
                  {1440, 0}, {1280, 3}, {1280, 0}, {1280, 2}};

    for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
        p[2 * i] = (uint8_t)(modes[i].width / 8 - 31);
        p[2 * i + 1] = (uint8_t)(modes[i].aspect << 6 | (REFRESH - 60));
    }
}

static void
put_checksum(uint8_t *block)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < EDID_BLOCK_SIZE - 1; i++) {
        sum = (uint8_t)(sum + block[i]);
    }
    block[EDID_BLOCK_SIZE - 1] = (uint8_t)(0x100 - sum);
}

/* VESA DisplayID 1.3, one type I detailed timing, as an EDID extension. */
static void
put_display_id(uint8_t *block, const struct timing *t)
{
    uint8_t *section = block + 1;
    uint8_t *data = section + 4;
    uint8_t *p = data + 3;
    uint8_t sum = 0;
    const uint32_t clock = t->clock - 1;

    block[0] = 0x70; /* DisplayID extension */
    section[0] = 0x13;
    section[1] = 3 + 20; /* bytes of data blocks */
    section[2] = 0;      /* extends the EDID */
    section[3] = 0;
    data[0] = 0x03; /* type I detailed timings */
    data[1] = 0;
    data[2] = 20;
    p[0] = (uint8_t)clock;
    p[1] = (uint8_t)(clock >> 8);
    p[2] = (uint8_t)(clock >> 16);
    p[3] = 0x80 | 0x08; /* preferred, aspect ratio undefined */
    store_le16(p + 4, (uint16_t)(t->width - 1));
    store_le16(p + 6, (uint16_t)(t->h_blank - 1));
    store_le16(p + 8, (uint16_t)((t->h_front - 1) | 0x8000));
    store_le16(p + 10, (uint16_t)(t->h_sync - 1));
    store_le16(p + 12, (uint16_t)(t->height - 1));
    store_le16(p + 14, (uint16_t)(t->v_blank - 1));
    store_le16(p + 16, (uint16_t)(t->v_front - 1));
    store_le16(p + 18, (uint16_t)(t->v_sync - 1));
    for (size_t i = 0; i < 4U + section[1]; i++) {
        sum = (uint8_t)(sum + section[i]);
    }
    section[4 + section[1]] = (uint8_t)(0x100 - sum);
    put_checksum(block);
}

static uint32_t
millimetres(uint32_t given, uint32_t pixels)
{
    uint32_t mm = given ? given : pixels * 254 / 960;

    return MAX_OF(MIN_OF(mm, (uint32_t)MILLIMETRES_MAX), 1U);
}

static void
put_base(uint8_t *edid, const struct edid_monitor *monitor, const struct timing *detailed)
{
    static const uint8_t magic[8] = {0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00};
    /* sRGB primaries, E-EDID 1.4 section 3.7. */
    static const uint8_t colours[10] = {0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54};
    uint32_t width_mm = millimetres(monitor->width_mm, monitor->width);
    uint32_t height_mm = millimetres(monitor->height_mm, monitor->height);

    memcpy(edid, magic, sizeof(magic));
    /* Manufacturer "VTN": five bits a letter, big endian. */
    edid[8] = ('V' - '@') << 2 | ('T' - '@') >> 3;
    edid[9] = (uint8_t)(('T' - '@') << 5 | ('N' - '@'));
    store_le16(edid + 10, PRODUCT);
    store_le32(edid + 12, monitor->serial);
    edid[17] = YEAR_2026;
    edid[18] = 1;
    edid[19] = 4;
    edid[20] = 0xa5; /* digital, 8 bits per colour, DisplayPort */
    edid[21] = (uint8_t)MIN_OF((width_mm + 5) / 10, 255U);
    edid[22] = (uint8_t)MIN_OF((height_mm + 5) / 10, 255U);
    edid[23] = 120;  /* gamma 2.2 */
    edid[24] = 0x06; /* sRGB, preferred timing is native */
    memcpy(edid + 25, colours, sizeof(colours));
    edid[35] = 0x21; /* 640x480 and 800x600 at 60 Hz */
    edid[36] = 0x08; /* 1024x768 at 60 Hz */
    put_standard_timings(edid + 38);
    put_detailed(edid + DETAILED_OFFSET, detailed, width_mm, height_mm);
    put_text(edid + DETAILED_OFFSET + DETAILED_SIZE, 0xfc, "Vitrine");
    edid[DETAILED_OFFSET + 2 * DETAILED_SIZE + 3] = 0x10; /* unused descriptors */
    edid[DETAILED_OFFSET + 3 * DETAILED_SIZE + 3] = 0x10;
}

size_t
edid_build(const struct edid_monitor *monitor, uint8_t edid[EDID_SIZE_MAX])
{
    struct timing wanted = timing_for(monitor->width, monitor->height);
    struct timing detailed = wanted;
    size_t size = EDID_BLOCK_SIZE;

    memset(edid, 0, EDID_SIZE_MAX);
    while (!timing_fits_detailed(&detailed)) {
        detailed = timing_for(detailed.width / 2, detailed.height / 2);
    }
    put_base(edid, monitor, &detailed);
    if (!timing_fits_detailed(&wanted)) {
        edid[126] = 1; /* extension blocks */
        put_display_id(edid + EDID_BLOCK_SIZE, &wanted);
        size += EDID_BLOCK_SIZE;
    }
    put_checksum(edid);
    return size;
}
