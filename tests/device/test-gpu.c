/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/tap.h"

#include <poll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "tests/device/gpu-card.h"
#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/message.h"

TAP_TEST(identity)
{
    struct card card;
    struct virtio_gpu_config config;
    struct virtio_gpu_ctrl_hdr info = {0};
    struct virtio_gpu_cmd_get_edid edid = {.scanout = 1};
    const struct virtio_gpu_resp_display_info *display = (const void *)card.response;
    const struct virtio_gpu_resp_edid *monitor = (const void *)card.response;

    check(card_start(&card));
    check(card.fake.features & 1 << VIRTIO_GPU_F_EDID);
    check(card.fake.features & 1 << VIRTIO_GPU_F_RESOURCE_BLOB);
    check(!(card.fake.features & 1 << VIRTIO_GPU_F_VIRGL));
    check(fake_get_config(&card.fake, 0, &config, sizeof(config)));
    check_int(config.num_scanouts, 2);
    check_int(config.num_capsets, 0);
    check_int(card_ask(&card, VIRTIO_GPU_CMD_GET_DISPLAY_INFO, &info, sizeof(info), NULL),
              VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
    check_int(card.written, 408);
    check_int(display->pmodes[0].r.width, 1280);
    check_int(display->pmodes[1].r.x, 1280);
    check_int(display->pmodes[1].enabled, 1);
    check_int(display->pmodes[2].enabled, 0);
    check_int(card_ask(&card, VIRTIO_GPU_CMD_GET_EDID, &edid, sizeof(edid), NULL),
              VIRTIO_GPU_RESP_OK_EDID);
    check_int(card.written, 1056);
    check_int(monitor->size, 128);
    check_int(monitor->edid[54 + 2] | (monitor->edid[54 + 4] >> 4) << 8, 1280);
    edid.scanout = 2;
    check_int(card_ask(&card, VIRTIO_GPU_CMD_GET_EDID, &edid, sizeof(edid), NULL),
              VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID);
    check_int(card_stop(&card), 0);
}

TAP_TEST(resources_have_uuids)
{
    struct card card;
    struct virtio_gpu_resource_assign_uuid ask = {.resource_id = 7};
    const struct virtio_gpu_resp_resource_uuid *answer = (const void *)card.response;
    static const uint8_t nothing[16];
    uint8_t uuid[3][16];

    check(card_start(&card));
    check(card.fake.features & 1 << VIRTIO_GPU_F_RESOURCE_UUID);
    check_int(card_ask(&card, VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID, &ask, sizeof(ask), NULL),
              VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
    check_int(card_create_2d(&card, 7, 64, 64), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_create_blob(&card, 8, 4096), VIRTIO_GPU_RESP_OK_NODATA);
    for (unsigned int i = 0; i < 3; i++) { /* the first, the other, the first once more */
        ask.resource_id = 7 + i % 2;
        check_int(card_ask(&card, VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID, &ask, sizeof(ask), NULL),
                  VIRTIO_GPU_RESP_OK_RESOURCE_UUID);
        check_int(card.written, 40);
        memcpy(uuid[i], answer->uuid, sizeof(uuid[i]));
    }
    check(memcmp(uuid[0], nothing, 16) != 0 && memcmp(uuid[0] + 8, nothing, 8) != 0);
    check(memcmp(uuid[0], uuid[1], 16) != 0 && memcmp(uuid[0], uuid[2], 16) == 0);
    check_int(card_unref(&card, 7), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_create_2d(&card, 7, 64, 64), VIRTIO_GPU_RESP_OK_NODATA);
    ask.resource_id = 7; /* the number again, another resource */
    check_int(card_ask(&card, VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID, &ask, sizeof(ask), NULL),
              VIRTIO_GPU_RESP_OK_RESOURCE_UUID);
    check(memcmp(uuid[0], answer->uuid, 16) != 0);
    check_int(card_stop(&card), 0);
}

TAP_TEST(pixels_of_a_2d_resource)
{
    struct card card;
    static struct shown shown;
    const uint64_t size = UINT64_C(200) * 100 * 4;

    check(card_start(&card) && card_say_hello(&card));
    card_paint(&card, size, 1);
    check_int(card_create_2d(&card, 5, 200, 100), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_attach(&card, 5, size), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_transfer(&card, 5, RECT(0, 0, 200, 100), 0), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_next(&card, &shown), 0);
    check_int(card_set_scanout(&card, 0, 5, RECT(0, 0, 200, 100)), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_next(&card, &shown), GPU_BUFFER);
    const uint8_t *pixels = shown_map(&shown);
    check(pixels);
    for (uint64_t i = 0; i < size; i += 4) {
        check_int(load_le32(pixels + i), load_le32(card_pixel(&card, size, i)));
    }
    check_int(card_next(&card, &shown), GPU_SCANOUT);
    check(shown.scanout.width == 200 && shown.scanout.height == 100);
    check(shown.scanout.stride == 800 && shown.scanout.format == GPU_FORMAT_XR24);
    check(shown.scanout.offset == 0 && shown.scanout.buffer != 0);
    check_int(card_set_scanout(&card, 0, 5, RECT(0, 0, 200, 100)), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_next(&card, &shown), 0); /* said already */

    /* Only the rectangle is copied, and only it is told. */
    card_paint(&card, size, 2);
    check_int(card_transfer(&card, 5, RECT(30, 40, 8, 16), 40 * 800UL + 30 * 4UL),
              VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_flush(&card, 5, RECT(30, 40, 8, 16)), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_next(&card, &shown), GPU_UPDATE);
    check(shown.update.x == 30 && shown.update.y == 40);
    check(shown.update.width == 8 && shown.update.height == 16);
    check_int(card_next(&card, &shown), 0);
    for (uint32_t y = 0; y < 100; y++) {
        for (uint32_t x = 0; x < 200; x++) {
            bool inside = x >= 30 && x < 38 && y >= 40 && y < 56;
            uint32_t new = load_le32(card_pixel(&card, size, y * 800UL + x * 4UL));
            check_int(load_le32(pixels + y * 800UL + x * 4UL), inside ? new : new - 1);
        }
    }

    check_int(card_stop(&card), 0);
}

TAP_TEST(scanouts_of_a_2d_resource)
{
    struct card card;
    static struct shown shown;

    check(card_start(&card) && card_say_hello(&card));
    check_int(card_create_2d(&card, 5, 200, 100), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_set_scanout(&card, 0, 5, RECT(0, 0, 200, 100)), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_next(&card, &shown), GPU_BUFFER);
    check_int(card_next(&card, &shown), GPU_SCANOUT);
    /* A scanout of a part: damage is told in its coordinates. */
    check_int(card_set_scanout(&card, 0, 5, RECT(20, 30, 64, 64)), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_next(&card, &shown), GPU_SCANOUT);
    check(shown.scanout.offset == 30 * 800 + 20 * 4 && shown.scanout.width == 64);
    check_int(card_flush(&card, 5, RECT(0, 0, 30, 40)), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_next(&card, &shown), GPU_UPDATE);
    check(shown.update.x == 0 && shown.update.y == 0);
    check(shown.update.width == 10 && shown.update.height == 10);
    check_int(card_flush(&card, 5, RECT(0, 0, 20, 100)), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_next(&card, &shown), 0);
    check_int(card_set_scanout(&card, 1, 5, RECT(0, 0, 200, 100)), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_next(&card, &shown), GPU_SCANOUT);
    check_int(card_flush(&card, 5, RECT(20, 30, 1, 1)), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_next(&card, &shown), GPU_UPDATE);
    check_int(card_next(&card, &shown), GPU_UPDATE);
    check(shown.update.scanout == 1 && shown.update.x == 20);

    /* The resource goes: both scanouts go dark, then the buffer goes. */
    check_int(card_unref(&card, 5), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_next(&card, &shown), GPU_SCANOUT);
    check(shown.scanout.buffer == 0 && shown.scanout.scanout == 0);
    check_int(card_next(&card, &shown), GPU_SCANOUT);
    check_int(shown.scanout.buffer, 0);
    check_int(card_next(&card, &shown), GPU_BUFFER_GONE);
    check_int(card_next(&card, &shown), 0);
    check_int(card_flush(&card, 5, RECT(0, 0, 1, 1)), VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
    check_int(card_stop(&card), 0);
}

TAP_TEST(pixels_of_a_blob)
{
    struct card card;
    static struct shown shown;
    const uint64_t size = UINT64_C(256) * 128 * 4;

    check(card_start(&card) && card_say_hello(&card));
    card_paint(&card, size, 1);
    check_int(card_create_blob(&card, 9, size), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_create_blob(&card, 10, size), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_set_scanout_blob(&card, 9, RECT(0, 0, 200, 100), LAYOUT(256, 128, 0)),
              VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_next(&card, &shown), GPU_BUFFER);
    const uint8_t *pixels = shown_map(&shown);
    check(pixels);
    check_int(card_next(&card, &shown), GPU_SCANOUT);
    check(shown.scanout.width == 200 && shown.scanout.stride == 800);
    for (uint32_t y = 0; y < 100; y++) {
        for (uint32_t x = 0; x < 200; x++) {
            check_int(load_le32(pixels + y * 800UL + x * 4UL),
                      load_le32(card_pixel(&card, size, y * 1024UL + x * 4UL)));
        }
    }
    /* A page flip costs nothing; a flush copies its rectangle. Linux also asks for transfers. */
    card_paint(&card, size, 2);
    check_int(card_set_scanout_blob(&card, 10, RECT(0, 0, 200, 100), LAYOUT(256, 128, 0)),
              VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_transfer(&card, 10, RECT(0, 0, 200, 100), 0), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_next(&card, &shown), 0);
    check_int(card_flush(&card, 9, RECT(0, 0, 200, 100)), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_next(&card, &shown), 0); /* not shown any more */
    check_int(card_flush(&card, 10, RECT(190, 90, 66, 38)), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_next(&card, &shown), GPU_UPDATE);
    check(shown.update.x == 190 && shown.update.width == 10 && shown.update.height == 10);
    for (uint32_t y = 0; y < 100; y++) {
        for (uint32_t x = 0; x < 200; x++) {
            bool inside = x >= 190 && y >= 90;
            uint32_t new = load_le32(card_pixel(&card, size, y * 1024UL + x * 4UL));
            check_int(load_le32(pixels + y * 800UL + x * 4UL), inside ? new : new - 1);
        }
    }
    check_int(card_stop(&card), 0);
}

TAP_TEST(damage_of_a_blob)
{
    struct card card;
    static struct shown shown;
    const uint64_t size = UINT64_C(256) * 128 * 4;

    check(card_start(&card) && card_say_hello(&card));
    card_paint(&card, size, 1);
    check_int(card_create_blob(&card, 10, size), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_set_scanout_blob(&card, 10, RECT(0, 0, 200, 100), LAYOUT(256, 128, 0)),
              VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_next(&card, &shown), GPU_BUFFER);
    const uint8_t *pixels = shown_map(&shown);
    check(pixels);
    check_int(card_next(&card, &shown), GPU_SCANOUT);
    card_paint(&card, size, 2);
    /* Whatever is flushed, what changed is told. */
    check_int(card_flush(&card, 10, RECT(0, 0, 256, 128)), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_next(&card, &shown), GPU_UPDATE);
    for (uint32_t x = 10; x < 14; x++) {
        card_pixel(&card, size, 20 * 1024UL + x * 4UL)[3] ^= 1;
        card_pixel(&card, size, 21 * 1024UL + x * 4UL)[0] ^= 1;
    }
    card_pixel(&card, size, 80 * 1024UL + 150 * 4UL)[1] ^= 1;
    card_pixel(&card, size, 5 * 1024UL + 220 * 4UL)[1] ^= 1; /* not shown */
    check_int(card_flush(&card, 10, RECT(0, 0, 256, 128)), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_next(&card, &shown), GPU_UPDATE);
    check(shown.update.x == 10 && shown.update.y == 20);
    check(shown.update.width == 4 && shown.update.height == 2);
    check_int(card_next(&card, &shown), GPU_UPDATE);
    check(shown.update.x == 150 && shown.update.y == 80);
    check(shown.update.width == 1 && shown.update.height == 1);
    check_int(card_next(&card, &shown), 0);
    check_int(load_le32(pixels + 80 * 800UL + 150 * 4UL),
              load_le32(card_pixel(&card, size, 80 * 1024UL + 150 * 4UL)));
    check_int(card_flush(&card, 10, RECT(0, 0, 256, 128)), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_next(&card, &shown), 0);
    /* Another size: another buffer, the old one goes. */
    check_int(card_set_scanout_blob(&card, 10, RECT(8, 4, 100, 50), LAYOUT(256, 128, 0)),
              VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_next(&card, &shown), GPU_BUFFER);
    pixels = shown_map(&shown);
    check_int(load_le32(pixels), load_le32(card_pixel(&card, size, 4 * 1024UL + 8 * 4UL)));
    check_int(card_next(&card, &shown), GPU_SCANOUT);
    check_int(card_next(&card, &shown), GPU_BUFFER_GONE);
    check_int(card_unref(&card, 10), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_next(&card, &shown), GPU_SCANOUT);
    check_int(shown.scanout.buffer, 0);
    check_int(card_next(&card, &shown), GPU_BUFFER_GONE);
    check_int(card_stop(&card), 0);
}

TAP_TEST(cursor)
{
    struct card card;
    static struct shown shown;
    const uint64_t size = UINT64_C(64) * 64 * 4;
    struct virtio_gpu_update_cursor cursor = {
        .pos = {.scanout_id = 1, .x = 100, .y = 50}, .resource_id = 3, .hot_x = 4, .hot_y = 5};

    check(card_start(&card) && card_say_hello(&card));
    card_paint(&card, size, 9);
    check_int(card_create_2d(&card, 2, 64, 64), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_attach(&card, 2, size), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_transfer(&card, 2, RECT(0, 0, 64, 64), 0), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_create_blob(&card, 3, size), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_create_2d(&card, 4, 64, 65), VIRTIO_GPU_RESP_OK_NODATA);
    check(card_ask_cursor(&card, VIRTIO_GPU_CMD_UPDATE_CURSOR, &cursor));
    check_int(card_next(&card, &shown), GPU_CURSOR);
    check(shown.cursor.scanout == 1 && shown.cursor.visible == 1);
    check(shown.cursor.hot_x == 4 && shown.cursor.hot_y == 5);
    for (uint32_t i = 0; i < 64 * 64; i++) {
        check_int(shown.cursor.pixels[i], load_le32(card_pixel(&card, size, 4UL * i)));
    }
    check_int(card_next(&card, &shown), GPU_CURSOR_MOVE);
    check(shown.move.x == 100 && shown.move.y == 50);
    cursor.resource_id = 2; /* looks the same */
    cursor.pos.x = 101;
    check(card_ask_cursor(&card, VIRTIO_GPU_CMD_UPDATE_CURSOR, &cursor));
    check_int(card_next(&card, &shown), GPU_CURSOR_MOVE);
    cursor.pos.y = 7;
    check(card_ask_cursor(&card, VIRTIO_GPU_CMD_MOVE_CURSOR, &cursor));
    check_int(card_next(&card, &shown), GPU_CURSOR_MOVE);
    check(shown.move.x == 101 && shown.move.y == 7);
    cursor.resource_id = 4; /* not 64 x 64 */
    check(card_ask_cursor(&card, VIRTIO_GPU_CMD_UPDATE_CURSOR, &cursor));
    cursor.resource_id = 77;
    check(card_ask_cursor(&card, VIRTIO_GPU_CMD_UPDATE_CURSOR, &cursor));
    cursor.resource_id = 2;
    cursor.hot_x = 64;
    check(card_ask_cursor(&card, VIRTIO_GPU_CMD_UPDATE_CURSOR, &cursor));
    cursor.pos.scanout_id = 2;
    check(card_ask_cursor(&card, VIRTIO_GPU_CMD_MOVE_CURSOR, &cursor));
    check_int(card_next(&card, &shown), 0);
    cursor.pos.scanout_id = 1;
    cursor.resource_id = 0;
    check(card_ask_cursor(&card, VIRTIO_GPU_CMD_UPDATE_CURSOR, &cursor));
    check_int(card_next(&card, &shown), GPU_CURSOR);
    check_int(shown.cursor.visible, 0);
    check_int(card_stop(&card), 0);
}

TAP_TEST(a_resized_window_reaches_the_guest)
{
    struct card card;
    struct virtio_gpu_config config = {0};
    struct gpu_mode mode = {.header = {GPU_MODE, sizeof(mode)},
                            .enabled = 1,
                            .height = 777,
                            .width_mm = 300,
                            .height_mm = 200};
    struct virtio_gpu_cmd_get_edid edid = {0};
    const struct virtio_gpu_resp_edid *monitor = (const void *)card.response;
    const uint32_t clear = VIRTIO_GPU_EVENT_DISPLAY;

    check(card_start(&card) && card_say_hello(&card));
    for (mode.width = 1000; mode.width <= 1033; mode.width++) {
        check_int(message_send(card.display, &mode, sizeof(mode), NULL, 0), 0);
    }
    usleep(30000);
    check(fake_get_config(&card.fake, 0, &config, sizeof(config)));
    check_int(config.events_read, 0); /* the window may still move */
    usleep(150000);
    check(fake_get_config(&card.fake, 0, &config, sizeof(config)));
    check_int(config.events_read, VIRTIO_GPU_EVENT_DISPLAY);
    check_int(card_ask(&card, VIRTIO_GPU_CMD_GET_EDID, &edid, sizeof(edid), NULL),
              VIRTIO_GPU_RESP_OK_EDID);
    const uint8_t *timing = monitor->edid + 54;
    check_int(timing[2] | (timing[4] >> 4) << 8, 1033);
    check_int(timing[5] | (timing[7] >> 4) << 8, 777);
    check_int(timing[12] | (timing[14] >> 4) << 8, 300);
    check_int(fake_set_config(&card.fake, 4, &clear, sizeof(clear)), 0);
    check(fake_get_config(&card.fake, 0, &config, sizeof(config)));
    check_int(config.events_read, 0);
    check_int(card_stop(&card), 0);
}

TAP_TEST(a_restarted_display_gets_everything_again)
{
    struct card card;
    static struct shown shown;
    const struct start_header hello = {GPU_DISPLAY_HELLO, sizeof(hello)};
    struct pollfd wait = {.events = POLLIN};
    const uint64_t size = UINT64_C(64) * 64 * 4;
    struct virtio_gpu_update_cursor cursor = {.pos = {.scanout_id = 1}, .resource_id = 8};
    unsigned int got[GPU_DISPLAY + 1] = {0};

    check(card_start(&card) && card_say_hello(&card));
    check_int(card_create_2d(&card, 8, 64, 64), VIRTIO_GPU_RESP_OK_NODATA);
    check(card_ask_cursor(&card, VIRTIO_GPU_CMD_UPDATE_CURSOR, &cursor));
    card_paint(&card, size, 3);
    check_int(card_create_blob(&card, 3, size), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_set_scanout_blob(&card, 3, RECT(0, 0, 64, 64), LAYOUT(64, 64, 0)),
              VIRTIO_GPU_RESP_OK_NODATA);
    /* Nobody reads: the guest must not notice. */
    for (uint32_t i = 0; i < 3000; i++) {
        store_le32(card_pixel(&card, size, (64 + 1) * 4UL), i);
        check_int(card_flush(&card, 3, RECT(1, 1, 2, 2)), VIRTIO_GPU_RESP_OK_NODATA);
    }
    check_int(message_send(card.display, &hello, sizeof(hello), NULL, 0), 0);
    do {
        wait.fd = card.display;
        check_int(poll(&wait, 1, FAKE_LIMIT_MS), 1);
        uint32_t type = card_next(&card, &shown);
        fd_closep(&shown.fd);
        got[type]++;
        if (type == GPU_HELLO) {
            memset(got, 0, sizeof(got));
        }
    } while (got[GPU_CURSOR_MOVE] < 2);
    check_int(got[GPU_BUFFER], 1);
    check_int(got[GPU_SCANOUT], 2);
    check_int(got[GPU_UPDATE], 1);
    check_int(got[GPU_CURSOR], 1); /* the other is hidden */
    check_int(got[GPU_DISPLAY], 2);
    check_int(card_stop(&card), 0);
}

TAP_TEST(reset_forgets_everything)
{
    struct card card;
    static struct shown shown;
    const uint64_t size = UINT64_C(64) * 64 * 4;

    check(card_start(&card) && card_say_hello(&card));
    check_int(card_create_2d(&card, 1, 64, 64), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_attach(&card, 1, size), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_create_blob(&card, 2, size), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_set_scanout(&card, 1, 1, RECT(0, 0, 64, 64)), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_set_scanout_blob(&card, 2, RECT(0, 0, 64, 64), LAYOUT(64, 64, 0)),
              VIRTIO_GPU_RESP_OK_NODATA);
    while (card_next(&card, &shown) != 0) {
        fd_closep(&shown.fd);
    }
    check(fake_stop_queue(&card.fake, 0) >= 0 && fake_stop_queue(&card.fake, 1) >= 0);
    struct vhost_message reset = {.header = {.request = VHOST_RESET_DEVICE}};
    check_int(fake_tell(&card.fake, &reset), 0);
    unsigned int dark = 0;
    uint32_t type;
    while ((type = card_next(&card, &shown)) != 0) {
        check(type == GPU_BUFFER_GONE || type == GPU_SCANOUT);
        dark += type == GPU_SCANOUT && shown.scanout.buffer == 0;
    }
    check_int(dark, 2);
    for (unsigned int i = 0; i < FAKE_QUEUES; i++) {
        struct fake_queue *queue = &card.fake.queues[i];
        queue->available = queue->used = queue->next_descriptor = 0;
        memset(fake_ram(&card.fake, FAKE_RINGS_AT + i * 0x10000), 0, 0x10000);
    }
    check(fake_open(&card.fake, 2));
    check_int(card_create_2d(&card, 1, 64, 64), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_create_blob(&card, 2, size), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_stop(&card), 0);
}

static bool
answers_ping(struct card *card, int limit_ms)
{
    struct start_header message = {.type = START_PING, .size = sizeof(message)};
    struct pollfd wait = {.fd = card->fake.control_fd, .events = POLLIN};

    return message_send(card->fake.control_fd, &message, sizeof(message), NULL, 0) == 0 &&
           poll(&wait, 1, limit_ms) == 1 &&
           message_receive(card->fake.control_fd, &message, sizeof(message), NULL) ==
               sizeof(message) &&
           message.type == START_PONG;
}

/* How the supervisor gets to know that nobody is at home: asked when the alarm goes off, which the card sets. */
TAP_TEST(alarm_and_ping)
{
    struct card card;
    struct itimerspec when = {0};
    const struct virtio_gpu_resource_flush flush = {
        .hdr.type = VIRTIO_GPU_CMD_RESOURCE_FLUSH, .resource_id = 3, .r = {0, 0, 8, 8}};
    const struct fake_segment segments[] = {{REQUEST_AT, sizeof(flush), false},
                                            {RESPONSE_AT, 24, true}};
    const int alarm = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    const struct gpu_setup setup = {.record_fd = -1,
                                    .udmabuf_fd = -1,
                                    .wayland_fd = -1,
                                    .fault = GPU_FAULT_HANG,
                                    .fault_every = 2,
                                    .alarm_fd = FAKE_FD_MORE + 1};

    check(card_start_setup(&card, setup, alarm));
    check(answers_ping(&card, FAKE_LIMIT_MS));
    timerfd_settime(alarm, 0, &when, NULL); /* a queue that starts is looked at, too */
    check(timerfd_gettime(alarm, &when) == 0 && when.it_value.tv_sec == 0);
    usleep((GPU_ALARM_MS / 2 + 100) * 1000);
    check_int(card_create_2d(&card, 3, 8, 8), VIRTIO_GPU_RESP_OK_NODATA);
    check(timerfd_gettime(alarm, &when) == 0 && when.it_value.tv_sec >= GPU_ALARM_MS / 1000 - 2);
    check_int(card_flush(&card, 3, RECT(0, 0, 8, 8)), VIRTIO_GPU_RESP_OK_NODATA);
    check(answers_ping(&card, FAKE_LIMIT_MS));
    memcpy(fake_ram(&card.fake, REQUEST_AT), &flush, sizeof(flush));
    fake_offer(&card.fake, 0, segments, 2);
    fake_kick(&card.fake, 0);
    usleep(50000);
    check(!answers_ping(&card, 300));
    check(fake_is_quiet(&card.fake, 0, 0));
    fake_kill(&card.fake);
    close(alarm);
}

TAP_MAIN(TAP_CASE(identity), TAP_CASE(alarm_and_ping), TAP_CASE(resources_have_uuids),
         TAP_CASE(pixels_of_a_2d_resource), TAP_CASE(scanouts_of_a_2d_resource),
         TAP_CASE(pixels_of_a_blob), TAP_CASE(damage_of_a_blob), TAP_CASE(cursor),
         TAP_CASE(a_resized_window_reaches_the_guest),
         TAP_CASE(a_restarted_display_gets_everything_again), TAP_CASE(reset_forgets_everything))
