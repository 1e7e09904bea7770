/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The disk of a setup message, made of the files that the supervisor opened. */

#include "vmm/disk/disk.h"
#include "vmm/protocol/device.h"

/*
 * 0 and *ret_disk, setup->size bytes long or more, or -errno (what qcow2_open(), raw_open() and composite_open() say), with
 * a line in the log for an image that cannot be used. Descriptors stay the caller's.
 */
int images_open(const struct block_setup *setup, struct disk **ret_disk);
