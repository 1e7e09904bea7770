/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * wl_shm. The host cannot map a client's pool, so each wl_buffer gets memory that both can see, and a
 * commit copies what the client says it changed. A pool's object exists on the host too, because ids
 * are the same there: it is made anew with the memory of each buffer, and the compositor's delete_id
 * for the one before is kept from the client.
 */

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/memory.h"
#include "vmm/guest/wayland-proxy/region.h"
#include "vmm/guest/wayland-proxy/session-private.h"

#define FOURCC(a, b, c, d) \
    ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)
#define XR24 FOURCC('X', 'R', '2', '4')

/* Formats of one plane; a client is told of no others. */
static const struct format {
    uint32_t format; /* enum wl_shm.format */
    uint32_t bytes;
} formats[] = {
    {0, 4}, /* argb8888 */
    {1, 4}, /* xrgb8888 */
    {FOURCC('A', 'B', '2', '4'), 4},
    {FOURCC('X', 'B', '2', '4'), 4},
    {FOURCC('A', 'R', '3', '0'), 4},
    {FOURCC('X', 'R', '3', '0'), 4},
    {FOURCC('A', 'B', '3', '0'), 4},
    {FOURCC('X', 'B', '3', '0'), 4},
    {FOURCC('R', 'G', '1', '6'), 2},
    {FOURCC('A', 'B', '4', 'H'), 8},
    {FOURCC('X', 'B', '4', 'H'), 8},
};

struct shm_buffer {
    struct list link;
    struct shm_pool *pool;
    uint32_t offset, width, height, stride;
    uint32_t bytes; /* of a pixel */
    struct channel_blob blob;
    bool busy;           /* the compositor may read it */
    uint32_t surface;    /* where it was shown last, 0: nowhere */
    struct region stale; /* changed since it was copied */
};

/* wl_surface, double-buffered as there. */
struct shm_surface {
    uint32_t buffer; /* attached: a wl_buffer, or 0 */
    bool attached;   /* since the last commit */
    bool whole;      /* surface damage cannot be turned into the buffer's */
    int32_t scale;
    struct region damage;        /* in the surface's coordinates */
    struct region buffer_damage; /* in the buffer's */
};

/* delete_id events for `id` that the client must not see. */
struct hidden_delete {
    struct list link;
    uint32_t id;
    uint32_t count;
};

static const struct format *
format_find(uint32_t format)
{
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
        if (formats[i].format == format) {
            return &formats[i];
        }
    }
    return NULL;
}

static void *
data_of(struct session *session, uint32_t id, const struct wire_interface *interface)
{
    struct wire_object *object = id == 0 ? NULL : wire_object_get(session->objects, id);

    return object && object->interface == interface ? object->data : NULL;
}

static void
set_data(struct session *session, uint32_t id, void *data)
{
    wire_object_get(session->objects, id)->data = data;
}

static void
pool_unref(struct shm_pool *pool)
{
    if (!pool || --pool->refs > 0) {
        return;
    }
    if (pool->map) {
        munmap(pool->map, pool->size);
    }
    fd_closep(&pool->fd);
    free(pool);
}

/* The pool's file as the client has it now; a shorter one would end this process when it is read. */
static int
pool_map(struct shm_pool *pool, uint32_t size)
{
    struct stat st;

    if (size == 0 || size > INT32_MAX || size < pool->size) {
        return -EINVAL;
    }
    if (fstat(pool->fd, &st) < 0 || st.st_size < (off_t)size) {
        return -EINVAL;
    }
    void *map = mmap(NULL, size, PROT_READ, MAP_SHARED, pool->fd, 0);
    if (map == MAP_FAILED) {
        return -errno;
    }
    if (pool->map) {
        munmap(pool->map, pool->size);
    }
    pool->map = map;
    pool->size = size;
    return 0;
}

