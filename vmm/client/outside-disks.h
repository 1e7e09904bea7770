/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Disk files of a machine that do not lie in its own folder, and so outlive it. */

#include "vmm/client/json.h"

/*
 * Paths of the disks in `json`, the definition of the machine `name` or NULL, that nobody else is known
 * to need: regular files (no links, no devices) that the machine may write, outside its own folder, and
 * that no other definition needs by whatever path, also as what its disk lies over or is made of. None that a
 * file names which the definition includes: who else includes that is not known, nor when such a file cannot be used. Reads all definitions. Never NULL; free with g_strfreev().
 */
GStrv vm_outside_disks(VmJson *json, const char *name);

/* Moves them to the desktop's trash. FALSE with error for the first that cannot go; the rest goes all the same. */
gboolean vm_outside_disks_trash(const char *const *paths, GError **error);
