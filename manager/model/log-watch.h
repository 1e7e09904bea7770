/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Errors that a machine's log file gets from now on, as they come. */

#include "manager/model/log-lines.h"

typedef struct VmLogWatch VmLogWatch;

typedef void (*VmLogError)(const VmLogLine *line, gpointer data);

/* NULL: the file cannot be watched. Its folder may not be there yet. */
VmLogWatch *vm_log_watch_new(const char *path, VmLogError told, gpointer data);
void vm_log_watch_free(VmLogWatch *self);
