/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * zwp_linux_dmabuf_v1. A client's dmabuf that the host drew into and can name passes without a copy.
 * Any other is mapped here, and its wl_buffer gets memory of the host's that is a dmabuf there, as
 * those of wl_shm do: a commit copies what changed. Where even that cannot be had, it is wl_shm's.
 */

#include <errno.h>
#include <linux/dma-buf.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/memory.h"
#include "vmm/guest/wayland-proxy/dmabuf-formats.h"
#include "vmm/guest/wayland-proxy/session-private.h"

enum {
    EDGE_MAX = 16384,
    XR24_FORMAT = 1, /* in dmabuf_formats[] */
};

struct plane {
    int fd; /* -1: none yet */
    uint32_t offset;
    uint32_t stride;
};

/* zwp_linux_buffer_params_v1 */
struct params {
    struct plane plane[PLANES_MAX];
    uint64_t modifier; /* of all of them */
    bool used;
    bool is_pool;            /* on the host: shm_stand_in() */
    struct shm_buffer *made; /* waits for the host's answer */
};

/* What a client asks for with create and create_immed. */
struct picture {
    uint32_t width;
    uint32_t height;
    size_t format;   /* in dmabuf_formats[] */
    uint32_t buffer; /* its id, or 0: the host will name it */
};

static size_t
has_planes(const struct picture *picture)
{
    size_t n = 0;

    while (n < PLANES_MAX && dmabuf_formats[picture->format].plane[n].bytes > 0) {
        n++;
    }
    return n;
}

bool
dmabuf_usable(const struct session *session)
{
    return session->channel.makes_dmabufs || session->channel.sends_resources;
}

/* Imports */

static void
import_release(struct session *session, struct session_import *import)
{
    if (--import->refs == 0) {
        session->channel.ops->import_drop(session->channel.data, import->it.handle);
        list_remove(&import->link);
        free(import);
    }
}

void
import_unref(struct session *session, struct session_import *import)
{
    if (import) {
        import_release(session, import);
    }
}

/* NULL when it is no memory of this device. The kernel gives the same memory the same handle. */
static struct session_import *
import_take(struct session *session, int dmabuf)
{
    struct channel_import it = {0};
    int r = session->channel.ops->import(session->channel.data, dmabuf, &it);

    if (it.handle == 0) {
        return NULL;
    }
    list_for_each(link, &session->imports) {
        struct session_import *import = list_container(link, struct session_import, link);
        if (import->it.handle == it.handle) {
            import->refs++;
            return import;
        }
    }
    if (r < 0) {
        session->channel.ops->import_drop(session->channel.data, it.handle);
        return NULL;
    }
    struct session_import *import = xalloc(sizeof(*import));
    import->refs = 1;
    import->it = it;
    list_append(&session->imports, &import->link);
    return import;
}

/* Buffers */

static void
sync_dmabuf(const struct shm_buffer *buffer, uint64_t flags)
{
    struct dma_buf_sync sync = {.flags = DMA_BUF_SYNC_READ | flags};

    for (size_t i = 0; i < PLANES_MAX && buffer->plane[i].pool; i++) {
        (void)!ioctl(buffer->plane[i].pool->fd, DMA_BUF_IOCTL_SYNC, &sync); /* not all know it */
    }
}

/* What the host drew of these rows of the picture is in the guest's pages afterwards. */
static void
read_back(struct session *session, const struct shm_buffer *buffer, struct region_rect rows)
{
    for (size_t i = 0; i < PLANES_MAX && buffer->plane[i].pool; i++) {
        const struct shm_plane *plane = &buffer->plane[i];
        const struct region_rect rect = shm_plane_rect(buffer, plane, rows);
        const struct channel_rows part = {.width = (uint32_t)rect.x1,
                                          .first = (uint32_t)rect.y0,
                                          .count = (uint32_t)(rect.y1 - rect.y0),
                                          .offset =
                                              plane->offset + (uint64_t)rect.y0 * plane->stride};

        if (plane->import && plane->import->it.drawn) {
            (void)session->channel.ops->read_back(session->channel.data, &plane->import->it, &part);
        }
    }
}

