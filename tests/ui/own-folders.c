/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/ui/own-folders.h"

#include <glib/gstdio.h>

char *
own_folders_make(const char *template)
{
    static const char *const names[] = {"HOME",           "XDG_CONFIG_HOME", "XDG_DATA_HOME",
                                        "XDG_STATE_HOME", "XDG_CACHE_HOME",  "XDG_RUNTIME_DIR"};
    char *base = g_dir_make_tmp(template, NULL);

    g_assert_nonnull(base);
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *folder = g_build_filename(base, names[i], NULL);
        g_assert_cmpint(g_mkdir(folder, 0700), ==, 0);
        g_setenv(names[i], folder, TRUE);
    }
    return base;
}

void
own_folders_remove(const char *base)
{
    const char *rm[] = {"rm", "-rf", base, NULL};

    (void)g_spawn_sync(NULL, (char **)rm, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL,
                       NULL);
}
