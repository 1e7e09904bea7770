/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* vmm-gpu with several displays, which come and go while the guest runs. */

#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "tests/device/gpu-card.h"
#include "tests/unit/tap.h"
#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/message.h"

enum {
    SIDE = 32,
    PICTURE = SIDE * SIDE * 4,
    ALL = 16
};

/* Sixteen scanouts, one display. */
static bool
start_one(struct card *card)
{
    const struct gpu_setup setup = {.record_fd = -1,
                                    .wayland_fd = -1,
                                    .udmabuf_fd = -1,
                                    .n_scanouts = ALL,
                                    .screen = {{.width = 1280, .height = 800, .width_mm = 310}}};

    return card_start_setup(card, setup, -1) && card_say_hello(card);
}

static const struct virtio_gpu_display_one *
displays_of(struct card *card)
{
    struct virtio_gpu_ctrl_hdr request = {0};

    memset(card->response, 0, sizeof(card->response));
    (void)card_ask(card, VIRTIO_GPU_CMD_GET_DISPLAY_INFO, &request, sizeof(request), NULL);
    return ((const struct virtio_gpu_resp_display_info *)(const void *)card->response)->pmodes;
}

/* Send as the display process; the answer, or type 0. */
static struct gpu_mode
plug(struct card *card, uint32_t type, struct gpu_mode mode)
{
    static struct shown shown;
    struct pollfd wait = {.fd = card->display, .events = POLLIN};
    struct gpu_mode answer = {0};

    mode.header = (struct start_header){type, sizeof(mode)};
    (void)message_send(card->display, &mode, sizeof(mode), NULL, 0);
    poll(&wait, 1, type == GPU_PLUG && mode.scanout < ALL && mode.enabled < 2 ? FAKE_LIMIT_MS : 50);
    if (card_next(card, &shown) == GPU_DISPLAY) {
        memcpy(&answer, &shown, sizeof(answer));
    }
    return answer;
}

static bool
wait_for_event(struct card *card)
{
    const uint32_t clear = VIRTIO_GPU_EVENT_DISPLAY;
    struct virtio_gpu_config config = {0};

    for (int i = 0; i < FAKE_LIMIT_MS / 10; i++) {
        if (!fake_get_config(&card->fake, 0, &config, sizeof(config))) {
            return false;
        }
        if (config.events_read & VIRTIO_GPU_EVENT_DISPLAY) {
            return fake_set_config(&card->fake, 4, &clear, sizeof(clear)) == 0 &&
                   fake_get_config(&card->fake, 0, &config, sizeof(config)) &&
                   config.events_read == 0;
        }
        usleep(10000);
    }
    return false;
}

TAP_TEST(displays_come_and_go)
{
    struct card card;
    struct virtio_gpu_config config;
    const struct gpu_mode third = {
        .scanout = 3, .enabled = 1, .width = 1024, .height = 768, .width_mm = 271};
    struct virtio_gpu_cmd_get_edid edid = {.scanout = 3};
    const struct virtio_gpu_resp_edid *monitor = (const void *)card.response;

    check(start_one(&card));
    check(fake_get_config(&card.fake, 0, &config, sizeof(config)));
    check_int(config.num_scanouts, ALL);
    const struct virtio_gpu_display_one *shown = displays_of(&card);
    check(shown[0].enabled && shown[0].r.width == 1280);
    for (int i = 1; i < ALL; i++) {
        check_int(shown[i].enabled, 0);
    }
    struct gpu_mode answer = plug(&card, GPU_PLUG, third);
    check(answer.scanout == 3 && answer.enabled == 1 && answer.width == 1024);
    check(wait_for_event(&card));
    shown = displays_of(&card);
    check(shown[3].enabled && shown[3].r.x == 1280 && shown[3].r.height == 768);
    check_int(card_ask(&card, VIRTIO_GPU_CMD_GET_EDID, &edid, sizeof(edid), NULL),
              VIRTIO_GPU_RESP_OK_EDID);
    check_int(monitor->edid[54 + 2] | (monitor->edid[54 + 4] >> 4) << 8, 1024);
    check_int(monitor->edid[54 + 12] | (monitor->edid[54 + 14] >> 4) << 8, 271);
    /* The same again is answered, and the guest hears nothing of it. */
    check_int(plug(&card, GPU_PLUG, third).enabled, 1);
    usleep(200000);
    check(fake_get_config(&card.fake, 0, &config, sizeof(config)));
    check_int(config.events_read, 0);
    /* Away; a window that speaks late does not bring it back. */
    answer = plug(&card, GPU_PLUG, (struct gpu_mode){.scanout = 3});
    check(answer.header.type == GPU_DISPLAY && answer.enabled == 0);
    check(wait_for_event(&card));
    check_int(plug(&card, GPU_MODE, third).header.type, 0);
    check_int(displays_of(&card)[3].enabled, 0);
    check_int(card_ask(&card, VIRTIO_GPU_CMD_GET_EDID, &edid, sizeof(edid), NULL),
              VIRTIO_GPU_RESP_OK_EDID);
    check_int(card_stop(&card), 0);
}

