/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/model/log-lines.h"

#include <string.h>

enum {
    N_WORDS = 4 /* time, process, level, text */
};

/* "2026-11-21T14:07:31.123Z" as a local time of day; NULL when it is none. */
static char *
local_time(const char *stamp)
{
    g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
    g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(stamp, utc);
    g_autoptr(GDateTime) local = time ? g_date_time_to_local(time) : NULL;
    g_autofree char *clock = local ? g_date_time_format(local, "%H:%M:%S") : NULL;

    return clock ? g_strdup_printf("%s.%03d", clock, g_date_time_get_microsecond(local) / 1000)
                 : NULL;
}

static gboolean
level_of(const char *word, VmLogLevel *ret_level)
{
    static const char *const words[] = {"error", "warning", "info", "debug"};

    for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
        if (g_str_equal(words[i], word)) {
            *ret_level = (VmLogLevel)i;
            return TRUE;
        }
    }
    return FALSE;
}

VmLogLine *
vm_log_line_new(const char *bytes, gsize size)
{
    VmLogLine *line = g_new0(VmLogLine, 1);
    g_autofree char *text = g_utf8_make_valid(bytes, (gssize)size);
    g_auto(GStrv) words = g_strsplit(text, " ", N_WORDS);

    line->level = VM_LOG_INFO;
    if (g_strv_length(words) == N_WORDS && level_of(words[2], &line->level)) {
        line->time = local_time(words[0]);
    }
    if (line->time) {
        line->process = g_strdup(words[1]);
        line->text = g_strdup(words[3]);
        return line;
    }
    line->level = VM_LOG_INFO;
    line->time = g_strdup("");
    line->process = g_strdup("vmm");
    line->text = g_steal_pointer(&text);
    return line;
}

void
vm_log_line_free(VmLogLine *line)
{
    if (line) {
        g_free(line->time);
        g_free(line->process);
        g_free(line->text);
        g_free(line);
    }
}