void
dmabuf_begin(struct session *session, struct shm_buffer *buffer)
{
    const struct region *stale = &buffer->shown.stale;
    struct region_rect all = {INT64_MAX, INT64_MAX, 0, 0};

    for (uint32_t i = 0; i < stale->n; i++) {
        all.y0 = MIN_OF(all.y0, stale->rect[i].y0);
        all.y1 = MAX_OF(all.y1, stale->rect[i].y1);
    }
    all.x1 = buffer->shown.width;
    all = region_clip((struct region_rect){0, all.y0, all.x1, all.y1}, buffer->shown.width,
                      buffer->shown.height);
    if (!buffer->dmabuf || all.y0 >= all.y1) {
        return;
    }
    read_back(session, buffer, all);
    sync_dmabuf(buffer, DMA_BUF_SYNC_START);
}

void
dmabuf_end(struct shm_buffer *buffer)
{
    if (buffer->dmabuf) {
        sync_dmabuf(buffer, DMA_BUF_SYNC_END);
    }
}

struct host_plane {
    uint32_t number, offset, stride;
    uint64_t modifier;
};

/* The host's own numbers where it has them; they are its compositor's to judge. */
static int
send_add(struct session *session, uint32_t params, const struct host_plane *plane)
{
    struct wire_writer writer;

    wire_begin(&writer, params, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_ADD);
    wire_put(&writer, plane->number);
    wire_put(&writer, plane->offset);
    wire_put(&writer, plane->stride);
    wire_put(&writer, (uint32_t)(plane->modifier >> 32));
    wire_put(&writer, (uint32_t)plane->modifier);
    int size = wire_end(&writer);
    return size < 0 ? size : session_to_host(session, writer.bytes, (size_t)size);
}

/* The layout of rows that follow each other, in the words that the host's compositor offered. */
static uint64_t
linear_modifier(const struct session *session, size_t format)
{
    return session->dmabuf_offered[format] == OFFERS_INVALID ? MODIFIER_INVALID : MODIFIER_LINEAR;
}

/*
 * The host's memory may have its channels in another order than the client says. What the client does with
 * the fourth one stays. DMABUF_FORMATS: nothing that can be told.
 */
static size_t
host_format(const struct session *session, size_t asked, uint32_t fourcc)
{
    const uint32_t first = dmabuf_formats[asked].fourcc & 0xff;

    if (fourcc == 0 || fourcc == dmabuf_formats[asked].fourcc) {
        return asked;
    }
    if ((first == 'A' || first == 'X') && ((fourcc & 0xff) == 'A' || (fourcc & 0xff) == 'X')) {
        fourcc = (fourcc & ~UINT32_C(0xff)) | first;
    }
    const size_t format = dmabuf_format_find(fourcc);
    return format < DMABUF_FORMATS && session->dmabuf_offered[format] != 0 &&
                   dmabuf_formats[format].plane[1].bytes == 0 &&
                   dmabuf_formats[format].plane[0].bytes == dmabuf_formats[asked].plane[0].bytes
               ? format
               : DMABUF_FORMATS;
}

/* The host's memory itself: 1 when it goes so, 0 when it cannot, or -errno. May change the format. */
static int
pass_resource(struct session *session, uint32_t id, const struct params *params,
              struct picture *picture, const struct session_import *import)
{
    struct host_plane plane = {0, params->plane[0].offset, params->plane[0].stride,
                               params->modifier};
    struct cross_image image;

