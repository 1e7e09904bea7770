/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* docs/tracing.md: rings that clients read, and the kernel's trace_marker. */

#include <stdbool.h>

#include "vmm/protocol/display.h"

struct child;
struct vm;

/*
 * Let the machine and its own devices write `ask->events` to their rings, which are made the first time,
 * and tell the display where they are, unless `ask->serial` is 0.
 */
void trace_ask(struct vm *vm, const struct display_ask_trace *ask);

/* Nobody reads any more. */
void trace_stop(struct vm *vm);

/* For --trace-marker: -1 when it was not asked for, or after one line in the log that says why not. */
int trace_open_marker(const struct vm *vm);

/* The machine and our own devices have trace points. */
bool trace_has_points(const struct child *child);
