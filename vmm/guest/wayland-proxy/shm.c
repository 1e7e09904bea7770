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

void
shm_pool_unref(struct shm_pool *pool)
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

static struct shm_spare *
find_spare(struct session *session, const struct shm_shown *like, uint64_t size)
{
    struct shm_spare *found = NULL;

    for (size_t i = 0; i < SESSION_SPARES; i++) {
        struct shm_spare *spare = &session->spares[i];
        const struct shm_shown *shown = &spare->shown;

        if (!spare->blob.map || spare->blob.size != size) {
            continue;
        }
        if (shown->surface != 0 && shown->width == like->width && shown->height == like->height &&
            shown->stride == like->stride && shown->bytes == like->bytes) {
            return spare;
        }
        found = spare;
    }
    return found;
}

/* Ask the host what memory of that many words it takes; the answer is kept. */
static int
ask_image(struct session *session, uint32_t width, uint32_t height)
{
    struct cross_get_image ask = {
        .header = {.command = CROSS_GET_IMAGE_REQUIREMENTS, .size = htole16(sizeof(ask))},
        .width = htole32(width),
        .height = htole32(height),
        .fourcc = htole32(XR24),
    };
    struct cross_image image;

    if (session->image.width == width && session->image.height == height) {
        return 0;
    }
    int r = session->channel.ops->query(session->channel.data, &ask, &image);
    if (r < 0) {
        return r;
    }
    if (le64toh(image.size) < (uint64_t)width * 4 * height || le64toh(image.size) > INT32_MAX ||
        le64toh(image.size) % CROSS_PAGE_SIZE != 0) {
        return -ENOMEM;
    }
    session->image.width = width;
    session->image.height = height;
    session->image.blob_id = le32toh(image.blob_id);
    session->image.size = le64toh(image.size);
    return 0;
}

/*
 * Host memory for rows as in `shown`. Memory that was used before may come with what it shows: a
 * client that makes a new buffer for each change has only the changes copied.
 */
static int
blob_take(struct session *session, struct shm_shown *shown, struct channel_blob *ret_blob)
{
    const uint32_t words = (shown->stride + 3) / 4;
    const uint64_t size = align_up((uint64_t)words * 4 * shown->height, CROSS_PAGE_SIZE);
    struct shm_spare *spare = find_spare(session, shown, size);

    if (spare) {
        *ret_blob = spare->blob;
        if (spare->shown.width == shown->width && spare->shown.height == shown->height &&
            spare->shown.stride == shown->stride && spare->shown.bytes == shown->bytes) {
            *shown = spare->shown;
        }
        *spare = (struct shm_spare){0};
        return 0;
    }
    int r = ask_image(session, words, shown->height);
    return r < 0 ? r
                 : session->channel.ops->blob_create(session->channel.data, session->image.blob_id,
                                                     session->image.size, ret_blob);
}

void
shm_buffer_destroy(struct session *session, struct shm_buffer *buffer)
{
    struct shm_spare spare = {buffer->blob, buffer->shown};

    (void)session_flush_host(session); /* messages that name it go first */
    /* What the compositor may still read is not used again: its own mapping keeps the memory. */
    if (!buffer->busy && !buffer->dmabuf) {
        struct shm_spare *place = &session->spares[session->next_spare];
        const struct shm_spare older = *place;

        session->next_spare = (session->next_spare + 1) % SESSION_SPARES;
        *place = spare;
        spare = older;
    }
    if (spare.blob.map) {
        session->channel.ops->blob_destroy(session->channel.data, &spare.blob);
    }
    for (size_t i = 0; i < PLANES_MAX; i++) {
        import_unref(session, buffer->plane[i].import);
        shm_pool_unref(buffer->plane[i].pool);
    }
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

/* The host's object of that id, destroyed by that opcode, is a pool with this memory instead. */
static int
send_new_pool(struct session *session, uint32_t id, uint16_t destroy,
              const struct channel_blob *blob)
{
    struct wire_writer writer;

    wire_begin(&writer, id, destroy);
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
        struct shm_shown nothing = {.width = 1, .height = 1, .stride = 4, .bytes = 4};
        int r = blob_take(session, &nothing, &session->placeholder);
        if (r < 0) {
            return r;
        }
    }
    struct shm_pool *pool = xalloc(sizeof(*pool));
    pool->refs = 1;
    pool->fd = take_fd(&fd);
    int r = pool_map(pool, call->value[2].word);
    if (r < 0) {
        shm_pool_unref(pool);
        call->why = "the pool's file is shorter than the pool";
        return r == -EINVAL ? -EPROTO : r;
    }
    session_set_data(session, id, pool);
    session->shm = call->id;
    r = send_create_pool(session, call->id, id, &session->placeholder);
    return r < 0 ? r : 1;
}