    if (!import || has_planes(picture) > 1 || !session->channel.sends_resources ||
        session->channel.ops->describe(session->channel.data, import->it.resource, &image) < 0) {
        return 0;
    }
    const uint64_t size = le64toh(image.size);
    const size_t format = host_format(session, picture->format, le32toh(image.map_info));
    if (le32toh(image.blob_id) != 1 || format == DMABUF_FORMATS) {
        return 0;
    }
    if (image.strides[0] != 0) {
        plane.stride = le32toh(image.strides[0]);
        plane.offset = le32toh(image.offsets[0]);
        plane.modifier = le64toh(image.modifier);
    }
    if (image.strides[0] != 0 && plane.modifier == MODIFIER_INVALID) {
        if (!(session->dmabuf_offered[format] & OFFERS_INVALID)) {
            return 0; /* it may be anything but linear */
        }
    } else if (dmabuf_offer_of(plane.modifier) != 0) {
        plane.modifier = linear_modifier(session, format);
    }
    const uint64_t row = dmabuf_row(&dmabuf_formats[picture->format].plane[0], picture->width);
    if (plane.stride < row ||
        !range_inside(plane.offset, (uint64_t)plane.stride * (picture->height - 1) + row, size)) {
        return 0;
    }
    int r = session_name_to_host(session, CROSS_ID_BLOB, import->it.resource,
                                 (uint32_t)MIN_OF(size, (uint64_t)UINT32_MAX));
    r = r < 0 ? r : send_add(session, id, &plane);
    /* Named before it is let go. */
    r = r < 0 ? r : session_flush_host(session);
    picture->format = format;
    return r < 0 ? r : 1;
}

/* The client's request with the host's format. */
static int
send_create(struct session *session, const struct wire_call *call, const struct picture *picture)
{
    struct wire_writer writer;

    wire_begin(&writer, call->id, call->opcode);
    if (picture->buffer != 0) {
        wire_put(&writer, picture->buffer);
    }
    wire_put(&writer, picture->width);
    wire_put(&writer, picture->height);
    wire_put(&writer, dmabuf_formats[picture->format].fourcc);
    wire_put(&writer, call->value[picture->buffer != 0 ? 4 : 3].word); /* flags */
    int size = wire_end(&writer);
    int r = size < 0 ? size : session_to_host(session, writer.bytes, (size_t)size);
    return r < 0 ? r : 1;
}

/* What the host is asked for: the picture, or rows that hold all planes, below each other. */
static struct picture
image_for(const struct picture *picture)
{
    const struct dmabuf_format *format = &dmabuf_formats[picture->format];
    struct picture image = {.format = 0};
    uint64_t row = 0;

    if (has_planes(picture) == 1) {
        return *picture;
    }
    for (size_t i = 0; i < PLANES_MAX; i++) {
        row = MAX_OF(row, dmabuf_row(&format->plane[i], picture->width));
        image.height += (uint32_t)dmabuf_rows(&format->plane[i], picture->height);
    }
    image.width = (uint32_t)(align_up(row, 4) / 4); /* the first format has four bytes */
    return image;
}

/* The layout of the host's memory for that picture; the last answer is kept. */
static int
ask_image(struct session *session, const struct picture *whole)
{
    const struct picture image_of = image_for(whole);
    const struct picture *picture = &image_of;
    const struct dmabuf_format *format = &dmabuf_formats[picture->format];
    const struct cross_get_image ask = {
        .header = {.command = CROSS_GET_IMAGE_REQUIREMENTS, .size = htole16(sizeof(ask))},
        .width = htole32(picture->width),
        .height = htole32(picture->height),
        .fourcc = htole32(format->fourcc),
        .flags = htole32(CROSS_IMAGE_DMABUF)};
    struct cross_image image;

    if (session->dmabuf_image.width == picture->width &&
        session->dmabuf_image.height == picture->height &&
        session->dmabuf_image.format == format->fourcc) {
        return 0;
    }
    int r = session->channel.ops->query(session->channel.data, &ask, &image);
    if (r < 0) {
        return r;
    }
    const uint64_t size = le64toh(image.size);
    const uint64_t stride = le32toh(image.strides[0]);
    if (stride < dmabuf_row(&format->plane[0], picture->width) || stride * picture->height > size ||
        size > INT32_MAX || size % CROSS_PAGE_SIZE != 0 || image.offsets[0] != 0) {
        return -ENOMEM;
    }
    session->dmabuf_image.width = picture->width;
    session->dmabuf_image.height = picture->height;
    session->dmabuf_image.format = format->fourcc;
    session->dmabuf_image.blob_id = le32toh(image.blob_id);
    session->dmabuf_image.stride = (uint32_t)stride;
    session->dmabuf_image.size = size;
    return 0;
}

