/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/machine-search.h"

#include <string.h>

char *
vm_search_fold(const char *text)
{
    g_autofree char *parts = g_utf8_normalize(text, -1, G_NORMALIZE_ALL);
    g_autoptr(GString) plain = g_string_new(NULL);

    for (const char *at = parts; at && *at; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);
        if (!g_unichar_ismark(c)) {
            g_string_append_unichar(plain, c);
        }
    }
    return g_utf8_casefold(plain->str, -1);
}

/* What it starts from: kernel and first disk. */
static char *
sources_of(VmMachine *machine)
{
    VmJson *definition = vm_machine_get_definition(machine);
    const char *kernel = definition ? vm_json_get_string(definition, "kernel") : NULL;
    const char *disk = definition ? vm_json_get_string(definition, "block.0.path") : NULL;

    return g_strdup_printf("%s\n%s", kernel ? kernel : "", disk ? disk : "");
}

gboolean
vm_search_matches(VmMachine *machine, const char *const *words)
{
    g_autofree char *sources = sources_of(machine);
    g_autofree char *all =
        g_strjoin("\n", vm_machine_get_title(machine), vm_machine_get_group(machine),
                  vm_machine_get_name(machine), vm_machine_get_state_words(machine),
                  vm_machine_get_note(machine), sources, NULL);
    g_autofree char *text = vm_search_fold(all);

    for (guint i = 0; words && words[i]; i++) {
        if (!strstr(text, words[i])) {
            return FALSE;
        }
    }
    return TRUE;
}
