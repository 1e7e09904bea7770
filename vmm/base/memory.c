/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/base/log.h"

static void *
checked(void *pointer)
{
    if (!pointer) {
        log_error("out of memory");
        abort();
    }
    return pointer;
}

void *
xalloc(size_t size)
{
    return checked(calloc(1, size ? size : 1));
}

void *
xalloc_array(size_t count, size_t size)
{
    return checked(calloc(count ? count : 1, size ? size : 1));
}

void *
xrealloc_array(void *old, size_t count, size_t size)
{
    return checked(reallocarray(old, count ? count : 1, size ? size : 1));
}

char *
xstrdup(const char *text)
{
    return checked(strdup(text));
}

char *
xasprintf(const char *format, ...)
{
    char *text = NULL;
    va_list args;

    va_start(args, format);
    if (vasprintf(&text, format, args) < 0) {
        text = NULL;
    }
    va_end(args);
    return checked(text);
}
