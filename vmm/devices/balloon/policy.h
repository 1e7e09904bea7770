/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmm/jail/jail.h"

/* What vmm-balloon may ask of the kernel once its set-up is done. */
extern const struct jail_policy balloon_policy;