/* Host memory of `height` rows of `width` words, perhaps used before. */
static int
blob_take(struct session *session, uint32_t width, uint32_t height, struct channel_blob *ret_blob)
{
    struct cross_get_image ask = {
        .header = {.command = CROSS_GET_IMAGE_REQUIREMENTS, .size = htole16(sizeof(ask))},
        .width = htole32(width),
        .height = htole32(height),
        .fourcc = htole32(XR24),
    };
    const uint64_t size = align_up((uint64_t)width * 4 * height, CROSS_PAGE_SIZE);

    for (size_t i = 0; i < SESSION_SPARES; i++) {
        if (session->spares[i].map && session->spares[i].size == size) {
            *ret_blob = session->spares[i];
            session->spares[i] = (struct channel_blob){0};
            return 0;
        }
    }
    if (session->image.width != width || session->image.height != height) {
        struct cross_image image;
        int r = session->channel.ops->query(session->channel.data, &ask, &image);
        if (r < 0) {
            return r;
        }
        if (le64toh(image.size) < size || le64toh(image.size) > INT32_MAX) {
            return -ENOMEM;
        }
        session->image.width = width;
        session->image.height = height;
        session->image.blob_id = le32toh(image.blob_id);
        session->image.size = le64toh(image.size);
    }
    return session->channel.ops->blob_create(session->channel.data, session->image.blob_id,
                                             session->image.size, ret_blob);
}

/* What the compositor may still read is not used again: its own mapping keeps the memory. */
static void
blob_give_back(struct session *session, struct channel_blob *blob, bool busy)
{
    struct channel_blob *spare = &session->spares[session->next_spare];

    (void)session_flush_host(session); /* messages that name it go first */
    if (!busy) {
        session->next_spare = (session->next_spare + 1) % SESSION_SPARES;
        const struct channel_blob kept = *blob;
        *blob = *spare;
        *spare = kept;
    }
    if (blob->map) {
        session->channel.ops->blob_destroy(session->channel.data, blob);
    }
    *blob = (struct channel_blob){0};
}

static void
buffer_destroy(struct session *session, struct shm_buffer *buffer)
{
    blob_give_back(session, &buffer->blob, buffer->busy);
    pool_unref(buffer->pool);
    list_remove(&buffer->link);
    free(buffer);
}

static int
send_create_pool(struct session *session, uint32_t shm, uint32_t id,
                 const struct channel_blob *blob)
{
    struct wire_writer writer;

    wire_begin(&writer, shm, WIRE_WL_SHM_CREATE_POOL);
    wire_put(&writer, id);
    wire_put(&writer, (uint32_t)blob->size);
    int size = wire_end(&writer);
    int r = session_name_to_host(session, CROSS_ID_BLOB, blob->resource, (uint32_t)blob->size);
    return r < 0 ? r : session_to_host(session, writer.bytes, (size_t)size);
}

static struct hidden_delete *
find_hidden(const struct session *session, uint32_t id)
{
    list_for_each(link, &session->hidden) {
        struct hidden_delete *hidden = list_container(link, struct hidden_delete, link);
        if (hidden->id == id) {
            return hidden;
        }
    }
    return NULL;
}

/* The host's pool of that id gets other memory. */
static int
send_new_pool(struct session *session, uint32_t id, const struct channel_blob *blob)
{
    struct wire_writer writer;

    wire_begin(&writer, id, WIRE_WL_SHM_POOL_DESTROY);
    int size = wire_end(&writer);
    int r = session_to_host(session, writer.bytes, (size_t)size);
    if (r < 0) {
        return r;
    }
    struct hidden_delete *hidden = find_hidden(session, id);
    if (!hidden) {
        hidden = xalloc(sizeof(*hidden));
        hidden->id = id;
        list_append(&session->hidden, &hidden->link);
    }
    hidden->count++;
    return send_create_pool(session, session->shm, id, blob);
}

