/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/model/problem-memory.h"

#include <string.h>

#define WANTS        " wants "
#define AND          " MiB and "
#define FREE         " MiB are free"

#define SMALLEST_MIB 64

gboolean
vm_problem_memory_of_sentence(const char *sentence, guint64 *ret_wanted, guint64 *ret_available)
{
    const char *at = sentence ? strstr(sentence, WANTS) : NULL;
    char *end = NULL;
    guint64 wanted = 0;
    guint64 available = 0;

    if (!at) {
        return FALSE;
    }
    wanted = g_ascii_strtoull(at + strlen(WANTS), &end, 10);
    if (!g_str_has_prefix(end, AND)) {
        return FALSE;
    }
    available = g_ascii_strtoull(end + strlen(AND), &end, 10);
    if (!g_str_has_prefix(end, FREE) || wanted > G_MAXUINT32 || available > G_MAXUINT32) {
        return FALSE;
    }
    *ret_wanted = wanted;
    *ret_available = available;
    return TRUE;
}

gboolean
vm_problem_wants_more_memory(const char *sentence)
{
    return sentence &&
           (strstr(sentence, "give the machine more memory") ||
            strstr(sentence, "too little memory") || strstr(sentence, "give it at least "));
}

guint64
vm_problem_less_memory(guint64 wanted, guint64 available)
{
    const guint64 most = available / 4 * 3;
    guint64 less = SMALLEST_MIB;

    if (most < SMALLEST_MIB || wanted <= SMALLEST_MIB) {
        return 0;
    }
    while (less * 2 <= most && less * 2 < wanted) {
        less *= 2;
    }
    return less;
}