/* The client's memory, only to read. NULL when it cannot be mapped. */
static struct shm_pool *
map_client(struct plane *plane, uint64_t size)
{
    void *map = mmap(NULL, size, PROT_READ, MAP_SHARED, plane->fd, 0);

    if (map == MAP_FAILED) {
        return NULL;
    }
    struct shm_pool *pool = xalloc(sizeof(*pool));
    pool->refs = 1;
    pool->fd = take_fd(&plane->fd);
    pool->map = map;
    pool->size = size;
    return pool;
}

/* Bytes from the first of the plane's memory to the last of its picture. */
static uint64_t
plane_end(const struct plane *plane, const struct plane_shape *shape, const struct picture *picture)
{
    return plane->offset + (uint64_t)plane->stride * (dmabuf_rows(shape, picture->height) - 1) +
           dmabuf_row(shape, picture->width);
}

/* The client's planes, mapped. Takes the first one's import over. NULL when they cannot be. */
static struct shm_buffer *
map_planes(struct session *session, struct params *params, const struct picture *picture,
           struct session_import *import)
{
    struct shm_buffer *buffer = xalloc(sizeof(*buffer));

    buffer->dmabuf = true;
    buffer->shown.width = picture->width;
    buffer->shown.height = picture->height;
    buffer->shown.bytes = dmabuf_formats[picture->format].plane[0].bytes;
    list_append(&session->buffers, &buffer->link);
    for (size_t i = 0; i < has_planes(picture); i++) {
        const struct plane_shape *shape = &dmabuf_formats[picture->format].plane[i];
        struct shm_plane *plane = &buffer->plane[i];

        plane->import = i == 0 ? import : import_take(session, params->plane[i].fd);
        plane->shape = *shape;
        plane->offset = params->plane[i].offset;
        plane->stride = params->plane[i].stride;
        plane->pool = map_client(&params->plane[i], plane_end(&params->plane[i], shape, picture));
        if (!plane->pool) {
            shm_buffer_destroy(session, buffer);
            return NULL;
        }
    }
    return buffer;
}

/* Memory of the host that takes copies, as a dmabuf there. -errno. */
static int
take_dmabuf(struct session *session, const struct picture *picture, struct shm_buffer *buffer)
{
    uint64_t at = 0;
    int r = session->channel.makes_dmabufs ? ask_image(session, picture) : -EOPNOTSUPP;

    if (r < 0) {
        return r;
    }
    buffer->shown.stride = session->dmabuf_image.stride;
    for (size_t i = 0; i < has_planes(picture); i++) {
        buffer->plane[i].at = at;
        at += buffer->shown.stride * dmabuf_rows(&buffer->plane[i].shape, picture->height);
    }
    return session->channel.ops->blob_create(session->channel.data, session->dmabuf_image.blob_id,
                                             session->dmabuf_image.size, &buffer->blob);
}

static int
send_planes(struct session *session, uint32_t id, const struct picture *picture,
            const struct shm_buffer *buffer)
{
    struct host_plane plane = {.stride = buffer->shown.stride,
                               .modifier = linear_modifier(session, picture->format)};
    int r = 0;

    for (; r == 0 && plane.number < has_planes(picture); plane.number++) {
        plane.offset = (uint32_t)buffer->plane[plane.number].at;
        r = session_name_to_host(session, CROSS_ID_BLOB, buffer->blob.resource,
                                 (uint32_t)buffer->blob.size);
        r = r < 0 ? r : send_add(session, id, &plane);
    }
    return r;
}

/* wl_shm's number of a format that every compositor has there, or -1. */
static int
shm_format_of(size_t format)
{
    return format <= XR24_FORMAT ? (int)format : -1; /* AR24 is 0 there too */
}

