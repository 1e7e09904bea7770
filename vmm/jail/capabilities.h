/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Capability sets of the calling thread, by the kernel's own interface (capabilities(7)). */

#include <stdint.h>

/*
 * Keep only `keep` (bits by capability number) in the bounding, permitted, effective, inheritable
 * and ambient sets; what is kept is ambient, so that it outlives an exec. Needs CAP_SETPCAP while
 * the bounding set has more than `keep`. 0 or -errno.
 */
int capabilities_keep(uint64_t keep);
