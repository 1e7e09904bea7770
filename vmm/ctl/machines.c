/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/ctl/machines.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

static char *
runtime_base(void)
{
    const char *runtime = g_getenv("XDG_RUNTIME_DIR");
    g_autofree char *user = g_strdup_printf("/run/user/%u", geteuid());
    struct stat st;

    if (runtime && runtime[0] == '/') {
        return g_build_filename(runtime, "vitrine", NULL);
    }
    if (lstat(user, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid()) {
        return g_build_filename(user, "vitrine", NULL);
    }
    return g_strdup_printf("/tmp/vitrine-%u", geteuid());
}

char *
machines_socket(const char *name_or_path)
{
    g_autofree char *base = runtime_base();

    return strchr(name_or_path, '/') ? g_strdup(name_or_path)
                                     : g_build_filename(base, name_or_path, "control", NULL);
}

/* A machine holds the lock of its folder; the next `vmm run` removes folders where nobody does. */
static gboolean
runs(const char *folder)
{
    g_autofree char *path = g_build_filename(folder, "lock", NULL);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    gboolean held = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0;

    if (fd >= 0) {
        close(fd);
    }
    return held;
}

gboolean
machines_list(void)
{
    g_autofree char *base = runtime_base();
    g_autoptr(GDir) folders = g_dir_open(base, 0, NULL);
    gboolean found = FALSE;
    const char *name;

    while (folders && (name = g_dir_read_name(folders))) {
        g_autofree char *folder = g_build_filename(base, name, NULL);
        g_autofree char *pid_path = g_build_filename(folder, "pid", NULL);
        g_autofree char *pid = NULL;

        if (runs(folder) && g_file_get_contents(pid_path, &pid, NULL, NULL)) {
            g_print("%s\t%s\t%s/control\n", name, g_strstrip(pid), folder);
            found = TRUE;
        }
    }
    return found;
}
