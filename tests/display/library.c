/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/display/library.h"

#include <string.h>

static void
count_scanout(struct library_told *told)
{
    told->scanouts++;
}

static void
count_damage(struct library_told *told, gint x, gint y, gint width, gint height)
{
    const gint damage[4] = {x, y, width, height};

    told->damages++;
    memcpy(told->damage, damage, sizeof(damage));
}

static void
count_cursor(struct library_told *told)
{
    told->cursors++;
}

void
library_listen(VmConsole *console, struct library_told *told)
{
    g_signal_connect_swapped(console, "scanout-changed", G_CALLBACK(count_scanout), told);
    g_signal_connect_swapped(console, "damage", G_CALLBACK(count_damage), told);
    g_signal_connect_swapped(console, "cursor-changed", G_CALLBACK(count_cursor), told);
}

VmConnection *
library_open(Rig *rig)
{
    VmConnection *connection = vm_connection_new(rig->path);

    vm_connection_open(connection);
    rig_wait(vm_connection_get_state(connection) == VM_CONNECTION_READY);
    return connection;
}

VmConsole *
library_console(VmConnection *connection)
{
    GListModel *consoles = vm_connection_get_consoles(connection);
    VmConsole *console;

    rig_wait(g_list_model_get_n_items(consoles) == 1);
    console = g_list_model_get_item(consoles, 0);
    rig_wait(vm_console_get_connected(console));
    return console;
}

void
library_keep_result(GObject *source, GAsyncResult *result, gpointer data)
{
    *(GAsyncResult **)data = g_object_ref(result);
}