static int
on_create_pool(struct session *session, struct wire_call *call)
{
    const uint32_t id = call->value[0].word;
    cleanup_fd int fd = session_take_client_fd(session);

    if (fd < 0) {
        call->why = "its descriptor is missing";
        return -EPROTO;
    }
    if (!session->placeholder.map) {
        int r = blob_take(session, 1, 1, &session->placeholder);
        if (r < 0) {
            return r;
        }
    }
    struct shm_pool *pool = xalloc(sizeof(*pool));
    pool->refs = 1;
    pool->fd = take_fd(&fd);
    int r = pool_map(pool, call->value[2].word);
    if (r < 0) {
        pool_unref(pool);
        call->why = "the pool's file is shorter than the pool";
        return r == -EINVAL ? -EPROTO : r;
    }
    set_data(session, id, pool);
    session->shm = call->id;
    r = send_create_pool(session, call->id, id, &session->placeholder);
    return r < 0 ? r : 1;
}

static bool
buffer_fits(const struct shm_buffer *buffer, const struct shm_pool *pool)
{
    uint64_t row = (uint64_t)buffer->width * buffer->bytes;

    return buffer->width > 0 && buffer->height > 0 && buffer->width <= INT16_MAX &&
           buffer->height <= INT16_MAX && buffer->stride >= row && buffer->stride <= INT32_MAX &&
           range_inside(buffer->offset, (uint64_t)buffer->stride * buffer->height, pool->size);
}

static int
send_create_buffer(struct session *session, const struct wire_call *call)
{
    struct wire_writer writer;

    wire_begin(&writer, call->id, WIRE_WL_SHM_POOL_CREATE_BUFFER);
    wire_put(&writer, call->value[0].word);
    wire_put(&writer, 0); /* it begins where its memory does */
    for (size_t i = 2; i < 6; i++) {
        wire_put(&writer, call->value[i].word);
    }
    int size = wire_end(&writer);
    int r = session_to_host(session, writer.bytes, (size_t)size);
    return r < 0 ? r : 1;
}

static int
on_create_buffer(struct session *session, struct wire_call *call)
{
    struct shm_pool *pool = call->object->data;
    const struct format *format = format_find(call->value[5].word);
    struct shm_buffer made = {
        .pool = pool,
        .offset = call->value[1].word,
        .width = call->value[2].word,
        .height = call->value[3].word,
        .stride = call->value[4].word,
        .bytes = format ? format->bytes : 0,
    };

    if (!pool || !format || !buffer_fits(&made, pool)) {
        call->why = "a buffer of that format, size or place is not possible";
        return -EPROTO;
    }
    int r = blob_take(session, (made.stride + 3) / 4, made.height, &made.blob);
    if (r < 0) {
        return r;
    }
    struct shm_buffer *buffer = xalloc(sizeof(*buffer));
    *buffer = made;
    region_add(&buffer->stale, region_everything());
    pool->refs++;
    list_append(&session->buffers, &buffer->link);
    set_data(session, call->value[0].word, buffer);
    r = send_new_pool(session, call->id, &buffer->blob);
    return r < 0 ? r : send_create_buffer(session, call);
}

static int
on_pool(struct session *session, struct wire_call *call)
{
    struct shm_pool *pool = call->object->data;

    switch (call->opcode) {
    case WIRE_WL_SHM_POOL_CREATE_BUFFER:
        return on_create_buffer(session, call);
    case WIRE_WL_SHM_POOL_RESIZE:
        call->why = "the pool's file is shorter than the pool";
        return pool && pool_map(pool, call->value[0].word) == 0 ? 1 : -EPROTO;
    default:
        if (pool) {
            set_data(session, call->id, NULL);
            pool_unref(pool);
        }
        return 0;
    }
}

/* The words of a rectangle as the client wrote them. */
static struct region_rect
rect_of(const struct wire_call *call, int32_t scale)
{
    int64_t x = (int32_t)call->value[0].word;
    int64_t y = (int32_t)call->value[1].word;
    int64_t width = (int32_t)call->value[2].word;
    int64_t height = (int32_t)call->value[3].word;

    return (struct region_rect){x * scale, y * scale, (x + width) * scale, (y + height) * scale};
}

