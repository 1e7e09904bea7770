/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The signals by which a user ends a machine: SIGTERM, SIGINT and SIGHUP. Commands that run one have them
 * blocked from the beginning and read them from a descriptor: one that comes while the machine is
 * being made waits for its loop.
 */

#include <signal.h>

sigset_t end_signals(void);
/* A descriptor that is readable when one waits; non-blocking, or -1 with errno set. */
int end_signals_open(void);
