/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Every process's own policy, linked from its folder: the tests jail a probe with the very same list. */

#include <stddef.h>

#include "vmm/jail/jail.h"

/* NULL-terminated. */
const struct jail_policy *const *policies_all(void);
/* NULL when there is none of that name. */
const struct jail_policy *policies_find(const char *name);