static struct region_rect
scale_rect(struct region_rect rect, int32_t scale)
{
    return (struct region_rect){rect.x0 * scale, rect.y0 * scale, rect.x1 * scale, rect.y1 * scale};
}

static void
copy_rect(struct session *session, struct shm_buffer *buffer, struct region_rect rect)
{
    rect = region_clip(rect, buffer->width, buffer->height);
    if (rect.x0 >= rect.x1) {
        return;
    }
    const size_t row = (size_t)(rect.x1 - rect.x0) * buffer->bytes;
    for (int64_t y = rect.y0; y < rect.y1; y++) {
        size_t at = (size_t)y * buffer->stride + (size_t)rect.x0 * buffer->bytes;
        memcpy(buffer->blob.map + at, buffer->pool->map + buffer->offset + at, row);
        session->statistics.copied_bytes += row;
    }
}

static void
count_damage(struct session *session, const struct shm_buffer *buffer, const struct region *damage)
{
    for (uint32_t i = 0; i < damage->n; i++) {
        struct region_rect rect = region_clip(damage->rect[i], buffer->width, buffer->height);
        if (rect.x0 < rect.x1 && rect.y0 < rect.y1) {
            session->statistics.damaged_pixels +=
                (uint64_t)(rect.x1 - rect.x0) * (uint64_t)(rect.y1 - rect.y0);
        }
    }
    session->statistics.commits += damage->n > 0;
}

/* What changed on the surface, in the pixels of its buffer. */
static void
collect_damage(struct shm_surface *surface, struct region *ret_damage)
{
    *ret_damage = surface->buffer_damage;
    for (uint32_t i = 0; i < surface->damage.n; i++) {
        region_add(ret_damage, surface->whole
                                   ? region_everything()
                                   : scale_rect(surface->damage.rect[i], surface->scale));
    }
    surface->damage.n = 0;
    surface->buffer_damage.n = 0;
}

static void
on_commit(struct session *session, uint32_t id, struct shm_surface *surface)
{
    struct shm_buffer *buffer = data_of(session, surface->buffer, &wire_wl_buffer);
    struct region damage;

    collect_damage(surface, &damage);
    if (!buffer) {
        surface->attached = false;
        return;
    }
    /* The surface's other buffers lack what changed now. */
    list_for_each(link, &session->buffers) {
        struct shm_buffer *other = list_container(link, struct shm_buffer, link);
        if (other->surface == id || other == buffer) {
            region_add_all(&other->stale, &damage);
        }
    }
    if (buffer->surface != id) {
        region_add(&buffer->stale, region_everything());
    }
    count_damage(session, buffer, &damage);
    for (uint32_t i = 0; i < buffer->stale.n; i++) {
        copy_rect(session, buffer, buffer->stale.rect[i]);
    }
    buffer->stale.n = 0;
    buffer->surface = id;
    buffer->busy = buffer->busy || surface->attached;
    surface->attached = false;
}

static void
surface_destroy(struct session *session, uint32_t id, struct shm_surface *surface)
{
    list_for_each(link, &session->buffers) {
        struct shm_buffer *buffer = list_container(link, struct shm_buffer, link);
        buffer->surface = buffer->surface == id ? 0 : buffer->surface;
    }
    set_data(session, id, NULL);
    free(surface);
}

static void
on_surface(struct session *session, const struct wire_call *call)
{
    struct shm_surface *surface = call->object->data;

    if (!surface) {
        return;
    }
    switch (call->opcode) {
    case WIRE_WL_SURFACE_DESTROY:
        surface_destroy(session, call->id, surface);
        break;
    case WIRE_WL_SURFACE_ATTACH:
        surface->buffer = call->value[0].word;
        surface->attached = true;
        break;
    case WIRE_WL_SURFACE_DAMAGE:
        region_add(&surface->damage, rect_of(call, 1));
        break;
    case WIRE_WL_SURFACE_DAMAGE_BUFFER:
        region_add(&surface->buffer_damage, rect_of(call, 1));
        break;
    case WIRE_WL_SURFACE_SET_BUFFER_SCALE:
        surface->scale = (int32_t)MIN_OF(call->value[0].word, 64U);
        break;
    case WIRE_WL_SURFACE_SET_BUFFER_TRANSFORM:
        surface->whole = surface->whole || call->value[0].word != 0;
        break;
    case WIRE_WL_SURFACE_COMMIT:
        on_commit(session, call->id, surface);
        break;
    default:
        break;
    }
}

