/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/input-event-codes.h>
#include <linux/virtio_input.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/fakes/fake-frontend.h"
#include "tests/unit/tap.h"
#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/protocol/input.h"

enum {
    EVENTS = 0,
    STATUS = 1,
};

static bool
start(struct fake *fake, enum input_kind kind, int *ret_display)
{
    struct input_setup setup = {.display_fd = FAKE_FD_MORE, .kind = kind};
    int pair[2];
    bool ok;

    if (fd_socket_pair(SOCK_SEQPACKET, pair) < 0) {
        return false;
    }
    ok = fake_start(fake, "VMM_INPUT", &setup, sizeof(setup), (int[]){pair[1], -1}) &&
         fake_open(fake, 2);
    close(pair[1]);
    *ret_display = pair[0];
    return ok;
}

static bool
select_config(struct fake *fake, uint8_t select, uint8_t subsel, struct virtio_input_config *ret)
{
    return fake_set_config(fake, 0, &select, 1) == 0 && fake_set_config(fake, 1, &subsel, 1) == 0 &&
           fake_get_config(fake, 0, ret, sizeof(*ret)) && ret->select == select &&
           ret->subsel == subsel;
}

static bool
has_bit(const struct virtio_input_config *config, unsigned int bit)
{
    return bit / 8 < config->size && (config->u.bitmap[bit / 8] >> (bit % 8) & 1);
}

static void
offer_buffers(struct fake *fake, unsigned int n)
{
    for (unsigned int i = 0; i < n; i++) {
        fake_offer(fake, EVENTS, &(struct fake_segment){FAKE_DATA_AT + i * 8, 8, true}, 1);
    }
    fake_kick(fake, EVENTS);
}

static bool
report(int display, const struct input_protocol_event *events, uint32_t count)
{
    struct input_report message = {.count = count};

    memcpy(message.events, events, count * sizeof(*events));
    return send(display, &message, 4 + count * sizeof(*events), MSG_NOSIGNAL) > 0;
}

/* The event in the buffer that is used next; buffer i lies at FAKE_DATA_AT + i * 8. */
static bool
next_event(struct fake *fake, unsigned int i, uint16_t type, uint16_t code, int32_t value)
{
    const uint8_t *at = fake_ram(fake, FAKE_DATA_AT + i * 8);
    uint16_t head;
    uint32_t written;

    if (!fake_wait(fake, EVENTS, &head, &written) || written != 8) {
        return false;
    }
    if (load_le16(at) == type && load_le16(at + 2) == code && (int32_t)load_le32(at + 4) == value) {
        return true;
    }
    printf("# got %u %u %d\n", load_le16(at), load_le16(at + 2), (int)load_le32(at + 4));
    return false;
}

TAP_TEST(keyboard_says_what_it_is)
{
    struct fake fake;
    struct virtio_input_config config;
    int display;

    check(start(&fake, INPUT_KEYBOARD, &display));
    check(fake_get_config(&fake, 0, &config, sizeof(config)));
    check_int(config.size, 0);
    check(select_config(&fake, VIRTIO_INPUT_CFG_ID_NAME, 0, &config));
    check_int(config.size, strlen("Vitrine keyboard"));
    check(memcmp(config.u.string, "Vitrine keyboard", config.size) == 0);
    check(select_config(&fake, VIRTIO_INPUT_CFG_ID_NAME, 1, &config));
    check_int(config.size, 0);
    check(select_config(&fake, VIRTIO_INPUT_CFG_ID_DEVIDS, 0, &config));
    check_int(config.size, 8);
    check(select_config(&fake, VIRTIO_INPUT_CFG_EV_BITS, EV_KEY, &config));
    check(has_bit(&config, KEY_A) && has_bit(&config, KEY_RIGHTMETA) &&
          has_bit(&config, KEY_102ND));
    check(has_bit(&config, KEY_VOLUMEUP) && !has_bit(&config, KEY_RESERVED));
    check(!has_bit(&config, BTN_LEFT));
    check(select_config(&fake, VIRTIO_INPUT_CFG_EV_BITS, EV_LED, &config));
    check_int(config.size, 1);
    check_int(config.u.bitmap[0], 7);
    check(select_config(&fake, VIRTIO_INPUT_CFG_EV_BITS, EV_REP, &config));
    check(config.size > 0);
    check(select_config(&fake, VIRTIO_INPUT_CFG_EV_BITS, EV_ABS, &config));
    check_int(config.size, 0);
    check(select_config(&fake, 0xff, 0xff, &config));
    check_int(config.size, 0);
    close(display);
    check_int(fake_end(&fake), 0);
}

