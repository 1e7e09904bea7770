/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What `vmm` said about memory, which it says in MiB. */

#include <glib.h>

G_BEGIN_DECLS

/* More was wanted than this computer has free; FALSE where the sentence says something else. */
gboolean vm_problem_memory_of_sentence(const char *sentence, guint64 *ret_wanted,
                                       guint64 *ret_available);

/* The machine has too little for what it starts. */
gboolean vm_problem_wants_more_memory(const char *sentence);

/* MiB that are well below what is free, and below what was wanted: a number that people know; 0: there is none. */
guint64 vm_problem_less_memory(guint64 wanted, guint64 available);

G_END_DECLS
