/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Capability sets of the calling thread, by the kernel's own interface (capabilities(7)). */

#include <stdbool.h>
#include <stdint.h>

/*
 * Keep only `keep` (bits by capability number) in the bounding, permitted, effective, inheritable
 * and ambient sets; what is kept is ambient, so that it outlives an exec. Needs CAP_SETPCAP while
 * the bounding set has more than `keep`. 0 or -errno.
 */
int capabilities_keep(uint64_t keep);

/*
 * Empty the effective set (false), or fill it with what is permitted (true), while a library starts
 * threads: they begin as their maker is, and the filter takes capset(2) away. 0 or -errno.
 */
int capabilities_use(bool use);
