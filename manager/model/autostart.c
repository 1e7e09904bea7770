/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/model/autostart.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>

#include "vmm/client/paths.h"

static char *
entry_path(const char *name)
{
    g_autofree char *file = g_strdup_printf("org.vitrine.Vitrine.%s.desktop", name);

    return g_build_filename(g_get_user_config_dir(), "autostart", file, NULL);
}

gboolean
vm_autostart_get(const char *name)
{
    g_autofree char *path = entry_path(name);

    return g_file_test(path, G_FILE_TEST_EXISTS);
}

/* The value of Exec: quoted once as arguments, "%" doubled, backslashes as the format asks. */
static char *
command_line(const char *name)
{
    g_autofree char *program = vm_paths_vmm();
    g_autofree char *definition = vm_paths_definition(name);
    g_autoptr(GString) line = g_string_new(NULL);

    g_string_printf(line, "\"%s\" run --restart --name %s --cfg \"%s\"", program, name, definition);
    g_string_replace(line, "%", "%%", 0);
    return g_strdup(line->str);
}

gboolean
vm_autostart_set(const char *name, const char *title, gboolean on, GError **error)
{
    g_autofree char *path = entry_path(name);
    g_autofree char *folder = g_path_get_dirname(path);
    g_autofree char *command = NULL;
    g_autoptr(GKeyFile) file = NULL;

    if (!on) {
        if (g_unlink(path) != 0 && errno != ENOENT) {
            int saved = errno;
            g_set_error(error, G_IO_ERROR, g_io_error_from_errno(saved), "“%s”: %s", path,
                        g_strerror(saved));
            return FALSE;
        }
        return TRUE;
    }
    (void)g_mkdir_with_parents(folder, 0700);
    file = g_key_file_new();
    command = command_line(name);
    g_key_file_set_string(file, G_KEY_FILE_DESKTOP_GROUP, "Type", "Application");
    g_key_file_set_string(file, G_KEY_FILE_DESKTOP_GROUP, "Name", title);
    g_key_file_set_string(file, G_KEY_FILE_DESKTOP_GROUP, "Exec", command);
    g_key_file_set_boolean(file, G_KEY_FILE_DESKTOP_GROUP, "NoDisplay", TRUE);
    return g_key_file_save_to_file(file, path, error);
}