static bool
buffer_fits(const struct shm_buffer *buffer, const struct shm_pool *pool)
{
    const struct shm_shown *shown = &buffer->shown;
    uint64_t row = (uint64_t)shown->width * shown->bytes;

    return shown->width > 0 && shown->height > 0 && shown->width <= INT16_MAX &&
           shown->height <= INT16_MAX && shown->stride >= row && shown->stride <= INT32_MAX &&
           range_inside(buffer->plane[0].offset, (uint64_t)shown->stride * shown->height,
                        pool->size);
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
        .plane = {{.pool = pool,
                   .offset = call->value[1].word,
                   .stride = call->value[4].word,
                   .shape = {format ? (uint8_t)format->bytes : 0, 1, 1}}},
        .shown = {.width = call->value[2].word,
                  .height = call->value[3].word,
                  .stride = call->value[4].word,
                  .bytes = format ? format->bytes : 0},
    };

    if (!pool || !format || !buffer_fits(&made, pool)) {
        call->why = "a buffer of that format, size or place is not possible";
        return -EPROTO;
    }
    int r = blob_take(session, &made.shown, &made.blob);
    if (r < 0) {
        return r;
    }
    struct shm_buffer *buffer = xalloc(sizeof(*buffer));
    *buffer = made;
    pool->refs++;
    list_append(&session->buffers, &buffer->link);
    session_set_data(session, call->value[0].word, buffer);
    r = send_new_pool(session, call->id, WIRE_WL_SHM_POOL_DESTROY, &buffer->blob);
    return r < 0 ? r : send_create_buffer(session, call);
}

