/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Whether Vulkan works from a guest's point of view: what Mesa's venus driver asks of a context with
 * capset 4 when a program starts, in its wire format (github: the venus-protocol of Mesa and
 * virglrenderer, which agree on it since 0.10).
 */

#include <stdbool.h>
#include <stddef.h>

#include "vmm/devices/gpu/renderer.h"

/*
 * Make a context, an instance and a device on the host's Vulkan driver; unless `without_memory`, also
 * memory of it that the guest could map, which is mapped, written and read here. 0, or -EIO with a
 * clause for people in `why`. Inside the jail as well as before it, before virgl_set_gpu().
 */
int venus_self_test(struct renderer *renderer, bool without_memory, char *why, size_t size);