/* Copies: 0 when the request shall pass, 1 when it shall not; -EOPNOTSUPP, and nothing was sent; -errno. */
static int
copy_resource(struct session *session, uint32_t id, struct params *params,
              const struct picture *picture, struct session_import *import)
{
    struct shm_buffer *buffer = map_planes(session, params, picture, import);
    const int format = shm_format_of(picture->format);

    if (!buffer) {
        return -EOPNOTSUPP;
    }
    if (take_dmabuf(session, picture, buffer) == 0) {
        if (picture->buffer != 0) {
            session_set_data(session, picture->buffer, buffer);
        } else {
            params->made = buffer;
        }
        return send_planes(session, id, picture, buffer);
    }
    if (picture->buffer == 0 || session->shm == 0 || format < 0) {
        shm_buffer_destroy(session, buffer);
        return -EOPNOTSUPP;
    }
    session_set_data(session, picture->buffer, buffer);
    params->is_pool = true;
    int r = shm_stand_in(session, buffer, id, picture->buffer, (uint32_t)format);
    return r < 0 ? r : 1;
}

/* Parameters */

static void
params_close(struct session *session, struct params *params)
{
    for (size_t i = 0; i < PLANES_MAX; i++) {
        session->n_dmabufs -= params->plane[i].fd >= 0 && !params->used;
        fd_closep(&params->plane[i].fd);
    }
}

static bool
has_any(const struct params *params)
{
    return params->plane[0].fd >= 0 || params->plane[1].fd >= 0 || params->plane[2].fd >= 0;
}

static int
on_add(struct session *session, struct wire_call *call)
{
    struct params *params = call->object->data;
    const uint32_t number = call->value[1].word;
    const uint64_t modifier = (uint64_t)call->value[4].word << 32 | call->value[5].word;
    cleanup_fd int fd = session_take_client_fd(session);

    if (fd < 0) {
        call->why = "its descriptor is missing";
        return -EPROTO;
    }
    if (!params || params->used || number >= PLANES_MAX || params->plane[number].fd >= 0) {
        call->why = "three planes are possible, each once";
        return -EPROTO;
    }
    if (has_any(params) && params->modifier != modifier) {
        call->why = "its planes have different layouts";
        return -EPROTO;
    }
    if (session->n_dmabufs >= SESSION_DMABUFS_MAX) {
        return -EMFILE;
    }
    session->n_dmabufs++;
    params->plane[number] = (struct plane){take_fd(&fd), call->value[2].word, call->value[3].word};
    params->modifier = modifier;
    return 1;
}

static bool
plane_fits(const struct plane *plane, const struct plane_shape *shape,
           const struct picture *picture)
{
    const off_t end = lseek(plane->fd, 0, SEEK_END);

    return plane->stride >= dmabuf_row(shape, picture->width) && plane->stride <= INT32_MAX &&
           end >= 0 && plane_end(plane, shape, picture) <= (uint64_t)end;
}

/* Exactly those planes that the format has, each inside its memory. */
static bool
planes_fit(const struct params *params, const struct picture *picture)
{
    for (size_t i = 0; i < PLANES_MAX; i++) {
        const bool wanted = i < has_planes(picture);

        if ((params->plane[i].fd >= 0) != wanted ||
            (wanted &&
             !plane_fits(&params->plane[i], &dmabuf_formats[picture->format].plane[i], picture))) {
            return false;
        }
    }
    return true;
}

/* What the protocol calls an error of the client's. NULL: none. */
static const char *
wrong_with(const struct params *params, const struct picture *picture)
{
    if (!params || params->used || !has_any(params)) {
        return "these parameters were used before, or have no plane";
    }
    if (picture->format == DMABUF_FORMATS || dmabuf_offer_of(params->modifier) == 0) {
        return "a format or layout that was not offered";
    }
    if (picture->width == 0 || picture->height == 0 || picture->width > EDGE_MAX ||
        picture->height > EDGE_MAX) {
        return "a picture of that size is not possible";
    }
    return planes_fit(params, picture) ? NULL : "the picture's planes do not fit their memory";
}

/* Nobody on the host can use it: the client may fall back. */
static int
refuse(struct session *session, struct wire_call *call, const struct picture *picture)
{
    struct wire_writer writer;

    if (picture->buffer != 0) {
        call->why = "this memory cannot be shown on the host";
        return -EPROTO;
    }
    wire_begin(&writer, call->id, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_EVENT_FAILED);
    int size = wire_end(&writer);
    int r = session_to_client(session, writer.bytes, (size_t)size, NULL, 0);
    return r < 0 ? r : 1;
}