TAP_TEST(nonsense_of_the_display_process)
{
    struct card card;
    const struct gpu_mode bad[] = {
        {.scanout = ALL, .enabled = 1, .width = 640, .height = 480},
        {.scanout = UINT32_MAX, .enabled = 0},
        {.scanout = 1, .enabled = 2, .width = 640, .height = 480},
        {.scanout = 1, .enabled = 1, .width = 0, .height = 480},
        {.scanout = 1, .enabled = 1, .width = 640, .height = GPU_EDGE_MAX + 1},
    };

    check(start_one(&card));
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct gpu_mode mode = bad[i];
        mode.header = (struct start_header){GPU_PLUG, sizeof(mode)};
        check_int(message_send(card.display, &mode, sizeof(mode), NULL, 0), 0);
    }
    /* None was answered: the first answer is this one's. */
    check_int(plug(&card, GPU_PLUG,
                   (struct gpu_mode){.scanout = 2, .enabled = 1, .width = 1, .height = 1})
                  .scanout,
              2);
    const struct virtio_gpu_display_one *shown = displays_of(&card);
    check(shown[0].enabled && !shown[1].enabled && shown[2].enabled);
    check_int(card_stop(&card), 0);
}

/* A picture of its own on this scanout, as the display maps it. */
static bool
show(struct card *card, uint32_t scanout, uint32_t id)
{
    static struct shown shown;

    card_paint(card, PICTURE, id);
    if (card_create_2d(card, id, SIDE, SIDE) != VIRTIO_GPU_RESP_OK_NODATA ||
        card_attach(card, id, PICTURE) != VIRTIO_GPU_RESP_OK_NODATA ||
        card_transfer(card, id, RECT(0, 0, SIDE, SIDE), 0) != VIRTIO_GPU_RESP_OK_NODATA ||
        card_set_scanout(card, scanout, id, RECT(0, 0, SIDE, SIDE)) != VIRTIO_GPU_RESP_OK_NODATA ||
        card_next(card, &shown) != GPU_BUFFER) {
        return false;
    }
    const uint8_t *pixels = shown_map(&shown);
    return pixels && load_le32(pixels + 4) == load_le32(card_pixel(card, PICTURE, 4)) &&
           card_next(card, &shown) == GPU_SCANOUT && shown.scanout.scanout == scanout;
}

TAP_TEST(each_scanout_has_its_picture_and_its_damage)
{
    struct card card;
    static struct shown shown;

    check(start_one(&card));
    for (uint32_t i = 0; i < ALL; i++) {
        check(show(&card, i, 100 + i));
    }
    for (uint32_t i = 0; i < ALL; i++) {
        check_int(card_flush(&card, 100 + i, RECT(i, 1, 2, 3)), VIRTIO_GPU_RESP_OK_NODATA);
        check_int(card_next(&card, &shown), GPU_UPDATE);
        check(shown.update.scanout == i && shown.update.x == i && shown.update.height == 3);
        check_int(card_next(&card, &shown), 0);
    }
    /* One of them off: the others stay as they are. */
    check_int(card_set_scanout(&card, 7, 0, RECT(0, 0, 0, 0)), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_next(&card, &shown), GPU_SCANOUT);
    check(shown.scanout.scanout == 7 && shown.scanout.buffer == 0);
    check_int(card_flush(&card, 107, RECT(0, 0, 1, 1)), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_next(&card, &shown), 0);
    check_int(card_flush(&card, 115, RECT(0, 0, 1, 1)), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_next(&card, &shown), GPU_UPDATE);
    check_int(card_stop(&card), 0);
}

