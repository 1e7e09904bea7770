/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/model/problem-file.h"

#include <string.h>

#include "vmm/client/bases.h"

#define OPENING "“"
#define CLOSING "”"

char *
vm_problem_file_of_sentence(const char *sentence)
{
    const char *start = sentence ? strstr(sentence, OPENING "/") : NULL;
    const char *end = start ? strstr(start, CLOSING) : NULL;

    if (!end) {
        return NULL;
    }
    start += strlen(OPENING);
    return g_strndup(start, (gsize)(end - start));
}

static gboolean
names_file(VmJson *definition, const char *member, const char *file)
{
    const char *path = vm_json_get_string(definition, member);

    /* A relative one begins somewhere else than here. */
    return path &&
           (g_str_equal(path, file) || (!g_path_is_absolute(path) && g_str_has_suffix(file, path)));
}

char *
vm_problem_member_of_file(const char *id, const char *file, VmJson *definition)
{
    static const char *const single[] = {"kernel", "initrd"};

    if (g_strcmp0(id, "bad-kernel") == 0 || g_strcmp0(id, "bad-initrd") == 0) {
        return g_strdup(id + strlen("bad-"));
    }
    if (!file || !definition) {
        return NULL;
    }
    for (guint i = 0; i < G_N_ELEMENTS(single); i++) {
        if (names_file(definition, single[i], file)) {
            return g_strdup(single[i]);
        }
    }
    for (guint i = 0; i < vm_json_length(definition, "block"); i++) {
        g_autofree char *member = g_strdup_printf("block.%u.path", i);
        if (names_file(definition, member, file)) {
            return g_steal_pointer(&member);
        }
    }
    return NULL;
}

char *
vm_problem_base_of_file(const char *file, VmJson *definition, const char *name)
{
    g_autoptr(VmBases) bases = NULL;
    g_autofree char *member = NULL;
    g_auto(GStrv) parts = NULL;

    if (!file || !definition || !vm_json_has(definition, "cfg")) {
        return NULL;
    }
    bases = vm_bases_new_of(definition, name);
    member = vm_problem_member_of_file(NULL, file, vm_bases_get_whole(bases));
    parts = g_strsplit(member ? member : "", ".", 3); /* "kernel", or "block", "0", "path" */
    if (g_strv_length(parts) == 3) {
        return g_strdup(
            vm_bases_get_file_of(bases, parts[0], (guint)g_ascii_strtoull(parts[1], NULL, 10)));
    }
    return member ? g_strdup(vm_bases_get_file(bases, member)) : NULL;
}

char *
vm_problem_plain_sentence(const char *sentence)
{
    const char *start = strstr(sentence, OPENING);
    const char *end = start ? strstr(start, CLOSING ": ") : NULL;
    const char *option = end ? end + strlen(CLOSING ": ") : NULL;
    const char *rest = option && g_str_has_prefix(option, "--") ? strstr(option, ": ") : NULL;

    /* "vmm: /…/lab.json, line 1, “mem.size”: --mem: …" */
    if (!end || !g_str_has_prefix(sentence, "vmm: ")) {
        return g_strdup(sentence);
    }
    return g_strdup_printf("%.*s%s", (int)(end - start + (gssize)strlen(CLOSING ": ")), start,
                           rest ? rest + 2 : option);
}