static int
on_create(struct session *session, struct wire_call *call, bool immediate)
{
    const struct wire_value *value = &call->value[immediate];
    struct picture picture = {.width = value[0].word,
                              .height = value[1].word,
                              .format = dmabuf_format_find(value[2].word),
                              .buffer = immediate ? call->value[0].word : 0};
    struct params *params = call->object->data;

    call->why = wrong_with(params, &picture);
    if (call->why) {
        return -EPROTO;
    }
    params->used = true;
    session->n_dmabufs -=
        (uint32_t)has_planes(&picture); /* descriptors end here, or go to the buffer */
    struct session_import *import = import_take(session, params->plane[0].fd);
    const size_t asked = picture.format;
    int r = pass_resource(session, call->id, params, &picture, import);
    if (r != 0) {
        import_unref(session, import);
        r = r > 0 && picture.format != asked ? send_create(session, call, &picture) : MIN_OF(r, 0);
    } else {
        r = copy_resource(session, call->id, params, &picture, import);
        r = r == -EOPNOTSUPP ? refuse(session, call, &picture) : r;
    }
    params_close(session, params);
    return r;
}

/* 0 when the host has them too. */
static int
params_destroy(struct session *session, uint32_t id, struct params *params)
{
    struct wire_writer writer;
    int r = 0;

    if (!params) {
        return 0;
    }
    if (params->is_pool) {
        wire_begin(&writer, id, WIRE_WL_SHM_POOL_DESTROY);
        r = session_to_host(session, writer.bytes, (size_t)wire_end(&writer));
        r = r < 0 ? r : 1;
    }
    params_close(session, params);
    if (params->made) {
        shm_buffer_destroy(session, params->made);
    }
    session_set_data(session, id, NULL);
    free(params);
    return r;
}

static int
on_params(struct session *session, struct wire_call *call)
{
    switch (call->opcode) {
    case WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_ADD:
        return on_add(session, call);
    case WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_CREATE:
        return on_create(session, call, false);
    case WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_CREATE_IMMED:
        return on_create(session, call, true);
    default:
        return params_destroy(session, call->id, call->object->data);
    }
}

static void
on_global(struct session *session, const struct wire_call *call)
{
    if (call->opcode == WIRE_ZWP_LINUX_DMABUF_V1_CREATE_PARAMS) {
        struct params *params = xalloc(sizeof(*params));
        for (size_t i = 0; i < PLANES_MAX; i++) {
            params->plane[i].fd = -1;
        }
        session_set_data(session, call->value[0].word, params);
    } else if (call->message->destructor) {
        free(call->object->data);
        session_set_data(session, call->id, NULL);
    }
}

int
dmabuf_request(struct session *session, struct wire_call *call)
{
    if (call->object->interface == &wire_zwp_linux_buffer_params_v1) {
        return on_params(session, call);
    }
    if (call->object->interface == &wire_zwp_linux_dmabuf_v1) {
        on_global(session, call);
    } else if (call->object->interface == &wire_zwp_linux_dmabuf_feedback_v1 &&
               call->message->destructor) {
        free(call->object->data);
        session_set_data(session, call->id, NULL);
    }
    return 0;
}

void
dmabuf_applied(struct session *session, const struct wire_call *call)
{
    struct params *params = call->object->data;

    if (wire_is(call, zwp_linux_buffer_params_v1, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_EVENT_CREATED) &&
        params && params->made) {
        session_set_data(session, call->value[0].word, params->made);
        params->made = NULL;
    }
}

void
dmabuf_clear_object(struct wire_object *object)
{
    if (object->interface == &wire_zwp_linux_buffer_params_v1) {
        struct params *params = object->data; /* what it made is in the session's list */
        for (size_t i = 0; i < PLANES_MAX; i++) {
            fd_closep(&params->plane[i].fd);
        }
        free(params);
    } else if (object->interface == &wire_zwp_linux_dmabuf_v1 ||
               object->interface == &wire_zwp_linux_dmabuf_feedback_v1) {
        free(object->data);
    }
}
