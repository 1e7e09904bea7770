/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The log of one machine: lines "time process level text". What children write to their log pipes is
 * read here, bounded in rate and length, because a child may be in a guest's hands.
 */

#include <stdbool.h>
#include <stdint.h>

#include "vmm/base/cleanup.h"
#include "vmm/base/log.h"

struct log_file;

enum {
    LOG_LINE_MAX = 1024
};

/* Reads one child's pipe; zero-initialise. */
struct log_reader {
    char line[LOG_LINE_MAX];
    uint32_t used;
    bool skipping; /* the rest of a line that was too long */
    uint32_t lines;
    uint32_t dropped;
    uint64_t window_start_ns;
};

/*
 * Lines go to `path` (appended; at 4 MiB it becomes PATH.1) and, up to level `shown`, to stderr as
 * "vmm: process: text". Never NULL: without the file, or with `path` NULL, only stderr is left.
 */
struct log_file *log_file_open(const char *path, enum log_level shown);
/*
 * Where stderr is systemd's journal, send lines there as entries with fields instead (journal.h), up to
 * level info or `shown`. `machine` may be NULL.
 */
void log_file_use_journal(struct log_file *log, const char *machine);
void log_file_close(struct log_file *log);
CLEANUP_DEFINE(struct log_file, log_file_close)

/* Add one line; control characters in `text` become '?'. */
void log_file_write(struct log_file *log, const char *process, enum log_level level,
                    const char *text);
void log_file_print(struct log_file *log, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Read what is there from a non-blocking pipe; false when its other end is closed. */
bool log_reader_read(struct log_reader *reader, int fd, const char *process, struct log_file *log);
