/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What happens to each message: most pass as they are, descriptors are made anew. */

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/guest/wayland-proxy/session-private.h"

int
session_take_client_fd(struct session *session)
{
    if (session->n_client_fds == 0) {
        return -EPROTO;
    }
    int fd = session->client_fds[0];
    session->n_client_fds--;
    memmove(session->client_fds, session->client_fds + 1,
            session->n_client_fds * sizeof(session->client_fds[0]));
    return fd;
}

/* A paste or drop: the client gives the end of a pipe that the other program shall write into. */
static int
forward_receive(struct session *session, struct wire_call *call)
{
    uint32_t id;
    int fd = session_take_client_fd(session);

    if (fd < 0) {
        call->why = "its descriptor is missing";
        return fd;
    }
    int r = pipe_to_client(session, fd, &id);
    return r < 0 ? r : session_name_to_host(session, CROSS_ID_READ_PIPE, id, 0);
}

int
forward_request(struct session *session, struct wire_call *call, const uint8_t *data)
{
    const struct wire_object object = *call->object;
    int r = wire_apply(session->objects, call);

    call->object = &object; /* the table may have moved */
    if (r < 0) {
        call->object = NULL;
        return r;
    }
    if (wire_is(call, wl_data_offer, WIRE_WL_DATA_OFFER_RECEIVE) ||
        wire_is(call, zwp_primary_selection_offer_v1,
                WIRE_ZWP_PRIMARY_SELECTION_OFFER_V1_RECEIVE)) {
        r = forward_receive(session, call);
    } else {
        r = dmabuf_request(session, call);
        r = r != 0 ? r : shm_request(session, call, data);
    }
    if (r == 0) {
        r = session_to_host(session, data, call->size);
    }
    call->object = NULL;
    return MIN_OF(r, 0);
}

/* Whole pages of the host's, copied into a file that a client may map as it likes. */
static int
copy_item(struct session *session, const struct session_item *item)
{
    struct channel_blob blob;

    if (item->id == 0 || item->size == 0 || item->size > SESSION_FILE_MAX) {
        return -ENOENT;
    }
    int r = session->channel.ops->blob_create(session->channel.data, item->id,
                                              align_up(item->size, CROSS_PAGE_SIZE), &blob);
    if (r < 0) {
        return r;
    }
    int fd = fd_memory_file("wayland", item->size);
    void *copy =
        fd < 0 ? MAP_FAILED : mmap(NULL, item->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (copy != MAP_FAILED) {
        memcpy(copy, blob.map, item->size);
        munmap(copy, item->size);
    }
    session->channel.ops->blob_destroy(session->channel.data, &blob);
    return fd;
}

/* A descriptor for the client; where the host's cannot be had, an empty file. */
int
session_take_item(struct session *session)
{
    if (session->n_items == 0) {
        return -EPROTO;
    }
    const struct session_item item = session->items[0];
    session->n_items--;
    memmove(session->items, session->items + 1, session->n_items * sizeof(session->items[0]));
    int fd = item.type == CROSS_ID_WRITE_PIPE ? pipe_to_host(session, item.id)
                                              : copy_item(session, &item);
    return fd < 0 ? fd_memory_file("wayland", 0) : fd;
}

static int
send_event(struct session *session, struct wire_call *call, const uint8_t *data)
{
    int fds[WIRE_ARGUMENTS_MAX];
    size_t n_fds = 0;

    for (; n_fds < call->message->n_fds; n_fds++) {
        fds[n_fds] = session_take_item(session);
        if (fds[n_fds] < 0) {
            call->why = "its descriptor is missing";
            break;
        }
    }
    if (n_fds < call->message->n_fds) {
        int r = fds[n_fds];
        while (n_fds > 0) {
            close(fds[--n_fds]);
        }
        return r;
    }
    return session_to_client(session, data, call->size, fds, n_fds);
}

/*
 * What the host has and this program knows. A newer version than ours is not for clients: they would
 * send messages that cannot be read here.
 */
static int
send_global(struct session *session, const struct wire_call *call)
{
    const struct wire_value *name = &call->value[1];
    const struct wire_interface *interface =
        wire_interface_find((const char *)name->data, name->word - 1);
    struct wire_writer writer;

    if (!interface || (interface == &wire_zwp_linux_dmabuf_v1 && !dmabuf_usable(session))) {
        return 0;
    }
    wire_begin(&writer, call->id, WIRE_WL_REGISTRY_EVENT_GLOBAL);
    wire_put(&writer, call->value[0].word);
    wire_put_string(&writer, interface->name);
    wire_put(&writer, MIN_OF(call->value[2].word, interface->version));
    int size = wire_end(&writer);
    return size < 0 ? size : session_to_client(session, writer.bytes, (size_t)size, NULL, 0);
}

int
forward_event(struct session *session, struct wire_call *call, const uint8_t *data)
{
    int r;

    if (wire_is(call, wl_registry, WIRE_WL_REGISTRY_EVENT_GLOBAL)) {
        return send_global(session, call);
    }
    const struct wire_object object = *call->object;
    call->object = &object; /* the table may move */
    r = shm_event(session, call);
    r = r != 0 ? r : dmabuf_event(session, call);
    if (r != 0) {
        call->object = NULL;
        return MIN_OF(r, 0);
    }
    r = send_event(session, call, data);
    if (r == 0) {
        r = wire_apply(session->objects, call);
    }
    if (r == 0) {
        dmabuf_applied(session, call);
    }
    call->object = NULL;
    return r;
}
