/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What every tiny guest needs; freestanding. */
#include "payload.h"

void
put(const char *text)
{
    for (; *text; text++) {
        while (!(inb(COM1 + 5) & 0x20)) {
        }
        outb(COM1, (uint8_t)*text);
    }
}

void
put_hex(const char *name, uint32_t value)
{
    char text[10] = "00000000\n";

    put(name);
    put(" ");
    for (int i = 7; i >= 0; i--, value >>= 4) {
        text[i] = "0123456789abcdef"[value & 0xf];
    }
    put(text);
}

void
put_hex64(const char *name, uint64_t value)
{
    char text[18] = "0000000000000000\n";

    put(name);
    put(" ");
    for (int i = 15; i >= 0; i--, value >>= 4) {
        text[i] = "0123456789abcdef"[value & 0xf];
    }
    put(text);
}

void
power_off(void)
{
    outw(PM_CONTROL, SLEEP_S5);
}
