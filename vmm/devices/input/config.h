/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the two kinds of input device can do, and the config space that tells the driver. */

#include <linux/virtio_input.h>
#include <stdbool.h>
#include <stdint.h>

#include "vmm/protocol/device.h"

/* Fill *ret_config for `select` and `subsel`; size 0 when there is nothing under them. */
void config_select(enum input_kind kind, uint8_t select, uint8_t subsel,
                   struct virtio_input_config *ret_config);

/* Whether a device of that kind sends events of this type and code (EV_SYN excluded). */
bool config_has_event(enum input_kind kind, uint16_t type, uint16_t code);
