/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The shortest policy there is: what every loop process has. */

#include "vmm/jail/jail.h"

extern const struct jail_policy least_policy;
