/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which file a problem is about, and where a definition names it. */

#include "vmm/client/json.h"

/* The absolute path that a sentence of `vmm` has in quotation marks; NULL when there is none. g_free(). */
char *vm_problem_file_of_sentence(const char *sentence);

/* "kernel", "initrd" or "block.N.path": what names the file, or, without a file, what a problem of that id is
 * always about. NULL: nothing. g_free(). */
char *vm_problem_member_of_file(const char *id, const char *file, VmJson *definition);

/*
 * The file that the definition of the machine `name` includes and that names `file`, fit to be shown; NULL: none
 * does. Reads included files. g_free().
 */
char *vm_problem_base_of_file(const char *file, VmJson *definition, const char *name);

/* A sentence about a wrong setting without what people did not write: “mem.size”: give less. g_free(). */
char *vm_problem_plain_sentence(const char *sentence);
