/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmm/jail/jail.h"

extern const struct jail_policy extract_policy;
