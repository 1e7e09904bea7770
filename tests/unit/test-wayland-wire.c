/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Messages and objects of Wayland connections, right and wrong ones. */

#include <errno.h>

#include "tests/unit/tap.h"
#include "vmm/base/bytes.h"
#include "wayland-wire-protocols.h"

#define OBJECTS cleanup(wire_objects_destroyp) struct wire_objects *

struct line {
    struct wire_writer writer;
    struct wire_call call;
};

/* Read what was written and make it so. */
static int
pass(struct wire_objects *objects, enum wire_side side, struct line *line)
{
    int size = wire_end(&line->writer);

    if (size < 0) {
        return size;
    }
    int r = wire_read(objects, side, line->writer.bytes, (size_t)size, &line->call);
    return r > 0 ? wire_apply(objects, &line->call) : r;
}

static int
request(struct wire_objects *objects, struct line *line, uint32_t id, uint32_t opcode,
        uint32_t word)
{
    wire_begin(&line->writer, id, (uint16_t)opcode);
    wire_put(&line->writer, word);
    return pass(objects, WIRE_REQUEST, line);
}

static int
bind(struct wire_objects *objects, const char *interface, uint32_t version, uint32_t id)
{
    struct line line;

    wire_begin(&line.writer, 2, WIRE_WL_REGISTRY_BIND);
    wire_put(&line.writer, 7);
    wire_put_string(&line.writer, interface);
    wire_put(&line.writer, version);
    wire_put(&line.writer, id);
    return pass(objects, WIRE_REQUEST, &line);
}

/* A registry (2), a compositor (3) and a surface (4). */
static struct wire_objects *
make_objects(void)
{
    struct wire_objects *objects = wire_objects_create(64);
    struct line line;

    if (request(objects, &line, WIRE_DISPLAY, WIRE_WL_DISPLAY_GET_REGISTRY, 2) < 0 ||
        bind(objects, "wl_compositor", 4, 3) < 0 ||
        request(objects, &line, 3, WIRE_WL_COMPOSITOR_CREATE_SURFACE, 4) < 0) {
        wire_objects_destroy(objects);
        return NULL;
    }
    return objects;
}

TAP_TEST(tables)
{
    const struct wire_interface *registry = wire_interface_find("wl_registry", 11);

    check(registry == &wire_wl_registry);
    check_int(registry->request[0].n_arguments, 4); /* name, interface, version, id */
    check_int(wire_wl_keyboard.event[WIRE_WL_KEYBOARD_EVENT_KEYMAP].n_fds, 1);
    check(wire_wl_surface.request[WIRE_WL_SURFACE_DESTROY].destructor);
    check(wire_interface_find("wl_registryx", 12) == NULL);
    check(wire_interface_find("wl_regis", 8) == NULL);
    for (size_t i = 1; i < wire_n_interfaces; i++) {
        check(strcmp(wire_interfaces[i - 1]->name, wire_interfaces[i]->name) < 0);
    }
}

TAP_TEST(objects_come_and_go)
{
    OBJECTS objects = make_objects();
    struct line line;

    check(objects);
    check(wire_object_get(objects, 4)->interface == &wire_wl_surface);
    check_int(wire_object_get(objects, 4)->version, 4);
    wire_begin(&line.writer, 4, WIRE_WL_SURFACE_DESTROY);
    check_int(pass(objects, WIRE_REQUEST, &line), 0);
    check(wire_object_get(objects, 4)->dead);
    /* A request on it is an error, an event may have been under way. */
    wire_begin(&line.writer, 4, WIRE_WL_SURFACE_COMMIT);
    check_int(pass(objects, WIRE_REQUEST, &line), -EPROTO);
    wire_begin(&line.writer, 4, WIRE_WL_SURFACE_EVENT_ENTER);
    wire_put(&line.writer, 4); /* no wl_output */
    check_int(pass(objects, WIRE_EVENT, &line), -EPROTO);
    check_str(line.call.why, "it names an object of another kind");
    /* Its id is free after delete_id and not before. */
    check_int(request(objects, &line, 3, WIRE_WL_COMPOSITOR_CREATE_SURFACE, 4), -EPROTO);
    wire_begin(&line.writer, WIRE_DISPLAY, WIRE_WL_DISPLAY_EVENT_DELETE_ID);
    wire_put(&line.writer, 4);
    check_int(pass(objects, WIRE_EVENT, &line), 0);
    check(wire_object_get(objects, 4) == NULL);
    check_int(request(objects, &line, 3, WIRE_WL_COMPOSITOR_CREATE_SURFACE, 4), 0);
}

