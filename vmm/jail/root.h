/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * File system roots of a jailed process. Both functions change the calling process and need
 * CAP_SYS_ADMIN in its user namespace and a mount namespace of its own. 0 or -errno.
 */

/* The folder that stage two turns into the empty root; the executable stands beside it. */
#define JAIL_ROOT_EMPTY "/empty"

/*
 * The small read-only root of stage one, with `executable` in it under its own last name, and what
 * exists of `more` (absolute paths, NULL-terminated, or NULL).
 */
int jail_root_small(const char *executable, const char *const *more);

/* The empty, read-only root of stage two. */
int jail_root_empty(void);
