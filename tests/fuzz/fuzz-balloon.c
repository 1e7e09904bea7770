/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A hostile guest before a balloon, which is asked for sizes and statistics meanwhile. */

#include "tests/fuzz/device-rig.h"
#include "vmm/base/assert.h"
#include "vmm/devices/balloon/balloon.h"

static void
on_answer(void *data, const struct balloon_answer *answer)
{
    unsigned int *answers = data;

    assert(answer->n_statistics <= BALLOON_STATISTICS_MAX);
    (*answers)++;
}

static void
ask(struct fuzz_input *input, struct balloon *balloon)
{
    struct balloon_question question = {.what = (uint32_t)fuzz_take(input, 1) % 4,
                                        .pages = (uint32_t)fuzz_take(input, 4)};

    balloon_ask(balloon, &question);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct device_rig rig;
    struct balloon_setup setup = {.flags = BALLOON_PAGE_REPORTING};
    struct balloon *balloon;
    unsigned int answers = 0;
    uint8_t text[600];

    device_rig_open(&rig);
    setup.device.vhost_fd = rig.device_fd;
    balloon = balloon_create(rig.loop, &setup, on_answer, &answers);
    assert(balloon);
    device_rig_start(&rig, DEVICE_RIG_QUEUES);
    for (unsigned int i = 0; i < 100 && input.size > 0; i++) {
        uint64_t how = fuzz_take(&input, 1);

        if ((how & 7) < 4) {
            size_t n = (size_t)fuzz_take(&input, 2) % sizeof(text);

            for (size_t j = 0; j < n; j++) {
                text[j] = (uint8_t)fuzz_take(&input, 1);
            }
            device_rig_request(&rig, &input, (unsigned int)(how >> 3) % DEVICE_RIG_QUEUES, text,
                               (uint32_t)n);
        } else if ((how & 7) < 6) {
            ask(&input, balloon);
        } else {
            device_rig_nonsense(&rig, &input);
        }
    }
    balloon_destroy(balloon);
    device_rig_close(&rig);
    return 0;
}
