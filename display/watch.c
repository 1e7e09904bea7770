/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "display/watch.h"

guint
vm_watch_add(gint fd, GIOCondition condition, GUnixFDSourceFunc function, gpointer user_data)
{
    g_autoptr(GSource) source = g_unix_fd_source_new(fd, condition);

    g_source_set_callback(source, (GSourceFunc)(void (*)(void))function, user_data, NULL);
    g_source_set_can_recurse(source, TRUE);
    return g_source_attach(source, NULL);
}