TAP_TEST(pointer_says_what_it_is)
{
    struct fake fake;
    struct virtio_input_config config;
    int display;

    check(start(&fake, INPUT_POINTER, &display));
    check(select_config(&fake, VIRTIO_INPUT_CFG_EV_BITS, EV_KEY, &config));
    check(has_bit(&config, BTN_LEFT) && has_bit(&config, BTN_EXTRA) && !has_bit(&config, KEY_A));
    check(select_config(&fake, VIRTIO_INPUT_CFG_EV_BITS, EV_REL, &config));
    check(has_bit(&config, REL_WHEEL) && has_bit(&config, REL_HWHEEL_HI_RES));
    check(!has_bit(&config, REL_X));
    check(select_config(&fake, VIRTIO_INPUT_CFG_EV_BITS, EV_ABS, &config));
    check_int(config.u.bitmap[0], 3);
    check(select_config(&fake, VIRTIO_INPUT_CFG_ABS_INFO, ABS_Y, &config));
    check_int(config.size, sizeof(config.u.abs));
    check_int(load_le32(&config.u.abs.max), 32767);
    check(select_config(&fake, VIRTIO_INPUT_CFG_ABS_INFO, ABS_Z, &config));
    check_int(config.size, 0);
    close(display);
    check_int(fake_end(&fake), 0);
}

TAP_TEST(events_arrive_in_order)
{
    struct fake fake;
    int display;

    check(start(&fake, INPUT_KEYBOARD, &display));
    offer_buffers(&fake, 3);
    check(report(display, (struct input_protocol_event[]){{EV_KEY, KEY_A, 1}, {EV_SYN, 0, 0}}, 2));
    check(next_event(&fake, 0, EV_KEY, KEY_A, 1));
    check(next_event(&fake, 1, EV_SYN, SYN_REPORT, 0));
    /* Half of the next report fits; the rest follows with the next buffers. Repetition and foreign
     * events are left out. */
    check(report(display,
                 (struct input_protocol_event[]){
                     {EV_KEY, KEY_B, 2}, {EV_KEY, KEY_A, 0}, {EV_KEY, BTN_LEFT, 1}, {EV_SYN, 0, 0}},
                 4));
    check(next_event(&fake, 2, EV_KEY, KEY_A, 0));
    offer_buffers(&fake, 2);
    check(next_event(&fake, 0, EV_SYN, SYN_REPORT, 0));
    check(fake_is_quiet(&fake, EVENTS, 50));
    close(display);
    check_int(fake_end(&fake), 0);
}

/* A display process that died held keys down; the next one's first report lets them go. */
TAP_TEST(a_new_display_lets_all_go)
{
    const struct input_protocol_event anew[] = {{EV_SYN, SYN_DROPPED, 0}, {EV_SYN, 0, 0}};
    struct fake fake;
    int display;

    check(start(&fake, INPUT_KEYBOARD, &display));
    offer_buffers(&fake, 8);
    check(report(display, anew, 2));
    check(report(display, (struct input_protocol_event[]){{EV_KEY, KEY_A, 1}, {EV_SYN, 0, 0}}, 2));
    check(next_event(&fake, 0, EV_KEY, KEY_A, 1));
    check(next_event(&fake, 1, EV_SYN, SYN_REPORT, 0));
    check(report(display, anew, 2));
    check(next_event(&fake, 2, EV_KEY, KEY_A, 0));
    check(next_event(&fake, 3, EV_SYN, SYN_REPORT, 0));
    check(fake_is_quiet(&fake, EVENTS, 50));
    close(display);
    check_int(fake_end(&fake), 0);
}

TAP_TEST(wheel_gets_high_resolution)
{
    struct fake fake;
    int display;

    check(start(&fake, INPUT_POINTER, &display));
    offer_buffers(&fake, 6);
    check(report(display, (struct input_protocol_event[]){{EV_REL, REL_WHEEL, -1}, {EV_SYN, 0, 0}},
                 2));
    check(next_event(&fake, 0, EV_REL, REL_WHEEL, -1));
    check(next_event(&fake, 1, EV_REL, REL_WHEEL_HI_RES, -120));
    check(next_event(&fake, 2, EV_SYN, SYN_REPORT, 0));
    check(report(
        display,
        (struct input_protocol_event[]){{EV_ABS, ABS_X, 32767}, {EV_ABS, ABS_Y, 1}, {EV_SYN, 0, 0}},
        3));
    check(next_event(&fake, 3, EV_ABS, ABS_X, 32767));
    check(next_event(&fake, 4, EV_ABS, ABS_Y, 1));
    check(next_event(&fake, 5, EV_SYN, SYN_REPORT, 0));
    close(display);
    check_int(fake_end(&fake), 0);
}

