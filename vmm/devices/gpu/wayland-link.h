/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The device's cross-domain contexts, and its side of vmm/protocol/wayland.h. */

#include "vmm/devices/gpu/gpu.h"

struct wayland_link;

/*
 * Add the cross-domain renderer to `gpu`, with connections to the compositor by way of `fd` (taken
 * over). `sends_resources` as in cross_domain_create(). NULL with errno set on failure. To be destroyed after the device.
 */
struct wayland_link *wayland_link_create(struct gpu *gpu, int fd, bool sends_resources);
void wayland_link_destroy(struct wayland_link *link);
CLEANUP_DEFINE(struct wayland_link, wayland_link_destroy)
