/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/client/vm-objects.h"

#include <stdlib.h>
#include <string.h>

#include "vmm/client/private.h"

#define CONSOLE_PREFIX "/org/qemu/Display1/Console_"
#define CHARDEV_PREFIX "/org/qemu/Display1/Chardev_"

enum {
    CONSOLES_MAX = 16,
    CHARDEVS_MAX = 16,
};

void
vm_objects_init(VmObjects *self)
{
    self->consoles = g_list_store_new(VM_TYPE_CONSOLE);
    self->chardevs = g_list_store_new(VM_TYPE_CHARDEV);
}

void
vm_objects_clear(VmObjects *self)
{
    g_clear_object(&self->consoles);
    g_clear_object(&self->chardevs);
}

static gint
compare_consoles(gconstpointer a, gconstpointer b, gpointer user_data)
{
    guint left = vm_console_get_number((VmConsole *)a);
    guint right = vm_console_get_number((VmConsole *)b);

    return left < right ? -1 : left > right;
}

static VmConsole *
find_console(VmObjects *self, const char *path)
{
    for (guint i = 0; i < g_list_model_get_n_items(G_LIST_MODEL(self->consoles)); i++) {
        g_autoptr(VmConsole) known = g_list_model_get_item(G_LIST_MODEL(self->consoles), i);

        if (g_str_equal(vm_console_get_path(known), path)) {
            return known; /* the store keeps it */
        }
    }
    return NULL;
}

static VmChardev *
find_chardev(VmObjects *self, const char *path)
{
    for (guint i = 0; i < g_list_model_get_n_items(G_LIST_MODEL(self->chardevs)); i++) {
        g_autoptr(VmChardev) known = g_list_model_get_item(G_LIST_MODEL(self->chardevs), i);

        if (g_str_equal(vm_chardev_get_path(known), path)) {
            return known; /* the store keeps it */
        }
    }
    return NULL;
}

void
vm_objects_make(VmObjects *self, const char *path)
{
    if (g_str_has_prefix(path, CONSOLE_PREFIX) && !find_console(self, path) &&
        g_list_model_get_n_items(G_LIST_MODEL(self->consoles)) < CONSOLES_MAX) {
        g_autoptr(VmConsole) console =
            vm_console_new(path, (guint)strtoul(path + strlen(CONSOLE_PREFIX), NULL, 10));

        g_list_store_insert_sorted(self->consoles, console, compare_consoles, NULL);
    } else if (g_str_has_prefix(path, CHARDEV_PREFIX) && !find_chardev(self, path) &&
               g_list_model_get_n_items(G_LIST_MODEL(self->chardevs)) < CHARDEVS_MAX) {
        g_autoptr(VmChardev) chardev = vm_chardev_new(path);

        g_list_store_append(self->chardevs, chardev);
    }
}

void
vm_objects_update(VmObjects *self, const char *path, GVariant *values)
{
    VmConsole *console = find_console(self, path);
    VmChardev *chardev = find_chardev(self, path);

    if (console) {
        vm_console_update(console, values);
    } else if (chardev) {
        vm_chardev_update(chardev, values);
    }
}

void
vm_objects_link(VmObjects *self, const char *path, GDBusConnection *link)
{
    VmConsole *console = find_console(self, path);
    VmChardev *chardev = find_chardev(self, path);

    if (console) {
        vm_console_set_link(console, link);
    } else if (chardev) {
        vm_chardev_set_link(chardev, link);
    }
}

void
vm_objects_unlink(VmObjects *self)
{
    for (guint i = 0; i < g_list_model_get_n_items(G_LIST_MODEL(self->consoles)); i++) {
        g_autoptr(VmConsole) console = g_list_model_get_item(G_LIST_MODEL(self->consoles), i);

        vm_console_set_link(console, NULL);
    }
    for (guint i = 0; i < g_list_model_get_n_items(G_LIST_MODEL(self->chardevs)); i++) {
        g_autoptr(VmChardev) chardev = g_list_model_get_item(G_LIST_MODEL(self->chardevs), i);

        vm_chardev_set_link(chardev, NULL);
    }
}

static void
forget_console(VmObjects *self, guint position)
{
    g_autoptr(VmConsole) console = g_list_model_get_item(G_LIST_MODEL(self->consoles), position);

    vm_console_set_link(console, NULL);
    g_list_store_remove(self->consoles, position);
}

void
vm_objects_forget_console(VmObjects *self, const char *path)
{
    VmConsole *console = find_console(self, path);
    guint position;

    if (console && g_list_store_find(self->consoles, console, &position)) {
        forget_console(self, position);
    }
}

void
vm_objects_forget_lost(VmObjects *self)
{
    gboolean known = FALSE;

    for (guint i = 0; i < g_list_model_get_n_items(G_LIST_MODEL(self->consoles)); i++) {
        g_autoptr(VmConsole) console = g_list_model_get_item(G_LIST_MODEL(self->consoles), i);

        known = known || vm_console_get_connected(console);
    }
    for (guint i = g_list_model_get_n_items(G_LIST_MODEL(self->consoles)); known && i > 0; i--) {
        g_autoptr(VmConsole) console = g_list_model_get_item(G_LIST_MODEL(self->consoles), i - 1);

        if (!vm_console_get_connected(console)) {
            forget_console(self, i - 1);
        }
    }
}
