/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/supervisor/json-text.h"

#include <stdio.h>
#include <string.h>

#include "vmm/base/memory.h"

/* Bytes of the UTF-8 sequence at `text`, by its first byte and the form of the others; 0: none. */
static size_t
sequence_length(const unsigned char *text)
{
    const size_t length = text[0] < 0x80                       ? 1
                          : text[0] >= 0xc2 && text[0] <= 0xdf ? 2
                          : text[0] >= 0xe0 && text[0] <= 0xef ? 3
                          : text[0] >= 0xf0 && text[0] <= 0xf4 ? 4
                                                               : 0;

    /* Longer forms than needed, surrogates, and what lies beyond the last code point. */
    if ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f) ||
        (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f)) {
        return 0;
    }
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return length;
}

char *
json_text(const char *text)
{
    const unsigned char *in = (const unsigned char *)text;
    char *result = xalloc_array(strlen(text) + 1, 6); /* the longest form: \u00xx */
    char *out = result;

    *out++ = '"';
    while (*in) {
        const size_t length = sequence_length(in);

        if (*in == '"' || *in == '\\') {
            *out++ = '\\';
        }
        if (*in < 0x20) {
            out += sprintf(out, "\\u%04x", *in);
        } else if (length == 0) {
            *out++ = '?';
        } else {
            memcpy(out, in, length);
            out += length;
        }
        in += length ? length : 1;
    }
    *out++ = '"';
    *out = '\0';
    return result;
}
