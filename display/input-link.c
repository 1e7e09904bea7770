/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "display/input-link.h"

#include <errno.h>
#include <glib-unix.h>
#include <linux/input-event-codes.h>
#include <string.h>

#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/message.h"
#include "vmm/protocol/input.h"

enum {
    QUEUE_MAX = 512, /* reports per device */
    KEYBOARD = 0,
    POINTER = 1,
    DEVICES = 2,
};

struct device {
    int fd;
    guint in_source;
    guint out_source;
    GQueue queue; /* struct input_report, all full-size */
    VmInputLink *link;
    struct log_limit limit;
};

struct _VmInputLink {
    GObject parent_instance;
    struct device devices[DEVICES];
    guint modifiers;
    guint8 holders[KEY_CNT]; /* how many holders keep this key down */
};

struct vm_input_holder {
    VmInputLink *link;
    guint8 down[KEY_CNT];
};

G_DEFINE_FINAL_TYPE(VmInputLink, vm_input_link, G_TYPE_OBJECT)

static guint modifiers_changed; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */

static gsize
report_size(const struct input_report *report)
{
    return sizeof(report->count) + report->count * sizeof(report->events[0]);
}

static gboolean
handle_writable(gint fd, GIOCondition condition, gpointer user_data)
{
    struct device *device = user_data;
    struct input_report *report;

    while ((report = g_queue_peek_head(&device->queue))) {
        int r = message_send(fd, report, report_size(report), NULL, 0);

        if (r == -EAGAIN) {
            return G_SOURCE_CONTINUE;
        }
        g_free(g_queue_pop_head(&device->queue));
        if (r < 0) {
            log_limited(&device->limit, LOG_LEVEL_WARNING, "input: %s", g_strerror(-r));
        }
    }
    device->out_source = 0;
    return G_SOURCE_REMOVE;
}

/* Two reports that only move the pointer become one. */
static gboolean
merge_motion(struct device *device, const struct input_report *report)
{
    struct input_report *last = g_queue_peek_tail(&device->queue);

    if (!last || report->events[0].type != EV_ABS || last->events[0].type != EV_ABS) {
        return FALSE;
    }
    *last = *report;
    return TRUE;
}

static void
device_send(struct device *device, const struct input_report *report)
{
    if (g_queue_is_empty(&device->queue) &&
        message_send(device->fd, report, report_size(report), NULL, 0) != -EAGAIN) {
        return;
    }
    if (merge_motion(device, report)) {
        return;
    }
    if (g_queue_get_length(&device->queue) >= QUEUE_MAX) {
        log_limited(&device->limit, LOG_LEVEL_WARNING, "input: the guest takes no input, dropped");
        return;
    }
    g_queue_push_tail(&device->queue, g_memdup2(report, sizeof(*report)));
    if (!device->out_source) {
        device->out_source =
            g_unix_fd_add(device->fd, G_IO_OUT | G_IO_HUP | G_IO_ERR, handle_writable, device);
    }
}

static void
add_event(struct input_report *report, guint16 type, guint16 code, gint32 value)
{
    g_assert(report->count < INPUT_EVENTS_MAX);
    report->events[report->count].type = type;
    report->events[report->count].code = code;
    report->events[report->count].value = value;
    report->count++;
}

static void
send_event(struct device *device, guint16 type, guint16 code, gint32 value)
{
    struct input_report report = {.count = 0};

    add_event(&report, type, code, value);
    add_event(&report, EV_SYN, SYN_REPORT, 0);
    device_send(device, &report);
}

static guint
apply_lamp(guint modifiers, const struct input_protocol_event *event)
{
    guint bit;

    if (event->type != EV_LED || event->code > LED_SCROLLL) {
        return modifiers;
    }
    bit = event->code == LED_NUML ? 2 : event->code == LED_CAPSL ? 4 : 1;
    return event->value ? modifiers | bit : modifiers & ~bit;
}

static gboolean
handle_readable(gint fd, GIOCondition condition, gpointer user_data)
{
    struct device *device = user_data;
    VmInputLink *self = device->link;
    guint modifiers = self->modifiers;
    struct input_report report;
    ssize_t n = message_receive(fd, &report, sizeof(report), NULL);

    if (n == -EAGAIN) {
        return G_SOURCE_CONTINUE;
    }
    if (n == 0 || n == -ECONNRESET) { /* the supervisor tells why */
        device->in_source = 0;
        return G_SOURCE_REMOVE;
    }
    if (n < (ssize_t)sizeof(report.count) || report.count > INPUT_EVENTS_MAX ||
        report_size(&report) != (gsize)n) {
        log_error("input: message of a wrong form");
        device->in_source = 0;
        return G_SOURCE_REMOVE;
    }
    for (guint i = 0; i < report.count; i++) {
        modifiers = apply_lamp(modifiers, &report.events[i]);
    }
    if (modifiers != self->modifiers) {
        self->modifiers = modifiers;
        g_signal_emit(self, modifiers_changed, 0);
    }
    return G_SOURCE_CONTINUE;
}

