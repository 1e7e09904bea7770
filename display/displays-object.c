/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "display/objects.h"
#include "vm-dbus-vmm1.h"

#define MACHINE_PATH "/org/vitrine/Vmm1"

enum {
    MILLIMETRES_MAX = 10000,
};

static void
update_displays(GDBusInterfaceSkeleton *interface, VmClient *client, gpointer data)
{
    VmGpuLink *gpu = vm_model_get_gpu(vm_client_get_model(client));
    VmDbusDisplays *displays = VM_DBUS_DISPLAYS(interface);
    GVariantBuilder list;

    g_variant_builder_init(&list, G_VARIANT_TYPE("a(uuuuu)"));
    for (guint i = 0; i < vm_gpu_link_get_maximum(gpu); i++) {
        VmScreen *screen = vm_gpu_link_get_screen(gpu, i);

        if (screen) {
            const struct gpu_mode *mode = vm_screen_get_mode(screen);

            g_variant_builder_add(&list, "(uuuuu)", i, mode->width, mode->height, mode->width_mm,
                                  mode->height_mm);
        }
    }
    vm_dbus_displays_set_maximum(displays, vm_gpu_link_get_maximum(gpu));
    vm_dbus_displays_set_displays(displays, g_variant_builder_end(&list));
}

static void
refuse(GDBusMethodInvocation *invocation)
{
    g_dbus_method_invocation_return_dbus_error(invocation, VM_ERROR_UNAVAILABLE,
                                               "The graphics card does not answer.");
}

static void
answer_added(const struct gpu_mode *display, gpointer user_data)
{
    GDBusMethodInvocation *invocation = user_data;

    if (display && display->enabled) {
        g_dbus_method_invocation_return_value(invocation, g_variant_new("(u)", display->scanout));
    } else {
        refuse(invocation);
    }
}

static void
answer_done(const struct gpu_mode *display, gpointer user_data)
{
    GDBusMethodInvocation *invocation = user_data;

    if (display) {
        g_dbus_method_invocation_return_value(invocation, NULL);
    } else {
        refuse(invocation);
    }
}

/* FALSE when the invocation has been answered. */
static gboolean
check_mode(GDBusMethodInvocation *invocation, const struct gpu_mode *mode)
{
    if (mode->width == 0 || mode->width > GPU_EDGE_MAX || mode->height == 0 ||
        mode->height > GPU_EDGE_MAX || mode->width_mm > MILLIMETRES_MAX ||
        mode->height_mm > MILLIMETRES_MAX) {
        g_dbus_method_invocation_return_dbus_error(
            invocation, VM_ERROR_INVALID,
            "A display has 1 to 16384 pixels and at most 10000 millimetres both ways.");
        return FALSE;
    }
    return TRUE;
}

static void
plug(VmGpuLink *gpu, const struct gpu_mode *mode, VmGpuPlugged callback,
     GDBusMethodInvocation *invocation)
{
    if (!vm_gpu_link_plug(gpu, mode, callback, invocation)) {
        refuse(invocation);
    }
}

/* The generated signal's form. */
static gboolean
handle_add(VmDbusDisplays *displays, GDBusMethodInvocation *invocation, guint width, guint height,
           guint width_mm, guint height_mm, VmClient *client)
{
    VmGpuLink *gpu = vm_model_get_gpu(vm_client_get_model(client));
    guint maximum = vm_gpu_link_get_maximum(gpu);
    struct gpu_mode mode = {.enabled = 1,
                            .width = width,
                            .height = height,
                            .width_mm = width_mm,
                            .height_mm = height_mm};

    if (!check_mode(invocation, &mode)) {
        return TRUE;
    }
    while (mode.scanout < maximum && !vm_gpu_link_is_free(gpu, mode.scanout)) {
        mode.scanout++;
    }
    if (mode.scanout < maximum) {
        plug(gpu, &mode, answer_added, invocation);
    } else if (maximum > 0) {
        g_dbus_method_invocation_return_dbus_error(
            invocation, "org.vitrine.Vmm1.Error.TooManyDisplays",
            "All displays that max-num-displays allows are there.");
    } else {
        g_dbus_method_invocation_return_dbus_error(invocation, "org.vitrine.Vmm1.Error.NoDisplay",
                                                   "The machine has no graphics card.");
    }
    return TRUE;
}

/* FALSE when the invocation has been answered. */
static gboolean
check_number(GDBusMethodInvocation *invocation, VmGpuLink *gpu, guint number)
{
    if (!vm_gpu_link_get_screen(gpu, number)) {
        g_dbus_method_invocation_return_dbus_error(invocation, "org.vitrine.Vmm1.Error.NoDisplay",
                                                   "The machine has no display of this number.");
        return FALSE;
    }
    return TRUE;
}

static gboolean
handle_remove(VmDbusDisplays *displays, GDBusMethodInvocation *invocation, guint number,
              VmClient *client)
{
    VmGpuLink *gpu = vm_model_get_gpu(vm_client_get_model(client));
    const struct gpu_mode none = {.scanout = number};

    if (check_number(invocation, gpu, number)) {
        plug(gpu, &none, answer_done, invocation);
    }
    return TRUE;
}

/* The generated signal's form. */
static gboolean
handle_set_mode(VmDbusDisplays *displays, GDBusMethodInvocation *invocation, guint number,
                guint width, guint height, guint width_mm, guint height_mm, VmClient *client)
{
    VmGpuLink *gpu = vm_model_get_gpu(vm_client_get_model(client));
    const struct gpu_mode mode = {.scanout = number,
                                  .enabled = 1,
                                  .width = width,
                                  .height = height,
                                  .width_mm = width_mm,
                                  .height_mm = height_mm};

    if (check_number(invocation, gpu, number) && check_mode(invocation, &mode)) {
        plug(gpu, &mode, answer_done, invocation);
    }
    return TRUE;
}

void
vm_displays_object_export(VmClient *client)
{
    g_autoptr(VmDbusDisplays) displays = vm_dbus_displays_skeleton_new();

    g_signal_connect_object(displays, "handle-add", G_CALLBACK(handle_add), client, 0);
    g_signal_connect_object(displays, "handle-remove", G_CALLBACK(handle_remove), client, 0);
    g_signal_connect_object(displays, "handle-set-mode", G_CALLBACK(handle_set_mode), client, 0);
    vm_client_export(client, MACHINE_PATH, G_DBUS_INTERFACE_SKELETON(displays), update_displays,
                     NULL);
}
