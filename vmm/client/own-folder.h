/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which folder is a machine's own, and so goes to the trash with it: the usual one, or one that holds a mark
 * which the manager put there when it made it. A definition alone, which anybody may have written, makes no
 * folder a machine's own.
 */

#include "vmm/client/json.h"

/*
 * Puts the mark into `folder`, which was just made for the machine that it is named after. What cannot be
 * marked is never trashed.
 */
void vm_own_folder_mark(const char *folder);
gboolean vm_own_folder_is_marked(const char *folder);

/*
 * What `json`, or NULL, calls the folder of the machine `name` though it is not known to be (vm_definition_folder()),
 * when it is there: it stays when the machine is deleted. NULL: nothing; g_free().
 */
char *vm_own_folder_foreign(VmJson *json, const char *name);
