/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "display/objects.h"
#include "vm-dbus-display1.h"

static void
update_console(GDBusInterfaceSkeleton *interface, VmClient *client, gpointer data)
{
    const VmScanout *scanout = vm_screen_get_scanout(VM_SCREEN(data));
    gboolean shown = scanout->buffer != NULL;
    VmSupervisorLink *supervisor = vm_model_get_supervisor(vm_client_get_model(client));
    guint slot = vm_supervisor_link_get_state(supervisor)->gpu_slot;
    /* As QEMU names a device on the first bus of segment 0. */
    g_autofree char *address = slot ? g_strdup_printf("pci/0000/%02x.0", slot) : g_strdup("");

    vm_dbus_console_set_device_address(VM_DBUS_CONSOLE(interface), address);
    vm_dbus_console_set_width(VM_DBUS_CONSOLE(interface), shown ? scanout->width : 0);
    vm_dbus_console_set_height(VM_DBUS_CONSOLE(interface), shown ? scanout->height : 0);
}

static VmScreen *
screen_of(gpointer interface)
{
    return VM_SCREEN(g_object_get_data(G_OBJECT(interface), "screen"));
}

static gboolean
handle_register_listener(VmDbusConsole *console, GDBusMethodInvocation *invocation,
                         GUnixFDList *fds, GVariant *handle, VmClient *client)
{
    g_autoptr(GError) error = NULL;
    int fd = vm_client_take_handle(fds, handle, &error);

    if (fd < 0 || !vm_client_add_listener(client, screen_of(console), fd, &error)) {
        g_dbus_method_invocation_return_gerror(invocation, error);
        return TRUE;
    }
    vm_dbus_console_complete_register_listener(console, invocation, NULL);
    return TRUE;
}

/* The generated signal's form. */
static gboolean
handle_set_ui_info(VmDbusConsole *console, GDBusMethodInvocation *invocation, guint16 width_mm,
                   guint16 height_mm, gint xoff, gint yoff, guint width, guint height,
                   VmClient *client)
{
    const struct gpu_mode mode = {
        .scanout = vm_screen_get_number(screen_of(console)),
        .enabled = 1,
        .width = width,
        .height = height,
        .width_mm = width_mm,
        .height_mm = height_mm,
    };

    if (width > GPU_EDGE_MAX || height > GPU_EDGE_MAX) {
        g_dbus_method_invocation_return_dbus_error(invocation, VM_ERROR_INVALID,
                                                   "The size is too large.");
        return TRUE;
    }
    if (width > 0 && height > 0) {
        vm_gpu_link_set_mode(vm_model_get_gpu(vm_client_get_model(client)), &mode);
    }
    vm_dbus_console_complete_set_uiinfo(console, invocation);
    return TRUE;
}

void
vm_console_object_export(VmClient *client, VmScreen *screen)
{
    static const char *const interfaces[] = {
        "org.qemu.Display1.Keyboard", "org.qemu.Display1.Mouse", "org.vitrine.Vmm1.Picture", NULL};
    g_autoptr(VmDbusConsole) console = vm_dbus_console_skeleton_new();
    guint number = vm_screen_get_number(screen);
    g_autofree char *path = g_strdup_printf("/org/qemu/Display1/Console_%u", number);
    g_autofree char *label = g_strdup_printf("Screen %u", number + 1);

    vm_dbus_console_set_label(console, label);
    vm_dbus_console_set_head(console, number);
    vm_dbus_console_set_type_(console, "Graphic");
    vm_dbus_console_set_interfaces(console, interfaces);
    g_object_set_data(G_OBJECT(console), "screen", screen);
    g_signal_connect_object(console, "handle-register-listener",
                            G_CALLBACK(handle_register_listener), client, 0);
    g_signal_connect_object(console, "handle-set-uiinfo", G_CALLBACK(handle_set_ui_info), client,
                            0);
    vm_client_export(client, path, G_DBUS_INTERFACE_SKELETON(console), update_console, screen);
    vm_keyboard_object_export(client, screen, path);
    vm_mouse_object_export(client, screen, path);
    vm_picture_object_export(client, screen, path);
}
