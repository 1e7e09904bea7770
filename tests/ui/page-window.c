/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/ui/page-window.h"

VmDisplayPage *
page_window_open(Rig *rig, int width, int height, VmConnection **ret_connection)
{
    VmConnection *connection = vm_connection_new(rig->path);
    GtkWidget *window = gtk_window_new(GTK_WINDOW_TOPLEVEL);
    VmDisplayPage *page = VM_DISPLAY_PAGE(vm_display_page_new());

    vm_connection_open(connection);
    rig_wait(vm_connection_get_state(connection) == VM_CONNECTION_READY);
    g_object_set(page, "resize-guest", FALSE, "scaling", VM_SCALING_NEVER, NULL);
    vm_display_page_set_title(page, "Test");
    gtk_container_add(GTK_CONTAINER(window), GTK_WIDGET(page));
    gtk_window_set_default_size(GTK_WINDOW(window), width, height);
    gtk_widget_show(GTK_WIDGET(page));
    gtk_widget_show(window);
    vm_display_page_set_connection(page, connection);
    vm_display_page_set_phase(page, VM_DISPLAY_RUNNING);
    rig_wait(vm_display_page_get_screenshot(page) != NULL);
    *ret_connection = connection;
    return page;
}
