/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The x86 boot_params structure with its e820 map (Documentation/arch/x86/zero-page.rst). */

#include "vmm/loader/loader.h"

/* Write it to LOADER_ZERO_PAGE. `done` tells where the initrd is. 0 or -EINVAL without low RAM. */
int zero_page_write(const struct loader_ram *ram, const struct loader_kernel *kernel,
                    const struct loader_done *done);
