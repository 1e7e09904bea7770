/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/jail/policies.h"

#include <string.h>

#include "policy-includes.h"

const struct jail_policy *const *
policies_all(void)
{
    static const struct jail_policy *const all[] = {POLICY_LIST NULL};

    return all;
}

const struct jail_policy *
policies_find(const char *name)
{
    const struct jail_policy *const *all = policies_all();

    for (size_t i = 0; all[i]; i++) {
        if (strcmp(all[i]->name, name) == 0) {
            return all[i];
        }
    }
    return NULL;
}
