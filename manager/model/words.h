/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Figures as people read them; free with g_free(). */

#include <glib.h>

/* "12.5", with one digit after what the locale, or else the language, separates them with. */
char *vm_words_decimal(double value);

/* "512 MiB", "1.4 GiB". */
char *vm_words_size(guint64 bytes);

/* "9.2 MB/s"; "0" for nothing. */
char *vm_words_rate(double bytes_per_second);
