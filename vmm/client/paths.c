/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/client/paths.h"

#include <sys/stat.h>
#include <unistd.h>

char *
vm_paths_machines(void)
{
    return g_build_filename(g_get_user_config_dir(), "vitrine", "machines", NULL);
}

char *
vm_paths_definition(const char *name)
{
    g_autofree char *file = g_strconcat(name, ".json", NULL);
    g_autofree char *folder = vm_paths_machines();

    return g_build_filename(folder, file, NULL);
}

char *
vm_paths_disks(const char *name)
{
    return g_build_filename(g_get_user_data_dir(), "vitrine", name, NULL);
}

char *
vm_paths_state(const char *name)
{
    return g_build_filename(g_get_user_state_dir(), "vitrine", name, NULL);
}

static gboolean
folder_is_ours(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == getuid();
}

char *
vm_paths_runtime(const char *name)
{
    const char *set = g_getenv("XDG_RUNTIME_DIR");
    g_autofree char *run = g_strdup_printf("/run/user/%u", (unsigned)getuid());
    g_autofree char *temporary = g_strdup_printf("/tmp/vitrine-%u", (unsigned)getuid());

    if (set && set[0] == '/') {
        return g_build_filename(set, "vitrine", name, NULL);
    }
    if (folder_is_ours(run)) {
        return g_build_filename(run, "vitrine", name, NULL);
    }
    if (!g_file_test(temporary, G_FILE_TEST_EXISTS) || folder_is_ours(temporary)) {
        return g_build_filename(temporary, name, NULL);
    }
    return NULL;
}

static char *
own_folder(void)
{
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);

    return self ? g_path_get_dirname(self) : g_strdup(BIN_DIR);
}

/*
 * Beside our executable, or from a helper's folder; else as a user of the library finds it. A program
 * of an installed tree takes no other tree's: where the helpers lie beside it, so must `vmm`.
 */
char *
vm_paths_vmm(void)
{
    g_autofree char *folder = own_folder();
    g_autofree char *beside = g_build_filename(folder, "vmm", NULL);
    g_autofree char *helpers = g_build_filename(folder, "..", "libexec", "vitrine", NULL);
    g_autofree char *above = g_build_filename(folder, "..", "..", "bin", "vmm", NULL);
    g_autofree char *installed = g_build_filename(BIN_DIR, "vmm", NULL);
    g_autofree char *found = NULL;

    if (g_file_test(beside, G_FILE_TEST_IS_EXECUTABLE) ||
        g_file_test(helpers, G_FILE_TEST_IS_DIR)) {
        return g_steal_pointer(&beside);
    }
    if (g_file_test(above, G_FILE_TEST_IS_EXECUTABLE)) {
        return g_canonicalize_filename(above, NULL);
    }
    found = g_find_program_in_path("vmm");
    return found ? g_steal_pointer(&found) : g_steal_pointer(&installed);
}

char *
vm_paths_helper(const char *name)
{
    g_autofree char *folder = own_folder();
    g_autofree char *beside = g_build_filename(folder, "..", "libexec", "vitrine", name, NULL);

    if (g_file_test(beside, G_FILE_TEST_IS_EXECUTABLE)) {
        return g_canonicalize_filename(beside, NULL);
    }
    return g_build_filename(HELPER_DIR, name, NULL);
}

char *
vm_paths_data(void)
{
    g_autofree char *folder = own_folder();
    g_autofree char *share = g_build_filename(folder, "..", "share", NULL);

    return g_canonicalize_filename(share, NULL);
}
