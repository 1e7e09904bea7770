/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One line per entry on descriptor 2: "<N>text", N the syslog priority (3 error, 4 warning, 6 info,
 * 7 debug), control characters replaced by '?', at most 1024 bytes. The supervisor reads the lines of
 * its children from a pipe each, so it knows who spoke. Entries never block longer than the pipe does
 * and use write(2) only.
 */

#include <stdint.h>

enum log_level {
    LOG_LEVEL_ERROR = 3,
    LOG_LEVEL_WARNING = 4,
    LOG_LEVEL_INFO = 6,
    LOG_LEVEL_DEBUG = 7,
};

/* Entries above this level are dropped; the default is LOG_LEVEL_INFO. Call before threads start. */
void log_set_level(enum log_level level);
/* Print "PREFIX: text" without "<N>", for people: what `vmm` itself does on a terminal. */
void log_set_prefix(const char *prefix);

void log_print(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)   log_print(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_print(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)    log_print(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_print(LOG_LEVEL_DEBUG, __VA_ARGS__)

/*
 * For what a guest can provoke at will: at most 10 entries per 10 s and object, then one line that
 * counts what was left out. Zero-initialise; one per device or cause; not shared between threads.
 */
struct log_limit {
    uint64_t window_start_ns;
    uint32_t used;
    uint32_t dropped;
};

void log_limited(struct log_limit *limit, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
