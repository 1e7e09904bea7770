/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any bytes of both sides through the message engine. */

#include <stdlib.h>

#include "tests/fuzz/fuzz.h"
#include "vmm/base/assert.h"
#include "vmm/base/memory.h"
#include "wayland-wire-protocols.h"

/* A message of an object that may be there, with a true length. */
static size_t
make_message(struct fuzz_input *input, uint8_t *message)
{
    uint64_t how = fuzz_take(input, 2);
    uint32_t size = 8 + (uint32_t)(how & 7) * 4;
    uint32_t id = (how & 8 ? WIRE_SERVER_IDS : 0) + (uint32_t)(how >> 4 & 15);

    store_le32(message, id);
    store_le32(message + 4, size << 16 | (uint32_t)(how >> 8 & 15));
    for (uint32_t i = 8; i < size; i += 4) {
        store_le32(message + i, (uint32_t)fuzz_take(input, 1));
    }
    return size;
}

/* As make_message(), but wl_registry.bind of some interface. */
static size_t
make_bind(struct fuzz_input *input, uint8_t *message)
{
    struct wire_writer writer;
    uint64_t how = fuzz_take(input, 2);
    const struct wire_interface *interface = wire_interfaces[(how & 0xff) % wire_n_interfaces];

    wire_begin(&writer, 2, WIRE_WL_REGISTRY_BIND);
    wire_put(&writer, 1);
    wire_put_string(&writer, interface->name);
    wire_put(&writer, interface->version);
    wire_put(&writer, (uint32_t)(how >> 8 & 15));
    int size = wire_end(&writer);
    assert(size > 0);
    memcpy(message, writer.bytes, (size_t)size);
    return (size_t)size;
}

static void
read_message(struct wire_objects *objects, enum wire_side side, const uint8_t *data, size_t size)
{
    uint8_t *exact = xalloc(size); /* so that a sanitizer sees its end */
    struct wire_call call;

    memcpy(exact, data, size);
    int r = wire_read(objects, side, exact, size, &call);
    assert(r <= (int)size);
    if (r > 0) {
        (void)wire_apply(objects, &call);
    }
    free(exact);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    cleanup(wire_objects_destroyp) struct wire_objects *objects = wire_objects_create(16);
    uint8_t message[256];

    assert(objects);
    store_le32(message, WIRE_DISPLAY);
    store_le32(message + 4, UINT32_C(12) << 16 | WIRE_WL_DISPLAY_GET_REGISTRY);
    store_le32(message + 8, 2);
    read_message(objects, WIRE_REQUEST, message, 12);
    if (size > 0) {
        read_message(objects, data[0] & 1 ? WIRE_REQUEST : WIRE_EVENT, data, size);
    }
    while (input.size > 0) {
        uint64_t how = fuzz_take(&input, 1);
        size_t n = how & 2 ? make_bind(&input, message) : make_message(&input, message);

        read_message(objects, how & 1 ? WIRE_REQUEST : WIRE_EVENT, message, n);
    }
    return 0;
}
