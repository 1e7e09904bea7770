/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/supervisor/failure.h"

#include <stdarg.h>
#include <stdio.h>

int
failure_set(struct failure *failure, int status, const char *id, const char *format, ...)
{
    va_list args;

    failure->status = status;
    snprintf(failure->id, sizeof(failure->id), "%s", id);
    failure->part[0] = '\0';
    va_start(args, format);
    vsnprintf(failure->sentence, sizeof(failure->sentence), format, args);
    va_end(args);
    return -1;
}
