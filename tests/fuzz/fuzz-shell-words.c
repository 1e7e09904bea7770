/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A file that says it holds the command line of a machine. */

#include <string.h>

#include "manager/model/command-line.h"
#include "tests/fuzz/fuzz.h"
#include "vmm/base/assert.h"

/* What was understood is understood the same when it is written with quotes. */
static void
check_again(GStrv words)
{
    g_autoptr(GString) line = g_string_new("vmm run");
    g_auto(GStrv) again = NULL;

    for (guint i = 0; words[i]; i++) {
        g_autofree char *quoted = g_shell_quote(words[i]);
        g_string_append_printf(line, " %s", quoted);
    }
    if (line->len > VM_COMMAND_LINE_SIZE_MAX) {
        return;
    }
    again = vm_command_line_parse(line->str, line->len, NULL);
    assert(again && g_strv_equal((const char *const *)words, (const char *const *)again));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *left_out = NULL;
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) words = NULL;

    g_log_set_always_fatal(G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING);
    words = vm_command_line_parse((const char *)data, size, &error);
    assert(!words == (error != NULL));
    if (!words) {
        assert(error->message[0] && g_utf8_validate(error->message, -1, NULL));
        return 0;
    }
    assert(size <= VM_COMMAND_LINE_SIZE_MAX && !memchr(data, 0, size));
    left_out = vm_command_line_left_out((const char *const *)words);
    assert(!left_out || !strchr(left_out, '\n'));
    check_again(words);
    return 0;
}
