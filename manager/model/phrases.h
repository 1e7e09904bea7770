/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What `vmm` says about this computer and about graphics, in the language of the window. It speaks
 * English, as its logs do; this knows its sentences.
 */

#include <glib.h>

G_BEGIN_DECLS

/* The sentence in the window's language, or as it is where it is not known; free with g_free(). */
char *vm_phrase_dup(const char *english);

/* The same for what vmm wrote to its standard error stream: its first line without "vmm: ", "" when there is none. */
char *vm_phrase_dup_said(const char *said);

G_END_DECLS
