/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Images of cross-domain contexts: what is answered about them, and the memory that is made. */

#include "tests/unit/tap.h"

#include <errno.h>

#include "tests/fakes/cross-rig.h"
#include "vmm/base/bytes.h"

#define XR24 0x34325258
#define R8   0x20203852

static int
ask_image(struct cross_rig *rig, uint32_t width, uint32_t height, uint32_t fourcc)
{
    const struct cross_get_image ask = {
        .header = {.command = CROSS_GET_IMAGE_REQUIREMENTS, .size = htole16(sizeof(ask))},
        .width = htole32(width),
        .height = htole32(height),
        .fourcc = htole32(fourcc)};

    return cross_rig_submit(rig, 1, &ask, sizeof(ask));
}

TAP_TEST(bad_images_are_refused)
{
    static const uint32_t bad[][3] = {{0, 1, XR24},
                                      {1, 0, XR24},
                                      {UINT32_MAX, 1, XR24},
                                      {1, UINT32_MAX, XR24},
                                      {0x20000000, 1, XR24},
                                      {0x7ffff001, 1, R8},
                                      {UINT32_MAX, UINT32_MAX, XR24},
                                      {16384, 16384, 0x48344241 /* 8 bytes each */},
                                      {1, 1, 1}};
    struct cross_rig rig;

    check(cross_rig_open(&rig) && cross_rig_context(&rig, 1));
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        check_int(ask_image(&rig, bad[i][0], bad[i][1], bad[i][2]), 0);
        const struct cross_image *image = cross_rig_look(&rig, CROSS_QUERY);
        check_int(image->size, 0);
        check_int(image->blob_id, 0);
    }
    check_int(ask_image(&rig, 3, 5, 0x3231564e), 0); /* NV12: odd sizes round up */
    const struct cross_image *image = cross_rig_look(&rig, CROSS_QUERY);
    check_int(image->strides[0], 3);
    check_int(image->strides[1], 4);
    check_int(image->offsets[1], 15);
    cross_rig_close(&rig);
}

/* A pool as sommelier asks for it: as many pixels of one byte as it has bytes, in one row. */
TAP_TEST(a_wide_row_is_a_pool)
{
    const uint32_t size = 806 * 491 * 4;
    struct cross_rig rig;

    check(cross_rig_open(&rig) && cross_rig_context(&rig, 1));
    check_int(ask_image(&rig, size, 1, R8), 0);
    const struct cross_image *image = cross_rig_look(&rig, CROSS_QUERY);
    check_int(image->strides[0], size);
    check(image->size >= size);
    check_int(cross_rig_blob(&rig, 1, 5, image->blob_id, image->size), 0);
    check_int(ask_image(&rig, CROSS_IMAGE_MAX, 1, R8), 0);
    image = cross_rig_look(&rig, CROSS_QUERY);
    check_int(image->size, CROSS_IMAGE_MAX);
    cross_rig_close(&rig);
}

/* Memory is bounded by what the device may take. */
TAP_TEST(images_have_limits)
{
    struct cross_rig rig;

    check(cross_rig_open(&rig) && cross_rig_context(&rig, 1));
    check_int(ask_image(&rig, 2048, 2048, XR24), 0);
    uint32_t id = ((struct cross_image *)cross_rig_look(&rig, CROSS_QUERY))->blob_id;
    for (uint32_t i = 0; i < 3; i++) {
        check_int(cross_rig_blob(&rig, 1, 5 + i, id, 16 << 20), 0);
    }
    check_int(cross_rig_blob(&rig, 1, 8, id, 16 << 20), -ENOMEM);
    rig.renderer->ops->destroy_resource(rig.renderer, 5);
    check_int(cross_rig_blob(&rig, 1, 8, id, 16 << 20), 0);
    cross_rig_close(&rig);
}

/* sommelier asks once for each size that a window ever had, and uses the answer much later. */
TAP_TEST(an_image_is_good_for_ever)
{
    struct cross_rig rig;

    check(cross_rig_open(&rig) && cross_rig_context(&rig, 1));
    check_int(ask_image(&rig, 100, 100, XR24), 0);
    struct cross_image first = *(struct cross_image *)cross_rig_look(&rig, CROSS_QUERY);
    for (uint32_t i = 1; i <= 3000; i++) {
        check_int(ask_image(&rig, i, 200, XR24), 0);
    }
    check_int(cross_rig_blob(&rig, 1, 5, first.blob_id, first.size), 0);
    cross_rig_close(&rig);
}

TAP_TEST(names_of_images_cannot_be_invented)
{
    const uint32_t pages = CROSS_IMAGE_MAX / CROSS_PAGE_SIZE;
    struct cross_rig rig;

    check(cross_rig_open(&rig) && cross_rig_context(&rig, 1));
    check_int(cross_rig_blob(&rig, 1, 5, CROSS_IMAGE_BASE, 0), -EINVAL);
    check_int(cross_rig_blob(&rig, 1, 5, CROSS_IMAGE_BASE, 4096), -EINVAL);
    check_int(cross_rig_blob(&rig, 1, 5, 1, 4096), -EINVAL);
    check_int(cross_rig_blob(&rig, 1, 5, CROSS_IMAGE_BASE | (pages + 1),
                             (uint64_t)CROSS_IMAGE_MAX + CROSS_PAGE_SIZE),
              -EINVAL);
    check_int(cross_rig_blob(&rig, 1, 5, UINT32_C(1) << 31 | 1, 4096), -EINVAL);
    /* this host has no dmabufs */
    check_int(cross_rig_blob(&rig, 1, 5, CROSS_IMAGE_BASE | CROSS_IMAGE_IS_DMABUF | 1, 4096),
              -EINVAL);
    cross_rig_close(&rig);
}

TAP_MAIN(TAP_CASE(bad_images_are_refused), TAP_CASE(a_wide_row_is_a_pool),
         TAP_CASE(images_have_limits), TAP_CASE(an_image_is_good_for_ever),
         TAP_CASE(names_of_images_cannot_be_invented))