TAP_TEST(overflow_loses_whole_reports_and_no_key)
{
    struct fake fake;
    int display;
    unsigned int syn = 0;
    bool down[KEY_CNT] = {false};
    unsigned int since_syn = 0;

    check(start(&fake, INPUT_KEYBOARD, &display));
    /* The guest takes nothing: 3 * 1000 events do not fit. Last: A up, B down. */
    for (int i = 0; i < 1000; i++) {
        check(report(display,
                     (struct input_protocol_event[]){
                         {EV_KEY, KEY_A, i % 2 == 0}, {EV_KEY, KEY_B, i % 2}, {EV_SYN, 0, 0}},
                     3));
    }
    for (int round = 0; round < 40; round++) {
        offer_buffers(&fake, 32);
        for (unsigned int i = 0; i < 32 && !fake_is_quiet(&fake, EVENTS, 200); i++) {
            uint16_t head;
            uint32_t written;
            check(fake_wait(&fake, EVENTS, &head, &written));
            const uint8_t *at = fake_ram(&fake, FAKE_DATA_AT + i * 8);
            if (load_le16(at) == EV_SYN) {
                syn++;
                since_syn = 0;
            } else {
                down[load_le16(at + 2)] = load_le32(at + 4) != 0;
                since_syn++;
            }
        }
        if (fake.queues[EVENTS].used != fake.queues[EVENTS].available) {
            break; /* it has no more */
        }
    }
    check(syn > 100 && syn < 1000);
    check_int(since_syn, 0); /* nothing after the last whole report */
    check(!down[KEY_A]);
    check(down[KEY_B]);
    close(display); /* nobody can let B go: the device does */
    const uint64_t at = FAKE_DATA_AT;
    (void)at;
    uint16_t head;
    uint32_t written;
    check(fake_wait(&fake, EVENTS, &head, &written));
    check(fake_wait(&fake, EVENTS, &head, &written));
    check_int(fake_end(&fake), 0);
}

TAP_TEST(lamps_reach_the_display)
{
    struct fake fake;
    int display;
    struct input_report message;
    struct virtio_input_event event = {EV_LED, LED_CAPSL, 1};
    const struct fake_segment segment = {FAKE_DATA_AT, 8, false};
    const struct fake_segment half = {FAKE_DATA_AT, 7, false};

    check(start(&fake, INPUT_KEYBOARD, &display));
    memcpy(fake_ram(&fake, FAKE_DATA_AT), &event, sizeof(event));
    check_int(fake_request(&fake, STATUS, &segment, 1), 0);
    check_int(recv(display, &message, sizeof(message), 0), 4 + 2 * 8);
    check_int(message.count, 2);
    check_int(message.events[0].type, EV_LED);
    check_int(message.events[0].code, LED_CAPSL);
    check_int(message.events[0].value, 1);
    event.code = LED_MAX;
    memcpy(fake_ram(&fake, FAKE_DATA_AT), &event, sizeof(event));
    check_int(fake_request(&fake, STATUS, &segment, 1), 0);
    check_int(fake_request(&fake, STATUS, &half, 1), 0);
    check_int(recv(display, &message, sizeof(message), MSG_DONTWAIT), -1);
    /* A display that never reads cannot stop the guest. */
    event.code = LED_CAPSL;
    memcpy(fake_ram(&fake, FAKE_DATA_AT), &event, sizeof(event));
    for (int i = 0; i < 2000; i++) {
        check_int(fake_request(&fake, STATUS, &segment, 1), 0);
    }
    close(display);
    check_int(fake_end(&fake), 0);
}

TAP_TEST(malformed_reports_are_dropped)
{
    struct fake fake;
    int display;
    struct input_report message = {.count = 1, .events = {{EV_KEY, KEY_A, 1}}};
    char large[4096] = {0};

    check(start(&fake, INPUT_KEYBOARD, &display));
    offer_buffers(&fake, 8);
    check(send(display, &message, 4 + 8, 0) > 0); /* no SYN */
    message.count = 33;
    check(send(display, &message, sizeof(message), 0) > 0);
    message.count = 0x20000002; /* times 8 overflows 32 bits */
    check(send(display, &message, 4 + 2 * 8, 0) > 0);
    check(send(display, &message, 3, 0) > 0);
    check(send(display, large, sizeof(large), 0) > 0);
    check(fake_is_quiet(&fake, EVENTS, 50));
    check(report(display, (struct input_protocol_event[]){{EV_KEY, KEY_A, 1}, {EV_SYN, 0, 0}}, 2));
    check(next_event(&fake, 0, EV_KEY, KEY_A, 1));
    close(display);
    check_int(fake_end(&fake), 0);
}

TAP_MAIN(TAP_CASE(keyboard_says_what_it_is), TAP_CASE(pointer_says_what_it_is),
         TAP_CASE(events_arrive_in_order), TAP_CASE(a_new_display_lets_all_go),
         TAP_CASE(wheel_gets_high_resolution), TAP_CASE(overflow_loses_whole_reports_and_no_key),
         TAP_CASE(lamps_reach_the_display), TAP_CASE(malformed_reports_are_dropped))
