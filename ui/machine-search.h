/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whether a machine is one that is searched for. */

#include "manager/model/machine.h"

G_BEGIN_DECLS

/* As words are compared: without case and accents. g_free(). */
char *vm_search_fold(const char *text);
/*
 * Title, group, name, state, note, kernel or first disk have each of the words, which are folded and end
 * with NULL; NULL is no word.
 */
gboolean vm_search_matches(VmMachine *machine, const char *const *words);

G_END_DECLS
