/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The folder of a machine that is being copied holds a marker, locked by who makes it. When that program was
 * killed the lock is gone: the folder is half-made, of use to nobody, and may be removed.
 */

#include <gio/gio.h>

/* Marks a folder that was just made. A descriptor that holds the lock, for vm_half_made_end(); -1: it is not marked. */
int vm_half_made_begin(const char *folder);
/* It is whole, or about to go: no longer marked. Nothing for -1. */
void vm_half_made_end(const char *folder, int fd);

/*
 * Removes those in `parent` that nobody makes any more, and that no definition needs, or may need because it cannot
 * be read. A marked folder whose machine is defined is whole: it stays, unmarked. The paths of what was removed;
 * never NULL, g_strfreev().
 */
GStrv vm_half_made_remove(const char *parent);
