/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* systemd's journal, spoken to directly: its native protocol is a datagram of lines "FIELD=value". */

#include "vmm/base/log.h"

/* A socket to the journal when that is where stderr goes ($JOURNAL_STREAM); else -1. */
int journal_open(void);

/*
 * One entry: MESSAGE, PRIORITY, SYSLOG_IDENTIFIER "vmm", VITRINE_MACHINE (left out when NULL) and
 * VITRINE_PART. No text may hold a line feed. 0, or -errno.
 */
int journal_send(int fd, const char *machine, const char *part, enum log_level level,
                 const char *text);