static uint32_t
set_blob(struct card *card, uint32_t scanout, uint32_t id)
{
    struct virtio_gpu_set_scanout_blob request = {.r = RECT(0, 0, SIDE, SIDE),
                                                  .scanout_id = scanout,
                                                  .resource_id = id,
                                                  .width = SIDE,
                                                  .height = SIDE,
                                                  .format = 2,
                                                  .strides = {SIDE * 4}};

    return card_ask(card, VIRTIO_GPU_CMD_SET_SCANOUT_BLOB, &request, sizeof(request), NULL);
}

TAP_TEST(one_resource_on_several_scanouts_goes_away)
{
    struct card card;
    static struct shown shown;
    static const uint32_t where[] = {0, 5, 15};

    check(start_one(&card));
    card_paint(&card, PICTURE, 9);
    check_int(card_create_blob(&card, 9, PICTURE), VIRTIO_GPU_RESP_OK_NODATA);
    for (size_t i = 0; i < ARRAY_SIZE(where); i++) {
        check_int(set_blob(&card, where[i], 9), VIRTIO_GPU_RESP_OK_NODATA);
        check_int(card_next(&card, &shown), GPU_BUFFER); /* a shadow each */
        check_int(card_next(&card, &shown), GPU_SCANOUT);
        check_int(shown.scanout.scanout, where[i]);
    }
    card_paint(&card, PICTURE, 10);
    check_int(card_flush(&card, 9, RECT(0, 0, SIDE, SIDE)), VIRTIO_GPU_RESP_OK_NODATA);
    for (size_t i = 0; i < ARRAY_SIZE(where); i++) {
        check_int(card_next(&card, &shown), GPU_UPDATE);
        check_int(shown.update.scanout, where[i]);
    }
    check_int(card_unref(&card, 9), VIRTIO_GPU_RESP_OK_NODATA);
    unsigned int off = 0;
    unsigned int gone = 0;
    uint32_t type = 0;
    while ((type = card_next(&card, &shown)) != 0) {
        off += type == GPU_SCANOUT && shown.scanout.buffer == 0;
        gone += type == GPU_BUFFER_GONE;
    }
    check_int(off, 3);
    check_int(gone, 3);
    check_int(card_flush(&card, 9, RECT(0, 0, 1, 1)), VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
    check_int(card_stop(&card), 0);
}

TAP_TEST(scanouts_that_there_are_not)
{
    struct card card;
    static struct shown shown;
    struct virtio_gpu_cmd_get_edid edid = {0};
    struct virtio_gpu_update_cursor cursor = {.resource_id = 0};
    static const uint32_t bad[] = {ALL, ALL + 1, 0x80000000, UINT32_MAX};

    check(start_one(&card));
    check_int(card_create_2d(&card, 5, SIDE, SIDE), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_create_blob(&card, 9, PICTURE), VIRTIO_GPU_RESP_OK_NODATA);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        check_int(card_set_scanout(&card, bad[i], 5, RECT(0, 0, SIDE, SIDE)),
                  VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID);
        check_int(set_blob(&card, bad[i], 9), VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID);
        edid.scanout = bad[i];
        check_int(card_ask(&card, VIRTIO_GPU_CMD_GET_EDID, &edid, sizeof(edid), NULL),
                  VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID);
        cursor.pos.scanout_id = bad[i];
        check(card_ask_cursor(&card, VIRTIO_GPU_CMD_UPDATE_CURSOR, &cursor));
        check(card_ask_cursor(&card, VIRTIO_GPU_CMD_MOVE_CURSOR, &cursor));
    }
    check_int(card_next(&card, &shown), 0);
    /* Where no display is plugged in, the guest may show what it likes. */
    check_int(card_set_scanout(&card, 4, 5, RECT(0, 0, SIDE, SIDE)), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_stop(&card), 0);
}

