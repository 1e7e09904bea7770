/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where things live: docs/architecture.md section 9. Every string is the caller's (g_free()). */

#include <glib.h>

char *vm_paths_machines(void);               /* the folder of the definitions */
char *vm_paths_definition(const char *name); /* NAME.json in it */
char *vm_paths_disks(const char *name);      /* the machine's folder for its disks */
char *vm_paths_state(const char *name);      /* logs, last frame, last-run.json */
char *vm_paths_runtime(const char *name);    /* control, lock, pid; NULL without a safe folder */

/*
 * Programs beside our own: `vmm` in the folder of our executable or, for a program that is not part of
 * Vitrine, in $PATH; helpers in libexec/vitrine.
 */
char *vm_paths_vmm(void);
char *vm_paths_helper(const char *name);

/* The share/ folder beside our executable's bin/. */
char *vm_paths_data(void);
