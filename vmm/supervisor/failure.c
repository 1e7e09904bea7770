/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/supervisor/failure.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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

int
failure_cause_length(const struct failure *failure)
{
    size_t length = strcspn(failure->sentence, ";(");

    while (length > 0 && failure->sentence[length - 1] == ' ') {
        length--;
    }
    return (int)length;
}
