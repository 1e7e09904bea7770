/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Recordings of a graphics card that nobody recorded, played to one. */

#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "vmm/base/assert.h"
#include "vmm/base/log.h"
#include "vmm/base/memory.h"
#include "vmm/devices/gpu/gpu.h"
#include "vmm/devices/gpu/record-format.h"
#include "vmm/devices/gpu/replay.h"

enum {
    FILE_MAX = 64 << 10,
    WORDS = 24,
    SIDE = 32,
};

struct file {
    uint8_t bytes[FILE_MAX];
    size_t size;
};

static void
put(struct file *file, const void *data, size_t size)
{
    if (size <= FILE_MAX - file->size) {
        memcpy(file->bytes + file->size, data, size);
        file->size += size;
    }
}

/* One that is nearly right: a known request with a few words of the input in it. */
static void
put_request(struct file *file, struct fuzz_input *input, uint64_t how)
{
    static const uint16_t types[8] = {0x101, 0x106, 0x105, 0x103, 0x104, 0x10c, 0x102, 0x107};
    uint32_t words[WORDS] = {types[how & 7], 0, 0, 0, 0, 0, 1 + (how >> 3 & 3), 1, SIDE, SIDE,
                             SIDE * SIDE * 4};
    struct record_entry entry = {.kind = RECORD_CONTROL + (how >> 5 & 1), .size = sizeof(words)};

    for (uint64_t i = how >> 6 & 3; i > 0; i--) {
        uint64_t n = fuzz_take(input, 1);
        words[n % WORDS] = n & 0x80 ? (uint32_t)fuzz_take(input, 4) : (uint32_t)n & 3;
    }
    put(file, &entry, sizeof(entry));
    put(file, words, sizeof(words));
}

static void
put_memory(struct file *file, struct fuzz_input *input)
{
    const struct record_memory memory = {.resource = 1 + (uint32_t)(fuzz_take(input, 1) & 3),
                                         .offset = fuzz_take(input, 3)};
    const uint64_t pixel = fuzz_take(input, 4);
    const struct record_entry entry = {RECORD_MEMORY, sizeof(memory) + sizeof(pixel), 0};

    put(file, &entry, sizeof(entry));
    put(file, &memory, sizeof(memory));
    put(file, &pixel, sizeof(pixel));
}

static void
put_any(struct file *file, struct fuzz_input *input)
{
    const struct record_entry entry = {.kind = (uint32_t)fuzz_take(input, 1) & 7,
                                       .size = (uint32_t)fuzz_take(input, 2) & 0x3ff};
    const uint64_t filler = fuzz_take(input, 8);

    put(file, &entry, sizeof(entry));
    for (uint32_t done = 0; done < entry.size; done += sizeof(filler)) {
        put(file, &filler, MIN_OF((size_t)entry.size - done, sizeof(filler)));
    }
}

static void
make_file(struct file *file, struct fuzz_input *input)
{
    const struct record_header header = {.magic = RECORD_MAGIC,
                                         .version = RECORD_VERSION,
                                         .n_scanouts = 2,
                                         .width = SIDE,
                                         .height = SIDE};

    put(file, &header, sizeof(header));
    for (int i = 0; i < 60 && input->size > 0; i++) {
        uint64_t how = fuzz_take(input, 2);

        if ((how & 7) < 6) {
            put_request(file, input, how >> 3);
        } else if ((how & 7) == 6) {
            put_memory(file, input);
        } else {
            put_any(file, input);
        }
    }
}

static void
play(const void *data, size_t size)
{
    struct loop *loop = loop_create();
    struct replay_result result;
    struct gpu_setup setup;
    const char *why = NULL;
    struct replay *replay = replay_create(loop, data, size, &setup, &why);

    assert(loop && (replay || why));
    if (replay) {
        struct gpu *gpu = gpu_create(loop, &setup);

        assert(gpu);
        if (replay_play(replay, gpu, &result, &why) < 0) {
            assert(strcmp(why, "the recording is damaged") == 0); /* and never a card that hangs */
        }
        gpu_destroy(gpu);
    }
    replay_destroy(replay);
    loop_destroy(loop);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};

    log_set_level(LOG_LEVEL_ERROR);
    if (size > 0 && data[0] == RECORD_MAGIC[0]) { /* as it is */
        uint8_t *exact = xalloc(size);            /* so that a sanitizer sees its end */

        memcpy(exact, data, size);
        play(exact, size);
        free(exact);
    } else {
        struct file *file = xalloc(sizeof(*file));

        make_file(file, &input);
        play(file->bytes, file->size);
        free(file);
    }
    return 0;
}