TAP_TEST(ids)
{
    OBJECTS objects = make_objects();
    struct line line;

    check(objects);
    check_int(request(objects, &line, 3, WIRE_WL_COMPOSITOR_CREATE_SURFACE, 0), -EPROTO);
    check_int(request(objects, &line, 3, WIRE_WL_COMPOSITOR_CREATE_SURFACE, 4), -EPROTO);
    check_int(request(objects, &line, 3, WIRE_WL_COMPOSITOR_CREATE_SURFACE, 6), -EPROTO);
    check_int(request(objects, &line, 3, WIRE_WL_COMPOSITOR_CREATE_SURFACE, WIRE_SERVER_IDS),
              -EPROTO);
    for (uint32_t id = 5; id <= 64; id++) {
        check_int(request(objects, &line, 3, WIRE_WL_COMPOSITOR_CREATE_SURFACE, id), 0);
    }
    check_int(request(objects, &line, 3, WIRE_WL_COMPOSITOR_CREATE_SURFACE, 65), -ENOBUFS);
}

/* wl_data_device.data_offer makes objects of the compositor's, whose ids it uses again. */
TAP_TEST(server_objects)
{
    OBJECTS objects = make_objects();
    struct line line;

    check(objects);
    check_int(bind(objects, "wl_seat", 7, 5), 0);
    check_int(bind(objects, "wl_data_device_manager", 3, 6), 0);
    wire_begin(&line.writer, 6, WIRE_WL_DATA_DEVICE_MANAGER_GET_DATA_DEVICE);
    wire_put(&line.writer, 7);
    wire_put(&line.writer, 5);
    check_int(pass(objects, WIRE_REQUEST, &line), 0);
    wire_begin(&line.writer, 7, WIRE_WL_DATA_DEVICE_EVENT_DATA_OFFER);
    wire_put(&line.writer, WIRE_SERVER_IDS);
    check_int(pass(objects, WIRE_EVENT, &line), 0);
    check_int(pass(objects, WIRE_EVENT, &line), -EPROTO); /* it is there */
    wire_begin(&line.writer, WIRE_SERVER_IDS, WIRE_WL_DATA_OFFER_DESTROY);
    check_int(pass(objects, WIRE_REQUEST, &line), 0);
    wire_begin(&line.writer, 7, WIRE_WL_DATA_DEVICE_EVENT_DATA_OFFER);
    wire_put(&line.writer, WIRE_SERVER_IDS);
    check_int(pass(objects, WIRE_EVENT, &line), 0);
    check_int(wire_object_get(objects, WIRE_SERVER_IDS)->version, 3);
}

TAP_TEST(binds)
{
    OBJECTS objects = make_objects();

    check(objects);
    check_int(bind(objects, "wl_compositor", 0, 5), -EPROTO);
    check_int(bind(objects, "wl_compositor", 99, 5), -EPROTO);
    check_int(bind(objects, "no_such_thing", 1, 5), -EPROTO);
    check_int(bind(objects, "wl_shm", 1, 5), 0);
    check(wire_object_get(objects, 5)->interface == &wire_wl_shm);
}

