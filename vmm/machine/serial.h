/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A 16550A UART whose line is a stream socket (TI TL16C550 data sheet; registers one byte apart).
 *
 * Guest writes are gathered and sent at a line feed, when a lot is there, or some milliseconds later.
 * When the socket is full the transmitter stops to report that it is empty until there is room again;
 * when nobody reads at all the guest's driver runs into its own time-outs, nothing is lost. Input is
 * read from the socket only as far as the receive FIFO has room.
 */

#include <stdbool.h>
#include <stdint.h>

#include "vmm/base/cleanup.h"
#include "vmm/base/loop.h"
#include "vmm/machine/vm.h"

enum {
    SERIAL_REGISTERS = 8 /* bytes of its range */
};

struct serial;

/* Called with the port's lock held, from vCPU threads and the control thread. */
typedef void (*serial_set_line)(void *data, unsigned int port, bool level);

/* `fd` is taken over on success and made non-blocking. NULL with errno set on failure. */
struct serial *serial_create(struct loop *loop, int fd, unsigned int port, serial_set_line set_line,
                             void *data);
void serial_destroy(struct serial *serial);
CLEANUP_DEFINE(struct serial, serial_destroy)

/* For vm_add_range(); `data` is the struct serial. */
extern const struct vm_range_ops serial_range_ops;

/* Send what is left, waiting at most `timeout_ms` for the reader. */
void serial_flush(struct serial *serial, int timeout_ms);
