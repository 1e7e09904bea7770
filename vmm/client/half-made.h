/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The folder of a machine that is being copied holds a marker, locked by who makes it. When that program was
 * killed the lock is gone: the folder is half-made, of use to nobody, and may be removed. So may be files that were
 * made elsewhere: each has a second name in the folder meanwhile, which says that it is that very file.
 */

#include <gio/gio.h>

/* Marks a folder that was just made. A descriptor that holds the lock, for vm_half_made_end(); -1: it is not marked. */
int vm_half_made_begin(const char *folder);
/*
 * A file is about to be made at `path`, not in the folder: the name in the folder under which it is to be made, and
 * which is to be linked to `path` then. NULL with errno set. g_free().
 */
char *vm_half_made_elsewhere(const char *folder, int fd, const char *path);
/* It is whole, or about to go: no longer marked, and second names are gone. Nothing for -1. */
void vm_half_made_end(const char *folder, int fd);

/*
 * Removes those in `parent` that nobody makes any more, and that no definition needs, or may need because it cannot
 * be read; before, what they made elsewhere, on the same conditions. A marked folder whose machine is defined is
 * whole: it stays, unmarked. The paths of the folders; those of files elsewhere are added to `elsewhere`. Never NULL,
 * g_strfreev().
 */
GStrv vm_half_made_remove(const char *parent, GStrvBuilder *elsewhere);
