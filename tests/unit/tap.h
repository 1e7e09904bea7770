/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A minimal TAP writer for tests that use neither GLib nor a mock:
 *
 *     TAP_TEST(name) { check(1 + 1 == 2); }
 *     TAP_MAIN(TAP_CASE(name), ...)
 *
 * check() records a failure with its place and leaves the case.
 */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tap_case {
    const char *name;
    void (*run)(bool *ok);
};

#define TAP_TEST(id) static void test_##id(bool *tap_ok)
#define TAP_CASE(id)   \
    {                  \
#id, test_##id \
    }

#define check(condition)                                             \
    do {                                                             \
        if (!(condition)) {                                          \
            printf("# %s:%d: %s\n", __FILE__, __LINE__, #condition); \
            *tap_ok = false;                                         \
            return;                                                  \
        }                                                            \
    } while (0)

#define check_int(actual, expected)                                                            \
    do {                                                                                       \
        long long tap_a = (long long)(actual);                                                 \
        long long tap_e = (long long)(expected);                                               \
        if (tap_a != tap_e) {                                                                  \
            printf("# %s:%d: %s is %lld, expected %lld\n", __FILE__, __LINE__, #actual, tap_a, \
                   tap_e);                                                                     \
            *tap_ok = false;                                                                   \
            return;                                                                            \
        }                                                                                      \
    } while (0)

#define check_str(actual, expected)                                                         \
    do {                                                                                    \
        const char *tap_a = (actual);                                                       \
        const char *tap_e = (expected);                                                     \
        if (!tap_a || strcmp(tap_a, tap_e) != 0) {                                          \
            printf("# %s:%d: %s is \"%s\", expected \"%s\"\n", __FILE__, __LINE__, #actual, \
                   tap_a ? tap_a : "(null)", tap_e);                                        \
            *tap_ok = false;                                                                \
            return;                                                                         \
        }                                                                                   \
    } while (0)

static inline int
tap_run(const struct tap_case *cases, size_t n)
{
    int failed = 0;

    printf("1..%zu\n", n);
    for (size_t i = 0; i < n; i++) {
        bool ok = true;
        cases[i].run(&ok);
        printf("%sok %zu - %s\n", ok ? "" : "not ", i + 1, cases[i].name);
        fflush(stdout);
        failed += !ok;
    }
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#define TAP_MAIN(...)                                            \
    int main(void)                                               \
    {                                                            \
        const struct tap_case cases[] = {__VA_ARGS__};           \
        return tap_run(cases, sizeof(cases) / sizeof(cases[0])); \
    }
