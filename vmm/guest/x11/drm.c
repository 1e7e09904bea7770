/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * wl_drm, version 2: Xwayland up to 23 learns from nothing else which card it shall draw with. The host's
 * compositor has no part in it; a buffer that is made by it becomes one of linux-dmabuf there.
 */

#include <errno.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/guest/x11/trial.h"
#include "vmm/guest/x11/x11-private.h"

enum {
    GLOBAL = INT32_MAX, /* its name: compositors count from 1 */
    CAN_PRIME = 1,      /* wl_drm.capabilities: buffers by descriptor */
    DMABUF_VERSION = 3, /* linux-dmabuf: the proxy learns the formats of this connection from it */
};

static const uint32_t formats[] = {0x34325258, 0x34325241}; /* XR24, AR24: 24 and 32 bits of X */

void
drm_show(struct x11 *x11, uint32_t registry)
{
    struct wire_writer writer;

    wire_begin(&writer, registry, WIRE_WL_REGISTRY_EVENT_GLOBAL);
    wire_put(&writer, GLOBAL);
    wire_put_string(&writer, wire_wl_drm.name);
    wire_put(&writer, wire_wl_drm.version);
    hop_tell(x11->hop, &writer);
}

void
drm_global(struct x11 *x11, const struct wire_call *call)
{
    struct wire_call older = *call;

    if (x11->card && call->value[2].word >= DMABUF_VERSION) {
        older.value[2].word = DMABUF_VERSION;
        x11_bind(x11, &older, &wire_zwp_linux_dmabuf_v1, &x11->dmabuf);
    }
}

bool
drm_hides(const struct wire_call *call)
{
    return wire_is(call, zwp_linux_dmabuf_v1, WIRE_ZWP_LINUX_DMABUF_V1_EVENT_MODIFIER) &&
           (call->value[1].word != CARD_LAYOUT_HIGH || call->value[2].word != CARD_LAYOUT_LOW);
}

static void
tell(struct x11 *x11, uint32_t id, uint16_t event, const uint32_t *word)
{
    struct wire_writer writer;

    wire_begin(&writer, id, event);
    if (word) {
        wire_put(&writer, *word);
    }
    hop_tell(x11->hop, &writer);
}

static int
on_bind(struct x11 *x11, const struct wire_call *call)
{
    const uint32_t id = call->value[3].word;
    const uint32_t can = CAN_PRIME;
    struct wire_writer writer;

    if (call->bound != &wire_wl_drm || hop_keep(x11->hop, call, 0) < 0) {
        return -EPROTO;
    }
    wire_begin(&writer, id, WIRE_WL_DRM_EVENT_DEVICE);
    wire_put_string(&writer, x11->card);
    hop_tell(x11->hop, &writer);
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
        tell(x11, id, WIRE_WL_DRM_EVENT_FORMAT, &formats[i]);
    }
    if (call->bound_version >= 2) {
        tell(x11, id, WIRE_WL_DRM_EVENT_CAPABILITIES, &can);
    }
    return 1;
}

static bool
is_offered(uint32_t format)
{
    return format == formats[0] || format == formats[1];
}

/* The host's memory tells its layout itself. */
static void
say_add(struct x11 *x11, uint32_t params, const struct wire_call *call, int fd)
{
    struct wire_writer writer;

    wire_begin(&writer, params, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_ADD);
    wire_put(&writer, 0);                   /* plane */
    wire_put(&writer, call->value[5].word); /* offset */
    wire_put(&writer, call->value[6].word); /* stride */
    wire_put(&writer, CARD_LAYOUT_HIGH);
    wire_put(&writer, CARD_LAYOUT_LOW);
    hop_send_fd(x11->hop, &writer, fd);
}

/* The id of the host's buffer. */
static uint32_t
make_buffer(struct x11 *x11, const struct wire_call *call, int fd)
{
    const uint32_t params = hop_new_id(x11->hop);
    struct wire_writer writer;

    wire_begin(&writer, x11->dmabuf, WIRE_ZWP_LINUX_DMABUF_V1_CREATE_PARAMS);
    wire_put(&writer, params);
    hop_send(x11->hop, &writer);
    say_add(x11, params, call, fd);
    const uint32_t buffer = hop_new_id(x11->hop);
    wire_begin(&writer, params, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_CREATE_IMMED);
    wire_put(&writer, buffer);
    for (int i = 2; i < 5; i++) { /* width, height, format */
        wire_put(&writer, call->value[i].word);
    }
    wire_put(&writer, 0); /* flags */
    hop_send(x11->hop, &writer);
    wire_begin(&writer, params, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_DESTROY);
    hop_send(x11->hop, &writer);
    return buffer;
}

static int
on_prime_buffer(struct x11 *x11, const struct wire_call *call)
{
    cleanup_fd int fd = hop_take_request_fd(x11->hop);

    if (fd < 0 || x11->dmabuf == 0 || !is_offered(call->value[4].word)) {
        return -EPROTO;
    }
    const uint32_t buffer = make_buffer(x11, call, fd);
    return hop_keep(x11->hop, call, buffer) < 0 ? -EPROTO : 1;
}

int
drm_request(struct x11 *x11, const struct wire_call *call)
{
    if (wire_is(call, wl_registry, WIRE_WL_REGISTRY_BIND) && call->value[0].word == GLOBAL) {
        return on_bind(x11, call);
    }
    if (call->object->interface != &wire_wl_drm) {
        return 0;
    }
    switch (call->opcode) {
    case WIRE_WL_DRM_AUTHENTICATE: /* render nodes ask for none */
        tell(x11, call->id, WIRE_WL_DRM_EVENT_AUTHENTICATED, NULL);
        return 1;
    case WIRE_WL_DRM_CREATE_PRIME_BUFFER:
        return on_prime_buffer(x11, call);
    default:
        return -EPROTO; /* buffers by a name of the card's, which render nodes have not */
    }
}