int
shm_stand_in(struct session *session, struct shm_buffer *buffer, uint32_t params, uint32_t id,
             uint32_t format)
{
    struct wire_writer writer;

    buffer->shown.stride = buffer->shown.width * buffer->shown.bytes;
    int r = blob_take(session, &buffer->shown, &buffer->blob);
    r = r < 0 ? r
              : send_new_pool(session, params, WIRE_ZWP_LINUX_BUFFER_PARAMS_V1_DESTROY,
                              &buffer->blob);
    if (r < 0) {
        return r;
    }
    wire_begin(&writer, params, WIRE_WL_SHM_POOL_CREATE_BUFFER);
    wire_put(&writer, id);
    wire_put(&writer, 0);
    wire_put(&writer, buffer->shown.width);
    wire_put(&writer, buffer->shown.height);
    wire_put(&writer, buffer->shown.stride);
    wire_put(&writer, format);
    return session_to_host(session, writer.bytes, (size_t)wire_end(&writer));
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
            session_set_data(session, call->id, NULL);
            shm_pool_unref(pool);
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

struct region_rect
shm_plane_rect(const struct shm_buffer *buffer, const struct shm_plane *plane,
               struct region_rect rect)
{
    const uint8_t x = plane->shape.x;
    const uint8_t y = plane->shape.y;

    rect = region_clip(rect, buffer->shown.width, buffer->shown.height);
    return (struct region_rect){rect.x0 / x, rect.y0 / y, (rect.x1 + x - 1) / x,
                                (rect.y1 + y - 1) / y};
}

static void
copy_plane(struct session *session, struct shm_buffer *buffer, const struct shm_plane *plane,
           struct region_rect rect)
{
    const size_t bytes = plane->shape.bytes;

    rect = shm_plane_rect(buffer, plane, rect);
    if (rect.x0 >= rect.x1) {
        return;
    }
    const size_t row = (size_t)(rect.x1 - rect.x0) * bytes;
    for (int64_t y = rect.y0; y < rect.y1; y++) {
        const size_t column = (size_t)rect.x0 * bytes;
        memcpy(buffer->blob.map + plane->at + (size_t)y * buffer->shown.stride + column,
               plane->pool->map + plane->offset + (size_t)y * plane->stride + column, row);
        session->statistics.copied_bytes += row;
    }
}

static void
copy_rect(struct session *session, struct shm_buffer *buffer, struct region_rect rect)
{
    for (size_t i = 0; i < PLANES_MAX && buffer->plane[i].pool; i++) {
        copy_plane(session, buffer, &buffer->plane[i], rect);
    }
}

static void
count_damage(struct session *session, const struct shm_buffer *buffer, const struct region *damage)
{
    for (uint32_t i = 0; i < damage->n; i++) {
        struct region_rect rect =
            region_clip(damage->rect[i], buffer->shown.width, buffer->shown.height);
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

/* All memory that shows the surface lacks what changed now. */
static void
add_stale(struct session *session, uint32_t surface, const struct region *damage)
{
    list_for_each(link, &session->buffers) {
        struct shm_buffer *buffer = list_container(link, struct shm_buffer, link);
        if (buffer->shown.surface == surface) {
            region_add_all(&buffer->shown.stale, damage);
        }
    }
    for (size_t i = 0; i < SESSION_SPARES; i++) {
        if (session->spares[i].shown.surface == surface) {
            region_add_all(&session->spares[i].shown.stale, damage);
        }
    }
}

static void
forget_surface(struct shm_shown *shown, uint32_t id)
{
    shown->surface = shown->surface == id ? 0 : shown->surface;
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
    if (buffer->shown.surface != id) {
        buffer->shown.surface = id;
        region_add(&buffer->shown.stale, region_everything());
    }
    add_stale(session, id, &damage);
    count_damage(session, buffer, &damage);
    dmabuf_begin(session, buffer);
    for (uint32_t i = 0; i < buffer->shown.stale.n; i++) {
        copy_rect(session, buffer, buffer->shown.stale.rect[i]);
    }
    dmabuf_end(buffer);
    buffer->shown.stale.n = 0;
    buffer->busy = buffer->busy || surface->attached;
    surface->attached = false;
}

static void
surface_destroy(struct session *session, uint32_t id, struct shm_surface *surface)
{
    list_for_each(link, &session->buffers) {
        forget_surface(&list_container(link, struct shm_buffer, link)->shown, id);
    }
    for (size_t i = 0; i < SESSION_SPARES; i++) {
        forget_surface(&session->spares[i].shown, id);
    }
    session_set_data(session, id, NULL);
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
    session_set_data(session, id, surface);
}

static void
on_buffer_destroy(struct session *session, const struct wire_call *call)
{
    if (call->object->data) {
        session_set_data(session, call->id, NULL);
        shm_buffer_destroy(session, call->object->data);
    }
}

int
shm_request(struct session *session, struct wire_call *call, const uint8_t *data)
{
    (void)data;
    if (wire_is(call, wl_registry, WIRE_WL_REGISTRY_BIND) && call->bound == &wire_wl_shm) {
        session->shm = call->value[3].word;
    }
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
        const struct wire_object *object = wire_object_get(session->objects, id);
        return object && object->data ? -EPROTO : 0; /* it is in use */
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
        shm_pool_unref(object->data);
    }
    dmabuf_clear_object(object);
    object->data = NULL; /* buffers are in a list */
}

void
shm_clear(struct session *session)
{
    const struct channel_ops *ops = session->channel.ops;

    list_for_each_safe(link, &session->buffers) {
        shm_buffer_destroy(session, list_container(link, struct shm_buffer, link));
    }
    wire_objects_each(session->objects, clear_object, NULL);
    list_for_each_safe(link, &session->hidden) {
        free(list_container(link, struct hidden_delete, link));
    }
    list_init(&session->hidden);
    for (size_t i = 0; i < SESSION_SPARES; i++) {
        if (session->spares[i].blob.map) {
            ops->blob_destroy(session->channel.data, &session->spares[i].blob);
        }
    }
    if (session->placeholder.map) {
        ops->blob_destroy(session->channel.data, &session->placeholder);
    }
}