TAP_TEST(the_cursor_moves_between_displays)
{
    struct card card;
    static struct shown shown;
    struct virtio_gpu_update_cursor cursor = {
        .pos = {.scanout_id = 2, .x = 10, .y = 20}, .resource_id = 6, .hot_x = 1, .hot_y = 2};

    check(start_one(&card));
    check_int(card_create_2d(&card, 6, 64, 64), VIRTIO_GPU_RESP_OK_NODATA);
    check(card_ask_cursor(&card, VIRTIO_GPU_CMD_UPDATE_CURSOR, &cursor));
    check_int(card_next(&card, &shown), GPU_CURSOR);
    check(shown.cursor.scanout == 2 && shown.cursor.visible && shown.cursor.hot_y == 2);
    check_int(card_next(&card, &shown), GPU_CURSOR_MOVE);
    check(shown.move.scanout == 2 && shown.move.x == 10);
    cursor.resource_id = 0;
    check(card_ask_cursor(&card, VIRTIO_GPU_CMD_UPDATE_CURSOR, &cursor));
    check_int(card_next(&card, &shown), GPU_CURSOR);
    check(shown.cursor.scanout == 2 && !shown.cursor.visible);
    cursor.resource_id = 6;
    cursor.pos.scanout_id = 0;
    check(card_ask_cursor(&card, VIRTIO_GPU_CMD_UPDATE_CURSOR, &cursor));
    check_int(card_next(&card, &shown), GPU_CURSOR);
    check(shown.cursor.scanout == 0 && shown.cursor.visible);
    check_int(card_stop(&card), 0);
}

TAP_TEST(a_new_driver_and_a_new_display_process_find_the_displays)
{
    struct card card;
    static struct shown shown;
    struct pollfd wait = {.events = POLLIN};
    const struct start_header hello = {GPU_DISPLAY_HELLO, sizeof(hello)};
    const struct gpu_mode sixth = {.scanout = 6, .enabled = 1, .width = 640, .height = 480};
    unsigned int told = 0;

    check(start_one(&card));
    check_int(plug(&card, GPU_PLUG, sixth).enabled, 1);
    check_int(plug(&card, GPU_PLUG, (struct gpu_mode){.scanout = 0}).enabled, 0);
    check(show(&card, 6, 50));
    /* The driver starts over. */
    check(fake_stop_queue(&card.fake, 0) >= 0 && fake_stop_queue(&card.fake, 1) >= 0);
    check_int(fake_tell_u64(&card.fake, VHOST_SET_STATUS, 0), 0);
    wait.fd = card.display;
    check_int(poll(&wait, 1, FAKE_LIMIT_MS), 1);
    check_int(card_next(&card, &shown), GPU_SCANOUT);
    check(shown.scanout.scanout == 6 && shown.scanout.buffer == 0);
    usleep(20000);
    while (card_next(&card, &shown) != 0) {
    }
    /* So does the display process. */
    check_int(message_send(card.display, &hello, sizeof(hello), NULL, 0), 0);
    check_int(poll(&wait, 1, FAKE_LIMIT_MS), 1);
    check_int(card_next(&card, &shown), GPU_HELLO);
    check_int(shown.hello.n_scanouts, ALL);
    usleep(20000);
    for (uint32_t type = 0; (type = card_next(&card, &shown)) != 0;) {
        struct gpu_mode mode;
        memcpy(&mode, &shown, sizeof(mode));
        told += type == GPU_DISPLAY;
        check(type != GPU_DISPLAY || (mode.scanout == 6) == mode.enabled);
        check(type != GPU_DISPLAY || !mode.enabled || mode.width == 640);
    }
    check_int(told, ALL);
    check_int(card_stop(&card), 0);
}

TAP_MAIN(TAP_CASE(displays_come_and_go), TAP_CASE(nonsense_of_the_display_process),
         TAP_CASE(each_scanout_has_its_picture_and_its_damage),
         TAP_CASE(one_resource_on_several_scanouts_goes_away),
         TAP_CASE(scanouts_that_there_are_not), TAP_CASE(the_cursor_moves_between_displays),
         TAP_CASE(a_new_driver_and_a_new_display_process_find_the_displays))
