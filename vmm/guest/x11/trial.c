/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A Wayland client that makes one buffer. It asks in an order of its own, so that each object has its
 * number before.
 */

#include "vmm/guest/x11/trial.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#include "vmm/base/bytes.h"
#include "vmm/base/message.h"
#include "vmm/wayland-wire/wire.h"
#include "wayland-wire-protocols.h"

enum {
    REGISTRY = 2,
    GLOBALS, /* wl_callback: all globals were told */
    DMABUF,
    FORMATS, /* all formats */
    PARAMS,
    OBJECTS = 16,
    VERSION = 3, /* the first that tells formats with their layouts, the last without feedback */
    XR24 = 0x34325258,
    AR24 = 0x34325241,
};

static const char refused[] = "the host's compositor refuses what the card draws";
static const char broken[] = "the compositor broke the protocol";

struct trial {
    int fd;
    const struct trial_picture *picture;
    struct wire_objects *objects;
    uint8_t in[WIRE_MESSAGE_MAX];
    size_t n_in;
    uint32_t global; /* linux-dmabuf's name, 0: none */
    bool has_xr24, has_ar24;
    bool over;
    const char *why; /* NULL when it is over: yes */
};

static void
end(struct trial *trial, const char *why)
{
    if (!trial->over) {
        trial->over = true;
        trial->why = why;
    }
}

static void
say_fd(struct trial *trial, struct wire_writer *writer, int fd)
{
    struct wire_call call;
    const int size = wire_end(writer);

    if (size < 0 ||
        wire_read(trial->objects, WIRE_REQUEST, writer->bytes, (size_t)size, &call) != size ||
        wire_apply(trial->objects, &call) < 0 ||
        message_send(trial->fd, writer->bytes, (size_t)size, &fd, fd >= 0) < 0) {
        end(trial, "the compositor does not listen");
    }
}

static void
say(struct trial *trial, uint32_t id, uint16_t opcode, uint32_t word)
{
    struct wire_writer writer;

    wire_begin(&writer, id, opcode);
    wire_put(&writer, word);
    say_fd(trial, &writer, -1);
}

static void
bind_dmabuf(struct trial *trial)
{
    struct wire_writer writer;

    if (trial->global == 0) {
        end(trial, "the host's compositor or graphics card shares no memory (linux-dmabuf)");
        return;
    }
    wire_begin(&writer, REGISTRY, WIRE_WL_REGISTRY_BIND);
    wire_put(&writer, trial->global);
    wire_put_string(&writer, wire_zwp_linux_dmabuf_v1.name);
    wire_put(&writer, VERSION);
    wire_put(&writer, DMABUF);
    say_fd(trial, &writer, -1);
    say(trial, WIRE_DISPLAY, WIRE_WL_DISPLAY_SYNC, FORMATS);
}

static void
make_buffer(struct trial *trial)
{
    const struct trial_picture *picture = trial->picture;
    struct wire_writer writer;

    if (!trial->has_xr24 || !trial->has_ar24) {
        end(trial,
            "the host's compositor lacks the formats of X11's windows in the card's own layout");
        return;
    }
    say(trial, DMABUF, WIRE_ZWP_LINUX_DMABUF_V1_CREATE_PARAMS, PARAMS);
    wire_begin(&writer, PARAMS, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_ADD);
    wire_put(&writer, 0); /* plane */
    wire_put(&writer, 0); /* offset */
    wire_put(&writer, picture->stride);
    wire_put(&writer, CARD_LAYOUT_HIGH);
    wire_put(&writer, CARD_LAYOUT_LOW);
    say_fd(trial, &writer, picture->fd);
    wire_begin(&writer, PARAMS, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_CREATE);
    wire_put(&writer, picture->width);
    wire_put(&writer, picture->height);
    wire_put(&writer, picture->format);
    wire_put(&writer, 0); /* flags */
    say_fd(trial, &writer, -1);
}

