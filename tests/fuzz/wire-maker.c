/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fuzz/wire-maker.h"

enum {
    IDS = 48,
};

uint32_t
wire_any_number(struct wire_maker *maker)
{
    uint64_t value = fuzz_take(maker->input, 1);

    if (value >= 0xf0) {
        value = fuzz_take(maker->input, 4);
    }
    return (uint32_t)value;
}

static uint32_t
any_id(struct wire_maker *maker)
{
    uint32_t value = (uint32_t)fuzz_take(maker->input, 1);

    return value & 0x80 ? WIRE_SERVER_IDS + (value & 7) : value % IDS;
}

uint32_t
wire_fitting_id(struct wire_maker *maker, const struct wire_interface *interface, bool server)
{
    const uint32_t how = (uint32_t)fuzz_take(maker->input, 1);
    const uint32_t base = server ? WIRE_SERVER_IDS : 1;

    if (how >= 0xf8) {
        return any_id(maker);
    }
    for (uint32_t i = 0; i < IDS; i++) {
        const uint32_t id = base + (interface ? (how + i) % IDS : i);
        const struct wire_object *object = wire_object_get(maker->objects, id);

        if (interface ? object && object->interface == interface : !object || !object->interface) {
            return id;
        }
    }
    return 0;
}

/* Arguments that fit the signature; the number of descriptors that go with them. */
static void
put_arguments(struct wire_maker *maker, struct wire_writer *writer,
              const struct wire_message *message, enum wire_side side)
{
    static const char text[] = "text/plain";

    for (size_t i = 0; i < message->n_arguments; i++) {
        switch (message->argument[i].type) {
        case 's':
            wire_put_string(writer, text);
            break;
        case 'a':
            wire_put(writer, 0);
            break;
        case 'h':
            break;
        case 'o':
            wire_put(writer, wire_fitting_id(maker, message->argument[i].interface, false));
            break;
        case 'n':
            if (!message->argument[i].interface) {
                wire_put_string(writer, "wl_seat");
                wire_put(writer, 1);
            }
            wire_put(writer, wire_fitting_id(maker, NULL, side == WIRE_EVENT));
            break;
        default:
            wire_put(writer, wire_any_number(maker));
            break;
        }
    }
}

size_t
wire_make(struct wire_maker *maker, enum wire_side side, struct wire_writer *writer,
          uint8_t *ret_fds)
{
    uint32_t id = any_id(maker);
    uint32_t opcode = (uint32_t)fuzz_take(maker->input, 1);
    const struct wire_object *object = wire_object_get(maker->objects, id);
    struct wire_call call;

    if (!object || !object->interface) {
        return 0;
    }
    const bool request = side == WIRE_REQUEST;
    const struct wire_interface *interface = object->interface;
    uint32_t n = request ? interface->n_requests : interface->n_events;
    if (n == 0) {
        return 0;
    }
    opcode %= n;
    const struct wire_message *message =
        request ? &interface->request[opcode] : &interface->event[opcode];
    wire_begin(writer, id, (uint16_t)opcode);
    put_arguments(maker, writer, message, side);
    int size = wire_end(writer);
    *ret_fds = message->n_fds;
    if (size > 0 && wire_read(maker->objects, side, writer->bytes, (size_t)size, &call) == size) {
        (void)wire_apply(maker->objects, &call);
    }
    return size > 0 ? (size_t)size : 0;
}
