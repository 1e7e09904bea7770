/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Folders of a test's own, instead of the person's; those of the system, which hold icons, stay. */

#include <glib.h>

/*
 * Before anything asks for them: HOME and the XDG folders, in a new temporary folder whose name is made
 * from `template` (g_dir_make_tmp()). Aborts when that cannot be had. Free the path.
 */
char *own_folders_make(const char *template);
/* With all that is in them. */
void own_folders_remove(const char *base);