TAP_TEST(versions)
{
    OBJECTS objects = make_objects();
    struct line line;

    check(objects);
    check_int(bind(objects, "wl_compositor", 1, 5), 0);
    check_int(request(objects, &line, 5, WIRE_WL_COMPOSITOR_CREATE_SURFACE, 6), 0);
    check_int(request(objects, &line, 6, WIRE_WL_SURFACE_SET_BUFFER_SCALE, 2), -EPROTO);
    check_str(line.call.why, "its object's version has no such message");
    check_int(request(objects, &line, 4, WIRE_WL_SURFACE_SET_BUFFER_SCALE, 2), 0);
}

TAP_TEST(lengths)
{
    OBJECTS objects = make_objects();
    struct line line;
    uint8_t bytes[WIRE_HEADER_SIZE] = {0};

    check(objects);
    check_int(wire_message_size(bytes, 7), 0);
    check_int(wire_message_size(bytes, 8), -EPROTO);
    store_le32(bytes + 4, 10 << 16);
    check_int(wire_message_size(bytes, 8), -EPROTO);
    store_le32(bytes + 4, UINT32_C(4100) << 16);
    check_int(wire_message_size(bytes, 8), -EPROTO);
    /* Too long, too short, not yet whole. */
    wire_begin(&line.writer, 4, WIRE_WL_SURFACE_COMMIT);
    wire_put(&line.writer, 0);
    check_int(pass(objects, WIRE_REQUEST, &line), -EPROTO);
    wire_begin(&line.writer, 4, WIRE_WL_SURFACE_DAMAGE);
    wire_put(&line.writer, 0);
    check_int(pass(objects, WIRE_REQUEST, &line), -EPROTO);
    wire_begin(&line.writer, 4, WIRE_WL_SURFACE_COMMIT);
    check_int(wire_end(&line.writer), 8);
    check_int(wire_read(objects, WIRE_REQUEST, line.writer.bytes, 4, &line.call), 0);
}

/* Strings whose length, end or padding is wrong. */
TAP_TEST(strings)
{
    OBJECTS objects = make_objects();
    struct line line;

    check(objects);
    wire_begin(&line.writer, 2, WIRE_WL_REGISTRY_BIND);
    wire_put(&line.writer, 1);
    wire_put(&line.writer, UINT32_MAX);
    check_int(pass(objects, WIRE_REQUEST, &line), -EPROTO);
    wire_begin(&line.writer, 2, WIRE_WL_REGISTRY_BIND);
    wire_put(&line.writer, 1);
    wire_put(&line.writer, 4);
    wire_put(&line.writer, 0x61616161); /* no NUL */
    wire_put(&line.writer, 1);
    wire_put(&line.writer, 5);
    check_int(pass(objects, WIRE_REQUEST, &line), -EPROTO);
    wire_begin(&line.writer, 2, WIRE_WL_REGISTRY_BIND);
    wire_put(&line.writer, 1);
    wire_put(&line.writer, 0); /* null, where the protocol has a string */
    wire_put(&line.writer, 1);
    wire_put(&line.writer, 5);
    check_int(pass(objects, WIRE_REQUEST, &line), -EPROTO);
}

TAP_TEST(writer)
{
    struct wire_writer writer;
    char text[WIRE_MESSAGE_MAX];

    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    wire_begin(&writer, 9, 3);
    wire_put_string(&writer, text);
    check_int(wire_end(&writer), -EMSGSIZE);
    wire_begin(&writer, 9, 3);
    wire_put_string(&writer, "abcd");
    check_int(wire_end(&writer), 8 + 4 + 8);
    check_int(load_le32(writer.bytes), 9);
    check_int(load_le32(writer.bytes + 4), 20 << 16 | 3);
}

TAP_MAIN(TAP_CASE(tables), TAP_CASE(objects_come_and_go), TAP_CASE(ids), TAP_CASE(server_objects),
         TAP_CASE(binds), TAP_CASE(versions), TAP_CASE(lengths), TAP_CASE(strings),
         TAP_CASE(writer))
