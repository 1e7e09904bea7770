/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/supervisor/command-line.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* I/O ports of the four serial ports of a PC. */
static const unsigned int serial_ports[] = {0x3f8, 0x2f8, 0x3e8, 0x2e8};

__attribute__((format(printf, 3, 4))) static void
append(char *text, size_t size, const char *format, ...)
{
    const size_t used = strlen(text);
    va_list args;

    va_start(args, format);
    vsnprintf(text + used, size - used, format, args);
    va_end(args);
}

void
command_line_make(const struct machine_config *config, char *ret_text, size_t size)
{
    ret_text[0] = '\0';
    for (size_t i = 0; i < config->n_serial; i++) {
        const struct serial_config *serial = &config->serial[i];
        const unsigned int port = (unsigned int)serial->number - 1;

        if (serial->earlycon) {
            append(ret_text, size, "earlycon=uart8250,io,0x%x ", serial_ports[port]);
        }
        if (serial->console) {
            append(ret_text, size, "console=%s%u ",
                   serial->hardware == SERIAL_HARDWARE_SERIAL ? "ttyS" : "hvc", port);
        }
    }
    for (size_t i = 0; i < config->n_block; i++) {
        if (config->block[i].root) {
            append(ret_text, size, "root=/dev/vd%c %s ", (char)('a' + (char)i),
                   config->block[i].read_only ? "ro" : "rw");
        }
    }
    append(ret_text, size, "%s", config->params);
    for (size_t n = strlen(ret_text); n > 0 && ret_text[n - 1] == ' '; n--) {
        ret_text[n - 1] = '\0';
    }
}
