/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A fuzz target is one file with LLVMFuzzerTestOneInput(): link it with clang -fsanitize=fuzzer, or
 * with fuzz-main.c, which feeds it files or the same random bytes every time.
 */

#include <stddef.h>
#include <stdint.h>

#include "vmm/base/bytes.h"

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is left of the input; zeros after its end. */
struct fuzz_input {
    const uint8_t *data;
    size_t size;
};

static inline uint64_t
fuzz_take(struct fuzz_input *input, size_t n)
{
    uint64_t value = 0;

    for (size_t i = 0; i < n && input->size > 0; i++) {
        value |= (uint64_t)*input->data++ << (8 * i);
        input->size--;
    }
    return value;
}
