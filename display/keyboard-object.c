/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "display/objects.h"
#include "vm-dbus-display1.h"
#include "vmm/keymap/keymap.h"

static void
update_keyboard(GDBusInterfaceSkeleton *interface, VmClient *client, gpointer data)
{
    VmInputLink *input = vm_model_get_input(vm_client_get_model(client));

    vm_dbus_keyboard_set_modifiers(VM_DBUS_KEYBOARD(interface), vm_input_link_get_modifiers(input));
}

static void
set_key(GDBusMethodInvocation *invocation, guint qnum, gboolean down, VmClient *client)
{
    guint32 code = keymap_evdev_from_qnum(qnum);

    if (code == 0) {
        g_dbus_method_invocation_return_dbus_error(invocation, VM_ERROR_INVALID,
                                                   "There is no such key.");
    } else if (!vm_input_holder_set_key(vm_client_get_holder(client), code, down)) {
        g_dbus_method_invocation_return_dbus_error(invocation, VM_ERROR_UNSUPPORTED,
                                                   "The machine has no keyboard.");
    } else {
        g_dbus_method_invocation_return_value(invocation, NULL);
    }
}

static gboolean
handle_press(VmDbusKeyboard *keyboard, GDBusMethodInvocation *invocation, guint qnum,
             VmClient *client)
{
    set_key(invocation, qnum, TRUE, client);
    return TRUE;
}

static gboolean
handle_release(VmDbusKeyboard *keyboard, GDBusMethodInvocation *invocation, guint qnum,
               VmClient *client)
{
    set_key(invocation, qnum, FALSE, client);
    return TRUE;
}

void
vm_keyboard_object_export(VmClient *client, VmScreen *screen, const char *path)
{
    g_autoptr(VmDbusKeyboard) keyboard = vm_dbus_keyboard_skeleton_new();

    g_signal_connect_object(keyboard, "handle-press", G_CALLBACK(handle_press), client, 0);
    g_signal_connect_object(keyboard, "handle-release", G_CALLBACK(handle_release), client, 0);
    vm_client_export(client, path, G_DBUS_INTERFACE_SKELETON(keyboard), update_keyboard, NULL);
}
