/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The machines of this user that run now: docs/architecture.md section 9. */

#include <glib.h>

/* The control socket of a machine given by its name, or by the socket's path (it has a "/"). */
char *machines_socket(const char *name_or_path);
/* Print name, process number and control socket of each; FALSE when there is none. */
gboolean machines_list(void);
