/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "tests/fakes/fake-frontend.h"
#include "tests/unit/tap.h"

TAP_TEST(fills_buffers)
{
    struct fake fake;
    const struct fake_segment two[] = {{FAKE_DATA_AT, 40, true}, {FAKE_HIGH_BASE, 24, true}};
    uint8_t first[40];

    check(fake_start_and_open(&fake, "VMM_RNG", 1));
    check_int(fake_request(&fake, 0, two, 2), 64);
    memcpy(first, fake_ram(&fake, FAKE_DATA_AT), sizeof(first));
    check_int(fake_request(&fake, 0, two, 2), 64);
    check(memcmp(first, fake_ram(&fake, FAKE_DATA_AT), sizeof(first)) != 0);
    check(memcmp(fake_ram(&fake, FAKE_HIGH_BASE), (uint8_t[24]){0}, 24) != 0);
    check_int(*(uint8_t *)fake_ram(&fake, FAKE_DATA_AT + 40), 0); /* not a byte too many */
    check_int(fake_end(&fake), 0);
}

TAP_TEST(one_chain_has_a_limit)
{
    struct fake fake;
    const struct fake_segment large = {FAKE_DATA_AT, 1 << 20, true};
    const struct fake_segment readable = {FAKE_DATA_AT, 64, false};
    const struct fake_segment none = {FAKE_DATA_AT, 0, true};

    check(fake_start_and_open(&fake, "VMM_RNG", 1));
    check_int(fake_request(&fake, 0, &large, 1), 65536);
    check_int(fake_request(&fake, 0, &readable, 1), 0);
    check_int(fake_request(&fake, 0, &none, 1), 0);
    check_int(fake_end(&fake), 0);
}

TAP_TEST(many_chains_in_one_kick)
{
    struct fake fake;
    uint16_t head;
    uint32_t written;

    check(fake_start_and_open(&fake, "VMM_RNG", 1));
    for (uint64_t i = 0; i < FAKE_QUEUE_SIZE; i++) {
        fake_offer(&fake, 0, &(struct fake_segment){FAKE_DATA_AT, 65536, true}, 1);
    }
    fake_kick(&fake, 0);
    for (uint64_t i = 0; i < FAKE_QUEUE_SIZE; i++) {
        check(fake_wait(&fake, 0, &head, &written));
        check_int(head, i);
        check_int(written, 65536);
    }
    check_int(fake_end(&fake), 0);
}

TAP_TEST(runs_in_its_jail)
{
    struct fake fake;
    char path[64];
    char line[256];
    int found = 0;

    if (getenv("FAKE_NO_JAIL")) {
        printf("# there is no jail in this run\n");
        return;
    }
    check(fake_start_and_open(&fake, "VMM_RNG", 1));
    snprintf(path, sizeof(path), "/proc/%d/status", (int)fake.pid);
    FILE *status = fopen(path, "re");
    check(status);
    while (fgets(line, sizeof(line), status)) {
        found += strcmp(line, "Seccomp:\t2\n") == 0 || strcmp(line, "NoNewPrivs:\t1\n") == 0 ||
                 strcmp(line, "CapEff:\t0000000000000000\n") == 0 ||
                 strcmp(line, "Threads:\t1\n") == 0;
    }
    fclose(status);
    check_int(found, 4);
    check_int(fake_end(&fake), 0);
}

TAP_MAIN(TAP_CASE(fills_buffers), TAP_CASE(one_chain_has_a_limit),
         TAP_CASE(many_chains_in_one_kick), TAP_CASE(runs_in_its_jail))
