/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * What may be shown of a text that somebody else wrote, as one line: valid UTF-8, spaces in place of
 * control characters and line separators, none of the characters that turn the direction of what
 * follows, at most `max` characters ("…" the last one of a longer text). To be freed.
 */
char *vm_plain_text(const char *text, guint max);

G_END_DECLS
