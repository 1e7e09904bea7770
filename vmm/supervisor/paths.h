/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where things live: docs/architecture.md section 9. All results are malloc'ed. */

/* The folder of the helper executables, as installed beside our own: DIR/../libexec/vitrine. */
char *path_helpers(void);
/* The folder of a named machine's log and last frame; NULL when there is no home folder. */
char *path_state(const char *name);
/* mkdir -p with mode 0700 for what is missing. 0 or -errno. */
int path_make_folders(const char *path);
