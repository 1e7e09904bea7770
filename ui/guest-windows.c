/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/guest-windows.h"

#define TYPES "gpu.context-types"
#define CROSS "cross-domain"

char *
vm_guest_windows_dup_socket(void)
{
    const char *display = g_getenv("WAYLAND_DISPLAY");
    g_autofree char *path = NULL;

    path = g_build_filename(g_get_user_runtime_dir(), display ? display : "wayland-0", NULL);
    if (display && g_path_is_absolute(display)) {
        return g_strdup(display);
    }
    /* A window on X11 may still stand on a desktop that has both. */
    return display || g_file_test(path, G_FILE_TEST_EXISTS) ? g_steal_pointer(&path) : NULL;
}

/* Where the list names it; -1: nowhere. */
static int
find_type(VmJson *definition)
{
    for (guint i = 0; i < vm_json_length(definition, TYPES); i++) {
        g_autofree char *path = g_strdup_printf("%s.%u", TYPES, i);
        if (g_strcmp0(vm_json_get_string(definition, path), CROSS) == 0) {
            return (int)i;
        }
    }
    return -1;
}

gboolean
vm_guest_windows_get(VmJson *definition)
{
    return vm_json_has(definition, "wayland-sock") && find_type(definition) >= 0;
}

void
vm_guest_windows_set(VmJson *definition, gboolean on)
{
    g_autofree char *socket = vm_guest_windows_dup_socket();
    int at = find_type(definition);
    g_autofree char *path =
        g_strdup_printf("%s.%u", TYPES, at >= 0 ? (guint)at : vm_json_length(definition, TYPES));

    vm_json_remove(definition, "wayland-sock");
    if (on && socket) {
        if (!vm_json_has(definition, "gpu")) {
            vm_json_set_string(definition, "gpu.backend", "2d");
        }
        vm_json_set_string(definition, path, CROSS);
        vm_json_set_string(definition, "wayland-sock.path", socket);
    } else if (!on && at >= 0) {
        vm_json_remove(definition, path);
        if (vm_json_length(definition, TYPES) == 0) {
            vm_json_remove(definition, TYPES);
        }
    }
}
