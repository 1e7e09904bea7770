/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The kernel's command line: our words for console and root file system, then the user's. */

#include <stddef.h>

#include "vmm/config/machine-config.h"

/* Always NUL-terminated; CONFIG_PARAMS_SIZE leaves room for ours in LOADER_COMMAND_LINE_SIZE. */
void command_line_make(const struct machine_config *config, char *ret_text, size_t size);
