/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/wayland-wire/objects.h"

#include <errno.h>

#include "vmm/base/bytes.h"
#include "wayland-wire-protocols.h"

/* Ids first .. first + count - 1. */
struct range {
    uint32_t first;
    uint32_t count;
    uint32_t capacity;
    struct wire_object *object;
};

struct wire_objects {
    struct range range[2]; /* enum wire_side */
    uint32_t limit;
    const struct wire_interface *more; /* that the tables lack, or NULL */
};

static const struct range *
range_of(const struct wire_objects *objects, uint32_t id)
{
    return &objects->range[id >= WIRE_SERVER_IDS ? WIRE_EVENT : WIRE_REQUEST];
}

/* The place of `id`, free or not; NULL outside. */
static struct wire_object *
slot_of(const struct wire_objects *objects, uint32_t id)
{
    const struct range *range = range_of(objects, id);

    return id >= range->first && id - range->first < range->count
               ? &range->object[id - range->first]
               : NULL;
}

struct wire_objects *
wire_objects_create(uint32_t limit)
{
    struct wire_objects *objects = calloc(1, sizeof(*objects));
    const struct wire_object display = {.interface = &wire_wl_display, .version = 1};

    if (!objects) {
        return NULL;
    }
    objects->limit = limit;
    objects->range[WIRE_REQUEST].first = WIRE_DISPLAY;
    objects->range[WIRE_EVENT].first = WIRE_SERVER_IDS;
    if (wire_objects_add(objects, WIRE_REQUEST, WIRE_DISPLAY, &display) < 0) {
        wire_objects_destroy(objects);
        return NULL;
    }
    return objects;
}

void
wire_objects_destroy(struct wire_objects *objects)
{
    if (!objects) {
        return;
    }
    free(objects->range[WIRE_REQUEST].object);
    free(objects->range[WIRE_EVENT].object);
    free(objects);
}

struct wire_object *
wire_object_get(struct wire_objects *objects, uint32_t id)
{
    struct wire_object *object = slot_of(objects, id);

    return object && object->interface ? object : NULL;
}

void
wire_objects_know(struct wire_objects *objects, const struct wire_interface *interface)
{
    objects->more = interface;
}

const struct wire_interface *
wire_objects_find(const struct wire_objects *objects, const char *name, size_t length)
{
    const struct wire_interface *more = objects->more;

    return more && strlen(more->name) == length && memcmp(more->name, name, length) == 0
               ? more
               : wire_interface_find(name, length);
}

void
wire_objects_each(struct wire_objects *objects,
                  void (*visit)(void *data, uint32_t id, struct wire_object *object), void *data)
{
    const uint32_t n_requests = objects->range[WIRE_REQUEST].count;
    const uint32_t n = n_requests + objects->range[WIRE_EVENT].count;

    for (uint32_t i = 0; i < n; i++) {
        uint32_t id = i < n_requests ? WIRE_DISPLAY + i : WIRE_SERVER_IDS + (i - n_requests);
        struct wire_object *object = wire_object_get(objects, id);

        if (object && object->data) {
            visit(data, id, object);
        }
    }
}

bool
wire_objects_may_add(const struct wire_objects *objects, enum wire_side side, uint32_t id)
{
    const struct range *range = &objects->range[side];
    const struct wire_object *object = slot_of(objects, id);

    if (range_of(objects, id) != range) {
        return false;
    }
    if (!object) {
        return id >= range->first && id - range->first == range->count;
    }
    return !object->interface || (side == WIRE_EVENT && object->dead);
}

static int
range_grow(struct range *range, uint32_t limit)
{
    uint32_t capacity = range->capacity == 0 ? 64 : range->capacity * 2;

    if (range->count < range->capacity) {
        return 0;
    }
    if (range->count >= limit) {
        return -ENOBUFS;
    }
    struct wire_object *grown = reallocarray(range->object, capacity, sizeof(*grown));
    if (!grown) {
        return -ENOBUFS;
    }
    range->object = grown;
    range->capacity = capacity;
    return 0;
}

int
wire_objects_add(struct wire_objects *objects, enum wire_side side, uint32_t id,
                 const struct wire_object *object)
{
    struct range *range = &objects->range[side];
    struct wire_object *slot = slot_of(objects, id);

    if (!wire_objects_may_add(objects, side, id)) {
        return -EPROTO;
    }
    if (!slot) {
        int r = range->count >= objects->limit ? -ENOBUFS : range_grow(range, objects->limit);
        if (r < 0) {
            return r;
        }
        slot = &range->object[range->count++];
    }
    *slot = *object;
    return 0;
}

void
wire_objects_delete(struct wire_objects *objects, uint32_t id)
{
    struct wire_object *object = slot_of(objects, id);

    if (object && id != WIRE_DISPLAY) {
        *object = (struct wire_object){0};
    }
}
