/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/base/sha256.h"

#include <string.h>

#include "vmm/base/bytes.h"

enum {
    ROUNDS = 64,
    LENGTH_OFFSET = SHA256_BLOCK - 8
};

/* Section 4.2.2: the fractions of the cube roots of the first 64 primes. */
static const uint32_t round_constants[ROUNDS] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t
rotate(uint32_t x, unsigned int n)
{
    return x >> n | x << (32 - n);
}

/* Section 6.2.2. */
static void
add_block(struct sha256 *hash, const uint8_t *block)
{
    uint32_t w[ROUNDS];
    uint32_t v[8];

    for (unsigned int i = 0; i < 16; i++) {
        w[i] = load_be32(block + (size_t)i * 4);
    }
    for (unsigned int i = 16; i < ROUNDS; i++) {
        uint32_t s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
        uint32_t s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    memcpy(v, hash->state, sizeof(v));
    for (unsigned int i = 0; i < ROUNDS; i++) {
        uint32_t s1 = rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25);
        uint32_t choice = (v[4] & v[5]) ^ (~v[4] & v[6]);
        uint32_t first = v[7] + s1 + choice + round_constants[i] + w[i];
        uint32_t s0 = rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22);
        uint32_t majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);

        memmove(v + 1, v, 7 * sizeof(v[0]));
        v[4] += first;
        v[0] = first + s0 + majority;
    }
    for (unsigned int i = 0; i < 8; i++) {
        hash->state[i] += v[i];
    }
}

void
sha256_begin(struct sha256 *hash)
{
    /* Section 5.3.3. */
    *hash = (struct sha256){.state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f,
                                      0x9b05688c, 0x1f83d9ab, 0x5be0cd19}};
}

void
sha256_add(struct sha256 *hash, const void *data, size_t size)
{
    const uint8_t *at = data;

    while (size > 0) {
        size_t used = hash->length % SHA256_BLOCK;
        size_t n = MIN_OF(size, SHA256_BLOCK - used);

        memcpy(hash->block + used, at, n);
        if (used + n == SHA256_BLOCK) {
            add_block(hash, hash->block);
        }
        hash->length += n;
        at += n;
        size -= n;
    }
}

void
sha256_end(struct sha256 *hash, uint8_t ret_digest[SHA256_SIZE])
{
    static const uint8_t padding[SHA256_BLOCK] = {0x80};
    uint64_t bits = hash->length * 8;
    size_t used = hash->length % SHA256_BLOCK;
    uint8_t length[8];

    for (unsigned int i = 0; i < 8; i++) {
        length[i] = (uint8_t)(bits >> (56 - 8 * i));
    }
    sha256_add(hash, padding,
               used < LENGTH_OFFSET ? LENGTH_OFFSET - used : SHA256_BLOCK + LENGTH_OFFSET - used);
    sha256_add(hash, length, sizeof(length));
    for (size_t i = 0; i < SHA256_SIZE; i++) {
        ret_digest[i] = (uint8_t)(hash->state[i / 4] >> (24 - 8 * (i % 4)));
    }
}
