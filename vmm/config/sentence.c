/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdarg.h>

#include "vmm/base/bytes.h"
#include "vmm/config/config.h"

/* The length of the UTF-8 character at the start of a text, or 0 when there is none. */
static size_t
character_length(const unsigned char *text)
{
    static const struct {
        unsigned char mask, lead;
    } forms[] = {{0x80, 0x00}, {0xe0, 0xc0}, {0xf0, 0xe0}, {0xf8, 0xf0}};

    for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
        size_t length = 1;

        if ((text[0] & forms[i].mask) != forms[i].lead) {
            continue;
        }
        while (length <= i && (text[length] & 0xc0) == 0x80) {
            length++;
        }
        return length == i + 1 && !(i > 0 && text[0] <= 0xc1) && text[0] <= 0xf4 ? length : 0;
    }
    return 0;
}

static bool
is_control(const unsigned char *character)
{
    return *character < 0x20 || *character == 0x7f || (character[0] == 0xc2 && character[1] < 0xa0);
}

/*
 * Names of keys and files come from anywhere, and a sentence goes to terminals, JSON and D-Bus: it
 * stays one line of UTF-8 that moves no cursor, also where the buffer cut it off.
 */
static void
make_plain(char *text)
{
    unsigned char *c = (unsigned char *)text;

    while (*c) {
        size_t length = character_length(c);

        if (length == 0 || is_control(c)) {
            *c = '?';
            length = 1;
        }
        c += length;
    }
}

int
config_fail(struct config_error *error, const char *format, ...)
{
    va_list args;

    snprintf(error->id, sizeof(error->id), "bad-config");
    va_start(args, format);
    vsnprintf(error->sentence, sizeof(error->sentence), format, args);
    va_end(args);
    make_plain(error->sentence);
    return -EINVAL;
}
