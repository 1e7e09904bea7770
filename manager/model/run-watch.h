/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which machines somebody starts, whoever it is: the folder of their runtime folders is watched. */

#include <glib.h>

typedef struct VmRunWatch VmRunWatch;

/* There may be a run of that name now. Often told again, and before it can be connected to. */
typedef void (*VmRunSeen)(const char *name, gpointer data);

/* Tells of those that run already before it returns. NULL where there is no safe folder to watch. */
VmRunWatch *vm_run_watch_new(VmRunSeen seen, gpointer data);
void vm_run_watch_free(VmRunWatch *self);
