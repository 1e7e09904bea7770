/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/client/own-folder.h"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#include "vmm/client/definition.h"

#define MARK "vitrine folder of "

enum {
    MARK_SIZE_MAX = 128, /* a machine's name has at most 64 letters */
};

static char *
mark_path(const char *folder)
{
    return g_build_filename(folder, ".vitrine-machine", NULL);
}

static char *
mark_text(const char *folder)
{
    g_autofree char *name = g_path_get_basename(folder);

    return g_strconcat(MARK, name, "\n", NULL);
}

void
vm_own_folder_mark(const char *folder)
{
    g_autofree char *path = mark_path(folder);
    g_autofree char *text = mark_text(folder);
    g_autoptr(GError) error = NULL;

    if (g_file_test(folder, G_FILE_TEST_IS_DIR) &&
        !g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, &error)) {
        g_debug("%s", error->message);
    }
}

gboolean
vm_own_folder_is_marked(const char *folder)
{
    g_autofree char *path = mark_path(folder);
    g_autofree char *text = mark_text(folder);
    g_autofree char *found = NULL;
    GStatBuf status;

    return g_lstat(path, &status) == 0 && S_ISREG(status.st_mode) &&
           status.st_size < MARK_SIZE_MAX && g_file_get_contents(path, &found, NULL, NULL) &&
           g_str_equal(found, text);
}

char *
vm_own_folder_foreign(VmJson *json, const char *name)
{
    const char *chosen = json ? vm_json_get_string(json, "manager.folder") : NULL;
    g_autofree char *own = vm_definition_folder(json, name);

    return chosen && !g_str_equal(chosen, own) && g_file_test(chosen, G_FILE_TEST_IS_DIR)
               ? g_strdup(chosen)
               : NULL;
}
