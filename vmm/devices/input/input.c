/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/devices/input/input.h"

#include <errno.h>
#include <linux/input-event-codes.h>
#include <string.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/memory.h"
#include "vmm/base/message.h"
#include "vmm/devices/input/config.h"
#include "vmm/protocol/input.h"
#include "vmm/vhost/backend.h"

enum {
    EVENT_QUEUE = 0,
    STATUS_QUEUE = 1,
    QUEUES = 2,

    WAITING_MAX = 1024,     /* events that the guest has not taken yet */
    WHEEL_STEP = 120,       /* one notch in the high-resolution unit */
    ROUND_STATUS_MAX = 64,  /* then other descriptors of the loop get their turn */
    ROUND_REPORTS_MAX = 64, /* the same */
};

struct input {
    struct backend *backend;
    struct loop_source *display;
    int display_fd;
    enum input_kind kind;
    struct virtio_input_config config; /* as last selected by the driver */

    struct input_protocol_event waiting[WAITING_MAX]; /* a ring; holds whole reports only */
    size_t first;
    size_t n_waiting;

    uint8_t down[KEY_CNT];   /* keys and buttons, as the display says */
    uint8_t queued[KEY_CNT]; /* as the guest will know them when it has taken what waits */
    bool lost;               /* the two may differ: a report was dropped */
    struct log_limit limit;
};

/* One report on its way in: filtered, with the high-resolution wheel events added. */
struct translation {
    struct input_protocol_event events[2 * INPUT_EVENTS_MAX];
    size_t count;
};

static void
append(struct input *input, struct input_protocol_event event)
{
    input->waiting[(input->first + input->n_waiting++) % WAITING_MAX] = event;
    if (event.type == EV_KEY) {
        input->queued[event.code] = event.value != 0;
    }
}

/* After lost reports: bring keys and buttons to what they are, as far as there is room. */
static void
catch_up(struct input *input)
{
    size_t before = input->n_waiting;

    if (!input->lost || WAITING_MAX - before < KEY_CNT + 1) {
        return;
    }
    for (uint16_t code = 0; code < KEY_CNT; code++) {
        if (input->down[code] != input->queued[code]) {
            append(input, (struct input_protocol_event){EV_KEY, code, input->down[code]});
        }
    }
    if (input->n_waiting > before) {
        append(input, (struct input_protocol_event){EV_SYN, SYN_REPORT, 0});
    }
    input->lost = false;
}

/* Hand waiting events to the guest, one per buffer. */
static void
flush(struct input *input)
{
    struct queue *queue = backend_queue(input->backend, EVENT_QUEUE);
    bool more = queue;

    while (more && input->n_waiting > 0) {
        const struct input_protocol_event *event = &input->waiting[input->first];
        struct virtio_input_event wire;
        struct chain *chain;

        if (queue_pop(queue, &chain) <= 0) {
            more = queue_enable_kicks(queue, true);
            continue;
        }
        store_le16(&wire.type, event->type);
        store_le16(&wire.code, event->code);
        store_le32(&wire.value, (uint32_t)event->value);
        queue_push(queue, chain, (uint32_t)chain_write(chain, &wire, sizeof(wire)));
        input->first = (input->first + 1) % WAITING_MAX;
        input->n_waiting--;
        catch_up(input);
    }
    backend_notify(input->backend, EVENT_QUEUE);
}

static bool
report_is_whole(const struct input_report *report, size_t size)
{
    const struct input_protocol_event *last;

    if (size < offsetof(struct input_report, events) || report->count == 0 ||
        report->count > INPUT_EVENTS_MAX ||
        size != offsetof(struct input_report, events) + report->count * sizeof(*last)) {
        return false;
    }
    last = &report->events[report->count - 1];
    return last->type == EV_SYN && last->code == SYN_REPORT;
}