static void
on_global(struct trial *trial, const struct wire_call *call)
{
    const struct wire_interface *interface =
        wire_interface_find((const char *)call->value[1].data, call->value[1].word - 1);

    if (interface == &wire_zwp_linux_dmabuf_v1 && call->value[2].word >= VERSION) {
        trial->global = call->value[0].word;
    }
}

static void
on_modifier(struct trial *trial, const struct wire_call *call)
{
    if (call->value[1].word == CARD_LAYOUT_HIGH && call->value[2].word == CARD_LAYOUT_LOW) {
        trial->has_xr24 = trial->has_xr24 || call->value[0].word == XR24;
        trial->has_ar24 = trial->has_ar24 || call->value[0].word == AR24;
    }
}

static void
on_event(struct trial *trial, const struct wire_call *call)
{
    if (wire_is(call, wl_display, WIRE_WL_DISPLAY_EVENT_ERROR)) {
        end(trial, refused);
    } else if (wire_is(call, wl_registry, WIRE_WL_REGISTRY_EVENT_GLOBAL)) {
        on_global(trial, call);
    } else if (wire_is(call, wl_callback, WIRE_WL_CALLBACK_EVENT_DONE)) {
        if (call->id == GLOBALS) {
            bind_dmabuf(trial);
        } else {
            make_buffer(trial);
        }
    } else if (wire_is(call, zwp_linux_dmabuf_v1, WIRE_ZWP_LINUX_DMABUF_V1_EVENT_MODIFIER)) {
        on_modifier(trial, call);
    } else if (call->object->interface == &wire_zwp_linux_buffer_params_v1) {
        end(trial, call->opcode == WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_EVENT_CREATED ? NULL : refused);
    }
}

static void
handle(struct trial *trial, struct wire_call *call)
{
    const struct wire_object object = *call->object;

    call->object = &object; /* the table may move */
    if (wire_apply(trial->objects, call) < 0) {
        end(trial, broken);
    } else {
        on_event(trial, call);
    }
    call->object = NULL;
}

/* All whole messages. */
static void
read_messages(struct trial *trial)
{
    size_t at = 0;
    int r = 1;

    while (!trial->over && r > 0) {
        struct wire_call call;

        r = wire_read(trial->objects, WIRE_EVENT, trial->in + at, trial->n_in - at, &call);
        if (r > 0) {
            at += (size_t)r;
            handle(trial, &call);
        } else if (r < 0) {
            end(trial, broken);
        }
    }
    memmove(trial->in, trial->in + at, trial->n_in - at);
    trial->n_in -= at;
}

static int64_t
now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* Wait for bytes and read them. */
static void
receive(struct trial *trial, int64_t until)
{
    struct pollfd poll_it = {.fd = trial->fd, .events = POLLIN};
    struct message_fds fds = {.count = 0};
    const int64_t left = until - now();

    if (left <= 0 || poll(&poll_it, 1, (int)left) == 0) {
        end(trial, "the host's compositor does not answer");
        return;
    }
    ssize_t n = message_receive_part(trial->fd, trial->in + trial->n_in,
                                     sizeof(trial->in) - trial->n_in, &fds);
    message_close_fds(&fds);
    if (n == -EAGAIN || n == -EINTR) {
        return;
    }
    if (n <= 0) {
        end(trial, "the host's compositor hung up");
        return;
    }
    trial->n_in += (size_t)n;
    read_messages(trial);
}

bool
trial_run(int wayland, const struct trial_picture *picture, int patience, const char **ret_why)
{
    cleanup(wire_objects_destroyp) struct wire_objects *objects = wire_objects_create(OBJECTS);
    struct trial trial = {.fd = wayland, .picture = picture, .objects = objects};
    const int64_t until = now() + patience;

    if (!objects) {
        *ret_why = "there is no memory";
        return false;
    }
    say(&trial, WIRE_DISPLAY, WIRE_WL_DISPLAY_GET_REGISTRY, REGISTRY);
    say(&trial, WIRE_DISPLAY, WIRE_WL_DISPLAY_SYNC, GLOBALS);
    while (!trial.over) {
        receive(&trial, until);
    }
    *ret_why = trial.why;
    return !trial.why;
}
