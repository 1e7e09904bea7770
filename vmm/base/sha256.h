/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* SHA-256, FIPS 180-4: names for what is kept by its content. */

#include <stddef.h>
#include <stdint.h>

enum {
    SHA256_SIZE = 32,
    SHA256_BLOCK = 64
};

struct sha256 {
    uint32_t state[8];
    uint64_t length; /* bytes so far */
    uint8_t block[SHA256_BLOCK];
};

void sha256_begin(struct sha256 *hash);
void sha256_add(struct sha256 *hash, const void *data, size_t size);
/* `hash` is spent then. */
void sha256_end(struct sha256 *hash, uint8_t ret_digest[SHA256_SIZE]);