static void
vm_input_link_finalize(GObject *object)
{
    VmInputLink *self = VM_INPUT_LINK(object);

    for (guint i = 0; i < DEVICES; i++) {
        struct device *device = &self->devices[i];

        g_clear_handle_id(&device->in_source, g_source_remove);
        g_clear_handle_id(&device->out_source, g_source_remove);
        g_queue_clear_full(&device->queue, g_free);
        fd_closep(&device->fd);
    }
    G_OBJECT_CLASS(vm_input_link_parent_class)->finalize(object);
}

static void
vm_input_link_class_init(VmInputLinkClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = vm_input_link_finalize;
    modifiers_changed = g_signal_new("modifiers-changed", G_TYPE_FROM_CLASS(klass),
                                     G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
vm_input_link_init(VmInputLink *self)
{
    for (guint i = 0; i < DEVICES; i++) {
        self->devices[i].fd = -1;
        self->devices[i].link = self;
        g_queue_init(&self->devices[i].queue);
    }
}

VmInputLink *
vm_input_link_new(int keyboard_fd, int pointer_fd)
{
    VmInputLink *self = g_object_new(VM_TYPE_INPUT_LINK, NULL);

    self->devices[KEYBOARD].fd = keyboard_fd;
    self->devices[POINTER].fd = pointer_fd;
    for (guint i = 0; i < DEVICES; i++) {
        struct device *device = &self->devices[i];

        if (device->fd >= 0 && fd_set_nonblocking(device->fd) == 0) {
            device->in_source =
                g_unix_fd_add(device->fd, G_IO_IN | G_IO_HUP | G_IO_ERR, handle_readable, device);
            send_event(device, EV_SYN, SYN_DROPPED, 0);
        }
    }
    return self;
}

gboolean
vm_input_link_has_keyboard(VmInputLink *self)
{
    g_return_val_if_fail(VM_IS_INPUT_LINK(self), FALSE);
    return self->devices[KEYBOARD].fd >= 0;
}

gboolean
vm_input_link_has_pointer(VmInputLink *self)
{
    g_return_val_if_fail(VM_IS_INPUT_LINK(self), FALSE);
    return self->devices[POINTER].fd >= 0;
}

guint
vm_input_link_get_modifiers(VmInputLink *self)
{
    g_return_val_if_fail(VM_IS_INPUT_LINK(self), 0);
    return self->modifiers;
}

VmInputHolder *
vm_input_holder_new(VmInputLink *link)
{
    VmInputHolder *holder = g_new0(VmInputHolder, 1);

    holder->link = g_object_ref(link);
    return holder;
}

void
vm_input_holder_free(VmInputHolder *holder)
{
    if (!holder) {
        return;
    }
    for (guint code = 0; code < KEY_CNT; code++) {
        vm_input_holder_set_key(holder, code, FALSE);
    }
    g_object_unref(holder->link);
    g_free(holder);
}

gboolean
vm_input_holder_set_key(VmInputHolder *holder, guint code, gboolean down)
{
    VmInputLink *self = holder->link;
    gboolean is_button = code >= BTN_MISC && code < KEY_OK;
    struct device *device = &self->devices[is_button ? POINTER : KEYBOARD];

    if (code == 0 || code >= KEY_CNT || device->fd < 0) {
        return FALSE;
    }
    if (holder->down[code] == !!down) {
        return TRUE; /* the guest repeats by itself */
    }
    holder->down[code] = !!down;
    if (down) {
        self->holders[code]++;
    } else {
        self->holders[code]--;
    }
    if (self->holders[code] == (down ? 1 : 0)) {
        send_event(device, EV_KEY, (guint16)code, !!down);
    }
    return TRUE;
}

gboolean
vm_input_link_move(VmInputLink *self, guint x, guint y)
{
    struct input_report report = {.count = 0};

    g_return_val_if_fail(VM_IS_INPUT_LINK(self), FALSE);
    if (self->devices[POINTER].fd < 0) {
        return FALSE;
    }
    add_event(&report, EV_ABS, ABS_X, (gint32)MIN(x, INPUT_ABS_MAX));
    add_event(&report, EV_ABS, ABS_Y, (gint32)MIN(y, INPUT_ABS_MAX));
    add_event(&report, EV_SYN, SYN_REPORT, 0);
    device_send(&self->devices[POINTER], &report);
    return TRUE;
}

gboolean
vm_input_link_turn_wheel(VmInputLink *self, int steps)
{
    g_return_val_if_fail(VM_IS_INPUT_LINK(self), FALSE);
    if (self->devices[POINTER].fd < 0) {
        return FALSE;
    }
    send_event(&self->devices[POINTER], EV_REL, REL_WHEEL, steps);
    return TRUE;
}

guint
vm_input_absolute(guint at, guint size)
{
    if (at == 0 || size < 2) {
        return 0;
    }
    if (at >= size - 1) {
        return INPUT_ABS_MAX;
    }
    /* The middle of the pixel. */
    return (guint)(((guint64)at * 2 + 1) * (INPUT_ABS_MAX + 1) / ((guint64)size * 2));
}