/* A wheel that announces high resolution must use it; displays that only count notches do not. */
static void
translate_wheel(struct translation *to, const struct input_report *report,
                const struct input_protocol_event *wheel)
{
    uint16_t fine = wheel->code == REL_WHEEL ? REL_WHEEL_HI_RES : REL_HWHEEL_HI_RES;

    if ((wheel->code != REL_WHEEL && wheel->code != REL_HWHEEL) || wheel->value > INT16_MAX ||
        wheel->value < INT16_MIN) {
        return;
    }
    for (size_t i = 0; i < report->count; i++) {
        if (report->events[i].type == EV_REL && report->events[i].code == fine) {
            return;
        }
    }
    to->events[to->count++] =
        (struct input_protocol_event){EV_REL, fine, wheel->value * WHEEL_STEP};
}

/* Lamps go the other way, and repetition is the guest's own business. */
static bool
is_wanted(const struct input *input, const struct input_protocol_event *event)
{
    switch (event->type) {
    case EV_KEY:
        return (event->value == 0 || event->value == 1) &&
               config_has_event(input->kind, event->type, event->code);
    case EV_REL:
    case EV_ABS:
        return config_has_event(input->kind, event->type, event->code);
    default:
        return false;
    }
}

static void
translate(struct input *input, const struct input_report *report, struct translation *to)
{
    to->count = 0;
    for (size_t i = 0; i < report->count; i++) {
        const struct input_protocol_event *event = &report->events[i];

        if (!is_wanted(input, event)) {
            continue;
        }
        to->events[to->count++] = *event;
        if (event->type == EV_KEY) {
            input->down[event->code] = event->value != 0;
        } else if (event->type == EV_REL) {
            translate_wheel(to, report, event);
        }
    }
    if (to->count > 0) {
        to->events[to->count++] = (struct input_protocol_event){EV_SYN, SYN_REPORT, 0};
    }
}

static bool
begins_anew(const struct input_report *report)
{
    return report->events[0].type == EV_SYN && report->events[0].code == SYN_DROPPED;
}

/* Whoever held keys or buttons down is gone. */
static void
let_all_go(struct input *input)
{
    memset(input->down, 0, sizeof(input->down));
    input->lost = true;
    catch_up(input);
}

static void
accept_report(struct input *input, const struct input_report *report)
{
    struct translation translation;

    if (begins_anew(report)) {
        let_all_go(input);
    }
    translate(input, report, &translation);
    catch_up(input);
    if (input->lost || !backend_queue(input->backend, EVENT_QUEUE) ||
        WAITING_MAX - input->n_waiting < translation.count) {
        input->lost = true;
        return;
    }
    for (size_t i = 0; i < translation.count; i++) {
        append(input, translation.events[i]);
    }
}

static void
display_ended(struct input *input)
{
    log_info("no input comes any more");
    loop_remove(take_pointer(input->display));
    let_all_go(input);
}

/* False when this round is over. */
static bool
receive_report(struct input *input)
{
    struct input_report report = {.count = 0};
    ssize_t n = message_receive(input->display_fd, &report, sizeof(report), NULL);

    if (n == -EAGAIN) {
        return false;
    }
    if (n == 0 || (n < 0 && n != -EMSGSIZE)) {
        display_ended(input);
        return false;
    }
    if (n > 0 && report_is_whole(&report, (size_t)n)) {
        accept_report(input, &report);
    } else {
        log_limited(&input->limit, LOG_LEVEL_WARNING, "a malformed report was dropped");
    }
    return true;
}

static void
on_display(void *data, uint32_t events)
{
    struct input *input = data;

    (void)events;
    for (unsigned int i = 0; i < ROUND_REPORTS_MAX; i++) {
        if (!receive_report(input)) {
            break;
        }
    }
    flush(input);
}

