/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * virtio-input (virtio 1.2 section 5.8): a keyboard, or a pointer with absolute axes, wheels and five
 * buttons. Reports come from the display process and reach the guest whole, in order; when the guest
 * does not take them, whole reports are dropped, and keys and buttons are set right afterwards.
 * Reports are dropped as well while no driver runs. Lamps go back to the display process.
 */

#include "vmm/base/loop.h"
#include "vmm/protocol/device.h"

struct input;

/*
 * Serve the front end on setup->device.vhost_fd (taken over) and setup->display_fd (stays the
 * caller's, made non-blocking). 0 and *ret_input, or -errno.
 */
int input_create(struct loop *loop, const struct input_setup *setup, struct input **ret_input);
void input_destroy(struct input *input);
CLEANUP_DEFINE(struct input, input_destroy)
