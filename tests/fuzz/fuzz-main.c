/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "tests/fuzz/fuzz.h"

enum {
    INPUT_MAX = 4096
};

static int
run_file(const char *path)
{
    static uint8_t data[1 << 20]; // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)
    FILE *file = fopen(path, "rbe");
    size_t n;

    if (!file) {
        perror(path);
        return 1;
    }
    n = fread(data, 1, sizeof(data), file);
    fclose(file);
    return LLVMFuzzerTestOneInput(data, n);
}

/* usage: fuzz-NAME ROUNDS | FILE...     TAP; the process's survival is the result */
int
main(int argc, char **argv)
{
    char *end = argv[0];
    unsigned long rounds = argc == 2 ? strtoul(argv[1], &end, 10) : 0;
    uint64_t random = 1;

    for (int i = 1; *end != '\0' && i < argc; i++) {
        if (run_file(argv[i]) != 0) {
            return 1;
        }
    }
    for (unsigned long round = 0; round < rounds; round++) {
        uint8_t data[INPUT_MAX];
        size_t size;

        for (size_t i = 0; i < sizeof(data); i++) {
            random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            data[i] = (uint8_t)(random >> 56);
        }
        size = (size_t)(random >> 20) % sizeof(data);
        LLVMFuzzerTestOneInput(data, size);
    }
    printf("1..1\nok 1 - alive\n");
    return 0;
}
