/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any bytes from a guest and from a compositor through the filter of a connection. */

#include <stdlib.h>

#include "tests/fuzz/fuzz.h"
#include "vmm/base/assert.h"
#include "vmm/base/memory.h"
#include "vmm/wayland-guard/filter.h"

enum {
    MESSAGE_MAX = 256
};

/* A message that is nearly right: an object that may be the display or a registry, a true length. */
static size_t
make_message(struct fuzz_input *input, uint8_t *message)
{
    uint64_t how = fuzz_take(input, 2);
    uint32_t size = 8 + (uint32_t)(how >> 8) % 31 * 8;

    store_le32(message, 1 + (uint32_t)(how & 3));
    store_le32(message + 4, size << 16 | (uint32_t)(how >> 2 & 1));
    for (uint32_t i = 8; i < size; i++) {
        message[i] = (uint8_t)fuzz_take(input, 1);
    }
    if (size >= 40 && (how & 0x10)) {
        store_le32(message + 8, (uint32_t)(how >> 5 & 3));
        store_le32(message + 12, 8);
        memcpy(message + 16, how & 0x20 ? "wl_seat" : "zwp_xyz", 8);
    }
    return size;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct filter *filter = xalloc(sizeof(*filter));
    int length = filter_message_size(data, size);

    assert(length < 0 || length == 0 || length >= FILTER_HEADER_SIZE);
    while (input.size > 0) {
        uint8_t *message = xalloc(MESSAGE_MAX); /* so that a sanitizer sees its end */
        size_t n = make_message(&input, message);
        uint8_t *exact = xalloc(n);

        memcpy(exact, message, n);
        if (fuzz_take(&input, 1) & 1) {
            (void)filter_request(filter, exact, n);
        } else {
            (void)filter_event(filter, exact, n);
        }
        assert(filter->n_registries <= FILTER_REGISTRIES_MAX);
        assert(filter->n_globals <= FILTER_GLOBALS_MAX);
        free(exact);
        free(message);
    }
    free(filter);
    return 0;
}
