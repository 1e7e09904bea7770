/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/fakes/fake-frontend.h"
#include "tests/unit/tap.h"
#include "vmm/base/bytes.h"
#include "vmm/base/message.h"
#include "vmm/protocol/balloon.h"

/*
 * The fake front end has two queues: inflate and deflate. What needs the others is tested with a real
 * driver (tests/guest/balloon.py) and by the fuzz target.
 */
enum {
    INFLATE,
    DEFLATE,
    PAGE = 4096
};

static bool
start(struct fake *fake)
{
    struct balloon_setup setup = {0};

    return fake_start(fake, "VMM_BALLOON", &setup, sizeof(setup), (int[2]){-1, -1}) &&
           fake_open_requests(fake) && fake_open(fake, 2);
}

static bool
ask(struct fake *fake, enum balloon_what what, uint32_t pages, struct balloon_answer *ret_answer)
{
    struct balloon_question question = {
        .header = {BALLOON_ASK, sizeof(question)}, .serial = 77, .what = what, .pages = pages};

    return message_send(fake->control_fd, &question, sizeof(question), NULL, 0) == 0 &&
           message_receive(fake->control_fd, ret_answer, sizeof(*ret_answer), NULL) ==
               (ssize_t)sizeof(*ret_answer) &&
           ret_answer->serial == 77 && ret_answer->header.type == BALLOON_ANSWER;
}

static uint64_t
blocks(struct fake *fake)
{
    struct stat st;

    return fstat(fake->ram_fd, &st) == 0 ? (uint64_t)st.st_blocks * 512 : UINT64_MAX;
}

TAP_TEST(tells_its_size)
{
    struct fake fake;
    struct balloon_answer answer;
    uint8_t config[8];

    check(start(&fake));
    check(ask(&fake, BALLOON_TELL_SIZE, 0, &answer));
    check_int(answer.requested, 0);
    check(ask(&fake, BALLOON_SET_SIZE, 300, &answer));
    check_int(answer.error, 0);
    check_int(answer.requested, 300);
    check(fake_get_config(&fake, 0, config, sizeof(config)));
    check_int(load_le32(config), 300);
    /* Only the second field is the driver's to write. */
    check_int(fake_set_config(&fake, 0, (uint8_t[8]){1, 1, 1, 1, 9, 0, 0, 0}, 8), 0);
    check(ask(&fake, BALLOON_TELL_SIZE, 0, &answer));
    check_int(answer.requested, 300);
    check_int(answer.actual, 9);
    check_int(fake_end(&fake), 0);
}

TAP_TEST(pages_go_back)
{
    struct fake fake;
    uint64_t before;
    uint32_t *list;

    check(start(&fake));
    memset(fake_ram(&fake, FAKE_DATA_AT), 0x55, UINT64_C(64) * PAGE);
    list = fake_ram(&fake, FAKE_HIGH_BASE);
    for (uint32_t i = 0; i < 32; i++) { /* down, as drivers do, and with a hole */
        store_le32(&list[i], FAKE_DATA_AT / PAGE + 63 - i - (i >= 16 ? 8 : 0));
    }
    store_le32(&list[32], 0xffffffff); /* no such memory */
    store_le32(&list[33], FAKE_REGION / PAGE);
    before = blocks(&fake);
    check_int(
        fake_request(&fake, INFLATE, &(struct fake_segment){FAKE_HIGH_BASE, 34 * 4, false}, 1), 0);
    check_int(blocks(&fake), before - UINT64_C(32) * PAGE);
    check_int(*(uint8_t *)fake_ram(&fake, FAKE_DATA_AT + 63 * PAGE), 0);
    check_int(*(uint8_t *)fake_ram(&fake, FAKE_DATA_AT + 40 * PAGE), 0x55); /* in the hole */
    check_int(*(uint8_t *)fake_ram(&fake, FAKE_DATA_AT + 20 * PAGE), 0x55);
    check_int(
        fake_request(&fake, DEFLATE, &(struct fake_segment){FAKE_HIGH_BASE, 34 * 4, false}, 1), 0);
    check_int(fake_end(&fake), 0);
}

TAP_TEST(statistics_need_a_driver)
{
    struct fake fake;
    struct balloon_answer answer;

    check(start(&fake));
    check(ask(&fake, BALLOON_TELL_STATISTICS, 0, &answer)); /* its queue is not there */
    check_int(answer.error, -ENOTCONN);
    check_int(fake_end(&fake), 0);
}

TAP_MAIN(TAP_CASE(tells_its_size), TAP_CASE(pages_go_back), TAP_CASE(statistics_need_a_driver))
