/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The files that a definition names. */

#include "vmm/client/json.h"

/* Makes relative paths absolute, from that folder on. */
void vm_definition_paths_complete(VmJson *json, const char *folder);
