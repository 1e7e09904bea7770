/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/ctl/command.h"

#include <stdarg.h>
#include <stdio.h>

void
command_say(const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    g_strdelimit(text, "\n\r", ' ');
    fprintf(stderr, "vmm: %s\n", text);
}

gboolean
command_parse(const Command *command, const GOptionEntry *entries, int *argc, char ***argv)
{
    g_autoptr(GOptionContext) context = g_option_context_new(command->arguments);
    g_autofree char *summary = g_strdup_printf("vmm %s: %s", command->name, command->summary);
    g_autofree char *program = g_strdup_printf("vmm %s", command->name);
    g_autoptr(GError) error = NULL;
    int words;

    g_set_prgname(program);
    g_option_context_set_summary(context, summary);
    if (command->details) {
        g_autofree char *details = g_strconcat(command->details, "\n", NULL);

        g_option_context_set_description(context, details);
    }
    if (entries) {
        g_option_context_add_main_entries(context, entries, NULL);
    } else {
        /* Words may begin with “-” then: text to type. */
        g_option_context_set_strict_posix(context, TRUE);
    }
    if (!g_option_context_parse(context, argc, argv, &error)) {
        command_say("%s: %s; `vmm %s --help` shows its options.", command->name, error->message,
                    command->name);
        return FALSE;
    }
    if (*argc > 1 && g_str_equal((*argv)[1], "--")) {
        (*argv)++;
        (*argc)--;
    }
    words = *argc - 1;
    if (words < command->words_min || words > command->words_max) {
        command_say("%s: takes %s; `vmm %s --help` says more.", command->name,
                    command->arguments[0] ? command->arguments : "no arguments", command->name);
        return FALSE;
    }
    return TRUE;
}