static void
on_create_surface(struct session *session, uint32_t id)
{
    struct shm_surface *surface = xalloc(sizeof(*surface));

    surface->scale = 1;
    set_data(session, id, surface);
}

static void
on_buffer_destroy(struct session *session, const struct wire_call *call)
{
    if (call->object->data) {
        set_data(session, call->id, NULL);
        buffer_destroy(session, call->object->data);
    }
}

int
shm_request(struct session *session, struct wire_call *call, const uint8_t *data)
{
    (void)data;
    if (wire_is(call, wl_shm, WIRE_WL_SHM_CREATE_POOL)) {
        return on_create_pool(session, call);
    }
    if (call->object->interface == &wire_wl_shm_pool) {
        return on_pool(session, call);
    }
    if (call->object->interface == &wire_wl_surface) {
        on_surface(session, call);
    } else if (wire_is(call, wl_buffer, WIRE_WL_BUFFER_DESTROY)) {
        on_buffer_destroy(session, call);
    } else if (wire_is(call, wl_compositor, WIRE_WL_COMPOSITOR_CREATE_SURFACE)) {
        on_create_surface(session, call->value[0].word);
    } else if (wire_is(call, wp_viewporter, WIRE_WP_VIEWPORTER_GET_VIEWPORT)) {
        struct shm_surface *surface = data_of(session, call->value[1].word, &wire_wl_surface);
        if (surface) {
            surface->whole = true;
        }
    }
    return call->message->n_fds > 0 ? -EOPNOTSUPP : 0;
}

static int
on_delete_id(struct session *session, uint32_t id)
{
    struct hidden_delete *hidden = find_hidden(session, id);

    if (!hidden) {
        return 0;
    }
    if (--hidden->count == 0) {
        list_remove(&hidden->link);
        free(hidden);
    }
    return 1;
}

int
shm_event(struct session *session, const struct wire_call *call)
{
    if (wire_is(call, wl_display, WIRE_WL_DISPLAY_EVENT_DELETE_ID)) {
        return on_delete_id(session, call->value[0].word);
    }
    if (wire_is(call, wl_shm, WIRE_WL_SHM_EVENT_FORMAT)) {
        return format_find(call->value[0].word) ? 0 : 1;
    }
    if (wire_is(call, wl_buffer, WIRE_WL_BUFFER_EVENT_RELEASE) && call->object->data) {
        ((struct shm_buffer *)call->object->data)->busy = false;
    }
    return 0;
}

static void
clear_object(void *data, uint32_t id, struct wire_object *object)
{
    (void)data;
    (void)id;
    if (object->interface == &wire_wl_surface) {
        free(object->data);
    } else if (object->interface == &wire_wl_shm_pool) {
        pool_unref(object->data);
    }
    object->data = NULL; /* buffers are in a list */
}

void
shm_clear(struct session *session)
{
    const struct channel_ops *ops = session->channel.ops;

    list_for_each_safe(link, &session->buffers) {
        buffer_destroy(session, list_container(link, struct shm_buffer, link));
    }
    wire_objects_each(session->objects, clear_object, NULL);
    list_for_each_safe(link, &session->hidden) {
        free(list_container(link, struct hidden_delete, link));
    }
    list_init(&session->hidden);
    for (size_t i = 0; i < SESSION_SPARES; i++) {
        if (session->spares[i].map) {
            ops->blob_destroy(session->channel.data, &session->spares[i]);
        }
    }
    if (session->placeholder.map) {
        ops->blob_destroy(session->channel.data, &session->placeholder);
    }
}