static void
send_lamp(struct input *input, uint16_t code, bool on)
{
    struct input_report report = {
        .count = 2,
        .events = {{EV_LED, code, on}, {EV_SYN, SYN_REPORT, 0}},
    };
    size_t size = offsetof(struct input_report, events) + 2 * sizeof(report.events[0]);

    /* A display that does not read them misses some: they are only lamps. */
    if (input->display && message_send(input->display_fd, &report, size, NULL, 0) < 0) {
        log_limited(&input->limit, LOG_LEVEL_DEBUG, "a lamp was not switched: %s", strerror(errno));
    }
}

static void
serve_status(struct input *input)
{
    struct queue *queue = backend_queue(input->backend, STATUS_QUEUE);
    unsigned int left = ROUND_STATUS_MAX;
    bool more = true;

    while (more && left > 0) {
        struct virtio_input_event wire;
        struct chain *chain;

        if (queue_pop(queue, &chain) <= 0) {
            more = queue_enable_kicks(queue, true);
            continue;
        }
        if (chain_read(chain, &wire, sizeof(wire)) == sizeof(wire) &&
            load_le16(&wire.type) == EV_LED &&
            config_has_event(input->kind, EV_LED, load_le16(&wire.code))) {
            send_lamp(input, load_le16(&wire.code), load_le32(&wire.value) != 0);
        }
        queue_push(queue, chain, 0);
        left--;
    }
    if (more) {
        backend_serve_again(input->backend, STATUS_QUEUE);
    }
    backend_notify(input->backend, STATUS_QUEUE);
}

static void
input_kicked(void *device, unsigned int index)
{
    struct input *input = device;

    if (index == STATUS_QUEUE) {
        serve_status(input);
        return;
    }
    catch_up(input);
    flush(input);
}

static void
input_queue_stopped(void *device, unsigned int index)
{
    struct input *input = device;

    if (index == EVENT_QUEUE) {
        input->n_waiting = 0;
        memset(input->queued, 0, sizeof(input->queued));
        input->lost = true; /* a driver that comes back learns what is held down */
    }
}

static void
input_config_read(void *device, uint32_t offset, void *data, uint32_t size)
{
    const struct input *input = device;

    memcpy(data, (const char *)&input->config + offset, size);
}

static void
input_config_write(void *device, uint32_t offset, const void *data, uint32_t size)
{
    struct input *input = device;
    const uint8_t *bytes = data;
    uint8_t wanted[2] = {input->config.select, input->config.subsel};

    for (uint32_t i = 0; i < size && offset + i < sizeof(wanted); i++) {
        wanted[offset + i] = bytes[i];
    }
    config_select(input->kind, wanted[0], wanted[1], &input->config);
}

static void
input_reset(void *device)
{
    struct input *input = device;

    config_select(input->kind, VIRTIO_INPUT_CFG_UNSET, 0, &input->config);
}

static const struct backend_ops input_ops = {
    .n_queues = QUEUES,
    .kicked = input_kicked,
    .config_read = input_config_read,
    .config_size = sizeof(struct virtio_input_config),
    .config_write = input_config_write,
    .queue_stopped = input_queue_stopped,
    .reset = input_reset,
};

int
input_create(struct loop *loop, const struct input_setup *setup, struct input **ret_input)
{
    cleanup(input_destroyp) struct input *input = xalloc(sizeof(*input));
    int r;

    if (setup->kind != INPUT_KEYBOARD && setup->kind != INPUT_POINTER) {
        return -EINVAL;
    }
    input->kind = (enum input_kind)setup->kind;
    input->display_fd = setup->display_fd;
    r = fd_set_nonblocking(input->display_fd);
    if (r < 0) {
        return r;
    }
    input->display = loop_add(loop, input->display_fd, EPOLLIN, on_display, input);
    if (!input->display) {
        return -errno;
    }
    input->backend = backend_create(loop, setup->device.vhost_fd, &input_ops, input);
    if (!input->backend) {
        return -errno;
    }
    *ret_input = take_pointer(input);
    return 0;
}

void
input_destroy(struct input *input)
{
    if (input) {
        loop_remove(input->display);
        backend_destroy(input->backend);
        free(input);
    }
}
