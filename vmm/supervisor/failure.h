/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Why a machine ended or could not start: what `vmm` says, writes to last-run.json and tells clients. */

#include "vmm/protocol/start.h"

/* The exit status of `vmm run`: docs/architecture.md section 7. */
enum exit_status {
    EXIT_STATUS_OFF = 0,
    EXIT_STATUS_RESET = 32,
    EXIT_STATUS_FAILED = 33,
    EXIT_STATUS_PANIC = 34,
    EXIT_STATUS_USAGE = 35,
    EXIT_STATUS_WATCHDOG = 36,
};

struct failure {
    int status; /* enum exit_status */
    char id[START_NAME_SIZE];
    char part[START_NAME_SIZE]; /* process name, or "" */
    char sentence[START_SENTENCE_SIZE];
};

/* Bytes of the sentence that say what happened: the cure and what stands in brackets follow. */
int failure_cause_length(const struct failure *failure);

/* Fill *failure. Always -1, for `return failure_set(...)`. */
int failure_set(struct failure *failure, int status, const char *id, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
