/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a guest may see of a compositor: a list of interfaces. One filter for each connection looks at
 * the registry's messages and lets all others pass. Wayland's wire format: object id, size << 16 |
 * opcode, arguments; host byte order.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FILTER_HEADER_SIZE = 8,
    FILTER_REGISTRIES_MAX = 64,
    FILTER_GLOBALS_MAX = 512,
};

enum filter_verdict {
    FILTER_PASS,
    FILTER_DROP,   /* hide this message */
    FILTER_REFUSE, /* end the connection */
};

struct filter_global {
    uint32_t name;
    const char *interface; /* of the list */
};

/* Zero-initialise. */
struct filter {
    uint32_t registry[FILTER_REGISTRIES_MAX];
    uint32_t n_registries;
    struct filter_global global[FILTER_GLOBALS_MAX]; /* those that the guest was told of */
    uint32_t n_globals;
};

/*
 * Bytes of the message at `data`, of which `size` are there: 0 when not even the header is, and
 * never less than FILTER_HEADER_SIZE otherwise; -EPROTO when it can be no message.
 */
int filter_message_size(const uint8_t *data, size_t size);
/* One whole message of the guest (the compositor). */
enum filter_verdict filter_request(struct filter *filter, const uint8_t *message, size_t size);
enum filter_verdict filter_event(struct filter *filter, const uint8_t *message, size_t size);

/* Whether guests may see globals of this interface. */
bool filter_allows(const char *interface, size_t length);
