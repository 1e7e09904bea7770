/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/fuzz/fuzz.h"
#include "vmm/base/memory.h"

enum {
    INPUT_MAX = 4096,
    SEEDS_MAX = 256,
    FILE_MAX = 1 << 20,
};

struct seed {
    uint8_t *data;
    size_t size;
};

struct driver {
    struct seed seeds[SEEDS_MAX];
    size_t n_seeds;
    uint64_t random;
};

static int
read_file(struct driver *driver, const char *path)
{
    FILE *file = fopen(path, "rbe");
    struct seed *seed = &driver->seeds[driver->n_seeds];

    if (!file || driver->n_seeds == SEEDS_MAX) {
        perror(path);
        return -1;
    }
    seed->data = xalloc(FILE_MAX);
    seed->size = fread(seed->data, 1, FILE_MAX, file);
    fclose(file);
    driver->n_seeds++;
    return 0;
}

/* A file, or a folder of files in the order of their names. */
static int
read_seeds(struct driver *driver, const char *path)
{
    struct dirent **names;
    char name[4096];
    int n = scandir(path, &names, NULL, alphasort);
    int r = 0;

    if (n < 0) {
        return errno == ENOTDIR ? read_file(driver, path) : 0; /* no seeds yet */
    }
    for (int i = 0; i < n; i++) {
        if (names[i]->d_name[0] != '.' && r == 0) {
            snprintf(name, sizeof(name), "%s/%s", path, names[i]->d_name);
            r = read_file(driver, name);
        }
        free(names[i]);
    }
    free(names);
    return r;
}

static uint32_t
next(struct driver *driver)
{
    driver->random = driver->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(driver->random >> 32);
}

static void
run(const uint8_t *data, size_t size)
{
    uint8_t *exact = xalloc(size > 0 ? size : 1); /* so that a sanitizer sees its end */

    memcpy(exact, data, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

/* Some bytes of a seed changed, and sometimes the end of another one behind it. */
static void
run_like_seed(struct driver *driver)
{
    const struct seed *seed = &driver->seeds[next(driver) % driver->n_seeds];
    const struct seed *other = &driver->seeds[next(driver) % driver->n_seeds];
    uint8_t *data = xalloc(seed->size + other->size + 1);
    size_t size = seed->size;

    memcpy(data, seed->data, size);
    if (next(driver) % 4 == 0 && other->size > 0) {
        size_t from = next(driver) % other->size;

        size = size > 0 ? next(driver) % size : 0;
        memcpy(data + size, other->data + from, other->size - from);
        size += other->size - from;
    }
    for (uint32_t i = next(driver) % 8; i > 0 && size > 0; i--) {
        data[next(driver) % size] = (uint8_t)(next(driver) >> 24);
    }
    run(data, size);
    free(data);
}

static void
run_random(struct driver *driver)
{
    uint8_t data[INPUT_MAX];
    size_t size = next(driver) % sizeof(data);

    for (size_t i = 0; i < size; i++) {
        data[i] = (uint8_t)(next(driver) >> 24);
    }
    run(data, size);
}

/*
 * usage: fuzz-NAME ROUNDS [FILE|FOLDER]...     TAP; the process's survival is the result
 * Each seed as it is, then ROUNDS inputs, the same every time: seeds with changes, and any bytes.
 */
int
main(int argc, char **argv)
{
    struct driver *driver = xalloc(sizeof(*driver));
    unsigned long rounds = argc >= 2 ? strtoul(argv[1], NULL, 10) : 0;

    driver->random = 1;
    for (int i = 2; i < argc; i++) {
        if (read_seeds(driver, argv[i]) < 0) {
            return 1;
        }
    }
    for (size_t i = 0; i < driver->n_seeds; i++) {
        run(driver->seeds[i].data, driver->seeds[i].size);
    }
    for (unsigned long round = 0; round < rounds; round++) {
        if (driver->n_seeds > 0 && round % 2 == 0) {
            run_like_seed(driver);
        } else {
            run_random(driver);
        }
    }
    for (size_t i = 0; i < driver->n_seeds; i++) {
        free(driver->seeds[i].data);
    }
    printf("1..1\nok 1 - alive after %zu seeds and %lu inputs\n", driver->n_seeds, rounds);
    free(driver);
    return 0;
}
