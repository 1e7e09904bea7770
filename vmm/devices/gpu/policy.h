/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmm/jail/jail.h"

extern const struct jail_policy gpu_policy;      /* 2D */
extern const struct jail_policy gpu_soft_policy; /* virgl on Mesa's software renderer */
extern const struct jail_policy gpu_drm_policy;
extern const struct jail_policy gpu_venus_policy; /* virgl on a render node */
