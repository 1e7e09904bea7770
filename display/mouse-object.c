/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/input-event-codes.h>

#include "display/layout.h"
#include "display/objects.h"
#include "vm-dbus-display1.h"

enum {
    BUTTON_WHEEL_UP = 3,
    BUTTON_WHEEL_DOWN = 4,
};

static const guint16 buttons[] = {
    [0] = BTN_LEFT,          [1] = BTN_MIDDLE, [2] = BTN_RIGHT, [BUTTON_WHEEL_UP] = 0,
    [BUTTON_WHEEL_DOWN] = 0, [5] = BTN_SIDE,   [6] = BTN_EXTRA,
};

static void
update_mouse(GDBusInterfaceSkeleton *interface, VmClient *client, gpointer data)
{
    vm_dbus_mouse_set_is_absolute(VM_DBUS_MOUSE(interface), TRUE);
}

static void
answer(GDBusMethodInvocation *invocation, gboolean done)
{
    if (done) {
        g_dbus_method_invocation_return_value(invocation, NULL);
    } else {
        g_dbus_method_invocation_return_dbus_error(invocation, VM_ERROR_UNSUPPORTED,
                                                   "The machine has no pointer.");
    }
}

static gboolean
set_button(GDBusMethodInvocation *invocation, guint button, gboolean down, VmClient *client)
{
    VmInputLink *input = vm_model_get_input(vm_client_get_model(client));

    if (button >= G_N_ELEMENTS(buttons)) {
        g_dbus_method_invocation_return_dbus_error(invocation, VM_ERROR_INVALID,
                                                   "There is no such button.");
    } else if (buttons[button] != 0) {
        answer(invocation,
               vm_input_holder_set_key(vm_client_get_holder(client), buttons[button], down));
    } else if (down) {
        answer(invocation, vm_input_link_turn_wheel(input, button == BUTTON_WHEEL_UP ? 1 : -1));
    } else {
        answer(invocation, vm_input_link_has_pointer(input));
    }
    return TRUE;
}

static gboolean
handle_press(VmDbusMouse *mouse, GDBusMethodInvocation *invocation, guint button, VmClient *client)
{
    return set_button(invocation, button, TRUE, client);
}

static gboolean
handle_release(VmDbusMouse *mouse, GDBusMethodInvocation *invocation, guint button,
               VmClient *client)
{
    return set_button(invocation, button, FALSE, client);
}

static gboolean
handle_set_abs_position(VmDbusMouse *mouse, GDBusMethodInvocation *invocation, guint x, guint y,
                        VmClient *client)
{
    VmScreen *screen = VM_SCREEN(g_object_get_data(G_OBJECT(mouse), "screen"));
    const VmScanout *scanout = vm_screen_get_scanout(screen);
    VmModel *model = vm_client_get_model(client);
    guint across;
    guint down;

    if (!scanout->buffer || x >= scanout->width || y >= scanout->height) {
        g_dbus_method_invocation_return_dbus_error(invocation, VM_ERROR_INVALID,
                                                   "The position is outside of the picture.");
        return TRUE;
    }
    vm_layout_place(vm_model_get_gpu(model), screen, x, y, &across, &down);
    answer(invocation, vm_input_link_move(vm_model_get_input(model), across, down));
    return TRUE;
}

static gboolean
handle_rel_motion(VmDbusMouse *mouse, GDBusMethodInvocation *invocation, gint dx, gint dy,
                  VmClient *client)
{
    g_dbus_method_invocation_return_dbus_error(invocation, VM_ERROR_INVALID,
                                               "The pointer is absolute.");
    return TRUE;
}

void
vm_mouse_object_export(VmClient *client, VmScreen *screen, const char *path)
{
    g_autoptr(VmDbusMouse) mouse = vm_dbus_mouse_skeleton_new();

    g_object_set_data(G_OBJECT(mouse), "screen", screen);
    g_signal_connect_object(mouse, "handle-press", G_CALLBACK(handle_press), client, 0);
    g_signal_connect_object(mouse, "handle-release", G_CALLBACK(handle_release), client, 0);
    g_signal_connect_object(mouse, "handle-set-abs-position", G_CALLBACK(handle_set_abs_position),
                            client, 0);
    g_signal_connect_object(mouse, "handle-rel-motion", G_CALLBACK(handle_rel_motion), client, 0);
    vm_client_export(client, path, G_DBUS_INTERFACE_SKELETON(mouse), update_mouse, NULL);
}
