/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where a Wayland socket lies. */

#include <sys/un.h>

/*
 * The address of a socket by its path, or by its name in $XDG_RUNTIME_DIR. `option`, by which the user gave
 * it, is for the line that says what is wrong with it. 0 or -1.
 */
int wayland_address(const char *name, const char *option, struct sockaddr_un *ret_address);
