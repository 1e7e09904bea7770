/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The seccomp filters of a policy (libseccomp). Internal to the jail library. 0 or -errno. */

#include "vmm/jail/jail.h"

/* The filter of the whole process: every thread, kill by default, clone3 answers ENOSYS. */
int filter_load_process(const struct jail_policy *policy);
/* The narrower one for the calling thread only. */
int filter_load_vcpu(const struct jail_policy *policy);
