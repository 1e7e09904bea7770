/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/model/definition-paths.h"

#include <string.h>

#define UNIX_PREFIX "unix:"

static void
complete(VmJson *json, const char *member, const char *folder)
{
    const char *file = vm_json_get_string(json, member);

    if (file && file[0] && file[0] != '/') {
        g_autofree char *absolute = g_canonicalize_filename(file, folder);
        vm_json_set_string(json, member, absolute);
    }
}

/* A TCP port, or a socket. */
static void
complete_gdb(VmJson *json, const char *folder)
{
    const char *address = vm_json_get_string(json, "gdb");

    if (address && g_str_has_prefix(address, UNIX_PREFIX)) {
        g_autofree char *file = g_canonicalize_filename(address + strlen(UNIX_PREFIX), folder);
        g_autofree char *absolute = g_strconcat(UNIX_PREFIX, file, NULL);
        vm_json_set_string(json, "gdb", absolute);
    }
}

void
vm_definition_paths_complete(VmJson *json, const char *folder)
{
    /* As vmm/config has them: every key whose value is a PATH. */
    static const char *const single[] = {"kernel", "initrd", "socket", "gpu.record",
                                         "wayland-sock.path"};
    static const struct {
        const char *list;
        const char *key;
    } lists[] = {
        {"block", "path"},
        {"device-tree-overlay", "path"},
        {"serial", "path"},
        {"vhost-user", "socket"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(single); i++) {
        complete(json, single[i], folder);
    }
    for (guint i = 0; i < G_N_ELEMENTS(lists); i++) {
        for (guint j = 0; j < vm_json_length(json, lists[i].list); j++) {
            g_autofree char *member = g_strdup_printf("%s.%u.%s", lists[i].list, j, lists[i].key);
            complete(json, member, folder);
        }
    }
    complete_gdb(json, folder);
}
