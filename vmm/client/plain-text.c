/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/client/plain-text.h"

#include <string.h>

enum {
    BYTES_MAX = 6, /* of a character */
};

/* Embeddings, overrides and isolates of Unicode's bidirectional algorithm. */
static gboolean
turns_direction(gunichar character)
{
    return (character >= 0x202a && character <= 0x202e) ||
           (character >= 0x2066 && character <= 0x2069);
}

char *
vm_plain_text(const char *text, guint max)
{
    /* A long text is cut before it is looked at. */
    g_autofree char *valid = g_utf8_make_valid(text, (gssize)strnlen(text, (gsize)max * BYTES_MAX));
    GString *plain = g_string_new(NULL);
    guint n = 0;

    for (const char *at = valid; *at; at = g_utf8_next_char(at)) {
        gunichar character = g_utf8_get_char(at);

        if (turns_direction(character)) {
            continue;
        }
        if (++n == max && *g_utf8_next_char(at)) {
            g_string_append(plain, "…");
            break;
        }
        if (g_unichar_iscntrl(character) || character == 0x2028 || character == 0x2029) {
            character = ' ';
        }
        g_string_append_unichar(plain, character);
    }
    return g_string_free(plain, FALSE);
}
